import CSyncMgr
import CSyncMgrShim

/// The workstream that a transaction is of, as the floor above gives it: what is opened is open in
/// its name.
struct TransactionHome {
  let attachment: Attachment
  let possessions: Possessions
  /// The workstream in lock words.
  let owner: UInt32
  /// A handle of the store, of the transaction's own.
  let store: UInt64
  let openTarget: (Name) throws(Failure) -> UInt64
  let close: (UInt64, HandleType) -> Void

  var stream: Workstream? { attachment.segment.workstream(OwnerID.index(owner)) }

  /// Keeps that the workstream has a transaction with locks, of which there is one.
  func claimLocks(_ holder: AnyObject) throws(Failure) {
    let isFree = Local.always { _ in
      if let other = possessions.transaction { return other === holder }
      possessions.transaction = holder
      return true
    }
    if !isFree {
      throw Failure(
        SYNCMGR_E_BUSY,
        naming: "workstream '\(TransactionOwner(attachment, owner).name)' has a transaction with "
          + "locks already: it can have others that are OPTIMISTIC")
    }
  }

  func endLocks(_ holder: AnyObject) {
    Local.always { _ in
      if possessions.transaction === holder { possessions.transaction = nil }
    }
  }
}

/// What a transaction has locked: readers-writer locks in a name space of their own, which are
/// there while somebody has them open. Closing one gives it back.
///
/// Changed by the call that is inside of the transaction, under the process's lock: whoever closes
/// the transaction meanwhile looks at `handles`.
final class TransactionTargets {
  private struct Target {
    let handle: UInt64
    /// Not only asked for by `lock`: its key was read or written.
    var isNeeded: Bool
  }

  private let home: TransactionHome
  private var targets: [[UInt8]: Target] = [:]

  init(_ home: TransactionHome) { self.home = home }

  var isEmpty: Bool { targets.isEmpty }

  var handles: [UInt64] { Local.always { _ in targets.values.map { $0.handle } } }

  /// How many are locked: others wait, or were waited for in vain.
  var count: Int { targets.values.count { Self.holding($0.handle).amount.load() > 0 } }

  private static func holding(_ handle: UInt64) -> Holding {
    (sm_slots() + Int(sm_handle_index(handle))).pointee.holding.unsafelyUnwrapped
  }

  private static func caller(_ handle: UInt64) throws(Failure) -> Caller {
    let slot = sm_slots() + Int(sm_handle_index(handle))
    guard slot.tag.load() == handle, slot.pointee.object != nil, slot.pointee.holding != nil else {
      throw Handles.why(handle, .target)
    }
    return Caller(slot, handle)
  }

  func isLocked(_ key: [UInt8], _ mode: UInt32) -> Bool {
    guard let target = targets[key] else { return false }
    let amount = Self.holding(target.handle).amount.load()
    return mode == SYNCMGR_SHARED ? amount > 0 : amount == RWLock.all
  }

  private func set(_ key: [UInt8], _ target: Target?) {
    Local.always { _ in targets[key] = target }
  }

  private func open(_ key: [UInt8], isNeeded: Bool) throws(Failure) -> Caller {
    if let found = targets[key] {
      if isNeeded, !found.isNeeded { set(key, Target(handle: found.handle, isNeeded: true)) }
      return try Self.caller(found.handle)
    }
    let handle = try home.openTarget(Name(target: key))
    set(key, Target(handle: handle, isNeeded: isNeeded))
    return try Self.caller(handle)
  }

  /// Locks, or upgrades what is locked shared. A dead owner before has left nothing behind: what it
  /// wrote was seen by nobody.
  func lock(
    _ key: [UInt8], _ mode: UInt32, _ timeout: Int64, isNeeded: Bool
  ) throws(Failure) {
    let caller = try open(key, isNeeded: isNeeded)
    if isLocked(key, mode) { return }
    let isUpgrade = caller.holding.amount.load() > 0
    _ = try Prevention.take(caller, timeout) { (timeout) throws(Failure) in
      isUpgrade
        ? try RWLock.upgrade(caller, timeout) : try RWLock.lock(caller, mode, timeout)
    }
  }

  func lockStart(
    _ key: [UInt8], _ mode: UInt32, _ start: Tickets.Start
  ) throws(Failure) -> Started {
    let caller = try open(key, isNeeded: false)
    if isLocked(key, mode) { return Started(SYNCMGR_OK) }
    let isUpgrade = caller.holding.amount.load() > 0
    let started = try Prevention.start(caller, start) { (start) throws(Failure) in
      isUpgrade
        ? try RWLock.upgradeStart(caller, start) : try RWLock.lockStart(caller, mode, start)
    }
    return started.outcome.status > 0 && started.outcome.status != SYNCMGR_PENDING
      ? Started(SYNCMGR_OK) : started
  }

  func unlock(_ key: [UInt8]) throws(Failure) {
    guard let target = targets[key], Self.holding(target.handle).amount.load() > 0 else {
      throw Failure(
        SYNCMGR_E_NOT_OWNER, naming: "the target '\(text(key))' is not locked by the transaction")
    }
    if target.isNeeded {
      throw Failure(
        SYNCMGR_E_PERMISSION,
        naming: "the key '\(text(key))' was read or written: it stays locked until the end")
    }
    set(key, nil)
    home.close(target.handle, .target)
  }

  func releaseAll() {
    let all = handles
    Local.always { _ in targets = [:] }
    for handle in all { home.close(handle, .target) }
  }
}

/// Bytes of a key in a sentence.
func text(_ key: [UInt8]) -> String { String(decoding: key, as: UTF8.self) }
