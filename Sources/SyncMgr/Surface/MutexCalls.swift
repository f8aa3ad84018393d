public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_mutex_open(
  _ workstream: OpaquePointer?, _ name: UnsafePointer<CChar>?,
  _ options: UnsafePointer<syncmgr_mutex_options_t>?,
  _ out_mutex: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  openCall(workstream, name, out_mutex) { () throws(Failure) in
    let wanted = try readOptions(options, syncmgr_mutex_options_t())
    try checkFlags(wanted.flags, SYNCMGR_MUTEX_RECURSIVE | SYNCMGR_MUTEX_FAIR)
    return Stream.Parameters(type: .mutex, flags: wanted.flags)
  }
}

@c @implementation
public func syncmgr_mutex_close(_ mutex: OpaquePointer?) -> Int32 {
  closeCall(mutex) { (handle) throws(Failure) in try Stream.closeObject(handle, .mutex) }
}

@c @implementation
public func syncmgr_mutex_lock(_ mutex: OpaquePointer?, _ timeout_ns: Int64) -> Int32 {
  if atOnce(mutex, .mutex, { Mutex.lockAtOnce($0, $1, timeout_ns) }) { return SYNCMGR_OK }
  return lockSlowly(mutex, timeout_ns)
}

/// Apart, so that the fast path needs no frame.
@inline(never)
private func lockSlowly(_ mutex: OpaquePointer?, _ timeout_ns: Int64) -> Int32 {
  objectCall(mutex, .mutex) { (caller) throws(Failure) in
    try Prevention.take(caller, timeout_ns) { (timeout) throws(Failure) in
      try Mutex.lock(caller, timeout)
    }
  }
}

@c @implementation
public func syncmgr_mutex_lock_start(
  _ mutex: OpaquePointer?, _ timeout_ns: Int64, _ queue: OpaquePointer?, _ user_data: UInt64,
  _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  objectCall(mutex, .mutex) { (caller) throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    let started = try Prevention.start(caller, start) { (start) throws(Failure) in
      try Mutex.lockStart(caller, start)
    }
    return try give(started, target)
  }
}

@c @implementation
public func syncmgr_mutex_unlock(_ mutex: OpaquePointer?) -> Int32 {
  if atOnce(mutex, .mutex, { slot, _ in Mutex.unlockAtOnce(slot) }) { return SYNCMGR_OK }
  return unlockSlowly(mutex)
}

@inline(never)
private func unlockSlowly(_ mutex: OpaquePointer?) -> Int32 {
  objectCall(mutex, .mutex) { (caller) throws(Failure) in
    try Mutex.unlock(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_mutex_token(
  _ mutex: OpaquePointer?, _ out_token: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  objectCall(mutex, .mutex) { (caller) throws(Failure) in
    let target = try required(out_token)
    target.pointee = try Mutex.ownToken(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_mutex_is_valid(_ mutex: OpaquePointer?, _ token: UInt64) -> Int32 {
  objectCall(mutex, .mutex) { (caller) throws(Failure) in
    if Mutex.holds(caller, token) { return SYNCMGR_OK }
    throw Failure(SYNCMGR_E_LOST, naming: "this workstream does not hold the grant \(token)")
  }
}

@c @implementation
public func syncmgr_mutex_held_by(
  _ mutex: OpaquePointer?, _ out_holder: UnsafeMutablePointer<syncmgr_holder_t>?
) -> Int32 {
  objectCall(mutex, .mutex) { (caller) throws(Failure) in
    let target = try required(out_holder)
    guard let holder = Mutex.heldBy(caller) else { return SYNCMGR_FREE }
    target.pointee = holder
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_mutex_previous_owner(
  _ mutex: OpaquePointer?, _ out_holder: UnsafeMutablePointer<syncmgr_holder_t>?
) -> Int32 {
  previousOwnerCall(mutex, .mutex, out_holder)
}

@c @implementation
public func syncmgr_mutex_force_release(_ mutex: OpaquePointer?) -> Int32 {
  objectCall(mutex, .mutex) { (caller) throws(Failure) in try Holds.forceRelease(caller) }
}

@c @implementation
public func syncmgr_mutex_fastpath(
  _ mutex: OpaquePointer?, _ out_info: UnsafeMutablePointer<syncmgr_fastpath_t>?
) -> Int32 {
  objectCall(mutex, .mutex) { (caller) throws(Failure) in
    let target = try required(out_info)
    if caller.slot.pointee.flags & SYNCMGR_MUTEX_RECURSIVE != 0 {
      throw Failure(SYNCMGR_E_UNSUPPORTED, "a recursive mutex counts its depth in the library")
    }
    if caller.slot.pointee.flags & Possessions.decoyMark != 0 {
      throw Failure(SYNCMGR_E_UNSUPPORTED, "this manager prevents deadlocks, in the library")
    }
    target.pointee = syncmgr_fastpath_t(
      word: UInt64(UInt(bitPattern: caller.object.word.at)),
      grants: UInt64(UInt(bitPattern: caller.object.grants.at)), free_value: 0,
      my_value: caller.mine)
    return SYNCMGR_OK
  }
}
