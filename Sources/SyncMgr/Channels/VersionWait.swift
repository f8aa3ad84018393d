import CSyncMgr
import CSyncMgrShim

/// Waiting until a version is another than one has seen: of a cell, of a key of the store, or its
/// revision.
struct VersionWait {
  let caller: Caller
  /// What it is now.
  let look: () throws(Failure) -> UInt64
  /// Puts the cell of a wait into the line, or gives it back when the version is another already.
  let enter: (_ cell: Cell, _ flags: UInt32, _ ticket: UInt64?) throws(Failure) -> Outcome?
  /// Whether the wait was ended for a reason that the next look tells.
  var isToldByLook: (Failure) -> Bool = { _ in false }

  func wait(since seen: UInt64, _ timeout: Int64) throws(Failure) -> UInt64 {
    let deadline = try Deadline.after(timeout)
    while true {
      let now = try look()
      if now != seen { return now }
      if timeout == 0 {
        throw Failure(
          SYNCMGR_E_TIMEOUT, caller.object, "it has not changed and the call does not wait")
      }
      let cell = try caller.attachment.takeCell()
      if try enter(cell, 0, nil) != nil { continue }
      do throws(Failure) {
        let outcome = try Waits.block(caller, cell, until: deadline) { _ in nil }
        _ = try outcome.get(caller.object)
        return outcome.value
      } catch {
        if isToldByLook(error) { continue }
        throw error
      }
    }
  }

  func start(since seen: UInt64, _ start: Tickets.Start) throws(Failure) -> Started {
    try start.check(caller)
    let now = try look()
    if now != seen { return Started(outcome: Outcome(SYNCMGR_OK, value: now)) }
    return try start.begin(caller) { (draft) throws(Failure) in
      try enter(draft.cell, draft.flags, draft.handle)
    }
  }
}
