import CSyncMgr
import CSyncMgrShim

/// How deadlocks are looked for in a space, and what is done with them. One for all its processes.
struct DeadlockSettings {
  var flags = SYNCMGR_DEADLOCK_AUTO_RESOLVE
  var victim = SYNCMGR_VICTIM_YOUNGEST
  var delay: Int64 = 20_000_000
  var interval: Int64 = 5_000_000_000
  var limit: Int64 = 30_000_000_000

  init() {}

  init(from header: UnsafeMutablePointer<sm_header>) {
    flags = header.deadlockFlags.load()
    victim = header.deadlockVictim.load()
    delay = Int64(bitPattern: header.deadlockDelay.load())
    interval = Int64(bitPattern: header.deadlockInterval.load())
    limit = Int64(bitPattern: header.deadlockLimit.load())
  }

  /// Each is a setting by itself: dies in between: some are old, some new.
  func store(in header: UnsafeMutablePointer<sm_header>) {
    header.deadlockFlags.store(flags)
    header.deadlockVictim.store(victim)
    header.deadlockDelay.store(UInt64(bitPattern: delay))
    header.deadlockInterval.store(UInt64(bitPattern: interval))
    header.deadlockLimit.store(UInt64(bitPattern: limit))
  }

  var resolves: Bool { flags & SYNCMGR_DEADLOCK_AUTO_RESOLVE != 0 }
}
