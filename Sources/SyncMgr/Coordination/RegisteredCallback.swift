import CSyncMgr
import CSyncMgrShim

/// Leaving the library for a callback, which may call anything and close what it likes.
enum Outside {
  /// Runs `body` with nothing held. False when the handle that the thread was inside of is closed
  /// after it: nothing of the segment may be touched then.
  static func run(_ body: () -> Void) -> Bool {
    guard let thread = sm_thread_self() else { return false }
    let slot =
      sm_slots()
      + Int(
        UInt32(truncatingIfNeeded: Word64(sm_thread_inside(thread)).load())
          & (SM_SLOTS - 1))
    let handle = slot.tag.load()
    sm_leave()
    body()
    guard let type = HandleType(rawValue: sm_handle_type(handle)) else { return false }
    return (try? Handles.enter(handle, type)) != nil
  }
}

/// A callback of this process that others call: counts who is in it, so that its end waits for
/// them.
class RegisteredCallback {
  typealias Destroy = @convention(c) (UnsafeMutableRawPointer?) -> Void

  let user: UnsafeMutableRawPointer?
  private let destroy: Destroy?
  /// Under the process's lock: the threads that are in it.
  private var threads: [UInt64] = []
  private var isEnded = false
  private var isDestroyed = false

  init(_ user: UnsafeMutableRawPointer?, _ destroy: Destroy?) {
    self.user = user
    self.destroy = destroy
  }

  /// Under the process's lock. False: it has ended.
  final func begin() -> Bool {
    if isEnded { return false }
    threads.append(UInt64(sm_thread_current()))
    return true
  }

  final func end() {
    let isLast = Local.always { _ in
      let thread = UInt64(sm_thread_current())
      if let place = threads.lastIndex(of: thread) { threads.remove(at: place) }
      return isEnded && threads.isEmpty && takeDestroy()
    }
    if isLast { destroy?(user) }
  }

  /// Nobody begins it any more. Waits for those who are in it, unless this thread is one of them:
  /// then the last of them does the rest.
  final func close() {
    while true {
      let (isOwn, isLast) = Local.always { _ in
        isEnded = true
        let isOwn = threads.contains(UInt64(sm_thread_current()))
        return (isOwn, threads.isEmpty && takeDestroy())
      }
      if isLast { destroy?(user) }
      if isOwn || isLast || Local.always({ _ in isDestroyed }) { return }
      sm_nap(100_000)
    }
  }

  /// Under the process's lock. Whether it is this caller's to run.
  private func takeDestroy() -> Bool {
    defer { isDestroyed = true }
    return !isDestroyed
  }
}

/// What the coordination floor keeps of a space in this process.
final class LocalCoordination {
  /// By name. Under the process's lock, like all of it.
  var handlers: [String: TransactionHandler] = [:]
  var validators: [StoreValidator] = []
  /// The declared rules, as of this version of their count.
  var rules: (version: UInt64, rules: [StoreConstraint])?
  /// Transactions of the dead that this process was given to undo by steps.
  var adopted: Set<UInt64> = []
  /// Transactions that ended since the records were last looked through.
  var ended = 0

  static func of(_ attachment: Attachment) -> LocalCoordination {
    Local.always { _ in
      if let found = attachment.coordination as? LocalCoordination { return found }
      let made = LocalCoordination()
      attachment.coordination = made
      return made
    }
  }
}

/// What executes and undoes the CUSTOM operations of a name in this process.
final class TransactionHandler: RegisteredCallback {
  let name: String
  let execute: TransactionOperation.Call?
  let undo: TransactionOperation.Call?

  init(
    _ name: String, execute: TransactionOperation.Call?, undo: TransactionOperation.Call?,
    _ user: UnsafeMutableRawPointer?, _ destroy: Destroy?
  ) {
    self.name = name
    self.execute = execute
    self.undo = undo
    super.init(user, destroy)
  }
}

/// The handlers of a space in this process, by name.
struct TransactionHandlers {
  private let kept: LocalCoordination

  static func of(_ attachment: Attachment) -> TransactionHandlers {
    TransactionHandlers(kept: LocalCoordination.of(attachment))
  }

  func has(_ name: String) -> Bool { Local.always { _ in kept.handlers[name] != nil } }

  /// The handler of a name, which stays until its `end`.
  func begin(_ name: String) -> TransactionHandler? {
    Local.always { _ in
      guard let found = kept.handlers[name], found.begin() else { return nil }
      return found
    }
  }

  func add(_ handler: TransactionHandler) throws(Failure) {
    let isFree = Local.always { _ in
      if kept.handlers[handler.name] != nil { return false }
      kept.handlers[handler.name] = handler
      return true
    }
    if !isFree {
      throw Failure(
        SYNCMGR_E_EXISTS, naming: "this process has a handler of the name '\(handler.name)'")
    }
  }

  func remove(_ handler: TransactionHandler) {
    Local.always { _ in
      if kept.handlers[handler.name] === handler { kept.handlers[handler.name] = nil }
    }
    handler.close()
  }
}
