import CSyncMgr
import CSyncMgrShim

/// The condition. A waiter's cell stands in the condition's line and knows the mutex that it wants
/// back: its holding is the mutex's, its partner the condition's. A signal moves the cell into the
/// mutex's line, where it is served like any other: nobody is woken only to wait again, and
/// started waits need no thread for it. Only who holds something besides is woken to look, after a
/// while, whether it is in a circle now. A wait whose time passed is moved as well, with E_TIMEOUT
/// as what it will be told.
///
/// Moving happens under both guards, the condition's first; the mutex never takes a condition's.
/// It is one store, of what the cell waits for: dies before it: the cell is still in the
/// condition's line, which `repair` makes anew, and the signal was not given; after it: the same
/// holds for the mutex's line, and the signal was given.
enum Condition {
  // MARK: - Waiting

  static func wait(
    _ caller: Caller, _ mutex: Caller, _ timeout: Int64
  ) throws(Failure) -> Int32 {
    let attachment = caller.attachment
    var deadline = try check(caller, mutex, timeout)
    let cell = try attachment.takeCell()
    let depth = try enter(caller, mutex, cell, flags: 0, ticket: nil)
    var look = Deadline.never
    while true {
      let status: Int32
      switch attachment.park(cell, until: Deadline.earlier(deadline, look)) {
      case .done:
        let outcome = Outcome(of: cell)
        status = outcome.status
        if status == SYNCMGR_E_DEADLOCK {
          attachment.giveBack(cell)
          throw Detection.failure(outcome.value, mutex.object, attachment)
        }
      case .woken:
        guard let taken = Mutex.compete(mutex, cell) else {
          if look == Deadline.never { look = Detection.firstLook(cell, attachment) }
          continue
        }
        status = taken == SYNCMGR_PENDING ? Outcome(of: cell).status : Mutex.result(cell, taken)
        if taken != SYNCMGR_PENDING { mutex.holding.amount.store(depth) }
      case .moved:
        look = Detection.firstLook(cell, attachment)
        continue
      case .timedOut, .interrupted:
        if Deadline.hasPassed(look) {
          look = Detection.look(cell.since.load(), attachment)
          if !Deadline.hasPassed(deadline) { continue }
        }
        expire(attachment, caller.object, cell) { _ in true }
        deadline = Deadline.never
        continue
      }
      attachment.giveBack(cell)
      return try Outcome(status).get(caller.object)
    }
  }

  static func waitStart(
    _ caller: Caller, _ mutex: Caller, _ start: Tickets.Start
  ) throws(Failure) -> Started {
    try start.check(caller)
    _ = try check(caller, mutex, start.timeout)
    return try start.begin(caller.slot, caller.object, caller.mine, looks: false) {
      (draft) throws(Failure) in
      _ = try enter(caller, mutex, draft.cell, flags: draft.flags, ticket: draft.handle)
      return nil
    }
  }

  private static func check(
    _ caller: Caller, _ mutex: Caller, _ timeout: Int64
  ) throws(Failure) -> Int64 {
    if timeout == 0 {
      throw Failure(
        SYNCMGR_E_INVALID, caller.object, "a condition is waited for, it is never there")
    }
    if caller.mine != mutex.mine || caller.attachment !== mutex.attachment {
      throw Failure(
        SYNCMGR_E_INVALID, caller.object, "condition and mutex were opened by two workstreams")
    }
    return try Deadline.after(timeout)
  }

  /// Puts the cell into the line and then unlocks the mutex, wholly. Whoever signals from now on
  /// finds the cell. Answers how often over the mutex was locked.
  private static func enter(
    _ caller: Caller, _ mutex: Caller, _ cell: Cell, flags: UInt32, ticket: UInt64?
  ) throws(Failure) -> UInt32 {
    let attachment = caller.attachment
    // Nobody waits for one who waits for a condition. In the mutex's line it may close a circle.
    let looks = Possessions.of(caller).holdsAnything(attachment, but: mutex.holding)
    do throws(Failure) { try caller.lock() } catch {
      attachment.giveBack(cell)
      throw error
    }
    guard Mutex.owner(mutex.object.word.load()) == mutex.mine else {
      caller.unlock()
      attachment.giveBack(cell)
      // Its close has taken it away before we came here.
      if mutex.isClosed { throw Waits.failure(SYNCMGR_E_CLOSED, mutex.object) }
      throw Holds.missing(mutex)
    }
    let depth = mutex.holding.amount.load()
    caller.holding.waits.add(1)
    attachment.enqueue(
      cell, caller.object, holding: mutex.holding, workstream: caller.mine, amount: depth,
      flags: flags | (looks ? CellFlag.looks : 0), handle: ticket ?? caller.handle,
      partner: attachment.segment.index(of: caller.holding) + 1,
      partnerSlot: UInt32(mutex.slot - sm_slots()))
    // We are not inside of the mutex's handle. Who closes it finds the cell, and waits for this
    // guard to end the wait; or we find it closed.
    if mutex.isClosed {
      attachment.unlink(cell, caller.object)
      cell.state.store(CellState.free)
      caller.unlock()
      attachment.giveBack(cell)
      throw Waits.failure(SYNCMGR_E_CLOSED, mutex.object)
    }
    // It may have been taken away by force in this moment: then there is nothing to unlock.
    var wakes = Wakes()
    mutex.holding.amount.store(0)
    _ = try? Mutex.unlock(mutex, &wakes)
    caller.unlock()
    wakes.send(attachment)
    return depth
  }

  /// The time of a wait passed: it goes for its mutex, unless it does already.
  static func expire(
    _ attachment: Attachment, _ object: Object, _ cell: Cell, _ isRight: (Cell) -> Bool
  ) {
    var wakes = Wakes()
    attachment.lock(object)
    if cell.object.load() == attachment.segment.index(of: object) + 1,
      cell.state.load() & CellState.kind == CellState.waiting, isRight(cell)
    {
      move(attachment, object, cell, result: SYNCMGR_E_TIMEOUT, &wakes)
    }
    attachment.unlock(object)
    wakes.send(attachment)
  }

  // MARK: - Signalling

  static func signal(_ caller: Caller, _ count: UInt32) throws(Failure) -> UInt32 {
    if count == 0 { throw Failure(SYNCMGR_E_INVALID, caller.object, "0 cannot be signalled") }
    // Nobody in line: nothing to do. Who enters after this look is signalled by the next. While
    // somebody moves the last in line, or died in that, the line looks empty as well; when that
    // was repaired between the looks, the second one shows it.
    let object = caller.object
    if object.head.load() == 0, object.guardian.load() == 0, object.head.load() == 0,
      !caller.isClosed
    {
      return 0
    }
    var wakes = Wakes()
    try caller.lock()
    let signalled = signal(caller.attachment, caller.object, count, &wakes)
    caller.unlock()
    wakes.send(caller.attachment)
    return signalled
  }

  /// Under the guard.
  private static func signal(
    _ attachment: Attachment, _ object: Object, _ count: UInt32, _ wakes: inout Wakes
  ) -> UInt32 {
    let limit = min(count, SM_CELLS)  // a spoiled line ends here
    var signalled: UInt32 = 0
    while signalled < limit, let cell = attachment.liveHead(of: object) {
      move(attachment, object, cell, result: SYNCMGR_OK, &wakes)
      signalled += 1
    }
    return signalled
  }

  /// Moves a cell into the line of its mutex. Under the guard.
  private static func move(
    _ attachment: Attachment, _ object: Object, _ cell: Cell, result: Int32, _ wakes: inout Wakes
  ) {
    attachment.unlink(cell, object)
    guard let holding = attachment.segment.holding(cell.holding.load() &- 1),
      let mutex = attachment.segment.object(holding.object.load() &- 1),
      mutex.type.load() == SYNCMGR_TYPE_MUTEX
    else {
      wakes.finish(cell, SYNCMGR_E_CORRUPT, attachment)
      return
    }
    attachment.lock(mutex)
    cell.override.store(UInt32(bitPattern: result))
    cell.signalled.store(
      result == SYNCMGR_OK ? UInt32(truncatingIfNeeded: cell.order.load()) | 1 : 0)
    Mutex.adopt(attachment, mutex, cell, &wakes)
    attachment.unlock(mutex)
  }

  static func waiting(_ caller: Caller) throws(Failure) -> UInt32 {
    try caller.lock()
    defer { caller.unlock() }
    var count: UInt32 = 0
    var next = caller.attachment.head(of: caller.object)
    while let cell = next, count < SM_CELLS {
      count += 1
      next = caller.attachment.next(of: cell)
    }
    return count
  }

  // MARK: - Recovery

  static let kind = Kind(
    holdsGrants: false,
    repair: { attachment, object in attachment.rebuildLine(object) },
    abandon: { _, _, _, _ in },
    withdrawn: { _, _, _ in },
    refused: { _, _, _ in },
    expire: { attachment, object, cell, isRight in expire(attachment, object, cell, isRight) },
    passOn: { attachment, object in
      var wakes = Wakes()
      attachment.lock(object)
      _ = signal(attachment, object, 1, &wakes)
      attachment.unlock(object)
      wakes.send(attachment)
    },
    check: { _, _ in nil })
}
