public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_sync_point_open(
  _ workstream: OpaquePointer?, _ name: UnsafePointer<CChar>?,
  _ expected: UnsafePointer<CChar>?, _ required: UnsafePointer<CChar>?,
  _ options: UnsafePointer<syncmgr_sync_point_options_t>?,
  _ out_point: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    guard let target = out_point else {
      throw Failure(SYNCMGR_E_INVALID, "an output pointer is NULL")
    }
    let checked = try Name(name, what: "object")
    var parameters = Stream.Parameters(type: .syncPoint, count: SYNCMGR_ANY)
    parameters.compare = { _ in }
    if let wanted = try readParameters(expected, required, options) {
      let attachment = Attachment.of(slot)
      parameters = Stream.Parameters(
        type: .syncPoint, flags: wanted.flags, count: wanted.minimum,
        complete: { (object) throws(Failure) in
          try SyncPoint.complete(attachment, object, wanted)
        },
        compare: { (object) throws(Failure) in
          try SyncPoint.compare(attachment, object, wanted)
        })
    }
    target.pointee = pointer(try Stream.of(slot).openObject(checked, parameters))
    return SYNCMGR_OK
  }
}

/// What a sync point is to be made with; nil to open what is there.
private func readParameters(
  _ expected: UnsafePointer<CChar>?, _ required: UnsafePointer<CChar>?,
  _ options: UnsafePointer<syncmgr_sync_point_options_t>?
) throws(Failure) -> SyncPoint.Parameters? {
  guard let expected else {
    if required == nil, options == nil { return nil }
    throw Failure(
      SYNCMGR_E_INVALID, "others are required, or options given, and nobody is expected")
  }
  var defaults = syncmgr_sync_point_options_t()
  defaults.minimum = SYNCMGR_ANY
  defaults.timeout_ns = SYNCMGR_FOREVER
  let wanted = try readOptions(options, defaults)
  try checkFlags(wanted.flags, SyncPoint.allFlags)
  return try SyncPoint.Parameters(
    flags: wanted.flags, expected: try readNames(expected), required: try readNames(required),
    minimum: wanted.minimum, of: wanted.minimum_of, timeout: wanted.timeout_ns)
}

/// Names with a '/' between them.
func readNames(_ text: UnsafePointer<CChar>?) throws(Failure) -> [Name] {
  guard let text else { return [] }
  var found: [Name] = []
  var bytes: [CChar] = []
  var position = 0
  while true {
    let byte = text[position]
    position += 1
    if byte != 0, byte != 0x2f {
      // What is too long for a name is refused as that.
      if bytes.count <= Int(SYNCMGR_NAME_MAX) { bytes.append(byte) }
      continue
    }
    if found.count == Int(SYNCMGR_SYNC_EXPECTED_MAX) {
      throw Failure(
        SYNCMGR_E_INVALID,
        naming: "a sync point expects up to \(SYNCMGR_SYNC_EXPECTED_MAX) workstreams")
    }
    bytes.append(0)
    found.append(try Name(bytes, what: "workstream"))
    if byte == 0 { return found }
    bytes.removeAll(keepingCapacity: true)
  }
}

@c @implementation
public func syncmgr_sync_point_close(_ point: OpaquePointer?) -> Int32 {
  closeCall(point) { (handle) throws(Failure) in try Stream.closeObject(handle, .syncPoint) }
}

@c @implementation
public func syncmgr_sync_point_wait(
  _ point: OpaquePointer?, _ timeout_ns: Int64,
  _ out_result: UnsafeMutablePointer<syncmgr_sync_result_t>?
) -> Int32 {
  objectCall(point, .syncPoint) { (caller) throws(Failure) in
    let status = try SyncPoint.wait(caller, timeout_ns)
    if let out_result { out_result.pointee = try SyncPoint.result(caller, evenClosed: true) }
    if status < 0 { throw SyncPoint.failure(status, caller.object) }
    return status
  }
}

@c @implementation
public func syncmgr_sync_point_wait_start(
  _ point: OpaquePointer?, _ timeout_ns: Int64, _ queue: OpaquePointer?, _ user_data: UInt64,
  _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?,
  _ out_record: UnsafeMutablePointer<syncmgr_record_t>?
) -> Int32 {
  objectCall(point, .syncPoint) { (caller) throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    return try give(SyncPoint.waitStart(caller, start), target, out_record)
  }
}

@c @implementation
public func syncmgr_sync_point_force_complete(_ point: OpaquePointer?) -> Int32 {
  objectCall(point, .syncPoint) { (caller) throws(Failure) in
    try SyncPoint.forceComplete(caller)
  }
}

@c @implementation
public func syncmgr_sync_point_cancel(
  _ point: OpaquePointer?, _ reason: UnsafePointer<CChar>?
) -> Int32 {
  objectCall(point, .syncPoint) { (caller) throws(Failure) in
    try SyncPoint.cancel(caller, readReason(reason))
  }
}

@c @implementation
public func syncmgr_sync_point_fail(
  _ point: OpaquePointer?, _ reason: UnsafePointer<CChar>?
) -> Int32 {
  objectCall(point, .syncPoint) { (caller) throws(Failure) in
    try SyncPoint.fail(caller, readReason(reason))
  }
}

/// The reason as far as it can be kept. Bytes that are no UTF-8 are replaced.
private func readReason(_ reason: UnsafePointer<CChar>?) -> String? {
  guard let reason else { return nil }
  var bytes: [UInt8] = []
  // One more than fits, so that a character at the end that is cut is seen to be so.
  while bytes.count < 260, reason[bytes.count] != 0 {
    bytes.append(UInt8(bitPattern: reason[bytes.count]))
  }
  return String(decoding: bytes, as: UTF8.self)
}

@c @implementation
public func syncmgr_sync_point_result(
  _ point: OpaquePointer?, _ out_result: UnsafeMutablePointer<syncmgr_sync_result_t>?
) -> Int32 {
  objectCall(point, .syncPoint) { (caller) throws(Failure) in
    let target = try required(out_result)
    let result = try SyncPoint.result(caller)
    target.pointee = result
    return result.status == SYNCMGR_SYNC_WAITING ? SYNCMGR_PENDING : SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_sync_point_members(
  _ point: OpaquePointer?, _ members: UnsafeMutablePointer<syncmgr_sync_member_t>?,
  _ capacity: UInt32, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  objectCall(point, .syncPoint) { (caller) throws(Failure) in
    let target = try required(out_count)
    if members == nil, capacity > 0 {
      throw Failure(SYNCMGR_E_INVALID, "the array of members is NULL")
    }
    let all = try SyncPoint.members(caller)
    for (position, member) in all.prefix(Int(capacity)).enumerated() { members![position] = member }
    target.pointee = UInt32(all.count)
    return SYNCMGR_OK
  }
}
