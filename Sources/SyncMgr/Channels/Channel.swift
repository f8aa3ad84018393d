import CSyncMgr
import CSyncMgrShim

/// A channel: an object whose mailbox record has its parameters, and whose messages lie in its own
/// mailbox (a queue) or in one of each receiver.
struct Channel {
  let caller: Caller
  let row: Mailbox
  /// Which of the kinds it is. Fixed, so that it is in the handle.
  let kind: UInt32

  @inline(__always)
  init(_ caller: Caller) throws(Failure) {
    self.caller = caller
    kind = caller.slot.pointee.count
    guard let row = caller.attachment.segment.mailbox(caller.slot.pointee.index) else {
      throw caller.attachment.corrupt("the table of mailboxes")
    }
    self.row = row
  }

  @inline(__always) var attachment: Attachment { caller.attachment }

  /// Whose messages and loans are: this workstream's, since it opened the channel. Index + 1.
  var hold: UInt32 { attachment.segment.index(of: caller.holding) + 1 }

  // MARK: - Opening

  struct Options {
    var kind: UInt32
    var flags: UInt32 = 0
    var capacity: UInt32 = 256
    var inlineSize: UInt32 = 256
    var overflow = SYNCMGR_OVERFLOW_DEFAULT
    var history: UInt32 = 0
    var maxDeliveries: UInt32 = 0
    var visibility: Int64 = SYNCMGR_FOREVER
    var deadLetters: Name?

    var levels: UInt32 { flags & SYNCMGR_CHANNEL_PRIORITIES != 0 ? SM_LEVELS : 1 }

    /// What happens when there is no room, with the kind's default in its place.
    var policy: UInt32 {
      if overflow != SYNCMGR_OVERFLOW_DEFAULT { return overflow }
      return kind == SYNCMGR_CHANNEL_BROADCAST || kind == SYNCMGR_CHANNEL_PUBSUB
        ? SYNCMGR_OVERFLOW_DROP_OLDEST : SYNCMGR_OVERFLOW_BLOCK
    }

    var room: UInt32 { Mailbox.room(inlineSize) }
  }

  /// Under the directory guard.
  static func make(
    _ object: Object, _ wanted: Options, _ attachment: Attachment
  ) throws(Failure) {
    let isQueue = wanted.kind == SYNCMGR_CHANNEL_QUEUE
    let index = attachment.segment.index(of: object)
    let row = try attachment.makeMailbox(
      object, channel: index + 1,
      Attachment.MailboxShape(
        role: isQueue ? SM_MAILBOX_QUEUE : SM_MAILBOX_NONE, capacity: isQueue ? wanted.capacity : 0,
        levels: wanted.levels, room: wanted.room))
    row.kind.store(wanted.kind)
    row.overflow.store(wanted.policy)
    row.inlineSize.store(wanted.inlineSize)
    row.history.store(wanted.history)
    row.maxDeliveries.store(wanted.maxDeliveries)
    row.visibility.store(UInt64(bitPattern: wanted.visibility))
    if !isQueue { row.capacity.store(wanted.capacity) }
    if let name = wanted.deadLetters {
      row.deadLetters.store(try deadLetters(name, attachment) + 1)
    }
    if wanted.history > 0 {
      let past = try makeNameless(
        index, row, attachment,
        Attachment.MailboxShape(
          role: SM_MAILBOX_HISTORY, capacity: wanted.history, levels: 1, room: wanted.room))
      row.past.store(past + 1)
    }
  }

  /// The queue for what could not be delivered, made when it is not there.
  private static func deadLetters(
    _ name: Name, _ attachment: Attachment
  ) throws(Failure) -> UInt32 {
    if let index = attachment.findObject(name), let object = attachment.segment.object(index) {
      guard object.type.load() == SYNCMGR_TYPE_CHANNEL,
        attachment.segment.mailbox(index)?.kind.load() == SYNCMGR_CHANNEL_QUEUE
      else {
        throw Failure(SYNCMGR_E_TYPE, naming: "'\(name.text)', for dead letters, is no queue")
      }
      return index
    }
    return try attachment.makeObject(
      name, type: SYNCMGR_TYPE_CHANNEL, flags: 0, count: SYNCMGR_CHANNEL_QUEUE, word: 0
    ) { (object) throws(Failure) in
      try make(object, Options(kind: SYNCMGR_CHANNEL_QUEUE), attachment)
    }
  }

  /// A mailbox of a channel with an object of its own. Under the directory guard.
  static func makeNameless(
    _ channel: UInt32, _ row: Mailbox, _ attachment: Attachment, _ shape: Attachment.MailboxShape
  ) throws(Failure) -> UInt32 {
    let name = attachment.segment.object(channel).map { NameField($0).read() } ?? Name(made: [])
    return try attachment.makeObject(
      name, type: ObjectType.mailbox, flags: 0, count: 0, word: 0
    ) { (object) throws(Failure) in
      _ = try attachment.makeMailbox(object, channel: channel + 1, shape)
    }
  }

  /// Whether a channel that is there is what was asked for; `isExact`: parameters were named.
  static func compare(
    _ object: Object, _ wanted: Options, isExact: Bool, _ attachment: Attachment
  ) throws(Failure) {
    guard let row = attachment.segment.mailbox(attachment.segment.index(of: object)) else {
      throw attachment.corrupt("the table of mailboxes")
    }
    func check(_ noun: StaticString, _ has: UInt64, _ asked: UInt64) throws(Failure) {
      if has == asked { return }
      throw Failure(SYNCMGR_E_MISMATCH, object, text: "it has \(noun) \(has), not \(asked)")
    }
    try check("kind", UInt64(row.kind.load()), UInt64(wanted.kind))
    if !isExact { return }
    try check("flags", UInt64(object.flags.load()), UInt64(wanted.flags))
    try check("capacity", UInt64(row.capacity.load()), UInt64(wanted.capacity))
    try check("inline_size", UInt64(row.inlineSize.load()), UInt64(wanted.inlineSize))
    try check("overflow", UInt64(row.overflow.load()), UInt64(wanted.policy))
    try check("history", UInt64(row.history.load()), UInt64(wanted.history))
    try check("max_deliveries", UInt64(row.maxDeliveries.load()), UInt64(wanted.maxDeliveries))
    try check("visibility_ns", row.visibility.load(), UInt64(bitPattern: wanted.visibility))
    let letters = row.deadLetters.load()
    let has = attachment.segment.object(letters &- 1).map { NameField($0).read() }
    if has?.bytes != wanted.deadLetters?.bytes {
      func quoted(_ name: Name?) -> String { name.map { "'\($0.text)'" } ?? "none" }
      throw Failure(
        SYNCMGR_E_MISMATCH, object,
        text: "its queue for dead letters is \(quoted(has)), not \(quoted(wanted.deadLetters))")
    }
  }

  // MARK: - The workstream's own mailbox

  /// The mailbox that this workstream receives from.
  @inline(__always)
  func mailbox() throws(Failure) -> (object: Object, row: Mailbox) {
    if kind == SYNCMGR_CHANNEL_QUEUE { return (caller.object, row) }
    let index = caller.holding.index.load()
    guard index != 0, let object = attachment.segment.object(index - 1),
      let own = attachment.segment.mailbox(index - 1)
    else { throw noMailbox() }
    return (object, own)
  }

  /// A mailbox of this workstream as it is now: it may end, and be somebody else's, at any time.
  struct Visit {
    let object: Object
    let mailbox: Mailbox
    let serial: UInt64

    /// Whether it is not what it was.
    var isOver: Bool {
      mailbox.role.load() == SM_MAILBOX_NONE || mailbox.serial.load() != serial
    }
  }

  @inline(__always)
  func visit(_ object: Object, _ own: Mailbox) throws(Failure) -> Visit {
    // The number first: what is ours then, and has that number later, is ours later.
    let serial = own.serial.load()
    guard own.isFor(caller.mine, caller.slot.pointee.index) else { throw hasEnded() }
    return Visit(object: object, mailbox: own, serial: serial)
  }

  @inline(never)
  func hasEnded() -> Failure {
    Failure(
      SYNCMGR_E_CLOSED, caller.object,
      text: "the subscription, or the request, has ended meanwhile")
  }

  @inline(never)
  private func noMailbox() -> Failure {
    if kind == SYNCMGR_CHANNEL_MEMORY {
      return Failure(SYNCMGR_E_UNSUPPORTED, caller.object, "it keeps cells and no messages")
    }
    return Failure(SYNCMGR_E_NOT_FOUND, caller.object, "this workstream has not subscribed")
  }

  /// Gives the workstream a mailbox, if it has none. Dies before it is listed: the object is found
  /// by its owner, see `settleMailbox`. Two threads at once: the second one's goes.
  func ensureMailbox() throws(Failure) {
    if caller.holding.index.load() != 0 { return }
    let made = try makeOwn(SM_MAILBOX_OWN, capacity: row.capacity.load())
    attachment.lockSending(row)
    do throws(Failure) { try caller.lock() } catch {
      attachment.unlockSending(row)
      attachment.endMailbox(made)
      throw error
    }
    let isFirst = caller.holding.index.load() == 0 && row.shut.load() == 0
    if isFirst, let own = attachment.segment.mailbox(made) {
      attachment.list(own, of: row)
      caller.holding.index.store(made + 1)
    }
    caller.unlock()
    attachment.unlockSending(row)
    if !isFirst { attachment.endMailbox(made) }
    if caller.holding.index.load() == 0 { throw isShut() }
  }

  func makeOwn(
    _ role: UInt32, capacity: UInt32, asked: UInt32 = 0
  ) throws(Failure) -> UInt32 {
    // What is kept is never taken, and so in one order.
    let hasLevels =
      role != SM_MAILBOX_HISTORY
      && caller.object.flags.load() & SYNCMGR_CHANNEL_PRIORITIES != 0
    let levels: UInt32 = hasLevels ? SM_LEVELS : 1
    let shape = Attachment.MailboxShape(
      role: role, capacity: capacity, levels: levels, room: row.room,
      owner: caller.mine, holding: attachment.segment.index(of: caller.holding) + 1, asked: asked)
    return try attachment.inDirectory { () throws(Failure) in
      try Channel.makeNameless(caller.slot.pointee.index, row, attachment, shape)
    }
  }

  func isShut() -> Failure {
    Failure(SYNCMGR_E_CLOSED, caller.object, text: "the channel was shut")
  }

  // MARK: - Ending for everybody

  func shut(_ flags: UInt32) throws(Failure) {
    let state: UInt32 = flags & SYNCMGR_CHANNEL_DRAIN != 0 ? 1 : 2
    attachment.lockSending(row)
    if row.shut.load() < state { row.shut.store(state) }
    // Nobody can subscribe any more; and where it was not drained, nobody receives.
    for part in [row.past, row.retained] {
      if let kept = attachment.segment.mailbox(part.load() &- 1) { attachment.dropAll(kept) }
    }
    if row.shut.load() == 2 { attachment.forMailboxes(of: row) { attachment.dropAll($0) } }
    attachment.unlockSending(row)
    attachment.endShutWaits(caller.slot.pointee.index, row)
  }
}

extension Attachment {
  /// Ends a mailbox that has an object of its own: it is in no list, and then is nothing.
  func endMailbox(_ index: UInt32) {
    guard let mailbox = segment.mailbox(index), let object = segment.object(index),
      object.type.load() == ObjectType.mailbox, object.state.load() == SlotState.live,
      let channel = segment.mailbox(mailbox.channel.load() &- 1)
    else { return }
    lockSending(channel)
    unlist(mailbox, of: channel)
    emptyMailbox(mailbox)
    unlockSending(channel)
    var wakes = Wakes()
    lock(object)
    finishLine(object, SYNCMGR_E_CLOSED, &wakes)
    unlock(object)
    wakes.send(self)
    removeNameless(index, object)
  }

  /// Ends the waits of a channel that was shut: for room always, for messages where there are none
  /// to come.
  func endShutWaits(_ index: UInt32, _ channel: Mailbox) {
    var all = [index]
    lockSending(channel)
    forListed(of: channel) { all.append(segment.index(of: $0)) }
    unlockSending(channel)
    for one in all {
      guard let object = segment.object(one) else { continue }
      var wakes = Wakes()
      let isOver =
        channel.shut.load() == 2 || segment.mailbox(one).map { segment.isEmpty($0) } ?? true
      lock(object)
      finishLine(object, isOver ? SYNCMGR_E_CLOSED : SYNCMGR_OK, &wakes)
      unlock(object)
      wakes.send(self)
    }
  }
}
