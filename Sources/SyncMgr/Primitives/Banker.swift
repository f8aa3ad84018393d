import CSyncMgr
import CSyncMgrShim

/// The banker's check of resources: whether all workstreams could still end, one after the other,
/// if each first asked for all that it declared. Read as it is, without a lock.
struct Banker {
  private struct Account {
    let owner: UInt32
    let object: UInt32
    let has: Int64
    let mayAsk: Int64
    let holding: UInt32
  }

  /// Those who cannot be sure to end: workstream, and the resource that they may lack.
  private(set) var stuck: [(owner: UInt32, object: UInt32, holding: UInt32)] = []

  /// As if `adding` had been allocated: so many more for a holding.
  init(_ attachment: Attachment, adding: (holding: UInt32, count: UInt32)? = nil) {
    let segment = attachment.segment
    var free: [UInt32: Int64] = [:]
    var accounts: [UInt32: [Account]] = [:]
    for index in 0..<segment.holdingCount {
      guard let holding = segment.holding(index), holding.state.load() == SlotState.live,
        let object = segment.object(holding.object.load() &- 1),
        case .recorded(let total)? = Kinds.of(object)?.supply(object),
        !attachment.isGone(holding.owner.load())
      else { continue }
      let place = segment.index(of: object)
      let more = adding?.holding == index ? Int64(adding?.count ?? 0) : 0
      let has = Int64(holding.amount.load()) + more
      let declared = Int64(holding.joined.load())
      let most = max(declared, has + (more == 0 && declared == 0 ? Int64(holding.index.load()) : 0))
      free[place, default: Int64(total)] -= has
      let owner = holding.workstream.load() & OwnerID.mask
      accounts[owner, default: []].append(
        Account(owner: owner, object: place, has: has, mayAsk: most - has, holding: index))
    }
    var isMore = true
    while isMore {
      isMore = false
      for (owner, own) in accounts
      where own.allSatisfy({ $0.mayAsk == 0 || $0.mayAsk <= free[$0.object] ?? 0 }) {
        for account in own { free[account.object, default: 0] += account.has }
        accounts[owner] = nil
        isMore = true
      }
    }
    for (owner, own) in accounts.sorted(by: { $0.key < $1.key }) {
      if let lacking = own.first(where: { $0.mayAsk > free[$0.object] ?? 0 }) {
        stuck.append((owner, lacking.object, lacking.holding))
      }
    }
  }

  /// Looks, and records what is unsafe: once for the same workstreams and resources. Returns
  /// whether it is.
  static func search(_ attachment: Attachment) throws(Failure) -> Bool {
    try attachment.inDeadlocks { () throws(Failure) in
      let stuck = Banker(attachment).stuck
      if stuck.isEmpty { return false }
      let members = stuck.map { entry in member(entry, attachment) }
      var identity: UInt64 = 0xcbf2_9ce4_8422_2325
      for member in members {
        for part in [member.workstream, UInt64(member.order), UInt64(member.place)] {
          identity = (identity ^ part) &* 0x100_0000_01b3
        }
      }
      if attachment.deadlockRow(identity: identity) == nil {
        _ = try attachment.makeDeadlock(
          Attachment.DeadlockDraft(
            kind: SYNCMGR_DEADLOCK_UNSAFE, algorithm: SYNCMGR_DETECT_BANKER, identity: identity,
            total: members.count, members: members))
      }
      return true
    }
  }

  private static func member(
    _ entry: (owner: UInt32, object: UInt32, holding: UInt32), _ attachment: Attachment
  ) -> Attachment.DeadlockMember {
    var member = Attachment.DeadlockMember(relation: SYNCMGR_RELATION_MAY_ASK)
    member.owner = entry.owner
    member.place = entry.holding + 1
    member.order = UInt64(entry.object)
    if let stream = attachment.workstream(ofOwner: entry.owner) {
      member.workstream = stream.id.load()
      member.pid = stream.pid.load()
      member.name = NameField(stream).read()
    }
    if let object = attachment.segment.object(entry.object) {
      member.type = object.type.load()
      member.object = NameField(object).read()
    }
    return member
  }
}
