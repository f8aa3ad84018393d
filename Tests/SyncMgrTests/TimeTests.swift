import CSyncMgr
import Testing

@Suite("Time", .watched)
struct TimeTests {
  @Test("a timeout below -1 is E_INVALID, in every form", arguments: Kind.allCases, Noun.allCases)
  func belowForever(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let free = try noun.open(try space.workstream(), "free")
      let ticket = try scene.object.pending()
      for timeout in [-2, -1_000_000_000, .min] as [Int64] {
        for object in [free, try noun.open(scene.waiter, "object")] {
          #expect(object.wait(timeout) == .invalid)
          #expect(object.start(timeout: timeout).status == .invalid)
        }
        #expect(ticket.wait(timeout) == .invalid)
      }
      #expect(scene.grant() == .ok)
      #expect(ticket.wait(patience) == .ok)
    }
  }

  @Test("a wait whose time passed is E_TIMEOUT, not before",
    arguments: Kind.allCases, Noun.allCases)
  func timesOut(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let timeout = 12 * millisecond
      let taken = duration { #expect(scene.object.wait(timeout) == .timeout) }
      #expect(taken >= timeout)
    }
  }

  @Test("a timeout of 0 does not wait", arguments: Kind.allCases, Noun.allCases)
  func tries(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      // A hundred that waited for even a millisecond would take longer than ten that must not.
      let taken = duration {
        for _ in 0..<100 { #expect(scene.object.attempt() == .timeout) }
      }
      #expect(taken < second)
    }
  }

  @Test("the longest timeout waits like FOREVER", arguments: Kind.allCases, Noun.allCases)
  func longest(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let ticket = try scene.object.pending(timeout: .max)
      let thread = onThread { ticket.wait(.max) }
      pause(5 * millisecond)
      #expect(!thread.isFinished)
      #expect(scene.grant() == .ok)
      #expect(try thread.result() == .ok)
    }
  }

  @Test("the blocking form takes the longest timeout, too", arguments: Kind.allCases, Noun.allCases)
  func longestBlocking(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let thread = onThread { scene.object.wait(.max) }
      pause(5 * millisecond)
      #expect(!thread.isFinished)
      #expect(scene.grant() == .ok)
      // A barrier to which the peer came first has this thread as its leader.
      #expect(try thread.result().succeeded)
    }
  }
}
