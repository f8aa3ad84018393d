import CSyncMgr
import CSyncMgrShim
import Glibc

/// Writing to the log, under the send guard.
extension StoreLog {
  /// Room for a record behind the tail: its position. Nil when what is in the way is not on disk
  /// yet, or the log contradicts itself. `length` is at most `most`.
  @inline(__always)
  func makeRoom(_ length: Int) -> UInt64? {
    let tail = head.tail.load()
    // Somebody has spoiled it.
    if tail & 7 != 0 { return nil }
    let left = left(tail)
    // A record lies in one piece.
    let fill = left < UInt64(length) ? left : 0
    let end = tail &+ fill &+ UInt64(length)
    if end &- head.oldest.load() > size, !dropOldest(until: end) { return nil }
    if fill > 0 {
      let target = at(tail)
      target.storeBytes(of: UInt32(fill), as: UInt32.self)
      target.storeBytes(of: SM_LOG_FILL, toByteOffset: 4, as: UInt32.self)
    }
    return tail &+ fill
  }

  /// Moves `oldest` until the ring has room up to `end`, and some more: seldom. Readers see that
  /// before anything is overwritten. Dies in here: there are fewer old records.
  @inline(never)
  private func dropOldest(until end: UInt64) -> Bool {
    let limit = head.backed.load() != 0 ? head.durablePosition.load() : head.tail.load()
    var oldest = head.oldest.load()
    let wanted = end &- size
    let further = wanted &+ size / 64
    // Further than the ring is long: the log contradicts itself.
    if wanted &- oldest > size { oldest = limit }
    while oldest < further, oldest < limit, let old = record(oldest) {
      oldest &+= UInt64(old.length)
    }
    // The log contradicts itself: nobody reads what was there.
    if oldest < wanted, oldest < limit { oldest = limit }
    head.oldest.store(oldest)
    sm_fence()
    return oldest >= wanted
  }

  /// Makes the record at a position the next revision: from here on it is committed.
  @inline(__always)
  func commit(_ position: UInt64, _ revision: UInt64) {
    if StoreLog.isIndexed(revision) { indexed(revision).store(position) }
    head.pending.store(position)
    head.revision.store(revision)
  }

  /// The record at `pending` was applied.
  @inline(__always)
  func settle(_ position: UInt64, _ length: Int, _ revision: UInt64) {
    head.tail.store(position &+ UInt64(length))
    head.applied.store(revision)
  }
}

/// Writes one record of the log, which has room for it.
struct RecordWriter {
  private var at: UnsafeMutableRawPointer

  @inline(__always)
  init(
    _ target: UnsafeMutableRawPointer, _ length: Int, _ count: UInt32, _ revision: UInt64,
    _ signature: Signature
  ) {
    let record = target.assumingMemoryBound(to: sm_record.self)
    record.pointee = sm_record(
      length: UInt32(length), count: count, revision: revision, wall: signature.wall,
      writer: signature.id, name_length: UInt32(signature.name.count), reserved: (0, 0, 0))
    if let source = signature.name.baseAddress, signature.name.count > 0 {
      memcpy(record + 1, source, signature.name.count)
    }
    at = target + LogRecord.size(signature.name.count)
  }

  /// `data` is nil for what lies in memory of its own, and for deletions.
  @inline(__always)
  mutating func add(
    _ key: CellKey, type: UInt32, version: UInt64, size: Int, place: UInt32, memory: UInt32,
    _ data: UnsafeRawBufferPointer?
  ) {
    let length = LogChange.size(key: key.text.count, data: data?.count ?? 0)
    let change = at.assumingMemoryBound(to: sm_change.self)
    change.pointee = sm_change(
      length: UInt32(length), type: type, version: version, size: UInt64(size), memory: memory,
      hash: key.hash, place: place, key_length: UInt32(key.text.count))
    memcpy(change + 1, key.text.baseAddress.unsafelyUnwrapped, key.text.count)
    if let data, let source = data.baseAddress, data.count > 0 {
      memcpy(
        at + MemoryLayout<sm_change>.size + LogRecord.padded(key.text.count), source, data.count)
    }
    at += length
  }
}
