import CSyncMgr
import CSyncMgrShim

/// The invariants of a quiet segment. Every slot is accounted for: it is free, or its owner lives
/// and what it refers to is there.
extension Attachment {
  /// The first fault, in words.
  func firstFault() -> String? {
    var dead: String?
    for _ in 0..<1000 {
      dead = nil
      var isUnderWay = false
      forOthers {
        let id = $0.id.load()
        if dead == nil, isDead($0, thorough: true) {
          dead = "process \($0.pid.load()) is dead and was not recovered"
          let recoverer = $0.recoverer.load()
          isUnderWay = recoverer != 0 && isThere(recoverer)
          // Recovered in this very moment: the id goes before the recoverer's mark.
          if $0.id.load() != id { dead = nil }
        }
      }
      // Who was granted what the dead one held may ask before the recovery is through.
      if !isUnderWay { break }
      sm_nap(1_000_000)
    }
    return dead ?? faultOfGuards() ?? faultOfWorkstreams() ?? faultOfHoldings() ?? faultOfCells()
      ?? faultOfObjects() ?? faultOfMembers() ?? faultOfHeap()
      ?? always { faultOfInterest() ?? faultOfMessages() }
  }

  private func isThere(_ participant: UInt32) -> Bool { participant == me || !isGone(participant) }

  private func faultOfGuards() -> String? {
    let owner = header.guardian.load()
    if owner != 0, !isThere(owner) { return "a dead process holds the directory's guard" }
    // The guard of the events may stay with the dead: who writes next takes it over as it is.
    return nil
  }

  /// What is wanted is what the processes want, and every object knows it.
  private func faultOfInterest() -> String? {
    var union: UInt32 = 0
    for slot in 0..<segment.participantCount where segment.participant(slot).id.load() != 0 {
      union |= segment.participant(slot).wanted.load()
    }
    if header.wanted.load() != union { return "notices are wanted by nobody, or not recorded" }
    for index in 0..<segment.objectCount {
      if let object = segment.object(index), object.state.load() == SlotState.live,
        object.watched.load() != union
      {
        return "'\(NameField(object).read().text)' does not know which notices are wanted"
      }
    }
    return nil
  }

  private func faultOfMessages() -> String? {
    for index in 0..<segment.messageCount {
      guard let message = segment.message(index), message.state.load() == SlotState.live else {
        continue
      }
      for place in message.recipients where !Delivery.isOver(place.status.load()) {
        let stream = workstream(ofOwner: place.owner.load())
        if stream?.id.load() != place.workstream.load() {
          return "a message waits for a workstream that is not there"
        }
      }
    }
    return nil
  }

  private func faultOfWorkstreams() -> String? {
    for index in 0..<segment.workstreamCount {
      guard let stream = segment.workstream(index) else { continue }
      let owner = stream.owner.load()
      if owner == 0 { continue }
      let name = NameField(stream).read()
      if !isThere(owner) { return "workstream '\(name.text)' belongs to a dead process" }
      if stream.state.load() == SlotState.live, segment.workstreamNames.find(name) != index {
        return "workstream '\(name.text)' is not found by its name"
      }
    }
    return nil
  }

  private func faultOfHoldings() -> String? {
    for index in 0..<segment.holdingCount {
      guard let holding = segment.holding(index), holding.owner.load() != 0 else { continue }
      if !isThere(holding.owner.load()) { return "holding \(index) belongs to a dead process" }
      if holding.state.load() != SlotState.live { continue }
      guard let object = segment.object(holding.object.load() &- 1),
        object.state.load() == SlotState.live
      else { return "holding \(index) is of no object" }
      if workstream(ofOwner: holding.workstream.load()) == nil {
        return "holding \(index) of '\(NameField(object).read().text)' is of no workstream"
      }
    }
    return nil
  }

  private func faultOfCells() -> String? {
    for index in 0..<segment.batchCount {
      guard let batch = segment.batch(index) else { continue }
      let owner = batch.owner.load()
      if owner != 0, !isThere(owner) { return "batch \(index) belongs to a dead process" }
      for bit in 0..<SM_BATCH_CELLS {
        guard let cell = segment.cell(index * SM_BATCH_CELLS + bit) else { continue }
        let kind = cell.state.load() & CellState.kind
        if kind != CellState.free, owner == 0 { return "a cell of free batch \(index) is in use" }
      }
    }
    return nil
  }

  private func faultOfObjects() -> String? {
    for index in 0..<segment.objectCount {
      guard let object = segment.object(index), object.state.load() == SlotState.live else {
        continue
      }
      let name = NameField(object).read()
      let words = "'\(name.text)' "
      let guardian = object.guardian.load()
      if guardian != 0, !isThere(guardian) { return words + "is guarded by a dead process" }
      let isNamed = object.type.load() != ObjectType.mailbox
      let isTarget = object.type.load() == ObjectType.target
      if isTarget, object.joined.load() == 0 { return words + "is a target that nobody has open" }
      let asNamed = isTarget ? Name(target: name.bytes) : name
      if isNamed, segment.objectNames.find(asNamed) != index {
        return words + "is not found by its name"
      }
      lock(object)
      let fault = faultOfLine(object) ?? Kinds.of(object)?.check(self, object)
      unlock(object)
      if let fault { return words + fault }
    }
    return nil
  }

  /// The line is linked both ways, and has exactly the cells that wait for the object.
  private func faultOfLine(_ object: Object) -> String? {
    var linked: Set<UInt32> = []
    var before: UInt32 = 0
    var next = object.head.load()
    while next != 0 {
      guard let cell = segment.cell(next - 1), linked.insert(next).inserted else {
        return "has a line that leads astray"
      }
      if cell.previous.load() != before { return "has a line that is linked one way only" }
      let kind = cell.state.load() & CellState.kind
      if kind != CellState.waiting && kind != CellState.woken {
        return "has a cell in line that does not wait"
      }
      before = next
      next = cell.next.load()
    }
    if object.tail.load() != before { return "has a line with a wrong end" }
    let wanted = segment.index(of: object) + 1
    for batch in 0..<segment.batchCount where segment.batch(batch)?.owner.load() != 0 {
      for bit in 0..<SM_BATCH_CELLS {
        let index = batch * SM_BATCH_CELLS + bit
        guard let cell = segment.cell(index), cell.object.load() == wanted else { continue }
        let kind = cell.state.load() & CellState.kind
        if kind == CellState.waiting || kind == CellState.woken, !linked.contains(index + 1) {
          return "has a waiter that is not in line"
        }
      }
    }
    return nil
  }
}
