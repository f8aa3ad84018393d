import CSyncMgr
import CSyncMgrShim

/// The part that a workstream takes in a transaction of several.
extension Transaction {
  private static let voteAttempts = 1000

  /// Votes, unless it has. False when that failed: the way is back then.
  func isVoted() -> Bool {
    if hasVoted { return true }
    do throws(Failure) {
      for _ in 0..<Self.voteAttempts where !hasVoted { try vote() }
      if !hasVoted {
        throw Failure(SYNCMGR_E_BUSY, "others change the transaction all the time")
      }
      return true
    } catch {
      plan.miss(TransactionFault(error))
      return false
    }
  }

  /// One commit has the vote with the changes, the marks of their keys, and the record. What was
  /// read is checked now, and again when it is decided. Dies before: there is no vote. After: it
  /// counts, whoever lives. Does nothing when somebody changed what it depends on.
  private func vote() throws(Failure) {
    guard let part else { return }
    let store = try store()
    let wanted = changes()
    try DeclaredRules.check(store.store, wanted)
    var mine = TransactionVote(.yes, id, record.owner)
    mine.changes = wanted
    mine.ranges = reads.ranges
    var next = record
    next.status = .committing
    next.operations = plan.operations
    var all = [
      TransactionStore.Change(
        key: TransactionVote.key(whole, part), data: mine.bytes, type: SYNCMGR_CELL_JSON,
        expected: voteVersion), next.change,
    ]
    if isJoined { all.append(.check(TransactionRecord.key(whole), try openWhole(store).version)) }
    var marks: Set<[UInt8]> = []
    for change in wanted where !change.isCheck { marks.insert(PreparedKeys.mark(of: change.key)) }
    if !marks.isEmpty { all.append(try PreparedKeys.counted(store, marks.count)) }
    let own = all.count
    for mark in marks {
      all.append(
        TransactionStore.Change(
          key: mark, data: Array((JSONValue(hex: whole).string ?? "").utf8), expected: 0))
    }
    let keys = all.count
    for change in wanted where change.expected != SYNCMGR_VERSION_ANY {
      all.append(.check(change.key, change.expected))
    }
    let ranges = try RangeCheck(reads.ranges, store)
    do throws(Failure) {
      revision = try store.commit(&all, until: deadline) { (store) throws(Failure) in
        if !marks.isEmpty { try DeclaredRules.setPrepared(store) }
        try ranges.check(store.store)
      }
    } catch {
      if error.status == SYNCMGR_E_CHANGED {
        if all[2..<own].contains(where: { $0.isChanged }) { return }
        if all[..<2].contains(where: { $0.isChanged }) { throw lost() }
        if let taken = all[own..<keys].first(where: { $0.isChanged }) {
          throw DeclaredRules.busy(taken.key, try store.read(taken.key)?.data ?? [])
        }
      }
      throw error
    }
    voted(all, next)
  }

  private func voted(_ all: [TransactionStore.Change], _ next: TransactionRecord) {
    voteVersion = all[0].version
    record = next
    record.version = all[1].version
    status = .committing
    hasVoted = true
  }

  /// The record of the transaction that it is a part of, while that can be voted on.
  private func openWhole(_ store: TransactionStore) throws(Failure) -> TransactionRecord {
    let decision = TransactionDecision(store: store, whole: whole, isDeserted: true)
    guard let record = try decision.record(whole),
      record.status.isOpen || record.status == .committing
    else { throw lost() }
    if !record.owner.lives(in: attachment) {
      throw Failure(
        SYNCMGR_E_FAILED, naming: "'\(record.owner.name)', who has begun \(called), has ended")
    }
    return record
  }

  /// The vote that this one's is to take the place of is gone: it is decided.
  private func lost() -> Failure {
    Failure(
      SYNCMGR_E_FAILED,
      naming: "\(called) was rolled back, because of another part of it or as that of the dead")
  }

  // MARK: - The decision

  /// After the vote. Nil: it is rolled back, and the way is back.
  func decision(_ blocks: Bool) throws(Failure) -> TransactionStep? {
    while true {
      let store = try store()
      let seen = try store.store.revision()
      switch try isJoined ? heard(store) : decided(store) {
      case .committed(let revision):
        status = .committed
        self.revision = revision
        settle()
        return TransactionStep(kind: .done, revision: revision)
      case .rolledBack(let fault):
        hasVoted = false
        plan.miss(
          TransactionFault(
            fault.status == SYNCMGR_E_CHANGED ? SYNCMGR_E_CHANGED : SYNCMGR_E_FAILED,
            fault.sentence))
        return nil
      case .unknown:
        plan.miss(
          TransactionFault(
            SYNCMGR_E_UNKNOWN, "the records of \(called) are gone: its outcome cannot be told"))
        hasVoted = false
        return nil
      case .undecided: break
      }
      if !isJoined, isTooLate {
        isTimedOut = true
        plan.miss(lateFault)
        return nil
      }
      let left = isJoined ? SYNCMGR_FOREVER : lockTimeout(SYNCMGR_FOREVER)
      if !blocks || Local.always({ _ in isClosing }) {
        return TransactionStep(kind: .votes, revision: seen, timeout: left)
      }
      waitForCommit(store, seen, until: isJoined ? Deadline.never : deadline)
    }
  }

  /// Sleeps until something is committed, or until it is time to see who is dead.
  func waitForCommit(_ store: TransactionStore, _ seen: UInt64, until end: Int64) {
    let look = Deadline.earlier(end, sm_now() + 20_000_000)
    let timeout = look == Deadline.never ? 20_000_000 : max(look - sm_now(), 0)
    // A time that passed, and an end by the close of the handle, are what callers look for.
    _ = try? store.store.wait(nil, since: seen, timeout)
  }

  /// Of the transaction that is this workstream's own.
  private func decided(_ store: TransactionStore) throws(Failure) -> TransactionDecision.Outcome {
    let decision = TransactionDecision(store: store, whole: whole, isDeserted: false)
    let outcome = try decision.decide()
    if let kept = try decision.record(whole) { record.version = kept.version }
    return outcome
  }

  /// Of a part: what its own record says. When nobody is there who would decide, it does.
  private func heard(_ store: TransactionStore) throws(Failure) -> TransactionDecision.Outcome {
    let decision = TransactionDecision(store: store, whole: whole, isDeserted: true)
    guard let own = try decision.record(id) else { return .unknown }
    record.version = own.version
    switch own.status {
    case .committed: return .committed(revision: try store.store.revision())
    case .rollingBack, .rolledBack, .failed, .timedOut:
      return .rolledBack(own.fault ?? TransactionFault(SYNCMGR_E_FAILED, "it was rolled back"))
    case .pending, .active, .committing: break
    }
    guard let whole = try decision.record(whole) else { return .unknown }
    if whole.status.isBack || !whole.owner.lives(in: attachment) { _ = try decision.decide() }
    return .undecided
  }

  // MARK: - Against it

  /// Part of the end of one that is rolled back: the others hear of it.
  func withdrawVotes() throws(Failure) {
    guard let part else { return }
    let store = try store()
    if !isJoined {
      let decision = TransactionDecision(store: store, whole: whole, isDeserted: true)
      try decision.rollBack(
        record.fault ?? TransactionFault(SYNCMGR_E_FAILED, "'\(record.owner.name)' rolled it back"))
      if let kept = try decision.record(whole) { record.version = kept.version }
      return try persist(isDurable: false)
    }
    let against = TransactionVote(.no, id, record.owner)
    var all = [
      TransactionStore.Change(
        key: TransactionVote.key(whole, part), data: against.bytes, type: SYNCMGR_CELL_JSON,
        expected: voteVersion), record.change,
    ]
    do throws(Failure) { _ = try store.commit(&all) } catch {
      if error.status != SYNCMGR_E_CHANGED { throw error }
      // It is decided already.
      try persist(isDurable: false)
    }
  }
}
