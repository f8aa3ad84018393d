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

  // MARK: - Wait-die

  /// Refuses to wait for anybody older.
  static func giveWay(_ caller: Caller) throws(Failure) {
    let (object, attachment) = (caller.object, caller.attachment)
    let mine = age(caller.mine, attachment) ?? 0
    let others = holders(object, attachment) + waiters(object, attachment)
    for other in others where other != caller.mine {
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
  static func obeyWound(_ caller: Caller) throws(Failure) {
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
  static func woundHolders(_ caller: Caller) -> [UInt32] {
    let (object, attachment) = (caller.object, caller.attachment)
    let mine = age(caller.mine, attachment) ?? 0
    let younger = holders(object, attachment).filter {
      $0 != caller.mine && age($0, attachment) ?? 0 > mine
    }
    for owner in younger {
      attachment.workstream(ofOwner: owner)?.wounded.store(caller.mine)
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
  static func seize(_ object: Object, _ mine: UInt32, _ attachment: Attachment) {
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

  /// The same for a started wait: the service thread does it, when the wait still goes on.
  static func seizeLater(_ caller: Caller, _ ticket: UInt64, after grace: Int64) {
    let (object, mine, attachment) = (caller.object, caller.mine, caller.attachment)
    let index = Tickets.slot(of: ticket).cellIndex
    let time = sm_now().addingReportingOverflow(grace)
    if time.overflow { return }
    // The chore belongs to the attachment, and ends with it.
    attachment.addChore(at: time.partialValue) { [unowned attachment] in
      guard let cell = attachment.segment.cell(index), cell.ticket.load() == ticket,
        cell.state.load() & CellState.kind == CellState.waiting
      else { return }
      seize(object, mine, attachment)
    }
  }
}
