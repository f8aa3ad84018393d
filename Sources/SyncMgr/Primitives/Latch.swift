import CSyncMgr
import CSyncMgrShim

/// The latch. Its word is what remains. Threads that wait sleep on the epoch, all on one word, and
/// are woken by one call; tickets stand in line. The step to zero is one store: whoever dies after
/// it has opened the latch, and `repair` tells the waiters.
enum Latch {
  static func countDown(_ caller: Caller, _ count: UInt32) throws(Failure) -> UInt32 {
    let (object, attachment) = (caller.object, caller.attachment)
    if count == 0 {
      throw Failure(SYNCMGR_E_INVALID, caller.object, "a latch cannot be counted down by 0")
    }
    var wakes = Wakes()
    try caller.lock()
    let remaining = object.word.load()
    if remaining < count {
      caller.unlock()
      throw Failure(
        SYNCMGR_E_OVERFLOW, caller.object,
        text: "\(remaining) remain and cannot be counted down by \(count)")
    }
    object.cpu.store(sm_cpu())
    object.word.store(remaining - count)
    if remaining == count { open(attachment, object, &wakes) }
    caller.unlock()
    wakes.send(attachment, object)
    if remaining == count { attachment.emit(SYNCMGR_NOTICE_SYNC_COMPLETE, object) }
    return remaining - count
  }

  private static func open(_ attachment: Attachment, _ object: Object, _ wakes: inout Wakes) {
    attachment.finishLine(object, SYNCMGR_OK, &wakes)
    wakes.broadcast(object)
  }

  static func wait(_ caller: Caller, _ timeout: Int64) throws(Failure) {
    let (object, attachment) = (caller.object, caller.attachment)
    let deadline = try Deadline.after(timeout)
    let start = deadline - timeout
    if object.word.load() == 0 { return }
    if timeout == 0 { throw Failure(SYNCMGR_E_TIMEOUT, caller.object, "the latch is not at zero") }
    if attachment.spin(object, { object.word.load() == 0 }) { return }
    let sleep = EpochSleep(caller)
    defer { sleep.end() }
    while true {
      // The epoch first: it changes after the word, so a change that we do not see ends the sleep.
      let epoch = object.epoch.load()
      if object.word.load() == 0 { return }
      if caller.isClosed { throw Waits.failure(SYNCMGR_E_CLOSED, caller.object) }
      if Deadline.hasPassed(deadline) {
        caller.tellTimeout(since: start)
        throw Waits.failure(SYNCMGR_E_TIMEOUT, caller.object)
      }
      attachment.parkOnEpoch(object, epoch, until: deadline)
    }
  }

  static func waitStart(_ caller: Caller, _ start: Tickets.Start) throws(Failure) -> Started {
    try start.check(caller)
    if caller.object.word.load() == 0 { return Started(SYNCMGR_OK) }
    return try start.begin(caller) { (draft) throws(Failure) in
      try LineEntry.enter(caller, draft) { caller.object.word.load() == 0 ? SYNCMGR_OK : nil }
    }
  }

  static let kind = Kind(
    holdsGrants: false,
    repair: { attachment, object in
      var wakes = Wakes()
      attachment.rebuildLine(object)
      if object.word.load() == 0 { open(attachment, object, &wakes) }
      wakes.send(attachment, object)
    },
    abandon: { _, _, _, _ in },
    withdrawn: { _, _, _ in },
    refused: { _, _, _ in },
    asleep: { EpochSleep.shown($0) },
    parameters: { Latch.showParameters($1, &$2) },
    state: { Latch.showState($0, $1, &$2) },
    check: { attachment, object in
      object.word.load() == 0 && attachment.head(of: object) != nil
        ? "is at zero and has waiters" : nil
    })
}

/// Entering a line where nothing is taken: the wait is over, or the cell is put in.
enum LineEntry {
  static func enter(
    _ caller: Caller, _ draft: Tickets.Draft, _ isOver: () -> Int32?
  ) throws(Failure) -> Outcome? {
    do throws(Failure) { try caller.lock() } catch {
      caller.attachment.giveBack(draft.cell)
      throw error
    }
    if let status = isOver() {
      caller.unlock()
      caller.attachment.giveBack(draft.cell)
      return Outcome(status)
    }
    caller.enqueue(draft.cell, flags: draft.flags, ticket: draft.handle)
    caller.unlock()
    return nil
  }
}
