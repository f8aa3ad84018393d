import CSyncMgr
import Testing

@Suite("Handles", .watched)
struct HandleTests {
  @Test("one workstream opening an object twice gets two handles to one hold",
    arguments: Kind.allCases)
  func twoHandles(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let first = try me.mutex()
      let second = try me.mutex()
      #expect(first.handle != second.handle)
      #expect(first.lock() == .ok)
      #expect(second.lock() == .deadlock)
      #expect(try second.token() == first.token())
      #expect(second.unlock() == .ok)
      #expect(first.unlock() == .notOwner)
    }
  }

  @Test("only the last handle of an object releases what is held there", arguments: Kind.allCases)
  func lastHandleReleases(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let other = try space.workstream()
      let mutexes = [try me.mutex(), try me.mutex()]
      let semaphores = [try me.semaphore(permits: 2), try me.semaphore(permits: 2)]
      #expect(mutexes[0].lock() == .ok)
      #expect(semaphores[0].acquire(2) == .ok)
      #expect(mutexes[0].close() == .ok)
      #expect(semaphores[0].close() == .ok)
      let mutex = try other.mutex()
      let semaphore = try other.semaphore(permits: 2)
      #expect(mutex.lock(0) == .timeout)
      #expect(try semaphore.available() == 0)
      #expect(mutexes[1].close() == .ok)
      #expect(semaphores[1].close() == .ok)
      #expect(mutex.lock(0) == .ok)
      #expect(try semaphore.available() == 2)
    }
  }

  @Test("closing a handle ends the waits on it with E_CLOSED", arguments: Kind.allCases)
  func closeEndsWaits(kind: Kind) throws {
    try withSpace(kind) { space in
      let holder = try space.workstream().mutex()
      #expect(holder.lock() == .ok)
      let mutex = try space.workstream().mutex()
      let thread = onThread { mutex.lock() }
      pause(10 * millisecond)
      #expect(mutex.close() == .ok)
      #expect(try thread.result() == .closed)
      #expect(mutex.close() == .closed)
      #expect(holder.unlock() == .ok)
      #expect(holder.heldBy().status == .free)
    }
  }

  @Test("closing a handle leaves the waits of other workstreams alone", arguments: Noun.allCases)
  func othersStay(noun: Noun) throws {
    try withSpace(.local) { space in
      let scene = try Scene(noun, in: space)
      let ticket = try scene.object.pending()
      let third = try space.workstream()
      _ = try noun.open(third, "object")
      #expect(third.close() == .ok)
      #expect(ticket.isPending)
      #expect(scene.grant() == .ok)
      #expect(ticket.wait(patience) == .ok)
    }
  }

  @Test("a handle is a number below 2^53", arguments: Kind.allCases)
  func smallNumbers(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let ticket = try me.event().pending()
      let handles = [
        space.handle, me.handle, try me.mutex().handle, try space.queue().handle, ticket.handle,
      ]
      for handle in handles { #expect(UInt(bitPattern: handle.pointer) < 1 << 53) }
    }
  }

  @Test("the same name with another type is E_TYPE", arguments: Noun.allCases, Noun.allCases)
  func otherType(noun: Noun, other: Noun) throws {
    guard noun != other else { return }
    try withSpace(.local) { space in
      let me = try space.workstream()
      _ = try noun.open(me, "object")
      #expect(status { () throws(Failed) in try other.open(me, "object") } == .type)
    }
  }
}
