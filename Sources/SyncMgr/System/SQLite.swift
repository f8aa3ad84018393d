import CSyncMgr
import CSyncMgrShim

/// A connection to a database of the system's SQLite. For one thread at a time. Nothing but
/// `checkpoint` moves the write-ahead log into the file.
final class SQLite {
  private let connection: UnsafeMutableRawPointer
  /// For sentences.
  let path: String
  /// How many pages the write-ahead log had at the last commit of this connection.
  private let pages: UnsafeMutablePointer<Int32>

  var logPages: Int { Int(pages.pointee) }

  /// Opens a database, or creates it.
  init(_ path: String) throws(Failure) {
    self.path = path
    var why = [CChar](repeating: 0, count: 256)
    if sm_sqlite_load(&why, why.count) != 0 {
      let reason = String(
        decoding: why.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw Failure(
        SYNCMGR_E_UNAVAILABLE,
        naming: "the library libsqlite3.so.0 is needed for \(path); Debian's package is "
          + "libsqlite3-0 (\(reason))")
    }
    var made: UnsafeMutableRawPointer?
    let code = sm_sqlite_open(path, &made)
    if code != 0 {
      let failure = SQLite.failure(code, made, path, "cannot be opened")
      if let made { _ = sm_sqlite_close(made, 0) }
      throw failure
    }
    connection = made.unsafelyUnwrapped
    if sm_sqlite_is_read_only(connection) != 0 {
      _ = sm_sqlite_close(connection, 0)
      throw Failure(SYNCMGR_E_PERMISSION, naming: "\(path) may not be written")
    }
    pages = .allocate(capacity: 1)
    pages.initialize(to: 0)
    sm_sqlite_watch_log(connection, pages)
  }

  /// After all statements are gone. `isLast`: nobody else of us has it open.
  func close(isLast: Bool = false) {
    _ = sm_sqlite_close(connection, isLast ? 1 : 0)
    pages.deallocate()
  }

  func run(_ sql: String) throws(Failure) {
    let code = sm_sqlite_exec(connection, sql)
    if code != 0 { throw failure(code) }
  }

  func prepare(_ sql: String) throws(Failure) -> Statement {
    var made: UnsafeMutableRawPointer?
    let code = sm_sqlite_prepare(connection, sql, &made)
    guard code == 0, let made else { throw failure(code) }
    return Statement(made, self)
  }

  /// The number that a query of one row and column gives; nil without a row.
  func number(_ sql: String) throws(Failure) -> Int64? {
    let statement = try prepare(sql)
    defer { statement.finish() }
    return try statement.step() ? statement.number(0) : nil
  }

  func text(_ sql: String) throws(Failure) -> String? {
    let statement = try prepare(sql)
    defer { statement.finish() }
    return try statement.step() ? String(decoding: statement.bytes(0), as: UTF8.self) : nil
  }

  /// Ends a transaction that did not come to its end.
  func rollBack() {
    if sm_sqlite_is_in_transaction(connection) != 0 { _ = sm_sqlite_exec(connection, "ROLLBACK") }
  }

  /// Moves the write-ahead log into the file. Who reads the database meanwhile keeps it from being
  /// emptied, which is no error.
  func checkpoint(truncates: Bool) throws(Failure) {
    let code = sm_sqlite_checkpoint(connection, truncates ? 1 : 0)
    if code & 0xff != SM_SQLITE_BUSY, code != 0 { throw failure(code) }
  }

  /// Because of a code that a call gave.
  func failure(_ code: Int32) -> Failure {
    SQLite.failure(code, connection, path, "cannot be written or read")
  }

  private static func failure(
    _ code: Int32, _ connection: UnsafeMutableRawPointer?, _ path: String, _ what: String
  ) -> Failure {
    if code < 0 { return Failure(system: "use \(path)", code) }
    let words =
      connection.map { String(cString: sm_sqlite_words($0)) } ?? "out of memory"
    let error = connection.map { sm_sqlite_errno($0) } ?? 0
    let reason = error == 0 ? words : words + ": " + String(systemError: -error)
    let status: Int32
    switch (code & 0xff, error) {
    case (SM_SQLITE_FULL, _), (SM_SQLITE_IOERR, 28), (SM_SQLITE_IOERR, 122),
      (SM_SQLITE_IOERR, 27), (SM_SQLITE_CANTOPEN, 28):
      status = SYNCMGR_E_NO_SPACE
    case (SM_SQLITE_READONLY, _), (_, 13), (_, 1), (_, 30): status = SYNCMGR_E_PERMISSION
    case (SM_SQLITE_BUSY, _): status = SYNCMGR_E_BUSY
    case (SM_SQLITE_NOMEM, _): status = SYNCMGR_E_NO_MEMORY
    case (SM_SQLITE_CORRUPT, _), (SM_SQLITE_NOTADB, _): status = SYNCMGR_E_CORRUPT
    default: status = SYNCMGR_E_SYSTEM
    }
    return Failure(status, naming: "\(path) \(what): \(reason)")
  }
}

/// A prepared statement. Who made it finishes it.
struct Statement {
  private let at: UnsafeMutableRawPointer
  private unowned let database: SQLite

  fileprivate init(_ at: UnsafeMutableRawPointer, _ database: SQLite) {
    self.at = at
    self.database = database
  }

  // What is bound stays where it is until the reset.

  func bind(_ index: Int32, _ value: UInt64) {
    _ = sm_sqlite_bind_number(at, index, Int64(bitPattern: value))
  }

  func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer, isText: Bool) throws(Failure) {
    let (start, count) = (bytes.baseAddress, UInt64(bytes.count))
    let code =
      isText
      ? sm_sqlite_bind_text(at, index, start, count)
      : sm_sqlite_bind_bytes(at, index, start, count)
    if code != 0 { throw database.failure(code) }
  }

  /// True when there is a row.
  func step() throws(Failure) -> Bool {
    let code = sm_sqlite_step(at)
    if code == SM_SQLITE_ROW { return true }
    if code == SM_SQLITE_DONE { return false }
    throw database.failure(code)
  }

  /// Runs it to its end, which has no rows, and makes it ready for the next time.
  func run() throws(Failure) {
    defer { reset() }
    while try step() {}
  }

  func reset() { sm_sqlite_reset(at) }

  func number(_ column: Int32) -> Int64 { sm_sqlite_number(at, column) }

  /// Until the next step.
  func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
    var count: UInt64 = 0
    let start = sm_sqlite_bytes(at, column, &count)
    return UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(count))
  }

  func finish() { sm_sqlite_finalize(at) }
}
