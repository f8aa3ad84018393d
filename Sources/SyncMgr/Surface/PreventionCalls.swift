public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_prevention_configure(
  _ manager: OpaquePointer?, _ options: UnsafePointer<syncmgr_prevention_options_t>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    var defaults = syncmgr_prevention_options_t()
    defaults.grace_ns = 100_000_000
    defaults.timeout_ns = 30_000_000_000
    let wanted = try readOptions(options, defaults)
    try checkFlags(wanted.flags, SYNCMGR_PREVENTION_WATCH_ORDER)
    try checkReserved(wanted.reserved)
    if wanted.strategy > SYNCMGR_PREVENT_AVOIDANCE {
      throw Failure(SYNCMGR_E_INVALID, naming: "\(wanted.strategy) is no strategy")
    }
    if wanted.grace_ns < 0 || wanted.timeout_ns < 0 {
      throw Failure(SYNCMGR_E_INVALID, "a time is below 0")
    }
    try Manager.of(slot).prevent(
      Prevention.reviewing(
        PreventionSettings(
          strategy: wanted.strategy,
          watchesOrder: wanted.flags & SYNCMGR_PREVENTION_WATCH_ORDER != 0,
          grace: wanted.grace_ns, timeout: wanted.timeout_ns)))
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_object_set_rank(
  _ manager: OpaquePointer?, _ type: UInt32, _ name: UnsafePointer<CChar>?, _ rank: UInt32
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    try checkType(type)
    try Attachment.of(slot).setRank(type, try Name(name, what: "object"), rank)
    return SYNCMGR_OK
  }
}
