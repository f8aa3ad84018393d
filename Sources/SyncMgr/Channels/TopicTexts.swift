import Glibc

/// The bytes of all nodes of a trie, one after the other. Of this process only.
struct TopicTexts {
  private(set) var bytes: UnsafeMutableRawPointer?
  private var capacity = 0
  private var used = 0
  /// What belongs to no node any more.
  private var wasted = 0

  @inline(__always)
  func has(_ text: UnsafeRawBufferPointer, at offset: UInt32) -> Bool {
    text.isEmpty
      || memcmp(
        bytes.unsafelyUnwrapped + Int(offset), text.baseAddress.unsafelyUnwrapped, text.count)
        == 0
  }

  func text(at offset: UInt32, _ length: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: bytes.map { $0 + Int(offset) }, count: length)
  }

  /// Makes room for so many more bytes, first out of what is wasted when that is most of it.
  /// Returns false, with everything as it was, when memory is short.
  mutating func reserve(_ room: Int, _ nodes: Slab<TopicTrie.Node>) -> Bool {
    if used &+ room <= capacity { return true }
    var grown = max(capacity, 256)
    while grown < used &- wasted &+ room || grown < 2 &* (used &- wasted) { grown &<<= 1 }
    guard grown <= 1 << 31, let moved = malloc(grown) else { return false }
    var end = 0
    nodes.forEach { node in
      let length = Int(node.pointee.head) &+ Int(node.pointee.tail)
      if length == 0 { return }
      memcpy(moved + end, bytes.unsafelyUnwrapped + Int(node.pointee.text), length)
      node.pointee.text = UInt32(truncatingIfNeeded: end)
      end &+= length
    }
    free(bytes)
    bytes = moved
    capacity = grown
    used = end
    wasted = 0
    return true
  }

  /// Into the room that was reserved.
  mutating func add(_ text: UnsafeRawBufferPointer) -> UInt32 {
    let offset = used
    if let source = text.baseAddress, text.count > 0 {
      memcpy(bytes.unsafelyUnwrapped + offset, source, text.count)
    }
    used &+= text.count
    return UInt32(truncatingIfNeeded: offset)
  }

  mutating func drop(_ length: Int) { wasted &+= length }

  mutating func removeAll() {
    free(bytes)
    self = TopicTexts()
  }
}

/// Hashes of a trie. No secret is in them: who may subscribe may spoil the space in easier ways.
enum TopicHash {
  @inline(__always)
  private static func fold(_ value: UInt64) -> UInt64 {
    let product = (value ^ 0xa076_1d64_78bd_642f).multipliedFullWidth(by: 0xe703_7ed1_a0b4_28db)
    return product.high ^ product.low
  }

  @inline(__always)
  static var ofNothing: UInt32 { of(UnsafeRawBufferPointer(start: nil, count: 0)) }

  @inline(__always)
  static func of(_ text: UnsafeRawBufferPointer) -> UInt32 {
    var sum = UInt64(truncatingIfNeeded: text.count)
    var position = 0
    while text.count &- position >= 8 {
      sum = fold(sum ^ text.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      position &+= 8
    }
    var rest: UInt64 = 0
    while position < text.count {
      rest = rest &<< 8 | UInt64(text[position])
      position &+= 1
    }
    return UInt32(truncatingIfNeeded: fold(sum ^ rest))
  }

  @inline(__always)
  static func of(_ node: UInt32, _ number: UInt32) -> UInt32 {
    UInt32(truncatingIfNeeded: fold(UInt64(node) &<< 32 | UInt64(number)))
  }

  /// Of a child: its parent, what it is, and the hashes of its bytes before and behind the `*`.
  @inline(__always)
  static func of(
    _ parent: UInt32, _ kind: UInt8, _ head: Int, _ tail: Int, _ front: UInt32, _ back: UInt32
  ) -> UInt32 {
    let shape = UInt32(kind) &<< 16 | UInt32(truncatingIfNeeded: head &<< 8 | tail)
    let place = fold(UInt64(parent) &<< 32 | UInt64(shape))
    return UInt32(truncatingIfNeeded: fold(place ^ (UInt64(front) &<< 32 | UInt64(back))))
  }
}
