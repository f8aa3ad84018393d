import CSyncMgr
import CSyncMgrShim

/// A reader's place in the journal. It reads without a guard: the writers never wait for it, and
/// when they overtake it, it says how many notices it has lost.
struct EventReader {
  private var position: UInt64
  /// How many events of each kind there were before `position`, modulo 2^32.
  private var counts: [UInt32]

  /// So far a reader that was overtaken jumps ahead of the oldest event, not to be overtaken again
  /// at once.
  private static let leap: UInt64 = 64

  /// Begins with the next event.
  init(from attachment: Attachment) {
    counts = [UInt32](repeating: 0, count: 32)
    position = attachment.header.eventsNext.load()
    while position > 0 {
      if let last = EventReader.read(position - 1, attachment) {
        counts = last.counts
        return
      }
      let next = attachment.header.eventsNext.load()
      // Spoiled, when it has not been overwritten: losses cannot be counted then.
      if next == position { return }
      position = next
    }
  }

  /// The next notice that `filter` lets through; a gap when some of its kinds were overwritten
  /// unread; nil when there are no more.
  mutating func next(_ filter: NoticeFilter, _ attachment: Attachment) -> Notice? {
    while true {
      let end = attachment.header.eventsNext.load()
      if position >= end { return nil }
      if end - position <= UInt64(SM_EVENTS),
        let (notice, after) = EventReader.read(position, attachment)
      {
        position += 1
        counts = after
        if filter.admits(notice), notice.concerns(attachment) { return notice }
      } else if let lost = leap(to: end, filter.mask, attachment) {
        return Notice(gap: lost)
      }
    }
  }

  /// Goes on with the oldest event that will still be there. Returns how many of the wanted kinds
  /// were lost, nil when none.
  private mutating func leap(
    to end: UInt64, _ mask: UInt32, _ attachment: Attachment
  ) -> UInt64? {
    var target = max(end - min(end, UInt64(SM_EVENTS)), position) + EventReader.leap
    target = min(target, end - 1)
    // What is spoiled is stepped over; what was overwritten meanwhile leads to the next leap.
    guard let (notice, after) = EventReader.read(target, attachment) else {
      position = max(position + 1, target)
      return nil
    }
    var lost: UInt64 = 0
    for bit in 8..<32 where mask & 1 << UInt32(bit) != 0 {
      lost += UInt64(after[bit] &- counts[bit])
    }
    let isOneOfThem = notice.countedAs != 0 && notice.kind & mask != 0
    if isOneOfThem, lost > 0 { lost -= 1 }
    position = target
    counts = after
    counts[notice.countedAs] &-= 1
    return lost > 0 ? lost : nil
  }

  /// The event at `position`, or nil when it is being written, or was overwritten.
  private static func read(
    _ position: UInt64, _ attachment: Attachment
  ) -> (notice: Notice, counts: [UInt32])? {
    let event = attachment.segment.event(position)
    guard event.sequence.load() == position &+ 1 else { return nil }
    var notice = Notice(event.kind.load())
    notice.priority = min(event.priority.load(), SYNCMGR_PRIORITY_CRITICAL)
    notice.sequence = position &+ 1
    notice.time = event.time.load()
    notice.wall = event.wall.load()
    notice.workstream = event.workstream.load()
    notice.pid = Int32(bitPattern: event.pid.load())
    notice.name = event.name.read()
    notice.type = event.type.load()
    notice.object = event.object.load()
    notice.objectName = event.objectName.read()
    notice.value = event.value.load()
    notice.text = event.text.read()
    notice.detail = event.detail.read()
    notice.recipient = event.recipient.load()
    notice.recipientOwner = event.recipientOwner.load()
    notice.message = event.message.load()
    notice.expires = Int64(bitPattern: event.expires.load())
    let counts = Array(UnsafeBufferPointer(start: event.counts, count: 32))
    sm_fence()
    return event.sequence.load() == position &+ 1 ? (notice, counts) : nil
  }
}

extension Notice {
  /// Whether it is for everybody, or for a workstream of this very process.
  fileprivate func concerns(_ attachment: Attachment) -> Bool {
    if recipient == 0 { return true }
    guard let stream = attachment.workstream(ofOwner: recipientOwner) else { return false }
    return stream.id.load() == recipient && stream.owner.load() == attachment.me
  }

  /// Whether nobody wants to hear of it any more.
  var isExpired: Bool { expires != 0 && sm_now() >= expires }
}

/// Which notices somebody wants.
struct NoticeFilter {
  var mask: UInt32 = 0
  var leastPriority: UInt32 = 0
  var objects: Glob?
  var workstreams: Glob?

  func admits(_ notice: Notice) -> Bool {
    guard notice.kind & mask != 0, notice.priority >= leastPriority else { return false }
    if let objects, notice.object == 0 || !objects.matches(notice.objectName) { return false }
    if let workstreams, notice.workstream == 0 || !workstreams.matches(notice.name) {
      return false
    }
    return true
  }
}

/// A pattern of names: `*` stands for any bytes, `?` for one character, all else for itself.
struct Glob {
  private let pattern: [UInt8]

  init(_ pattern: [UInt8]) { self.pattern = pattern }

  /// Steps: at most the product of both lengths, for a `*` goes back to the last one only.
  func matches(_ name: [UInt8]) -> Bool {
    var (place, position) = (0, 0)
    var star: (place: Int, position: Int)?
    while position < name.count {
      if place < pattern.count, pattern[place] == 0x2a {
        place += 1
        star = (place, position)
      } else if place < pattern.count, pattern[place] == 0x3f {
        place += 1
        position = Glob.afterCharacter(name, position)
      } else if place < pattern.count, pattern[place] == name[position] {
        place += 1
        position += 1
      } else if let last = star {
        star = (last.place, last.position + 1)
        (place, position) = (last.place, last.position + 1)
      } else {
        return false
      }
    }
    return pattern[place...].allSatisfy { $0 == 0x2a }
  }

  private static func afterCharacter(_ name: [UInt8], _ position: Int) -> Int {
    var next = position + 1
    while next < name.count, name[next] & 0xc0 == 0x80 { next += 1 }
    return next
  }
}
