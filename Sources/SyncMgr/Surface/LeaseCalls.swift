import CSyncMgr
import CSyncMgrShim

/// A call on the handle of any lock.
private func lockCall(
  _ lock: UnsafeMutableRawPointer?, _ body: (Caller) throws(Failure) -> Int32
) -> Int32 {
  let handle = OpaquePointer(lock)
  switch HandleType(rawValue: sm_handle_type(number(handle))) {
  case .semaphore: return objectCall(handle, .semaphore, body)
  case .rwlock: return objectCall(handle, .rwlock, body)
  case .election: return objectCall(handle, .election, body)
  default: return objectCall(handle, .mutex, body)
  }
}

@c @implementation
public func syncmgr_lease_set(
  _ lock: UnsafeMutableRawPointer?, _ lease_ns: Int64, _ flags: UInt32
) -> Int32 {
  lockCall(lock) { (caller) throws(Failure) in
    try checkFlags(flags, SYNCMGR_LEASE_RENEW)
    try Lease.set(caller, lease_ns, flags)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_lease_renew(_ lock: UnsafeMutableRawPointer?) -> Int32 {
  lockCall(lock) { (caller) throws(Failure) in
    try Lease.renew(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_lease_remaining(
  _ lock: UnsafeMutableRawPointer?, _ out_ns: UnsafeMutablePointer<Int64>?
) -> Int32 {
  lockCall(lock) { (caller) throws(Failure) in
    let target = try required(out_ns)
    target.pointee = try Lease.remaining(caller)
    return SYNCMGR_OK
  }
}
