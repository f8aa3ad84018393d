import CSyncMgr
import CSyncMgrShim

/// Setting a lease, and asking for it.
enum Lease {
  static let least: Int64 = 1_000_000

  static func set(_ caller: Caller, _ length: Int64, _ flags: UInt32) throws(Failure) {
    let (object, attachment, holding) = (caller.object, caller.attachment, caller.holding)
    let isEnd = length == SYNCMGR_FOREVER
    if !isEnd, length < least {
      throw Failure(
        SYNCMGR_E_INVALID, object, text: "a lease of \(length) ns: it has at least 1,000,000 ns")
    }
    let renews = flags & SYNCMGR_LEASE_RENEW != 0
    if !isEnd { try startThread(caller, renews: renews) }
    try caller.lock()
    guard holds(caller) else {
      let failure = Holds.missing(caller)
      caller.unlock()
      throw failure
    }
    let (sum, overflow) = sm_now().addingReportingOverflow(length)
    let end = overflow ? Int64.max : sum
    if isEnd {
      holding.lease.store(0)
    } else {
      // Dies between these: the holder is dead, and its hold is released.
      if object.type.load() == SYNCMGR_TYPE_MUTEX { holding.token.store(Mutex.token(object)) }
      holding.leaseLength.store(UInt64(length))
      holding.lease.store(UInt64(end))
    }
    let token = holding.token.load()
    caller.unlock()
    Local.always { local in
      local.forWaiting.renewals.remove(holding)
      if renews, !isEnd {
        local.forWaiting.renewals.add(
          Renewals.Entry(
            attachment: attachment, holding: holding, object: object, owner: caller.mine,
            token: token, length: length, due: sm_now() + length / 3))
      }
    }
    if isEnd { return }
    attachment.scheduleLook(at: UInt64(end))
    if renews { Service.poke() }
  }

  private static func startThread(_ caller: Caller, renews: Bool) throws(Failure) {
    let home = sm_slots() + Int(caller.slot.pointee.next)
    guard home.pointee.context != nil, home.pointee.mine == caller.mine else {
      throw Waits.failure(SYNCMGR_E_CLOSED, caller.object)
    }
    if Stream.of(home).manager.hasThreads {
      try Service.serve(caller.attachment)
    } else if renews || !caller.attachment.isShared {
      throw Failure(
        SYNCMGR_E_UNSUPPORTED, caller.object,
        "nobody would look after the lease: the space was opened with SYNCMGR_OPEN_NO_THREADS")
    }
  }

  /// Whether this workstream holds the object, leased or not. Under the guard.
  private static func holds(_ caller: Caller) -> Bool {
    caller.object.type.load() == SYNCMGR_TYPE_MUTEX
      ? Mutex.owner(caller.object.word.load()) == caller.mine : caller.holding.amount.load() > 0
  }

  /// Under the guard.
  private static func check(_ caller: Caller) throws(Failure) {
    let isLeased = Kinds.of(caller.object)?.isLeased(caller.object, caller.holding) ?? false
    if isLeased, caller.holding.lease.load() != 0 { return }
    if caller.holding.mark.load() == Holds.lostMark { throw Holds.lost(caller.object) }
    if !holds(caller) { throw Holds.notOwner(caller.object) }
    throw Failure(SYNCMGR_E_NOT_OWNER, caller.object, "this workstream's hold has no lease")
  }

  static func renew(_ caller: Caller) throws(Failure) {
    caller.attachment.expireLeases()
    try caller.lock()
    defer { caller.unlock() }
    try check(caller)
    let length = Int64(clamping: caller.holding.leaseLength.load())
    let (sum, overflow) = sm_now().addingReportingOverflow(length)
    caller.holding.lease.store(UInt64(overflow ? Int64.max : sum))
  }

  static func remaining(_ caller: Caller) throws(Failure) -> Int64 {
    caller.attachment.expireLeases()
    try caller.lock()
    defer { caller.unlock() }
    try check(caller)
    return max(Int64(clamping: caller.holding.lease.load()) - sm_now(), 0)
  }
}
