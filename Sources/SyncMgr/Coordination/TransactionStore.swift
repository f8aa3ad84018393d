import CSyncMgr
import CSyncMgrShim

/// The store as transactions use it, through a handle of their own, with the library's own keys.
struct TransactionStore {
  let store: Store

  init(_ store: Store) { self.store = store }

  /// The call is inside of another handle of the workstream, by which this one stays.
  init(handle: UInt64) throws(Failure) {
    store = try Store(Caller(sm_slots() + Int(sm_handle_index(handle)), handle))
  }

  var attachment: Attachment { store.attachment }

  // MARK: - Reading

  /// Nil when it is not there.
  func read(_ key: [UInt8]) throws(Failure) -> Store.Entry? { try store.get(key) }

  /// The version that a key has now; 0: it is not there.
  func version(of key: [UInt8]) throws(Failure) -> UInt64 {
    try Store.withKey(key) { (key) throws(Failure) in try store.version(of: key) }
  }

  /// The library's own entries whose keys begin so, in their order.
  func list(_ prefix: [UInt8]) throws(Failure) -> [Store.Entry] { try store.entries(prefix).all }

  /// Keys and versions of a range as it is now, and of which moment that is.
  func digest(of range: ReadRange) throws(Failure) -> (digest: ReadRange.Digest, revision: UInt64) {
    var (count, capacity) = (256, 65536)
    while true {
      let entries = UnsafeMutableBufferPointer<syncmgr_entry_t>.allocate(capacity: count)
      entries.initialize(repeating: syncmgr_entry_t())
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 8)
      defer {
        entries.deallocate()
        buffer.deallocate()
      }
      let result = try range.withPattern { (pattern) throws(Failure) in
        try store.range(pattern, entries, buffer, keysOnly: true)
      }
      var digest = ReadRange.Digest()
      var isWhole = !result.hasMore
      for entry in entries.prefix(result.count) {
        let key = Store.bytes(of: entry.key)
        if let last = range.last, last.lexicographicallyPrecedes(key) {
          isWhole = true
          break
        }
        digest.add(key, entry.version)
      }
      if isWhole { return (digest, result.revision) }
      if result.count == count { count *= 4 } else { capacity = max(capacity * 4, result.length) }
    }
  }

  /// Whether any key that `has` says was changed behind a revision. Nil: the log does not reach
  /// back so far.
  func isChanged(behind revision: UInt64, _ has: ([UInt8]) -> Bool) throws(Failure) -> Bool? {
    let log = try store.log()
    guard case .at(var reader) = LogReader.after(revision, log) else { return nil }
    while let record = reader.peek() {
      var isFound = false
      record.forChanges { change in
        if !Store.isHidden(change.key), has([UInt8](change.key)) { isFound = true }
      }
      if !log.isThere(reader.position) { return nil }
      if isFound { return true }
      reader.skip(record)
    }
    return false
  }

  // MARK: - Committing

  struct Change {
    var key: [UInt8]
    /// Nil: it is deleted, or only checked.
    var data: [UInt8]?
    var type = SYNCMGR_CELL_BYTES
    var expected = SYNCMGR_VERSION_ANY
    var isCheck = false
    /// Filled in by a commit.
    var version: UInt64 = 0

    static func check(_ key: [UInt8], _ version: UInt64) -> Change {
      Change(key: key, data: nil, expected: version, isCheck: true)
    }

    static func delete(_ key: [UInt8], _ version: UInt64 = SYNCMGR_VERSION_ANY) -> Change {
      Change(key: key, data: nil, expected: version)
    }

    /// After a commit that failed: whether this is what E_CHANGED is about.
    var isChanged: Bool { expected != SYNCMGR_VERSION_ANY && expected != version }
  }

  /// Makes all of the changes or none, see Store.commit. Fills in the versions, also when it fails.
  func commit(
    _ changes: inout [Change], flags: UInt32 = SYNCMGR_PUT_QUEUED,
    until deadline: Int64 = Deadline.never,
    condition: ((Store.Locked) throws(Failure) -> Void)? = nil
  ) throws(Failure) -> UInt64 {
    let writes = changes.map {
      Store.Write(
        key: $0.key, data: $0.data, type: $0.type, expected: $0.expected, isCheck: $0.isCheck)
    }
    // What does not come to be known has not changed.
    var versions = changes.map { $0.expected == SYNCMGR_VERSION_ANY ? 0 : $0.expected }
    defer { for place in changes.indices { changes[place].version = versions[place] } }
    return try store.commit(
      writes, flags: flags, until: deadline, versions: &versions, condition: condition)
  }
}

extension ReadRange {
  /// As the store is asked for it.
  func withPattern<Result>(
    _ body: (KeyPattern) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var texts = TransactionTexts()
    defer { texts.free() }
    func view(_ bytes: [UInt8]?) -> UnsafeRawBufferPointer? {
      bytes.map { UnsafeRawBufferPointer(start: texts.text($0), count: $0.count) }
    }
    var pattern = KeyPattern()
    if let prefix = view(prefix) { pattern.prefix = prefix }
    pattern.glob = view(glob)
    pattern.after = view(after)
    return try body(pattern)
  }
}
