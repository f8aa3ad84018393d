import CSyncMgr
import CSyncMgrShim

extension UnsafeMutablePointer<sm_mailbox> {
  /// Room in a slot for a message of the inline size, and for texts of usual length.
  @inline(__always)
  static func room(_ inlineSize: UInt32) -> UInt32 { inlineSize + 64 }

  /// The same of the channel whose record this is.
  @inline(__always)
  var room: UInt32 { Self.room(inlineSize.load()) }

  /// Whether a workstream receives from it by a channel. Under its guard.
  @inline(__always)
  func isFor(_ owner: UInt32, _ channel: UInt32) -> Bool {
    let role = role.load()
    if role == SM_MAILBOX_NONE || self.channel.load() != channel + 1 { return false }
    return role == SM_MAILBOX_QUEUE || self.owner.load() == owner
  }
}

/// A mailbox: slots for messages, and for each level a ring of slot numbers in the order of
/// sending. It belongs to an object, in whose line stand those who wait for a message or for room.
///
/// Senders of a channel exclude each other by its send guard, receivers of a mailbox by the
/// mailbox's own: one of each never wait for each other. Guards are locked in this order: a
/// channel's send guard, an object's, a mailbox's, the heap's. What a slot's states mean, and what
/// becomes of one whose writer died there:
///
///     free      claimed by a sender, who stores `claimed`, fills it, puts it into the ring, and
///               stores `ready`
///     claimed   a message when it is in the ring, else free again
///     ready     taken by moving the ring's head past it, and free from then on. One with memory of
///               its own is to be freed: whoever dies between that and freeing it has taken it
///     taken     given out, by number: to be given back. Goes back when its taker is gone
///     returned  given back: goes before all that is ready
///     dead      cannot be delivered: goes to the dead letters, see DeadLetters
///     over      one of the others whose memory is being freed, and then it
///
/// `claimed` and `released` count slots; when they drift after a death, then to where a mailbox
/// seems to have room, and looking for a slot tells better.
extension Attachment {
  /// What a mailbox is made with.
  struct MailboxShape {
    var role: UInt32
    var capacity: UInt32
    var levels: UInt32
    var room: UInt32  // for a message and its texts
    var owner: UInt32 = 0
    var holding: UInt32 = 0
    var asked: UInt32 = 0
  }

  /// Gives an object that is being made its mailbox. Under the directory guard. Fails, or dies: the
  /// object never lives, and the memory is in the hands of a dead process.
  func makeMailbox(
    _ object: Object, channel: UInt32, _ shape: MailboxShape
  ) throws(Failure) -> Mailbox {
    let index = segment.index(of: object)
    try commitMailboxes(index)
    guard let mailbox = segment.mailbox(index) else { throw corrupt("the table of mailboxes") }
    header.channels.store(1)
    let serial = header.serial.load() &+ 1
    header.serial.store(serial)
    clear(mailbox)
    mailbox.capacity.store(shape.capacity)
    let stride = Posts.stride(room: shape.room)
    mailbox.stride.store(stride)
    var entries: UInt32 = 1
    while entries < shape.capacity { entries *= 2 }
    mailbox.mask.store(entries - 1)
    mailbox.levels.store(shape.levels)
    mailbox.channel.store(channel)
    mailbox.owner.store(shape.owner)
    mailbox.holding.store(shape.holding)
    mailbox.asked.store(shape.asked)
    mailbox.serial.store(serial)
    if shape.capacity > 0 {
      let size = Posts.size(
        capacity: shape.capacity, mask: entries - 1, stride: stride, levels: shape.levels)
      let unit = try allocate(size, SM_CHUNK_MEMORY, object: index + 1)
      // Not seen by anybody before the slots are clean.
      mailbox.memory.store(unit + 1)
      if let posts = Posts(mailbox, segment) {
        for slot in 0..<shape.capacity {
          UnsafeMutableRawPointer(posts[slot]).initializeMemory(
            as: UInt8.self, repeating: 0, count: MemoryLayout<sm_post>.size)
        }
      }
      settle(unit)
    }
    mailbox.cpu.store(UInt32.max)
    mailbox.role.store(shape.role)
    return mailbox
  }

  /// The guards are left alone: somebody with an old number of the mailbox may look in.
  private func clear(_ mailbox: Mailbox) {
    // What it had when its maker died, and the object never lived.
    for word in [mailbox.memory, mailbox.patterns, mailbox.log] where word.load() != 0 {
      let unit = exchange(word, for: 0, of: segment.index(of: mailbox) + 1)
      if unit != 0 { free(unit - 1) }
    }
    for field in [
      mailbox.memory, mailbox.role, mailbox.shut, mailbox.next, mailbox.failed, mailbox.hint,
      mailbox.claimed,
      mailbox.seen, mailbox.released, mailbox.returned, mailbox.taken, mailbox.kind,
      mailbox.overflow,
      mailbox.inlineSize, mailbox.history, mailbox.maxDeliveries, mailbox.deadLetters,
      mailbox.first,
      mailbox.past, mailbox.retained, mailbox.patterns, mailbox.waiting, mailbox.perishable,
      mailbox.served,
      mailbox.dead, mailbox.log, mailbox.expected,
    ] { field.store(0) }
    for field in [
      mailbox.sequence, mailbox.dropped, mailbox.received, mailbox.due, mailbox.expired,
      mailbox.told,
      mailbox.undelivered, mailbox.visibility, mailbox.version, mailbox.committing,
      mailbox.headSeen,
    ] { field.store(0) }
    for level in 0..<SM_LEVELS {
      mailbox.tail(level).store(0)
      mailbox.head(level).store(0)
      mailbox.tailSeen(level).store(0)
    }
  }

  private func commitMailboxes(_ index: UInt32) throws(Failure) {
    let table = Table(
      what: "mailboxes", offset: sm_at_mailboxes(), stride: MemoryLayout<sm_mailbox>.stride,
      capacity: SM_OBJECTS, chunk: index &- header.mailboxesCommitted.load() &+ 64,
      high: header.objectsHigh, committed: header.mailboxesCommitted, hint: nil)
    try commit(table, index)
    // A private space needs no memory set aside.
    if index >= header.mailboxesCommitted.load() { header.mailboxesCommitted.store(index + 64) }
  }

  /// Drops all that is in a mailbox, and its memory. Under the channel's send guard, out of its
  /// list.
  func emptyMailbox(_ mailbox: Mailbox) {
    lockMailbox(mailbox)
    mailbox.role.store(SM_MAILBOX_NONE)
    if let posts = Posts(mailbox, segment) {
      for slot in 0..<posts.capacity { dropChunk(of: posts[slot]) }
    }
    let unit = mailbox.memory.load() &- 1
    lockHeap()
    // In our hands before it is nobody's.
    if let chunk = segment.chunk(unit), chunk.state.load() == SM_CHUNK_MEMORY,
      chunk.object.load() == segment.index(of: mailbox) + 1
    {
      chunk.hands.store(me)
      mailbox.memory.store(0)
      chunk.references.store(1)
      release(chunk, unit)
    }
    Guard.unlock(header.heapGuardian)
    unlock(mailbox)
  }

  /// Removes the object of a mailbox that was emptied.
  func removeNameless(_ index: UInt32, _ object: Object) {
    always {
      guard object.type.load() == ObjectType.mailbox, object.state.load() == SlotState.live,
        segment.mailbox(index)?.role.load() == SM_MAILBOX_NONE
      else { return }
      freeObject(index, object)
    }
  }

  /// Drops the messages of a mailbox that were not taken. Under the channel's send guard. Dies
  /// after the heads have moved: the repair frees what was passed over.
  func dropAll(_ mailbox: Mailbox) {
    lockMailbox(mailbox)
    if let posts = Posts(mailbox, segment) {
      for slot in 0..<posts.capacity where segment.isReady(posts[slot], mailbox) {
        mailbox.released.store(mailbox.released.load() &+ 1)
      }
      for level in 0..<SM_LEVELS { mailbox.head(level).store(mailbox.tail(level).load()) }
      for slot in 0..<posts.capacity {
        let post = posts[slot]
        if post.state.load() == SM_POST_RETURNED { free(post, mailbox) }
        // Counted already.
        if post.state.load() == SM_POST_READY {
          dropChunk(of: post)
          post.state.store(SM_POST_FREE)
        }
      }
    }
    mailbox.returned.store(0)
    unlock(mailbox)
  }

  // MARK: - Guards

  @inline(__always)
  func lockMailbox(_ mailbox: Mailbox) {
    if Guard.tryLock(mailbox.guardian, me) { return }
    lockMailboxSlowly(mailbox)
  }

  @inline(never)
  private func lockMailboxSlowly(_ mailbox: Mailbox) {
    if Guard.lockSlowly(mailbox.guardian, me, self) { repairMailbox(mailbox) }
  }

  /// Ordered before a look at who waits: they look at the mailbox after they said that they do.
  @inline(__always)
  func unlock(_ mailbox: Mailbox) { mailbox.guardian.exchange(0) }

  @inline(__always)
  func lockSending(_ channel: Mailbox) {
    if Guard.tryLock(channel.sendGuardian, me) { return }
    lockSendingSlowly(channel)
  }

  @inline(never)
  private func lockSendingSlowly(_ channel: Mailbox) {
    if Guard.lockSlowly(channel.sendGuardian, me, self) { repairSending(channel) }
  }

  @inline(__always)
  func unlockSending(_ channel: Mailbox) { channel.sendGuardian.exchange(0) }

  // MARK: - Repair

  /// After a receiver's death in here: counts what is out and what came back. Under the guard.
  func repairMailbox(_ mailbox: Mailbox) {
    guard let posts = Posts(mailbox, segment) else { return }
    var (taken, returned, dead): (UInt32, UInt32, UInt32) = (0, 0, 0)
    var due = UInt64.max
    for slot in 0..<posts.capacity {
      let post = posts[slot]
      switch post.state.load() {
      case SM_POST_TAKEN:
        taken += 1
        if post.due.load() != 0 { due = min(due, post.due.load()) }
      case SM_POST_RETURNED: returned += 1
      case SM_POST_DEAD: dead += 1
      // Taken, and not freed any more.
      case SM_POST_OVER: free(post, mailbox)
      case SM_POST_READY where post.chunk.load() != 0:
        if segment.isPassed(post, mailbox) { free(post, mailbox) }
      default: break
      }
    }
    mailbox.taken.store(taken)
    mailbox.returned.store(returned)
    mailbox.dead.store(dead)
    mailbox.due.store(due == UInt64.max ? 0 : due)
  }

  /// After a sender's death in here. Under the channel's send guard.
  func repairSending(_ channel: Mailbox) {
    if channel.kind.load() == SYNCMGR_CHANNEL_MEMORY {
      repairVariables(channel)
      if let object = segment.object(segment.index(of: channel)) {
        Kinds.of(object)?.repairSending?(self, object)
      }
      return
    }
    repairList(channel)
    forMailboxes(of: channel) { mailbox in repairSlots(mailbox) }
    // A pattern may have changed without a word: the whole table is read again.
    channel.version.store(channel.version.load() &+ UInt64(SM_PATTERN_LOG) + 1)
    freeUnlinked(segment.index(of: channel) + 1)
  }

  /// What has its place in the ring was complete, and is a message; the rest is not sent.
  private func repairSlots(_ mailbox: Mailbox) {
    guard let posts = Posts(mailbox, segment) else { return }
    for slot in 0..<posts.capacity where posts[slot].state.load() == SM_POST_CLAIMED {
      let post = posts[slot]
      if isInRing(post, slot, mailbox, posts) {
        post.state.store(SM_POST_READY)
      } else {
        dropChunk(of: post)
        post.state.store(SM_POST_FREE)
        mailbox.claimed.store(mailbox.claimed.load() &- 1)
      }
    }
  }

  /// Whether a slot that is being written is the last one of its ring. What the message before it
  /// in that slot has left there is behind the head.
  private func isInRing(
    _ post: Post, _ slot: UInt32, _ mailbox: Mailbox, _ posts: Posts
  ) -> Bool {
    let level = post.level(mailbox.levels.load())
    let place = post.place.load()
    return place &+ 1 == mailbox.tail(level).load() && posts.entry(level, place).load() == slot
      && !segment.isPassed(post, mailbox)
  }

  // MARK: - Slots

  /// Frees a slot. Under the mailbox's guard. Counted before all else: see above.
  @inline(__always)
  func free(_ post: Post, _ mailbox: Mailbox) {
    mailbox.released.store(mailbox.released.load() &+ 1)
    if post.chunk.load() != 0 {
      // A sender who sees that it has no memory any more must not take it for free already.
      post.state.store(SM_POST_OVER)
      dropChunk(of: post)
    }
    post.state.store(SM_POST_FREE)
  }

  @inline(never)
  func dropChunk(of post: Post) {
    let unit = post.chunk.load() &- 1
    if unit == UInt32.max { return }
    lockHeap()
    post.chunk.store(0)
    if let chunk = segment.chunk(unit), chunk.state.load() == SM_CHUNK_MESSAGE {
      release(chunk, unit)
    }
    Guard.unlock(header.heapGuardian)
  }

  // MARK: - The list of a channel's mailboxes

  /// Under the send guard. A queue's is the channel's own.
  @inline(__always)
  func forMailboxes(of channel: Mailbox, _ body: (Mailbox) -> Void) {
    if channel.memory.load() != 0 { body(channel) }
    forListed(of: channel, body)
    if let past = segment.mailbox(channel.past.load() &- 1) { body(past) }
    if let kept = segment.mailbox(channel.retained.load() &- 1) { body(kept) }
  }

  @inline(__always)
  func forListed(of channel: Mailbox, _ body: (Mailbox) -> Void) {
    let mine = segment.index(of: channel) + 1
    var next = channel.first.load()
    var left = segment.objectCount  // a list that leads in circles ends here
    while left > 0, next != 0, let mailbox = segment.mailbox(next - 1),
      mailbox.channel.load() == mine
    {
      left -= 1
      next = mailbox.next.load()
      if mailbox.role.load() != SM_MAILBOX_NONE { body(mailbox) }
    }
  }

  /// One store puts it in: `first`.
  func list(_ mailbox: Mailbox, of channel: Mailbox) {
    mailbox.next.store(channel.first.load())
    channel.first.store(segment.index(of: mailbox) + 1)
  }

  /// One store takes it out: of what came before it.
  func unlist(_ mailbox: Mailbox, of channel: Mailbox) {
    let wanted = segment.index(of: mailbox) + 1
    var before: Mailbox?
    var next = channel.first.load()
    var left = segment.objectCount
    while left > 0, next != 0, let found = segment.mailbox(next - 1) {
      left -= 1
      if next == wanted {
        (before?.next ?? channel.first).store(found.next.load())
        return
      }
      before = found
      next = found.next.load()
    }
  }

  /// Takes those out of the list that are no mailboxes any more.
  private func repairList(_ channel: Mailbox) {
    let mine = segment.index(of: channel) + 1
    var before: Mailbox?
    var next = channel.first.load()
    var left = segment.objectCount
    while left > 0, next != 0 {
      left -= 1
      guard let found = segment.mailbox(next - 1), found.channel.load() == mine else {
        (before?.next ?? channel.first).store(0)
        return
      }
      if found.role.load() == SM_MAILBOX_NONE {
        (before?.next ?? channel.first).store(found.next.load())
      } else {
        before = found
      }
      next = found.next.load()
    }
  }
}
