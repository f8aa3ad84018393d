import CSyncMgr
import CSyncMgrShim

/// A range of the store with what a transaction has written put into its places, and what was read
/// of the store for that.
struct RangeMerge {
  private let pattern: KeyPattern
  /// In the order of the keys.
  private let own: [TransactionWrites.Write]
  private(set) var read: ReadRange

  init(_ pattern: KeyPattern, _ own: [TransactionWrites.Write]) {
    self.pattern = pattern
    self.own = own
    read = ReadRange(
      prefix: pattern.prefix.isEmpty ? nil : [UInt8](pattern.prefix),
      glob: pattern.glob.map { [UInt8]($0) }, after: pattern.after.map { [UInt8]($0) },
      revision: 0)
  }

  /// Fills in the entries. `show` makes one of what the transaction wrote.
  mutating func read(
    _ store: Store, _ entries: UnsafeMutableBufferPointer<syncmgr_entry_t>,
    _ buffer: UnsafeMutableRawBufferPointer, _ keysOnly: Bool,
    _ show: (TransactionWrites.Write, inout Packing) -> syncmgr_entry_t
  ) throws(Failure) -> Store.RangeResult {
    if own.isEmpty {
      let result = try store.range(pattern, entries, buffer, keysOnly: keysOnly)
      note(entries.prefix(result.count), result)
      return result
    }
    // As many more as may be covered by own ones.
    let count = entries.count + own.count
    var capacity = buffer.count + 4096
    while true {
      let found = UnsafeMutableBufferPointer<syncmgr_entry_t>.allocate(capacity: count)
      found.initialize(repeating: syncmgr_entry_t())
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 8)
      defer {
        found.deallocate()
        bytes.deallocate()
      }
      let result = try store.range(pattern, found, bytes, keysOnly: keysOnly)
      // It has more and there was room for more: the buffer was too small.
      if result.hasMore, result.count < count {
        capacity = max(capacity * 4, result.length)
        continue
      }
      note(found.prefix(result.count), result)
      return merge(found.prefix(result.count), result, entries, buffer, keysOnly, show)
    }
  }

  private mutating func note(
    _ found: Slice<UnsafeMutableBufferPointer<syncmgr_entry_t>>, _ result: Store.RangeResult
  ) {
    read.revision = result.revision
    read.digest = ReadRange.Digest()
    for entry in found { read.digest.add(Store.bytes(of: entry.key), entry.version) }
    read.last = result.hasMore ? found.last.map { Store.bytes(of: $0.key) } ?? [] : nil
  }

  private func merge(
    _ found: Slice<UnsafeMutableBufferPointer<syncmgr_entry_t>>, _ read: Store.RangeResult,
    _ entries: UnsafeMutableBufferPointer<syncmgr_entry_t>,
    _ buffer: UnsafeMutableRawBufferPointer, _ keysOnly: Bool,
    _ show: (TransactionWrites.Write, inout Packing) -> syncmgr_entry_t
  ) -> Store.RangeResult {
    var result = Store.RangeResult()
    result.revision = read.revision
    var packing = Packing(buffer)
    /// False when there is no room for another one.
    func put(_ key: [UInt8], _ make: (inout Packing) -> syncmgr_entry_t) -> Bool {
      let end = packing.end
      if result.count < entries.count {
        var entry = make(&packing)
        if keysOnly {
          (entry.data, entry.writer) = (nil, nil)
          packing.rewind(to: end)
        }
        entry.key = key.withUnsafeBytes { packing.add($0) }.map {
          UnsafePointer($0.assumingMemoryBound(to: CChar.self))
        }
        if !packing.isFull {
          entries[result.count] = entry
          result.count += 1
          return true
        }
        if result.count == 0 { result.length = packing.end }
        packing.rewind(to: end)
      }
      result.hasMore = true
      return false
    }
    var mine = own[...]
    var theirs = found
    while !result.hasMore, !mine.isEmpty || !theirs.isEmpty {
      let key = theirs.first.map { Store.bytes(of: $0.key) }
      if let write = mine.first, key.map({ !$0.lexicographicallyPrecedes(write.key) }) ?? true {
        // Behind what the store has shown may be others of it.
        if key == nil, read.hasMore { break }
        if key == write.key { theirs.removeFirst() }
        mine.removeFirst()
        if write.data != nil { _ = put(write.key) { show(write, &$0) } }
      } else if let entry = theirs.popFirst(), let key {
        _ = put(key) { copy(entry, &$0) }
      }
    }
    if read.hasMore { result.hasMore = true }
    if result.count > 0 { result.length = packing.end }
    return result
  }

  private func copy(_ entry: syncmgr_entry_t, _ packing: inout Packing) -> syncmgr_entry_t {
    var copy = entry
    let data = UnsafeRawBufferPointer(
      start: entry.data, count: entry.data == nil ? 0 : entry.length)
    copy.data = entry.data == nil ? nil : UnsafeRawPointer(packing.add(data, aligned: true))
    let name = Store.bytes(of: entry.writer)
    copy.writer = name.withUnsafeBytes { packing.add($0) }.map {
      UnsafePointer($0.assumingMemoryBound(to: CChar.self))
    }
    return copy
  }
}
