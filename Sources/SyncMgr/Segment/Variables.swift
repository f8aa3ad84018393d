import CSyncMgrShim
import Glibc

/// The table of what a MEMORY channel keeps: buckets that lead from the hash of a key to a place,
/// and the variables in the order in which they came. A variable keeps its place for ever. A table
/// that is full is copied into a larger one.
///
/// Readers take no lock: the table may be freed and used for something else while they look at it.
/// So every number is checked against the chunk once, before it is followed; what was read is
/// thrown away when the table turns out to have moved.
struct Variables {
  let head: UnsafeMutablePointer<sm_variables>
  private let buckets: UnsafeMutablePointer<UInt32>
  private let first: UnsafeMutableRawPointer
  let capacity: UInt32
  let mask: UInt32
  let room: Int
  private let stride: Int

  /// Nil where there is no table, or its numbers contradict each other.
  @inline(__always)
  init?(_ channel: Mailbox, _ segment: Segment) {
    let memory = channel.variables.load()
    guard memory != 0, let chunk = segment.chunk(memory - 1) else { return nil }
    let units = chunk.units.load()
    guard units != 0, UInt64(memory - 1) + UInt64(units) <= UInt64(SM_UNITS) else { return nil }
    head = segment.unit(memory - 1).assumingMemoryBound(to: sm_variables.self)
    capacity = head.capacity.load()
    mask = head.mask.load()
    let room = head.room.load()
    guard capacity < Variables.mostPlaces, mask < 1 << 26, mask & (mask &+ 1) == 0,
      room <= Variables.mostRoom,
      room % 64 == 0,
      Variables.size(capacity: capacity, mask: mask, room: room) <= UInt64(units) * UInt64(SM_UNIT)
    else { return nil }
    self.room = Int(room)
    stride = MemoryLayout<sm_variable>.size + 2 * Int(room)
    let behind = UnsafeMutableRawPointer(head + 1)
    buckets = behind.assumingMemoryBound(to: UInt32.self)
    first = behind + Variables.bytesOfBuckets(mask)
  }

  static let mostRoom: UInt32 = 65536

  @inline(__always)
  private static func bytesOfBuckets(_ mask: UInt32) -> Int { ((Int(mask) + 1) * 4 + 63) & ~63 }

  @inline(__always)
  static func size(capacity: UInt32, mask: UInt32, room: UInt32) -> UInt64 {
    UInt64(MemoryLayout<sm_variables>.size) + UInt64(bytesOfBuckets(mask))
      + UInt64(capacity) * (UInt64(MemoryLayout<sm_variable>.size) + 2 * UInt64(room))
  }

  // MARK: - Places

  var used: UInt32 { min(head.used.load(), capacity) }

  @inline(__always)
  subscript(place: UInt32) -> Variable? {
    place < capacity
      ? (first + Int(place) * stride).assumingMemoryBound(to: sm_variable.self) : nil
  }

  /// Of a variable of this table.
  func place(of variable: Variable) -> UInt32 {
    UInt32(truncatingIfNeeded: (UnsafeMutableRawPointer(variable) - first) / stride)
  }

  // MARK: - Buckets

  func bucket(_ position: UInt32) -> Word32 { Word32(buckets + Int(position & mask)) }

  /// What is in a bucket: a place + 1, and above that some bits of the hash, by which nearly all
  /// other keys are passed over without a look at their variables.
  @inline(__always)
  static func entry(_ place: UInt32, _ hash: UInt32) -> UInt32 {
    (place + 1) | hash & ~mostPlaces
  }

  @inline(__always)
  static func place(_ entry: UInt32) -> UInt32 { (entry & mostPlaces) &- 1 }

  /// As many bits as a place + 1 has.
  static let mostPlaces: UInt32 = 0xff_ffff

  /// The variable of this key, which is not empty; nil when there is none. With `looksInside` what
  /// a reader of a small value looks at is fetched at once: of a large table nothing is in the
  /// caches, and one would wait for one line after the other.
  @inline(__always)
  func find(
    _ key: UnsafeRawBufferPointer, _ hash: UInt32, _ role: UInt32, looksInside: Bool = false
  ) -> Variable? {
    var position = hash
    var left = mask
    while true {
      let entry = bucket(position).load()
      if entry == 0 { return nil }
      if (entry ^ hash) & ~Variables.mostPlaces == 0, let variable = self[Variables.place(entry)] {
        if looksInside { fetch(variable) }
        if variable.hash.load() == hash,
          variable.role.load() == role, Int(variable.length.load()) == key.count, key.count < 256,
          memcmp(variable.key, key.baseAddress.unsafelyUnwrapped, key.count) == 0
        {
          return variable
        }
      }
      if left == 0 { return nil }
      left -= 1
      position &+= 1
    }
  }

  /// Either of the values may be the one that counts.
  @inline(__always)
  private func fetch(_ variable: Variable) {
    let start = UnsafeRawPointer(variable)
    let values = start + MemoryLayout<sm_variable>.size
    sm_fetch(start)
    sm_fetch(start + 64)
    sm_fetch(values)
    sm_fetch(values + room)
  }

  /// Lets a variable be found. There is a free bucket: there are twice as many as variables.
  func link(_ place: UInt32, _ hash: UInt32) {
    var position = hash
    for _ in 0...mask {
      if bucket(position).load() == 0 {
        bucket(position).store(Variables.entry(place, hash))
        return
      }
      position &+= 1
    }
  }

  // MARK: - Values

  /// Where a small value lies.
  @inline(__always)
  func small(_ variable: Variable, _ version: UInt64) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(variable + 1) + Int(version & 1) * room
  }

  /// Where `length` bytes of the value of a version lie. Nil when they cannot.
  @inline(__always)
  func bytes(
    _ variable: Variable, _ version: UInt64, _ length: UInt64, _ segment: Segment
  ) -> UnsafeMutableRawPointer? {
    let memory = variable.value(version).memory.load()
    if memory == 0 { return length <= UInt64(room) ? small(variable, version) : nil }
    guard let chunk = segment.chunk(memory - 1) else { return nil }
    let units = UInt64(chunk.units.load())
    guard UInt64(memory - 1) + units <= UInt64(SM_UNITS), length <= units * UInt64(SM_UNIT) else {
      return nil
    }
    return segment.unit(memory - 1)
  }

  /// Whether a value has this memory.
  func hasMemory(_ unit: UInt32) -> Bool {
    for place in 0..<used {
      guard let variable = self[place] else { return false }
      if variable.value(0).memory.load() == unit + 1 { return true }
      if variable.value(1).memory.load() == unit + 1 { return true }
    }
    return false
  }
}
