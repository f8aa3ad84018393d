public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_lock_many(
  _ items: UnsafeMutablePointer<syncmgr_lock_item_t>?, _ count: UInt32, _ timeout_ns: Int64
) -> Int32 {
  plainCall { () throws(Failure) in try Many.lock(items, count, timeout_ns) }
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
    Many.undo(entries[...]) {
      items.unsafelyUnwrapped[$0.place].status == SYNCMGR_OWNER_DIED
    }
    return SYNCMGR_OK
  }
}
