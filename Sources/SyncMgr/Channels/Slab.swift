import Glibc

/// What a slab keeps inside its elements.
protocol Slotted: BitwiseCopyable {
  var hash: UInt32 { get set }
  /// The next with the same head, or the next free one.
  var next: UInt32 { get set }
  /// The neighbours in the one list of its owner.
  var later: UInt32 { get set }
  var earlier: UInt32 { get set }
}

/// Elements in one growable buffer, found by hash, and named by their index; 0 names none. Of this
/// process only.
///
/// No element is an allocation or a reference of its own. Adding never fails and never moves
/// anything once `reserve` has made room. What was removed is used again first; memory is given
/// back by `removeAll` only.
struct Slab<Element: Slotted> {
  private(set) var elements: UnsafeMutablePointer<Element>?
  /// Twice as many as there is room for elements: most searches that find nothing end at once.
  private(set) var heads: UnsafeMutablePointer<UInt32>?
  private(set) var mask: UInt32 = 0
  private(set) var count = 0
  private var capacity = 0
  /// The elements that ever were in use, with the one at 0, which never is.
  private var used = 1
  private var free: UInt32 = 0

  @inline(__always)
  func at(_ index: UInt32) -> UnsafeMutablePointer<Element> {
    elements.unsafelyUnwrapped + Int(index)
  }

  /// The first that may have this hash; the others follow by `next`.
  @inline(__always)
  func first(_ hash: UInt32) -> UInt32 { heads.unsafelyUnwrapped[Int(hash & mask)] }

  /// Makes room for so many more. Returns false, with everything as it was, when memory is short.
  mutating func reserve(_ room: Int) -> Bool {
    let wanted = count &+ 1 &+ room
    if wanted <= capacity { return true }
    var grown = max(capacity, 16)
    while grown < wanted { grown &<<= 1 }
    guard grown <= 1 << 30,
      let heads = calloc(2 &* grown, MemoryLayout<UInt32>.stride)?
        .assumingMemoryBound(to: UInt32.self)
    else { return false }
    guard let moved = realloc(elements, grown &* MemoryLayout<Element>.stride) else {
      Glibc.free(heads)
      return false
    }
    elements = moved.assumingMemoryBound(to: Element.self)
    let old = (heads: self.heads, count: 2 &* capacity)
    self.heads = heads
    mask = UInt32(truncatingIfNeeded: 2 &* grown &- 1)
    capacity = grown
    for place in 0..<old.count {
      var index = old.heads.unsafelyUnwrapped[place]
      while index != 0 {
        let next = at(index).pointee.next
        link(index)
        index = next
      }
    }
    Glibc.free(old.heads)
    return true
  }

  /// Into the room that was reserved.
  mutating func add(_ element: Element) -> UInt32 {
    var index = free
    if index != 0 {
      free = at(index).pointee.next
    } else {
      index = UInt32(truncatingIfNeeded: used)
      used &+= 1
    }
    at(index).initialize(to: element)
    link(index)
    count &+= 1
    return index
  }

  private func link(_ index: UInt32) {
    let element = at(index)
    let head = heads.unsafelyUnwrapped + Int(element.pointee.hash & mask)
    element.pointee.next = head.pointee
    head.pointee = index
  }

  mutating func remove(_ index: UInt32) {
    let element = at(index)
    let head = heads.unsafelyUnwrapped + Int(element.pointee.hash & mask)
    if head.pointee == index {
      head.pointee = element.pointee.next
    } else {
      var before = head.pointee
      while at(before).pointee.next != index { before = at(before).pointee.next }
      at(before).pointee.next = element.pointee.next
    }
    element.pointee.next = free
    free = index
    count &-= 1
  }

  mutating func removeAll() {
    Glibc.free(elements)
    Glibc.free(heads)
    self = Slab()
  }

  // MARK: - Lists

  func push(_ index: UInt32, onto list: inout UInt32) {
    at(index).pointee.later = list
    at(index).pointee.earlier = 0
    if list != 0 { at(list).pointee.earlier = index }
    list = index
  }

  func cut(_ index: UInt32, from list: inout UInt32) {
    let (earlier, later) = (at(index).pointee.earlier, at(index).pointee.later)
    if earlier != 0 { at(earlier).pointee.later = later } else { list = later }
    if later != 0 { at(later).pointee.earlier = earlier }
  }

  /// Calls `body` for each element. `body` neither adds nor removes any.
  func forEach(_ body: (UnsafeMutablePointer<Element>) -> Void) {
    for place in 0..<2 &* capacity {
      var index = heads.unsafelyUnwrapped[place]
      while index != 0 {
        body(at(index))
        index = at(index).pointee.next
      }
    }
  }
}
