import CSyncMgr
import CSyncMgrShim

/// What a workstream tells others: messages to some, notices to everybody.
enum Outbox {
  private static let forEverybody =
    SYNCMGR_NOTICE_CUSTOM | SYNCMGR_NOTICE_CONFLICT | SYNCMGR_NOTICE_DATA_AVAILABLE
    | SYNCMGR_NOTICE_RESOURCE_AVAILABLE
  private static let forSome =
    forEverybody | SYNCMGR_NOTICE_SYNC_COMPLETE | SYNCMGR_NOTICE_SYNC_TIMEOUT
    | SYNCMGR_NOTICE_DEADLOCK | SYNCMGR_NOTICE_COMPLETED | SYNCMGR_NOTICE_FAILED

  static func end(of ttl: Int64) throws(Failure) -> Int64 {
    if ttl < SYNCMGR_FOREVER {
      throw Failure(SYNCMGR_E_INVALID, naming: "the ttl \(ttl) is below SYNCMGR_FOREVER (-1)")
    }
    return ttl == SYNCMGR_FOREVER ? 0 : max(try Deadline.after(ttl), 0)
  }

  /// The names in a list, terminated each; as many as tell that there are too many.
  static func names(_ list: UnsafePointer<CChar>) -> [[CChar]] {
    var names: [[CChar]] = [[]]
    var position = 0
    while list[position] != 0, names.count <= Int(SM_RECIPIENTS) {
      if list[position] == 0x2f {
        names[names.count - 1].append(0)
        names.append([])
      } else if names[names.count - 1].count <= NameField.capacity {
        names[names.count - 1].append(list[position])
      }
      position += 1
    }
    names[names.count - 1].append(0)
    return names
  }

  static func send(
    _ draft: Attachment.Draft, _ slot: Slot, to list: [[CChar]]?
  ) throws(Failure) -> (status: Int32, id: UInt64) {
    let attachment = Attachment.of(slot)
    let sender = try Inbox.place(of: slot)
    let allowed = list == nil ? forEverybody : forSome
    guard draft.kind.nonzeroBitCount == 1, draft.kind & allowed != 0 else {
      throw Failure(SYNCMGR_E_INVALID, naming: "\(draft.kind) is no kind that can be sent so")
    }
    guard let list else {
      try tellEverybody(draft, sender, attachment)
      return (SYNCMGR_OK, 0)
    }
    if list.count > Int(SM_RECIPIENTS) {
      throw Failure(SYNCMGR_E_INVALID, naming: "there are more than \(SM_RECIPIENTS) recipients")
    }
    var names: [Name] = []
    for bytes in list {
      let name = try Name(bytes, what: "workstream")
      if names.contains(where: { $0.bytes == name.bytes }) {
        throw Failure(SYNCMGR_E_INVALID, naming: "'\(name.text)' is a recipient twice")
      }
      names.append(name)
    }
    let (id, found) = try attachment.post(draft, from: sender, to: names)
    for stream in found { attachment.tellInboxes(of: stream) }
    return (found.count == names.count ? SYNCMGR_OK : SYNCMGR_PARTIAL, id)
  }

  private static func tellEverybody(
    _ draft: Attachment.Draft, _ sender: Workstream, _ attachment: Attachment
  ) throws(Failure) {
    if draft.flags & SYNCMGR_NOTIFY_REQUIRE_ACK != 0 {
      throw Failure(SYNCMGR_E_INVALID, "only named recipients can acknowledge")
    }
    guard attachment.wants(draft.kind) else {
      throw Failure(SYNCMGR_E_NOT_FOUND, "nobody subscribed to notices of this kind")
    }
    var notice = Notice(draft.kind)
    notice.tells(of: sender)
    notice.priority = draft.priority
    notice.text = draft.text
    notice.detail = draft.detail
    notice.expires = draft.expires
    attachment.write(notice)
  }

  /// Marks a workstream as completed or failed, and says so.
  static func finish(
    _ slot: Slot, _ kind: UInt32, text: [UInt8] = [], detail: [UInt8] = []
  ) throws(Failure) {
    let stream = try Inbox.place(of: slot)
    guard stream.outcome.claim(0, kind) else {
      let before = stream.outcome.load() == SYNCMGR_NOTICE_FAILED ? "failed" : "completed"
      throw Failure(SYNCMGR_E_ALREADY, naming: "the workstream has \(before) before")
    }
    Attachment.of(slot).emit(kind, nil, stream, text: text, detail: detail)
  }
}
