import CSyncMgr
import CSyncMgrShim

/// How channels look through the window, and to the search for deadlocks.
extension Channel {
  private static let kinds: [StaticString] = [
    "queue", "direct", "broadcast", "publish_subscribe", "shared_memory",
  ]
  private static let policies: [StaticString] = [
    "default", "block", "fail", "drop_oldest", "drop_newest",
  ]

  private static func word(_ words: [StaticString], _ number: UInt32) -> String {
    words.indices.contains(Int(number)) ? words[Int(number)].description : "?"
  }

  static func showParameters(_ attachment: Attachment, _ object: Object, _ json: inout JSON) {
    guard let row = attachment.segment.mailbox(attachment.segment.index(of: object)) else { return }
    let flags = object.flags.load()
    json.text("kind", word(kinds, row.kind.load()))
    json.number("capacity", row.capacity.load())
    json.number("inline_size", row.inlineSize.load())
    if row.kind.load() == SYNCMGR_CHANNEL_MEMORY { return }
    json.text("overflow", word(policies, row.overflow.load()))
    json.truth("acknowledge", flags & SYNCMGR_CHANNEL_ACKNOWLEDGE != 0)
    json.truth("priorities", flags & SYNCMGR_CHANNEL_PRIORITIES != 0)
    json.truth("retain", flags & SYNCMGR_CHANNEL_RETAIN != 0)
    json.number("history", row.history.load())
    json.number("max_deliveries", row.maxDeliveries.load())
    let visibility = Int64(bitPattern: row.visibility.load())
    if visibility < 0 {
      json.null("visibility_ms")
    } else {
      json.milliseconds("visibility_ms", UInt64(visibility))
    }
    if let letters = attachment.segment.object(row.deadLetters.load() &- 1) {
      json.text("dead_letters", NameField(letters).read().text)
    } else {
      json.null("dead_letters")
    }
  }

  static func showState(_ attachment: Attachment, _ object: Object, _ json: inout JSON) {
    let segment = attachment.segment
    guard let row = segment.mailbox(segment.index(of: object)) else { return }
    json.truth("shut", row.shut.load() != 0)
    if row.kind.load() == SYNCMGR_CHANNEL_MEMORY {
      let count = attachment.countVariables(row)
      json.number("cells", count.cells)
      json.number("regions", count.regions)
      return
    }
    json.number("sent", row.sequence.load())
    json.array("mailboxes") { json in
      if row.memory.load() != 0 { show(row, attachment, &json) }
      // Without the send guard: a list that changes meanwhile is bounded, and shown as it was.
      attachment.forListed(of: row) { show($0, attachment, &json) }
    }
  }

  private static func show(_ mailbox: Mailbox, _ attachment: Attachment, _ json: inout JSON) {
    let role = mailbox.role.load()
    if role != SM_MAILBOX_QUEUE, role != SM_MAILBOX_OWN { return }
    json.object { json in
      if role == SM_MAILBOX_OWN {
        let owner = attachment.workstream(ofOwner: mailbox.owner.load())
        json.text("workstream", owner.map { NameField($0).read().text } ?? "?")
      }
      json.number("waiting", attachment.count(mailbox))
      json.number("taken", mailbox.taken.load())
      json.number("received", mailbox.received.load())
      json.number("dropped", mailbox.dropped.load())
      json.number("expired", mailbox.expired.load())
      json.number("undelivered", mailbox.undelivered.load())
    }
  }

  /// Who can end the waits at a mailbox, where that is somebody in particular: of a direct channel
  /// whoever the full mailbox belongs to, or was asked.
  static func absent(_ attachment: Attachment, _ object: Object) -> Absence? {
    guard let mailbox = attachment.segment.mailbox(attachment.segment.index(of: object)) else {
      return nil
    }
    let segment = attachment.segment
    let owner: UInt32
    switch mailbox.role.load() {
    case SM_MAILBOX_REPLY: owner = segment.isEmpty(mailbox) ? mailbox.asked.load() : 0
    case SM_MAILBOX_OWN:
      let kind = segment.mailbox(mailbox.channel.load() &- 1)?.kind.load()
      let isDirect = kind == SYNCMGR_CHANNEL_DIRECT
      owner = isDirect && !segment.hasRoom(mailbox) ? mailbox.owner.load() : 0
    default: owner = 0
    }
    if owner == 0 || attachment.workstream(ofOwner: owner) == nil { return nil }
    if isServed(owner, mailbox, attachment) { return nil }
    return Absence(needed: 1, missing: 1, owners: [owner])
  }

  /// Whether a workstream takes its messages by callbacks: they go on while a thread of it waits.
  private static func isServed(
    _ owner: UInt32, _ mailbox: Mailbox, _ attachment: Attachment
  ) -> Bool {
    guard let channel = attachment.segment.mailbox(mailbox.channel.load() &- 1) else { return true }
    var isServed = false
    attachment.forListed(of: channel) {
      if $0.role.load() == SM_MAILBOX_OWN, $0.owner.load() == owner, $0.served.load() != 0 {
        isServed = true
      }
    }
    return isServed
  }
}
