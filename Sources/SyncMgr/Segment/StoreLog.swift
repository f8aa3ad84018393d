import CSyncMgr
import CSyncMgrShim

typealias LogHead = UnsafeMutablePointer<sm_log>

/// The log of a store: its head, the index of some of the revisions, and the ring of records.
///
/// Readers take no lock: what they look at may be overwritten meanwhile. So every number is taken
/// once, and checked against what is around it; what was read counts when `isThere` says so
/// afterwards.
struct StoreLog {
  let head: LogHead
  private let index: UnsafeMutablePointer<UInt64>
  private let ring: UnsafeMutableRawPointer
  let size: UInt64
  private let mask: UInt32

  /// Nil where there is no log, or its numbers contradict each other.
  @inline(__always)
  init?(_ row: Mailbox, _ segment: Segment) {
    let memory = row.log.load()
    guard memory != 0, let chunk = segment.chunk(memory - 1) else { return nil }
    let units = chunk.units.load()
    guard units != 0, UInt64(memory - 1) + UInt64(units) <= UInt64(SM_UNITS) else { return nil }
    head = segment.unit(memory - 1).assumingMemoryBound(to: sm_log.self)
    size = head.size.load()
    mask = head.mask.load()
    guard size >= UInt64(SYNCMGR_LOG_MIN), size <= UInt64(SYNCMGR_LOG_MAX), size % 8 == 0,
      mask < 1 << 24, mask & (mask &+ 1) == 0,
      StoreLog.bytes(size, mask) <= UInt64(units) * UInt64(SM_UNIT)
    else { return nil }
    let behind = UnsafeMutableRawPointer(head + 1)
    index = behind.assumingMemoryBound(to: UInt64.self)
    ring = behind + (Int(mask) + 1) * 8
  }

  /// Of the whole log, with an index of `mask` + 1 entries.
  @inline(__always)
  static func bytes(_ size: UInt64, _ mask: UInt32) -> UInt64 {
    UInt64(MemoryLayout<sm_log>.size) + (UInt64(mask) + 1) * 8 + size
  }

  /// Of an index with an entry for each step, when all records are as small as they can be.
  static func mask(forSize size: UInt64) -> UInt32 {
    let least = UInt64(MemoryLayout<sm_record>.size + MemoryLayout<sm_change>.size + 8)
    var entries: UInt32 = 1
    while UInt64(entries) * least * UInt64(SM_LOG_STEP) < size { entries *= 2 }
    return entries - 1
  }

  /// The most bytes that one commit may have.
  @inline(__always) var most: UInt64 { size / 4 }

  @inline(__always)
  func at(_ position: UInt64) -> UnsafeMutableRawPointer { ring + Int(position % size) }

  /// Bytes from a position to the end of the ring.
  @inline(__always)
  func left(_ position: UInt64) -> UInt64 { size - position % size }

  /// Where the record of a revision is, that was committed and is one of those in the index.
  @inline(__always)
  func indexed(_ revision: UInt64) -> Word64 {
    Word64(index + Int(UInt32(truncatingIfNeeded: revision / UInt64(SM_LOG_STEP)) & mask))
  }

  @inline(__always)
  static func isIndexed(_ revision: UInt64) -> Bool { revision % UInt64(SM_LOG_STEP) == 0 }

  /// Whether what was read at a position, before this, was there.
  @inline(__always)
  func isThere(_ position: UInt64) -> Bool {
    sm_read_fence()
    return head.oldest.load() <= position
  }

  /// The record at a position. Nil when it cannot be one.
  @inline(__always)
  func record(_ position: UInt64) -> LogRecord? {
    if position & 7 != 0 { return nil }
    return LogRecord(at(position), left(position))
  }

  /// The record that was committed and not yet applied: its writer died, or is at it.
  var pending: LogRecord? {
    let revision = head.revision.load()
    guard revision != head.applied.load() else { return nil }
    guard let record = record(head.pending.load()), record.revision == revision, !record.isFill
    else { return nil }
    return record
  }
}

/// A record of the log, as far as it lies within the ring.
struct LogRecord {
  private let start: UnsafeMutableRawPointer
  let length: Int
  /// How many changes it has.
  let count: UInt32
  let revision: UInt64
  let wall: UInt64
  let writer: UInt64
  let name: UnsafeRawBufferPointer

  @inline(__always) var isFill: Bool { count == SM_LOG_FILL }

  /// `left`: so many bytes there are.
  @inline(__always)
  init?(_ at: UnsafeMutableRawPointer, _ left: UInt64) {
    start = at
    length = Int(at.load(as: UInt32.self))
    count = at.load(fromByteOffset: 4, as: UInt32.self)
    guard length >= 8, length & 7 == 0, UInt64(length) <= left else { return nil }
    if count == SM_LOG_FILL {
      (revision, wall, writer) = (0, 0, 0)
      name = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard length >= MemoryLayout<sm_record>.size else { return nil }
    let record = at.assumingMemoryBound(to: sm_record.self)
    revision = record.pointee.revision
    wall = record.pointee.wall
    writer = record.pointee.writer
    let nameLength = Int(record.pointee.name_length)
    guard nameLength <= length - MemoryLayout<sm_record>.size else { return nil }
    name = UnsafeRawBufferPointer(start: record + 1, count: nameLength)
  }

  @inline(__always)
  static func padded(_ length: Int) -> Int { (length &+ 7) & ~7 }

  @inline(__always)
  static func size(_ name: Int) -> Int { MemoryLayout<sm_record>.size + padded(name) }

  /// The changes, one after the other, as long as they are within the record.
  @inline(__always)
  func forChanges(_ body: (LogChange) -> Void) {
    var offset = LogRecord.size(name.count)
    var left = count
    while left > 0, let change = LogChange(start + offset, length - offset) {
      left -= 1
      body(change)
      offset += change.length
    }
  }
}

extension LogRecord {
  /// Whether a value of it has this memory.
  func has(_ unit: UInt32) -> Bool {
    var isFound = false
    forChanges { if $0.memory == unit + 1 { isFound = true } }
    return isFound
  }
}

/// A change in a record of the log.
struct LogChange {
  let length: Int
  /// SM_VALUE_NONE when the key was deleted.
  let type: UInt32
  let version: UInt64
  /// Of the data.
  let size: UInt64
  /// Unit + 1 of the value, when that does not lie in its place.
  let memory: UInt32
  let hash: UInt32
  let place: UInt32
  let key: UnsafeRawBufferPointer
  /// Nil when the value lies in memory of its own, or there is none.
  let data: UnsafeRawBufferPointer?

  @inline(__always)
  init?(_ at: UnsafeMutableRawPointer, _ left: Int) {
    guard left >= MemoryLayout<sm_change>.size + 8 else { return nil }
    let change = at.assumingMemoryBound(to: sm_change.self)
    length = Int(change.pointee.length)
    type = change.pointee.type
    version = change.pointee.version
    size = change.pointee.size
    memory = change.pointee.memory
    hash = change.pointee.hash
    place = change.pointee.place
    let keyLength = Int(change.pointee.key_length)
    guard length <= left, length & 7 == 0, keyLength > 0, keyLength < 256 else { return nil }
    let behind = MemoryLayout<sm_change>.size + LogRecord.padded(keyLength)
    guard length >= behind else { return nil }
    key = UnsafeRawBufferPointer(start: at + MemoryLayout<sm_change>.size, count: keyLength)
    if type == SM_VALUE_NONE || memory != 0 {
      data = nil
    } else {
      guard size <= UInt64(length - behind) else { return nil }
      data = UnsafeRawBufferPointer(start: at + behind, count: Int(size))
    }
  }

  @inline(__always)
  static func size(key: Int, data: Int) -> Int {
    MemoryLayout<sm_change>.size + LogRecord.padded(key) + LogRecord.padded(data)
  }
}

extension UnsafeMutablePointer<sm_log> {
  @inline(__always) var size: Word64 { Word64(sm_log_size(self)) }
  @inline(__always) var mask: Word32 { Word32(sm_log_mask(self)) }
  @inline(__always) var inlineSize: Word32 { Word32(sm_log_inline_size(self)) }
  @inline(__always) var capacity: Word32 { Word32(sm_log_capacity(self)) }
  @inline(__always) var oldest: Word64 { Word64(sm_log_oldest(self)) }
  @inline(__always) var tail: Word64 { Word64(sm_log_tail(self)) }
  @inline(__always) var pending: Word64 { Word64(sm_log_pending(self)) }
  @inline(__always) var revision: Word64 { Word64(sm_log_revision(self)) }
  @inline(__always) var applied: Word64 { Word64(sm_log_applied(self)) }
  @inline(__always) var floor: Word64 { Word64(sm_log_floor(self)) }
  @inline(__always) var waiting: Word32 { Word32(sm_log_waiting(self)) }
  @inline(__always) var backed: Word32 { Word32(sm_log_backed(self)) }
  @inline(__always) var rules: Word32 { Word32(sm_log_rules(self)) }
  @inline(__always) var durable: Word64 { Word64(sm_log_durable(self)) }
  @inline(__always) var durablePosition: Word64 { Word64(sm_log_durable_position(self)) }
  @inline(__always) var flusher: Word32 { Word32(sm_log_flusher(self)) }
  @inline(__always) var epoch: Word32 { Word32(sm_log_epoch(self)) }
  @inline(__always) var sleepers: Word32 { Word32(sm_log_sleepers(self)) }
  @inline(__always) var loaded: Word32 { Word32(sm_log_loaded(self)) }
  @inline(__always) var promised: Word32 { Word32(sm_log_promised(self)) }
  @inline(__always) var tickets: Word32 { Word32(sm_log_tickets(self)) }
}
