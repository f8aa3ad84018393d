import CSyncMgr
import CSyncMgrShim

/// What callers give to transactions, checked.

func transactionOptions(
  _ options: UnsafePointer<syncmgr_transaction_options_t>?
) throws(Failure) -> TransactionOptions {
  var wanted = TransactionOptions()
  var defaults = syncmgr_transaction_options_t()
  defaults.retries = wanted.retries
  defaults.timeout_ns = wanted.timeout
  defaults.operation_timeout_ns = wanted.operationTimeout
  defaults.retry_delay_ns = wanted.retryDelay
  let read = try readOptions(options, defaults)
  try checkFlags(
    read.flags,
    SYNCMGR_TRANSACTION_READ_ONLY | SYNCMGR_TRANSACTION_STRICT | SYNCMGR_TRANSACTION_OPTIMISTIC)
  try checkReserved(read.reserved)
  guard let isolation = TransactionIsolation(rawValue: read.isolation) else {
    throw Failure(SYNCMGR_E_INVALID, naming: "\(read.isolation) is no level of isolation")
  }
  if read.retry_delay_ns < 0 {
    throw Failure(SYNCMGR_E_INVALID, "the delay before a new beginning is below 0")
  }
  _ = try Deadline.after(read.timeout_ns)
  _ = try Deadline.after(read.operation_timeout_ns)
  wanted.flags = read.flags
  wanted.isolation = isolation
  wanted.priority = read.priority
  wanted.retries = read.retries
  wanted.timeout = read.timeout_ns
  wanted.operationTimeout = read.operation_timeout_ns
  wanted.retryDelay = read.retry_delay_ns
  wanted.workstreams = try readNames(read.workstreams).map { $0.text }
  wanted.metadata = try givenJSON(read.metadata, "metadata")
  return wanted
}

/// A JSON text of a caller's.
func givenJSON(
  _ text: UnsafePointer<CChar>?, _ noun: StaticString, most: Int = 65536
) throws(Failure) -> JSONValue? {
  guard let text else { return nil }
  var count = 0
  while count <= most, text[count] != 0 { count += 1 }
  if count > most {
    throw Failure(SYNCMGR_E_INVALID, naming: "the \(noun) is longer than \(most) bytes")
  }
  return try JSONReader.read(UnsafeRawBufferPointer(start: text, count: count), noun, .passing)
}

/// The name of a target, as bytes.
func targetName(_ text: UnsafePointer<CChar>?) throws(Failure) -> [UInt8] {
  let key: CellKey
  do throws(Failure) { key = try CellKey.of(text) } catch {
    throw Failure(SYNCMGR_E_INVALID, "the name of a target has 1 to 255 bytes, and is not NULL")
  }
  try key.check()
  try Store.check(key, false)
  return [UInt8](key.text)
}

func checkMode(_ mode: UInt32) throws(Failure) {
  if mode > SYNCMGR_EXCLUSIVE {
    throw Failure(
      SYNCMGR_E_INVALID, naming: "\(mode) is neither SYNCMGR_SHARED nor SYNCMGR_EXCLUSIVE")
  }
}

/// A text that names something: of 1 to 255 bytes of UTF-8, anything else.
func label(_ text: UnsafePointer<CChar>?, _ noun: StaticString) throws(Failure) -> String {
  guard let text, let bytes = try? bytes(text, SYNCMGR_NAME_MAX, noun), bytes.count > 0,
    let found = String(validating: bytes, as: UTF8.self)
  else {
    throw Failure(SYNCMGR_E_NAME, naming: "the \(noun) is not 1 to 255 bytes of UTF-8")
  }
  return found
}

/// Data of a caller's, as far as it is there.
func data(
  _ start: UnsafeRawPointer?, _ length: Int, most: Int, _ noun: StaticString
) throws(Failure) -> [UInt8]? {
  guard let start else {
    if length == 0 { return nil }
    throw Failure(SYNCMGR_E_INVALID, "there is a length and no data")
  }
  if length < 0 || length > most {
    throw Failure(SYNCMGR_E_TOO_LARGE, naming: "the \(noun) is larger than \(most) bytes")
  }
  return [UInt8](UnsafeRawBufferPointer(start: start, count: length))
}

/// The most bytes of an entry that a transaction takes: what the store refuses it refuses anyhow.
let largestEntry = 1 << 30

extension TransactionOperation {
  /// As a caller describes it.
  init(_ given: UnsafePointer<syncmgr_operation_t>?, _ transaction: Transaction) throws(Failure) {
    guard let given else { throw Failure(SYNCMGR_E_INVALID, "the operation is NULL") }
    var defaults = syncmgr_operation_t()
    defaults.timeout_ns = SYNCMGR_OPERATION_TIMEOUT
    let read = try readOptions(given, defaults)
    guard let type = OperationType(rawValue: read.type) else {
      throw Failure(SYNCMGR_E_INVALID, naming: "there is no type of operations \(read.type)")
    }
    self.init(type)
    try checkFlags(read.flags, SYNCMGR_OPERATION_BY_STEPS)
    try checkReserved(read.reserved)
    if read.transaction != nil || read.index != 0 {
      throw Failure(SYNCMGR_E_INVALID, "transaction and index are for callbacks")
    }
    if read.data_type > SYNCMGR_CELL_JSON {
      throw Failure(SYNCMGR_E_INVALID, naming: "there is no type of entries \(read.data_type)")
    }
    isBySteps = read.flags & SYNCMGR_OPERATION_BY_STEPS != 0
    dataType = read.data_type
    name = read.name == nil ? nil : try label(read.name, "name of the handlers")
    id = read.id == nil ? nil : try label(read.id, "id")
    parameters = try givenJSON(read.parameters, "parameters")
    data = try SyncMgr.data(read.data, read.length, most: largestEntry, "operation's data")
    execute = read.execute
    undo = read.undo
    user = read.user
    timeout = read.timeout_ns
    if timeout == SYNCMGR_OPERATION_TIMEOUT { timeout = transaction.options.operationTimeout }
    _ = try Deadline.after(timeout)
    if read.target != nil || type != .custom { target = try targetName(read.target) }
    try check(transaction)
  }

  private func check(_ transaction: Transaction) throws(Failure) {
    if name != nil {
      if type != .custom {
        throw Failure(SYNCMGR_E_INVALID, "only CUSTOM operations have handlers of a name")
      }
      if execute != nil || undo != nil {
        throw Failure(SYNCMGR_E_INVALID, "an operation has callbacks, or a name of handlers")
      }
    } else if type == .custom, execute == nil, !isBySteps {
      throw Failure(
        SYNCMGR_E_INVALID, "a CUSTOM operation has an execute, a name, or is done BY_STEPS")
    }
    if isBySteps, execute != nil || undo != nil {
      throw Failure(SYNCMGR_E_INVALID, "what is done BY_STEPS has no callbacks")
    }
    if data == nil, type == .write || type == .create {
      throw Failure(SYNCMGR_E_INVALID, "there is no data to write")
    }
    if type.writes, type != .custom { try transaction.checkWritable() }
    if transaction.options.isStrict, let name, !isBySteps,
      !TransactionHandlers.of(transaction.attachment).has(name)
    {
      throw Failure(
        SYNCMGR_E_NOT_FOUND, naming: "no handler of this process has the name '\(name)'")
    }
  }
}
