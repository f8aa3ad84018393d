import CSyncMgr

/// A workstream, and what is opened through it.
struct Workstream: Sendable {
  let space: Space
  let handle: Handle

  func close() -> Status { Status(syncmgr_workstream_close(handle.pointer)) }

  func id() throws(Failed) -> UInt64 {
    try written(over: 0) { syncmgr_workstream_id(handle.pointer, $0) }
  }

  func name() throws(Failed) -> String {
    var buffer = [CChar](repeating: 1, count: 256)
    let status = Status(syncmgr_workstream_name(handle.pointer, &buffer, buffer.count))
    guard status.succeeded else { throw Failed(status: status) }
    return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  func mutex(_ name: String = "mutex", flags: UInt32 = 0) throws(Failed) -> Mutex {
    var options = syncmgr_mutex_options_t(
      size: UInt32(MemoryLayout<syncmgr_mutex_options_t>.size), flags: flags)
    return Mutex(handle: try Handle { syncmgr_mutex_open(handle.pointer, name, &options, $0) })
  }

  func semaphore(
    _ name: String = "semaphore", permits: UInt32, flags: UInt32 = 0
  ) throws(Failed) -> Semaphore {
    var options = syncmgr_semaphore_options_t(
      size: UInt32(MemoryLayout<syncmgr_semaphore_options_t>.size), flags: flags)
    return Semaphore(
      handle: try Handle { syncmgr_semaphore_open(handle.pointer, name, permits, &options, $0) })
  }

  func latch(_ name: String = "latch", count: UInt32) throws(Failed) -> Latch {
    Latch(handle: try Handle { syncmgr_latch_open(handle.pointer, name, count, $0) })
  }

  func barrier(
    _ name: String = "barrier", parties: UInt32, flags: UInt32 = 0,
    action: (@Sendable () -> Void)? = nil
  ) throws(Failed) -> Barrier {
    var options = syncmgr_barrier_options_t(
      size: UInt32(MemoryLayout<syncmgr_barrier_options_t>.size), flags: flags, action: nil,
      user: nil)
    if let action {
      options.action = { Unmanaged<Action>.fromOpaque($0!).takeUnretainedValue().body() }
      options.user = Action.kept(action)
    }
    return Barrier(
      handle: try Handle { syncmgr_barrier_open(handle.pointer, name, parties, &options, $0) })
  }

  func rwlock(_ name: String = "rwlock", flags: UInt32 = 0) throws(Failed) -> RWLock {
    var options = syncmgr_rwlock_options_t(
      size: UInt32(MemoryLayout<syncmgr_rwlock_options_t>.size), flags: flags)
    return RWLock(handle: try Handle { syncmgr_rwlock_open(handle.pointer, name, &options, $0) })
  }

  func condition(_ name: String = "condition") throws(Failed) -> Condition {
    Condition(handle: try Handle { syncmgr_condition_open(handle.pointer, name, $0) })
  }

  func election(_ name: String = "election") throws(Failed) -> Election {
    Election(handle: try Handle { syncmgr_election_open(handle.pointer, name, $0) })
  }

  func event(_ name: String = "event", flags: UInt32 = 0) throws(Failed) -> Event {
    var options = syncmgr_event_options_t(
      size: UInt32(MemoryLayout<syncmgr_event_options_t>.size), flags: flags)
    return Event(handle: try Handle { syncmgr_event_open(handle.pointer, name, &options, $0) })
  }
}

/// The action of a barrier. The library has its address as long as a handle is open, so that all
/// of them are kept until the program ends.
private final class Action: Sendable {
  let body: @Sendable () -> Void
  private init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  private static let all = Shared<[Action]>([])

  static func kept(_ body: @escaping @Sendable () -> Void) -> UnsafeMutableRawPointer {
    let action = Action(body)
    all.with { $0.append(action) }
    return Unmanaged.passUnretained(action).toOpaque()
  }
}
