import CSyncMgr
import Glibc
import Testing

/// Whether dispatch finds nothing to do and says so, not before the time has passed. Deadlines of
/// other spaces in this process are something to do, and other tests have them.
private func hasNothing(_ space: Space, within timeout: Int64) -> Bool {
  eventually {
    let began = now()
    return space.dispatch(timeout) == .timeout && now() - began >= timeout
  }
}

@Suite("Dispatch", .watched)
struct DispatchTests {
  @Test("dispatch is E_TIMEOUT when there is nothing to do", arguments: [0, 10 * millisecond])
  func nothing(timeout: Int64) throws {
    try withSpace(.threadless) { space in
      #expect(hasNothing(space, within: timeout))
    }
  }

  @Test("dispatch runs the callbacks that are due on this thread")
  func callbacks() throws {
    try withSpace(.threadless) { space in
      let threads = Shared<[UInt]>([])
      let listener = Listener { _ in threads.with { $0.append(UInt(pthread_self())) } }
      _ = try listener.on(space, SYNCMGR_NOTICE_OPENED)
      _ = try space.workstream()
      _ = try space.workstream()
      pause(10 * millisecond)
      #expect(threads.current.isEmpty)
      #expect(eventually {
        _ = space.dispatch(0)
        return threads.current.count == 2
      })
      #expect(threads.current == [UInt](repeating: UInt(pthread_self()), count: 2))
      #expect(hasNothing(space, within: 0))
    }
  }

  @Test("dispatch waits for something to do")
  func waits() throws {
    try withSpace(.threadless) { space in
      let calls = Shared(0)
      let listener = Listener { _ in calls.add(1) }
      _ = try listener.on(space, SYNCMGR_NOTICE_OPENED)
      let thread = onThread { () -> Status in
        while true {
          let status = space.dispatch(patience)
          // Deadlines of other spaces in this process are something to do as well.
          if status != .ok || calls.current == 1 { return status }
        }
      }
      pause(10 * millisecond)
      #expect(!thread.isFinished)
      _ = try space.workstream()
      #expect(try thread.result() == .ok)
    }
  }

  @Test("off and close may be called from within dispatch")
  func offWithin() throws {
    let space = try Space(.threadless)
    let statuses = Shared<[Status]>([])
    let listener = Listener { _ in
      let status = space.close()
      statuses.with { $0.append(status) }
    }
    _ = try listener.on(space, SYNCMGR_NOTICE_OPENED)
    _ = try space.workstream()
    #expect(eventually {
      _ = space.dispatch(0)
      return !statuses.current.isEmpty
    })
    #expect(statuses.current == [.ok])
    #expect(listener.destroyed.wait { $0 >= 1 })
    #expect(space.dispatch(0) == .closed)
    #expect(listener.destroyed.current == 1)
  }

  @Test("dispatch serves deadlines", arguments: [Noun.event, .mutex, .barrier])
  func deadlines(noun: Noun) throws {
    try withSpace(.threadless) { space in
      let queue = try space.queue()
      let scene = try Scene(noun, in: space)
      _ = try scene.object.pending(timeout: 10 * millisecond, queue: queue)
      // The thread of another space in this process may be quicker; then there is nothing to do.
      #expect(try eventually {
        let status = space.dispatch(10 * millisecond)
        return try queue.isReadable() && (status == .ok || status == .timeout)
      })
      #expect(try queue.drain().map(\.status) == [SYNCMGR_E_TIMEOUT])
    }
  }

  @Test("dispatch is E_BUSY when the manager has a dispatcher thread", arguments: Kind.threaded)
  func hasThread(kind: Kind) throws {
    try withSpace(kind) { space in
      _ = try Listener { _ in }.on(space)
      for timeout in [0, 10 * millisecond, forever] { #expect(space.dispatch(timeout) == .busy) }
    }
  }

  @Test("dispatch is E_BUSY while another thread dispatches, which ends with E_CLOSED at close")
  func twoThreads() throws {
    let space = try Space(.threadless)
    let thread = onThread { () -> Status in
      while true {
        let status = space.dispatch(forever)
        // Our own look whether this thread dispatches can be what makes it busy.
        if status != .busy { return status }
      }
    }
    #expect(eventually { space.dispatch(0) == .busy })
    #expect(!thread.isFinished)
    #expect(space.close() == .ok)
    #expect(try thread.result() == .closed)
  }

  @Test("timeouts below -1 are E_INVALID", arguments: [-2, .min] as [Int64])
  func badTimeout(timeout: Int64) throws {
    try withSpace(.threadless) { space in #expect(space.dispatch(timeout) == .invalid) }
  }
}
