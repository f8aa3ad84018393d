import CSyncMgr
import Glibc
import Testing

/// What managers do so that no deadlock happens, with threads that take locks in any order.
@Suite("Prevention", .watched)
struct PreventionTests {
  @Test("a lock of lower rank is refused", arguments: Kind.allCases)
  func ranks(kind: Kind) throws {
    try withSpace(kind) { space in
      #expect(space.prevent(SYNCMGR_PREVENT_RANKS) == .ok)
      let me = try space.workstream()
      let (low, high) = (try me.mutex("low"), try me.semaphore("high", permits: 1))
      #expect(space.setRank(SYNCMGR_TYPE_MUTEX, "low", 1) == .ok)
      #expect(space.setRank(SYNCMGR_TYPE_SEMAPHORE, "high", 2) == .ok)
      #expect(low.lock() == .ok)
      #expect(high.acquire() == .ok)
      #expect(low.unlock() == .ok)
      let refused = low.lock()
      #expect(refused.code == SYNCMGR_E_RANK)
      #expect(refused.sentence.contains("'low'") && refused.sentence.contains("'high'"))
      #expect(high.release() == .ok)
      #expect(low.lock() == .ok)
    }
  }

  /// Locks, by a started wait or without.
  private func take(_ mutex: Mutex, _ isStarted: Bool) -> Status {
    if !isStarted { return mutex.lock() }
    let started = mutex.start()
    return started.ticket?.wait() ?? started.status
  }

  /// Threads take two of three locks in any order, and begin again when they are told to.
  private func race(_ space: Space, _ rounds: Int) throws {
    let counters = (0..<3).map { _ in Shared(0) }
    let streams = try space.workstreams(4)
    let threads = try streams.enumerated().map { number, me in
      let locks = try (0..<3).map { try me.mutex("lock \($0)") }
      return onThread { [self] () -> Status in
        var random = Random(seed: sequenceSeed(number))
        for _ in 0..<rounds {
          let first = random.below(3)
          let second = (first + 1 + random.below(2)) % 3
          while true {
            var status = take(locks[first], random.chance(40))
            if status.succeeded {
              sched_yield()
              status = take(locks[second], random.chance(40))
              if status.succeeded {
                counters[first].add(1)
                counters[second].add(1)
                _ = locks[second].unlock()
              }
              _ = locks[first].unlock()
            }
            if status.succeeded { break }
            if status.code != SYNCMGR_E_PREEMPTED { return status }
            sched_yield()
          }
        }
        return .ok
      }
    }
    for thread in threads { #expect(try thread.result() == .ok, "SEED=\(runSeed)") }
    #expect(counters.reduce(0) { $0 + $1.current } == 2 * rounds * streams.count)
    #expect(try space.deadlocks().isEmpty)
  }

  @Test("with wait-die nobody is ever in a deadlock", arguments: [Kind.local, .shared])
  func waitDie(kind: Kind) throws {
    try withSpace(kind) { space in
      #expect(space.prevent(SYNCMGR_PREVENT_WAIT_DIE) == .ok)
      try race(space, 100)
    }
  }

  @Test("with wound-wait nobody is ever in a deadlock", arguments: [Kind.local, .shared])
  func woundWait(kind: Kind) throws {
    try withSpace(kind) { space in
      #expect(space.prevent(SYNCMGR_PREVENT_WOUND_WAIT, grace: 20 * second) == .ok)
      try race(space, 100)
    }
  }

  @Test("after the grace the hold is taken away", arguments: Kind.threaded)
  func grace(kind: Kind) throws {
    try withSpace(kind) { space in
      #expect(space.prevent(SYNCMGR_PREVENT_WOUND_WAIT, grace: 20 * millisecond) == .ok)
      let (old, young) = (try space.workstream().mutex(), try space.workstream().mutex())
      #expect(young.lock() == .ok)
      let thread = onThread { old.lock() }
      #expect(try thread.result() == .ownerDied)
      #expect(young.unlock() == .lost)
    }
  }

  @Test("waits without a timeout get one", arguments: Kind.allCases)
  func timeout(kind: Kind) throws {
    try withSpace(kind) { space in
      #expect(space.prevent(SYNCMGR_PREVENT_TIMEOUT, timeout: 20 * millisecond) == .ok)
      let (one, two) = (try space.workstream().mutex(), try space.workstream().mutex())
      #expect(one.lock() == .ok)
      let thread = onThread { two.lock(forever) }
      #expect(try thread.result() == .timeout)
    }
  }

  @Test("locks taken in both orders are reported once", arguments: Kind.allCases)
  func order(kind: Kind) throws {
    try withSpace(kind) { space in
      #expect(
        space.prevent(SYNCMGR_PREVENT_NOTHING, flags: SYNCMGR_PREVENTION_WATCH_ORDER) == .ok)
      for turn in 0..<4 {
        let me = try space.workstream()
        let locks = [try me.mutex("a"), try me.mutex("b")]
        #expect(locks[turn % 2].lock() == .ok)
        #expect(locks[1 - turn % 2].lock() == .ok)
        #expect(me.close() == .ok)
      }
      #expect(try space.deadlocks() == [SYNCMGR_DEADLOCK_POSSIBLE])
    }
  }
}
