import CSyncMgr
import CSyncMgrShim

/// What the store has of a transaction, under a key of the library's own: seen by all processes,
/// and what is left of it when its process dies.
struct TransactionRecord {
  var id: UInt64
  var status = TransactionStatus.pending
  var isolation = TransactionIsolation.serializable
  var flags: UInt32 = 0
  var priority: Int32 = 0
  var owner: TransactionOwner
  var workstreams: [String] = []
  /// The transaction that this is a part of, joined by another workstream; 0: it is none.
  var whole: UInt64 = 0
  var metadata: JSONValue?
  /// Since 1970.
  var began: Int64 = 0
  var ended: Int64 = 0
  var fault: TransactionFault?
  var operations: [TransactionOperation] = []
  /// Of the entry; 0: it is not there yet.
  var version: UInt64 = 0

  init(id: UInt64, owner: TransactionOwner) {
    self.id = id
    self.owner = owner
  }

  // MARK: - Keys

  static let prefix = Array("\u{1}t/".utf8)

  static func key(_ id: UInt64) -> [UInt8] {
    prefix + Array(JSONValue(hex: id).string.unsafelyUnwrapped.utf8)
  }

  /// Ids grow with the time, are below 2^53, and those of one millisecond differ by chance.
  static func makeID() -> UInt64 {
    var chance: UInt64 = 0
    _ = sm_random(&chance, 8)
    let since2024 = UInt64(max(sm_date() / 1_000_000 - 1_704_067_200_000, 0))
    return (since2024 & 0x1ff_ffff_ffff) << 12 | chance & 0xfff
  }

  /// Whether something that it executed can only be undone by callbacks.
  var hasToUndo: Bool { operations.contains { $0.state.isToBeUndone && $0.hasUndo } }

  /// Ends it, or leaves it to be gone back, because of `fault`.
  mutating func goBack(_ fault: TransactionFault) {
    status = hasToUndo ? .rollingBack : .rolledBack
    self.fault = fault
    if status == .rolledBack { ended = sm_date() }
    for index in operations.indices {
      switch operations[index].state {
      case .waiting: operations[index].state = .leftOut
      case .executed where !operations[index].hasUndo: operations[index].state = .undone
      default: continue
      }
    }
  }

  var change: TransactionStore.Change {
    TransactionStore.Change(
      key: TransactionRecord.key(id), data: bytes, type: SYNCMGR_CELL_JSON, expected: version)
  }

  // MARK: - JSON

  var bytes: [UInt8] { JSON.bytes(of: json) }

  var json: JSONValue {
    .made(
      ("id", JSONValue(hex: id)), ("status", .text(status.word)),
      ("workstream", .text(owner.name)), ("pid", .integer(Int64(owner.pid))),
      ("owner", owner.json), ("workstreams", .list(workstreams.map { .text($0) })),
      ("part_of", whole == 0 ? nil : JSONValue(hex: whole)),
      ("isolation", .text(isolation.word)), ("flags", .integer(Int64(flags))),
      ("priority", .integer(Int64(priority))), ("metadata", metadata),
      ("began_ns", .integer(began)), ("ended_ns", ended == 0 ? nil : .integer(ended)),
      ("outcome", fault.map { .integer(Int64($0.status)) }),
      ("reason", fault.map { .text($0.sentence) }),
      ("operations", .list(operations.map { $0.json() })))
  }

  /// Nil when it is no record: somebody has spoiled it.
  init?(_ bytes: [UInt8], version: UInt64) {
    let read = try? bytes.withUnsafeBufferPointer { (bytes) throws(JSONFault) in
      try JSONReader.read(bytes)
    }
    guard let json = read, let id = json["id"]?.hexNumber,
      let owner = json["owner"].flatMap({
        TransactionOwner(
          $0, name: json["workstream"]?.string ?? "", pid: json["pid"]?.int64 ?? 0)
      }), let status = json["status"]?.string.flatMap({ TransactionStatus(word: $0) })
    else { return nil }
    self.init(id: id, owner: owner)
    self.status = status
    self.version = version
    let levels = (0...2).lazy.compactMap { TransactionIsolation(rawValue: $0) }
    isolation = levels.first { $0.word == json["isolation"]?.string } ?? .serializable
    flags = json["flags"]?.uint64.flatMap { UInt32(exactly: $0) } ?? 0
    priority = json["priority"]?.int64.flatMap { Int32(exactly: $0) } ?? 0
    workstreams = json["workstreams"]?.items?.compactMap { $0.string } ?? []
    whole = json["part_of"]?.hexNumber ?? 0
    metadata = json["metadata"]
    began = json["began_ns"]?.int64 ?? 0
    ended = json["ended_ns"]?.int64 ?? 0
    if let outcome = json["outcome"]?.int64.flatMap({ Int32(exactly: $0) }) {
      fault = TransactionFault(outcome, json["reason"]?.string ?? "")
    }
    for item in json["operations"]?.items ?? [] {
      guard let operation = TransactionOperation(item) else { return nil }
      operations.append(operation)
    }
  }
}

/// The workstream that a transaction, or a part of one, is of: also when that is of a segment that
/// is long gone.
struct TransactionOwner {
  /// The segment's.
  var space: UInt64
  /// As in lock words, and the workstream's id: together nobody else has them.
  var owner: UInt32
  var serial: UInt64
  var name: String
  var pid: Int32

  var json: JSONValue {
    .made(
      ("space", JSONValue(hex: space)), ("slot", .integer(Int64(owner))),
      ("id", JSONValue(serial)))
  }

  init(_ attachment: Attachment, _ owner: UInt32) {
    let stream = attachment.workstream(ofOwner: owner)
    space = attachment.header.pointee.identity
    self.owner = owner
    serial = stream?.id.load() ?? 0
    name = stream.map { NameField($0).read().text } ?? ""
    pid = stream.map { Int32(bitPattern: $0.pid.load()) } ?? 0
  }

  init?(_ json: JSONValue, name: String, pid: Int64) {
    guard let space = json["space"]?.hexNumber,
      let owner = json["slot"]?.uint64.flatMap({ UInt32(exactly: $0) }),
      let serial = json["id"]?.uint64
    else { return nil }
    self.space = space
    self.owner = owner
    self.serial = serial
    self.name = name
    self.pid = Int32(exactly: pid) ?? 0
  }

  /// Whether the workstream is there to go on with it.
  func lives(in attachment: Attachment) -> Bool {
    guard space == attachment.header.pointee.identity,
      let stream = attachment.workstream(ofOwner: owner), stream.id.load() == serial
    else { return false }
    let participant = stream.owner.load()
    return participant != 0 && !attachment.isGone(participant)
  }
}
