import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_snapshot_json(
  _ manager: OpaquePointer?, _ flags: UInt32, _ buffer: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    let target = try required(out_length)
    try checkFlags(flags, 0)
    if buffer == nil, capacity != 0 { throw Failure(SYNCMGR_E_INVALID, "the buffer is NULL") }
    let text = Snapshot.take(Attachment.of(slot))
    target.pointee = text.count
    // A capacity beyond what Int can say arrives as a negative number, and suffices.
    guard let buffer, capacity < 0 || capacity > text.count else {
      throw Failure(
        SYNCMGR_E_OVERFLOW,
        naming: "the snapshot has \(text.count) bytes, the buffer \(capacity)")
    }
    text.withUnsafeBytes {
      UnsafeMutableRawPointer(buffer).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
    }
    buffer[text.count] = 0
    return SYNCMGR_OK
  }
}
