public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_open(
  _ url: UnsafePointer<CChar>?, _ options: UnsafePointer<syncmgr_open_options_t>?,
  _ out_manager: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  plainCall { () throws(Failure) in
    let target = try required(out_manager)
    let space = try Space(url: url)
    var defaults = syncmgr_open_options_t()
    defaults.mode = 0o600
    defaults.group = SYNCMGR_ANY
    defaults.owner = SYNCMGR_ANY
    let wanted = try readOptions(options, defaults)
    try checkFlags(
      wanted.flags,
      SYNCMGR_OPEN_ONLY | SYNCMGR_CREATE_ONLY | SYNCMGR_PERSISTENT | SYNCMGR_OPEN_NO_THREADS
        | SYNCMGR_OPEN_NO_COUNTERS)
    if wanted.flags & SYNCMGR_OPEN_ONLY != 0, wanted.flags & SYNCMGR_CREATE_ONLY != 0 {
      throw Failure(SYNCMGR_E_INVALID, "OPEN_ONLY and CREATE_ONLY exclude each other")
    }
    guard wanted.mode == 0o600 || (wanted.mode == 0o660 && wanted.group != SYNCMGR_ANY) else {
      throw Failure(
        SYNCMGR_E_INVALID,
        naming: "the mode 0\(String(wanted.mode, radix: 8)) is neither 0600 nor, with a group, "
          + "0660")
    }
    if wanted.flags & SYNCMGR_OPEN_ONLY != 0, space.place == .anonymous {
      throw Failure(SYNCMGR_E_NOT_FOUND, "local: without a name is new at every open")
    }
    let request = OpenRequest(
      flags: wanted.flags, mode: wanted.mode, group: wanted.group, owner: wanted.owner)
    target.pointee = pointer(try Manager.open(space, request))
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_close(_ manager: OpaquePointer?) -> Int32 {
  closeCall(manager) { (handle) throws(Failure) in try Manager.close(handle) }
}

@c @implementation
public func syncmgr_url(
  _ manager: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    let target = try required(out_length)
    let attachment = Attachment.of(slot)
    return try give(
      Array(attachment.space.url(attachment.storePath).utf8), "URL", buffer, capacity, target)
  }
}

@c @implementation
public func syncmgr_unlink(_ url: UnsafePointer<CChar>?) -> Int32 {
  plainCall { () throws(Failure) in
    try Attaching.unlink(try Space(url: url))
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_cleanup(
  _ manager: OpaquePointer?, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    let count = Attachment.of(slot).cleanUp()
    out_count?.pointee = count
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_check(_ manager: OpaquePointer?) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    if let fault = Attachment.of(slot).firstFault() {
      throw Failure(SYNCMGR_E_CORRUPT, naming: fault)
    }
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_object_remove(
  _ manager: OpaquePointer?, _ type: UInt32, _ name: UnsafePointer<CChar>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    try checkType(type)
    try Attachment.of(slot).remove(type, try Name(name, what: "object"))
    return SYNCMGR_OK
  }
}

/// Checks that there are objects of this type.
func checkType(_ type: UInt32) throws(Failure) {
  if type >= 16 || HandleType(rawValue: type) == nil {
    throw Failure(SYNCMGR_E_INVALID, naming: "\(type) is no type of object")
  }
}
