import CSyncMgr
import CSyncMgrShim

/// A part's voice in a transaction of several workstreams, as the store has it: that it takes part,
/// or is for the commit of these changes, or against any.
struct TransactionVote {
  enum Voice: String { case joined, yes, no }

  var voice: Voice
  /// The part's own transaction, and who has it.
  var transaction: UInt64
  var owner: TransactionOwner
  var changes: [TransactionStore.Change] = []
  var ranges: [ReadRange] = []
  var version: UInt64 = 0

  init(_ voice: Voice, _ transaction: UInt64, _ owner: TransactionOwner) {
    self.voice = voice
    self.transaction = transaction
    self.owner = owner
  }

  static let prefix = Array("\u{1}v/".utf8)

  static func key(_ whole: UInt64, _ part: Int) -> [UInt8] {
    prefix + Array((JSONValue(hex: whole).string ?? "").utf8) + Array("/\(part)".utf8)
  }

  // MARK: - JSON

  var bytes: [UInt8] {
    JSON.bytes(
      of: .made(
        ("voice", .text(voice.rawValue)), ("transaction", JSONValue(hex: transaction)),
        ("workstream", .text(owner.name)), ("pid", .integer(Int64(owner.pid))),
        ("owner", owner.json), ("changes", .list(changes.map { Self.json($0) })),
        ("ranges", .list(ranges.map { $0.json }))))
  }

  private static func json(_ change: TransactionStore.Change) -> JSONValue {
    .made(
      ("key", JSONValue(bytes: change.key)), ("data", change.data.map { JSONValue(bytes: $0) }),
      ("type", .integer(Int64(change.type))), ("expected", JSONValue(hex: change.expected)),
      ("check", change.isCheck ? .truth(true) : nil))
  }

  init?(_ bytes: [UInt8], version: UInt64) {
    let read = try? bytes.withUnsafeBufferPointer { (bytes) throws(JSONFault) in
      try JSONReader.read(bytes)
    }
    guard let json = read, let voice = json["voice"]?.string.flatMap({ Voice(rawValue: $0) }),
      let transaction = json["transaction"]?.hexNumber,
      let owner = json["owner"].flatMap({
        TransactionOwner(
          $0, name: json["workstream"]?.string ?? "", pid: json["pid"]?.int64 ?? 0)
      })
    else { return nil }
    self.init(voice, transaction, owner)
    self.version = version
    for item in json["changes"]?.items ?? [] {
      guard let change = Self.change(item) else { return nil }
      changes.append(change)
    }
    for item in json["ranges"]?.items ?? [] {
      guard let range = ReadRange(item) else { return nil }
      ranges.append(range)
    }
  }

  private static func change(_ json: JSONValue) -> TransactionStore.Change? {
    guard let key = json["key"]?.bytes, !key.isEmpty, key.count < 256,
      let expected = json["expected"]?.hexNumber,
      let type = json["type"]?.uint64.flatMap({ UInt32(exactly: $0) })
    else { return nil }
    var data: [UInt8]?
    if let value = json["data"] {
      guard let bytes = value.bytes else { return nil }
      data = bytes
    }
    return TransactionStore.Change(
      key: key, data: data, type: type, expected: expected,
      isCheck: json["check"]?.isTruth ?? false)
  }
}

extension ReadRange {
  var json: JSONValue {
    .made(
      ("prefix", prefix.map { JSONValue(bytes: $0) }), ("glob", glob.map { JSONValue(bytes: $0) }),
      ("after", after.map { JSONValue(bytes: $0) }), ("last", last.map { JSONValue(bytes: $0) }),
      ("revision", JSONValue(hex: revision)), ("count", JSONValue(digest.count)),
      ("low", JSONValue(hex: digest.low)), ("high", JSONValue(hex: digest.high)))
  }

  init?(_ json: JSONValue) {
    guard let revision = json["revision"]?.hexNumber, let count = json["count"]?.uint64,
      let low = json["low"]?.hexNumber, let high = json["high"]?.hexNumber
    else { return nil }
    prefix = json["prefix"]?.bytes
    glob = json["glob"]?.bytes
    after = json["after"]?.bytes
    last = json["last"]?.bytes
    self.revision = revision
    digest = Digest(count: count, low: low, high: high)
  }
}

/// Keys that a transaction has voted to change: nobody else changes them before it is decided. Each
/// has a mark in the store, and how many there are in all is counted, so that nobody looks for one
/// where there are none.
enum PreparedKeys {
  static let prefix = Array("\u{1}p/".utf8)
  static let count = Array("\u{1}P".utf8)

  /// Keys that are too long for a mark of their own share one: then one of them is held up by the
  /// other, and no more.
  static func mark(of key: [UInt8]) -> [UInt8] {
    let room = Int(SYNCMGR_KEY_MAX) - prefix.count
    if key.count <= room { return prefix + key }
    var cut = Array(key.prefix(room - 1))
    while !cut.isEmpty, String(validating: cut, as: UTF8.self) == nil { cut.removeLast() }
    return prefix + cut + [0x2b]
  }
}
