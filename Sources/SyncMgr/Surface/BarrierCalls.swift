public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_barrier_open(
  _ workstream: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ parties: UInt32,
  _ options: UnsafePointer<syncmgr_barrier_options_t>?,
  _ out_barrier: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  openCall(workstream, name, out_barrier) { () throws(Failure) in
    let wanted = try readOptions(options, syncmgr_barrier_options_t())
    try checkFlags(wanted.flags, SYNCMGR_BARRIER_LEADER_RELEASES | SYNCMGR_BARRIER_PHASER)
    if wanted.flags & SYNCMGR_BARRIER_LEADER_RELEASES != 0, wanted.action != nil {
      throw Failure(SYNCMGR_E_INVALID, "LEADER_RELEASES and an action exclude each other")
    }
    let isPhaser = wanted.flags & SYNCMGR_BARRIER_PHASER != 0
    try checkCount(parties, isPhaser ? 0 : 1, Barrier.mostParties, "parties")
    let action = wanted.action.map { BarrierAction(run: $0, user: wanted.user) }
    return Stream.Parameters(
      type: .barrier, flags: wanted.flags & SYNCMGR_BARRIER_PHASER, count: parties,
      countNoun: "parties", context: action,
      handleFlags: wanted.flags & SYNCMGR_BARRIER_LEADER_RELEASES)
  }
}

/// The action of a barrier handle, kept with it.
final class BarrierAction {
  let run: @convention(c) (UnsafeMutableRawPointer?) -> Void
  let user: UnsafeMutableRawPointer?

  init(
    run: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Void, user: UnsafeMutableRawPointer?
  ) {
    self.run = run
    self.user = user
  }
}

/// The action as the engine calls it: outside of the call, so that it may close this very handle.
private func action(_ caller: Caller) -> Barrier.Action {
  let releasesLater = caller.slot.pointee.flags & SYNCMGR_BARRIER_LEADER_RELEASES != 0
  guard let context = caller.slot.pointee.context else {
    return Barrier.Action(run: nil, releasesLater: releasesLater)
  }
  let kept = Unmanaged<BarrierAction>.fromOpaque(context).takeUnretainedValue()
  return Barrier.Action(
    run: {
      sm_leave()
      kept.run(kept.user)
      return sm_enter(caller.handle, HandleType.barrier.rawValue) != nil
    }, releasesLater: false)
}

@c @implementation
public func syncmgr_barrier_close(_ barrier: OpaquePointer?) -> Int32 {
  closeCall(barrier) { (handle) throws(Failure) in try Stream.closeObject(handle, .barrier) }
}

@c @implementation
public func syncmgr_barrier_wait(
  _ barrier: OpaquePointer?, _ timeout_ns: Int64, _ out_generation: UnsafeMutablePointer<UInt64>?,
  _ out_index: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  objectCall(barrier, .barrier) { (caller) throws(Failure) in
    let outcome = try Barrier.wait(caller, timeout_ns, action(caller))
    out_generation?.pointee = outcome.value
    out_index?.pointee = outcome.index
    return outcome.status
  }
}

@c @implementation
public func syncmgr_barrier_wait_start(
  _ barrier: OpaquePointer?, _ timeout_ns: Int64, _ queue: OpaquePointer?, _ user_data: UInt64,
  _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?,
  _ out_record: UnsafeMutablePointer<syncmgr_record_t>?
) -> Int32 {
  objectCall(barrier, .barrier) { (caller) throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    return try give(Barrier.waitStart(caller, start, action(caller)), target, out_record)
  }
}

@c @implementation
public func syncmgr_barrier_arrive(
  _ barrier: OpaquePointer?, _ out_generation: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  objectCall(barrier, .barrier) { (caller) throws(Failure) in
    let outcome = try Barrier.arriveOnly(caller, action(caller))
    out_generation?.pointee = outcome.value
    return outcome.status
  }
}

@c @implementation
public func syncmgr_barrier_release(_ barrier: OpaquePointer?) -> Int32 {
  objectCall(barrier, .barrier) { (caller) throws(Failure) in
    try Barrier.release(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_barrier_abort(_ barrier: OpaquePointer?) -> Int32 {
  objectCall(barrier, .barrier) { (caller) throws(Failure) in
    try Barrier.abort(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_barrier_reset(_ barrier: OpaquePointer?) -> Int32 {
  objectCall(barrier, .barrier) { (caller) throws(Failure) in
    try Barrier.reset(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_barrier_join(_ barrier: OpaquePointer?) -> Int32 {
  objectCall(barrier, .barrier) { (caller) throws(Failure) in
    try Barrier.join(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_barrier_leave(_ barrier: OpaquePointer?) -> Int32 {
  objectCall(barrier, .barrier) { (caller) throws(Failure) in
    try Barrier.leave(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_barrier_state(
  _ barrier: OpaquePointer?, _ out_state: UnsafeMutablePointer<syncmgr_barrier_info_t>?
) -> Int32 {
  objectCall(barrier, .barrier) { (caller) throws(Failure) in
    let target = try required(out_state)
    target.pointee = try Barrier.state(caller)
    return SYNCMGR_OK
  }
}
