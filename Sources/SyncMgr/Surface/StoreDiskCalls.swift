import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_store_sync(
  _ store: OpaquePointer?, _ revision: UInt64, _ timeout_ns: Int64
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    try store.syncAll(revision, timeout_ns)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_store_sync_start(
  _ store: OpaquePointer?, _ revision: UInt64, _ timeout_ns: Int64, _ queue: OpaquePointer?,
  _ user_data: UInt64, _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    return try give(try store.syncStart(revision, start), target)
  }
}
