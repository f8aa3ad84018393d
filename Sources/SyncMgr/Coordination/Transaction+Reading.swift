import CSyncMgr
import CSyncMgrShim
import Glibc

/// Reading and writing within a transaction, with what it has written itself.
extension Transaction {
  /// Runs what needs an open transaction. What ends it rolls it back before that is told.
  func whileOpen<Result>(
    _ verb: StaticString, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try checkOpen(verb)
    do throws(Failure) {
      if isTooLate { throw lateFault.failure }
      return try body()
    } catch {
      let ends = [
        SYNCMGR_E_CHANGED, SYNCMGR_E_DEADLOCK, SYNCMGR_E_PREEMPTED, SYNCMGR_E_TIMEOUT,
      ]
      defer { goesOn = false }
      if goesOn || !ends.contains(error.status) { throw error }
      try end(TransactionFault(error))
      throw error
    }
  }

  /// Rolls back because of `fault`, as far as that goes by itself, and tells it. While an operation
  /// is executed that comes back first.
  private func end(_ fault: TransactionFault) throws(Failure) {
    if fault.status == SYNCMGR_E_TIMEOUT, isTooLate { isTimedOut = true }
    let isExecuting = isExecuting
    plan.miss(fault)
    if !isExecuting {
      plan.set(.rollback)
      _ = try? advance(blocks: true)
    }
    throw fault.failure
  }

  private func lock(_ key: [UInt8], _ mode: UInt32) throws(Failure) {
    try targets.lock(key, mode, lockTimeout(options.operationTimeout), isNeeded: true)
  }

  /// Locks what the caller names. A try that finds it taken ends nothing.
  func lock(_ key: [UInt8], _ mode: UInt32, _ timeout: Int64) throws(Failure) {
    becomeActive()
    try home.claimLocks(self)
    do throws(Failure) {
      try targets.lock(key, mode, timeout == 0 ? 0 : lockTimeout(timeout), isNeeded: false)
    } catch {
      goesOn = timeout == 0 && error.status == SYNCMGR_E_TIMEOUT
      throw error
    }
  }

  func lockStart(
    _ key: [UInt8], _ mode: UInt32, _ start: Tickets.Start
  ) throws(Failure) -> Started {
    // Also for a step that says so, on the way of a commit.
    if plan.aim == .none || plan.isGoingBack { try checkOpen("lock in") }
    becomeActive()
    try home.claimLocks(self)
    return try targets.lockStart(key, mode, start)
  }

  /// Keeps that a key was read with this version.
  func noteRead(_ key: [UInt8], _ version: UInt64) throws(Failure) {
    if options.checksKeys, !reads.read(key, version) {
      throw Failure(
        SYNCMGR_E_CHANGED,
        naming: "'\(text(key))' has the version \(version), not \(reads.keys[key] ?? 0) as "
          + "\(called) has read")
    }
  }

  /// Locks a key to be read, where that is needed, and reads it. Nil: it is not there.
  func read(_ key: [UInt8]) throws(Failure) -> Store.Entry? {
    becomeActive()
    if options.locksReads { try lock(key, SYNCMGR_SHARED) }
    let entry = try store().read(key)
    try noteRead(key, entry?.version ?? 0)
    return entry
  }

  // MARK: - Several keys

  /// What a caller wants to know of, as syncmgr_store_get.
  func get(
    _ entries: UnsafeMutableBufferPointer<syncmgr_entry_t>,
    _ buffer: UnsafeMutableRawBufferPointer, _ length: inout Int
  ) throws(Failure) {
    var keys: [[UInt8]] = []
    for entry in entries {
      let key = try CellKey.of(entry.key)
      try Store.check(key, false)
      keys.append([UInt8](key.text))
    }
    becomeActive()
    let others = keys.indices.filter { writes[keys[$0]] == nil }
    if options.locksReads {
      for place in others { try lock(keys[place], SYNCMGR_SHARED) }
    }
    var found = keys.count - others.count
    length = 0
    if !others.isEmpty {
      let wanted = UnsafeMutableBufferPointer<syncmgr_entry_t>.allocate(capacity: others.count)
      defer { wanted.deallocate() }
      for (place, other) in others.enumerated() { wanted[place] = entries[other] }
      do throws(Failure) { try store().store.get(wanted, buffer, &length) } catch {
        if error.status != SYNCMGR_E_NOT_FOUND, error.status != SYNCMGR_E_TOO_LARGE { throw error }
      }
      for (place, other) in others.enumerated() {
        entries[other] = wanted[place]
        if wanted[place].status == SYNCMGR_OK { found += 1 }
        try noteRead(keys[other], wanted[place].version)
      }
    }
    var packing = Packing(buffer)
    packing.rewind(to: length)
    for place in keys.indices {
      guard let write = writes[keys[place]] else { continue }
      if write.data == nil { found -= 1 }
      show(write, in: &entries[place], &packing)
    }
    length = packing.end
    if found == 0 { throw Failure(SYNCMGR_E_NOT_FOUND, "there is no such key") }
    if packing.isFull {
      for place in entries.indices {
        entries[place].data = nil
        entries[place].writer = nil
      }
      throw try store().store.tooSmall(length, buffer.count)
    }
  }

  /// What the transaction wrote itself, as an entry.
  private func show(
    _ write: TransactionWrites.Write, in entry: inout syncmgr_entry_t, _ packing: inout Packing
  ) {
    entry.forget()
    guard let data = write.data else { return }
    entry.status = SYNCMGR_OK
    entry.length = data.count
    entry.type = write.type
    entry.writer_id = record.owner.serial
    let start = data.withUnsafeBytes { packing.add($0, aligned: true) }
    entry.data = UnsafeRawPointer(start)
    let name = Array(record.owner.name.utf8).withUnsafeBytes { packing.add($0) }
    entry.writer = name.map { UnsafePointer($0.assumingMemoryBound(to: CChar.self)) }
  }

  // MARK: - Ranges

  /// As syncmgr_store_range, with what the transaction has written itself.
  func range(
    _ pattern: KeyPattern, _ entries: UnsafeMutableBufferPointer<syncmgr_entry_t>,
    _ buffer: UnsafeMutableRawBufferPointer, keysOnly: Bool
  ) throws(Failure) -> Store.RangeResult {
    becomeActive()
    let own = writes.final.filter { $0.key.withUnsafeBytes { pattern.matches($0) } }
    var merge = RangeMerge(pattern, own)
    let result = try merge.read(try store().store, entries, buffer, keysOnly) { own, packing in
      var entry = syncmgr_entry_t()
      show(own, in: &entry, &packing)
      return entry
    }
    if options.checksRanges { reads.read(merge.read) }
    return result
  }

  // MARK: - Writing

  func checkWritable() throws(Failure) {
    if options.isReadOnly {
      throw Failure(SYNCMGR_E_PERMISSION, naming: "\(called) is READ_ONLY")
    }
  }

  /// Keeps a change for the commit. With an expectation it is looked at now as well.
  func put(
    _ key: [UInt8], _ data: [UInt8]?, type: UInt32, expected: UInt64, isCheck: Bool = false
  ) throws(Failure) {
    try checkWritable()
    becomeActive()
    if !options.isOptimistic { try lock(key, isCheck ? SYNCMGR_SHARED : SYNCMGR_EXCLUSIVE) }
    if expected != SYNCMGR_VERSION_ANY { try expect(expected, of: key) }
    if isCheck {
      if expected != SYNCMGR_VERSION_ANY, writes[key] == nil { _ = reads.read(key, expected) }
      return
    }
    writes.write(key, data, type: type, expected: expected)
  }

  /// What the transaction wrote itself has no version.
  private func expect(_ expected: UInt64, of key: [UInt8]) throws(Failure) {
    if let own = writes[key] {
      if own.data == nil, expected == 0 { return }
      goesOn = true
      throw Failure(
        SYNCMGR_E_CHANGED,
        naming: "\(called) has itself \(own.data == nil ? "deleted" : "written") '\(text(key))', "
          + "of which the version \(expected) was expected")
    }
    let current = try store().version(of: key)
    if current == expected { return }
    goesOn = true
    throw Failure(
      SYNCMGR_E_CHANGED, naming: "'\(text(key))' has the version \(current), not \(expected)")
  }

  // MARK: - Savepoints

  func savepoint(_ name: String) {
    becomeActive()
    savepoints.removeAll { $0.name == name }
    savepoints.append(
      TransactionSavepoint(
        name: name, writes: writes.mark, operations: plan.operations.count))
  }

  func place(of name: String) throws(Failure) -> TransactionSavepoint {
    guard let found = savepoints.first(where: { $0.name == name }) else {
      throw Failure(SYNCMGR_E_NOT_FOUND, naming: "\(called) has no savepoint '\(name)'")
    }
    return found
  }
}
