import CSyncMgr
import CSyncMgrShim

/// What a send is to do besides.
struct SendOptions {
  var timeout: Int64 = 0
  /// The call has waited for room already, without sleeping.
  var hasSpun = false
  var target = UnsafeRawBufferPointer(start: nil, count: 0)
  var sendsSelf = false
  var retains = false
}

/// Sending. All senders of a channel exclude each other: what a message is sent to is decided and
/// done at one moment, so that a broadcast arrives in the same order everywhere, and BLOCK and FAIL
/// send to all or to none.
extension Channel {
  /// Sends a letter; its chunk, if it has one, is this process's until it is let go. Returns the
  /// status and how many mailboxes have it.
  @inline(__always)
  func send(
    _ letter: inout Letter, _ options: SendOptions
  ) throws(Failure) -> (status: Int32, count: UInt32) {
    if letter.chunk == 0, letter.size > Int(row.room) {
      try attachment.enclose(&letter)
    }
    let result: (status: Int32, count: UInt32)
    do throws(Failure) { result = try sendEnclosed(&letter, options) } catch {
      if letter.chunk != 0, !letter.isLoan { attachment.letGo(letter) }
      throw error
    }
    if letter.chunk != 0 { attachment.letGo(letter) }
    return result
  }

  @inline(__always)
  private func sendEnclosed(
    _ letter: inout Letter, _ options: SendOptions
  ) throws(Failure) -> (status: Int32, count: UInt32) {
    if kind == SYNCMGR_CHANNEL_QUEUE {
      attachment.lockSending(row)
      if row.shut.load() == 0, !attachment.segment.isFull(row) {
        stamp(&letter)
        let isSent = attachment.push(letter, row)
        attachment.unlockSending(row)
        if isSent {
          announce(row)
          tellOfData()
          return (SYNCMGR_OK, 1)
        }
      } else {
        attachment.unlockSending(row)
      }
    }
    return try sendSlowly(&letter, options)
  }

  @inline(__always)
  private func stamp(_ letter: inout Letter) {
    letter.sequence = row.sequence.load() &+ 1
    row.sequence.store(letter.sequence)
  }

  /// Somebody may sleep who waits for it.
  @inline(__always)
  private func announce(_ mailbox: Mailbox) {
    if mailbox.waiting.load() & SM_WAIT_RECEIVERS != 0 {
      attachment.wake(mailbox, SM_WAIT_RECEIVERS)
    }
    if let object = attachment.segment.object(attachment.segment.index(of: mailbox)) {
      AtOnce.isHere(object.cpu)
    }
  }

  @inline(never)
  private func sendSlowly(
    _ letter: inout Letter, _ options: SendOptions
  ) throws(Failure) -> (status: Int32, count: UInt32) {
    let deadline = try Deadline.after(options.timeout)
    let policy = row.overflow.load()
    var patience = Patience(until: deadline)
    var hasSpun = options.hasSpun
    while true {
      if options.timeout != 0 { try patience.again(caller.object) }
      var full: Mailbox?
      let targets: [Mailbox]
      attachment.lockSending(row)
      do throws(Failure) {
        if row.shut.load() != 0 { throw isShut() }
        if options.retains { try Retained.checkRoom(letter, self) }
        targets = try self.targets(letter, options)
        full =
          policy == SYNCMGR_OVERFLOW_BLOCK || policy == SYNCMGR_OVERFLOW_FAIL
          ? targets.first { attachment.lacksRoom($0) } : nil
      } catch {
        attachment.unlockSending(row)
        throw error
      }
      guard let mailbox = full else {
        let result = deliver(&letter, targets, options, policy)
        attachment.unlockSending(row)
        for mailbox in targets { announce(mailbox) }
        if result.status == SYNCMGR_E_FULL { throw isFull() }
        tellOfData()
        return result
      }
      attachment.unlockSending(row)
      if policy == SYNCMGR_OVERFLOW_FAIL { throw isFull() }
      if options.timeout == 0 {
        throw Failure(SYNCMGR_E_TIMEOUT, caller.object, "a mailbox is full")
      }
      try awaitRoom(mailbox, deadline, spins: !hasSpun)
      hasSpun = false
    }
  }

  private func isFull() -> Failure {
    Failure(SYNCMGR_E_FULL, caller.object, text: "there is no room for the message")
  }

  @inline(__always)
  private func tellOfData() {
    if caller.object.watched.load() & SYNCMGR_NOTICE_DATA_AVAILABLE != 0 {
      attachment.emit(SYNCMGR_NOTICE_DATA_AVAILABLE, caller.object, owner: caller.mine)
    }
  }

  /// Under the send guard. Copies go to all that have room, or can be made to have it.
  private func deliver(
    _ letter: inout Letter, _ targets: [Mailbox], _ options: SendOptions, _ policy: UInt32
  ) -> (status: Int32, count: UInt32) {
    stamp(&letter)
    var count: UInt32 = 0
    for mailbox in targets where put(letter, mailbox, policy) { count += 1 }
    if let past = attachment.segment.mailbox(row.past.load() &- 1) {
      _ = put(letter, past, SYNCMGR_OVERFLOW_DROP_OLDEST)
    }
    if options.retains { Retained.keep(letter, self) }
    if targets.isEmpty { return (SYNCMGR_NOBODY, 0) }
    if count == 0 { return (SYNCMGR_E_FULL, 0) }
    return (count < targets.count ? SYNCMGR_PARTIAL : SYNCMGR_OK, count)
  }

  private func put(_ letter: Letter, _ mailbox: Mailbox, _ policy: UInt32) -> Bool {
    if attachment.push(letter, mailbox) { return true }
    if policy == SYNCMGR_OVERFLOW_DROP_OLDEST {
      // Where there is none to drop the receivers have taken them all meanwhile, and made room.
      _ = attachment.dropOldest(mailbox)
      if attachment.push(letter, mailbox) { return true }
    }
    mailbox.dropped.store(mailbox.dropped.load() &+ 1)
    return false
  }

  private func awaitRoom(
    _ mailbox: Mailbox, _ deadline: Int64, spins: Bool
  ) throws(Failure) {
    let index = attachment.segment.index(of: mailbox)
    guard let object = attachment.segment.object(index) else { return }
    let serial = mailbox.serial.load()
    // What expires makes room without anybody who says so.
    let until =
      mailbox.perishable.load() == 0
      ? deadline : Deadline.earlier(deadline, sm_now() + 100_000_000)
    if spins,
      attachment.spin(
        on: mailbox.cpu, rounds: Spin.rounds, { attachment.segment.hasRoom(mailbox) })
    {
      return
    }
    do throws(Failure) {
      try ChannelWaits.wait(caller.on(object), mailbox, for: SM_WAIT_SENDERS, until: until) {
        attachment.segment.hasRoom(mailbox) || row.shut.load() != 0
          || mailbox.serial.load() != serial
          || mailbox.role.load() == SM_MAILBOX_NONE
      }
    } catch {
      // The mailbox ended, or the channel was shut: the next look says which.
      if error.status == SYNCMGR_E_CLOSED, !caller.isClosed { return }
      if error.status == SYNCMGR_E_TIMEOUT, !Deadline.hasPassed(deadline) { return }
      throw error
    }
  }

  // MARK: - Who gets it

  /// The mailboxes that are to have a letter. Under the send guard.
  func targets(
    _ letter: Letter, _ options: SendOptions
  ) throws(Failure) -> [Mailbox] {
    switch kind {
    case SYNCMGR_CHANNEL_QUEUE: return [row]
    case SYNCMGR_CHANNEL_DIRECT:
      if let mailbox = mailbox(of: options.target) { return [mailbox] }
      try checkNames([options.target[...]])
      throw Failure(
        SYNCMGR_E_NOT_FOUND, caller.object,
        text: "no workstream '\(String(decoding: options.target, as: UTF8.self))' receives there")
    default: break
    }
    var found: [Mailbox] = []
    let names =
      options.target.isEmpty
      ? [] : options.target.split(separator: 0x2f, omittingEmptySubsequences: false)
    try checkNames(names)
    func add(_ mailbox: Mailbox) {
      guard mailbox.role.load() == SM_MAILBOX_OWN else { return }
      let owner = mailbox.owner.load()
      if names.isEmpty {
        if owner == caller.mine, !options.sendsSelf { return }
      } else if !names.contains(where: { isNamed(mailbox, UnsafeRawBufferPointer(rebasing: $0)) }) {
        return
      }
      found.append(mailbox)
    }
    if kind == SYNCMGR_CHANNEL_PUBSUB {
      try Topics.forMatches(self, letter.topic) { add($0) }
    } else {
      attachment.forListed(of: row) { add($0) }
    }
    return found
  }

  /// Whether names that no workstream has are names at all.
  private func checkNames(_ names: [Slice<UnsafeRawBufferPointer>]) throws(Failure) {
    for name in names {
      _ = try (name.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer {
        (text) throws(Failure) in try Name(text.baseAddress, what: "target")
      }
    }
  }

  /// The mailbox of the workstream of this name. Under the send guard.
  func mailbox(of name: UnsafeRawBufferPointer) -> Mailbox? {
    var found: Mailbox?
    attachment.forListed(of: row) {
      if found == nil, $0.role.load() == SM_MAILBOX_OWN, isNamed($0, name) { found = $0 }
    }
    return found
  }

  private func isNamed(_ mailbox: Mailbox, _ name: UnsafeRawBufferPointer) -> Bool {
    guard let stream = attachment.workstream(ofOwner: mailbox.owner.load()),
      stream.nameLength.load() == UInt32(name.count), name.count < NameField.capacity
    else { return false }
    let field = NameField(stream).at
    for index in 0..<name.count where field[index] != name[index] { return false }
    return true
  }
}
