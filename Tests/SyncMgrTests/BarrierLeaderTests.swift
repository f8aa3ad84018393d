import CSyncMgr
import Glibc
import Testing

private let leaderReleases = SYNCMGR_BARRIER_LEADER_RELEASES

/// The three calls that can be the last arrival.
private enum Arrival: String, CaseIterable, Sendable {
  case wait, start, arrive

  func run(_ barrier: Barrier) -> Status {
    switch self {
    case .wait: barrier.wait(forever)
    case .start: barrier.start().status
    case .arrive: barrier.arrive()
    }
  }
}

@Suite("Barrier leader", .watched)
struct BarrierLeaderTests {
  @Test("the action runs once, on the thread of the last to arrive, before the others go on",
    arguments: Kind.allCases, Arrival.allCases)
  private func action(kind: Kind, arrival: Arrival) throws {
    try withSpace(kind) { space in
      let runs = Shared<[UInt]>([])
      let goOn = Shared(false)
      let others = try space.workstreams(2).map { me in
        try me.barrier(parties: 3) { runs.with { $0.append(0) } }
      }
      let last = try space.workstream().barrier(parties: 3) {
        runs.with { $0.append(UInt(pthread_self())) }
        _ = goOn.wait { $0 }
      }
      let waiting = others.map { barrier in onThread { barrier.wait(forever) } }
      #expect(try eventually { try last.state().waiting == 2 })
      let leading = onThread { (arrival.run(last), UInt(pthread_self())) }
      #expect(runs.wait { $0.count == 1 })
      pause(10 * millisecond)
      for thread in waiting { #expect(!thread.isFinished) }
      #expect(!leading.isFinished)
      goOn.with { $0 = true }
      let (status, thread) = try leading.result()
      #expect(status == .leader)
      for thread in waiting { #expect(try thread.result() == .ok) }
      #expect(runs.current == [thread])
    }
  }

  @Test("the action of the last handle runs in every generation, and no other")
  func actionOfLastHandle() throws {
    try withSpace(.local) { space in
      let counts = Shared([0, 0])
      let barriers = try space.workstreams(2).enumerated().map { number, me in
        try me.barrier(parties: 2) { counts.with { $0[number] += 1 } }
      }
      for round in 0..<6 {
        let last = round % 3 == 0 ? 0 : 1
        #expect(barriers[1 - last].arrive() == .ok)
        #expect(barriers[last].wait(0) == .leader)
      }
      #expect(counts.current == [2, 4])
    }
  }

  @Test("the action may call anything but this barrier's wait", arguments: Kind.allCases)
  func actionCalls(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let mutex = try me.mutex()
      let observer = try space.workstream().barrier(parties: 1)
      let statuses = Shared<[Status]>([])
      let barrier = try me.barrier(parties: 1) {
        let opened = status { () throws(Failed) in try space.workstream().close() }
        let state = status { () throws(Failed) in try observer.state() }
        statuses.with { $0 = [mutex.lock(0), mutex.unlock(), opened, state] }
      }
      #expect(barrier.wait(forever) == .leader)
      #expect(statuses.current == [.ok, .ok, .ok, .ok])
    }
  }

  @Test("with LEADER_RELEASES the others go on when the leader says so",
    arguments: Kind.allCases, Arrival.allCases)
  private func leaderReleasesOthers(kind: Kind, arrival: Arrival) throws {
    try withSpace(kind) { space in
      let last = try space.workstream().barrier(parties: 3, flags: leaderReleases)
      let others = try space.workstreams(2).map { try $0.barrier(parties: 3) }
      let thread = onThread { others[0].pass() }
      #expect(try eventually { try last.state().waiting == 1 })
      let ticket = try others[1].pending()
      #expect(arrival.run(last) == .leader)
      pause(10 * millisecond)
      #expect(!thread.isFinished)
      #expect(ticket.isPending)
      #expect(others[0].release() == .notOwner)
      #expect(last.release() == .ok)
      #expect(try thread.result() == .init(status: .ok, generation: 0, index: 0))
      #expect(ticket.wait(patience) == .ok)
      #expect(last.release() == .notOwner)
      #expect(try last.state() == .init(generation: 1, parties: 3))
    }
  }

  @Test("without LEADER_RELEASES, and before the trip, nobody is a leader who may release",
    arguments: Kind.allCases)
  func noLeader(kind: Kind) throws {
    try withSpace(kind) { space in
      let barriers = try space.workstreams(2).map { me in
        try me.barrier(parties: 2, flags: leaderReleases)
      }
      #expect(barriers[0].release() == .notOwner)
      #expect(barriers[0].arrive() == .ok)
      #expect(barriers[0].release() == .notOwner)
      let plain = try space.workstream().barrier("plain", parties: 1)
      #expect(plain.wait(forever) == .leader)
      #expect(plain.release() == .notOwner)
    }
  }

  @Test("a leader that gives up before the release breaks the barrier",
    arguments: Kind.allCases, [false, true])
  func leaderGivesUp(kind: Kind, byClose: Bool) throws {
    try withSpace(kind) { space in
      let leader = try space.workstream()
      let last = try leader.barrier(parties: 2, flags: leaderReleases)
      let other = try space.workstream().barrier(parties: 2)
      let ticket = try other.pending()
      #expect(last.wait(forever) == .leader)
      if byClose {
        #expect(leader.close() == .ok)
      } else {
        #expect(last.abort() == .ok)
        #expect(last.release() == .broken)
      }
      #expect(ticket.wait(patience) == .broken)
      #expect(try other.state().isBroken)
      #expect(other.reset() == .ok)
      #expect(other.arrive() == .ok)
    }
  }

  @Test("release is E_BROKEN when the barrier broke meanwhile", arguments: Kind.allCases)
  func brokeMeanwhile(kind: Kind) throws {
    try withSpace(kind) { space in
      let last = try space.workstream().barrier(parties: 3, flags: leaderReleases)
      let impatient = try space.workstream().barrier(parties: 3)
      let other = try space.workstream().barrier(parties: 3)
      let ticket = try other.pending()
      let mine = try impatient.pending()
      #expect(last.wait(0) == .leader)
      #expect(mine.cancel() == .ok)
      #expect(last.release() == .broken)
      #expect(ticket.wait(patience) == .broken)
    }
  }
}
