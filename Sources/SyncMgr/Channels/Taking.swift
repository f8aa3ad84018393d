import CSyncMgr
import CSyncMgrShim

/// A message that lies in a slot, and where its parts are. Everything was checked.
struct Found {
  let slot: UInt32
  let post: Post
  let level: UInt32
  let data: UnsafeMutableRawPointer
  let length: Int
  let name: Int
  let topic: Int
  let metadata: Int

  /// Of a copy that has all the texts.
  var size: Int { length + name + topic + metadata + 3 }

  /// Where it lies a long name is among the texts that follow the message; a short one is not.
  @inline(__always) private var hasLongName: Bool { name >= Int(SM_POST_NAME) }
  @inline(__always) private var longName: Int { hasLongName ? name + 1 : 0 }
  /// Bytes where it lies.
  @inline(__always) var stored: Int { length + longName + topic + metadata + 2 }

  @inline(__always) var nameStart: UnsafeMutableRawPointer {
    hasLongName ? data + length : UnsafeMutableRawPointer(post.name)
  }
  @inline(__always) var topicStart: UnsafeMutableRawPointer { data + (length + longName) }
  @inline(__always) var metadataStart: UnsafeMutableRawPointer { topicStart + (topic + 1) }

  var nameBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nameStart, count: name) }
  var topicBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: topicStart, count: topic) }
  var metadataBytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: metadataStart, count: metadata)
  }

  /// Copies message, name, topic and metadata, in this order. What ends a text was written by
  /// somebody else: it is made sure of.
  @inline(__always)
  func copy(to target: UnsafeMutableRawPointer) {
    target.copyMemory(from: data, byteCount: length)
    let texts = target + length
    texts.copyMemory(from: nameStart, byteCount: name)
    texts.storeBytes(of: 0, toByteOffset: name, as: UInt8.self)
    let others = texts + (name + 1)
    if topic != 0 { others.copyMemory(from: topicStart, byteCount: topic) }
    others.storeBytes(of: 0, toByteOffset: topic, as: UInt8.self)
    if metadata != 0 {
      (others + (topic + 1)).copyMemory(from: metadataStart, byteCount: metadata)
    }
    others.storeBytes(of: 0, toByteOffset: topic + 1 + metadata, as: UInt8.self)
  }
}

/// Looking for messages. Under the mailbox's guard.
extension Segment {
  /// The slot at the head of a level's ring; nil when the ring is empty. Passes over what is not
  /// there any more: whoever died while taking it. Spoiled numbers end the search: a head is never
  /// further from its tail than the ring is long.
  @inline(__always)
  func oldest(_ mailbox: Mailbox, _ posts: Posts, _ level: UInt32) -> UInt32? {
    let longest = UInt64(posts.mask) + 1
    for _ in 0...longest {
      let head = mailbox.head(level).load()
      if mailbox.tailSeen(level).load() &- head &- 1 >= longest {
        let tail = mailbox.tail(level).load()
        mailbox.tailSeen(level).store(tail)
        if tail &- head > longest { mailbox.head(level).store(tail) }
        if tail &- head &- 1 >= longest { return nil }
      }
      let slot = posts.entry(level, head).load()
      if slot < posts.capacity {
        let post = posts[slot]
        let state = post.state.load()
        if state == SM_POST_READY, post.place.load() == head { return slot }
        if state == SM_POST_CLAIMED, post.place.load() == head {
          // The last one is being put there right now, or its sender died: then the repair puts
          // it there. Any other is complete: whoever put something behind it had ended with it.
          if mailbox.tail(level).load() == head &+ 1 { return nil }
          if post.state.load() == SM_POST_READY { return slot }
        }
      }
      mailbox.head(level).store(head &+ 1)
    }
    return nil
  }

  /// The message at the head of a level is taken: the slot is not written for that.
  @inline(__always)
  func pass(_ mailbox: Mailbox, _ level: UInt32, _ slot: UInt32, _ posts: Posts) {
    mailbox.expected.store(posts.next(slot))
    mailbox.head(level).store(mailbox.head(level).load() &+ 1)
  }

  /// Where the parts of a message are; nil when its numbers lead elsewhere.
  @inline(__always)
  func read(_ slot: UInt32, _ level: UInt32, _ posts: Posts) -> Found? {
    let post = posts[slot]
    let length = Int(post.pointee.length)
    let (name, topic) = (Int(post.pointee.name_length), Int(post.pointee.topic_length))
    let metadata = Int(post.pointee.metadata_length)
    let unit = post.chunk.load()
    let found: Found
    let room: Int
    if unit == 0 {
      room = posts.room
      found = Found(
        slot: slot, post: post, level: level, data: posts.area(slot), length: length, name: name,
        topic: topic, metadata: metadata)
    } else {
      guard let chunk = chunk(unit - 1), chunk.state.load() == SM_CHUNK_MESSAGE else {
        return nil
      }
      room = Int(min(chunk.units.load(), SM_UNITS - (unit - 1))) * Int(SM_UNIT)
      found = Found(
        slot: slot, post: post, level: level, data: self.unit(unit - 1), length: length,
        name: name, topic: topic, metadata: metadata)
    }
    return found.stored <= room ? found : nil
  }
}

/// Taking messages out of mailboxes. Everything here is under the mailbox's guard.
extension Attachment {
  /// Of those that came back the one to go first: of the highest level, of these the oldest.
  @inline(never)
  func oldestReturned(_ mailbox: Mailbox, _ posts: Posts) -> UInt32? {
    let levels = mailbox.levels.load()
    var best: (slot: UInt32, level: UInt32, sequence: UInt64)?
    for slot in 0..<posts.capacity where posts[slot].state.load() == SM_POST_RETURNED {
      let level = posts[slot].level(levels)
      let sequence = posts[slot].sequence.load()
      if let best, best.level > level || best.level == level && best.sequence < sequence {
        continue
      }
      best = (slot, level, sequence)
    }
    return best?.slot
  }

  /// The message to take next, if there is one. Drops those whose time is over.
  @inline(__always)
  func next(_ mailbox: Mailbox, _ posts: Posts) throws(Failure) -> Found? {
    while let (slot, level) = nextSlot(mailbox, posts) {
      let post = posts[slot]
      let expires = post.end
      if expires != 0, UInt64(bitPattern: sm_now()) >= expires {
        remove(slot, level, mailbox, posts)
        mailbox.expired.store(mailbox.expired.load() &+ 1)
        continue
      }
      if let found = segment.read(slot, level, posts) { return found }
      remove(slot, level, mailbox, posts)
      throw corrupt("a message")
    }
    return nil
  }

  /// Drops those at the heads whose time is over. Not under the guard.
  func dropExpired(_ mailbox: Mailbox) {
    if mailbox.perishable.load() == 0 { return }
    let now = UInt64(bitPattern: sm_now())
    lockMailbox(mailbox)
    if let posts = Posts(mailbox, segment) {
      for level in 0..<mailbox.levels.load() {
        while let slot = segment.oldest(mailbox, posts, level), posts[slot].end != 0,
          now >= posts[slot].end
        {
          remove(slot, level, mailbox, posts)
          mailbox.expired.store(mailbox.expired.load() &+ 1)
        }
      }
    }
    unlock(mailbox)
  }

  @inline(__always)
  private func nextSlot(_ mailbox: Mailbox, _ posts: Posts) -> (UInt32, UInt32)? {
    var level = mailbox.levels.load()
    if mailbox.returned.load() != 0 { return nextReturned(mailbox, posts) }
    while level > 0 {
      level -= 1
      if let slot = segment.oldest(mailbox, posts, level) { return (slot, level) }
    }
    return nil
  }

  @inline(never)
  private func nextReturned(_ mailbox: Mailbox, _ posts: Posts) -> (UInt32, UInt32)? {
    let levels = mailbox.levels.load()
    guard let back = oldestReturned(mailbox, posts) else {
      mailbox.returned.store(0)
      return nextSlot(mailbox, posts)
    }
    let backLevel = posts[back].level(levels)
    var level = levels
    while level > backLevel + 1 {
      level -= 1
      if let slot = segment.oldest(mailbox, posts, level) { return (slot, level) }
    }
    return (back, backLevel)
  }

  /// Takes a message for good, and frees its slot.
  @inline(__always)
  private func remove(_ slot: UInt32, _ level: UInt32, _ mailbox: Mailbox, _ posts: Posts) {
    let post = posts[slot]
    if post.state.load() == SM_POST_RETURNED {
      mailbox.returned.store(mailbox.returned.load() &- 1)
      free(post, mailbox)
    } else {
      pass(post, slot, level, mailbox, posts)
    }
  }

  /// Takes the message at the head of a level for good. A slot that has no memory of its own needs
  /// no more: it is free as soon as the head is past it. Counted before that: dies in between, and
  /// one too many is counted, which looking for a slot corrects.
  @inline(__always)
  func pass(
    _ post: Post, _ slot: UInt32, _ level: UInt32, _ mailbox: Mailbox, _ posts: Posts
  ) {
    if post.chunk.load() == 0 {
      mailbox.released.store(mailbox.released.load() &+ 1)
      segment.pass(mailbox, level, slot, posts)
    } else {
      segment.pass(mailbox, level, slot, posts)
      free(post, mailbox)
    }
  }

  @inline(__always)
  func remove(_ found: Found, _ mailbox: Mailbox, _ posts: Posts) {
    remove(found.slot, found.level, mailbox, posts)
    mailbox.received.store(mailbox.received.load() &+ 1)
  }

  /// Gives a message out: `hold` has it until it is given back, or `due`.
  func give(_ found: Found, _ mailbox: Mailbox, _ posts: Posts, to hold: UInt32, due: UInt64) {
    let post = found.post
    let isBack = post.state.load() == SM_POST_RETURNED
    post.taker.store(hold)
    post.due.store(due)
    post.deliveries.store(post.deliveries.load() &+ 1)
    // Counted too often when we die in between: the repair counts anew.
    mailbox.taken.store(mailbox.taken.load() &+ 1)
    post.state.store(SM_POST_TAKEN)
    if isBack {
      mailbox.returned.store(mailbox.returned.load() &- 1)
    } else {
      segment.pass(mailbox, found.level, found.slot, posts)
    }
    if due != 0, mailbox.due.load() == 0 || due < mailbox.due.load() { mailbox.due.store(due) }
    mailbox.received.store(mailbox.received.load() &+ 1)
  }

  // MARK: - Given back

  /// The slot of a receipt, if this workstream has it.
  func taken(_ receipt: UInt64, by hold: UInt32, _ mailbox: Mailbox, _ posts: Posts) -> UInt32? {
    guard let slot = Receipt.slot(receipt), slot < posts.capacity,
      posts[slot].state.load() == SM_POST_TAKEN, posts[slot].taker.load() == hold,
      Receipt.make(slot, posts[slot]) == receipt
    else { return nil }
    return slot
  }

  /// The message of a slot that is given out is done with.
  func finish(_ slot: UInt32, _ mailbox: Mailbox, _ posts: Posts) {
    mailbox.taken.store(mailbox.taken.load() &- 1)
    free(posts[slot], mailbox)
  }

  /// The message goes back to its old place; of a queue, when it was tried often enough, to the
  /// dead letters.
  func giveBack(_ slot: UInt32, _ mailbox: Mailbox, _ posts: Posts, isDead: Bool = false) {
    let most = mailbox.maxDeliveries.load()  // a queue's; 0 in all others
    mailbox.taken.store(mailbox.taken.load() &- 1)
    if isDead || most != 0 && posts[slot].deliveries.load() >= most {
      mailbox.dead.store(mailbox.dead.load() &+ 1)
      posts[slot].state.store(SM_POST_DEAD)
    } else {
      mailbox.returned.store(mailbox.returned.load() &+ 1)
      posts[slot].state.store(SM_POST_RETURNED)
    }
  }
}

/// What a receiver gives back, or ends a view with: which slot, and which message of those that it
/// had.
enum Receipt {
  static func make(_ slot: UInt32, _ post: Post) -> UInt64 {
    UInt64(slot) + 1 | (post.sequence.load() &<< 8 | UInt64(post.deliveries.load() & 0xff)) &<< 17
  }

  static func slot(_ receipt: UInt64) -> UInt32? {
    let slot = UInt32(truncatingIfNeeded: receipt & 0x1_ffff)
    return slot == 0 ? nil : slot - 1
  }
}
