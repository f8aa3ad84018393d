import CSyncMgr

/// What a transaction has written and nobody sees yet: in the order it was, so that all behind a
/// savepoint can be dropped.
struct TransactionWrites {
  struct Write {
    let key: [UInt8]
    /// Nil: it is deleted.
    let data: [UInt8]?
    let type: UInt32
    /// The version that the key must have for the commit; VERSION_ANY.
    let expected: UInt64
  }

  private(set) var all: [Write] = []
  /// The last write of each key.
  private var latest: [[UInt8]: Int] = [:]

  var isEmpty: Bool { all.isEmpty }
  /// How many keys are changed.
  var count: Int { latest.count }
  /// Where a savepoint is.
  var mark: Int { all.count }

  subscript(key: [UInt8]) -> Write? { latest[key].map { all[$0] } }

  /// The first expectation of a key is the one that the commit has to look at: later ones are about
  /// what the transaction wrote itself.
  mutating func write(_ key: [UInt8], _ data: [UInt8]?, type: UInt32, expected: UInt64) {
    let kept = self[key]?.expected ?? expected
    latest[key] = all.count
    all.append(Write(key: key, data: data, type: type, expected: kept))
  }

  mutating func rollBack(to mark: Int) {
    all.removeSubrange(min(mark, all.count)...)
    latest.removeAll(keepingCapacity: true)
    for (place, write) in all.enumerated() { latest[write.key] = place }
  }

  mutating func removeAll() { self = TransactionWrites() }

  /// What is to be committed, one for each key, in the order of the keys.
  var final: [Write] {
    latest.values.map { all[$0] }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }
}
