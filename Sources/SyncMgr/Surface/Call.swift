import CSyncMgr
import CSyncMgrShim

/// What every exported function does around the engine's: resolve the handle, enter, call, leave,
/// and turn a failure into its status.

@inline(__always)
func number(_ handle: OpaquePointer?) -> UInt64 { UInt64(UInt(bitPattern: handle)) }

@inline(__always)
func pointer(_ handle: UInt64) -> OpaquePointer? { OpaquePointer(bitPattern: UInt(handle)) }

/// A call on a handle.
@inline(__always)
func call(
  _ handle: OpaquePointer?, _ type: HandleType, _ body: (Slot) throws(Failure) -> Int32
) -> Int32 {
  do throws(Failure) {
    let slot = try Handles.enter(number(handle), type)
    defer { sm_leave() }
    return try body(slot)
  } catch {
    return error.status
  }
}

/// A call as far as one or two atomics do all of it: without a frame, a failure, or the attachment.
/// False when it is to be made the slow way.
@inline(__always)
func atOnce(
  _ handle: OpaquePointer?, _ type: HandleType, _ body: (Slot, Thread) -> Bool
) -> Bool {
  guard let thread = sm_thread_ready(),
    let slot = sm_enter_at_once(thread, number(handle), type.rawValue)
  else { return false }
  let isDone = body(slot, thread)
  sm_leave_at_once(thread)
  return isDone
}

/// A call on an object's handle that goes beyond one or two atomics.
@inline(__always)
func objectCall(
  _ handle: OpaquePointer?, _ type: HandleType, _ body: (Caller) throws(Failure) -> Int32
) -> Int32 {
  call(handle, type) { (slot) throws(Failure) in try body(Caller(slot, number(handle))) }
}

/// An object's handle that is an argument beside the one the call is inside of. Whoever closes it
/// does not wait for this call.
func companion(_ handle: OpaquePointer?, _ type: HandleType) throws(Failure) -> Caller {
  let value = number(handle)
  let slot = sm_slots() + Int(sm_handle_index(value))
  guard value.isHandle(type), slot.tag.load() == value, slot.pointee.object != nil,
    slot.pointee.holding != nil
  else { throw Handles.why(value, type) }
  let caller = Caller(slot, value)
  // What was read is of this handle: it was open before and is so still.
  if slot.tag.load() != value { throw Handles.why(value, type) }
  return caller
}

/// A call without a handle, or one that closes it.
@inline(__always)
func plainCall(_ body: () throws(Failure) -> Int32) -> Int32 {
  sm_thread_begin()
  do throws(Failure) { return try body() } catch { return error.status }
}

/// A close: NULL is nothing to do.
func closeCall(_ handle: OpaquePointer?, _ body: (UInt64) throws(Failure) -> Void) -> Int32 {
  if handle == nil { return SYNCMGR_OK }
  return plainCall { () throws(Failure) in
    try body(number(handle))
    return SYNCMGR_OK
  }
}

/// Checks that an out-pointer is there.
@inline(__always)
func required<T>(_ pointer: UnsafeMutablePointer<T>?) throws(Failure) -> UnsafeMutablePointer<T> {
  if let pointer { return pointer }
  throw Failure(SYNCMGR_E_INVALID, "an output pointer is NULL")
}

/// Reads an options structure as far as the caller's version of it goes. The fields it does not
/// have keep their defaults.
func readOptions<Options>(
  _ options: UnsafePointer<Options>?, _ defaults: Options
) throws(Failure) -> Options {
  guard let options else { return defaults }
  let size = UnsafeRawPointer(options).loadUnaligned(as: UInt32.self)
  let known = MemoryLayout<Options>.size
  guard size >= 4, size <= 4096 else {
    throw Failure(SYNCMGR_E_INVALID, naming: "the options' size \(size) is not that of a structure")
  }
  if Int(size) > known {
    // A newer caller: what we do not know must be zero.
    for offset in known..<Int(size)
    where UnsafeRawPointer(options).load(fromByteOffset: offset, as: UInt8.self) != 0 {
      throw Failure(SYNCMGR_E_INVALID, "the options have fields that this version does not know")
    }
  }
  var result = defaults
  withUnsafeMutableBytes(of: &result) { target in
    target.copyMemory(
      from: UnsafeRawBufferPointer(start: options, count: min(Int(size), known)))
  }
  return result
}

func checkFlags(_ flags: UInt32, _ allowed: UInt32) throws(Failure) {
  if flags & ~allowed != 0 {
    throw Failure(SYNCMGR_E_INVALID, naming: "unknown flags \(flags & ~allowed)")
  }
}

/// Hands a started wait to the caller.
func give(
  _ started: Started, _ target: UnsafeMutablePointer<OpaquePointer?>,
  _ record: UnsafeMutablePointer<syncmgr_record_t>? = nil
) throws(Failure) -> Int32 {
  let outcome = started.outcome
  if outcome.status == SYNCMGR_PENDING {
    target.pointee = pointer(started.ticket)
    return SYNCMGR_PENDING
  }
  if let record, outcome.status >= 0 {
    record.pointee = syncmgr_record_t()
    record.pointee.status = outcome.status
    record.pointee.value = outcome.value
    record.pointee.index = outcome.index
  }
  return outcome.status
}

/// Writes a text that the caller has room for, with a terminating zero; how long it is it gets in
/// any case.
func give(
  _ text: [UInt8], _ noun: StaticString, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ target: UnsafeMutablePointer<Int>
) throws(Failure) -> Int32 {
  if buffer == nil, capacity != 0 { throw Failure(SYNCMGR_E_INVALID, "the buffer is NULL") }
  target.pointee = text.count
  // A capacity beyond what Int can say arrives as a negative number, and suffices.
  guard let buffer, capacity < 0 || capacity > text.count else {
    throw Failure(
      SYNCMGR_E_OVERFLOW,
      naming: "the \(noun) has \(text.count) bytes, the buffer \(capacity)")
  }
  text.withUnsafeBytes {
    UnsafeMutableRawPointer(buffer).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
  }
  buffer[text.count] = 0
  return SYNCMGR_OK
}

/// Opens an object: `parameters` checks what the caller asks for.
func openCall(
  _ workstream: OpaquePointer?, _ name: UnsafePointer<CChar>?,
  _ target: UnsafeMutablePointer<OpaquePointer?>?,
  _ parameters: () throws(Failure) -> Stream.Parameters
) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    let target = try required(target)
    let wanted = try parameters()
    let checked = try Name(name, what: "object")
    target.pointee = pointer(try Stream.of(slot).openObject(checked, wanted))
    return SYNCMGR_OK
  }
}

/// Checks a count that an object is opened with.
func checkCount(
  _ count: UInt32, _ least: UInt32, _ most: UInt32, _ noun: StaticString
) throws(Failure) {
  if count == SYNCMGR_ANY || (count >= least && count <= most) { return }
  throw Failure(
    SYNCMGR_E_INVALID, naming: "\(count) is no number of \(noun): \(least) to \(most) are possible")
}

/// Writes those who hold permits of an object.
func holdersCall(
  _ handle: OpaquePointer?, _ type: HandleType, _ holders: UnsafeMutablePointer<syncmgr_holder_t>?,
  _ capacity: UInt32, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  objectCall(handle, type) { (caller) throws(Failure) in
    let target = try required(out_count)
    if holders == nil, capacity > 0 {
      throw Failure(SYNCMGR_E_INVALID, "the array of holders is NULL")
    }
    let all = Holds.holders(caller)
    for (position, holder) in all.prefix(Int(capacity)).enumerated() { holders![position] = holder }
    target.pointee = UInt32(all.count)
    return SYNCMGR_OK
  }
}

/// Writes the last owner that died or was forced out.
func previousOwnerCall(
  _ handle: OpaquePointer?, _ type: HandleType, _ out: UnsafeMutablePointer<syncmgr_holder_t>?
) -> Int32 {
  objectCall(handle, type) { (caller) throws(Failure) in
    let target = try required(out)
    guard let holder = try Holds.previousOwner(caller) else { return SYNCMGR_FREE }
    target.pointee = holder
    return SYNCMGR_OK
  }
}
