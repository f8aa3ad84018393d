import CSyncMgr
import CSyncMgrShim

/// The invariants of the heap in a quiet segment.
extension Attachment {
  /// How many posts have each message, by its unit + 1.
  func countPosts() -> [UInt32: UInt32] {
    var counts: [UInt32: UInt32] = [:]
    for index in 0..<segment.objectCount {
      guard let mailbox = segment.mailbox(index), let posts = Posts(mailbox, segment) else {
        continue
      }
      for slot in 0..<posts.capacity {
        let chunk = posts[slot].chunk.load()
        if chunk != 0 { counts[chunk, default: 0] += 1 }
      }
    }
    return counts
  }

  /// Chunks lie side by side, the map says just that, and each belongs to somebody: to the posts
  /// that have it, to an object, or to the hands of a process that lives.
  func faultOfHeap() -> String? {
    let owner = header.heapGuardian.load()
    if owner != 0, owner != me, isGone(owner) { return "a dead process holds the heap's guard" }
    if header.heapHigh.load() == 0 { return nil }
    lockHeap()
    defer { Guard.unlock(header.heapGuardian) }
    let high = header.heapHigh.load()
    if high > min(header.heapCommitted.load(), SM_UNITS) { return "the heap is larger than it is" }
    let counts = countPosts()
    var map = [UInt64](repeating: 0, count: Int(SM_UNITS / 64))
    var end: UInt32 = 0
    for unit in 0..<high {
      guard let chunk = segment.chunk(unit), chunk.state.load() != SM_CHUNK_FREE else { continue }
      let units = chunk.units.load()
      if unit < end { return "two chunks have unit \(unit) of the heap" }
      if units == 0 || units > high - unit { return "a chunk has \(units) units of the heap" }
      end = unit + units
      for position in unit..<end { map[Int(position / 64)] |= 1 << UInt64(position % 64) }
      if let fault = fault(of: chunk, unit, posts: counts[unit + 1, default: 0]) {
        return "chunk \(unit) of the heap \(fault)"
      }
    }
    for word in map.indices where Word64(segment.heapMap + word).load() != map[word] {
      return "the map of the heap is wrong from unit \(word * 64) on"
    }
    return nil
  }

  private func fault(of chunk: Chunk, _ unit: UInt32, posts: UInt32) -> String? {
    let hands = chunk.hands.load()
    if hands != 0, hands != me, isGone(hands) { return "is in the hands of a dead process" }
    let held: UInt32 = hands == 0 ? 0 : 1
    let owner = chunk.owner.load()
    if owner != 0, segment.holding(owner &- 1)?.state.load() != SlotState.live {
      return "is lent to somebody who is gone"
    }
    if chunk.state.load() == SM_CHUNK_MESSAGE {
      let references = chunk.references.load()
      return references == posts + held && references > 0
        ? nil : "has \(references) references, of \(posts) posts and \(held) hands"
    }
    if chunk.state.load() != SM_CHUNK_MEMORY { return "is in no state that there is" }
    if posts != 0 { return "is an object's, and in \(posts) posts" }
    // What cells have is looked at with their table.
    let object = chunk.object.load()
    let hasCells = segment.mailbox(object &- 1)?.kind.load() == SYNCMGR_CHANNEL_MEMORY
    return held != 0 || hasCells || isMemory(unit, of: object) ? nil : "is in no object"
  }
}
