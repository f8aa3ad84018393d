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

  /// Waits, as a call, until all up to a revision that was committed is on disk.
  func syncAll(_ revision: UInt64, _ timeout: Int64) throws(Failure) {
    let deadline = try Deadline.after(timeout)
    try sync(try committed(revision), until: deadline)
  }

  func syncStart(_ revision: UInt64, _ start: Tickets.Start) throws(Failure) -> Started {
    try start.check(caller)
    let wanted = try committed(revision)
    guard let disk = StoreDisk(attachment, caller.object), disk.head.durable.load() < wanted else {
      return Started(outcome: Outcome(SYNCMGR_OK, value: wanted))
    }
    return try disk.syncStart(wanted, caller, start)
  }

  private func committed(_ revision: UInt64) throws(Failure) -> UInt64 {
    let now = try self.revision()
    if revision == SYNCMGR_REVISION_NOW { return now }
    if revision <= now { return revision }
    throw Failure(
      SYNCMGR_E_INVALID, caller.object,
      text: "it has the revision \(now), and has not come to \(revision)")
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
