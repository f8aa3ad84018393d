import CSyncMgr
import CSyncMgrCommand
import Glibc

/// Who holds, and who waits how long, again and again.
enum Top {
  static let top = Subcommand(
    name: "top", arguments: "", summary: "Watch who holds what, and who waits for how long",
    options: [
      Option(long: "interval", short: "i", value: "TIME", help: "how often it looks (1s)"),
      Option(long: "number", short: "n", value: "N", help: "end after N looks"),
    ],
    details: "In a terminal q ends it. Elsewhere each look follows the one before."
  ) { invocation throws(Failure) in
    let interval = try invocation.duration("interval") ?? 1_000_000_000
    let number = try invocation.number("number", 1...Int(Int32.max))
    let space = try Space.visit(invocation)
    defer { space.close() }
    let paint = Paint(invocation)
    let isLive = isatty(1) == 1 && !invocation.isJSON
    command_catch_signals()
    if isLive { command_raw_terminal(1) }
    defer { if isLive { command_raw_terminal(0) } }
    var before: [String: Int] = [:]
    var looks = 0
    while true {
      let snapshot = try space.snapshot()
      if invocation.isJSON {
        print(snapshot.written)
      } else {
        if isLive { print("\u{1b}[H\u{1b}[J", terminator: "") }
        print(screen(snapshot, before, Double(interval) / 1e9, paint), terminator: "")
        if !isLive { print() }
      }
      fflush(nil)
      before = counts(snapshot)
      looks += 1
      if looks == number { return 0 }
      let key = command_key(Int32(clamping: interval / 1_000_000))
      if command_caught() != 0 || key == 0x71 || key == 3 || key == 4 { return 0 }
    }
  }

  private static func counts(_ snapshot: JSONValue) -> [String: Int] {
    var counts: [String: Int] = [:]
    for object in snapshot["objects"].items {
      counts[object["name"].string] = taken(object)
    }
    return counts
  }

  /// How often something was taken; nil where nobody counts.
  private static func taken(_ object: JSONValue) -> Int? {
    if object["type"].string == "channel" { return ChannelLook.received(object) }
    let acquisitions = object["counters"]["acquisitions"]
    return acquisitions.isNull ? nil : acquisitions.int
  }

  private static func screen(
    _ snapshot: JSONValue, _ before: [String: Int], _ seconds: Double, _ paint: Paint
  ) -> String {
    let (space, used) = (snapshot["space"], snapshot["space"]["used"])
    var text = paint.strong(space["url"].string) + ": "
    text += "\(used["processes"].int) processes, \(used["workstreams"].int) workstreams, "
    text += "\(used["objects"].int) objects, \(used["waits"].int) waits\n\n"
    func longest(_ object: JSONValue) -> Double {
      object["waiters"].items.map { $0["age_ms"].double }.max() ?? -1
    }
    let objects = snapshot["objects"].items.sorted { longest($0) > longest($1) }
    var table = Table(
      "NAME", "TYPE", "STATE", "TAKEN/S", "CONTENDED", "WAITING", "LONGEST", "HELD BY")
    for object in objects.prefix(40) {
      let name = object["name"].string
      let now = taken(object)
      // What mailboxes counted goes when their receivers do.
      let rate = before[name].map { old in
        String(Int((Double(max((now ?? 0) - old, 0)) / seconds).rounded()))
      }
      let waiters = object["waiters"].items.count
      table.add(
        shown(name), object["type"].string, Look.state(object),
        now == nil ? "-" : rate ?? "-",
        object["counters"].isNull ? "-" : String(object["counters"]["contended"].int),
        waiters == 0 ? "-" : String(waiters), waiters == 0 ? "-" : time(longest(object)),
        Look.people(object["holders"].items))
    }
    text += table.text(paint)
    if objects.count > 40 { text += "and \(objects.count - 40) more\n" }
    return text
  }
}
