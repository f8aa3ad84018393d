public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_resource_open(
  _ workstream: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ instances: UInt32,
  _ out_resource: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    let target = try required(out_resource)
    try checkCount(instances, 1, SYNCMGR_COUNT_MAX, "instances")
    let checked = try Name(name, what: "object")
    let stream = Stream.of(slot)
    try stream.manager.serve()
    target.pointee = pointer(
      try stream.openObject(
        checked,
        Stream.Parameters(
          type: .resource, count: instances, initialWord: instances, countNoun: "instances")))
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_resource_close(_ resource: OpaquePointer?) -> Int32 {
  closeCall(resource) { (handle) throws(Failure) in try Stream.closeObject(handle, .resource) }
}

@c @implementation
public func syncmgr_resource_declare(_ resource: OpaquePointer?, _ most: UInt32) -> Int32 {
  objectCall(resource, .resource) { (caller) throws(Failure) in
    try Resource.declare(caller, most)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_resource_request(_ resource: OpaquePointer?, _ count: UInt32) -> Int32 {
  objectCall(resource, .resource) { (caller) throws(Failure) in
    try Resource.request(caller, count)
  }
}

@c @implementation
public func syncmgr_resource_allocate(_ resource: OpaquePointer?, _ count: UInt32) -> Int32 {
  objectCall(resource, .resource) { (caller) throws(Failure) in
    let strategy = Possessions.of(caller).prevention?.strategy
    try Resource.allocate(caller, count, avoids: strategy == SYNCMGR_PREVENT_AVOIDANCE)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_resource_release(_ resource: OpaquePointer?, _ count: UInt32) -> Int32 {
  objectCall(resource, .resource) { (caller) throws(Failure) in
    try Resource.release(caller, count)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_resource_cancel(_ resource: OpaquePointer?) -> Int32 {
  objectCall(resource, .resource) { (caller) throws(Failure) in
    try Resource.cancel(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_resource_available(
  _ resource: OpaquePointer?, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  objectCall(resource, .resource) { (caller) throws(Failure) in
    let target = try required(out_count)
    target.pointee = try Resource.available(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_resource_holders(
  _ resource: OpaquePointer?, _ holders: UnsafeMutablePointer<syncmgr_holder_t>?,
  _ capacity: UInt32, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  holdersCall(resource, .resource, holders, capacity, out_count)
}
