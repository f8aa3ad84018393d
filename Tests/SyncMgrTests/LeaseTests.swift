import CSyncMgr
import Glibc
import Testing

@Suite("Lease and election", .watched)
struct LeaseTests {
  @Test("a lease that is not renewed ends the hold, and the next owner hears of it",
    arguments: Kind.allCases)
  func ends(kind: Kind) throws {
    try withSpace(kind) { space in
      let mine = try space.workstream().mutex()
      let theirs = try space.workstream().mutex()
      #expect(mine.lock() == .ok)
      let token = try mine.token()
      #expect(set(mine.handle, 20 * millisecond) == .ok)
      #expect(theirs.lock() == .ownerDied)
      #expect(mine.isValid(token) == .lost)
      #expect(mine.unlock() == .lost)
      #expect(theirs.unlock() == .ok)
    }
  }

  @Test("a lease that renews itself lasts, and is gone with its hold", arguments: Kind.allCases)
  func renews(kind: Kind) throws {
    try withSpace(kind) { space in
      let mine = try space.workstream().rwlock()
      let theirs = try space.workstream().rwlock()
      #expect(mine.lock(SYNCMGR_EXCLUSIVE) == .ok)
      let renewed = set(mine.handle, 30 * millisecond, SYNCMGR_LEASE_RENEW)
      if kind == .threadless {
        #expect(renewed == .unsupported)
        return
      }
      #expect(renewed == .ok)
      #expect(theirs.lock(SYNCMGR_SHARED, 150 * millisecond) == .timeout)
      #expect(mine.unlock() == .ok)
      #expect(mine.lock(SYNCMGR_SHARED) == .ok)
      #expect(theirs.lock(SYNCMGR_EXCLUSIVE, 100 * millisecond) == .timeout)
      #expect(mine.unlock() == .ok)
    }
  }

  private func set(_ lock: Handle, _ length: Int64, _ flags: UInt32 = 0) -> Status {
    Status(syncmgr_lease_set(UnsafeMutableRawPointer(lock.pointer!), length, flags))
  }

  @Test("one does it, all get the result; a leader that closes is followed by the next",
    arguments: Kind.allCases)
  func once(kind: Kind) throws {
    try withSpace(kind) { space in
      let terms = Shared<[UInt64]>([])
      let threads = try space.workstreams(4).enumerated().map { number, me in
        let election = try me.election()
        return onThread { () -> [UInt8] in
          let (status, term) = election.campaign()
          if status == .leader {
            terms.with { $0.append(term) }
            // The first two give up.
            let isLast = terms.current.count == 3
            _ = isLast ? election.finish([UInt8(number), 7]) : election.close()
            if !isLast { return [] }
          }
          return election.result().bytes
        }
      }
      let results = try threads.map { try $0.result() }
      let leaders = terms.current
      #expect(leaders.count == 3 && leaders == leaders.sorted() && Set(leaders).count == 3)
      #expect(results.filter(\.isEmpty).count == 2)
      #expect(Set(results.filter { !$0.isEmpty }).count == 1)
      let late = try space.workstream().election()
      #expect(late.campaign(0).status == .ok)
      #expect(late.result().bytes.last == 7)
      #expect(late.reset() == .ok)
      #expect(late.result().status == .pending)
      #expect(late.campaign(0).status == .leader)
    }
  }
}
