import CSyncMgr
import CSyncMgrShim

/// What a call declares, checked.
struct ConflictQuery {
  let draft: Conflict
  let resolvesAtOnce: Bool
  let notifies: Bool

  init(
    _ options: UnsafePointer<syncmgr_conflict_options_t>?, _ conflicts: Conflicts
  ) throws(Failure) {
    var defaults = syncmgr_conflict_options_t()
    defaults.flags = SYNCMGR_CONFLICT_AUTO
    defaults.severity = SYNCMGR_SEVERITY_MEDIUM
    defaults.strategy = SYNCMGR_STRATEGY_LAST_WINS
    defaults.timeout_ns = 30_000_000_000
    let wanted = try readOptions(options, defaults)
    try checkFlags(wanted.flags, SYNCMGR_CONFLICT_AUTO | SYNCMGR_CONFLICT_NOTIFY)
    try checkFlags(wanted.reserved, 0)
    guard let type = ConflictType(rawValue: wanted.type) else {
      throw Failure(SYNCMGR_E_INVALID, naming: "there is no type of conflicts \(wanted.type)")
    }
    let severity = try ConflictQuery.severity(wanted.severity)
    if wanted.timeout_ns < SYNCMGR_FOREVER {
      throw Failure(SYNCMGR_E_INVALID, "the timeout is below SYNCMGR_FOREVER (-1)")
    }
    var data: JSONValue?
    if let text = wanted.data {
      data = try document(text, "data")
      if let data, data["candidates"] != nil { _ = try Question(data) }
    }
    let now = sm_date()
    let (end, overflow) = now.addingReportingOverflow(wanted.timeout_ns)
    let reason = try checkText(wanted.reason, "reason")
    draft = Conflict(
      id: 0, type: type, severity: severity, strategy: try Strategy(checking: wanted.strategy),
      syncPoint: try wanted.sync_point.map { (name) throws(Failure) in
        try Name(name, what: "sync point").text
      },
      workstreams: try ConflictQuery.names(wanted.workstreams) ?? [conflicts.caller],
      reason: String(decoding: reason, as: UTF8.self), data: data, detectedAt: now,
      detectedBy: conflicts.caller,
      deadline: wanted.timeout_ns == SYNCMGR_FOREVER || overflow ? nil : end)
    resolvesAtOnce = wanted.flags & SYNCMGR_CONFLICT_AUTO != 0
    notifies = wanted.flags & SYNCMGR_CONFLICT_NOTIFY != 0
  }

  static func severity(_ number: UInt32) throws(Failure) -> ConflictSeverity {
    guard let known = ConflictSeverity(rawValue: number) else {
      throw Failure(SYNCMGR_E_INVALID, naming: "\(number) is no severity: 0 to 3 are possible")
    }
    return known
  }

  private static func names(_ list: UnsafePointer<CChar>?) throws(Failure) -> [String]? {
    guard let list else { return nil }
    let given = Outbox.names(list)
    if given.count > Int(SM_RECIPIENTS) {
      throw Failure(
        SYNCMGR_E_INVALID, naming: "there are more than \(SM_RECIPIENTS) workstreams")
    }
    var names: [String] = []
    for bytes in given {
      let name = try Name(bytes, what: "workstream").text
      if names.contains(where: { $0.isSame(as: name) }) {
        throw Failure(SYNCMGR_E_INVALID, naming: "'\(name)' is there twice")
      }
      names.append(name)
    }
    return names
  }

  /// Handlers that are to be asked first. One that is left to somebody is not theirs.
  func hasHandlers(_ attachment: Attachment) -> Bool {
    draft.strategy != .manual && !ConflictHandler.of(draft.type, attachment).isEmpty
  }

  /// A message to each of the workstreams, as far as there is room for it.
  static func notify(_ conflict: Conflict, _ conflicts: Conflicts) {
    let attachment = conflicts.store.attachment
    guard let sender = attachment.workstream(ofOwner: conflicts.store.caller.mine) else { return }
    let names = conflict.workstreams.compactMap { name in
      try? Name(name.utf8.map { CChar(bitPattern: $0) } + [0], what: "workstream")
    }
    let draft = Attachment.Draft(
      kind: SYNCMGR_NOTICE_CONFLICT, priority: conflict.severity.rawValue, flags: 0, expires: 0,
      text: conflict.words, detail: conflict.detail)
    guard let (_, found) = try? attachment.post(draft, from: sender, to: names) else { return }
    for stream in found { attachment.tellInboxes(of: stream) }
  }
}

/// Which conflicts a call asks for.
struct ConflictFilter {
  private let types: UInt32
  private let statuses: UInt32
  private let severities: UInt32
  private let syncPoint: String?
  private let workstream: String?

  init(_ filter: UnsafePointer<syncmgr_conflict_filter_t>?) throws(Failure) {
    var defaults = syncmgr_conflict_filter_t()
    defaults.types = UInt32.max
    defaults.statuses = UInt32.max
    defaults.severities = UInt32.max
    let wanted = try readOptions(filter, defaults)
    types = wanted.types
    statuses = wanted.statuses
    severities = wanted.severities
    syncPoint = try wanted.sync_point.map { (name) throws(Failure) in
      try Name(name, what: "sync point").text
    }
    workstream = try wanted.workstream.map { (name) throws(Failure) in
      try Name(name, what: "workstream").text
    }
  }

  func wants(_ conflict: Conflict) -> Bool {
    if types & conflict.type.bit == 0 || statuses & conflict.status.bit == 0
      || severities & conflict.severity.bit == 0
    {
      return false
    }
    if let syncPoint, conflict.syncPoint.map({ !$0.isSame(as: syncPoint) }) ?? true { return false }
    return workstream.map { name in conflict.workstreams.contains { $0.isSame(as: name) } } ?? true
  }
}
