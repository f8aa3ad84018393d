import CSyncMgr
import Glibc
import Testing

@Suite("Workstream", .watched)
struct WorkstreamTests {
  @Test("a workstream has the name it was given, or else PID-N", arguments: Kind.allCases)
  func names(kind: Kind) throws {
    try withSpace(kind) { space in
      #expect(try space.workstream("worker-1").name() == "worker-1")
      let madeUp = try space.workstreams(4).map { try $0.name() }
      #expect(Set(madeUp).count == 4)
      for name in madeUp {
        let parts = name.split(separator: "-")
        #expect(parts.count == 2 && parts.first == "\(getpid())", "\(name)")
        #expect(parts.last.flatMap { Int($0) } != nil, "\(name)")
      }
    }
  }

  @Test("the name of a living workstream is E_EXISTS, and free after its close",
    arguments: Kind.allCases)
  func nameIsFreeAgain(kind: Kind) throws {
    try withSpace(kind) { space in
      for _ in 0..<3 {
        let me = try space.workstream("me")
        #expect(status { () throws(Failed) in try space.workstream("me") } == .exists)
        #expect(me.close() == .ok)
      }
    }
  }

  @Test("name writes nothing into a buffer that is too small, and fits exactly")
  func nameBuffer() throws {
    try withSpace(.local) { space in
      let me = try space.workstream("twelve bytes")
      for capacity in [0, 1, 12] {
        var buffer = [CChar](repeating: 7, count: 64)
        #expect(Status(syncmgr_workstream_name(me.handle.pointer, &buffer, capacity)) == .invalid)
        #expect(buffer.allSatisfy { $0 == 7 })
      }
      var buffer = [CChar](repeating: 7, count: 64)
      #expect(Status(syncmgr_workstream_name(me.handle.pointer, &buffer, 13)) == .ok)
      #expect(buffer[11] == CChar(UInt8(ascii: "s")) && buffer[12] == 0)
      #expect(buffer.dropFirst(13).allSatisfy { $0 == 7 })
    }
  }

  @Test("an id is unique while the workstream lives, and long after", arguments: Kind.allCases)
  func ids(kind: Kind) throws {
    try withSpace(kind) { space in
      var seen: Set<UInt64> = []
      for _ in 0..<300 {
        let me = try space.workstream("again")
        let id = try me.id()
        #expect(id != 0)
        #expect(seen.insert(id).inserted)
        #expect(try me.id() == id)
        #expect(me.close() == .ok)
      }
    }
  }

  @Test("closing a workstream closes its handles, and closing twice is E_CLOSED",
    arguments: Kind.allCases)
  func closesHandles(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let mutex = try me.mutex()
      let event = try me.event()
      #expect(me.close() == .ok)
      #expect(me.close() == .closed)
      #expect(mutex.lock(0) == .closed)
      #expect(event.set() == .closed)
      #expect(status { () throws(Failed) in try me.name() } == .closed)
    }
  }

  @Test("closing a workstream releases what it holds", arguments: Kind.allCases)
  func closeReleases(kind: Kind) throws {
    try withSpace(kind) { space in
      let holder = try space.workstream()
      let other = try space.workstream()
      #expect(try holder.mutex().lock() == .ok)
      #expect(try holder.semaphore(permits: 4).acquire(3) == .ok)
      let mutex = try other.mutex().pending()
      let permits = try other.semaphore(permits: 4).several(4).pending()
      #expect(holder.close() == .ok)
      #expect(mutex.wait(patience) == .ok)
      #expect(permits.wait(patience) == .ok)
      #expect(try other.semaphore(permits: 4).holders().count == 1)
    }
  }

  @Test("closing a workstream ends its waits in other threads with E_CLOSED",
    arguments: Kind.allCases, Noun.allCases)
  func closeEndsWaits(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let thread = onThread { scene.object.wait(forever) }
      pause(10 * millisecond)
      #expect(!thread.isFinished)
      #expect(scene.waiter.close() == .ok)
      #expect(try thread.result() == .closed)
    }
  }

  @Test("closing a workstream withdraws its waits: what is granted later is not lost to them",
    arguments: Kind.allCases)
  func closeWithdraws(kind: Kind) throws {
    try withSpace(kind) { space in
      let peer = try space.workstream()
      let mutex = try peer.mutex()
      let event = try peer.event()
      let semaphore = try peer.semaphore(permits: 2)
      #expect(mutex.lock() == .ok)
      #expect(semaphore.acquire() == .ok)
      let me = try space.workstream()
      let tickets = [
        try me.mutex().pending(), try me.event().pending(),
        try me.semaphore(permits: 2).several(2).pending(),
      ]
      #expect(me.close() == .ok)
      for ticket in tickets { #expect(ticket.wait(0) == .closed) }
      #expect(mutex.unlock() == .ok)
      #expect(mutex.heldBy().status == .free)
      #expect(event.set() == .ok)
      #expect(try event.isSet())
      #expect(semaphore.release() == .ok)
      #expect(try semaphore.available() == 2)
    }
  }

  @Test("a barrier in which the workstream waited breaks, one in which it had arrived does not",
    arguments: Kind.allCases)
  func closeAndBarriers(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let other = try space.workstream()
      _ = try me.barrier("waited", parties: 2).pending()
      #expect(try me.barrier("arrived", parties: 2).arrive() == .ok)
      #expect(me.close() == .ok)
      #expect(try other.barrier("waited", parties: 2).state().isBroken)
      #expect(try other.barrier("arrived", parties: 2).wait(0) == .leader)
    }
  }

  @Test("two threads that use one workstream are one owner", arguments: Kind.allCases)
  func oneOwner(kind: Kind) throws {
    try withSpace(kind) { space in
      let mutex = try space.workstream().mutex()
      #expect(mutex.lock() == .ok)
      #expect(try onThread { mutex.lock() }.result() == .deadlock)
      #expect(try onThread { mutex.unlock() }.result() == .ok)
      #expect(mutex.heldBy().status == .free)
    }
  }
}
