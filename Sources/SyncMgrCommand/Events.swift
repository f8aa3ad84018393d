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
      Option.timeout, Option.conflict,
    ],
    details: "Without --follow and --number it waits for one event.\nJSON is written one a line."
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
    var subscription: OpaquePointer?
    try check(
      syncmgr_on(
        space.manager, SYNCMGR_NOTICE_ALL, { Printer.of($1!).write($0!) }, user.toOpaque(), nil,
        &subscription))
    command_catch_signals()
    let end = timeout < 0 ? Int64.max : now() + timeout
    while printer.left > 0, command_caught() == 0 {
      let rest = end == Int64.max ? Int64.max : end - now()
      if rest <= 0 {
        throw Failure(exit: timedOut, status: "E_TIMEOUT", text: "the time passed")
      }
      let status = syncmgr_dispatch(space.manager, min(rest, 200_000_000))
      if status != SYNCMGR_E_TIMEOUT { try check(status) }
    }
    return 0
  }

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
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
      let kind = Events.word(notice.pointee.kind)
      let name = notice.pointee.name.map { String(cString: $0) } ?? ""
      if isJSON {
        let members: [(String, JSONValue)] = [
          ("kind", .text(kind)), ("workstream", .count(notice.pointee.workstream)),
          ("name", .text(name)), ("pid", .count(notice.pointee.pid)),
          ("time", .text(Events.clock())),
        ]
        print(JSONValue.members(members).written)
      } else {
        let who = name.isEmpty ? "" : "\(paint.name(shown(name))) (\(notice.pointee.pid))"
        print("\(paint.faint(Events.clock())) \(padded(kind, 12))\(who)")
      }
      fflush(nil)
    }
  }

  private static func word(_ kind: UInt32) -> String {
    switch kind {
    case SYNCMGR_NOTICE_OPENED: "opened"
    case SYNCMGR_NOTICE_CLOSED: "closed"
    case SYNCMGR_NOTICE_DIED: "died"
    case SYNCMGR_NOTICE_HOLD_LOST: "hold_lost"
    case SYNCMGR_NOTICE_GAP: "gap"
    default: "kind-\(kind)"
    }
  }

  /// The time of day, in UTC, as RFC 3339 has it.
  private static func clock() -> String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var parts = tm()
    gmtime_r(&now.tv_sec, &parts)
    func digits(_ number: Int32, _ count: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(count - text.utf8.count, 0)) + text
    }
    return digits(parts.tm_year + 1900, 4) + "-" + digits(parts.tm_mon + 1, 2) + "-"
      + digits(parts.tm_mday, 2) + "T" + digits(parts.tm_hour, 2) + ":" + digits(parts.tm_min, 2)
      + ":" + digits(parts.tm_sec, 2) + "." + digits(Int32(now.tv_nsec / 1_000_000), 3) + "Z"
  }
}
