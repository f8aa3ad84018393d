import CSyncMgr
import CSyncMgrShim

/// The record of a conflict.
struct Conflict {
  /// Who lets his handlers decide it. Of another segment, which a store on disk has outlived,
  /// nobody lives any more.
  struct Claim {
    var name: String
    var workstream: UInt64
    var owner: UInt32
    var space: UInt64
  }

  var id: UInt64
  var type: ConflictType
  var severity: ConflictSeverity
  var status = ConflictStatus.detected
  var strategy: Strategy
  var syncPoint: String?
  var workstreams: [String]
  var reason: String
  var data: JSONValue?
  /// ns since 1970.
  var detectedAt: Int64
  var detectedBy: String
  /// Until when it is to be resolved, ns since 1970; nil: there is time.
  var deadline: Int64?
  var claim: Claim?
  /// Of the entry of the store that gets the result.
  var key: String?
  var resolvedAt: Int64?
  var resolvedBy: String?
  var result: JSONValue?

  var isOverdue: Bool { status.isOpen && deadline.map { sm_date() >= $0 } ?? false }
}

// MARK: - As JSON

extension Conflict {
  var bytes: [UInt8] {
    var json = JSON()
    json.object { write(&$0, isRecord: true) }
    return json.bytes
  }

  /// The record has what others do not need to see.
  func write(_ json: inout JSON, isRecord: Bool = false) {
    json.number("id", id)
    json.text("type", type.name)
    json.text("severity", severity.name)
    json.text("status", status.name)
    json.text("strategy", strategy.name)
    if let syncPoint { json.text("sync_point", syncPoint) }
    json.array("workstreams") { json in for name in workstreams { json.text(nil, name) } }
    json.text("reason", reason)
    if let data { json.value("data", data) }
    json.number("detected_at", detectedAt)
    json.text("detected_by", detectedBy)
    if let deadline { json.number("deadline", deadline) }
    if let claim {
      json.text("claimed_by", claim.name)
      if isRecord {
        json.number("claim_workstream", claim.workstream)
        json.number("claim_owner", claim.owner)
        json.number("claim_space", claim.space)
      }
    }
    if let key { json.text("key", key) }
    if let resolvedAt { json.number("resolved_at", resolvedAt) }
    if let resolvedBy { json.text("resolved_by", resolvedBy) }
    if let result { json.value("result", result) }
  }

  /// Nil: these bytes are no record of ours.
  init?(_ bytes: [UInt8]) {
    let read = bytes.withUnsafeBufferPointer { try? JSONReader.read($0, .own) }
    guard let json = read, let id = json["id"]?.uint64,
      let type = json["type"]?.string.flatMap({ ConflictType(named: $0) }),
      let severity = json["severity"]?.string.flatMap({ ConflictSeverity(named: $0) }),
      let status = json["status"]?.string.flatMap({ ConflictStatus(named: $0) }),
      let strategy = json["strategy"]?.string.flatMap({ Strategy(named: $0) }),
      let workstreams = json["workstreams"]?.items, let reason = json["reason"]?.string,
      let detectedAt = json["detected_at"]?.int64, let detectedBy = json["detected_by"]?.string
    else { return nil }
    self.id = id
    self.type = type
    self.severity = severity
    self.status = status
    self.strategy = strategy
    self.workstreams = workstreams.compactMap { $0.string }
    self.reason = reason
    self.detectedAt = detectedAt
    self.detectedBy = detectedBy
    syncPoint = json["sync_point"]?.string
    data = json["data"]
    deadline = json["deadline"]?.int64
    if let name = json["claimed_by"]?.string, let workstream = json["claim_workstream"]?.uint64,
      let owner = json["claim_owner"]?.uint64.flatMap({ UInt32(exactly: $0) }),
      let space = json["claim_space"]?.uint64
    {
      claim = Claim(name: name, workstream: workstream, owner: owner, space: space)
    }
    key = json["key"]?.string
    resolvedAt = json["resolved_at"]?.int64
    resolvedBy = json["resolved_by"]?.string
    result = json["result"]
  }
}

// MARK: - What others are told

extension Conflict {
  /// In words, as long as a notice can have them.
  var words: [UInt8] {
    var text = type.name
    if let syncPoint { text += " at '\(syncPoint)'" }
    text += " between " + workstreams.joined(separator: ", ")
    if !status.isOpen { text += ", \(status.name)" }
    if !reason.isEmpty { text += ": \(reason)" }
    var bytes = Array(text.utf8.prefix(Int(SYNCMGR_TEXT_MAX)))
    // A text that was cut ends before the character that was.
    while !bytes.isEmpty, String(validating: bytes, as: UTF8.self) == nil { bytes.removeLast() }
    return bytes
  }

  var detail: [UInt8] {
    var json = JSON()
    json.object { json in
      json.number("conflict", id)
      json.text("status", status.name)
      json.text("type", type.name)
      json.text("severity", severity.name)
      json.text("strategy", strategy.name)
    }
    return json.bytes
  }
}
