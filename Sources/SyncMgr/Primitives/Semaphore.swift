import CSyncMgr
import CSyncMgrShim

/// The semaphore. All of it happens under the guard, which costs one compare-and-swap and a plain
/// store: what `sem_t` pays for a count alone. Each workstream's holding says how many permits it
/// has; what is available is the total less the sum of those, and `repair` counts it anew.
/// A SIGNALLING semaphore has no holders: its word alone is the truth.
enum Semaphore {
  // MARK: - Acquiring

  /// Takes permits when nobody is in the way. False when that is for `acquire` to find out.
  @inline(__always)
  static func acquireAtOnce(_ slot: Slot, _ count: UInt32, _ timeout: Int64) -> Bool {
    let object = slot.pointee.object.unsafelyUnwrapped
    guard count &- 1 < SYNCMGR_COUNT_MAX, timeout >= SYNCMGR_FOREVER,
      Guard.tryLock(object.guardian, slot.pointee.participant)
    else { return false }
    let available = object.word.load()
    let isFree = object.head.load() == 0 && available >= count
    if isFree {
      take(object, slot.pointee.holding.unsafelyUnwrapped, slot.pointee.flags, available, count)
    }
    Guard.unlock(object.guardian)
    return isFree
  }

  /// Dies after the first store: the dead one has a permit more, and gives it back.
  @inline(__always)
  private static func take(
    _ object: Object, _ holding: Holding, _ flags: UInt32, _ available: UInt32, _ count: UInt32
  ) {
    if flags & SYNCMGR_SEMAPHORE_SIGNALLING == 0 {
      holding.amount.store(holding.amount.load() &+ count)
    }
    object.word.store(available &- count)
  }

  static func acquire(
    _ caller: Caller, _ count: UInt32, _ timeout: Int64
  ) throws(Failure) -> Int32 {
    let deadline = try Deadline.after(timeout)
    try check(caller, count)
    if try takeNow(caller, count) { return SYNCMGR_OK }
    if timeout == 0 {
      throw Failure(
        SYNCMGR_E_TIMEOUT, caller.object,
        "there are not enough free permits; the call does not wait")
    }
    let cell = try caller.attachment.takeCell()
    if try enterLine(caller, cell, count, flags: 0, ticket: nil) { return SYNCMGR_OK }
    return try Waits.block(caller, cell, until: deadline) { compete(caller, $0, count) }.get(
      caller.object)
  }

  static func acquireStart(
    _ caller: Caller, _ count: UInt32, _ start: Tickets.Start
  ) throws(Failure) -> Started {
    try start.check(caller)
    try check(caller, count)
    if try takeNow(caller, count) { return Started(SYNCMGR_OK) }
    return try start.begin(caller) { (draft) throws(Failure) in
      try enterLine(caller, draft.cell, count, flags: draft.flags, ticket: draft.handle)
        ? Outcome(SYNCMGR_OK) : nil
    }
  }

  private static func check(_ caller: Caller, _ count: UInt32) throws(Failure) {
    let total = caller.slot.pointee.count
    let isSignalling = caller.slot.pointee.flags & SYNCMGR_SEMAPHORE_SIGNALLING != 0
    let limit = isSignalling ? SYNCMGR_COUNT_MAX : total
    guard count >= 1, count <= limit else {
      throw Failure(
        SYNCMGR_E_INVALID, caller.object,
        text: "\(count) permits were asked for; 1 to \(limit) are possible")
    }
    if !isSignalling, caller.holding.amount.load() > total - count {
      throw Failure(
        SYNCMGR_E_DEADLOCK, caller.object,
        text: "this workstream holds \(caller.holding.amount.load()) of \(total) permits and "
          + "would wait for \(count) more for ever")
    }
  }

  private static func takeNow(_ caller: Caller, _ count: UInt32) throws(Failure) -> Bool {
    try caller.lock()
    defer { caller.unlock() }
    return takeIfFree(caller, count)
  }

  /// Takes permits when there are enough and nobody in line is to be served first. Under the guard.
  private static func takeIfFree(_ caller: Caller, _ count: UInt32) -> Bool {
    let object = caller.object
    let available = object.word.load()
    if available < count { return false }
    if let head = caller.attachment.head(of: object), goesFirst(head, object) { return false }
    take(object, caller.holding, caller.slot.pointee.flags, available, count)
    return true
  }

  /// Whether a waiter at the head of the line lets nobody pass any more.
  private static func goesFirst(_ head: Cell, _ object: Object) -> Bool {
    head.flags.load() & CellFlag.ticket != 0
      || object.flags.load() & SYNCMGR_SEMAPHORE_FAIR != 0
      || UInt64(bitPattern: sm_now()) &- head.since.load() > Mutex.patience
  }

  /// True when the permits were free after all; the cell is then given back.
  private static func enterLine(
    _ caller: Caller, _ cell: Cell, _ count: UInt32, flags: UInt32, ticket: UInt64?
  ) throws(Failure) -> Bool {
    do throws(Failure) { try caller.lock() } catch {
      caller.attachment.giveBack(cell)
      throw error
    }
    let isTaken = takeIfFree(caller, count)
    if !isTaken { caller.enqueue(cell, amount: count, flags: flags, ticket: ticket) }
    caller.unlock()
    if isTaken { caller.attachment.giveBack(cell) }
    return isTaken
  }

  /// The waiter that a release has woken.
  private static func compete(_ caller: Caller, _ cell: Cell, _ count: UInt32) -> Int32? {
    let (object, attachment) = (caller.object, caller.attachment)
    attachment.lock(object)
    var wakes = Wakes()
    defer {
      attachment.unlock(object)
      wakes.send(attachment)
    }
    if cell.state.load() & CellState.kind == CellState.done { return SYNCMGR_PENDING }
    if object.woken.load() == attachment.segment.index(of: cell) + 1 { object.woken.store(0) }
    let available = object.word.load()
    guard available >= count else {
      cell.state.store(CellState.waiting)
      return nil
    }
    take(object, caller.holding, caller.slot.pointee.flags, available, count)
    cell.state.store(CellState.free)
    attachment.unlink(cell, object)
    serve(attachment, object, &wakes)
    return SYNCMGR_OK
  }

  // MARK: - Releasing

  /// Gives permits back when nobody waits. False when that is for `release` to find out.
  @inline(__always)
  static func releaseAtOnce(_ slot: Slot, _ count: UInt32) -> Bool {
    let object = slot.pointee.object.unsafelyUnwrapped
    guard count &- 1 < SYNCMGR_COUNT_MAX,
      Guard.tryLock(object.guardian, slot.pointee.participant)
    else { return false }
    let available = object.word.load()
    var isDone = object.head.load() == 0
    if slot.pointee.flags & SYNCMGR_SEMAPHORE_SIGNALLING == 0 {
      let holding = slot.pointee.holding.unsafelyUnwrapped
      let held = holding.amount.load()
      isDone = isDone && held >= count
      if isDone { holding.amount.store(held &- count) }
    } else {
      isDone = isDone && available <= SYNCMGR_COUNT_MAX &- count
    }
    if isDone { object.word.store(available &+ count) }
    Guard.unlock(object.guardian)
    return isDone
  }

  static func release(_ caller: Caller, _ count: UInt32) throws(Failure) {
    let (object, attachment) = (caller.object, caller.attachment)
    if count == 0 {
      throw Failure(SYNCMGR_E_INVALID, caller.object, "0 permits cannot be released")
    }
    var wakes = Wakes()
    try caller.lock()
    if caller.slot.pointee.flags & SYNCMGR_SEMAPHORE_SIGNALLING != 0 {
      let available = object.word.load()
      if count > SYNCMGR_COUNT_MAX || available > SYNCMGR_COUNT_MAX - count {
        caller.unlock()
        throw Failure(
          SYNCMGR_E_OVERFLOW, caller.object,
          text: "\(available) permits are available; \(count) more would be too many")
      }
      object.word.store(available + count)
    } else {
      let held = caller.holding.amount.load()
      if held < count {
        caller.unlock()
        throw Failure(
          SYNCMGR_E_NOT_OWNER, caller.object,
          text: "this workstream holds \(held) permits and cannot release \(count)")
      }
      caller.holding.amount.store(held - count)
      object.word.store(object.word.load() &+ count)
    }
    serve(attachment, object, &wakes)
    caller.unlock()
    wakes.send(attachment)
  }

  /// Gives free permits to the head of the line, or wakes it to take them. Nobody behind it is
  /// served before it: a large request gathers what small ones release. Under the guard.
  static func serve(_ attachment: Attachment, _ object: Object, _ wakes: inout Wakes) {
    var left = SM_CELLS  // a spoiled line ends here
    while left > 0, let head = attachment.liveHead(of: object) {
      left -= 1
      let available = object.word.load()
      let wanted = head.amount.load()
      if available < wanted { return }
      if !goesFirst(head, object) {
        // Who was woken is the head, unless it died before it came.
        if head.state.load() & CellState.kind == CellState.waiting {
          object.woken.store(attachment.segment.index(of: head) + 1)
          wakes.wake(head, attachment)
        }
        return
      }
      grant(attachment, object, head, available - wanted, &wakes)
    }
  }

  /// Hands permits to a waiter. The intent is written first, in absolute values: whoever repairs
  /// after a death in here does the same stores again.
  private static func grant(
    _ attachment: Attachment, _ object: Object, _ cell: Cell, _ left: UInt32, _ wakes: inout Wakes
  ) {
    guard let holding = attachment.segment.holding(cell.holding.load() &- 1) else {
      attachment.unlink(cell, object)
      wakes.finish(cell, SYNCMGR_E_CORRUPT, attachment)
      return
    }
    let isSignalling = object.flags.load() & SYNCMGR_SEMAPHORE_SIGNALLING != 0
    object.intentAmount.store(
      isSignalling ? 0 : holding.amount.load() &+ cell.amount.load())
    object.intentWord.store(left)
    object.intent.store(attachment.segment.index(of: cell) + 1)
    holding.amount.store(object.intentAmount.load())
    object.word.store(left)
    if object.woken.load() == attachment.segment.index(of: cell) + 1 { object.woken.store(0) }
    attachment.unlink(cell, object)
    wakes.finish(cell, SYNCMGR_OK, attachment)
    object.intent.store(0)
  }

  static func holders(_ caller: Caller) -> [syncmgr_holder_t] {
    var found: [syncmgr_holder_t] = []
    caller.attachment.forHoldings(of: caller.object) { holding in
      let amount = holding.amount.load()
      guard amount > 0,
        let stream = caller.attachment.workstream(ofOwner: holding.workstream.load())
      else { return }
      var holder = syncmgr_holder_t()
      holder.workstream = stream.id.load()
      holder.pid = Int32(bitPattern: stream.pid.load())
      holder.amount = amount
      holder.setName(NameField(stream))
      found.append(holder)
    }
    return found
  }

  // MARK: - Recovery

  static let kind = Kind(
    holdsGrants: true,
    repair: { attachment, object in
      var wakes = Wakes()
      finishIntent(attachment, object, &wakes)
      if object.flags.load() & SYNCMGR_SEMAPHORE_SIGNALLING == 0 {
        var held: UInt32 = 0
        attachment.forHoldings(of: object) { held = held &+ $0.amount.load() }
        let total = object.count.load()
        object.word.store(total >= held ? total - held : 0)
      }
      attachment.rebuildLine(object)
      object.woken.store(0)
      wakeHead(attachment, object, &wakes)
      wakes.send(attachment)
    },
    abandon: { attachment, object, holding, died in
      giveBack(attachment, object, holding, holding.amount.load())
    },
    withdrawn: { attachment, object, cell in
      var wakes = Wakes()
      if object.woken.load() == attachment.segment.index(of: cell) + 1 { object.woken.store(0) }
      serve(attachment, object, &wakes)
      wakes.send(attachment)
    },
    refused: { attachment, object, cell in
      guard let holding = attachment.segment.holding(cell.holding.load() &- 1) else { return }
      giveBack(attachment, object, holding, cell.amount.load())
    },
    check: { attachment, object in
      let available = object.word.load()
      if let head = attachment.head(of: object), head.amount.load() <= available {
        return "has \(available) free permits and a waiter for \(head.amount.load())"
      }
      if object.flags.load() & SYNCMGR_SEMAPHORE_SIGNALLING != 0 { return nil }
      var held: UInt32 = 0
      attachment.forHoldings(of: object) { held = held &+ $0.amount.load() }
      if held &+ available != object.count.load() {
        return "has \(available) permits free and \(held) held of \(object.count.load())"
      }
      return nil
    })

  private static func finishIntent(
    _ attachment: Attachment, _ object: Object, _ wakes: inout Wakes
  ) {
    let intent = object.intent.load()
    if intent != 0, let cell = attachment.segment.cell(intent - 1),
      cell.object.load() == attachment.segment.index(of: object) + 1
    {
      attachment.segment.holding(cell.holding.load() &- 1)?.amount
        .store(object.intentAmount.load())
      object.word.store(object.intentWord.load())
      let kind = cell.state.load() & CellState.kind
      if kind == CellState.waiting || kind == CellState.woken {
        wakes.finish(cell, SYNCMGR_OK, attachment)
      }
    }
    object.intent.store(0)
  }

  /// After a repair: whoever was awake for permits may be the dead one, so the head is woken again.
  private static func wakeHead(
    _ attachment: Attachment, _ object: Object, _ wakes: inout Wakes
  ) {
    if let head = attachment.head(of: object),
      head.state.load() & CellState.kind == CellState.woken
    {
      object.woken.store(attachment.segment.index(of: head) + 1)
    }
    serve(attachment, object, &wakes)
  }

  /// Puts permits of a holding back. Signalling ones were never on it.
  private static func giveBack(
    _ attachment: Attachment, _ object: Object, _ holding: Holding, _ count: UInt32
  ) {
    if count == 0 { return }
    if object.flags.load() & SYNCMGR_SEMAPHORE_SIGNALLING == 0 {
      let held = holding.amount.load()
      let returned = min(held, count)
      holding.amount.store(held - returned)
      object.word.store(object.word.load() &+ returned)
    } else {
      object.word.store(object.word.load() &+ count)
    }
    var wakes = Wakes()
    serve(attachment, object, &wakes)
    wakes.send(attachment)
  }
}
