import CSyncMgr
import CSyncMgrShim

/// What a transaction handle stands for. What it writes is kept here until the commit; what others
/// are to know of it is its record in the store.
///
/// One thread is in it at a time (`enter`); only `info` is for others. While a callback runs the
/// thread is outside of the library, and the callback may come in again.
final class Transaction: @unchecked Sendable {
  // Safe because one thread at a time has it, and `shown` is under the process's lock.
  let home: TransactionHome
  let options: TransactionOptions
  /// Monotonic; Deadline.never.
  let deadline: Int64
  /// Its place among the workstreams that take part; nil: it takes part alone.
  let part: Int?
  var record: TransactionRecord
  var status = TransactionStatus.pending { didSet { record.status = status } }
  var plan = TransactionPlan()
  var writes = TransactionWrites()
  var reads = TransactionReads()
  let targets: TransactionTargets
  var savepoints: [TransactionSavepoint] = []
  var hasVoted = false
  /// Of the commit.
  var revision: UInt64 = 0
  /// Of its vote's entry.
  var voteVersion: UInt64 = 0
  /// The transaction that this is a part of; its own id when it has begun it.
  let whole: UInt64
  /// The revision of a record that has to be on disk before an operation begins, and which one.
  var awaited: UInt64?
  var beginning: Int?
  /// The failure that is being thrown ends nothing.
  var goesOn = false
  /// Why it is gone back: its time has passed.
  var isTimedOut = false
  /// What the workstream's priority was before.
  var formerPriority: UInt32?

  /// The handle, once there is one.
  var handle: UInt64 = 0
  private let presence: Word64
  /// The thread that runs a callback, and the operation that it is for.
  private(set) var callbackThread: UInt64 = 0
  private(set) var callbackOperation: Int?
  /// Closed, or about to be: nothing begins any more. Under the process's lock.
  private(set) var isClosing = false
  private var shown = syncmgr_transaction_info_t()
  /// Closed from within a callback: the space may be gone.
  var isDetached = false

  init(
    _ home: TransactionHome, _ options: TransactionOptions, _ record: TransactionRecord,
    part: Int?, of whole: UInt64
  ) throws(Failure) {
    self.home = home
    self.options = options
    self.record = record
    self.part = part
    self.whole = whole
    deadline = try Deadline.after(options.timeout)
    targets = TransactionTargets(home)
    let word = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
    word.initialize(to: 0)
    presence = Word64(word)
  }

  deinit { presence.at.deallocate() }

  var attachment: Attachment { home.attachment }
  var id: UInt64 { record.id }
  /// Whether somebody else has begun it, and decides.
  var isJoined: Bool { whole != id }
  func store() throws(Failure) -> TransactionStore { try TransactionStore(handle: home.store) }

  // MARK: - One thread at a time

  /// Which calls a callback of its own may make.
  enum Door {
    case closedToCallbacks, openToExecute, openToAll
  }

  /// Comes in. False: it is a call from within a callback, which the thread has not left.
  func enter(_ door: Door) throws(Failure) -> Bool {
    let thread = UInt64(sm_thread_current())
    if presence.claim(0, thread) { return true }
    if presence.load() == thread, callbackThread == thread {
      let isUndo = callbackOperation.map { plan.operations[$0].state == .undoing } ?? false
      if door == .openToAll || door == .openToExecute && !isUndo { return false }
      throw Failure(
        SYNCMGR_E_BUSY, naming: "\(called) cannot do that from within a callback of its own")
    }
    throw Failure(SYNCMGR_E_BUSY, naming: "another call of \(called) is under way")
  }

  /// Goes out, and shows others how it is.
  func leave() {
    if !isDetached { show() }
    presence.store(0)
  }

  func show() {
    var info = syncmgr_transaction_info_t()
    info.id = id
    info.status = status.rawValue
    info.flags = options.flags
    info.isolation = options.isolation.rawValue
    info.operations = UInt32(plan.operations.count)
    info.executed = UInt32(plan.operations.count { $0.state == .executed })
    info.reads = UInt32(clamping: reads.count)
    info.writes = UInt32(clamping: writes.count)
    info.is_part = isJoined ? 1 : 0
    info.outcome = plan.fault?.status ?? record.fault?.status ?? SYNCMGR_OK
    info.revision = revision
    info.began_ns = record.began
    info.locks = UInt32(targets.count)
    Local.always { _ in shown = info }
  }

  /// For any thread.
  var info: syncmgr_transaction_info_t {
    var info = Local.always { _ in shown }
    info.remaining_ns =
      deadline == Deadline.never ? SYNCMGR_FOREVER : max(deadline - sm_now(), 0)
    return info
  }

  var called: String { "transaction \(JSONValue(hex: id).string ?? "?")" }

  /// Runs a callback with nothing held: it may call anything, and close what it likes. False when
  /// the handle is gone after it: nothing of the segment may be touched then.
  func outside(_ index: Int, _ body: () -> Void) -> Bool {
    let (thread, operation) = (callbackThread, callbackOperation)
    callbackThread = UInt64(sm_thread_current())
    callbackOperation = index
    show()
    let isBack = Outside.run(body)
    (callbackThread, callbackOperation) = (thread, operation)
    return isBack
  }

  static func of(_ slot: Slot) -> Transaction {
    Unmanaged<Transaction>.fromOpaque(slot.pointee.context.unsafelyUnwrapped)
      .takeUnretainedValue()
  }

  // MARK: - Closing

  enum Closer {
    /// Somebody else closes it.
    case taken
    /// A callback of its own closes it.
    case within
    case apart
  }

  /// Nothing begins any more.
  func beginClosing() -> Closer {
    let isFirst = Local.always { _ in
      defer { isClosing = true }
      return !isClosing
    }
    if !isFirst { return .taken }
    let thread = UInt64(sm_thread_current())
    return presence.load() == thread && callbackThread == thread ? .within : .apart
  }

  /// False while another thread is in it.
  func claimForClosing() -> Bool { presence.claim(0, UInt64(sm_thread_current())) }

  /// Rolls back what has not ended. A part that has voted waits for the decision without us.
  func endForClosing() {
    if !status.isOver, !(isJoined && hasVoted), status != .failed {
      plan.set(.rollback)
      status = .rollingBack
      _ = try? advance(blocks: true)
    }
    if !status.isOver { abandon() }
    leave()
  }

  /// Leaves it as it is: what it has executed and that has a name is found by whoever recovers.
  func abandon() {
    if !status.isOver, !(isJoined && hasVoted) {
      // Nobody's: else it would be taken for that of a workstream that lives.
      record.owner.serial = 0
      record.operations = plan.operations
      if status != .failed {
        record.goBack(TransactionFault(SYNCMGR_E_CANCELLED, "its handle was closed"))
      }
      try? persist(isDurable: false)
    }
    settle()
  }

  // MARK: - What may be done

  /// Refuses what is for open transactions only.
  func checkOpen(_ verb: StaticString) throws(Failure) {
    if Local.always({ _ in isClosing }) {
      throw Failure(SYNCMGR_E_CLOSED, "the transaction was closed")
    }
    let isOpen = plan.aim == .none ? status.isOpen : isExecuting
    if !isOpen {
      throw Failure(
        SYNCMGR_E_ALREADY, naming: "cannot \(verb) \(called) in \(status.word) state")
    }
  }

  /// Whether an operation is being executed, by a callback or by steps: it may use the transaction.
  var isExecuting: Bool {
    !plan.isGoingBack && plan.operations.contains { $0.state == .executing }
  }

  /// Whether its time is over.
  var isTooLate: Bool { Deadline.hasPassed(deadline) }

  var lateFault: TransactionFault {
    TransactionFault(
      SYNCMGR_E_TIMEOUT, "\(called) timed out after \(options.timeout.inMilliseconds)")
  }

  func becomeActive() { if status == .pending { status = .active } }

  /// How long a lock may take.
  func lockTimeout(_ wanted: Int64) -> Int64 {
    var timeout = wanted
    if deadline != Deadline.never {
      let left = max(deadline - sm_now(), 1)
      timeout = timeout == SYNCMGR_FOREVER ? left : min(timeout, left)
    }
    return timeout
  }
}

/// A place to roll back to.
struct TransactionSavepoint {
  let name: String
  let writes: Int
  let operations: Int
}
