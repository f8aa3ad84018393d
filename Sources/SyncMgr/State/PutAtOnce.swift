import CSyncMgr
import CSyncMgrShim

/// Committing one change when that needs nothing but a guard that is free.
enum PutAtOnce {
  /// Changes a key that is there to a small entry, when nobody waits for it or watches, and what is
  /// committed need not be on disk: counts no references. Returns the new version; 0 with nothing
  /// done for everything else, which is for the slow way to find out.
  @inline(__always)
  static func put(
    _ slot: Slot, _ change: UnsafePointer<syncmgr_change_t>, _ flags: UInt32
  ) -> UInt64 {
    let wanted = change.pointee
    guard let reader = EntryReader(slot), let data = wanted.data, wanted.length >= 0,
      wanted.length <= Int(Variables.mostRoom), wanted.flags == 0,
      wanted.type <= SYNCMGR_CELL_JSON, flags & ~SYNCMGR_PUT_QUEUED == 0,
      let key = CellKey(wanted.key), !Store.isHidden(key.text),
      slot.pointee.object.unsafelyUnwrapped.watched.load() == 0,
      let stream = reader.segment.workstream(OwnerID.index(slot.pointee.mine)),
      let log = StoreLog(reader.row, reader.segment),
      log.head.backed.load() == 0 || flags & SYNCMGR_PUT_QUEUED != 0
    else { return 0 }
    let signature = Signature(stream)
    let value = UnsafeRawBufferPointer(start: data, count: wanted.length)
    guard Guard.tryLock(reader.row.sendGuardian, slot.pointee.participant) else { return 0 }
    var version: UInt64 = 0
    if log.head.waiting.load() == 0, StoreRules.isNone(log),
      let table = Variables(reader.row, reader.segment),
      let variable = table.find(key.text, key.hash, SM_VARIABLE_CELL, looksInside: true),
      variable.waiting.load() == 0,
      wanted.expected == SYNCMGR_VERSION_ANY || wanted.expected == SharedCells.shown(variable),
      variable.value(variable.version.load() &+ 1).memory.load() == 0
    {
      version = commit(key, value, wanted.type, signature, variable, table, log)
    }
    reader.row.sendGuardian.exchange(0)
    // After the commit: who keeps the promise looks at the log after taking it back.
    if flags & SYNCMGR_PUT_QUEUED != 0, log.head.backed.load() != 0, log.head.promised.load() == 0 {
      promise(slot)
    }
    return version
  }

  @inline(never)
  private static func promise(_ slot: Slot) {
    StoreDisk(Attachment.of(slot), slot.pointee.object.unsafelyUnwrapped)?.promise()
  }

  /// The steps of a commit, see Store. Under the send guard.
  @inline(__always)
  private static func commit(
    _ key: CellKey, _ data: UnsafeRawBufferPointer, _ type: UInt32, _ signature: Signature,
    _ variable: Variable, _ table: Variables, _ log: StoreLog
  ) -> UInt64 {
    let size = EntryValue.size(data: data.count, name: signature.name.count)
    let length =
      LogRecord.size(signature.name.count) + LogChange.size(key: key.text.count, data: data.count)
    guard size <= table.room, UInt64(length) <= log.most, let position = log.makeRoom(length) else {
      return 0
    }
    let revision = log.head.applied.load() &+ 1
    let version = variable.version.load() &+ 1
    var writer = RecordWriter(log.at(position), length, 1, revision, signature)
    writer.add(
      key, type: type, version: version, size: data.count, place: table.place(of: variable),
      memory: 0, data)
    log.commit(position, revision)
    // Whoever dies from here on has it done by the next one under the guard.
    let next = CellWriter.begin(variable)
    let target = table.small(variable, next)
    EntryValue.describe(target, revision, signature)
    EntryValue.fill(target, data, signature)
    CellWriter.end(variable, next, UInt64(size), type)
    log.settle(position, length, revision)
    return version
  }
}
