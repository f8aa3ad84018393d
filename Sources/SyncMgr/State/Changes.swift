import CSyncMgr
import CSyncMgrShim

/// Following the changes, from the log.
extension Store {
  /// Reads what was changed behind a revision, in order: of each commit all that matches, or none
  /// when there is no room for that. The result's revision is that of the last commit that was
  /// looked at.
  func changes(
    _ pattern: KeyPattern, after revision: UInt64,
    _ entries: UnsafeMutableBufferPointer<syncmgr_entry_t>,
    _ buffer: UnsafeMutableRawBufferPointer, keysOnly: Bool
  ) throws(Failure) -> RangeResult {
    let log = try log()
    guard case .at(var reader) = LogReader.after(revision, log) else { throw gap(revision) }
    var result = RangeResult(revision: revision)
    var packing = Packing(buffer)
    while let record = reader.peek() {
      if !record.isFill {
        let end = packing.end
        let count = copy(record, pattern, entries, result.count, &packing, keysOnly)
        // Overwritten while it was read: the next call tells, when this one has something.
        if !log.isThere(reader.position) || record.revision != result.revision &+ 1 {
          if result.revision == revision { throw gap(revision) }
          packing.rewind(to: end)
          break
        }
        if result.count + count > entries.count || packing.isFull {
          result.hasMore = true
          if result.count == 0 { result.needed = count } else { packing.rewind(to: end) }
          break
        }
        result.count += count
        result.revision = record.revision
      }
      reader.skip(record)
    }
    result.length = packing.end
    return result
  }

  private func gap(_ revision: UInt64) -> Failure {
    let head = StoreLog(row, attachment.segment)?.head
    return Failure(
      SYNCMGR_E_GAP, caller.object,
      text: "the changes behind revision \(revision) are not there any more, or not yet: it has "
        + "revision \(head?.applied.load() ?? 0)")
  }

  /// Copies the changes of a record that match. Returns how many there are, with room or without.
  private func copy(
    _ record: LogRecord, _ pattern: KeyPattern,
    _ entries: UnsafeMutableBufferPointer<syncmgr_entry_t>, _ first: Int,
    _ packing: inout Packing, _ keysOnly: Bool
  ) -> Int {
    var count = 0
    record.forChanges { change in
      if !pattern.matches(change.key) { return }
      var entry = syncmgr_entry_t()
      entry.version = change.version
      entry.revision = record.revision
      entry.writer_id = record.writer
      entry.wall_ns = Int64(bitPattern: record.wall)
      entry.length = Int(truncatingIfNeeded: change.size)
      entry.type = change.type
      if change.type == SM_VALUE_NONE {
        entry.type = SYNCMGR_CELL_BYTES
        entry.status = SYNCMGR_E_NOT_FOUND
      }
      if !keysOnly { copyData(change, &entry, &packing) }
      if !keysOnly { entry.writer = packing.addText(record.name) }
      entry.key = packing.addText(change.key)
      if first + count < entries.count { entries[first + count] = entry }
      count += 1
    }
    return count
  }

  private func copyData(
    _ change: LogChange, _ entry: inout syncmgr_entry_t, _ packing: inout Packing
  ) {
    if let data = change.data {
      entry.data = packing.add(data, aligned: true).map { UnsafeRawPointer($0) }
    } else if change.memory != 0 {
      entry.data = copyLarge(change, &packing)
      if entry.data == nil, !packing.isFull { entry.status = SYNCMGR_E_CHANGED }
    }
  }

  /// Copies a value that does not lie in its place, as long as it is there: until the second change
  /// after it. Nil when it is not, or when it has no room.
  private func copyLarge(_ change: LogChange, _ packing: inout Packing) -> UnsafeRawPointer? {
    let start = packing.end
    for _ in 0..<4 {
      let moves = row.version.load()
      guard let table = Variables(row, attachment.segment),
        let variable = table.find(change.key, change.hash, SM_VARIABLE_CELL),
        variable.value(change.version).memory.load() == change.memory,
        let value = EntryValue(table, variable, change.version, attachment.segment),
        UInt64(value.dataLength) == change.size
      else { return nil }
      let data = packing.add(value.data, aligned: true)
      sm_read_fence()
      let isThere = variable.begun.load() &- change.version <= 1
      if isThere, row.version.load() == moves { return data.map { UnsafeRawPointer($0) } }
      packing.rewind(to: start)
      if !isThere { return nil }
    }
    return nil
  }
}

extension Packing {
  /// Copies a text and terminates it.
  mutating func addText(_ text: UnsafeRawBufferPointer) -> UnsafePointer<CChar>? {
    add(text).map { UnsafePointer($0.assumingMemoryBound(to: CChar.self)) }
  }
}

extension Store {
  /// How the store is, in parts that may be of different moments.
  func info() throws(Failure) -> syncmgr_store_info_t {
    let log = try log()
    var info = syncmgr_store_info_t()
    info.entries = entryCount
    info.revision = log.head.applied.load()
    info.durable = log.head.backed.load() == 0 ? info.revision : log.head.durable.load()
    info.log_size = log.size
    info.has_file = log.head.backed.load()
    let oldest = log.head.oldest.load()
    info.log_used = log.head.tail.load() &- min(oldest, log.head.tail.load())
    info.oldest = log.oldestRevision
    return info
  }

  /// Keys that are there, without the library's own.
  private var entryCount: UInt32 {
    guard let table = Variables(row, attachment.segment) else { return 0 }
    return UInt32(
      (0..<table.used).count { place in
        guard let variable = table[place], SharedCells.shown(variable) != 0 else { return false }
        return variable.key[0] != Store.hidden
      })
  }
}
