import CSyncMgr
import CSyncMgrShim

/// Waiting for a change of a cell. Who waits stands in the line of the channel's object: its
/// `amount` says for which cell, and `seen` since which version. A wait enters and is ended
/// under the send guard and the object's, so that no version comes in between.
extension SharedCells {
  /// Amounts below are those of ChannelWaits.
  static let firstAmount: UInt32 = 4

  func changed(
    _ key: CellKey, since seen: UInt64, _ timeout: Int64
  ) throws(Failure) -> UInt64 {
    try wait(key, since: seen).wait(since: seen, timeout)
  }

  func changedStart(
    _ key: CellKey, since seen: UInt64, _ start: Tickets.Start
  ) throws(Failure) -> Started {
    try wait(key, since: seen).start(since: seen, start)
  }

  private func wait(_ key: CellKey, since seen: UInt64) -> VersionWait {
    VersionWait(
      caller: channel.caller,
      look: { () throws(Failure) in try look(key) },
      enter: { (cell, flags, ticket) throws(Failure) in
        try enter(key, since: seen, cell, flags: flags, ticket: ticket)
      },
      // Shut: the next look says so.
      isToldByLook: { failure in
        failure.status == SYNCMGR_E_CLOSED && !channel.caller.isClosed && row.shut.load() != 0
      })
  }

  /// No change comes in a channel that was shut, though its cells can still be read.
  private func look(_ key: CellKey) throws(Failure) -> UInt64 {
    if row.shut.load() != 0 { throw channel.isShut() }
    let now = try version(of: key)
    if now == 0 { try key.check() }
    return now
  }

  /// Puts the cell of a wait into the line, or gives it back when the version is another already.
  private func enter(
    _ key: CellKey, since seen: UInt64, _ cell: Cell, flags: UInt32, ticket: UInt64?
  ) throws(Failure) -> Outcome? {
    let caller = channel.caller
    attachment.lockSending(row)
    do throws(Failure) {
      if row.shut.load() != 0 { throw channel.isShut() }
      guard let (table, variable) = try find(key, makes: true) else {
        throw attachment.corrupt("the table of cells")
      }
      let now = SharedCells.shown(variable)
      if now != seen {
        attachment.unlockSending(row)
        attachment.giveBack(cell)
        return Outcome(SYNCMGR_OK, value: now)
      }
      try caller.lock()
      // Dies after this: somebody looks for a wait that is not there, once.
      variable.waiting.store(1)
      cell.seen.store(seen)
      caller.enqueue(
        cell, amount: SharedCells.firstAmount + table.place(of: variable), flags: flags,
        ticket: ticket)
      caller.unlock()
    } catch {
      attachment.unlockSending(row)
      attachment.giveBack(cell)
      throw error
    }
    attachment.unlockSending(row)
    return nil
  }

  /// Ends the waits for a change that was made. Under the send guard. Dies in here: the mark stays
  /// until all are through, and recovery ends those that are due.
  @inline(never)
  func finishWaits(_ table: Variables, _ variable: Variable, _ wakes: inout Wakes) {
    attachment.finishChanged(channel.caller.object, table, variable, &wakes)
  }
}

extension Attachment {
  /// The places of a table that somebody waits for. Under the send guard.
  func awaitedPlaces(_ row: Mailbox) -> Set<UInt32> {
    guard let object = segment.object(segment.index(of: row)) else { return [] }
    var places: Set<UInt32> = []
    lock(object)
    var next = liveHead(of: object)
    var left = SM_CELLS
    while let cell = next, left > 0 {
      left -= 1
      next = self.next(of: cell)
      places.insert(cell.amount.load() &- SharedCells.firstAmount)
    }
    unlock(object)
    return places
  }

  /// Ends the waits for a cell that has another version than they have seen: for one, or with nil
  /// for all cells. Under the send guard.
  func finishChanged(
    _ object: Object, _ table: Variables, _ only: Variable?, _ wakes: inout Wakes
  ) {
    let wanted = only.map { SharedCells.firstAmount + table.place(of: $0) }
    var isOneLeft = false
    lock(object)
    var next = liveHead(of: object)
    var left = SM_CELLS
    while let cell = next, left > 0 {
      left -= 1
      next = self.next(of: cell)
      let amount = cell.amount.load()
      guard wanted == nil || amount == wanted,
        let variable = table[amount &- SharedCells.firstAmount]
      else { continue }
      let now = SharedCells.shown(variable)
      if now != cell.seen.load() {
        unlink(cell, object)
        wakes.finish(cell, SYNCMGR_OK, value: now, self)
      } else {
        isOneLeft = true
      }
    }
    if let only, !isOneLeft { only.waiting.store(0) }
    unlock(object)
  }
}
