import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_latch_open(
  _ workstream: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ count: UInt32,
  _ out_latch: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  openCall(workstream, name, out_latch) { () throws(Failure) in
    try checkCount(count, 0, SYNCMGR_COUNT_MAX, "count")
    return Stream.Parameters(type: .latch, count: count, initialWord: count)
  }
}

@c @implementation
public func syncmgr_latch_close(_ latch: OpaquePointer?) -> Int32 {
  closeCall(latch) { (handle) throws(Failure) in try Stream.closeObject(handle, .latch) }
}

@c @implementation
public func syncmgr_latch_count_down(
  _ latch: OpaquePointer?, _ count: UInt32, _ out_remaining: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  objectCall(latch, .latch) { (caller) throws(Failure) in
    let remaining = try Latch.countDown(caller, count)
    out_remaining?.pointee = remaining
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_latch_wait(_ latch: OpaquePointer?, _ timeout_ns: Int64) -> Int32 {
  objectCall(latch, .latch) { (caller) throws(Failure) in
    try Latch.wait(caller, timeout_ns)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_latch_wait_start(
  _ latch: OpaquePointer?, _ timeout_ns: Int64, _ queue: OpaquePointer?, _ user_data: UInt64,
  _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  objectCall(latch, .latch) { (caller) throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    return try give(Latch.waitStart(caller, start), target)
  }
}

@c @implementation
public func syncmgr_latch_count(
  _ latch: OpaquePointer?, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  call(latch, .latch) { (slot) throws(Failure) in
    let target = try required(out_count)
    target.pointee = slot.pointee.object.unsafelyUnwrapped.word.load()
    return SYNCMGR_OK
  }
}
