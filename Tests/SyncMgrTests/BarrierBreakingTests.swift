import CSyncMgr
import Testing

/// What breaks a barrier in which somebody waits.
private enum Cause: String, CaseIterable, Sendable {
  case timeout, cancel, closeHandle, closeWorkstream, abort
}

@Suite("Broken barrier", .watched)
struct BarrierBreakingTests {
  @Test("a barrier breaks for all who wait and all who come later, until it is reset",
    arguments: Kind.allCases, Cause.allCases)
  private func breaks(kind: Kind, cause: Cause) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let mine = try me.barrier(parties: 4)
      let others = try space.workstreams(2).map { try $0.barrier(parties: 4) }
      let late = try space.workstream().barrier(parties: 4)
      let thread = onThread { others[0].pass() }
      let ticket = try others[1].pending()
      #expect(try eventually { try late.state().waiting == 2 })
      switch cause {
      case .timeout: #expect(mine.wait(5 * millisecond) == .timeout)
      case .cancel: #expect(try mine.pending().cancel() == .ok)
      case .abort: #expect(mine.abort() == .ok)
      case .closeHandle:
        _ = try mine.pending()
        #expect(mine.close() == .ok)
      case .closeWorkstream:
        _ = try mine.pending()
        #expect(me.close() == .ok)
      }
      #expect(try thread.result() == .init(status: .broken, generation: nil, index: nil))
      #expect(ticket.wait(patience) == .broken)
      #expect(try late.state().isBroken)
      for timeout in [0, 5 * millisecond, forever] {
        #expect(late.wait(timeout) == .broken)
        #expect(late.start(timeout: timeout).status == .broken)
      }
      #expect(late.arrive() == .broken)
      #expect(late.reset() == .ok)
      #expect(try late.state() == .init(parties: 4))
      #expect(late.arrive() == .ok)
    }
  }

  @Test("closing the last handle only breaks a barrier in which the workstream waits",
    arguments: Kind.allCases)
  func closeWithoutWaiting(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let waiter = try space.workstream().barrier(parties: 3)
      let ticket = try waiter.pending()
      #expect(try me.barrier(parties: 3).close() == .ok)
      #expect(try !waiter.state().isBroken)
      let first = try me.barrier(parties: 3)
      let second = try me.barrier(parties: 3)
      #expect(first.arrive() == .ok)
      #expect(first.close() == .ok)
      #expect(second.close() == .ok)
      #expect(try waiter.state() == .init(parties: 3, arrived: 2, waiting: 1))
      #expect(try space.workstream().barrier(parties: 3).arrive() == .leader)
      #expect(ticket.wait(patience) == .ok)
    }
  }

  @Test("reset breaks for who waits, and makes the barrier whole and empty",
    arguments: Kind.allCases)
  func resetWithWaiters(kind: Kind) throws {
    try withSpace(kind) { space in
      let barriers = try space.workstreams(3).map { try $0.barrier(parties: 3) }
      let thread = onThread { barriers[0].wait(forever) }
      #expect(barriers[1].arrive() == .ok)
      #expect(try eventually { try barriers[1].state().arrived == 2 })
      #expect(barriers[2].reset() == .ok)
      #expect(try thread.result() == .broken)
      #expect(try barriers[2].state() == .init(parties: 3))
      // Who had arrived before the reset has not arrived in the new beginning.
      for barrier in barriers[..<2] { #expect(barrier.arrive() == .ok) }
      #expect(barriers[2].arrive() == .leader)
    }
  }

  @Test("the generation counts trips only: it stays over breaks and resets",
    arguments: Kind.allCases)
  func generationStays(kind: Kind) throws {
    try withSpace(kind) { space in
      let barriers = try space.workstreams(2).map { try $0.barrier(parties: 2) }
      for generation in 0..<3 as Range<UInt64> {
        #expect(barriers[0].abort() == .ok)
        #expect(try barriers[0].state().generation == generation)
        #expect(barriers[0].reset() == .ok)
        #expect(barriers[0].reset() == .ok)
        #expect(try barriers[0].state() == .init(generation: generation, parties: 2))
        #expect(barriers[0].arrive() == .ok)
        #expect(barriers[1].pass(0).generation == generation)
      }
    }
  }

  @Test("a trip is not undone: who had passed before the break has passed",
    arguments: Kind.allCases)
  func passedBefore(kind: Kind) throws {
    try withSpace(kind) { space in
      let barriers = try space.workstreams(2).map { try $0.barrier(parties: 2) }
      let ticket = try barriers[0].pending()
      #expect(barriers[1].wait(forever) == .leader)
      #expect(barriers[1].abort() == .ok)
      #expect(ticket.wait(patience) == .ok)
      #expect(barriers[1].reset() == .ok)
    }
  }

  @Test("a started wait breaks the barrier when its time passes", arguments: Kind.threaded)
  func startedTimesOut(kind: Kind) throws {
    try withSpace(kind) { space in
      let barriers = try space.workstreams(3).map { try $0.barrier(parties: 3) }
      let queue = try space.queue()
      let thread = onThread { barriers[0].wait(forever) }
      _ = try barriers[1].pending(timeout: 20 * millisecond, queue: queue)
      #expect(try queue.collect(1).first?.status == SYNCMGR_E_TIMEOUT)
      #expect(try thread.result() == .broken)
      #expect(try barriers[2].state().isBroken)
    }
  }
}
