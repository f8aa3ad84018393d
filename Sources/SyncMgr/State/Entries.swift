import CSyncMgr
import CSyncMgrShim
import Glibc

/// The store for the floors above: keys and data in memory of their own, the library's own keys
/// among them.
extension Store {
  struct Entry {
    var key: [UInt8]
    var data: [UInt8]
    var type: UInt32
    var version: UInt64
    var revision: UInt64
    /// ns since 1970.
    var wall: Int64
    /// Id and name of the workstream that wrote it.
    var writer: UInt64
    var name: [UInt8]
  }

  /// One change of a commit.
  struct Write {
    var key: [UInt8]
    /// Nil: to be deleted, or only to be checked.
    var data: [UInt8]?
    var type = SYNCMGR_CELL_JSON
    var expected = SYNCMGR_VERSION_ANY
    var isCheck = false
  }

  static func bytes(of text: UnsafePointer<CChar>?) -> [UInt8] {
    guard let text else { return [] }
    return Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
  }

  /// The entry of a key, if it is there.
  func get(_ key: [UInt8]) throws(Failure) -> Entry? { try read(key, isLocked: false) }

  /// Makes all of the changes, or none, see the other `commit`. Returns the revision that they are
  /// in, and the version of each as the header's calls tell it.
  func commit(
    _ writes: [Write], flags: UInt32 = 0, until deadline: Int64 = Deadline.never,
    condition: ((Locked) throws(Failure) -> Void)? = nil
  ) throws(Failure) -> (revision: UInt64, versions: [UInt64]) {
    var versions = writes.map { _ in UInt64(0) }
    let revision = try commit(
      writes, flags: flags, until: deadline, versions: &versions, condition: condition)
    return (revision, versions)
  }

  /// The same for who wants to know the versions also when it fails. There are as many as writes;
  /// those that did not come to be known stay.
  func commit(
    _ writes: [Write], flags: UInt32, until deadline: Int64, versions: inout [UInt64],
    condition: ((Locked) throws(Failure) -> Void)?
  ) throws(Failure) -> UInt64 {
    // Keys, terminated, and data, one behind the other.
    let size = writes.reduce(0) { $0 + $1.key.count + 1 + ($1.data?.count ?? 0) }
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 1), alignment: 8)
    let changes = UnsafeMutableBufferPointer<syncmgr_change_t>.allocate(capacity: writes.count)
    defer {
      bytes.deallocate()
      changes.deallocate()
    }
    var packing = Packing(bytes)
    func copy(_ text: [UInt8]) -> UnsafeMutableRawPointer? {
      text.withUnsafeBytes { packing.copy($0) }
    }
    for (place, write) in writes.enumerated() {
      let key = copy(write.key + [0])
      let data = write.data.map { copy($0) } ?? nil
      (changes.baseAddress.unsafelyUnwrapped + place).initialize(
        to: syncmgr_change_t(
          key: key.map { UnsafePointer($0.assumingMemoryBound(to: CChar.self)) },
          data: data.map { UnsafeRawPointer($0) }, length: write.data?.count ?? 0,
          expected: write.expected, version: versions[place], type: write.type,
          flags: write.isCheck ? SYNCMGR_CHANGE_CHECK : 0))
    }
    defer { versions = changes.map { $0.version } }
    return try commit(
      changes, flags: flags, until: deadline, isOurs: true, condition: condition)
  }

  /// The entries whose keys begin with `prefix`, in their order and of one moment, and the revision
  /// of the store at that moment.
  func entries(_ prefix: [UInt8]) throws(Failure) -> (all: [Entry], revision: UInt64) {
    let isOurs = prefix.first == Store.hidden
    var (capacity, room) = (64, 16384)
    while true {
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 8)
      let entries = UnsafeMutableBufferPointer<syncmgr_entry_t>.allocate(capacity: capacity)
      entries.initialize(repeating: syncmgr_entry_t())
      defer {
        bytes.deallocate()
        entries.deallocate()
      }
      var failure: Failure?
      var result = RangeResult()
      prefix.withUnsafeBytes {
        do throws(Failure) {
          result = try range(
            KeyPattern(prefix: $0, isOurs: isOurs), entries, bytes, keysOnly: false)
        } catch { failure = error }
      }
      if let failure { throw failure }
      if !result.hasMore {
        return (entries.prefix(result.count).map { Entry($0) }, result.revision)
      }
      if result.count == capacity { capacity *= 4 } else { room = max(room * 4, result.length) }
    }
  }

  /// The key as the floors below take it.
  static func withKey<Result>(
    _ key: [UInt8], _ body: (CellKey) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var failure: Failure?
    var result: Result?
    (key + [0]).withUnsafeBytes {
      do throws(Failure) {
        result = try body(try CellKey.of($0.bindMemory(to: CChar.self).baseAddress))
      } catch { failure = error }
    }
    if let failure { throw failure }
    return result.unsafelyUnwrapped
  }

  func read(_ key: [UInt8], isLocked: Bool) throws(Failure) -> Entry? {
    try Store.withKey(key) { (cell) throws(Failure) in
      var room = 512
      while true {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 8)
        let entries = UnsafeMutableBufferPointer<syncmgr_entry_t>.allocate(capacity: 1)
        entries.initialize(repeating: syncmgr_entry_t())
        defer {
          bytes.deallocate()
          entries.deallocate()
        }
        entries[0].key = cell.text.assumingMemoryBound(to: CChar.self).baseAddress
        switch try look(entries, bytes, isOurs: true, isLocked: isLocked) {
        case .disturbed: throw attachment.corrupt("the table of entries")
        case .badKey: throw CellKey.failure
        case .read(let found, let needed):
          if found == 0 { return nil }
          if needed <= room { return Entry(entries[0]) }
          room = needed
        }
      }
    }
  }
}

extension Store.Entry {
  /// What a call has copied, with data and writer.
  fileprivate init(_ entry: syncmgr_entry_t) {
    key = Store.bytes(of: entry.key)
    data = Array(UnsafeRawBufferPointer(start: entry.data, count: entry.length))
    type = entry.type
    version = entry.version
    revision = entry.revision
    wall = entry.wall_ns
    writer = entry.writer_id
    name = Store.bytes(of: entry.writer)
  }
}
