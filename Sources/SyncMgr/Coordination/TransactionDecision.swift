import CSyncMgr
import CSyncMgrShim

/// Deciding a transaction of several workstreams, by whoever can: its own workstream, or when that
/// is gone, anybody. One commit has all changes of all parts, their records, and the end of votes
/// and marks; so it is decided once, and whoever comes second finds that.
struct TransactionDecision {
  enum Outcome {
    case undecided
    case committed(revision: UInt64)
    case rolledBack(TransactionFault)
    /// There is no record of it any more.
    case unknown
  }

  let store: TransactionStore
  let whole: UInt64
  /// Nobody is there who waits for the votes: those that are missing will not come.
  let isDeserted: Bool

  private static let attempts = 1000

  func decide() throws(Failure) -> Outcome {
    for _ in 0..<Self.attempts {
      guard let record = try record(whole) else { return .unknown }
      switch record.status {
      case .committed: return .committed(revision: 0)
      case .rollingBack, .rolledBack, .failed, .timedOut:
        let fault = record.fault ?? TransactionFault(SYNCMGR_E_FAILED, "it is rolled back")
        try rollBack(fault)
        return .rolledBack(fault)
      case .pending, .active, .committing: break
      }
      let votes = try votes(record)
      let missing = try missing(record, votes)
      if case .undecided? = missing { return .undecided }
      do throws(Failure) {
        if case .rolledBack(let fault)? = missing {
          try abort(record, votes, fault)
          return .rolledBack(fault)
        }
        let revision = try commit(record, votes)
        return .committed(revision: revision)
      } catch {
        // Somebody has voted, or decided, meanwhile: once more.
        if error.status == SYNCMGR_E_GAP { continue }
        if error.status != SYNCMGR_E_CHANGED { throw error }
        let fault = TransactionFault(error)
        do throws(Failure) {
          try abort(record, votes, fault)
          return .rolledBack(fault)
        } catch { if error.status != SYNCMGR_E_GAP { throw error } }
      }
    }
    throw Failure(SYNCMGR_E_BUSY, "others change the transaction all the time")
  }

  func record(_ id: UInt64) throws(Failure) -> TransactionRecord? {
    guard let entry = try store.read(TransactionRecord.key(id)) else { return nil }
    guard let record = TransactionRecord(entry.data, version: entry.version) else {
      throw store.attachment.corrupt("the record of a transaction")
    }
    return record
  }

  /// By place; nil: it has not joined.
  private func votes(_ record: TransactionRecord) throws(Failure) -> [TransactionVote?] {
    var votes: [TransactionVote?] = []
    for place in record.workstreams.indices {
      let entry = try store.read(TransactionVote.key(whole, place))
      votes.append(entry.flatMap { TransactionVote($0.data, version: $0.version) })
    }
    return votes
  }

  /// Nil when all have voted for it.
  private func missing(
    _ record: TransactionRecord, _ votes: [TransactionVote?]
  ) throws(Failure) -> Outcome? {
    var isWaiting = false
    for (name, vote) in zip(record.workstreams, votes) {
      switch vote?.voice {
      case .yes?: continue
      case .no?:
        return .rolledBack(TransactionFault(SYNCMGR_E_FAILED, "'\(name)' voted against it"))
      case .joined?:
        if vote?.owner.lives(in: store.attachment) == false {
          return .rolledBack(
            TransactionFault(SYNCMGR_E_FAILED, "'\(name)' ended before it had voted"))
        }
        isWaiting = true
      case nil: isWaiting = true
      }
    }
    if !isWaiting { return nil }
    if !isDeserted { return .undecided }
    return .rolledBack(
      TransactionFault(
        SYNCMGR_E_FAILED, "'\(record.owner.name)' ended before all had voted"))
  }

  // MARK: - Both ways

  private func commit(
    _ record: TransactionRecord, _ votes: [TransactionVote?]
  ) throws(Failure) -> UInt64 {
    var data: [[UInt8]: TransactionStore.Change] = [:]
    var ranges: [ReadRange] = []
    for vote in votes {
      guard let vote else { continue }
      ranges += vote.ranges
      for change in vote.changes {
        if let other = data[change.key] {
          data[change.key] = merged(other, change)
        } else {
          data[change.key] = change
        }
      }
    }
    var all = try housekeeping(record, votes) { record in
      record.status = .committed
      record.ended = sm_date()
    }
    let own = all.count
    all += data.values.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    let check = try RangeCheck(ranges, store)
    do throws(Failure) {
      return try store.commit(&all) { (store) throws(Failure) in
        try check.check(store.store)
      }
    } catch { throw try isMoved(all.prefix(own), error) }
  }

  /// One of both only checks the key: two parts that write one cannot both have prepared it.
  private func merged(
    _ one: TransactionStore.Change, _ other: TransactionStore.Change
  ) -> TransactionStore.Change {
    var result = one.isCheck ? other : one
    let check = one.isCheck ? one : other
    if result.expected == SYNCMGR_VERSION_ANY { result.expected = check.expected }
    return result
  }

  func abort(
    _ record: TransactionRecord, _ votes: [TransactionVote?], _ fault: TransactionFault
  ) throws(Failure) {
    var all = try housekeeping(record, votes) { $0.goBack(fault) }
    do throws(Failure) { _ = try store.commit(&all, flags: SYNCMGR_PUT_QUEUED) } catch {
      throw try isMoved(all[...], error)
    }
  }

  /// Rolls it back, unless it is decided already. One that says so itself, to undo what it has
  /// executed, may still have votes: these, their marks, and the parts end here.
  func rollBack(_ fault: TransactionFault) throws(Failure) {
    for _ in 0..<Self.attempts {
      guard let record = try record(whole), record.status != .committed else { return }
      let votes = try votes(record)
      if record.status.isBack, votes.allSatisfy({ $0 == nil }) { return }
      do throws(Failure) { return try abort(record, votes, fault) } catch {
        if error.status != SYNCMGR_E_GAP { throw error }
      }
    }
  }

  /// What is committed whatever is decided: the end of votes and marks, and the records.
  private func housekeeping(
    _ record: TransactionRecord, _ votes: [TransactionVote?],
    _ change: (inout TransactionRecord) -> Void
  ) throws(Failure) -> [TransactionStore.Change] {
    var whole = record
    change(&whole)
    // Who undoes it goes on with the version that it knows.
    var all = [
      record.status.isBack
        ? .check(TransactionRecord.key(self.whole), record.version) : whole.change
    ]
    var marks: Set<[UInt8]> = []
    for (place, vote) in votes.enumerated() {
      guard let vote else { continue }
      all.append(.delete(TransactionVote.key(self.whole, place), vote.version))
      if vote.voice != .yes { continue }
      for change in vote.changes where !change.isCheck {
        marks.insert(PreparedKeys.mark(of: change.key))
      }
      if vote.transaction != self.whole, var part = try self.record(vote.transaction) {
        change(&part)
        all.append(part.change)
      }
    }
    for mark in marks { all.append(.delete(mark)) }
    if !marks.isEmpty { all.append(try PreparedKeys.counted(store, -marks.count)) }
    return all
  }

  /// Whether a commit failed because votes or records are not what they were: E_GAP.
  private func isMoved(
    _ own: ArraySlice<TransactionStore.Change>, _ failure: Failure
  ) throws(Failure) -> Failure {
    guard failure.status == SYNCMGR_E_CHANGED, own.contains(where: { $0.isChanged }) else {
      return failure
    }
    return Failure(SYNCMGR_E_GAP, "the votes have changed meanwhile")
  }
}

extension PreparedKeys {
  /// The change of how many keys are prepared in all.
  static func counted(
    _ store: TransactionStore, _ step: Int
  ) throws(Failure) -> TransactionStore.Change {
    let entry = try store.read(count)
    let before = entry.flatMap { Int(text($0.data)) } ?? 0
    let after = max(before + step, 0)
    return TransactionStore.Change(
      key: count, data: after == 0 ? nil : Array(String(after).utf8),
      expected: entry?.version ?? 0)
  }
}
