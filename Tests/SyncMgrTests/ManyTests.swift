import CSyncMgr
import Glibc
import Testing

/// Mutexes that are locked together by one started wait. The list stays where it is until the
/// ticket ends, which is when its statuses are written.
private struct Together: Waiting {
  private let items: UnsafeMutablePointer<syncmgr_lock_item_t>
  private let count: Int

  // Safe because one thread at a time uses a list, and the library writes on that thread only.
  init(_ mutexes: [Mutex]) {
    count = mutexes.count
    items = .allocate(capacity: count)
    for (place, mutex) in mutexes.enumerated() {
      let handle = UInt64(UInt(bitPattern: mutex.handle.pointer))
      items[place] = syncmgr_lock_item_t(handle: handle, amount: 0, status: .min)
    }
  }

  func free() { items.deallocate() }

  var statuses: [Status] { (0..<count).map { Status(items[$0].status) } }

  func wait(_ timeout: Int64) -> Status {
    Status(syncmgr_lock_many(items, UInt32(count), timeout))
  }

  func start(
    _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
    _ ticket: UnsafeMutablePointer<OpaquePointer?>
  ) -> Int32 {
    syncmgr_lock_many_start(items, UInt32(count), timeout, queue, userData, ticket)
  }

  func unlock() -> Status { Status(syncmgr_unlock_many(items, UInt32(count))) }
}

extension Together: @unchecked Sendable {}

/// Several locks as one started wait, by threads that race: what the sanitizers look at.
@Suite("Several locks started together", .watched)
struct ManyTests {
  @Test("threads that list them in any order go on, in whichever way they wait",
    arguments: Kind.allCases)
  func anyOrder(kind: Kind) throws {
    try withSpace(kind) { space in
      let inside = Shared([0, 0, 0, 0])
      let threads = try space.workstreams(3).enumerated().map { number, me in
        let mutexes = try (0..<4).map { try me.mutex("m\($0)") }
        let queue = try space.queue()
        return onThread { () -> [Status] in
          var random = Random(seed: sequenceSeed(number))
          for _ in 0..<60 {
            let chosen = Array((0..<4).shuffled(using: &random).prefix(2))
            let many = Together(chosen.map { mutexes[$0] })
            defer { many.free() }
            let queued = random.chance(50)
            let started = many.start(queue: queued ? queue : nil)
            var status = started.status
            if let ticket = started.ticket {
              if random.chance(20), ticket.cancel() == .ok { continue }
              if queued {
                guard let record = (try? queue.collect(1))?.first else { return [.invalid] }
                status = Status(record.status)
              } else {
                status = ticket.wait()
              }
            }
            if status != .ok || many.statuses != [.ok, .ok] { return [status] + many.statuses }
            let alone = inside.with { counts in
              for place in chosen { counts[place] += 1 }
              return chosen.allSatisfy { counts[$0] == 1 }
            }
            inside.with { counts in for place in chosen { counts[place] -= 1 } }
            if !alone || many.unlock() != .ok { return [.invalid] }
          }
          return [queue.close(), me.close()]
        }
      }
      for thread in threads {
        let statuses = try thread.result()
        #expect(statuses == [.ok, .ok], "SEED=\(runSeed)")
      }
    }
  }

  @Test("a handle that is closed while it goes on ends it with none held",
    arguments: Kind.allCases)
  func closing(kind: Kind) throws {
    try withSpace(kind) { space in
      var random = Random(seed: sequenceSeed(1))
      let other = try space.workstream()
      let (first, second) = (try other.mutex("first"), try other.mutex("second"))
      for round in 0..<60 {
        let me = try space.workstream()
        let mutexes = [try me.mutex("first"), try me.mutex("second")]
        #expect(first.lock() == .ok)
        #expect(second.lock() == .ok)
        let many = Together(mutexes)
        defer { many.free() }
        let ticket = try many.pending()
        let closer = onThread { mutexes[round % 2].close() }
        if random.chance(50) { pause(Int64(random.below(100)) * 1000) }
        #expect(first.unlock() == .ok)
        #expect(second.unlock() == .ok)
        let status = ticket.wait()
        #expect(try closer.result() == .ok)
        #expect([.ok, .closed].contains(status), "SEED=\(runSeed)")
        // Granted and taken before the handle was closed: the other one is held.
        if status == .ok { #expect(mutexes[1 - round % 2].unlock() == .ok) }
        #expect(first.attempt() == .ok)
        #expect(second.attempt() == .ok)
        #expect(first.unlock() == .ok)
        #expect(second.unlock() == .ok)
        #expect(me.close() == .ok)
      }
    }
  }
}
