import CSyncMgr
import Testing

@Suite("Barrier", .watched)
struct BarrierTests {
  @Test("all parties meet, then all go on; the last is the LEADER", arguments: Kind.allCases)
  func meet(kind: Kind) throws {
    try withSpace(kind) { space in
      let barriers = try space.workstreams(3).map { try $0.barrier(parties: 3) }
      for generation in 0..<3 as Range<UInt64> {
        let first = onThread { barriers[0].pass() }
        #expect(try eventually { try barriers[2].state().arrived == 1 })
        let second = onThread { barriers[1].pass() }
        #expect(try eventually { try barriers[2].state().arrived == 2 })
        pause(2 * millisecond)
        #expect(!first.isFinished && !second.isFinished)
        let last = barriers[2].pass()
        #expect(last == .init(status: .leader, generation: generation, index: 2))
        #expect(try first.result() == .init(status: .ok, generation: generation, index: 0))
        #expect(try second.result() == .init(status: .ok, generation: generation, index: 1))
        #expect(try barriers[0].state() == .init(generation: generation + 1, parties: 3))
      }
    }
  }

  @Test("a barrier of one party never waits", arguments: Kind.allCases)
  func oneParty(kind: Kind) throws {
    try withSpace(kind) { space in
      let barrier = try space.workstream().barrier(parties: 1)
      for generation in 0..<4 as Range<UInt64> {
        let passage = barrier.pass(generation % 2 == 0 ? forever : 0)
        #expect(passage == .init(status: .leader, generation: generation, index: 0))
      }
      #expect(barrier.arrive() == .leader)
      #expect(barrier.start().status == .leader)
      #expect(try barrier.state().generation == 6)
    }
  }

  @Test("generation and index may be NULL", arguments: Kind.allCases)
  func nullOutputs(kind: Kind) throws {
    try withSpace(kind) { space in
      let barriers = try space.workstreams(2).map { try $0.barrier(parties: 2) }
      let thread = onThread { barriers[0].wait(forever) }
      #expect(try eventually { try barriers[1].state().waiting == 1 })
      #expect(barriers[1].wait(forever) == .leader)
      #expect(try thread.result() == .ok)
    }
  }

  @Test("a wait of 0 arrives if it is the last, and otherwise changes nothing",
    arguments: Kind.allCases)
  func tries(kind: Kind) throws {
    try withSpace(kind) { space in
      let barriers = try space.workstreams(3).map { try $0.barrier(parties: 3) }
      for _ in 0..<3 {
        let passage = barriers[2].pass(0)
        #expect(passage == .init(status: .timeout, generation: nil, index: nil))
        #expect(barriers[2].start(timeout: 0).status == .timeout)
      }
      #expect(try barriers[2].state() == .init(parties: 3))
      let tickets = [try barriers[0].pending(), try barriers[1].pending()]
      #expect(barriers[2].pass(0) == .init(status: .leader, generation: 0, index: 2))
      for ticket in tickets { #expect(ticket.wait(patience) == .ok) }
    }
  }

  @Test("arrive counts without waiting, and is LEADER when it was the last",
    arguments: Kind.allCases)
  func arrive(kind: Kind) throws {
    try withSpace(kind) { space in
      let barriers = try space.workstreams(3).map { try $0.barrier(parties: 3) }
      #expect(try barriers[0].arrivalGeneration() == 0)
      #expect(try barriers[0].state() == .init(parties: 3, arrived: 1, waiting: 0))
      let ticket = try barriers[1].pending()
      #expect(try barriers[0].state() == .init(parties: 3, arrived: 2, waiting: 1))
      #expect(barriers[2].arrive() == .leader)
      let (status, record) = ticket.record(patience)
      #expect(status == .ok && record.index == 1 && record.value == 0)
      #expect(try barriers[0].arrivalGeneration() == 1)
    }
  }

  @Test("a second arrival in one generation is E_ALREADY", arguments: Kind.allCases)
  func already(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let barrier = try me.barrier(parties: 3)
      #expect(barrier.arrive() == .ok)
      #expect(barrier.arrive() == .already)
      #expect(barrier.wait(forever) == .already)
      #expect(barrier.start().status == .already)
      #expect(try me.barrier(parties: 3).arrive() == .already)
      #expect(try barrier.state().arrived == 1)
      let other = try space.workstream().barrier(parties: 3)
      let ticket = try other.pending()
      #expect(other.arrive() == .already)
      #expect(try space.workstream().barrier(parties: 3).arrive() == .leader)
      #expect(ticket.wait(patience) == .ok)
      #expect(barrier.arrive() == .ok)
    }
  }

  @Test("the parties are 1 to 65,535, must match, and ANY takes what is there",
    arguments: Kind.allCases)
  func parameter(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      for parties in [0, 65_536, SYNCMGR_COUNT_MAX, .max - 1] as [UInt32] {
        #expect(status { () throws(Failed) in try me.barrier(parties: parties) } == .invalid)
      }
      #expect(status { () throws(Failed) in try me.barrier(parties: SYNCMGR_ANY) } == .notFound)
      _ = try me.barrier(parties: 65_535)
      #expect(try me.barrier(parties: SYNCMGR_ANY).state().parties == 65_535)
      #expect(status { () throws(Failed) in try me.barrier(parties: 65_534) } == .mismatch)
    }
  }

  @Test("the options belong to the handle and need not match")
  func optionsOfHandle() throws {
    try withSpace(.local) { space in
      let me = try space.workstream()
      _ = try me.barrier(parties: 2)
      _ = try me.barrier(parties: 2, flags: SYNCMGR_BARRIER_LEADER_RELEASES)
      _ = try me.barrier(parties: 2) {}
    }
  }

  @Test("wait_start fills the record when the wait is over at once", arguments: Kind.allCases)
  func recordAtOnce(kind: Kind) throws {
    try withSpace(kind) { space in
      let barriers = try space.workstreams(2).map { try $0.barrier(parties: 2) }
      for generation in 0..<3 as Range<UInt64> {
        #expect(barriers[0].arrive() == .ok)
        var ticket: OpaquePointer?
        var record = Queue.noRecord
        let status = Status(
          syncmgr_barrier_wait_start(
            barriers[1].handle.pointer, forever, nil, 5, &ticket, &record))
        #expect(status == .leader && ticket == nil)
        #expect(record.value == generation && record.index == 1)
      }
    }
  }

  @Test("three parties go through 1,000 cycles with nobody a cycle ahead", arguments: Kind.allCases)
  func cycles(kind: Kind) throws {
    try withSpace(kind) { space in
      let cycles = 1000
      let progress = Shared([0, 0, 0])
      let leaders = Shared(0)
      let barriers = try space.workstreams(3).map { try $0.barrier(parties: 3) }
      let threads = barriers.enumerated().map { number, barrier in
        onThread { () -> String? in
          for cycle in 0..<cycles {
            progress.with { $0[number] = cycle }
            let passage = barrier.pass(patience)
            guard passage.status.succeeded, passage.generation == UInt64(cycle) else {
              return "cycle \(cycle): \(passage)"
            }
            if passage.status == .leader { leaders.add(1) }
            // All have come to this cycle, and nobody can have begun the one after the next.
            let all = progress.current
            guard all.allSatisfy({ $0 == cycle || $0 == cycle + 1 }) else {
              return "cycle \(cycle): \(all)"
            }
          }
          return nil
        }
      }
      for thread in threads { #expect(try thread.result(within: 2 * patience) == nil) }
      #expect(leaders.current == cycles)
      #expect(try barriers[0].state() == .init(generation: UInt64(cycles), parties: 3))
    }
  }
}
