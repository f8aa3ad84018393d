import CSyncMgr
import Glibc
import Testing

@Suite("Manager", .watched)
struct ManagerTests {
  @Test("local: is a new private space at every call")
  func localIsPrivate() throws {
    let first = try Space("local:")
    let second = try Space("local:")
    let one = try first.workstream("same").mutex("same")
    let other = try second.workstream("same").mutex("same", flags: SYNCMGR_MUTEX_FAIR)
    #expect(one.lock(0) == .ok)
    #expect(other.lock(0) == .ok)
    #expect(first.close() == .ok)
    #expect(second.close() == .ok)
  }

  @Test("two managers of one URL are in one space", arguments: Kind.allCases)
  func sameSpace(kind: Kind) throws {
    let first = try Space(kind)
    let second = try first.again(flags: kind.flags)
    let one = try first.workstream("one")
    #expect(status { () throws(Failed) in try second.workstream("one") } == .exists)
    let two = try second.workstream("two")
    #expect(try one.mutex().lock(0) == .ok)
    #expect(try two.mutex().lock(0) == .timeout)
    #expect(try two.mutex().heldBy().holder.name == "one")
    #expect(first.close() == .ok)
    #expect(try two.mutex().lock(0) == .ok)
    #expect(second.check() == .ok)
    #expect(second.close() == .ok)
  }

  @Test("a local:NAME space ends with its last manager")
  func localEnds() throws {
    let url = Kind.local.uniqueURL()
    let first = try Space(url)
    _ = try first.workstream().latch(count: 3)
    #expect(first.close() == .ok)
    let second = try Space(url, flags: SYNCMGR_CREATE_ONLY)
    _ = try second.workstream().latch(count: 4)
    #expect(second.close() == .ok)
  }

  @Test(
    "what is no URL, or names no space, is E_NAME",
    arguments: [
      "", "shm", "local", ":", "shm:", "SHM:x", "etcd://host", "file:x", "x", "shm:.hidden",
      "shm:a/b", "shm:../x", "shm:a\nb", "local:a/b", "local:a\tb",
      "shm:" + String(repeating: "n", count: 201),
      "local:" + String(repeating: "n", count: 256),
    ])
  func badURL(url: String) {
    #expect(status { () throws(Failed) in try Space(url) } == .name)
  }

  @Test("the NAME of a shm: space may have 200 bytes")
  func longName() throws {
    let name = uniqueName()
    let space = try Space("shm:" + name + String(repeating: "n", count: 200 - name.utf8.count))
    #expect(fileExists(segmentPath(space.url)!))
    #expect(space.close() == .ok)
  }

  @Test("close(NULL) does nothing and is OK, for every kind of handle")
  func closeNull() {
    let closes = [
      syncmgr_close(nil), syncmgr_workstream_close(nil), syncmgr_queue_close(nil),
      syncmgr_mutex_close(nil), syncmgr_semaphore_close(nil), syncmgr_latch_close(nil),
      syncmgr_barrier_close(nil), syncmgr_event_close(nil), syncmgr_off(nil),
    ]
    #expect(closes.allSatisfy { $0 == SYNCMGR_OK }, "\(closes)")
  }

  @Test("closing a manager twice is E_CLOSED", arguments: Kind.allCases)
  func closeTwice(kind: Kind) throws {
    let space = try Space(kind)
    #expect(space.close() == .ok)
    #expect(space.close() == .closed)
    #expect(space.check() == .closed)
  }

  @Test("closing a manager closes its workstreams, queues and objects", arguments: Kind.allCases)
  func closesEverything(kind: Kind) throws {
    let space = try Space(kind)
    let me = try space.workstream()
    let queue = try space.queue()
    let mutex = try me.mutex()
    let latch = try me.latch(count: 1)
    #expect(space.close() == .ok)
    #expect(me.close() == .closed)
    #expect(queue.close() == .closed)
    #expect(mutex.lock(0) == .closed)
    #expect(latch.close() == .closed)
    #expect(status { () throws(Failed) in try me.event() } == .closed)
  }

  @Test(
    "closing a manager ends waits in other threads with E_CLOSED",
    arguments: Kind.allCases, Noun.allCases)
  func closeEndsWaits(kind: Kind, noun: Noun) throws {
    let space = try Space(kind)
    let scene = try Scene(noun, in: space)
    let thread = onThread { scene.object.wait(forever) }
    pause(10 * millisecond)
    #expect(!thread.isFinished)
    #expect(space.close() == .ok)
    #expect(try thread.result() == .closed)
  }

  @Test("closing a manager releases what it held, and nobody is told of a death",
    arguments: Kind.allCases)
  func closeReleases(kind: Kind) throws {
    let first = try Space(kind)
    let second = try first.again(flags: kind.flags)
    let holder = try first.workstream()
    let other = try second.workstream()
    #expect(try holder.mutex().lock() == .ok)
    #expect(try holder.semaphore(permits: 3).acquire(2) == .ok)
    let semaphore = try other.semaphore(permits: 3)
    let mutex = try other.mutex()
    let ticket = try mutex.pending()
    #expect(first.close() == .ok)
    #expect(ticket.wait(patience) == .ok)
    #expect(mutex.previousOwner().status == .free)
    #expect(try semaphore.available() == 3)
    #expect(second.check() == .ok)
    #expect(second.close() == .ok)
  }

  @Test("cleanup finds no dead process where none died", arguments: Kind.allCases)
  func cleanup(kind: Kind) throws {
    try withSpace(kind) { space in
      #expect(try space.workstream().mutex().lock() == .ok)
      let count = try written(over: UInt32.max) { syncmgr_cleanup(space.handle.pointer, $0) }
      #expect(count == 0)
      #expect(Status(syncmgr_cleanup(space.handle.pointer, nil)) == .ok)
    }
  }

  @Test("object_remove removes an object, which can then have another type",
    arguments: Noun.allCases)
  func remove(noun: Noun) throws {
    try withSpace(.local) { space in
      let me = try space.workstream()
      _ = try noun.open(me, "object")
      #expect(space.remove(noun.type, "object") == .busy)
      #expect(me.close() == .ok)
      #expect(space.remove(noun.type, "object") == .ok)
      #expect(space.remove(noun.type, "object") == .notFound)
      let next = Noun.allCases.first { $0 != noun }!
      _ = try next.open(try space.workstream(), "object")
    }
  }

  @Test("object_remove refuses another type, no type and no name")
  func removeRefuses() throws {
    try withSpace(.local) { space in
      let me = try space.workstream()
      #expect(try me.latch("object", count: 1).close() == .ok)
      #expect(space.remove(SYNCMGR_TYPE_MUTEX, "object") == .type)
      #expect(space.remove(SYNCMGR_TYPE_MUTEX, "nothing") == .notFound)
      for type in [0, 60, .max] as [UInt32] {
        #expect(space.remove(type, "object") == .invalid)
      }
      for name in ["", "a/b", String(repeating: "n", count: 256)] {
        #expect(space.remove(SYNCMGR_TYPE_LATCH, name) == .name)
      }
      #expect(space.remove(SYNCMGR_TYPE_LATCH, "object") == .ok)
    }
  }
}
