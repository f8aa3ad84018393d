extension TopicTrie {
  /// Calls `body` with the id of each pattern that matches; an id with several such patterns comes
  /// once for each. `body` must not change the trie. Allocates nothing. What is longer than a topic
  /// can be matches nothing.
  ///
  /// A node is visited once at most, with all numbers of segments that can stand before it at a
  /// time: however many `**` there are, and however they can share the segments out, the time is
  /// bounded by the nodes that are visited times the segments of the topic. The stack grows with
  /// the segments of the topic, by about half a kilobyte each.
  func match(_ topic: UnsafeRawBufferPointer, _ body: (UInt32) -> Void) {
    if count == 0 || topic.count > Topic.longest { return }
    var segments = 1
    for byte in topic where byte == Topic.slash { segments &+= 1 }
    // Up to 1024 bytes these are on the stack.
    withUnsafeTemporaryAllocation(of: UInt16.self, capacity: segments &+ 1) { starts in
      withUnsafeTemporaryAllocation(of: UInt32.self, capacity: segments) { hashes in
        let walk = TopicWalk(self, topic, segments, starts, hashes)
        withUnsafePointer(to: walk) { TopicWalk.visit($0, root, TopicPlaces(0, 1), false, body) }
      }
    }
  }
}

/// One topic on its way through a trie that nobody changes meanwhile.
struct TopicWalk {
  private let nodes: Slab<TopicTrie.Node>
  private let shapes: Slab<TopicTrie.Shape>
  private let entries: Slab<TopicTrie.Entry>
  private let texts: TopicTexts
  private let topic: UnsafeRawBufferPointer
  private let count: Int
  /// Where each segment begins, and where one behind the last would.
  private let starts: UnsafeMutablePointer<UInt16>
  private let hashes: UnsafeMutablePointer<UInt32>

  /// `starts` and `hashes` have room for the segments, of which there are `count`.
  init(
    _ trie: TopicTrie, _ topic: UnsafeRawBufferPointer, _ count: Int,
    _ starts: UnsafeMutableBufferPointer<UInt16>, _ hashes: UnsafeMutableBufferPointer<UInt32>
  ) {
    nodes = trie.nodes
    shapes = trie.shapes
    entries = trie.entries
    texts = trie.texts
    self.topic = topic
    self.count = count
    self.starts = starts.baseAddress.unsafelyUnwrapped
    self.hashes = hashes.baseAddress.unsafelyUnwrapped
    var segments = TopicSegments(topic)
    var (place, start) = (0, 0)
    while let segment = segments.next() {
      self.starts[place] = UInt16(truncatingIfNeeded: start)
      self.hashes[place] = TopicHash.of(segment)
      place &+= 1
      start &+= segment.count &+ 1
    }
    self.starts[place] = UInt16(truncatingIfNeeded: start)
  }

  /// A node that can be reached such that one of `places` comes next, or, when `isEnd`, nothing.
  /// By pointer, for it has many fields, and all of them would be copied at each call.
  static func visit(
    _ walk: UnsafePointer<TopicWalk>, _ node: UInt32, _ places: TopicPlaces, _ isEnd: Bool,
    _ body: (UInt32) -> Void
  ) {
    let here = walk.pointee.nodes.at(node)
    if isEnd {
      var entry = here.pointee.entries
      while entry != 0 {
        body(walk.pointee.entries.at(entry).pointee.id)
        entry = walk.pointee.entries.at(entry).pointee.later
      }
    }
    if here.pointee.deep != 0 {
      // It can take as many segments as it likes, so only where it begins first is of interest.
      let count = walk.pointee.count
      let all = TopicPlaces(places.isEmpty ? count : places.first, count)
      visit(walk, here.pointee.deep, all, true, body)
    }
    if places.isEmpty { return }
    if here.pointee.literals != 0 { follow(walk, node, nil, places, body) }
    var shape = here.pointee.shapes
    while shape != 0 {
      follow(walk, node, walk.pointee.shapes.at(shape), places, body)
      shape = walk.pointee.shapes.at(shape).pointee.later
    }
  }

  /// Visits the literal children of a node, or its globs of one shape, that the segments at
  /// `places` lead to. A segment leads to one of them at most.
  @inline(__always)
  private static func follow(
    _ walk: UnsafePointer<TopicWalk>, _ parent: UInt32,
    _ shape: UnsafeMutablePointer<TopicTrie.Shape>?, _ places: TopicPlaces,
    _ body: (UInt32) -> Void
  ) {
    var rest = places
    while !rest.isEmpty {
      let place = rest.first
      rest.flip(place)
      let child =
        if let shape { walk.pointee.glob(parent, shape.pointee, place) } else {
          walk.pointee.literal(parent, place)
        }
      if child == 0 { continue }
      var reached = TopicPlaces()
      reached.flip(place)
      var others = rest
      while !others.isEmpty {
        let other = others.first
        others.flip(other)
        if walk.pointee.fits(child, other) {
          reached.flip(other)
          rest.flip(other)
        }
      }
      enter(walk, child, reached, body)
      var finer = walk.pointee.nodes.at(child).pointee.finer
      while finer != 0 {
        enter(walk, finer, walk.pointee.matching(finer, reached), body)
        finer = walk.pointee.nodes.at(finer).pointee.later
      }
    }
  }

  /// Visits a child that matches the segments at `places`.
  @inline(__always)
  private static func enter(
    _ walk: UnsafePointer<TopicWalk>, _ child: UInt32, _ places: TopicPlaces,
    _ body: (UInt32) -> Void
  ) {
    if places.isEmpty { return }
    var next = places
    let isEnd = next.takesOut(walk.pointee.count &- 1)
    next.advance()
    visit(walk, child, next, isEnd, body)
  }

  private func segment(_ place: Int) -> UnsafeRawBufferPointer {
    let first = Int(starts[place])
    return UnsafeRawBufferPointer(rebasing: topic[first..<Int(starts[place &+ 1]) &- 1])
  }

  @inline(__always)
  private func literal(_ parent: UInt32, _ place: Int) -> UInt32 {
    let length = segment(place).count
    return find(
      TopicHash.of(parent, TopicTrie.Kind.literal, length, 0, hashes[place], TopicHash.ofNothing),
      parent, TopicTrie.Kind.literal, length, 0, place)
  }

  @inline(__always)
  private func glob(_ parent: UInt32, _ shape: TopicTrie.Shape, _ place: Int) -> UInt32 {
    let segment = segment(place)
    let (head, tail) = (Int(shape.head), Int(shape.tail))
    if segment.count < head &+ tail { return 0 }
    let hash = TopicHash.of(
      parent, TopicTrie.Kind.glob, head, tail,
      TopicHash.of(UnsafeRawBufferPointer(rebasing: segment.prefix(head))),
      TopicHash.of(UnsafeRawBufferPointer(rebasing: segment.suffix(tail))))
    return find(hash, parent, TopicTrie.Kind.glob, head, tail, place)
  }

  @inline(__always)
  private func find(
    _ hash: UInt32, _ parent: UInt32, _ kind: UInt8, _ head: Int, _ tail: Int, _ place: Int
  ) -> UInt32 {
    var index = nodes.first(hash)
    while index != 0 {
      let node = nodes.at(index)
      if node.pointee.hash == hash, node.pointee.parent == parent, node.pointee.kind == kind,
        Int(node.pointee.head) == head, Int(node.pointee.tail) == tail, fits(index, place)
      {
        return index
      }
      index = node.pointee.next
    }
    return 0
  }

  /// Whether a literal, or a glob with one `*`, matches the segment.
  @inline(__always)
  private func fits(_ child: UInt32, _ place: Int) -> Bool {
    let node = nodes.at(child)
    let segment = segment(place)
    let (head, tail) = (Int(node.pointee.head), Int(node.pointee.tail))
    let isLiteral = node.pointee.kind == TopicTrie.Kind.literal
    guard isLiteral ? segment.count == head : segment.count >= head &+ tail else { return false }
    return texts.has(
      UnsafeRawBufferPointer(rebasing: segment.prefix(head)), at: node.pointee.text)
      && texts.has(
        UnsafeRawBufferPointer(rebasing: segment.suffix(tail)),
        at: node.pointee.text &+ UInt32(node.pointee.head))
  }

  /// Those of `places` whose segment a glob with several `*` matches.
  private func matching(_ finer: UInt32, _ places: TopicPlaces) -> TopicPlaces {
    let node = nodes.at(finer)
    let pattern = texts.text(at: node.pointee.text, Int(node.pointee.head))
    var found = TopicPlaces()
    var rest = places
    while !rest.isEmpty {
      let place = rest.first
      rest.flip(place)
      if Topic.matches(segmentPattern: pattern, segment: segment(place)) { found.flip(place) }
    }
    return found
  }
}
