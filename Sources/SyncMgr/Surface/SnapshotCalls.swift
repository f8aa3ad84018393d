import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_snapshot_json(
  _ manager: OpaquePointer?, _ flags: UInt32, _ buffer: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    try checkFlags(flags, 0)
    return try give(
      Snapshot.take(Attachment.of(slot)), "snapshot", buffer, capacity, out_length)
  }
}

/// Writes a text for the caller, terminated, and how long it is: also when the buffer is too small.
func give(
  _ text: @autoclosure () -> [UInt8], _ what: StaticString, _ buffer: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) throws(Failure) -> Int32 {
  let target = try required(out_length)
  if buffer == nil, capacity != 0 { throw Failure(SYNCMGR_E_INVALID, "the buffer is NULL") }
  let text = text()
  target.pointee = text.count
  // A capacity beyond what Int can say arrives as a negative number, and suffices.
  guard let buffer, capacity < 0 || capacity > text.count else {
    throw Failure(
      SYNCMGR_E_OVERFLOW, naming: "the \(what) has \(text.count) bytes, the buffer \(capacity)")
  }
  text.withUnsafeBytes {
    UnsafeMutableRawPointer(buffer).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
  }
  buffer[text.count] = 0
  return SYNCMGR_OK
}
