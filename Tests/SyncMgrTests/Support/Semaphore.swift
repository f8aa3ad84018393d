import CSyncMgr

/// A semaphore. As something to wait for it acquires one permit.
struct Semaphore: Waiting {
  let handle: Handle

  func close() -> Status { Status(syncmgr_semaphore_close(handle.pointer)) }

  func acquire(_ count: UInt32 = 1, _ timeout: Int64 = forever) -> Status {
    Status(syncmgr_semaphore_acquire(handle.pointer, count, timeout))
  }

  func release(_ count: UInt32 = 1) -> Status {
    Status(syncmgr_semaphore_release(handle.pointer, count))
  }

  func wait(_ timeout: Int64) -> Status { acquire(1, timeout) }

  func start(
    _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
    _ ticket: UnsafeMutablePointer<OpaquePointer?>
  ) -> Int32 {
    syncmgr_semaphore_acquire_start(handle.pointer, 1, timeout, queue, userData, ticket)
  }

  /// The same semaphore as something of which `count` permits are acquired together.
  func several(_ count: UInt32) -> Several { Several(semaphore: self, count: count) }

  func available() throws(Failed) -> UInt32 {
    try written(over: .max) { syncmgr_semaphore_available(handle.pointer, $0) }
  }

  func held() throws(Failed) -> UInt32 {
    try written(over: .max) { syncmgr_semaphore_held(handle.pointer, $0) }
  }

  /// Returns how many holders there are, and those that fit in `capacity`.
  func holders(capacity: Int = 16) throws(Failed) -> (count: Int, holders: [Holder]) {
    var holders = [syncmgr_holder_t](repeating: Holder.untouched, count: capacity)
    let count = try written(over: UInt32.max) {
      syncmgr_semaphore_holders(handle.pointer, &holders, UInt32(capacity), $0)
    }
    return (Int(count), holders.prefix(Int(count)).map(Holder.init))
  }

  struct Several: Waiting {
    let semaphore: Semaphore
    let count: UInt32

    func wait(_ timeout: Int64) -> Status { semaphore.acquire(count, timeout) }

    func start(
      _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
      _ ticket: UnsafeMutablePointer<OpaquePointer?>
    ) -> Int32 {
      syncmgr_semaphore_acquire_start(
        semaphore.handle.pointer, count, timeout, queue, userData, ticket)
    }
  }
}
