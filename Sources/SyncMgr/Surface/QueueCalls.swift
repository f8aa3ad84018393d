public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_queue_open(
  _ manager: OpaquePointer?, _ flags: UInt32, _ wake_fd: Int32,
  _ out_queue: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    let target = try required(out_queue)
    target.pointee = pointer(try Manager.of(slot).openQueue(flags, wake_fd))
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_queue_close(_ queue: OpaquePointer?) -> Int32 {
  closeCall(queue) { (handle) throws(Failure) in try Manager.closeQueue(handle) }
}

@c @implementation
public func syncmgr_queue_fd(
  _ queue: OpaquePointer?, _ out_fd: UnsafeMutablePointer<Int32>?
) -> Int32 {
  call(queue, .queue) { (slot) throws(Failure) in
    let target = try required(out_fd)
    target.pointee = try Queue.of(slot).descriptor
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_queue_drain(
  _ queue: OpaquePointer?, _ records: UnsafeMutablePointer<syncmgr_record_t>?,
  _ capacity: UInt32, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  Deadlines.serveIfAlone()
  Series.serveIfAlone(number(queue), .queue)
  return call(queue, .queue) { (slot) throws(Failure) in
    let target = try required(out_count)
    guard let records, capacity > 0 else {
      throw Failure(SYNCMGR_E_INVALID, "there is no room for records")
    }
    target.pointee = try Queue.of(slot).take(records, capacity)
    return SYNCMGR_OK
  }
}
