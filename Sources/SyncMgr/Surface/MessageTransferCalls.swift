public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_channel_send(
  _ channel: OpaquePointer?, _ data: UnsafeRawPointer?, _ length: Int,
  _ options: UnsafePointer<syncmgr_send_options_t>?, _ timeout_ns: Int64,
  _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  var hasSpun = false
  var count: UInt32 = 0
  if options == nil, timeout_ns >= SYNCMGR_FOREVER,
    atOnce(
      channel, .channel,
      { slot, _ in
        count = AtOnce.send(slot, data, length, waits: timeout_ns != 0, &hasSpun)
        return count != 0
      })
  {
    out_count?.pointee = count
    return SYNCMGR_OK
  }
  return sendSlowly(channel, data, length, options, timeout_ns, hasSpun, out_count)
}

/// Apart, so that the fast path needs no frame.
@inline(never)
private func sendSlowly(
  _ channel: OpaquePointer?, _ data: UnsafeRawPointer?, _ length: Int,
  _ options: UnsafePointer<syncmgr_send_options_t>?, _ timeout_ns: Int64, _ hasSpun: Bool,
  _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    var letter = try letter(channel, data, length)
    var wanted = SendOptions(timeout: try checkedTimeout(timeout_ns), hasSpun: hasSpun)
    try read(options, into: &letter, &wanted, channel)
    let result = try channel.send(&letter, wanted)
    out_count?.pointee = result.count
    return result.status
  }
}

@c @implementation
public func syncmgr_channel_send_many(
  _ channel: OpaquePointer?, _ data: UnsafeRawPointer?, _ lengths: UnsafePointer<UInt32>?,
  _ inout_count: UnsafeMutablePointer<UInt32>?,
  _ options: UnsafePointer<syncmgr_send_options_t>?, _ timeout_ns: Int64
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    let count = try required(inout_count)
    guard let lengths, count.pointee > 0 else {
      throw Failure(SYNCMGR_E_INVALID, "there are no messages")
    }
    var model = try letter(channel, data, 0)
    var wanted = SendOptions(timeout: try checkedTimeout(timeout_ns))
    try read(options, into: &model, &wanted, channel)
    let deadline = try Deadline.after(timeout_ns)
    var next = data
    for position in 0..<Int(count.pointee) {
      let length = Int(lengths[position])
      if next == nil, length > 0 { throw Failure(SYNCMGR_E_INVALID, "the data is NULL") }
      var letter = model
      letter.data = next
      letter.length = length
      do throws(Failure) { _ = try channel.send(&letter, wanted) } catch {
        if position == 0 { throw error }
        count.pointee = UInt32(position)
        return SYNCMGR_OK
      }
      next = next.map { $0 + length }
      if deadline != Deadline.never { wanted.timeout = max(deadline - sm_now(), 0) }
    }
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_channel_room(
  _ channel: OpaquePointer?, _ options: UnsafePointer<syncmgr_send_options_t>?,
  _ out_what: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    let target = try required(out_what)
    var letter = try letter(channel, nil, 0)
    var wanted = SendOptions()
    try read(options, into: &letter, &wanted, channel)
    target.pointee = try channel.room(for: letter, wanted)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_channel_recv(
  _ channel: OpaquePointer?, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
  _ timeout_ns: Int64, _ out_message: UnsafeMutablePointer<syncmgr_message_t>?
) -> Int32 {
  var hasSpun = false
  if let out_message, timeout_ns >= SYNCMGR_FOREVER,
    atOnce(
      channel, .channel,
      { slot, _ in
        AtOnce.receive(
          slot, buffer, capacity, out_message, waits: timeout_ns != 0, &hasSpun)
      })
  {
    return SYNCMGR_OK
  }
  return receiveSlowly(channel, buffer, capacity, timeout_ns, hasSpun, out_message)
}

@inline(never)
private func receiveSlowly(
  _ channel: OpaquePointer?, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
  _ timeout_ns: Int64, _ hasSpun: Bool,
  _ out_message: UnsafeMutablePointer<syncmgr_message_t>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    let target = try required(out_message)
    try channel.receive(
      try room(buffer, capacity), timeout_ns, &target.pointee, hasSpun: hasSpun)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_channel_recv_many(
  _ channel: OpaquePointer?, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
  _ messages: UnsafeMutablePointer<syncmgr_message_t>?, _ count: UInt32,
  _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    let target = try required(out_count)
    guard let messages, count > 0 else {
      throw Failure(SYNCMGR_E_INVALID, "there is no room for messages")
    }
    _ = try room(buffer, capacity)
    target.pointee = try channel.receiveMany(
      UnsafeMutableRawBufferPointer(start: buffer, count: capacity),
      UnsafeMutableBufferPointer(start: messages, count: Int(count)))
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_channel_view(
  _ channel: OpaquePointer?, _ timeout_ns: Int64,
  _ out_message: UnsafeMutablePointer<syncmgr_message_t>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    let target = try required(out_message)
    try channel.receive(.view, timeout_ns, &target.pointee)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_message_acknowledge(_ channel: OpaquePointer?, _ receipt: UInt64) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    try channel.acknowledge(receipt)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_message_reject(
  _ channel: OpaquePointer?, _ receipt: UInt64, _ flags: UInt32,
  _ reason: UnsafePointer<CChar>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    try checkFlags(flags, SYNCMGR_REJECT_DEAD)
    let words = try bytes(reason, 255, "reason")
    try channel.reject(
      receipt, isDead: flags & SYNCMGR_REJECT_DEAD != 0,
      words ?? UnsafeRawBufferPointer(start: nil, count: 0))
    return SYNCMGR_OK
  }
}

// MARK: - Without copying

@c @implementation
public func syncmgr_channel_loan(
  _ channel: OpaquePointer?, _ size: Int,
  _ out_data: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    let target = try required(out_data)
    target.pointee = try channel.loan(size)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_channel_publish(
  _ channel: OpaquePointer?, _ loan: UnsafeMutableRawPointer?, _ length: Int,
  _ options: UnsafePointer<syncmgr_send_options_t>?, _ timeout_ns: Int64,
  _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    var letter = try letter(channel, nil, 0)
    letter.length = try checked(channel, length)
    var wanted = SendOptions(timeout: try checkedTimeout(timeout_ns))
    try read(options, into: &letter, &wanted, channel)
    let result = try channel.publish(loan, &letter, wanted)
    out_count?.pointee = result.count
    return result.status
  }
}

@c @implementation
public func syncmgr_channel_loan_return(
  _ channel: OpaquePointer?, _ loan: UnsafeMutableRawPointer?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    try channel.returnLoan(loan)
    return SYNCMGR_OK
  }
}

// MARK: - Requests

@c @implementation
public func syncmgr_channel_request(
  _ channel: OpaquePointer?, _ data: UnsafeRawPointer?, _ length: Int,
  _ options: UnsafePointer<syncmgr_send_options_t>?, _ timeout_ns: Int64,
  _ out_request: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    let target = try required(out_request)
    var letter = try letter(channel, data, length)
    var wanted = SendOptions(timeout: try checkedTimeout(timeout_ns))
    try read(options, into: &letter, &wanted, channel)
    target.pointee = try channel.request(&letter, wanted)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_channel_response(
  _ channel: OpaquePointer?, _ request: UInt64, _ buffer: UnsafeMutableRawPointer?,
  _ capacity: Int, _ timeout_ns: Int64, _ out_message: UnsafeMutablePointer<syncmgr_message_t>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    let target = try required(out_message)
    try channel.response(request, try room(buffer, capacity), timeout_ns, &target.pointee)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_channel_forget(_ channel: OpaquePointer?, _ request: UInt64) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    try channel.forget(request)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_channel_reply(
  _ channel: OpaquePointer?, _ reply_to: UInt64, _ data: UnsafeRawPointer?, _ length: Int,
  _ options: UnsafePointer<syncmgr_send_options_t>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    var letter = try letter(channel, data, length)
    var wanted = SendOptions()
    try read(options, into: &letter, &wanted, channel, isReply: true)
    try channel.reply(reply_to, &letter)
    return SYNCMGR_OK
  }
}

// MARK: - What these calls share

@inline(__always)
private func checkedTimeout(_ timeout: Int64) throws(Failure) -> Int64 {
  if timeout < SYNCMGR_FOREVER { _ = try Deadline.after(timeout) }
  return timeout
}

@inline(__always)
private func checked(_ channel: Channel, _ length: Int) throws(Failure) -> Int {
  if length < 0 || UInt64(length) > Attachment.heapSize - UInt64(SM_TEXTS) {
    throw channel.attachment.tooLarge(UInt64(UInt(bitPattern: length)))
  }
  return length
}

/// A message without options, in the name of the calling workstream.
@inline(__always)
private func letter(
  _ channel: Channel, _ data: UnsafeRawPointer?, _ length: Int
) throws(Failure) -> Letter {
  if data == nil, length > 0 { throw Failure(SYNCMGR_E_INVALID, "the data is NULL") }
  if channel.kind == SYNCMGR_CHANNEL_MEMORY {
    throw Failure(SYNCMGR_E_UNSUPPORTED, "the channel keeps cells and no messages")
  }
  var letter = Letter(data: data, length: try checked(channel, length))
  channel.sign(&letter)
  return letter
}

private func room(
  _ buffer: UnsafeMutableRawPointer?, _ capacity: Int
) throws(Failure) -> Channel.Form {
  if buffer == nil && capacity != 0 || capacity < 0 {
    throw Failure(SYNCMGR_E_INVALID, "the buffer is NULL")
  }
  return .copy(UnsafeMutableRawBufferPointer(start: buffer, count: capacity))
}

@inline(__always)
private func read(
  _ options: UnsafePointer<syncmgr_send_options_t>?, into letter: inout Letter,
  _ wanted: inout SendOptions, _ channel: Channel, isReply: Bool = false
) throws(Failure) {
  if options == nil, channel.kind == SYNCMGR_CHANNEL_QUEUE || isReply { return }
  try readSlowly(options, into: &letter, &wanted, channel, isReply: isReply)
}

@inline(never)
private func readSlowly(
  _ options: UnsafePointer<syncmgr_send_options_t>?, into letter: inout Letter,
  _ wanted: inout SendOptions, _ channel: Channel, isReply: Bool
) throws(Failure) {
  var defaults = syncmgr_send_options_t()
  defaults.priority = SYNCMGR_PRIORITY_MEDIUM
  defaults.ttl_ns = SYNCMGR_FOREVER
  let asked = try readOptions(options, defaults)
  try checkFlags(asked.reserved, 0)
  func refuse(_ isBad: Bool, _ what: StaticString) throws(Failure) {
    if isBad { throw Failure(SYNCMGR_E_INVALID, what) }
  }
  let kind = channel.kind
  let isSpread = kind == SYNCMGR_CHANNEL_BROADCAST || kind == SYNCMGR_CHANNEL_PUBSUB
  try checkFlags(asked.flags, SYNCMGR_SEND_RETAIN | SYNCMGR_SEND_SELF | SYNCMGR_SEND_RETURN)
  try refuse(asked.priority > SYNCMGR_PRIORITY_CRITICAL, "there is no such priority")
  try refuse(asked.ttl_ns < SYNCMGR_FOREVER, "the ttl is below SYNCMGR_FOREVER (-1)")
  try refuse(asked.flags & SYNCMGR_SEND_SELF != 0 && !isSpread, "only what is spread has SELF")
  try refuse(
    asked.flags & SYNCMGR_SEND_RETURN != 0 && (kind != SYNCMGR_CHANNEL_DIRECT || isReply),
    "only what is sent to one workstream can come back")
  if let target = try bytes(asked.target, 4096, "target") {
    try refuse(kind == SYNCMGR_CHANNEL_QUEUE || isReply, "a queue has no targets")
    if target.isEmpty { throw Failure(SYNCMGR_E_NAME, "the target's name is empty") }
    wanted.target = target
  }
  try refuse(
    kind == SYNCMGR_CHANNEL_DIRECT && !isReply && wanted.target.isEmpty,
    "a direct channel needs a target")
  if let topic = try bytes(asked.topic, SYNCMGR_TOPIC_MAX, "topic") {
    if let fault = Topic.fault(inTopic: topic) { throw Failure(SYNCMGR_E_INVALID, fault) }
    letter.topic = topic
  }
  try refuse(kind == SYNCMGR_CHANNEL_PUBSUB && letter.topic.isEmpty, "a topic is needed")
  if let metadata = try bytes(asked.metadata, SYNCMGR_METADATA_MAX, "metadata"), !metadata.isEmpty {
    _ = try JSONReader.read(metadata, "metadata", .passing)
    letter.metadata = metadata
  }
  letter.correlation = asked.correlation
  letter.priority = asked.priority
  if asked.ttl_ns >= 0 {
    let (end, overflow) = sm_now().addingReportingOverflow(asked.ttl_ns)
    letter.expires = overflow ? 0 : UInt64(bitPattern: end)
  }
  if asked.flags & SYNCMGR_SEND_RETURN != 0 { letter.flags |= SM_POST_RETURNS }
  wanted.sendsSelf = asked.flags & SYNCMGR_SEND_SELF != 0
  wanted.retains = asked.flags & SYNCMGR_SEND_RETAIN != 0
  if wanted.retains { try Retained.prepare(channel) }
}
