import CSyncMgr
import CSyncMgrShim

/// Who is older, and what that means: a workstream is as old as its id.
enum Seniority {
  private static func age(_ owner: UInt32, _ attachment: Attachment) -> UInt64? {
    attachment.workstream(ofOwner: owner)?.id.load()
  }

  /// Those who hold an object: owner ids.
  private static func holders(_ object: Object, _ attachment: Attachment) -> [UInt32] {
    switch Kinds.of(object)?.supply(object) {
    case .single(let owner)?: return owner == 0 ? [] : [owner]
    case .counted?, .recorded?:
      var found: [UInt32] = []
      attachment.forHoldings(of: object) {
        if $0.amount.load() > 0 { found.append($0.workstream.load() & OwnerID.mask) }
      }
      return found
    case nil: return []
    }
  }

  /// Those who wait in line: they will hold it before who comes now.
  private static func waiters(_ object: Object, _ attachment: Attachment) -> [UInt32] {
    attachment.lock(object)
    defer { attachment.unlock(object) }
    var found: [UInt32] = []
    var cell = attachment.head(of: object)
    while let here = cell, found.count < SM_CELLS {
      found.append(here.workstream.load() & OwnerID.mask)
      cell = attachment.next(of: here)
    }
    return found
  }

  // MARK: - What a wait begins with, and goes on under

  /// Before a wait.
  static func look(_ caller: Caller, _ settings: PreventionSettings) throws(Failure) {
    let (object, attachment) = (caller.object, caller.attachment)
    if settings.strategy == SYNCMGR_PREVENT_WAIT_DIE {
      let others = holders(object, attachment) + waiters(object, attachment)
      try giveWay(object, caller.mine, to: others, attachment)
    } else {
      try obeyWound(caller)
      _ = woundHolders(object, caller.mine, attachment)
    }
  }

  /// Once it is in line, and while it goes on: somebody older, or younger, may have taken the lock
  /// meanwhile, past those who wait. Whoever does that and then waits itself finds those that it
  /// left waiting. Of two waits that are in each other's way the later one sees the other.
  static func review(
    _ caller: Caller, _ settings: PreventionSettings, _ end: inout Int64
  ) throws(Failure) {
    if settings.strategy == SYNCMGR_PREVENT_WOUND_WAIT { try obeyWound(caller) }
    for holding in Possessions.of(caller).held(caller.attachment) {
      if let object = caller.attachment.segment.object(holding.object.load() &- 1) {
        try lookBack(caller, object, settings)
      }
    }
    try review(caller.object, caller.mine, caller.attachment, settings, &end)
  }

  private static func review(
    _ object: Object, _ mine: UInt32, _ attachment: Attachment, _ settings: PreventionSettings,
    _ end: inout Int64
  ) throws(Failure) {
    if settings.strategy == SYNCMGR_PREVENT_WAIT_DIE {
      return try giveWay(object, mine, to: holders(object, attachment), attachment)
    }
    let now = sm_now()
    if woundHolders(object, mine, attachment).isEmpty {
      end = 0
    } else if end == 0 {
      let (sum, overflow) = now.addingReportingOverflow(settings.grace)
      end = overflow ? Int64.max : sum
    } else if now >= end {
      seize(object, mine, attachment)
      end = 0
    }
  }

  /// The same for a started wait, by the service thread.
  static func reviewLater(
    _ caller: Caller, _ ticket: UInt64, _ settings: PreventionSettings, _ end: Int64 = 0
  ) {
    let cell = Tickets.slot(of: ticket).cellIndex
    reviewLater(caller.object, caller.mine, caller.attachment, settings, cell, ticket, end)
  }

  private static func reviewLater(
    _ object: Object, _ mine: UInt32, _ attachment: Attachment, _ settings: PreventionSettings,
    _ index: UInt32, _ ticket: UInt64, _ end: Int64
  ) {
    // The chore belongs to the attachment, and ends with it.
    attachment.addChore(at: sm_now() + 2 * PreventionSettings.period) { [unowned attachment] in
      guard let cell = attachment.segment.cell(index), cell.ticket.load() == ticket,
        cell.state.load() & CellState.kind == CellState.waiting
      else { return }
      var end = end
      do throws(Failure) { try review(object, mine, attachment, settings, &end) } catch {
        _ = Waits.withdraw(cell, object, attachment, result: error.status) {
          $0.ticket.load() == ticket
        }
        return
      }
      reviewLater(object, mine, attachment, settings, index, ticket, end)
    }
  }

  /// Looks at those who wait for what this one holds, while it waits itself: the younger ones do
  /// not, or it does not for an older one.
  private static func lookBack(
    _ caller: Caller, _ held: Object, _ settings: PreventionSettings
  ) throws(Failure) {
    let attachment = caller.attachment
    let mine = age(caller.mine, attachment) ?? 0
    let isDying = settings.strategy == SYNCMGR_PREVENT_WAIT_DIE
    let mark = isDying ? CellFlag.dies : CellFlag.wounds
    var found: [(cell: Cell, owner: UInt32, order: UInt64)] = []
    attachment.lock(held)
    var next = attachment.head(of: held)
    var left = SM_CELLS
    while let cell = next, left > 0 {
      left -= 1
      next = attachment.next(of: cell)
      let owner = cell.workstream.load() & OwnerID.mask
      guard cell.flags.load() & mark != 0, owner != caller.mine,
        let other = age(owner, attachment), (other > mine) == isDying
      else { continue }
      found.append((cell, owner, cell.order.load()))
    }
    attachment.unlock(held)
    if isDying {
      for wait in found {
        _ = Waits.withdraw(wait.cell, held, attachment, result: SYNCMGR_E_PREEMPTED) {
          $0.order.load() == wait.order && $0.workstream.load() & OwnerID.mask == wait.owner
        }
      }
    } else if let older = found.first?.owner {
      if attachment.workstream(ofOwner: caller.mine)?.wounded.exchange(older) != older {
        attachment.emit(SYNCMGR_NOTICE_PREEMPTED, held, owner: caller.mine)
      }
      try obeyWound(caller)
    }
  }

  // MARK: - Wait-die

  /// Refuses to wait for anybody older.
  private static func giveWay(
    _ object: Object, _ owner: UInt32, to others: [UInt32], _ attachment: Attachment
  ) throws(Failure) {
    let mine = age(owner, attachment) ?? 0
    for other in others where other != owner {
      guard let stream = attachment.workstream(ofOwner: other), stream.id.load() < mine else {
        continue
      }
      throw Failure(
        SYNCMGR_E_PREEMPTED, object,
        text: "the older workstream '\(NameField(stream).read().text)' goes first")
    }
  }

  // MARK: - Wound-wait

  /// Whoever was wounded does not wait while it holds anything.
  private static func obeyWound(_ caller: Caller) throws(Failure) {
    let attachment = caller.attachment
    guard let stream = attachment.workstream(ofOwner: caller.mine) else { return }
    let by = stream.wounded.load()
    if by == 0 { return }
    if !Possessions.of(caller).holdsAnything(attachment) {
      // Somebody may wound it again in this moment: that stands.
      _ = stream.wounded.claim(by, 0)
      return
    }
    let name = attachment.workstream(ofOwner: by).map { NameField($0).read().text } ?? "?"
    throw Failure(
      SYNCMGR_E_PREEMPTED, caller.object,
      text: "the older workstream '\(name)' needs what this one holds")
  }

  /// Wounds the younger ones who hold the object, and ends what they wait for.
  private static func woundHolders(
    _ object: Object, _ wounder: UInt32, _ attachment: Attachment
  ) -> [UInt32] {
    let mine = age(wounder, attachment) ?? 0
    let younger = holders(object, attachment).filter {
      $0 != wounder && age($0, attachment) ?? 0 > mine
    }
    for owner in younger
    where attachment.workstream(ofOwner: owner)?.wounded.exchange(wounder) ?? wounder != wounder {
      attachment.emit(SYNCMGR_NOTICE_PREEMPTED, object, owner: owner)
    }
    if !younger.isEmpty { endWaits(of: Set(younger), attachment) }
    return younger
  }

  private static func endWaits(of owners: Set<UInt32>, _ attachment: Attachment) {
    let segment = attachment.segment
    for index in 0..<segment.batchCount * SM_BATCH_CELLS {
      guard let cell = segment.cell(index) else { continue }
      let owner = cell.workstream.load() & OwnerID.mask
      guard cell.state.load() & CellState.kind == CellState.waiting, owners.contains(owner),
        let object = segment.object(cell.object.load() &- 1),
        Kinds.of(object)?.supply(object) != nil
      else { continue }
      let order = cell.order.load()
      _ = Waits.withdraw(cell, object, attachment, result: SYNCMGR_E_PREEMPTED) {
        $0.order.load() == order && $0.workstream.load() & OwnerID.mask == owner
      }
    }
  }

  /// Takes the object away from those whom `mine` has wounded and who still hold it.
  private static func seize(_ object: Object, _ mine: UInt32, _ attachment: Attachment) {
    guard let kind = Kinds.of(object) else { return }
    var lost: [(owner: UInt32, token: UInt64)] = []
    attachment.lock(object)
    let isSingle: Bool
    if case .single? = kind.supply(object) { isSingle = true } else { isSingle = false }
    attachment.forHoldings(of: object) { holding in
      let owner = holding.workstream.load() & OwnerID.mask
      let holds =
        isSingle ? attachment.isHeld(holding) : holding.amount.load() > 0
      guard holds, attachment.workstream(ofOwner: owner)?.wounded.load() == mine else { return }
      lost.append((owner, kind.held(object, holding)?.token ?? 0))
      kind.take(attachment, object, holding)
    }
    attachment.unlock(object)
    for (owner, token) in lost { attachment.announceLoss(owner, object, token) }
  }
}
