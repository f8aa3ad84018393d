import CSyncMgr
import CSyncMgrShim

/// The records of all transactions of a space.
struct TransactionRecords {
  let store: TransactionStore

  /// Records of ended transactions are kept, so many at least.
  static let kept = 1024
  /// So many may end in a process before it looks whether there are too many.
  private static let slack = 256

  // MARK: - Looking

  /// The oldest first.
  func all() throws(Failure) -> [TransactionRecord] {
    try store.list(TransactionRecord.prefix).compactMap {
      TransactionRecord($0.data, version: $0.version)
    }.sorted { ($0.began, $0.id) < ($1.began, $1.id) }
  }

  func one(_ id: UInt64) throws(Failure) -> TransactionRecord? {
    try store.read(TransactionRecord.key(id)).flatMap {
      TransactionRecord($0.data, version: $0.version)
    }
  }

  /// Those that are chosen, as JSON, the oldest first.
  func json(
    _ wanted: (TransactionStatus) -> Bool, workstream: String?
  ) throws(Failure) -> [UInt8] {
    let chosen = try all().filter { record in
      guard wanted(record.status) else { return false }
      guard let workstream else { return true }
      return record.owner.name == workstream || record.workstreams.contains(workstream)
    }
    return JSON.bytes(of: .list(chosen.map { $0.json }))
  }

  // MARK: - Forgetting

  /// Forgets what ended before a time, or failed and has nobody who would go on with it.
  func clear(before time: Int64) throws(Failure) -> Int {
    try remove(
      try all().filter { record in
        if record.status.isOver { return record.ended <= time }
        return record.status == .failed && !record.owner.lives(in: store.attachment)
          && record.began <= time
      })
  }

  /// A transaction has ended: from time to time those that are too many go.
  static func ended(_ home: TransactionHome) {
    let kept = LocalCoordination.of(home.attachment)
    let isDue = Local.always { _ in
      kept.ended += 1
      if kept.ended < slack { return false }
      kept.ended = 0
      return true
    }
    if !isDue { return }
    // What fails here is tried again after as many more.
    if let store = try? TransactionStore(handle: home.store) {
      try? TransactionRecords(store: store).trim()
    }
  }

  func trim() throws(Failure) {
    let over = try all().filter { $0.status.isOver }
    if over.count <= Self.kept { return }
    _ = try remove(Array(over.prefix(over.count - Self.kept)))
  }

  private func remove(_ records: [TransactionRecord]) throws(Failure) -> Int {
    var count = 0
    for record in records {
      var changes = [
        TransactionStore.Change.delete(TransactionRecord.key(record.id), record.version)
      ]
      do throws(Failure) {
        _ = try store.commit(&changes)
        count += 1
      } catch {
        // Somebody else removed it, or goes on with it.
        if error.status != SYNCMGR_E_CHANGED { throw error }
      }
    }
    return count
  }
}

/// What dead processes left: ended where that needs no callbacks, and else found for whoever has
/// them.
struct TransactionRecovery {
  let records: TransactionRecords

  init(_ store: TransactionStore) { records = TransactionRecords(store: store) }

  private var store: TransactionStore { records.store }
  private var attachment: Attachment { store.attachment }

  /// What came of one.
  struct Found {
    var id: UInt64
    var status: TransactionStatus
  }

  /// Ends what can be ended without callbacks. Returns what it ended, and what is left to be
  /// undone.
  func sweep() throws(Failure) -> (ended: [Found], left: [TransactionRecord]) {
    var ended: [Found] = []
    var left: [TransactionRecord] = []
    for record in try records.all() {
      if record.status.isOver || record.owner.lives(in: attachment) { continue }
      guard let after = try settle(record) else { continue }
      if after.status.isOver {
        ended.append(Found(id: after.id, status: after.status))
      } else if after.status == .rollingBack || after.status == .failed {
        left.append(after)
      }
    }
    return (ended, left)
  }

  /// How a transaction of the dead is afterwards; nil: nobody is to do anything about it, or
  /// somebody else does.
  private func settle(_ record: TransactionRecord) throws(Failure) -> TransactionRecord? {
    let whole = record.whole != 0 ? record.whole : record.id
    if record.whole != 0 {
      // A part that had not voted is a vote against. One that had waits for the decision.
      if record.status != .committing { try voteAgainst(record) }
      guard let other = try records.one(whole) else { return try goBack(record) }
      if other.owner.lives(in: attachment), record.status == .committing,
        other.status.isOpen || other.status == .committing
      {
        return nil
      }
    }
    if record.whole != 0 || record.workstreams.count > 1 {
      _ = try TransactionDecision(store: store, whole: whole, isDeserted: true).decide()
    }
    guard let now = try records.one(record.id) else { return nil }
    return try goBack(now)
  }

  private func voteAgainst(_ record: TransactionRecord) throws(Failure) {
    guard let whole = try records.one(record.whole),
      let place = whole.workstreams.firstIndex(of: record.owner.name)
    else { return }
    let key = TransactionVote.key(whole.id, place)
    guard let entry = try store.read(key),
      let vote = TransactionVote(entry.data, version: entry.version), vote.voice == .joined,
      vote.transaction == record.id
    else { return }
    let against = TransactionVote(.no, record.id, record.owner)
    var changes = [
      TransactionStore.Change(
        key: key, data: against.bytes, type: SYNCMGR_CELL_JSON, expected: entry.version)
    ]
    try ignoringChange { () throws(Failure) in _ = try store.commit(&changes) }
  }

  /// Marks it as rolled back, or where something is to be undone as rolling back.
  private func goBack(_ record: TransactionRecord) throws(Failure) -> TransactionRecord? {
    if record.status.isOver || record.status == .failed { return record }
    if record.status == .rollingBack, record.hasToUndo { return record }
    var after = record
    after.goBack(
      record.fault
        ?? TransactionFault(
          SYNCMGR_E_UNAVAILABLE, "its workstream '\(record.owner.name)' ended in the midst of it"))
    var changes = [after.change]
    var isDone = false
    try ignoringChange { () throws(Failure) in
      _ = try store.commit(&changes)
      isDone = true
    }
    after.version = changes[0].version
    return isDone ? after : nil
  }

  private func ignoringChange(_ body: () throws(Failure) -> Void) throws(Failure) {
    do throws(Failure) { try body() } catch {
      if error.status != SYNCMGR_E_CHANGED { throw error }
    }
  }

  // MARK: - Taking over

  /// Takes over a transaction of the dead, to undo what it executed. Nil: somebody else has.
  func adopt(
    _ record: TransactionRecord, _ home: TransactionHome
  ) throws(Failure) -> Transaction? {
    var mine = record
    mine.owner = TransactionOwner(attachment, home.owner)
    mine.status = .rollingBack
    var changes = [mine.change]
    do throws(Failure) { _ = try store.commit(&changes) } catch {
      if error.status == SYNCMGR_E_CHANGED { return nil }
      throw error
    }
    mine.version = changes[0].version
    var options = TransactionOptions()
    options.flags = record.flags
    options.isolation = record.isolation
    let transaction = try Transaction(
      home, options, mine, part: nil, of: record.whole != 0 ? record.whole : record.id)
    transaction.adopt(mine)
    return transaction
  }
}

extension Transaction {
  /// Goes on with what a dead process left: it is on the way back.
  func adopt(_ record: TransactionRecord) {
    status = .rollingBack
    plan.operations = record.operations
    for index in plan.operations.indices {
      // Nobody knows how far the dead one came: what undoes it has to find out.
      switch plan.operations[index].state {
      case .executing, .late, .undoing: plan.operations[index].state = .executed
      default: continue
      }
    }
    plan.set(.rollback)
    show()
  }
}
