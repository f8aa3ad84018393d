import CSyncMgr
import CSyncMgrShim

/// Leases. When a hold's lease ends is in its holding; when somebody is to look at the leases next
/// is in the header, so that looking costs one load. Whoever notices that the time has come claims
/// the look by putting the next one a little later: if it dies in the midst of it, that one finds
/// what is left. Service threads look, and waiters of processes that have none.
extension Attachment {
  private static let pause: UInt64 = 100_000_000

  /// Has somebody look when a lease ends that was just stored. Changes the word in any case, so
  /// that a look that is under way, and may have passed the holding before, does not end looking.
  func scheduleLook(at end: UInt64) {
    while true {
      let next = header.leaseNext.load()
      let isEarlier = next == 0 || next > end
      guard header.leaseNext.claim(next, isEarlier ? end : next - 1) else { continue }
      if isEarlier { announceMembership() }
      return
    }
  }

  /// When to look next; never when there are no leases.
  var nextLook: Int64 {
    let next = header.leaseNext.load()
    return next == 0 ? Deadline.never : Int64(clamping: next)
  }

  /// Ends the leases whose time has come.
  func expireLeases() {
    let next = header.leaseNext.load()
    let now = UInt64(bitPattern: sm_now())
    guard next != 0, next <= now, header.leaseNext.claim(next, now &+ Self.pause) else { return }
    var earliest = UInt64.max
    for index in 0..<segment.holdingCount {
      guard let holding = segment.holding(index) else { continue }
      let end = holding.lease.load()
      if end == 0 { continue }
      if end > now {
        earliest = min(earliest, end)
      } else {
        expireLease(holding, now)
      }
    }
    // Unless a lease was set meanwhile.
    let left = earliest == UInt64.max ? 0 : earliest
    _ = header.leaseNext.claim(now &+ Self.pause, left)
  }

  /// Takes a hold away, unless its lease was renewed or the hold ended in this moment.
  private func expireLease(_ holding: Holding, _ now: UInt64) {
    guard let object = segment.object(holding.object.load() &- 1), let kind = Kinds.of(object)
    else {
      return
    }
    lock(object)
    let end = holding.lease.load()
    let isOver =
      holding.state.load() == SlotState.live && end != 0 && end <= now
      && holding.object.load() == segment.index(of: object) + 1
    let owner = holding.workstream.load()
    let isLost = isOver && kind.isLeased(object, holding)
    var token = holding.token.load()
    // The hold first: dies in between: the lease of a hold that is gone is taken off by the next.
    if isLost {
      kind.take(self, object, holding)
      if object.type.load() == SYNCMGR_TYPE_MUTEX { token = object.previousToken.load() }
    }
    if isOver { holding.lease.store(0) }
    unlock(object)
    if isLost {
      announceLoss(owner, object, token)
      emit(SYNCMGR_NOTICE_LEASE_LOST, object, owner: owner, value: token)
    }
  }

  /// Says that a workstream's hold was taken away. Outside of every guard.
  func announceLoss(_ owner: UInt32, _ object: Object, _ token: UInt64) {
    emit(SYNCMGR_NOTICE_HOLD_LOST, object, owner: owner, value: token)
  }
}

/// The leases that this process's service thread renews. Under the process's lock.
struct Renewals {
  struct Entry {
    let attachment: Attachment
    let holding: Holding
    let object: Object
    let owner: UInt32
    let token: UInt64
    let length: Int64
    var due: Int64
  }

  private(set) var entries: [Entry] = []

  var earliest: Int64 { entries.reduce(Deadline.never) { Deadline.earlier($0, $1.due) } }

  mutating func add(_ entry: Entry) {
    remove(entry.holding)
    entries.append(entry)
  }

  mutating func remove(_ holding: Holding) { entries.removeAll { $0.holding == holding } }

  mutating func remove(_ attachment: Attachment) {
    entries.removeAll { $0.attachment === attachment }
  }

  /// Renews what is due. On the service thread, which keeps its attachments mapped.
  static func serve() {
    let now = sm_now()
    for entry in Local.always({ $0.forWaiting.renewals.entries }) where entry.due <= now {
      let isRenewed = entry.attachment.renew(entry)
      Local.always { local in
        local.forWaiting.renewals.update(entry, isRenewed ? now + entry.length / 3 : nil)
      }
    }
  }

  private mutating func update(_ entry: Entry, _ due: Int64?) {
    guard
      let place = entries.firstIndex(where: {
        $0.holding == entry.holding && $0.token == entry.token && $0.due == entry.due
      })
    else { return }
    if let due { entries[place].due = due } else { entries.remove(at: place) }
  }
}

extension Attachment {
  /// False when the hold, or its lease, is gone.
  fileprivate func renew(_ entry: Renewals.Entry) -> Bool {
    let holding = entry.holding
    lock(entry.object)
    defer { unlock(entry.object) }
    guard holding.state.load() == SlotState.live, holding.workstream.load() == entry.owner,
      holding.object.load() == segment.index(of: entry.object) + 1, holding.lease.load() != 0,
      holding.token.load() == entry.token,
      Kinds.of(entry.object)?.isLeased(entry.object, holding)
        ?? false
    else { return false }
    let (end, overflow) = sm_now().addingReportingOverflow(entry.length)
    holding.lease.store(UInt64(overflow ? Int64.max : end))
    return true
  }
}
