import CSyncMgr
import CSyncMgrShim

/// Several started waits, one after the other, that are one ticket: what they wait for is granted
/// altogether, or not at all. Each step is a ticket of its own, whose outcome comes here in place
/// of a queue. Whoever ends it, in this process or another, rings this process's doorbell, and the
/// service thread then begins the next; without that thread the calls do that look for what is due.
///
/// Nothing of a series is in the segment: what it holds and waits for are holds and waits of its
/// workstream as all others are. A process that dies between any two of its steps is recovered by
/// these, and leaves nothing held; in this process each step is taken under the series' lock.
///
/// Whoever calls holds the attachment, see `sm_hold`, and is inside of no handle.
class Series {
  let attachment: Attachment
  /// The handles that it goes through, in this order.
  let handles: [UInt64]
  let deadline: Int64
  private let lockWord: Word32
  /// Rung when it is over.
  let bell: Word32
  let slot: Slot
  private(set) var handle: UInt64 = 0
  let queueSlot: UInt32
  private let userData: UInt64

  // The rest changes under the lock.
  /// What the steps that are done, and not undone, have returned.
  var statuses: [Int32] = []
  /// The ticket of the step that is waited for, or 0.
  var step: UInt64 = 0
  /// What came of it; the step by which it failed, and why.
  var outcome: Outcome?
  var failed = 0
  var sentence = ""
  /// Collected, cancelled or dropped: there is nothing left to do.
  var isGone = false

  /// Makes its ticket, which is found from here on.
  init(
    _ attachment: Attachment, _ handles: [UInt64], done statuses: [Int32], until deadline: Int64,
    _ start: Tickets.Start
  ) throws(Failure) {
    self.attachment = attachment
    self.handles = handles
    self.statuses = statuses
    self.deadline = deadline
    userData = start.userData
    var queueSlot: UInt32 = 0
    if let queue = start.queue {
      queueSlot = try Queue.slotIndex(UInt64(UInt(bitPattern: queue)), in: attachment)
    }
    self.queueSlot = queueSlot
    slot = try Handles.allocate(.ticket, attachment.id)
    let words = UnsafeMutablePointer<UInt32>.allocate(capacity: 2)
    words.initialize(repeating: 0, count: 2)
    lockWord = Word32(words)
    bell = Word32(words + 1)
    slot.cellIndex = UInt32.max  // it has no cell
    slot.userData = userData
    slot.deadline = Deadline.never
    slot.queueSlot = queueSlot
    slot.flags.store(Slot.ticketMark(Handles.value(slot, .ticket)))
    slot.pointee.participant = 0
    handle = Handles.publish(slot, .ticket)
    Local.always { $0.forWaiting.series[handle] = self }
  }

  deinit { lockWord.at.deallocate() }

  // MARK: - What the floor above says

  /// Begins a step.
  func begin(_ step: Int, _ start: Tickets.Start) throws(Failure) -> Started {
    throw Failure(SYNCMGR_E_UNSUPPORTED, "a series without steps")
  }

  /// Gives back the steps that are done, the last first. Handles in the slots `closing` are just
  /// being closed by the caller, and cannot be entered.
  func undo(closing: Set<UInt32>) {}

  /// Tells the caller's memory what came of it. On a thread of the caller's, in the call that ends
  /// the ticket.
  func tell(_ outcome: Outcome) {}

  /// What the caller calls a step.
  func place(of step: Int) -> UInt32 { UInt32(clamping: step) }

  // MARK: - Finding them

  static func of(_ handle: UInt64) -> Series? {
    if Tickets.slot(of: handle).cellIndex != UInt32.max { return nil }
    return Local.always { $0.forWaiting.series[handle] }
  }

  /// The series whose ticket is in a slot. Under the process's lock.
  static func at(_ slot: UInt32) -> Series? {
    if slot == 0 || slot >= SM_SLOTS { return nil }
    return Local.current.forWaiting.series[(sm_slots() + Int(slot)).tag.load()]
  }

  static func all(
    _ attachment: Attachment, _ matches: (Series) -> Bool
  ) -> [Series] {
    Local.always { local in
      local.forWaiting.series.values.filter { $0.attachment === attachment && matches($0) }
    }
  }

  func goes(through slots: Set<UInt32>) -> Bool {
    handles.contains { slots.contains(sm_handle_index($0)) }
  }

  // MARK: - Going on

  func locked<Result>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    // Held for microseconds, and hardly ever by another.
    while !lockWord.claim(0, 1) { sm_nap(20_000) }
    defer { lockWord.store(0) }
    return try body()
  }

  func always<Result>(_ body: () -> Result) -> Result {
    while !lockWord.claim(0, 1) { sm_nap(20_000) }
    defer { lockWord.store(0) }
    return body()
  }

  /// Takes the first steps. When none of them has to wait it is over, and has no ticket.
  func start() -> Started {
    always {
      guard let result = advance() else {
        return Started(outcome: Outcome(SYNCMGR_PENDING), ticket: handle)
      }
      isGone = true
      tell(result)
      forget()
      slot.flags.store(0)
      if Handles.retire(slot, handle) { Handles.free(slot) }
      // For the thread to find.
      if result.status < 0 { _ = Failure(result.status, naming: sentence) }
      return Started(outcome: result)
    }
  }

  /// Takes steps until one has to wait. Nil then; else what came of it.
  private func advance() -> Outcome? {
    while statuses.count < handles.count {
      let left = deadline == Deadline.never ? SYNCMGR_FOREVER : max(deadline - sm_now(), 0)
      do throws(Failure) {
        let started = try begin(
          statuses.count,
          Tickets.Start(
            timeout: left, queue: nil, userData: 0, series: UInt32(slot - sm_slots())))
        if started.outcome.status == SYNCMGR_PENDING {
          step = started.ticket
          return nil
        }
        statuses.append(started.outcome.status)
      } catch {
        return fail(Outcome(error.status), Failure.kept())
      }
    }
    return Outcome(statuses.contains(SYNCMGR_OWNER_DIED) ? SYNCMGR_OWNER_DIED : SYNCMGR_OK)
  }

  /// `step` is the one to blame: the one that is not done, unless told otherwise.
  func fail(
    _ reason: Outcome, _ words: String, at step: Int? = nil, closing: Set<UInt32> = []
  ) -> Outcome {
    (sentence, failed) = (words, step ?? min(statuses.count, handles.count - 1))
    giveBack(closing: closing)
    return Outcome(reason.status, value: reason.value, index: place(of: failed))
  }

  /// Undoes the steps that are done.
  func giveBack(closing: Set<UInt32> = []) {
    undo(closing: closing)
    statuses = []
  }

  /// Goes on with what came of the step that was waited for.
  func advance(after ended: (outcome: Outcome, words: String)) -> Outcome? {
    if ended.outcome.status < 0 { return fail(ended.outcome, ended.words) }
    statuses.append(ended.outcome.status)
    return advance()
  }

  /// What came of the step that is waited for, whose ticket ends by this; nil while it waits.
  func ended() -> (outcome: Outcome, words: String)? {
    let ticket = Tickets.slot(of: step)
    guard step != 0, ticket.tag.load() == step,
      let cell = attachment.segment.cell(ticket.cellIndex), cell.ticket.load() == step,
      cell.state.load() & CellState.kind == CellState.done
    else { return nil }
    let (outcome, object) = (Outcome(of: cell), ticket.pointee.object)
    Tickets.drained(step, attachment)
    step = 0
    if outcome.status >= 0 { return (outcome, "") }
    if let object {
      if outcome.status == SYNCMGR_E_DEADLOCK {
        _ = Detection.failure(outcome.value, object, attachment)
      } else {
        _ = Waits.failure(outcome.status, object)
      }
    }
    return (outcome, Failure.kept())
  }

  /// It is over: tells whoever waits for it.
  func finish(_ result: Outcome) {
    outcome = result
    ring()
    if queueSlot == 0 { return }
    let isTold = Local.always { _ in
      guard let queue = Queue.at(queueSlot) else { return false }
      queue.push(
        syncmgr_record_t(
          ticket: handle, user_data: userData, status: result.status, kind: 0,
          value: result.value, index: result.index, reserved: 0))
      return true
    }
    // The queue was closed while the call that began all this ran.
    if !isTold { drop() }
  }

  func ring() {
    bell.add(1)
    sm_futex_wake(bell.at, Int32.max)
  }

  /// A step has ended. Under the process's lock, and perhaps others: to be looked at later.
  func stepEnded() {
    Local.current.forWaiting.due.append(self)
    attachment.participant.doorbell.add(1)
    sm_futex_wake(attachment.participant.doorbell.at, Int32.max)
  }

  /// Goes on with those of which a step has ended.
  static func goOn(_ attachment: Attachment) -> Bool {
    var any = false
    while let series = takeDue(attachment) {
      any = true
      series.always {
        if series.isGone || series.outcome != nil { return }
        if let ended = series.ended(), let result = series.advance(after: ended) {
          series.finish(result)
        }
      }
    }
    return any
  }

  private static func takeDue(_ attachment: Attachment) -> Series? {
    Local.always { local in
      let waiting = local.forWaiting
      guard let place = waiting.due.firstIndex(where: { $0.attachment === attachment }) else {
        return nil
      }
      return waiting.due.remove(at: place)
    }
  }

  /// For the service thread.
  static func serve(_ attachment: Attachment) {
    if Local.always({ $0.forWaiting.due.isEmpty }) { return }
    sm_hold(attachment.id)
    _ = goOn(attachment)
    sm_leave()
  }

  /// For calls on a queue of a process without that thread. Not inside of another call.
  static func serveIfAlone(_ handle: UInt64, _ type: HandleType) {
    guard sm_slots() != nil, sm_process_forked() == 0,
      !Local.always({ $0.forWaiting.series.isEmpty }), let slot = try? Handles.enter(handle, type)
    else { return }
    defer { sm_leave() }
    let attachment = Attachment.of(slot)
    if attachment.served.load() == Served.yes { return }
    sm_hold(attachment.id)
    attachment.answerDoorbell()
    _ = goOn(attachment)
  }
}
