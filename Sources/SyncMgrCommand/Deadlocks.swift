import CSyncMgr
import Glibc

/// The deadlocks of a space: those that stand, and those of which a record is kept.
enum Deadlocks {
  static let deadlocks = Subcommand(
    name: "deadlocks", arguments: "", summary: "List deadlocks, or look for them now",
    options: [
      Option(long: "detect", help: "look for them first, and end those found where that is on"),
      Option(long: "resolve", value: "ID", help: "end the wait of a victim of this one"),
      Option(long: "clear", help: "forget those that have ended"),
    ],
    details: "Ends with 1 when one stands."
  ) { invocation throws(Failure) in
    let id = try invocation.number("resolve", 1...Int(Int32.max))
    let space = try Space.visit(invocation)
    defer { space.close() }
    if invocation.has("detect") {
      try check(syncmgr_deadlock_detect(space.manager, SYNCMGR_DETECT_WAIT_FOR_GRAPH, nil))
    }
    if let id {
      try check(
        syncmgr_deadlock_resolve(space.manager, UInt64(id), SYNCMGR_VICTIM_YOUNGEST))
    }
    if invocation.has("clear") { try check(syncmgr_deadlock_clear(space.manager, nil)) }
    let records = try list(space)
    if invocation.isJSON {
      print(
        JSONValue.list(try records.map { (one) throws(Failure) in try json(one, space) }).written)
    } else {
      let paint = Paint(invocation)
      for record in records {
        print("\(paint.strong("#\(record.id)")) \(end(record)): \(try words(record, space))")
      }
      if records.isEmpty { print("no deadlock is known") }
    }
    return records.contains(where: { stands($0) }) ? Exit.failed : 0
  }

  private static func stands(_ record: syncmgr_deadlock_t) -> Bool {
    record.kind == SYNCMGR_DEADLOCK_ACTUAL && record.resolved_ns == 0
  }

  private static func list(_ space: Space) throws(Failure) -> [syncmgr_deadlock_t] {
    // The library keeps 64 at most.
    var records = [syncmgr_deadlock_t](repeating: syncmgr_deadlock_t(), count: 256)
    var count: UInt32 = 0
    try check(syncmgr_deadlock_list(space.manager, &records, 256, &count))
    return Array(records.prefix(Int(count)))
  }

  private static func words(
    _ record: syncmgr_deadlock_t, _ space: Space
  ) throws(Failure) -> String {
    // 64 members of three names each.
    var buffer = [CChar](repeating: 0, count: 1 << 16)
    let status = syncmgr_deadlock_text(space.manager, record.id, &buffer, buffer.count, nil)
    // It was forgotten in between.
    if status == SYNCMGR_E_NOT_FOUND { return "forgotten" }
    try check(status)
    return shown(
      String(
        decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  private static func kind(_ record: syncmgr_deadlock_t) -> String {
    switch record.kind {
    case SYNCMGR_DEADLOCK_ACTUAL: "deadlock"
    case SYNCMGR_DEADLOCK_POSSIBLE: "possible"
    case SYNCMGR_DEADLOCK_UNSAFE: "unsafe"
    default: "kind-\(record.kind)"
    }
  }

  private static func resolution(_ record: syncmgr_deadlock_t) -> String {
    switch record.resolution {
    case SYNCMGR_RESOLUTION_VICTIM: "victim"
    case SYNCMGR_RESOLUTION_BY_HAND: "by_hand"
    case SYNCMGR_RESOLUTION_ENDED: "ended"
    default: "none"
    }
  }

  private static func end(_ record: syncmgr_deadlock_t) -> String {
    if record.kind != SYNCMGR_DEADLOCK_ACTUAL { return kind(record) }
    switch record.resolution {
    case SYNCMGR_RESOLUTION_VICTIM: return "ended by its victim"
    case SYNCMGR_RESOLUTION_BY_HAND: return "ended by hand"
    case SYNCMGR_RESOLUTION_ENDED: return "ended by itself"
    default: return "STANDS"
    }
  }

  private static func json(
    _ record: syncmgr_deadlock_t, _ space: Space
  ) throws(Failure) -> JSONValue {
    .members([
      ("id", .count(record.id)), ("kind", .text(kind(record))),
      ("stands", .truth(stands(record))), ("resolution", .text(resolution(record))),
      ("victim", record.victim == 0 ? .null : .count(record.victim)),
      ("found_ms", .count(record.found_ns / 1_000_000)),
      ("resolved_ms", record.resolved_ns == 0 ? .null : .count(record.resolved_ns / 1_000_000)),
      ("workstreams", .count(record.workstreams)), ("text", .text(try words(record, space))),
    ])
  }
}
