import CSyncMgr

/// Which operation of a transaction is next, whatever the way they are executed: all in order, and
/// back in the opposite one. It has no clock, no store and no callbacks of its own.
struct TransactionPlan {
  enum Aim: Equatable {
    case none, execute, commit, prepare, rollback
    /// What was added before `first` stays.
    case rollbackTo(first: Int)
  }

  enum Next: Equatable {
    /// Begin to execute this one.
    case execute(Int)
    case undo(Int)
    /// This one has yet to come back.
    case wait(Int)
    /// Its undo failed, and nobody has asked again.
    case stuck(Int)
    /// Everything is executed.
    case executed
    /// Everything is undone.
    case undone
  }

  var operations: [TransactionOperation] = []
  private(set) var aim = Aim.none
  /// Why the aim was missed.
  private(set) var fault: TransactionFault?

  var isGoingBack: Bool {
    if fault != nil || aim == .rollback { return true }
    if case .rollbackTo = aim { return true }
    return false
  }

  var toBeUndone: Int { operations.count { $0.state.isToBeUndone } }

  /// Sets out for `aim`. Undos that failed are tried again.
  mutating func set(_ aim: Aim) {
    self.aim = aim
    for index in operations.indices where operations[index].state == .undoFailed {
      operations[index].state = .executed
    }
  }

  /// The aim is reached, or was missed and all is undone.
  mutating func rest() { aim = .none }

  /// The aim is missed: from now on the way is back. The first reason stands.
  mutating func miss(_ fault: TransactionFault) {
    if self.fault == nil { self.fault = fault }
    // What was to be rolled back in part is so as a whole.
    if case .rollbackTo = aim { aim = .rollback }
  }

  mutating func next(at now: Int64) -> Next {
    if isGoingBack { return back() }
    for index in operations.indices {
      switch operations[index].state {
      case .waiting: return .execute(index)
      case .executing:
        if !isOver(index, at: now) { return .wait(index) }
        operations[index].state = .late
        miss(tooLate(index))
        return .wait(index)
      default: continue
      }
    }
    return .executed
  }

  private func isOver(_ index: Int, at now: Int64) -> Bool {
    operations[index].deadline != Deadline.never && now >= operations[index].deadline
  }

  private func tooLate(_ index: Int) -> TransactionFault {
    let operation = operations[index]
    return TransactionFault(
      SYNCMGR_E_TIMEOUT,
      "\(operation.called(index)) timed out after \(operation.timeout.inMilliseconds)")
  }

  /// The newest first, and none before the one after it is undone.
  private mutating func back() -> Next {
    var first = 0
    if fault == nil, case .rollbackTo(let place) = aim { first = place }
    for index in operations.indices.reversed() where index >= first {
      switch operations[index].state {
      case .waiting: operations[index].state = .leftOut
      case .executing:
        operations[index].state = .late
        return .wait(index)
      case .late, .undoing: return .wait(index)
      case .executed:
        if operations[index].hasUndo { return .undo(index) }
        operations[index].state = .undone
      case .undoFailed: return .stuck(index)
      case .failed, .undone, .leftOut: continue
      }
    }
    return .undone
  }

  // MARK: - What came of it

  /// It begins; its time runs.
  mutating func begin(_ index: Int, at now: Int64) {
    let timeout = operations[index].timeout
    let (end, isTooFar) = now.addingReportingOverflow(timeout)
    operations[index].deadline = timeout < 0 || isTooFar ? Deadline.never : end
    operations[index].state = .executing
    operations[index].reason = ""
  }

  mutating func beginUndo(_ index: Int) {
    operations[index].state = .undoing
    operations[index].reason = ""
  }

  /// It came back with `status`. True when its time had passed by then: what it did will be undone.
  mutating func report(
    _ index: Int, _ status: Int32, _ reason: String, at now: Int64
  ) throws(Failure) -> Bool {
    switch operations[index].state {
    case .executing:
      let isLate = isOver(index, at: now)
      if isLate { miss(tooLate(index)) }
      came(index, status, reason)
      if status < 0 { miss(executionFault(index, status, reason)) }
      return isLate
    case .late:
      came(index, status, reason)
      return true
    case .undoing:
      operations[index].state = status < 0 ? .undoFailed : .undone
      operations[index].reason = status < 0 ? reason : ""
      return false
    default:
      throw Failure(
        SYNCMGR_E_INVALID,
        naming: "\(operations[index].called(index)) is \(operations[index].state.word): "
          + "nobody was told to execute or undo it")
    }
  }

  private mutating func came(_ index: Int, _ status: Int32, _ reason: String) {
    operations[index].state = status < 0 ? .failed : .executed
    operations[index].reason = status < 0 ? reason : ""
  }

  private func executionFault(
    _ index: Int, _ status: Int32, _ reason: String
  ) -> TransactionFault {
    let called = operations[index].called(index)
    let words = reason.isEmpty ? "with status \(status)" : ": \(reason)"
    // What ends a transaction, and may be begun anew, is passed on.
    let isPassed = [
      SYNCMGR_E_CHANGED, SYNCMGR_E_DEADLOCK, SYNCMGR_E_PREEMPTED, SYNCMGR_E_TIMEOUT,
      SYNCMGR_E_EXISTS, SYNCMGR_E_NOT_FOUND,
    ].contains(status)
    return TransactionFault(
      isPassed ? status : SYNCMGR_E_FAILED,
      "\(called) failed\(reason.isEmpty ? " " : "")\(words)")
  }

  /// The sentence about an undo that failed.
  func undoFault(_ index: Int) -> TransactionFault {
    let reason = operations[index].reason
    return TransactionFault(
      SYNCMGR_E_FAILED,
      "the undo of \(operations[index].called(index)) failed"
        + (reason.isEmpty ? "" : ": \(reason)") + "; \(toBeUndone) are left to be undone")
  }
}
