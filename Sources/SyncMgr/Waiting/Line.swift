import CSyncMgr
import CSyncMgrShim

/// An object's wait line: its cells, linked from head to tail in order of arrival. Changed only
/// under the object's guard. The links are a convenience: `rebuildLine` makes them anew from the
/// cells themselves, which say what they wait for and in which order they came.
extension Attachment {
  func head(of object: Object) -> Cell? {
    let first = object.head.load()
    return first == 0 ? nil : segment.cell(first - 1)
  }

  /// The first in line whose process lives. Those of the dead before it are taken out: nothing is
  /// ever granted to them. Under the guard.
  func liveHead(of object: Object) -> Cell? {
    var left = SM_CELLS  // a line that leads in circles ends here
    while left > 0, let cell = head(of: object) {
      left -= 1
      let owner = segment.batch(segment.index(of: cell) / SM_BATCH_CELLS)?.owner.load() ?? 0
      if owner == me || !isGone(owner) { return cell }
      unlink(cell, object)
      cell.state.store(CellState.free)
      cell.object.store(0)
    }
    return nil
  }

  func next(of cell: Cell) -> Cell? {
    let next = cell.next.load()
    return next == 0 ? nil : segment.cell(next - 1)
  }

  /// Puts a cell at the end. Dies before `waiting` is stored: it was never in line. After: it is,
  /// and its owner being dead, recovery takes it out.
  func enqueue(
    _ cell: Cell, _ object: Object, holding: Holding, workstream: UInt32, amount: UInt32,
    flags: UInt32, handle: UInt64, partner: UInt32 = 0, partnerSlot: UInt32 = 0
  ) {
    let isFirst = flags & CellFlag.first != 0
    let order = isFirst ? 0 : object.order.load() &+ 1
    if !isFirst { object.order.store(order) }
    cell.object.store(segment.index(of: object) + 1)
    cell.holding.store(segment.index(of: holding) + 1)
    cell.workstream.store(workstream)
    cell.amount.store(amount)
    cell.flags.store(flags)
    cell.order.store(order)
    cell.since.store(UInt64(bitPattern: sm_now()))
    holding.waits.add(1)
    cell.ticket.store(handle)
    cell.value.store(0)
    cell.index.store(0)
    cell.result.store(0)
    cell.partner.store(partner)
    cell.partnerSlot.store(partnerSlot)
    cell.signalled.store(0)
    cell.override.store(0)
    cell.state.store(CellState.waiting)
    countWait(object)
    if isFirst { prepend(cell, object) } else { append(cell, object) }
  }

  private func prepend(_ cell: Cell, _ object: Object) {
    let position = segment.index(of: cell) + 1
    let head = object.head.load()
    cell.previous.store(0)
    cell.next.store(head)
    if head != 0, let first = segment.cell(head - 1) {
      first.previous.store(position)
    } else {
      object.tail.store(position)
    }
    object.head.store(position)
  }

  /// Links a cell whose order is set as the last. Under the guard.
  func append(_ cell: Cell, _ object: Object) {
    let position = segment.index(of: cell) + 1
    let tail = object.tail.load()
    cell.next.store(0)
    cell.previous.store(tail)
    if tail != 0, let last = segment.cell(tail - 1) {
      last.next.store(position)
    } else {
      object.head.store(position)
    }
    object.tail.store(position)
  }

  /// Takes a cell out of the line, wherever it stands.
  func unlink(_ cell: Cell, _ object: Object) {
    let next = cell.next.load()
    let previous = cell.previous.load()
    if previous != 0, let before = segment.cell(previous - 1) {
      before.next.store(next)
    } else {
      object.head.store(next)
    }
    if next != 0, let after = segment.cell(next - 1) {
      after.previous.store(previous)
    } else {
      object.tail.store(previous)
    }
    countEnd(object, since: cell.since.load())
  }

  /// Ends every wait in the line with `result`.
  func finishLine(_ object: Object, _ result: Int32, _ wakes: inout Wakes) {
    var left = SM_CELLS
    while let cell = head(of: object), left > 0 {
      unlink(cell, object)
      wakes.finish(cell, result, value: cell.value.load(), index: cell.index.load(), self)
      left -= 1
    }
  }

  /// Makes the line anew, in order of arrival.
  func rebuildLine(_ object: Object) {
    let wanted = segment.index(of: object) + 1
    var waiting: [(order: UInt64, cell: Cell)] = []
    for batch in 0..<segment.batchCount where segment.batch(batch)?.owner.load() != 0 {
      for bit in 0..<SM_BATCH_CELLS {
        guard let cell = segment.cell(batch * SM_BATCH_CELLS + bit), cell.object.load() == wanted
        else { continue }
        let kind = cell.state.load() & CellState.kind
        if kind == CellState.waiting || kind == CellState.woken {
          waiting.append((cell.order.load(), cell))
        }
      }
    }
    waiting.sort { $0.order < $1.order }
    // The line is never seen empty in between by who looks without the guard.
    var previous: UInt32 = 0
    for (place, entry) in waiting.enumerated() {
      let next = place + 1 < waiting.count ? segment.index(of: waiting[place + 1].cell) + 1 : 0
      entry.cell.previous.store(previous)
      entry.cell.next.store(next)
      previous = segment.index(of: entry.cell) + 1
      if entry.order > object.order.load() { object.order.store(entry.order) }
    }
    object.head.store(waiting.isEmpty ? 0 : segment.index(of: waiting[0].cell) + 1)
    object.tail.store(previous)
  }
}
