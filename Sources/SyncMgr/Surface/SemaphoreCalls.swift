public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_semaphore_open(
  _ workstream: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ permits: UInt32,
  _ options: UnsafePointer<syncmgr_semaphore_options_t>?,
  _ out_semaphore: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  openCall(workstream, name, out_semaphore) { () throws(Failure) in
    let wanted = try readOptions(options, syncmgr_semaphore_options_t())
    try checkFlags(wanted.flags, SYNCMGR_SEMAPHORE_SIGNALLING | SYNCMGR_SEMAPHORE_FAIR)
    let least: UInt32 = wanted.flags & SYNCMGR_SEMAPHORE_SIGNALLING != 0 ? 0 : 1
    try checkCount(permits, least, SYNCMGR_COUNT_MAX, "permits")
    return Stream.Parameters(
      type: .semaphore, flags: wanted.flags, count: permits, initialWord: permits,
      countNoun: "permits")
  }
}

@c @implementation
public func syncmgr_semaphore_close(_ semaphore: OpaquePointer?) -> Int32 {
  closeCall(semaphore) { (handle) throws(Failure) in try Stream.closeObject(handle, .semaphore) }
}

@c @implementation
public func syncmgr_semaphore_acquire(
  _ semaphore: OpaquePointer?, _ count: UInt32, _ timeout_ns: Int64
) -> Int32 {
  if atOnce(semaphore, .semaphore, { slot, _ in Semaphore.acquireAtOnce(slot, count, timeout_ns) })
  {
    return SYNCMGR_OK
  }
  return acquireSlowly(semaphore, count, timeout_ns)
}

/// Apart, so that the fast path needs no frame.
@inline(never)
private func acquireSlowly(
  _ semaphore: OpaquePointer?, _ count: UInt32, _ timeout_ns: Int64
) -> Int32 {
  objectCall(semaphore, .semaphore) { (caller) throws(Failure) in
    try Prevention.take(caller, timeout_ns) { (timeout) throws(Failure) in
      try Semaphore.acquire(caller, count, timeout)
    }
  }
}

@c @implementation
public func syncmgr_semaphore_acquire_start(
  _ semaphore: OpaquePointer?, _ count: UInt32, _ timeout_ns: Int64, _ queue: OpaquePointer?,
  _ user_data: UInt64, _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  objectCall(semaphore, .semaphore) { (caller) throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    let started = try Prevention.start(caller, start) { (start) throws(Failure) in
      try Semaphore.acquireStart(caller, count, start)
    }
    return try give(started, target)
  }
}

@c @implementation
public func syncmgr_semaphore_release(_ semaphore: OpaquePointer?, _ count: UInt32) -> Int32 {
  if atOnce(semaphore, .semaphore, { slot, _ in Semaphore.releaseAtOnce(slot, count) }) {
    return SYNCMGR_OK
  }
  return releaseSlowly(semaphore, count)
}

@inline(never)
private func releaseSlowly(_ semaphore: OpaquePointer?, _ count: UInt32) -> Int32 {
  objectCall(semaphore, .semaphore) { (caller) throws(Failure) in
    try Semaphore.release(caller, count)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_semaphore_available(
  _ semaphore: OpaquePointer?, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  objectCall(semaphore, .semaphore) { (caller) throws(Failure) in
    let target = try required(out_count)
    target.pointee = caller.object.word.load()
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_semaphore_held(
  _ semaphore: OpaquePointer?, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  call(semaphore, .semaphore) { (slot) throws(Failure) in
    let target = try required(out_count)
    target.pointee = slot.pointee.holding.unsafelyUnwrapped.amount.load()
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_semaphore_holders(
  _ semaphore: OpaquePointer?, _ holders: UnsafeMutablePointer<syncmgr_holder_t>?,
  _ capacity: UInt32, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  holdersCall(semaphore, .semaphore, holders, capacity, out_count)
}
