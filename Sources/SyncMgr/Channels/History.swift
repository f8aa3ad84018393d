import CSyncMgr
import CSyncMgrShim

/// Subscribing, and what somebody gets who subscribes late.
extension Channel {
  func subscribe(_ pattern: UnsafeRawBufferPointer?, last: UInt32) throws(Failure) {
    guard kind == SYNCMGR_CHANNEL_BROADCAST || kind == SYNCMGR_CHANNEL_PUBSUB else {
      throw Failure(SYNCMGR_E_UNSUPPORTED, caller.object, text: "its kind has no subscriptions")
    }
    if last > row.history.load() {
      throw Failure(
        SYNCMGR_E_INVALID, caller.object,
        text: "the last \(last) messages are wanted, and it keeps \(row.history.load())")
    }
    guard (pattern != nil) == (kind == SYNCMGR_CHANNEL_PUBSUB) else {
      throw Failure(
        SYNCMGR_E_INVALID, caller.object,
        text: pattern == nil ? "a topic is needed" : "a broadcast has no topics")
    }
    if let pattern, let fault = Topic.fault(inPattern: pattern) {
      throw Failure(SYNCMGR_E_INVALID, caller.object, text: "the pattern \(fault)")
    }
    if row.shut.load() != 0 { throw isShut() }
    let isNew = caller.holding.index.load() == 0
    if pattern == nil, !isNew {
      throw Failure(SYNCMGR_E_ALREADY, caller.object, text: "this workstream has subscribed")
    }
    try ensureMailbox()
    let (_, mailbox) = try mailbox()
    attachment.lockSending(row)
    do throws(Failure) {
      if let pattern { try Topics.add(self, mailbox, pattern) }
      if last > 0 { replay(into: mailbox, pattern, last) }
      if let pattern { Retained.replay(self, into: mailbox, pattern) }
    } catch {
      attachment.unlockSending(row)
      throw error
    }
    attachment.unlockSending(row)
  }

  func unsubscribe(_ pattern: UnsafeRawBufferPointer?) throws(Failure) {
    guard kind == SYNCMGR_CHANNEL_BROADCAST || kind == SYNCMGR_CHANNEL_PUBSUB else {
      throw Failure(SYNCMGR_E_UNSUPPORTED, caller.object, text: "its kind has no subscriptions")
    }
    let (_, mailbox) = try mailbox()
    if let pattern {
      attachment.lockSending(row)
      defer { attachment.unlockSending(row) }
      try Topics.remove(self, mailbox, pattern)
      return
    }
    endOwnMailbox()
  }

  /// Dies after the holding's number is gone: the mailbox is found by its owner.
  func endOwnMailbox() {
    let index = caller.holding.index.load()
    if index == 0 { return }
    caller.holding.index.store(0)
    Topics.removeAll(attachment, row, index - 1)
    attachment.endMailbox(index - 1)
  }

  /// Copies the last messages of the channel's history that match. Under the send guard, which
  /// keeps the history as it is: nobody takes anything out of it.
  private func replay(into mailbox: Mailbox, _ pattern: UnsafeRawBufferPointer?, _ last: UInt32) {
    guard let past = attachment.segment.mailbox(row.past.load() &- 1),
      let posts = Posts(past, attachment.segment)
    else { return }
    let tail = past.tail(0).load()
    var wanted: [Found] = []
    for back in 0..<min(UInt64(posts.capacity), tail) where wanted.count < Int(last) {
      let slot = posts.entry(0, tail - 1 - back).load()
      guard slot < posts.capacity, attachment.segment.isReady(posts[slot], past),
        posts[slot].place.load() == tail - 1 - back,
        let found = attachment.segment.read(slot, 0, posts), isWanted(found, pattern)
      else { continue }
      wanted.append(found)
    }
    for found in wanted.reversed() {
      var letter = Letter(found, attachment)
      letter.flags |= SYNCMGR_MESSAGE_HISTORY
      if !attachment.push(letter, mailbox), attachment.dropOldest(mailbox) {
        _ = attachment.push(letter, mailbox)
      }
    }
  }

  private func isWanted(_ found: Found, _ pattern: UnsafeRawBufferPointer?) -> Bool {
    let expires = found.post.end
    if expires != 0, UInt64(bitPattern: sm_now()) >= expires { return false }
    guard let pattern else { return true }
    return Topic.matches(pattern: pattern, topic: found.topicBytes)
  }
}

extension Letter {
  /// A message that lies in a slot, to be put into another mailbox of the same channel.
  init(_ found: Found, _ attachment: Attachment) {
    let post = found.post.pointee
    data = UnsafeRawPointer(found.data)
    length = found.length
    chunk = found.post.chunk.load()
    sender = post.sender
    senderOwner = post.sender_owner
    name = found.nameBytes
    topic = found.topicBytes
    metadata = found.metadataBytes
    let isPlain = post.flags & SM_POST_PLAIN != 0
    correlation = isPlain ? 0 : post.correlation
    replyTo = isPlain ? 0 : post.reply_to
    priority = UInt32(post.priority)
    flags = post.flags
    expires = isPlain ? 0 : post.expires
    wall = post.wall
    sequence = post.sequence
  }
}
