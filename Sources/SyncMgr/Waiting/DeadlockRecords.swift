import CSyncMgr
import CSyncMgrShim

/// What was found, in the segment, for all processes: 64 records, of which the oldest go. Under
/// the deadlock guard. A record that its writer left unfinished by dying was seen by nobody.
extension Attachment {
  func inDeadlocks<Result>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    lockDeadlocks()
    defer { Guard.unlock(header.deadlockGuardian) }
    return try body()
  }

  func inDeadlocksAlways<Result>(_ body: () -> Result) -> Result {
    lockDeadlocks()
    defer { Guard.unlock(header.deadlockGuardian) }
    return body()
  }

  func lockDeadlocks() {
    if Guard.tryLock(header.deadlockGuardian, me) { return }
    if Guard.lockSlowly(header.deadlockGuardian, me, self) { repairDeadlocks() }
  }

  /// Locks unless somebody who lives is in there, and stays: a stopped process, perhaps.
  func tryLockDeadlocks() -> Bool {
    for _ in 0..<20 {
      if Guard.tryLock(header.deadlockGuardian, me) { return true }
      let owner = header.deadlockGuardian.load()
      if owner != 0, owner != me, isGone(owner) {
        lockDeadlocks()
        return true
      }
      sm_nap(100_000)
    }
    return false
  }

  /// For recovery.
  func takeOverDeadlocks(from owner: UInt32) {
    guard header.deadlockGuardian.load() == owner, header.deadlockGuardian.claim(owner, me) else {
      return
    }
    repairDeadlocks()
    Guard.unlock(header.deadlockGuardian)
  }

  private func repairDeadlocks() {
    for index in 0..<segment.deadlockCount {
      guard let row = segment.deadlock(index), row.state.load() != SlotState.live else { continue }
      row.state.store(SlotState.free)
    }
  }

  /// The records, oldest first.
  func deadlockRows() -> [DeadlockRow] {
    (0..<segment.deadlockCount).compactMap { segment.deadlock($0) }
      .filter { $0.state.load() == SlotState.live }.sorted { $0.id.load() < $1.id.load() }
  }

  func deadlockRow(_ id: UInt64) -> DeadlockRow? { deadlockRows().first { $0.id.load() == id } }

  func deadlockRow(identity: UInt64) -> DeadlockRow? {
    deadlockRows().first { $0.identity.load() == identity }
  }

  /// What a new record says.
  struct DeadlockDraft {
    var kind: UInt32
    var algorithm: UInt32 = 0
    var policy: UInt32 = 0
    var identity: UInt64
    var total: Int
    var members: [DeadlockMember]
  }

  struct DeadlockMember {
    var workstream: UInt64 = 0
    var holder: UInt64 = 0
    var order: UInt64 = 0
    var pid: UInt32 = 0
    var holderPid: UInt32 = 0
    var type: UInt32 = 0
    var relation: UInt32
    var place: UInt32 = 0
    var owner: UInt32 = 0
    var name = Name(made: [])
    var object = Name(made: [])
    var other = Name(made: [])
  }

  func makeDeadlock(_ draft: DeadlockDraft) throws(Failure) -> DeadlockRow {
    let row = try freeDeadlockRow()
    row.state.store(SlotState.claimed)
    let id = header.deadlockSerial.load() &+ 1
    header.deadlockSerial.store(id)
    row.kind.store(draft.kind)
    row.algorithm.store(draft.algorithm)
    row.policy.store(draft.policy)
    row.resolution.store(SYNCMGR_RESOLUTION_NONE)
    row.id.store(id)
    row.identity.store(draft.identity)
    row.found.store(UInt64(bitPattern: sm_date()))
    row.ended.store(0)
    row.victim.store(0)
    row.total.store(UInt32(clamping: draft.total))
    let kept = draft.members.prefix(Int(SM_DEADLOCK_MEMBERS))
    for (index, member) in kept.enumerated() { row.member(UInt32(index))?.write(member) }
    row.count.store(UInt32(kept.count))
    row.state.store(SlotState.live)
    header.deadlocksFound.add(1)
    announce(row)
    return row
  }

  /// An unsafe state is told as a possible deadlock.
  private func announce(_ row: DeadlockRow) {
    let kind =
      row.kind.load() == SYNCMGR_DEADLOCK_ACTUAL
      ? SYNCMGR_NOTICE_DEADLOCK : SYNCMGR_NOTICE_POSSIBLE_DEADLOCK
    guard wants(kind) else { return }
    emit(kind, value: row.id.load(), text: Array(row.words(limit: 383).utf8))
  }

  /// A free row, or that of the oldest record, of one that has ended if there is any.
  private func freeDeadlockRow() throws(Failure) -> DeadlockRow {
    let isFull = segment.deadlockCount == SM_DEADLOCKS
    let rows = isFull ? deadlockRows() : []
    if rows.count == Int(SM_DEADLOCKS) {
      return rows.first { !$0.stands } ?? rows[0]
    }
    let index = try claimSlot(deadlockTable) {
      segment.deadlock($0)?.state.load() != SlotState.live
    }
    guard let row = segment.deadlock(index) else { throw corrupt("the table of deadlocks") }
    return row
  }

  /// Marks the records of deadlocks that ended by themselves: of which one wait at least is over.
  func settleDeadlocks() {
    for row in deadlockRows() where row.stands {
      let stands = (0..<min(row.count.load(), SM_DEADLOCK_MEMBERS)).allSatisfy {
        row.member($0)?.stands(self) ?? false
      }
      if !stands { row.resolve(SYNCMGR_RESOLUTION_ENDED) }
    }
  }
}

extension DeadlockRow {
  /// It is a deadlock that nobody has ended.
  var stands: Bool {
    kind.load() == SYNCMGR_DEADLOCK_ACTUAL && resolution.load() == SYNCMGR_RESOLUTION_NONE
  }

  func resolve(_ how: UInt32) {
    ended.store(UInt64(bitPattern: sm_date()))
    resolution.store(how)
  }

  /// The whole of it in words, or what fits into `limit` bytes.
  func words(limit: Int = Int.max) -> String {
    let count = min(count.load(), SM_DEADLOCK_MEMBERS)
    var text = ""
    for index in 0..<count {
      guard let member = member(index) else { break }
      let part = (index == 0 ? "" : ", ") + member.words
      if text.utf8.count + part.utf8.count + 16 > limit {
        return text + ", and \(count - index) more"
      }
      text += part
    }
    return text
  }
}

extension UnsafeMutablePointer<sm_deadlock_member> {
  func write(_ member: Attachment.DeadlockMember) {
    workstream.store(member.workstream)
    holder.store(member.holder)
    order.store(member.order)
    pid.store(member.pid)
    holderPid.store(member.holderPid)
    type.store(member.type)
    relation.store(member.relation)
    place.store(member.place)
    owner.store(member.owner)
    name.write(member.name)
    objectName.write(member.object)
    otherName.write(member.other)
  }

  /// Whether the wait that it tells of goes on.
  func stands(_ attachment: Attachment) -> Bool {
    let segment = attachment.segment
    if type.load() == SYNCMGR_TYPE_RESOURCE {
      guard let holding = segment.holding(place.load() &- 1) else { return false }
      return holding.state.load() == SlotState.live && holding.index.load() != 0
        && holding.mark.load() == order.load()
        && holding.workstream.load() & OwnerID.mask == owner.load()
    }
    guard let cell = segment.cell(place.load() &- 1) else { return false }
    let kind = cell.state.load() & CellState.kind
    return (kind == CellState.waiting || kind == CellState.woken)
      && cell.order.load() == order.load()
      && cell.workstream.load() & OwnerID.mask == owner.load()
  }

  var words: String {
    let (name, object, other) = (name.read().text, objectName.read().text, otherName.read().text)
    let pid = Int32(bitPattern: holderPid.load())
    return switch relation.load() {
    case SYNCMGR_RELATION_HELD: "\(name) waits for \"\(object)\" held by \(other) (pid \(pid))"
    case SYNCMGR_RELATION_BEHIND: "\(name) waits for \"\(object)\" behind \(other) (pid \(pid))"
    case SYNCMGR_RELATION_ABSENT: "\(name) waits at \"\(object)\" for \(other) (pid \(pid))"
    case SYNCMGR_RELATION_TOOK: "\(name) took \"\(object)\" while holding \"\(other)\""
    default: "\(name) may ask for more of \"\(object)\" than can be given"
    }
  }
}
