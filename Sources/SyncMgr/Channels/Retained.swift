import CSyncMgr
import CSyncMgrShim

/// The last message of each topic, of a channel that keeps them: a mailbox whose slots are never
/// taken, only replaced. Everything here is under the channel's send guard.
///
/// The new message goes in before the old one goes: dies in between: the topic has two, of which
/// the later one counts, and which the next message of the topic replaces.
enum Retained {
  /// Room for so many topics, and one slot more, so that a new message finds room beside the old
  /// one.
  static let topics: UInt32 = 4096

  /// The mailbox, made when the first message is to be kept.
  static func prepare(_ channel: Channel) throws(Failure) {
    guard channel.caller.object.flags.load() & SYNCMGR_CHANNEL_RETAIN != 0 else {
      throw Failure(
        SYNCMGR_E_UNSUPPORTED, channel.caller.object, text: "it was not opened with RETAIN")
    }
    if channel.row.retained.load() != 0 { return }
    let made = try channel.makeOwn(SM_MAILBOX_HISTORY, capacity: topics + 1)
    let attachment = channel.attachment
    attachment.lockSending(channel.row)
    let isFirst = channel.row.retained.load() == 0
    if isFirst {
      // It is the channel's from here on, not this workstream's.
      channel.row.retained.store(made + 1)
      attachment.segment.mailbox(made)?.owner.store(0)
    }
    attachment.unlockSending(channel.row)
    if !isFirst { attachment.endMailbox(made) }
  }

  /// Keeps a letter, or with an empty one forgets the topic.
  static func keep(_ letter: Letter, _ channel: Channel) {
    let attachment = channel.attachment
    guard let mailbox = attachment.segment.mailbox(channel.row.retained.load() &- 1) else { return }
    let before = find(letter.topic, mailbox, attachment)
    if letter.length > 0 {
      var letter = letter
      letter.flags |= SYNCMGR_MESSAGE_RETAINED
      if !attachment.push(letter, mailbox) {
        mailbox.dropped.store(mailbox.dropped.load() &+ 1)
        return
      }
    }
    attachment.lockMailbox(mailbox)
    for post in before { attachment.free(post, mailbox) }
    attachment.unlock(mailbox)
  }

  /// Whether there is room for the letter's topic, or it is there.
  static func checkRoom(_ letter: Letter, _ channel: Channel) throws(Failure) {
    let attachment = channel.attachment
    guard let mailbox = attachment.segment.mailbox(channel.row.retained.load() &- 1) else { return }
    let used = Int32(bitPattern: mailbox.claimed.load() &- mailbox.released.load())
    if used < Int32(topics) || letter.length == 0 { return }
    if find(letter.topic, mailbox, attachment).isEmpty {
      throw Failure(
        SYNCMGR_E_LIMIT, channel.caller.object,
        text: "it keeps the last messages of \(topics) topics already")
    }
  }

  private static func find(
    _ topic: UnsafeRawBufferPointer, _ mailbox: Mailbox, _ attachment: Attachment
  ) -> [Post] {
    var found: [Post] = []
    forAll(mailbox, attachment) { one, text in
      if text.count == topic.count, text.elementsEqual(topic) { found.append(one.post) }
    }
    return found
  }

  private static func forAll(
    _ mailbox: Mailbox, _ attachment: Attachment, _ body: (Found, UnsafeRawBufferPointer) -> Void
  ) {
    guard let posts = Posts(mailbox, attachment.segment) else { return }
    // Slots above were never used.
    let used = min(UInt64(posts.capacity), mailbox.tail(0).load())
    for slot in 0..<UInt32(used) where attachment.segment.isReady(posts[slot], mailbox) {
      guard let found = attachment.segment.read(slot, 0, posts) else { continue }
      body(found, found.topicBytes)
    }
  }

  /// Gives somebody who subscribes what is kept of the topics that match.
  static func replay(
    _ channel: Channel, into mailbox: Mailbox, _ pattern: UnsafeRawBufferPointer
  ) {
    let attachment = channel.attachment
    guard let kept = attachment.segment.mailbox(channel.row.retained.load() &- 1) else { return }
    var found: [Found] = []
    let now = UInt64(bitPattern: sm_now())
    forAll(kept, attachment) { one, topic in
      let expires = one.post.end
      if expires == 0 || now < expires, Topic.matches(pattern: pattern, topic: topic) {
        found.append(one)
      }
    }
    found.sort { $0.post.sequence.load() < $1.post.sequence.load() }
    for one in found {
      let letter = Letter(one, attachment)
      if !attachment.push(letter, mailbox), attachment.dropOldest(mailbox) {
        _ = attachment.push(letter, mailbox)
      }
    }
  }
}
