import CSyncMgr
import Glibc
import Testing

@Suite("Ticket and signals", .watched)
struct TicketSignalTests {
  /// Makes SIGUSR1 run a handler that does nothing.
  private static func handleSignal(flags: Int32) {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    action.sa_flags = flags
    sigaction(SIGUSR1, &action, nil)
  }

  @Test("a signal makes ticket_wait INTERRUPTED, and the ticket keeps its place in line",
    arguments: Kind.allCases, Noun.allCases)
  func interrupted(kind: Kind, noun: Noun) throws {
    Self.handleSignal(flags: 0)
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let ticket = try scene.object.pending()
      for _ in 0..<2 {
        let thread = onThread { ticket.wait(forever) }
        // A signal that comes before the wait began interrupts nothing, so that it is repeated.
        #expect(eventually {
          if !thread.isFinished { thread.signal(SIGUSR1) }
          pause(millisecond)
          return thread.isFinished
        })
        #expect(try thread.result() == .interrupted)
      }
      #expect(scene.grant() == .ok)
      #expect(ticket.wait(patience) == .ok)
    }
  }

  @Test("an interrupted wait is served before those that came later", arguments: Kind.allCases)
  func keepsPlace(kind: Kind) throws {
    Self.handleSignal(flags: 0)
    try withSpace(kind) { space in
      let all = try space.workstreams(3).map { try $0.mutex(flags: SYNCMGR_MUTEX_FAIR) }
      #expect(all[0].lock() == .ok)
      let first = try all[1].pending()
      let second = try all[2].pending()
      let thread = onThread { first.wait(forever) }
      #expect(eventually {
        if !thread.isFinished { thread.signal(SIGUSR1) }
        pause(millisecond)
        return thread.isFinished
      })
      #expect(try thread.result() == .interrupted)
      #expect(all[0].unlock() == .ok)
      #expect(first.wait(patience) == .ok)
      #expect(second.isPending)
      #expect(all[1].unlock() == .ok)
      #expect(second.wait(patience) == .ok)
    }
  }

  @Test("a signal does not end the blocking form", arguments: Kind.allCases, Noun.allCases)
  func blockingGoesOn(kind: Kind, noun: Noun) throws {
    Self.handleSignal(flags: 0)
    try withSpace(kind) { space in
      let scene = try Scene(noun, in: space)
      let thread = onThread { scene.object.wait(forever) }
      for _ in 0..<10 {
        pause(millisecond)
        if !thread.isFinished { thread.signal(SIGUSR1) }
      }
      pause(2 * millisecond)
      #expect(!thread.isFinished)
      #expect(scene.grant() == .ok)
      #expect(try thread.result() == .ok)
    }
  }
}
