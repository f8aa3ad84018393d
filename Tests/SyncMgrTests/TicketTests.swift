import CSyncMgr
import Testing

@Suite("Ticket", .watched)
struct TicketTests {
  @Test("a started wait ends with the status of the blocking form",
    arguments: Kind.allCases, Noun.allCases)
  func outcome(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let ticket = try scene.object.pending(userData: 42)
      #expect(ticket.isPending)
      #expect(scene.grant() == .ok)
      let (status, record) = ticket.record(patience)
      #expect(status == .ok)
      #expect(record.ticket == ticket.number)
      #expect(record.user_data == 42)
      #expect(record.status == SYNCMGR_OK)
      #expect(record.kind == noun.type)
    }
  }

  @Test("the outcome ends the ticket: it is closed then", arguments: Kind.allCases, Noun.allCases)
  func usedUp(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let ticket = try scene.object.pending()
      #expect(scene.grant() == .ok)
      #expect(ticket.wait(patience) == .ok)
      #expect(ticket.wait(0) == .closed)
      #expect(ticket.cancel() == .closed)
    }
  }

  @Test("when starting succeeds or fails at once there is no ticket and no record",
    arguments: Kind.allCases)
  func atOnce(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let queue = try space.queue()
      let mutex = try me.mutex()
      #expect(mutex.start(queue: queue).status == .ok)
      #expect(mutex.start(queue: queue).status == .deadlock)
      #expect(try me.semaphore(permits: 1).start(queue: queue).status == .ok)
      #expect(try me.latch(count: 0).start(queue: queue).status == .ok)
      #expect(try me.barrier(parties: 1).start(queue: queue).status == .leader)
      let event = try me.event(flags: SYNCMGR_EVENT_INITIALLY_SET)
      #expect(event.start(queue: queue).status == .ok)
      #expect(event.start(timeout: 0, queue: queue).status == .timeout)
      pause(5 * millisecond)
      #expect(try queue.drain().isEmpty)
    }
  }

  @Test("a start with a timeout of 0 never gives a ticket", arguments: Kind.allCases, Noun.allCases)
  func tries(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      #expect(scene.object.start(timeout: 0).status == .timeout)
      let ticket = try scene.object.pending()
      #expect(scene.grant() == .ok)
      #expect(ticket.wait(patience) == .ok)
    }
  }

  @Test("when the time of ticket_wait passes first it is PENDING, and the wait goes on",
    arguments: Kind.allCases, Noun.allCases)
  func waitTimesOut(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let ticket = try scene.object.pending()
      for timeout in [0, 3 * millisecond, 0] {
        let taken = duration { #expect(ticket.record(timeout).status == .pending) }
        #expect(taken >= timeout)
        #expect(ticket.record(0).record.ticket == UInt64.max, "nothing is written")
      }
      let thread = onThread { ticket.wait() }
      pause(5 * millisecond)
      #expect(!thread.isFinished)
      #expect(scene.grant() == .ok)
      #expect(try thread.result() == .ok)
    }
  }

  @Test("the deadline of the wait is the one given to start",
    arguments: Kind.allCases, Noun.allCases)
  func deadline(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let taken = try duration {
        let ticket = try scene.object.pending(timeout: 20 * millisecond)
        #expect(ticket.wait(forever) == .timeout)
        #expect(ticket.wait(0) == .closed)
      }
      #expect(taken >= 20 * millisecond)
    }
  }

  @Test("a deadline that passed unwatched is told later", arguments: Kind.allCases, Noun.allCases)
  func deadlineUnwatched(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let ticket = try scene.object.pending(timeout: 5 * millisecond)
      pause(20 * millisecond)
      let (status, record) = ticket.record(forever)
      #expect(status == .timeout)
      #expect(record.ticket == UInt64.max, "outputs are written on success only")
    }
  }

  @Test("a ticket of a queue cannot be waited for", arguments: Kind.allCases)
  func ofQueue(kind: Kind) throws {
    try withSpace(kind) { space in
      let scene = try Scene(.event, in: space)
      let queue = try space.queue()
      let ticket = try scene.object.pending(queue: queue)
      for timeout in [0, 5 * millisecond, forever] { #expect(ticket.wait(timeout) == .invalid) }
      #expect(scene.grant() == .ok)
      #expect(try queue.collect(1).first?.ticket == ticket.number)
    }
  }

  @Test("two starts of one workstream get two tickets", arguments: Kind.allCases)
  func severalTickets(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      let event = try me.event()
      let tickets = [try event.pending(), try event.pending()]
      #expect(tickets[0] != tickets[1])
      #expect(event.set() == .ok)
      #expect(event.set() == .ok)
      for ticket in tickets { #expect(ticket.wait(patience) == .ok) }
    }
  }
}
