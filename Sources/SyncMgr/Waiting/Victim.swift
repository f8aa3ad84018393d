import CSyncMgr
import CSyncMgrShim

/// Whose wait is ended, and how.
enum Victim {
  /// Chooses one of a deadlock's workstreams.
  static func choose(
    _ knot: Knot, _ graph: WaitGraph, _ policy: UInt32, _ attachment: Attachment
  ) -> Int {
    func row(_ stream: Int) -> Workstream? {
      attachment.segment.workstream(OwnerID.index(graph.streams[stream]))
    }
    func age(_ stream: Int) -> UInt64 { row(stream)?.id.load() ?? 0 }
    // Of equals the youngest.
    func least<Key: Comparable>(_ key: (Int) -> Key) -> Int {
      knot.streams.min {
        let (one, other) = (key($0), key($1))
        return one == other ? age($0) > age($1) : one < other
      }!
    }
    switch policy {
    case SYNCMGR_VICTIM_OLDEST: return least(age)
    case SYNCMGR_VICTIM_LOWEST_PRIORITY:
      return least { Int32(bitPattern: row($0)?.priority.load() ?? 0) }
    case SYNCMGR_VICTIM_FEWEST_LOCKS:
      let counts = lockCounts(Set(knot.streams.map { graph.streams[$0] }), attachment)
      return least { counts[graph.streams[$0]] ?? 0 }
    case SYNCMGR_VICTIM_REQUESTER:
      return least { stream in
        graph.waitsOfStream[stream].map { -Int64(bitPattern: graph.waits[$0].since) }.min() ?? 0
      }
    default: return least { _ in 0 }
    }
  }

  /// How many objects each of `owners` holds.
  private static func lockCounts(
    _ owners: Set<UInt32>, _ attachment: Attachment
  ) -> [UInt32: Int] {
    var counts: [UInt32: Int] = [:]
    for index in 0..<attachment.segment.holdingCount {
      guard let holding = attachment.segment.holding(index),
        holding.state.load() == SlotState.live
      else { continue }
      let owner = holding.workstream.load() & OwnerID.mask
      if owners.contains(owner), attachment.isHeld(holding) { counts[owner, default: 0] += 1 }
    }
    return counts
  }

  /// Ends the waits of a victim that are part of the deadlock. False when none of them was there
  /// any more.
  static func end(
    _ stream: Int, _ knot: Knot, _ graph: WaitGraph, id: UInt64, _ attachment: Attachment
  ) -> Bool {
    var any = false
    for place in knot.waits where graph.waits[place].stream == stream {
      if end(graph.waits[place], graph, id: id, attachment) { any = true }
    }
    return any
  }

  static func end(
    _ wait: WaitGraph.Wait, _ graph: WaitGraph, id: UInt64, _ attachment: Attachment
  ) -> Bool {
    guard let object = attachment.segment.object(graph.things[wait.thing].object) else {
      return false
    }
    if wait.isRequest {
      guard let holding = attachment.segment.holding(wait.place &- 1) else { return false }
      attachment.lock(object)
      defer { attachment.unlock(object) }
      guard wait.stands(graph, attachment) else { return false }
      // Dies in between: the request stands, and its workstream is told all the same.
      holding.token.store(id)
      holding.index.store(0)
      return true
    }
    guard let cell = attachment.segment.cell(wait.place &- 1) else { return false }
    return Waits.withdraw(cell, object, attachment, result: SYNCMGR_E_DEADLOCK, value: id) {
      _ in wait.stands(graph, attachment)
    }
  }
}

extension Attachment {
  /// Whether a workstream has anything of an object that others may wait for.
  func isHeld(_ holding: Holding) -> Bool {
    guard let object = segment.object(holding.object.load() &- 1),
      let supply = Kinds.of(object)?.supply(object)
    else { return false }
    if case .single(let owner) = supply {
      return owner != 0 && owner == holding.workstream.load() & OwnerID.mask
    }
    return holding.amount.load() > 0
  }
}
