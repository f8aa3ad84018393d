import CSyncMgrShim

/// What is in a mailbox: the rings of slot numbers, a ring for each level, and the slots. Every
/// number that it is made from was read from the segment and is checked.
struct Posts {
  private let base: UnsafeMutableRawPointer
  private let slots: UnsafeMutableRawPointer
  let capacity: UInt32
  let mask: UInt32
  let stride: UInt32

  /// Nil where there is no mailbox, or its numbers contradict each other.
  @inline(__always)
  init?(_ mailbox: Mailbox, _ segment: Segment) {
    let memory = mailbox.memory.load()
    if memory == 0 { return nil }
    capacity = mailbox.capacity.load()
    stride = mailbox.stride.load()
    mask = mailbox.mask.load()
    let levels = mailbox.levels.load()
    guard let chunk = segment.chunk(memory - 1), capacity <= SM_UNITS, mask < SM_UNITS,
      mask & (mask &+ 1) == 0, capacity <= mask + 1, levels >= 1, levels <= SM_LEVELS,
      stride <= 1 << 20,
      stride >= UInt32(MemoryLayout<sm_post>.size), stride % 64 == 0
    else { return nil }
    let units = UInt64(chunk.units.load())
    guard
      Posts.size(capacity: capacity, mask: mask, stride: stride, levels: levels)
        <= units * UInt64(SM_UNIT), UInt64(memory - 1) + units <= UInt64(SM_UNITS)
    else { return nil }
    base = segment.unit(memory - 1)
    slots = base + Posts.rings(mask: mask, levels: levels)
  }

  @inline(__always)
  private static func rings(mask: UInt32, levels: UInt32) -> Int {
    (Int(mask) + 1) * Int(levels) * 4 + 63 & ~63
  }

  /// Bytes of a slot with so much room, an odd number of lines: otherwise the first lines of all
  /// slots share a few sets of the caches.
  static func stride(room: UInt32) -> UInt32 {
    let lines = (UInt32(MemoryLayout<sm_post>.size) + room + 63) / 64
    return (lines | 1) * 64
  }

  @inline(__always)
  static func size(capacity: UInt32, mask: UInt32, stride: UInt32, levels: UInt32) -> UInt64 {
    UInt64(rings(mask: mask, levels: levels)) + UInt64(capacity) * UInt64(stride)
  }

  /// The slot whose message has this place in the order of a level.
  @inline(__always)
  func entry(_ level: UInt32, _ place: UInt64) -> Word32 {
    let entries = base.assumingMemoryBound(to: UInt32.self)
    return Word32(entries + (Int(level) * (Int(mask) + 1) + Int(place & UInt64(mask))))
  }

  /// For slots below the capacity.
  @inline(__always)
  subscript(slot: UInt32) -> Post {
    (slots + Int(slot) * Int(stride)).assumingMemoryBound(to: sm_post.self)
  }

  /// The slot behind another one.
  @inline(__always)
  func next(_ slot: UInt32) -> UInt32 { slot &+ 1 < capacity ? slot &+ 1 : 0 }

  /// Room for a message in the slot itself.
  @inline(__always) var room: Int { Int(stride) - MemoryLayout<sm_post>.size }

  @inline(__always)
  func area(_ slot: UInt32) -> UnsafeMutableRawPointer {
    slots + Int(slot) * Int(stride) + MemoryLayout<sm_post>.size
  }
}
