import CSyncMgr
import Glibc
import Testing

/// Random calls of several threads, checked by what must hold whatever the order.
@Suite("Random threads", .watched)
struct StressTests {
  @Test("a mutex under every way to lock and to give up excludes, and its tokens grow",
    arguments: Kind.allCases, [0, SYNCMGR_MUTEX_FAIR])
  func mutex(kind: Kind, flags: UInt32) throws {
    try withSpace(kind) { space in
      let protected = Unguarded((inside: false, token: UInt64(0), grants: 0))
      let threads = try space.workstreams(3).enumerated().map { number, me in
        let mutex = try me.mutex(flags: flags)
        return onThread { () -> String? in
          var random = Random(seed: sequenceSeed(number))
          for _ in 0..<300 {
            guard Self.take(mutex, &random) else { continue }
            guard let token = try? mutex.token() else { return "no token" }
            if protected.value.inside || token <= protected.value.token {
              return "\(protected.value) and \(token)"
            }
            protected.value = (true, token, protected.value.grants + 1)
            if random.chance(20) { sched_yield() }
            protected.value.inside = false
            let status = mutex.unlock()
            if status != .ok { return "unlock: \(status)" }
          }
          return nil
        }
      }
      for thread in threads { #expect(try thread.result() == nil, "SEED=\(runSeed)") }
      #expect(protected.value.grants > 0)
      #expect(try space.workstream().mutex(flags: flags).heldBy().status == .free)
    }
  }

  /// Takes something in a random way. Returns whether it was taken.
  private static func take(_ object: some Waiting, _ random: inout Random) -> Bool {
    switch random.below(5) {
    case 0: return object.attempt().succeeded
    case 1: return object.wait(Int64(random.below(300)) * 1000).succeeded
    case 2: return object.wait(forever).succeeded
    case 3:
      let started = object.start(timeout: Int64(random.below(500)) * 1000)
      return (started.ticket?.wait() ?? started.status).succeeded
    default:
      let started = object.start()
      guard let ticket = started.ticket else { return started.status.succeeded }
      let outcome = ticket.wait(Int64(random.below(200)) * 1000)
      if outcome != .pending { return outcome.succeeded }
      if ticket.cancel() == .ok { return false }
      return ticket.wait(0).succeeded
    }
  }

  @Test("a semaphore never gives more than it has, and gets all back",
    arguments: Kind.allCases, [0, SYNCMGR_SEMAPHORE_FAIR])
  func semaphore(kind: Kind, flags: UInt32) throws {
    try withSpace(kind) { space in
      let permits = 5
      let out = Shared((now: 0, most: 0))
      let threads = try space.workstreams(3).enumerated().map { number, me in
        let semaphore = try me.semaphore(permits: UInt32(permits), flags: flags)
        return onThread { () -> String? in
          var random = Random(seed: sequenceSeed(number))
          for _ in 0..<250 {
            let amount = 1 + random.below(permits)
            guard Self.take(semaphore.several(UInt32(amount)), &random) else { continue }
            out.with {
              $0.now += amount
              $0.most = max($0.most, $0.now)
            }
            if random.chance(20) { sched_yield() }
            var left = amount
            while left > 0 {
              let part = 1 + random.below(left)
              out.with { $0.now -= part }
              let status = semaphore.release(UInt32(part))
              if status != .ok { return "release: \(status)" }
              left -= part
            }
          }
          return nil
        }
      }
      for thread in threads { #expect(try thread.result() == nil, "SEED=\(runSeed)") }
      #expect(out.current.most <= permits, "SEED=\(runSeed)")
      let semaphore = try space.workstream().semaphore(permits: UInt32(permits), flags: flags)
      #expect(try semaphore.available() == UInt32(permits))
      #expect(try semaphore.holders().count == 0)
    }
  }

  @Test("an auto-reset event lets no more go on than it was set, and loses no set",
    arguments: Kind.allCases)
  func event(kind: Kind) throws {
    try withSpace(kind) { space in
      let sets = 400
      let taken = Shared(0)
      let isOver = Shared(false)
      let waiters = try space.workstreams(2).enumerated().map { number, me in
        let event = try me.event()
        return onThread { () -> Bool in
          var random = Random(seed: sequenceSeed(number))
          while !isOver.current {
            // The waiting itself must end, so that every way in it has an end.
            let timeout = Int64(random.below(2000)) * 1000
            let started = event.start(timeout: timeout)
            let status =
              started.ticket.map { ticket -> Status in
                guard random.chance(30) else { return ticket.wait() }
                return ticket.cancel() == .ok ? .timeout : ticket.wait()
              } ?? started.status
            if status == .ok { taken.add(1) } else if status != .timeout { return false }
          }
          return true
        }
      }
      let event = try space.workstream().event()
      for number in 1...sets {
        #expect(event.set() == .ok)
        // The next set waits until somebody took this one: then none may be lost.
        #expect(taken.wait { $0 == number }, "SEED=\(runSeed)")
      }
      isOver.with { $0 = true }
      for waiter in waiters { #expect(try waiter.result()) }
      #expect(taken.current == sets)
      #expect(try !event.isSet())
    }
  }

  @Test("a barrier that breaks and is reset all the time never lets two generations meet",
    arguments: Kind.allCases)
  func barrier(kind: Kind) throws {
    try withSpace(kind) { space in
      let parties = 3
      let passages = Shared<[UInt64: [UInt32]]>([:])
      let leaders = Shared<[UInt64: Int]>([:])
      let threads = try space.workstreams(parties).enumerated().map { number, me in
        let barrier = try me.barrier(parties: UInt32(parties))
        return onThread { () -> String? in
          var random = Random(seed: sequenceSeed(number))
          for _ in 0..<150 {
            let timeout = random.chance(90) ? 2 * millisecond : Int64(random.below(200)) * 1000
            let passage = barrier.pass(timeout)
            switch passage.status {
            case .ok, .leader:
              guard let generation = passage.generation, let index = passage.index else {
                return "\(passage)"
              }
              passages.with { $0[generation, default: []].append(index) }
              if passage.status == .leader {
                leaders.with { $0[generation, default: 0] += 1 }
                if index != parties - 1 { return "\(passage)" }
              }
            case .timeout: break
            case .broken: _ = barrier.reset()
            default: return "\(passage)"
            }
          }
          return nil
        }
      }
      for thread in threads { #expect(try thread.result() == nil, "SEED=\(runSeed)") }
      let state = try space.workstream().barrier(parties: UInt32(parties)).state()
      #expect(passages.current.count == state.generation, "SEED=\(runSeed)")
      for (generation, indexes) in passages.current {
        #expect(indexes.sorted() == [0, 1, 2], "generation \(generation), SEED=\(runSeed)")
        #expect(leaders.current[generation] == 1)
      }
    }
  }

  @Test("closing races with every call: it ends with E_CLOSED, and nothing is left behind",
    arguments: Kind.allCases, Noun.allCases)
  func closeRace(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      var random = Random(seed: runSeed)
      for round in 0..<40 {
        let me = try space.workstream()
        let object = try noun.open(me, "object")
        let threads = (0..<2).map { number in
          onThread { () -> Status in
            var random = Random(seed: sequenceSeed(2 * round + number))
            while true {
              let started =
                random.chance(50)
                ? object.start(timeout: 50_000).status : object.wait(Int64(random.below(50_000)))
              if started == .closed { return started }
              if let mutex = object as? Mutex { _ = mutex.unlock() }
              if let semaphore = object as? Semaphore { _ = semaphore.release() }
              if let rwlock = object as? RWLock { _ = rwlock.unlock() }
              if let election = object as? Election { _ = election.resign() }
              if let barrier = object as? Barrier { _ = barrier.reset() }
            }
          }
        }
        pause(Int64(random.below(1_000_000)))
        #expect(me.close() == .ok)
        for thread in threads { #expect(try thread.result() == .closed, "SEED=\(runSeed)") }
      }
    }
  }
}
