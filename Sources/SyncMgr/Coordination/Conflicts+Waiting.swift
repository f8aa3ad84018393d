import CSyncMgr
import CSyncMgrShim

/// Waiting for the end of a conflict: for the key under which it is then.
extension Conflicts {
  /// How long nobody looks whether it was ended and forgotten meanwhile.
  private static let slice: Int64 = 500_000_000

  func wait(_ id: UInt64, _ timeout: Int64) throws(Failure) -> ConflictStatus {
    let deadline = try Deadline.after(timeout)
    while true {
      let conflict = try get(id)
      if !conflict.status.isOpen { return conflict.status }
      let left = deadline == Deadline.never ? Int64.max : deadline &- sm_now()
      if timeout == 0 || left <= 0 {
        throw Failure(
          SYNCMGR_E_TIMEOUT, naming: "conflict \(id) is \(conflict.status.name)")
      }
      let due = conflict.deadline.map { max($0 &- sm_date(), 0) } ?? Int64.max
      do throws(Failure) {
        try Store.withKey(Conflicts.key(id, isOpen: false)) { (key) throws(Failure) in
          // Whose time has passed is ended by the next look.
          _ = try store.wait(key, since: 0, min(left, due, Conflicts.slice) + 1)
        }
      } catch {
        if error.status != SYNCMGR_E_TIMEOUT { throw error }
      }
    }
  }

  /// Of one that was there just now.
  func waitStart(_ id: UInt64, _ start: Tickets.Start) throws(Failure) -> Started {
    try Store.withKey(Conflicts.key(id, isOpen: false)) { (key) throws(Failure) in
      try store.waitStart(key, since: 0, start)
    }
  }
}
