import CSyncMgr
import CSyncMgrShim

/// What a manager does so that no deadlock happens, around the ways to take a lock. Handles of
/// such a manager are marked, and have a decoy in the place of their object: on it every fast path
/// fails, so that others' need no look at whether there is something to prevent.
enum Prevention {
  static func applies(to type: HandleType) -> Bool {
    type == .mutex || type == .semaphore || type == .rwlock || type == .target
  }

  private static func isAged(_ settings: PreventionSettings) -> Bool {
    settings.strategy == SYNCMGR_PREVENT_WAIT_DIE
      || settings.strategy == SYNCMGR_PREVENT_WOUND_WAIT
  }

  /// The settings, with what looks at waits while they go on.
  static func reviewing(_ settings: PreventionSettings) -> PreventionSettings {
    var complete = settings
    if isAged(settings) {
      complete.cellFlag =
        settings.strategy == SYNCMGR_PREVENT_WAIT_DIE ? CellFlag.dies : CellFlag.wounds
      complete.review = { (caller, end) throws(Failure) in
        try Seniority.review(caller, settings, &end)
      }
    }
    return complete
  }

  // MARK: - Ways in

  /// Takes a lock by `body`, which gets the timeout.
  @inline(__always)
  static func take(
    _ caller: Caller, _ timeout: Int64, _ body: (Int64) throws(Failure) -> Int32
  ) throws(Failure) -> Int32 {
    if caller.slot.pointee.flags & Possessions.decoyMark == 0 { return try body(timeout) }
    return try takeCarefully(caller, timeout, body)
  }

  @inline(__always)
  static func start(
    _ caller: Caller, _ start: Tickets.Start, _ body: (Tickets.Start) throws(Failure) -> Started
  ) throws(Failure) -> Started {
    if caller.slot.pointee.flags & Possessions.decoyMark == 0 { return try body(start) }
    return try startCarefully(caller, start, body)
  }

  private static func takeCarefully(
    _ caller: Caller, _ timeout: Int64, _ body: (Int64) throws(Failure) -> Int32
  ) throws(Failure) -> Int32 {
    _ = try Deadline.after(timeout)
    guard let settings = Possessions.of(caller).prevention else { return try body(timeout) }
    try look(caller, settings, waits: timeout != 0)
    let limit = limited(timeout, settings)
    if !isAged(settings) || limit == 0 { return try body(limit) }
    do throws(Failure) { return try body(0) } catch {
      if error.status != SYNCMGR_E_TIMEOUT { throw error }
    }
    try Seniority.look(caller, settings)
    return try body(limit)
  }

  private static func startCarefully(
    _ caller: Caller, _ start: Tickets.Start, _ body: (Tickets.Start) throws(Failure) -> Started
  ) throws(Failure) -> Started {
    try start.check(caller)
    guard let settings = Possessions.of(caller).prevention else { return try body(start) }
    try look(caller, settings, waits: start.timeout != 0)
    func with(_ timeout: Int64) -> Tickets.Start {
      var changed = start
      changed.timeout = timeout
      return changed
    }
    let limited = with(limited(start.timeout, settings))
    if !isAged(settings) { return try body(limited) }
    do throws(Failure) { return try body(with(0)) } catch {
      if error.status != SYNCMGR_E_TIMEOUT || start.timeout == 0 { throw error }
    }
    try Seniority.look(caller, settings)
    let started = try body(limited)
    guard started.outcome.status == SYNCMGR_PENDING else { return started }
    var end: Int64 = 0
    do throws(Failure) { try Seniority.review(caller, settings, &end) } catch {
      // Unless it has ended otherwise: then that stands.
      if (try? Tickets.takeBack(started.ticket, caller.attachment)) == true { throw error }
      return started
    }
    Seniority.reviewLater(caller, started.ticket, settings, end)
    return started
  }

  private static func limited(_ timeout: Int64, _ settings: PreventionSettings) -> Int64 {
    timeout == SYNCMGR_FOREVER && settings.strategy == SYNCMGR_PREVENT_TIMEOUT
      ? settings.timeout : timeout
  }

  // MARK: - Before a lock is taken

  private static func look(
    _ caller: Caller, _ settings: PreventionSettings, waits: Bool
  ) throws(Failure) {
    let ranks = settings.strategy == SYNCMGR_PREVENT_RANKS
    guard ranks || settings.watchesOrder else { return }
    let attachment = caller.attachment
    let held = Possessions.of(caller).held(attachment).compactMap {
      attachment.segment.object($0.object.load() &- 1)
    }.filter { $0 != caller.object }
    if ranks { try checkRank(caller.object, held) }
    // Who only tries waits for nobody.
    if settings.watchesOrder, waits, !held.isEmpty {
      LockOrder.of(attachment).note(caller, held)
    }
  }

  private static func checkRank(_ object: Object, _ held: [Object]) throws(Failure) {
    let rank = object.rank.load()
    guard rank != 0, let highest = held.max(by: { $0.rank.load() < $1.rank.load() }),
      highest.rank.load() >= rank
    else { return }
    throw Failure(
      SYNCMGR_E_RANK, object,
      text: "its rank \(rank) is not above \(highest.rank.load()), the rank of "
        + "'\(NameField(highest).read().text)', which this workstream holds")
  }

  // MARK: - The decoy

  /// An object that is never free.
  nonisolated(unsafe) static let decoy: Object = {
    // Safe because it is made once and only ever read.
    let made = Object.allocate(capacity: 1)
    made.initialize(to: sm_object())
    made.word.store(UInt32.max)
    made.guardian.store(UInt32.max)
    return made
  }()
}
