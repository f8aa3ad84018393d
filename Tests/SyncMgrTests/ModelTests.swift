import Testing

@Suite("Models", .watched)
struct ModelTests {
  @Test("a fair mutex does what its model does, whatever the calls", arguments: Kind.allCases)
  func mutex(kind: Kind) throws { try runSequences(of: MutexModel.self, in: kind) }

  @Test("a fair semaphore does what its model does, whatever the calls", arguments: Kind.allCases)
  func semaphore(kind: Kind) throws { try runSequences(of: SemaphoreModel.self, in: kind) }

  @Test("a fair readers-writer lock does what its model does, whatever the calls",
    arguments: Kind.allCases)
  func rwlock(kind: Kind) throws { try runSequences(of: RWLockModel.self, in: kind) }

  @Test("a latch does what its model does, whatever the calls", arguments: Kind.allCases)
  func latch(kind: Kind) throws { try runSequences(of: LatchModel.self, in: kind) }

  @Test("a barrier does what its model does, whatever the calls", arguments: Kind.allCases)
  func barrier(kind: Kind) throws { try runSequences(of: BarrierModel.self, in: kind) }

  @Test("an event does what its model does, whatever the calls", arguments: Kind.allCases)
  func event(kind: Kind) throws { try runSequences(of: EventModel.self, in: kind) }
}
