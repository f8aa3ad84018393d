import CSyncMgr
import CSyncMgrShim

/// What becomes of cells when somebody dies, and when their channel goes.
extension Attachment {
  /// After a writer's death. Under the send guard. Values need nothing: the one that counts was
  /// whole before its version was stored. A variable that is found is there, though it may not have
  /// been counted; and readers of a table that was just replaced are told.
  func repairVariables(_ row: Mailbox) {
    row.version.store(row.version.load() &+ 1)
    guard let table = Variables(row, segment) else { return }
    repairFree(table)
    let next = table.used + 1
    if next > table.capacity { return }
    for position in 0...table.mask
    where Variables.place(table.bucket(position).load()) &+ 1 == next {
      table.head.used.store(next)
    }
  }

  /// A place that was free is taken as soon as its key is found.
  private func repairFree(_ table: Variables) {
    if table.head.free.load() == 0 { return }
    var free: UInt32 = 0
    for place in 0..<table.used {
      guard let variable = table[place] else { continue }
      if variable.role.load() != SM_VARIABLE_FREE, !isFound(variable, in: table) {
        variable.role.store(SM_VARIABLE_FREE)
      }
      if variable.role.load() == SM_VARIABLE_FREE { free += 1 }
    }
    table.head.free.store(free)
  }

  private func isFound(_ variable: Variable, in table: Variables) -> Bool {
    let key = UnsafeRawBufferPointer(start: variable.key, count: Int(variable.length.load() & 0xff))
    return table.find(key, variable.hash.load(), variable.role.load()) == variable
  }

  /// After a death: ends the waits that the dead one did not get to end.
  func settleVariables(_ object: Object, _ row: Mailbox) {
    lockSending(row)
    var wakes = Wakes()
    if object.head.load() != 0, let table = Variables(row, segment) {
      finishChanged(object, table, nil, &wakes)
    }
    unlockSending(row)
    wakes.send(self)
  }

  /// Frees all that a channel keeps. Nobody has it open. Dies in here: the channel is still there,
  /// with what was not freed yet.
  func removeVariables(_ row: Mailbox) {
    let owner = segment.index(of: row) + 1
    if let table = Variables(row, segment) {
      for place in 0..<table.used {
        for side in [UInt64(0), 1] {
          guard let value = table[place]?.value(side), value.memory.load() != 0 else { continue }
          // No value before it has no memory.
          value.type.store(SM_VALUE_NONE)
          let memory = exchange(value.memory, for: 0, of: owner)
          if memory != 0 { free(memory - 1) }
        }
      }
    }
    let memory = exchange(row.variables, for: 0, of: owner)
    if memory != 0 { free(memory - 1) }
  }

  /// How many cells have a value, and how many regions there are. Without the guard.
  func countVariables(_ row: Mailbox) -> (cells: UInt32, regions: UInt32) {
    var count: (cells: UInt32, regions: UInt32) = (0, 0)
    guard let table = Variables(row, segment) else { return count }
    for place in 0..<table.used {
      guard let variable = table[place] else { continue }
      if variable.role.load() == SM_VARIABLE_REGION {
        if variable.value(0).memory.load() != 0 { count.regions += 1 }
      } else if SharedCells.shown(variable) != 0 {
        count.cells += 1
      }
    }
    return count
  }

  /// Faults of a quiet channel, in words. It may have the memory `besides`.
  func checkVariables(_ row: Mailbox, besides: UInt32? = nil) -> String? {
    if row.sendGuardian.load() != 0 { return "has cells that are locked" }
    var linked: Set<UInt32> = besides.map { [$0] } ?? []
    if row.variables.load() != 0 {
      guard let table = Variables(row, segment) else { return "has cells whose sizes contradict" }
      linked.insert(row.variables.load() - 1)
      var free: UInt32 = 0
      for place in 0..<table.used {
        guard let variable = table[place] else { return "has fewer cells than it counts" }
        if variable.role.load() == SM_VARIABLE_FREE {
          free += 1
          continue
        }
        if let fault = fault(in: table, variable, &linked) { return fault }
      }
      let found = (0...table.mask).count { table.bucket($0).load() != 0 }
      if free != table.head.free.load() {
        return "counts \(table.head.free.load()) of \(free) free"
      }
      if found != table.used - free { return "finds \(found) of \(table.used) cells" }
    }
    return faultOfMemory(segment.index(of: row) + 1, linked)
  }

  private func fault(
    in table: Variables, _ variable: Variable, _ linked: inout Set<UInt32>
  ) -> String? {
    let length = variable.length.load()
    if length == 0 || length > 255 { return "has a cell with a key of \(length) bytes" }
    let key = UnsafeRawBufferPointer(start: variable.key, count: Int(length))
    let hash = variable.hash.load()
    if hash != TopicHash.of(key) || table.find(key, hash, variable.role.load()) != variable {
      return "has a cell that is not found by its key"
    }
    if variable.begun.load() &- variable.version.load() > 1 {
      return "has a cell that is being written"
    }
    for side in [UInt64(0), 1] {
      let memory = variable.value(side).memory.load()
      if memory != 0, !linked.insert(memory - 1).inserted { return "has memory in two cells" }
    }
    let version = variable.version.load()
    let value = variable.value(version)
    if value.type.load() != SM_VALUE_NONE,
      table.bytes(variable, version, value.length.load(), segment) == nil
    {
      return "has a cell that is larger than its memory"
    }
    return nil
  }

  /// All of its memory is where it belongs, or in the hands of somebody who lives.
  private func faultOfMemory(_ owner: UInt32, _ linked: Set<UInt32>) -> String? {
    var found = 0
    for unit in 0..<min(header.heapHigh.load(), SM_UNITS) {
      guard let chunk = segment.chunk(unit), chunk.object.load() == owner,
        chunk.state.load() == SM_CHUNK_MEMORY
      else { continue }
      if linked.contains(unit) {
        found += 1
      } else if chunk.hands.load() == 0 || isGone(chunk.hands.load()), chunk.hands.load() != me {
        return "has memory that is in no cell"
      }
    }
    return found == linked.count ? nil : "has a cell whose memory is not its own"
  }
}
