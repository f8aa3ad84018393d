import CSyncMgr
import Glibc

/// The subcommands that clear away.
enum Repair {
  static let forceRelease = Subcommand(
    name: "force-release", arguments: "NAME",
    summary: "Take a lock away from whoever holds it",
    details: """
      For a mutex, a readers-writer lock or an election. The next owner is told that the one before
      lost it; the old one keeps running, and finds out when it releases or asks.
      """,
    count: 1...1
  ) { invocation throws(Failure) in
    let space = try Space.visit(invocation)
    defer { space.close() }
    let name = invocation.arguments[0]
    let object = try space.object(name)
    let status = try force(space, name, object)
    let isFree = status == SYNCMGR_FREE
    if invocation.isJSON {
      let members: [(String, JSONValue)] = [
        ("released", .truth(!isFree)), ("holders", .list(isFree ? [] : object["holders"].items)),
      ]
      print(JSONValue.members(members).written)
    } else {
      print(isFree ? "nobody held it" : "taken from \(Look.people(object["holders"].items))")
    }
    return 0
  }

  private static func force(
    _ space: Space, _ name: String, _ object: JSONValue
  ) throws(Failure) -> Int32 {
    let me = try space.workstream()
    let parameters = object["parameters"]
    var handle: OpaquePointer?
    switch object["type"].string {
    case "mutex":
      var options = syncmgr_mutex_options_t(
        size: UInt32(MemoryLayout<syncmgr_mutex_options_t>.size),
        flags: (parameters["fair"].isTrue ? SYNCMGR_MUTEX_FAIR : 0)
          | (parameters["recursive"].isTrue ? SYNCMGR_MUTEX_RECURSIVE : 0))
      try check(syncmgr_mutex_open(me, name, &options, &handle))
      return try check(syncmgr_mutex_force_release(handle))
    case "rwlock":
      var options = syncmgr_rwlock_options_t(
        size: UInt32(MemoryLayout<syncmgr_rwlock_options_t>.size),
        flags: parameters["fair"].isTrue ? SYNCMGR_RWLOCK_FAIR : 0)
      try check(syncmgr_rwlock_open(me, name, &options, &handle))
      return try check(syncmgr_rwlock_force_release(handle))
    case "election":
      try check(syncmgr_election_open(me, name, &handle))
      return try check(syncmgr_election_force_release(handle))
    case let type:
      throw Failure(status: "E_TYPE", text: "'\(name)' is a \(type), which cannot be taken away")
    }
  }

  // MARK: - clean

  static let clean = Subcommand(
    name: "clean", arguments: "",
    summary: "Release what the dead left, and remove abandoned spaces",
    options: [
      Option(long: "all", short: "a", help: "also remove persistent spaces that nobody has open"),
      Option(long: "force", help: "also remove damaged ones, and ones of other versions"),
    ],
    details: """
      With --space or SYNCMGR_SPACE only in that space, else in all of this user's. A space that a
      process has open is never removed.
      """
  ) { invocation throws(Failure) in
    let wanted = Space.named(invocation).map(Space.place)
    var results: [Result] = []
    for segment in Segments.all() where wanted == nil || wanted == "shm:" + segment.name {
      if wanted == nil, segment.user != geteuid() { continue }
      results.append(clean(segment, invocation))
    }
    if let wanted, results.isEmpty {
      throw Failure(status: "E_NOT_FOUND", text: "\(wanted) does not exist")
    }
    if invocation.isJSON {
      print(JSONValue.list(results.map { $0.json }).written)
    } else {
      for result in results { print("\(shown(result.url)): \(result.words)") }
      if results.isEmpty { print("there are no spaces") }
    }
    return results.contains { $0.isFailed } ? Exit.failed : 0
  }

  private struct Result {
    let url: String
    var dead = 0
    var isRemoved = false
    var failure: String?

    var isFailed: Bool { failure != nil }

    var words: String {
      if let failure { return failure }
      let dead = self.dead == 0 ? "nobody dead" : "\(self.dead) dead processes recovered"
      return isRemoved ? "removed" : dead
    }

    var json: JSONValue {
      .members([
        ("url", .text(url)), ("dead", .count(dead)), ("removed", .truth(isRemoved)),
        ("error", failure.map { .text($0) } ?? .null),
      ])
    }
  }

  /// Opening an abandoned space that is not persistent removes it, under the library's own locks:
  /// nobody can come in between.
  private static func clean(_ segment: Segment, _ invocation: Invocation) -> Result {
    var result = Result(url: "shm:" + segment.name)
    do throws(Failure) {
      let space = try Space.open(result.url, SYNCMGR_OPEN_ONLY | SYNCMGR_OPEN_NO_THREADS)
      var dead: UInt32 = 0
      let status = syncmgr_cleanup(space.manager, &dead)
      let others = try space.snapshot()["space"]["used"]["processes"].int - 1
      if status >= 0, others == 0, invocation.has("all") {
        result.isRemoved = syncmgr_unlink(result.url) == SYNCMGR_OK
      }
      space.close()
      try check(status)
      result.dead = Int(dead)
    } catch {
      let isForeign = ["E_CORRUPT", "E_VERSION"].contains(error.status)
      if error.status == "E_NOT_FOUND" {
        result.isRemoved = true
      } else if isForeign, invocation.has("force"), segment.isReadable, segment.pids.isEmpty,
        syncmgr_unlink(result.url) == SYNCMGR_OK
      {
        result.isRemoved = true
      } else {
        result.failure = error.text + (isForeign ? " (--force removes it)" : "")
      }
    }
    return result
  }
}
