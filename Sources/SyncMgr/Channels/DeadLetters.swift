import CSyncMgr
import CSyncMgrShim

/// Messages that cannot be delivered go to the queue for dead letters, with why in their metadata.
///
/// One process at a time moves those of a mailbox: `mover` is a guard. It reads a message under the
/// mailbox's guard, sends it, and frees the slot. Dies before it is sent: the next mover sends it.
/// After it: the next one sends it again: a dead letter can be there twice, and is never lost.
extension Attachment {
  /// Moves them all. Under no guard.
  @inline(never)
  func moveDead(_ mailbox: Mailbox, _ reason: UnsafeRawBufferPointer? = nil) {
    // Once more when there is another after we let go: whoever brought it may have seen us at it.
    repeat {
      if !Guard.tryLock(mailbox.mover, me) {
        let owner = mailbox.mover.load()
        // Somebody is at it, and looks again after it.
        guard owner != me, isGone(owner), mailbox.mover.claim(owner, me) else { return }
      }
      while let slot = moveOne(mailbox, reason) {
        lockMailbox(mailbox)
        if let posts = Posts(mailbox, segment), slot < posts.capacity,
          posts[slot].state.load() == SM_POST_DEAD
        {
          mailbox.dead.store(mailbox.dead.load() &- 1)
          mailbox.undelivered.store(mailbox.undelivered.load() &+ 1)
          free(posts[slot], mailbox)
        }
        unlock(mailbox)
      }
      mailbox.mover.exchange(0)
    } while mailbox.dead.load() != 0 && Posts(mailbox, segment) != nil
    if mailbox.waiting.load() & SM_WAIT_SENDERS != 0 { wake(mailbox, SM_WAIT_SENDERS) }
  }

  /// Sends one of them on, if there is a queue for it. Its slot is still to be freed.
  private func moveOne(_ mailbox: Mailbox, _ reason: UnsafeRawBufferPointer?) -> UInt32? {
    lockMailbox(mailbox)
    guard mailbox.dead.load() != 0, let posts = Posts(mailbox, segment) else {
      unlock(mailbox)
      return nil
    }
    guard
      let slot = (0..<posts.capacity).first(where: { posts[$0].state.load() == SM_POST_DEAD })
    else {
      mailbox.dead.store(0)
      unlock(mailbox)
      return nil
    }
    let letters = segment.mailbox(mailbox.deadLetters.load() &- 1)
    var bytes: [UInt8] = []
    let found = letters == nil ? nil : segment.read(slot, 0, posts)
    if let found {
      bytes = [UInt8](unsafeUninitializedCapacity: found.size) { room, count in
        if let start = UnsafeMutableRawBufferPointer(room).baseAddress { found.copy(to: start) }
        count = found.size
      }
    }
    let post = posts[slot].pointee
    unlock(mailbox)
    if let found, let letters { forward(bytes, found, post, to: letters, from: mailbox, reason) }
    return slot
  }

  private func forward(
    _ bytes: [UInt8], _ found: Found, _ post: sm_post, to letters: Mailbox, from mailbox: Mailbox,
    _ reason: UnsafeRawBufferPointer?
  ) {
    var words = describe(post, mailbox, why(post, mailbox, reason))
    if words.count > Int(SYNCMGR_METADATA_MAX) { words = describe(post, mailbox, "") }
    bytes.withUnsafeBytes { all in
      words.withUnsafeBytes { words in
        let texts = UnsafeRawBufferPointer(rebasing: all[found.length...])
        var letter = Letter(data: all.baseAddress, length: found.length)
        letter.name = UnsafeRawBufferPointer(rebasing: texts[..<found.name])
        letter.topic = UnsafeRawBufferPointer(
          rebasing: texts[(found.name + 1)..<(found.name + 1 + found.topic)])
        letter.metadata = words
        letter.sender = post.sender
        letter.senderOwner = post.sender_owner
        letter.correlation = post.flags & SM_POST_PLAIN != 0 ? 0 : post.correlation
        letter.priority = UInt32(post.priority)
        letter.wall = post.wall
        deliver(letter, to: letters)
      }
    }
  }

  private func describe(_ post: sm_post, _ mailbox: Mailbox, _ reason: String) -> [UInt8] {
    var metadata = JSON()
    metadata.object { json in
      json.text("reason", reason)
      json.number("deliveries", post.deliveries)
      if let object = segment.object(segment.index(of: mailbox)) {
        json.text("channel", NameField(object).read().text)
      }
    }
    return metadata.bytes.count > Int(SYNCMGR_METADATA_MAX) ? [] : metadata.bytes
  }

  private func why(
    _ post: sm_post, _ mailbox: Mailbox, _ reason: UnsafeRawBufferPointer?
  ) -> String {
    if let reason, !reason.isEmpty { return String(decoding: reason, as: UTF8.self) }
    let most = mailbox.maxDeliveries.load()
    return most != 0 && post.deliveries >= most
      ? "it was delivered \(post.deliveries) times" : "it was rejected"
  }

  /// Puts a letter into a queue without waiting; a full one loses its oldest message.
  private func deliver(_ letter: Letter, to queue: Mailbox) {
    var letter = letter
    if letter.size > Int(queue.room) {
      guard (try? enclose(&letter)) != nil else { return }
    }
    lockSending(queue)
    if queue.role.load() == SM_MAILBOX_QUEUE {
      letter.sequence = queue.sequence.load() &+ 1
      queue.sequence.store(letter.sequence)
      if !push(letter, queue), dropOldest(queue) { _ = push(letter, queue) }
    }
    unlockSending(queue)
    if letter.chunk != 0 { letGo(letter) }
    if queue.waiting.load() & SM_WAIT_RECEIVERS != 0 { wake(queue, SM_WAIT_RECEIVERS) }
  }
}
