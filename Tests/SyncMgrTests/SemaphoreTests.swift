import CSyncMgr
import Glibc
import Testing

private let fair = SYNCMGR_SEMAPHORE_FAIR
private let signalling = SYNCMGR_SEMAPHORE_SIGNALLING

@Suite("Semaphore", .watched)
struct SemaphoreTests {
  @Test("permits run out and come back", arguments: Kind.allCases, [0, fair])
  func permits(kind: Kind, flags: UInt32) throws {
    try withSpace(kind) { space in
      let semaphores = try space.workstreams(4).map { try $0.semaphore(permits: 3, flags: flags) }
      for semaphore in semaphores[..<3] { #expect(semaphore.acquire(1, 0) == .ok) }
      #expect(semaphores[3].acquire(1, 0) == .timeout)
      #expect(try semaphores[3].available() == 0)
      #expect(semaphores[1].release() == .ok)
      #expect(try semaphores[3].available() == 1)
      #expect(semaphores[3].acquire(1, 0) == .ok)
    }
  }

  @Test("acquire takes all of what it asks for or none", arguments: Kind.allCases, [0, fair])
  func allOrNone(kind: Kind, flags: UInt32) throws {
    try withSpace(kind) { space in
      let one = try space.workstream().semaphore(permits: 10, flags: flags)
      let other = try space.workstream().semaphore(permits: 10, flags: flags)
      #expect(one.acquire(7) == .ok)
      #expect(other.acquire(4, 0) == .timeout)
      #expect(try other.held() == 0)
      #expect(try other.available() == 3)
      #expect(other.acquire(3, 0) == .ok)
      #expect(try one.available() == 0)
      #expect(one.release(5) == .ok)
      #expect(try one.held() == 2)
      #expect(other.acquire(5, 0) == .ok)
      #expect(try other.held() == 8)
    }
  }

  @Test("acquire waits until there are enough permits", arguments: Kind.allCases)
  func waits(kind: Kind) throws {
    try withSpace(kind) { space in
      let one = try space.workstream().semaphore(permits: 4)
      let other = try space.workstream().semaphore(permits: 4)
      #expect(one.acquire(4) == .ok)
      let thread = onThread { other.acquire(2) }
      #expect(one.release(1) == .ok)
      pause(15 * millisecond)
      #expect(!thread.isFinished)
      #expect(one.release(1) == .ok)
      #expect(try thread.result() == .ok)
      #expect(try other.held() == 2)
    }
  }

  @Test("amounts that cannot be are E_INVALID and change nothing", arguments: Kind.allCases)
  func badAmounts(kind: Kind) throws {
    try withSpace(kind) { space in
      let semaphore = try space.workstream().semaphore(permits: 3)
      for amount in [0, 4, SYNCMGR_COUNT_MAX, 1 << 31, .max] as [UInt32] {
        for timeout in [0, 10 * millisecond, forever] {
          #expect(semaphore.acquire(amount, timeout) == .invalid)
          #expect(semaphore.several(amount).start(timeout: timeout).status == .invalid)
        }
      }
      #expect(semaphore.release(0) == .invalid)
      #expect(try semaphore.available() == 3)
    }
  }

  @Test("release of more than the workstream holds is E_NOT_OWNER, and releases nothing",
    arguments: Kind.allCases)
  func releaseTooMany(kind: Kind) throws {
    try withSpace(kind) { space in
      let one = try space.workstream().semaphore(permits: 5)
      let other = try space.workstream().semaphore(permits: 5)
      #expect(one.release() == .notOwner)
      #expect(one.acquire(2) == .ok)
      #expect(other.acquire(2) == .ok)
      for amount in [3, 5, SYNCMGR_COUNT_MAX, .max] as [UInt32] {
        #expect(one.release(amount) == .notOwner)
      }
      #expect(try one.held() == 2)
      #expect(try one.available() == 1)
      #expect(one.release(2) == .ok)
      #expect(one.release(1) == .notOwner)
    }
  }

  @Test("acquiring what can never be there, because the caller holds the rest, is E_DEADLOCK",
    arguments: Kind.allCases, [0, fair])
  func deadlock(kind: Kind, flags: UInt32) throws {
    try withSpace(kind) { space in
      let semaphore = try space.workstream().semaphore(permits: 3, flags: flags)
      #expect(semaphore.acquire(2) == .ok)
      #expect(semaphore.acquire(2, forever) == .deadlock)
      #expect(semaphore.several(3).start(timeout: forever).status == .deadlock)
      #expect(try semaphore.held() == 2)
      #expect(semaphore.acquire(1, forever) == .ok)
      #expect(semaphore.acquire(1, forever) == .deadlock)
      #expect(semaphore.release(3) == .ok)
    }
  }

  @Test("holders writes who holds how much, up to the capacity, and counts all",
    arguments: Kind.allCases)
  func holders(kind: Kind) throws {
    try withSpace(kind) { space in
      var expected: [String: UInt32] = [:]
      var semaphores: [Semaphore] = []
      for amount in 1...3 as ClosedRange<UInt32> {
        let semaphore = try space.workstream("holder \(amount)").semaphore(permits: 10)
        #expect(semaphore.acquire(amount) == .ok)
        expected["holder \(amount)"] = amount
        semaphores.append(semaphore)
      }
      let observer = try space.workstream("observer").semaphore(permits: 10)
      let (count, holders) = try observer.holders()
      #expect(count == 3)
      #expect(Dictionary(holders.map { ($0.name, $0.amount) }) { $0 + $1 } == expected)
      for holder in holders {
        #expect(holder.pid == getpid())
        #expect(holder.token == 0)
        #expect(holder.workstream != 0)
      }
      let some = try observer.holders(capacity: 2)
      #expect(some.count == 3)
      #expect(some.holders.count == 2 && some.holders.allSatisfy { expected[$0.name] != nil })
      #expect(try observer.holders(capacity: 0).count == 3)
      for semaphore in semaphores { #expect(semaphore.close() == .ok) }
      #expect(try observer.holders().count == 0)
    }
  }

  @Test("holders may be NULL without a capacity only")
  func holdersNull() throws {
    try withSpace(.local) { space in
      let semaphore = try space.workstream().semaphore(permits: 2)
      #expect(semaphore.acquire() == .ok)
      let raw = semaphore.handle.pointer
      var count: UInt32 = 77
      #expect(Status(syncmgr_semaphore_holders(raw, nil, 1, &count)) == .invalid)
      #expect(count == 77)
      #expect(Status(syncmgr_semaphore_holders(raw, nil, 0, &count)) == .ok)
      #expect(count == 1)
    }
  }

  @Test("permits and flags are parameters and must match, ANY takes what is there",
    arguments: Kind.allCases)
  func parameters(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let missing = status { () throws(Failed) in try me.semaphore(permits: SYNCMGR_ANY) }
      #expect(missing == .notFound)
      let semaphore = try me.semaphore(permits: 3)
      #expect(semaphore.acquire(2) == .ok)
      for (permits, flags) in [(1, 0), (2, 0), (4, 0), (3, fair), (3, signalling)]
        as [(UInt32, UInt32)]
      {
        let failure = status { () throws(Failed) in
          try me.semaphore(permits: permits, flags: flags)
        }
        #expect(failure == .mismatch)
      }
      #expect(try me.semaphore(permits: 3).available() == 1)
      #expect(try me.semaphore(permits: SYNCMGR_ANY).available() == 1)
      let other = status { () throws(Failed) in
        try me.semaphore(permits: SYNCMGR_ANY, flags: fair)
      }
      #expect(other == .mismatch)
    }
  }

  @Test("permits are 1 to COUNT_MAX, with SIGNALLING also 0")
  func range() throws {
    try withSpace(.local) { space in
      let me = try space.workstream()
      let bad: [(UInt32, UInt32)] = [
        (0, 0), (0, fair), (SYNCMGR_COUNT_MAX + 1, 0), (SYNCMGR_COUNT_MAX + 1, signalling),
        (1 << 31, 0), (.max - 1, signalling),
      ]
      for (permits, flags) in bad {
        let failure = status { () throws(Failed) in
          try me.semaphore("bad", permits: permits, flags: flags)
        }
        #expect(failure == .invalid)
      }
      let most = try me.semaphore("most", permits: SYNCMGR_COUNT_MAX)
      #expect(most.acquire(SYNCMGR_COUNT_MAX) == .ok)
      #expect(try most.held() == SYNCMGR_COUNT_MAX)
      #expect(most.release(SYNCMGR_COUNT_MAX) == .ok)
      #expect(try me.semaphore("none", permits: 0, flags: signalling).available() == 0)
    }
  }
}

@Suite("Signalling semaphore", .watched)
struct SignallingSemaphoreTests {
  @Test("anybody may release, also what it never acquired", arguments: Kind.allCases)
  func counter(kind: Kind) throws {
    try withSpace(kind) { space in
      let producer = try space.workstream().semaphore(permits: 0, flags: signalling)
      let consumer = try space.workstream().semaphore(permits: 0, flags: signalling)
      #expect(consumer.acquire(1, 0) == .timeout)
      #expect(producer.release(3) == .ok)
      #expect(try consumer.available() == 3)
      #expect(consumer.acquire(2, 0) == .ok)
      #expect(consumer.acquire(2, 0) == .timeout)
      let ticket = try consumer.several(100).pending()
      #expect(producer.release(99) == .ok)
      #expect(ticket.wait(patience) == .ok)
      #expect(try consumer.available() == 0)
    }
  }

  @Test("nobody holds what was acquired, and it does not return at close", arguments: Kind.allCases)
  func consumed(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let semaphore = try me.semaphore(permits: 4, flags: signalling)
      let other = try space.workstream().semaphore(permits: 4, flags: signalling)
      #expect(semaphore.acquire(3) == .ok)
      #expect(try semaphore.held() == 0)
      #expect(try semaphore.holders().count == 0)
      #expect(me.close() == .ok)
      #expect(try other.available() == 1)
    }
  }

  @Test("release beyond COUNT_MAX is E_OVERFLOW and releases nothing", arguments: Kind.allCases)
  func overflow(kind: Kind) throws {
    try withSpace(kind) { space in
      let most = SYNCMGR_COUNT_MAX
      let semaphore = try space.workstream().semaphore(permits: most - 1, flags: signalling)
      #expect(semaphore.release(2) == .overflow)
      #expect(semaphore.release(.max) == .overflow)
      #expect(try semaphore.available() == most - 1)
      #expect(semaphore.release(1) == .ok)
      #expect(semaphore.release(1) == .overflow)
      #expect(semaphore.acquire(most, 0) == .ok)
      #expect(semaphore.release(most) == .ok)
      #expect(semaphore.release(0) == .invalid)
    }
  }
}
