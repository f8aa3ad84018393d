import CSyncMgr
import Testing

/// What was granted to a started wait whose workstream or manager closes before it was collected.
@Suite("Uncollected grants", .watched)
struct UncollectedGrantTests {
  /// The objects on which a grant uses something up.
  static let nouns: [Noun] = [.mutex, .semaphore, .event]

  @Test("when the workstream closes, a grant is collected or goes on, never both or neither",
    arguments: Kind.allCases, nouns)
  func workstreamCloses(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let ticket = try scene.object.pending()
      let next = try noun.open(try space.workstream(), "object")
      #expect(scene.grant() == .ok)
      #expect(scene.waiter.close() == .ok)
      let outcome = ticket.wait(0)
      // A hold ends with its workstream, so that only the set of an event can still be collected.
      #expect(outcome == .closed || (noun == .event && outcome == .ok))
      #expect(next.wait(50 * millisecond) == (outcome == .ok ? .timeout : .ok))
    }
  }

  @Test("when the manager closes, grants in its queues that were not drained are given back",
    arguments: Kind.allCases, nouns)
  func managerClosesQueue(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let closing = try space.again(flags: kind.flags)
      let peer = try Scene(noun, in: space)
      let object = try noun.open(try closing.workstream(), "object")
      _ = try object.pending(queue: try closing.queue())
      let next = try noun.open(try space.workstream(), "object")
      #expect(peer.grant() == .ok)
      #expect(closing.close() == .ok)
      #expect(next.wait(second) == .ok)
    }
  }

  @Test("when the manager closes, grants of tickets without a queue are given back, too",
    arguments: Kind.allCases, nouns)
  func managerCloses(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let closing = try space.again(flags: kind.flags)
      let peer = try Scene(noun, in: space)
      let ticket = try noun.open(try closing.workstream(), "object").pending()
      let next = try noun.open(try space.workstream(), "object")
      #expect(peer.grant() == .ok)
      #expect(closing.close() == .ok)
      #expect(ticket.wait(0) == .closed)
      #expect(next.wait(second) == .ok)
    }
  }
}
