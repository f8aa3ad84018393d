import CSyncMgr
import CSyncMgrShim

/// Something that is not ours, recorded by hand. The holding says what its workstream has
/// (`amount`), asks for (`index`, since `leaseLength`, as request number `mark`) and declared at
/// most (`joined`); `token` is the deadlock that ended its request and that it was not told of.
/// The object's word is what is free; `repair` counts it anew. Nobody waits in a line here.
enum Resource {
  // MARK: - Asking

  static func request(_ caller: Caller, _ count: UInt32) throws(Failure) -> Int32 {
    let (object, holding) = (caller.object, caller.holding)
    try caller.lock()
    var isUnlocked = false
    defer { if !isUnlocked { caller.unlock() } }
    try check(caller, count)
    let verdict = takeVerdict(holding)
    if verdict != 0 {
      isUnlocked = true
      caller.unlock()
      throw Detection.failure(verdict, object, caller.attachment)
    }
    let order = object.order.load() &+ 1
    object.order.store(order)
    // No request while it changes: dies in between: it had none.
    holding.index.store(0)
    holding.mark.store(order)
    holding.leaseLength.store(UInt64(bitPattern: sm_now()))
    holding.index.store(count)
    let isFree = object.word.load() >= count
    isUnlocked = true
    caller.unlock()
    if isFree { return SYNCMGR_OK }
    if Possessions.of(caller).canHoldUpOthers(caller.attachment) {
      Detection.expect(caller.attachment)
    }
    return SYNCMGR_PENDING
  }

  static func cancel(_ caller: Caller) throws(Failure) {
    try caller.lock()
    defer { caller.unlock() }
    if caller.holding.index.load() == 0 {
      throw Failure(SYNCMGR_E_NOT_FOUND, caller.object, "this workstream has no request")
    }
    caller.holding.index.store(0)
  }

  // MARK: - Having

  /// `avoids`: refuses what would be unsafe.
  static func allocate(
    _ caller: Caller, _ count: UInt32, avoids: Bool
  ) throws(Failure) {
    let (holding, attachment) = (caller.holding, caller.attachment)
    // Two that are safe one by one may not be so together: only one at a time is looked at.
    if avoids { attachment.lockDeadlocks() }
    defer { if avoids { Guard.unlock(attachment.header.deadlockGuardian) } }
    let unsafe =
      avoids
      ? Banker(attachment, adding: (attachment.segment.index(of: holding), count)).stuck : []
    try caller.lock()
    let failure: Failure?
    let verdict = holding.token.load()
    do throws(Failure) {
      try check(caller, count)
      if verdict == 0 {
        try take(caller, count, unsafe.count)
      } else {
        _ = takeVerdict(holding)
      }
      failure = nil
    } catch { failure = error }
    caller.unlock()
    if let failure { throw failure }
    if verdict != 0 { throw victimFailure(verdict, caller, isLocked: avoids) }
  }

  private static func take(
    _ caller: Caller, _ count: UInt32, _ unsafeCount: Int
  ) throws(Failure) {
    let (object, holding) = (caller.object, caller.holding)
    let available = object.word.load()
    if available < count {
      throw Failure(
        SYNCMGR_E_BUSY, object, text: "\(available) instances are free, not \(count)")
    }
    if unsafeCount > 0 {
      throw Failure(
        SYNCMGR_E_UNSAFE, object,
        text: "after \(count) more, \(unsafeCount) workstreams could not be sure to end")
    }
    // Dies between the stores: what the holding says is given back.
    holding.amount.store(holding.amount.load() &+ count)
    object.word.store(available &- count)
    holding.index.store(0)
  }

  static func release(_ caller: Caller, _ count: UInt32) throws(Failure) {
    try caller.lock()
    defer { caller.unlock() }
    let held = caller.holding.amount.load()
    if count == 0 {
      throw Failure(SYNCMGR_E_INVALID, caller.object, "0 instances cannot be given back")
    }
    if held < count {
      throw Failure(
        SYNCMGR_E_NOT_OWNER, caller.object,
        text: "this workstream has \(held) instances and cannot give \(count) back")
    }
    caller.holding.amount.store(held - count)
    caller.object.word.store(caller.object.word.load() &+ count)
    tellWaiters(caller.attachment, caller.object)
  }

  /// Tells those whose request can be met now that they can allocate. Under the guard.
  private static func tellWaiters(_ attachment: Attachment, _ object: Object) {
    guard attachment.wants(SYNCMGR_NOTICE_RESOURCE_AVAILABLE) else { return }
    let free = object.word.load()
    attachment.forHoldings(of: object) { holding in
      let wanted = holding.index.load()
      if wanted != 0, wanted <= free {
        attachment.emit(
          SYNCMGR_NOTICE_RESOURCE_AVAILABLE, object, owner: holding.workstream.load(),
          value: UInt64(wanted))
      }
    }
  }

  static func declare(_ caller: Caller, _ most: UInt32) throws(Failure) {
    try caller.lock()
    defer { caller.unlock() }
    let (total, held) = (caller.object.count.load(), caller.holding.amount.load())
    if most > total || most < held || most == 0 {
      throw Failure(
        SYNCMGR_E_INVALID, caller.object,
        text: "\(most) cannot be the most: it has \(held) of \(total)")
    }
    caller.holding.joined.store(most)
  }

  static func available(_ caller: Caller) throws(Failure) -> UInt32 {
    try caller.lock()
    defer { caller.unlock() }
    return caller.object.word.load()
  }

  // MARK: - Under the guard

  private static func check(_ caller: Caller, _ count: UInt32) throws(Failure) {
    let held = caller.holding.amount.load()
    let declared = caller.holding.joined.load()
    let most = declared == 0 ? caller.object.count.load() : declared
    if count == 0 || count > most || held > most - count {
      throw Failure(
        SYNCMGR_E_INVALID, caller.object,
        text: "\(count) cannot be asked for: this workstream has \(held) and may have \(most)")
    }
  }

  private static func takeVerdict(_ holding: Holding) -> UInt64 {
    let verdict = holding.token.load()
    if verdict != 0 {
      holding.index.store(0)
      holding.token.store(0)
    }
    return verdict
  }

  private static func victimFailure(
    _ verdict: UInt64, _ caller: Caller, isLocked: Bool
  ) -> Failure {
    isLocked
      ? Detection.failure(of: caller.attachment.deadlockRow(verdict), caller.object)
      : Detection.failure(verdict, caller.object, caller.attachment)
  }

  // MARK: - Recovery

  static let kind = Kind(
    holdsGrants: false,
    repair: { attachment, object in
      var held: UInt32 = 0
      attachment.forHoldings(of: object) { held = held &+ $0.amount.load() }
      let total = object.count.load()
      object.word.store(total >= held ? total - held : 0)
    },
    abandon: { attachment, object, holding, _ in
      let held = holding.amount.load()
      holding.index.store(0)
      holding.amount.store(0)
      object.word.store(object.word.load() &+ held)
    },
    withdrawn: { _, _, _ in },
    refused: { _, _, _ in },
    supply: { object in .recorded(total: object.count.load()) },
    held: { Permits.held($0, $1) },
    asleep: { shownRequest($0) },
    parameters: { showParameters($1, &$2) },
    state: { showState($0, $1, &$2) },
    check: { attachment, object in
      var held: UInt32 = 0
      attachment.forHoldings(of: object) { held = held &+ $0.amount.load() }
      let free = object.word.load()
      return held &+ free == object.count.load()
        ? nil : "has \(free) instances free and \(held) held of \(object.count.load())"
    })
}
