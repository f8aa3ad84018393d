import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_condition_open(
  _ workstream: OpaquePointer?, _ name: UnsafePointer<CChar>?,
  _ out_condition: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  openCall(workstream, name, out_condition) { () throws(Failure) in
    Stream.Parameters(type: .condition)
  }
}

@c @implementation
public func syncmgr_condition_close(_ condition: OpaquePointer?) -> Int32 {
  closeCall(condition) { (handle) throws(Failure) in try Stream.closeObject(handle, .condition) }
}

@c @implementation
public func syncmgr_condition_wait(
  _ condition: OpaquePointer?, _ mutex: OpaquePointer?, _ timeout_ns: Int64
) -> Int32 {
  objectCall(condition, .condition) { (caller) throws(Failure) in
    try Condition.wait(caller, companion(mutex, .mutex), timeout_ns)
  }
}

@c @implementation
public func syncmgr_condition_wait_start(
  _ condition: OpaquePointer?, _ mutex: OpaquePointer?, _ timeout_ns: Int64,
  _ queue: OpaquePointer?, _ user_data: UInt64,
  _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  objectCall(condition, .condition) { (caller) throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    return try give(Condition.waitStart(caller, companion(mutex, .mutex), start), target)
  }
}

@c @implementation
public func syncmgr_condition_signal(
  _ condition: OpaquePointer?, _ count: UInt32, _ out_signalled: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  objectCall(condition, .condition) { (caller) throws(Failure) in
    let signalled = try Condition.signal(caller, count)
    out_signalled?.pointee = signalled
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_condition_broadcast(
  _ condition: OpaquePointer?, _ out_signalled: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  syncmgr_condition_signal(condition, UInt32.max, out_signalled)
}

@c @implementation
public func syncmgr_condition_waiting(
  _ condition: OpaquePointer?, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  objectCall(condition, .condition) { (caller) throws(Failure) in
    let target = try required(out_count)
    target.pointee = try Condition.waiting(caller)
    return SYNCMGR_OK
  }
}
