import CSyncMgr
import CSyncMgrShim

/// Searches on demand, and what is asked about the records.
enum Search {
  static func run(_ attachment: Attachment, _ algorithm: UInt32) throws(Failure) -> UInt32 {
    let settings = DeadlockSettings(from: attachment.header)
    switch algorithm {
    case SYNCMGR_DETECT_WAIT_FOR_GRAPH, SYNCMGR_DETECT_RESOURCE_ALLOCATION:
      return Detection.search(attachment, algorithm, settings, patient: true)
    case SYNCMGR_DETECT_BANKER: return try Banker.search(attachment) ? 1 : 0
    case SYNCMGR_DETECT_TIMEOUT: return try byAge(attachment, settings)
    default:
      throw Failure(SYNCMGR_E_INVALID, naming: "\(algorithm) is no way to look for deadlocks")
    }
  }

  /// Every wait that is older than the limit is one of its own.
  private static func byAge(
    _ attachment: Attachment, _ settings: DeadlockSettings
  ) throws(Failure) -> UInt32 {
    if settings.limit < 0 { return 0 }
    attachment.header.deadlockSearches.add(1)
    let graph = WaitGraph(attachment)
    let now = sm_now()
    var count: UInt32 = 0
    for (place, wait) in graph.waits.enumerated()
    where now - Int64(bitPattern: wait.since) > settings.limit {
      let knot = Knot(streams: [wait.stream], waits: [place], holds: [])
      let isThere: Bool = try attachment.inDeadlocks { () throws(Failure) in
        guard knot.stands(graph, attachment) else { return false }
        let identity = knot.identity(graph)
        var row = attachment.deadlockRow(identity: identity)
        if row == nil {
          row = try attachment.makeDeadlock(
            Attachment.DeadlockDraft(
              kind: SYNCMGR_DEADLOCK_ACTUAL, algorithm: SYNCMGR_DETECT_TIMEOUT,
              policy: settings.victim, identity: identity, total: 1,
              members: [member(place, graph, attachment)]))
        }
        if settings.resolves {
          _ = Detection.end(
            knot, graph, wait.stream, row, SYNCMGR_RESOLUTION_VICTIM, attachment)
        }
        return true
      }
      if isThere { count += 1 }
    }
    return count
  }

  /// Who waits, for what, and one of those who have it.
  private static func member(
    _ place: Int, _ graph: WaitGraph, _ attachment: Attachment
  ) -> Attachment.DeadlockMember {
    var member = Detection.member(place, graph, attachment)
    let index = graph.things[graph.waits[place].thing].object
    guard let object = attachment.segment.object(index) else { return member }
    attachment.forHoldings(of: object) { holding in
      guard member.holder == 0, attachment.isHeld(holding),
        let holder = attachment.workstream(ofOwner: holding.workstream.load())
      else { return }
      member.holder = holder.id.load()
      member.holderPid = holder.pid.load()
      member.other = NameField(holder).read()
    }
    return member
  }

  // MARK: - Records

  static func list(_ attachment: Attachment) -> [syncmgr_deadlock_t] {
    attachment.inDeadlocksAlways {
      attachment.settleDeadlocks()
      return attachment.deadlockRows().map { row in
        syncmgr_deadlock_t(
          id: row.id.load(), found_ns: Int64(bitPattern: row.found.load()),
          resolved_ns: Int64(bitPattern: row.ended.load()), victim: row.victim.load(),
          kind: row.kind.load(), algorithm: row.algorithm.load(), policy: row.policy.load(),
          resolution: row.resolution.load(),
          members: min(row.count.load(), SM_DEADLOCK_MEMBERS), workstreams: row.total.load())
      }
    }
  }

  private static func row(_ id: UInt64, _ attachment: Attachment) throws(Failure) -> DeadlockRow {
    if let row = attachment.deadlockRow(id) { return row }
    throw Failure(SYNCMGR_E_NOT_FOUND, naming: "there is no record of a deadlock \(id)")
  }

  static func members(
    _ attachment: Attachment, _ id: UInt64
  ) throws(Failure) -> [syncmgr_deadlock_member_t] {
    try attachment.inDeadlocks { () throws(Failure) in
      let row = try row(id, attachment)
      return (0..<min(row.count.load(), SM_DEADLOCK_MEMBERS)).compactMap { place in
        row.member(place).map { syncmgr_deadlock_member_t($0) }
      }
    }
  }

  static func text(_ attachment: Attachment, _ id: UInt64) throws(Failure) -> String {
    try attachment.inDeadlocks { () throws(Failure) in try row(id, attachment).words() }
  }

  static func clear(_ attachment: Attachment) -> UInt32 {
    attachment.inDeadlocksAlways {
      attachment.settleDeadlocks()
      let over = attachment.deadlockRows().filter { !$0.stands }
      for row in over { row.state.store(SlotState.free) }
      return UInt32(over.count)
    }
  }

  static func resolve(
    _ attachment: Attachment, _ id: UInt64, _ policy: UInt32
  ) throws(Failure) {
    try attachment.inDeadlocks { () throws(Failure) in
      attachment.settleDeadlocks()
      let row = try row(id, attachment)
      if row.kind.load() != SYNCMGR_DEADLOCK_ACTUAL {
        throw Failure(SYNCMGR_E_INVALID, naming: "the record \(id) is of no deadlock")
      }
      if !row.stands { throw over(id) }
      let graph = WaitGraph(attachment)
      let identity = row.identity.load()
      let knots =
        row.algorithm.load() == SYNCMGR_DETECT_TIMEOUT
        ? graph.waits.enumerated().map {
          Knot(streams: [$1.stream], waits: [$0], holds: [])
        } : graph.knots()
      guard let knot = knots.first(where: { $0.identity(graph) == identity }),
        knot.stands(graph, attachment)
      else { throw over(id) }
      let victim = Victim.choose(knot, graph, policy, attachment)
      row.policy.store(policy)
      let how = SYNCMGR_RESOLUTION_BY_HAND
      if !Detection.end(knot, graph, victim, row, how, attachment) { throw over(id) }
    }
  }

  private static func over(_ id: UInt64) -> Failure {
    Failure(SYNCMGR_E_ALREADY, naming: "the deadlock \(id) has ended")
  }
}

extension syncmgr_deadlock_member_t {
  init(_ row: UnsafeMutablePointer<sm_deadlock_member>) {
    self.init()
    workstream = row.workstream.load()
    holder = row.holder.load()
    pid = Int32(bitPattern: row.pid.load())
    holder_pid = Int32(bitPattern: row.holderPid.load())
    type = row.type.load()
    relation = row.relation.load()
    row.name.copy(toCharacters: &name)
    row.objectName.copy(toCharacters: &object)
    row.otherName.copy(toCharacters: &other)
  }
}
