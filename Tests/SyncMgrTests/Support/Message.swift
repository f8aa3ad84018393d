import CSyncMgr

/// A message, as plain values.
struct Message: Equatable, Sendable {
  let id: UInt64
  let sender: String
  let text: String
  let priority: UInt32

  init(_ notice: syncmgr_notice_t) {
    id = notice.message
    sender = notice.nameText
    text = withUnsafeBytes(of: notice.text) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    priority = notice.priority
  }
}

extension Workstream {
  func send(
    _ text: String, to recipients: String?, priority: UInt32 = SYNCMGR_PRIORITY_MEDIUM,
    flags: UInt32 = 0, ttl: Int64 = forever
  ) -> (status: Status, id: UInt64) {
    var options = syncmgr_notify_options_t(
      size: UInt32(MemoryLayout<syncmgr_notify_options_t>.size), kind: SYNCMGR_NOTICE_CUSTOM,
      priority: priority, flags: flags, ttl_ns: ttl)
    var id: UInt64 = 0
    let status = Status(syncmgr_notify(handle.pointer, recipients, &options, text, nil, &id))
    return (status, id)
  }

  func next(_ timeout: Int64 = 0) -> (status: Status, message: Message) {
    var notice = syncmgr_notice_t()
    let status = Status(syncmgr_inbox_next(handle.pointer, timeout, &notice))
    return (status, Message(notice))
  }

  func acknowledge(_ id: UInt64) -> Status {
    Status(syncmgr_notification_read(handle.pointer, id))
  }

  /// Takes a message or starts to wait for one.
  func nextStart(
    _ timeout: Int64 = forever, queue: Queue? = nil
  ) -> (started: Started, message: Message) {
    var notice = syncmgr_notice_t()
    var pointer: OpaquePointer?
    let status = Status(
      syncmgr_inbox_next_start(
        handle.pointer, timeout, queue?.handle.pointer, 0, &pointer, &notice))
    let ticket = pointer.map { Ticket(handle: Handle($0)) }
    return (Started(status: status, ticket: ticket), Message(notice))
  }
}

extension Space {
  /// How far a message is with each of its recipients.
  func statuses(of id: UInt64) throws(Failed) -> [UInt32] {
    var found = [syncmgr_recipient_t](
      repeating: syncmgr_recipient_t(), count: Int(SYNCMGR_RECIPIENTS_MAX))
    let count = try written(over: UInt32.max) {
      syncmgr_notification_status(handle.pointer, id, &found, UInt32(found.count), $0)
    }
    return found.prefix(Int(count)).map(\.status)
  }
}
