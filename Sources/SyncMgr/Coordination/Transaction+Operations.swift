import CSyncMgr
import CSyncMgrShim

/// Operations as callers see them, and what comes of those that they execute by themselves.
extension Transaction {
  static let mostOperations = 4096

  func add(_ operation: TransactionOperation) throws(Failure) -> UInt32 {
    if plan.operations.count >= Self.mostOperations {
      throw Failure(
        SYNCMGR_E_LIMIT, naming: "\(called) has \(Self.mostOperations) operations already")
    }
    if operation.type == .lock { try home.claimLocks(self) }
    becomeActive()
    plan.operations.append(operation)
    return UInt32(plan.operations.count - 1)
  }

  func operation(_ index: UInt32) throws(Failure) -> TransactionOperation {
    guard Int(index) < plan.operations.count else {
      throw Failure(SYNCMGR_E_NOT_FOUND, naming: "\(called) has no operation \(index)")
    }
    return plan.operations[Int(index)]
  }

  /// What came of an operation that was executed or undone by steps. True when it was too late.
  func report(_ index: UInt32, _ status: Int32, _ result: [UInt8]?) throws(Failure) -> Bool {
    let operation = try operation(index)
    if !operation.isBySteps && operation.name == nil {
      throw Failure(
        SYNCMGR_E_INVALID, naming: "\(operation.called(Int(index))) has callbacks of its own")
    }
    if let result {
      if operation.state == .undoing {
        throw Failure(SYNCMGR_E_INVALID, "an undo has no result")
      }
      plan.operations[Int(index)].result = result
    }
    return try came(Int(index), status)
  }

  /// Chooses to go back to a savepoint. Those behind it go.
  func aimBack(to name: String) throws(Failure) {
    try checkOpen("roll back")
    let place = try place(of: name)
    try aim(.rollbackTo(first: place.operations))
    writes.rollBack(to: place.writes)
    if let index = savepoints.firstIndex(where: { $0.name == name }) {
      savepoints.removeSubrange((index + 1)...)
    }
  }

  /// Waits until what it voted on is decided. False when the time passed first.
  func awaitDecision(until end: Int64) throws(Failure) -> Bool {
    if status == .committed { return true }
    if status == .rolledBack || status == .timedOut {
      throw (record.fault ?? TransactionFault(SYNCMGR_E_FAILED, "\(called) was rolled back"))
        .failure
    }
    guard hasVoted else {
      throw Failure(SYNCMGR_E_INVALID, naming: "\(called) has not voted")
    }
    plan.set(.commit)
    while true {
      let step = try advance(blocks: false)
      switch step.kind {
      case .done:
        if let fault = step.fault {
          throw Failure(SYNCMGR_E_FAILED, naming: fault.sentence)
        }
        return true
      case .votes:
        if Local.always({ _ in isClosing }) {
          throw Failure(SYNCMGR_E_CLOSED, "the transaction was closed")
        }
        if Deadline.hasPassed(end) {
          plan.rest()
          return false
        }
        waitForCommit(try store(), step.revision, until: end)
      case .execute, .undo, .wait, .lock, .sync, .pending:
        throw Failure(
          SYNCMGR_E_FAILED, naming: "\(called) was rolled back, and is to be undone by steps")
      }
    }
  }
}

extension TransactionOperation {
  /// The most bytes of a result.
  static let mostResult = 65536
}
