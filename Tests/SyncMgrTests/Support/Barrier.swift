import CSyncMgr

/// A barrier.
struct Barrier: Waiting {
  let handle: Handle

  /// What a wait that is over says: the outputs are nil when they were not written.
  struct Passage: Equatable, Sendable {
    let status: Status
    let generation: UInt64?
    let index: UInt32?
  }

  func close() -> Status { Status(syncmgr_barrier_close(handle.pointer)) }
  func wait(_ timeout: Int64) -> Status {
    Status(syncmgr_barrier_wait(handle.pointer, timeout, nil, nil))
  }

  /// Waits and returns generation and index too.
  func pass(_ timeout: Int64 = forever) -> Passage {
    var generation = UInt64.max
    var index = UInt32.max
    let status = Status(syncmgr_barrier_wait(handle.pointer, timeout, &generation, &index))
    return Passage(
      status: status, generation: generation == .max ? nil : generation,
      index: index == .max ? nil : index)
  }

  func start(
    _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
    _ ticket: UnsafeMutablePointer<OpaquePointer?>
  ) -> Int32 {
    syncmgr_barrier_wait_start(handle.pointer, timeout, queue, userData, ticket, nil)
  }

  func arrive() -> Status { Status(syncmgr_barrier_arrive(handle.pointer, nil)) }

  /// Arrives and returns the generation.
  func arrivalGeneration() throws(Failed) -> UInt64 {
    try written(over: .max) { syncmgr_barrier_arrive(handle.pointer, $0) }
  }

  func release() -> Status { Status(syncmgr_barrier_release(handle.pointer)) }
  func abort() -> Status { Status(syncmgr_barrier_abort(handle.pointer)) }
  func reset() -> Status { Status(syncmgr_barrier_reset(handle.pointer)) }

  struct State: Equatable, Sendable {
    var generation: UInt64 = 0
    var parties: UInt32
    var arrived: UInt32 = 0
    var waiting: UInt32 = 0
    var isBroken = false
  }

  func state() throws(Failed) -> State {
    var state = syncmgr_barrier_info_t()
    let status = Status(syncmgr_barrier_state(handle.pointer, &state))
    guard status.succeeded else { throw Failed(status: status) }
    return State(
      generation: state.generation, parties: state.parties, arrived: state.arrived,
      waiting: state.waiting, isBroken: state.broken != 0)
  }
}
