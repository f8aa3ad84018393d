import CSyncMgr
import CSyncMgrShim

/// Waiting without taking, and looking.
extension Channel {
  /// What a wait is for: the mailbox's object, the mailbox, and which of the two.
  private struct Subject {
    let object: Object
    let mailbox: Mailbox
    let what: UInt32
    var visit: Visit?
  }

  /// Nil when there is nothing to wait for.
  private func subject(_ what: UInt64) throws(Failure) -> Subject? {
    if row.shut.load() == 2 { throw isShut() }
    if what == UInt64(SYNCMGR_WRITABLE) {
      if row.shut.load() != 0 { throw isShut() }
      guard let full = firstFull(),
        let object = attachment.segment.object(
          attachment.segment.index(of: full))
      else {
        passOnRoom()
        return nil
      }
      return Subject(object: object, mailbox: full, what: SM_WAIT_SENDERS)
    }
    if what >> 63 != 0 { return try room(what) }
    let (object, own): (Object, Mailbox)
    if what == UInt64(SYNCMGR_READABLE) {
      (object, own) = try mailbox()
    } else {
      let found = try request(what)
      (object, own) = (found.object, found.row)
    }
    let visit = try visit(object, own)
    attachment.returnOverdue(object, own)
    attachment.dropExpired(own)
    if !attachment.segment.isEmpty(own) {
      // Who only waits uses nothing: others that wait look as well.
      attachment.wakeDue(object, own)
      return nil
    }
    if let failure = ending(visit) { throw failure }
    return Subject(object: object, mailbox: own, what: SM_WAIT_RECEIVERS, visit: visit)
  }

  /// Others that wait for room look as well.
  private func passOnRoom() {
    var all = [row]
    attachment.lockSending(row)
    attachment.forListed(of: row) {
      if $0.waiting.load() & SM_WAIT_SENDERS != 0 { all.append($0) }
    }
    attachment.unlockSending(row)
    for one in all {
      guard let object = attachment.segment.object(attachment.segment.index(of: one)) else {
        continue
      }
      attachment.wakeDue(object, one)
    }
  }

  /// The full mailbox that `room(for:)` has found, while it is full.
  private func room(_ what: UInt64) throws(Failure) -> Subject? {
    if row.shut.load() != 0 { throw isShut() }
    let index = UInt32(truncatingIfNeeded: what & 0xf_ffff) &- 1
    guard let object = attachment.segment.object(index),
      let own = attachment.segment.mailbox(index),
      own.channel.load() == caller.slot.pointee.index + 1
    else {
      throw Failure(SYNCMGR_E_NOT_FOUND, caller.object, text: "there is no such mailbox")
    }
    let isGone =
      own.role.load() == SM_MAILBOX_NONE || number(index, own) != what & (UInt64.max >> 1)
    if isGone || attachment.segment.hasRoom(own) {
      attachment.wakeDue(object, own)
      return nil
    }
    return Subject(object: object, mailbox: own, what: SM_WAIT_SENDERS)
  }

  /// The number of a mailbox that is full and would get the message; 0 when there is none.
  func room(for letter: Letter, _ options: SendOptions) throws(Failure) -> UInt64 {
    try checkKeepsMessages()
    attachment.lockSending(row)
    defer { attachment.unlockSending(row) }
    if row.shut.load() != 0 { throw isShut() }
    let targets = try targets(letter, options)
    guard let full = targets.first(where: { !attachment.segment.hasRoom($0) }) else { return 0 }
    return number(attachment.segment.index(of: full), full) | 1 << 63
  }

  /// A mailbox that a sender would have to wait for.
  private func firstFull() -> Mailbox? {
    if kind == SYNCMGR_CHANNEL_QUEUE { return attachment.segment.hasRoom(row) ? nil : row }
    var found: Mailbox?
    attachment.lockSending(row)
    attachment.forListed(of: row) {
      if found == nil, $0.role.load() == SM_MAILBOX_OWN, !attachment.segment.hasRoom($0) {
        found = $0
      }
    }
    attachment.unlockSending(row)
    return found
  }

  func wait(_ what: UInt64, _ timeout: Int64) throws(Failure) {
    let deadline = try Deadline.after(timeout)
    try checkKeepsMessages()
    var patience = Patience(until: deadline)
    while let subject = try subject(what) {
      try patience.again(caller.object)
      if timeout == 0 {
        throw Failure(SYNCMGR_E_TIMEOUT, caller.object, "it is not so and the call does not wait")
      }
      if spin(for: subject) { continue }
      // Over before it could sleep, which is no wait that anybody is told of.
      if Deadline.hasPassed(deadline) { throw Waits.failure(SYNCMGR_E_TIMEOUT, caller.object) }
      let isReceiver = subject.what == SM_WAIT_RECEIVERS
      let look = isReceiver ? nextReturn(subject.mailbox) : Deadline.never
      do throws(Failure) {
        try ChannelWaits.wait(
          caller.on(subject.object), subject.mailbox, for: subject.what,
          until: Deadline.earlier(deadline, look)
        ) { isReady(subject) }
      } catch {
        if error.status == SYNCMGR_E_CLOSED, !caller.isClosed { continue }
        if error.status == SYNCMGR_E_TIMEOUT, !Deadline.hasPassed(deadline) { continue }
        throw error
      }
    }
  }

  func waitStart(_ what: UInt64, _ start: Tickets.Start) throws(Failure) -> Started {
    try start.check(caller)
    try checkKeepsMessages()
    guard let subject = try subject(what) else { return Started(SYNCMGR_OK) }
    let started = try ChannelWaits.start(
      caller.on(subject.object), subject.mailbox, for: subject.what, start
    ) { isReady(subject) }
    if subject.what == SM_WAIT_RECEIVERS {
      attachment.watchOverdue(self, subject.object, subject.mailbox)
    }
    return started
  }

  /// Who waits for room waits for that of a few messages, as long as it does not sleep.
  private func spin(for subject: Subject) -> Bool {
    if subject.what == SM_WAIT_RECEIVERS {
      return attachment.spin(subject.object, rounds: Spin.rounds) { isReady(subject) }
    }
    let mailbox = subject.mailbox
    let wanted = min(mailbox.capacity.load() / 4, 16)
    return attachment.spin(on: mailbox.cpu, rounds: Spin.rounds) {
      attachment.segment.hasRoom(mailbox, besides: wanted)
    } || isReady(subject)
  }

  private func isReady(_ subject: Subject) -> Bool {
    if let visit = subject.visit { return isWorthALook(visit) }
    return attachment.segment.hasRoom(subject.mailbox) || row.shut.load() != 0
      || subject.mailbox.role.load() == SM_MAILBOX_NONE
  }

  private func checkKeepsMessages() throws(Failure) {
    if kind == SYNCMGR_CHANNEL_MEMORY {
      throw Failure(SYNCMGR_E_UNSUPPORTED, caller.object, text: "it keeps cells and no messages")
    }
  }

  // MARK: - Looking

  func mailboxes() -> [syncmgr_mailbox_t] {
    var found: [syncmgr_mailbox_t] = []
    if kind == SYNCMGR_CHANNEL_QUEUE { found.append(describe(row)) }
    attachment.lockSending(row)
    attachment.forListed(of: row) {
      if $0.role.load() == SM_MAILBOX_OWN { found.append(describe($0)) }
    }
    attachment.unlockSending(row)
    return found
  }

  private func describe(_ mailbox: Mailbox) -> syncmgr_mailbox_t {
    var out = syncmgr_mailbox_t()
    out.received = mailbox.received.load()
    out.dropped = mailbox.dropped.load()
    out.expired = mailbox.expired.load()
    out.undelivered = mailbox.undelivered.load()
    out.taken = mailbox.taken.load()
    out.waiting = attachment.count(mailbox)
    if let stream = attachment.workstream(ofOwner: mailbox.owner.load()) {
      out.workstream = stream.id.load()
      out.pid = Int32(bitPattern: stream.pid.load())
      NameField(stream).copy(toCharacters: &out.name)
    }
    return out
  }

  /// Takes several messages that are there, as many as fit.
  func receiveMany(
    _ buffer: UnsafeMutableRawBufferPointer,
    _ messages: UnsafeMutableBufferPointer<syncmgr_message_t>
  ) throws(Failure) -> UInt32 {
    try receive(.copy(buffer), 0, &messages[0])
    var count = 1
    let (_, own) = try mailbox()
    var used = 0
    while count < messages.count {
      used = end(of: messages[count - 1], buffer)
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[used...])
      // What does not fit, or is spoiled, is for the next call to tell.
      guard (try? take(own, .copy(rest), &messages[count])) == true else { break }
      count += 1
    }
    return UInt32(count)
  }

  private func end(
    of message: syncmgr_message_t, _ buffer: UnsafeMutableRawBufferPointer
  ) -> Int {
    guard let metadata = message.metadata, let base = buffer.baseAddress else { return 0 }
    var end = UnsafeRawPointer(metadata) - UnsafeRawPointer(base)
    while end < buffer.count, buffer[end] != 0 { end += 1 }
    end += 1
    return min((end + 7) & ~7, buffer.count)
  }

  /// Who sends.
  @inline(__always)
  func sign(_ letter: inout Letter) {
    guard let stream = attachment.segment.workstream(OwnerID.index(caller.mine)) else { return }
    letter.sign(stream, caller.mine)
  }
}

extension Attachment {
  /// How many messages wait in a mailbox.
  func count(_ mailbox: Mailbox) -> UInt32 {
    var count = UInt64(mailbox.returned.load())
    for level in 0..<min(mailbox.levels.load(), SM_LEVELS) {
      count &+= mailbox.tail(level).load() &- mailbox.head(level).load()
    }
    return UInt32(clamping: count)
  }
}
