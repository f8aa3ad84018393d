import CSyncMgr
import CSyncMgrCommand
import Glibc

/// What happens in a space, as it happens.
enum Events {
  static let events = Subcommand(
    name: "events", arguments: "", summary: "Write what happens in a space, from now on",
    options: [
      Option(long: "follow", short: "f", help: "go on until it is ended"),
      Option(long: "number", short: "n", value: "N", help: "end after N events (1)"),
      Option(long: "kinds", short: "k", value: "LIST", help: "only these, as in died,granted"),
      Option(long: "objects", short: "o", value: "PATTERN", help: "only about objects named so"),
      Option(
        long: "workstreams", short: "w", value: "PATTERN", help: "only about workstreams named so"),
      Option(
        long: "priority", short: "p", value: "LEVEL", help: "at least low, medium, high, critical"),
      Option.timeout, Option.conflict,
    ],
    details: """
      Without --follow and --number it waits for one event. JSON is written one a line.
      Without --kinds all are written but granted and released: while anybody listens for those,
      every locking in the space takes longer.
      """
  ) { invocation throws(Failure) in
    let number = try invocation.number("number", 1...Int(Int32.max))
    let limit = number ?? (invocation.has("follow") ? Int.max : 1)
    let (timeout, timedOut) = (try invocation.timeout(), try invocation.conflictExit())
    // One that comes first is there for the others, and hears of them.
    let space = try Space.enter(invocation)
    defer { space.close() }
    let printer = Printer(isJSON: invocation.isJSON, paint: Paint(invocation), left: limit)
    let user = Unmanaged.passRetained(printer)
    defer { user.release() }
    try subscribe(space, invocation, user.toOpaque())
    command_catch_signals()
    let end = timeout < 0 ? Int64.max : monotonicTime() + timeout
    while printer.left > 0, command_caught() == 0 {
      let rest = end == Int64.max ? Int64.max : end - monotonicTime()
      if rest <= 0 {
        throw Failure(exit: timedOut, status: "E_TIMEOUT", text: "the time passed")
      }
      let status = syncmgr_dispatch(space.manager, min(rest, 200_000_000))
      if status != SYNCMGR_E_TIMEOUT { try check(status) }
    }
    return 0
  }

  private static func subscribe(
    _ space: Space, _ invocation: Invocation, _ user: UnsafeMutableRawPointer
  ) throws(Failure) {
    var options = syncmgr_subscribe_options_t()
    options.size = UInt32(MemoryLayout<syncmgr_subscribe_options_t>.size)
    options.mask = try mask(invocation.values["kinds"])
    options.least_priority = try priority(
      invocation.values["priority"], without: SYNCMGR_PRIORITY_LOW)
    // The library copies the patterns.
    let objects = invocation.values["objects"].map { strdup($0) }
    let workstreams = invocation.values["workstreams"].map { strdup($0) }
    defer {
      free(objects ?? nil)
      free(workstreams ?? nil)
    }
    options.objects = UnsafePointer(objects ?? nil)
    options.workstreams = UnsafePointer(workstreams ?? nil)
    var subscription: OpaquePointer?
    try check(
      syncmgr_subscribe(
        space.manager, &options, { Printer.of($1!).write($0!) }, user, nil, &subscription))
  }

  static let priorities = ["low", "medium", "high", "critical"]

  static func priority(_ word: String?, without none: UInt32) throws(Failure) -> UInt32 {
    guard let word else { return none }
    guard let level = priorities.firstIndex(of: word) else {
      throw .usage("--priority is one of \(priorities.joined(separator: ", ")), not '\(word)'")
    }
    return UInt32(level)
  }

  private static func mask(_ list: String?) throws(Failure) -> UInt32 {
    guard let list else {
      return SYNCMGR_NOTICE_ALL & ~(SYNCMGR_NOTICE_GRANTED | SYNCMGR_NOTICE_RELEASED)
    }
    var mask: UInt32 = 0
    for word in list.split(separator: ",") {
      guard let place = words.firstIndex(of: String(word)) else {
        throw .usage("there is no kind '\(word)': \(words.joined(separator: ", "))")
      }
      mask |= SYNCMGR_NOTICE_OPENED << UInt32(place)
    }
    return mask
  }

  private final class Printer {
    let isJSON: Bool
    let paint: Paint
    var left: Int

    init(isJSON: Bool, paint: Paint, left: Int) {
      self.isJSON = isJSON
      self.paint = paint
      self.left = left
    }

    static func of(_ user: UnsafeMutableRawPointer) -> Printer {
      Unmanaged<Printer>.fromOpaque(user).takeUnretainedValue()
    }

    func write(_ notice: UnsafePointer<syncmgr_notice_t>) {
      if left == 0 { return }
      left -= 1
      print(isJSON ? json(notice) : line(notice))
      fflush(nil)
    }

    private func json(_ notice: UnsafePointer<syncmgr_notice_t>) -> String {
      let (type, detail) = (notice.pointee.type, terminated(notice.pointee.detail))
      return JSONValue.members([
        ("kind", .text(Events.word(notice.pointee.kind))),
        ("priority", .text(Events.priorities[Int(notice.pointee.priority) & 3])),
        ("time", .text(clock(notice.pointee.wall_ns))),
        ("workstream", .count(notice.pointee.workstream)),
        ("name", .text(terminated(notice.pointee.name))), ("pid", .count(notice.pointee.pid)),
        ("type", type == 0 ? .null : .count(type)),
        ("object", type == 0 ? .null : .text(terminated(notice.pointee.object))),
        ("value", .count(notice.pointee.value)), ("text", .text(terminated(notice.pointee.text))),
        ("detail", JSONValue(detail.utf8) ?? .null),
      ]).written
    }

    private func line(_ notice: UnsafePointer<syncmgr_notice_t>) -> String {
      let name = terminated(notice.pointee.name)
      var line = paint.faint(clock(notice.pointee.wall_ns)) + " "
      line += padded(Events.word(notice.pointee.kind), 12)
      if notice.pointee.kind == SYNCMGR_NOTICE_GAP { line += "\(notice.pointee.value) lost" }
      if !name.isEmpty { line += "\(paint.name(shown(name))) (\(notice.pointee.pid))" }
      let object = terminated(notice.pointee.object)
      if notice.pointee.type != 0 { line += " \(paint.name(shown(object)))" }
      let text = terminated(notice.pointee.text)
      if !text.isEmpty { line += ": \(shown(text))" }
      return line
    }
  }

  /// The kinds, by their bit.
  private static let words = [
    "opened", "closed", "died", "hold_lost", "gap", "granted", "released", "timed_out",
    "owner_died", "barrier_tripped", "barrier_broken", "sync_complete", "sync_partial",
    "sync_timeout", "deadlock", "possible_deadlock", "preempted", "lease_lost", "conflict",
    "data_available", "resource_available", "completed", "failed", "custom",
  ]

  private static func word(_ kind: UInt32) -> String {
    let place = kind.trailingZeroBitCount - SYNCMGR_NOTICE_OPENED.trailingZeroBitCount
    return words.indices.contains(place) ? words[place] : "kind-\(kind)"
  }
}
