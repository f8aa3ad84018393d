import CSyncMgr
import CSyncMgrShim

/// States of a cell. The word is a futex: its waiter sleeps on it.
///
///     free -> waiting -> done      granted, or ended with a status; the waiter frees the cell
///             waiting -> woken     told to try for itself; back to waiting when that fails
///
/// `asleep` is set by the waiter before it sleeps and stays set, so that whoever ends the wait, or
/// recovers somebody who died just before waking it, knows that there is somebody to wake.
enum CellState {
  static let free: UInt32 = 0
  static let waiting: UInt32 = 1
  static let woken: UInt32 = 2
  static let done: UInt32 = 3
  static let kind: UInt32 = 0xff
  static let asleep: UInt32 = 0x100
  /// It waits for something else than it did, which its waiter is to know.
  static let moved: UInt32 = 0x200
}

enum CellFlag {
  /// A started wait: nobody is awake to try, the object is handed over.
  static let ticket: UInt32 = 1
  /// Its outcome goes to a queue.
  static let queued: UInt32 = 2
  /// It stands before all others in line, and lets nobody pass.
  static let first: UInt32 = 4
  /// It was granted what it waited for, though its result is an error: it came too late.
  static let granted: UInt32 = 8
  /// Its workstream holds something when the wait begins: it may close a circle.
  static let looks: UInt32 = 16
  /// It waits for a message to its workstream, in no line. Such a cell begins and ends to wait
  /// under the directory guard, as messages come.
  static let inbox: UInt32 = 32

  /// It waits under wait-die, or under wound-wait: see `Seniority`.
  static let dies: UInt32 = 64
  static let wounds: UInt32 = 128

  static func isForInbox(_ cell: Cell) -> Bool {
    cell.object.load() == 0 && cell.flags.load() & inbox != 0
  }

  /// Whether a wait that is over ended with a grant.
  static func isGranted(_ cell: Cell) -> Bool {
    cell.state.load() & CellState.kind == CellState.done
      && (cell.result.load() < 0x8000_0000 || cell.flags.load() & granted != 0)
  }
}

/// Claiming and freeing cells. A process claims them from the segment in batches and keeps the
/// account of each to itself: nobody else ever frees one, except who recovers the process.
extension Attachment {
  func takeCell() throws(Failure) -> Cell {
    if let cell = Local.always({ _ in freeCell() }) { return cell }
    let batch = try claimBatch()
    return try Local.locked { (_) throws(Failure) in
      if cells.used.isEmpty { cells.used = [UInt64](repeating: 0, count: Int(SM_BATCHES)) }
      cells.used[Int(batch)] = 0
      cells.batches.append(batch)
      cells.hint = cells.batches.count - 1
      guard let cell = freeCell() else { throw corrupt("the table of waits") }
      return cell
    }
  }

  private func freeCell() -> Cell? {
    let count = cells.batches.count
    for step in 0..<count {
      let place = (cells.hint + step) % count
      let batch = cells.batches[place]
      let used = cells.used[Int(batch)]
      if used == UInt64.max { continue }
      cells.hint = place
      let bit = (~used).trailingZeroBitCount
      cells.used[Int(batch)] = used | 1 << UInt64(bit)
      return segment.cell(batch * SM_BATCH_CELLS + UInt32(bit))
    }
    return nil
  }

  func giveBack(_ cell: Cell) {
    let index = segment.index(of: cell)
    // The state last: until then whoever recovers us sees a wait that may have ended unseen.
    let holding = cell.holding.load()
    if holding != 0 { segment.holding(holding - 1)?.waits.add(UInt32.max) }
    cell.holding.store(0)
    let partner = cell.partner.load()
    if partner != 0 {
      // A signal that was not used: who dies in here leaves it to whoever recovers it.
      if cell.signalled.load() != 0 {
        passOn(partner)
        cell.signalled.store(0)
      }
      segment.holding(partner - 1)?.waits.add(UInt32.max)
      cell.partner.store(0)
    }
    cell.ticket.store(0)
    cell.state.store(CellState.free)
    Local.always { _ in
      let batch = Int(index / SM_BATCH_CELLS)
      guard cells.used.indices.contains(batch) else { return }
      cells.used[batch] &= ~(1 << UInt64(index % SM_BATCH_CELLS))
      // Whole batches go back to the segment, all but a few.
      guard cells.used[batch] == 0, cells.batches.count > 4,
        let place = cells.batches.firstIndex(of: UInt32(batch))
      else { return }
      cells.batches.swapAt(place, cells.batches.count - 1)
      cells.batches.removeLast()
      cells.hint = 0
      segment.batch(UInt32(batch))?.owner.store(0)
    }
  }

  /// At detach, when nobody waits any more.
  func releaseBatches() {
    for batch in cells.batches { segment.batch(batch)?.owner.store(0) }
    cells = CellPool()
  }

  /// Cells of this process that are in use and satisfy `matches`: those of a handle, a workstream.
  func ownCells(where matches: (Cell) -> Bool) -> [Cell] {
    let used = Local.always { _ in cells.batches.map { ($0, cells.used[Int($0)]) } }
    var found: [Cell] = []
    for (batch, bits) in used {
      for bit in 0..<SM_BATCH_CELLS where bits & 1 << UInt64(bit) != 0 {
        if let cell = segment.cell(batch * SM_BATCH_CELLS + bit), matches(cell) {
          found.append(cell)
        }
      }
    }
    return found
  }
}
