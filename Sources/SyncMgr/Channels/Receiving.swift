import CSyncMgr
import CSyncMgrShim

/// Receiving: into a buffer of the caller, or as a view.
extension Channel {
  /// How a message is taken.
  enum Form {
    case copy(UnsafeMutableRawBufferPointer)
    case view
  }

  /// Takes the next message of this workstream's mailbox.
  @inline(__always)
  func receive(
    _ form: Form, _ timeout: Int64, _ message: inout syncmgr_message_t, hasSpun: Bool = false
  ) throws(Failure) {
    let (object, own) = try mailbox()
    try receive(object, own, form, timeout, &message, hasSpun: hasSpun)
  }

  /// On E_TOO_LARGE the message's length is what it needs.
  @inline(__always)
  func receive(
    _ object: Object, _ mailbox: Mailbox, _ form: Form, _ timeout: Int64,
    _ message: inout syncmgr_message_t, hasSpun: Bool = false
  ) throws(Failure) {
    if timeout < SYNCMGR_FOREVER { _ = try Deadline.after(timeout) }
    let visit = try visit(object, mailbox)
    if try take(mailbox, form, &message) { return }
    try receiveSlowly(visit, form, timeout, &message, hasSpun)
  }

  @inline(never)
  private func receiveSlowly(
    _ visit: Visit, _ form: Form, _ timeout: Int64, _ message: inout syncmgr_message_t,
    _ hasSpun: Bool
  ) throws(Failure) {
    var hasSpun = hasSpun
    let (object, mailbox) = (visit.object, visit.mailbox)
    let deadline = try Deadline.after(timeout)
    var patience = Patience(until: deadline)
    while true {
      try patience.again(caller.object)
      if let failure = ending(visit) { throw failure }
      if timeout == 0 {
        throw Failure(SYNCMGR_E_TIMEOUT, caller.object, "there is no message")
      }
      if hasSpun
        || !attachment.spin(
          object, rounds: Spin.rounds, { !attachment.segment.isEmpty(mailbox) })
      {
        try sleep(visit, deadline)
      }
      hasSpun = false
      if try take(mailbox, form, &message) { return }
    }
  }

  private func sleep(_ visit: Visit, _ deadline: Int64) throws(Failure) {
    let (object, mailbox) = (visit.object, visit.mailbox)
    do throws(Failure) {
      try ChannelWaits.wait(
        caller.on(object), mailbox, for: SM_WAIT_RECEIVERS,
        until: Deadline.earlier(deadline, nextReturn(mailbox))
      ) { isWorthALook(visit) }
    } catch {
      if error.status == SYNCMGR_E_CLOSED, let failure = ending(visit) { throw failure }
      if error.status == SYNCMGR_E_TIMEOUT, !Deadline.hasPassed(deadline) { return }
      // Who was woken and cannot take leaves it to the next.
      attachment.wakeDue(object, mailbox)
      throw error
    }
  }

  /// When to look for messages whose receivers' time has passed: also for one that is taken only
  /// after the look.
  func nextReturn(_ mailbox: Mailbox) -> Int64 {
    let visibility = Int64(bitPattern: row.visibility.load())
    if visibility < 0 || mailbox.role.load() != SM_MAILBOX_QUEUE { return Deadline.never }
    let (end, overflow) = sm_now().addingReportingOverflow(max(visibility, 1_000_000))
    let due = mailbox.due.load()
    return Deadline.earlier(
      overflow ? Deadline.never : end, due == 0 ? Deadline.never : Int64(clamping: due))
  }

  /// There is a message, or there will be none.
  func isWorthALook(_ visit: Visit) -> Bool {
    let mailbox = visit.mailbox
    return visit.isOver || !attachment.segment.isEmpty(mailbox) || row.shut.load() != 0
      || mailbox.failed.load() != 0
      || Channel.isOverdue(mailbox)
  }

  static func isOverdue(_ mailbox: Mailbox) -> Bool {
    let due = mailbox.due.load()
    return due != 0 && UInt64(bitPattern: sm_now()) >= due
  }

  /// Why no message will come, when that is so.
  func ending(_ visit: Visit) -> Failure? {
    let mailbox = visit.mailbox
    if visit.isOver { return hasEnded() }
    if row.shut.load() == 2 { return isShut() }
    if mailbox.failed.load() != 0 {
      return Failure(
        SYNCMGR_E_UNAVAILABLE, caller.object, text: "who was asked is gone and has not replied")
    }
    return row.shut.load() == 1 && attachment.segment.isEmpty(mailbox) ? isShut() : nil
  }

  // MARK: - Taking

  /// Takes a message that is there.
  @inline(__always)
  func take(
    _ mailbox: Mailbox, _ form: Form, _ message: inout syncmgr_message_t
  ) throws(Failure) -> Bool {
    if row.shut.load() == 2 { throw isShut() }
    // A look without the guard, which most of those who wait in a loop find enough.
    if attachment.segment.isEmpty(mailbox), mailbox.due.load() == 0 { return false }
    attachment.lockMailbox(mailbox)
    let isTaken: Bool
    do throws(Failure) { isTaken = try takeLocked(mailbox, form, &message) } catch {
      attachment.unlock(mailbox)
      throw error
    }
    attachment.unlock(mailbox)
    afterTaking(mailbox, frees: isTaken && message.receipt == 0)
    return isTaken
  }

  /// Wakes senders that wait for room, and the next receiver when there is more.
  @inline(__always)
  private func afterTaking(_ mailbox: Mailbox, frees: Bool) {
    AtOnce.isHere(mailbox.cpu)
    if mailbox.dead.load() != 0 { attachment.moveDead(mailbox) }
    if mailbox.waiting.load() != 0 { attachment.wakeAfterTaking(mailbox, frees: frees) }
  }

  @inline(__always)
  private func takeLocked(
    _ mailbox: Mailbox, _ form: Form, _ message: inout syncmgr_message_t
  ) throws(Failure) -> Bool {
    // It was unsubscribed in this moment, and may be somebody else's by now.
    guard mailbox.isFor(caller.mine, caller.slot.pointee.index) else { return false }
    guard let posts = Posts(mailbox, attachment.segment) else {
      throw attachment.corrupt("a mailbox")
    }
    if Channel.isOverdue(mailbox) { attachment.returnOverdue(mailbox, posts) }
    guard let found = try attachment.next(mailbox, posts) else { return false }
    if case .copy(let buffer) = form, found.size > buffer.count {
      message.length = found.size
      throw tooSmall(found.size, buffer.count)
    }
    found.describe(&message)
    switch form {
    case .copy(let buffer):
      if let target = buffer.baseAddress {
        found.copy(to: target)
        message.place(target, found)
      }
      if keeps(mailbox) {
        give(found, mailbox, posts, &message)
      } else {
        attachment.remove(found, mailbox, posts)
      }
    case .view:
      attachment.lent.store(1)
      message.show(found)
      message.flags |= SYNCMGR_MESSAGE_VIEW
      give(found, mailbox, posts, &message)
    }
    message.tell(mailbox)
    return true
  }

  @inline(never)
  private func tooSmall(_ needed: Int, _ has: Int) -> Failure {
    Failure(
      SYNCMGR_E_TOO_LARGE, caller.object,
      text: "the message needs \(needed) bytes, and the buffer has \(has)")
  }

  /// Whether what is taken from it is to be acknowledged.
  @inline(__always)
  private func keeps(_ mailbox: Mailbox) -> Bool {
    caller.slot.pointee.flags & SYNCMGR_CHANNEL_ACKNOWLEDGE != 0
      && mailbox.role.load() == SM_MAILBOX_QUEUE
  }

  private func give(
    _ found: Found, _ mailbox: Mailbox, _ posts: Posts, _ message: inout syncmgr_message_t
  ) {
    let visibility = Int64(bitPattern: row.visibility.load())
    var due: UInt64 = 0
    if visibility >= 0, mailbox.role.load() == SM_MAILBOX_QUEUE {
      due = UInt64(bitPattern: sm_now()).addingReportingOverflow(UInt64(visibility)).partialValue
    }
    attachment.give(found, mailbox, posts, to: hold, due: due)
    message.deliveries = found.post.deliveries.load()
    message.receipt = Receipt.make(found.slot, found.post)
  }

  // MARK: - Giving back

  func acknowledge(_ receipt: UInt64) throws(Failure) {
    let (_, mailbox) = try mailbox()
    attachment.lockMailbox(mailbox)
    let posts = Posts(mailbox, attachment.segment)
    let slot = posts.flatMap { attachment.taken(receipt, by: hold, mailbox, $0) }
    if let posts, let slot { attachment.finish(slot, mailbox, posts) }
    attachment.unlock(mailbox)
    if slot == nil { throw notTaken() }
    if mailbox.waiting.load() & SM_WAIT_SENDERS != 0 { attachment.wake(mailbox, SM_WAIT_SENDERS) }
  }

  func reject(_ receipt: UInt64, isDead: Bool, _ reason: UnsafeRawBufferPointer) throws(Failure) {
    let (_, mailbox) = try mailbox()
    guard keeps(mailbox) else {
      throw Failure(
        SYNCMGR_E_UNSUPPORTED, caller.object, text: "it is no queue with acknowledgements")
    }
    attachment.lockMailbox(mailbox)
    let posts = Posts(mailbox, attachment.segment)
    let slot = posts.flatMap { attachment.taken(receipt, by: hold, mailbox, $0) }
    if let posts, let slot { attachment.giveBack(slot, mailbox, posts, isDead: isDead) }
    attachment.unlock(mailbox)
    if slot == nil { throw notTaken() }
    if mailbox.dead.load() != 0 { attachment.moveDead(mailbox, reason) }
    attachment.wakeDue(caller.object, mailbox)
  }

  func notTaken() -> Failure {
    Failure(
      SYNCMGR_E_NOT_FOUND, caller.object, text: "this workstream does not have that message")
  }
}

extension Found {
  /// Says all of a message but where it is.
  @inline(__always)
  func describe(_ message: inout syncmgr_message_t) {
    message.length = length
    message.sender_id = post.pointee.sender
    message.sequence = post.pointee.sequence
    let isPlain = post.pointee.flags & SM_POST_PLAIN != 0
    message.correlation = isPlain ? 0 : post.pointee.correlation
    message.reply_to = isPlain ? 0 : post.pointee.reply_to
    message.receipt = 0
    message.wall_ns = Int64(bitPattern: post.pointee.wall)
    let expires = post.end
    message.ttl_ns =
      expires == 0 ? SYNCMGR_FOREVER : max(Int64(clamping: expires) - sm_now(), 0)
    message.priority = UInt32(post.pointee.priority)
    message.deliveries = post.deliveries.load() &+ 1
    message.flags = post.pointee.flags & 0xffff
    message.reserved = 0
  }
}

extension syncmgr_message_t {
  /// How many messages the mailbox has lost since it told the last time. Under its guard.
  @inline(__always)
  mutating func tell(_ mailbox: Mailbox) {
    let lost = mailbox.dropped.load() &+ mailbox.expired.load()
    dropped = lost &- mailbox.told.load()
    if dropped != 0 { mailbox.told.store(lost) }
  }

  /// Points to the parts of a message that was copied to `base`.
  @inline(__always)
  mutating func place(_ base: UnsafeMutableRawPointer, _ found: Found) {
    let texts = base + found.length
    point(base, texts, texts + (found.name + 1), texts + (found.name + found.topic + 2))
  }

  /// Points to the parts of a message where it lies, and ends the texts there.
  mutating func show(_ found: Found) {
    for (text, count) in [
      (found.nameStart, found.name), (found.topicStart, found.topic),
      (found.metadataStart, found.metadata),
    ] {
      text.storeBytes(of: 0, toByteOffset: count, as: UInt8.self)
    }
    point(found.data, found.nameStart, found.topicStart, found.metadataStart)
  }

  @inline(__always)
  private mutating func point(
    _ message: UnsafeMutableRawPointer, _ name: UnsafeMutableRawPointer,
    _ topic: UnsafeMutableRawPointer, _ metadata: UnsafeMutableRawPointer
  ) {
    data = UnsafeRawPointer(message)
    sender = UnsafePointer(name.assumingMemoryBound(to: CChar.self))
    self.topic = UnsafePointer(topic.assumingMemoryBound(to: CChar.self))
    self.metadata = UnsafePointer(metadata.assumingMemoryBound(to: CChar.self))
  }
}
