import CSyncMgr
import CSyncMgrShim

/// The directory of a segment: which slots of its tables are in use, and by what name. Everything
/// here runs under the directory guard, which `repairDirectory` makes whole after a death.
extension Attachment {
  func inDirectory<Result>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    lockDirectory()
    defer { Guard.unlock(header.guardian) }
    return try body()
  }

  func always<Result>(_ body: () -> Result) -> Result {
    lockDirectory()
    defer { Guard.unlock(header.guardian) }
    return body()
  }
  private func lockDirectory() {
    if Guard.tryLock(header.guardian, me) { return }
    if Guard.lockSlowly(header.guardian, me, self) { repairDirectory() }
  }

  func takeOverDirectory(from owner: UInt32) {
    guard header.guardian.load() == owner, header.guardian.claim(owner, me) else { return }
    repairDirectory()
    Guard.unlock(header.guardian)
  }

  /// Whoever died in the directory left at most one slot that was claimed and not yet live, or not
  /// yet free. An object that is not live was seen by nobody. Names and hints follow from the
  /// slots. Claimed workstreams and holdings are found by their owner when it is recovered.
  func repairDirectory() {
    for index in 0..<segment.objectCount {
      guard let object = segment.object(index), object.state.load() != SlotState.live else {
        continue
      }
      if object.owner.load() != 0 { Kinds.of(object)?.removed(self, object) }
      object.state.store(SlotState.free)
      object.owner.store(0)
    }
    repairMembers()
    repairTargets()
    segment.objectNames.rebuild(segment.objectCount)
    segment.workstreamNames.rebuild(segment.workstreamCount)
    for hint in [
      header.workstreamsHint, header.objectsHint, header.holdingsHint, header.membersHint,
    ] { hint.store(0) }
    repairMessages()
    spreadInterest(thorough: true)
  }

  // MARK: - Finding and claiming slots

  /// Finds the first slot for which `isFree` and has memory put behind it. Every slot below the
  /// hint is in use: whoever frees one moves the hint back before.
  func claimSlot(
    _ table: Table, _ isFree: (UInt32) -> Bool
  ) throws(Failure) -> UInt32 {
    let high = min(table.high.load(), table.capacity)
    let first = min(table.hint?.load() ?? 0, high)
    for index in first..<high where isFree(index) {
      table.hint?.store(index + 1)
      return index
    }
    table.hint?.store(high + 1)
    guard high < table.capacity else {
      table.hint?.store(high)
      throw Failure(
        SYNCMGR_E_LIMIT,
        naming: "\(text) has no room for more than \(table.capacity) \(table.what)")
    }
    try commit(table, high)
    table.high.store(high + 1)
    return high
  }

  /// Before slot `index` is freed.
  func moveBack(_ hint: Word32, _ index: UInt32) {
    if hint.load() > index { hint.store(index) }
  }

  /// Has the file system set memory aside for slot `index`. Without that, the first touch of a page
  /// on a full /dev/shm would kill the process.
  func commit(_ table: Table, _ index: UInt32) throws(Failure) {
    let committed = table.committed.load()
    if index < committed || file < 0 { return }
    let first = table.offset + UInt64(committed) * UInt64(table.stride)
    let end = min(committed + table.chunk, table.capacity)
    let last = table.offset + UInt64(end) * UInt64(table.stride)
    let error = sm_allocate(file, first, last - first)
    if error < 0 { throw Failure(system: "set memory aside in \(text)", error) }
    table.committed.store(end)
  }

  /// One table and its counters in the header.
  struct Table {
    let what: StaticString
    let offset: UInt64
    let stride: Int
    let capacity: UInt32
    let chunk: UInt32
    let high: Word32
    let committed: Word32
    let hint: Word32?
  }

  var workstreamTable: Table {
    Table(
      what: "workstreams", offset: sm_at_workstreams(), stride: MemoryLayout<sm_workstream>.stride,
      capacity: SM_WORKSTREAMS, chunk: 256, high: header.workstreamsHigh,
      committed: header.workstreamsCommitted, hint: header.workstreamsHint)
  }

  var objectTable: Table {
    Table(
      what: "objects", offset: sm_at_objects(), stride: MemoryLayout<sm_object>.stride,
      capacity: SM_OBJECTS, chunk: 128, high: header.objectsHigh,
      committed: header.objectsCommitted, hint: header.objectsHint)
  }

  var holdingTable: Table {
    Table(
      what: "open objects", offset: sm_at_holdings(), stride: MemoryLayout<sm_holding>.stride,
      capacity: SM_HOLDINGS, chunk: 1024, high: header.holdingsHigh,
      committed: header.holdingsCommitted, hint: header.holdingsHint)
  }

  var batchTable: Table {
    Table(
      what: "batches of waits", offset: sm_at_cells(),
      stride: MemoryLayout<sm_cell>.stride * Int(SM_BATCH_CELLS),
      capacity: SM_BATCHES, chunk: 8, high: header.batchesHigh,
      committed: header.batchesCommitted, hint: nil)
  }

  var deadlockTable: Table {
    Table(
      what: "deadlocks", offset: sm_at_deadlocks(), stride: MemoryLayout<sm_deadlock>.stride,
      capacity: SM_DEADLOCKS, chunk: 1, high: header.deadlocksHigh,
      committed: header.deadlocksCommitted, hint: nil)
  }

  /// The ring of events is set aside as a whole.
  func commitEvents() throws(Failure) {
    let table = Table(
      what: "events", offset: sm_at_events(), stride: MemoryLayout<sm_event>.stride,
      capacity: SM_EVENTS, chunk: SM_EVENTS, high: header.eventsCommitted,
      committed: header.eventsCommitted, hint: nil)
    try commit(table, 0)
  }

  var messageTable: Table {
    Table(
      what: "messages", offset: sm_at_messages(), stride: MemoryLayout<sm_message>.stride,
      capacity: SM_MESSAGES, chunk: 16, high: header.messagesHigh,
      committed: header.messagesCommitted, hint: nil)
  }

  // MARK: - Workstreams

  /// Makes a workstream. With no name one is made up.
  func makeWorkstream(_ wanted: Name?) throws(Failure) -> UInt32 {
    try inDirectory { () throws(Failure) in
      var name = wanted
      var serial = header.serial.load()
      while name == nil {
        serial &+= 1
        let made = Name(made: Array("\(sm_getpid())-\(serial)".utf8))
        if findWorkstream(made) == nil { name = made }
      }
      guard let name else { throw Failure(SYNCMGR_E_CORRUPT, "no name could be made") }
      if wanted != nil {
        serial &+= 1
        if let index = findWorkstream(name), let found = segment.workstream(index) {
          throw Failure(
            SYNCMGR_E_EXISTS,
            naming: "a workstream named '\(name.text)' lives, in process \(found.pid.load())")
        }
      }
      let index = try claimSlot(workstreamTable) { segment.workstream($0)?.owner.load() == 0 }
      guard let stream = segment.workstream(index) else { throw corrupt("the workstream table") }
      header.serial.store(serial)
      // The owner first: from here on a recoverer of ours finds the slot.
      stream.owner.store(me)
      stream.state.store(SlotState.claimed)
      stream.generation.store(stream.generation.load() &+ 1)
      stream.id.store(serial)
      stream.pid.store(UInt32(bitPattern: sm_getpid()))
      stream.nameLength.store(UInt32(name.bytes.count))
      NameField(stream).write(name)
      stream.hash.store(name.hash)
      stream.priority.store(0)
      stream.wounded.store(0)
      stream.outcome.store(0)
      stream.state.store(SlotState.live)
      segment.workstreamNames.insert(index, name.hash)
      record(SYNCMGR_NOTICE_OPENED, stream)
      return index
    }
  }

  /// Frees a workstream that has no holdings left, and says so by a notice of `kind`.
  func endWorkstream(_ index: UInt32, _ kind: UInt32) {
    always {
      guard let stream = segment.workstream(index), stream.owner.load() != 0 else { return }
      let state = stream.state.load()
      if state == SlotState.live || state == SlotState.ending {
        if wants(kind) {
          // Who dies after this has its successor look whether it was told.
          stream.state.store(SlotState.ending)
          if state == SlotState.live || !hasTold(kind, stream) { record(kind, stream) }
        }
        failMessages(to: stream)
        segment.workstreamNames.remove(index, stream.hash.load())
      }
      moveBack(header.workstreamsHint, index)
      stream.state.store(SlotState.free)
      stream.owner.store(0)
    }
  }

  /// Whether a workstream has this name whose process is dead.
  func isNameOfDead(_ name: Name) -> Bool {
    guard let index = findWorkstream(name),
      let participant = segment.workstream(index)?.owner.load(), participant != 0
    else { return true }
    let other = segment.participant(ParticipantID.slot(participant))
    return isGone(participant) || isDead(other, thorough: true)
      || other.id.load() != participant
  }

  /// The owner id of the living workstream of this name, if there is one.
  func owner(named name: Name) -> UInt32? {
    guard let index = findWorkstream(name), let stream = segment.workstream(index) else {
      return nil
    }
    let id = OwnerID.make(index: index, generation: stream.generation.load())
    return workstream(ofOwner: id) != nil && !isGone(stream.owner.load()) ? id : nil
  }

  func findWorkstream(_ name: Name) -> UInt32? { segment.workstreamNames.find(name) }

  /// The workstream that an owner id names, if it is alive.
  func workstream(ofOwner id: UInt32) -> Workstream? {
    guard let stream = segment.workstream(OwnerID.index(id & OwnerID.mask)),
      stream.state.load() == SlotState.live,
      OwnerID.make(index: OwnerID.index(id & OwnerID.mask), generation: stream.generation.load())
        == id & OwnerID.mask
    else { return nil }
    return stream
  }

  // MARK: - Objects

  func findObject(_ name: Name) -> UInt32? { segment.objectNames.find(name) }

  /// Makes an object of a name that is not there. `word` is what it begins with; `complete` fills
  /// in what its type has besides.
  func makeObject(
    _ name: Name, type: UInt32, flags: UInt32, count: UInt32, word: UInt32,
    _ complete: ((Object) throws(Failure) -> Void)? = nil
  ) throws(Failure) -> UInt32 {
    let index = try claimSlot(objectTable) { segment.object($0)?.owner.load() == 0 }
    guard let object = segment.object(index) else { throw corrupt("the object table") }
    object.owner.store(me)
    object.state.store(SlotState.claimed)
    object.guardian.store(0)
    object.cpu.store(UInt32.max)
    for field in [
      object.head, object.tail, object.epoch, object.woken, object.broken, object.arrived,
      object.leader, object.intent, object.intentResult, object.previousSet, object.valueLength,
      object.rank, object.joined, object.members, object.memberCount, object.least,
    ] { field.store(0) }
    forgetCounters(of: object)
    object.order.store(0)
    for field in [object.grants, object.detached, object.timeout, object.deadline, object.endedAt] {
      field.store(0)
    }
    object.type.store(type)
    object.flags.store(flags)
    object.count.store(count)
    object.word.store(word)
    watch(object, header.wanted.load())
    object.nameLength.store(UInt32(name.bytes.count))
    NameField(object).write(name)
    object.hash.store(name.hash)
    do throws(Failure) { try complete?(object) } catch {
      freeObject(index, object)
      throw error
    }
    object.state.store(SlotState.live)
    if type != ObjectType.mailbox { segment.objectNames.insert(index, name.hash) }
    return index
  }

  /// Removes an object by type and name.
  func remove(_ type: UInt32, _ name: Name) throws(Failure) {
    try inDirectory { () throws(Failure) in
      let (index, object) = try find(type, name)
      try removeObject(index, object)
    }
  }

  func setRank(_ type: UInt32, _ name: Name, _ rank: UInt32) throws(Failure) {
    try inDirectory { () throws(Failure) in try find(type, name).1.rank.store(rank) }
  }

  private func find(_ type: UInt32, _ name: Name) throws(Failure) -> (UInt32, Object) {
    guard let index = findObject(name), let object = segment.object(index) else {
      throw Failure(SYNCMGR_E_NOT_FOUND, naming: "there is no '\(name.text)'")
    }
    if object.type.load() != type {
      throw Failure(
        SYNCMGR_E_TYPE,
        naming: "'\(name.text)' is of type \(object.type.load()), not \(type)")
    }
    return (index, object)
  }

  /// Removes an object that nobody has open.
  func removeObject(_ index: UInt32, _ object: Object) throws(Failure) {
    for other in 0..<segment.holdingCount {
      if let holding = segment.holding(other), holding.owner.load() != 0,
        holding.object.load() == index + 1
      {
        let name = workstream(ofOwner: holding.workstream.load()).map { NameField($0).read().text }
        throw Failure(
          SYNCMGR_E_BUSY,
          naming: "'\(NameField(object).read().text)' is open in workstream '\(name ?? "?")'")
      }
    }
    if let reason = Kinds.of(object)?.refusesRemoval(self, object) {
      throw Failure(SYNCMGR_E_BUSY, object, reason)
    }
    Kinds.of(object)?.removed(self, object)
    segment.objectNames.remove(index, object.hash.load())
    freeObject(index, object)
  }

  /// What it expects goes last: dies before that: members of no live object are freed by `repair`.
  func freeObject(_ index: UInt32, _ object: Object) {
    moveBack(header.objectsHint, index)
    object.state.store(SlotState.free)
    freeMembers(of: index, object)
    object.owner.store(0)
  }

  // MARK: - Batches of cells

  /// Claims a batch of cells for this process.
  func claimBatch() throws(Failure) -> UInt32 {
    try inDirectory { () throws(Failure) in
      let index = try claimSlot(batchTable) { segment.batch($0)?.owner.load() == 0 }
      guard let batch = segment.batch(index) else { throw corrupt("the table of waits") }
      batch.finished.store(0)
      batch.owner.store(me)
      return index
    }
  }
}
