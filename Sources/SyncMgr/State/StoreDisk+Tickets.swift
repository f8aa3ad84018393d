import CSyncMgr
import CSyncMgrShim

/// Started waits for the disk. They stand in the line of the store's object, beside those that wait
/// for changes: their `amount` says so, and `seen` which revision is to be on disk. The service
/// thread leads for them, when nobody does.
extension StoreDisk {
  /// No other wait of a store has it, see StoreWaits.
  private static let amount: UInt32 = SharedCells.firstAmount - 2
  /// Until the thread looks again, where somebody else leads.
  private static let pace: Int64 = 5_000_000

  func syncStart(
    _ revision: UInt64, _ caller: Caller, _ start: Tickets.Start
  ) throws(Failure) -> Started {
    let started = try start.begin(caller) { (draft) throws(Failure) in
      try enter(revision, caller, draft.cell, flags: draft.flags, ticket: draft.handle)
    }
    if started.outcome.status == SYNCMGR_PENDING { leadSoon(revision) }
    return started
  }

  /// Puts the cell of a wait into the line, or gives it back when there is nothing to wait for.
  private func enter(
    _ revision: UInt64, _ caller: Caller, _ cell: Cell, flags: UInt32, ticket: UInt64?
  ) throws(Failure) -> Outcome? {
    do throws(Failure) { try caller.lock() } catch {
      attachment.giveBack(cell)
      throw error
    }
    // Before the look: who writes looks at this after it has stored what is on disk. Dies after
    // this: somebody looks for tickets that are not there, once.
    head.tickets.exchange(1)
    let durable = head.durable.load()
    if durable >= revision {
      caller.unlock()
      attachment.giveBack(cell)
      return Outcome(SYNCMGR_OK, value: durable)
    }
    cell.seen.store(revision)
    caller.enqueue(cell, amount: StoreDisk.amount, flags: flags, ticket: ticket)
    caller.unlock()
    return nil
  }

  /// Has the service thread lead; without it, a call that serves this process's tickets.
  private func leadSoon(_ revision: UInt64, after delay: Int64 = 0) {
    let disk = self
    attachment.addChore(at: sm_now() + delay) {
      if disk.head.durable.load() >= revision || disk.head.tickets.load() == 0 { return }
      guard disk.take() else { return disk.leadSoon(revision, after: StoreDisk.pace) }
      // When it fails the tickets have the status.
      do throws(Failure) { try disk.write() } catch {}
    }
  }

  /// Ends the tickets that wait for what is on disk by now; with an error, all. Dies in here: the
  /// mark stays until all are through, and recovery ends the others.
  func finishTickets(_ status: Int32) {
    sm_fence()
    if head.tickets.load() == 0 { return }
    let durable = head.durable.load()
    var wakes = Wakes()
    var isOneLeft = false
    attachment.lock(object)
    var next = attachment.liveHead(of: object)
    var left = SM_CELLS
    while let cell = next, left > 0 {
      left -= 1
      next = attachment.next(of: cell)
      guard cell.amount.load() == StoreDisk.amount else { continue }
      let isDone = cell.seen.load() <= durable
      if isDone || status < 0 {
        attachment.unlink(cell, object)
        wakes.finish(cell, isDone ? SYNCMGR_OK : status, value: durable, attachment)
      } else {
        isOneLeft = true
      }
    }
    if !isOneLeft { head.tickets.store(0) }
    attachment.unlock(object)
    wakes.send(attachment)
  }
}
