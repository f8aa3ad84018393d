import CSyncMgr
import CSyncMgrShim

/// The last 256 notices of a segment, as a ring. Written under the directory guard; read without
/// it: `sequence` is 0 while a notice is being written, and says which one it is afterwards. A
/// writer that dies in between leaves a place that the next notice overwrites.
extension Attachment {
  /// Records what happened to a workstream. Under the directory guard.
  func record(_ kind: UInt32, _ stream: Workstream) {
    let position = header.journalNext.load()
    // A recoverer that died after this step had its successor come here again.
    if position > 0, kind == SYNCMGR_NOTICE_DIED {
      let last = segment.notice(position - 1)
      if last.kind.load() == kind, last.workstream.load() == stream.id.load() { return }
    }
    let notice = segment.notice(position)
    notice.sequence.store(0)
    sm_fence()
    notice.workstream.store(stream.id.load())
    notice.kind.store(kind)
    notice.pid.store(stream.pid.load())
    NameField(stream).copy(to: NameField(notice))
    notice.sequence.store(position &+ 1)
    header.journalNext.store(position &+ 1)
    if header.watched.load() != 0 { announceMembership() }
  }

  /// Wakes everybody who looks after deaths or wants notices.
  func announceMembership() {
    header.membership.add(1)
    sm_futex_wake(header.membership.at, Int32.max)
  }

  /// From now on notices wake the watchers.
  func watch() { header.watched.store(1) }
}

/// A reader's position in the journal.
struct JournalReader {
  private(set) var position: UInt64

  init(from attachment: Attachment) { position = attachment.header.journalNext.load() }

  struct Entry {
    var kind: UInt32
    var workstream: UInt64
    var pid: Int32
    var name: Name
  }

  /// The next notice of a kind in `mask`, a GAP when some were overwritten unread, or nil.
  mutating func next(_ mask: UInt32, _ attachment: Attachment) -> Entry? {
    while true {
      let end = attachment.header.journalNext.load()
      if position >= end { return nil }
      if end - position > UInt64(SM_JOURNAL) {
        position = end
        return Entry(kind: SYNCMGR_NOTICE_GAP, workstream: 0, pid: 0, name: Name(made: []))
      }
      let notice = attachment.segment.notice(position)
      let sequence = notice.sequence.load()
      let entry = Entry(
        kind: notice.kind.load(), workstream: notice.workstream.load(),
        pid: Int32(bitPattern: notice.pid.load()), name: NameField(notice).read())
      sm_fence()
      if sequence != position + 1 || notice.sequence.load() != sequence {
        // Overwritten while we read: the ring went round.
        if attachment.header.journalNext.load() &- position > UInt64(SM_JOURNAL) { continue }
        position += 1
        return Entry(kind: SYNCMGR_NOTICE_GAP, workstream: 0, pid: 0, name: Name(made: []))
      }
      position += 1
      if entry.kind & mask != 0 { return entry }
    }
  }
}
