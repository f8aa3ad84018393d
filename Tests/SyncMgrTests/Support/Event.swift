import CSyncMgr

/// An event.
struct Event: Waiting {
  let handle: Handle

  func close() -> Status { Status(syncmgr_event_close(handle.pointer)) }
  func set() -> Status { Status(syncmgr_event_set(handle.pointer)) }
  func reset() -> Status { Status(syncmgr_event_reset(handle.pointer)) }
  func wait(_ timeout: Int64) -> Status { Status(syncmgr_event_wait(handle.pointer, timeout)) }

  func start(
    _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
    _ ticket: UnsafeMutablePointer<OpaquePointer?>
  ) -> Int32 {
    syncmgr_event_wait_start(handle.pointer, timeout, queue, userData, ticket)
  }

  func isSet() throws(Failed) -> Bool {
    try written(over: UInt32.max) { syncmgr_event_is_set(handle.pointer, $0) } == 1
  }
}
