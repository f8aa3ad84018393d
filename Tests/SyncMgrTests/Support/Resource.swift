import CSyncMgr

/// A resource that is recorded by hand.
struct Resource: Sendable {
  let handle: Handle

  func close() -> Status { Status(syncmgr_resource_close(handle.pointer)) }
  func declare(_ most: UInt32) -> Status { Status(syncmgr_resource_declare(handle.pointer, most)) }
  func request(_ count: UInt32 = 1) -> Status {
    Status(syncmgr_resource_request(handle.pointer, count))
  }
  func allocate(_ count: UInt32 = 1) -> Status {
    Status(syncmgr_resource_allocate(handle.pointer, count))
  }
  func release(_ count: UInt32 = 1) -> Status {
    Status(syncmgr_resource_release(handle.pointer, count))
  }
  func cancel() -> Status { Status(syncmgr_resource_cancel(handle.pointer)) }

  func available() throws(Failed) -> UInt32 {
    try written(over: .max) { syncmgr_resource_available(handle.pointer, $0) }
  }
}

extension Workstream {
  func resource(_ name: String = "gpu", instances: UInt32) throws(Failed) -> Resource {
    Resource(handle: try Handle { syncmgr_resource_open(handle.pointer, name, instances, $0) })
  }
}

extension Space {
  func prevent(
    _ strategy: UInt32, flags: UInt32 = 0, grace: Int64 = 100 * millisecond,
    timeout: Int64 = 30 * second
  ) -> Status {
    var options = syncmgr_prevention_options_t(
      size: UInt32(MemoryLayout<syncmgr_prevention_options_t>.size), flags: flags,
      strategy: strategy, reserved: 0, grace_ns: grace, timeout_ns: timeout)
    return Status(syncmgr_prevention_configure(handle.pointer, &options))
  }

  func setRank(_ type: UInt32, _ name: String, _ rank: UInt32) -> Status {
    Status(syncmgr_object_set_rank(handle.pointer, type, name, rank))
  }

  /// Looks for deadlocks now; how many there are.
  func detect(_ algorithm: UInt32 = SYNCMGR_DETECT_WAIT_FOR_GRAPH) throws(Failed) -> UInt32 {
    try written(over: .max) { syncmgr_deadlock_detect(handle.pointer, algorithm, $0) }
  }

  /// The kinds of the records.
  func deadlocks() throws(Failed) -> [UInt32] {
    var records = [syncmgr_deadlock_t](repeating: syncmgr_deadlock_t(), count: 64)
    let count = try written(over: UInt32.max) {
      syncmgr_deadlock_list(handle.pointer, &records, 64, $0)
    }
    return records.prefix(Int(count)).map(\.kind)
  }
}
