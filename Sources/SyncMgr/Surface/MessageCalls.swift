public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_notify(
  _ workstream: OpaquePointer?, _ recipients: UnsafePointer<CChar>?,
  _ options: UnsafePointer<syncmgr_notify_options_t>?, _ text: UnsafePointer<CChar>?,
  _ detail: UnsafePointer<CChar>?, _ out_id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    var defaults = syncmgr_notify_options_t()
    defaults.kind = SYNCMGR_NOTICE_CUSTOM
    defaults.priority = SYNCMGR_PRIORITY_MEDIUM
    defaults.ttl_ns = SYNCMGR_FOREVER
    let wanted = try readOptions(options, defaults)
    try checkFlags(wanted.flags, SYNCMGR_NOTIFY_REQUIRE_ACK)
    try checkPriority(wanted.priority)
    let draft = Attachment.Draft(
      kind: wanted.kind, priority: wanted.priority, flags: wanted.flags,
      expires: try Outbox.end(of: wanted.ttl_ns), text: try checkText(text),
      detail: try checkDetail(detail))
    let (status, id) = try Outbox.send(draft, slot, to: recipients.map { Outbox.names($0) })
    out_id?.pointee = id
    return status
  }
}

@c @implementation
public func syncmgr_inbox_next(
  _ workstream: OpaquePointer?, _ timeout_ns: Int64,
  _ out_message: UnsafeMutablePointer<syncmgr_notice_t>?
) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    let target = try required(out_message)
    let message = try Inbox.next(slot, number(workstream), timeout_ns)
    target.pointee = syncmgr_notice_t(message, userData: 0)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_inbox_next_start(
  _ workstream: OpaquePointer?, _ timeout_ns: Int64, _ queue: OpaquePointer?,
  _ user_data: UInt64, _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?,
  _ out_message: UnsafeMutablePointer<syncmgr_notice_t>?
) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    let target = try required(out_ticket)
    let room = try required(out_message)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    let (started, message) = try Inbox.nextStart(slot, start)
    if let message { room.pointee = syncmgr_notice_t(message, userData: 0) }
    return try give(started, target)
  }
}

@c @implementation
public func syncmgr_notification_read(_ workstream: OpaquePointer?, _ id: UInt64) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    try Inbox.acknowledge(slot, id)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_notification_status(
  _ manager: OpaquePointer?, _ id: UInt64, _ recipients: UnsafeMutablePointer<syncmgr_recipient_t>?,
  _ capacity: UInt32, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    let target = try required(out_count)
    if recipients == nil, capacity > 0 {
      throw Failure(SYNCMGR_E_INVALID, "there is no room for recipients")
    }
    let found = try Inbox.status(Manager.of(slot).attachment, id)
    for (index, recipient) in found.prefix(Int(capacity)).enumerated() {
      recipients?[index] = recipient
    }
    target.pointee = UInt32(found.count)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_workstream_complete(
  _ workstream: OpaquePointer?, _ detail: UnsafePointer<CChar>?
) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    try Outbox.finish(slot, SYNCMGR_NOTICE_COMPLETED, detail: checkDetail(detail))
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_workstream_fail(
  _ workstream: OpaquePointer?, _ reason: UnsafePointer<CChar>?
) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    try Outbox.finish(slot, SYNCMGR_NOTICE_FAILED, text: checkText(reason))
    return SYNCMGR_OK
  }
}

func checkPriority(_ priority: UInt32) throws(Failure) {
  if priority <= SYNCMGR_PRIORITY_CRITICAL { return }
  throw Failure(SYNCMGR_E_INVALID, naming: "\(priority) is no priority: 0 to 3 are possible")
}

/// Reads a C string of the caller's: UTF-8, of bounded length.
func checkText(
  _ text: UnsafePointer<CChar>?, _ noun: StaticString = "text", most: UInt32 = SYNCMGR_TEXT_MAX
) throws(Failure) -> [UInt8] {
  guard let text else { return [] }
  var bytes: [UInt8] = []
  while text[bytes.count] != 0 {
    if bytes.count == most {
      throw Failure(SYNCMGR_E_INVALID, naming: "the \(noun) is longer than \(most) bytes")
    }
    bytes.append(UInt8(bitPattern: text[bytes.count]))
  }
  if String(validating: bytes, as: UTF8.self) == nil {
    throw Failure(SYNCMGR_E_INVALID, naming: "the \(noun) is not UTF-8")
  }
  return bytes
}

private func checkDetail(_ text: UnsafePointer<CChar>?) throws(Failure) -> [UInt8] {
  let bytes = try checkText(text, "detail", most: SYNCMGR_DETAIL_MAX)
  if text != nil {
    try bytes.withUnsafeBufferPointer { (bytes) throws(Failure) in
      _ = try JSONReader.read(UnsafeRawBufferPointer(bytes), "detail", .passing)
    }
  }
  return bytes
}
