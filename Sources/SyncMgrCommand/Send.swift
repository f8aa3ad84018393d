import CSyncMgr
import CSyncMgrCommand
import Glibc

/// The subcommands that give messages to a channel.
enum Send {
  private static let texts = [
    Option(long: "topic", value: "TOPIC", help: "segments between '/'; topics need one"),
    Option(long: "priority", short: "p", value: "LEVEL", help: "low, medium, high, critical"),
    Option(long: "metadata", value: "JSON", help: "passed on with the message"),
  ]
  private static let target = Option(
    long: "target", value: "NAME", help: "the workstream that gets it; direct needs one")
  private static let ttl = Option(
    long: "ttl", value: "TIME", help: "not delivered after this time")

  // MARK: - send

  static let send = Subcommand(
    name: "send", arguments: "CHANNEL [DATA]", summary: "Send a message to a channel",
    options: Channel.options + [target] + texts + [
      ttl, Option(long: "retain", help: "keep it as the last message of its topic"),
      Option(long: "lines", help: "send each line of the standard input as a message"),
      Option.timeout, Option.conflict, Option.persistent,
    ],
    details: """
      Without DATA, or when it is -, the message is the standard input. It waits while a mailbox is
      full. A message that nobody is there to get, or to get later, is a failure.

      """ + Channel.details,
    count: 1...2
  ) { invocation throws(Failure) in
    if invocation.has("lines"), invocation.arguments.count > 1 {
      throw .usage("--lines and DATA exclude each other")
    }
    let letter = try Outgoing(invocation)
    let limit = try Limit(invocation)
    let space = try Space.enter(invocation)
    defer { space.close() }
    let channel = try Channel.open(invocation, space)
    var total = Total()
    func deliver(_ data: [UInt8]) throws(Failure) {
      var count: UInt32 = 0
      let status = try letter.deliver(channel, space, limit) { options in
        syncmgr_channel_send(channel.handle, data, data.count, options, 0, &count)
      }
      total.add(status, count)
    }
    if invocation.has("lines") {
      while let line = try Input.line(space) { try deliver(line) }
    } else {
      try deliver(try Input.data(invocation, at: 1))
    }
    if invocation.isJSON { print(total.json.written) }
    if channel.kind == SYNCMGR_CHANNEL_QUEUE, total.sent > 0 {
      try space.warnWhenAlone("what was sent")
    }
    let isKept = channel.keeps || invocation.has("retain")
    if total.nobody > 0, !isKept {
      throw Failure(status: "NOBODY", text: "nobody was there to get \(total.nobody) of them")
    }
    if total.partial > 0 {
      printError("syncmgr send: some mailboxes were full and did not get \(total.partial) of them")
    }
    return 0
  }

  /// What became of what was sent.
  private struct Total {
    var sent = 0
    var delivered = 0
    var nobody = 0
    var partial = 0

    mutating func add(_ status: Int32, _ count: UInt32) {
      sent += 1
      delivered += Int(count)
      if status == SYNCMGR_NOBODY { nobody += 1 }
      if status == SYNCMGR_PARTIAL { partial += 1 }
    }

    var json: JSONValue {
      .members([
        ("sent", .count(sent)), ("delivered", .count(delivered)), ("nobody", .count(nobody)),
        ("partial", .count(partial)),
      ])
    }
  }

  // MARK: - call and reply

  static let call = Subcommand(
    name: "call", arguments: "CHANNEL [DATA]",
    summary: "Send a request to a queue or a workstream, and write the response",
    options: Channel.options + [target] + texts + [
      ttl, Incoming.raw, Option.timeout, Option.conflict, Option.persistent,
    ],
    details: """
      Without DATA, or when it is -, the request is the standard input. Whoever receives it finds in
      its reply_to the number that reply takes.

      """ + Channel.details,
    count: 1...2
  ) { invocation throws(Failure) in
    let letter = try Outgoing(invocation)
    let limit = try Limit(invocation)
    let space = try Space.enter(invocation)
    defer { space.close() }
    let channel = try Channel.open(invocation, space)
    let data = try Input.data(invocation, at: 1)
    var request: UInt64 = 0
    _ = try letter.deliver(channel, space, limit) { options in
      syncmgr_channel_request(channel.handle, data, data.count, options, 0, &request)
    }
    var buffer = [UInt64](repeating: 0, count: 1 << 10)
    while true {
      var message = syncmgr_message_t()
      let status = syncmgr_channel_response(
        channel.handle, request, &buffer, buffer.count * 8, 0, &message)
      if status == SYNCMGR_E_TOO_LARGE {
        buffer = [UInt64](repeating: 0, count: message.length / 8 + 1)
      } else if status == SYNCMGR_E_TIMEOUT {
        try channel.wait(request, space, limit)
      } else {
        try check(status)
        // The message lies in the buffer.
        withExtendedLifetime(buffer) { Incoming.write(message, invocation) }
        return 0
      }
    }
  }

  static let reply = Subcommand(
    name: "reply", arguments: "CHANNEL NUMBER [DATA]",
    summary: "Respond to a request that recv has written",
    options: texts,
    details: """
      NUMBER is the reply_to of the request, see recv --json. Without DATA, or when it is -, the
      response is the standard input.
      """,
    count: 2...3
  ) { invocation throws(Failure) in
    guard let number = UInt64(invocation.arguments[1]), number > 0 else {
      throw .usage("NUMBER is the reply_to of a request, not '\(invocation.arguments[1])'")
    }
    let letter = try Outgoing(invocation)
    let data = try Input.data(invocation, at: 2)
    let space = try Space.visit(invocation)
    defer { space.close() }
    let channel = try Channel.open(invocation, space, mustExist: true)
    try check(syncmgr_channel_reply(channel.handle, number, data, data.count, &letter.options))
    if invocation.isJSON { print(JSONValue.members([("replied", .truth(true))]).written) }
    return 0
  }

  // MARK: - shut

  static let shut = Subcommand(
    name: "shut", arguments: "CHANNEL",
    summary: "End a channel for everybody who sends and receives",
    options: [Option(long: "drain", help: "what is there can still be received")],
    count: 1...1
  ) { invocation throws(Failure) in
    let space = try Space.visit(invocation)
    defer { space.close() }
    let channel = try Channel.open(invocation, space, mustExist: true)
    try check(
      syncmgr_channel_shut(channel.handle, invocation.has("drain") ? SYNCMGR_CHANNEL_DRAIN : 0))
    if invocation.isJSON { print(JSONValue.members([("shut", .truth(true))]).written) }
    return 0
  }
}

/// How a message is sent, as the options of a call say.
private final class Outgoing {
  var options = syncmgr_send_options_t()
  private var texts: [UnsafeMutablePointer<CChar>?] = []

  init(_ invocation: Invocation) throws(Failure) {
    options.size = UInt32(MemoryLayout<syncmgr_send_options_t>.size)
    if invocation.has("retain") { options.flags |= SYNCMGR_SEND_RETAIN }
    options.priority = try Events.priority(
      invocation.values["priority"], without: SYNCMGR_PRIORITY_MEDIUM)
    options.ttl_ns = try invocation.duration("ttl") ?? SYNCMGR_FOREVER
    if let metadata = invocation.values["metadata"], JSONValue(metadata.utf8) == nil {
      throw .usage("--metadata is JSON, not '\(metadata)'")
    }
    options.target = keep(invocation.values["target"])
    options.topic = keep(invocation.values["topic"])
    options.metadata = keep(invocation.values["metadata"])
  }

  deinit { for text in texts { free(text) } }

  /// The library copies it.
  private func keep(_ text: String?) -> UnsafePointer<CChar>? {
    guard let text else { return nil }
    texts.append(strdup(text))
    return UnsafePointer(texts[texts.count - 1])
  }

  /// Tries to send, and waits for room as long as it may, in a way that a signal ends.
  func deliver(
    _ channel: Channel, _ space: Space, _ limit: Limit,
    _ attempt: (UnsafePointer<syncmgr_send_options_t>) -> Int32
  ) throws(Failure) -> Int32 {
    while true {
      let status = attempt(&options)
      if status != SYNCMGR_E_TIMEOUT { return try check(status) }
      var room: UInt64 = 0
      try check(syncmgr_channel_room(channel.handle, &options, &room))
      if room != 0 { try channel.wait(room, space, limit) } else { try limit.check() }
    }
  }
}

/// What is to be sent.
private enum Input {
  /// The argument at this place, or the standard input.
  static func data(_ invocation: Invocation, at place: Int) throws(Failure) -> [UInt8] {
    let arguments = invocation.arguments
    if arguments.count > place, arguments[place] != "-" { return Array(arguments[place].utf8) }
    var data: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(STDIN_FILENO, &part, part.count)
      if count > 0 {
        data += part[..<count]
      } else if count == 0 {
        return data
      } else if errno != EINTR {
        throw unreadable()
      }
    }
  }

  /// The next line of the standard input, without its end; nil after the last.
  static func line(_ space: Space) throws(Failure) -> [UInt8]? {
    var line: UnsafeMutablePointer<CChar>?
    var room = 0
    defer { free(line) }
    var length = 0
    let status = command_line(&line, &room, &length)
    Signals.end(space)
    if status < 0 {
      errno = -status
      throw unreadable()
    }
    guard status > 0, let line else { return nil }
    let bytes = UnsafeRawBufferPointer(start: line, count: length)
    return Array(bytes.last == 0x0a ? bytes.dropLast() : bytes[...])
  }

  private static func unreadable() -> Failure {
    Failure(
      status: "E_SYSTEM",
      text: "the standard input cannot be read: \(String(cString: strerror(errno)))")
  }
}
