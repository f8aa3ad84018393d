import CSyncMgr
import CSyncMgrShim

/// The end of a transaction: one commit of the store has its changes, its record, and the check of
/// what was read. Dies before the commit point of that: nobody has seen anything. After: it is
/// committed, and its locks go with its workstream.
extension Transaction {
  /// All operations are executed.
  func arrive(_ blocks: Bool) throws(Failure) -> TransactionStep? {
    switch plan.aim {
    case .execute:
      plan.rest()
      return TransactionStep(kind: .done)
    case .prepare:
      guard isVoted() else { return nil }
      plan.rest()
      return TransactionStep(kind: .done, revision: revision)
    case .commit where part == nil: return commitAlone()
    case .commit: return isVoted() ? try decision(blocks) : nil
    case .none, .rollback, .rollbackTo: return nil
    }
  }

  /// What the commit changes and checks: of each key once.
  func changes() -> [TransactionStore.Change] {
    var all: [TransactionStore.Change] = []
    for write in writes.final {
      var expected = write.expected
      if let read = reads.keys[write.key] { expected = read }
      all.append(
        TransactionStore.Change(
          key: write.key, data: write.data, type: write.type, expected: expected))
    }
    for (key, version) in reads.keys where writes[key] == nil {
      all.append(.check(key, version))
    }
    return all
  }

  private func commitAlone() -> TransactionStep? {
    let before = record
    do throws(Failure) {
      let store = try store()
      plan.operations.indices.forEach { plan.operations[$0].deadline = Deadline.never }
      status = .committed
      record.ended = sm_date()
      record.operations = plan.operations
      var changes = changes()
      changes.append(record.change)
      let ranges = reads.ranges
      let checked = try RangeCheck(ranges, store)
      revision = try store.commit(&changes) { (store) throws(Failure) in
        try checked.check(store.store)
      }
      record.version = changes[changes.count - 1].version
      settle()
      return TransactionStep(kind: .done, revision: revision)
    } catch {
      let fault = TransactionFault(error)
      record = before
      status = .rollingBack
      plan.miss(fault)
      return nil
    }
  }

  /// The transaction is over: what it holds goes.
  func settle() {
    writes.removeAll()
    targets.releaseAll()
    restorePriority()
    plan.rest()
    TransactionRecords.ended(home)
  }

  // MARK: - Its record

  /// Writes the record as it is now. It fails when somebody else has it, who took us for dead.
  func persist(isDurable: Bool) throws(Failure) {
    record.operations = plan.operations
    var changes = [record.change]
    let written = try store().commit(&changes)
    record.version = changes[0].version
    if isDurable { awaited = written }
  }

  /// Waits until what was last written to be durable is on disk; nil: it is. When it is not to
  /// wait: which step does.
  func syncRecord(_ blocks: Bool) throws(Failure) -> TransactionStep? {
    guard let revision = awaited else { return nil }
    let store = try store().store
    let head = try store.log().head
    if head.backed.load() != 0, head.durable.load() < revision {
      if !blocks { return TransactionStep(kind: .sync, revision: revision) }
      try store.sync(revision, until: deadline)
    }
    awaited = nil
    return nil
  }

  /// Ends it as rolled back or timed out. When the record cannot be written, it is found as that of
  /// a transaction which nobody goes on with once the workstream is closed.
  func finish(_ status: TransactionStatus) {
    self.status = status
    record.ended = sm_date()
    record.operations = plan.operations
    do throws(Failure) {
      if part != nil {
        try withdrawVotes()
      } else {
        try persist(isDurable: false)
      }
    } catch {}
    settle()
  }

  // MARK: - The workstream's priority

  func takePriority() {
    guard !options.isOptimistic, options.priority != 0, let stream = home.stream else { return }
    formerPriority = stream.priority.load()
    stream.priority.store(UInt32(bitPattern: options.priority))
  }

  private func restorePriority() {
    if let formerPriority { home.stream?.priority.store(formerPriority) }
    formerPriority = nil
    home.endLocks(self)
  }
}

/// Whether ranges are as they were read. They are compared before the commit, without a guard; what
/// the commit itself has to look at are the few changes since.
struct RangeCheck {
  private let ranges: [ReadRange]
  /// Up to which all of them are known to be right.
  private let revision: UInt64

  init(_ ranges: [ReadRange], _ store: TransactionStore) throws(Failure) {
    self.ranges = ranges
    var known = UInt64.max
    for range in ranges {
      var revision = range.revision
      // What the log no longer has is read once more.
      if try store.isChanged(behind: revision, range.has) == nil {
        let again = try store.digest(of: range)
        if again.digest != range.digest { throw RangeCheck.failure(range) }
        revision = again.revision
      }
      known = min(known, revision)
    }
    revision = known
  }

  /// Under the send guard.
  func check(_ store: Store) throws(Failure) {
    if ranges.isEmpty { return }
    let view = TransactionStore(store)
    for range in ranges {
      let from = max(range.revision, revision)
      switch try view.isChanged(behind: from, range.has) {
      case false?: continue
      case true?: throw RangeCheck.failure(range)
      // So much was committed in this moment that the log lost it.
      case nil:
        throw Failure(
          SYNCMGR_E_CHANGED, "too much was committed meanwhile to tell whether a range changed")
      }
    }
  }

  private static func failure(_ range: ReadRange) -> Failure {
    let what = range.glob.map { text($0) } ?? text(range.prefix ?? []) + "**"
    return Failure(
      SYNCMGR_E_CHANGED, naming: "a key of the range '\(what)', which was read, has changed")
  }
}
