import Glibc

/// Patterns, each with ids, such that finding those that match a topic costs by what matches, not
/// by how many there are. Of this process only; `match` may run on several threads at once, but
/// not beside a change.
///
/// A node stands for the beginnings of patterns that are the same up to it. Below it a segment of
/// the topic finds, by hash, its literal child, and for each *shape* of the segments with a `*`
/// that are there, such as "two bytes, `*`, one byte", the one child whose bytes before the first
/// and after the last `*` are its own. What has more `*` in between ("a*b*c") stands below the
/// child without them ("a*c"), for it matches only what that one matches; these alone are tried
/// one after the other.
final class TopicTrie {
  enum Kind {
    static let root: UInt8 = 0
    static let literal: UInt8 = 1
    /// With one `*`.
    static let glob: UInt8 = 2
    /// With more than one; its parent is the glob without those in between.
    static let finer: UInt8 = 3
    /// `**`
    static let deep: UInt8 = 4
  }

  /// What a match reads stands first.
  struct Node: Slotted {
    var hash: UInt32
    var next: UInt32 = 0
    let parent: UInt32
    /// Where its bytes are: those before the `*`, then those behind it.
    var text: UInt32 = 0
    let kind: UInt8
    /// The count of its bytes before the `*` and behind it. All others have them all before.
    let head: UInt8
    let tail: UInt8
    var literals: UInt32 = 0
    /// Its `**` child.
    var deep: UInt32 = 0
    /// The lists that begin here.
    var shapes: UInt32 = 0
    var finer: UInt32 = 0
    var entries: UInt32 = 0
    var later: UInt32 = 0
    var earlier: UInt32 = 0
    /// Its children and ids. None: it is taken away.
    var load: UInt32 = 0
  }

  /// That a node has globs with so many bytes before and behind the `*`.
  struct Shape: Slotted {
    var hash: UInt32
    var next: UInt32 = 0
    var later: UInt32 = 0
    var earlier: UInt32 = 0
    let node: UInt32
    var globs: UInt32 = 0
    let head: UInt8
    let tail: UInt8
  }

  /// That the pattern which ends at a node has an id.
  struct Entry: Slotted {
    var hash: UInt32
    var next: UInt32 = 0
    var later: UInt32 = 0
    var earlier: UInt32 = 0
    let node: UInt32
    let id: UInt32
  }

  // The caller keeps changes apart from all else; checking it once more would cost each match.
  @exclusivity(unchecked) private(set) var nodes = Slab<Node>()
  @exclusivity(unchecked) private(set) var shapes = Slab<Shape>()
  @exclusivity(unchecked) private(set) var entries = Slab<Entry>()
  @exclusivity(unchecked) private(set) var texts = TopicTexts()
  @exclusivity(unchecked) private(set) var root: UInt32 = 0

  deinit { removeAll() }

  /// Pairs of a pattern and an id.
  var count: Int { entries.count }

  /// The same pair twice is once. Returns false, with nothing changed, when the pattern has a fault
  /// or memory is short.
  @discardableResult
  func insert(_ pattern: UnsafeRawBufferPointer, _ id: UInt32) -> Bool {
    guard Topic.fault(inPattern: pattern) == nil, reserve(pattern) else { return false }
    if root == 0 {
      root = nodes.add(Node(hash: 0, parent: 0, kind: Kind.root, head: 0, tail: 0))
    }
    let node = end(of: pattern, makes: true)
    let hash = TopicHash.of(node, id)
    if entry(node, id, hash) != 0 { return true }
    let made = entries.add(Entry(hash: hash, node: node, id: id))
    entries.push(made, onto: &nodes.at(node).pointee.entries)
    nodes.at(node).pointee.load &+= 1
    return true
  }

  func remove(_ pattern: UnsafeRawBufferPointer, _ id: UInt32) {
    guard root != 0, Topic.fault(inPattern: pattern) == nil else { return }
    let node = end(of: pattern, makes: false)
    let found = node == 0 ? 0 : entry(node, id, TopicHash.of(node, id))
    if found == 0 { return }
    entries.cut(found, from: &nodes.at(node).pointee.entries)
    entries.remove(found)
    nodes.at(node).pointee.load &-= 1
    prune(node)
  }

  func removeAll() {
    nodes.removeAll()
    shapes.removeAll()
    entries.removeAll()
    texts.removeAll()
    root = 0
  }

  private func entry(_ node: UInt32, _ id: UInt32, _ hash: UInt32) -> UInt32 {
    var index = entries.first(hash)
    while index != 0 {
      let entry = entries.at(index).pointee
      if entry.node == node, entry.id == id { return index }
      index = entry.next
    }
    return 0
  }

  /// Room for all that the pattern can need, so that nothing fails halfway. A segment makes two
  /// nodes at most.
  private func reserve(_ pattern: UnsafeRawBufferPointer) -> Bool {
    var segments = 1
    for byte in pattern where byte == Topic.slash { segments &+= 1 }
    return nodes.reserve(2 &* segments &+ 1) && shapes.reserve(segments) && entries.reserve(1)
      && texts.reserve(2 &* pattern.count, nodes)
  }

  // MARK: - Nodes

  /// The node at which the pattern ends, made when it is not there; 0 when that is not wanted.
  private func end(of pattern: UnsafeRawBufferPointer, makes: Bool) -> UInt32 {
    var node = root
    var segments = TopicSegments(pattern)
    while node != 0, let segment = segments.next() {
      if Topic.isDeep(segment) {
        node = child(node, Kind.deep, segment, 0, 0, makes)
        continue
      }
      guard let first = segment.firstIndex(of: Topic.star),
        let last = segment.lastIndex(of: Topic.star)
      else {
        node = child(node, Kind.literal, segment, segment.count, 0, makes)
        continue
      }
      node = child(node, Kind.glob, segment, first, segment.count &- last &- 1, makes)
      if node != 0, first != last {
        node = child(node, Kind.finer, segment, segment.count, 0, makes)
      }
    }
    return node
  }

  /// The child that has the first `head` and the last `tail` bytes of the segment.
  private func child(
    _ parent: UInt32, _ kind: UInt8, _ segment: UnsafeRawBufferPointer, _ head: Int, _ tail: Int,
    _ makes: Bool
  ) -> UInt32 {
    let front = UnsafeRawBufferPointer(rebasing: segment.prefix(head))
    let back = UnsafeRawBufferPointer(rebasing: segment.suffix(tail))
    let node = Node(
      hash: TopicHash.of(
        parent, kind, head, tail, TopicHash.of(front), TopicHash.of(back)),
      parent: parent, kind: kind, head: UInt8(truncatingIfNeeded: head),
      tail: UInt8(truncatingIfNeeded: tail))
    var index = nodes.first(node.hash)
    while index != 0 {
      let other = nodes.at(index).pointee
      if other.hash == node.hash, other.parent == parent, other.kind == kind,
        other.head == node.head, other.tail == node.tail,
        texts.has(front, at: other.text), texts.has(back, at: other.text &+ UInt32(node.head))
      {
        return index
      }
      index = other.next
    }
    return makes ? add(node, front, back) : 0
  }

  private func add(
    _ node: Node, _ front: UnsafeRawBufferPointer, _ back: UnsafeRawBufferPointer
  ) -> UInt32 {
    let made = nodes.add(node)
    nodes.at(made).pointee.text = texts.add(front)
    _ = texts.add(back)
    let parent = nodes.at(node.parent)
    parent.pointee.load &+= 1
    switch node.kind {
    case Kind.literal: parent.pointee.literals &+= 1
    case Kind.deep: parent.pointee.deep = made
    case Kind.finer: nodes.push(made, onto: &parent.pointee.finer)
    default:
      let hash = TopicHash.of(node.parent, UInt32(node.head) << 8 | UInt32(node.tail))
      var index = shape(node, hash)
      if index == 0 {
        index = shapes.add(
          Shape(hash: hash, node: node.parent, head: node.head, tail: node.tail))
        shapes.push(index, onto: &parent.pointee.shapes)
      }
      shapes.at(index).pointee.globs &+= 1
    }
    return made
  }

  private func shape(_ node: Node, _ hash: UInt32) -> UInt32 {
    var index = shapes.first(hash)
    while index != 0 {
      let shape = shapes.at(index).pointee
      if shape.node == node.parent, shape.head == node.head, shape.tail == node.tail {
        return index
      }
      index = shape.next
    }
    return 0
  }

  /// Takes away the node, and those above it, as far as nothing is left of them.
  private func prune(_ last: UInt32) {
    var index = last
    while index != root, nodes.at(index).pointee.load == 0 {
      let node = nodes.at(index).pointee
      let parent = nodes.at(node.parent)
      parent.pointee.load &-= 1
      switch node.kind {
      case Kind.literal: parent.pointee.literals &-= 1
      case Kind.deep: parent.pointee.deep = 0
      case Kind.finer: nodes.cut(index, from: &parent.pointee.finer)
      default:
        let hash = TopicHash.of(node.parent, UInt32(node.head) << 8 | UInt32(node.tail))
        let shape = shape(node, hash)
        shapes.at(shape).pointee.globs &-= 1
        if shapes.at(shape).pointee.globs == 0 {
          shapes.cut(shape, from: &parent.pointee.shapes)
          shapes.remove(shape)
        }
      }
      texts.drop(Int(node.head) &+ Int(node.tail))
      nodes.remove(index)
      index = node.parent
    }
  }
}
