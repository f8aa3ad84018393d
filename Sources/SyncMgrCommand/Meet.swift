import CSyncMgr
import Glibc

/// The subcommands that meet other processes: latch, barrier and event.
enum Meet {
  private static func print(_ invocation: Invocation, _ members: [(String, JSONValue)]) {
    if invocation.isJSON { Swift.print(JSONValue.members(members).written) }
  }

  // MARK: - latch

  static let latch = Subcommand(
    name: "latch", arguments: "NAME",
    summary: "Wait until a latch is at zero, or count it down",
    options: [
      Option(long: "count", short: "c", value: "N", help: "what the latch begins with"),
      Option(long: "down", short: "d", value: "N", help: "count down by N, and do not wait"),
      Option.timeout, Option.conflict, Option.persistent,
    ],
    details: "Without --count the latch must exist.", count: 1...1
  ) { invocation throws(Failure) in
    let most = Int(SYNCMGR_COUNT_MAX)
    let count = try invocation.number("count", 0...most)
    let down = try invocation.number("down", 1...most)
    let (timeout, timedOut) = (try invocation.timeout(), try invocation.conflictExit())
    let space = try Space.enter(invocation)
    defer { space.close() }
    var latch: OpaquePointer?
    try check(
      syncmgr_latch_open(
        try space.workstream(for: ["syncmgr"]), invocation.arguments[0],
        count.map { UInt32($0) } ?? SYNCMGR_ANY, &latch))
    var remaining: UInt32 = 0
    if let down {
      try check(syncmgr_latch_count_down(latch, UInt32(down), &remaining))
      try space.warnWhenAlone("the count")
    } else {
      _ = try Running.wait(space, timeout, timedOut: timedOut) { limit, ticket in
        syncmgr_latch_wait_start(latch, limit, nil, 0, ticket)
      }
    }
    print(invocation, [("remaining", .count(remaining))])
    return 0
  }

  // MARK: - barrier

  static let barrier = Subcommand(
    name: "barrier", arguments: "NAME",
    summary: "Wait until all parties have come to a barrier",
    options: [
      Option(long: "parties", short: "p", value: "N", help: "how many meet"),
      Option(long: "reset", help: "make the barrier whole and empty, and do not wait"),
      Option.timeout, Option.conflict, Option.persistent,
    ],
    details: """
      Without --parties the barrier must exist. When the time of one passes, or one dies, the
      barrier breaks for all who wait and for all who come until --reset.
      """,
    count: 1...1
  ) { invocation throws(Failure) in
    let parties = try invocation.number("parties", 1...65535)
    let (timeout, timedOut) = (try invocation.timeout(), try invocation.conflictExit())
    let space = try Space.enter(invocation)
    defer { space.close() }
    var barrier: OpaquePointer?
    try check(
      syncmgr_barrier_open(
        try space.workstream(for: ["syncmgr"]), invocation.arguments[0],
        parties.map { UInt32($0) } ?? SYNCMGR_ANY, nil, &barrier))
    if invocation.has("reset") {
      try check(syncmgr_barrier_reset(barrier))
      return 0
    }
    var atOnce = syncmgr_record_t()
    let (status, later) = try Running.wait(space, timeout, timedOut: timedOut) { limit, ticket in
      syncmgr_barrier_wait_start(barrier, limit, nil, 0, ticket, &atOnce)
    }
    let record = later ?? atOnce
    print(
      invocation,
      [
        ("generation", .count(record.value)), ("index", .count(record.index)),
        ("leader", .truth(status == SYNCMGR_LEADER)),
      ])
    return 0
  }

  // MARK: - events

  private static let manual = Option(
    long: "manual", help: "a new event stays set, for all who wait, until it is reset")

  private static func openEvent(
    _ invocation: Invocation, _ space: Space
  ) throws(Failure) -> OpaquePointer {
    let name = invocation.arguments[0]
    let me = try space.workstream(for: ["syncmgr"])
    var options = syncmgr_event_options_t(
      size: UInt32(MemoryLayout<syncmgr_event_options_t>.size),
      flags: invocation.has("manual") ? SYNCMGR_EVENT_MANUAL_RESET : 0)
    var event: OpaquePointer?
    var status = syncmgr_event_open(me, name, &options, &event)
    if status == SYNCMGR_E_MISMATCH, !invocation.has("manual") {
      options.flags = SYNCMGR_EVENT_MANUAL_RESET
      status = syncmgr_event_open(me, name, &options, &event)
    }
    try check(status)
    return event!
  }

  static let wait = Subcommand(
    name: "wait", arguments: "NAME", summary: "Wait until an event is set",
    options: [Option.timeout, Option.conflict, manual, Option.persistent], count: 1...1
  ) { invocation throws(Failure) in
    let (timeout, timedOut) = (try invocation.timeout(), try invocation.conflictExit())
    let space = try Space.enter(invocation)
    defer { space.close() }
    let event = try openEvent(invocation, space)
    _ = try Running.wait(space, timeout, timedOut: timedOut) { limit, ticket in
      syncmgr_event_wait_start(event, limit, nil, 0, ticket)
    }
    print(invocation, [("set", .truth(true))])
    return 0
  }

  static let signal = Subcommand(
    name: "signal", arguments: "NAME", summary: "Set an event: one who waits goes on, or all do",
    options: [Option(long: "reset", help: "reset it instead"), manual, Option.persistent],
    details: "All go on where the event was made with --manual.", count: 1...1
  ) { invocation throws(Failure) in
    let space = try Space.enter(invocation)
    defer { space.close() }
    let event = try openEvent(invocation, space)
    let isReset = invocation.has("reset")
    try check(isReset ? syncmgr_event_reset(event) : syncmgr_event_set(event))
    if !isReset { try space.warnWhenAlone("the event") }
    print(invocation, [("set", .truth(!isReset))])
    return 0
  }
}
