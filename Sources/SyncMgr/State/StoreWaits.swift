import CSyncMgr
import CSyncMgrShim

/// Waiting for a change of a key, or for any. Who waits stands in the line of the store's object:
/// its `amount` says for which, as that of a wait for a cell, and `seen` since which version or
/// revision. A wait enters and is ended under the send guard and the object's, so that no commit
/// comes in between.
extension Store {
  /// The amount of those who wait for any change.
  static let anyAmount: UInt32 = SharedCells.firstAmount - 1

  /// Waits until the version of a key, or with nil the revision of the store, is not `seen`.
  func wait(_ key: CellKey?, since seen: UInt64, _ timeout: Int64) throws(Failure) -> UInt64 {
    try wait(key, since: seen).wait(since: seen, timeout)
  }

  func waitStart(
    _ key: CellKey?, since seen: UInt64, _ start: Tickets.Start
  ) throws(Failure) -> Started {
    try wait(key, since: seen).start(since: seen, start)
  }

  private func wait(_ key: CellKey?, since seen: UInt64) -> VersionWait {
    VersionWait(
      caller: caller,
      look: { () throws(Failure) in
        guard let key else { return try revision() }
        let now = try version(of: key)
        if now == 0 { try key.check() }
        return now
      },
      enter: { (cell, flags, ticket) throws(Failure) in
        try enter(key, since: seen, cell, flags: flags, ticket: ticket)
      })
  }

  private func enter(
    _ key: CellKey?, since seen: UInt64, _ cell: Cell, flags: UInt32, ticket: UInt64?
  ) throws(Failure) -> Outcome? {
    attachment.lockSending(row)
    defer { attachment.unlockSending(row) }
    do throws(Failure) {
      // Who is to be told of the wait, by what it is found, and what there is now.
      let (mark, amount, now) = try place(key)
      if now != seen {
        attachment.giveBack(cell)
        return Outcome(SYNCMGR_OK, value: now)
      }
      try caller.lock()
      // Dies after this: somebody looks for a wait that is not there, once.
      mark.store(1)
      cell.seen.store(seen)
      caller.enqueue(cell, amount: amount, flags: flags, ticket: ticket)
      caller.unlock()
      return nil
    } catch {
      attachment.giveBack(cell)
      throw error
    }
  }

  /// Under the send guard.
  private func place(
    _ key: CellKey?
  ) throws(Failure) -> (mark: Word32, amount: UInt32, now: UInt64) {
    let log = try log()
    guard let key else { return (log.head.waiting, Store.anyAmount, log.head.applied.load()) }
    let least = log.head.floor.load()
    if try cells.find(key, makes: false) == nil { try cells.reserve(1) }
    guard let (table, variable) = try cells.find(key, makes: true, least: least) else {
      throw attachment.corrupt("the table of entries")
    }
    return (
      variable.waiting, SharedCells.firstAmount + table.place(of: variable),
      SharedCells.shown(variable)
    )
  }
}

extension Attachment {
  /// Ends the waits that are due after a commit that has changed these places. Under the send
  /// guard. Dies in here: the marks stay until all are through, and recovery ends those that are
  /// due.
  @inline(never)
  func finishStoreWaits(
    _ object: Object, _ row: Mailbox, _ changed: [UInt32], _ wakes: inout Wakes
  ) {
    guard let log = StoreLog(row, segment), let table = Variables(row, segment) else { return }
    let revision = log.head.applied.load()
    var waiting: Set<UInt32> = []
    lock(object)
    var next = liveHead(of: object)
    var left = SM_CELLS
    while let cell = next, left > 0 {
      left -= 1
      next = self.next(of: cell)
      let amount = cell.amount.load()
      let now: UInt64
      if amount == Store.anyAmount {
        now = revision
      } else if let variable = table[amount &- SharedCells.firstAmount] {
        now = SharedCells.shown(variable)
      } else {
        continue
      }
      if now != cell.seen.load() {
        unlink(cell, object)
        wakes.finish(cell, SYNCMGR_OK, value: now, self)
      } else {
        waiting.insert(amount)
      }
    }
    // Also the marks of those who went away without a word.
    for place in changed where !waiting.contains(SharedCells.firstAmount &+ place) {
      table[place]?.waiting.store(0)
    }
    if !waiting.contains(Store.anyAmount) { log.head.waiting.store(0) }
    unlock(object)
  }
}
