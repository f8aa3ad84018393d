import CSyncMgr
import Glibc
import Testing

/// Sync points, locks in circles and notices, by threads that race: what the sanitizers look at.
@Suite("Meeting and deadlock", .watched)
struct MeetingTests {
  @Test("all who are expected meet, in whichever way they wait", arguments: Kind.allCases)
  func meets(kind: Kind) throws {
    try withSpace(kind) { space in
      for round in 0..<40 {
        let names = (0..<3).map { "w\($0)" }
        let threads = try names.enumerated().map { number, name in
          let me = try space.workstream(name)
          let point = try me.syncPoint("p\(round)", expected: names)
          return onThread { () -> [Status] in
            var random = Random(seed: sequenceSeed(round * 3 + number))
            var ways: [Status] = []
            if random.chance(30) { ways.append(point.wait(Int64(random.below(200)) * 1000)) }
            if random.chance(30), let ticket = point.start().ticket {
              ways.append(ticket.cancel() == .ok ? .timeout : ticket.wait())
            }
            if ways.last != .ok { ways.append(point.wait(forever)) }
            return ways + [me.close()]
          }
        }
        for thread in threads {
          let all = try thread.result()
          #expect(all.suffix(2) == [.ok, .ok], "\(all) SEED=\(runSeed)")
        }
      }
    }
  }

  @Test("a cancelled point fails for those who wait, and for those who come later",
    arguments: Kind.allCases)
  func cancelled(kind: Kind) throws {
    try withSpace(kind) { space in
      let one = try space.workstream("one").syncPoint("p", expected: ["one", "two"])
      let two = try space.workstream("two").syncPoint("p", expected: ["one", "two"])
      let thread = onThread { one.wait(forever) }
      pause(5 * millisecond)
      #expect(two.cancel("enough") == .ok)
      #expect(try thread.result().code == SYNCMGR_E_FAILED)
      #expect(two.wait(0).code == SYNCMGR_E_LATE)
      #expect(two.result().result.status == SYNCMGR_SYNC_FAILED)
    }
  }

  @Test("rings of locks are broken by one victim each", arguments: [Kind.local, .shared])
  func rings(kind: Kind) throws {
    try withSpace(kind) { space in
      for round in 0..<5 {
        let count = 2 + round
        let held = Shared(0)
        let threads = try space.workstreams(count).enumerated().map { number, me in
          let mine = try me.mutex("lock \(round) \(number)")
          let next = try me.mutex("lock \(round) \((number + 1) % count)")
          return onThread { () -> Status in
            guard mine.lock() == .ok else { return .invalid }
            held.add(1)
            guard held.wait(until: { $0 == count }) else { return .invalid }
            let status = next.lock()
            if status == .ok { _ = next.unlock() }
            _ = mine.unlock()
            return status
          }
        }
        let all = try threads.map { try $0.result() }
        #expect(all.filter { $0 == .deadlock }.count == 1, "\(all)")
        #expect(all.filter { $0 == .ok }.count == count - 1, "\(all)")
      }
    }
  }

  @Test("whoever listens hears of every grant and release, in order", arguments: [Kind.shared])
  func heard(kind: Kind) throws {
    try withSpace(kind) { space in
      let heard = Shared<[UInt32]>([])
      let user = Unmanaged.passRetained(heard)
      defer { user.release() }
      var out: OpaquePointer?
      let mask = SYNCMGR_NOTICE_GRANTED | SYNCMGR_NOTICE_RELEASED
      let status = syncmgr_on(
        space.handle.pointer, mask,
        { notice, user in
          let heard = Unmanaged<Shared<[UInt32]>>.fromOpaque(user!).takeUnretainedValue()
          let kind = notice!.pointee.kind
          heard.with { $0.append(kind) }
        }, user.toOpaque(), nil, &out)
      #expect(status == SYNCMGR_OK)
      let threads = try space.workstreams(2).map { me in
        let mutex = try me.mutex()
        return onThread { () -> Bool in
          for _ in 0..<100 where mutex.lock() != .ok || mutex.unlock() != .ok { return false }
          return true
        }
      }
      for thread in threads { #expect(try thread.result()) }
      #expect(heard.wait { $0.count == 400 })
      #expect(syncmgr_off(out) == SYNCMGR_OK)
      for (place, kind) in heard.current.enumerated() {
        let isGrant = place % 2 == 0
        #expect(kind == (isGrant ? SYNCMGR_NOTICE_GRANTED : SYNCMGR_NOTICE_RELEASED))
      }
    }
  }
}
