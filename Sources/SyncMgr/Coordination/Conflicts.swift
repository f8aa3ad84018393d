import CSyncMgr
import CSyncMgrShim

/// The conflicts of a space, which are entries of its store: one that is open under "\u{1}c/ID",
/// one that has ended under "\u{1}d/ID".
///
/// Every step is one commit that expects the record as it was read, and so happens once and whole:
/// who dies before it has done nothing, and who comes second finds that the record has changed and
/// looks again. To wait for the end of one is to wait for the second key.
struct Conflicts {
  let store: Store

  init(_ store: Store) { self.store = store }

  /// So many that have ended are kept, and are looked through once in `step` new ones.
  private static let kept = 1024
  private static let step: UInt64 = 64

  // MARK: - Keys

  private static let open = Array("\u{1}c/".utf8)
  private static let ended = Array("\u{1}d/".utf8)
  /// The id of the last one.
  private static let counter = Array("\u{1}c".utf8)

  static func key(_ id: UInt64, isOpen: Bool) -> [UInt8] {
    let digits = String(id, radix: 16)
    return (isOpen ? open : ended) + [UInt8](repeating: 0x30, count: 16 - digits.utf8.count)
      + Array(digits.utf8)
  }

  // MARK: - Reading

  private func record(_ entry: Store.Entry) throws(Failure) -> Conflict {
    guard let conflict = Conflict(entry.data) else {
      throw store.attachment.corrupt("the record of a conflict")
    }
    return conflict
  }

  /// One that was moved in between is found at the second look: it never moves back.
  private func find(_ id: UInt64) throws(Failure) -> (Conflict, Store.Entry) {
    for isOpen in [true, false] {
      if let entry = try store.get(Conflicts.key(id, isOpen: isOpen)) {
        return (try record(entry), entry)
      }
    }
    throw Failure(SYNCMGR_E_NOT_FOUND, naming: "there is no conflict \(id)")
  }

  /// A conflict as it is now: whose time has passed is ended by whoever looks.
  func get(_ id: UInt64) throws(Failure) -> Conflict {
    let (conflict, _) = try find(id)
    return conflict.isOverdue ? try escalate(id) : conflict
  }

  func list(where isWanted: (Conflict) -> Bool) throws(Failure) -> [Conflict] {
    var all: [UInt64: Conflict] = [:]
    // One that ends in between is there twice, and as it is later counts.
    for prefix in [Conflicts.open, Conflicts.ended] {
      for entry in try store.entries(prefix).all {
        let conflict = try record(entry)
        all[conflict.id] = conflict.isOverdue ? try escalate(conflict.id) : conflict
      }
    }
    return all.values.filter(isWanted).sorted { $0.id < $1.id }
  }

  // MARK: - Changing

  /// Adds a conflict. Returns it with its id. `writes` are committed with it; their versions then
  /// are returned too.
  func add(
    _ draft: Conflict, _ writes: [Store.Write] = [], flags: UInt32 = SYNCMGR_PUT_QUEUED
  ) throws(Failure) -> (Conflict, versions: [UInt64]) {
    var conflict = draft
    while true {
      let last = try store.get(Conflicts.counter)
      let number = last.flatMap { UInt64(String(decoding: $0.data, as: UTF8.self)) } ?? 0
      conflict.id = number &+ 1
      let mine = [
        Store.Write(
          key: Conflicts.counter, data: Array(String(conflict.id).utf8),
          expected: last?.version ?? 0),
        Store.Write(
          key: Conflicts.key(conflict.id, isOpen: conflict.status.isOpen), data: conflict.bytes,
          expected: 0),
      ]
      guard let versions = try commit(mine, writes, flags) else { continue }
      // It is there, whatever comes of what is old.
      if conflict.id % Conflicts.step == 0 { try? trim() }
      return (conflict, Array(versions[mine.count...]))
    }
  }

  /// Nil when an entry has changed since it was read. Of the caller's own writes that is thrown.
  /// The disk is not waited for, unless the caller does.
  private func commit(
    _ mine: [Store.Write], _ theirs: [Store.Write], _ flags: UInt32 = SYNCMGR_PUT_QUEUED
  ) throws(Failure) -> [UInt64]? {
    do throws(Failure) {
      return try store.commit(mine + theirs, flags: flags).versions
    } catch {
      guard error.status == SYNCMGR_E_CHANGED else { throw error }
      for write in theirs where write.expected != SYNCMGR_VERSION_ANY {
        if try store.get(write.key)?.version ?? 0 != write.expected { throw error }
      }
      return nil
    }
  }

  /// Changes a conflict: `body` is given it as it is, and nothing was done when it throws; it
  /// returns what else is to be written, nil for nothing at all. It is called again when somebody
  /// else has changed the conflict meanwhile.
  @discardableResult
  func change(
    _ id: UInt64, _ body: (inout Conflict) throws(Failure) -> [Store.Write]?
  ) throws(Failure) -> Conflict {
    while true {
      let (before, entry) = try find(id)
      var conflict = before
      guard let others = try body(&conflict) else { return conflict }
      let key = Conflicts.key(id, isOpen: conflict.status.isOpen)
      var mine: [Store.Write] = []
      let stays = key == entry.key
      if !stays { mine.append(Store.Write(key: entry.key, data: nil, expected: entry.version)) }
      mine.append(
        Store.Write(key: key, data: conflict.bytes, expected: stays ? entry.version : 0))
      if try commit(mine, others) == nil { continue }
      if conflict.status != before.status, !conflict.status.isOpen { tell(conflict) }
      return conflict
    }
  }

  /// Tells everybody of it. Dies before: the notice is missing, and the conflict is there.
  func tell(_ conflict: Conflict) {
    let attachment = store.attachment
    let isLost = conflict.status == .unresolvable
    attachment.emit(
      SYNCMGR_NOTICE_CONFLICT, store.caller.object,
      attachment.workstream(ofOwner: store.caller.mine),
      priority: isLost ? SYNCMGR_PRIORITY_CRITICAL : conflict.severity.rawValue,
      value: conflict.id, text: conflict.words, detail: conflict.detail)
  }

  // MARK: - Forgetting

  /// Forgets those that are resolved or ignored.
  func clear() throws(Failure) -> UInt32 {
    try forget(try store.entries(Conflicts.ended).all) { $0.status.isSettled }
  }

  private func trim() throws(Failure) {
    let all = try store.entries(Conflicts.ended).all
    if all.count > Conflicts.kept {
      _ = try forget(Array(all.prefix(all.count - Conflicts.kept))) { _ in true }
    }
  }

  /// Whatever somebody else has changed or forgotten meanwhile is left to him.
  private func forget(
    _ entries: [Store.Entry], where isWanted: (Conflict) -> Bool
  ) throws(Failure) -> UInt32 {
    var count: UInt32 = 0
    for entry in entries {
      if !isWanted(try record(entry)) { continue }
      let write = Store.Write(key: entry.key, data: nil, expected: entry.version)
      if try commit([write], []) != nil { count += 1 }
    }
    return count
  }
}
