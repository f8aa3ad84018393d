import CSyncMgr
import CSyncMgrShim
import Glibc

/// The steps of writing a value, see SharedCells. Under the channel's send guard.
enum CellWriter {
  /// The version that is begun. Dies from here on: the current value is the other one, and stays.
  /// The next writer begins with the same number.
  @inline(__always)
  static func begin(_ variable: Variable) -> UInt64 {
    let next = variable.version.load() &+ 1
    variable.begun.store(next)
    // No reader sees what follows and not that it was begun.
    sm_fence()
    return next
  }

  /// Copies a small value.
  @inline(__always)
  static func fill(
    _ table: Variables, _ variable: Variable, _ next: UInt64, _ small: UnsafeRawBufferPointer
  ) {
    guard let source = small.baseAddress, small.count > 0 else { return }
    memcpy(table.small(variable, next), source, small.count)
  }

  /// Dies before the version is stored: nothing has changed. After: it is set, and who waits for it
  /// is woken by the recovery of this process.
  @inline(__always)
  static func end(_ variable: Variable, _ next: UInt64, _ length: UInt64, _ type: UInt32) {
    let value = variable.value(next)
    value.length.store(length)
    value.type.store(type)
    variable.version.store(next)
  }

  /// Sets a cell that is there to a small value, when the guard is free and nobody waits for it or
  /// watches: counts no references. Returns the new version; 0 with nothing done for everything
  /// else, which is for the slow way to find out.
  @inline(__always)
  static func setAtOnce(
    _ slot: Slot, _ cell: UnsafePointer<syncmgr_cell_t>, _ expected: UInt64
  ) -> UInt64 {
    let wanted = cell.pointee
    guard let reader = CellReader(slot), let data = wanted.data, wanted.length >= 0,
      wanted.type <= SYNCMGR_CELL_JSON, let key = CellKey(wanted.key),
      slot.pointee.object.unsafelyUnwrapped.watched.load() == 0,
      Guard.tryLock(reader.row.sendGuardian, slot.pointee.participant)
    else { return 0 }
    var version: UInt64 = 0
    if reader.row.shut.load() == 0, let table = Variables(reader.row, reader.segment),
      let variable = table.find(key.text, key.hash, SM_VARIABLE_CELL),
      variable.waiting.load() == 0, wanted.length <= table.room,
      expected == SYNCMGR_VERSION_ANY || expected == SharedCells.shown(variable),
      variable.value(variable.version.load() &+ 1).memory.load() == 0
    {
      version = begin(variable)
      fill(table, variable, version, UnsafeRawBufferPointer(start: data, count: wanted.length))
      end(variable, version, UInt64(wanted.length), wanted.type)
    }
    reader.row.sendGuardian.exchange(0)
    return version
  }
}
