import CSyncMgr
import Testing

private let fair = SYNCMGR_SEMAPHORE_FAIR

/// How the first in line can leave it without having been served.
private enum Leaving: String, CaseIterable, Sendable {
  case timeout, cancel, closeHandle, closeWorkstream
}

@Suite("Semaphore line", .watched)
struct SemaphoreLineTests {
  @Test("a fair semaphore serves strictly first come, first served", arguments: Kind.allCases)
  func strict(kind: Kind) throws {
    try withSpace(kind) { space in
      let all = try space.workstreams(4).map { try $0.semaphore(permits: 3, flags: fair) }
      #expect(all[0].acquire(2) == .ok)
      let big = try all[1].several(3).pending()
      // One permit is free, but the big request came first.
      #expect(all[2].acquire(1, 0) == .timeout)
      let small = try all[2].pending()
      #expect(try all[3].available() == 1)
      #expect(all[0].release(2) == .ok)
      #expect(big.wait(patience) == .ok)
      #expect(small.isPending)
      #expect(all[1].release(1) == .ok)
      #expect(small.wait(patience) == .ok)
      #expect(try all[3].available() == 0)
    }
  }

  @Test("one release serves as many as it is enough for", arguments: Kind.allCases)
  func severalServed(kind: Kind) throws {
    try withSpace(kind) { space in
      let all = try space.workstreams(5).map { try $0.semaphore(permits: 8, flags: fair) }
      #expect(all[0].acquire(8) == .ok)
      let tickets = [
        try all[1].several(2).pending(), try all[2].several(3).pending(),
        try all[3].several(1).pending(), try all[4].several(4).pending(),
      ]
      #expect(all[0].release(6) == .ok)
      for ticket in tickets[..<3] { #expect(ticket.wait(patience) == .ok) }
      #expect(tickets[3].isPending)
      #expect(all[0].release(2) == .ok)
      #expect(tickets[3].isPending)
      #expect(all[1].release(2) == .ok)
      #expect(tickets[3].wait(patience) == .ok)
    }
  }

  @Test("when the first in line leaves, those behind it are served without another release",
    arguments: Kind.allCases, Leaving.allCases)
  private func firstLeaves(kind: Kind, leaving: Leaving) throws {
    try withSpace(kind) { space in
      let holder = try space.workstream().semaphore(permits: 3, flags: fair)
      let me = try space.workstream()
      let mine = try me.semaphore(permits: 3, flags: fair)
      let next = try space.workstream().semaphore(permits: 3, flags: fair)
      #expect(holder.acquire(2) == .ok)
      if leaving == .timeout {
        let thread = onThread { mine.acquire(3, 50 * millisecond) }
        pause(10 * millisecond)
        #expect(next.acquire(1, patience) == .ok)
        #expect(try thread.result() == .timeout)
        return
      }
      let first = try mine.several(3).pending()
      let small = try next.pending()
      switch leaving {
      case .cancel: #expect(first.cancel() == .ok)
      case .closeHandle: #expect(mine.close() == .ok)
      default: #expect(me.close() == .ok)
      }
      #expect(small.wait(patience) == .ok)
      #expect(try next.available() == 0)
    }
  }

  @Test("a started wait whose time passed is out of the line, too", arguments: Kind.threaded)
  func startedTimesOut(kind: Kind) throws {
    try withSpace(kind) { space in
      let all = try space.workstreams(3).map { try $0.semaphore(permits: 3, flags: fair) }
      #expect(all[0].acquire(2) == .ok)
      let queue = try space.queue()
      _ = try all[1].several(3).pending(timeout: 20 * millisecond, queue: queue)
      #expect(all[2].acquire(1, patience) == .ok)
      #expect(try queue.collect(1).first?.status == SYNCMGR_E_TIMEOUT)
      #expect(try all[1].held() == 0)
    }
  }

  @Test("a large request is not overtaken for ever by small ones", arguments: Kind.allCases)
  func largeIsServed(kind: Kind) throws {
    try withSpace(kind) { space in
      let isOver = Shared(false)
      let small = try space.workstreams(2).map { try $0.semaphore(permits: 2) }.map { semaphore in
        onThread { () -> Bool in
          while !isOver.current {
            guard semaphore.acquire() == .ok, semaphore.release() == .ok else { return false }
          }
          return true
        }
      }
      let large = try space.workstream().semaphore(permits: 2)
      for _ in 0..<10 {
        #expect(large.acquire(2, patience) == .ok)
        #expect(large.release(2) == .ok)
      }
      isOver.with { $0 = true }
      for thread in small { #expect(try thread.result()) }
      #expect(try large.available() == 2)
    }
  }

  @Test("never are more inside than there are permits", arguments: Kind.allCases, [0, fair])
  func neverTooMany(kind: Kind, flags: UInt32) throws {
    try withSpace(kind) { space in
      let inside = Shared((now: 0, most: 0))
      let threads = try space.workstreams(3).map { try $0.semaphore(permits: 4, flags: flags) }
        .enumerated().map { index, semaphore in
          onThread { () -> Bool in
            let amount = index + 1
            for _ in 0..<200 {
              guard semaphore.acquire(UInt32(amount)) == .ok else { return false }
              inside.with {
                $0.now += amount
                $0.most = max($0.most, $0.now)
              }
              inside.with { $0.now -= amount }
              guard semaphore.release(UInt32(amount)) == .ok else { return false }
            }
            return true
          }
        }
      for thread in threads { #expect(try thread.result()) }
      #expect(inside.current.most <= 4)
      #expect(try space.workstream().semaphore(permits: 4, flags: flags).available() == 4)
    }
  }
}
