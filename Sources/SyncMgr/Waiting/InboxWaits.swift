import CSyncMgr
import CSyncMgrShim

/// Started waits for messages. A workstream's inbox is no object: the cells of these waits stand in
/// no line, and are found by their workstream. They end when there is a message, and leave it where
/// it is: nothing is granted, so nothing is lost when the wait ends otherwise in that moment.
extension Attachment {
  /// Begins a wait. Under the directory guard, where no message can come just now. Dies before
  /// `waiting` is stored: the cell is free. After: recovery frees it.
  func beginInboxWait(_ draft: Tickets.Draft, _ workstream: UInt32) {
    let cell = draft.cell
    cell.object.store(0)
    cell.holding.store(0)
    cell.partner.store(0)
    cell.workstream.store(workstream)
    cell.flags.store(draft.flags | CellFlag.inbox)
    cell.since.store(UInt64(bitPattern: sm_now()))
    cell.ticket.store(draft.handle)
    cell.state.store(CellState.waiting)
  }

  /// Ends the waits for a message to `stream`, or to anybody, where there is one. After a message
  /// was sent. Dies before: recovery does it, as it does for who died between telling and waking.
  func tellInboxes(of stream: Workstream? = nil) {
    var wakes = Wakes()
    always {
      let owner = stream?.owner.load()
      for index in 0..<segment.batchCount {
        guard let batch = segment.batch(index)?.owner.load(), batch != 0, owner ?? batch == batch
        else { continue }
        for bit in 0..<SM_BATCH_CELLS {
          guard let cell = segment.cell(index * SM_BATCH_CELLS + bit),
            isInboxWait(cell),
            let mine = segment.workstream(OwnerID.index(cell.workstream.load())),
            stream == nil || mine == stream, hasMessage(mine)
          else { continue }
          wakes.finish(cell, SYNCMGR_OK, self)
        }
      }
    }
    wakes.send(self)
  }

  /// Takes a wait back, or ends it with `result`. False when it had ended before. `isRight` looks
  /// again, under the guard, whether the cell still is the wait that the caller means.
  func endInboxWait(_ cell: Cell, result: Int32? = nil, _ isRight: (Cell) -> Bool) -> Bool {
    var wakes = Wakes()
    let hasEnded = always {
      guard isInboxWait(cell), isRight(cell) else { return false }
      if let result {
        wakes.finish(cell, result, self)
      } else if cell.state.exchange(CellState.free) & CellState.asleep != 0 {
        // A thread may sleep on a ticket that another one cancels.
        sm_futex_wake(cell.state.at, Int32.max)
      }
      return true
    }
    wakes.send(self)
    return hasEnded
  }

  /// The state first: a cell that begins another wait has its flags before that.
  private func isInboxWait(_ cell: Cell) -> Bool {
    cell.state.load() & CellState.kind == CellState.waiting && CellFlag.isForInbox(cell)
  }

  private func hasMessage(_ stream: Workstream) -> Bool {
    var isThere = false
    forMessages(to: stream.id.load()) { message, place in
      let word = status(of: place, message)
      if !Delivery.isOver(word), word & Delivery.taken == 0 { isThere = true }
    }
    return isThere
  }
}

extension Waits {
  /// Why a wait for a message ended without one.
  static func inboxFailure(_ status: Int32) -> Failure {
    status == SYNCMGR_E_CLOSED
      ? Failure(status, "the workstream was closed while the call ran")
      : Failure(status, "there is no message")
  }
}
