import CSyncMgr
import CSyncMgrShim

/// A workstream's inbox: the messages that were sent to it.
enum Inbox {
  /// Takes the next message: the one of the highest priority, of these the oldest.
  static func next(_ slot: Slot, _ handle: UInt64, _ timeout: Int64) throws(Failure) -> Notice {
    let deadline = try Deadline.after(timeout)
    let attachment = Attachment.of(slot)
    let stream = try place(of: slot)
    while true {
      // The count first: it changes after a message is there, and after the handle was closed.
      let seen = stream.inbox.load()
      if let message = take(attachment, stream) { return message }
      if slot.tag.load() != handle {
        throw Waits.inboxFailure(SYNCMGR_E_CLOSED)
      }
      if timeout == 0 || Deadline.hasPassed(deadline) {
        throw Waits.inboxFailure(SYNCMGR_E_TIMEOUT)
      }
      attachment.park(on: stream.inbox, seen, until: deadline)
    }
  }

  /// Takes a message that is there, or begins to wait for one.
  static func nextStart(
    _ slot: Slot, _ start: Tickets.Start
  ) throws(Failure) -> (Started, Notice?) {
    let attachment = Attachment.of(slot)
    try start.check(attachment)
    let place = try place(of: slot)
    if let message = take(attachment, place) { return (Started(SYNCMGR_OK), message) }
    if start.timeout == 0 { throw Waits.inboxFailure(SYNCMGR_E_TIMEOUT) }
    let stream = Stream.of(slot)
    // Whoever closes the workstream waits for this call, and then looks for its waits.
    Local.always { _ in stream.hasAwaited = true }
    var message: Notice?
    let started = try start.begin(slot, nil, stream.owner, looks: false) {
      (draft) throws(Failure) in
      let isWaiting = attachment.always {
        message = take(attachment, place)
        if message == nil { attachment.beginInboxWait(draft, stream.owner) }
        return message == nil
      }
      if isWaiting { return nil }
      attachment.giveBack(draft.cell)
      return Outcome(SYNCMGR_OK)
    }
    return (started, message)
  }

  static func place(of slot: Slot) throws(Failure) -> Workstream {
    let attachment = Attachment.of(slot)
    guard let stream = attachment.segment.workstream(slot.pointee.index) else {
      throw attachment.corrupt("the workstream table")
    }
    return stream
  }

  /// The claim is the taking: what was copied before it is of this message, which stays while one
  /// recipient has not read it.
  private static func take(_ attachment: Attachment, _ stream: Workstream) -> Notice? {
    let id = stream.id.load()
    while true {
      var best: (message: MessagePlace, place: UnsafeMutablePointer<sm_recipient>, word: UInt32)?
      attachment.forMessages(to: id) { message, place in
        let word = attachment.status(of: place, message)
        guard !Delivery.isOver(word), word & Delivery.taken == 0 else { return }
        if let found = best?.message {
          let (one, other) = (message.priority.load(), found.priority.load())
          if one < other || one == other && message.id.load() > found.id.load() { return }
        }
        best = (message, place, word)
      }
      guard let best else { return nil }
      let notice = copy(best.message, to: id)
      let isAwaited = best.message.flags.load() & SYNCMGR_NOTIFY_REQUIRE_ACK != 0
      let status = isAwaited ? SYNCMGR_NOTIFICATION_DELIVERED : SYNCMGR_NOTIFICATION_READ
      let word = Delivery.word(status, of: notice.message) | Delivery.taken
      if best.place.status.claim(best.word, word) { return notice }
    }
  }

  private static func copy(_ message: MessagePlace, to recipient: UInt64) -> Notice {
    var notice = Notice(message.kind.load())
    notice.priority = min(message.priority.load(), SYNCMGR_PRIORITY_CRITICAL)
    notice.time = message.time.load()
    notice.wall = message.wall.load()
    notice.workstream = message.sender.load()
    notice.pid = Int32(bitPattern: message.pid.load())
    notice.name = message.name.read()
    notice.text = message.text.read()
    notice.detail = message.detail.read()
    notice.message = message.id.load()
    notice.recipient = recipient
    notice.value = recipient
    return notice
  }

  /// Says that a workstream has read a message.
  static func acknowledge(_ slot: Slot, _ id: UInt64) throws(Failure) {
    let attachment = Attachment.of(slot)
    let mine = try place(of: slot).id.load()
    guard let message = attachment.findMessage(id),
      let place = message.recipients.first(where: { $0.workstream.load() == mine })
    else {
      throw Failure(
        SYNCMGR_E_NOT_FOUND, naming: "message \(id) is not there, or not for this workstream")
    }
    while true {
      let word = attachment.status(of: place, message)
      switch word & Delivery.status {
      case SYNCMGR_NOTIFICATION_READ: return
      case SYNCMGR_NOTIFICATION_EXPIRED:
        throw Failure(SYNCMGR_E_TIMEOUT, naming: "message \(id) has expired")
      default: break
      }
      let read = Delivery.word(SYNCMGR_NOTIFICATION_READ, of: id) | Delivery.taken
      if place.status.claim(word, read) { return }
    }
  }

  static func status(
    _ attachment: Attachment, _ id: UInt64
  ) throws(Failure) -> [syncmgr_recipient_t] {
    // Under the directory guard no message makes room for another one.
    try attachment.inDirectory { () throws(Failure) in
      guard let message = attachment.findMessage(id) else {
        throw Failure(
          SYNCMGR_E_NOT_FOUND, naming: "there is no message \(id), or it was over long ago")
      }
      return message.recipients.map { place in
        var found = syncmgr_recipient_t()
        found.workstream = place.workstream.load()
        found.status = attachment.status(of: place, message) & Delivery.status
        found.pid = Int32(bitPattern: place.pid.load())
        copyText(NameField(place).read().bytes, to: &found.name)
        return found
      }
    }
  }
}
