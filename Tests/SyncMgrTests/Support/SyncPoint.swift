import CSyncMgr

/// A sync point.
struct SyncPoint: Waiting {
  let handle: Handle

  func close() -> Status { Status(syncmgr_sync_point_close(handle.pointer)) }

  func wait(_ timeout: Int64) -> Status {
    Status(syncmgr_sync_point_wait(handle.pointer, timeout, nil))
  }

  func start(
    _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
    _ ticket: UnsafeMutablePointer<OpaquePointer?>
  ) -> Int32 {
    syncmgr_sync_point_wait_start(handle.pointer, timeout, queue, userData, ticket, nil)
  }

  func cancel(_ reason: String) -> Status {
    Status(syncmgr_sync_point_cancel(handle.pointer, reason))
  }

  func forceComplete() -> Status { Status(syncmgr_sync_point_force_complete(handle.pointer)) }

  func result() -> (status: Status, result: syncmgr_sync_result_t) {
    var result = syncmgr_sync_result_t()
    return (Status(syncmgr_sync_point_result(handle.pointer, &result)), result)
  }
}

extension Workstream {
  func syncPoint(
    _ name: String, expected: [String], minimum: UInt32 = SYNCMGR_ANY, flags: UInt32 = 0
  ) throws(Failed) -> SyncPoint {
    var options = syncmgr_sync_point_options_t(
      size: UInt32(MemoryLayout<syncmgr_sync_point_options_t>.size), flags: flags,
      minimum: minimum, minimum_of: 0, timeout_ns: forever)
    let names = expected.joined(separator: "/")
    return SyncPoint(
      handle: try Handle {
        syncmgr_sync_point_open(handle.pointer, name, names, nil, &options, $0)
      })
  }
}
