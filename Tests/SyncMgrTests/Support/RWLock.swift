import CSyncMgr

/// A readers-writer lock. As something to wait for it is locked exclusively.
struct RWLock: Waiting {
  let handle: Handle

  func close() -> Status { Status(syncmgr_rwlock_close(handle.pointer)) }

  func lock(_ mode: UInt32, _ timeout: Int64 = forever) -> Status {
    Status(syncmgr_rwlock_lock(handle.pointer, mode, timeout))
  }

  func unlock() -> Status { Status(syncmgr_rwlock_unlock(handle.pointer)) }

  func upgrade(_ timeout: Int64 = forever) -> Status {
    Status(syncmgr_rwlock_upgrade(handle.pointer, timeout))
  }

  func downgrade() -> Status { Status(syncmgr_rwlock_downgrade(handle.pointer)) }

  func forceRelease() -> Status { Status(syncmgr_rwlock_force_release(handle.pointer)) }

  func token() throws(Failed) -> UInt64 {
    try written(over: 0) { syncmgr_rwlock_token(handle.pointer, $0) }
  }

  /// How many hold it.
  func holders() throws(Failed) -> UInt32 {
    try written(over: .max) { syncmgr_rwlock_holders(handle.pointer, nil, 0, $0) }
  }

  func wait(_ timeout: Int64) -> Status { lock(SYNCMGR_EXCLUSIVE, timeout) }

  func start(
    _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
    _ ticket: UnsafeMutablePointer<OpaquePointer?>
  ) -> Int32 {
    syncmgr_rwlock_lock_start(handle.pointer, SYNCMGR_EXCLUSIVE, timeout, queue, userData, ticket)
  }

  /// The same lock as something that is locked shared.
  var shared: Shared { Shared(lock: self) }

  /// The same lock as something that is upgraded.
  var upgraded: Upgraded { Upgraded(lock: self) }

  struct Shared: Waiting {
    let lock: RWLock

    func wait(_ timeout: Int64) -> Status { lock.lock(SYNCMGR_SHARED, timeout) }

    func start(
      _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
      _ ticket: UnsafeMutablePointer<OpaquePointer?>
    ) -> Int32 {
      syncmgr_rwlock_lock_start(
        lock.handle.pointer, SYNCMGR_SHARED, timeout, queue, userData, ticket)
    }
  }

  struct Upgraded: Waiting {
    let lock: RWLock

    func wait(_ timeout: Int64) -> Status { lock.upgrade(timeout) }

    func start(
      _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
      _ ticket: UnsafeMutablePointer<OpaquePointer?>
    ) -> Int32 {
      syncmgr_rwlock_upgrade_start(lock.handle.pointer, timeout, queue, userData, ticket)
    }
  }
}
