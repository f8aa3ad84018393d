import CSyncMgr

/// A channel, as one workstream has it.
struct Channel: Sendable {
  let handle: Handle

  func close() -> Status { Status(syncmgr_channel_close(handle.pointer)) }
  func shut(_ flags: UInt32 = 0) -> Status { Status(syncmgr_channel_shut(handle.pointer, flags)) }

  func subscribe(_ topic: String? = nil, last: UInt32 = 0) -> Status {
    Status(syncmgr_channel_subscribe(handle.pointer, topic, last))
  }

  func unsubscribe(_ topic: String? = nil) -> Status {
    Status(syncmgr_channel_unsubscribe(handle.pointer, topic))
  }

  // MARK: - Sending

  /// Calls with options of which target and topic are set.
  private func with(
    _ target: String?, _ topic: String?, _ flags: UInt32,
    _ call: (UnsafePointer<syncmgr_send_options_t>) -> Int32
  ) -> Status {
    var options = syncmgr_send_options_t()
    options.size = UInt32(MemoryLayout<syncmgr_send_options_t>.size)
    options.flags = flags
    options.priority = SYNCMGR_PRIORITY_MEDIUM
    options.ttl_ns = forever
    return (target ?? "").withCString { targetText in
      (topic ?? "").withCString { topicText in
        options.target = target == nil ? nil : targetText
        options.topic = topic == nil ? nil : topicText
        return Status(call(&options))
      }
    }
  }

  func send(
    _ bytes: [UInt8], to target: String? = nil, topic: String? = nil, flags: UInt32 = 0,
    timeout: Int64 = forever
  ) -> Status {
    with(target, topic, flags) {
      syncmgr_channel_send(handle.pointer, bytes, bytes.count, $0, timeout, nil)
    }
  }

  func send(
    _ text: String, to target: String? = nil, topic: String? = nil, flags: UInt32 = 0,
    timeout: Int64 = forever
  ) -> Status {
    send(Array(text.utf8), to: target, topic: topic, flags: flags, timeout: timeout)
  }

  /// Sends several texts at once. Returns how many were sent.
  func send(many texts: [String], timeout: Int64 = forever) -> (status: Status, count: Int) {
    var count = UInt32(texts.count)
    let status = Status(
      syncmgr_channel_send_many(
        handle.pointer, texts.flatMap { Array($0.utf8) }, texts.map { UInt32($0.utf8.count) },
        &count, nil, timeout))
    return (status, Int(count))
  }

  func request(
    _ text: String, to target: String? = nil, timeout: Int64 = forever
  ) -> (status: Status, number: UInt64) {
    var number: UInt64 = 0
    let bytes = Array(text.utf8)
    let status = with(target, nil, 0) {
      syncmgr_channel_request(handle.pointer, bytes, bytes.count, $0, timeout, &number)
    }
    return (status, number)
  }

  func reply(_ number: UInt64, _ text: String) -> Status {
    let bytes = Array(text.utf8)
    return Status(syncmgr_channel_reply(handle.pointer, number, bytes, bytes.count, nil))
  }

  func forget(_ number: UInt64) -> Status {
    Status(syncmgr_channel_forget(handle.pointer, number))
  }

  // MARK: - Receiving

  typealias Received = (status: Status, message: Envelope)

  /// Takes a message by copying it.
  func receive(_ timeout: Int64 = forever, room: Int = 8192) -> Received {
    taken(room) { syncmgr_channel_recv(handle.pointer, $0, $1, timeout, $2) }
  }

  func response(_ number: UInt64, _ timeout: Int64 = forever) -> Received {
    taken(8192) { syncmgr_channel_response(handle.pointer, number, $0, $1, timeout, $2) }
  }

  private func taken(
    _ room: Int,
    _ call: (UnsafeMutableRawPointer, Int, UnsafeMutablePointer<syncmgr_message_t>) -> Int32
  ) -> Received {
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: room, alignment: 8)
    defer { buffer.deallocate() }
    var message = syncmgr_message_t()
    let status = Status(call(buffer, room, &message))
    return (status, Envelope(message, isThere: status.succeeded))
  }

  /// Takes up to `count` messages that are there.
  func receive(many count: Int) -> (status: Status, messages: [Envelope]) {
    let room = 1 << 14
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: room, alignment: 8)
    defer { buffer.deallocate() }
    var messages = [syncmgr_message_t](repeating: syncmgr_message_t(), count: count)
    var got: UInt32 = 0
    let status = Status(
      syncmgr_channel_recv_many(
        handle.pointer, buffer, room, &messages, UInt32(count), &got))
    return (status, messages.prefix(Int(got)).map { Envelope($0, isThere: true) })
  }

  /// Takes a message where it lies. Its bytes were read when this returns, and lie there still.
  func view(_ timeout: Int64 = forever) -> Received {
    var message = syncmgr_message_t()
    let status = Status(syncmgr_channel_view(handle.pointer, timeout, &message))
    return (status, Envelope(message, isThere: status.succeeded))
  }

  func acknowledge(_ receipt: UInt64) -> Status {
    Status(syncmgr_message_acknowledge(handle.pointer, receipt))
  }

  func reject(_ receipt: UInt64) -> Status {
    Status(syncmgr_message_reject(handle.pointer, receipt, 0, nil))
  }

  // MARK: - Loans

  func loan(_ size: Int) -> (status: Status, bytes: UnsafeMutableRawBufferPointer) {
    var data: UnsafeMutableRawPointer?
    let status = Status(syncmgr_channel_loan(handle.pointer, size, &data))
    return (status, UnsafeMutableRawBufferPointer(start: data, count: size))
  }

  func publish(_ loan: UnsafeMutableRawBufferPointer, timeout: Int64 = forever) -> Status {
    Status(
      syncmgr_channel_publish(
        handle.pointer, loan.baseAddress, loan.count, nil, timeout, nil))
  }

  func giveBack(_ loan: UnsafeMutableRawBufferPointer) -> Status {
    Status(syncmgr_channel_loan_return(handle.pointer, loan.baseAddress))
  }

  // MARK: - Waiting and looking

  func wait(for what: UInt32, _ timeout: Int64 = forever) -> Status {
    Status(syncmgr_channel_wait(handle.pointer, UInt64(what), timeout))
  }

  /// The channel as something that is waited for.
  func waiting(for what: UInt32) -> Wait { Wait(channel: self, what: UInt64(what)) }

  func mailboxes() -> [syncmgr_mailbox_t] {
    var found = [syncmgr_mailbox_t](repeating: syncmgr_mailbox_t(), count: 16)
    var count: UInt32 = 0
    let status = syncmgr_channel_mailboxes(handle.pointer, &found, 16, &count)
    return status == SYNCMGR_OK ? Array(found.prefix(Int(count))) : []
  }

  struct Wait: Waiting {
    let channel: Channel
    let what: UInt64

    func wait(_ timeout: Int64) -> Status {
      Status(syncmgr_channel_wait(channel.handle.pointer, what, timeout))
    }

    func start(
      _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
      _ ticket: UnsafeMutablePointer<OpaquePointer?>
    ) -> Int32 {
      syncmgr_channel_wait_start(
        channel.handle.pointer, what, timeout, queue, userData, ticket)
    }
  }
}

/// A message that was received, as plain values.
struct Envelope: Sendable {
  let bytes: [UInt8]
  let sender: String
  let topic: String
  let sequence: UInt64
  let replyTo: UInt64
  let receipt: UInt64
  let dropped: UInt64
  let flags: UInt32
  /// Where it lay.
  let address: UInt

  var text: String { String(decoding: bytes, as: UTF8.self) }

  init(_ message: syncmgr_message_t, isThere: Bool) {
    func text(_ pointer: UnsafePointer<CChar>?) -> String {
      isThere ? pointer.map { String(cString: $0) } ?? "" : ""
    }
    bytes =
      isThere ? Array(UnsafeRawBufferPointer(start: message.data, count: message.length)) : []
    sender = text(message.sender)
    topic = text(message.topic)
    sequence = message.sequence
    replyTo = message.reply_to
    receipt = message.receipt
    dropped = message.dropped
    flags = message.flags
    address = UInt(bitPattern: message.data)
  }
}

extension Workstream {
  /// Opens a channel; `change` sets its parameters, which are the defaults before.
  func channel(
    _ name: String = "channel", _ kind: UInt32 = SYNCMGR_CHANNEL_QUEUE,
    _ change: ((inout syncmgr_channel_options_t) -> Void)? = nil
  ) throws(Failed) -> Channel {
    guard let change else {
      return Channel(
        handle: try Handle { syncmgr_channel_open(handle.pointer, name, kind, nil, $0) })
    }
    var options = syncmgr_channel_options_t()
    options.size = UInt32(MemoryLayout<syncmgr_channel_options_t>.size)
    options.capacity = 256
    options.inline_size = 256
    options.visibility_ns = forever
    change(&options)
    return Channel(
      handle: try Handle { syncmgr_channel_open(handle.pointer, name, kind, &options, $0) })
  }
}
