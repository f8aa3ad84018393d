import CSyncMgr
import CSyncMgrCommand
import Glibc

/// The subcommands that run a program while they hold something.
enum Lock {
  private static let details = """
    COMMAND runs while it is held, and is killed when this process is. Signals sent to this process
    go to COMMAND. Whatever ends, and however, what was held is released. COMMAND finds in its
    environment SYNCMGR_SPACE, SYNCMGR_TOKEN, the fencing token of the hold, and SYNCMGR_OWNER_DIED,
    which is 1 when the owner before died and may have left things half done, else 0.
    """

  private static let leaseOption = Option(
    long: "lease", value: "TIME",
    help: "lose it when this process is stopped for so long; renewed while it runs")

  // MARK: - lock

  static let lock = Subcommand(
    name: "lock", arguments: "NAME [--] COMMAND [ARGUMENT]...",
    summary: "Run a command while a lock is held",
    options: [
      Option.timeout, Option.conflict,
      Option(long: "shared", help: "share a readers-writer lock with other readers"),
      Option(long: "exclusive", help: "take a readers-writer lock alone"),
      leaseOption, Option.fair, Option.persistent,
    ],
    details: "NAME is a mutex; with --shared or --exclusive it is a readers-writer lock.\n"
      + details,
    count: 1...1, runsCommand: true
  ) { invocation throws(Failure) in
    try require(invocation)
    if invocation.has("shared"), invocation.has("exclusive") {
      throw .usage("--shared and --exclusive exclude each other")
    }
    let isRW = invocation.has("shared") || invocation.has("exclusive")
    let mode = invocation.has("shared") ? SYNCMGR_SHARED : SYNCMGR_EXCLUSIVE
    return try hold(invocation, isRW ? .rwlock(mode) : .mutex)
  }

  private static func require(_ invocation: Invocation) throws(Failure) {
    if invocation.command.isEmpty { throw .usage("a command to run is missing") }
  }

  /// The library's calls for a lock of one type.
  private struct Form {
    typealias Out<Value> = UnsafeMutablePointer<Value>

    let fair: UInt32
    let open: (OpaquePointer?, String, UInt32, Out<OpaquePointer?>) -> Int32
    let start: (OpaquePointer, Int64, Out<OpaquePointer?>) -> Int32
    let token: (OpaquePointer, Out<UInt64>) -> Int32
    let previousOwner: (OpaquePointer, Out<syncmgr_holder_t>) -> Int32
    let unlock: (OpaquePointer) -> Int32

    static var mutex: Form {
      Form(
        fair: SYNCMGR_MUTEX_FAIR,
        open: { me, name, flags, out in
          var options = syncmgr_mutex_options_t(
            size: UInt32(MemoryLayout<syncmgr_mutex_options_t>.size), flags: flags)
          return syncmgr_mutex_open(me, name, &options, out)
        },
        start: { syncmgr_mutex_lock_start($0, $1, nil, 0, $2) },
        token: { syncmgr_mutex_token($0, $1) },
        previousOwner: { syncmgr_mutex_previous_owner($0, $1) },
        unlock: { syncmgr_mutex_unlock($0) })
    }

    static func rwlock(_ mode: UInt32) -> Form {
      Form(
        fair: SYNCMGR_RWLOCK_FAIR,
        open: { me, name, flags, out in
          var options = syncmgr_rwlock_options_t(
            size: UInt32(MemoryLayout<syncmgr_rwlock_options_t>.size), flags: flags)
          return syncmgr_rwlock_open(me, name, &options, out)
        },
        start: { syncmgr_rwlock_lock_start($0, mode, $1, nil, 0, $2) },
        token: { syncmgr_rwlock_token($0, $1) },
        previousOwner: { syncmgr_rwlock_previous_owner($0, $1) },
        unlock: { syncmgr_rwlock_unlock($0) })
    }
  }

  /// Runs the command while a lock is held.
  private static func hold(_ invocation: Invocation, _ form: Form) throws(Failure) -> Int32 {
    let name = invocation.arguments[0]
    let (timeout, timedOut) = (try invocation.timeout(), try invocation.conflictExit())
    let lease = try invocation.duration("lease")
    let space = try Space.enter(invocation, threads: lease != nil)
    defer { space.close() }
    let me = try space.workstream(for: invocation.command)
    let lock = try open(space, name, invocation.has("fair") ? form.fair : 0) { flags, out in
      form.open(me, name, flags, out)
    }
    let (status, _) = try Running.wait(space, timeout, timedOut: timedOut) { limit, ticket in
      form.start(lock, limit, ticket)
    }
    var token: UInt64 = 0
    try check(form.token(lock, &token))
    let died = status == SYNCMGR_OWNER_DIED
    if died {
      var before = syncmgr_holder_t()
      let isKnown = form.previousOwner(lock, &before) == SYNCMGR_OK
      warnOfDeath(name, isKnown ? before : nil, invocation)
    }
    return try run(invocation, space, UnsafeMutableRawPointer(lock), lease, token, died: died) {
      _ in form.unlock(lock)
    }
  }

  /// Opens with the flags that an existing object has, where those asked for are not a wish but the
  /// default.
  private static func open(
    _ space: Space, _ name: String, _ flags: UInt32,
    _ open: (UInt32, UnsafeMutablePointer<OpaquePointer?>) -> Int32
  ) throws(Failure) -> OpaquePointer {
    var handle: OpaquePointer?
    var status = open(flags, &handle)
    if status == SYNCMGR_E_MISMATCH, flags == 0 {
      let parameters = try space.object(name)["parameters"]
      let isMutex = parameters["recursive"].isNull == false
      let fair = isMutex ? SYNCMGR_MUTEX_FAIR : SYNCMGR_RWLOCK_FAIR
      status = open(
        (parameters["fair"].isTrue ? fair : 0)
          | (parameters["recursive"].isTrue ? SYNCMGR_MUTEX_RECURSIVE : 0), &handle)
    }
    try check(status)
    return handle!
  }

  private static func warnOfDeath(
    _ name: String, _ before: syncmgr_holder_t?, _ invocation: Invocation
  ) {
    let who = before.map { " (\(shown(terminated($0.name))), process \($0.pid))" } ?? ""
    printError("syncmgr: the owner of '\(name)' before\(who) died, or lost it, while it held it")
  }

  // MARK: - semaphore

  static let semaphore = Subcommand(
    name: "semaphore", arguments: "NAME [--] COMMAND [ARGUMENT]...",
    summary: "Run a command while permits of a semaphore are held",
    options: [
      Option(long: "permits", short: "p", value: "N", help: "how many the semaphore has"),
      Option(long: "count", short: "c", value: "N", help: "how many to take (1)"),
      Option.timeout, Option.conflict, leaseOption, Option.fair, Option.persistent,
    ],
    details: "Without --permits the semaphore must exist.\n" + details, count: 1...1,
    runsCommand: true
  ) { invocation throws(Failure) in
    try require(invocation)
    let name = invocation.arguments[0]
    let most = Int(SYNCMGR_COUNT_MAX)
    let permits = try invocation.number("permits", 1...most)
    let count = UInt32(try invocation.number("count", 1...most) ?? 1)
    let (timeout, timedOut) = (try invocation.timeout(), try invocation.conflictExit())
    let lease = try invocation.duration("lease")
    let space = try Space.enter(invocation, threads: lease != nil)
    defer { space.close() }
    let me = try space.workstream(for: invocation.command)
    var options = syncmgr_semaphore_options_t(
      size: UInt32(MemoryLayout<syncmgr_semaphore_options_t>.size),
      flags: invocation.has("fair") ? SYNCMGR_SEMAPHORE_FAIR : 0)
    var semaphore: OpaquePointer?
    try check(
      syncmgr_semaphore_open(
        me, name, permits.map { UInt32($0) } ?? SYNCMGR_ANY, &options, &semaphore))
    _ = try Running.wait(space, timeout, timedOut: timedOut) { limit, ticket in
      syncmgr_semaphore_acquire_start(semaphore, count, limit, nil, 0, ticket)
    }
    return try run(
      invocation, space, UnsafeMutableRawPointer(semaphore!), lease, 0, died: false
    ) { _ in syncmgr_semaphore_release(semaphore, count) }
  }

  // MARK: - election

  static let election = Subcommand(
    name: "election", arguments: "NAME [[--] COMMAND [ARGUMENT]...]",
    summary: "Run a command while this process leads, or show who does",
    options: [
      Option(long: "once", help: "when COMMAND succeeds nobody else runs it: they end with 0"),
      Option.timeout, Option.conflict, leaseOption, Option.persistent,
    ],
    details: """
      One leads; the others wait for their turn, which comes when the leader's COMMAND is done. With
      --once the first COMMAND that succeeds is the last, as long as the space is there: see
      --persistent. Without COMMAND the leader is shown.
      """ + "\n" + details,
    count: 1...1, runsCommand: true
  ) { invocation throws(Failure) in
    let name = invocation.arguments[0]
    if invocation.command.isEmpty { return try showLeader(invocation, name) }
    let (timeout, timedOut) = (try invocation.timeout(), try invocation.conflictExit())
    let lease = try invocation.duration("lease")
    let space = try Space.enter(invocation, threads: lease != nil)
    defer { space.close() }
    var election: OpaquePointer?
    try check(syncmgr_election_open(try space.workstream(for: invocation.command), name, &election))
    let (status, record) = try Running.wait(space, timeout, timedOut: timedOut) { limit, ticket in
      syncmgr_election_campaign_start(election, limit, nil, 0, ticket, nil)
    }
    if status != SYNCMGR_LEADER { return 0 }
    var leader = syncmgr_holder_t()
    let isKnown = syncmgr_election_leader(election, &leader) == SYNCMGR_OK
    return try run(
      invocation, space, UnsafeMutableRawPointer(election!), lease,
      isKnown ? leader.token : record?.value ?? 0, died: false
    ) { exit in
      invocation.has("once") && exit == 0
        ? syncmgr_election_finish(election, "0", 1) : syncmgr_election_resign(election)
    }
  }

  private static func run(
    _ invocation: Invocation, _ space: Space, _ lock: UnsafeMutableRawPointer, _ lease: Int64?,
    _ token: UInt64, died: Bool, _ finish: (Int32) -> Int32
  ) throws(Failure) -> Int32 {
    if let lease { try check(syncmgr_lease_set(lock, lease, SYNCMGR_LEASE_RENEW)) }
    let exit = try Running.run(
      invocation.command,
      [
        "SYNCMGR_SPACE=" + space.url, "SYNCMGR_TOKEN=" + String(token),
        died ? "SYNCMGR_OWNER_DIED=1" : "SYNCMGR_OWNER_DIED=0",
      ])
    // What was lost meanwhile did not protect the command to its end.
    if finish(exit) < 0 {
      printError("syncmgr: " + String(cString: syncmgr_last_error()))
      return exit == 0 ? Exit.ownFailure : exit
    }
    return exit
  }

  private static func showLeader(
    _ invocation: Invocation, _ name: String
  ) throws(Failure) -> Int32 {
    let space = try Space.visit(invocation)
    defer { space.close() }
    let object = try space.object(name)
    guard object["type"].string == "election" else {
      throw Failure(status: "E_TYPE", text: "'\(name)' is a \(object["type"].string)")
    }
    let leader = object["holders"].items.first
    if invocation.isJSON {
      let members: [(String, JSONValue)] = [
        ("leader", leader ?? .null), ("term", object["state"]["term"]),
        ("finished", object["state"]["finished"]),
        ("candidates", .count(object["waiters"].items.count)),
      ]
      print(JSONValue.members(members).written)
    } else if let leader {
      print(Look.people([leader]) + ", term \(leader["token"].int)")
    } else {
      print(object["state"]["finished"].isTrue ? "finished" : "nobody leads")
    }
    return leader == nil ? Exit.failed : 0
  }
}
