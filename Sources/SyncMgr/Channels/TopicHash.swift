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
