import CSyncMgr
import CSyncMgrShim

/// Waiters to wake once the guard is free again, so that nobody wakes up only to wait for it.
///
/// Whoever dies between unlocking and waking leaves sleepers whose cells say `done`: recovery wakes
/// those again (`Recovery.wakeAgain`), and every sleep is bounded besides.
struct Wakes {
  private var cells: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) =
    (0, 0, 0, 0, 0, 0, 0, 0)
  private var count = 0
  private var everybody = false

  /// Ends a wait: stores what came out of it, then marks the cell. Under the guard.
  mutating func finish(
    _ cell: Cell, _ result: Int32, value: UInt64 = 0, index: UInt32 = 0, _ attachment: Attachment
  ) {
    cell.result.store(UInt32(bitPattern: result))
    cell.value.store(value)
    cell.index.store(index)
    change(cell, to: CellState.done, attachment)
    if attachment.wants(SYNCMGR_NOTICE_GRANTED | SYNCMGR_NOTICE_TIMED_OUT) {
      attachment.tellEnd(of: cell, result, value)
    }
  }

  /// Tells a waiter to try for itself. Under the guard.
  mutating func wake(_ cell: Cell, _ attachment: Attachment) {
    change(cell, to: CellState.woken, attachment)
  }

  /// Tells a waiter, or who looks after its ticket, that it waits for something else from now on.
  /// Under the guard.
  mutating func tellMoved(_ cell: Cell, _ attachment: Attachment) {
    let state = cell.state.update {
      $0 & CellState.kind == CellState.waiting ? $0 | CellState.moved : nil
    }
    if let state { add(cell, state, attachment) }
  }

  private mutating func change(_ cell: Cell, to kind: UInt32, _ attachment: Attachment) {
    add(cell, cell.state.update { $0 & ~CellState.kind | kind } ?? 0, attachment)
  }

  private mutating func add(_ cell: Cell, _ state: UInt32, _ attachment: Attachment) {
    if state & CellState.asleep == 0, cell.flags.load() & CellFlag.queued == 0 { return }
    if count == 8 { send(attachment) }
    withUnsafeMutableBytes(of: &cells) {
      $0.storeBytes(
        of: attachment.segment.index(of: cell), toByteOffset: count * 4, as: UInt32.self)
    }
    count += 1
  }

  /// Everybody who waits on the object's epoch. Under the guard, after what they wait for is
  /// stored.
  mutating func broadcast(_ object: Object) {
    object.epoch.store(object.epoch.load() &+ 1)
    everybody = true
  }

  /// Wakes them. After the guard was unlocked; earlier only when there are very many.
  @inline(__always)
  mutating func send(_ attachment: Attachment, _ object: Object? = nil) {
    if count > 0 { sendCells(attachment) }
    if everybody, let object {
      everybody = false
      sm_futex_wake(object.epoch.at, Int32.max)
    }
  }

  @inline(never)
  private mutating func sendCells(_ attachment: Attachment) {
    for position in 0..<count {
      let index = withUnsafeBytes(of: cells) {
        $0.load(fromByteOffset: position * 4, as: UInt32.self)
      }
      if let cell = attachment.segment.cell(index) { attachment.announce(cell, index) }
    }
    count = 0
  }
}

extension Attachment {
  /// A notice of how a wait ended.
  fileprivate func tellEnd(of cell: Cell, _ result: Int32, _ value: UInt64) {
    guard let object = segment.object(cell.object.load() &- 1) else { return }
    let owner = cell.workstream.load()
    let type = object.type.load()
    if result == SYNCMGR_E_TIMEOUT {
      let waited = UInt64(bitPattern: sm_now()) &- cell.since.load()
      emit(SYNCMGR_NOTICE_TIMED_OUT, object, owner: owner, value: waited)
    }
    // Who waited for a condition in vain gets its mutex back nevertheless.
    if Notice.isGrant(type, result) || cell.flags.load() & CellFlag.granted != 0 {
      let amount = type == SYNCMGR_TYPE_SEMAPHORE ? UInt64(cell.amount.load()) : value
      emit(SYNCMGR_NOTICE_GRANTED, object, owner: owner, value: amount)
    }
  }

  /// Tells a cell's waiter that its state has changed. Too often does no harm.
  func announce(_ cell: Cell, _ index: UInt32) {
    if cell.flags.load() & CellFlag.queued == 0 {
      // Several threads may wait for one ticket.
      sm_futex_wake(cell.state.at, Int32.max)
      return
    }
    guard let batch = segment.batch(index / SM_BATCH_CELLS) else { return }
    let owner = batch.owner.load()
    if owner == me {
      completeOrExpect(cell)
    } else if owner != 0 {
      batch.finished.or(1 << UInt64(index % SM_BATCH_CELLS))
      let other = segment.participant(ParticipantID.slot(owner))
      other.doorbell.add(1)
      sm_futex_wake(other.doorbell.at, 1)
    }
  }

  /// A queued ticket has ended, or moved into a line where it may close a circle.
  private func completeOrExpect(_ cell: Cell) {
    complete(cell)
    if cell.state.load() & CellState.kind == CellState.waiting,
      cell.flags.load() & CellFlag.looks != 0
    {
      Detection.expect(self)
    }
  }

  /// Collects what other processes finished of our queued tickets.
  func answerDoorbell() {
    let batches = Local.always { _ in cells.batches }
    for batch in batches {
      guard let word = segment.batch(batch)?.finished, word.load() != 0 else { continue }
      var bits = word.exchange(0)
      while bits != 0 {
        let bit = UInt32(bits.trailingZeroBitCount)
        bits &= bits - 1
        if let cell = segment.cell(batch * SM_BATCH_CELLS + bit) { completeOrExpect(cell) }
      }
    }
  }
}
