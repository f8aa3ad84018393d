import CSyncMgr
import CSyncMgrShim

/// Making the entries what a committed record says. Under the send guard. Whoever dies in here has
/// it begun anew by the next: an entry that has the version of its change is as it should be.
extension Attachment {
  func apply(_ record: LogRecord, _ log: StoreLog, _ row: Mailbox) {
    let isMany = record.count > 1
    let commits = row.committing.load() | 1
    if isMany {
      row.committing.store(commits)
      // Nobody sees what follows and not that.
      sm_fence()
    }
    if let table = Variables(row, segment) {
      record.forChanges { change in apply(change, record, table, log, row) }
    }
    if isMany { row.committing.store(commits &+ 1) }
    log.settle(log.head.pending.load(), record.length, record.revision)
  }

  private func apply(
    _ change: LogChange, _ record: LogRecord, _ table: Variables, _ log: StoreLog, _ row: Mailbox
  ) {
    guard let variable = variable(of: change, table) else { return }
    let version = variable.version.load()
    let isDeleted = change.type == SM_VALUE_NONE
    if isDeleted, log.head.floor.load() < change.version { log.head.floor.store(change.version) }
    if version != change.version {
      // Somebody has spoiled one of them: no version comes back.
      if version &+ 1 != change.version { return }
      make(change, variable, record, table, row)
    }
    if isDeleted { CellTable(self, row).dropMemory(variable) }
  }

  private func variable(of change: LogChange, _ table: Variables) -> Variable? {
    if let variable = table[change.place], variable.hash.load() == change.hash,
      variable.role.load() == SM_VARIABLE_CELL,
      Int(variable.length.load()) == change.key.count,
      change.key.elementsEqual(UnsafeRawBufferPointer(start: variable.key, count: change.key.count))
    {
      return variable
    }
    return table.find(change.key, change.hash, SM_VARIABLE_CELL)
  }

  private func make(
    _ change: LogChange, _ variable: Variable, _ record: LogRecord, _ table: Variables,
    _ row: Mailbox
  ) {
    let signature = Signature(record)
    let next = CellWriter.begin(variable)
    let value = variable.value(next)
    // Dies after: it is in its place already, or in the hands of the dead, which leave it there.
    if value.memory.load() != change.memory {
      CellTable(self, row).replace(value.memory, with: change.memory)
    }
    let size = Int(truncatingIfNeeded: change.size)
    if change.memory == 0 {
      let data = change.data ?? UnsafeRawBufferPointer(start: nil, count: 0)
      let length = EntryValue.size(data: data.count, name: signature.name.count)
      // The log contradicts the table.
      guard length <= table.room else { return }
      let target = table.small(variable, next)
      EntryValue.describe(target, record.revision, signature)
      EntryValue.fill(target, data, signature)
      CellWriter.end(variable, next, UInt64(length), change.type)
    } else {
      let length = EntryValue.head &+ size &+ signature.name.count
      CellWriter.end(variable, next, UInt64(truncatingIfNeeded: length), change.type)
    }
  }

  /// After a writer's death. Under the send guard, and after the table was made whole. Who waits is
  /// woken by the recovery of that process.
  func repairStore(_ row: Mailbox) {
    guard let log = StoreLog(row, segment) else { return }
    if let pending = log.pending {
      apply(pending, log, row)
    } else if log.head.revision.load() != log.head.applied.load() {
      // No record has that revision: somebody has spoiled the log.
      log.head.revision.store(log.head.applied.load())
    }
    if row.committing.load() & 1 != 0 { row.committing.add(1) }
  }
}
