import CSyncMgr
import CSyncMgrShim

/// Who the parties of a barrier are. Those of a phaser join and leave: the truth is in their
/// holdings, which `joined` counts.
extension Barrier {
  static let mostParties: UInt32 = 65535

  static func isPhaser(_ object: Object) -> Bool {
    object.flags.load() & SYNCMGR_BARRIER_PHASER != 0
  }

  static func parties(_ object: Object) -> UInt32 {
    let fixed = object.count.load()
    return isPhaser(object) ? fixed &+ min(object.joined.load(), mostParties) : fixed
  }

  /// Whether everybody is there. Nobody at all is not everybody.
  static func isFull(_ object: Object, _ arrived: UInt32) -> Bool {
    arrived > 0 && arrived >= parties(object)
  }

  static func countParties(_ attachment: Attachment, _ object: Object) {
    guard isPhaser(object) else { return }
    var count: UInt32 = 0
    attachment.forHoldings(of: object) { if $0.joined.load() != 0 { count += 1 } }
    object.joined.store(count)
  }

  /// Refuses an arrival at a phaser by one that is no party, when those parties that it began with
  /// have all arrived. Under the guard.
  static func checkParty(_ caller: Caller) throws(Failure) {
    let (object, attachment) = (caller.object, caller.attachment)
    guard isPhaser(object), caller.holding.joined.load() == 0 else { return }
    let strangers = countArrivals(attachment, object, object.grants.load(), joined: false)
    if strangers < object.count.load() { return }
    throw Failure(SYNCMGR_E_NOT_OWNER, object, "this workstream is no party: it can join")
  }

  /// Dies between the stores: the dead one is taken out again, and `repair` counts.
  static func join(_ caller: Caller) throws(Failure) {
    let object = caller.object
    try lockPhaser(caller)
    defer { caller.unlock() }
    if object.broken.load() != 0 { throw Waits.failure(SYNCMGR_E_BROKEN, object) }
    if caller.holding.joined.load() != 0 {
      throw Failure(SYNCMGR_E_ALREADY, object, "this workstream is a party already")
    }
    if parties(object) >= mostParties {
      throw Failure(SYNCMGR_E_OVERFLOW, object, "it has 65,535 parties")
    }
    caller.holding.joined.store(1)
    object.joined.store(object.joined.load() &+ 1)
  }

  static func leave(_ caller: Caller) throws(Failure) {
    let (object, attachment, holding) = (caller.object, caller.attachment, caller.holding)
    var wakes = Wakes()
    try lockPhaser(caller)
    var failure: Failure?
    let isIn = holding.mark.load() == object.grants.load() &+ 1
    if holding.joined.load() == 0 {
      failure = Failure(SYNCMGR_E_NOT_OWNER, object, "this workstream is no party")
    } else if isIn, holding.amount.load() == Presence.waits {
      failure = Failure(SYNCMGR_E_BUSY, object, "this workstream waits in it")
    } else {
      removeParty(attachment, object, holding, &wakes)
    }
    caller.unlock()
    wakes.send(attachment, object)
    if let failure { throw failure }
  }

  /// Takes a party out, with its arrival: as many are waited for as before, or one less, and with
  /// that the barrier may be full. Under the guard. Dies in between: a process that dies while
  /// others wait breaks the barrier.
  static func removeParty(
    _ attachment: Attachment, _ object: Object, _ holding: Holding, _ wakes: inout Wakes
  ) {
    if holding.mark.load() == object.grants.load() &+ 1 {
      // First: when we die in between, an index is left out, and none is given twice.
      object.least.store(object.least.load() &+ 1)
      holding.mark.store(0)
      object.arrived.store(object.arrived.load() &- 1)
    }
    holding.joined.store(0)
    countParties(attachment, object)
    if object.broken.load() == 0, object.leader.load() == 0, isFull(object, object.arrived.load()) {
      trip(attachment, object, &wakes)
    }
  }

  private static func lockPhaser(_ caller: Caller) throws(Failure) {
    let object = caller.object
    if !isPhaser(object) {
      throw Failure(SYNCMGR_E_UNSUPPORTED, object, "its parties are fixed: it is no PHASER")
    }
    try caller.lock()
    if object.leader.load() != 0 {
      caller.unlock()
      throw Failure(
        SYNCMGR_E_BUSY, object, "all have arrived and the leader has yet to release the barrier")
    }
  }
}
