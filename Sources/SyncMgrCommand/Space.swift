import CSyncMgr
import Glibc

/// The space that a subcommand works in, open.
struct Space {
  let url: String
  let manager: OpaquePointer

  /// What the URL is: the option, the environment, or shm:default.
  static func url(_ invocation: Invocation) -> String {
    named(invocation) ?? "shm:default"
  }

  /// The space that somebody asked for; nil for nobody did.
  static func named(_ invocation: Invocation) -> String? {
    let given = invocation.values["space"] ?? getenv("SYNCMGR_SPACE").map { String(cString: $0) }
    guard let given, !given.isEmpty else { return nil }
    return given.prefix { $0 != "?" }.contains(":") ? given : "shm:" + given
  }

  /// A URL without its options, as the library's window has it.
  static func place(_ url: String) -> String { String(url.prefix { $0 != "?" }) }

  static func open(_ url: String, _ flags: UInt32) throws(Failure) -> Space {
    var options = syncmgr_open_options_t(
      size: UInt32(MemoryLayout<syncmgr_open_options_t>.size), flags: flags, mode: 0o600,
      group: SYNCMGR_ANY, owner: SYNCMGR_ANY)
    var manager: OpaquePointer?
    try check(syncmgr_open(url, &options, &manager))
    // With the absolute name of the store's file, for a command that runs elsewhere.
    var room = [CChar](repeating: 0, count: 4096)
    var length = 0
    try check(syncmgr_url(manager, &room, room.count, &length))
    return Space(
      url: String(decoding: room[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self),
      manager: manager!)
  }

  /// To work in: made when it is not there.
  static func enter(_ invocation: Invocation, threads: Bool = false) throws(Failure) -> Space {
    try open(
      url(invocation),
      (threads ? 0 : SYNCMGR_OPEN_NO_THREADS)
        | (invocation.has("persistent") ? SYNCMGR_PERSISTENT : 0))
  }

  /// To look at: must be there.
  static func visit(_ invocation: Invocation) throws(Failure) -> Space {
    try open(url(invocation), SYNCMGR_OPEN_ONLY | SYNCMGR_OPEN_NO_THREADS)
  }

  /// A workstream, which others see as the program that it runs.
  func workstream(for command: [String] = []) throws(Failure) -> OpaquePointer {
    var workstream: OpaquePointer?
    if let program = command.first?.split(separator: "/").last?.prefix(200),
      syncmgr_workstream_open(manager, "\(program)-\(getpid())", &workstream) == SYNCMGR_OK
    {
      return workstream!
    }
    try check(syncmgr_workstream_open(manager, nil, &workstream))
    return workstream!
  }

  /// Leaves it: what was held is released.
  func close() { syncmgr_close(manager) }

  /// The snapshot as the library writes it.
  func snapshotText() throws(Failure) -> [UInt8] {
    var size = 1 << 16
    while true {
      var buffer = [CChar](repeating: 0, count: size)
      var length = 0
      let status = syncmgr_snapshot_json(manager, 0, &buffer, size, &length)
      if status != SYNCMGR_E_OVERFLOW {
        try check(status)
        return buffer[..<length].map { UInt8(bitPattern: $0) }
      }
      size = length + length / 2 + (1 << 16)
    }
  }

  func snapshot() throws(Failure) -> JSONValue {
    guard let value = JSONValue(try snapshotText()) else {
      throw Failure(status: "E_CORRUPT", text: "the snapshot of \(url) is not JSON")
    }
    return value
  }

  /// What was changed stays only as long as somebody has the space open.
  func warnWhenAlone(_ what: String) throws(Failure) {
    let shown = try snapshot()["space"]
    if shown["persistent"].isTrue || shown["used"]["processes"].int > 1 { return }
    printError(
      "syncmgr: no other process has \(url) open, and \(what) goes with this one: "
        + "see --persistent")
  }

  /// The object of this name in a snapshot.
  func object(_ name: String) throws(Failure) -> JSONValue {
    guard let found = try snapshot()["objects"].items.first(where: { $0["name"].string == name })
    else { throw Failure(status: "E_NOT_FOUND", text: "there is no '\(name)' in \(url)") }
    return found
  }
}

/// Passes a status on, or throws what it says. A time that passed has an exit status of its own.
@discardableResult
func check(_ status: Int32, timedOut: Int32 = Exit.timedOut) throws(Failure) -> Int32 {
  if status >= 0 { return status }
  throw Failure(
    exit: status == SYNCMGR_E_TIMEOUT ? timedOut : Exit.failed,
    status: String(cString: syncmgr_status_name(status)),
    text: String(cString: syncmgr_last_error()))
}

/// Reads terminated text out of a field of the library's structures.
func terminated<Field>(_ field: Field) -> String {
  withUnsafeBytes(of: field) { bytes in
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
