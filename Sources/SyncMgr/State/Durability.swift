import CSyncMgr
import CSyncMgrShim

/// Where commits wait for the disk. A space without a file has none to wait for.
extension Store {
  /// Waits until all up to a revision is on disk.
  @inline(__always)
  func sync(_ revision: UInt64, until deadline: Int64) throws(Failure) {
    let head = try log().head
    if head.backed.load() == 0 || head.durable.load() >= revision { return }
    try syncSlowly(revision, until: deadline)
  }

  @inline(never)
  private func syncSlowly(_ revision: UInt64, until deadline: Int64) throws(Failure) {
    guard let disk = StoreDisk(attachment, caller.object) else {
      throw attachment.corrupt("the log")
    }
    do throws(Failure) {
      try disk.sync(revision, until: deadline)
    } catch {
      let reason = Failure.kept()
      // Who leads next tries again.
      disk.promise(after: StoreDisk.pause)
      throw Failure(
        error.status, caller.object,
        text: "the revision \(revision) is in memory, and not on disk yet: \(reason)")
    }
  }

  /// The log is full of what is not on disk: has some of it written.
  func makeRoomInLog(until deadline: Int64) throws(Failure) {
    try sync(try log().head.applied.load(), until: deadline)
  }

  /// After a commit that does not wait for the disk: somebody is to write it soon.
  func promise() throws(Failure) {
    let head = try log().head
    if head.backed.load() != 0, head.promised.load() == 0 {
      StoreDisk(attachment, caller.object)?.promise()
    }
  }
}
