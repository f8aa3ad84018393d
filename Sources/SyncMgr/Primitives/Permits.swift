import CSyncMgr
import CSyncMgrShim

/// Counted permits: what semaphore, readers-writer lock and election are made of. The lock has
/// COUNT_MAX permits, of which a reader takes one and a writer all; the election has one.
///
/// All of it happens under the guard, which costs one compare-and-swap and a plain store: what
/// `sem_t` pays for a count alone. Each workstream's holding says how many permits it has; what is
/// available (the object's word) is the total less the sum of those, and `repair` counts it anew.
/// A SIGNALLING semaphore has no holders: its word alone is the truth.
///
/// What is free is taken by whoever comes, and the head of the line is woken to try for itself.
/// When it has been passed over for a millisecond, is a ticket, or the object is fair, nobody
/// passes it any more and permits are handed to it: a large request gathers what small ones
/// release.
enum Permits {
  static func isSignalling(_ object: Object) -> Bool {
    object.type.load() == SYNCMGR_TYPE_SEMAPHORE
      && object.flags.load() & SYNCMGR_SEMAPHORE_SIGNALLING != 0
  }

  /// Whose release a waiter waits for is known, unless permits come from anywhere.
  static func supply(_ object: Object) -> Supply? {
    isSignalling(object) ? nil : .counted(total: object.count.load())
  }

  /// Whether permits are those of readers and writers.
  static func isLock(_ object: Object) -> Bool {
    let type = object.type.load()
    return type == SYNCMGR_TYPE_RWLOCK || type == ObjectType.target
  }

  private static func isFair(_ object: Object) -> Bool {
    switch object.type.load() {
    case SYNCMGR_TYPE_SEMAPHORE: object.flags.load() & SYNCMGR_SEMAPHORE_FAIR != 0
    case SYNCMGR_TYPE_RWLOCK, ObjectType.target:
      object.flags.load() & SYNCMGR_RWLOCK_FAIR != 0
    default: true
    }
  }

  /// What a waiter asks for. An upgrade asks for all that its workstream does not have yet.
  static func wanted(_ cell: Cell, _ object: Object, _ attachment: Attachment) -> UInt32 {
    if cell.flags.load() & CellFlag.first == 0 { return cell.amount.load() }
    let held = attachment.segment.holding(cell.holding.load() &- 1)?.amount.load() ?? 0
    return object.count.load() &- held
  }

  /// Whether a cell waits for the upgrade of a hold that is gone meanwhile.
  private static func isOfLostHold(_ cell: Cell, _ object: Object, _ wanted: UInt32) -> Bool {
    cell.flags.load() & CellFlag.first != 0 && wanted == object.count.load()
  }

  // MARK: - Taking. Under the guard.

  /// Takes permits when there are enough and nobody in line is to be served first.
  static func takeIfFree(
    _ attachment: Attachment, _ object: Object, _ holding: Holding, _ count: UInt32
  ) -> Int32? {
    let available = object.word.load()
    if available < count { return nil }
    // A reader that is in already is let in again: who waits for it to leave would wait for ever.
    let isWithin = isLock(object) && holding.amount.load() > 0
    if !isWithin, let head = attachment.head(of: object), goesFirst(head, object) { return nil }
    return take(attachment, object, holding, available, count)
  }

  /// Dies after the first store: the dead one has permits more, and gives them back.
  private static func take(
    _ attachment: Attachment, _ object: Object, _ holding: Holding, _ available: UInt32,
    _ count: UInt32
  ) -> Int32 {
    let held = holding.amount.load()
    if !isSignalling(object) { holding.amount.store(held &+ count) }
    object.word.store(available &- count)
    object.cpu.store(sm_cpu())
    let status = begin(object, holding, isFirst: held == 0)
    tell(SYNCMGR_NOTICE_GRANTED, attachment, object, holding, count)
    return status
  }

  /// A notice that somebody took or gave back permits. Its value is the token, where there is one.
  @inline(__always)
  static func tell(
    _ kind: UInt32, _ attachment: Attachment, _ object: Object, _ holding: Holding, _ count: UInt32
  ) {
    if object.watched.load() & kind == 0 { return }
    let isCounted = object.type.load() == SYNCMGR_TYPE_SEMAPHORE
    attachment.emit(
      kind, object, owner: holding.workstream.load(),
      value: isCounted ? UInt64(count) : holding.token.load())
  }

  /// What a grant begins with, and its status: a token, and whose death is inherited.
  private static func begin(_ object: Object, _ holding: Holding, isFirst: Bool) -> Int32 {
    let type = object.type.load()
    if holding.mark.load() != 0 { holding.mark.store(0) }
    let token = object.grants.load() &+ 1
    object.grants.store(token)
    if type == SYNCMGR_TYPE_SEMAPHORE { return SYNCMGR_OK }
    holding.token.store(token)
    if isFirst { keepFirst(token, holding) }
    if type == SYNCMGR_TYPE_ELECTION { return SYNCMGR_LEADER }
    if object.broken.load() == 0 { return SYNCMGR_OK }
    // Everybody hears of the death until somebody can mend what was left.
    if holding.amount.load() == object.count.load() { object.broken.store(0) }
    return SYNCMGR_OWNER_DIED
  }

  /// Keeps the token that a hold of one or several grants began with: its lower half, which says
  /// the rest beside the latest token.
  @inline(__always)
  static func keepFirst(_ token: UInt64, _ holding: Holding) {
    holding.index.store(UInt32(truncatingIfNeeded: token))
  }

  static func firstToken(_ holding: Holding) -> UInt64 {
    let latest = holding.token.load()
    return latest &- UInt64(UInt32(truncatingIfNeeded: latest) &- holding.index.load())
  }

  /// Whether a waiter at the head of the line lets nobody pass any more.
  private static func goesFirst(_ head: Cell, _ object: Object) -> Bool {
    head.flags.load() & (CellFlag.ticket | CellFlag.first) != 0 || isFair(object)
      || UInt64(bitPattern: sm_now()) &- head.since.load() > Mutex.patience
  }

  // MARK: - Waiting

  /// Takes permits now, or tells the caller to wait (nil).
  static func takeNow(_ caller: Caller, _ count: UInt32) throws(Failure) -> Int32? {
    try caller.lock()
    defer { caller.unlock() }
    return takeIfFree(caller.attachment, caller.object, caller.holding, count)
  }

  /// Waits in line for permits that were not free. `admit` looks, under the guard, whether the
  /// wait is over before it begins.
  static func wait(
    _ caller: Caller, _ count: UInt32, flags: UInt32 = 0, until deadline: Int64,
    _ admit: () throws(Failure) -> Int32?
  ) throws(Failure) -> Outcome {
    let cell = try caller.attachment.takeCell()
    if let status = try enterLine(caller, cell, count, flags: flags, ticket: nil, admit) {
      return Outcome(status, value: caller.holding.token.load())
    }
    return try Waits.block(caller, cell, until: deadline) { compete(caller, $0) }
  }

  static func start(
    _ caller: Caller, _ count: UInt32, flags: UInt32 = 0, _ start: Tickets.Start,
    _ admit: () throws(Failure) -> Int32?
  ) throws(Failure) -> Started {
    // OK of an election is its result, not a grant.
    let isElection = caller.object.type.load() == SYNCMGR_TYPE_ELECTION
    return try start.begin(caller) { (draft) throws(Failure) in
      try enterLine(
        caller, draft.cell, count, flags: draft.flags | flags, ticket: draft.handle, admit
      ).map { Outcome($0, value: $0 == SYNCMGR_OK && isElection ? 0 : caller.holding.token.load()) }
    }
  }

  /// The status when the permits were free after all; the cell is then given back.
  private static func enterLine(
    _ caller: Caller, _ cell: Cell, _ count: UInt32, flags: UInt32, ticket: UInt64?,
    _ admit: () throws(Failure) -> Int32?
  ) throws(Failure) -> Int32? {
    var status: Int32?
    do throws(Failure) {
      try caller.lock()
      defer { caller.unlock() }
      status = try admit()
      if status == nil { caller.enqueue(cell, amount: count, flags: flags, ticket: ticket) }
    } catch {
      caller.attachment.giveBack(cell)
      throw error
    }
    if status != nil { caller.attachment.giveBack(cell) }
    return status
  }

  /// The waiter that a release has woken.
  private static func compete(_ caller: Caller, _ cell: Cell) -> Int32? {
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
    let count = wanted(cell, object, attachment)
    let isLost = isOfLostHold(cell, object, count)
    guard isLost || available >= count else {
      cell.state.store(CellState.waiting)
      return nil
    }
    let status =
      isLost ? SYNCMGR_E_LOST : take(attachment, object, caller.holding, available, count)
    cell.state.store(CellState.free)
    attachment.unlink(cell, object)
    serve(attachment, object, &wakes)
    return status
  }

  // MARK: - Giving. Under the guard.

  /// Takes `count` permits off the holding and serves the line.
  static func release(
    _ attachment: Attachment, _ object: Object, _ holding: Holding, _ count: UInt32,
    _ wakes: inout Wakes, isTold: Bool = true
  ) {
    // What is taken away is told as lost.
    if isTold, holding.mark.load() != Holds.lostMark {
      tell(SYNCMGR_NOTICE_RELEASED, attachment, object, holding, count)
    }
    let left = holding.amount.load() &- count
    holding.amount.store(left)
    // Dies before: `repair` takes the lease off. The other way round a hold that is to be taken
    // away would stay, without its lease.
    if left == 0, holding.lease.load() != 0 { holding.lease.store(0) }
    object.word.store(object.word.load() &+ count)
    serve(attachment, object, &wakes)
  }

  /// Gives free permits to the head of the line, or wakes it to take them. Nobody behind it is
  /// served before it. Readers at the head all go in at once: they are in nobody's way.
  static func serve(_ attachment: Attachment, _ object: Object, _ wakes: inout Wakes) {
    if object.head.load() == 0 { return }
    let isLock = isLock(object)
    var left = SM_CELLS  // a spoiled line ends here
    while left > 0, let head = attachment.liveHead(of: object) {
      left -= 1
      let available = object.word.load()
      let wanted = wanted(head, object, attachment)
      if isOfLostHold(head, object, wanted) {
        attachment.unlink(head, object)
        wakes.finish(head, SYNCMGR_E_LOST, attachment)
        continue
      }
      if available < wanted { return }
      if !(isLock && wanted == 1), !goesFirst(head, object) {
        // Who was woken is the head, unless it died before it came.
        if head.state.load() & CellState.kind == CellState.waiting {
          object.woken.store(attachment.segment.index(of: head) + 1)
          wakes.wake(head, attachment)
        }
        return
      }
      grant(attachment, object, head, wanted, available - wanted, &wakes)
    }
  }

  /// Hands permits to a waiter. The intent is written first, in absolute values: whoever repairs
  /// after a death in here does the same stores again.
  private static func grant(
    _ attachment: Attachment, _ object: Object, _ cell: Cell, _ count: UInt32, _ left: UInt32,
    _ wakes: inout Wakes
  ) {
    guard let holding = attachment.segment.holding(cell.holding.load() &- 1) else {
      attachment.unlink(cell, object)
      wakes.finish(cell, SYNCMGR_E_CORRUPT, attachment)
      return
    }
    // How many come of this grant, for a waiter that will not want it any more.
    cell.amount.store(count)
    object.intentAmount.store(isSignalling(object) ? 0 : holding.amount.load() &+ count)
    object.intentWord.store(left)
    object.intent.store(attachment.segment.index(of: cell) + 1)
    if object.woken.load() == attachment.segment.index(of: cell) + 1 { object.woken.store(0) }
    // Out of line before its waiter can go on and wait for something else with the same cell.
    attachment.unlink(cell, object)
    carryOut(attachment, object, holding, cell, &wakes)
    object.intent.store(0)
  }

  /// The stores of a grant whose intent is written. Done twice they give the same, but for one
  /// token more.
  private static func carryOut(
    _ attachment: Attachment, _ object: Object, _ holding: Holding, _ cell: Cell,
    _ wakes: inout Wakes
  ) {
    holding.amount.store(object.intentAmount.load())
    object.word.store(object.intentWord.load())
    object.cpu.store(UInt32.max)
    if object.broken.load() != 0 { object.intentResult.store(1) }
    let isFirst = cell.amount.load() == object.intentAmount.load()
    let status = begin(object, holding, isFirst: isFirst)
    let isInherited = isLock(object) && object.intentResult.load() != 0
    wakes.finish(
      cell, isInherited ? SYNCMGR_OWNER_DIED : status, value: holding.token.load(), attachment)
    object.intentResult.store(0)
  }

  // MARK: - Recovery

  static func repair(_ attachment: Attachment, _ object: Object) {
    var wakes = Wakes()
    finishIntent(attachment, object, &wakes)
    if !isSignalling(object) {
      var held: UInt32 = 0
      attachment.forHoldings(of: object) {
        held = held &+ $0.amount.load()
        if $0.amount.load() == 0, $0.lease.load() != 0 { $0.lease.store(0) }
      }
      let total = object.count.load()
      object.word.store(total >= held ? total - held : 0)
    }
    attachment.rebuildLine(object)
    object.woken.store(0)
    // Whoever was awake for permits may be the dead one, so the head is woken again.
    if let head = attachment.head(of: object),
      head.state.load() & CellState.kind == CellState.woken
    {
      object.woken.store(attachment.segment.index(of: head) + 1)
    }
    serve(attachment, object, &wakes)
    wakes.send(attachment)
  }

  private static func finishIntent(
    _ attachment: Attachment, _ object: Object, _ wakes: inout Wakes
  ) {
    let intent = object.intent.load()
    if intent != 0, let cell = attachment.segment.cell(intent - 1),
      cell.object.load() == attachment.segment.index(of: object) + 1,
      let holding = attachment.segment.holding(cell.holding.load() &- 1)
    {
      let kind = cell.state.load() & CellState.kind
      if kind == CellState.waiting || kind == CellState.woken {
        carryOut(attachment, object, holding, cell, &wakes)
      } else {
        // Its waiter may have gone on already: what it was given stands.
        object.word.store(object.intentWord.load())
      }
    }
    object.intent.store(0)
    object.intentResult.store(0)
  }

  /// Puts permits of a holding back. Signalling ones were never on it.
  static func giveBack(
    _ attachment: Attachment, _ object: Object, _ holding: Holding, _ count: UInt32,
    isTold: Bool = true
  ) {
    if count == 0 { return }
    var wakes = Wakes()
    if isSignalling(object) {
      object.word.store(object.word.load() &+ count)
      serve(attachment, object, &wakes)
    } else {
      let returned = min(holding.amount.load(), count)
      release(attachment, object, holding, returned, &wakes, isTold: isTold)
    }
    wakes.send(attachment)
  }

  static func withdrawn(_ attachment: Attachment, _ object: Object, _ cell: Cell) {
    var wakes = Wakes()
    if object.woken.load() == attachment.segment.index(of: cell) + 1 { object.woken.store(0) }
    serve(attachment, object, &wakes)
    wakes.send(attachment)
  }

  static func refused(_ attachment: Attachment, _ object: Object, _ cell: Cell) {
    guard let holding = attachment.segment.holding(cell.holding.load() &- 1) else { return }
    // Who inherits from the dead must hear of it: the next one, when this one did not.
    let isInherited = Int32(bitPattern: cell.result.load()) == SYNCMGR_OWNER_DIED
    if isInherited { object.broken.store(1) }
    giveBack(attachment, object, holding, cell.amount.load())
  }

  static func check(_ attachment: Attachment, _ object: Object) -> String? {
    let available = object.word.load()
    if let head = attachment.head(of: object), wanted(head, object, attachment) <= available {
      return "has \(available) free permits and a waiter for \(head.amount.load())"
    }
    if isSignalling(object) { return nil }
    var held: UInt32 = 0
    attachment.forHoldings(of: object) { held = held &+ $0.amount.load() }
    if held &+ available != object.count.load() {
      return "has \(available) permits free and \(held) held of \(object.count.load())"
    }
    return nil
  }
}
