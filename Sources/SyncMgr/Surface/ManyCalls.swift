public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_lock_many(
  _ items: UnsafeMutablePointer<syncmgr_lock_item_t>?, _ count: UInt32, _ timeout_ns: Int64
) -> Int32 {
  plainCall { () throws(Failure) in try Many.lock(items, count, timeout_ns) }
}

@c @implementation
public func syncmgr_lock_many_start(
  _ items: UnsafeMutablePointer<syncmgr_lock_item_t>?, _ count: UInt32, _ timeout_ns: Int64,
  _ queue: OpaquePointer?, _ user_data: UInt64, _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  plainCall { () throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    let started = try Many.lockStart(items, count, start) { (caller) throws(Failure) in
      try Manager.serve(caller)
    }
    return try give(started, target)
  }
}

@c @implementation
public func syncmgr_unlock_many(
  _ items: UnsafeMutablePointer<syncmgr_lock_item_t>?, _ count: UInt32
) -> Int32 {
  plainCall { () throws(Failure) in
    try Many.unlock(items, count)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_lock_many_order(
  _ items: UnsafeMutablePointer<syncmgr_lock_item_t>?, _ count: UInt32
) -> Int32 {
  plainCall { () throws(Failure) in
    let sorted = try Many.entries(items, count).map { items.unsafelyUnwrapped[$0.place] }
    for (place, item) in sorted.enumerated() { items.unsafelyUnwrapped[place] = item }
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_lock_many_undo(
  _ items: UnsafePointer<syncmgr_lock_item_t>?, _ count: UInt32
) -> Int32 {
  plainCall { () throws(Failure) in
    let entries = try Many.entries(items, count) { _, _ in }
    Many.undo(entries, entries.map { items.unsafelyUnwrapped[$0.place].status })
    return SYNCMGR_OK
  }
}
