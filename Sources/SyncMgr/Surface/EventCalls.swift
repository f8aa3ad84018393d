public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_event_open(
  _ workstream: OpaquePointer?, _ name: UnsafePointer<CChar>?,
  _ options: UnsafePointer<syncmgr_event_options_t>?,
  _ out_event: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  openCall(workstream, name, out_event) { () throws(Failure) in
    let wanted = try readOptions(options, syncmgr_event_options_t())
    try checkFlags(wanted.flags, SYNCMGR_EVENT_MANUAL_RESET | SYNCMGR_EVENT_INITIALLY_SET)
    return Stream.Parameters(
      type: .event, flags: wanted.flags & SYNCMGR_EVENT_MANUAL_RESET,
      initialWord: wanted.flags & SYNCMGR_EVENT_INITIALLY_SET != 0 ? Event.isSet : 0)
  }
}

@c @implementation
public func syncmgr_event_close(_ event: OpaquePointer?) -> Int32 {
  closeCall(event) { (handle) throws(Failure) in try Stream.closeObject(handle, .event) }
}

@c @implementation
public func syncmgr_event_set(_ event: OpaquePointer?) -> Int32 {
  if atOnce(event, .event, { Event.setAtOnce($0, $1) }) { return SYNCMGR_OK }
  return setSlowly(event)
}

/// Apart, so that the fast path needs no frame.
@inline(never)
private func setSlowly(_ event: OpaquePointer?) -> Int32 {
  objectCall(event, .event) { (caller) throws(Failure) in
    try Event.set(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_event_reset(_ event: OpaquePointer?) -> Int32 {
  call(event, .event) { (slot) throws(Failure) in
    Event.reset(slot)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_event_wait(_ event: OpaquePointer?, _ timeout_ns: Int64) -> Int32 {
  if atOnce(event, .event, { slot, _ in Event.waitAtOnce(slot, timeout_ns) }) { return SYNCMGR_OK }
  return waitSlowly(event, timeout_ns)
}

@inline(never)
private func waitSlowly(_ event: OpaquePointer?, _ timeout_ns: Int64) -> Int32 {
  objectCall(event, .event) { (caller) throws(Failure) in
    try Event.wait(caller, timeout_ns)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_event_wait_start(
  _ event: OpaquePointer?, _ timeout_ns: Int64, _ queue: OpaquePointer?, _ user_data: UInt64,
  _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  objectCall(event, .event) { (caller) throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    return try give(Event.waitStart(caller, start), target)
  }
}

@c @implementation
public func syncmgr_event_is_set(
  _ event: OpaquePointer?, _ out_set: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  call(event, .event) { (slot) throws(Failure) in
    let target = try required(out_set)
    target.pointee = slot.pointee.object.unsafelyUnwrapped.word.load() & Event.isSet
    return SYNCMGR_OK
  }
}
