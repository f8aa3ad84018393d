import CSyncMgr
import Glibc
import Testing

/// Resources that are not ours, in the hands of threads that race.
@Suite("Resource", .watched)
struct ResourceTests {
  @Test("what is allocated is not free, and comes back", arguments: Kind.allCases)
  func counts(kind: Kind) throws {
    try withSpace(kind) { space in
      let one = try space.workstream().resource(instances: 3)
      let two = try space.workstream().resource(instances: 3)
      #expect(one.request(2) == .ok)
      #expect(one.allocate(2) == .ok)
      #expect(try two.available() == 1)
      #expect(two.request(2) == .pending)
      #expect(two.allocate(2) == .busy)
      #expect(one.request(2) == .invalid)
      #expect(one.release(3) == .notOwner)
      #expect(one.release(1) == .ok)
      #expect(two.allocate(2) == .ok)
      #expect(two.cancel() == .notFound)
      #expect(one.close() == .ok)
      #expect(try two.available() == 1)
    }
  }

  @Test("threads never have more together than there is", arguments: Kind.allCases)
  func exclusion(kind: Kind) throws {
    try withSpace(kind) { space in
      let inside = Shared(0)
      let most = Shared(0)
      let threads = try space.workstreams(4).enumerated().map { number, me in
        let resource = try me.resource(instances: 2)
        return onThread { () -> Bool in
          var random = Random(seed: sequenceSeed(number))
          for _ in 0..<200 {
            let count = UInt32(1 + random.below(2))
            while true {
              let status = resource.allocate(count)
              if status == .ok { break }
              if status != .busy { return false }
              sched_yield()
            }
            let now = inside.with { inside in
              inside += Int(count)
              return inside
            }
            most.with { $0 = max($0, now) }
            inside.with { $0 -= Int(count) }
            if resource.release(count) != .ok { return false }
          }
          return true
        }
      }
      for thread in threads { #expect(try thread.result(), "SEED=\(runSeed)") }
      #expect(most.current <= 2)
    }
  }

  @Test("a circle of requests has a victim, which is told once", arguments: Kind.allCases)
  func circle(kind: Kind) throws {
    try withSpace(kind) { space in
      let (old, young) = (try space.workstream(), try space.workstream())
      let (oldA, oldB) = (try old.resource("a", instances: 1), try old.resource("b", instances: 1))
      let youngA = try young.resource("a", instances: 1)
      let youngB = try young.resource("b", instances: 1)
      #expect(oldA.allocate() == .ok)
      #expect(youngB.allocate() == .ok)
      #expect(oldB.request() == .pending)
      #expect(youngA.request() == .pending)
      // The background thread may have been faster.
      _ = try space.detect()
      #expect(try space.deadlocks() == [SYNCMGR_DEADLOCK_ACTUAL])
      #expect(youngA.allocate() == .deadlock)
      #expect(youngA.allocate() == .busy)
      #expect(youngB.release() == .ok)
      #expect(oldB.allocate() == .ok)
    }
  }

  @Test("a pool of three that looks like a circle is none", arguments: Kind.allCases)
  func pool(kind: Kind) throws {
    try withSpace(kind) { space in
      let streams = try space.workstreams(3)
      let pools = try streams.map { try $0.resource("pool", instances: 3) }
      let others = try streams.map { try $0.resource("other", instances: 1) }
      for pool in pools { #expect(pool.allocate() == .ok) }
      #expect(others[0].allocate() == .ok)
      #expect(pools[0].request() == .pending)
      #expect(others[1].request() == .pending)
      // The third waits for nothing and can give its own back.
      #expect(try space.detect() == 0)
      #expect(others[2].request() == .pending)
      #expect(try space.detect() == 1)
    }
  }

  @Test("the banker refuses what could not end any more", arguments: Kind.allCases)
  func banker(kind: Kind) throws {
    try withSpace(kind) { space in
      #expect(space.prevent(SYNCMGR_PREVENT_AVOIDANCE) == .ok)
      let one = try space.workstream().resource(instances: 3)
      let two = try space.workstream().resource(instances: 3)
      #expect(one.declare(3) == .ok)
      #expect(two.declare(2) == .ok)
      #expect(one.allocate(2) == .ok)
      #expect(two.allocate(1).code == SYNCMGR_E_UNSAFE)
      #expect(one.allocate(1) == .ok)
      #expect(one.release(3) == .ok)
      #expect(two.allocate(2) == .ok)
    }
  }
}
