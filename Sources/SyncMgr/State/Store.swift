import CSyncMgr
import CSyncMgrShim
import Glibc

/// The store of a space: a table of entries as that of a MEMORY channel, see SharedCells, and a log
/// of the latest commits.
///
/// A commit is one record of the log. Its writer, under the send guard:
///
///     checks what is expected; makes room for new keys, and in the log
///     writes the record behind the tail                nobody sees it
///     stores `revision`                                committed
///     applies it: changes the entries, one by one      `committing` is odd, if there are several
///     stores `tail`, then `applied`                    done
///
/// Dies before `revision` is stored: nothing has happened. After: the next one under the guard
/// applies the record again, which changes only what was not changed yet, see StoreApplying. A
/// reader of one entry sees it as it was or as it is; a commit of several entries is seen as a
/// whole, because readers look at `committing` before and after.
struct Store {
  let caller: Caller
  let row: Mailbox

  @inline(__always)
  init(_ caller: Caller) throws(Failure) {
    self.caller = caller
    guard let row = caller.attachment.segment.mailbox(caller.slot.pointee.index) else {
      throw caller.attachment.corrupt("the table of mailboxes")
    }
    self.row = row
  }

  @inline(__always) var attachment: Attachment { caller.attachment }
  @inline(__always) var cells: CellTable { CellTable(attachment, row) }
  @inline(__always) var reader: EntryReader { EntryReader(row, attachment.segment) }

  /// There is one in a space.
  static let name = Name(made: Array("store".utf8))

  /// Keys that begin with it are the library's own.
  static let hidden: UInt8 = 1

  func log() throws(Failure) -> StoreLog {
    guard let log = StoreLog(row, attachment.segment) else { throw attachment.corrupt("the log") }
    return log
  }

  /// Under the send guard, whoever died in there before.
  @inline(__always)
  func inGuard<Result>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    attachment.lockSending(row)
    defer { attachment.unlockSending(row) }
    return try body()
  }

  /// The revision that readers see.
  func revision() throws(Failure) -> UInt64 { try log().head.applied.load() }

  // MARK: - Opening

  struct Options {
    var capacity: UInt32 = 1024
    var inlineSize: UInt32 = 128
    var logSize: UInt64 = 4 << 20

    /// Bytes of a value that lies in its place: a writer's name of usual length has room.
    var room: UInt32 { (inlineSize + UInt32(MemoryLayout<sm_entry>.size) + 32 + 63) & ~63 }
  }

  /// Under the directory guard.
  static func make(
    _ object: Object, _ wanted: Options, _ attachment: Attachment
  ) throws(Failure) {
    let index = attachment.segment.index(of: object)
    let row = try attachment.makeMailbox(
      object, channel: index + 1,
      Attachment.MailboxShape(role: SM_MAILBOX_NONE, capacity: 0, levels: 1, room: 0))
    row.kind.store(SYNCMGR_CHANNEL_MEMORY)
    try makeLog(row, wanted, attachment)
  }

  /// Gives a store its log, which makes it one. Under the directory guard.
  private static func makeLog(
    _ row: Mailbox, _ wanted: Options, _ attachment: Attachment
  ) throws(Failure) {
    row.capacity.store(wanted.capacity)
    row.inlineSize.store(wanted.room)
    let mask = StoreLog.mask(forSize: wanted.logSize)
    let unit = try attachment.allocate(
      StoreLog.bytes(wanted.logSize, mask), SM_CHUNK_MEMORY,
      object: attachment.segment.index(of: row) + 1)
    let start = attachment.segment.unit(unit)
    memset(start, 0, MemoryLayout<sm_log>.size + (Int(mask) + 1) * 8)
    let head = start.assumingMemoryBound(to: sm_log.self)
    head.size.store(wanted.logSize)
    head.mask.store(mask)
    head.inlineSize.store(wanted.inlineSize)
    head.capacity.store(wanted.capacity)
    head.backed.store(attachment.storePath == nil ? 0 : 1)
    // Dies before: the memory is in the hands of a dead process. After: the store has it.
    row.log.store(unit + 1)
    attachment.settle(unit)
  }

  /// Opens the store that is there; `isExact`: it must be what was asked for. Whoever removed it
  /// may have died before that was done: it is made anew. Under the directory guard.
  static func open(
    _ object: Object, _ wanted: Options, isExact: Bool, _ attachment: Attachment
  ) throws(Failure) {
    if let row = attachment.segment.mailbox(attachment.segment.index(of: object)),
      row.log.load() == 0
    {
      attachment.removeVariables(row)
      try makeLog(row, wanted, attachment)
    } else if isExact {
      try compare(object, wanted, attachment)
    }
  }

  /// Whether the store that is there is what was asked for.
  private static func compare(
    _ object: Object, _ wanted: Options, _ attachment: Attachment
  ) throws(Failure) {
    guard let row = attachment.segment.mailbox(attachment.segment.index(of: object)),
      let head = StoreLog(row, attachment.segment)?.head
    else { throw attachment.corrupt("the log") }
    func check(_ noun: StaticString, _ has: UInt64, _ asked: UInt64) throws(Failure) {
      if has == asked { return }
      throw Failure(SYNCMGR_E_MISMATCH, object, text: "it has \(noun) \(has), not \(asked)")
    }
    try check("capacity", UInt64(head.capacity.load()), UInt64(wanted.capacity))
    try check("inline_size", UInt64(head.inlineSize.load()), UInt64(wanted.inlineSize))
    try check("log_size", head.size.load(), wanted.logSize)
  }

  // MARK: - Reading

  private static let attempts = 16

  /// Looks some times without the guard, and then under it, unless that is ours already.
  func look(
    _ entries: UnsafeMutableBufferPointer<syncmgr_entry_t>,
    _ buffer: UnsafeMutableRawBufferPointer, isOurs: Bool, isLocked: Bool
  ) throws(Failure) -> EntryReader.Reading {
    if isLocked { return reader.read(entries, buffer, isOurs: isOurs, isLocked: true) }
    for _ in 0..<Store.attempts {
      let result = reader.read(entries, buffer, isOurs: isOurs, isLocked: false)
      guard case .disturbed = result else { return result }
    }
    return try inGuard { reader.read(entries, buffer, isOurs: isOurs, isLocked: true) }
  }

  /// Reads entries at one moment. `length` gets the bytes of the buffer that they take, or would.
  /// `isOurs`: the keys may be the library's own.
  func get(
    _ entries: UnsafeMutableBufferPointer<syncmgr_entry_t>,
    _ buffer: UnsafeMutableRawBufferPointer, _ length: inout Int, isOurs: Bool = false
  ) throws(Failure) {
    let result = try look(entries, buffer, isOurs: isOurs, isLocked: false)
    switch result {
    case .disturbed: throw attachment.corrupt("the table of entries")
    case .badKey:
      for entry in entries { try Store.check(CellKey.of(entry.key), isOurs) }
      throw CellKey.failure
    case .read(let found, let needed):
      length = needed
      if found == 0 {
        for entry in entries { try CellKey.of(entry.key).check() }
        throw Failure(SYNCMGR_E_NOT_FOUND, caller.object, text: "there is no such key")
      }
      if needed > buffer.count {
        for place in entries.indices {
          entries[place].data = nil
          entries[place].writer = nil
        }
        throw tooSmall(needed, buffer.count)
      }
    }
  }

  func tooSmall(_ needed: Int, _ capacity: Int) -> Failure {
    Failure(
      SYNCMGR_E_TOO_LARGE, caller.object,
      text: "the entries need \(needed) bytes, and the buffer has \(capacity)")
  }

  /// Refuses the library's own keys to everybody else.
  static func check(_ key: CellKey, _ isOurs: Bool) throws(Failure) {
    if !isOurs, isHidden(key.text) {
      throw Failure(SYNCMGR_E_INVALID, "keys that begin with the byte 1 are the library's own")
    }
  }

  @inline(__always)
  static func isHidden(_ key: UnsafeRawBufferPointer) -> Bool { key[0] == hidden }

  /// The version that a key has now.
  func version(of key: CellKey) throws(Failure) -> UInt64 {
    for _ in 0..<Store.attempts {
      if let version = reader.version(of: key) { return version }
    }
    return try inGuard { () throws(Failure) in
      try cells.find(key, makes: false).map { SharedCells.shown($0.variable) } ?? 0
    }
  }
}
