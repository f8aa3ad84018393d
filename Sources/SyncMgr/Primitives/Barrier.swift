import CSyncMgr
import CSyncMgrShim

/// The barrier. All of it happens under the guard. The truth is in the holdings: each says in which
/// generation its workstream arrived, or that the barrier broke under it. `arrived` is their
/// number, which `repair` counts anew. A trip is one store, of the next generation: whoever dies
/// after it has tripped the barrier. Threads sleep on the epoch, all woken by one call; tickets
/// stand in line.
enum Barrier {
  /// What a holding's amount says of an arrival.
  enum Presence {
    static let waits: UInt32 = 1
    static let arrived: UInt32 = 2
  }
  /// A holding's mark once the barrier broke under its waiter. Else it is generation + 1, or 0.
  static let brokenMark = UInt64.max

  /// What an arrival led to.
  private enum Arrival {
    case waiting
    case last
    case leads
    case occupied(epoch: UInt32)
  }

  // MARK: - Waiting

  static func wait(
    _ caller: Caller, _ timeout: Int64, _ action: Action
  ) throws(Failure) -> Outcome {
    let (object, attachment) = (caller.object, caller.attachment)
    let deadline = try Deadline.after(timeout)
    attachment.recoverMarked()  // the dead are not counted as present
    while true {
      var wakes = Wakes()
      try caller.lock()
      let generation = object.grants.load()
      let index = nextIndex(object)
      let epoch = object.epoch.load()
      let arrival: Arrival
      do throws(Failure) {
        arrival = try arrive(caller, Presence.waits, action, onlyLast: timeout == 0, &wakes)
      } catch {
        caller.unlock()
        throw error
      }
      caller.unlock()
      wakes.send(attachment, object)
      switch arrival {
      case .last: return Outcome(SYNCMGR_LEADER, value: generation, index: index)
      case .leads: return try lead(caller, action, generation, index)
      case .occupied(let epoch):
        // All have arrived, and the leader has yet to let them go: this one is of the next round.
        if Deadline.hasPassed(deadline) { throw Waits.failure(SYNCMGR_E_TIMEOUT, caller.object) }
        attachment.parkOnEpoch(object, epoch, until: deadline)
        if caller.isClosed { throw Waits.failure(SYNCMGR_E_CLOSED, caller.object) }
      case .waiting:
        try sleep(caller, generation, epoch, deadline)
        return Outcome(SYNCMGR_OK, value: generation, index: index)
      }
    }
  }

  /// Sleeps until the generation is over, one way or the other.
  private static func sleep(
    _ caller: Caller, _ generation: UInt64, _ arrivedIn: UInt32, _ deadline: Int64
  ) throws(Failure) {
    let (object, attachment) = (caller.object, caller.attachment)
    // Spinning pays when every party can be on a CPU of its own. With more parties than CPUs the
    // others need ours: it is offered to them a few times, which is cheaper than sleeping.
    if caller.slot.pointee.count <= Attachment.processors {
      for _ in 0..<200 where object.epoch.load() == arrivedIn { sm_pause() }
    } else {
      for _ in 0..<3 where object.epoch.load() == arrivedIn { sm_yield() }
    }
    // Counted as a wait only when it sleeps: most are over before.
    var nap: EpochSleep?
    defer { nap?.end() }
    let start = sm_now()
    while true {
      let epoch = object.epoch.load()
      if caller.holding.mark.load() == brokenMark {
        throw Waits.failure(SYNCMGR_E_BROKEN, caller.object)
      }
      if object.grants.load() != generation { return }
      let isLate = Deadline.hasPassed(deadline)
      if isLate || caller.isClosed {
        if try giveUp(caller, generation) {
          if isLate { caller.tellTimeout(since: start) }
          throw Waits.failure(isLate ? SYNCMGR_E_TIMEOUT : SYNCMGR_E_CLOSED, object)
        }
        continue
      }
      if nap == nil { nap = EpochSleep(caller) }
      attachment.parkOnEpoch(object, epoch, until: deadline)
    }
  }

  /// Breaks the barrier because this waiter leaves. False when it was over just before.
  private static func giveUp(_ caller: Caller, _ generation: UInt64) throws(Failure) -> Bool {
    let (object, attachment) = (caller.object, caller.attachment)
    var wakes = Wakes()
    attachment.lock(object)
    let isOver =
      caller.holding.mark.load() == brokenMark || object.grants.load() != generation
    if !isOver { breakUp(attachment, object, &wakes) }
    attachment.unlock(object)
    wakes.send(attachment, object)
    return !isOver
  }

  static func waitStart(
    _ caller: Caller, _ start: Tickets.Start, _ action: Action
  ) throws(Failure) -> Started {
    try start.check(caller)
    let (object, attachment) = (caller.object, caller.attachment)
    attachment.recoverMarked()
    var wakes = Wakes()
    var leads = false
    var generation: UInt64 = 0
    var index: UInt32 = 0
    let started = try Tickets.Start(
      timeout: start.timeout == 0 ? 1 : start.timeout, queue: start.queue, userData: start.userData
    ).begin(caller) { (draft) throws(Failure) -> Outcome? in
      var isEntered = false
      defer { if !isEntered { attachment.giveBack(draft.cell) } }
      try caller.lock()
      defer { caller.unlock() }
      generation = object.grants.load()
      index = nextIndex(object)
      switch try arrive(
        caller, Presence.waits, action, onlyLast: start.timeout == 0, &wakes)
      {
      case .last: return Outcome(SYNCMGR_LEADER, value: generation, index: index)
      case .leads:
        leads = true
        return Outcome(SYNCMGR_LEADER, value: generation, index: index)
      case .occupied:
        throw Failure(
          SYNCMGR_E_BUSY, caller.object,
          "all have arrived and the leader has yet to release the barrier")
      case .waiting:
        caller.enqueue(draft.cell, flags: draft.flags, ticket: draft.handle)
        draft.cell.value.store(generation)
        draft.cell.index.store(index)
        isEntered = true
        return nil
      }
    }
    wakes.send(attachment, object)
    if leads { return Started(outcome: try lead(caller, action, generation, index)) }
    return started
  }

  static func arriveOnly(_ caller: Caller, _ action: Action) throws(Failure) -> Outcome {
    let (object, attachment) = (caller.object, caller.attachment)
    attachment.recoverMarked()
    var wakes = Wakes()
    try caller.lock()
    let generation = object.grants.load()
    let index = nextIndex(object)
    let arrival: Arrival
    do throws(Failure) {
      arrival = try arrive(caller, Presence.arrived, action, onlyLast: false, &wakes)
    } catch {
      caller.unlock()
      throw error
    }
    caller.unlock()
    wakes.send(attachment, object)
    switch arrival {
    case .waiting: return Outcome(SYNCMGR_OK, value: generation, index: index)
    case .last: return Outcome(SYNCMGR_LEADER, value: generation, index: index)
    case .leads: return try lead(caller, action, generation, index)
    case .occupied:
      throw Failure(
        SYNCMGR_E_BUSY, caller.object,
        "all have arrived and the leader has yet to release the barrier")
    }
  }

  // MARK: - Arriving. Under the guard.

  private static func arrive(
    _ caller: Caller, _ presence: UInt32, _ action: Action, onlyLast: Bool, _ wakes: inout Wakes
  ) throws(Failure) -> Arrival {
    let (object, holding) = (caller.object, caller.holding)
    if object.broken.load() != 0 { throw Waits.failure(SYNCMGR_E_BROKEN, caller.object) }
    let generation = object.grants.load()
    if holding.mark.load() == generation &+ 1 {
      throw Failure(
        SYNCMGR_E_ALREADY, caller.object,
        text: "this workstream has arrived in generation \(generation) already")
    }
    if object.leader.load() != 0 { return .occupied(epoch: object.epoch.load()) }
    let arrived = object.arrived.load() &+ 1
    try checkParty(caller)
    let isLast = arrived >= parties(object)
    if onlyLast, !isLast {
      throw Failure(
        SYNCMGR_E_TIMEOUT, caller.object, "others have yet to arrive and the call does not wait")
    }
    // The mark is the arrival; the count follows from the marks.
    holding.amount.store(presence)
    holding.index.store(nextIndex(object))
    holding.mark.store(generation &+ 1)
    object.arrived.store(arrived)
    object.cpu.store(sm_cpu())
    if !isLast { return .waiting }
    if action.isWanted {
      object.leader.store(caller.mine)
      return .leads
    }
    trip(caller.attachment, object, &wakes)
    return .last
  }

  /// The order of the next arrival: those that have left since they arrived keep theirs.
  private static func nextIndex(_ object: Object) -> UInt32 {
    object.arrived.load() &+ object.least.load()
  }

  static func trip(_ attachment: Attachment, _ object: Object, _ wakes: inout Wakes) {
    object.grants.store(object.grants.load() &+ 1)
    object.leader.store(0)
    object.arrived.store(0)
    object.least.store(0)
    attachment.finishLine(object, SYNCMGR_OK, &wakes)
    wakes.broadcast(object)
    attachment.emit(SYNCMGR_NOTICE_BARRIER_TRIPPED, object, value: object.grants.load() &- 1)
  }

  /// Breaks the barrier: who waits in it finds so in its holding, or its ticket.
  static func breakUp(_ attachment: Attachment, _ object: Object, _ wakes: inout Wakes) {
    let isNew = object.broken.exchange(1) == 0
    let generation = object.grants.load()
    attachment.forHoldings(of: object) {
      if $0.mark.load() == generation &+ 1 { $0.mark.store(brokenMark) }
    }
    object.leader.store(0)
    object.arrived.store(0)
    object.least.store(0)
    object.detached.store(0)
    attachment.finishLine(object, SYNCMGR_E_BROKEN, &wakes)
    wakes.broadcast(object)
    if isNew { attachment.emit(SYNCMGR_NOTICE_BARRIER_BROKEN, object, value: generation) }
  }

  // MARK: - Leading

  /// What the last to arrive does before the others go on.
  struct Action {
    let run: (() -> Bool)?
    let releasesLater: Bool
    var isWanted: Bool { run != nil || releasesLater }
  }

  private static func lead(
    _ caller: Caller, _ action: Action, _ generation: UInt64, _ index: UInt32
  ) throws(Failure) -> Outcome {
    if action.releasesLater { return Outcome(SYNCMGR_LEADER, value: generation, index: index) }
    // Runs outside of the call: it may close this very handle.
    guard action.run?() ?? true else { throw Waits.failure(SYNCMGR_E_CLOSED, caller.object) }
    try release(caller)
    return Outcome(SYNCMGR_LEADER, value: generation, index: index)
  }

  static func release(_ caller: Caller) throws(Failure) {
    let (object, attachment) = (caller.object, caller.attachment)
    var wakes = Wakes()
    try caller.lock()
    let isLeader = object.leader.load() == caller.mine
    let isBroken = caller.holding.mark.load() == brokenMark || object.broken.load() != 0
    if isLeader { trip(attachment, object, &wakes) }
    caller.unlock()
    wakes.send(attachment, object)
    if isLeader { return }
    if isBroken { throw Waits.failure(SYNCMGR_E_BROKEN, caller.object) }
    throw Failure(
      SYNCMGR_E_NOT_OWNER, caller.object, "this workstream is not the leader of a full barrier")
  }

  // MARK: - Abort, reset, state

  static func abort(_ caller: Caller) throws(Failure) {
    var wakes = Wakes()
    try caller.lock()
    breakUp(caller.attachment, caller.object, &wakes)
    caller.unlock()
    wakes.send(caller.attachment, caller.object)
  }

  static func reset(_ caller: Caller) throws(Failure) {
    var wakes = Wakes()
    try caller.lock()
    if caller.object.arrived.load() > 0 { breakUp(caller.attachment, caller.object, &wakes) }
    caller.object.broken.store(0)
    caller.unlock()
    wakes.send(caller.attachment, caller.object)
  }

  static func state(_ caller: Caller) throws(Failure) -> syncmgr_barrier_info_t {
    try caller.lock()
    defer { caller.unlock() }
    let object = caller.object
    var state = syncmgr_barrier_info_t()
    state.generation = object.grants.load()
    state.parties = parties(object)
    state.arrived = object.arrived.load()
    state.broken = object.broken.load()
    caller.attachment.forHoldings(of: object) {
      if $0.mark.load() == state.generation &+ 1, $0.amount.load() == Presence.waits {
        state.waiting += 1
      }
    }
    return state
  }
}
