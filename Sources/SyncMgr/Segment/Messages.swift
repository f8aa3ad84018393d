import CSyncMgr
import CSyncMgrShim

/// Messages to named workstreams. A message is filled under the directory guard and exists once it
/// is `live`; after that only its recipients' statuses change, each by one compare-and-swap.
extension Attachment {
  /// What a sender gives.
  struct Draft {
    var kind: UInt32
    var priority: UInt32
    var flags: UInt32
    var expires: Int64
    var text: [UInt8]
    var detail: [UInt8]
  }

  /// So many messages are kept before those that are over make room for new ones.
  private static let kept: UInt32 = 64

  /// Puts a message into the inboxes of those recipients that live. Returns its id and those.
  func post(
    _ draft: Draft, from sender: Workstream, to names: [Name]
  ) throws(Failure) -> (id: UInt64, found: [Workstream]) {
    let (id, found) = try inDirectory { () throws(Failure) in try fill(draft, sender, names) }
    for (stream, owner) in found {
      sm_futex_wake(stream.inbox.at, Int32.max)
      var notice = Notice(draft.kind)
      notice.tells(of: sender)
      notice.priority = draft.priority
      notice.text = draft.text
      notice.detail = draft.detail
      notice.message = id
      notice.expires = draft.expires
      notice.recipient = stream.id.load()
      notice.value = notice.recipient
      notice.recipientOwner = owner
      if wants(draft.kind) { write(notice) }
    }
    return (id, found.map { $0.0 })
  }

  private func fill(
    _ draft: Draft, _ sender: Workstream, _ names: [Name]
  ) throws(Failure) -> (UInt64, [(Workstream, UInt32)]) {
    var found: [(Workstream, UInt32)] = []
    let streams = names.map { findWorkstream($0).flatMap { segment.workstream($0) } }
    guard streams.contains(where: { $0 != nil }) else {
      throw Failure(
        SYNCMGR_E_NOT_FOUND, naming: "there is no workstream '\(names[0].text)' to send to")
    }
    guard let message = try freeMessage() else { throw corrupt("the table of messages") }
    let id = header.messageSerial.load() &+ 1
    header.messageSerial.store(id)
    // Dies before `live`: the directory's repair frees the slot. After: it is as good as sent, and
    // the repair wakes the recipients.
    message.state.store(SlotState.claimed)
    message.owner.store(me)
    message.id.store(id)
    message.time.store(UInt64(bitPattern: sm_now()))
    message.wall.store(UInt64(bitPattern: sm_date()))
    message.expires.store(UInt64(bitPattern: draft.expires))
    message.sender.store(sender.id.load())
    message.pid.store(sender.pid.load())
    message.kind.store(draft.kind)
    message.priority.store(draft.priority)
    message.flags.store(draft.flags)
    message.name.write(NameField(sender).read().bytes)
    message.text.write(draft.text)
    message.detail.write(draft.detail)
    message.count.store(UInt32(names.count))
    for (index, place) in message.recipients.enumerated() {
      NameField(place).write(names[index])
      guard let stream = streams[index] else {
        place.workstream.store(0)
        place.owner.store(0)
        place.pid.store(0)
        place.status.store(Delivery.word(SYNCMGR_NOTIFICATION_FAILED, of: id))
        continue
      }
      let owner = OwnerID.make(
        index: findWorkstream(names[index]) ?? 0, generation: stream.generation.load())
      place.workstream.store(stream.id.load())
      place.owner.store(owner)
      place.pid.store(stream.pid.load())
      place.status.store(Delivery.word(SYNCMGR_NOTIFICATION_PENDING, of: id))
      found.append((stream, owner))
    }
    message.state.store(SlotState.live)
    for (stream, _) in found { stream.inbox.add(1) }
    return (id, found)
  }

  /// A slot that is free, or whose message is over.
  private func freeMessage() throws(Failure) -> MessagePlace? {
    let table = messageTable
    var oldest: MessagePlace?
    for index in 0..<segment.messageCount {
      guard let message = segment.message(index) else { continue }
      if message.state.load() != SlotState.live { return message }
      guard message.id.load() < oldest?.id.load() ?? UInt64.max, isOver(message) else { continue }
      oldest = message
    }
    let high = segment.messageCount
    if let oldest, high >= Attachment.kept { return oldest }
    guard high < table.capacity else {
      throw Failure(
        SYNCMGR_E_LIMIT, naming: "\(text) has no room for more than \(table.capacity) messages")
    }
    try commit(table, high)
    table.high.store(high + 1)
    return segment.message(high)
  }

  private func isOver(_ message: MessagePlace) -> Bool {
    message.recipients.allSatisfy { Delivery.isOver(status(of: $0, message)) }
  }

  /// A recipient's status; what was not read in time has expired.
  func status(
    of recipient: UnsafeMutablePointer<sm_recipient>, _ message: MessagePlace
  ) -> UInt32 {
    while true {
      let seen = recipient.status.load()
      let expires = Int64(bitPattern: message.expires.load())
      if Delivery.isOver(seen) || expires == 0 || sm_now() < expires { return seen }
      _ = recipient.status.claim(
        seen, seen & ~Delivery.status | SYNCMGR_NOTIFICATION_EXPIRED)
    }
  }

  func findMessage(_ id: UInt64) -> MessagePlace? {
    for index in 0..<segment.messageCount {
      if let message = segment.message(index), message.state.load() == SlotState.live,
        message.id.load() == id
      {
        return message
      }
    }
    return nil
  }

  /// What was sent to a workstream that ends, and that it has not read, it never will. Under the
  /// directory guard.
  func failMessages(to stream: Workstream) {
    let id = stream.id.load()
    forMessages(to: id) { message, place in
      _ = place.status.update {
        Delivery.isOver($0) ? nil : $0 & ~Delivery.status | SYNCMGR_NOTIFICATION_FAILED
      }
    }
  }

  func forMessages(
    to id: UInt64, _ body: (MessagePlace, UnsafeMutablePointer<sm_recipient>) -> Void
  ) {
    for index in 0..<segment.messageCount {
      guard let message = segment.message(index), message.state.load() == SlotState.live else {
        continue
      }
      for place in message.recipients where place.workstream.load() == id { body(message, place) }
    }
  }

  /// Whoever died in the directory left at most one message that nobody has seen, or whose
  /// recipients were not woken.
  func repairMessages() {
    for index in 0..<segment.messageCount {
      if let message = segment.message(index), message.state.load() != SlotState.live {
        message.state.store(SlotState.free)
      }
    }
    wakeInboxes()
  }

  /// Has everybody who waits for a message look again.
  func wakeInboxes() {
    if segment.messageCount == 0 { return }
    for index in 0..<segment.workstreamCount {
      if let stream = segment.workstream(index), stream.owner.load() != 0 { wakeInbox(stream) }
    }
  }

  func wakeInbox(_ stream: Workstream) {
    stream.inbox.add(1)
    sm_futex_wake(stream.inbox.at, Int32.max)
  }
}

/// A recipient's status word. It has the lower half of the message's id in it, so that nobody who
/// comes late changes the status of the message that is in the slot by then.
enum Delivery {
  /// Beside the status: the inbox has given it out.
  static let taken: UInt32 = 0x100
  static let status: UInt32 = 0xff

  static func word(_ status: UInt32, of id: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: id & 0xffff) << 16 | status
  }

  /// Whether nothing will change any more.
  static func isOver(_ word: UInt32) -> Bool {
    let status = word & status
    return status != SYNCMGR_NOTIFICATION_PENDING && status != SYNCMGR_NOTIFICATION_DELIVERED
  }
}
