import CSyncMgr
import Testing

private let manual = SYNCMGR_EVENT_MANUAL_RESET
private let initiallySet = SYNCMGR_EVENT_INITIALLY_SET

@Suite("Event", .watched)
struct EventTests {
  @Test("an auto-reset event lets one wait go on for each set, and is then reset",
    arguments: Kind.allCases)
  func auto(kind: Kind) throws {
    try withSpace(kind) { space in
      let event = try space.workstream().event()
      let other = try space.workstream().event()
      #expect(event.wait(0) == .timeout)
      #expect(event.set() == .ok)
      #expect(try other.isSet())
      #expect(other.wait(0) == .ok)
      #expect(try !event.isSet())
      #expect(event.wait(0) == .timeout)
    }
  }

  @Test("setting a set event changes nothing", arguments: Kind.allCases, [0, manual])
  func setTwice(kind: Kind, flags: UInt32) throws {
    try withSpace(kind) { space in
      let event = try space.workstream().event(flags: flags)
      for _ in 0..<3 { #expect(event.set() == .ok) }
      #expect(try event.isSet())
      #expect(event.wait(0) == .ok)
      #expect(event.wait(0) == (flags == manual ? .ok : .timeout))
    }
  }

  @Test("a set lets exactly one of those who wait go on", arguments: Kind.allCases)
  func oneWaiter(kind: Kind) throws {
    try withSpace(kind) { space in
      let event = try space.workstream().event()
      var tickets = try space.workstreams(4).map { try $0.event().pending() }
      while !tickets.isEmpty {
        #expect(event.set() == .ok)
        #expect(try !event.isSet())
        let before = tickets.count
        #expect(eventually {
          tickets.removeAll { $0.wait(0) == .ok }
          return tickets.count < before
        })
        #expect(tickets.count == before - 1)
      }
      #expect(event.set() == .ok)
      #expect(try event.isSet())
    }
  }

  @Test("a manual-reset event lets everybody go on until it is reset", arguments: Kind.allCases)
  func manualReset(kind: Kind) throws {
    try withSpace(kind) { space in
      let event = try space.workstream().event(flags: manual)
      let tickets = try space.workstreams(3).map { try $0.event(flags: manual).pending() }
      let waiter = try space.workstream().event(flags: manual)
      let thread = onThread { waiter.wait(forever) }
      pause(5 * millisecond)
      #expect(event.set() == .ok)
      for ticket in tickets { #expect(ticket.wait(patience) == .ok) }
      #expect(try thread.result() == .ok)
      for _ in 0..<3 { #expect(waiter.wait(0) == .ok) }
      #expect(event.reset() == .ok)
      #expect(try !waiter.isSet())
      #expect(waiter.wait(0) == .timeout)
      #expect(event.reset() == .ok)
    }
  }

  @Test("reset takes back a set that nobody used", arguments: Kind.allCases, [0, manual])
  func reset(kind: Kind, flags: UInt32) throws {
    try withSpace(kind) { space in
      let event = try space.workstream().event(flags: flags)
      #expect(event.set() == .ok)
      #expect(event.reset() == .ok)
      #expect(try !event.isSet())
      #expect(event.wait(2 * millisecond) == .timeout)
    }
  }

  @Test("reset does not take back what a waiter was granted", arguments: Kind.allCases, [0, manual])
  func resetAfterGrant(kind: Kind, flags: UInt32) throws {
    try withSpace(kind) { space in
      let event = try space.workstream().event(flags: flags)
      let ticket = try space.workstream().event(flags: flags).pending()
      #expect(event.set() == .ok)
      #expect(event.reset() == .ok)
      #expect(ticket.wait(patience) == .ok)
    }
  }

  @Test("INITIALLY_SET sets a new event, and is ignored when it exists",
    arguments: Kind.allCases, [0, manual])
  func initially(kind: Kind, flags: UInt32) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      #expect(try me.event("set", flags: flags | initiallySet).isSet())
      let event = try me.event("not set", flags: flags)
      #expect(try !me.event("not set", flags: flags | initiallySet).isSet())
      #expect(try !event.isSet())
      #expect(try me.event("set", flags: flags).wait(0) == .ok)
    }
  }

  @Test("manual or auto reset is a parameter and must match", arguments: Kind.allCases)
  func parameter(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream()
      _ = try me.event("auto")
      _ = try me.event("manual", flags: manual)
      #expect(status { () throws(Failed) in try me.event("auto", flags: manual) } == .mismatch)
      #expect(status { () throws(Failed) in try me.event("manual") } == .mismatch)
    }
  }

  @Test("a waiter that timed out, was cancelled or closed uses up no set", arguments: Kind.allCases)
  func leaversUseNothing(kind: Kind) throws {
    try withSpace(kind) { space in
      let event = try space.workstream().event()
      let me = try space.workstream()
      let mine = try me.event()
      #expect(mine.wait(3 * millisecond) == .timeout)
      #expect(try mine.pending().cancel() == .ok)
      _ = try mine.pending()
      #expect(me.close() == .ok)
      let next = try space.workstream().event().pending()
      #expect(event.set() == .ok)
      #expect(next.wait(patience) == .ok)
      #expect(event.set() == .ok)
      #expect(try event.isSet())
    }
  }

  @Test("two threads hand a turn to and fro, and none is lost", arguments: Kind.allCases)
  func pingPong(kind: Kind) throws {
    try withSpace(kind) { space in
      let rounds = 300
      let one = try space.workstream()
      let other = try space.workstream()
      let (ping, pong) = (try one.event("ping"), try one.event("pong"))
      let (theirPing, theirPong) = (try other.event("ping"), try other.event("pong"))
      let turns = Unguarded(0)
      let thread = onThread { () -> Bool in
        for _ in 0..<rounds {
          guard theirPing.wait(patience) == .ok else { return false }
          turns.value += 1
          guard theirPong.set() == .ok else { return false }
        }
        return true
      }
      for turn in 0..<rounds {
        #expect(ping.set() == .ok)
        #expect(pong.wait(patience) == .ok)
        #expect(turns.value == turn + 1)
      }
      #expect(try thread.result())
    }
  }
}
