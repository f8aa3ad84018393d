import CSyncMgr
import CSyncMgrShim

/// The semaphore: counted permits, as they are.
enum Semaphore {
  // MARK: - Acquiring

  /// Takes permits when nobody is in the way. False when that is for `acquire` to find out.
  @inline(__always)
  static func acquireAtOnce(_ slot: Slot, _ count: UInt32, _ timeout: Int64) -> Bool {
    let object = slot.pointee.object.unsafelyUnwrapped
    guard count &- 1 < SYNCMGR_COUNT_MAX, timeout >= SYNCMGR_FOREVER,
      Guard.tryLock(object.guardian, slot.pointee.participant)
    else { return false }
    let isTaken = takeAtOnce(object, slot, count)
    Guard.unlock(object.guardian)
    return isTaken
  }

  /// The stores of `Permits.take`. Under the guard.
  @inline(__always)
  private static func takeAtOnce(_ object: Object, _ slot: Slot, _ count: UInt32) -> Bool {
    let holding = slot.pointee.holding.unsafelyUnwrapped
    let available = object.word.load()
    guard available >= count, object.isAlone, holding.mark.load() == 0 else { return false }
    let grants = object.grants.load()
    // Dies after the first store: the dead one has a permit more, and gives it back.
    if slot.pointee.flags & SYNCMGR_SEMAPHORE_SIGNALLING == 0 {
      holding.amount.store(holding.amount.load() &+ count)
    }
    object.word.store(available &- count)
    object.grants.store(grants &+ 1)
    return true
  }

  static func acquire(
    _ caller: Caller, _ count: UInt32, _ timeout: Int64
  ) throws(Failure) -> Int32 {
    let deadline = try Deadline.after(timeout)
    try check(caller, count)
    if let status = try Permits.takeNow(caller, count) { return status }
    if timeout == 0 {
      throw Failure(
        SYNCMGR_E_TIMEOUT, caller.object,
        "there are not enough free permits; the call does not wait")
    }
    return try Permits.wait(caller, count, until: deadline) { admit(caller, count) }
      .get(caller.object)
  }

  static func acquireStart(
    _ caller: Caller, _ count: UInt32, _ start: Tickets.Start
  ) throws(Failure) -> Started {
    try start.check(caller)
    try check(caller, count)
    if let status = try Permits.takeNow(caller, count) { return Started(status) }
    return try Permits.start(caller, count, start) { admit(caller, count) }
  }

  private static func admit(_ caller: Caller, _ count: UInt32) -> Int32? {
    Permits.takeIfFree(caller.attachment, caller.object, caller.holding, count)
  }

  private static func check(_ caller: Caller, _ count: UInt32) throws(Failure) {
    let total = caller.slot.pointee.count
    let isSignalling = caller.slot.pointee.flags & SYNCMGR_SEMAPHORE_SIGNALLING != 0
    let limit = isSignalling ? SYNCMGR_COUNT_MAX : total
    guard count >= 1, count <= limit else {
      throw Failure(
        SYNCMGR_E_INVALID, caller.object,
        text: "\(count) permits were asked for; 1 to \(limit) are possible")
    }
    if !isSignalling, caller.holding.amount.load() > total - count {
      throw Failure(
        SYNCMGR_E_DEADLOCK, caller.object,
        text: "this workstream holds \(caller.holding.amount.load()) of \(total) permits and "
          + "would wait for \(count) more for ever")
    }
  }

  // MARK: - Releasing

  /// Gives permits back when nobody waits. False when that is for `release` to find out.
  @inline(__always)
  static func releaseAtOnce(_ slot: Slot, _ count: UInt32) -> Bool {
    let object = slot.pointee.object.unsafelyUnwrapped
    guard count &- 1 < SYNCMGR_COUNT_MAX,
      Guard.tryLock(object.guardian, slot.pointee.participant)
    else { return false }
    let isDone = giveAtOnce(object, slot, count)
    Guard.unlock(object.guardian)
    return isDone
  }

  /// The stores of `Permits.release`. Under the guard.
  @inline(__always)
  private static func giveAtOnce(_ object: Object, _ slot: Slot, _ count: UInt32) -> Bool {
    let available = object.word.load()
    guard object.isAlone else { return false }
    if slot.pointee.flags & SYNCMGR_SEMAPHORE_SIGNALLING == 0 {
      let holding = slot.pointee.holding.unsafelyUnwrapped
      let held = holding.amount.load()
      guard held >= count, holding.lease.load() == 0 else { return false }
      holding.amount.store(held &- count)
    } else if available > SYNCMGR_COUNT_MAX &- count {
      return false
    }
    object.word.store(available &+ count)
    return true
  }

  static func release(_ caller: Caller, _ count: UInt32) throws(Failure) {
    let (object, attachment, holding) = (caller.object, caller.attachment, caller.holding)
    if count == 0 {
      throw Failure(SYNCMGR_E_INVALID, caller.object, "0 permits cannot be released")
    }
    var wakes = Wakes()
    try caller.lock()
    if caller.slot.pointee.flags & SYNCMGR_SEMAPHORE_SIGNALLING != 0 {
      let available = object.word.load()
      if count > SYNCMGR_COUNT_MAX || available > SYNCMGR_COUNT_MAX - count {
        caller.unlock()
        throw Failure(
          SYNCMGR_E_OVERFLOW, caller.object,
          text: "\(available) permits are available; \(count) more would be too many")
      }
      Permits.tell(SYNCMGR_NOTICE_RELEASED, attachment, object, holding, count)
      object.word.store(available + count)
      Permits.serve(attachment, object, &wakes)
    } else {
      let held = holding.amount.load()
      if held < count {
        let isLost = held == 0 && holding.mark.exchange(0) != 0
        caller.unlock()
        if isLost { throw Holds.lost(object) }
        throw Failure(
          SYNCMGR_E_NOT_OWNER, caller.object,
          text: "this workstream holds \(held) permits and cannot release \(count)")
      }
      Permits.release(attachment, object, holding, count, &wakes)
    }
    caller.unlock()
    wakes.send(attachment)
  }

  // MARK: - Recovery

  static let kind = Kind(
    holdsGrants: true,
    repair: { attachment, object in Permits.repair(attachment, object) },
    abandon: { attachment, object, holding, _ in
      Permits.giveBack(attachment, object, holding, holding.amount.load())
    },
    withdrawn: { attachment, object, cell in Permits.withdrawn(attachment, object, cell) },
    refused: { attachment, object, cell in Permits.refused(attachment, object, cell) },
    take: { attachment, object, holding in Holds.take(attachment, object, holding) },
    supply: { object in Permits.supply(object) },
    held: { Permits.held($0, $1) },
    acquisitions: { Permits.acquisitions($0) },
    parameters: { Semaphore.showParameters($1, &$2) },
    state: { Semaphore.showState($0, $1, &$2) },
    check: { attachment, object in Permits.check(attachment, object) })
}
