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

  /// Whether the sender's name does not fit where the names of senders are.
  @inline(__always)
  private var hasLongName: Bool { name.count >= Int(SM_POST_NAME) }

  /// Bytes with the texts that lie behind the message, each of which is terminated.
  @inline(__always)
  var size: Int {
    length + topic.count + metadata.count + 2 + (hasLongName ? name.count + 1 : 0)
  }

  /// Writes the texts behind the message.
  @inline(__always)
  func writeTexts(_ target: UnsafeMutableRawPointer) {
    let next = hasLongName ? Letter.write(name, target) : target
    _ = Letter.write(metadata, Letter.write(topic, next))
  }

  /// Writes who sent it, and the name only when another one is there: a slot keeps its name, and
  /// where one workstream sends to another all the time, the name's line does not move.
  @inline(__always)
  private func writeSender(_ post: Post) {
    let count = UInt16(truncatingIfNeeded: name.count)
    if post.sender.load() == sender, sender != 0, post.pointee.name_length == count { return }
    writeName(post, count)
  }

  @inline(never)
  private func writeName(_ post: Post, _ count: UInt16) {
    // Dies from here on: the name is nobody's, so that the next sender writes its own.
    post.sender.store(0)
    sm_fence()
    if !hasLongName { _ = Letter.write(name, UnsafeMutableRawPointer(post.name)) }
    post.pointee.name_length = count
    post.sender.store(sender)
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
    writeSender(post)
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
      segment.isFree(posts[$1], mailbox) ? $0 : $0 + 1
    }
    mailbox.claimed.store(mailbox.released.load() &+ used)
    mailbox.seen.store(mailbox.released.load())
    unlock(mailbox)
    return segment.isFull(mailbox)
  }

  /// Puts a letter into a mailbox. False when there is no room. Under the send guard.
  func push(_ letter: Letter, _ mailbox: Mailbox) -> Bool {
    guard !segment.isFull(mailbox), let posts = Posts(mailbox, segment),
      let slot = segment.freeSlot(mailbox, posts)
    else { return false }
    // Nobody reads what lies in a free slot.
    if letter.chunk == 0 { letter.write(posts.area(slot)) }
    segment.claim(slot, mailbox, posts)
    if letter.chunk != 0 { refer(posts[slot], to: letter.chunk) }
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
        pass(posts[slot], slot, level, mailbox, posts)
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

  /// A slot is being written. Dies before it is published: the repair frees it.
  @inline(__always)
  func claim(_ slot: UInt32, _ mailbox: Mailbox, _ posts: Posts) {
    posts[slot].state.store(SM_POST_CLAIMED)
    mailbox.claimed.store(mailbox.claimed.load() &+ 1)
    mailbox.hint.store(slot + 1)
  }

  /// Where the next message goes: most of the time right behind the one before.
  @inline(__always)
  func freeSlot(_ mailbox: Mailbox, _ posts: Posts) -> UInt32? {
    let slot = nextSlot(mailbox, posts)
    return isFree(posts[slot], mailbox) ? slot : findFree(mailbox, posts, from: slot)
  }

  @inline(__always)
  func nextSlot(_ mailbox: Mailbox, _ posts: Posts) -> UInt32 {
    let hint = mailbox.hint.load()
    return hint < posts.capacity ? hint : 0
  }

  @inline(never)
  private func findFree(_ mailbox: Mailbox, _ posts: Posts, from first: UInt32) -> UInt32? {
    for step in 0..<posts.capacity {
      let slot = (first + step) % posts.capacity
      if isFree(posts[slot], mailbox) { return slot }
    }
    return nil
  }

  /// Whether a slot can be written. The head that is known tells most of the time, so that the
  /// receivers' line stays with them.
  @inline(__always)
  func isFree(_ post: Post, _ mailbox: Mailbox) -> Bool {
    let state = post.state.load()
    if state != SM_POST_READY { return state == SM_POST_FREE }
    // Memory of its own is to be freed first.
    if post.chunk.load() != 0 { return false }
    if mailbox.levels.load() != 1 {
      if !isPassed(post, mailbox) { return false }
    } else if post.place.load() >= mailbox.headSeen.load() {
      let head = mailbox.head(0).load()
      mailbox.headSeen.store(head)
      if post.place.load() >= head { return false }
    }
    // Looked at again after the head: who gives it out stores that before.
    return post.state.load() == SM_POST_READY
  }

  /// Whether a message that is ready was taken.
  @inline(__always)
  func isPassed(_ post: Post, _ mailbox: Mailbox) -> Bool {
    post.place.load() < mailbox.head(post.level(mailbox.levels.load())).load()
  }

  /// Whether there is a message in a slot that nobody has taken.
  @inline(__always)
  func isReady(_ post: Post, _ mailbox: Mailbox) -> Bool {
    post.state.load() == SM_POST_READY && !isPassed(post, mailbox)
  }

  /// Puts a written slot into the ring of its level. The last store makes it a message, so that a
  /// receiver that expects it there needs to look at this line only. Dies before it: the repair
  /// does it, when the tail is moved; else the slot is free again.
  @inline(__always)
  func publish(_ slot: UInt32, _ priority: UInt32, _ mailbox: Mailbox, _ posts: Posts) {
    let level = Letter.level(priority, mailbox.levels.load())
    let place = mailbox.tail(level).load()
    posts[slot].place.store(place)
    posts.entry(level, place).store(slot)
    mailbox.tail(level).store(place &+ 1)
    posts[slot].state.store(SM_POST_READY)
  }
}
