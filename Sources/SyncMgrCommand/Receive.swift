import CSyncMgr
import CSyncMgrCommand
import Glibc

/// The subcommand that takes messages out of a channel.
enum Receive {
  static let recv = Subcommand(
    name: "recv", arguments: "CHANNEL", summary: "Take a message out of a channel and write it",
    options: Channel.options + [
      Option(
        long: "topic", value: "PATTERN", help: "topics: only these, as in jobs/*/done or jobs/**"),
      Option(long: "last", value: "N", help: "begin with up to N of the channel's history"),
      Option(long: "count", short: "c", value: "N", help: "end after N messages (1)"),
      Option(long: "follow", short: "f", help: "go on until it is ended, or the channel is shut"),
      Option(long: "ack", help: "acknowledge each message when it is written"),
      Incoming.raw, Option.timeout, Option.conflict, Option.persistent,
    ],
    details: """
      Each message ends with a new line; JSON is one line a message, with its data as text when it
      is UTF-8, and else as base64. Without --ack what was taken goes back when this ends, where the
      channel has acknowledgements; elsewhere it is taken when it is written.

      """ + Channel.details,
    count: 1...1
  ) { invocation throws(Failure) in
    let number = try invocation.number("count", 1...Int(Int32.max))
    let last = try invocation.number("last", 0...Int(SYNCMGR_CAPACITY_MAX))
    let limit = try Limit(invocation)
    let isFollowing = invocation.has("follow")
    let space = try Space.enter(invocation)
    defer { space.close() }
    let channel = try Channel.open(invocation, space)
    if invocation.has("ack"), !channel.acknowledges {
      throw Failure(
        status: "E_UNSUPPORTED",
        text: "'\(invocation.arguments[0])' has no acknowledgements: see --with acknowledge")
    }
    try subscribe(channel, invocation, UInt32(last ?? 0))
    var left = number ?? (isFollowing ? Int.max : 1)
    while left > 0 {
      do throws(Failure) {
        let message = try next(channel, space, limit)
        try write(message, channel, space, invocation)
      } catch {
        // Nothing more comes: that is the end of what was to be followed.
        if isFollowing, error.status == "E_CLOSED" { return 0 }
        throw error
      }
      left -= 1
    }
    return 0
  }

  private static func subscribe(
    _ channel: Channel, _ invocation: Invocation, _ last: UInt32
  ) throws(Failure) {
    let topic = invocation.values["topic"]
    if topic != nil, channel.kind != SYNCMGR_CHANNEL_PUBSUB {
      throw Failure(
        status: "E_UNSUPPORTED", text: "'\(invocation.arguments[0])' is not of the kind topics")
    }
    if channel.kind == SYNCMGR_CHANNEL_PUBSUB {
      try check(syncmgr_channel_subscribe(channel.handle, topic ?? "**", last))
    } else if channel.kind == SYNCMGR_CHANNEL_BROADCAST {
      try check(syncmgr_channel_subscribe(channel.handle, nil, last))
    } else if invocation.has("last") {
      throw Failure(
        status: "E_UNSUPPORTED", text: "'\(invocation.arguments[0])' has no history")
    }
  }

  private static func next(
    _ channel: Channel, _ space: Space, _ limit: Limit
  ) throws(Failure) -> syncmgr_message_t {
    while true {
      var message = syncmgr_message_t()
      let status = syncmgr_channel_view(channel.handle, 0, &message)
      if status != SYNCMGR_E_TIMEOUT {
        try check(status)
        return message
      }
      Signals.end(space)
      try channel.wait(UInt64(SYNCMGR_READABLE), space, limit)
    }
  }

  /// Who has not written it does not keep it.
  private static func write(
    _ message: syncmgr_message_t, _ channel: Channel, _ space: Space, _ invocation: Invocation
  ) throws(Failure) {
    Incoming.write(message, invocation)
    let flushed = command_flush()
    if flushed < 0 {
      Signals.end(space)
      throw Failure(
        status: "E_SYSTEM",
        text: "the message could not be written: \(String(cString: strerror(-flushed)))")
    }
    if message.receipt != 0, !channel.acknowledges || invocation.has("ack") {
      try check(syncmgr_message_acknowledge(channel.handle, message.receipt))
    }
    Signals.end(space)
  }
}

/// Writing messages that were received.
enum Incoming {
  static let raw = Option(long: "raw", help: "write the data only, without a new line behind it")

  static func write(_ message: syncmgr_message_t, _ invocation: Invocation) {
    if invocation.isJSON {
      print(json(message).written)
      return
    }
    command_write(message.data, message.length)
    if !invocation.has("raw") { command_write("\n", 1) }
  }

  private static func text(_ text: UnsafePointer<CChar>?) -> JSONValue {
    guard let text, text.pointee != 0 else { return .null }
    return .text(String(cString: text))
  }

  private static func json(_ message: syncmgr_message_t) -> JSONValue {
    let data = Array(UnsafeRawBufferPointer(start: message.data, count: message.length))
    let metadata = message.metadata.flatMap { JSONValue(String(cString: $0).utf8) }
    let isThere = { (flag: UInt32) in JSONValue.truth(message.flags & flag != 0) }
    var members: [(String, JSONValue)] = [
      ("sequence", .whole(message.sequence)), ("sender", text(message.sender)),
      ("topic", text(message.topic)), ("time", .text(clock(message.wall_ns))),
      ("priority", .text(Events.priorities[Int(message.priority) & 3])),
      ("metadata", metadata ?? .null), ("correlation", .whole(message.correlation)),
      ("reply_to", message.reply_to == 0 ? .null : .whole(message.reply_to)),
      ("deliveries", .count(message.deliveries)), ("dropped", .whole(message.dropped)),
      ("retained", isThere(SYNCMGR_MESSAGE_RETAINED)),
      ("history", isThere(SYNCMGR_MESSAGE_HISTORY)),
      ("returned", isThere(SYNCMGR_MESSAGE_RETURNED)),
    ]
    if let words = String(validating: data, as: UTF8.self) {
      members.append(("data", .text(words)))
    } else {
      members.append(("base64", .text(base64(data))))
    }
    return .members(members)
  }

  private static func base64(_ data: [UInt8]) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    text.reserveCapacity((data.count + 2) / 3 * 4)
    for from in stride(from: 0, to: data.count, by: 3) {
      let part = data[from..<min(from + 3, data.count)]
      var bits = part.reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
      bits <<= UInt32(8 * (3 - part.count))
      for place in 0..<4 {
        let letter = letters[Int(bits >> UInt32(18 - 6 * place) & 63)]
        text.append(place <= part.count ? letter : 0x3d)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// Until when a subcommand waits, all of its waits together.
struct Limit {
  private let end: Int64
  private let timedOut: Int32

  init(_ invocation: Invocation) throws(Failure) {
    let timeout = try invocation.timeout()
    timedOut = try invocation.conflictExit()
    end = timeout < 0 ? Int64.max : monotonicTime() + timeout
  }

  /// Nanoseconds that are left.
  var rest: Int64 { end == Int64.max ? SYNCMGR_FOREVER : max(end - monotonicTime(), 0) }

  func check() throws(Failure) {
    if rest == 0 { throw Failure(exit: timedOut, status: "E_TIMEOUT", text: "the time passed") }
  }

  func wait(
    _ space: Space, refuse: () -> Void,
    _ start: (Int64, UnsafeMutablePointer<OpaquePointer?>) -> Int32
  ) throws(Failure) {
    try check()
    _ = try Running.wait(space, rest, timedOut: timedOut, refuse: refuse, start)
  }
}
