import CSyncMgr
import Glibc
import Testing

private let opened = SYNCMGR_NOTICE_OPENED
private let closed = SYNCMGR_NOTICE_CLOSED
private let holdLost = SYNCMGR_NOTICE_HOLD_LOST
private let gap = SYNCMGR_NOTICE_GAP

@Suite("Notices in a queue", .watched)
struct QueueNoticeTests {
  @Test("opening and closing a workstream become records", arguments: Kind.allCases)
  func openedAndClosed(kind: Kind) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      #expect(queue.watch(opened | closed, userData: 5) == .ok)
      let other = try space.workstream("other")
      let id = try other.id()
      #expect(other.close() == .ok)
      let records = try queue.collect(2)
      #expect(records.map(\.kind) == [opened, closed])
      for record in records {
        #expect(record.value == id)
        #expect(record.index == UInt32(getpid()))
        #expect(record.user_data == 5)
        #expect(record.ticket == 0)
        #expect(record.status == SYNCMGR_OK)
      }
    }
  }

  @Test("only the kinds in the mask come, from now on, and 0 stops them", arguments: Kind.allCases)
  func mask(kind: Kind) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      let before = try space.workstream()
      #expect(queue.watch(closed) == .ok)
      _ = try space.workstream()
      #expect(before.close() == .ok)
      #expect(try queue.collect(1).map(\.kind) == [closed])
      #expect(queue.watch(0) == .ok)
      let after = try space.workstream()
      #expect(after.close() == .ok)
      pause(30 * millisecond)
      #expect(try queue.drain().isEmpty)
    }
  }

  @Test("unknown bits in the mask are E_INVALID", arguments: [1, 0x80] as [UInt32])
  func unknownBits(mask: UInt32) throws {
    try withSpace(.local) { space in
      let queue = try space.queue()
      #expect(queue.watch(mask) == .invalid)
      #expect(queue.watch(mask | opened) == .invalid)
    }
  }

  @Test("who loses a mutex by force is named in a HOLD_LOST notice", arguments: Kind.allCases)
  func holdLostNotice(kind: Kind) throws {
    try withSpace(kind) { space in
      let loser = try space.workstream("loser")
      let mutex = try space.workstream().mutex()
      let queue = try space.queue()
      #expect(queue.watch(holdLost) == .ok)
      #expect(try loser.mutex().lock() == .ok)
      #expect(mutex.forceRelease() == .ok)
      let records = try queue.collect(1)
      #expect(records.map(\.kind) == [holdLost])
      #expect(try records.first?.value == loser.id())
      #expect(records.first?.index == UInt32(getpid()))
    }
  }

  @Test("workstreams of another manager of the space are noticed", arguments: Kind.allCases)
  func otherManager(kind: Kind) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      #expect(queue.watch(opened | closed) == .ok)
      let other = try space.again(flags: kind.flags)
      let ids = try other.workstreams(3).map { try $0.id() }
      #expect(other.close() == .ok)
      let records = try queue.collect(6)
      #expect(records.filter { $0.kind == opened }.map(\.value) == ids)
      #expect(records.filter { $0.kind == closed }.map(\.value).sorted() == ids.sorted())
    }
  }

  @Test("the descriptor is readable for a notice, too", arguments: Kind.threaded)
  func readable(kind: Kind) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      #expect(queue.watch(opened) == .ok)
      #expect(try !queue.isReadable())
      _ = try space.workstream()
      #expect(try queue.isReadable(within: patience))
      #expect(try queue.drain().map(\.kind) == [opened])
    }
  }

  @Test("a notice comes at once, not when something else happens", arguments: Kind.threaded)
  func prompt(kind: Kind) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      #expect(queue.watch(opened) == .ok)
      var isThere = true
      let taken = try duration {
        for _ in 0..<20 where isThere {
          _ = try space.workstream()
          isThere = try queue.isReadable(within: patience)
          _ = try queue.drain()
        }
      }
      #expect(isThere && taken < 5 * second)
    }
  }

  @Test("no notice is missed without a GAP", arguments: Kind.allCases)
  func gaps(kind: Kind) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      #expect(queue.watch(opened, userData: 8) == .ok)
      let total = 6000
      for _ in 0..<total { #expect(try space.workstream().close() == .ok) }
      // A gap takes with it all that came before it was noticed; after it the notices go on.
      var records: [syncmgr_record_t] = []
      var more = 0
      #expect(try eventually {
        let last = try space.workstream().id()
        more += 1
        pause(2 * millisecond)
        records += try queue.drain(2 * total)
        return records.last?.value == last
      })
      let gaps = records.filter { $0.kind == gap }
      let lost = gaps.reduce(0) { $0 + Int($1.value) }
      #expect(records.count - gaps.count + lost == total + more)
      for record in gaps {
        #expect(record.status == SYNCMGR_E_GAP)
        #expect(record.ticket == 0 && record.user_data == 8)
      }
    }
  }
}
