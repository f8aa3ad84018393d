import CSyncMgr
import CSyncMgrShim

/// The sync point. Its word is what became of it, 0 while it waits: the store of that ends it, and
/// nothing of the result changes afterwards but who came late. While it waits, the truth about who
/// is there is in the line: a cell for each, whose amount is the member; the members' ARRIVED flags
/// follow from that, and `repair` derives them anew. Who failed is in the members' flags alone.
///
/// Its time runs out for whoever looks: every call does so under the guard before anything else,
/// blocked waiters sleep no longer than that, and a ticket's deadline is no later.
enum SyncPoint {
  // MARK: - Waiting

  /// What came of it: E_TIMEOUT, E_FAILED and E_LATE are outcomes here, for they have a result.
  static func wait(_ caller: Caller, _ timeout: Int64) throws(Failure) -> Int32 {
    let (object, attachment) = (caller.object, caller.attachment)
    let deadline = try Deadline.after(timeout)
    attachment.recoverMarked()  // the dead are not counted as present
    let cell = try attachment.takeCell()
    if let status = try enterLine(caller, cell, flags: 0, ticket: nil, onlyLast: timeout == 0) {
      return status
    }
    let limit = self.deadline(object)
    var look = Detection.firstLook(cell.since.load(), caller)
    while true {
      let until = Deadline.earlier(Deadline.earlier(deadline, limit), look)
      switch attachment.park(cell, until: until) {
      case .done, .woken:
        let outcome = Outcome(of: cell)
        attachment.giveBack(cell)
        switch outcome.status {
        case SYNCMGR_E_CLOSED: throw Waits.failure(outcome.status, object)
        case SYNCMGR_E_DEADLOCK: throw Detection.failure(outcome.value, object, attachment)
        default: return outcome.status
        }
      case .moved: continue
      case .timedOut, .interrupted:
        if Deadline.hasPassed(look) {
          look = Detection.look(cell.since.load(), attachment)
          if !Deadline.hasPassed(deadline), !Deadline.hasPassed(limit) { continue }
        }
        if Deadline.hasPassed(limit) {
          expirePoint(attachment, object)
        } else if Waits.withdraw(cell, object, attachment, { _ in true }) {
          attachment.giveBack(cell)
          return SYNCMGR_E_TIMEOUT
        }
        // Neither waiting nor over: somebody has spoiled the cell. It is left alone.
        if cell.state.load() & CellState.kind != CellState.done {
          throw attachment.corrupt("a wait")
        }
      }
    }
  }

  static func waitStart(_ caller: Caller, _ start: Tickets.Start) throws(Failure) -> Started {
    try start.check(caller)
    let (object, attachment) = (caller.object, caller.attachment)
    attachment.recoverMarked()
    if start.timeout == 0 { return try finished(try wait(caller, 0), object) }
    // Not before the point's time is over: `expire` then finds that it is.
    var timeout = start.timeout
    let limit = deadline(object)
    if limit != Deadline.never {
      timeout = Deadline.earlier(timeout, max(limit - sm_now(), 0) + 1)
    }
    return try Tickets.Start(timeout: timeout, queue: start.queue, userData: start.userData)
      .begin(caller) { (draft) throws(Failure) -> Outcome? in
        guard
          let status = try enterLine(
            caller, draft.cell, flags: draft.flags, ticket: draft.handle, onlyLast: false)
        else { return nil }
        return try finished(status, object).outcome
      }
  }

  private static func finished(_ status: Int32, _ object: Object) throws(Failure) -> Started {
    if status < 0 { throw failure(status, object) }
    return Started(outcome: Outcome(status, index: object.word.load()))
  }

  /// Arrives. The status when there is nothing to wait for; the cell is then given back.
  private static func enterLine(
    _ caller: Caller, _ cell: Cell, flags: UInt32, ticket: UInt64?, onlyLast: Bool
  ) throws(Failure) -> Int32? {
    let attachment = caller.attachment
    var status: Int32?
    var wakes = Wakes()
    do throws(Failure) {
      try caller.lock()
      defer { caller.unlock() }
      status = try arrive(caller, onlyLast: onlyLast, &wakes) { member in
        let position = attachment.segment.index(of: member) + 1
        caller.enqueue(cell, amount: position, flags: flags, ticket: ticket)
      }
    } catch {
      wakes.send(attachment)
      attachment.giveBack(cell)
      throw error
    }
    wakes.send(attachment)
    if status != nil { attachment.giveBack(cell) }
    return status
  }

  /// Under the guard. Dies before `wait` has put the cell into the line: `repair` finds that this
  /// one is not there. Dies after: it is there, until recovery takes it out.
  private static func arrive(
    _ caller: Caller, onlyLast: Bool, _ wakes: inout Wakes, _ wait: (Member) -> Void
  ) throws(Failure) -> Int32? {
    let (object, attachment) = (caller.object, caller.attachment)
    lookAtTime(attachment, object, &wakes)
    guard let member = ownMember(caller) else { throw notExpected(caller) }
    let flags = member.flags.load()
    let isThere = flags & SYNCMGR_SYNC_ARRIVED != 0
    let state = object.word.load()
    if state != SYNCMGR_SYNC_WAITING {
      if isThere { return status(of: state) }
      if flags & SYNCMGR_SYNC_LATE == 0 { member.flags.store(flags | SYNCMGR_SYNC_LATE) }
      return SYNCMGR_E_LATE
    }
    if isThere {
      throw Failure(SYNCMGR_E_ALREADY, object, "this workstream waits already")
    }
    let order = object.arrived.load() &+ 1
    object.arrived.store(order)
    member.order.store(order)
    member.at.store(UInt64(bitPattern: sm_date()))
    member.flags.store(flags & ~SYNCMGR_SYNC_MEMBER_FAILED | SYNCMGR_SYNC_ARRIVED)
    if evaluate(attachment, object, &wakes) { return status(of: object.word.load()) }
    if onlyLast {
      member.flags.store(flags)
      leave(member)
      return SYNCMGR_E_TIMEOUT
    }
    wait(member)
    return nil
  }

  /// A member that is not there any more. Under the guard.
  static func leave(_ member: Member) {
    member.flags.store(member.flags.load() & ~SYNCMGR_SYNC_ARRIVED)
    member.order.store(0)
    member.at.store(0)
  }

  private static func ownMember(_ caller: Caller) -> Member? {
    guard let stream = caller.attachment.workstream(ofOwner: caller.mine) else { return nil }
    return caller.attachment.member(of: caller.object, named: NameField(stream).read())
  }

  private static func notExpected(_ caller: Caller) -> Failure {
    let stream = caller.attachment.workstream(ofOwner: caller.mine)
    let name = stream.map { NameField($0).read().text } ?? "?"
    return Failure(
      SYNCMGR_E_NOT_EXPECTED, caller.object, text: "it does not expect workstream '\(name)'")
  }

  // MARK: - Ending. Under the guard.

  /// How the members stand.
  struct Tally {
    var expected: UInt32 = 0
    var arrived: UInt32 = 0
    var failed: UInt32 = 0
    var late: UInt32 = 0
    var requiredMissing: UInt32 = 0
    var requiredFailed: UInt32 = 0

    init(_ attachment: Attachment, _ object: Object) {
      attachment.forMembers(of: object) { member in
        let flags = member.flags.load()
        let isRequired = flags & SYNCMGR_SYNC_REQUIRED != 0
        expected += 1
        if flags & SYNCMGR_SYNC_LATE != 0 { late += 1 }
        if flags & SYNCMGR_SYNC_ARRIVED != 0 {
          arrived += 1
        } else {
          if isRequired { requiredMissing += 1 }
          if flags & SYNCMGR_SYNC_MEMBER_FAILED != 0 {
            failed += 1
            if isRequired { requiredFailed += 1 }
          }
        }
      }
    }
  }

  /// Who has yet to come to a point that waits.
  static func absent(_ attachment: Attachment, _ object: Object) -> Absence? {
    guard object.word.load() == SYNCMGR_SYNC_WAITING else { return nil }
    var absence = Absence(needed: 0)
    var (arrived, required) = (Int64(0), Int64(0))
    attachment.forMembers(of: object) { member in
      let flags = member.flags.load()
      if flags & SYNCMGR_SYNC_ARRIVED != 0 {
        arrived += 1
        return
      }
      if flags & SYNCMGR_SYNC_REQUIRED != 0 { required += 1 }
      if flags & SYNCMGR_SYNC_MEMBER_FAILED != 0 { return }
      absence.missing += 1
      guard let owner = attachment.owner(named: NameField(member).read()) else { return }
      absence.owners.append(owner)
    }
    absence.needed = max(Int64(max(object.count.load(), 1)) - arrived, required)
    return absence
  }

  /// Ends the point when those who are there, or failed, decide it. True when it has ended.
  @discardableResult
  static func evaluate(
    _ attachment: Attachment, _ object: Object, _ wakes: inout Wakes
  ) -> Bool {
    let tally = Tally(attachment, object)
    let flags = object.flags.load()
    let least = max(object.least.load(), 1)
    // Nobody more can come.
    let isEverybody = tally.arrived + tally.failed >= tally.expected
    let isEnough =
      tally.arrived >= (isEverybody ? least : max(object.count.load(), 1))
      && tally.requiredMissing == 0
    if tally.arrived == tally.expected {
      end(attachment, object, SYNCMGR_SYNC_COMPLETE, "", &wakes)
    } else if tally.failed > 0, flags & SYNCMGR_SYNC_CONTINUE_ON_FAILURE == 0 {
      end(attachment, object, SYNCMGR_SYNC_FAILED, nil, &wakes)
    } else if isEnough, isEverybody || flags & SYNCMGR_SYNC_WAIT_FOR_ALL == 0 {
      end(attachment, object, SYNCMGR_SYNC_PARTIAL_COMPLETE, tally.failed > 0 ? nil : "", &wakes)
    } else if tally.failed > 0, tally.requiredFailed > 0 || tally.expected - tally.failed < least {
      end(attachment, object, SYNCMGR_SYNC_FAILED, nil, &wakes)
    } else {
      return false
    }
    return true
  }

  /// Ends the point. `reason` nil leaves what is there: why somebody failed. The store of the word
  /// is the end: dies before it: it has not ended, and may end otherwise; after it: `repair` tells
  /// those who wait.
  static func end(
    _ attachment: Attachment, _ object: Object, _ state: UInt32, _ reason: String?,
    late: Int64 = 0, _ wakes: inout Wakes
  ) {
    if let reason { object.keep(words: reason) }
    object.endedAt.store(UInt64(bitPattern: sm_date() - late))
    object.word.store(state)
    tellAll(attachment, object, &wakes)
    attachment.emit(notice(of: state), object, text: Array((reason ?? "").utf8))
  }

  private static func notice(of state: UInt32) -> UInt32 {
    switch state {
    case SYNCMGR_SYNC_COMPLETE: SYNCMGR_NOTICE_SYNC_COMPLETE
    case SYNCMGR_SYNC_PARTIAL_COMPLETE: SYNCMGR_NOTICE_SYNC_PARTIAL
    case SYNCMGR_SYNC_TIMED_OUT: SYNCMGR_NOTICE_SYNC_TIMEOUT
    default: SYNCMGR_NOTICE_FAILED
    }
  }

  /// Ends all waits of a point that has ended.
  static func tellAll(_ attachment: Attachment, _ object: Object, _ wakes: inout Wakes) {
    let state = object.word.load()
    var left = SM_CELLS
    while let cell = attachment.head(of: object), left > 0 {
      attachment.unlink(cell, object)
      wakes.finish(cell, status(of: state), index: state, attachment)
      left -= 1
    }
  }

  // MARK: - Time

  static func deadline(_ object: Object) -> Int64 {
    let end = object.deadline.load()
    return end == 0 ? Deadline.never : Int64(clamping: end)
  }

  /// Ends the point when its time is over. Under the guard.
  static func lookAtTime(_ attachment: Attachment, _ object: Object, _ wakes: inout Wakes) {
    let limit = deadline(object)
    guard object.word.load() == SYNCMGR_SYNC_WAITING, Deadline.hasPassed(limit) else { return }
    let tally = Tally(attachment, object)
    let continues = object.flags.load() & SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT != 0
    let least = max(object.least.load(), 1)
    let isEnough = continues && tally.arrived >= least && tally.requiredMissing == 0
    var reason = "the time passed with \(tally.arrived) of \(tally.expected) there"
    if !isEnough, tally.requiredMissing > 0 {
      reason += ", \(tally.requiredMissing) of the required ones missing"
    }
    end(
      attachment, object, isEnough ? SYNCMGR_SYNC_PARTIAL_COMPLETE : SYNCMGR_SYNC_TIMED_OUT,
      reason, late: sm_now() - limit, &wakes)
  }

  /// Not under the guard. Also tells those who wait for a point that has ended before.
  private static func expirePoint(_ attachment: Attachment, _ object: Object) {
    var wakes = Wakes()
    attachment.lock(object)
    lookAtTime(attachment, object, &wakes)
    if object.word.load() != SYNCMGR_SYNC_WAITING { tellAll(attachment, object, &wakes) }
    attachment.unlock(object)
    wakes.send(attachment)
  }

  /// The time of a started wait passed: the point's own, or the wait's.
  static func expire(
    _ attachment: Attachment, _ object: Object, _ cell: Cell, _ isRight: (Cell) -> Bool
  ) {
    if Deadline.hasPassed(deadline(object)) {
      expirePoint(attachment, object)
    } else {
      _ = Waits.withdraw(cell, object, attachment, result: SYNCMGR_E_TIMEOUT, isRight)
    }
  }

  // MARK: - Ending it from outside

  static func forceComplete(_ caller: Caller) throws(Failure) -> Int32 {
    try decide(caller, SYNCMGR_SYNC_PARTIAL_COMPLETE) { "completed by force by \($0)" }
  }

  static func cancel(_ caller: Caller, _ reason: String?) throws(Failure) -> Int32 {
    try decide(caller, SYNCMGR_SYNC_FAILED) { reason ?? "cancelled by \($0)" }
  }

  private static func decide(
    _ caller: Caller, _ state: UInt32, _ reason: (String) -> String
  ) throws(Failure) -> Int32 {
    let (object, attachment) = (caller.object, caller.attachment)
    var wakes = Wakes()
    try caller.lock()
    lookAtTime(attachment, object, &wakes)
    let isWaiting = object.word.load() == SYNCMGR_SYNC_WAITING
    if isWaiting {
      let stream = attachment.workstream(ofOwner: caller.mine)
      end(attachment, object, state, reason(stream.map(text) ?? "?"), &wakes)
    }
    caller.unlock()
    wakes.send(attachment)
    return isWaiting ? SYNCMGR_OK : SYNCMGR_FINISHED
  }

  static func fail(_ caller: Caller, _ reason: String?) throws(Failure) -> Int32 {
    let (object, attachment) = (caller.object, caller.attachment)
    var wakes = Wakes()
    try caller.lock()
    lookAtTime(attachment, object, &wakes)
    let member = ownMember(caller)
    let isWaiting = object.word.load() == SYNCMGR_SYNC_WAITING
    let isThere = (member?.flags.load() ?? 0) & SYNCMGR_SYNC_ARRIVED != 0
    if let member, isWaiting, !isThere {
      let stream = attachment.workstream(ofOwner: caller.mine)
      fail(attachment, object, member, reason ?? "\(stream.map(text) ?? "?") failed", &wakes)
    }
    caller.unlock()
    wakes.send(attachment)
    if member == nil { throw notExpected(caller) }
    if !isWaiting { return SYNCMGR_FINISHED }
    if isThere {
      throw Failure(SYNCMGR_E_BUSY, object, "this workstream waits: that wait is to end first")
    }
    return SYNCMGR_OK
  }

  /// The words first, then the flag, which makes it so. Dies after that: `repair` ends the point.
  static func fail(
    _ attachment: Attachment, _ object: Object, _ member: Member, _ reason: String,
    _ wakes: inout Wakes
  ) {
    object.keep(words: reason)
    member.flags.store(member.flags.load() | SYNCMGR_SYNC_MEMBER_FAILED)
    evaluate(attachment, object, &wakes)
  }

  /// "worker-2 (pid 812)"
  static func text(_ stream: Workstream) -> String {
    "\(NameField(stream).read().text) (pid \(stream.pid.load()))"
  }

  // MARK: - Status

  static func status(of state: UInt32) -> Int32 {
    switch state {
    case SYNCMGR_SYNC_PARTIAL_COMPLETE: SYNCMGR_PARTIAL
    case SYNCMGR_SYNC_COMPLETE: SYNCMGR_OK
    case SYNCMGR_SYNC_FAILED: SYNCMGR_E_FAILED
    case SYNCMGR_SYNC_TIMED_OUT: SYNCMGR_E_TIMEOUT
    default: SYNCMGR_E_CORRUPT
    }
  }

  /// The sentence of an outcome.
  static func failure(_ status: Int32, _ object: Object) -> Failure {
    status == SYNCMGR_E_LATE
      ? Failure(status, object, text: "it ended without this workstream")
      : Waits.failure(status, object)
  }
}
