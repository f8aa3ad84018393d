import CSyncMgr
import CSyncMgrShim

/// Looking for deadlocks: when, and what is done with those that are found.
///
/// A circle is closed by a workstream that holds something and begins to wait. So a waiter looks
/// once, when it has waited for the detection delay, and only when its workstream holds anything or
/// may be expected at a sync point: other sleeps have no timer. One search covers all waits that
/// began before it. Started waits are looked after by the service thread. What a grant to a
/// workstream with several waits closes, the search from time to time finds.
enum Detection {
  /// Waiters leave at least so many times what a search cost between two of them.
  private static let restraint: Int64 = 99
  private static let longestPause: Int64 = 1_000_000_000

  /// Before the service thread starts, see `WaitGraph.init(circleOfTwo:)`.
  static func warmUp() {
    let graph = WaitGraph(circleOfTwo: ())
    for knot in graph.knots() {
      _ = knot.identity(graph)
      _ = Set([knot.identity(graph)])
      _ = knot.cycle(from: knot.streams[0], graph)
    }
  }

  // MARK: - When

  /// When a waiter that begins now is to look: never, when it cannot be part of a circle.
  static func firstLook(_ since: UInt64, _ caller: Caller) -> Int64 {
    let delay = Int64(bitPattern: caller.attachment.header.deadlockDelay.load())
    guard delay >= 0, Possessions.of(caller).canHoldUpOthers(caller.attachment) else {
      return Deadline.never
    }
    return Int64(bitPattern: since) &+ delay
  }

  static func firstLook(_ cell: Cell, _ attachment: Attachment) -> Int64 {
    let delay = Int64(bitPattern: attachment.header.deadlockDelay.load())
    guard delay >= 0, cell.flags.load() & CellFlag.looks != 0 else { return Deadline.never }
    return Int64(bitPattern: cell.since.load()) &+ delay
  }

  /// Looks, for a wait that began at `since`. Returns when to look again: never, once a search has
  /// covered it.
  static func look(_ since: UInt64, _ attachment: Attachment) -> Int64 {
    let header = attachment.header
    if header.deadlockCovered.load() >= since { return Deadline.never }
    let now = sm_now()
    let next = header.deadlockNext.load()
    // A time that lies too far ahead was spoiled.
    if Int64(bitPattern: next) > now, Int64(bitPattern: next) - now <= longestPause {
      return Int64(bitPattern: next)
    }
    // Others do not begin meanwhile. When we die or are stopped, they begin after the pause.
    let pause = now + 10_000_000
    guard header.deadlockNext.claim(next, UInt64(bitPattern: pause)) else { return now + 1_000_000 }
    let began = sm_thread_time()
    let settings = DeadlockSettings(from: header)
    _ = search(attachment, SYNCMGR_DETECT_WAIT_FOR_GRAPH, settings, patient: false)
    let cost = min((sm_thread_time() - began) * restraint, longestPause)
    header.deadlockNext.store(UInt64(bitPattern: sm_now() + cost))
    if header.deadlockCovered.load() >= since { return Deadline.never }
    return sm_now() + max(min(settings.delay, longestPause), 1_000_000)
  }

  /// Has the service thread look after a wait that begins now.
  static func expect(_ attachment: Attachment) {
    let delay = Int64(bitPattern: attachment.header.deadlockDelay.load())
    if delay < 0 { return }
    let isFirst = Local.always { _ in
      let now = sm_now()
      attachment.lookFor = UInt64(bitPattern: now)
      if attachment.lookAt != Deadline.never { return false }
      attachment.lookAt = now &+ delay
      return true
    }
    if isFirst { Service.poke() }
  }

  /// When the service thread is to look next.
  static func nextLook(_ attachment: Attachment) -> Int64 {
    Deadline.earlier(Local.always { _ in attachment.lookAt }, nextRound(attachment))
  }

  private static func nextRound(_ attachment: Attachment) -> Int64 {
    let interval = Int64(bitPattern: attachment.header.deadlockInterval.load())
    if interval < 0 { return Deadline.never }
    let (time, overflow) = Int64(bitPattern: attachment.header.deadlockCovered.load())
      .addingReportingOverflow(interval)
    if overflow { return Deadline.never }
    let next = Int64(bitPattern: attachment.header.deadlockNext.load())
    return next > time && next - sm_now() <= longestPause ? next : time
  }

  /// What the service thread does, or calls of a process that has none.
  static func serve(_ attachment: Attachment) {
    let now = sm_now()
    let (due, since) = Local.always { _ in (attachment.lookAt, attachment.lookFor) }
    if due != Deadline.never, now >= due {
      let again = look(since, attachment)
      Local.always { _ in
        if attachment.lookFor != since, again == Deadline.never {
          attachment.lookAt =
            sm_now()
            &+ Int64(bitPattern: attachment.header.deadlockDelay.load())
        } else {
          attachment.lookAt = again
        }
      }
    }
    let round = nextRound(attachment)
    if round != Deadline.never, now >= round { _ = look(UInt64(bitPattern: now), attachment) }
  }

  // MARK: - Searching

  /// Searches the whole graph, and ends what it finds when that is wanted, until there is nothing
  /// more to end. Returns how many deadlocks it found. `patient`: also waits for another search.
  static func search(
    _ attachment: Attachment, _ algorithm: UInt32, _ settings: DeadlockSettings, patient: Bool
  ) -> UInt32 {
    let header = attachment.header
    let began = UInt64(bitPattern: sm_now())
    header.deadlockSearches.add(1)
    var found = Set<UInt64>()
    var isComplete = true
    var rounds = 0
    var isMore = true
    while isMore, rounds < 1000 {
      rounds += 1
      isMore = false
      let graph = WaitGraph(
        attachment, resourcesOnly: algorithm == SYNCMGR_DETECT_RESOURCE_ALLOCATION)
      for knot in graph.isDeadlocked ? graph.knots() : [] {
        if patient {
          attachment.lockDeadlocks()
        } else if !attachment.tryLockDeadlocks() {
          isComplete = false
          continue
        }
        defer { Guard.unlock(header.deadlockGuardian) }
        guard knot.stands(graph, attachment) else {
          isMore = true
          continue
        }
        found.insert(knot.identity(graph))
        if treat(knot, graph, algorithm, settings, attachment) { isMore = true }
      }
    }
    if attachment.segment.deadlockCount > 0, attachment.tryLockDeadlocks() {
      attachment.settleDeadlocks()
      Guard.unlock(header.deadlockGuardian)
    }
    let isWhole = algorithm == SYNCMGR_DETECT_WAIT_FOR_GRAPH && isComplete
    if isWhole, header.deadlockCovered.load() < began { header.deadlockCovered.store(began) }
    return UInt32(found.count)
  }

  /// Records a deadlock, unless it is known, and ends it when that is wanted. True when it did.
  /// Under the deadlock guard. The victim is written before its wait is ended: dies in between: the
  /// deadlock stands, and the next search finds it with its record.
  private static func treat(
    _ knot: Knot, _ graph: WaitGraph, _ algorithm: UInt32, _ settings: DeadlockSettings,
    _ attachment: Attachment
  ) -> Bool {
    let identity = knot.identity(graph)
    let victim = Victim.choose(knot, graph, settings.victim, attachment)
    var row = attachment.deadlockRow(identity: identity)
    if row == nil {
      // With no memory for a record the deadlock is ended all the same.
      row = try? attachment.makeDeadlock(
        Attachment.DeadlockDraft(
          kind: SYNCMGR_DEADLOCK_ACTUAL, algorithm: algorithm, policy: settings.victim,
          identity: identity, total: knot.streams.count,
          members: members(knot.cycle(from: victim, graph), graph, attachment)))
    }
    if !settings.resolves { return false }
    return end(knot, graph, victim, row, SYNCMGR_RESOLUTION_VICTIM, attachment)
  }

  static func end(
    _ knot: Knot, _ graph: WaitGraph, _ victim: Int, _ row: DeadlockRow?, _ how: UInt32,
    _ attachment: Attachment
  ) -> Bool {
    let stream = attachment.segment.workstream(OwnerID.index(graph.streams[victim]))
    row?.victim.store(stream?.id.load() ?? 0)
    row?.victimPid.store(stream?.pid.load() ?? 0)
    guard Victim.end(victim, knot, graph, id: row?.id.load() ?? 0, attachment) else {
      row?.victim.store(0)
      return false
    }
    row?.resolve(how)
    attachment.header.deadlocksResolved.add(1)
    return true
  }

  static func members(
    _ steps: [Knot.Step], _ graph: WaitGraph, _ attachment: Attachment
  ) -> [Attachment.DeadlockMember] {
    steps.map { step in
      var member = member(step.wait, graph, attachment)
      let isMeeting = graph.things[graph.waits[step.wait].thing].absence != nil
      member.relation =
        isMeeting
        ? SYNCMGR_RELATION_ABSENT
        : step.isBehind ? SYNCMGR_RELATION_BEHIND : SYNCMGR_RELATION_HELD
      if let holder = attachment.segment.workstream(OwnerID.index(graph.streams[step.holder])) {
        member.holder = holder.id.load()
        member.holderPid = holder.pid.load()
        member.other = NameField(holder).read()
      }
      return member
    }
  }

  /// Who waits, and for what.
  static func member(
    _ place: Int, _ graph: WaitGraph, _ attachment: Attachment
  ) -> Attachment.DeadlockMember {
    let wait = graph.waits[place]
    var member = Attachment.DeadlockMember(relation: SYNCMGR_RELATION_HELD)
    member.order = wait.order
    member.place = wait.place
    member.owner = graph.streams[wait.stream]
    if let stream = attachment.segment.workstream(OwnerID.index(graph.streams[wait.stream])) {
      member.workstream = stream.id.load()
      member.pid = stream.pid.load()
      member.name = NameField(stream).read()
    }
    if let object = attachment.segment.object(graph.things[wait.thing].object) {
      member.type = object.type.load()
      member.object = NameField(object).read()
    }
    return member
  }

  /// Why a victim's wait ended.
  static func failure(_ id: UInt64, _ object: Object, _ attachment: Attachment) -> Failure {
    attachment.lockDeadlocks()
    defer { Guard.unlock(attachment.header.deadlockGuardian) }
    return failure(of: attachment.deadlockRow(id), object)
  }

  /// Under the deadlock guard.
  static func failure(of row: DeadlockRow?, _ object: Object) -> Failure {
    let words = row?.words(limit: Int(SM_ERROR_CAPACITY) - 320)
    return Failure(
      SYNCMGR_E_DEADLOCK, object, text: words.map { "deadlock: " + $0 } ?? "deadlock")
  }
}
