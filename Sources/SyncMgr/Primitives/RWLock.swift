import CSyncMgr
import CSyncMgrShim

/// The readers-writer lock: COUNT_MAX permits, of which a shared hold has one and the exclusive
/// one all. An upgrade stands first in line and asks for those that its workstream does not have.
enum RWLock {
  static let all = SYNCMGR_COUNT_MAX

  private static func count(_ mode: UInt32, _ object: Object) throws(Failure) -> UInt32 {
    switch mode {
    case SYNCMGR_SHARED: return 1
    case SYNCMGR_EXCLUSIVE: return all
    default:
      throw Failure(
        SYNCMGR_E_INVALID, object, text: "\(mode) is neither SYNCMGR_SHARED nor SYNCMGR_EXCLUSIVE")
    }
  }

  // MARK: - Locking

  /// Locks when nobody is in the way and nothing is to be told. False when that is for `lock` to
  /// find out.
  @inline(__always)
  static func lockAtOnce(
    _ slot: Slot, _ thread: Thread, _ mode: UInt32, _ timeout: Int64
  ) -> Bool {
    let object = slot.pointee.object.unsafelyUnwrapped
    guard _fastPath(mode <= SYNCMGR_EXCLUSIVE), _fastPath(timeout >= SYNCMGR_FOREVER),
      Guard.tryLock(object.guardian, slot.pointee.participant)
    else { return false }
    let count = mode == SYNCMGR_SHARED ? 1 : all
    let isTaken = takeAtOnce(object, slot.pointee.holding.unsafelyUnwrapped, thread, count)
    Guard.unlock(object.guardian)
    return isTaken
  }

  /// The same stores, in the same order, as those of `Permits.take`. Under the guard.
  @inline(__always)
  private static func takeAtOnce(
    _ object: Object, _ holding: Holding, _ thread: Thread, _ count: UInt32
  ) -> Bool {
    // Who holds something already cannot find all permits free.
    let available = object.word.load()
    guard available >= count, object.isAlone, object.broken.load() == 0,
      holding.mark.load() == 0
    else { return false }
    let token = object.grants.load() &+ 1
    let held = holding.amount.load()
    holding.amount.store(held &+ count)
    object.word.store(available &- count)
    object.cpu.store(sm_cpu_of(thread))
    object.grants.store(token)
    holding.token.store(token)
    if held == 0 { Permits.keepFirst(token, holding) }
    return true
  }

  static func lock(_ caller: Caller, _ mode: UInt32, _ timeout: Int64) throws(Failure) -> Int32 {
    let deadline = try Deadline.after(timeout)
    let (object, attachment) = (caller.object, caller.attachment)
    let count = try count(mode, object)
    if let status = try tryNow(caller, count) { return status }
    if timeout == 0 {
      throw Failure(SYNCMGR_E_TIMEOUT, object, "it is held; the call does not wait")
    }
    var status: Int32?
    _ = attachment.spin(object, rounds: 100) {
      guard object.word.load() >= count, Guard.tryLock(object.guardian, attachment.me) else {
        return false
      }
      status = Permits.takeIfFree(attachment, object, caller.holding, count)
      attachment.unlock(object)
      return status != nil
    }
    if let status { return status }
    return try Permits.wait(caller, count, until: deadline) { () throws(Failure) in
      try admit(caller, count)
    }.get(object)
  }

  static func lockStart(
    _ caller: Caller, _ mode: UInt32, _ start: Tickets.Start
  ) throws(Failure) -> Started {
    try start.check(caller)
    let count = try count(mode, caller.object)
    if let status = try tryNow(caller, count) {
      return Started(outcome: Outcome(status, value: caller.holding.token.load()))
    }
    return try Permits.start(caller, count, start) { () throws(Failure) in
      try admit(caller, count)
    }
  }

  private static func tryNow(_ caller: Caller, _ count: UInt32) throws(Failure) -> Int32? {
    try caller.lock()
    defer { caller.unlock() }
    return try admit(caller, count)
  }

  /// Locks if that is possible, and refuses what never would be. Under the guard.
  private static func admit(_ caller: Caller, _ count: UInt32) throws(Failure) -> Int32? {
    let held = caller.holding.amount.load()
    if held == all {
      throw Failure(
        SYNCMGR_E_DEADLOCK, caller.object, "this workstream holds it exclusively already")
    }
    if held > 0, count == all {
      throw Failure(
        SYNCMGR_E_DEADLOCK, caller.object, "this workstream holds it shared: it can be upgraded")
    }
    return Permits.takeIfFree(caller.attachment, caller.object, caller.holding, count)
  }

  // MARK: - Upgrading

  static func upgrade(_ caller: Caller, _ timeout: Int64) throws(Failure) -> Int32 {
    let deadline = try Deadline.after(timeout)
    if let status = try tryUpgrade(caller) { return status }
    if timeout == 0 {
      throw Failure(SYNCMGR_E_TIMEOUT, caller.object, "others hold it; the call does not wait")
    }
    return try Permits.wait(caller, all, flags: CellFlag.first, until: deadline) {
      () throws(Failure) in try admitUpgrade(caller)
    }.get(caller.object)
  }

  static func upgradeStart(_ caller: Caller, _ start: Tickets.Start) throws(Failure) -> Started {
    try start.check(caller)
    if let status = try tryUpgrade(caller) {
      return Started(outcome: Outcome(status, value: caller.holding.token.load()))
    }
    return try Permits.start(caller, all, flags: CellFlag.first, start) { () throws(Failure) in
      try admitUpgrade(caller)
    }
  }

  private static func tryUpgrade(_ caller: Caller) throws(Failure) -> Int32? {
    try caller.lock()
    defer { caller.unlock() }
    return try admitUpgrade(caller)
  }

  private static func admitUpgrade(_ caller: Caller) throws(Failure) -> Int32? {
    let (object, attachment, holding) = (caller.object, caller.attachment, caller.holding)
    let held = holding.amount.load()
    if held == 0 { throw Holds.missing(caller) }
    if held == all { throw Failure(SYNCMGR_E_NOT_OWNER, object, "it is held exclusively already") }
    if let head = attachment.liveHead(of: object), head.flags.load() & CellFlag.first != 0 {
      throw Failure(
        SYNCMGR_E_DEADLOCK, object,
        "another workstream is upgrading: each would wait for the other's shared hold")
    }
    return Permits.takeIfFree(attachment, object, holding, all &- held)
  }

  /// Dies between the stores: `repair` counts again.
  static func downgrade(_ caller: Caller) throws(Failure) {
    let (object, attachment, holding) = (caller.object, caller.attachment, caller.holding)
    var wakes = Wakes()
    try caller.lock()
    let held = holding.amount.load()
    if held == all {
      Permits.release(attachment, object, holding, all - 1, &wakes)
    }
    let failure = held == 0 ? Holds.missing(caller) : nil
    caller.unlock()
    wakes.send(attachment)
    if let failure { throw failure }
    if held < all { throw Failure(SYNCMGR_E_NOT_OWNER, object, "it is not held exclusively") }
  }

  // MARK: - Asking

  /// Whether the lock was held ever since the grant with this token, one of the holder's own.
  static func isValid(_ caller: Caller, _ token: UInt64) throws(Failure) -> Bool {
    try caller.lock()
    defer { caller.unlock() }
    let holding = caller.holding
    return holding.amount.load() > 0 && token <= holding.token.load()
      && token >= Permits.firstToken(holding)
  }

  // MARK: - Unlocking

  @inline(__always)
  static func unlockAtOnce(_ slot: Slot) -> Bool {
    let object = slot.pointee.object.unsafelyUnwrapped
    guard Guard.tryLock(object.guardian, slot.pointee.participant) else { return false }
    let isDone = giveAtOnce(object, slot.pointee.holding.unsafelyUnwrapped)
    Guard.unlock(object.guardian)
    return isDone
  }

  /// The stores of `Permits.release`. Under the guard.
  @inline(__always)
  private static func giveAtOnce(_ object: Object, _ holding: Holding) -> Bool {
    let held = holding.amount.load()
    guard held > 0, object.isAlone, holding.lease.load() == 0 else { return false }
    let count = held == all ? all : 1
    let available = object.word.load()
    holding.amount.store(held &- count)
    object.word.store(available &+ count)
    return true
  }

  static func unlock(_ caller: Caller) throws(Failure) {
    var wakes = Wakes()
    try caller.lock()
    let held = caller.holding.amount.load()
    if held == 0 {
      let failure = Holds.missing(caller)
      caller.unlock()
      throw failure
    }
    Permits.release(
      caller.attachment, caller.object, caller.holding, held == all ? all : 1, &wakes)
    caller.unlock()
    wakes.send(caller.attachment)
  }

  // MARK: - Death and force

  static let kind = Kind(
    holdsGrants: true,
    repair: { attachment, object in Permits.repair(attachment, object) },
    abandon: { attachment, object, holding, died in
      let held = holding.amount.load()
      if died, held == all {
        Holds.remember(
          attachment, object, holding.workstream.load(), token: holding.token.load())
        object.broken.store(1)
      }
      Permits.giveBack(attachment, object, holding, held, isTold: !(died && held == all))
      if died, held == all { Holds.tellDeath(attachment, object, holding) }
    },
    withdrawn: { attachment, object, cell in Permits.withdrawn(attachment, object, cell) },
    refused: { attachment, object, cell in Permits.refused(attachment, object, cell) },
    take: { attachment, object, holding in
      if holding.amount.load() == all {
        Holds.remember(
          attachment, object, holding.workstream.load(), token: holding.token.load())
        object.broken.store(1)
      }
      Holds.take(attachment, object, holding)
    },
    supply: { object in Permits.supply(object) },
    held: { Permits.held($0, $1) },
    mode: { RWLock.mode($0) },
    acquisitions: { Permits.acquisitions($0) },
    parameters: { RWLock.showParameters($1, &$2) },
    state: { RWLock.showState($0, $1, &$2) },
    check: { attachment, object in Permits.check(attachment, object) })
}
