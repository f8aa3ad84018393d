public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_subscribe(
  _ manager: OpaquePointer?, _ options: UnsafePointer<syncmgr_subscribe_options_t>?,
  _ callback: (
    @convention(c) (UnsafePointer<syncmgr_notice_t>?, UnsafeMutableRawPointer?) -> Void
  )?,
  _ user: UnsafeMutableRawPointer?,
  _ destroy: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?,
  _ out_subscription: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  subscribeCall(manager, callback, user, destroy, out_subscription) { () throws(Failure) in
    var defaults = syncmgr_subscribe_options_t()
    defaults.mask = SYNCMGR_NOTICE_ALL
    let wanted = try readOptions(options, defaults)
    try checkFlags(wanted.reserved, 0)
    return try noticeFilter(
      wanted.mask, wanted.least_priority, wanted.objects, wanted.workstreams)
  }
}

@c @implementation
public func syncmgr_on(
  _ manager: OpaquePointer?, _ mask: UInt32,
  _ callback: (
    @convention(c) (UnsafePointer<syncmgr_notice_t>?, UnsafeMutableRawPointer?) -> Void
  )?,
  _ user: UnsafeMutableRawPointer?,
  _ destroy: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?,
  _ out_subscription: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  subscribeCall(manager, callback, user, destroy, out_subscription) { () throws(Failure) in
    try noticeFilter(mask, 0, nil, nil)
  }
}

/// `destroy` runs before an error is returned.
private func subscribeCall(
  _ manager: OpaquePointer?, _ callback: Subscription.Callback?,
  _ user: UnsafeMutableRawPointer?, _ destroy: Subscription.Destroy?,
  _ target: UnsafeMutablePointer<OpaquePointer?>?,
  _ filter: () throws(Failure) -> NoticeFilter
) -> Int32 {
  let status = call(manager, .manager) { (slot) throws(Failure) in
    let target = try required(target)
    let filter = try filter()
    guard filter.mask != 0, let callback else {
      throw Failure(SYNCMGR_E_INVALID, "no notices were asked for, or there is no callback")
    }
    let manager = Manager.of(slot)
    let subscription = Subscription(manager.dispatcher, filter, callback, user, destroy)
    target.pointee = pointer(
      try manager.dispatcher.add(subscription, startsThread: manager.hasThreads))
    return SYNCMGR_OK
  }
  if status < 0 { destroy?(user) }
  return status
}

private func noticeFilter(
  _ mask: UInt32, _ leastPriority: UInt32, _ objects: UnsafePointer<CChar>?,
  _ workstreams: UnsafePointer<CChar>?
) throws(Failure) -> NoticeFilter {
  try checkFlags(mask, SYNCMGR_NOTICE_ALL)
  try checkPriority(leastPriority)
  return NoticeFilter(
    mask: mask, leastPriority: leastPriority, objects: try pattern(objects),
    workstreams: try pattern(workstreams))
}

private func pattern(_ text: UnsafePointer<CChar>?) throws(Failure) -> Glob? {
  guard let text else { return nil }
  let bytes = try checkText(text, "pattern", most: SYNCMGR_NAME_MAX)
  if bytes.isEmpty { throw Failure(SYNCMGR_E_INVALID, "a pattern is empty") }
  return Glob(bytes)
}

@c @implementation
public func syncmgr_off(_ subscription: OpaquePointer?) -> Int32 {
  closeCall(subscription) { (handle) throws(Failure) in try Dispatcher.off(handle) }
}

@c @implementation
public func syncmgr_dispatch(_ manager: OpaquePointer?, _ timeout_ns: Int64) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    try Manager.of(slot).dispatcher.dispatch(timeout_ns) {
      sm_enter(number(manager), HandleType.manager.rawValue) != nil
    }
  }
}

@c @implementation
public func syncmgr_queue_watch(
  _ queue: OpaquePointer?, _ mask: UInt32, _ user_data: UInt64
) -> Int32 {
  call(queue, .queue) { (slot) throws(Failure) in
    try checkFlags(mask, SYNCMGR_NOTICE_ALL)
    try Queue.of(slot).watch(mask, user_data)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_queue_filter(
  _ queue: OpaquePointer?, _ least_priority: UInt32, _ objects: UnsafePointer<CChar>?,
  _ workstreams: UnsafePointer<CChar>?
) -> Int32 {
  call(queue, .queue) { (slot) throws(Failure) in
    let filter = try noticeFilter(0, least_priority, objects, workstreams)
    try Queue.of(slot).choose(filter)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_queue_notices(
  _ queue: OpaquePointer?, _ notices: UnsafeMutablePointer<syncmgr_notice_t>?,
  _ capacity: UInt32, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  call(queue, .queue) { (slot) throws(Failure) in
    let target = try required(out_count)
    guard let notices, capacity > 0 else {
      throw Failure(SYNCMGR_E_INVALID, "there is no room for notices")
    }
    target.pointee = try Queue.of(slot).takeNotices(notices, capacity)
    return SYNCMGR_OK
  }
}
