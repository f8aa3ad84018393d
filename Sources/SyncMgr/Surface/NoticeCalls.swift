public import CSyncMgr
import CSyncMgrShim

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
  let status = call(manager, .manager) { (slot) throws(Failure) in
    let target = try required(out_subscription)
    try checkFlags(mask, SYNCMGR_NOTICE_ALL)
    guard mask != 0, let callback else {
      throw Failure(SYNCMGR_E_INVALID, "no notices were asked for, or there is no callback")
    }
    let manager = Manager.of(slot)
    let subscription = Subscription(manager.dispatcher, mask, callback, user, destroy)
    target.pointee = pointer(
      try manager.dispatcher.add(subscription, startsThread: manager.hasThreads))
    return SYNCMGR_OK
  }
  if status < 0 { destroy?(user) }
  return status
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
