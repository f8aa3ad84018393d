import CSyncMgr
import CSyncMgrShim

/// Who has which object open.
extension Attachment {
  func makeHolding(_ object: UInt32, _ workstream: UInt32) throws(Failure) -> Holding {
    let index = try claimSlot(holdingTable) { segment.holding($0)?.owner.load() == 0 }
    guard let holding = segment.holding(index) else { throw corrupt("the table of open objects") }
    holding.owner.store(me)
    holding.state.store(SlotState.claimed)
    holding.workstream.store(workstream)
    holding.object.store(object + 1)
    holding.amount.store(0)
    holding.waits.store(0)
    holding.index.store(0)
    holding.joined.store(0)
    for field in [holding.mark, holding.token, holding.lease, holding.leaseLength] {
      field.store(0)
    }
    holding.state.store(SlotState.live)
    countUser(ofTarget: object, by: 1)
    return holding
  }

  /// Frees a holding that holds nothing any more. Under the directory guard.
  func endHolding(_ holding: Holding) {
    moveBack(header.holdingsHint, segment.index(of: holding))
    let object = holding.object.load() &- 1
    holding.state.store(SlotState.free)
    holding.object.store(0)
    holding.owner.store(0)
    countUser(ofTarget: object, by: -1)
  }

  /// The holdings of an object, by scanning: only for rare things.
  func forHoldings(of object: Object, _ body: (Holding) -> Void) {
    let wanted = segment.index(of: object) + 1
    for index in 0..<segment.holdingCount {
      if let holding = segment.holding(index), holding.object.load() == wanted,
        holding.state.load() == SlotState.live
      {
        body(holding)
      }
    }
  }

  // MARK: - Targets

  /// A target is an object of transactions, which is there as long as somebody has it open:
  /// `joined` counts them. Under the directory guard; whoever dies in here has it counted again.
  private func countUser(ofTarget index: UInt32, by step: Int) {
    guard let object = segment.object(index), object.type.load() == ObjectType.target,
      object.state.load() == SlotState.live
    else { return }
    let count = UInt32(truncatingIfNeeded: Int(object.joined.load()) + step)
    object.joined.store(count)
    removeUnused(index)
  }

  /// Removes a target that nobody has open. Under the directory guard.
  func removeUnused(_ index: UInt32) {
    guard let object = segment.object(index), object.type.load() == ObjectType.target,
      object.state.load() == SlotState.live, object.joined.load() == 0
    else { return }
    segment.objectNames.remove(index, object.hash.load())
    freeObject(index, object)
  }

  /// Part of the directory's repair. Names are made anew after it.
  func repairTargets() {
    var users: [UInt32: UInt32] = [:]
    for index in 0..<segment.holdingCount {
      if let holding = segment.holding(index), holding.owner.load() != 0 {
        users[holding.object.load() &- 1, default: 0] += 1
      }
    }
    for index in 0..<segment.objectCount {
      guard let object = segment.object(index), object.type.load() == ObjectType.target,
        object.state.load() == SlotState.live
      else { continue }
      object.joined.store(users[index] ?? 0)
      if object.joined.load() == 0 { freeObject(index, object) }
    }
  }
}
