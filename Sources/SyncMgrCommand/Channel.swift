import CSyncMgr
import Glibc

/// A channel that a subcommand sends to or receives from.
struct Channel {
  let handle: OpaquePointer
  let kind: UInt32
  let acknowledges: Bool
  /// Whether who subscribes later gets what was sent before.
  let keeps: Bool

  /// The kinds by the words of the command, and as a snapshot calls them.
  private static let kinds: [(word: String, shown: String, kind: UInt32)] = [
    ("queue", "queue", SYNCMGR_CHANNEL_QUEUE), ("direct", "direct", SYNCMGR_CHANNEL_DIRECT),
    ("broadcast", "broadcast", SYNCMGR_CHANNEL_BROADCAST),
    ("topics", "publish_subscribe", SYNCMGR_CHANNEL_PUBSUB),
  ]

  static let options = [
    Option(
      long: "kind", short: "k", value: "KIND",
      help: "queue, direct, broadcast or topics; without it the one that it has"),
    Option(
      long: "with", value: "LIST",
      help: "parameters, as in capacity=16,acknowledge; new ones only"),
    Option(long: "as", value: "NAME", help: "name of the workstream"),
  ]

  static let details = """
    A channel that is not there is made: with --kind, or else with --topic of the kind topics and
    with --target of the kind direct, or else a queue. LIST has parameters with commas between them:
    capacity=N, inline=BYTES, overflow=POLICY (block, fail, drop_oldest, drop_newest), history=N,
    priorities, retain, acknowledge, deliveries=N, visibility=TIME, dead_letters=NAME.
    """

  /// Opens the channel that the first argument names, of the kind that it has.
  static func open(
    _ invocation: Invocation, _ space: Space, mustExist: Bool = false
  ) throws(Failure) -> Channel {
    let name = invocation.arguments[0]
    let wanted = try kind(invocation)
    var parameters = try Parameters(invocation)
    let me = try workstream(invocation, space)
    let found = try existing(name, space)
    if found == nil, mustExist {
      throw Failure(status: "E_NOT_FOUND", text: "there is no channel '\(name)' in \(space.url)")
    }
    var kind = wanted ?? found?.kind ?? natural(invocation)
    var handle: OpaquePointer?
    var status = parameters.with { syncmgr_channel_open(me, name, kind, $0, &handle) }
    // Somebody else may have made it meanwhile, as a kind that nobody here has asked for.
    let isNew = found == nil && wanted == nil
    if status == SYNCMGR_E_MISMATCH, isNew, let made = try existing(name, space)?.kind {
      kind = made
      status = parameters.with { syncmgr_channel_open(me, name, kind, $0, &handle) }
    }
    if kind == SYNCMGR_CHANNEL_MEMORY {
      throw Failure(
        status: "E_UNSUPPORTED", text: "'\(name)' is shared memory, which keeps no messages")
    }
    try check(status)
    let known = if let found { found } else { try existing(name, space) }
    return Channel(
      handle: handle!, kind: kind, acknowledges: known?.acknowledges ?? false,
      keeps: known?.keeps ?? false)
  }

  private static func existing(
    _ name: String, _ space: Space
  ) throws(Failure) -> (kind: UInt32, acknowledges: Bool, keeps: Bool)? {
    let objects = try space.snapshot()["objects"].items
    guard
      let found = objects.first(where: {
        $0["name"].string == name && $0["type"].string == "channel"
      })
    else { return nil }
    let parameters = found["parameters"]
    let kind = kinds.first { $0.shown == parameters["kind"].string }?.kind
    return (
      kind ?? SYNCMGR_CHANNEL_MEMORY, parameters["acknowledge"].isTrue,
      parameters["history"].int > 0
    )
  }

  private static func kind(_ invocation: Invocation) throws(Failure) -> UInt32? {
    guard let word = invocation.values["kind"] else { return nil }
    guard let found = kinds.first(where: { $0.word == word }) else {
      throw .usage(
        "--kind is one of \(kinds.map { $0.word }.joined(separator: ", ")), not '\(word)'")
    }
    return found.kind
  }

  /// What a new channel is when nobody says.
  private static func natural(_ invocation: Invocation) -> UInt32 {
    if invocation.has("topic") { return SYNCMGR_CHANNEL_PUBSUB }
    return invocation.has("target") ? SYNCMGR_CHANNEL_DIRECT : SYNCMGR_CHANNEL_QUEUE
  }

  private static func workstream(
    _ invocation: Invocation, _ space: Space
  ) throws(Failure) -> OpaquePointer {
    guard let name = invocation.values["as"] else { return try space.workstream(for: ["syncmgr"]) }
    var workstream: OpaquePointer?
    try check(syncmgr_workstream_open(space.manager, name, &workstream))
    return workstream!
  }

  /// Waits for a message, or for room, or for a response.
  func wait(_ what: UInt64, _ space: Space, _ limit: Limit) throws(Failure) {
    // A turn that is not used goes to the next in line.
    try limit.wait(space, refuse: { _ = syncmgr_channel_wait(handle, what, 0) }) { rest, ticket in
      syncmgr_channel_wait_start(handle, what, rest, nil, 0, ticket)
    }
  }
}

/// The parameters of `--with`.
private struct Parameters {
  private var options = syncmgr_channel_options_t()
  private var deadLetters: String?
  let areGiven: Bool

  private static let policies = ["default", "block", "fail", "drop_oldest", "drop_newest"]
  private static let flags = [
    "acknowledge": SYNCMGR_CHANNEL_ACKNOWLEDGE, "priorities": SYNCMGR_CHANNEL_PRIORITIES,
    "retain": SYNCMGR_CHANNEL_RETAIN,
  ]

  init(_ invocation: Invocation) throws(Failure) {
    areGiven = invocation.has("with")
    options.size = UInt32(MemoryLayout<syncmgr_channel_options_t>.size)
    options.capacity = 256
    options.inline_size = 256
    options.visibility_ns = SYNCMGR_FOREVER
    for word in (invocation.values["with"] ?? "").split(separator: ",") {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      try take(String(parts[0]), parts.count == 2 ? String(parts[1]) : nil)
    }
  }

  private mutating func take(_ name: String, _ value: String?) throws(Failure) {
    if let flag = Parameters.flags[name] {
      if value != nil { throw .usage("the parameter \(name) takes no value") }
      options.flags |= flag
      return
    }
    func number() throws(Failure) -> UInt32 {
      guard let value, let number = UInt32(value) else {
        throw .usage("the parameter \(name) is a number, not '\(value ?? "")'")
      }
      return number
    }
    switch name {
    case "capacity": options.capacity = try number()
    case "inline": options.inline_size = try number()
    case "history": options.history = try number()
    case "deliveries": options.max_deliveries = try number()
    case "visibility": options.visibility_ns = try duration(value ?? "", "the parameter visibility")
    case "overflow":
      guard let policy = Parameters.policies.dropFirst().firstIndex(of: value ?? "") else {
        throw .usage(
          "the parameter overflow is one of "
            + "\(Parameters.policies.dropFirst().joined(separator: ", ")), not '\(value ?? "")'")
      }
      options.overflow = UInt32(policy)
    case "dead_letters":
      guard let value else { throw .usage("the parameter dead_letters needs a name") }
      deadLetters = value
    default: throw .usage("there is no parameter '\(name)'")
    }
  }

  /// Gives the options while the call lasts; nil where nobody named any.
  mutating func with(_ call: (UnsafePointer<syncmgr_channel_options_t>?) -> Int32) -> Int32 {
    if !areGiven { return call(nil) }
    guard let deadLetters else { return call(&options) }
    return deadLetters.withCString {
      options.dead_letters = $0
      return call(&options)
    }
  }
}
