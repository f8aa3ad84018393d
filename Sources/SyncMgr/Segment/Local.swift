import CSyncMgr
import CSyncMgrShim

/// What this process keeps for itself: attachments and free handle slots. A forked child begins
/// with a new one, and leaves the parent's alone: other threads may have been changing it.
final class Local {
  var attachments: [Attachment] = []
  var freeSlot: UInt32 = 0
  var slotsHigh: UInt32 = 1  // slot 0 is never used
  /// Files of stores that spaces of this process have claimed, and which of the spaces.
  private var claims: [[UInt8]: ObjectIdentifier] = [:]
  /// What the waiting floor keeps here, see LocalWaiting.
  var waiting: AnyObject?
  private let epoch = sm_fork_epoch()

  nonisolated(unsafe) private static var kept: Unmanaged<Local>?

  /// Runs `body` under the process's lock. Nothing in `body` may wait for another process.
  static func locked<Result>(_ body: (Local) throws(Failure) -> Result) throws(Failure) -> Result {
    guard sm_process_start() != 0 else {
      throw Failure(SYNCMGR_E_NO_MEMORY, "no memory for the tables of this process")
    }
    guard sm_thread_register() != nil else {
      throw Failure(SYNCMGR_E_LIMIT, "too many threads of this process call the library")
    }
    sm_process_lock()
    defer { sm_process_unlock() }
    return try body(state())
  }

  /// For code that runs only after a first call has made the tables.
  static func always<Result>(_ body: (Local) -> Result) -> Result {
    sm_process_lock()
    defer { sm_process_unlock() }
    return body(state())
  }

  /// Whether no other space of this process has claimed the file. Under the process's lock.
  func claim(_ path: [UInt8], for attachment: Attachment) -> Bool {
    let id = ObjectIdentifier(attachment)
    if let claimed = claims[path], claimed != id { return false }
    claims[path] = id
    return true
  }

  func endClaim(_ path: [UInt8]) { claims[path] = nil }

  /// For code that runs under the process's lock already.
  static var current: Local { state() }

  private static func state() -> Local {
    if let found = kept?.takeUnretainedValue(), found.epoch == sm_fork_epoch() { return found }
    let made = Local()
    kept = Unmanaged.passRetained(made)
    return made
  }
}
