import CSyncMgr
import CSyncMgrShim

/// What came out of a wait.
struct Outcome {
  var status: Int32
  var value: UInt64 = 0
  var index: UInt32 = 0

  init(_ status: Int32, value: UInt64 = 0, index: UInt32 = 0) {
    self.status = status
    self.value = value
    self.index = index
  }

  init(of cell: Cell) {
    status = Int32(bitPattern: cell.result.load())
    value = cell.value.load()
    index = cell.index.load()
  }

  /// The status, or the failure that it says.
  func get(_ object: Object) throws(Failure) -> Int32 {
    if status >= 0 { return status }
    throw Waits.failure(status, object)
  }
}

/// A call that may have to wait: its handle and where that leads.
struct Caller {
  let slot: Slot
  let handle: UInt64
  private(set) var object: Object
  let holding: Holding
  let mine: UInt32
  let attachment: Attachment

  init(_ slot: Slot, _ handle: UInt64) {
    self.slot = slot
    self.handle = handle
    let attachment = Attachment.of(slot)
    let shown = slot.pointee.object.unsafelyUnwrapped
    object =
      slot.pointee.flags & Possessions.decoyMark == 0
      ? shown : attachment.segment.object(slot.pointee.index) ?? shown
    holding = slot.pointee.holding.unsafelyUnwrapped
    mine = slot.pointee.mine
    self.attachment = attachment
  }

  /// The same call, waiting for another object, which has no handle of its own.
  func on(_ other: Object) -> Caller {
    var caller = self
    caller.object = other
    return caller
  }

  /// Locks the object's guard, unless the handle was closed. The closer looks for waits under the
  /// same guard after it retired the handle: no wait can begin that it does not see.
  func lock() throws(Failure) {
    attachment.lock(object)
    if slot.tag.load() != handle {
      attachment.unlock(object)
      throw Waits.failure(SYNCMGR_E_CLOSED, object)
    }
  }

  func unlock() { attachment.unlock(object) }

  var isClosed: Bool { slot.tag.load() != handle }

  /// A notice that a wait of this call, which began at `start`, found nothing in time.
  func tellTimeout(since start: Int64) {
    guard object.watched.load() & SYNCMGR_NOTICE_TIMED_OUT != 0 else { return }
    attachment.emit(
      SYNCMGR_NOTICE_TIMED_OUT, object, owner: mine, value: UInt64(max(sm_now() - start, 0)))
  }

  func enqueue(_ cell: Cell, amount: UInt32 = 0, flags: UInt32 = 0, ticket: UInt64? = nil) {
    let mark =
      slot.pointee.flags & Possessions.decoyMark == 0
      ? 0 : Possessions.of(self).prevention?.cellFlag ?? 0
    attachment.enqueue(
      cell, object, holding: holding, workstream: mine, amount: amount, flags: flags | mark,
      handle: ticket ?? handle)
  }
}

enum Waits {
  /// The usual sentences of waits that end without success.
  static func failure(_ status: Int32, _ object: Object) -> Failure {
    switch status {
    case SYNCMGR_E_TIMEOUT
    where object.type.load() == SYNCMGR_TYPE_SYNC_POINT
      && object.word.load() == SYNCMGR_SYNC_TIMED_OUT:
      Failure(status, object, text: object.keptWords())
    case SYNCMGR_E_TIMEOUT: Failure(status, object, "the time passed")
    case SYNCMGR_E_CLOSED: Failure(status, object, "the handle was closed while the call ran")
    case SYNCMGR_E_LOST: Failure(status, object, "the hold was taken away meanwhile")
    case SYNCMGR_E_FAILED: Failure(status, object, text: "it failed: \(object.keptWords())")
    case SYNCMGR_E_BROKEN: Failure(status, object, "the barrier is broken")
    case SYNCMGR_E_PREEMPTED: Failure(status, object, "an older workstream needs what is held")
    default: Failure(status, object, "the wait failed")
    }
  }

  /// Sleeps on a cell that is in line until its wait is over. `compete` is called when the waiter
  /// is told to try for itself: it takes the object and leaves the line, or puts the cell back to
  /// waiting and answers nil. Frees the cell. Without `looks` for a wait that is for nobody in
  /// particular, and so in no circle: a sleep without an end costs less.
  static func block(
    _ caller: Caller, _ cell: Cell, until deadline: Int64, looks: Bool = true,
    _ compete: (Cell) -> Int32?
  ) throws(Failure) -> Outcome {
    let attachment = caller.attachment
    var look = looks ? Detection.firstLook(cell.since.load(), caller) : Deadline.never
    var review = Review(caller)
    while true {
      let first = Deadline.earlier(look, review?.due ?? Deadline.never)
      switch attachment.park(cell, until: Deadline.earlier(deadline, first)) {
      case .done:
        let outcome = Outcome(of: cell)
        attachment.giveBack(cell)
        if outcome.status == SYNCMGR_E_DEADLOCK {
          throw Detection.failure(outcome.value, caller.object, attachment)
        }
        return outcome
      case .woken:
        if let status = compete(cell) {
          let outcome = status == SYNCMGR_PENDING ? Outcome(of: cell) : Outcome(status)
          attachment.giveBack(cell)
          return outcome
        }
      case .moved: continue
      case .timedOut, .interrupted:
        if let failure = review?.failure(caller),
          withdraw(cell, caller.object, attachment, { _ in true })
        {
          attachment.giveBack(cell)
          throw failure
        }
        if Deadline.hasPassed(look) { look = Detection.look(cell.since.load(), attachment) }
        if !Deadline.hasPassed(deadline) { continue }
        if withdraw(cell, caller.object, attachment, { _ in true }) {
          caller.tellTimeout(since: Int64(bitPattern: cell.since.load()))
          attachment.giveBack(cell)
          throw failure(SYNCMGR_E_TIMEOUT, caller.object)
        }
        // Neither waiting nor over: somebody has spoiled the cell. It is left alone.
        if cell.state.load() & CellState.kind != CellState.done {
          throw attachment.corrupt("a wait")
        }
      }
    }
  }

  /// When a wait is to be looked at again, whether it still may go on, see `PreventionSettings`.
  private struct Review {
    private let look: @Sendable (Caller, inout Int64) throws(Failure) -> Void
    private var grace: Int64 = 0
    private(set) var due: Int64

    /// Nil for nearly all waits.
    init?(_ caller: Caller) {
      guard caller.slot.pointee.flags & Possessions.decoyMark != 0,
        let look = Possessions.of(caller).prevention?.review
      else { return nil }
      self.look = look
      due = 0
    }

    /// Why the wait is to end.
    mutating func failure(_ caller: Caller) -> Failure? {
      if !Deadline.hasPassed(due) { return nil }
      due = sm_now() + PreventionSettings.period
      do throws(Failure) { try look(caller, &grace) } catch { return error }
      return nil
    }
  }

  /// Takes a waiting cell out of its line. False when the wait had ended before: its outcome
  /// stands. With a `result` the wait ends with that, and its waiter is told. `isRight` looks
  /// again, under the guard, whether the cell still is the wait that the caller means.
  static func withdraw(
    _ cell: Cell, _ object: Object, _ attachment: Attachment, result: Int32? = nil,
    value: UInt64 = 0, _ isRight: (Cell) -> Bool
  ) -> Bool {
    attachment.lock(object)
    let kind = cell.state.load() & CellState.kind
    guard kind == CellState.waiting || kind == CellState.woken, isRight(cell),
      cell.object.load() == attachment.segment.index(of: object) + 1
    else {
      attachment.unlock(object)
      return false
    }
    var wakes = Wakes()
    // Read before the waiter can go on and give its cell back, by which it passes its signal on. A
    // ticket that ends may lie in its queue for long: its signal is passed on here.
    let signal = cell.signalled.load()
    let isTicket = cell.flags.load() & CellFlag.ticket != 0
    let partner = result == nil || !isTicket || signal == 0 ? 0 : cell.partner.load()
    attachment.unlink(cell, object)
    // The cell stops waiting before anything is passed on: a rebuilt line does not have it again.
    if let result {
      wakes.finish(cell, result, value: value, attachment)
    } else {
      let state = cell.state.exchange(CellState.free)
      // A thread may sleep on a ticket that another one cancels.
      if isTicket, state & CellState.asleep != 0 { sm_futex_wake(cell.state.at, Int32.max) }
    }
    Kinds.of(object)?.withdrawn(attachment, object, cell)
    attachment.unlock(object)
    wakes.send(attachment)
    // Given once too often when we die in between, or the cell is given back; not lost.
    if partner != 0 {
      attachment.passOn(partner)
      _ = cell.signalled.claim(signal, 0)
    }
    return true
  }
}

extension Attachment {
  /// Gives the signal that a waiter had, and will not use, to the next one: `partner` is what the
  /// waiter's cell has.
  func passOn(_ partner: UInt32) {
    guard let holding = segment.holding(partner &- 1),
      let object = segment.object(holding.object.load() &- 1)
    else { return }
    Kinds.of(object)?.passOn(self, object)
  }
}
