import CSyncMgr
import CSyncMgrShim

/// The notices that one subscriber has yet to take: those of higher priority first, equal ones in
/// order. It holds up to 1,024; while it is full the others wait in the journal, and may be lost
/// there. Under the process's lock.
struct NoticeLine {
  private(set) var filter = NoticeFilter()
  private var reader: EventReader?
  private var waiting: [[Notice]] = [[], [], [], []]
  private var first = [0, 0, 0, 0]
  private(set) var count = 0
  private static let capacity = 1024

  var isEmpty: Bool { count == 0 }

  /// Begins anew: with what happens from now on.
  mutating func begin(_ filter: NoticeFilter, _ attachment: Attachment) {
    self = NoticeLine()
    self.filter = filter
    // Here, so that no thread of ours has the Swift runtime make the type during a fork.
    waiting[0].reserveCapacity(1)
    if filter.mask != 0 { reader = EventReader(from: attachment) }
  }

  /// Takes over from the journal what has happened.
  mutating func collect(_ attachment: Attachment) {
    while count < NoticeLine.capacity, let notice = reader?.next(filter, attachment) {
      waiting[Int(min(notice.priority, SYNCMGR_PRIORITY_CRITICAL))].append(notice)
      count += 1
    }
  }

  /// The priority of the next one, nil when there is none.
  var highest: Int? { (0..<4).last { first[$0] < waiting[$0].count } }

  /// Takes the next one. A message counts as delivered by that; one that expired is left out.
  mutating func take(_ attachment: Attachment) -> Notice? {
    while let level = highest {
      let notice = waiting[level][first[level]]
      first[level] += 1
      count -= 1
      if first[level] == waiting[level].count {
        waiting[level].removeAll(keepingCapacity: true)
        first[level] = 0
      } else if first[level] > 256, first[level] * 2 > waiting[level].count {
        waiting[level].removeFirst(first[level])
        first[level] = 0
      }
      if notice.isExpired { continue }
      if notice.message != 0 { attachment.markDelivered(notice) }
      return notice
    }
    return nil
  }
}

extension Attachment {
  fileprivate func markDelivered(_ notice: Notice) {
    guard let message = findMessage(notice.message) else { return }
    for place in message.recipients where place.workstream.load() == notice.recipient {
      let pending = Delivery.word(SYNCMGR_NOTIFICATION_PENDING, of: notice.message)
      _ = place.status.claim(
        pending, Delivery.word(SYNCMGR_NOTIFICATION_DELIVERED, of: notice.message))
    }
  }
}

extension syncmgr_notice_t {
  init(_ notice: Notice, userData: UInt64) {
    self.init()
    sequence = notice.sequence
    workstream = notice.workstream
    value = notice.value
    message = notice.message
    time_ns = Int64(bitPattern: notice.time)
    wall_ns = Int64(bitPattern: notice.wall)
    user_data = userData
    kind = notice.kind
    pid = notice.pid
    priority = notice.priority
    type = notice.type
    copyText(notice.name, to: &name)
    copyText(notice.objectName, to: &object)
    copyText(notice.text, to: &text)
    copyText(notice.detail, to: &detail)
  }
}

/// Puts bytes into a field of a public structure, terminated.
func copyText<Field>(_ bytes: [UInt8], to field: inout Field) {
  withUnsafeMutableBytes(of: &field) { target in
    let count = min(bytes.count, target.count - 1)
    target.copyBytes(from: bytes.prefix(count))
    for index in count..<target.count { target[index] = 0 }
  }
}
