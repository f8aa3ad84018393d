import CSyncMgr
import CSyncMgrShim
import Glibc

/// Which keys are asked for.
struct KeyPattern {
  var prefix = UnsafeRawBufferPointer(start: nil, count: 0)
  var glob: UnsafeRawBufferPointer?
  /// Only those behind this one.
  var after: UnsafeRawBufferPointer?
  /// The library's own, and no others.
  var isOurs = false

  func matches(_ key: UnsafeRawBufferPointer) -> Bool {
    if Store.isHidden(key) != isOurs || key.count < prefix.count { return false }
    if !key.prefix(prefix.count).elementsEqual(prefix) { return false }
    if let after, !KeyPattern.isBefore(after, key) { return false }
    if let glob { return KeyGlob.matches(glob, key) }
    return true
  }

  /// In the order of bytes.
  static func isBefore(_ one: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer) -> Bool {
    let count = min(one.count, other.count)
    guard count > 0, let left = one.baseAddress, let right = other.baseAddress else {
      return one.count < other.count
    }
    let order = memcmp(left, right, count)
    return order != 0 ? order < 0 : one.count < other.count
  }
}

extension Store {
  struct RangeResult {
    var count = 0
    var revision: UInt64 = 0
    /// Of the buffer; when there was no room for one: what that needs.
    var length = 0
    var hasMore = false
    /// Changes: when there was no room for one commit, how many entries that needs.
    var needed = 0
  }

  private static let rangeAttempts = 4

  /// Reads entries in the order of their keys, all of one moment: as many as there is room for.
  func range(
    _ pattern: KeyPattern, _ entries: UnsafeMutableBufferPointer<syncmgr_entry_t>,
    _ buffer: UnsafeMutableRawBufferPointer, keysOnly: Bool
  ) throws(Failure) -> RangeResult {
    for _ in 0..<Store.rangeAttempts {
      if let result = read(pattern, entries, buffer, keysOnly, isLocked: false) { return result }
    }
    let result = try inGuard {
      read(pattern, entries, buffer, keysOnly, isLocked: true)
    }
    guard let result else { throw attachment.corrupt("the table of entries") }
    return result
  }

  /// Nil when somebody has committed in between.
  private func read(
    _ pattern: KeyPattern, _ entries: UnsafeMutableBufferPointer<syncmgr_entry_t>,
    _ buffer: UnsafeMutableRawBufferPointer, _ keysOnly: Bool, isLocked: Bool
  ) -> RangeResult? {
    let segment = attachment.segment
    guard let head = StoreLog(row, segment)?.head else { return nil }
    var result = RangeResult(revision: head.applied.load())
    let moves = row.version.load()
    if head.revision.load() != result.revision { return nil }
    let table = Variables(row, segment)
    if table == nil, row.variables.load() != 0 { return nil }
    if let table {
      var packing = Packing(buffer)
      for key in found(pattern, table) {
        guard let variable = table[key.place] else { return nil }
        if result.count == entries.count {
          result.hasMore = true
          break
        }
        let end = packing.end
        var entry = syncmgr_entry_t()
        var uncopied = Packing(UnsafeMutableRawBufferPointer(start: nil, count: 0))
        let version = variable.version.load()
        let isRead =
          keysOnly
          ? EntryReader(row, segment).copy(table, variable, version, &entry, &uncopied, isLocked)
          : EntryReader(row, segment).copy(table, variable, version, &entry, &packing, isLocked)
        if !isRead || entry.status != SYNCMGR_OK { return nil }
        entry.key = packing.addText(key.text)
        if packing.isFull {
          result.hasMore = true
          if result.count == 0 { result.length = packing.end }
          packing.rewind(to: end)
          break
        }
        entries[result.count] = entry
        result.count += 1
      }
      if result.count > 0 { result.length = packing.end }
    }
    if isLocked { return result }
    sm_read_fence()
    return head.revision.load() == result.revision && row.version.load() == moves ? result : nil
  }

  private struct FoundKey {
    let text: UnsafeRawBufferPointer
    let place: UInt32
  }

  /// The keys that are there and match, in their order.
  private func found(_ pattern: KeyPattern, _ table: Variables) -> [FoundKey] {
    var found: [FoundKey] = []
    for place in 0..<table.used {
      guard let variable = table[place], SharedCells.shown(variable) != 0 else { continue }
      let length = variable.length.load()
      if length == 0 || length > 255 { continue }
      let key = UnsafeRawBufferPointer(start: variable.key, count: Int(length))
      if pattern.matches(key) { found.append(FoundKey(text: key, place: place)) }
    }
    found.sort { KeyPattern.isBefore($0.text, $1.text) }
    return found
  }
}
