import CSyncMgr
import CSyncMgrShim

/// How transactions come to be.
struct TransactionBeginning {
  let home: TransactionHome
  let store: TransactionStore

  init(_ home: TransactionHome) throws(Failure) {
    self.home = home
    store = try TransactionStore(handle: home.store)
  }

  private var attachment: Attachment { home.attachment }

  /// Begins one. Its record is in the store before anything is done in it.
  func begin(_ wanted: TransactionOptions) throws(Failure) -> Transaction {
    let owner = TransactionOwner(attachment, home.owner)
    var options = wanted
    if options.workstreams.isEmpty { options.workstreams = [owner.name] }
    let place = options.workstreams.firstIndex(of: owner.name)
    guard let place else {
      throw Failure(
        SYNCMGR_E_NAME,
        naming: "'\(owner.name)', which begins the transaction, is not among its workstreams")
    }
    if Set(options.workstreams).count != options.workstreams.count {
      throw Failure(SYNCMGR_E_NAME, "a workstream is named twice")
    }
    var record = TransactionRecord(id: 0, owner: owner)
    record.isolation = options.isolation
    record.flags = options.flags
    record.priority = options.priority
    record.workstreams = options.workstreams
    record.metadata = options.metadata
    let part = options.workstreams.count > 1 ? place : nil
    return try holding(options) { () throws(Failure) in
      try write(&record)
      return try make(options, record, part: part, of: record.id)
    }
  }

  /// Keeps that the workstream has a transaction with locks, while one is made.
  private func holding(
    _ options: TransactionOptions, _ make: () throws(Failure) -> Transaction
  ) throws(Failure) -> Transaction {
    if options.isOptimistic { return try make() }
    final class Placeholder {}
    let placeholder = Placeholder()
    try home.claimLocks(placeholder)
    do throws(Failure) {
      let made = try make()
      Local.always { _ in home.possessions.transaction = made }
      made.takePriority()
      return made
    } catch {
      home.endLocks(placeholder)
      throw error
    }
  }

  /// Finds an id for a new record, and writes it.
  private func write(_ record: inout TransactionRecord) throws(Failure) {
    record.began = sm_date()
    while true {
      record.id = TransactionRecord.makeID()
      var changes = [record.change]
      do throws(Failure) {
        _ = try store.commit(&changes)
        record.version = changes[0].version
        return
      } catch {
        if error.status != SYNCMGR_E_CHANGED || !changes[0].isChanged { throw error }
      }
    }
  }

  private func make(
    _ options: TransactionOptions, _ record: TransactionRecord, part: Int?, of whole: UInt64
  ) throws(Failure) -> Transaction {
    let made = try Transaction(home, options, record, part: part, of: whole)
    made.show()
    return made
  }

  // MARK: - Taking over

  /// Takes over a transaction of the dead; nil: it has nothing to undo, or somebody else has it.
  func adopt(_ id: UInt64) throws(Failure) -> Transaction? {
    let recovery = TransactionRecovery(store)
    guard let record = try TransactionRecords(store: store).one(id), !record.status.isOver,
      !record.owner.lives(in: attachment)
    else { return nil }
    return try recovery.adopt(record, home)
  }

  func adoptAny() throws(Failure) -> Transaction? {
    let kept = LocalCoordination.of(attachment)
    for record in try TransactionRecovery(store).sweep().left
    where !Local.always({ _ in kept.adopted.contains(record.id) }) {
      guard let found = try adopt(record.id) else { continue }
      Local.always { _ in _ = kept.adopted.insert(record.id) }
      return found
    }
    return nil
  }

  // MARK: - Joining

  /// Joins a transaction of another workstream: a record of its own, and a vote that says that it
  /// takes part.
  func join(_ id: UInt64) throws(Failure) -> Transaction {
    let owner = TransactionOwner(attachment, home.owner)
    let records = TransactionRecords(store: store)
    while true {
      guard let whole = try records.one(id) else {
        throw Failure(
          SYNCMGR_E_NOT_FOUND, naming: "transaction \(JSONValue(hex: id).string ?? "") not found")
      }
      guard let place = whole.workstreams.firstIndex(of: owner.name), whole.whole == 0,
        whole.workstreams.count > 1
      else {
        throw Failure(
          SYNCMGR_E_NOT_EXPECTED,
          naming: "the transaction does not name the workstream '\(owner.name)'")
      }
      guard whole.status.isOpen || whole.status == .committing, whole.owner.name != owner.name,
        whole.owner.lives(in: attachment)
      else {
        throw Failure(
          SYNCMGR_E_ALREADY, naming: "cannot join a transaction in \(whole.status.word) state")
      }
      if try store.version(of: TransactionVote.key(id, place)) != 0 {
        throw Failure(SYNCMGR_E_ALREADY, naming: "'\(owner.name)' has joined it already")
      }
      do throws(Failure) { return try join(whole, owner, place) } catch {
        if error.status != SYNCMGR_E_CHANGED { throw error }
      }
    }
  }

  private func join(
    _ whole: TransactionRecord, _ owner: TransactionOwner, _ place: Int
  ) throws(Failure) -> Transaction {
    var options = TransactionOptions()
    options.flags = whole.flags
    options.isolation = whole.isolation
    options.priority = whole.priority
    options.workstreams = whole.workstreams
    var record = TransactionRecord(id: 0, owner: owner)
    record.isolation = whole.isolation
    record.flags = whole.flags
    record.priority = whole.priority
    record.workstreams = whole.workstreams
    record.whole = whole.id
    record.began = sm_date()
    // Of one millisecond there are few: its own may come again.
    repeat { record.id = TransactionRecord.makeID() } while record.id == whole.id
    return try holding(options) { () throws(Failure) in
      try join(whole, record, options, place)
    }
  }

  /// E_CHANGED when somebody was quicker.
  private func join(
    _ whole: TransactionRecord, _ mine: TransactionRecord, _ options: TransactionOptions,
    _ place: Int
  ) throws(Failure) -> Transaction {
    var record = mine
    let vote = TransactionVote(.joined, record.id, record.owner)
    var changes = [
      record.change,
      TransactionStore.Change(
        key: TransactionVote.key(whole.id, place), data: vote.bytes, type: SYNCMGR_CELL_JSON,
        expected: 0),
      .check(TransactionRecord.key(whole.id), whole.version),
    ]
    _ = try store.commit(&changes)
    record.version = changes[0].version
    let made = try Transaction(home, options, record, part: place, of: whole.id)
    made.voteVersion = changes[1].version
    made.show()
    return made
  }
}
