import CSyncMgr

/// A condition.
struct Condition: Sendable {
  let handle: Handle

  func close() -> Status { Status(syncmgr_condition_close(handle.pointer)) }

  func wait(_ mutex: Mutex, _ timeout: Int64 = forever) -> Status {
    Status(syncmgr_condition_wait(handle.pointer, mutex.handle.pointer, timeout))
  }

  func signal(_ count: UInt32 = 1) -> Status {
    Status(syncmgr_condition_signal(handle.pointer, count, nil))
  }

  func broadcast() -> Status { Status(syncmgr_condition_broadcast(handle.pointer, nil)) }

  func waiting() throws(Failed) -> UInt32 {
    try written(over: .max) { syncmgr_condition_waiting(handle.pointer, $0) }
  }

  /// The condition as something to wait for with `mutex`, which is held when the wait begins.
  func with(_ mutex: Mutex) -> Within { Within(condition: self, mutex: mutex) }

  struct Within: Waiting {
    let condition: Condition
    let mutex: Mutex

    func wait(_ timeout: Int64) -> Status { condition.wait(mutex, timeout) }

    func start(
      _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
      _ ticket: UnsafeMutablePointer<OpaquePointer?>
    ) -> Int32 {
      syncmgr_condition_wait_start(
        condition.handle.pointer, mutex.handle.pointer, timeout, queue, userData, ticket)
    }
  }
}
