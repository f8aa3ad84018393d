import CSyncMgr

/// A latch.
struct Latch: Waiting {
  let handle: Handle

  func close() -> Status { Status(syncmgr_latch_close(handle.pointer)) }

  func countDown(_ count: UInt32 = 1) -> Status {
    Status(syncmgr_latch_count_down(handle.pointer, count, nil))
  }

  /// Counts down and returns what remains.
  func remaining(afterCountingDown count: UInt32) throws(Failed) -> UInt32 {
    try written(over: .max) { syncmgr_latch_count_down(handle.pointer, count, $0) }
  }

  func wait(_ timeout: Int64) -> Status { Status(syncmgr_latch_wait(handle.pointer, timeout)) }

  func start(
    _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
    _ ticket: UnsafeMutablePointer<OpaquePointer?>
  ) -> Int32 {
    syncmgr_latch_wait_start(handle.pointer, timeout, queue, userData, ticket)
  }

  func count() throws(Failed) -> UInt32 {
    try written(over: .max) { syncmgr_latch_count(handle.pointer, $0) }
  }
}
