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
    return try give(Snapshot.take(Attachment.of(slot)), "snapshot", buffer, capacity, target)
  }
}
