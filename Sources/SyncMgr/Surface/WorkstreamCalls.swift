import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_workstream_open(
  _ manager: OpaquePointer?, _ name: UnsafePointer<CChar>?,
  _ out_workstream: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    let target = try required(out_workstream)
    let wanted: Name? = name == nil ? nil : try Name(name, what: "workstream")
    target.pointee = pointer(try Stream.open(Manager.of(slot), wanted))
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_workstream_close(_ workstream: OpaquePointer?) -> Int32 {
  closeCall(workstream) { (handle) throws(Failure) in try Stream.close(handle) }
}

@c @implementation
public func syncmgr_workstream_name(
  _ workstream: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int
) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    let attachment = Attachment.of(slot)
    guard let stream = attachment.segment.workstream(slot.pointee.index) else {
      throw attachment.corrupt("the workstream table")
    }
    let name = NameField(stream).read().bytes
    guard let buffer, UInt(bitPattern: capacity) > UInt(name.count) else {
      throw Failure(SYNCMGR_E_INVALID, naming: "the name needs \(name.count + 1) bytes")
    }
    for (position, byte) in name.enumerated() { buffer[position] = CChar(bitPattern: byte) }
    buffer[name.count] = 0
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_workstream_id(
  _ workstream: OpaquePointer?, _ out_id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    let attachment = Attachment.of(slot)
    let target = try required(out_id)
    guard let stream = attachment.segment.workstream(slot.pointee.index) else {
      throw attachment.corrupt("the workstream table")
    }
    target.pointee = stream.id.load()
    return SYNCMGR_OK
  }
}
