public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_rwlock_open(
  _ workstream: OpaquePointer?, _ name: UnsafePointer<CChar>?,
  _ options: UnsafePointer<syncmgr_rwlock_options_t>?,
  _ out_rwlock: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  openCall(workstream, name, out_rwlock) { () throws(Failure) in
    let wanted = try readOptions(options, syncmgr_rwlock_options_t())
    try checkFlags(wanted.flags, SYNCMGR_RWLOCK_FAIR)
    return Stream.Parameters(
      type: .rwlock, flags: wanted.flags, count: RWLock.all, initialWord: RWLock.all)
  }
}

@c @implementation
public func syncmgr_rwlock_close(_ rwlock: OpaquePointer?) -> Int32 {
  closeCall(rwlock) { (handle) throws(Failure) in try Stream.closeObject(handle, .rwlock) }
}

@c @implementation
public func syncmgr_rwlock_lock(
  _ rwlock: OpaquePointer?, _ mode: UInt32, _ timeout_ns: Int64
) -> Int32 {
  if atOnce(rwlock, .rwlock, { RWLock.lockAtOnce($0, $1, mode, timeout_ns) }) { return SYNCMGR_OK }
  return lockSlowly(rwlock, mode, timeout_ns)
}

/// Apart, so that the fast path needs no frame.
@inline(never)
private func lockSlowly(_ rwlock: OpaquePointer?, _ mode: UInt32, _ timeout_ns: Int64) -> Int32 {
  objectCall(rwlock, .rwlock) { (caller) throws(Failure) in
    try Prevention.take(caller, timeout_ns) { (timeout) throws(Failure) in
      try RWLock.lock(caller, mode, timeout)
    }
  }
}

@c @implementation
public func syncmgr_rwlock_lock_start(
  _ rwlock: OpaquePointer?, _ mode: UInt32, _ timeout_ns: Int64, _ queue: OpaquePointer?,
  _ user_data: UInt64, _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  objectCall(rwlock, .rwlock) { (caller) throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    let started = try Prevention.start(caller, start) { (start) throws(Failure) in
      try RWLock.lockStart(caller, mode, start)
    }
    return try give(started, target)
  }
}

@c @implementation
public func syncmgr_rwlock_unlock(_ rwlock: OpaquePointer?) -> Int32 {
  if atOnce(rwlock, .rwlock, { slot, _ in RWLock.unlockAtOnce(slot) }) { return SYNCMGR_OK }
  return unlockSlowly(rwlock)
}

@inline(never)
private func unlockSlowly(_ rwlock: OpaquePointer?) -> Int32 {
  objectCall(rwlock, .rwlock) { (caller) throws(Failure) in
    try RWLock.unlock(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_rwlock_upgrade(_ rwlock: OpaquePointer?, _ timeout_ns: Int64) -> Int32 {
  objectCall(rwlock, .rwlock) { (caller) throws(Failure) in
    try Prevention.take(caller, timeout_ns) { (timeout) throws(Failure) in
      try RWLock.upgrade(caller, timeout)
    }
  }
}

@c @implementation
public func syncmgr_rwlock_upgrade_start(
  _ rwlock: OpaquePointer?, _ timeout_ns: Int64, _ queue: OpaquePointer?, _ user_data: UInt64,
  _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  objectCall(rwlock, .rwlock) { (caller) throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    let started = try Prevention.start(caller, start) { (start) throws(Failure) in
      try RWLock.upgradeStart(caller, start)
    }
    return try give(started, target)
  }
}

@c @implementation
public func syncmgr_rwlock_downgrade(_ rwlock: OpaquePointer?) -> Int32 {
  objectCall(rwlock, .rwlock) { (caller) throws(Failure) in
    try RWLock.downgrade(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_rwlock_token(
  _ rwlock: OpaquePointer?, _ out_token: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  objectCall(rwlock, .rwlock) { (caller) throws(Failure) in
    let target = try required(out_token)
    if caller.holding.amount.load() == 0 { throw Holds.notOwner(caller.object) }
    target.pointee = caller.holding.token.load()
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_rwlock_is_valid(_ rwlock: OpaquePointer?, _ token: UInt64) -> Int32 {
  objectCall(rwlock, .rwlock) { (caller) throws(Failure) in
    if try RWLock.isValid(caller, token) { return SYNCMGR_OK }
    throw Failure(SYNCMGR_E_LOST, naming: "this workstream does not hold the grant \(token)")
  }
}

@c @implementation
public func syncmgr_rwlock_holders(
  _ rwlock: OpaquePointer?, _ holders: UnsafeMutablePointer<syncmgr_holder_t>?,
  _ capacity: UInt32, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  holdersCall(rwlock, .rwlock, holders, capacity, out_count)
}

@c @implementation
public func syncmgr_rwlock_previous_owner(
  _ rwlock: OpaquePointer?, _ out_holder: UnsafeMutablePointer<syncmgr_holder_t>?
) -> Int32 {
  previousOwnerCall(rwlock, .rwlock, out_holder)
}

@c @implementation
public func syncmgr_rwlock_force_release(_ rwlock: OpaquePointer?) -> Int32 {
  objectCall(rwlock, .rwlock) { (caller) throws(Failure) in try Holds.forceRelease(caller) }
}
