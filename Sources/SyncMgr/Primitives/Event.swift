import CSyncMgr
import CSyncMgrShim

/// The event. Its word says whether it is set and whether somebody waits; setting and taking
/// without waiters is one compare-and-swap. An auto-reset event with waiters is never set: the set
/// goes to the head of the line, and marking that cell as done is the whole of it, so that a death
/// leaves nothing half done. Who waits for a manual-reset event sleeps on the epoch, tickets stand
/// in line.
enum Event {
  static let isSet: UInt32 = 1
  static let waiters: UInt32 = 2

  private static func isManual(_ flags: UInt32) -> Bool { flags & SYNCMGR_EVENT_MANUAL_RESET != 0 }

  /// Sets the event when nobody waits. False when that is for `set` to find out.
  @inline(__always)
  static func setAtOnce(_ slot: Slot, _ thread: Thread) -> Bool {
    let object = slot.pointee.object.unsafelyUnwrapped
    object.cpu.store(sm_cpu_of(thread))
    return object.word.claim(0, isSet)
  }

  static func set(_ caller: Caller) throws(Failure) {
    if caller.object.word.load() & isSet != 0 { return }
    var wakes = Wakes()
    try caller.lock()
    give(caller.attachment, caller.object, &wakes)
    caller.unlock()
    wakes.send(caller.attachment, caller.object)
  }

  /// Gives a set to whoever waits, or leaves it. Under the guard.
  private static func give(_ attachment: Attachment, _ object: Object, _ wakes: inout Wakes) {
    if isManual(object.flags.load()) {
      _ = object.word.update { _ in isSet }
      attachment.finishLine(object, SYNCMGR_OK, &wakes)
      wakes.broadcast(object)
    } else if let head = attachment.liveHead(of: object) {
      attachment.unlink(head, object)
      if object.head.load() == 0 { _ = object.word.update { $0 & ~waiters } }
      wakes.finish(head, SYNCMGR_OK, attachment)
    } else {
      _ = object.word.update { _ in isSet }
    }
  }

  static func reset(_ slot: Slot) {
    _ = slot.pointee.object.unsafelyUnwrapped.word.update {
      $0 & isSet == 0 ? nil : $0 & ~isSet
    }
  }

  // MARK: - Waiting

  /// Goes through when the event is set; an auto-reset one is then reset.
  @inline(__always)
  private static func pass(_ object: Object, _ flags: UInt32) -> Bool {
    if isManual(flags) { return object.word.load() & isSet != 0 }
    return object.word.load() == isSet && object.word.claim(isSet, 0)
  }

  @inline(__always)
  static func waitAtOnce(_ slot: Slot, _ timeout: Int64) -> Bool {
    timeout >= SYNCMGR_FOREVER
      && pass(slot.pointee.object.unsafelyUnwrapped, slot.pointee.flags)
  }

  static func wait(_ caller: Caller, _ timeout: Int64) throws(Failure) {
    let (object, attachment) = (caller.object, caller.attachment)
    let flags = caller.slot.pointee.flags
    let deadline = try Deadline.after(timeout)
    if pass(object, flags) { return }
    if timeout == 0 { throw Failure(SYNCMGR_E_TIMEOUT, caller.object, "the event is not set") }
    if attachment.spin(object, { pass(object, flags) }) { return }
    if isManual(flags) { return try waitOnEpoch(caller, deadline) }
    let cell = try attachment.takeCell()
    do throws(Failure) { try caller.lock() } catch {
      attachment.giveBack(cell)
      throw error
    }
    if passOrAnnounce(object, flags) {
      caller.unlock()
      attachment.giveBack(cell)
      return
    }
    caller.enqueue(cell)
    caller.unlock()
    _ = try Waits.block(caller, cell, until: deadline) { _ in nil }.get(caller.object)
  }

  /// Passes, or sets the flag that makes the next set look for waiters. Under the guard.
  private static func passOrAnnounce(_ object: Object, _ flags: UInt32) -> Bool {
    while true {
      let word = object.word.load()
      if word & isSet != 0 {
        if isManual(flags) || object.word.claim(word, word & ~isSet) { return true }
      } else if object.word.claim(word, word | waiters) {
        return false
      }
    }
  }

  private static func waitOnEpoch(_ caller: Caller, _ deadline: Int64) throws(Failure) {
    let (object, attachment) = (caller.object, caller.attachment)
    try caller.lock()
    let epoch = object.epoch.load()
    let start = sm_now()
    let isOver = passOrAnnounce(object, SYNCMGR_EVENT_MANUAL_RESET)
    caller.unlock()
    if isOver { return }
    let sleep = EpochSleep(caller)
    defer { sleep.end() }
    // A change of the epoch means that the event was set, whatever happened to it since.
    while object.epoch.load() == epoch {
      if object.word.load() & isSet != 0 { return }
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
    let flags = caller.slot.pointee.flags
    if pass(caller.object, flags) { return Started(SYNCMGR_OK) }
    return try start.begin(caller) { (draft) throws(Failure) in
      try LineEntry.enter(caller, draft) { passOrAnnounce(caller.object, flags) ? SYNCMGR_OK : nil }
    }
  }

  // MARK: - Recovery

  static let kind = Kind(
    holdsGrants: true,
    repair: { attachment, object in
      var wakes = Wakes()
      attachment.rebuildLine(object)
      let word = object.word.load()
      if attachment.head(of: object) != nil {
        // Died between storing `set` and telling the tickets, or before the flag was stored.
        if word & isSet != 0 {
          _ = object.word.update { $0 & ~isSet | waiters }
          give(attachment, object, &wakes)
        } else {
          _ = object.word.update { $0 | waiters }
        }
      } else if word & isSet != 0, isManual(object.flags.load()) {
        wakes.broadcast(object)
      }
      wakes.send(attachment, object)
    },
    abandon: { _, _, _, _ in },
    withdrawn: { attachment, object, cell in
      if attachment.head(of: object) == nil, !isManual(object.flags.load()) {
        _ = object.word.update { $0 & ~waiters }
      }
    },
    refused: { attachment, object, cell in
      if isManual(object.flags.load()) { return }
      var wakes = Wakes()
      give(attachment, object, &wakes)
      wakes.send(attachment, object)
    },
    asleep: { EpochSleep.shown($0) },
    parameters: { Event.showParameters($1, &$2) },
    state: { Event.showState($0, $1, &$2) },
    check: { attachment, object in
      object.word.load() & isSet != 0 && attachment.head(of: object) != nil
        ? "is set and has waiters" : nil
    })
}
