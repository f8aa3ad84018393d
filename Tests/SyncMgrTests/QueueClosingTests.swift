import CSyncMgr
import Testing

@Suite("Queue close", .watched)
struct QueueClosingTests {
  @Test("closing a queue cancels its unfinished tickets", arguments: Kind.allCases, Noun.allCases)
  func cancels(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let queue = try space.queue()
      let ticket = try scene.object.pending(queue: queue)
      #expect(queue.close() == .ok)
      #expect(queue.close() == .closed)
      #expect(ticket.cancel() == .closed)
      if noun == .barrier {
        #expect(scene.grant() == .broken)
      } else {
        #expect(scene.grant() == .ok)
        #expect(scene.object.attempt() == .ok)
      }
    }
  }

  @Test("grants that arrived and were not drained are given back", arguments: Kind.allCases)
  func givesBack(kind: Kind) throws {
    try withSpace(kind) { space in
      for noun in [Noun.mutex, .semaphore, .event] {
        let scene = try Scene(noun, in: space, name: noun.rawValue)
        let queue = try space.queue()
        _ = try scene.object.pending(queue: queue)
        #expect(scene.grant() == .ok)
        pause(5 * millisecond)
        #expect(queue.close() == .ok)
        let next = try noun.open(try space.workstream(), noun.rawValue)
        #expect(next.wait(patience) == .ok, "\(noun)")
      }
    }
  }

  @Test("what is given back goes to who waits for it", arguments: Kind.allCases)
  func givesBackToWaiter(kind: Kind) throws {
    try withSpace(kind) { space in
      for noun in [Noun.mutex, .semaphore, .event] {
        let scene = try Scene(noun, in: space, name: noun.rawValue)
        let queue = try space.queue()
        _ = try scene.object.pending(queue: queue)
        let next = try noun.open(try space.workstream(), noun.rawValue)
        let thread = onThread { next.wait(forever) }
        pause(5 * millisecond)
        #expect(scene.grant() == .ok)
        pause(2 * millisecond)
        #expect(queue.close() == .ok)
        #expect(try thread.result() == .ok, "\(noun)")
      }
    }
  }

  @Test("a wait cannot be started with a closed queue", arguments: Kind.allCases, Noun.allCases)
  func closedQueue(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let queue = try space.queue()
      #expect(queue.close() == .ok)
      #expect(scene.object.start(queue: queue).status == .closed)
      let ticket = try scene.object.pending()
      #expect(scene.grant() == .ok)
      #expect(ticket.wait(patience) == .ok)
    }
  }

  @Test("closing the workstream of a queued wait ends it with E_CLOSED", arguments: Kind.allCases)
  func workstreamCloses(kind: Kind) throws {
    try withSpace(kind) { space in
      let scene = try Scene(.event, in: space)
      let queue = try space.queue()
      let ticket = try scene.object.pending(queue: queue)
      #expect(scene.waiter.close() == .ok)
      let records = try queue.drain()
      #expect(records.allSatisfy { $0.ticket == ticket.number && $0.status == SYNCMGR_E_CLOSED })
      #expect(ticket.cancel() == .closed)
      #expect(scene.grant() == .ok)
      #expect(try scene.peer.event("object").isSet())
    }
  }

  @Test("queues can be opened and closed again and again", arguments: Kind.allCases)
  func again(kind: Kind) throws {
    try withSpace(kind) { space in
      let event = try space.workstream().event()
      var last: Int32 = -1
      for round in 0..<200 {
        let queue = try space.queue()
        _ = try event.pending(queue: queue)
        if round == 0 { last = try queue.descriptor() }
        // Descriptors that were not closed would make the numbers grow.
        #expect(try queue.descriptor() < last + 100)
        #expect(queue.close() == .ok)
      }
    }
  }
}
