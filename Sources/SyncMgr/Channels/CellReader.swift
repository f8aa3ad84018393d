import CSyncMgr
import CSyncMgrShim
import Glibc

/// Reading cells without a lock, see SharedCells: what was copied counts when nobody has touched it
/// meanwhile. Counts no references and calls nobody.
struct CellReader {
  let row: Mailbox
  let segment: Segment

  @inline(__always)
  init(_ row: Mailbox, _ segment: Segment) {
    self.row = row
    self.segment = segment
  }

  /// The cells of a channel's handle; nil when it is of another kind.
  @inline(__always)
  init?(_ slot: Slot) {
    let index = slot.pointee.index
    let segment = AtOnce.segment(slot.pointee.object.unsafelyUnwrapped, index)
    guard slot.pointee.count == SYNCMGR_CHANNEL_MEMORY, let row = segment.mailbox(index) else {
      return nil
    }
    self.init(row, segment)
  }

  enum Reading {
    /// How many of the cells are there, and the room that they take.
    case read(found: Int, length: Int)
    /// Somebody has written in between, or somebody has spoiled the table.
    case disturbed
    case badKey
  }

  /// With `isLocked` the channel's send guard is this thread's, and nothing can change.
  @inline(__always)
  func read(
    _ cells: UnsafeMutableBufferPointer<syncmgr_cell_t>, _ buffer: UnsafeMutableRawBufferPointer,
    isLocked: Bool
  ) -> Reading {
    let moves = row.version.load()
    let table = Variables(row, segment)
    if table == nil, row.variables.load() != 0 { return .disturbed }
    var found = 0
    var end = 0
    // Versions only grow: the same sum again means that none of them has changed.
    var sum: UInt64 = 0
    for place in cells.indices {
      guard let key = CellKey(cells[place].key) else { return .badKey }
      guard let table, let variable = table.find(key.text, key.hash, SM_VARIABLE_CELL) else {
        CellReader.forget(&cells[place])
        continue
      }
      let version = variable.version.load()
      sum &+= version
      guard copy(table, variable, version, &cells[place], buffer, &end, isLocked) else {
        return .disturbed
      }
      if cells[place].status == SYNCMGR_OK { found += 1 }
    }
    if !isLocked {
      if cells.count > 1, total(cells, table) != sum { return .disturbed }
      sm_read_fence()
      if row.version.load() != moves { return .disturbed }
    }
    return .read(found: found, length: end)
  }

  /// Copies one value. False when a writer has come in between.
  @inline(__always)
  private func copy(
    _ table: Variables, _ variable: Variable, _ version: UInt64, _ cell: inout syncmgr_cell_t,
    _ buffer: UnsafeMutableRawBufferPointer, _ end: inout Int, _ isLocked: Bool
  ) -> Bool {
    let value = variable.value(version)
    let type = value.type.load()
    if type == SM_VALUE_NONE {
      CellReader.forget(&cell)
    } else {
      let length = value.length.load()
      guard let source = table.bytes(variable, version, length, segment) else { return false }
      let count = Int(length)
      let start = (end + 7) & ~7
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
    // After what was copied: at most the next version, into the other value, is being written.
    sm_read_fence()
    return variable.begun.load() &- version <= 1
  }

  @inline(__always)
  private func total(
    _ cells: UnsafeMutableBufferPointer<syncmgr_cell_t>, _ table: Variables?
  ) -> UInt64 {
    sm_read_fence()
    guard let table else { return row.variables.load() == 0 ? 0 : UInt64.max }
    var sum: UInt64 = 0
    for cell in cells {
      guard let key = CellKey(cell.key) else { return UInt64.max }
      sum &+= table.find(key.text, key.hash, SM_VARIABLE_CELL)?.version.load() ?? 0
    }
    return sum
  }

  @inline(__always)
  private static func forget(_ cell: inout syncmgr_cell_t) {
    cell.data = nil
    cell.length = 0
    cell.version = 0
    cell.type = SYNCMGR_CELL_BYTES
    cell.status = SYNCMGR_E_NOT_FOUND
  }

  /// The version that a cell has now, as callers see it; nil when it could not be read.
  func version(of key: CellKey) -> UInt64? {
    let moves = row.version.load()
    guard let table = Variables(row, segment) else { return row.variables.load() == 0 ? 0 : nil }
    let variable = table.find(key.text, key.hash, SM_VARIABLE_CELL)
    let version = variable?.version.load() ?? 0
    let isThere = variable.map { $0.value(version).type.load() != SM_VALUE_NONE } ?? false
    sm_read_fence()
    let isQuiet = variable.map { $0.begun.load() &- version <= 1 } ?? true
    if !isQuiet || row.version.load() != moves { return nil }
    return isThere ? version : 0
  }
}
