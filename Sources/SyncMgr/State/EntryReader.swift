import CSyncMgr
import CSyncMgrShim
import Glibc

/// Reading entries without a lock, as CellReader reads cells: what was copied counts when nobody
/// has touched it meanwhile. Counts no references and calls nobody.
struct EntryReader {
  let row: Mailbox
  let segment: Segment

  @inline(__always)
  init(_ row: Mailbox, _ segment: Segment) {
    self.row = row
    self.segment = segment
  }

  @inline(__always)
  init?(_ slot: Slot) {
    let index = slot.pointee.index
    let segment = AtOnce.segment(slot.pointee.object.unsafelyUnwrapped, index)
    guard let row = segment.mailbox(index) else { return nil }
    self.init(row, segment)
  }

  enum Reading {
    /// How many of the keys are there, and the room that they take.
    case read(found: Int, length: Int)
    /// Somebody has written in between, or somebody has spoiled the table.
    case disturbed
    case badKey
  }

  /// With `isLocked` the send guard is this thread's, and nothing can change.
  @inline(__always)
  func read(
    _ entries: UnsafeMutableBufferPointer<syncmgr_entry_t>,
    _ buffer: UnsafeMutableRawBufferPointer, isOurs: Bool, isLocked: Bool
  ) -> Reading {
    let commits = row.committing.load()
    let moves = row.version.load()
    if commits & 1 != 0, !isLocked { return .disturbed }
    let table = Variables(row, segment)
    if table == nil, row.variables.load() != 0 { return .disturbed }
    var found = 0
    var packing = Packing(buffer)
    // Versions only grow: the same sum again means that none of them has changed.
    var sum: UInt64 = 0
    for place in entries.indices {
      guard let key = CellKey(entries[place].key), isOurs || !Store.isHidden(key.text) else {
        return .badKey
      }
      guard let table,
        let variable = table.find(key.text, key.hash, SM_VARIABLE_CELL, looksInside: true)
      else {
        entries[place].forget()
        continue
      }
      let version = variable.version.load()
      sum &+= version
      guard copy(table, variable, version, &entries[place], &packing, isLocked) else {
        return .disturbed
      }
      if entries[place].status == SYNCMGR_OK { found += 1 }
    }
    if !isLocked {
      if entries.count > 1, total(entries, table) != sum { return .disturbed }
      sm_read_fence()
      if row.version.load() != moves || row.committing.load() != commits { return .disturbed }
    }
    return .read(found: found, length: packing.end)
  }

  /// Copies one entry, data and writer. False when a writer has come in between.
  @inline(__always)
  func copy(
    _ table: Variables, _ variable: Variable, _ version: UInt64, _ entry: inout syncmgr_entry_t,
    _ packing: inout Packing, _ isLocked: Bool
  ) -> Bool {
    let value = variable.value(version)
    let type = value.type.load()
    if type == SM_VALUE_NONE {
      entry.forget()
    } else {
      guard let record = EntryValue(table, variable, version, segment) else { return false }
      entry.describe(record, type, version)
      let start = packing.add(record.data, aligned: true, following: record.nameLength)
      entry.data = UnsafeRawPointer(start)
      entry.writer = start.map {
        UnsafePointer(($0 + record.dataLength).assumingMemoryBound(to: CChar.self))
      }
    }
    if isLocked { return true }
    // After what was copied: at most the next version, into the other value, is being written.
    sm_read_fence()
    return variable.begun.load() &- version <= 1
  }

  @inline(__always)
  private func total(
    _ entries: UnsafeMutableBufferPointer<syncmgr_entry_t>, _ table: Variables?
  ) -> UInt64 {
    sm_read_fence()
    guard let table else { return row.variables.load() == 0 ? 0 : UInt64.max }
    var sum: UInt64 = 0
    for entry in entries {
      guard let key = CellKey(entry.key) else { return UInt64.max }
      sum &+= table.find(key.text, key.hash, SM_VARIABLE_CELL)?.version.load() ?? 0
    }
    return sum
  }

  /// The version that a key has now, as callers see it; nil when it could not be read.
  func version(of key: CellKey) -> UInt64? {
    let commits = row.committing.load()
    guard commits & 1 == 0, let version = CellReader(row, segment).version(of: key) else {
      return nil
    }
    sm_read_fence()
    return row.committing.load() == commits ? version : nil
  }
}

/// A value of the store's table, as far as its numbers do not contradict each other.
struct EntryValue {
  private let start: UnsafeMutableRawPointer
  let revision: UInt64
  let wall: UInt64
  let writer: UInt64
  let dataLength: Int
  let nameLength: Int

  static let head = MemoryLayout<sm_entry>.size
  /// The bits of a writer's id.
  private static let writers: UInt64 = (1 << 56) - 1

  @inline(__always)
  init?(_ table: Variables, _ variable: Variable, _ version: UInt64, _ segment: Segment) {
    let length = variable.value(version).length.load()
    guard length >= UInt64(EntryValue.head),
      let source = table.bytes(variable, version, length, segment)
    else { return nil }
    self.init(source, Int(length))
  }

  /// `length`: so many bytes are there.
  @inline(__always)
  init?(_ source: UnsafeMutableRawPointer, _ length: Int) {
    start = source
    let head = source.assumingMemoryBound(to: sm_entry.self)
    revision = head.pointee.revision
    wall = head.pointee.wall
    let signed = head.pointee.writer
    writer = signed & EntryValue.writers
    nameLength = Int(signed >> 56)
    dataLength = length - EntryValue.head - nameLength
    guard dataLength >= 0 else { return nil }
  }

  /// The writer's name follows it.
  @inline(__always) var data: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: start + EntryValue.head, count: dataLength)
  }

  @inline(__always)
  static func size(data: Int, name: Int) -> Int { head + data + name }

  /// Writes what is before the data.
  @inline(__always)
  static func describe(
    _ target: UnsafeMutableRawPointer, _ revision: UInt64, _ signature: Signature
  ) {
    let head = target.assumingMemoryBound(to: sm_entry.self)
    head.pointee = sm_entry(
      revision: revision, wall: signature.wall,
      writer: signature.id & writers | UInt64(signature.name.count) << 56)
  }

  /// Writes the data, and the name behind it.
  @inline(__always)
  static func fill(
    _ target: UnsafeMutableRawPointer, _ data: UnsafeRawBufferPointer, _ signature: Signature
  ) {
    if let source = data.baseAddress, data.count > 0 { memcpy(target + head, source, data.count) }
    if let source = signature.name.baseAddress, signature.name.count > 0 {
      memcpy(target + head + data.count, source, signature.name.count)
    }
  }
}

/// Who commits, and when.
struct Signature {
  var id: UInt64
  var wall: UInt64
  var name: UnsafeRawBufferPointer

  init(id: UInt64, wall: UInt64, name: UnsafeRawBufferPointer) {
    self.id = id
    self.wall = wall
    self.name = name
  }

  /// A workstream, now.
  @inline(__always)
  init(_ stream: Workstream) {
    id = stream.id.load()
    wall = UInt64(bitPattern: sm_coarse_date())
    name = UnsafeRawBufferPointer(
      start: NameField(stream).at,
      count: Int(min(stream.nameLength.load(), UInt32(NameField.capacity - 1))))
  }

  /// Of a record of the log.
  @inline(__always)
  init(_ record: LogRecord) {
    id = record.writer
    wall = record.wall
    name = UnsafeRawBufferPointer(rebasing: record.name.prefix(NameField.capacity - 1))
  }
}

/// A caller's buffer that is filled from its beginning. It goes on counting when it is full.
struct Packing {
  fileprivate let buffer: UnsafeMutableRawBufferPointer
  fileprivate(set) var end = 0

  @inline(__always)
  init(_ buffer: UnsafeMutableRawBufferPointer) { self.buffer = buffer }

  @inline(__always) var isFull: Bool { end > buffer.count }

  /// Back to how much it had: what came after it does not count.
  mutating func rewind(to end: Int) { self.end = end }

  /// Copies bytes, of which so many more follow, and a zero. Nil when there is no room.
  @inline(__always)
  mutating func add(
    _ bytes: UnsafeRawBufferPointer, aligned: Bool = false, following: Int = 0
  ) -> UnsafeMutableRawPointer? {
    let start = aligned ? (end + 7) & ~7 : end
    let count = bytes.count + following
    end = start + count + 1
    guard let base = buffer.baseAddress, end <= buffer.count else { return nil }
    if let source = bytes.baseAddress, count > 0 { memcpy(base + start, source, count) }
    base.storeBytes(of: 0, toByteOffset: start + count, as: UInt8.self)
    return base + start
  }
}

extension Packing {
  /// Copies bytes, and nothing behind them.
  mutating func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutableRawPointer? {
    let start = end
    end += bytes.count
    guard let base = buffer.baseAddress, end <= buffer.count else { return nil }
    if let source = bytes.baseAddress, bytes.count > 0 { memcpy(base + start, source, bytes.count) }
    return base + start
  }
}

extension syncmgr_entry_t {
  @inline(__always)
  mutating func forget() {
    data = nil
    length = 0
    version = 0
    revision = 0
    writer_id = 0
    writer = nil
    wall_ns = 0
    type = SYNCMGR_CELL_BYTES
    status = SYNCMGR_E_NOT_FOUND
  }

  @inline(__always)
  mutating func describe(_ value: EntryValue, _ type: UInt32, _ version: UInt64) {
    length = value.dataLength
    revision = value.revision
    wall_ns = Int64(bitPattern: value.wall)
    writer_id = value.writer
    self.version = version
    self.type = type
    status = SYNCMGR_OK
  }
}
