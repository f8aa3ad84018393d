import CSyncMgr
import CSyncMgrCommand
import Glibc

/// The subcommands that show what is there.
enum Look {
  // MARK: - ls

  static let ls = Subcommand(
    name: "ls", arguments: "",
    summary: "List the objects of a space, or the spaces of this machine",
    options: [
      Option(long: "spaces", help: "list the spaces, also where one is given"),
      Option(long: "names", help: "write names only, one a line"),
    ],
    details: "Without --space and SYNCMGR_SPACE it lists the spaces."
  ) { invocation throws(Failure) in
    if invocation.has("spaces") || Space.named(invocation) == nil { return listSpaces(invocation) }
    let space = try Space.visit(invocation)
    defer { space.close() }
    let objects = try space.snapshot()["objects"]
    if invocation.has("names") {
      for object in objects.items { print(shown(object["name"].string)) }
    } else if invocation.isJSON {
      print(objects.written)
    } else {
      let paint = Paint(invocation)
      var table = Table("NAME", "TYPE", "STATE", "HELD BY", "WAITING", "LONGEST")
      for object in objects.items {
        let waiters = object["waiters"].items
        let longest = waiters.map { $0["age_ms"].double }.max()
        table.add(
          shown(object["name"].string), object["type"].string, state(object),
          people(object["holders"].items), waiters.isEmpty ? "-" : String(waiters.count),
          longest.map { time($0) } ?? "-")
      }
      print(table.isEmpty ? "\(space.url) has no objects" : table.text(paint), terminator: "")
      if table.isEmpty { print() }
    }
    return 0
  }

  private static func listSpaces(_ invocation: Invocation) -> Int32 {
    let all = Segments.all()
    if invocation.has("names") {
      for one in all { print(shown(one.name)) }
    } else if invocation.isJSON {
      print(JSONValue.list(all.map { $0.json }).written)
    } else {
      var table = Table("SPACE", "PROCESSES", "MEMORY", "USER", "PIDS")
      for one in all {
        table.add(
          "shm:" + shown(one.name), one.isReadable ? String(one.pids.count) : "?",
          bytes(one.memory), String(one.user),
          one.isReadable && one.pids.isEmpty
            ? "abandoned or kept" : one.pids.map { String($0) }.joined(separator: " "))
      }
      print(
        table.isEmpty ? "there are no spaces\n" : table.text(Paint(invocation)), terminator: "")
    }
    return 0
  }

  static func people(_ people: [JSONValue]) -> String {
    if people.isEmpty { return "-" }
    let first = people.prefix(3).map { "\(shown($0["name"].string)) (\($0["pid"].int))" }
    let more = people.count > 3 ? " and \(people.count - 3) more" : ""
    return first.joined(separator: ", ") + more
  }

  /// An object's state in a few words.
  static func state(_ object: JSONValue) -> String {
    let (state, parameters) = (object["state"], object["parameters"])
    switch object["type"].string {
    case "mutex":
      return (state["locked"].isTrue ? "locked" : "free")
        + (state["owner_died"].isTrue ? ", owner died" : "")
    case "semaphore": return "\(state["available"].int) of \(parameters["permits"].int) free"
    case "resource": return "\(state["available"].int) of \(parameters["instances"].int) free"
    case "latch": return "\(state["remaining"].int) of \(parameters["count"].int) remain"
    case "barrier":
      let arrived = "\(state["arrived"].int) of \(state["parties"].int) there"
      return state["broken"].isTrue ? "broken" : arrived
    case "event": return state["set"].isTrue ? "set" : "not set"
    case "rwlock": return state["mode"].string + (state["owner_died"].isTrue ? ", owner died" : "")
    case "sync_point":
      let members = state["members"].items
      let there = "\(members.filter { $0["arrived"].isTrue }.count) of \(members.count) there"
      let status = state["status"].string
      return status == "waiting" ? there : "\(status), \(there)"
    case "election":
      return state["finished"].isTrue ? "finished" : state["led"].isTrue ? "led" : "no leader"
    case "channel": return ChannelLook.state(object)
    default:
      return state.members.map { "\($0.key) \($0.value.written)" }.joined(separator: ", ")
    }
  }

  // MARK: - show

  static let show = Subcommand(
    name: "show", arguments: "NAME",
    summary: "Show an object: who holds it, who waits for how long, what was counted", count: 1...1
  ) { invocation throws(Failure) in
    let space = try Space.visit(invocation)
    defer { space.close() }
    let object = try space.object(invocation.arguments[0])
    if invocation.isJSON {
      print(object.written)
    } else {
      print(description(object, Paint(invocation)), terminator: "")
    }
    return 0
  }

  private static func description(_ object: JSONValue, _ paint: Paint) -> String {
    let name = paint.strong(shown(object["name"].string))
    var text = "\(object["type"].string) \(name): \(state(object))\n"
    func line(_ label: String, _ words: String) {
      text += "  " + padded(label, 16) + words + "\n"
    }
    func list(_ members: JSONValue) -> String {
      members.members.map { "\($0.key) \($0.value.written)" }.joined(separator: ", ")
    }
    if !object["parameters"].members.isEmpty { line("parameters", list(object["parameters"])) }
    for member in object["state"]["members"].items {
      let words = ["required", "arrived", "failed", "late"].filter { member[$0].isTrue }
      let how = words.isEmpty ? "not there" : words.joined(separator: ", ")
      line("expects", "\(paint.name(shown(member["name"].string))): \(how)")
    }
    for mailbox in object["state"]["mailboxes"].items {
      line("mailbox", ChannelLook.mailbox(mailbox, paint))
    }
    line("open in", "\(object["open"].int) workstreams")
    for holder in object["holders"].items {
      var words = "\(paint.name(shown(holder["name"].string))) (process \(holder["pid"].int))"
      if !holder["mode"].isNull { words += ", " + holder["mode"].string }
      if holder["amount"].int > 1 { words += ", \(holder["amount"].int) times" }
      if !holder["token"].isNull { words += ", token \(holder["token"].int)" }
      if !holder["lease_ms"].isNull { words += ", lease \(time(holder["lease_ms"].double))" }
      line("held by", words)
    }
    for waiter in object["waiters"].items {
      var words = "\(paint.name(shown(waiter["name"].string))) (process \(waiter["pid"].int)), "
      words += paint.warning(time(waiter["age_ms"].double))
      if !waiter["mode"].isNull { words += ", " + waiter["mode"].string }
      if waiter["amount"].int > 1 { words += ", \(waiter["amount"].int) permits" }
      line("waits", words)
    }
    let before = object["previous_owner"]
    if !before.isNull {
      line("died or lost it", "\(shown(before["name"].string)) (process \(before["pid"].int))")
    }
    return text + counters(object["counters"])
  }

  private static func counters(_ counters: JSONValue) -> String {
    if counters.isNull { return "" }
    var text = ""
    if !counters["acquisitions"].isNull {
      text += "  " + padded("acquisitions", 16) + "\(counters["acquisitions"].int)\n"
    }
    text += "  " + padded("contended", 16) + "\(counters["contended"].int)\n"
    text += "  " + padded("owner deaths", 16) + "\(counters["owner_deaths"].int)\n"
    let histogram = counters["wait_histogram"].items.map { $0.int }
    let ended = histogram.reduce(0, +)
    if ended == 0 { return text }
    text += "  " + padded("waited", 16)
    text += "\(time(counters["waited_ms"].double / Double(ended))) on average, "
    text += "\(time(counters["longest_wait_ms"].double)) at most\n"
    let most = histogram.max() ?? 1
    for (index, count) in histogram.enumerated() where count > 0 {
      let isLast = index == histogram.count - 1
      let bound = time(Double(1 << (isLast ? index - 1 : index)) / 1000)
      let bar = String(repeating: "#", count: max(count * 40 / max(most, 1), 1))
      text += "  " + padded("  \(isLast ? ">=" : "<") \(bound)", 16) + padded(bar, 41)
      text += "\(count)\n"
    }
    return text
  }
}
