import CSyncMgr
import Testing

extension Call: CustomTestStringConvertible {
  var testDescription: String { name }
}

/// One open handle of each type.
private struct Specimens {
  let handles: [HandleType: Handle]

  init(in space: Space) throws(Failed) {
    let me = try space.workstream()
    let barrier = try me.barrier(parties: 2)
    handles = [
      .manager: space.handle,
      .workstream: me.handle,
      .queue: try space.queue().handle,
      .ticket: try me.event("awaited").pending().handle,
      .mutex: try me.mutex().handle,
      .semaphore: try me.semaphore(permits: 1).handle,
      .latch: try me.latch(count: 1).handle,
      .barrier: barrier.handle,
      .event: try me.event().handle,
      .rwlock: try me.rwlock().handle,
      .condition: try me.condition().handle,
      .election: try me.election().handle,
      .channel: try me.channel().handle,
      .subscription: try Handle {
        syncmgr_on(space.handle.pointer, SYNCMGR_NOTICE_DIED, { _, _ in }, nil, nil, $0)
      },
    ]
  }
}

@Suite("Every call", .watched)
struct CallTests {
  @Test("NULL is E_HANDLE", arguments: calls)
  func null(call: Call) {
    #expect(Status(call.run(nil)) == .handle)
  }

  @Test("what never was a handle is E_HANDLE", arguments: calls + closes)
  func garbage(call: Call) {
    for number in [1, 2, 4096, 0xdead_beef, 1 << 52, 1 << 53, 1 << 63, .max] as [UInt] {
      #expect(Status(call.run(OpaquePointer(bitPattern: number))) == .handle, "\(number)")
    }
  }

  @Test("the address of real memory is E_HANDLE", arguments: calls + closes)
  func address(call: Call) {
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 64) { memory in
      memory.initialize(repeating: 0x0101_0101_0101_0101)
      #expect(Status(call.run(OpaquePointer(memory.baseAddress!))) == .handle)
      #expect(memory.allSatisfy { $0 == 0x0101_0101_0101_0101 })
    }
  }

  @Test("a handle of another type is E_HANDLE", arguments: [Kind.local, .shared])
  func otherType(kind: Kind) throws {
    try withSpace(kind) { space in
      let specimens = try Specimens(in: space)
      for call in calls + closes {
        for (type, handle) in specimens.handles where type != call.type {
          let status = Status(call.run(handle.pointer))
          #expect(status == .handle, "\(call.name) with a \(type.rawValue)")
        }
      }
    }
  }

  @Test("a handle that was closed with its manager is E_CLOSED", arguments: [Kind.local, .shared])
  func closedWithManager(kind: Kind) throws {
    let space = try Space(kind)
    let specimens = try Specimens(in: space)
    #expect(space.close() == .ok)
    for call in calls + closes {
      let status = Status(call.run(specimens.handles[call.type]!.pointer))
      #expect(status == .closed, "\(call.name)")
    }
  }

  @Test("a handle that was closed by itself is E_CLOSED, also when others were opened since")
  func closedByItself() throws {
    try withSpace(.local) { space in
      let specimens = try Specimens(in: space)
      for close in closes where close.type != .manager && close.type != .workstream {
        #expect(Status(close.run(specimens.handles[close.type]!.pointer)) == .ok, "\(close.name)")
      }
      #expect(Status(syncmgr_ticket_cancel(specimens.handles[.ticket]!.pointer)) == .ok)
      for _ in 0..<50 { _ = try Specimens(in: space) }
      for call in calls + closes where call.type != .manager && call.type != .workstream {
        let status = Status(call.run(specimens.handles[call.type]!.pointer))
        #expect(status == .closed, "\(call.name)")
      }
    }
  }
}
