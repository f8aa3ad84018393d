import CSyncMgr
import CSyncMgrShim

/// What the floors below need to know of the store.
extension Store {
  static let kind = Kind(
    holdsGrants: false,
    repair: { attachment, object in attachment.rebuildLine(object) },
    abandon: { _, _, _, _ in },
    withdrawn: { _, _, _ in },
    refused: { _, _, _ in },
    parameters: { attachment, object, json in
      Store.showParameters(attachment, object, &json)
    },
    state: { attachment, object, json in Store.showState(attachment, object, &json) },
    removed: { attachment, object in attachment.removeStore(object) },
    settle: { attachment, object, _ in attachment.settleStore(object) },
    repairSending: { attachment, object in
      if let row = attachment.segment.mailbox(attachment.segment.index(of: object)) {
        attachment.repairStore(row)
      }
    },
    refusesRemoval: { attachment, object in
      StoreDisk(attachment, object) == nil ? nil : "what is in a file stays as long as the space"
    },
    check: { attachment, object in attachment.checkStore(object) })

  private static func showParameters(
    _ attachment: Attachment, _ object: Object, _ json: inout JSON
  ) {
    guard let row = attachment.segment.mailbox(attachment.segment.index(of: object)),
      let head = StoreLog(row, attachment.segment)?.head
    else { return }
    json.number("capacity", head.capacity.load())
    json.number("inline_size", head.inlineSize.load())
    json.number("log_size", head.size.load())
  }

  private static func showState(
    _ attachment: Attachment, _ object: Object, _ json: inout JSON
  ) {
    guard let row = attachment.segment.mailbox(attachment.segment.index(of: object)),
      let head = StoreLog(row, attachment.segment)?.head
    else { return }
    json.number("revision", head.applied.load())
    json.number("entries", attachment.countVariables(row).cells)
    if head.backed.load() != 0 { json.number("durable", head.durable.load()) }
  }
}

extension Attachment {
  /// After a death: a commit that was left half-way is applied, and the waits are ended that the
  /// dead one did not get to end.
  func settleStore(_ object: Object) {
    guard let row = segment.mailbox(segment.index(of: object)) else { return }
    var wakes = Wakes()
    lockSending(row)
    if object.head.load() != 0 { finishStoreWaits(object, row, [], &wakes) }
    unlockSending(row)
    wakes.send(self)
    StoreDisk(self, object)?.settle()
  }

  /// Frees all that the store has. Nobody has it open. The log goes first: without it, it is no
  /// store, whatever else is left when we die in here, see `Store.open`.
  func removeStore(_ object: Object) {
    guard let row = segment.mailbox(segment.index(of: object)) else { return }
    let memory = exchange(row.log, for: 0, of: segment.index(of: row) + 1)
    if memory != 0 { free(memory - 1) }
    removeVariables(row)
  }

  /// Faults of a quiet store, in words.
  func checkStore(_ object: Object) -> String? {
    guard let row = segment.mailbox(segment.index(of: object)) else { return "has no table" }
    if row.log.load() == 0 { return checkVariables(row) }
    guard let log = StoreLog(row, segment) else { return "has a log whose sizes contradict" }
    if log.head.revision.load() != log.head.applied.load() { return "has a half-made commit" }
    if row.committing.load() & 1 != 0 { return "has entries of which some are changed" }
    return checkLog(log) ?? StoreDisk(self, object)?.fault
      ?? checkVariables(row, besides: row.log.load() &- 1)
  }

  /// Every record lies behind the one before, and they have all revisions up to the last one.
  private func checkLog(_ log: StoreLog) -> String? {
    var position = log.head.oldest.load()
    let tail = log.head.tail.load()
    if tail < position || tail - position > log.size { return "has a log that is too long" }
    var last: UInt64?
    while position < tail {
      guard let record = log.record(position) else { return "has a log with a hole" }
      if !record.isFill {
        if let last, record.revision != last &+ 1 { return "has a log that lacks a revision" }
        last = record.revision
        var count: UInt32 = 0
        record.forChanges { _ in count += 1 }
        if count != record.count { return "has a log with half a record" }
      }
      position += UInt64(record.length)
    }
    if position != tail || last ?? log.head.applied.load() != log.head.applied.load() {
      return "has a log that does not end with the last commit"
    }
    return nil
  }
}
