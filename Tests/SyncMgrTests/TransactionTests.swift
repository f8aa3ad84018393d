import CSyncMgr
import Testing

/// In which order operations are executed and undone, whatever fails, and how it all ends.
@Suite("Transaction", .watched)
struct TransactionTests {
  @Test("what was executed is undone newest first and once, whatever fails",
    arguments: Kind.allCases)
  func order(kind: Kind) throws {
    try withSpace(kind) { space in
      let session = try Session(space)
      var random = Random(seed: sequenceSeed(0))
      for _ in 0..<300 {
        let plan = Plan(&random)
        #expect(try session.run(plan) == plan.expected, "SEED=\(runSeed), \(plan)")
      }
      session.close()
    }
  }

  @Test("steps and callbacks do the same in the same order", arguments: Kind.allCases)
  func steps(kind: Kind) throws {
    try withSpace(kind) { space in
      let session = try Session(space)
      var random = Random(seed: sequenceSeed(1))
      for _ in 0..<300 {
        let plan = Plan(&random)
        #expect(try session.take(plan) == plan.expected, "SEED=\(runSeed), \(plan)")
      }
      session.close()
    }
  }
}

/// Some operations, of which one may fail, and of which one undo may fail once.
private struct Plan: CustomStringConvertible {
  let count: Int
  let failing: Int?
  let failingUndo: Int?
  let rollsBack: Bool

  init(_ random: inout Random) {
    count = 1 + random.below(6)
    failing = random.below(2) == 0 ? random.below(count) : nil
    failingUndo = random.below(3) == 0 ? random.below(count) : nil
    rollsBack = random.below(2) == 0
  }

  var description: String {
    "\(count) operations, failing \(String(describing: failing)), "
      + "undo \(String(describing: failingUndo)), rolls back \(rollsBack)"
  }

  /// What is called: positive numbers are executed, negative ones undone. Then the status.
  var expected: [Int] {
    var calls = Array(1...(failing ?? count - 1) + 1)
    let executed = failing ?? count
    let ends = failing != nil || rollsBack
    if !ends { return calls + [Int(SYNCMGR_TRANSACTION_COMMITTED)] }
    for index in (0..<executed).reversed() {
      calls.append(-(index + 1))
      // It is tried again by the next rollback.
      if index == failingUndo { calls.append(-(index + 1)) }
    }
    return calls + [Int(SYNCMGR_TRANSACTION_ROLLED_BACK)]
  }
}

/// What the callbacks of a plan do, and were called for.
private final class Log {
  let plan: Plan
  var calls: [Int] = []
  private var hasFailed = false

  init(_ plan: Plan) { self.plan = plan }

  func execute(_ index: Int) -> Int32 {
    calls.append(index + 1)
    return index == plan.failing ? SYNCMGR_E_BROKEN : SYNCMGR_OK
  }

  func undo(_ index: Int) -> Int32 {
    calls.append(-(index + 1))
    if index != plan.failingUndo || hasFailed { return SYNCMGR_OK }
    hasFailed = true
    return SYNCMGR_E_BROKEN
  }
}

private func succeed(_ status: Int32) throws(Failed) {
  let status = Status(status)
  if !status.succeeded { throw Failed(status: status) }
}

private struct Session {
  private let workstream: Workstream
  private let store: OpaquePointer

  init(_ space: Space) throws(Failed) {
    workstream = try space.workstream()
    var opened: OpaquePointer?
    try succeed(syncmgr_store_open(workstream.handle.pointer, nil, &opened))
    store = opened!
  }

  func close() { _ = syncmgr_store_close(store) }

  private func begin() throws(Failed) -> OpaquePointer {
    var transaction: OpaquePointer?
    try succeed(syncmgr_transaction_begin(store, nil, &transaction))
    return transaction!
  }

  private func end(_ transaction: OpaquePointer, _ log: Log) -> [Int] {
    var info = syncmgr_transaction_info_t()
    _ = syncmgr_transaction_info(transaction, &info)
    _ = syncmgr_transaction_close(transaction)
    return log.calls + [Int(info.status)]
  }

  private func blank() -> syncmgr_operation_t {
    var operation = syncmgr_operation_t()
    operation.size = UInt32(MemoryLayout<syncmgr_operation_t>.size)
    operation.type = SYNCMGR_OPERATION_CUSTOM
    operation.timeout_ns = SYNCMGR_FOREVER
    return operation
  }

  /// By callbacks.
  func run(_ plan: Plan) throws(Failed) -> [Int] {
    let transaction = try begin()
    let log = Log(plan)
    let user = Unmanaged.passUnretained(log).toOpaque()
    for _ in 0..<plan.count {
      var operation = blank()
      operation.user = user
      operation.execute = { operation, user in
        Unmanaged<Log>.fromOpaque(user!).takeUnretainedValue()
          .execute(Int(operation!.pointee.index))
      }
      operation.undo = { operation, user in
        Unmanaged<Log>.fromOpaque(user!).takeUnretainedValue().undo(Int(operation!.pointee.index))
      }
      try succeed(syncmgr_transaction_add(transaction, &operation, nil))
    }
    if plan.rollsBack {
      if syncmgr_transaction_execute(transaction) == SYNCMGR_OK {
        _ = syncmgr_transaction_rollback(transaction)
      }
    } else {
      _ = syncmgr_transaction_commit(transaction, 0, SYNCMGR_FOREVER, nil)
    }
    // Goes on with what is left, and is refused when nothing is.
    _ = syncmgr_transaction_rollback(transaction)
    return withExtendedLifetime(log) { end(transaction, log) }
  }

  /// By steps.
  func take(_ plan: Plan) throws(Failed) -> [Int] {
    let transaction = try begin()
    let log = Log(plan)
    for _ in 0..<plan.count {
      var operation = blank()
      operation.flags = SYNCMGR_OPERATION_BY_STEPS
      try succeed(syncmgr_transaction_add(transaction, &operation, nil))
    }
    let first = plan.rollsBack ? SYNCMGR_AIM_EXECUTE : SYNCMGR_AIM_COMMIT
    for aim in [first, SYNCMGR_AIM_ROLLBACK, SYNCMGR_AIM_ROLLBACK] {
      if syncmgr_transaction_aim(transaction, aim, nil) < 0 { break }
      var step = syncmgr_step_t()
      repeat {
        try succeed(syncmgr_transaction_step(transaction, &step))
        let index = Int(step.index)
        if step.kind == SYNCMGR_STEP_EXECUTE {
          _ = syncmgr_transaction_report(transaction, step.index, log.execute(index), nil, 0)
        } else if step.kind == SYNCMGR_STEP_UNDO {
          _ = syncmgr_transaction_report(transaction, step.index, log.undo(index), nil, 0)
        }
      } while step.kind != SYNCMGR_STEP_DONE
    }
    return end(transaction, log)
  }
}
