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

  /// A small message without options.
  @inline(__always)
  static func send(_ slot: Slot, _ data: UnsafeRawPointer?, _ length: Int) -> Bool {
    let object = slot.pointee.object.unsafelyUnwrapped
    let index = slot.pointee.index
    let segment = segment(object, index)
    guard slot.pointee.count == SYNCMGR_CHANNEL_QUEUE, let row = segment.mailbox(index),
      length >= 0, length <= 1 << 20, data != nil || length == 0, object.watched.load() == 0,
      let stream = segment.workstream(OwnerID.index(slot.pointee.mine))
    else { return false }
    var letter = Letter(data: data, length: length)
    letter.sign(stream, slot.pointee.mine)
    guard let posts = Posts(row, segment), letter.size <= posts.room,
      Guard.tryLock(row.sendGuardian, slot.pointee.participant)
    else { return false }
    var place: UInt32?
    if row.shut.load() == 0, !segment.isFull(row) { place = segment.claimSlot(row, posts) }
    if let place {
      letter.sequence = row.sequence.load() &+ 1
      row.sequence.store(letter.sequence)
      letter.write(posts.area(place))
      letter.describe(posts[place])
      segment.publish(place, letter.priority, row, posts)
    }
    // Ordered before the look at who waits.
    row.sendGuardian.exchange(0)
    isHere(object.cpu)
    if place != nil, row.waiting.load() & SM_WAIT_RECEIVERS != 0 { wake(slot, row) }
    return place != nil
  }

  /// Says where this thread runs, for those who spin. Stored only when it is another CPU than
  /// before, so that the line stays where it is.
  @inline(__always)
  static func isHere(_ cpu: Word32) {
    if cpu.load() != sm_cpu() { cpu.store(sm_cpu()) }
  }

  @inline(never)
  private static func wake(_ slot: Slot, _ row: Mailbox) {
    Attachment.of(slot).wake(row, SM_WAIT_RECEIVERS)
  }

  /// The next message of a workstream's mailbox, if it is small, was never given out, and is not to
  /// be acknowledged.
  @inline(__always)
  static func receive(
    _ slot: Slot, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
    _ message: UnsafeMutablePointer<syncmgr_message_t>
  ) -> Bool {
    guard let buffer, slot.pointee.flags & SYNCMGR_CHANNEL_ACKNOWLEDGE == 0 else { return false }
    let segment = segment(slot.pointee.object.unsafelyUnwrapped, slot.pointee.index)
    let own =
      slot.pointee.count == SYNCMGR_CHANNEL_QUEUE
      ? slot.pointee.index : slot.pointee.holding.unsafelyUnwrapped.index.load() &- 1
    guard let channel = segment.mailbox(slot.pointee.index), let mailbox = segment.mailbox(own),
      channel.shut.load() == 0, !segment.isEmpty(mailbox), let posts = Posts(mailbox, segment),
      Guard.tryLock(mailbox.guardian, slot.pointee.participant)
    else { return false }
    var isTaken = false
    if mailbox.isFor(slot.pointee.mine, slot.pointee.index), mailbox.returned.load() == 0,
      mailbox.levels.load() == 1, mailbox.taken.load() == 0,
      let place = segment.oldest(mailbox, posts, 0), posts[place].chunk.load() == 0,
      posts[place].flags.load() & SM_POST_PLAIN != 0, let found = segment.read(place, 0, posts),
      found.size <= capacity
    {
      found.describe(&message.pointee)
      buffer.copyMemory(from: found.data, byteCount: found.size)
      message.pointee.place(buffer, found)
      message.pointee.tell(mailbox)
      segment.pass(mailbox, 0)
      mailbox.received.store(mailbox.received.load() &+ 1)
      mailbox.released.store(mailbox.released.load() &+ 1)
      posts[place].state.store(SM_POST_FREE)
      isTaken = true
    }
    mailbox.guardian.exchange(0)
    isHere(mailbox.cpu)
    if isTaken, mailbox.waiting.load() != 0 { wakeOthers(slot, mailbox) }
    return isTaken
  }

  @inline(never)
  private static func wakeOthers(_ slot: Slot, _ mailbox: Mailbox) {
    Attachment.of(slot).wakeAfterTaking(mailbox, frees: true)
  }
}
