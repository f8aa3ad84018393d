import CSyncMgr
import Glibc
import Testing

/// Messages between workstreams, by threads that send and read at once.
@Suite("Message", .watched)
struct MessageTests {
  @Test("the most urgent comes first, and equal ones in order", arguments: Kind.allCases)
  func order(kind: Kind) throws {
    try withSpace(kind) { space in
      let me = try space.workstream("me")
      for (text, priority) in [("a", 0), ("b", 2), ("c", 0), ("d", 3), ("e", 2)] {
        #expect(me.send(text, to: "me", priority: UInt32(priority)).status == .ok)
      }
      let texts = (0..<5).map { _ in me.next().message.text }
      #expect(texts == ["d", "b", "e", "a", "c"])
      #expect(me.next().status == .timeout)
    }
  }

  @Test("a message is followed to its recipients", arguments: Kind.allCases)
  func followed(kind: Kind) throws {
    try withSpace(kind) { space in
      let (me, you) = (try space.workstream("me"), try space.workstream("you"))
      let sent = me.send("hello", to: "you/nobody/me", flags: SYNCMGR_NOTIFY_REQUIRE_ACK)
      #expect(sent.status.code == SYNCMGR_PARTIAL)
      #expect(you.next().message.id == sent.id)
      let (pending, delivered) =
        (SYNCMGR_NOTIFICATION_PENDING, SYNCMGR_NOTIFICATION_DELIVERED)
      let (read, failed) = (SYNCMGR_NOTIFICATION_READ, SYNCMGR_NOTIFICATION_FAILED)
      #expect(try space.statuses(of: sent.id) == [delivered, failed, pending])
      #expect(you.acknowledge(sent.id) == .ok)
      #expect(me.acknowledge(sent.id) == .ok)
      #expect(try space.statuses(of: sent.id) == [read, failed, read])
      #expect(me.send("late", to: "nobody").status == .notFound)
      let short = me.send("short", to: "you", ttl: millisecond)
      pause(5 * millisecond)
      #expect(try space.statuses(of: short.id) == [SYNCMGR_NOTIFICATION_EXPIRED])
      #expect(you.next().status == .timeout)
    }
  }

  @Test(
    "every message is read by one reader, however many send and read",
    arguments: Kind.allCases)
  func exactlyOnce(kind: Kind) throws {
    try withSpace(kind) { space in
      let (readers, rounds) = (3, 100)
      let target = try space.workstream("target")
      let taken = Shared<[String]>([])
      let reading = (0..<readers).map { number in
        onThread { () -> Status in
          var random = Random(seed: sequenceSeed(number))
          while true {
            var found = target.next(random.chance(50) ? 0 : Int64(random.below(200_000)))
            if found.status == .timeout {
              // Or by a wait that was started, and perhaps cancelled.
              let (started, message) = target.nextStart()
              found = (started.status, message)
              if let ticket = started.ticket {
                if random.chance(50), ticket.cancel() == .ok { continue }
                let status = ticket.wait()
                if status != .ok { return status }
                continue
              }
            }
            if found.status != .ok { return found.status }
            if found.message.text == "end" { return .ok }
            taken.with { $0.append(found.message.text) }
          }
        }
      }
      let senders = try space.workstreams(3).enumerated().map { number, me in
        onThread { () -> Bool in
          for round in 0..<rounds {
            if me.send("\(number) \(round)", to: "target").status != .ok { return false }
          }
          return true
        }
      }
      for sender in senders { #expect(try sender.result()) }
      #expect(taken.wait { $0.count == 3 * rounds })
      for _ in 0..<readers { #expect(target.send("end", to: "target").status == .ok) }
      for reader in reading { #expect(try reader.result() == .ok, "SEED=\(runSeed)") }
      #expect(Set(taken.current).count == 3 * rounds)
    }
  }

  @Test("a close ends every wait for messages", arguments: Kind.allCases)
  func closing(kind: Kind) throws {
    try withSpace(kind) { space in
      for _ in 0..<20 {
        let me = try space.workstream()
        let blocked = onThread { me.next(forever).status }
        let ticket = try #require(me.nextStart().started.ticket)
        let started = onThread { ticket.wait() }
        pause(millisecond)
        #expect(me.close() == .ok)
        #expect(try blocked.result() == .closed)
        #expect(try started.result() == .closed)
      }
    }
  }
}
