public import CSyncMgr
import CSyncMgrShim
import Glibc

@c @implementation
public func syncmgr_transaction_add(
  _ transaction: OpaquePointer?, _ operation: UnsafePointer<syncmgr_operation_t>?,
  _ out_index: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  transactionCall(transaction) { (transaction) throws(Failure) in
    let wanted = try TransactionOperation(operation, transaction)
    let index = try transaction.whileOpen("add an operation to") { () throws(Failure) in
      try transaction.add(wanted)
    }
    out_index?.pointee = index
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_transaction_operation(
  _ transaction: OpaquePointer?, _ index: UInt32,
  _ out_operation: UnsafeMutablePointer<syncmgr_operation_t>?, _ buffer: UnsafeMutableRawPointer?,
  _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  transactionCall(transaction, .openToAll) { (transaction) throws(Failure) in
    let target = try required(out_operation)
    let room = try callerBuffer(buffer, capacity)
    let operation = try transaction.operation(index)
    var texts = TransactionTexts()
    defer { texts.free() }
    var found = syncmgr_operation_t()
    operation.describe(&found, &texts)
    found.index = index
    found.transaction = pointer(transaction.handle)
    var packing = Packing(room)
    func copy(_ text: inout UnsafePointer<CChar>?) {
      guard let source = text else { return }
      let bytes = UnsafeRawBufferPointer(start: source, count: strlen(source))
      text = packing.add(bytes).map { UnsafePointer($0.assumingMemoryBound(to: CChar.self)) }
    }
    if let data = operation.data {
      found.data = data.withUnsafeBytes { UnsafeRawPointer(packing.add($0, aligned: true)) }
    }
    copy(&found.name)
    copy(&found.id)
    copy(&found.target)
    copy(&found.parameters)
    out_length?.pointee = packing.end
    if packing.isFull {
      throw Failure(
        SYNCMGR_E_TOO_LARGE,
        naming: "the operation needs \(packing.end) bytes, the buffer has \(capacity)")
    }
    target.pointee = found
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_transaction_result(
  _ transaction: OpaquePointer?, _ index: UInt32, _ out_state: UnsafeMutablePointer<UInt32>?,
  _ buffer: UnsafeMutableRawPointer?, _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  transactionCall(transaction, .openToAll) { (transaction) throws(Failure) in
    let length = try required(out_length)
    let room = try callerBuffer(buffer, capacity)
    let operation = try transaction.operation(index)
    out_state?.pointee = operation.state.rawValue
    length.pointee = operation.result.count
    if operation.result.count > room.count {
      throw Failure(
        SYNCMGR_E_TOO_LARGE,
        naming: "the result has \(operation.result.count) bytes, the buffer \(capacity)")
    }
    room.copyBytes(from: operation.result)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_transaction_set_result(
  _ transaction: OpaquePointer?, _ index: UInt32, _ data: UnsafeRawPointer?, _ length: Int
) -> Int32 {
  transactionCall(transaction, .openToAll) { (transaction) throws(Failure) in
    let bytes = try SyncMgr.data(
      data, length, most: TransactionOperation.mostResult, "result")
    _ = try transaction.operation(index)
    transaction.plan.operations[Int(index)].result = bytes ?? []
    return SYNCMGR_OK
  }
}

// MARK: - Handlers

@c @implementation
public func syncmgr_transaction_handler(
  _ store: OpaquePointer?, _ handler: UnsafePointer<syncmgr_handler_t>?,
  _ out_subscription: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  var user: UnsafeMutableRawPointer?
  var destroy: RegisteredCallback.Destroy?
  let status = storeCall(store) { (store) throws(Failure) in
    guard let handler else { throw Failure(SYNCMGR_E_INVALID, "the handler is NULL") }
    let read = try readOptions(handler, syncmgr_handler_t())
    (user, destroy) = (read.user, read.destroy)
    let target = try required(out_subscription)
    try checkFlags(read.flags, 0)
    let made = TransactionHandler(
      try label(read.name, "name of the handler"), execute: read.execute, undo: read.undo,
      read.user, read.destroy)
    let handlers = TransactionHandlers.of(store.attachment)
    target.pointee = pointer(
      try CallbackRegistration.open(
        try manager(store), add: { () throws(Failure) in try handlers.add(made) },
        remove: { handlers.remove(made) }))
    return SYNCMGR_OK
  }
  if status < 0 { destroy?(user) }
  return status
}

/// The manager through which a store's handle was opened.
private func manager(_ store: Store) throws(Failure) -> Manager {
  guard let stream = Possessions.of(store.caller) as? Stream else {
    throw Failure(SYNCMGR_E_HANDLE, "the store's workstream is gone")
  }
  return stream.manager
}

@c @implementation
public func syncmgr_store_validator(
  _ store: OpaquePointer?, _ pattern: UnsafePointer<CChar>?,
  _ callback: (
    @convention(c) (UnsafePointer<syncmgr_entry_t>?, UnsafeMutableRawPointer?) -> Int32
  )?,
  _ user: UnsafeMutableRawPointer?,
  _ destroy: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?,
  _ out_subscription: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  let status = storeCall(store) { (store) throws(Failure) in
    let target = try required(out_subscription)
    guard let callback else { throw Failure(SYNCMGR_E_INVALID, "there is no callback") }
    let made = StoreValidator(try keyPattern(pattern, most: 255), callback, user, destroy)
    let attachment = store.attachment
    target.pointee = pointer(
      try CallbackRegistration.open(
        try manager(store), add: { () throws(Failure) in made.add(to: attachment) },
        remove: { made.remove(from: attachment) }))
    return SYNCMGR_OK
  }
  if status < 0 { destroy?(user) }
  return status
}

@c @implementation
public func syncmgr_store_constraint(
  _ store: OpaquePointer?, _ pattern: UnsafePointer<CChar>?, _ rule: UnsafePointer<CChar>?,
  _ flags: UInt32
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    try checkFlags(flags, SYNCMGR_PUT_QUEUED)
    let pattern = try keyPattern(pattern, most: 240)
    let read = try givenJSON(rule, "rule", most: 4096)
    if let read { _ = try StoreConstraint(pattern, read) }
    try DeclaredRules.declare(
      TransactionStore(store), pattern, read.map { JSON.bytes(of: $0) }, flags)
    return SYNCMGR_OK
  }
}

private func keyPattern(
  _ text: UnsafePointer<CChar>?, most: UInt32
) throws(Failure) -> [UInt8] {
  guard let found = try bytes(text, most, "pattern"), found.count > 0 else {
    throw Failure(SYNCMGR_E_INVALID, "the pattern is NULL or empty")
  }
  if String(validating: found, as: UTF8.self) == nil {
    throw Failure(SYNCMGR_E_INVALID, "the pattern is not UTF-8")
  }
  return [UInt8](found)
}
