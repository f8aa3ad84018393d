import CSyncMgr
import CSyncMgrShim

extension Many {
  /// Takes those that are free, in order, and goes on from the first that is not as a series.
  /// `prepare` is called before that, inside of a handle.
  static func lockStart(
    _ items: Items?, _ count: UInt32, _ start: Tickets.Start,
    prepare: (Caller) throws(Failure) -> Void
  ) throws(Failure) -> Started {
    let deadline = try Deadline.after(start.timeout)
    let entries = try entries(items, count)
    let items = items.unsafelyUnwrapped
    try visit(entries[0]) { (caller) throws(Failure) in try start.check(caller) }
    if start.timeout == 0 { return Started(try lock(items, count, 0)) }
    var taken: [Int32] = []
    do throws(Failure) {
      if try takeFree(entries, &taken) {
        for (entry, status) in zip(entries, taken) { items[entry.place].status = status }
        return Started(taken.contains(SYNCMGR_OWNER_DIED) ? SYNCMGR_OWNER_DIED : SYNCMGR_OK)
      }
      let slot = try Handles.enter(entries[0].handle, entries[0].type)
      defer { sm_leave() }
      try prepare(Caller(slot, entries[0].handle))
      sm_hold(slot.attachment)
      let series = try ManyLocks(
        Attachment.of(slot), items, entries, taken, until: deadline, start)
      return series.start()
    } catch {
      let sentence = Failure.kept()
      undo(entries, taken)
      tell(items, count, entries[min(taken.count, entries.count - 1)], failed: error.status)
      throw Failure(error.status, naming: sentence)
    }
  }

  /// False when one is not free.
  private static func takeFree(
    _ entries: [Entry], _ taken: inout [Int32]
  ) throws(Failure) -> Bool {
    for entry in entries {
      do throws(Failure) { taken.append(try lock(entry, 0)) } catch {
        if error.status == SYNCMGR_E_TIMEOUT { return false }
        throw error
      }
    }
    return true
  }
}

/// Several locks, one ticket. The caller's items are only written by the call that ends it.
private final class ManyLocks: Series {
  private let items: Many.Items
  private let entries: [Many.Entry]

  init(
    _ attachment: Attachment, _ items: Many.Items, _ entries: [Many.Entry],
    _ taken: [Int32], until deadline: Int64, _ start: Tickets.Start
  ) throws(Failure) {
    self.items = items
    self.entries = entries
    try super.init(attachment, entries.map { $0.handle }, done: taken, until: deadline, start)
  }

  override func begin(_ step: Int, _ start: Tickets.Start) throws(Failure) -> Started {
    let entry = entries[step]
    return try Many.visit(entry) { (caller) throws(Failure) in
      try Prevention.start(caller, start) { (start) throws(Failure) in
        switch entry.type {
        case .semaphore: try Semaphore.acquireStart(caller, entry.amount, start)
        case .rwlock: try RWLock.lockStart(caller, entry.amount, start)
        default: try Mutex.lockStart(caller, start)
        }
      }
    }
  }

  override func undo(closing: Set<UInt32>) { Many.undo(entries, statuses, closing: closing) }

  override func tell(_ outcome: Outcome) {
    if outcome.status < 0 {
      Many.tell(items, UInt32(entries.count), entries[failed], failed: outcome.status)
    } else {
      for (entry, status) in zip(entries, statuses) { items[entry.place].status = status }
    }
  }

  override func place(of step: Int) -> UInt32 { UInt32(entries[step].place) }
}
