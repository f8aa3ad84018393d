import CSyncMgr
import CSyncMgrShim

/// What happens to a sync point when somebody dies or closes.
extension SyncPoint {
  static let kind = Kind(
    holdsGrants: false,
    repair: { attachment, object in
      var wakes = Wakes()
      attachment.rebuildLine(object)
      if object.word.load() == SYNCMGR_SYNC_WAITING {
        recount(attachment, object)
        if isDue(attachment, object) { evaluate(attachment, object, &wakes) }
      } else {
        tellAll(attachment, object, &wakes)
      }
      wakes.send(attachment)
    },
    // Waits have ended by now, and with them the workstream is not there any more.
    abandon: { _, _, _, _ in },
    withdrawn: { attachment, object, cell in
      guard object.word.load() == SYNCMGR_SYNC_WAITING,
        let member = member(of: cell, object, attachment)
      else { return }
      leave(member)
    },
    // The end stands, whoever saw it.
    refused: { _, _, _ in },
    expire: { attachment, object, cell, isRight in expire(attachment, object, cell, isRight) },
    absent: { attachment, object in absent(attachment, object) },
    parameters: { showParameters($1, &$2) },
    state: { showState($0, $1, &$2) },
    streamDied: { attachment, object, stream in
      guard object.type.load() == SYNCMGR_TYPE_SYNC_POINT, object.state.load() == SlotState.live
      else { return }
      var wakes = Wakes()
      lookAtTime(attachment, object, &wakes)
      if object.word.load() == SYNCMGR_SYNC_WAITING,
        let member = attachment.member(of: object, named: NameField(stream).read()),
        member.flags.load() & (SYNCMGR_SYNC_MEMBER_FAILED | SYNCMGR_SYNC_ARRIVED) == 0
      {
        fail(attachment, object, member, "\(text(stream)) died", &wakes)
      }
      wakes.send(attachment)
    },
    check: { attachment, object in
      if object.word.load() > SYNCMGR_SYNC_TIMED_OUT { return "ended in no known way" }
      var count: UInt32 = 0
      var arrived: UInt32 = 0
      attachment.forMembers(of: object) {
        count += 1
        if $0.flags.load() & SYNCMGR_SYNC_ARRIVED != 0 { arrived += 1 }
      }
      if count != object.memberCount.load() {
        return "expects \(object.memberCount.load()) and has \(count) members"
      }
      let waiting = waitingMembers(attachment, object)
      if object.word.load() != SYNCMGR_SYNC_WAITING {
        return waiting.isEmpty ? nil : "has ended and has waiters"
      }
      if arrived != waiting.count { return "counts \(arrived) arrivals and has \(waiting.count)" }
      return nil
    })

  /// The member that a wait is of.
  private static func member(
    of cell: Cell, _ object: Object, _ attachment: Attachment
  ) -> Member? {
    guard let member = attachment.segment.member(cell.amount.load() &- 1),
      member.object.load() == attachment.segment.index(of: object) + 1
    else { return nil }
    return member
  }

  private static func waitingMembers(_ attachment: Attachment, _ object: Object) -> Set<UInt32> {
    var found: Set<UInt32> = []
    var next = attachment.head(of: object)
    var left = SM_CELLS
    while let cell = next, left > 0 {
      left -= 1
      if let member = member(of: cell, object, attachment) {
        found.insert(attachment.segment.index(of: member))
      }
      next = attachment.next(of: cell)
    }
    return found
  }

  /// Derives from the line who is there. An arrival that had not got as far as the line is undone.
  private static func recount(_ attachment: Attachment, _ object: Object) {
    let waiting = waitingMembers(attachment, object)
    attachment.forMembers(of: object) { member in
      let flags = member.flags.load()
      let isThere = waiting.contains(attachment.segment.index(of: member))
      if isThere, flags & SYNCMGR_SYNC_ARRIVED == 0 {
        member.flags.store(flags & ~SYNCMGR_SYNC_MEMBER_FAILED | SYNCMGR_SYNC_ARRIVED)
      } else if !isThere, flags & SYNCMGR_SYNC_ARRIVED != 0 {
        leave(member)
      }
    }
  }

  /// Whether a failure has yet to have its consequences. Arrivals have had theirs: one whose
  /// process died before it ended the point has not come.
  private static func isDue(_ attachment: Attachment, _ object: Object) -> Bool {
    Tally(attachment, object).failed > 0
  }
}
