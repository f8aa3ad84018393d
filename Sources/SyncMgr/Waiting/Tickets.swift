import CSyncMgr
import CSyncMgrShim

/// A ticket lives in its handle's slot: no allocation. This is how it uses the fields.
extension UnsafeMutablePointer<sm_slot> {
  var cellIndex: UInt32 {
    get { pointee.index }
    nonmutating set { pointee.index = newValue }
  }
  var userData: UInt64 {
    get { UInt64(UInt(bitPattern: pointee.context)) }
    nonmutating set { pointee.context = UnsafeMutableRawPointer(bitPattern: UInt(newValue)) }
  }
  var deadline: Int64 {
    get { Int64(Int(bitPattern: pointee.holding)) }
    nonmutating set {
      pointee.holding = UnsafeMutablePointer<sm_holding>(bitPattern: Int(newValue))
    }
  }
  /// Slot index of the queue, 0 for none.
  var queueSlot: UInt32 {
    get { pointee.count }
    nonmutating set { pointee.count = newValue }
  }
  /// Whether its record is in the queue. Under the process's lock.
  var isCompleted: Bool { flags.load() & 1 != 0 }
  /// Takes the mark away when no thread waits for it: bits 1 to 15 count them.
  func endVisits() -> Bool { flags.update { $0 & 0xfffe == 0 ? 0 : nil } != nil }

  /// The upper half of the flags: which ticket they belong to, so that a thread that comes late
  /// does not count itself in with the slot's next user.
  static func ticketMark(_ handle: UInt64) -> UInt32 {
    0x8000_0000 | UInt32(truncatingIfNeeded: handle >> 9) & 0x7fff_0000
  }

  /// Counts this thread among those that wait for the ticket. False when the slot is no longer
  /// this ticket's: the next user's flags are left alone.
  func visit(_ handle: UInt64) -> Bool {
    let mark = Self.ticketMark(handle)
    return flags.update { $0 & 0xffff_0000 == mark ? $0 + 2 : nil } != nil
  }

  func endVisit() { flags.add(UInt32.max - 1) }
}

/// What a `_start` call gives: an outcome at once, or PENDING and a ticket.
struct Started {
  var outcome: Outcome
  var ticket: UInt64 = 0

  init(_ status: Int32) { outcome = Outcome(status) }
  init(outcome: Outcome, ticket: UInt64 = 0) {
    self.outcome = outcome
    self.ticket = ticket
  }
}

/// Waits that were started and go on without a thread.
enum Tickets {
  /// The arguments of a `_start` call.
  struct Start {
    var timeout: Int64
    let queue: OpaquePointer?
    let userData: UInt64
    /// The slot of the series that this wait is a step of, which gets the outcome; 0: of none.
    var series: UInt32 = 0

    /// Refuses bad arguments before anything is tried.
    func check(_ attachment: Attachment) throws(Failure) {
      _ = try Deadline.after(timeout)
      if let queue { _ = try Queue.slotIndex(UInt64(UInt(bitPattern: queue)), in: attachment) }
    }

    func check(_ caller: Caller) throws(Failure) { try check(caller.attachment) }

    /// Makes a ticket and has `enter` put its cell into the line. When `enter` answers an outcome,
    /// or throws, the wait was not needed, the cell is given back already, and there is no ticket.
    func begin(
      _ caller: Caller, _ enter: (Draft) throws(Failure) -> Outcome?
    ) throws(Failure) -> Started {
      if timeout == 0 {
        throw Failure(
          SYNCMGR_E_TIMEOUT, caller.object, "it is not free and the call does not wait")
      }
      let looks = Possessions.of(caller).canHoldUpOthers(caller.attachment)
      return try begin(caller.slot, caller.object, caller.mine, looks: looks, enter)
    }

    /// The same for a wait for no object: it stands in no line.
    func begin(
      _ origin: Slot, _ object: Object?, _ mine: UInt32, looks: Bool,
      _ enter: (Draft) throws(Failure) -> Outcome?
    ) throws(Failure) -> Started {
      let draft = try Tickets.draft(origin, object, mine, looks: looks, self)
      let outcome: Outcome?
      do throws(Failure) { outcome = try enter(draft) } catch {
        Tickets.discard(draft)
        throw error
      }
      if let outcome {
        Tickets.discard(draft)
        return Started(outcome: outcome)
      }
      if draft.flags & CellFlag.queued != 0, draft.deadline != Deadline.never {
        Deadlines.add(draft.handle, draft.deadline)
      }
      if draft.flags & CellFlag.looks != 0, draft.flags & CellFlag.queued != 0 {
        Detection.expect(Attachment.of(origin))
      }
      return Started(outcome: Outcome(SYNCMGR_PENDING), ticket: draft.handle)
    }
  }

  /// A ticket for a wait that is about to enter a line; nothing can find it before `enqueue`.
  struct Draft {
    let slot: Slot
    let handle: UInt64
    let cell: Cell
    let flags: UInt32
    let deadline: Int64
  }

  private static func draft(
    _ origin: Slot, _ object: Object?, _ mine: UInt32, looks: Bool, _ start: Start
  ) throws(Failure) -> Draft {
    let deadline = try Deadline.after(start.timeout)
    let attachment = Attachment.of(origin)
    var queueSlot = start.series
    if let queue = start.queue {
      queueSlot = try Queue.slotIndex(UInt64(UInt(bitPattern: queue)), in: attachment)
    }
    let cell = try attachment.takeCell()
    let slot: Slot
    do throws(Failure) { slot = try Handles.allocate(.ticket, origin.attachment) } catch {
      attachment.giveBack(cell)
      throw error
    }
    slot.pointee.object = object
    slot.pointee.mine = mine
    slot.cellIndex = attachment.segment.index(of: cell)
    slot.userData = start.userData
    slot.deadline = deadline
    slot.queueSlot = queueSlot
    slot.flags.store(Slot.ticketMark(Handles.value(slot, .ticket)))
    slot.pointee.participant = UInt32(truncatingIfNeeded: origin - sm_slots())
    return Draft(
      slot: slot, handle: Handles.publish(slot, .ticket), cell: cell,
      flags: CellFlag.ticket | (queueSlot == 0 ? 0 : CellFlag.queued)
        | (looks ? CellFlag.looks : 0), deadline: deadline)
  }

  /// The wait was not needed after all. Its cell has been given back already.
  static func discard(_ draft: Draft) {
    // Nobody has heard of the handle, so nobody waits for it.
    draft.slot.flags.store(0)
    if Handles.retire(draft.slot, draft.handle) { Handles.free(draft.slot) }
  }

  /// Ends the ticket's handle and frees its cell, when nobody else has. Other threads that wait for
  /// it come out first. `own`: 2 when this thread is one of those counted.
  static func end(_ slot: Slot, _ handle: UInt64, _ attachment: Attachment) -> Bool {
    let cell = attachment.segment.cell(slot.cellIndex)
    guard Handles.retire(slot, handle) else { return false }
    while !slot.endVisits() {
      if let cell { sm_futex_wake(cell.state.at, Int32.max) }
      sm_nap(20_000)
    }
    if let cell { attachment.giveBack(cell) }
    Handles.free(slot)
    return true
  }

  static func wait(
    _ handle: UInt64, _ timeout: Int64
  ) throws(Failure) -> (Outcome, userData: UInt64, type: UInt32) {
    let slot = try Handles.enter(handle, .ticket)
    defer { sm_leave() }
    let attachment = Attachment.of(slot)
    let patience = try Deadline.after(timeout)
    // Counted before the tag is looked at: who ends the ticket sees us, or we see that it has
    // ended.
    guard slot.visit(handle) else { throw usedUp() }
    var isCounted = true
    func leave() {
      if isCounted { slot.endVisit() }
      isCounted = false
    }
    defer { leave() }
    guard slot.tag.load() == handle else { throw usedUp() }
    guard slot.queueSlot == 0 else {
      throw Failure(SYNCMGR_E_INVALID, "the ticket's outcome comes through its queue")
    }
    let userData = slot.userData
    if let series = Series.of(handle) {
      switch series.wait(handle, until: patience) {
      case .timedOut: return (Outcome(SYNCMGR_PENDING), userData, 0)
      case .interrupted: return (Outcome(SYNCMGR_INTERRUPTED), userData, 0)
      case .done: break
      default: throw usedUp()
      }
      leave()
      guard end(slot, handle, attachment) else { throw Tickets.usedUp() }
      return (try series.collect(), userData, 0)
    }
    var own = slot.deadline
    let object = slot.pointee.object
    guard let cell = attachment.segment.cell(slot.cellIndex), slot.tag.load() == handle else {
      throw Tickets.usedUp()
    }
    let type = object?.type.load() ?? 0
    var look = Detection.firstLook(cell, attachment)
    while true {
      let until = Deadline.earlier(Deadline.earlier(patience, own), look)
      switch attachment.park(cell, until: until, interruptible: true) {
      case .done, .woken:
        // A cell that was freed is a cancelled ticket's, whose handle ends this very moment.
        guard slot.tag.load() == handle, cell.state.load() & CellState.kind == CellState.done
        else { throw Tickets.usedUp() }
        let outcome = Outcome(of: cell)
        // Who waits by tickets looks for a moment before it, see `Channel.wait`.
        if type == SYNCMGR_TYPE_CHANNEL || type == ObjectType.mailbox {
          Spin.learn(sm_now() - Int64(bitPattern: cell.since.load()))
        }
        leave()
        guard end(slot, handle, attachment) else { throw Tickets.usedUp() }
        guard let object else {
          if outcome.status < 0 { throw Waits.inboxFailure(outcome.status) }
          return (outcome, userData, type)
        }
        if outcome.status == SYNCMGR_E_DEADLOCK {
          throw Detection.failure(outcome.value, object, attachment)
        }
        _ = try outcome.get(object)
        return (outcome, userData, type)
      case .moved:
        look = Detection.firstLook(cell, attachment)
      case .interrupted:
        guard slot.tag.load() == handle else { throw Tickets.usedUp() }
        return (Outcome(SYNCMGR_INTERRUPTED), userData, type)
      case .timedOut:
        guard slot.tag.load() == handle else { throw Tickets.usedUp() }
        if Deadline.hasPassed(look) {
          look = Detection.look(cell.since.load(), attachment)
          if !Deadline.hasPassed(own), !Deadline.hasPassed(patience) { continue }
        }
        if Deadline.hasPassed(own) {
          // The wait is over, unless it was granted this very moment, or has to go on to its end.
          timeOut(cell, object, attachment) { $0.ticket.load() == handle }
          own = Deadline.never
        } else {
          return (Outcome(SYNCMGR_PENDING), userData, type)
        }
      }
    }
  }

  private static func usedUp() -> Failure {
    Failure(SYNCMGR_E_CLOSED, "the ticket was used up")
  }

  static func cancel(_ handle: UInt64) throws(Failure) -> Int32 {
    let slot = try Handles.enter(handle, .ticket)
    defer { sm_leave() }
    let attachment = Attachment.of(slot)
    if let series = Series.of(handle) {
      sm_hold(attachment.id)
      if !series.cancel() { return SYNCMGR_FINISHED }
      guard end(slot, handle, attachment) else { throw usedUp() }
      return SYNCMGR_OK
    }
    if try takeBack(handle, attachment) { return SYNCMGR_OK }
    if let cell = attachment.segment.cell(slot.cellIndex) { passOnTurn(cell, attachment) }
    return SYNCMGR_FINISHED
  }

  /// Withdraws a wait and ends its ticket. False when the wait had ended. The caller is inside of
  /// a handle of the attachment, or holds it.
  static func takeBack(_ handle: UInt64, _ attachment: Attachment) throws(Failure) -> Bool {
    let slot = slot(of: handle)
    guard let cell = attachment.segment.cell(slot.cellIndex) else { throw Tickets.usedUp() }
    if withdraw(cell, attachment, { $0.ticket.load() == handle && slot.tag.load() == handle }) {
      _ = end(slot, handle, attachment)
      return true
    }
    if slot.tag.load() != handle { throw usedUp() }
    return false
  }

  /// Whoever cancels a wait will not use its turn.
  private static func passOnTurn(_ cell: Cell, _ attachment: Attachment) {
    guard let object = attachment.segment.object(cell.object.load() &- 1),
      let kind = Kinds.of(object), kind.givesTurns
    else { return }
    attachment.lock(object)
    kind.refused(attachment, object, cell)
    attachment.unlock(object)
  }

  /// Takes a cell out of the line it stands in, which may change in this moment: a signal moves a
  /// waiter from its condition to its mutex.
  private static func withdraw(
    _ cell: Cell, _ attachment: Attachment, _ isRight: (Cell) -> Bool
  ) -> Bool {
    if CellFlag.isForInbox(cell) { return attachment.endInboxWait(cell, isRight) }
    while true {
      let current = cell.object.load()
      guard let object = attachment.segment.object(current &- 1) else { return false }
      if Waits.withdraw(cell, object, attachment, isRight) { return true }
      if cell.object.load() == current { return false }
    }
  }

  /// Ends a ticket because its deadline passed.
  static func expire(_ handle: UInt64) {
    guard let slot = try? Handles.enter(handle, .ticket) else { return }
    defer { sm_leave() }
    let attachment = Attachment.of(slot)
    guard let cell = attachment.segment.cell(slot.cellIndex) else { return }
    timeOut(cell, slot.pointee.object, attachment) {
      $0.ticket.load() == handle && slot.tag.load() == handle
    }
  }

  private static func timeOut(
    _ cell: Cell, _ object: Object?, _ attachment: Attachment, _ isRight: (Cell) -> Bool
  ) {
    guard let object else {
      _ = attachment.endInboxWait(cell, result: SYNCMGR_E_TIMEOUT, isRight)
      return
    }
    if let expire = Kinds.of(object)?.expire {
      expire(attachment, object, cell, isRight)
    } else {
      _ = Waits.withdraw(cell, object, attachment, result: SYNCMGR_E_TIMEOUT, isRight)
    }
  }

  /// Ends a wait because the handle it was started through closes: its outcome is E_CLOSED.
  static func endWait(_ cell: Cell, _ attachment: Attachment) {
    guard let object = attachment.segment.object(cell.object.load() &- 1) else { return }
    let handle = cell.ticket.load()
    _ = Waits.withdraw(cell, object, attachment, result: SYNCMGR_E_CLOSED) {
      $0.ticket.load() == handle
    }
  }

  /// Takes back what a ticket was granted and nobody has collected, because the handle it came
  /// through closes: its outcome is E_CLOSED then. A trip, or an open latch, cannot be taken back
  /// and stands.
  static func revoke(_ cell: Cell, _ attachment: Attachment) {
    guard cell.flags.load() & CellFlag.ticket != 0,
      let object = attachment.segment.object(cell.object.load() &- 1), let kind = Kinds.of(object),
      kind.holdsGrants
    else { return }
    attachment.lock(object)
    let isGranted = CellFlag.isGranted(cell)
    if isGranted {
      kind.refused(attachment, object, cell)
      cell.flags.store(cell.flags.load() & ~CellFlag.granted)
      cell.result.store(UInt32(bitPattern: SYNCMGR_E_CLOSED))
    }
    attachment.unlock(object)
    guard isGranted else { return }
    Local.always { _ in
      let handle = cell.ticket.load()
      let slot = slot(of: handle)
      if slot.tag.load() == handle, slot.isCompleted { Queue.at(slot.queueSlot)?.revoke(handle) }
    }
  }

  /// Drops a ticket of a queue that closes. A grant that had come is given back.
  static func drop(_ handle: UInt64, _ attachment: Attachment) {
    let slot = slot(of: handle)
    guard slot.tag.load() == handle, let cell = attachment.segment.cell(slot.cellIndex) else {
      return
    }
    let isWithdrawn = withdraw(cell, attachment) { $0.ticket.load() == handle }
    if !isWithdrawn, cell.ticket.load() == handle { revoke(cell, attachment) }
    _ = end(slot, handle, attachment)
  }

  /// After the record of a ticket was drained.
  static func drained(_ handle: UInt64, _ attachment: Attachment) {
    _ = end(slot(of: handle), handle, attachment)
  }

  static func slot(of handle: UInt64) -> Slot {
    sm_slots() + Int(handle & UInt64(SM_SLOTS - 1))
  }

  /// The slot of the handle that a waiting cell of this process came through.
  static func origin(_ cell: Cell) -> UInt32 {
    let handle = cell.ticket.load()
    return cell.flags.load() & CellFlag.ticket == 0
      ? UInt32(truncatingIfNeeded: handle) & (SM_SLOTS - 1)
      : slot(of: handle).pointee.participant
  }
}
