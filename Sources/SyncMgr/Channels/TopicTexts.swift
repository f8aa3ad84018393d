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
