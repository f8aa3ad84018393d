import CSyncMgr
import Glibc
import Testing

@Suite("Ticket cancel", .watched)
struct TicketCancelTests {
  @Test("cancel withdraws a wait: nothing is granted and the ticket is gone",
    arguments: Kind.allCases, Noun.allCases)
  func withdraws(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let ticket = try scene.object.pending()
      #expect(ticket.cancel() == .ok)
      #expect(ticket.wait(0) == .closed)
      #expect(ticket.cancel() == .closed)
      if noun == .barrier {
        #expect(scene.grant() == .broken)
        return
      }
      #expect(scene.grant() == .ok)
      // Nobody has it, so that it is there for the next.
      #expect(scene.object.attempt() == .ok)
    }
  }

  @Test("a cancelled wait of a queue leaves no record", arguments: Kind.allCases, Noun.allCases)
  func noRecord(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let queue = try space.queue()
      #expect(try scene.object.pending(queue: queue).cancel() == .ok)
      _ = scene.grant()
      pause(5 * millisecond)
      #expect(try queue.drain().isEmpty)
    }
  }

  @Test("cancel of a wait that had ended is FINISHED, and its outcome is to be collected",
    arguments: Kind.allCases, Noun.allCases)
  func finished(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let ticket = try scene.object.pending()
      #expect(scene.grant() == .ok)
      let fate = ticket.cancel()
      if noun == .mutex || noun == .semaphore {
        // These are free now; who has not taken them by itself can still be withdrawn.
        #expect(fate == .finished || fate == .ok)
      } else {
        #expect(fate == .finished)
      }
      if fate == .finished { #expect(ticket.wait(0) == .ok) }
    }
  }

  @Test("cancel of a wait that had ended leaves its record in the queue", arguments: Kind.allCases)
  func finishedWithQueue(kind: Kind) throws {
    try withSpace(kind) { space in
      let scene = try Scene(.latch, in: space)
      let queue = try space.queue()
      let ticket = try scene.object.pending(queue: queue)
      #expect(scene.grant() == .ok)
      #expect(ticket.cancel() == .finished)
      #expect(ticket.cancel() == .finished)
      #expect(try queue.collect(1).map(\.ticket) == [ticket.number])
      #expect(ticket.cancel() == .closed)
    }
  }

  @Test("cancel of a wait whose time passed is FINISHED with E_TIMEOUT, or withdraws it",
    arguments: Kind.allCases)
  func afterDeadline(kind: Kind) throws {
    try withSpace(kind) { space in
      let scene = try Scene(.mutex, in: space)
      let ticket = try scene.object.pending(timeout: millisecond)
      pause(10 * millisecond)
      if ticket.cancel() == .finished { #expect(ticket.wait(0) == .timeout) }
      #expect(ticket.wait(0) == .closed)
    }
  }

  @Test("cancel racing with the grant has exactly one outcome, and loses nothing",
    arguments: Kind.allCases, [Noun.mutex, .semaphore, .event])
  func race(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let turn = Shared(0)
      let rounds = 1000
      let thread = onThread { () -> Bool in
        for round in 1...rounds {
          guard turn.wait(until: { $0 >= 2 * round - 1 }) else { return false }
          guard scene.grant() == .ok else { return false }
          turn.with { $0 = 2 * round }
        }
        return true
      }
      var outcomes: [String: Int] = [:]
      for round in 1...rounds {
        let ticket = try scene.object.pending()
        turn.with { $0 = 2 * round - 1 }
        if round % 2 == 0 { sched_yield() }
        let fate = ticket.cancel()
        #expect(turn.wait { $0 == 2 * round })
        if fate == .finished {
          #expect(ticket.wait(0) == .ok)
        } else {
          #expect(fate == .ok)
          #expect(ticket.wait(0) == .closed)
          // The grant is there for somebody else.
          #expect(scene.object.attempt() == .ok)
        }
        outcomes["\(fate)", default: 0] += 1
        scene.restore()
        #expect(scene.object.attempt() == .timeout)
      }
      #expect(try thread.result())
    }
  }
}
