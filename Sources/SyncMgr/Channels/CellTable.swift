import CSyncMgr
import CSyncMgrShim
import Glibc

/// The table of a MEMORY channel, or of a store, as those who write to it use it: everything here
/// runs under the send guard of its mailbox.
struct CellTable {
  let attachment: Attachment
  let row: Mailbox
  /// Whose memory it is, as chunks know it: the object's index + 1.
  let owner: UInt32

  @inline(__always)
  init(_ attachment: Attachment, _ row: Mailbox) {
    self.attachment = attachment
    self.row = row
    owner = attachment.segment.index(of: row) + 1
  }

  func table() throws(Failure) -> Variables {
    guard let table = Variables(row, attachment.segment) else {
      throw attachment.corrupt("the table of cells")
    }
    return table
  }

  /// The variable of this key, made when it is not there and `makes` says so. One that is made
  /// begins with the version `least`.
  func find(
    _ key: CellKey, _ role: UInt32 = SM_VARIABLE_CELL, makes: Bool, least: UInt64 = 0
  ) throws(Failure) -> (table: Variables, variable: Variable)? {
    if row.variables.load() != 0 {
      let table = try table()
      if let variable = table.find(key.text, key.hash, role) { return (table, variable) }
    }
    try key.check()
    return makes ? try add(key, role, least) : nil
  }

  private func add(
    _ key: CellKey, _ role: UInt32, _ least: UInt64
  ) throws(Failure) -> (table: Variables, variable: Variable) {
    let table = try roomyTable()
    let isFresh = table.used < table.capacity
    let place = isFresh ? table.used : try freePlace(table)
    guard let variable = table[place] else { throw attachment.corrupt("the table of cells") }
    variable.version.store(least)
    variable.begun.store(least)
    variable.hash.store(key.hash)
    variable.length.store(UInt32(key.text.count))
    variable.role.store(role)
    variable.waiting.store(0)
    for side in [UInt64(0), 1] {
      variable.value(side).memory.store(0)
      variable.value(side).length.store(0)
      variable.value(side).type.store(SM_VALUE_NONE)
    }
    memcpy(variable.key, key.text.baseAddress.unsafelyUnwrapped, key.text.count)
    // Dies before: nobody has seen it. After: it is found, and counted by the repair. Without a
    // value it is not there for anybody.
    table.link(place, key.hash)
    if isFresh {
      table.head.used.store(place + 1)
    } else {
      table.head.free.store(table.head.free.load() &- 1)
    }
    return (table, variable)
  }

  /// A table with room for one more: the first one, or a larger one with all that was there.
  private func roomyTable() throws(Failure) -> Variables {
    let old = row.variables.load() == 0 ? nil : try table()
    if let old, old.used < old.capacity || old.head.free.load() != 0 { return old }
    return try replaceTable(
      old, capacity: old.map { max($0.capacity, 4) * 2 } ?? min(max(row.capacity.load(), 8), 65536))
  }

  /// Nobody looks at it: no bucket leads there.
  private func freePlace(_ table: Variables) throws(Failure) -> UInt32 {
    var place = table.head.cursor.load()
    for _ in 0..<table.capacity {
      if place >= table.capacity { place = 0 }
      if table[place]?.role.load() == SM_VARIABLE_FREE {
        table.head.cursor.store(place + 1)
        return place
      }
      place += 1
    }
    throw attachment.corrupt("the table of cells")
  }

  /// Makes room for so many new keys, before any of them has its place. Keys that were removed,
  /// and that nobody waits for, are dropped when they are many: who needs to know the versions
  /// that they had, remembers the highest. Their places are taken again; all others keep theirs.
  func reserve(_ count: UInt32) throws(Failure) {
    if count == 0 || row.variables.load() == 0 { return }
    let old = try table()
    let room = old.capacity - old.used + min(old.head.free.load(), old.used)
    if room >= count { return }
    let awaited = attachment.awaitedPlaces(row)
    var dropped: UInt32 = 0
    for place in 0..<old.used {
      if let variable = old[place], isDroppable(variable, place, awaited) { dropped += 1 }
    }
    var capacity = old.capacity
    if dropped < capacity / 4 || room + dropped < count {
      repeat {
        capacity = max(capacity, 4) * 2
      } while capacity < Variables.mostPlaces
        && capacity - old.capacity + room + dropped < count
    }
    _ = try replaceTable(old, capacity: capacity, droppingAllBut: awaited)
  }

  private func isDroppable(
    _ variable: Variable, _ place: UInt32, _ awaited: Set<UInt32>
  ) -> Bool {
    variable.role.load() == SM_VARIABLE_CELL && SharedCells.shown(variable) == 0
      && !awaited.contains(place)
  }

  /// Copies the table into one of this capacity.
  private func replaceTable(
    _ old: Variables?, capacity: UInt32, droppingAllBut awaited: Set<UInt32>? = nil
  ) throws(Failure) -> Variables {
    var buckets: UInt32 = 16
    while buckets < 2 * capacity { buckets *= 2 }
    let room = old.map { UInt32($0.room) } ?? CellTable.room(row)
    let size = Variables.size(capacity: capacity, mask: buckets - 1, room: room)
    if capacity >= Variables.mostPlaces { throw attachment.tooLarge(size) }
    let unit = try attachment.allocate(size, SM_CHUNK_MEMORY, object: owner)
    fill(unit, capacity, buckets, room, from: old, droppingAllBut: awaited)
    let before = attachment.exchange(row.variables, for: unit + 1, of: owner)
    // Readers of the old table look at this when they are through. Dies before: the repair stores
    // it, before the old table is freed.
    row.version.store(row.version.load() &+ 1)
    if before != 0 { attachment.free(before - 1) }
    return try table()
  }

  /// Nobody sees the table yet.
  private func fill(
    _ unit: UInt32, _ capacity: UInt32, _ buckets: UInt32, _ room: UInt32, from old: Variables?,
    droppingAllBut awaited: Set<UInt32>?
  ) {
    let start = attachment.segment.unit(unit)
    let empty = Int(Variables.size(capacity: 0, mask: buckets - 1, room: room))
    memset(start, 0, empty)
    let head = start.assumingMemoryBound(to: sm_variables.self)
    head.capacity.store(capacity)
    head.mask.store(buckets - 1)
    head.room.store(room)
    head.free.store(0)
    head.cursor.store(0)
    guard let old, let source = old[0] else { return }
    let used = old.used
    let size = Variables.size(capacity: used, mask: buckets - 1, room: room) - UInt64(empty)
    if let awaited { dropMemories(old, awaited) }
    memcpy(start + empty, source, Int(size))
    head.used.store(used)
    let places = UnsafeMutableRawPointer(head + 1).assumingMemoryBound(to: UInt32.self)
    let stride = used == 0 ? 0 : Int(size) / Int(used)
    var free: UInt32 = 0
    for place in 0..<used {
      let variable = (start + empty + Int(place) * stride).assumingMemoryBound(to: sm_variable.self)
      if let awaited, isDroppable(variable, place, awaited) {
        variable.role.store(SM_VARIABLE_FREE)
      }
      if variable.role.load() == SM_VARIABLE_FREE {
        free += 1
        continue
      }
      let hash = variable.hash.load()
      var position = hash
      while places[Int(position & (buckets - 1))] != 0 { position &+= 1 }
      places[Int(position & (buckets - 1))] = Variables.entry(place, hash)
    }
    head.free.store(free)
  }

  /// Frees what those that are dropped have kept, because who removed them died.
  private func dropMemories(_ old: Variables, _ awaited: Set<UInt32>) {
    for place in 0..<old.used {
      guard let variable = old[place], isDroppable(variable, place, awaited),
        variable.value(0).memory.load() | variable.value(1).memory.load() != 0
      else { continue }
      dropMemory(variable)
    }
  }

  /// Bytes that a small value has at most.
  static func room(_ row: Mailbox) -> UInt32 {
    min((row.inlineSize.load() &+ 63) & ~63, Variables.mostRoom)
  }

  // MARK: - Memory of values

  /// Gives a value the memory of this process's hands, or with 0 none, and frees what it had.
  func replace(_ word: Word32, with memory: UInt32) {
    let before = attachment.exchange(word, for: memory, of: owner)
    if before != 0 { attachment.free(before - 1) }
  }

  /// A variable was removed. What is left pins no memory; dies in between: until it is set again,
  /// or the table goes.
  func dropMemory(_ variable: Variable) {
    variable.begun.store(variable.version.load() &+ 1)
    sm_fence()
    for side in [UInt64(0), 1] where variable.value(side).memory.load() != 0 {
      replace(variable.value(side).memory, with: 0)
    }
  }
}
