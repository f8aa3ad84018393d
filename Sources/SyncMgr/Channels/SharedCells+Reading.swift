import CSyncMgr
import CSyncMgrShim
import Glibc

/// Reading without a lock: what was copied counts when nobody has touched it meanwhile, else it is
/// read again; after some times in vain under the send guard, so that writers cannot starve anybody.
extension SharedCells {
  private static let attempts = 16

  /// Reads cells at one moment. `length` gets the bytes of the buffer that they take, or would.
  func get(
    _ cells: UnsafeMutableBufferPointer<syncmgr_cell_t>, _ buffer: UnsafeMutableRawBufferPointer,
    _ length: inout Int
  ) throws(Failure) {
    var found: Int?
    for _ in 0..<SharedCells.attempts where found == nil {
      found = try attempt(cells, buffer, &length, isLocked: false)
    }
    if found == nil {
      found = try inGuard { () throws(Failure) in
        try attempt(cells, buffer, &length, isLocked: true)
      }
    }
    if found == 0 { throw try notThere(cells) }
    if length > buffer.count {
      for place in cells.indices { cells[place].data = nil }
      throw Failure(
        SYNCMGR_E_TOO_LARGE, channel.caller.object,
        text: "the cells need \(length) bytes, and the buffer has \(buffer.count)")
    }
  }

  /// How many of the cells are there; nil when somebody has written in between.
  @inline(__always)
  private func attempt(
    _ cells: UnsafeMutableBufferPointer<syncmgr_cell_t>, _ buffer: UnsafeMutableRawBufferPointer,
    _ length: inout Int, isLocked: Bool
  ) throws(Failure) -> Int? {
    let moves = row.version.load()
    let table = Variables(row, attachment.segment)
    if table == nil, row.variables.load() != 0 {
      if isLocked { throw attachment.corrupt("the table of cells") }
      return nil
    }
    var found = 0
    var end = 0
    // Versions only grow: the same sum again means that none of them has changed.
    var sum: UInt64 = 0
    for place in cells.indices {
      let key = try Key(cells[place].key)
      let variable = table.flatMap { $0.find(key.text, key.hash, SM_VARIABLE_CELL) }
      guard let table, let variable else {
        forget(&cells[place])
        continue
      }
      let version = variable.version.load()
      sum &+= version
      guard try copy(table, variable, version, &cells[place], buffer, &end, isLocked) else {
        return nil
      }
      if cells[place].status == SYNCMGR_OK { found += 1 }
    }
    if !isLocked {
      if cells.count > 1, try total(cells, table) != sum { return nil }
      sm_read_fence()
      if row.version.load() != moves { return nil }
    }
    length = end
    return found
  }

  /// Copies one value. False when a writer has come in between.
  @inline(__always)
  private func copy(
    _ table: Variables, _ variable: Variable, _ version: UInt64, _ cell: inout syncmgr_cell_t,
    _ buffer: UnsafeMutableRawBufferPointer, _ end: inout Int, _ isLocked: Bool
  ) throws(Failure) -> Bool {
    let value = variable.value(version)
    let type = value.type.load()
    if type == SM_VALUE_NONE {
      forget(&cell)
    } else {
      let length = value.length.load()
      guard let source = table.bytes(variable, version, length, attachment.segment) else {
        if isLocked { throw attachment.corrupt("a cell") }
        return false
      }
      let count = Int(length)
      let start = SharedCells.aligned(end, buffer)
      end = start + count
      // Never NULL: that would remove it.
      cell.data = UnsafeRawPointer(cell.key)
      if let base = buffer.baseAddress, end <= buffer.count {
        memcpy(base + start, source, count)
        cell.data = UnsafeRawPointer(base + start)
      }
      cell.length = count
      cell.version = version
      cell.type = type
      cell.status = SYNCMGR_OK
    }
    if isLocked { return true }
    // After what was copied: at most the write of the next version, into the other value, has begun.
    sm_read_fence()
    return variable.begun.load() &- version <= 1
  }

  /// Where the next value goes.
  @inline(__always)
  private static func aligned(_ end: Int, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    let base = Int(bitPattern: buffer.baseAddress) & 7
    return ((base + end + 7) & ~7) - base
  }

  private func total(
    _ cells: UnsafeMutableBufferPointer<syncmgr_cell_t>, _ table: Variables?
  ) throws(Failure) -> UInt64 {
    sm_read_fence()
    guard let table else { return row.variables.load() == 0 ? 0 : UInt64.max }
    var sum: UInt64 = 0
    for cell in cells {
      let key = try Key(cell.key)
      sum &+= table.find(key.text, key.hash, SM_VARIABLE_CELL)?.version.load() ?? 0
    }
    return sum
  }

  @inline(__always)
  private func forget(_ cell: inout syncmgr_cell_t) {
    cell.data = nil
    cell.length = 0
    cell.version = 0
    cell.type = SYNCMGR_CELL_BYTES
    cell.status = SYNCMGR_E_NOT_FOUND
  }

  @inline(never)
  private func notThere(
    _ cells: UnsafeMutableBufferPointer<syncmgr_cell_t>
  ) throws(Failure) -> Failure {
    for cell in cells { try Key(cell.key).check() }
    return Failure(SYNCMGR_E_NOT_FOUND, channel.caller.object, text: "there is no such cell")
  }

  /// The version that a cell has now.
  func version(of key: Key) throws(Failure) -> UInt64 {
    for _ in 0..<SharedCells.attempts {
      let moves = row.version.load()
      guard let table = Variables(row, attachment.segment) else {
        if row.variables.load() == 0 { return 0 }
        continue
      }
      let variable = table.find(key.text, key.hash, SM_VARIABLE_CELL)
      let version = variable?.version.load() ?? 0
      let isThere = variable.map { $0.value(version).type.load() != SM_VALUE_NONE } ?? false
      sm_read_fence()
      let isQuiet = variable.map { $0.begun.load() &- version <= 1 } ?? true
      if isQuiet, row.version.load() == moves { return isThere ? version : 0 }
    }
    return try inGuard { () throws(Failure) in
      try find(key, makes: false).map { SharedCells.shown($0.variable) } ?? 0
    }
  }
}
