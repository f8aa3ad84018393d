import CSyncMgr
import CSyncMgrShim
import Glibc

/// Committing changes, see Store.
extension Store {
  /// One change of a commit, as it was asked for and as it was found.
  struct Item {
    let key: CellKey
    /// Nil: to be deleted, or only to be checked.
    let data: UnsafeRawBufferPointer?
    let type: UInt32
    let expected: UInt64
    let isCheck: Bool
    /// Unit + 1 of a value that does not lie in its place: in the hands of this process until it
    /// is committed.
    var memory: UInt32 = 0
    var place = UInt32.max
    /// What the key has; and what it will have, 0: nothing happens to it.
    var current: UInt64 = 0
    var version: UInt64 = 0

    init(_ change: syncmgr_change_t, isOurs: Bool) throws(Failure) {
      if change.flags & ~SYNCMGR_CHANGE_CHECK != 0 {
        throw Failure(SYNCMGR_E_INVALID, naming: "a change has no such flags \(change.flags)")
      }
      isCheck = change.flags & SYNCMGR_CHANGE_CHECK != 0
      if change.type > SYNCMGR_CELL_JSON {
        throw Failure(SYNCMGR_E_INVALID, naming: "there is no type of entries \(change.type)")
      }
      if let data = change.data {
        if isCheck { throw Failure(SYNCMGR_E_INVALID, "a check has no data") }
        if change.length < 0 {
          throw Failure(SYNCMGR_E_TOO_LARGE, "the entry is larger than any memory")
        }
        self.data = UnsafeRawBufferPointer(start: data, count: change.length)
      } else {
        if change.length != 0 {
          throw Failure(SYNCMGR_E_INVALID, "there is a length and no data")
        }
        data = nil
      }
      key = try CellKey.of(change.key)
      try Store.check(key, isOurs)
      type = change.type
      expected = change.expected
    }

    var isThere: Bool { version != 0 }
  }

  /// What came of a commit.
  enum CommitResult {
    case done(revision: UInt64)
    /// This item has another version than the one expected.
    case changed(Int)
    /// The log has no room before more of it is on disk.
    case full
  }

  /// Makes all of the changes, or none, and waits until they are on disk unless `flags` says
  /// otherwise. Returns the revision that they are in. `isOurs`: the keys may be the library's own.
  /// `condition` is looked at under the send guard, before anything is done: it may read, and
  /// throws what keeps the commit from being made.
  func commit(
    _ changes: UnsafeMutableBufferPointer<syncmgr_change_t>, flags: UInt32, until deadline: Int64,
    isOurs: Bool = false, condition: ((Locked) throws(Failure) -> Void)? = nil
  ) throws(Failure) -> UInt64 {
    while true {
      let rules = try StoreRules.of(self, changes)
      do throws(Failure) {
        let revision = try commitOnce(changes, isOurs: isOurs) { (store) throws(Failure) in
          try rules.check(store)
          try condition?(store)
        }
        if let revision {
          if flags & SYNCMGR_PUT_QUEUED == 0 {
            try sync(revision, until: deadline)
          } else {
            try promise()
          }
          return revision
        }
      } catch {
        if error.status != StoreRules.again { throw error }
        continue
      }
      try makeRoomInLog(until: deadline)
    }
  }

  /// Nil when the log has no room before more of it is on disk.
  private func commitOnce(
    _ changes: UnsafeMutableBufferPointer<syncmgr_change_t>, isOurs: Bool,
    _ condition: ((Locked) throws(Failure) -> Void)?
  ) throws(Failure) -> UInt64? {
    guard let stream = attachment.segment.workstream(OwnerID.index(caller.mine)) else {
      throw attachment.corrupt("the workstream table")
    }
    let signature = Signature(stream)
    var items: [Item] = []
    items.reserveCapacity(changes.count)
    for change in changes { items.append(try Item(change, isOurs: isOurs)) }
    try checkTwice(items)
    var wakes = Wakes()
    let result: CommitResult
    do throws(Failure) {
      for place in items.indices { try keep(&items[place], signature) }
      result = try inGuard { () throws(Failure) in
        try condition?(Locked(store: self))
        return try perform(&items, signature, &wakes)
      }
    } catch {
      letGo(items)
      throw error
    }
    wakes.send(attachment)
    switch result {
    case .done(let revision):
      for place in items.indices {
        let item = items[place]
        changes[place].version = item.isCheck ? item.current : item.data == nil ? 0 : item.version
      }
      tell(revision)
      return revision
    case .changed(let place):
      letGo(items)
      for place in items.indices { changes[place].version = items[place].current }
      let item = items[place]
      throw Failure(
        SYNCMGR_E_CHANGED, caller.object,
        text: "'\(String(decoding: item.key.text, as: UTF8.self))' has the version "
          + "\(item.current), not \(item.expected)")
    case .full:
      letGo(items)
      // Without a file all that is there can go.
      if try log().head.backed.load() == 0 { throw attachment.corrupt("the log") }
      return nil
    }
  }

  /// A notice that there is something new.
  private func tell(_ revision: UInt64) {
    if caller.object.watched.load() & SYNCMGR_NOTICE_DATA_AVAILABLE != 0 {
      attachment.emit(
        SYNCMGR_NOTICE_DATA_AVAILABLE, caller.object, owner: caller.mine, value: revision)
    }
  }

  private func checkTwice(_ items: [Item]) throws(Failure) {
    let sorted = items.count < 2 ? [] : items.sorted { $0.key.hash < $1.key.hash }
    for place in sorted.indices {
      var other = place + 1
      while other < sorted.count, sorted[other].key.hash == sorted[place].key.hash {
        if sorted[other].key.text.elementsEqual(sorted[place].key.text) {
          let key = String(decoding: sorted[place].key.text, as: UTF8.self)
          throw Failure(SYNCMGR_E_INVALID, naming: "the key '\(key)' is there twice")
        }
        other += 1
      }
    }
  }

  // MARK: - Values that do not lie in their place

  /// Puts a value into memory of its own, when it needs that. Nobody waits while it is copied.
  private func keep(_ item: inout Item, _ signature: Signature) throws(Failure) {
    guard let data = item.data else { return }
    let length = data.count.addingReportingOverflow(EntryValue.head + signature.name.count)
    if !length.overflow, length.partialValue <= Int(CellTable.room(row)) { return }
    let size = length.overflow ? UInt64.max : UInt64(length.partialValue)
    let unit: UInt32
    do throws(Failure) {
      unit = try attachment.allocate(size, SM_CHUNK_MEMORY, object: cells.owner)
    } catch {
      guard error.status == SYNCMGR_E_NO_SPACE, try dropBefore(item.key) else { throw error }
      unit = try attachment.allocate(size, SM_CHUNK_MEMORY, object: cells.owner)
    }
    item.memory = unit + 1
    EntryValue.fill(attachment.segment.unit(unit), data, signature)
  }

  /// Without memory the value before the present one has to go already. False when it has none.
  private func dropBefore(_ key: CellKey) throws(Failure) -> Bool {
    try inGuard { () throws(Failure) in
      guard let (_, variable) = try cells.find(key, makes: false) else { return false }
      let memory = variable.value(variable.version.load() &+ 1).memory
      if memory.load() == 0 { return false }
      // Dies from here on: as in a write.
      _ = CellWriter.begin(variable)
      cells.replace(memory, with: 0)
      return true
    }
  }

  private func letGo(_ items: [Item]) {
    for item in items where item.memory != 0 { attachment.free(item.memory - 1) }
  }

  // MARK: - Under the send guard

  private func perform(
    _ items: inout [Item], _ signature: Signature, _ wakes: inout Wakes
  ) throws(Failure) -> CommitResult {
    if let place = try find(&items) { return .changed(place) }
    let log = try log()
    let revision = log.head.applied.load()
    let count = items.count { $0.isThere }
    if count == 0 { return .done(revision: revision) }
    let length = items.reduce(LogRecord.size(signature.name.count)) {
      $1.isThere
        ? $0
          + LogChange.size(
            key: $1.key.text.count, data: $1.memory == 0 ? $1.data?.count ?? 0 : 0) : $0
    }
    if UInt64(length) > log.most {
      throw Failure(
        SYNCMGR_E_TOO_LARGE, caller.object,
        text: "the commit has \(length) bytes, and \(log.most) at most have room in the log")
    }
    guard let position = log.makeRoom(length) else { return .full }
    let next = revision &+ 1
    var writer = RecordWriter(log.at(position), length, UInt32(count), next, signature)
    for item in items where item.isThere {
      if item.memory != 0 {
        EntryValue.describe(attachment.segment.unit(item.memory - 1), next, signature)
      }
      writer.add(
        item.key, type: item.data == nil ? SM_VALUE_NONE : item.type, version: item.version,
        size: item.data?.count ?? 0, place: item.place, memory: item.memory,
        item.memory == 0 ? item.data : nil)
    }
    log.commit(position, next)
    guard let record = log.pending else { throw attachment.corrupt("the log") }
    attachment.apply(record, log, row)
    try endWaits(items, log, &wakes)
    return .done(revision: next)
  }

  /// Ends the waits for these changes, where somebody may wait.
  private func endWaits(
    _ items: [Item], _ log: StoreLog, _ wakes: inout Wakes
  ) throws(Failure) {
    let table = try cells.table()
    let isAwaited = items.contains { table[$0.place]?.waiting.load() ?? 0 != 0 }
    if !isAwaited, log.head.waiting.load() == 0 { return }
    attachment.finishStoreWaits(
      caller.object, row, items.filter { $0.isThere }.map { $0.place }, &wakes)
  }

  /// Finds what is there of each item, and what it becomes. Returns the first that has another
  /// version than the one expected.
  private func find(_ items: inout [Item]) throws(Failure) -> Int? {
    var changed: Int?
    for place in items.indices {
      let found = try cells.find(items[place].key, makes: false)
      items[place].current = found.map { SharedCells.shown($0.variable) } ?? 0
      let expected = items[place].expected
      if expected != SYNCMGR_VERSION_ANY, expected != items[place].current, changed == nil {
        changed = place
      }
    }
    if changed != nil { return changed }
    let least = try log().head.floor.load()
    // As many as may be new, and not known to the table.
    try cells.reserve(UInt32(items.count { $0.data != nil && $0.current == 0 }))
    for place in items.indices {
      let item = items[place]
      if item.isCheck || (item.data == nil && item.current == 0) { continue }
      // One that is made has no value: nobody sees it.
      guard let (table, variable) = try cells.find(item.key, makes: true, least: least) else {
        throw attachment.corrupt("the table of entries")
      }
      items[place].place = table.place(of: variable)
      items[place].version = variable.version.load() &+ 1
      if item.memory == 0, let data = item.data, data.count > table.room {
        throw attachment.corrupt("the table of entries")
      }
    }
    return nil
  }
}
