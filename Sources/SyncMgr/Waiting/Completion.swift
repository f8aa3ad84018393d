import CSyncMgr
import CSyncMgrShim

extension Attachment {
  /// Moves the outcome of a finished ticket into its queue, or has its series go on. Called by
  /// whoever finished it, or hears of it by the doorbell; only the first call finds it open.
  func complete(_ cell: Cell) {
    let index = segment.index(of: cell)
    Local.always { _ in
      let handle = cell.ticket.load()
      let slot = Tickets.slot(of: handle)
      guard handle != 0, slot.tag.load() == handle, slot.cellIndex == index, !slot.isCompleted,
        cell.state.load() & CellState.kind == CellState.done
      else { return }
      if let queue = Queue.at(slot.queueSlot) {
        _ = slot.flags.update { $0 | 1 }
        let outcome = Outcome(of: cell)
        queue.push(
          syncmgr_record_t(
            ticket: handle, user_data: slot.userData, status: outcome.status,
            kind: slot.pointee.object?.type.load() ?? 0, value: outcome.value,
            index: outcome.index, reserved: 0))
      } else if let series = Series.at(slot.queueSlot) {
        _ = slot.flags.update { $0 | 1 }
        series.stepEnded()
      } else {
        return
      }
      if slot.deadline != Deadline.never { Deadlines.settled() }
    }
  }
}
