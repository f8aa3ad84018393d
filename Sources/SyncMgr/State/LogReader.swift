import CSyncMgr
import CSyncMgrShim

/// Reading the log, record by record. Without the guard: whoever looks at a record copies what is
/// wanted of it, and then asks whether it was there, see StoreLog.
struct LogReader {
  let log: StoreLog
  /// Of the next record.
  private(set) var position: UInt64
  /// Behind the last record that was applied when this began.
  let end: UInt64

  enum Start {
    case at(LogReader)
    /// Some of what was asked for was overwritten, or never was.
    case gap
  }

  /// From the first record behind a revision on.
  static func after(_ revision: UInt64, _ log: StoreLog) -> Start {
    let head = log.head
    let applied = head.applied.load()
    let end = head.tail.load()
    let oldest = head.oldest.load()
    // Everything may have moved on, or contradict itself.
    if revision > applied || oldest > end || end - oldest > log.size { return .gap }
    if revision == applied { return .at(LogReader(log: log, position: end, end: end)) }
    var reader = LogReader(log: log, position: indexed(revision &+ 1, log, oldest, end), end: end)
    var isFirst = true
    while let record = reader.peek() {
      if !record.isFill {
        if record.revision == revision &+ 1 {
          return log.isThere(reader.position) ? .at(reader) : .gap
        }
        // Before the first one that is there, or what was overwritten meanwhile.
        if record.revision > revision, isFirst || record.revision > revision &+ 1 { return .gap }
        isFirst = false
      }
      reader.skip(record)
    }
    return .gap
  }

  /// Where to begin to look for a revision: at one in the index at or before it, or at the oldest.
  private static func indexed(
    _ revision: UInt64, _ log: StoreLog, _ oldest: UInt64, _ end: UInt64
  ) -> UInt64 {
    let before = revision - revision % UInt64(SM_LOG_STEP)
    if before == 0 { return oldest }
    let position = log.indexed(before).load()
    guard position >= oldest, position < end, let record = log.record(position), !record.isFill,
      record.revision == before, log.isThere(position)
    else { return oldest }
    return position
  }

  /// The next record, fills included; nil at the end, or when there is none.
  func peek() -> LogRecord? { position < end ? log.record(position) : nil }

  /// Goes behind a record that `peek` gave.
  mutating func skip(_ record: LogRecord) { position &+= UInt64(record.length) }
}

extension StoreLog {
  /// All commits behind this revision are in the log.
  var oldestRevision: UInt64 {
    for _ in 0..<16 {
      var position = head.oldest.load()
      let end = head.tail.load()
      let applied = head.applied.load()
      // One fill, at most, comes before a record.
      for _ in 0..<2 {
        guard position < end, let record = record(position) else { break }
        if record.isFill {
          position &+= UInt64(record.length)
          continue
        }
        if isThere(position) { return record.revision &- 1 }
      }
      if position >= end || isThere(position) { return applied }
    }
    return head.applied.load()
  }
}

extension Store {
  /// The store under its guard, for conditions of a commit: nothing changes while one looks.
  struct Locked {
    let store: Store

    /// The version that a key has.
    func version(of key: [UInt8]) throws(Failure) -> UInt64 {
      try Store.withKey(key) { (key) throws(Failure) in
        try store.cells.find(key, makes: false).map { SharedCells.shown($0.variable) } ?? 0
      }
    }

    func get(_ key: [UInt8]) throws(Failure) -> Entry? { try store.read(key, isLocked: true) }

    /// Whether a key of this pattern was changed after a revision: true also when that cannot be
    /// told any more.
    func hasChanged(_ pattern: KeyPattern, since revision: UInt64) throws(Failure) -> Bool {
      guard case .at(var reader) = LogReader.after(revision, try store.log()) else { return true }
      var isFound = false
      while !isFound, let record = reader.peek() {
        record.forChanges { if pattern.matches($0.key) { isFound = true } }
        reader.skip(record)
      }
      return isFound
    }
  }
}
