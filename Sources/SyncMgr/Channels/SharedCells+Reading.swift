import CSyncMgr
import CSyncMgrShim

/// Reading: some times without the lock, then under the send guard, so that no writer starves a
/// reader.
extension SharedCells {
  private static let attempts = 16

  private var reader: CellReader { CellReader(row, attachment.segment) }

  /// Reads cells at one moment. `length` gets the bytes of the buffer that they take, or would.
  func get(
    _ cells: UnsafeMutableBufferPointer<syncmgr_cell_t>, _ buffer: UnsafeMutableRawBufferPointer,
    _ length: inout Int
  ) throws(Failure) {
    var result = CellReader.Reading.disturbed
    for attempt in 0...SharedCells.attempts {
      guard case .disturbed = result else { break }
      result =
        attempt < SharedCells.attempts
        ? reader.read(cells, buffer, isLocked: false)
        : try inGuard { reader.read(cells, buffer, isLocked: true) }
    }
    switch result {
    case .disturbed: throw attachment.corrupt("the table of cells")
    case .badKey: throw CellKey.failure
    case .read(let found, let needed):
      length = needed
      if found == 0 { throw try notThere(cells) }
      if needed > buffer.count { throw tooSmall(cells, buffer, needed) }
    }
  }

  private func tooSmall(
    _ cells: UnsafeMutableBufferPointer<syncmgr_cell_t>, _ buffer: UnsafeMutableRawBufferPointer,
    _ needed: Int
  ) -> Failure {
    for place in cells.indices { cells[place].data = nil }
    return Failure(
      SYNCMGR_E_TOO_LARGE, channel.caller.object,
      text: "the cells need \(needed) bytes, and the buffer has \(buffer.count)")
  }

  private func notThere(
    _ cells: UnsafeMutableBufferPointer<syncmgr_cell_t>
  ) throws(Failure) -> Failure {
    for cell in cells { try CellKey.of(cell.key).check() }
    return Failure(SYNCMGR_E_NOT_FOUND, channel.caller.object, text: "there is no such cell")
  }

  /// The version that a cell has now.
  func version(of key: CellKey) throws(Failure) -> UInt64 {
    for _ in 0..<SharedCells.attempts {
      if let version = reader.version(of: key) { return version }
    }
    return try inGuard { () throws(Failure) in
      try find(key, makes: false).map { SharedCells.shown($0.variable) } ?? 0
    }
  }
}
