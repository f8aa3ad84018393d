public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_channel_open(
  _ workstream: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ kind: UInt32,
  _ options: UnsafePointer<syncmgr_channel_options_t>?,
  _ out_channel: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    let target = try required(out_channel)
    let wanted = try channelOptions(kind, options)
    let checked = try Name(name, what: "channel")
    let stream = Stream.of(slot)
    let handle = try stream.openObject(
      checked, parameters(wanted, isExact: options != nil, stream.attachment))
    if kind == SYNCMGR_CHANNEL_DIRECT {
      do throws(Failure) {
        // The call is inside of the workstream, by which its handles stay.
        try Channel(Caller(Tickets.slot(of: handle), handle)).ensureMailbox()
      } catch {
        let sentence = Failure.kept()
        sm_leave()
        try? Stream.closeObject(handle, .channel)
        throw Failure(error.status, naming: sentence)
      }
    }
    target.pointee = pointer(handle)
    return SYNCMGR_OK
  }
}

private func parameters(
  _ wanted: Channel.Options, isExact: Bool, _ attachment: Attachment
) -> Stream.Parameters {
  Stream.Parameters(
    type: .channel, flags: wanted.flags, count: wanted.kind,
    complete: { (object) throws(Failure) in try Channel.make(object, wanted, attachment) },
    compare: { (object) throws(Failure) in
      try Channel.compare(object, wanted, isExact: isExact, attachment)
    })
}

private func channelOptions(
  _ kind: UInt32, _ options: UnsafePointer<syncmgr_channel_options_t>?
) throws(Failure) -> Channel.Options {
  if kind > SYNCMGR_CHANNEL_MEMORY {
    throw Failure(SYNCMGR_E_INVALID, naming: "there is no kind of channel \(kind)")
  }
  var wanted = Channel.Options(kind: kind)
  if options == nil { return wanted }
  var defaults = syncmgr_channel_options_t()
  defaults.capacity = wanted.capacity
  defaults.inline_size = wanted.inlineSize
  defaults.visibility_ns = wanted.visibility
  let read = try readOptions(options, defaults)
  try checkFlags(read.reserved, 0)
  wanted.flags = read.flags
  wanted.capacity = read.capacity
  wanted.inlineSize = read.inline_size
  wanted.overflow = read.overflow
  wanted.history = read.history
  wanted.maxDeliveries = read.max_deliveries
  wanted.visibility = read.visibility_ns
  if let letters = read.dead_letters {
    wanted.deadLetters = try Name(letters, what: "queue for dead letters")
  }
  try check(wanted)
  return wanted
}

/// Refuses what the kind does not have: no option is accepted and then ignored.
private func check(_ wanted: Channel.Options) throws(Failure) {
  try checkFlags(
    wanted.flags,
    SYNCMGR_CHANNEL_ACKNOWLEDGE | SYNCMGR_CHANNEL_PRIORITIES | SYNCMGR_CHANNEL_RETAIN)
  func refuse(_ isBad: Bool, _ what: StaticString) throws(Failure) {
    if isBad { throw Failure(SYNCMGR_E_INVALID, what) }
  }
  let isQueue = wanted.kind == SYNCMGR_CHANNEL_QUEUE
  let isSpread =
    wanted.kind == SYNCMGR_CHANNEL_BROADCAST || wanted.kind == SYNCMGR_CHANNEL_PUBSUB
  let acknowledges = wanted.flags & SYNCMGR_CHANNEL_ACKNOWLEDGE != 0
  try refuse(
    wanted.capacity < 1 || wanted.capacity > SYNCMGR_CAPACITY_MAX,
    "the capacity is 1 to 65,536 messages")
  try refuse(wanted.inlineSize > SYNCMGR_INLINE_MAX, "the inline size is at most 65,536 bytes")
  try refuse(wanted.overflow > SYNCMGR_OVERFLOW_DROP_NEWEST, "there is no such overflow policy")
  try refuse(acknowledges && !isQueue, "only queues have acknowledgements")
  try refuse(
    wanted.flags & SYNCMGR_CHANNEL_RETAIN != 0 && wanted.kind != SYNCMGR_CHANNEL_PUBSUB,
    "only topics retain messages")
  try refuse(wanted.history > 0 && !isSpread, "only broadcasts and topics have a history")
  try refuse(wanted.history > SYNCMGR_CAPACITY_MAX, "the history is at most 65,536 messages")
  try refuse(
    wanted.kind == SYNCMGR_CHANNEL_MEMORY && wanted.flags != 0, "cells have no such flags")
  try refuse(
    !acknowledges
      && (wanted.maxDeliveries > 0 || wanted.visibility != SYNCMGR_FOREVER
        || wanted.deadLetters != nil),
    "deliveries, visibility and dead letters are for queues with acknowledgements")
  try refuse(wanted.visibility < SYNCMGR_FOREVER, "the visibility is below SYNCMGR_FOREVER (-1)")
}

@c @implementation
public func syncmgr_channel_close(_ channel: OpaquePointer?) -> Int32 {
  closeCall(channel) { (handle) throws(Failure) in try Stream.closeObject(handle, .channel) }
}

@c @implementation
public func syncmgr_channel_shut(_ channel: OpaquePointer?, _ flags: UInt32) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    try checkFlags(flags, SYNCMGR_CHANNEL_DRAIN)
    try channel.shut(flags)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_channel_subscribe(
  _ channel: OpaquePointer?, _ topic: UnsafePointer<CChar>?, _ last: UInt32
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    try channel.subscribe(try bytes(topic, SYNCMGR_TOPIC_MAX, "topic"), last: last)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_channel_unsubscribe(
  _ channel: OpaquePointer?, _ topic: UnsafePointer<CChar>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    try channel.unsubscribe(try bytes(topic, SYNCMGR_TOPIC_MAX, "topic"))
    return SYNCMGR_OK
  }
}

/// `destroy` runs before an error is returned.
@c @implementation
public func syncmgr_channel_on(
  _ channel: OpaquePointer?,
  _ callback: (
    @convention(c) (UnsafePointer<syncmgr_message_t>?, UnsafeMutableRawPointer?) -> Void
  )?,
  _ user: UnsafeMutableRawPointer?,
  _ destroy: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?,
  _ out_subscription: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  let status = channelCall(channel) { (channel) throws(Failure) in
    let target = try required(out_subscription)
    guard let callback else { throw Failure(SYNCMGR_E_INVALID, "there is no callback") }
    target.pointee = pointer(try MessageCallback.start(channel, callback, user, destroy))
    return SYNCMGR_OK
  }
  if status < 0 { destroy?(user) }
  return status
}

// MARK: - Waiting and looking

@c @implementation
public func syncmgr_channel_wait(
  _ channel: OpaquePointer?, _ what: UInt64, _ timeout_ns: Int64
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    try channel.wait(what, timeout_ns)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_channel_wait_start(
  _ channel: OpaquePointer?, _ what: UInt64, _ timeout_ns: Int64, _ queue: OpaquePointer?,
  _ user_data: UInt64, _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    return try give(try channel.waitStart(what, start), target)
  }
}

@c @implementation
public func syncmgr_channel_mailboxes(
  _ channel: OpaquePointer?, _ mailboxes: UnsafeMutablePointer<syncmgr_mailbox_t>?,
  _ capacity: UInt32, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  channelCall(channel) { (channel) throws(Failure) in
    let target = try required(out_count)
    if mailboxes == nil, capacity > 0 {
      throw Failure(SYNCMGR_E_INVALID, "the array of mailboxes is NULL")
    }
    let all = channel.mailboxes()
    for (position, one) in all.prefix(Int(capacity)).enumerated() { mailboxes![position] = one }
    target.pointee = UInt32(all.count)
    return SYNCMGR_OK
  }
}

// MARK: - What these calls share

/// A call on a channel's handle.
@inline(__always)
func channelCall(
  _ handle: OpaquePointer?, _ body: (Channel) throws(Failure) -> Int32
) -> Int32 {
  objectCall(handle, .channel) { (caller) throws(Failure) in try body(try Channel(caller)) }
}

/// A text of the caller's, as far as `limit` allows. It is looked at only during the call.
func bytes(
  _ text: UnsafePointer<CChar>?, _ limit: UInt32, _ what: StaticString
) throws(Failure) -> UnsafeRawBufferPointer? {
  guard let text else { return nil }
  var count = 0
  while count <= Int(limit), text[count] != 0 { count += 1 }
  if count > Int(limit) {
    throw Failure(SYNCMGR_E_INVALID, naming: "the \(what) is longer than \(limit) bytes")
  }
  return UnsafeRawBufferPointer(start: text, count: count)
}
