public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_transaction_list(
  _ store: OpaquePointer?, _ filter: UnsafePointer<syncmgr_transaction_filter_t>?,
  _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    let target = try required(out_length)
    var defaults = syncmgr_transaction_filter_t()
    defaults.statuses = 0xff
    let wanted = try readOptions(filter, defaults)
    try checkFlags(wanted.statuses, 0xff)
    let name = wanted.workstream == nil ? nil : try Name(wanted.workstream, what: "workstream")
    let view = TransactionStore(store)
    _ = try TransactionRecovery(view).sweep()
    let text = try TransactionRecords(store: view).json(
      { wanted.statuses & 1 << $0.rawValue != 0 }, workstream: name?.text)
    return try give(text, "list", buffer, capacity, target)
  }
}

@c @implementation
public func syncmgr_transaction_show(
  _ store: OpaquePointer?, _ id: UInt64, _ buffer: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    let target = try required(out_length)
    guard let record = try TransactionRecords(store: TransactionStore(store)).one(id) else {
      throw Failure(
        SYNCMGR_E_NOT_FOUND, naming: "transaction \(JSONValue(hex: id).string ?? "") not found")
    }
    return try give(record.bytes, "record", buffer, capacity, target)
  }
}

@c @implementation
public func syncmgr_transaction_clear(
  _ store: OpaquePointer?, _ age_ns: Int64, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    if age_ns < 0 { throw Failure(SYNCMGR_E_INVALID, naming: "an age of \(age_ns) ns is below 0") }
    let before = sm_date().subtractingReportingOverflow(age_ns)
    let count = try TransactionRecords(store: TransactionStore(store)).clear(
      before: before.overflow ? 0 : before.partialValue)
    out_count?.pointee = UInt32(count)
    return SYNCMGR_OK
  }
}

// MARK: - Recovery

@c @implementation
public func syncmgr_transaction_recover(
  _ store: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  var report = RecoveryReport()
  let status = storeCall(store) { (store) throws(Failure) in
    _ = try required(out_length)
    if buffer == nil, capacity != 0 { throw Failure(SYNCMGR_E_INVALID, "the buffer is NULL") }
    let kept = LocalCoordination.of(store.attachment)
    // What was left before may be given to this process again.
    Local.always { _ in kept.adopted = [] }
    let (ended, left) = try TransactionRecovery(TransactionStore(store)).sweep()
    report.ended = ended
    report.todo = left.map { $0.id }
    return SYNCMGR_OK
  }
  if status < 0 { return status }
  // Each in a transaction of its own, for its handlers may call anything.
  for id in report.todo {
    let status = recover(store, id, &report)
    if status < 0 { return status }
  }
  return storeCall(store) { (_) throws(Failure) in
    let written = try give(report.bytes, "report", buffer, capacity, try required(out_length))
    return report.left.isEmpty ? written : SYNCMGR_PARTIAL
  }
}

/// Undoes what one transaction of the dead has executed, if nobody else does.
private func recover(
  _ store: OpaquePointer?, _ id: UInt64, _ report: inout RecoveryReport
) -> Int32 {
  var handle: UInt64 = 0
  let status = storeCall(store) { (store) throws(Failure) in
    guard let stream = Possessions.of(store.caller) as? Stream else { return SYNCMGR_OK }
    let found = try stream.openTransaction { (beginning) throws(Failure) in
      try beginning.adopt(id)
    }
    handle = found ?? 0
    return SYNCMGR_OK
  }
  if status < 0 || handle == 0 { return status }
  let result = transactionCall(pointer(handle)) { (transaction) throws(Failure) in
    let step = try transaction.advance(blocks: true)
    report.note(transaction, step)
    return SYNCMGR_OK
  }
  _ = syncmgr_transaction_close(pointer(handle))
  return result
}

/// What a recovery did.
private struct RecoveryReport {
  struct Left {
    let id: UInt64
    let operation: Int
    let name: String?
    let reason: String
  }

  var ended: [TransactionRecovery.Found] = []
  var todo: [UInt64] = []
  var left: [Left] = []

  mutating func note(_ transaction: Transaction, _ step: TransactionStep) {
    if transaction.status.isOver {
      ended.append(TransactionRecovery.Found(id: transaction.id, status: transaction.status))
      return
    }
    for (index, operation) in transaction.plan.operations.enumerated()
    where operation.state.isToBeUndone {
      let reason =
        operation.reason.isEmpty
        ? (operation.name == nil ? "it has no name" : "it comes after the others")
        : operation.reason
      left.append(
        Left(id: transaction.id, operation: index, name: operation.name, reason: reason))
    }
  }

  var bytes: [UInt8] {
    JSON.bytes(
      of: .made(
        (
          "recovered",
          .list(
            ended.map {
              .made(("id", JSONValue(hex: $0.id)), ("status", .text($0.status.word)))
            })
        ),
        (
          "left",
          .list(
            left.map {
              .made(
                ("id", JSONValue(hex: $0.id)), ("operation", .integer(Int64($0.operation))),
                ("name", $0.name.map { .text($0) }), ("reason", .text($0.reason)))
            })
        )))
  }
}

// MARK: - Running

@c @implementation
public func syncmgr_transaction_run(
  _ store: OpaquePointer?, _ options: UnsafePointer<syncmgr_transaction_options_t>?,
  _ body: (@convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Int32)?,
  _ user: UnsafeMutableRawPointer?, _ out_revision: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  var wanted = TransactionOptions()
  var deadline = Deadline.never
  let status = storeCall(store) { (store) throws(Failure) in
    if body == nil { throw Failure(SYNCMGR_E_INVALID, "there is no body") }
    wanted = try transactionOptions(options)
    deadline = try Deadline.after(wanted.timeout)
    return SYNCMGR_OK
  }
  guard status >= 0, let body else { return status }
  var delay = wanted.retryDelay
  var attempt: UInt32 = 0
  while true {
    let status = runOnce(store, wanted, deadline, body, user, out_revision)
    let isRetried = [SYNCMGR_E_CHANGED, SYNCMGR_E_DEADLOCK, SYNCMGR_E_PREEMPTED].contains(status)
    if !isRetried || attempt == wanted.retries || Deadline.hasPassed(deadline) { return status }
    attempt += 1
    // Between half of it and all: those that met do not meet again.
    var chance: UInt64 = 0
    _ = sm_random(&chance, 8)
    let half = delay / 2
    var pause = half + Int64(chance % UInt64(max(delay - half, 0) + 1))
    if deadline != Deadline.never { pause = min(pause, max(deadline - sm_now(), 0)) }
    if pause > 0 { sm_nap(pause) }
    let most = wanted.retryDelay.multipliedReportingOverflow(by: 100)
    delay = min(
      delay > Int64.max / 2 ? delay : delay * 2, most.overflow ? Int64.max : most.partialValue)
  }
}

private func runOnce(
  _ store: OpaquePointer?, _ options: TransactionOptions, _ deadline: Int64,
  _ body: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Int32,
  _ user: UnsafeMutableRawPointer?, _ out_revision: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  var options = options
  if deadline != Deadline.never { options.timeout = max(deadline - sm_now(), 1) }
  var transaction: OpaquePointer?
  let status = storeCall(store) { (store) throws(Failure) in
    guard let stream = Possessions.of(store.caller) as? Stream else { return SYNCMGR_OK }
    transaction = pointer(
      try stream.openTransaction { (beginning) throws(Failure) in
        try beginning.begin(options)
      } ?? 0)
    return SYNCMGR_OK
  }
  if status < 0 { return status }
  var outcome = body(transaction, user)
  if outcome >= 0 {
    outcome = syncmgr_transaction_commit(transaction, 0, SYNCMGR_FOREVER, out_revision)
  }
  // What is told is why it ended, and not how it was closed.
  let sentence = Failure.kept()
  _ = syncmgr_transaction_close(transaction)
  if outcome < 0 { _ = Failure(outcome, naming: sentence) }
  return outcome
}
