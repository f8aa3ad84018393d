import CSyncMgr

/// A mutex.
struct Mutex: Waiting {
  let handle: Handle

  func close() -> Status { Status(syncmgr_mutex_close(handle.pointer)) }

  func lock(_ timeout: Int64 = forever) -> Status {
    Status(syncmgr_mutex_lock(handle.pointer, timeout))
  }

  func unlock() -> Status { Status(syncmgr_mutex_unlock(handle.pointer)) }

  func wait(_ timeout: Int64) -> Status { lock(timeout) }

  func start(
    _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
    _ ticket: UnsafeMutablePointer<OpaquePointer?>
  ) -> Int32 {
    syncmgr_mutex_lock_start(handle.pointer, timeout, queue, userData, ticket)
  }

  func token() throws(Failed) -> UInt64 {
    try written(over: 0) { syncmgr_mutex_token(handle.pointer, $0) }
  }

  func isValid(_ token: UInt64) -> Status {
    Status(syncmgr_mutex_is_valid(handle.pointer, token))
  }

  func forceRelease() -> Status { Status(syncmgr_mutex_force_release(handle.pointer)) }

  func heldBy() -> (status: Status, holder: Holder) {
    Holder.reading { syncmgr_mutex_held_by(handle.pointer, $0) }
  }

  func previousOwner() -> (status: Status, holder: Holder) {
    Holder.reading { syncmgr_mutex_previous_owner(handle.pointer, $0) }
  }

  func fastpath() throws(Failed) -> syncmgr_fastpath_t {
    var path = syncmgr_fastpath_t()
    let status = Status(syncmgr_mutex_fastpath(handle.pointer, &path))
    guard status.succeeded else { throw Failed(status: status) }
    return path
  }
}

/// Who holds something, as plain values.
struct Holder: Equatable, Sendable {
  let workstream: UInt64
  let token: UInt64
  let pid: Int32
  let amount: UInt32
  let name: String

  init(_ holder: syncmgr_holder_t) {
    workstream = holder.workstream
    token = holder.token
    pid = holder.pid
    amount = holder.amount
    name = withUnsafeBytes(of: holder.name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// A holder that the library never writes: what is left when it writes nothing.
  static let untouched: syncmgr_holder_t = {
    var holder = syncmgr_holder_t()
    holder.workstream = .max
    holder.token = .max
    holder.pid = .min
    holder.amount = .max
    return holder
  }()

  var isUntouched: Bool { self == Holder(Holder.untouched) }

  static func reading(
    _ call: (UnsafeMutablePointer<syncmgr_holder_t>) -> Int32
  ) -> (status: Status, holder: Holder) {
    var holder = untouched
    let status = Status(call(&holder))
    return (status, Holder(holder))
  }
}
