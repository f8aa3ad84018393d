import CSyncMgr
import CSyncMgrShim

/// A message on its way into mailboxes.
struct Letter {
  var data: UnsafeRawPointer?
  var length: Int
  /// Where it lies already: unit + 1; 0: nowhere.
  var chunk: UInt32 = 0
  /// That is a loan, which stays when the message cannot be sent.
  var isLoan = false
  var sender: UInt64 = 0
  var senderOwner: UInt32 = 0
  var name = UnsafeRawBufferPointer(start: nil, count: 0)
  var topic = UnsafeRawBufferPointer(start: nil, count: 0)
  var metadata = UnsafeRawBufferPointer(start: nil, count: 0)
  var correlation: UInt64 = 0
  var replyTo: UInt64 = 0
  var priority = SYNCMGR_PRIORITY_MEDIUM
  var flags: UInt32 = 0
  /// Monotonic ns; 0: never.
  var expires: UInt64 = 0
  var wall: UInt64 = 0
  var sequence: UInt64 = 0

  @inline(__always)
  static func level(_ priority: UInt32, _ levels: UInt32) -> UInt32 {
    levels <= 1 ? 0 : min(priority, levels - 1)
  }

  /// Who sends it, and when.
  @inline(__always)
  mutating func sign(_ stream: Workstream, _ owner: UInt32) {
    senderOwner = owner
    wall = UInt64(bitPattern: sm_coarse_date())
    sender = stream.id.load()
    name = UnsafeRawBufferPointer(
      start: NameField(stream).at,
      count: Int(min(stream.nameLength.load(), UInt32(NameField.capacity - 1))))
  }

  /// Bytes with the texts, each of which is terminated.
  @inline(__always)
  var size: Int { length + name.count + topic.count + metadata.count + 3 }

  /// Writes the texts behind the message.
  @inline(__always)
  func writeTexts(_ target: UnsafeMutableRawPointer) {
    var next = target
    for text in [name, topic, metadata] { next = Letter.write(text, next) }
  }

  @inline(__always)
  private static func write(
    _ text: UnsafeRawBufferPointer, _ target: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer {
    if let start = text.baseAddress, text.count > 0 {
      target.copyMemory(from: start, byteCount: text.count)
    }
    target.storeBytes(of: 0, toByteOffset: text.count, as: UInt8.self)
    return target + text.count + 1
  }

  /// Writes a message that lies in its slot.
  @inline(__always)
  func write(_ area: UnsafeMutableRawPointer) {
    if length > 0, let data { area.copyMemory(from: data, byteCount: length) }
    writeTexts(area + length)
  }

  /// Fills a slot whose state says that it is being written. Under the send guard.
  @inline(__always)
  func describe(_ post: Post) {
    post.pointee.length = UInt32(truncatingIfNeeded: length)
    post.pointee.sender = sender
    post.pointee.sender_owner = senderOwner
    post.pointee.wall = wall
    post.pointee.priority = UInt16(truncatingIfNeeded: priority)
    post.pointee.deliveries = 0
    post.pointee.sequence = sequence
    let isPlain = correlation | replyTo | expires == 0
    post.pointee.flags = isPlain ? flags | SM_POST_PLAIN : flags & ~SM_POST_PLAIN
    if !isPlain {
      post.pointee.correlation = correlation
      post.pointee.reply_to = replyTo
      post.pointee.expires = expires
    }
    post.pointee.name_length = UInt16(truncatingIfNeeded: name.count)
    post.pointee.topic_length = UInt16(truncatingIfNeeded: topic.count)
    post.pointee.metadata_length = UInt16(truncatingIfNeeded: metadata.count)
  }
}

extension Attachment {
  /// A slot has the message in this chunk from here on.
  @inline(never)
  func refer(_ post: Post, to unit: UInt32) {
    lockHeap()
    if let chunk = segment.chunk(unit &- 1) {
      retain(chunk)
      post.chunk.store(unit)
    }
    Guard.unlock(header.heapGuardian)
  }

  /// Puts a message that is too large for a slot into memory of its own, in this process's hands.
  @inline(never)
  func enclose(_ letter: inout Letter) throws(Failure) {
    let unit = try allocate(UInt64(letter.size), SM_CHUNK_MESSAGE)
    let target = segment.unit(unit)
    if letter.length > 0, let data = letter.data {
      target.copyMemory(from: data, byteCount: letter.length)
    }
    letter.writeTexts(target + letter.length)
    letter.chunk = unit + 1
  }

  /// The message is where it belongs, or goes nowhere: this process lets go of its memory.
  @inline(never)
  func letGo(_ letter: Letter) {
    lockHeap()
    if let chunk = segment.chunk(letter.chunk &- 1), chunk.state.load() == SM_CHUNK_MESSAGE,
      chunk.hands.load() == me
    {
      chunk.hands.store(0)
      chunk.owner.store(0)
      release(chunk, letter.chunk - 1)
    }
    Guard.unlock(header.heapGuardian)
  }

  /// Whether a mailbox has no room, for sure: counts that a death has spoiled are made anew. Under
  /// the send guard.
  func lacksRoom(_ mailbox: Mailbox) -> Bool {
    if segment.isFull(mailbox) {
      dropExpired(mailbox)
      if segment.isFull(mailbox) { return true }
    }
    guard let posts = Posts(mailbox, segment) else { return true }
    if segment.freeSlot(mailbox, posts) != nil { return false }
    lockMailbox(mailbox)
    let used = (0..<posts.capacity).reduce(UInt32(0)) {
      posts[$1].state.load() == SM_POST_FREE ? $0 : $0 + 1
    }
    mailbox.claimed.store(mailbox.released.load() &+ used)
    mailbox.seen.store(mailbox.released.load())
    unlock(mailbox)
    return segment.isFull(mailbox)
  }

  /// Puts a letter into a mailbox. False when there is no room. Under the send guard.
  func push(_ letter: Letter, _ mailbox: Mailbox) -> Bool {
    guard !segment.isFull(mailbox), let posts = Posts(mailbox, segment),
      let slot = segment.claimSlot(mailbox, posts)
    else { return false }
    if letter.chunk == 0 {
      letter.write(posts.area(slot))
    } else {
      refer(posts[slot], to: letter.chunk)
    }
    letter.describe(posts[slot])
    if letter.expires != 0 { mailbox.perishable.store(1) }
    segment.publish(slot, letter.priority, mailbox, posts)
    return true
  }

  /// Drops the oldest message of the lowest level. False when there is none that is not given out.
  /// Under the send guard.
  func dropOldest(_ mailbox: Mailbox) -> Bool {
    lockMailbox(mailbox)
    defer { unlock(mailbox) }
    guard let posts = Posts(mailbox, segment) else { return false }
    for level in 0..<mailbox.levels.load() {
      if let slot = segment.oldest(mailbox, posts, level) {
        segment.pass(mailbox, level)
        free(posts[slot], mailbox)
        mailbox.dropped.store(mailbox.dropped.load() &+ 1)
        return true
      }
    }
    guard let slot = oldestReturned(mailbox, posts) else { return false }
    mailbox.returned.store(mailbox.returned.load() &- 1)
    free(posts[slot], mailbox)
    mailbox.dropped.store(mailbox.dropped.load() &+ 1)
    return true
  }
}

extension UnsafeMutablePointer<sm_post> {
  @inline(__always)
  func level(_ levels: UInt32) -> UInt32 { Letter.level(UInt32(pointee.priority), levels) }
}

/// Putting messages into slots. Under the send guard.
extension Segment {
  /// Whether a mailbox has no room.
  @inline(__always)
  func isFull(_ mailbox: Mailbox) -> Bool {
    let claimed = mailbox.claimed.load()
    let capacity = Int32(truncatingIfNeeded: mailbox.capacity.load())
    if Int32(bitPattern: claimed &- mailbox.seen.load()) < capacity { return false }
    let released = mailbox.released.load()
    mailbox.seen.store(released)
    return Int32(bitPattern: claimed &- released) >= capacity
  }

  /// A slot to be written. Dies before it is published: the repair frees it.
  @inline(__always)
  func claimSlot(_ mailbox: Mailbox, _ posts: Posts) -> UInt32? {
    guard let slot = freeSlot(mailbox, posts) else { return nil }
    posts[slot].state.store(SM_POST_CLAIMED)
    mailbox.claimed.store(mailbox.claimed.load() &+ 1)
    mailbox.hint.store(slot + 1)
    return slot
  }

  /// Where the next message goes: most of the time right behind the one before.
  @inline(__always)
  func freeSlot(_ mailbox: Mailbox, _ posts: Posts) -> UInt32? {
    let hint = mailbox.hint.load()
    let slot = hint < posts.capacity ? hint : 0
    return posts[slot].state.load() == SM_POST_FREE ? slot : findFree(posts, from: slot)
  }

  @inline(never)
  private func findFree(_ posts: Posts, from first: UInt32) -> UInt32? {
    for step in 0..<posts.capacity {
      let slot = (first + step) % posts.capacity
      if posts[slot].state.load() == SM_POST_FREE { return slot }
    }
    return nil
  }

  /// Puts a written slot into the ring of its level.
  @inline(__always)
  func publish(_ slot: UInt32, _ priority: UInt32, _ mailbox: Mailbox, _ posts: Posts) {
    let level = Letter.level(priority, mailbox.levels.load())
    let place = mailbox.tail(level).load()
    posts[slot].place.store(place)
    // Dies before this: the slot is free again. After it: the repair puts it into the ring.
    posts[slot].state.store(SM_POST_READY)
    posts.entry(level, place).store(slot)
    mailbox.tail(level).store(place &+ 1)
  }
}
