import CSyncMgr

/// Where a transaction stands. The numbers are those of the header.
enum TransactionStatus: UInt32 {
  case pending = 0
  case active = 1
  case committing = 2
  case committed = 3
  case rollingBack = 4
  case rolledBack = 5
  case failed = 6
  case timedOut = 7

  /// As it is in records and sentences.
  var word: String {
    switch self {
    case .pending: "pending"
    case .active: "active"
    case .committing: "committing"
    case .committed: "committed"
    case .rollingBack: "rolling_back"
    case .rolledBack: "rolled_back"
    case .failed: "failed"
    case .timedOut: "timed_out"
    }
  }

  init?(word: String) {
    let all = (0...7).lazy.compactMap { TransactionStatus(rawValue: $0) }
    guard let found = all.first(where: { $0.word == word }) else { return nil }
    self = found
  }

  var isOpen: Bool { self == .pending || self == .active }
  /// Whether nothing is left to be done.
  var isOver: Bool { self == .committed || self == .rolledBack || self == .timedOut }
  /// Whether it will not be committed any more.
  var isBack: Bool {
    self == .rollingBack || self == .rolledBack || self == .failed || self == .timedOut
  }
}

enum TransactionIsolation: UInt32 {
  case serializable = 0
  case repeatableRead = 1
  case readCommitted = 2

  var word: String {
    switch self {
    case .serializable: "serializable"
    case .repeatableRead: "repeatable_read"
    case .readCommitted: "read_committed"
    }
  }
}

/// What a transaction is begun with.
struct TransactionOptions {
  var flags: UInt32 = 0
  var isolation = TransactionIsolation.serializable
  var priority: Int32 = 0
  var retries: UInt32 = 10
  var timeout = SYNCMGR_FOREVER
  var operationTimeout = SYNCMGR_FOREVER
  var retryDelay: Int64 = 1_000_000
  /// All that take part, the own among them. One alone is the usual case.
  var workstreams: [String] = []
  var metadata: JSONValue?

  var isReadOnly: Bool { flags & SYNCMGR_TRANSACTION_READ_ONLY != 0 }
  var isStrict: Bool { flags & SYNCMGR_TRANSACTION_STRICT != 0 }
  var isOptimistic: Bool { flags & SYNCMGR_TRANSACTION_OPTIMISTIC != 0 }
  /// Whether the commit checks the keys, and the ranges, that were read.
  var checksKeys: Bool { isolation != .readCommitted || isStrict }
  var checksRanges: Bool { isolation == .serializable }
  /// Whether what is read is locked.
  var locksReads: Bool { !isOptimistic && isolation != .readCommitted }
}

/// Why an aim was missed: kept until all is undone, and told then.
struct TransactionFault {
  let status: Int32
  let sentence: String

  init(_ status: Int32, _ sentence: String) {
    self.status = status
    self.sentence = sentence
  }

  /// Of a failure that was just made: its sentence is the thread's.
  init(_ failure: Failure) {
    status = failure.status
    sentence = Failure.kept()
  }

  var failure: Failure { Failure(status, naming: sentence) }
}

extension Int64 {
  /// Of a time in nanoseconds, for sentences.
  var inMilliseconds: String {
    let (whole, rest) = (self / 1_000_000, self % 1_000_000 / 1000)
    if rest == 0 { return "\(whole)ms" }
    let digits = String(rest)
    return "\(whole).\(String(repeating: "0", count: 3 - digits.utf8.count))\(digits)ms"
  }
}
