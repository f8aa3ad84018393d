import CSyncMgr
import CSyncMgrShim

/// The journal: the last 1,024 notices of a segment, a ring of events. Nothing is written while
/// nobody subscribes.
///
/// Written under a guard of its own, the innermost one: it may be taken under any other, and
/// nothing is locked under it. Read without it: `sequence` is 0 while an event is being written,
/// and says which one it is afterwards. A writer that dies before `events_next` moves has written
/// nothing: the next one overwrites its place. So there is nothing to repair.
extension Attachment {
  /// Whether anybody subscribed to one of `kinds`.
  @inline(__always) func wants(_ kinds: UInt32) -> Bool { header.wanted.load() & kinds != 0 }

  /// Tells what has happened: to whom, to which object.
  ///
  /// Told after the store that makes it true, but a release, which is told just before it: in the
  /// journal a grant follows the release that made it possible. Who dies between the two leaves the
  /// notice out, or the release to its recovery.
  func emit(
    _ kind: UInt32, _ object: Object? = nil, _ stream: Workstream? = nil,
    priority: UInt32? = nil, value: UInt64 = 0, text: [UInt8] = [], detail: [UInt8] = []
  ) {
    guard wants(kind) else { return }
    var notice = Notice(kind)
    notice.tells(of: stream)
    if let object {
      notice.type = object.type.load()
      notice.object = segment.index(of: object) + 1
      notice.objectName = NameField(object).read().bytes
    }
    if let priority { notice.priority = priority }
    notice.value = value
    notice.text = text
    notice.detail = detail
    write(notice)
  }

  /// For callers that know a workstream by its id in lock words.
  func emit(_ kind: UInt32, _ object: Object, owner: UInt32, value: UInt64 = 0) {
    guard wants(kind) else { return }
    emit(kind, object, workstream(ofOwner: owner), value: value)
  }

  /// What happened to a workstream.
  func record(_ kind: UInt32, _ stream: Workstream) { emit(kind, nil, stream) }

  @inline(never)
  func write(_ notice: Notice) {
    guard header.eventsCommitted.load() != 0 else { return }
    let guardian = header.eventsGuardian
    if !Guard.tryLock(guardian, me) { _ = Guard.lockSlowly(guardian, me, self) }
    let position = header.eventsNext.load()
    let event = segment.event(position)
    event.sequence.store(0)
    sm_fence()
    event.time.store(UInt64(bitPattern: sm_now()))
    event.wall.store(UInt64(bitPattern: sm_date()))
    event.workstream.store(notice.workstream)
    event.value.store(notice.value)
    event.message.store(notice.message)
    event.recipient.store(notice.recipient)
    event.recipientOwner.store(notice.recipientOwner)
    event.expires.store(UInt64(bitPattern: notice.expires))
    event.kind.store(notice.kind)
    event.priority.store(notice.priority)
    event.type.store(notice.type)
    event.object.store(notice.object)
    event.pid.store(UInt32(bitPattern: notice.pid))
    event.name.write(notice.name)
    event.objectName.write(notice.objectName)
    event.text.write(notice.text)
    event.detail.write(notice.detail)
    // The one before is whole: `events_next` has passed it.
    let before = position == 0 ? nil : segment.event(position - 1).counts
    for bit in 0..<32 { event.counts[bit] = before?[bit] ?? 0 }
    event.counts[notice.countedAs] &+= 1
    event.sequence.store(position &+ 1)
    header.eventsNext.store(position &+ 1)
    Guard.unlock(guardian)
    header.news.add(1)
    sm_futex_wake(header.news.at, Int32.max)
  }

  /// Whether the journal tells already that this workstream has ended so: for who takes over from a
  /// process that may have died just after it wrote that.
  func hasTold(_ kind: UInt32, _ stream: Workstream) -> Bool {
    let end = header.eventsNext.load()
    for back in 1...UInt64(SM_EVENTS) where back <= end {
      let event = segment.event(end - back)
      if event.kind.load() == kind, event.workstream.load() == stream.id.load() { return true }
    }
    return false
  }

  /// Wakes everybody who looks after deaths.
  func announceMembership() {
    header.membership.add(1)
    sm_futex_wake(header.membership.at, Int32.max)
  }
}

/// One notice, apart from the segment.
struct Notice {
  let kind: UInt32
  var priority: UInt32
  var sequence: UInt64 = 0
  var time: UInt64 = 0
  var wall: UInt64 = 0
  var workstream: UInt64 = 0
  var pid: Int32 = 0
  var name: [UInt8] = []
  var type: UInt32 = 0
  var object: UInt32 = 0
  var objectName: [UInt8] = []
  var value: UInt64 = 0
  var text: [UInt8] = []
  var detail: [UInt8] = []
  /// For the processes of one workstream only.
  var recipient: UInt64 = 0
  var recipientOwner: UInt32 = 0
  var message: UInt64 = 0
  var expires: Int64 = 0

  init(_ kind: UInt32) {
    self.kind = kind
    priority = Notice.usualPriority(of: kind)
  }

  /// Some notices were lost.
  init(gap count: UInt64) {
    self.init(SYNCMGR_NOTICE_GAP)
    value = count
  }

  mutating func tells(of stream: Workstream?) {
    guard let stream else { return }
    workstream = stream.id.load()
    pid = Int32(bitPattern: stream.pid.load())
    name = NameField(stream).read().bytes
  }

  /// The place in an event's counts: messages, which are kept elsewhere, count by themselves.
  var countedAs: Int { recipient != 0 ? 0 : kind.trailingZeroBitCount & 31 }

  /// Whether a wait for an object of this type that ended so got something that it holds now.
  static func isGrant(_ type: UInt32, _ result: Int32) -> Bool {
    switch type {
    case SYNCMGR_TYPE_MUTEX, SYNCMGR_TYPE_SEMAPHORE, SYNCMGR_TYPE_RWLOCK, ObjectType.target:
      result >= 0
    case SYNCMGR_TYPE_ELECTION: result == SYNCMGR_LEADER
    default: false
    }
  }

  var isGap: Bool { kind == SYNCMGR_NOTICE_GAP }

  static func usualPriority(of kind: UInt32) -> UInt32 {
    switch kind {
    case SYNCMGR_NOTICE_GRANTED, SYNCMGR_NOTICE_RELEASED, SYNCMGR_NOTICE_OPENED,
      SYNCMGR_NOTICE_CLOSED:
      SYNCMGR_PRIORITY_LOW
    case SYNCMGR_NOTICE_DIED, SYNCMGR_NOTICE_OWNER_DIED, SYNCMGR_NOTICE_HOLD_LOST,
      SYNCMGR_NOTICE_BARRIER_BROKEN, SYNCMGR_NOTICE_SYNC_TIMEOUT, SYNCMGR_NOTICE_PREEMPTED,
      SYNCMGR_NOTICE_LEASE_LOST, SYNCMGR_NOTICE_CONFLICT, SYNCMGR_NOTICE_FAILED,
      SYNCMGR_NOTICE_POSSIBLE_DEADLOCK:
      SYNCMGR_PRIORITY_HIGH
    case SYNCMGR_NOTICE_DEADLOCK, SYNCMGR_NOTICE_GAP: SYNCMGR_PRIORITY_CRITICAL
    default: SYNCMGR_PRIORITY_MEDIUM
    }
  }
}
