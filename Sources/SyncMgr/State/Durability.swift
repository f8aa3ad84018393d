import CSyncMgr
import CSyncMgrShim

/// Where commits wait for the disk. A space without a file has none to wait for.
extension Store {
  /// Waits until all up to a revision is on disk.
  func sync(_ revision: UInt64, until deadline: Int64) throws(Failure) {
    let head = try log().head
    if head.backed.load() == 0 || head.durable.load() >= revision { return }
    throw Failure(SYNCMGR_E_UNAVAILABLE, caller.object, text: "nobody writes to its file")
  }

  /// The log is full of what is not on disk: has some of it written.
  func makeRoomInLog(until deadline: Int64) throws(Failure) {
    try sync(try log().head.applied.load(), until: deadline)
  }
}
