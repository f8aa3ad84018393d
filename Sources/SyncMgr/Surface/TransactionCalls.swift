public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_transaction_begin(
  _ store: OpaquePointer?, _ options: UnsafePointer<syncmgr_transaction_options_t>?,
  _ out_transaction: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  openTransactionCall(store, out_transaction) { (stream) throws(Failure) in
    let wanted = try transactionOptions(options)
    return try stream.openTransaction { (beginning) throws(Failure) in
      try beginning.begin(wanted)
    }
  }
}

@c @implementation
public func syncmgr_transaction_join(
  _ store: OpaquePointer?, _ id: UInt64, _ out_transaction: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  openTransactionCall(store, out_transaction) { (stream) throws(Failure) in
    try stream.openTransaction { (beginning) throws(Failure) in try beginning.join(id) }
  }
}

@c @implementation
public func syncmgr_transaction_adopt(
  _ store: OpaquePointer?, _ out_transaction: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  openTransactionCall(store, out_transaction) { (stream) throws(Failure) in
    let found = try stream.openTransaction { (beginning) throws(Failure) in
      try beginning.adoptAny()
    }
    if let found { return found }
    throw Failure(SYNCMGR_E_NOT_FOUND, "no transaction of the dead has operations to undo")
  }
}

/// Opens a transaction in the name of a store handle's workstream.
private func openTransactionCall(
  _ store: OpaquePointer?, _ target: UnsafeMutablePointer<OpaquePointer?>?,
  _ open: (Stream) throws(Failure) -> UInt64?
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    let target = try required(target)
    guard let stream = Possessions.of(store.caller) as? Stream else {
      throw Failure(SYNCMGR_E_HANDLE, "the store's workstream is gone")
    }
    target.pointee = pointer(try open(stream) ?? 0)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_transaction_close(_ transaction: OpaquePointer?) -> Int32 {
  closeCall(transaction) { (handle) throws(Failure) in try Stream.closeTransaction(handle) }
}

/// A call on a transaction's handle, of one thread at a time.
func transactionCall(
  _ handle: OpaquePointer?, _ door: Transaction.Door = .closedToCallbacks,
  _ body: (Transaction) throws(Failure) -> Int32
) -> Int32 {
  call(handle, .transaction) { (slot) throws(Failure) in
    let transaction = Transaction.of(slot)
    let isFirst = try transaction.enter(door)
    defer { if isFirst { transaction.leave() } }
    return try body(transaction)
  }
}

// MARK: - Reading and writing

@c @implementation
public func syncmgr_transaction_get(
  _ transaction: OpaquePointer?, _ entries: UnsafeMutablePointer<syncmgr_entry_t>?,
  _ count: UInt32, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
  _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  transactionCall(transaction, .openToExecute) { (transaction) throws(Failure) in
    guard let entries, count > 0 else { throw Failure(SYNCMGR_E_INVALID, "there are no entries") }
    let target = try callerBuffer(buffer, capacity)
    var length = 0
    defer { out_length?.pointee = length }
    try transaction.whileOpen("read in") { () throws(Failure) in
      try transaction.get(
        UnsafeMutableBufferPointer(start: entries, count: Int(count)), target, &length)
    }
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_transaction_put(
  _ transaction: OpaquePointer?, _ change: UnsafePointer<syncmgr_change_t>?
) -> Int32 {
  transactionCall(transaction, .openToExecute) { (transaction) throws(Failure) in
    guard let change = change?.pointee else {
      throw Failure(SYNCMGR_E_INVALID, "the change is NULL")
    }
    let item = try Store.Item(change, isOurs: false)
    try item.key.check()
    let data = try data(change.data, change.length, most: largestEntry, "entry")
    try transaction.whileOpen("write in") { () throws(Failure) in
      try transaction.put(
        [UInt8](item.key.text), data, type: item.type, expected: item.expected,
        isCheck: item.isCheck)
    }
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_transaction_range(
  _ transaction: OpaquePointer?, _ range: UnsafeMutablePointer<syncmgr_range_t>?,
  _ entries: UnsafeMutablePointer<syncmgr_entry_t>?, _ count: UnsafeMutablePointer<UInt32>?,
  _ buffer: UnsafeMutableRawPointer?, _ capacity: Int
) -> Int32 {
  transactionCall(transaction, .openToExecute) { (transaction) throws(Failure) in
    let query = try RangeQuery(range, entries, count)
    let target = try callerBuffer(buffer, capacity)
    let result = try transaction.whileOpen("read in") { () throws(Failure) in
      try transaction.range(query.pattern, query.entries, target, keysOnly: query.keysOnly)
    }
    return try query.give(result, try transaction.store().store, capacity)
  }
}

// MARK: - Locks and savepoints

@c @implementation
public func syncmgr_transaction_lock(
  _ transaction: OpaquePointer?, _ target: UnsafePointer<CChar>?, _ mode: UInt32,
  _ timeout_ns: Int64
) -> Int32 {
  transactionCall(transaction, .openToExecute) { (transaction) throws(Failure) in
    let key = try targetName(target)
    try checkMode(mode)
    _ = try Deadline.after(timeout_ns)
    try transaction.whileOpen("lock in") { () throws(Failure) in
      try transaction.lock(key, mode, timeout_ns)
    }
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_transaction_lock_start(
  _ transaction: OpaquePointer?, _ target: UnsafePointer<syncmgr_target_t>?,
  _ timeout_ns: Int64, _ queue: OpaquePointer?, _ user_data: UInt64,
  _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  transactionCall(transaction) { (transaction) throws(Failure) in
    let ticket = try required(out_ticket)
    guard let wanted = target?.pointee else {
      throw Failure(SYNCMGR_E_INVALID, "the target is NULL")
    }
    let key = try targetName(wanted.name)
    try checkMode(wanted.mode)
    try checkReserved(wanted.reserved)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    try start.check(transaction.attachment)
    return try give(try transaction.lockStart(key, wanted.mode, start), ticket)
  }
}

@c @implementation
public func syncmgr_transaction_unlock(
  _ transaction: OpaquePointer?, _ target: UnsafePointer<CChar>?
) -> Int32 {
  transactionCall(transaction) { (transaction) throws(Failure) in
    let key = try targetName(target)
    try transaction.checkOpen("unlock in")
    try transaction.targets.unlock(key)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_transaction_savepoint(
  _ transaction: OpaquePointer?, _ name: UnsafePointer<CChar>?
) -> Int32 {
  transactionCall(transaction) { (transaction) throws(Failure) in
    let name = try label(name, "savepoint")
    try transaction.checkOpen("set a savepoint in")
    transaction.savepoint(name)
    return SYNCMGR_OK
  }
}

// MARK: - Ends

@c @implementation
public func syncmgr_transaction_rollback_to(
  _ transaction: OpaquePointer?, _ name: UnsafePointer<CChar>?
) -> Int32 {
  transactionCall(transaction) { (transaction) throws(Failure) in
    let name = try label(name, "savepoint")
    try transaction.aimBack(to: name)
    return try reach(transaction)
  }
}

@c @implementation
public func syncmgr_transaction_commit(
  _ transaction: OpaquePointer?, _ flags: UInt32, _ timeout_ns: Int64,
  _ out_revision: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  transactionCall(transaction) { (transaction) throws(Failure) in
    try checkFlags(flags, SYNCMGR_PUT_QUEUED)
    let deadline = try Deadline.after(timeout_ns)
    try transaction.aim(.commit)
    let status = try reach(transaction)
    if status != SYNCMGR_OK { return status }
    out_revision?.pointee = transaction.revision
    if flags & SYNCMGR_PUT_QUEUED == 0 {
      try transaction.store().store.sync(transaction.revision, until: deadline)
    }
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_transaction_rollback(_ transaction: OpaquePointer?) -> Int32 {
  transactionCall(transaction) { (transaction) throws(Failure) in
    try transaction.aim(.rollback)
    return try reach(transaction)
  }
}

@c @implementation
public func syncmgr_transaction_execute(_ transaction: OpaquePointer?) -> Int32 {
  transactionCall(transaction) { (transaction) throws(Failure) in
    try transaction.aim(.execute)
    return try reach(transaction)
  }
}

@c @implementation
public func syncmgr_transaction_prepare(_ transaction: OpaquePointer?) -> Int32 {
  transactionCall(transaction) { (transaction) throws(Failure) in
    try transaction.aim(.prepare)
    let status = try reach(transaction)
    if status == SYNCMGR_OK {
      try transaction.store().store.sync(transaction.revision, until: transaction.deadline)
    }
    return status
  }
}

@c @implementation
public func syncmgr_transaction_wait(
  _ transaction: OpaquePointer?, _ timeout_ns: Int64
) -> Int32 {
  transactionCall(transaction) { (transaction) throws(Failure) in
    let deadline = try Deadline.after(timeout_ns)
    if try transaction.awaitDecision(until: deadline) { return SYNCMGR_OK }
    throw Failure(SYNCMGR_E_TIMEOUT, naming: "\(transaction.called) is not decided yet")
  }
}

/// Takes steps to the aim, as far as blocking calls go.
private func reach(_ transaction: Transaction) throws(Failure) -> Int32 {
  let step = try transaction.advance(blocks: true)
  switch step.kind {
  case .done:
    if let fault = step.fault { throw fault.failure }
    return SYNCMGR_OK
  case .votes: throw Failure(SYNCMGR_E_CLOSED, "the transaction was closed")
  case .execute, .undo, .wait, .lock, .sync, .pending: return SYNCMGR_PENDING
  }
}

// MARK: - Steps

@c @implementation
public func syncmgr_transaction_aim(
  _ transaction: OpaquePointer?, _ aim: UInt32, _ savepoint: UnsafePointer<CChar>?
) -> Int32 {
  transactionCall(transaction) { (transaction) throws(Failure) in
    if savepoint != nil, aim != SYNCMGR_AIM_ROLLBACK_TO {
      throw Failure(SYNCMGR_E_INVALID, "the aim has no savepoint")
    }
    switch aim {
    case SYNCMGR_AIM_EXECUTE: try transaction.aim(.execute)
    case SYNCMGR_AIM_COMMIT: try transaction.aim(.commit)
    case SYNCMGR_AIM_PREPARE: try transaction.aim(.prepare)
    case SYNCMGR_AIM_ROLLBACK: try transaction.aim(.rollback)
    case SYNCMGR_AIM_ROLLBACK_TO:
      try transaction.aimBack(to: try label(savepoint, "savepoint"))
    default: throw Failure(SYNCMGR_E_INVALID, naming: "there is no aim \(aim)")
    }
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_transaction_step(
  _ transaction: OpaquePointer?, _ out_step: UnsafeMutablePointer<syncmgr_step_t>?
) -> Int32 {
  transactionCall(transaction) { (transaction) throws(Failure) in
    let target = try required(out_step)
    let step = try transaction.advance(blocks: false)
    // Its sentence is this thread's from now on.
    let status = step.fault?.failure.status ?? SYNCMGR_OK
    target.pointee = syncmgr_step_t(
      kind: step.kind.rawValue, index: UInt32(step.index), mode: step.mode, status: status,
      revision: step.revision, timeout_ns: step.timeout)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_transaction_report(
  _ transaction: OpaquePointer?, _ index: UInt32, _ status: Int32, _ result: UnsafeRawPointer?,
  _ length: Int
) -> Int32 {
  transactionCall(transaction) { (transaction) throws(Failure) in
    let data = try data(result, length, most: TransactionOperation.mostResult, "result")
    return try transaction.report(index, status, data) ? SYNCMGR_E_LATE : SYNCMGR_OK
  }
}

// MARK: - Looking

@c @implementation
public func syncmgr_transaction_info(
  _ transaction: OpaquePointer?, _ out_info: UnsafeMutablePointer<syncmgr_transaction_info_t>?
) -> Int32 {
  call(transaction, .transaction) { (slot) throws(Failure) in
    try required(out_info).pointee = Transaction.of(slot).info
    return SYNCMGR_OK
  }
}
