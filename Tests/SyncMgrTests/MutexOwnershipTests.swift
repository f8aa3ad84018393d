import CSyncMgr
import Glibc
import Testing

@Suite("Mutex ownership", .watched)
struct MutexOwnershipTests {
  @Test("held_by writes who holds the mutex, and nothing when it is free", arguments: Kind.allCases)
  func heldBy(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream("the holder")
      let mutex = try me.mutex()
      let other = try space.workstream().mutex()
      #expect(other.heldBy().status == .free)
      #expect(other.heldBy().holder.isUntouched)
      #expect(mutex.lock() == .ok)
      let (status, holder) = other.heldBy()
      #expect(status == .ok)
      #expect(holder.name == "the holder")
      #expect(try holder.workstream == me.id())
      #expect(try holder.token == mutex.token())
      #expect(holder.pid == getpid())
      #expect(holder.amount == 1)
      #expect(mutex.unlock() == .ok)
      #expect(other.heldBy().status == .free)
    }
  }

  @Test("a token is written for the owner only", arguments: Kind.allCases)
  func tokenOfOwner(kind: Kind) throws {
    try withSpace(kind) { space in
      let mutex = try space.workstream().mutex()
      let other = try space.workstream().mutex()
      #expect(status { () throws(Failed) in try mutex.token() } == .notOwner)
      #expect(mutex.lock() == .ok)
      #expect(status { () throws(Failed) in try other.token() } == .notOwner)
      #expect(try mutex.token() > 0)
    }
  }

  @Test("tokens only ever grow, over all workstreams and ways to lock", arguments: Kind.allCases)
  func tokensGrow(kind: Kind) throws {
    try withSpace(kind) { space in
      let mutexes = try space.workstreams(3).map { try $0.mutex() }
      var last: UInt64 = 0
      for round in 0..<30 {
        let mutex = mutexes[round % 3]
        #expect((round % 2 == 0 ? mutex.lock() : mutex.start().status) == .ok)
        let token = try mutex.token()
        #expect(token > last)
        last = token
        if round % 5 == 4 {
          let ticket = try mutexes[(round + 1) % 3].pending()
          #expect(mutex.unlock() == .ok)
          let (status, record) = ticket.record()
          #expect(status == .ok)
          #expect(record.value > last)
          #expect(try record.value == mutexes[(round + 1) % 3].token())
          last = record.value
          #expect(mutexes[(round + 1) % 3].unlock() == .ok)
        } else {
          #expect(mutex.unlock() == .ok)
        }
      }
    }
  }

  @Test("is_valid tells whether the grant with a token is still held", arguments: Kind.allCases)
  func isValid(kind: Kind) throws {
    try withSpace(kind) { space in
      let mutex = try space.workstream().mutex()
      let other = try space.workstream().mutex()
      #expect(mutex.isValid(1) == .lost)
      #expect(mutex.lock() == .ok)
      let first = try mutex.token()
      #expect(mutex.isValid(first) == .ok)
      #expect(mutex.isValid(first + 1) == .lost)
      #expect(other.isValid(first) == .lost)
      #expect(mutex.unlock() == .ok)
      #expect(mutex.isValid(first) == .lost)
      #expect(mutex.lock() == .ok)
      #expect(mutex.isValid(first) == .lost)
      #expect(try mutex.isValid(mutex.token()) == .ok)
    }
  }

  @Test("force_release of a mutex that nobody holds is FREE", arguments: Kind.allCases)
  func forceFree(kind: Kind) throws {
    try withSpace(kind) { space in
      let mutex = try space.workstream().mutex()
      #expect(mutex.forceRelease() == .free)
      #expect(mutex.lock() == .ok)
      #expect(mutex.unlock() == .ok)
      #expect(mutex.forceRelease() == .free)
      #expect(mutex.previousOwner().status == .free)
      #expect(mutex.previousOwner().holder.isUntouched)
    }
  }

  @Test("after force_release the next owner gets OWNER_DIED, once, and learns whose hold it was",
    arguments: Kind.allCases, [0, SYNCMGR_MUTEX_FAIR, SYNCMGR_MUTEX_RECURSIVE])
  func forceReleased(kind: Kind, flags: UInt32) throws {
    try withSpace(kind) { space in
      let loser = try space.workstream("loser")
      let old = try loser.mutex(flags: flags)
      let new = try space.workstream("winner").mutex(flags: flags)
      #expect(old.lock() == .ok)
      let token = try old.token()
      #expect(new.forceRelease() == .ok)
      #expect(new.heldBy().status == .free)
      #expect(new.lock(0) == .ownerDied)
      #expect(try new.token() > token)
      let (status, previous) = new.previousOwner()
      #expect(status == .ok)
      #expect(try previous.workstream == loser.id())
      #expect(previous.name == "loser")
      #expect(previous.token == token)
      #expect(previous.pid == getpid())
      #expect(new.unlock() == .ok)
      #expect(new.lock(0) == .ok)
      #expect(new.unlock() == .ok)
    }
  }

  @Test("who lost the mutex finds out by E_LOST, which ends the hold", arguments: Kind.allCases)
  func loserFindsOut(kind: Kind) throws {
    try withSpace(kind) { space in
      let old = try space.workstream().mutex()
      let new = try space.workstream().mutex()
      #expect(old.lock() == .ok)
      let token = try old.token()
      #expect(new.forceRelease() == .ok)
      #expect(old.isValid(token) == .lost)
      #expect(new.lock(0) == .ownerDied)
      #expect(old.unlock() == .lost)
      #expect(try new.isValid(new.token()) == .ok)
      #expect(old.unlock() == .notOwner)
      #expect(new.unlock() == .ok)
      #expect(old.lock(0) == .ok)
      #expect(old.unlock() == .ok)
    }
  }

  @Test("who lost the mutex and does not know may lock it again, and holds it like anybody",
    arguments: Kind.allCases, [0, SYNCMGR_MUTEX_RECURSIVE])
  func loserLocksAgain(kind: Kind, flags: UInt32) throws {
    try withSpace(kind) { space in
      let mutex = try space.workstream().mutex(flags: flags)
      let depth: UInt32 = flags == SYNCMGR_MUTEX_RECURSIVE ? 3 : 1
      for _ in 0..<depth { #expect(mutex.lock() == .ok) }
      #expect(mutex.heldBy().holder.amount == depth)
      let token = try mutex.token()
      #expect(mutex.forceRelease() == .ok)
      #expect(mutex.lock(0) == .ownerDied)
      #expect(try mutex.token() > token)
      #expect(mutex.isValid(token) == .lost)
      #expect(mutex.heldBy().holder.amount == 1)
      #expect(mutex.unlock() == .ok)
      #expect(mutex.heldBy().status == .free)
      #expect(mutex.unlock() == .notOwner, "the loss was over when it locked again")
    }
  }

  @Test("force_release lets who waits go on, with OWNER_DIED", arguments: Kind.allCases)
  func forceWakesThread(kind: Kind) throws {
    try withSpace(kind) { space in
      let old = try space.workstream().mutex()
      let waiter = try space.workstream().mutex()
      #expect(old.lock() == .ok)
      let thread = onThread { waiter.lock() }
      pause(5 * millisecond)
      #expect(old.forceRelease() == .ok)
      #expect(try thread.result() == .ownerDied)
      #expect(old.unlock() == .lost)
      #expect(waiter.unlock() == .ok)
    }
  }

  @Test("of those who wait only the first inherits", arguments: Kind.allCases)
  func firstInherits(kind: Kind) throws {
    try withSpace(kind) { space in
      let mutexes = try space.workstreams(3).map { try $0.mutex(flags: SYNCMGR_MUTEX_FAIR) }
      #expect(mutexes[0].lock() == .ok)
      let tickets = try mutexes[1...].map { try $0.pending() }
      #expect(mutexes[2].forceRelease() == .ok)
      #expect(tickets[0].wait(patience) == .ownerDied)
      #expect(tickets[1].isPending)
      #expect(mutexes[1].unlock() == .ok)
      #expect(tickets[1].wait(patience) == .ok)
    }
  }

  @Test("closing what the library took away disturbs nobody", arguments: Kind.allCases)
  func loserCloses(kind: Kind) throws {
    try withSpace(kind) { space in
      let loser = try space.workstream()
      #expect(try loser.mutex().lock() == .ok)
      let new = try space.workstream().mutex()
      #expect(new.forceRelease() == .ok)
      #expect(new.lock(0) == .ownerDied)
      #expect(loser.close() == .ok)
      #expect(try new.isValid(new.token()) == .ok)
      #expect(new.unlock() == .ok)
    }
  }
}
