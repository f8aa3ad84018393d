import CSyncMgr
import CSyncMgrShim

/// Ending what is under way on handles that close. The handles are retired already: no call enters
/// through them any more. Waits end with E_CLOSED; then whoever is still inside comes out.
enum Closing {
  /// Ends the waits that came through `slots` and waits until no call is inside of them. What
  /// tickets of theirs were granted and nobody collected is given back.
  static func endCalls(_ attachment: Attachment, through slots: [Slot]) {
    let indices = Set(slots.map { UInt32($0 - sm_slots()) })
    Handles.settle()
    while true {
      for cell in cells(attachment, slots, indices) {
        let kind = cell.state.load() & CellState.kind
        if kind == CellState.waiting || kind == CellState.woken {
          Tickets.endWait(cell, attachment)
        }
      }
      // Who sleeps on an epoch looks at its handle when it wakes. It may look just before the
      // handle is retired and sleep just after this wake, so the wake is repeated.
      for slot in slots {
        if let epoch = slot.pointee.object?.epoch { sm_futex_wake(epoch.at, Int32.max) }
      }
      if !isAnyoneInside(indices), !isAnyoneWaiting(attachment, slots, indices) { break }
      sm_nap(200_000)
    }
    for cell in cells(attachment, slots, indices) { Tickets.revoke(cell, attachment) }
    Series.close(attachment, through: indices)
  }

  /// Whether a thread that is inside of another handle waits for a mutex of one of these. Its cell
  /// is gone when it is through.
  private static func isAnyoneWaiting(
    _ attachment: Attachment, _ slots: [Slot], _ indices: Set<UInt32>
  ) -> Bool {
    cells(attachment, slots, indices).contains {
      $0.flags.load() & CellFlag.ticket == 0 && $0.partner.load() != 0
        && indices.contains($0.partnerSlot.load())
    }
  }

  /// The handles of tickets without a queue that came through `slots`: nobody is to collect them.
  static func endTickets(_ attachment: Attachment, through slots: [Slot]) {
    let indices = Set(slots.map { UInt32($0 - sm_slots()) })
    for cell in cells(attachment, slots, indices)
    where cell.flags.load() & (CellFlag.ticket | CellFlag.queued) == CellFlag.ticket {
      Tickets.drained(cell.ticket.load(), attachment)
    }
    Series.endTickets(attachment, through: indices)
  }

  /// Ends the waits for messages to workstreams that close. No call begins another one any more.
  static func endInboxWaits(_ attachment: Attachment, through slots: [Slot], endsTickets: Bool) {
    let indices = Set(slots.map { UInt32($0 - sm_slots()) })
    let cells = attachment.ownCells {
      $0.ticket.load() != 0 && CellFlag.isForInbox($0) && indices.contains(Tickets.origin($0))
    }
    for cell in cells {
      let ticket = cell.ticket.load()
      _ = attachment.endInboxWait(cell, result: SYNCMGR_E_CLOSED) { $0.ticket.load() == ticket }
      if endsTickets, cell.flags.load() & CellFlag.queued == 0 {
        Tickets.drained(ticket, attachment)
      }
    }
  }

  /// Ends the waits that came through `slots`, once: who calls looks whether others have begun.
  static func endWaits(_ attachment: Attachment, through slots: [Slot]) {
    for cell in cells(attachment, slots, Set(slots.map { UInt32($0 - sm_slots()) })) {
      let kind = cell.state.load() & CellState.kind
      if kind == CellState.waiting || kind == CellState.woken { Tickets.endWait(cell, attachment) }
    }
  }

  /// The cells in use of waits that came through `slots`.
  private static func cells(
    _ attachment: Attachment, _ slots: [Slot], _ indices: Set<UInt32>
  ) -> [Cell] {
    if !slots.contains(where: { ($0.pointee.holding?.waits.load() ?? 0) != 0 }) { return [] }
    return attachment.ownCells {
      $0.ticket.load() != 0
        && (indices.contains(Tickets.origin($0))
          || $0.partner.load() != 0 && indices.contains($0.partnerSlot.load()))
    }
  }

  /// For handles on which nobody waits for other processes.
  static func waitForCalls(_ attachment: Attachment, in slots: [Slot]) {
    let indices = Set(slots.map { UInt32($0 - sm_slots()) })
    Handles.settle()
    while isAnyoneInside(indices) { sm_nap(100_000) }
  }

  private static func isAnyoneInside(_ indices: Set<UInt32>) -> Bool {
    Handles.anyoneInside { indices.contains(UInt32(truncatingIfNeeded: $0) & (SM_SLOTS - 1)) }
  }

  /// The tickets that nobody collected, when the space is left.
  static func endTickets(_ attachment: Attachment) {
    let high = Local.always { $0.slotsHigh }
    for index in 1..<max(high, 1) {
      let slot = sm_slots() + Int(index)
      let handle = slot.tag.load()
      guard slot.attachment == attachment.id,
        handle.isHandle(.ticket)
      else { continue }
      if Handles.retire(slot, handle) { Handles.free(slot) }
    }
    attachment.releaseBatches()
  }
}
