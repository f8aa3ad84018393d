import CSyncMgr
import CSyncMgrShim

/// The mutex. Its word holds the owner, 0 when free, and five flags. A grant is one
/// compare-and-swap of it: a process dies either before it, and never had the mutex, or after it,
/// and is found as the owner. The fencing token is counted by each owner after that, by a plain
/// store: it alone may. Once the mutex was taken away by force there may be two who think so; from
/// then on it is counted in another word, atomically, far above what a late store could say, and
/// `forced` keeps everybody on the slow path, which does that. So does `watched` while somebody
/// subscribes to what happens to mutexes: the fast path knows nothing of notices.
///
/// Taken when free by whoever comes (Go's sync.Mutex is the model): an unlock with waiters wakes
/// the head of the line, which competes. Only one is awake for it (`woken`), or a few of those whom
/// a condition released. When the head has been passed over for a millisecond, is a ticket (nobody
/// is awake to compete), or the mutex is FAIR, the unlock hands the mutex over instead.
enum Mutex {
  static let watched: UInt32 = 1 << 27
  static let waiters: UInt32 = 1 << 28
  static let woken: UInt32 = 1 << 29
  static let died: UInt32 = 1 << 30
  static let forced: UInt32 = 1 << 31
  /// What stays whoever owns it.
  static let lasting = forced | watched
  static let patience: UInt64 = 1_000_000  // ns that a waiter lets others pass

  @inline(__always) static func owner(_ word: UInt32) -> UInt32 { word & OwnerID.mask }

  // MARK: - Locking

  /// One compare-and-swap when it is free. False when that is for `lock` to find out.
  @inline(__always)
  static func lockAtOnce(_ slot: Slot, _ thread: Thread, _ timeout: Int64) -> Bool {
    let object = slot.pointee.object.unsafelyUnwrapped
    guard timeout >= SYNCMGR_FOREVER, object.word.claim(0, slot.pointee.mine) else { return false }
    object.grants.store(object.grants.load() &+ 1)
    object.cpu.store(sm_cpu_of(thread))
    return true
  }

  static func lock(_ caller: Caller, _ timeout: Int64) throws(Failure) -> Int32 {
    let deadline = try Deadline.after(timeout)
    if let status = try tryOnce(caller) { return status }
    if timeout == 0 {
      throw Failure(SYNCMGR_E_TIMEOUT, caller.object, "it is held and the call does not wait")
    }
    var status: Int32?
    if caller.attachment.spin(
      caller.object, rounds: 100,
      {
        owner(caller.object.word.load()) == 0
          && {
            status = take(caller)
            return status != nil
          }()
      })
    {
      return status!
    }
    let cell = try caller.attachment.takeCell()
    if let status = try enterLine(caller, cell, flags: 0, ticket: nil) { return status }
    let outcome = try Waits.block(caller, cell, until: deadline) { compete(caller, $0) }
    if outcome.status >= 0 { caller.object.cpu.store(sm_cpu()) }
    return try outcome.get(caller.object)
  }

  static func lockStart(
    _ caller: Caller, _ start: Tickets.Start
  ) throws(Failure) -> Started {
    try start.check(caller)
    if let status = try tryOnce(caller) { return Started(status) }
    return try start.begin(caller) { (draft) throws(Failure) in
      try enterLine(caller, draft.cell, flags: draft.flags, ticket: draft.handle)
        .map { Outcome($0) }
    }
  }

  /// Recursion, self-deadlock, or a free mutex; nil when somebody else has it.
  private static func tryOnce(_ caller: Caller) throws(Failure) -> Int32? {
    if let status = take(caller) { return status }
    guard owner(caller.object.word.load()) == caller.mine else { return nil }
    guard caller.slot.pointee.flags & SYNCMGR_MUTEX_RECURSIVE != 0 else {
      throw Failure(
        SYNCMGR_E_DEADLOCK, caller.object,
        text: "this workstream holds it already")
    }
    let depth = caller.holding.amount.load()
    if depth >= SYNCMGR_COUNT_MAX {
      throw Failure(SYNCMGR_E_OVERFLOW, caller.object, "it was locked 1,073,741,823 times over")
    }
    caller.holding.amount.store(depth + 1)
    return SYNCMGR_OK
  }

  /// Takes the mutex if it is free. Leaves the waiters' flags: they stay in line.
  private static func take(_ caller: Caller) -> Int32? {
    let object = caller.object
    let isFair = caller.slot.pointee.flags & SYNCMGR_MUTEX_FAIR != 0
    while true {
      let word = object.word.load()
      if owner(word) != 0 || (isFair && word & waiters != 0) { return nil }
      if object.word.claim(word, word & ~died | caller.mine) {
        begin(caller)
        return word & died != 0 ? SYNCMGR_OWNER_DIED : SYNCMGR_OK
      }
    }
  }

  /// What a new owner does first: it has lost nothing yet, and locked once.
  private static func begin(_ caller: Caller) {
    count(caller.object)
    caller.object.cpu.store(sm_cpu())
    begin(caller.holding)
    if caller.object.watched.load() & SYNCMGR_NOTICE_GRANTED != 0 {
      caller.attachment.emit(
        SYNCMGR_NOTICE_GRANTED, caller.object, owner: caller.mine, value: token(caller.object))
    }
  }

  /// Counts a grant. The owner does, or, under the guard, who made it the owner.
  static func count(_ object: Object) {
    if object.word.load() & forced == 0 {
      object.grants.store(object.grants.load() &+ 1)
    } else {
      object.detached.add(1)
    }
  }

  private static func begin(_ holding: Holding) {
    if holding.mark.load() != 0 { holding.mark.store(0) }
    if holding.amount.load() != 0 { holding.amount.store(0) }
  }

  /// Puts a cell into the line, or takes the mutex when it is free after all; the cell is then
  /// given back, as it is when the handle was closed.
  private static func enterLine(
    _ caller: Caller, _ cell: Cell, flags: UInt32, ticket: UInt64?
  ) throws(Failure) -> Int32? {
    let object = caller.object
    do throws(Failure) { try caller.lock() } catch {
      caller.attachment.giveBack(cell)
      throw error
    }
    while true {
      if let status = take(caller) {
        caller.unlock()
        caller.attachment.giveBack(cell)
        return status
      }
      // From here on no unlock can miss us: it finds the flag and then waits for the guard.
      let word = object.word.load()
      if owner(word) != 0 || word & waiters != 0, object.word.claim(word, word | waiters) { break }
    }
    caller.enqueue(cell, flags: flags, ticket: ticket)
    var wakes = Wakes()
    if owner(object.word.load()) == 0 {
      advance(caller.attachment, object, from: 0, died: false, &wakes)
    }
    caller.unlock()
    wakes.send(caller.attachment)
    return nil
  }

  /// The waiter that an unlock has woken: takes the mutex and leaves the line, or goes back to
  /// waiting (nil). PENDING means that the mutex was handed over meanwhile.
  static func compete(_ caller: Caller, _ cell: Cell) -> Int32? {
    let (object, attachment) = (caller.object, caller.attachment)
    var spins = 0
    while true {
      if cell.state.load() & CellState.kind == CellState.done { return SYNCMGR_PENDING }
      let word = object.word.load()
      if owner(word) == 0 {
        guard object.word.claim(word, word & ~(died | woken) | caller.mine) else { continue }
        begin(caller)
        attachment.lock(object)
        // Taken away by force and handed to us again in this moment: the cell is out of line then.
        let isInLine = cell.state.load() & CellState.kind != CellState.done
        if isInLine {
          if cell.signalled.load() != 0 { cell.signalled.store(0) }
          cell.state.store(CellState.free)
          attachment.unlink(cell, object)
          if object.head.load() == 0 { _ = object.word.update { $0 & ~waiters } }
        }
        attachment.unlock(object)
        return word & died != 0 ? SYNCMGR_OWNER_DIED : SYNCMGR_OK
      }
      spins += 1
      if spins < 30, object.cpu.load() != sm_cpu() {
        sm_pause()
        continue
      }
      // Passed over: wait again. First the cell, then the flag, so that the unlock after this one
      // wakes us again; when the mutex turns out to be free, nobody else will, so we try on.
      guard
        cell.state.update({ $0 & CellState.kind == CellState.woken ? CellState.waiting : nil })
          != nil
      else { continue }
      if object.word.update({ owner($0) != 0 ? $0 & ~woken : nil }) != nil { return nil }
      spins = 0
      if !cell.state.claim(CellState.waiting, CellState.woken) { continue }
    }
  }

  // MARK: - Unlocking

  /// One compare-and-swap when nobody waits.
  @inline(__always)
  static func unlockAtOnce(_ slot: Slot) -> Bool {
    slot.pointee.flags & SYNCMGR_MUTEX_RECURSIVE == 0
      && slot.pointee.object.unsafelyUnwrapped.word.claim(slot.pointee.mine, 0)
  }

  static func unlock(_ caller: Caller) throws(Failure) {
    var wakes = Wakes()
    try unlock(caller, &wakes)
    wakes.send(caller.attachment)
  }

  static func unlock(_ caller: Caller, _ wakes: inout Wakes) throws(Failure) {
    let (object, attachment) = (caller.object, caller.attachment)
    let isFair = caller.slot.pointee.flags & SYNCMGR_MUTEX_FAIR != 0
    var isTold = false
    while true {
      let word = object.word.load()
      guard owner(word) == caller.mine else { throw notOwner(caller) }
      let depth = caller.holding.amount.load()
      if depth > 0 {
        caller.holding.amount.store(depth - 1)
        return
      }
      if !isTold, object.watched.load() & SYNCMGR_NOTICE_RELEASED != 0 {
        attachment.emit(
          SYNCMGR_NOTICE_RELEASED, object, owner: caller.mine, value: token(object))
      }
      isTold = true
      if word & ~lasting == caller.mine {
        if object.word.claim(word, word & lasting) { return }
      } else if word & woken != 0, !isFair {
        // Somebody is awake for it already.
        if object.word.claim(word, word & ~OwnerID.mask) { return }
      } else {
        attachment.lock(object)
        advance(attachment, object, from: caller.mine, died: false, &wakes)
        attachment.unlock(object)
        return
      }
    }
  }

  private static func notOwner(_ caller: Caller) -> Failure {
    let failure = Holds.missing(caller)
    if failure.status == SYNCMGR_E_LOST { caller.holding.amount.store(0) }
    return failure
  }

  /// Passes the mutex on when it is free or `from` has it: hands it over, wakes the head of the
  /// line, or leaves it free. Under the guard. The word changes by one compare-and-swap; before it
  /// nothing has happened, after it the rest follows from the word (see `repair`).
  static func advance(
    _ attachment: Attachment, _ object: Object, from: UInt32, died hasDied: Bool,
    _ wakes: inout Wakes
  ) {
    while true {
      let word = object.word.load()
      let isPassing = owner(word) == from || owner(word) == 0
      guard let head = attachment.liveHead(of: object) else {
        let kept = isPassing ? (hasDied ? died : word & died) : owner(word)
        if object.word.claim(word, kept | word & lasting) { return }
        continue
      }
      if !isPassing {
        // Its owner will wake the head when it unlocks.
        if object.word.claim(word, word & ~woken | waiters) { return }
        continue
      }
      let isInherited = hasDied || word & died != 0
      if mustHandOver(head, object, hasDied) {
        let more: UInt32 = attachment.next(of: head) == nil ? 0 : waiters
        object.intentResult.store(isInherited ? 1 : 0)
        object.intent.store(attachment.segment.index(of: head) + 1)
        let desired = owner(head.workstream.load()) | more | word & lasting
        if object.word.claim(word, desired) {
          granted(attachment, object, head, isInherited, &wakes)
          object.intent.store(0)
          return
        }
        object.intent.store(0)
      } else {
        let desired = waiters | woken | (isInherited ? died : 0) | word & lasting
        if object.word.claim(word, desired) {
          if head.state.load() & CellState.kind == CellState.waiting {
            wakes.wake(head, attachment)
          }
          wakeReleased(after: head, attachment, &wakes)
          return
        }
      }
    }
  }

  /// So many of those whom a condition released are awake at once: enough to keep all processors
  /// busy, and few enough for the places of `Wakes`.
  private static let crowd = min(2 * Int(Attachment.processors), 8)

  /// Wakes some behind the head, too, when a condition has released them all: each wants the mutex
  /// for a moment only, and finds it free when it comes to run. One after the other they would be
  /// waited for until they have woken up. Whoever finds it taken goes back to waiting, as the head
  /// does. Dies before they were woken: see `Wakes`.
  private static func wakeReleased(
    after head: Cell, _ attachment: Attachment, _ wakes: inout Wakes
  ) {
    var awake = 1
    var last = head
    while awake < crowd, last.signalled.load() != 0, let cell = attachment.next(of: last),
      cell.signalled.load() != 0, cell.flags.load() & CellFlag.ticket == 0
    {
      if cell.state.load() & CellState.kind == CellState.waiting { wakes.wake(cell, attachment) }
      awake += 1
      last = cell
    }
  }

  private static func granted(
    _ attachment: Attachment, _ object: Object, _ cell: Cell, _ isInherited: Bool,
    _ wakes: inout Wakes
  ) {
    count(object)
    object.cpu.store(UInt32.max)
    attachment.unlink(cell, object)
    tell(attachment, object, cell, isInherited, &wakes)
  }

  /// Ends the wait of a cell that the mutex was handed to. One that waited for a condition gets the
  /// depth back that it had.
  static func tell(
    _ attachment: Attachment, _ object: Object, _ cell: Cell, _ isInherited: Bool,
    _ wakes: inout Wakes
  ) {
    if let holding = attachment.segment.holding(cell.holding.load() &- 1) {
      begin(holding)
      let depth = cell.amount.load()
      if depth != 0 { holding.amount.store(depth) }
    }
    if cell.signalled.load() != 0 { cell.signalled.store(0) }
    let status = result(cell, isInherited ? SYNCMGR_OWNER_DIED : SYNCMGR_OK)
    if status < 0 { cell.flags.store(cell.flags.load() | CellFlag.granted) }
    wakes.finish(cell, status, value: token(object), attachment)
  }

  /// What a waiter is told that got the mutex: an inherited death before anything else.
  static func result(_ cell: Cell, _ status: Int32) -> Int32 {
    status == SYNCMGR_OWNER_DIED ? status : Int32(bitPattern: cell.override.load())
  }

  /// Takes a cell into the line that waited for a condition until now. Under the guard. The store
  /// of `object` is the move.
  static func adopt(
    _ attachment: Attachment, _ object: Object, _ cell: Cell, _ wakes: inout Wakes
  ) {
    let order = object.order.load() &+ 1
    object.order.store(order)
    cell.order.store(order)
    cell.since.store(UInt64(bitPattern: sm_now()))
    cell.object.store(attachment.segment.index(of: object) + 1)
    attachment.append(cell, object)
    attachment.countWait(object)
    // It may be in a circle only now. Others are not woken for this.
    if cell.flags.load() & CellFlag.looks != 0 { wakes.tellMoved(cell, attachment) }
    // From here on no unlock can miss it.
    _ = object.word.update { $0 | waiters }
    if owner(object.word.load()) == 0 {
      advance(attachment, object, from: 0, died: false, &wakes)
    }
  }

  private static func mustHandOver(_ head: Cell, _ object: Object, _ hasDied: Bool) -> Bool {
    hasDied || head.flags.load() & CellFlag.ticket != 0
      || object.flags.load() & SYNCMGR_MUTEX_FAIR != 0
      || UInt64(bitPattern: sm_now()) &- head.since.load() > patience
  }

  // MARK: - Asking

  static func token(_ object: Object) -> UInt64 {
    object.word.load() & forced == 0 ? object.grants.load() : object.detached.load()
  }

  static func ownToken(_ caller: Caller) throws(Failure) -> UInt64 {
    guard owner(caller.object.word.load()) == caller.mine else {
      throw Failure(SYNCMGR_E_NOT_OWNER, caller.object, "this workstream does not hold it")
    }
    return token(caller.object)
  }

  static func holds(_ caller: Caller, _ token: UInt64) -> Bool {
    owner(caller.object.word.load()) == caller.mine && Mutex.token(caller.object) == token
  }
}
