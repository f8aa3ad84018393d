import CSyncMgr
import CSyncMgrShim

/// Sending to a queue and taking from a mailbox when that needs nothing but two guards that are
/// free, and whoever waits is none: no reference is counted on this way. Everything else is false,
/// or nil, with nothing done, and for the slow way to find out.
enum AtOnce {
  /// The segment that a handle's object lies in.
  @inline(__always)
  static func segment(_ object: Object, _ index: UInt32) -> Segment {
    let offset = Int(sm_at_objects()) + Int(index) * MemoryLayout<sm_object>.stride
    return Segment(base: UnsafeMutableRawPointer(object) - offset)
  }

  // MARK: - Sending

  /// A small message without options. Where there is no room it waits for a moment, if it may.
  /// Returns how many mailboxes have it; 0 when nothing was done.
  @inline(__always)
  static func send(
    _ slot: Slot, _ data: UnsafeRawPointer?, _ length: Int, waits: Bool, _ hasSpun: inout Bool
  ) -> UInt32 {
    let object = slot.pointee.object.unsafelyUnwrapped
    let index = slot.pointee.index
    let segment = segment(object, index)
    let kind = slot.pointee.count
    guard kind <= SYNCMGR_CHANNEL_BROADCAST, kind != SYNCMGR_CHANNEL_DIRECT,
      let row = segment.mailbox(index), length >= 0, length <= 1 << 20, data != nil || length == 0,
      object.watched.load() == 0,
      let stream = segment.workstream(OwnerID.index(slot.pointee.mine))
    else { return 0 }
    var letter = Letter(data: data, length: length)
    letter.sign(stream, slot.pointee.mine)
    if kind != SYNCMGR_CHANNEL_QUEUE { return broadcast(&letter, slot, segment, row) }
    guard let posts = Posts(row, segment), letter.size <= posts.room else { return 0 }
    if send(&letter, slot, segment, row, posts) { return 1 }
    return waits && hasRoomSoon(segment, row, posts, &hasSpun)
      && send(&letter, slot, segment, row, posts) ? 1 : 0
  }

  @inline(__always)
  private static func send(
    _ letter: inout Letter, _ slot: Slot, _ segment: Segment, _ row: Mailbox, _ posts: Posts
  ) -> Bool {
    // Who waits for a message has its first line: it comes back while the rest is done.
    sm_fetch_to_write(posts[segment.nextSlot(row, posts)].state.at)
    guard Guard.tryLock(row.sendGuardian, slot.pointee.participant) else { return false }
    let place = segment.nextSlot(row, posts)
    let isFree = row.shut.load() == 0 && segment.isFree(posts[place], row)
    if isFree {
      letter.sequence = row.sequence.load() &+ 1
      row.sequence.store(letter.sequence)
      segment.put(letter, place, row, posts)
    }
    // Ordered before the look at who waits.
    row.sendGuardian.exchange(0)
    isHere(slot.pointee.object.unsafelyUnwrapped.cpu)
    if isFree, row.waiting.load() & SM_WAIT_RECEIVERS != 0 { wake(slot, row) }
    return isFree
  }

  /// Spins until a few slots are free: then the receivers' line moves once for all of them.
  @inline(never)
  private static func hasRoomSoon(
    _ segment: Segment, _ row: Mailbox, _ posts: Posts, _ hasSpun: inout Bool
  ) -> Bool {
    let post = posts[segment.nextSlot(row, posts)]
    guard post.state.load() == SM_POST_READY, row.levels.load() == 1 else { return false }
    let place = post.place.load()
    let wanted = place &+ UInt64(min(posts.capacity / 4, 16))
    for round in 0..<Spin.rounds {
      if round & 31 == 0, !Spin.pays(row.cpu) { return false }
      sm_pause()
      if row.head(0).load() > wanted { return true }
    }
    hasSpun = true
    return row.head(0).load() > place
  }

  /// Says where this thread runs, for those who spin. Stored only when it is another CPU than
  /// before, so that the line stays where it is.
  @inline(__always)
  static func isHere(_ cpu: Word32) {
    if cpu.load() != sm_cpu() { cpu.store(sm_cpu()) }
  }

  @inline(never)
  static func wake(_ slot: Slot, _ row: Mailbox) {
    Attachment.of(slot).wake(row, SM_WAIT_RECEIVERS)
  }

  // MARK: - Receiving

  /// The next message of a workstream's mailbox, if it is small, was never given out, and is not to
  /// be acknowledged. Where there is none it waits for a moment, if it may.
  @inline(__always)
  static func receive(
    _ slot: Slot, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
    _ message: UnsafeMutablePointer<syncmgr_message_t>, waits: Bool, _ hasSpun: inout Bool
  ) -> Bool {
    guard let buffer, slot.pointee.flags & SYNCMGR_CHANNEL_ACKNOWLEDGE == 0 else { return false }
    let segment = segment(slot.pointee.object.unsafelyUnwrapped, slot.pointee.index)
    let own =
      slot.pointee.count == SYNCMGR_CHANNEL_QUEUE
      ? slot.pointee.index : slot.pointee.holding.unsafelyUnwrapped.index.load() &- 1
    guard let channel = segment.mailbox(slot.pointee.index), let mailbox = segment.mailbox(own),
      channel.shut.load() == 0, let posts = Posts(mailbox, segment)
    else { return false }
    let wasThere = segment.expected(mailbox, posts) != nil
    if !wasThere {
      guard waits, comesSoon(segment, mailbox, own, posts, &hasSpun) else { return false }
    }
    guard Guard.tryLock(mailbox.guardian, slot.pointee.participant) else { return false }
    var isTaken = false
    if let place = segment.expected(mailbox, posts),
      mailbox.isFor(slot.pointee.mine, slot.pointee.index),
      mailbox.returned.load() == 0, mailbox.levels.load() == 1, mailbox.taken.load() == 0,
      posts[place].chunk.load() == 0, posts[place].flags.load() & SM_POST_PLAIN != 0,
      let found = segment.read(place, 0, posts), found.size <= capacity
    {
      found.describe(&message.pointee)
      found.copy(to: buffer)
      message.pointee.place(buffer, found)
      message.pointee.tell(mailbox)
      mailbox.received.store(mailbox.received.load() &+ 1)
      mailbox.released.store(mailbox.released.load() &+ 1)
      segment.pass(mailbox, 0, place, posts)
      // Not when it was waited for: the next one is not there, and its sender needs the lines.
      if wasThere {
        let next = posts.next(place)
        sm_fetch(posts[next].state.at)
        sm_fetch(posts.area(next))
      }
      isTaken = true
    }
    mailbox.guardian.exchange(0)
    isHere(mailbox.cpu)
    if isTaken, mailbox.waiting.load() != 0 { wakeOthers(slot, mailbox) }
    return isTaken
  }

  /// Spins until there is a message: one line is looked at, the one that it will begin in.
  @inline(never)
  private static func comesSoon(
    _ segment: Segment, _ mailbox: Mailbox, _ index: UInt32, _ posts: Posts,
    _ hasSpun: inout Bool
  ) -> Bool {
    guard let object = segment.object(index), Spin.pays(object.cpu) else { return false }
    for round in 1...Spin.rounds {
      if let slot = segment.expected(mailbox, posts) {
        sm_fetch(posts.area(slot))
        return true
      }
      if round & 31 == 0, !Spin.pays(object.cpu) || segment.isElsewhere(mailbox, posts) {
        return false
      }
      sm_pause()
    }
    hasSpun = true
    return false
  }

  @inline(never)
  private static func wakeOthers(_ slot: Slot, _ mailbox: Mailbox) {
    Attachment.of(slot).wakeAfterTaking(mailbox, frees: true)
  }
}

extension Segment {
  /// Puts a small letter into a slot that is free. Under the send guard.
  @inline(__always)
  func put(_ letter: Letter, _ slot: UInt32, _ mailbox: Mailbox, _ posts: Posts) {
    // Nobody reads what lies in a free slot. A receiver may look at its first line again and again,
    // though, so all that is written there is written in one go.
    letter.write(posts.area(slot))
    claim(slot, mailbox, posts)
    letter.describe(posts[slot])
    publish(slot, letter.priority, mailbox, posts)
    // The next one's lines come while nobody waits for them.
    let next = posts.next(slot)
    sm_fetch_to_write(posts[next].state.at)
    sm_fetch_to_write(posts.area(next))
  }

  /// The slot of the message to be taken next, if that lies where it is expected. Of mailboxes with
  /// one level.
  @inline(__always)
  func expected(_ mailbox: Mailbox, _ posts: Posts) -> UInt32? {
    let slot = mailbox.expected.load()
    guard slot < posts.capacity, posts[slot].state.load() == SM_POST_READY,
      posts[slot].place.load() == mailbox.head(0).load()
    else { return nil }
    return slot
  }

  /// Whether the next message is, or will be, in another slot than the one that is expected: that
  /// one was not free when it was sent, or there are messages that came back.
  func isElsewhere(_ mailbox: Mailbox, _ posts: Posts) -> Bool {
    let head = mailbox.head(0).load()
    if mailbox.returned.load() != 0 || mailbox.levels.load() != 1 { return true }
    return mailbox.tail(0).load() != head
      && posts.entry(0, head).load() != mailbox.expected.load()
  }
}
