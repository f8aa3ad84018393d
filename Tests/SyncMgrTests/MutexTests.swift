import CSyncMgr
import Glibc
import Testing

@Suite("Mutex", .watched)
struct MutexTests {
  @Test("lock excludes other workstreams until unlock", arguments: Kind.allCases)
  func excludes(kind: Kind) throws {
    try withSpace(kind) { space in
      let one = try space.workstream().mutex()
      let other = try space.workstream().mutex()
      for _ in 0..<3 {
        #expect(one.lock() == .ok)
        #expect(other.lock(0) == .timeout)
        #expect(one.unlock() == .ok)
        #expect(other.lock(0) == .ok)
        #expect(one.lock(0) == .timeout)
        #expect(other.unlock() == .ok)
      }
    }
  }

  @Test("lock waits until the owner unlocks", arguments: Kind.allCases)
  func waits(kind: Kind) throws {
    try withSpace(kind) { space in
      let one = try space.workstream().mutex()
      let other = try space.workstream().mutex()
      #expect(one.lock() == .ok)
      let thread = onThread { other.lock() }
      pause(20 * millisecond)
      #expect(!thread.isFinished)
      #expect(one.unlock() == .ok)
      #expect(try thread.result() == .ok)
      #expect(other.unlock() == .ok)
    }
  }

  @Test("lock returns E_DEADLOCK when the workstream is already the owner, and it is not recursive",
    arguments: Kind.allCases)
  func deadlock(kind: Kind) throws {
    try withSpace(kind) { space in
      let mutex = try space.workstream().mutex()
      #expect(mutex.lock() == .ok)
      for timeout in [forever, 0, 10 * millisecond] {
        #expect(mutex.lock(timeout) == .deadlock)
        #expect(mutex.start(timeout: timeout).status == .deadlock)
      }
      #expect(mutex.unlock() == .ok)
      #expect(mutex.unlock() == .notOwner)
    }
  }

  @Test("a recursive mutex can be locked again, and each lock needs its unlock",
    arguments: Kind.allCases)
  func recursive(kind: Kind) throws {
    try withSpace(kind) { space in
      let mutex = try space.workstream().mutex(flags: SYNCMGR_MUTEX_RECURSIVE)
      let other = try space.workstream().mutex(flags: SYNCMGR_MUTEX_RECURSIVE)
      for depth in 1...5 {
        #expect(mutex.lock(depth % 2 == 0 ? 0 : forever) == .ok)
        #expect(mutex.heldBy().holder.amount == depth)
      }
      let token = try mutex.token()
      #expect(mutex.start().status == .ok)
      for _ in 0..<6 {
        #expect(try mutex.token() == token)
        #expect(other.lock(0) == .timeout)
        #expect(mutex.unlock() == .ok)
      }
      #expect(mutex.unlock() == .notOwner)
      #expect(other.lock(0) == .ok)
      #expect(other.heldBy().holder.amount == 1)
    }
  }

  @Test("unlock by who is not the owner is E_NOT_OWNER", arguments: Kind.allCases)
  func notOwner(kind: Kind) throws {
    try withSpace(kind) { space in
      let one = try space.workstream().mutex()
      let other = try space.workstream().mutex()
      #expect(one.unlock() == .notOwner)
      #expect(other.lock() == .ok)
      #expect(one.unlock() == .notOwner)
      #expect(other.unlock() == .ok)
      #expect(other.unlock() == .notOwner)
    }
  }

  @Test("its flags are parameters and must match", arguments: Kind.allCases)
  func parameters(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let all: [UInt32] = [0, 1, 2, 3]
      for flags in all {
        _ = try me.mutex("mutex \(flags)", flags: flags)
        for other in all where other != flags {
          let failure = status { () throws(Failed) in
            try me.mutex("mutex \(flags)", flags: other)
          }
          #expect(failure == .mismatch)
        }
        _ = try me.mutex("mutex \(flags)", flags: flags)
      }
    }
  }

  @Test("a waiter whose time passed is out of the line", arguments: Kind.allCases)
  func timedOutIsOut(kind: Kind) throws {
    try withSpace(kind) { space in
      let one = try space.workstream().mutex(flags: SYNCMGR_MUTEX_FAIR)
      let other = try space.workstream().mutex(flags: SYNCMGR_MUTEX_FAIR)
      let third = try space.workstream().mutex(flags: SYNCMGR_MUTEX_FAIR)
      #expect(one.lock() == .ok)
      #expect(other.lock(5 * millisecond) == .timeout)
      let ticket = try third.pending()
      #expect(one.unlock() == .ok)
      #expect(ticket.wait(patience) == .ok)
      #expect(third.unlock() == .ok)
      #expect(third.heldBy().status == .free)
    }
  }

  @Test("a fair mutex is handed over strictly first come, first served", arguments: Kind.allCases)
  func fair(kind: Kind) throws {
    try withSpace(kind) { space in
      let mutexes = try space.workstreams(6).map { try $0.mutex(flags: SYNCMGR_MUTEX_FAIR) }
      #expect(mutexes[0].lock() == .ok)
      let tickets = try mutexes[1...].map { try $0.pending() }
      for turn in 0..<5 {
        #expect(mutexes[turn].unlock() == .ok)
        #expect(mutexes[turn].lock(0) == .timeout)
        #expect(tickets[turn].wait(patience) == .ok)
        for later in tickets[(turn + 1)...] { #expect(later.isPending) }
      }
      #expect(mutexes[5].unlock() == .ok)
    }
  }

  @Test("a waiter gets its turn although another locks again and again", arguments: Kind.allCases)
  func notStarved(kind: Kind) throws {
    try withSpace(kind) { space in
      let greedy = try space.workstream().mutex()
      let patient = try space.workstream().mutex()
      let isOver = Shared(false)
      let thread = onThread { () -> Int in
        var rounds = 0
        while !isOver.current {
          guard greedy.lock() == .ok, greedy.unlock() == .ok else { return -1 }
          rounds += 1
        }
        return rounds
      }
      for _ in 0..<20 {
        #expect(patient.lock(patience) == .ok)
        #expect(patient.unlock() == .ok)
      }
      isOver.with { $0 = true }
      #expect(try thread.result() >= 0)
    }
  }

  @Test("threads exclude each other, whatever the flags", arguments: Kind.allCases, [0, 1, 2, 3])
  func exactTotal(kind: Kind, flags: UInt32) throws {
    try withSpace(kind) { space in
      let total = Unguarded(0)
      let rounds = 400
      let threads = try space.workstreams(3).map { try $0.mutex(flags: flags) }.map { mutex in
        onThread { () -> Bool in
          for _ in 0..<rounds {
            guard mutex.lock() == .ok else { return false }
            total.value += 1
            guard mutex.unlock() == .ok else { return false }
          }
          return true
        }
      }
      for thread in threads { #expect(try thread.result()) }
      #expect(total.value == 3 * rounds)
    }
  }
}

/// A value without a lock, for what an object under test protects: the thread sanitizer then tells
/// when it does not.
final class Unguarded<Value>: @unchecked Sendable {
  var value: Value
  init(_ value: Value) { self.value = value }
}
