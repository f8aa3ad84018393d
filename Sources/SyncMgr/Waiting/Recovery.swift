import CSyncMgr
import CSyncMgrShim

/// Releasing what a dead process left. Done by one survivor, who claims the dead one's slot by
/// compare-and-swap; when that survivor dies too, the next one claims it from the dead claimer and
/// begins anew: every step finds only what is still there to be done.
///
/// Order matters. Guards first, so that every structure is whole. Then the dead one's waits, so
/// that nothing is granted to them. Then what it held. Then its workstreams, whose names were
/// needed until here. Then wakes that it owed to others. Its slot last: until then everybody sees
/// it as dead.
extension Attachment {
  /// Recovers every dead participant. Returns how many.
  @discardableResult
  func recoverDead(thorough: Bool = false) -> UInt32 {
    var count: UInt32 = 0
    forOthers { other in
      let id = other.id.load()
      if id != 0, isDead(other, thorough: thorough), recover(other, id) { count += 1 }
    }
    return count
  }

  /// Recovers those whose life words say that they are dead: a few loads when there are none.
  func recoverMarked() {
    guard isShared else { return }
    for slot in 0..<segment.participantCount
    where segment.participant(slot).life.load() & SM_LIFE_DEAD != 0 {
      recoverDead()
      return
    }
  }

  /// Recovers every dead participant, and waits for those that others are recovering. Returns how
  /// many dead there were.
  func cleanUp() -> UInt32 {
    func countDead() -> UInt32 {
      var count: UInt32 = 0
      forOthers { if isDead($0, thorough: true) { count += 1 } }
      return count
    }
    let found = countDead()
    while countDead() > 0 {
      if recoverDead(thorough: true) == 0 { sm_nap(100_000) }
    }
    return found
  }

  /// False when another survivor does it.
  private func recover(_ dead: Participant, _ id: UInt32) -> Bool {
    let recoverer = dead.recoverer.load()
    if recoverer != 0, !isGone(recoverer) { return false }
    // Threads of this process exclude each other as well: `me` in the word is one of them.
    guard dead.recoverer.claim(recoverer, me) else { return false }
    guard dead.id.load() == id else {
      _ = dead.recoverer.claim(me, 0)
      return false
    }
    takeOverDirectory(from: id)
    takeOverDeadlocks(from: id)
    takeOverHeap(from: id)
    for index in 0..<segment.objectCount {
      if let object = segment.object(index) { takeOver(object, from: id) }
    }
    withdrawCells(of: id)
    abandonHoldings(of: id)
    tellOfStreams(of: id)
    endWorkstreams(of: id)
    settleObjects(of: id)
    releaseHands(of: id)
    wakeAgain()
    forgetInterest(of: dead)
    dead.hasLife.store(0)
    dead.life.store(0)
    dead.id.store(0)
    dead.recoverer.store(0)
    announceMembership()
    return true
  }

  private func withdrawCells(of dead: UInt32) {
    for index in 0..<segment.batchCount {
      guard let batch = segment.batch(index), batch.owner.load() == dead else { continue }
      for bit in 0..<SM_BATCH_CELLS {
        guard let cell = segment.cell(index * SM_BATCH_CELLS + bit) else { continue }
        withdrawCell(cell)
      }
      batch.finished.store(0)
      batch.owner.store(0)
    }
  }

  private func withdrawCell(_ cell: Cell) {
    if let object = segment.object(cell.object.load() &- 1) {
      _ = Waits.withdraw(cell, object, self) { _ in true }
      if CellFlag.isGranted(cell) {
        lock(object)
        // `done` is undone before the object moves on: whoever comes here again finds nothing.
        cell.state.store(CellState.free)
        Kinds.of(object)?.refused(self, object, cell)
        unlock(object)
      }
    }
    // The signal last had by a dead one that did not get as far as its mutex. Given once too often
    // when we die right here; not lost.
    if cell.signalled.load() != 0 {
      passOn(cell.partner.load())
      cell.signalled.store(0)
    }
    // Under the guard of those who end such waits: none of them has it in hand any more.
    if CellFlag.isForInbox(cell) { _ = endInboxWait(cell) { _ in true } }
    cell.partner.store(0)
    cell.ticket.store(0)
    cell.object.store(0)
    cell.state.store(CellState.free)
  }

  private func abandonHoldings(of dead: UInt32) {
    for index in 0..<segment.holdingCount {
      guard let holding = segment.holding(index), holding.owner.load() == dead else { continue }
      if holding.state.load() == SlotState.live,
        let object = segment.object(holding.object.load() &- 1)
      {
        lock(object)
        countDeath(object, holding)
        Kinds.of(object)?.abandon(self, object, holding, true)
        unlock(object)
        Kinds.of(object)?.left?(self, object, holding)
      }
      always { endHolding(holding) }
    }
  }

  /// Tells objects that wait for workstreams by name that theirs died. Told twice does no harm.
  private func tellOfStreams(of dead: UInt32) {
    if header.syncPoints.load() == 0 { return }
    var told: [(Object, @Sendable (Attachment, Object, Workstream) -> Void)] = []
    for index in 0..<segment.objectCount {
      if let object = segment.object(index), object.state.load() == SlotState.live,
        let tell = Kinds.of(object)?.streamDied
      {
        told.append((object, tell))
      }
    }
    for index in 0..<segment.workstreamCount {
      guard let stream = segment.workstream(index), stream.owner.load() == dead,
        stream.state.load() == SlotState.live
      else { continue }
      for (object, tell) in told {
        lock(object)
        tell(self, object, stream)
        unlock(object)
      }
    }
  }

  private func settleObjects(of dead: UInt32) {
    if header.channels.load() == 0 { return }
    for index in 0..<segment.objectCount {
      if let object = segment.object(index), object.state.load() == SlotState.live {
        Kinds.of(object)?.settle?(self, object, dead)
      }
    }
  }

  private func endWorkstreams(of dead: UInt32) {
    for index in 0..<segment.workstreamCount
    where segment.workstream(index)?.owner.load() == dead {
      endWorkstream(index, SYNCMGR_NOTICE_DIED)
    }
  }

  /// Wakes everybody whose wait is over: the dead one may have died between ending a wait and
  /// waking its waiter. Who is awake already does not notice.
  private func wakeAgain() {
    for index in 0..<segment.batchCount where segment.batch(index)?.owner.load() != 0 {
      for bit in 0..<SM_BATCH_CELLS {
        let position = index * SM_BATCH_CELLS + bit
        guard let cell = segment.cell(position) else { continue }
        let state = cell.state.load()
        let kind = state & CellState.kind
        let isOver = kind == CellState.done || kind == CellState.woken
        let isQueued = cell.flags.load() & CellFlag.queued != 0
        if isOver, state & CellState.asleep != 0 || isQueued { announce(cell, position) }
      }
    }
    wakeInboxes()
    tellInboxes()
    for index in 0..<segment.objectCount {
      if let object = segment.object(index), object.state.load() == SlotState.live,
        object.epoch.load() != 0
      {
        sm_futex_wake(object.epoch.at, Int32.max)
      }
    }
  }
}
