import CSyncMgr

/// What an operation of a transaction is to do. The numbers are those of the header.
enum OperationType: UInt32 {
  case read = 0
  case write = 1
  case create = 2
  case delete = 3
  case lock = 4
  case unlock = 5
  case custom = 6

  var word: String {
    switch self {
    case .read: "read"
    case .write: "write"
    case .create: "create"
    case .delete: "delete"
    case .lock: "lock"
    case .unlock: "unlock"
    case .custom: "custom"
    }
  }

  init?(word: String) {
    let all = (0...6).lazy.compactMap { OperationType(rawValue: $0) }
    guard let found = all.first(where: { $0.word == word }) else { return nil }
    self = found
  }

  /// Whether it changes the store, or may change something else.
  var writes: Bool { self == .write || self == .create || self == .delete || self == .custom }
}

/// How far an operation is.
enum OperationState: UInt32 {
  case waiting = 0
  case executing = 1
  case executed = 2
  case failed = 3
  case late = 4
  case undoing = 5
  case undone = 6
  case undoFailed = 7
  case leftOut = 8

  var word: String {
    switch self {
    case .waiting: "waiting"
    case .executing: "executing"
    case .executed: "executed"
    case .failed: "failed"
    case .late: "late"
    case .undoing: "undoing"
    case .undone: "undone"
    case .undoFailed: "undo_failed"
    case .leftOut: "left_out"
    }
  }

  init?(word: String) {
    let all = (0...8).lazy.compactMap { OperationState(rawValue: $0) }
    guard let found = all.first(where: { $0.word == word }) else { return nil }
    self = found
  }

  /// Whether something of it is out in the world that a rollback has to take back. One that was
  /// under way when its process died counts: nobody knows how far it came.
  var isToBeUndone: Bool {
    switch self {
    case .executing, .executed, .late, .undoing, .undoFailed: true
    case .waiting, .failed, .undone, .leftOut: false
    }
  }
}

struct TransactionOperation {
  typealias Call =
    @convention(c) (UnsafePointer<syncmgr_operation_t>?, UnsafeMutableRawPointer?) -> Int32

  var type: OperationType
  /// Executed and undone by who takes the steps.
  var isBySteps = false
  var dataType: UInt32 = 0
  /// Of the handlers.
  var name: String?
  var id: String?
  var target: [UInt8]?
  var parameters: JSONValue?
  var data: [UInt8]?
  var timeout = SYNCMGR_FOREVER
  var execute: Call?
  var undo: Call?
  var user: UnsafeMutableRawPointer?

  var state = OperationState.waiting
  /// When its time is over, while it is executed.
  var deadline = Deadline.never
  var result: [UInt8] = []
  /// Why it, or its undo, failed.
  var reason = ""

  init(_ type: OperationType) { self.type = type }

  /// Whether more is to be done than the type says.
  var hasCall: Bool { isBySteps || execute != nil || name != nil }
  var hasUndo: Bool { isBySteps || undo != nil || name != nil }
  var sharedMode: UInt32 {
    parameters?["mode"]?.string == "shared" ? SYNCMGR_SHARED : SYNCMGR_EXCLUSIVE
  }

  /// For sentences.
  func called(_ index: Int) -> String {
    let own = id.map { " '\($0)'" } ?? name.map { " '\($0)'" } ?? ""
    return "operation \(index)\(own) (\(type.word))"
  }
}
