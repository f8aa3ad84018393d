import CSyncMgr
import CSyncMgrShim
import Glibc

/// How this process uses the file of a store: the claim on it, and a connection of SQLite.
///
/// One process of the space at a time opens, writes, checkpoints and closes it: whoever has the
/// store's `flusher` word, see StoreDisk. SQLite up to 3.51.2 may damage a file whose write-ahead
/// log two connections begin anew at once; and connections that wait for each other starve.
///
///     entries   what is there, a row per key. `type` is SYNCMGR_CELL_...; a JSON value is TEXT
///     meta      revision: no entry that was deleted had a higher one. The store's is the highest
///               of this and all entries: so most commits need not write it
///               floor: no key that was deleted had a higher version
///               space: the identity of the space that has read it last, and writes it
final class Ledger {
  private let claim: FileClaim
  private let path: String
  /// For sentences.
  private let space: String
  private let identity: UInt64
  private let rights: (mode: UInt32, group: UInt32)
  private var connection: Connection?

  /// 'sync' as a number, in the file's head: for file(1), and to know a store.
  private static let application: Int64 = 0x7379_6e63
  private static let schema: Int64 = 1

  private struct Connection {
    let database: SQLite
    let begin: Statement
    let commit: Statement
    let put: Statement
    let delete: Statement
    let mark: Statement
    let file: sm_stat
    var statements: [Statement] { [begin, commit, put, delete, mark] }
    /// Pages of the write-ahead log at which it is checkpointed next.
    var checkpointAt = Ledger.checkpointPages
  }

  /// So much of the write-ahead log, 8 MiB, goes into the file at a time.
  private static let checkpointPages = 2000

  private init(_ attachment: Attachment, _ path: [UInt8]) throws(Failure) {
    claim = try FileClaim(path, attachment)
    self.path = String(decoding: path, as: UTF8.self)
    space = attachment.text
    identity = attachment.header.pointee.identity
    rights = attachment.rights
  }

  /// That of this process, made with the claim when it is not there.
  static func of(_ attachment: Attachment) throws(Failure) -> Ledger {
    if let found = existing(attachment) { return found }
    guard let path = attachment.storePath else {
      throw Failure(SYNCMGR_E_UNSUPPORTED, naming: "\(attachment.text) has no file")
    }
    let made = try Ledger(attachment, path)
    Local.always { _ in attachment.ledger = made }
    return made
  }

  static func existing(_ attachment: Attachment) -> Ledger? {
    Local.always { _ in attachment.ledger }.map { unsafeDowncast($0, to: Ledger.self) }
  }

  /// `isLast`: nobody of the space is left, and nothing of the write-ahead log is to be either.
  func end(_ attachment: Attachment, isLast: Bool) {
    disconnect(isLast: isLast)
    claim.end()
    Local.always { _ in attachment.ledger = nil }
  }

  // MARK: - The connection

  /// `isLoaded`: the space has read it before.
  private func connect(isLoaded: Bool) throws(Failure) -> Connection {
    if let connection {
      var file = sm_stat()
      if sm_stat_path(path, &file) == 0, file.inode == connection.file.inode,
        file.device == connection.file.device
      {
        return connection
      }
      disconnect()
      throw Failure(
        SYNCMGR_E_CORRUPT, naming: "\(path) was removed or replaced while \(space) is open")
    }
    create()
    let database = try SQLite(path)
    var statements: [Statement] = []
    do throws(Failure) {
      try check(database)
      guard try database.text("PRAGMA journal_mode=WAL") == "wal" else {
        throw Failure(
          SYNCMGR_E_UNSUPPORTED, naming: "\(path) is where SQLite can have no write-ahead log")
      }
      try database.run("PRAGMA synchronous=FULL; PRAGMA cache_size=-16384")
      if isLoaded, UInt64(bitPattern: try meta("space", database)) != identity {
        throw Failure(SYNCMGR_E_CORRUPT, naming: "\(path) is not what \(space) has read: replaced")
      }
      for sql in [
        "BEGIN IMMEDIATE",
        "COMMIT",
        "INSERT OR REPLACE INTO entries VALUES(?,?,?,?,?,?,?,?)",
        "DELETE FROM entries WHERE key=?",
        "INSERT OR REPLACE INTO meta VALUES(?,?)",
      ] { statements.append(try database.prepare(sql)) }
      var file = sm_stat()
      let error = sm_stat_path(path, &file)
      if error < 0 { throw Failure(system: "look at \(path)", error) }
      let made = Connection(
        database: database, begin: statements[0], commit: statements[1], put: statements[2],
        delete: statements[3], mark: statements[4], file: file)
      connection = made
      return made
    } catch {
      for statement in statements { statement.finish() }
      database.close()
      throw error
    }
  }

  /// Makes the file, when it is not there, for those who may have the segment.
  private func create() {
    let file = sm_open(path, O_RDWR | O_CREAT | O_EXCL, rights.mode)
    if file < 0 { return }
    _ = sm_own(file, rights.group, rights.mode)
    // Nobody of this process has it open, whose locks that would drop: it is new.
    sm_close(file)
  }

  /// Finds a store of this library, or nothing at all, of which a store is made.
  private func check(_ database: SQLite) throws(Failure) {
    let application = try database.number("PRAGMA application_id")
    let tables = try database.number("SELECT count(*) FROM sqlite_master") ?? 0
    if application == 0, tables == 0 {
      try database.run(
        """
        BEGIN IMMEDIATE;
        PRAGMA application_id=\(Ledger.application);
        PRAGMA user_version=\(Ledger.schema);
        CREATE TABLE entries(key TEXT PRIMARY KEY, value, type INTEGER NOT NULL,
          version INTEGER NOT NULL, revision INTEGER NOT NULL, wall INTEGER NOT NULL,
          writer_id INTEGER NOT NULL, writer TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        INSERT INTO meta VALUES('revision', 0), ('floor', 0), ('space', 0);
        COMMIT
        """)
      return
    }
    guard application == Ledger.application else {
      throw Failure(SYNCMGR_E_CORRUPT, naming: "\(path) is a database of something else")
    }
    let schema = try database.number("PRAGMA user_version") ?? 0
    guard schema == Ledger.schema else {
      throw Failure(
        SYNCMGR_E_VERSION,
        naming: "\(path) has the schema \(schema) of a store, this library knows \(Ledger.schema)")
    }
  }

  private func meta(_ name: StaticString, _ database: SQLite) throws(Failure) -> Int64 {
    guard let value = try database.number("SELECT value FROM meta WHERE name='\(name)'") else {
      throw Failure(SYNCMGR_E_CORRUPT, naming: "\(path) does not say its \(name)")
    }
    return value
  }

  private func disconnect(isLast: Bool = false) {
    guard let connection else { return }
    for statement in connection.statements { statement.finish() }
    connection.database.close(isLast: isLast)
    self.connection = nil
  }

  // MARK: - Reading

  /// Gives every row, and what the file knows of the whole. From here on the space writes it.
  func read(
    _ row: (StoredEntry) throws(Failure) -> Void
  ) throws(Failure) -> (revision: UInt64, floor: UInt64) {
    let database = try connect(isLoaded: false).database
    try write(isLoaded: false) { (writer) throws(Failure) in
      try writer.mark("space", identity)
    }
    do throws(Failure) {
      let statement = try database.prepare(
        "SELECT key,value,type,version,revision,wall,writer_id,writer FROM entries")
      defer { statement.finish() }
      var revision = UInt64(bitPattern: try meta("revision", database))
      while try statement.step() {
        let entry = StoredEntry(statement)
        revision = max(revision, entry.revision)
        try row(entry)
      }
      return (revision, UInt64(bitPattern: try meta("floor", database)))
    } catch {
      disconnect()
      throw error
    }
  }

  // MARK: - Writing

  /// Writes what `body` does as one transaction, which is on disk when this returns.
  func write(
    isLoaded: Bool = true, _ body: (LedgerWriter) throws(Failure) -> Void
  ) throws(Failure) {
    let connection = try connect(isLoaded: isLoaded)
    let before = connection.database.logPages
    do throws(Failure) {
      try connection.begin.run()
      try body(LedgerWriter(connection.put, connection.delete, connection.mark))
      try connection.commit.run()
      // The write-ahead log was begun anew.
      if connection.database.logPages < before {
        self.connection?.checkpointAt = Ledger.checkpointPages
      }
    } catch {
      let sentence = Failure.kept()
      connection.database.rollBack()
      // What the connection knows of the file may be wrong now: the next one looks anew.
      disconnect()
      throw Failure(error.status, naming: sentence)
    }
  }

  /// Whether the write-ahead log is to go into the file, as of the latest commit.
  var isLong: Bool {
    guard let connection else { return false }
    return connection.database.logPages >= connection.checkpointAt
  }

  /// Moves the write-ahead log into the file. What is written is safe before that and after it, so
  /// that nobody has to know when it fails: the next one tries again.
  func checkpoint() {
    guard let connection else { return }
    do throws(Failure) {
      try connection.database.checkpoint(truncates: false)
      // Somebody who reads may keep it from being begun anew: not at every commit then.
      self.connection?.checkpointAt = connection.database.logPages + Ledger.checkpointPages
    } catch {
      disconnect()
    }
  }

  /// All of it, and it is empty then.
  func empty() throws(Failure) {
    try connect(isLoaded: true).database.checkpoint(truncates: true)
  }
}

/// A row of the file.
struct StoredEntry {
  let key: UnsafeRawBufferPointer
  let data: UnsafeRawBufferPointer
  let type: UInt32
  let version: UInt64
  let revision: UInt64
  let signature: Signature

  fileprivate init(_ row: Statement) {
    key = row.bytes(0)
    data = row.bytes(1)
    type = UInt32(truncatingIfNeeded: row.number(2))
    version = UInt64(bitPattern: row.number(3))
    revision = UInt64(bitPattern: row.number(4))
    signature = Signature(
      id: UInt64(bitPattern: row.number(6)), wall: UInt64(bitPattern: row.number(5)),
      name: UnsafeRawBufferPointer(rebasing: row.bytes(7).prefix(NameField.capacity - 1)))
  }
}

/// The statements of a transaction that is under way.
struct LedgerWriter {
  private let put: Statement
  private let delete: Statement
  private let mark: Statement

  fileprivate init(_ put: Statement, _ delete: Statement, _ mark: Statement) {
    self.put = put
    self.delete = delete
    self.mark = mark
  }

  func put(
    _ change: LogChange, _ data: UnsafeRawBufferPointer, _ record: LogRecord
  ) throws(Failure) {
    try put.bind(1, change.key, isText: true)
    try put.bind(
      2, data, isText: change.type == SYNCMGR_CELL_JSON || change.type == SYNCMGR_CELL_TEXT)
    put.bind(3, UInt64(change.type))
    put.bind(4, change.version)
    put.bind(5, record.revision)
    put.bind(6, record.wall)
    put.bind(7, record.writer)
    try put.bind(8, record.name, isText: true)
    try put.run()
  }

  func delete(_ key: UnsafeRawBufferPointer) throws(Failure) {
    try delete.bind(1, key, isText: true)
    try delete.run()
  }

  func mark(_ name: StaticString, _ value: UInt64) throws(Failure) {
    try mark.bind(
      1, UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount),
      isText: true)
    mark.bind(2, value)
    try mark.run()
  }
}
