import CSyncMgr
import CSyncMgrShim

/// What is to be done next by who drives a transaction.
struct TransactionStep {
  enum Kind: UInt32 {
    case done = 0
    case execute = 1
    case undo = 2
    case wait = 3
    case lock = 4
    case votes = 5
    case sync = 6
    /// For blocking calls: the next operation is for who takes the steps.
    case pending = 100
  }

  var kind: Kind
  var index = 0
  var mode: UInt32 = 0
  /// Why the aim was missed.
  var fault: TransactionFault?
  var revision: UInt64 = 0
  var timeout = SYNCMGR_FOREVER
}

extension Transaction {
  // MARK: - Aims

  func aim(_ aim: TransactionPlan.Aim) throws(Failure) {
    switch aim {
    case .none: throw Failure(SYNCMGR_E_INVALID, "there is no such aim")
    case .execute: try checkOpen("execute the operations of")
    // What has voted goes on to the decision.
    case .commit where hasVoted && status == .committing && plan.aim == .none: break
    case .commit: try checkOpen("commit")
    case .prepare:
      try checkOpen("prepare")
      if part == nil {
        throw Failure(
          SYNCMGR_E_INVALID, naming: "\(called) is of one workstream, and has nobody to vote with")
      }
    case .rollbackTo: try checkOpen("roll back")
    case .rollback:
      if status.isOver || isJoined && hasVoted {
        throw Failure(
          SYNCMGR_E_ALREADY, naming: "cannot roll back \(called) in \(status.word) state")
      }
    }
    if aim == .commit || aim == .prepare { status = .committing }
    if aim == .rollback { status = .rollingBack }
    if aim == .execute { becomeActive() }
    plan.set(aim)
  }

  // MARK: - Steps

  /// Does what can be done, and says what comes next. `blocks`: waits for locks and votes itself.
  func advance(blocks: Bool) throws(Failure) -> TransactionStep {
    if plan.aim == .none { throw Failure(SYNCMGR_E_INVALID, "no aim was chosen") }
    while true {
      if isTooLate, !plan.isGoingBack, !(isJoined && hasVoted) {
        isTimedOut = true
        plan.miss(lateFault)
      }
      if plan.fault != nil, status != .rollingBack { status = .rollingBack }
      let step: TransactionStep?
      if let index = beginning {
        if let step = try goOn(index, blocks) { return step }
        continue
      }
      switch plan.next(at: sm_now()) {
      case .execute(let index): step = try execute(index, blocks)
      case .undo(let index): step = try undo(index, blocks)
      case .wait(let index): step = wait(index)
      case .stuck(let index): step = stuck(index)
      case .executed: step = try arrive(blocks)
      case .undone: step = wentBack()
      }
      if let step { return step }
    }
  }

  private func wait(_ index: Int) -> TransactionStep {
    if plan.fault != nil { status = .rollingBack }
    let operation = plan.operations[index]
    var timeout = SYNCMGR_FOREVER
    if operation.state == .executing {
      let end = Deadline.earlier(operation.deadline, deadline)
      if end != Deadline.never { timeout = max(end - sm_now(), 0) }
    }
    return TransactionStep(kind: .wait, index: index, fault: plan.fault, timeout: timeout)
  }

  // MARK: - Executing

  private func execute(_ index: Int, _ blocks: Bool) throws(Failure) -> TransactionStep? {
    let operation = plan.operations[index]
    if blocks, operation.isBySteps { return TransactionStep(kind: .pending, index: index) }
    do throws(Failure) {
      if let step = try lock(index, blocks) { return step }
      try perform(index)
    } catch {
      plan.begin(index, at: sm_now())
      _ = try plan.report(index, error.status, Failure.kept(), at: sm_now())
      return nil
    }
    plan.begin(index, at: sm_now())
    if !operation.hasCall {
      _ = try plan.report(index, SYNCMGR_OK, "", at: sm_now())
      return nil
    }
    if operation.name != nil {
      // That it begins is known before it does: who finds it after our death undoes it.
      do throws(Failure) { try persist(isDurable: true) } catch {
        _ = try plan.report(index, error.status, Failure.kept(), at: sm_now())
        return nil
      }
    }
    beginning = index
    return nil
  }

  /// Begins an operation of which the record is written, once that is on disk.
  private func goOn(_ index: Int, _ blocks: Bool) throws(Failure) -> TransactionStep? {
    do throws(Failure) {
      if let step = try syncRecord(blocks) { return step }
    } catch {
      (beginning, awaited) = (nil, nil)
      _ = try plan.report(index, error.status, Failure.kept(), at: sm_now())
      return nil
    }
    beginning = nil
    // Its time runs from here on; all may be rolled back meanwhile.
    if plan.isGoingBack {
      _ = try plan.report(index, SYNCMGR_E_CANCELLED, "it was rolled back", at: sm_now())
      return nil
    }
    plan.begin(index, at: sm_now())
    if isForDriver(index, blocks) { return TransactionStep(kind: .execute, index: index) }
    let status = try call(index, isUndo: false)
    _ = try came(index, status)
    return nil
  }

  /// Whether who takes the steps is to do it.
  private func isForDriver(_ index: Int, _ blocks: Bool) -> Bool {
    let operation = plan.operations[index]
    if operation.isBySteps { return true }
    guard !blocks, let name = operation.name else { return false }
    return !TransactionHandlers.of(attachment).has(name)
  }

  /// The lock that an operation needs, unless it has it: nil.
  private func lock(_ index: Int, _ blocks: Bool) throws(Failure) -> TransactionStep? {
    let operation = plan.operations[index]
    guard let key = operation.target, let mode = mode(of: operation),
      !targets.isLocked(key, mode)
    else { return nil }
    let timeout = lockTimeout(
      operation.timeout == SYNCMGR_FOREVER ? options.operationTimeout : operation.timeout)
    let isNeeded = operation.type != .lock
    if blocks {
      try targets.lock(key, mode, timeout, isNeeded: isNeeded)
      return nil
    }
    do throws(Failure) { try targets.lock(key, mode, 0, isNeeded: isNeeded) } catch {
      if error.status != SYNCMGR_E_TIMEOUT { throw error }
      return TransactionStep(kind: .lock, index: index, mode: mode, timeout: timeout)
    }
    return nil
  }

  private func mode(of operation: TransactionOperation) -> UInt32? {
    switch operation.type {
    case .read: options.locksReads ? SYNCMGR_SHARED : nil
    case .write, .create, .delete: options.isOptimistic ? nil : SYNCMGR_EXCLUSIVE
    case .lock: operation.sharedMode
    case .unlock, .custom: nil
    }
  }

  /// What the type of an operation says.
  private func perform(_ index: Int) throws(Failure) {
    let operation = plan.operations[index]
    guard let key = operation.target else { return }
    func current() throws(Failure) -> (isThere: Bool, data: [UInt8]) {
      if let own = writes[key] { return (own.data != nil, own.data ?? []) }
      let entry = try read(key)
      return (entry != nil, entry?.data ?? [])
    }
    switch operation.type {
    case .read: plan.operations[index].result = try current().data
    case .write:
      try put(
        key, operation.data ?? [], type: operation.dataType, expected: SYNCMGR_VERSION_ANY)
    case .create:
      if try current().isThere {
        throw Failure(SYNCMGR_E_EXISTS, naming: "'\(text(key))' is there already")
      }
      try put(key, operation.data ?? [], type: operation.dataType, expected: absent(key))
    case .delete:
      if try !current().isThere {
        throw Failure(SYNCMGR_E_NOT_FOUND, naming: "'\(text(key))' is not there")
      }
      try put(key, nil, type: SYNCMGR_CELL_BYTES, expected: SYNCMGR_VERSION_ANY)
    case .unlock: try targets.unlock(key)
    case .lock, .custom: break
    }
  }

  /// What a CREATE expects for the commit; what was written here was looked at.
  private func absent(_ key: [UInt8]) -> UInt64 {
    writes[key] == nil ? 0 : SYNCMGR_VERSION_ANY
  }

  // MARK: - Undoing

  private func undo(_ index: Int, _ blocks: Bool) throws(Failure) -> TransactionStep? {
    let operation = plan.operations[index]
    if blocks, operation.isBySteps { return TransactionStep(kind: .pending, index: index) }
    plan.beginUndo(index)
    // Dies from here on: whoever takes it over begins with this one again.
    if operation.name != nil { try? persist(isDurable: false) }
    if isForDriver(index, blocks) {
      return TransactionStep(kind: .undo, index: index, fault: plan.fault)
    }
    let status = try call(index, isUndo: true)
    _ = try came(index, status)
    return nil
  }

  /// The transaction stands where it is, with what is left to do.
  private func stuck(_ index: Int) -> TransactionStep {
    status = .failed
    let fault = plan.undoFault(index)
    record.fault = fault
    try? persist(isDurable: true)
    plan.rest()
    return TransactionStep(kind: .done, index: index, fault: fault)
  }

  /// All is undone that was to be.
  private func wentBack() -> TransactionStep {
    if plan.fault == nil, case .rollbackTo = plan.aim {
      plan.rest()
      return TransactionStep(kind: .done)
    }
    writes.removeAll()
    record.fault = plan.fault ?? record.fault
    finish(isTimedOut ? .timedOut : .rolledBack)
    return TransactionStep(kind: .done, fault: plan.fault)
  }

  // MARK: - Reporting

  /// What came of an operation that was executed or undone. True when it was too late.
  func came(_ index: Int, _ status: Int32) throws(Failure) -> Bool {
    var reason = plan.operations[index].reason
    if status < 0, reason.isEmpty {
      reason = sm_status_name(status).map { String(cString: $0) } ?? ""
    }
    let isLate = try plan.report(index, status, reason, at: sm_now())
    // Dies before: it counts as under way, and is undone.
    if plan.operations[index].name != nil { try? persist(isDurable: false) }
    return isLate
  }

  /// Calls what executes or undoes an operation.
  private func call(_ index: Int, isUndo: Bool) throws(Failure) -> Int32 {
    let operation = plan.operations[index]
    var function = isUndo ? operation.undo : operation.execute
    var user = operation.user
    var handler: TransactionHandler?
    if let name = operation.name {
      guard let found = TransactionHandlers.of(attachment).begin(name) else {
        plan.operations[index].reason = "no handler has the name '\(name)'"
        return SYNCMGR_E_NOT_FOUND
      }
      handler = found
      function = isUndo ? found.undo : found.execute
      user = found.user
      if function == nil, !isUndo {
        found.end()
        plan.operations[index].reason = "the handler '\(name)' only undoes"
        return SYNCMGR_E_UNSUPPORTED
      }
    }
    // Nothing is to be done.
    guard let function else {
      handler?.end()
      return SYNCMGR_OK
    }
    var status = SYNCMGR_OK
    let handle = handle
    let isBack = outside(index) {
      operation.withC(handle, index) { status = function($0, user) }
      handler?.end()
    }
    if !isBack {
      detach(index, status)
      throw Failure(SYNCMGR_E_CLOSED, "the transaction was closed from within a callback")
    }
    return status
  }

  /// Closed from within a callback: what it did, and what was done before, is undone as far as that
  /// needs nothing but callbacks. The space may be gone.
  private func detach(_ index: Int, _ status: Int32) {
    isDetached = true
    _ = try? plan.report(index, status, "", at: sm_now())
    plan.miss(TransactionFault(SYNCMGR_E_CLOSED, "the transaction was closed"))
    plan.set(.rollback)
    while case .undo(let next) = plan.next(at: sm_now()) {
      let operation = plan.operations[next]
      plan.beginUndo(next)
      var result = SYNCMGR_E_CLOSED
      // Those with a name are left to whoever recovers.
      if let undo = operation.undo, operation.name == nil {
        operation.withC(0, next) { result = undo($0, operation.user) }
      }
      _ = try? plan.report(next, result, "", at: sm_now())
    }
  }
}

extension TransactionOperation {
  /// As callbacks see it.
  func withC(_ handle: UInt64, _ index: Int, _ body: (UnsafePointer<syncmgr_operation_t>) -> Void) {
    var texts = TransactionTexts()
    var operation = syncmgr_operation_t()
    describe(&operation, &texts)
    operation.transaction = OpaquePointer(bitPattern: UInt(handle))
    operation.index = UInt32(index)
    operation.user = user
    withUnsafePointer(to: &operation) { body($0) }
    texts.free()
  }

  /// Fills in all but callbacks and the transaction.
  func describe(_ target: inout syncmgr_operation_t, _ texts: inout TransactionTexts) {
    target.size = UInt32(MemoryLayout<syncmgr_operation_t>.size)
    target.type = type.rawValue
    target.flags = isBySteps ? SYNCMGR_OPERATION_BY_STEPS : 0
    target.data_type = dataType
    target.name = texts.text(name.map { Array($0.utf8) })
    target.id = texts.text(id.map { Array($0.utf8) })
    target.target = texts.text(self.target)
    target.parameters = texts.text(parameters.map { JSON.bytes(of: $0) })
    target.data = UnsafeRawPointer(texts.text(data))
    target.length = data?.count ?? 0
    target.timeout_ns = timeout
  }
}

/// Terminated copies of texts for C, until they are freed.
struct TransactionTexts {
  private var all: [UnsafeMutablePointer<CChar>] = []

  mutating func text(_ bytes: [UInt8]?) -> UnsafePointer<CChar>? {
    guard let bytes else { return nil }
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
    for (place, byte) in bytes.enumerated() { copy[place] = CChar(bitPattern: byte) }
    copy[bytes.count] = 0
    all.append(copy)
    return UnsafePointer(copy)
  }

  mutating func free() {
    for copy in all { copy.deallocate() }
    all = []
  }
}
