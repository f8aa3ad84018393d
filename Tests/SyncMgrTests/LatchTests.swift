import CSyncMgr
import Testing

@Suite("Latch", .watched)
struct LatchTests {
  @Test("counts down to zero, lets everybody go on, and stays open", arguments: Kind.allCases)
  func opens(kind: Kind) throws {
    try withSpace(kind) { space in
      let latch = try space.workstream().latch(count: 3)
      let waiters = try space.workstreams(2).map { try $0.latch(count: 3) }
      let threads = waiters.map { waiter in onThread { waiter.wait(forever) } }
      let ticket = try space.workstream().latch(count: 3).pending()
      #expect(try latch.remaining(afterCountingDown: 1) == 2)
      #expect(latch.wait(0) == .timeout)
      pause(10 * millisecond)
      for thread in threads { #expect(!thread.isFinished) }
      #expect(try latch.remaining(afterCountingDown: 2) == 0)
      for thread in threads { #expect(try thread.result() == .ok) }
      #expect(ticket.wait(patience) == .ok)
      for timeout in [0, 5 * millisecond, forever] {
        #expect(latch.wait(timeout) == .ok)
        #expect(latch.start(timeout: timeout).status == .ok)
      }
    }
  }

  @Test("a latch of 0 is open from the start", arguments: Kind.allCases)
  func zero(kind: Kind) throws {
    try withSpace(kind) { space in
      let latch = try space.workstream().latch(count: 0)
      #expect(latch.wait(0) == .ok)
      #expect(try latch.count() == 0)
      #expect(latch.countDown(1) == .overflow)
    }
  }

  @Test("counting down by 0 is E_INVALID, by more than remains E_OVERFLOW, and counts nothing",
    arguments: Kind.allCases)
  func refuses(kind: Kind) throws {
    try withSpace(kind) { space in
      let latch = try space.workstream().latch(count: 5)
      #expect(latch.countDown(0) == .invalid)
      for amount in [6, SYNCMGR_COUNT_MAX, 1 << 31, .max] as [UInt32] {
        #expect(latch.countDown(amount) == .overflow)
        let failure = status { () throws(Failed) in
          try latch.remaining(afterCountingDown: amount)
        }
        #expect(failure == .overflow)
      }
      #expect(try latch.count() == 5)
      #expect(latch.countDown(5) == .ok)
      #expect(latch.countDown(1) == .overflow)
      #expect(latch.wait(0) == .ok)
    }
  }

  @Test("the count it began with must match, however far it has come", arguments: Kind.allCases)
  func parameter(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      #expect(status { () throws(Failed) in try me.latch(count: SYNCMGR_ANY) } == .notFound)
      let latch = try me.latch(count: 5)
      for step in 0...5 as ClosedRange<UInt32> {
        #expect(try me.latch(count: 5).count() == 5 - step)
        #expect(try me.latch(count: SYNCMGR_ANY).count() == 5 - step)
        for other in [0, 1, 3, 4, 6] as [UInt32] {
          #expect(status { () throws(Failed) in try me.latch(count: other) } == .mismatch)
        }
        if step < 5 { #expect(latch.countDown() == .ok) }
      }
    }
  }

  @Test("the count is 0 to COUNT_MAX")
  func range() throws {
    try withSpace(.local) { space in
      let me = try space.workstream()
      for count in [SYNCMGR_COUNT_MAX + 1, 1 << 31, .max - 1] as [UInt32] {
        #expect(status { () throws(Failed) in try me.latch(count: count) } == .invalid)
      }
      let latch = try me.latch(count: SYNCMGR_COUNT_MAX)
      #expect(try latch.remaining(afterCountingDown: SYNCMGR_COUNT_MAX - 1) == 1)
      #expect(try latch.remaining(afterCountingDown: 1) == 0)
    }
  }

  @Test("what was counted stays counted when the workstream closes", arguments: Kind.allCases)
  func staysCounted(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      #expect(try me.latch(count: 4).countDown(3) == .ok)
      #expect(me.close() == .ok)
      #expect(try space.workstream().latch(count: 4).count() == 1)
    }
  }

  @Test("every count of several threads counts once", arguments: Kind.allCases)
  func threads(kind: Kind) throws {
    try withSpace(kind) { space in
      let rounds = 500
      let count = UInt32(3 * rounds)
      let waiter = try space.workstream().latch(count: count)
      let waiting = onThread { waiter.wait(forever) }
      let threads = try space.workstreams(3).map { try $0.latch(count: count) }.map { latch in
        onThread { () -> Set<UInt32> in
          var seen: Set<UInt32> = []
          for _ in 0..<rounds {
            if let remaining = try? latch.remaining(afterCountingDown: 1) { seen.insert(remaining) }
          }
          return seen
        }
      }
      var seen: Set<UInt32> = []
      for thread in threads { seen.formUnion(try thread.result()) }
      // Each call was told another number: no two of them counted as one.
      #expect(seen == Set(0..<count))
      #expect(try waiting.result() == .ok)
    }
  }
}
