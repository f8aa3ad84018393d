import CSyncMgr
import Synchronization
import Testing

/// A binding's own lock and unlock, by compare-and-swap of the published word.
///
// Safe because the addresses are valid until the mutex is closed, which no test does before.
private struct Fastpath: @unchecked Sendable {
  private let word: UnsafeMutablePointer<Atomic<UInt32>>
  private let grants: UnsafeMutablePointer<Atomic<UInt32>>
  private let freeValue: UInt32
  private let myValue: UInt32

  init(_ path: syncmgr_fastpath_t) {
    word = UnsafeMutablePointer(bitPattern: UInt(path.word))!
    grants = UnsafeMutablePointer(bitPattern: UInt(path.grants))!
    freeValue = path.free_value
    myValue = path.my_value
  }

  /// Takes the mutex if it is free, and counts the grant. Not near the end of the counter: there
  /// the library has to carry into the high half of the token.
  func lock() -> Bool {
    guard grants.pointee.load(ordering: .relaxed) <= 0xffff_fff0,
      word.pointee.compareExchange(
        expected: freeValue, desired: myValue, ordering: .acquiring
      ).exchanged
    else { return false }
    // The counter is little-endian: its high half is the second word. When the low half is about
    // to wrap the high half goes first.
    let low = grants.pointee.load(ordering: .relaxed)
    if low == .max { _ = (grants + 1).pointee.wrappingAdd(1, ordering: .relaxed) }
    _ = grants.pointee.wrappingAdd(1, ordering: .relaxed)
    return true
  }

  func unlock() -> Bool {
    word.pointee.compareExchange(
      expected: myValue, desired: freeValue, ordering: .releasing
    ).exchanged
  }
}

@Suite("Mutex fast path", .watched)
struct MutexFastpathTests {
  @Test("a mutex locked by the caller's own swap is as locked as any", arguments: Kind.allCases)
  func lockBySwap(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream("swapper")
      let mutex = try me.mutex()
      let other = try space.workstream().mutex()
      let path = Fastpath(try mutex.fastpath())
      #expect(path.lock())
      #expect(!path.lock())
      #expect(other.lock(0) == .timeout)
      #expect(try other.heldBy().holder.workstream == me.id())
      #expect(mutex.lock(0) == .deadlock)
      #expect(try mutex.isValid(mutex.token()) == .ok)
      #expect(path.unlock())
      #expect(!path.unlock())
      #expect(other.lock(0) == .ok)
      #expect(!path.lock())
    }
  }

  @Test("swap and call may be mixed: each unlocks what the other locked", arguments: Kind.allCases)
  func mixed(kind: Kind) throws {
    try withSpace(kind) { space in
      let mutex = try space.workstream().mutex()
      let path = Fastpath(try mutex.fastpath())
      #expect(path.lock())
      #expect(mutex.unlock() == .ok)
      #expect(mutex.lock() == .ok)
      #expect(path.unlock())
      #expect(mutex.unlock() == .notOwner)
    }
  }

  @Test("grants by swap have tokens that grow with the others", arguments: Kind.allCases)
  func tokens(kind: Kind) throws {
    try withSpace(kind) { space in
      let mutex = try space.workstream().mutex()
      let path = Fastpath(try mutex.fastpath())
      var last: UInt64 = 0
      for round in 0..<20 {
        if round % 3 == 0 { #expect(mutex.lock() == .ok) } else { #expect(path.lock()) }
        let token = try mutex.token()
        #expect(token > last)
        last = token
        if round % 2 == 0 { #expect(path.unlock()) } else { #expect(mutex.unlock() == .ok) }
      }
    }
  }

  @Test("when somebody waits the swap back fails, and unlock hands the mutex over",
    arguments: Kind.allCases)
  func waiters(kind: Kind) throws {
    try withSpace(kind) { space in
      let mutex = try space.workstream().mutex()
      let other = try space.workstream().mutex()
      let path = Fastpath(try mutex.fastpath())
      #expect(path.lock())
      let ticket = try other.pending()
      #expect(!path.unlock())
      #expect(mutex.unlock() == .ok)
      #expect(ticket.wait(patience) == .ok)
    }
  }

  @Test("what was locked by swap is released when the workstream closes", arguments: Kind.allCases)
  func closes(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let other = try space.workstream().mutex()
      #expect(Fastpath(try me.mutex().fastpath()).lock())
      #expect(other.lock(0) == .timeout)
      #expect(me.close() == .ok)
      #expect(other.lock(0) == .ok)
    }
  }

  @Test("force_release takes away also what was locked by swap", arguments: Kind.allCases)
  func forced(kind: Kind) throws {
    try withSpace(kind) { space in
      let mutex = try space.workstream().mutex()
      let other = try space.workstream().mutex()
      let path = Fastpath(try mutex.fastpath())
      #expect(path.lock())
      #expect(other.forceRelease() == .ok)
      #expect(other.lock(0) == .ownerDied)
      #expect(!path.unlock())
      #expect(mutex.unlock() == .lost)
      #expect(other.unlock() == .ok)
    }
  }

  @Test("a recursive mutex has no fast path")
  func recursive() throws {
    try withSpace(.local) { space in
      let mutex = try space.workstream().mutex(flags: SYNCMGR_MUTEX_RECURSIVE)
      #expect(status { () throws(Failed) in try mutex.fastpath() } == .unsupported)
    }
  }

  @Test("swaps and calls of several threads exclude each other", arguments: Kind.allCases)
  func contended(kind: Kind) throws {
    try withSpace(kind) { space in
      let total = Unguarded(0)
      let rounds = 300
      let threads = try space.workstreams(3).map { me in
        let mutex = try me.mutex()
        let path = Fastpath(try mutex.fastpath())
        return onThread { () -> Bool in
          for _ in 0..<rounds {
            guard path.lock() || mutex.lock() == .ok else { return false }
            total.value += 1
            guard path.unlock() || mutex.unlock() == .ok else { return false }
          }
          return true
        }
      }
      for thread in threads { #expect(try thread.result()) }
      #expect(total.value == 3 * rounds)
    }
  }
}
