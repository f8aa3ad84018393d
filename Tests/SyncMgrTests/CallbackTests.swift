import CSyncMgr
import Glibc
import Testing

private let opened = SYNCMGR_NOTICE_OPENED
private let closed = SYNCMGR_NOTICE_CLOSED

/// Whether destroy ran, and does not run again.
private func isDestroyedOnce(_ listener: Listener) -> Bool {
  guard listener.destroyed.wait(until: { $0 >= 1 }) else { return false }
  pause(10 * millisecond)
  return listener.destroyed.current == 1
}

@Suite("Callbacks", .watched)
struct CallbackTests {
  @Test("a callback is called for every notice of its kinds, on another thread",
    arguments: Kind.threaded)
  func calls(kind: Kind) throws {
    try withSpace(kind) { space in
      let notices = Shared<[Notice]>([])
      let threads = Shared<Set<UInt>>([])
      let listener = Listener { notice in
        threads.with { $0.insert(UInt(pthread_self())) }
        notices.with { $0.append(notice) }
      }
      _ = try listener.on(space, opened | closed)
      let other = try space.workstream("the other")
      let id = try other.id()
      #expect(other.close() == .ok)
      #expect(notices.wait { $0.count == 2 })
      let expected = [opened, closed].map {
        Notice(workstream: id, name: "the other", kind: $0, pid: getpid())
      }
      #expect(notices.current == expected)
      #expect(threads.current.count == 1 && !threads.current.contains(UInt(pthread_self())))
    }
  }

  @Test("a mask that is empty or unknown, or no callback, is E_INVALID, and destroy has run then")
  func refused() throws {
    try withSpace(.local) { space in
      for mask in [0, 1, 0x80, opened | 2] as [UInt32] {
        let listener = Listener { _ in }
        #expect(status { () throws(Failed) in try listener.on(space, mask) } == .invalid)
        #expect(listener.destroyed.current == 1)
      }
      let listener = Listener { _ in }
      #expect(listener.onWithoutCallback(space) == .invalid)
      #expect(listener.destroyed.current == 1)
    }
  }

  @Test("destroy runs also when the manager is no open handle")
  func refusedClosed() throws {
    let space = try Space(.local)
    #expect(space.close() == .ok)
    let listener = Listener { _ in }
    #expect(status { () throws(Failed) in try listener.on(space) } == .closed)
    #expect(listener.destroyed.current == 1)
  }

  @Test("destroy may be NULL", arguments: Kind.allCases)
  func nullDestroy(kind: Kind) throws {
    try withSpace(kind) { space in
      let handle = try Handle {
        syncmgr_on(space.handle.pointer, SYNCMGR_NOTICE_ALL, { _, _ in }, nil, nil, $0)
      }
      #expect(Subscription(handle: handle).off() == .ok)
    }
  }

  @Test("destroy runs exactly once, at off", arguments: Kind.allCases)
  func destroyAtOff(kind: Kind) throws {
    try withSpace(kind) { space in
      let listener = Listener { _ in }
      let subscription = try listener.on(space)
      #expect(listener.destroyed.current == 0)
      #expect(subscription.off() == .ok)
      #expect(isDestroyedOnce(listener))
      #expect(subscription.off() == .closed)
      #expect(listener.destroyed.current == 1)
    }
  }

  @Test("destroy runs exactly once, at close", arguments: Kind.allCases)
  func destroyAtClose(kind: Kind) throws {
    let space = try Space(kind)
    let listeners = (0..<3).map { _ in Listener { _ in } }
    for listener in listeners { _ = try listener.on(space) }
    #expect(space.close() == .ok)
    for listener in listeners { #expect(isDestroyedOnce(listener)) }
  }

  @Test("off waits for a running callback, and none runs after it", arguments: Kind.threaded)
  func offWaits(kind: Kind) throws {
    try withSpace(kind) { space in
      let isRunning = Shared(false)
      let goOn = Shared(false)
      let ended = Shared(0)
      let listener = Listener { _ in
        isRunning.with { $0 = true }
        _ = goOn.wait { $0 }
        ended.add(1)
      }
      let subscription = try listener.on(space, opened)
      _ = try space.workstream()
      #expect(isRunning.wait { $0 })
      let thread = onThread { (subscription.off(), ended.current) }
      pause(10 * millisecond)
      #expect(!thread.isFinished)
      #expect(listener.destroyed.current == 0)
      goOn.with { $0 = true }
      let (status, endedAtReturn) = try thread.result()
      #expect(status == .ok)
      #expect(endedAtReturn == 1)
      _ = try space.workstream()
      pause(10 * millisecond)
      #expect(ended.current == 1)
      #expect(isDestroyedOnce(listener))
    }
  }

  @Test("off from within the callback returns at once, and the callback is not called again",
    arguments: Kind.threaded)
  func offWithin(kind: Kind) throws {
    try withSpace(kind) { space in
      let subscription = Shared<Subscription?>(nil)
      let statuses = Shared<[Status]>([])
      let listener = Listener { _ in
        _ = subscription.wait { $0 != nil }
        let status = subscription.current!.off()
        statuses.with { $0.append(status) }
      }
      let mine = try listener.on(space, opened)
      subscription.with { $0 = mine }
      for _ in 0..<5 { _ = try space.workstream() }
      #expect(statuses.wait { !$0.isEmpty })
      #expect(isDestroyedOnce(listener))
      #expect(statuses.current == [.ok])
    }
  }

  @Test("a callback may close the manager", arguments: Kind.threaded)
  func closeWithin(kind: Kind) throws {
    let space = try Space(kind)
    let statuses = Shared<[Status]>([])
    let listener = Listener { _ in
      let status = space.close()
      statuses.with { $0.append(status) }
    }
    _ = try listener.on(space, opened)
    _ = try space.workstream()
    #expect(statuses.wait { !$0.isEmpty })
    #expect(statuses.current == [.ok])
    #expect(isDestroyedOnce(listener))
    #expect(space.close() == .closed)
  }

  @Test("a callback may open, lock, unlock and close", arguments: Kind.threaded)
  func callsWithin(kind: Kind) throws {
    try withSpace(kind) { space in
      let outcome = Shared<String?>(nil)
      let listener = Listener { notice in
        guard notice.name == "trigger" else { return }
        do {
          let me = try space.workstream("within")
          let mutex = try me.mutex()
          let statuses = [mutex.lock(0), mutex.unlock(), me.close()]
          outcome.with { $0 = statuses.allSatisfy { $0 == .ok } ? "fine" : "\(statuses)" }
        } catch {
          outcome.with { $0 = "\(error)" }
        }
      }
      _ = try listener.on(space, opened | closed)
      _ = try space.workstream("trigger")
      #expect(outcome.wait { $0 != nil })
      #expect(outcome.current == "fine")
    }
  }

  @Test("closing the manager waits for a running callback", arguments: Kind.threaded)
  func closeWaits(kind: Kind) throws {
    let space = try Space(kind)
    let isRunning = Shared(false)
    let goOn = Shared(false)
    let listener = Listener { _ in
      isRunning.with { $0 = true }
      _ = goOn.wait { $0 }
    }
    _ = try listener.on(space, opened)
    _ = try space.workstream()
    #expect(isRunning.wait { $0 })
    let thread = onThread { space.close() }
    pause(10 * millisecond)
    #expect(!thread.isFinished)
    goOn.with { $0 = true }
    #expect(try thread.result() == .ok)
    #expect(isDestroyedOnce(listener))
  }

  @Test("one callback runs at a time", arguments: Kind.threaded)
  func oneAtATime(kind: Kind) throws {
    try withSpace(kind) { space in
      let running = Shared((now: 0, most: 0, total: 0))
      let body: @Sendable (Notice) -> Void = { _ in
        running.with {
          $0.now += 1
          $0.most = max($0.most, $0.now)
        }
        pause(millisecond)
        running.with {
          $0.now -= 1
          $0.total += 1
        }
      }
      for _ in 0..<3 { _ = try Listener(body).on(space, opened) }
      for _ in 0..<5 { _ = try space.workstream() }
      #expect(running.wait { $0.total == 15 })
      #expect(running.current.most == 1)
    }
  }
}
