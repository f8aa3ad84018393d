import CSyncMgr
import CSyncMgrShim

/// Waiting for a message, or for room. The cells of both stand in the line of the mailbox's object:
/// what a cell waits for is its `amount`. Nothing is handed over: a wait that is over means that it
/// is worth looking. Whoever looks in vain waits again; whoever takes something and sees more, or
/// does not use its turn, wakes the next.
enum ChannelWaits {
  /// Waits until `isReady`, which is looked at after everybody can see that somebody waits.
  static func wait(
    _ caller: Caller, _ mailbox: Mailbox, for what: UInt32, until deadline: Int64,
    _ isReady: () -> Bool
  ) throws(Failure) {
    let attachment = caller.attachment
    let cell = try attachment.takeCell()
    if try enter(caller, mailbox, for: what, cell, flags: 0, ticket: nil, isReady) != nil { return }
    let begun = Int64(bitPattern: cell.since.load())
    let outcome = try Waits.block(
      caller, cell, until: deadline, looks: attachment.isForSomebody(mailbox)
    ) { _ in nil }
    let other = what == SM_WAIT_RECEIVERS ? caller.object.cpu : mailbox.cpu
    if Spin.pays(other) { Spin.learn(sm_now() - begun) }
    _ = try outcome.get(caller.object)
  }

  static func start(
    _ caller: Caller, _ mailbox: Mailbox, for what: UInt32, _ start: Tickets.Start,
    _ isReady: () -> Bool
  ) throws(Failure) -> Started {
    try start.begin(caller) { (draft) throws(Failure) in
      try enter(
        caller, mailbox, for: what, draft.cell, flags: draft.flags, ticket: draft.handle, isReady)
    }
  }

  /// Puts the cell into the line, or gives it back when there is nothing to wait for.
  private static func enter(
    _ caller: Caller, _ mailbox: Mailbox, for what: UInt32, _ cell: Cell, flags: UInt32,
    ticket: UInt64?, _ isReady: () -> Bool
  ) throws(Failure) -> Outcome? {
    do throws(Failure) { try caller.lock() } catch {
      caller.attachment.giveBack(cell)
      throw error
    }
    // Before the look, so that whoever makes it ready after the look sees that somebody waits.
    _ = mailbox.waiting.update { $0 | what }
    if isReady() {
      caller.unlock()
      caller.attachment.giveBack(cell)
      return Outcome(SYNCMGR_OK)
    }
    caller.enqueue(cell, amount: what, flags: flags, ticket: ticket)
    caller.unlock()
    return nil
  }
}

/// How long a call goes on that looks, sleeps, and looks again. What one look says another may deny
/// when somebody has spoiled the segment: nobody goes past the deadline for that, or takes a whole
/// processor.
struct Patience {
  private let deadline: Int64
  private var rounds = 0

  init(until deadline: Int64) { self.deadline = deadline }

  /// Before each look but the first.
  mutating func again(_ object: Object) throws(Failure) {
    rounds += 1
    if rounds == 1 { return }
    if Deadline.hasPassed(deadline) { throw Waits.failure(SYNCMGR_E_TIMEOUT, object) }
    if rounds > 100 { sm_nap(50_000) }
  }
}

extension Attachment {
  /// Whether those who wait at a mailbox may wait for somebody in particular, see `Channel.absent`.
  fileprivate func isForSomebody(_ mailbox: Mailbox) -> Bool {
    switch mailbox.role.load() {
    case SM_MAILBOX_QUEUE: false
    case SM_MAILBOX_OWN:
      segment.mailbox(mailbox.channel.load() &- 1)?.kind.load() == SYNCMGR_CHANNEL_DIRECT
    default: true
    }
  }

  /// Wakes the first in line who waits for this. Not under the mailbox's guard.
  @inline(never)
  func wake(_ mailbox: Mailbox, _ what: UInt32) {
    guard let object = segment.object(segment.index(of: mailbox)) else { return }
    var wakes = Wakes()
    lock(object)
    wakeFirst(object, mailbox, what, &wakes)
    unlock(object)
    wakes.send(self)
  }

  /// Somebody has looked, and taken what was there: one who waits for the room, if that is free,
  /// and the next receiver when there is more.
  func wakeAfterTaking(_ mailbox: Mailbox, frees: Bool) {
    let waiting = mailbox.waiting.load()
    if waiting & SM_WAIT_SENDERS != 0, frees { wake(mailbox, SM_WAIT_SENDERS) }
    if waiting & SM_WAIT_RECEIVERS != 0, !segment.isEmpty(mailbox) {
      wake(mailbox, SM_WAIT_RECEIVERS)
    }
  }

  /// A turn was not used: whoever can do something now gets it. Under the object's guard.
  func passOnTurn(_ object: Object) {
    guard let mailbox = segment.mailbox(segment.index(of: object)) else { return }
    var wakes = Wakes()
    if !segment.isEmpty(mailbox) { wakeFirst(object, mailbox, SM_WAIT_RECEIVERS, &wakes) }
    if segment.hasRoom(mailbox) { wakeFirst(object, mailbox, SM_WAIT_SENDERS, &wakes) }
    wakes.send(self)
  }

  /// Under the object's guard.
  func wakeFirst(_ object: Object, _ mailbox: Mailbox, _ what: UInt32, _ wakes: inout Wakes) {
    var cell = liveHead(of: object)
    var left = SM_CELLS
    while let found = cell, left > 0 {
      left -= 1
      if found.amount.load() == what, !isGone(ofCell: found) {
        unlink(found, object)
        wakes.finish(found, SYNCMGR_OK, self)
        // The last one: whoever sends or takes next need not come here for nobody. Not before its
        // wait is over: who dies in between leaves it to be woken by this.
        if object.head.load() == 0 { mailbox.waiting.store(0) }
        return
      }
      cell = next(of: found)
    }
    // Nobody. Who comes now says so again, under the guard.
    _ = mailbox.waiting.update { $0 & ~what }
  }

  private func isGone(ofCell cell: Cell) -> Bool {
    let owner = segment.batch(segment.index(of: cell) / SM_BATCH_CELLS)?.owner.load() ?? 0
    return owner != me && isGone(owner)
  }

  /// Wakes whoever has something to do now: for when somebody died who was to wake them, or they
  /// did not use their turn. Not under the object's guard.
  func wakeDue(_ object: Object, _ mailbox: Mailbox) {
    let waiting = mailbox.waiting.load()
    if waiting & SM_WAIT_RECEIVERS != 0, !segment.isEmpty(mailbox) {
      wake(mailbox, SM_WAIT_RECEIVERS)
    }
    if waiting & SM_WAIT_SENDERS != 0, segment.hasRoom(mailbox) { wake(mailbox, SM_WAIT_SENDERS) }
  }
}

/// A look at a mailbox without its guard: it may have changed a moment later.
extension Segment {
  /// Whether nothing can be taken.
  @inline(__always)
  func isEmpty(_ mailbox: Mailbox) -> Bool {
    if mailbox.returned.load() != 0 { return false }
    for level in 0..<min(mailbox.levels.load(), SM_LEVELS) {
      // What the tail was tells most of the time, and is not the sender's to write. It may be
      // behind the head, of which receivers know otherwise that they may move it.
      let head = mailbox.head(level).load()
      if Int64(bitPattern: mailbox.tailSeen(level).load() &- head) > 0
        || head != mailbox.tail(level).load()
      {
        return false
      }
    }
    return true
  }

  /// Whether a sender would find room, also after so many others.
  func hasRoom(_ mailbox: Mailbox, besides others: UInt32 = 0) -> Bool {
    Int32(bitPattern: mailbox.claimed.load() &- mailbox.released.load() &+ others)
      < Int32(truncatingIfNeeded: mailbox.capacity.load())
  }
}
