import CSyncMgr
import Glibc
import Testing

@Suite("Condition", .watched)
struct ConditionTests {
  @Test("items that are put in are taken out, each once, whoever waits and however",
    arguments: Kind.allCases)
  func items(kind: Kind) throws {
    try withSpace(kind) { space in
      let count = 600
      let state = Unguarded((there: 0, taken: 0))
      let takers = try space.workstreams(3).enumerated().map { number, me in
        let (mutex, condition) = (try me.mutex(), try me.condition())
        return onThread { () -> String? in
          var random = Random(seed: sequenceSeed(number))
          guard mutex.lock() == .ok else { return "lock" }
          while state.value.taken < count {
            if state.value.there > 0 {
              state.value.there -= 1
              state.value.taken += 1
              if state.value.taken == count { _ = condition.broadcast() }
              continue
            }
            let isHeld = Self.wait(condition.with(mutex), &random)
            if let problem = isHeld.problem { return problem }
            if !isHeld.value, mutex.lock() != .ok { return "lock after a cancel" }
          }
          let status = mutex.unlock()
          return status == .ok ? nil : "unlock: \(status)"
        }
      }
      let me = try space.workstream()
      let (mutex, condition) = (try me.mutex(), try me.condition())
      for number in 0..<count {
        #expect(mutex.lock() == .ok)
        state.value.there += 1
        if number % 2 == 0 { #expect(condition.signal() == .ok) }
        #expect(mutex.unlock() == .ok)
        if number % 2 == 1 { #expect(condition.signal() == .ok) }
      }
      for taker in takers { #expect(try taker.result() == nil, "SEED=\(runSeed)") }
      #expect(state.value.taken == count)
      #expect(try condition.waiting() == 0)
    }
  }

  /// Waits in a random way; says whether the mutex is held after it.
  private static func wait(
    _ object: Condition.Within, _ random: inout Random
  ) -> (value: Bool, problem: String?) {
    if random.chance(40) {
      let status = object.wait(random.chance(50) ? forever : Int64(random.below(300)) * 1000 + 1)
      return status == .ok || status == .timeout ? (true, nil) : (true, "wait: \(status)")
    }
    let started = object.start(timeout: random.chance(50) ? forever : 200_000)
    guard let ticket = started.ticket else { return (true, "start: \(started.status)") }
    if random.chance(20), ticket.cancel() == .ok { return (false, nil) }
    let status = ticket.wait()
    return status == .ok || status == .timeout ? (true, nil) : (true, "ticket: \(status)")
  }

  @Test("a broadcast wakes all, a signal one; a recursive mutex gets its depth back",
    arguments: Kind.allCases)
  func broadcast(kind: Kind) throws {
    try withSpace(kind) { space in
      let woken = Shared(0)
      let threads = try space.workstreams(3).map { me in
        let mutex = try me.mutex(flags: SYNCMGR_MUTEX_RECURSIVE)
        let condition = try me.condition()
        return onThread { () -> [Status] in
          var all = [mutex.lock(), mutex.lock(), condition.wait(mutex)]
          woken.add(1)
          all += [mutex.unlock(), mutex.unlock()]
          return all + [mutex.unlock() == .notOwner ? .ok : .invalid]
        }
      }
      let condition = try space.workstream().condition()
      while try condition.waiting() < 3 { pause(millisecond) }
      #expect(condition.signal() == .ok)
      #expect(woken.wait { $0 == 1 })
      pause(5 * millisecond)
      #expect(woken.current == 1)
      #expect(condition.broadcast() == .ok)
      for thread in threads { #expect(try thread.result().allSatisfy { $0 == .ok }) }
    }
  }

  @Test("a wait without its mutex, or with another workstream's, is refused",
    arguments: Kind.allCases)
  func refused(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let condition = try me.condition()
      let mutex = try me.mutex()
      #expect(condition.wait(mutex, millisecond) == .notOwner)
      #expect(condition.wait(try space.workstream().mutex(), millisecond) == .invalid)
      #expect(mutex.lock() == .ok)
      #expect(condition.wait(mutex, 0) == .invalid)
      #expect(condition.wait(mutex, millisecond) == .timeout)
      #expect(mutex.unlock() == .ok)
    }
  }

  @Test("closing the mutex or the condition ends the wait with E_CLOSED", arguments: Kind.allCases)
  func closing(kind: Kind) throws {
    try withSpace(kind) { space in
      for closesMutex in [true, false] {
        let me = try space.workstream()
        let (mutex, condition) = (try me.mutex(), try me.condition())
        let thread = onThread { mutex.lock() == .ok ? condition.wait(mutex) : .invalid }
        while try condition.waiting() == 0 { pause(millisecond) }
        #expect((closesMutex ? mutex.close() : condition.close()) == .ok)
        #expect(try thread.result() == .closed)
        let next = try space.workstream().mutex()
        #expect(next.lock(0) == .ok)
        #expect(next.unlock() == .ok)
        #expect(me.close() == .ok)
      }
    }
  }
}
