import CSyncMgr
import Glibc
import Testing

@Suite("Queue", .watched)
struct QueueTests {
  @Test("a finished wait becomes a record with all that belongs to it",
    arguments: Kind.allCases, Noun.allCases)
  func record(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      let scene = try Scene(noun, in: space)
      let ticket = try scene.object.pending(queue: queue, userData: UInt64.max - 3)
      #expect(try queue.drain().isEmpty)
      #expect(scene.grant() == .ok)
      let records = try queue.collect(1)
      #expect(records.count == 1)
      guard let record = records.first else { return }
      #expect(record.ticket == ticket.number)
      #expect(record.user_data == UInt64.max - 3)
      #expect(record.status == SYNCMGR_OK)
      #expect(record.kind == noun.type)
      if let mutex = scene.object as? Mutex { #expect(try record.value == mutex.token()) }
      if noun == .barrier { #expect(record.value == 0 && record.index == 0) }
    }
  }

  @Test("a drained record ends its ticket", arguments: Kind.allCases, Noun.allCases)
  func drainedEnds(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      let scene = try Scene(noun, in: space)
      let ticket = try scene.object.pending(queue: queue)
      #expect(scene.grant() == .ok)
      #expect(try queue.collect(1).count == 1)
      #expect(ticket.cancel() == .closed)
      #expect(try queue.drain().isEmpty)
    }
  }

  @Test("the deadline of a started wait comes as a record", arguments: Kind.allCases, Noun.allCases)
  func deadline(kind: Kind, noun: Noun) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      let scene = try Scene(noun, in: space)
      let began = now()
      let ticket = try scene.object.pending(timeout: 15 * millisecond, queue: queue)
      let records = try queue.collect(1)
      #expect(now() - began >= 15 * millisecond)
      #expect(records.map(\.status) == [SYNCMGR_E_TIMEOUT])
      #expect(records.map(\.ticket) == [ticket.number])
    }
  }

  @Test("drain takes the oldest first, up to the capacity", arguments: Kind.allCases)
  func order(kind: Kind) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      let me = try space.workstream()
      let events = try (0..<7).map { try me.event("event \($0)") }
      for (number, event) in events.enumerated() {
        _ = try event.pending(queue: queue, userData: UInt64(number))
      }
      let order = [3, 0, 6, 1, 5, 2, 4]
      for number in order {
        #expect(events[number].set() == .ok)
        // Without a pause, completions of two nearly equal times might be told in either order.
        pause(millisecond)
      }
      var drained: [[UInt64]] = []
      #expect(try eventually {
        drained.append(try queue.drain(3).map(\.user_data))
        return drained.joined().count == 7
      })
      #expect(drained.allSatisfy { $0.count <= 3 })
      #expect(Array(drained.joined()) == order.map { UInt64($0) })
      #expect(try queue.drain(3).isEmpty)
    }
  }

  @Test("drain refuses NULL and a capacity of 0, and writes 0 when there is nothing")
  func drainArguments() throws {
    try withSpace(.local) { space in
      let queue = try space.queue()
      var record = Queue.noRecord
      var count: UInt32 = 9
      #expect(Status(syncmgr_queue_drain(queue.handle.pointer, nil, 1, &count)) == .invalid)
      #expect(Status(syncmgr_queue_drain(queue.handle.pointer, &record, 0, &count)) == .invalid)
      #expect(count == 9)
      #expect(Status(syncmgr_queue_drain(queue.handle.pointer, &record, 1, &count)) == .ok)
      #expect(count == 0)
      #expect(record.ticket == .max)
    }
  }

  @Test("queue_open refuses flags and a descriptor that is not open")
  func openArguments() throws {
    try withSpace(.local) { space in
      for flags in [1, 1 << 31] as [UInt32] {
        #expect(status { () throws(Failed) in try space.queue(flags: flags) } == .invalid)
      }
      for descriptor in [-2, .min, 1_000_000] as [Int32] {
        #expect(status { () throws(Failed) in try space.queue(wake: descriptor) } == .invalid)
      }
    }
  }

  @Test("tickets of several workstreams and managers may use one queue", arguments: Kind.allCases)
  func severalWorkstreams(kind: Kind) throws {
    try withSpace(kind) { space in
      let second = try space.again(flags: kind.flags)
      let queue = try space.queue()
      let scenes = [
        try Scene(.mutex, in: space, name: "one"), try Scene(.latch, in: second, name: "two"),
      ]
      for (number, scene) in scenes.enumerated() {
        _ = try scene.object.pending(queue: queue, userData: UInt64(number))
        #expect(scene.grant() == .ok)
      }
      #expect(try Set(queue.collect(2).map(\.user_data)) == [0, 1])
      #expect(second.close() == .ok)
    }
  }

  @Test("every one of a thousand completions comes exactly once", arguments: Kind.allCases)
  func thousand(kind: Kind) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      let total = 1000
      let setter = try space.workstream().event()
      let waiter = try space.workstream().event()
      for number in 0..<total { _ = try waiter.pending(queue: queue, userData: UInt64(number)) }
      let threads = (0..<2).map { _ in
        onThread { () -> Bool in
          for _ in 0..<total / 2 where setter.set() != .ok { return false }
          return true
        }
      }
      var seen: [UInt64] = []
      #expect(try eventually {
        seen += try queue.drain(100).map(\.user_data)
        return seen.count >= total
      })
      for thread in threads { #expect(try thread.result()) }
      #expect(seen.count == total && Set(seen).count == total)
      #expect(try queue.drain().isEmpty)
    }
  }
}

@Suite("Queue descriptor", .watched)
struct QueueDescriptorTests {
  @Test("the descriptor is readable while records wait", arguments: Kind.threaded)
  func levelTriggered(kind: Kind) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      let event = try space.workstream().event()
      #expect(try !queue.isReadable())
      for _ in 0..<3 {
        for _ in 0..<3 { _ = try event.pending(queue: queue) }
        #expect(try !queue.isReadable())
        for _ in 0..<3 { #expect(event.set() == .ok) }
        #expect(try queue.isReadable(within: patience))
        var left = 3
        #expect(try eventually {
          left -= try queue.drain(1).count
          return left == 0
        })
        #expect(try eventually { try !queue.isReadable() })
      }
    }
  }

  @Test("it stays readable until the queue is empty", arguments: Kind.threaded)
  func staysReadable(kind: Kind) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      let event = try space.workstream().event()
      for _ in 0..<3 { _ = try event.pending(queue: queue) }
      for _ in 0..<3 { #expect(event.set() == .ok) }
      // Whoever waits for all three first sees them all in the queue.
      pause(20 * millisecond)
      for _ in 0..<3 {
        #expect(try queue.isReadable(within: patience))
        #expect(try queue.drain(1).count == 1)
      }
      #expect(try queue.drain(1).isEmpty)
      #expect(try !queue.isReadable())
    }
  }

  @Test("a deadline signals the descriptor without any call", arguments: Kind.threaded)
  func deadlineSignals(kind: Kind) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      _ = try space.workstream().event().pending(timeout: 10 * millisecond, queue: queue)
      #expect(try queue.isReadable(within: patience))
      #expect(try queue.drain().map(\.status) == [SYNCMGR_E_TIMEOUT])
    }
  }

  @Test("a later wait with an earlier deadline is not late", arguments: Kind.threaded)
  func earlierDeadline(kind: Kind) throws {
    try withSpace(kind) { space in
      let queue = try space.queue()
      let event = try space.workstream().event()
      _ = try event.pending(timeout: 60 * second, queue: queue, userData: 1)
      pause(5 * millisecond)
      _ = try event.pending(timeout: 20 * millisecond, queue: queue, userData: 2)
      #expect(try queue.isReadable(within: patience))
      #expect(try queue.drain().map(\.user_data) == [2])
    }
  }

  @Test("queue_fd writes the caller's own descriptor, or one of the library's",
    arguments: Kind.allCases)
  func descriptor(kind: Kind) throws {
    try withSpace(kind) { space in
      let pipe = Pipe()
      defer { pipe.close() }
      #expect(try space.queue(wake: pipe.writeEnd).descriptor() == pipe.writeEnd)
      let own = try space.queue().descriptor()
      #expect(own >= 0 && fcntl(own, F_GETFD) & FD_CLOEXEC != 0)
    }
  }

  @Test("8 bytes are written to a pipe when the queue turns from empty to non-empty",
    arguments: Kind.threaded)
  func oneSignal(kind: Kind) throws {
    try withSpace(kind) { space in
      let pipe = Pipe()
      defer { pipe.close() }
      let queue = try space.queue(wake: pipe.writeEnd)
      let event = try space.workstream().event()
      for _ in 0..<3 {
        for _ in 0..<4 { _ = try event.pending(queue: queue) }
        for _ in 0..<4 { #expect(event.set() == .ok) }
        #expect(pipe.isReadable())
        pause(10 * millisecond)
        #expect(pipe.readAll() == 8)
        // What is left in the queue makes no second signal.
        #expect(try queue.drain(2).count == 2)
        _ = try event.pending(queue: queue)
        #expect(event.set() == .ok)
        pause(10 * millisecond)
        #expect(pipe.readAll() == 0)
        #expect(try queue.collect(3).count == 3)
      }
      #expect(queue.close() == .ok)
      #expect(fcntl(pipe.writeEnd, F_GETFD) >= 0, "the caller's descriptor stays open")
    }
  }

  @Test("a pipe that is full blocks nobody", arguments: Kind.threaded)
  func fullPipe(kind: Kind) throws {
    try withSpace(kind) { space in
      let pipe = Pipe()
      defer { pipe.close() }
      let filler = [UInt8](repeating: 0, count: 4096)
      while write(pipe.writeEnd, filler, filler.count) > 0 {}
      let queue = try space.queue(wake: pipe.writeEnd)
      let event = try space.workstream().event()
      _ = try event.pending(queue: queue)
      #expect(event.set() == .ok)
      #expect(try queue.collect(1).count == 1)
    }
  }
}
