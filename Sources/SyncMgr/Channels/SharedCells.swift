import CSyncMgr
import CSyncMgrShim
import Glibc

/// What a MEMORY channel keeps: the header's cells, each a variable of the channel's table.
///
/// A cell has two values, of which the lowest bit of its version picks the one that counts. A write
/// goes into the other; then one store of the version makes it the current one. So whoever dies
/// while writing leaves the old value whole, and readers need no lock:
///
///     writer, under the send guard        reader
///     begun = version + 1                 version
///     the other value                     the value that it picks
///     version = version + 1               begun: at most one more than the version, or once again
///
/// `begun` says that the value which was current before the present one may be touched. A reader
/// that is late by less than one whole write has read something that was true when it began.
///
/// A value that is too large for its variable lies in memory of its own, made and filled before the
/// guard is locked: nobody waits while 16 MiB are copied. It is freed when the next value takes its
/// place; memory stays mapped, so a late reader copies garbage, which `begun` makes it throw away.
///
/// Guards are locked in this order: the channel's send guard, its object's, the heap's.
struct SharedCells {
  let channel: Channel

  @inline(__always)
  init(_ channel: Channel) throws(Failure) {
    self.channel = channel
    if channel.kind != SYNCMGR_CHANNEL_MEMORY {
      throw Failure(SYNCMGR_E_UNSUPPORTED, channel.caller.object, text: "its kind has no cells")
    }
  }

  @inline(__always) var attachment: Attachment { channel.attachment }
  @inline(__always) var row: Mailbox { channel.row }
  /// Whose memory it is, as chunks know it.
  @inline(__always) var owner: UInt32 { channel.caller.slot.pointee.index + 1 }

  var cells: CellTable { CellTable(attachment, row) }

  /// The cell or region of this key, made when it is not there and `makes` says so. Under the send
  /// guard.
  func find(
    _ key: CellKey, _ role: UInt32 = SM_VARIABLE_CELL, makes: Bool
  ) throws(Failure) -> (table: Variables, variable: Variable)? {
    try cells.find(key, role, makes: makes)
  }

  // MARK: - Writing

  /// Sets or, without a value, removes a cell. `version` gets the new one, also with E_CHANGED the
  /// one that it has.
  func set(
    _ key: CellKey, _ value: UnsafeRawBufferPointer?, type: UInt32, expected: UInt64,
    _ version: inout UInt64?
  ) throws(Failure) {
    var memory: UInt32 = 0
    if let value, value.count > Int(CellTable.room(row)) {
      memory = try keep(value, for: key) + 1
    }
    var wakes = Wakes()
    var isChanged = false
    do throws(Failure) {
      try inGuard { () throws(Failure) in
        if row.shut.load() != 0 { throw channel.isShut() }
        let found = try find(key, makes: value != nil && expected &+ 1 <= 1)
        let current = found.map { SharedCells.shown($0.variable) } ?? 0
        if expected != SYNCMGR_VERSION_ANY, expected != current {
          version = current
          isChanged = true
          return
        }
        guard let (table, variable) = found, value != nil || current != 0 else {
          version = 0
          return
        }
        if let value {
          let small = memory == 0 ? value : nil
          if let small, small.count > table.room { throw attachment.corrupt("the table of cells") }
          write(table, variable, small, &memory, length: UInt64(value.count), type)
        } else {
          remove(table, variable)
        }
        version = SharedCells.shown(variable)
        if variable.waiting.load() != 0 { finishWaits(table, variable, &wakes) }
      }
    } catch {
      if memory != 0 { attachment.free(memory - 1) }
      throw error
    }
    wakes.send(attachment)
    if isChanged {
      if memory != 0 { attachment.free(memory - 1) }
      throw Failure(
        SYNCMGR_E_CHANGED, channel.caller.object,
        text: "the cell has the version \(version ?? 0), not \(expected)")
    }
    tellOfData(version ?? 0)
  }

  /// Copies a value into memory of its own. When there is none, the cell's value before the present
  /// one has to go already.
  private func keep(
    _ value: UnsafeRawBufferPointer, for key: CellKey
  ) throws(Failure) -> UInt32 {
    let size = UInt64(value.count)
    let unit: UInt32
    do throws(Failure) {
      unit = try attachment.allocate(size, SM_CHUNK_MEMORY, object: owner)
    } catch {
      guard error.status == SYNCMGR_E_NO_SPACE, try dropBefore(key) else { throw error }
      unit = try attachment.allocate(size, SM_CHUNK_MEMORY, object: owner)
    }
    if let source = value.baseAddress { memcpy(attachment.segment.unit(unit), source, value.count) }
    return unit
  }

  /// False when the value before the present one has no memory.
  private func dropBefore(_ key: CellKey) throws(Failure) -> Bool {
    try inGuard { () throws(Failure) in
      guard let (_, variable) = try find(key, makes: false) else { return false }
      let memory = variable.value(variable.version.load() &+ 1).memory
      if memory.load() == 0 { return false }
      // Dies from here on: as in a write.
      _ = CellWriter.begin(variable)
      cells.replace(memory, with: 0)
      return true
    }
  }

  /// A notice that a cell was set.
  private func tellOfData(_ version: UInt64) {
    let caller = channel.caller
    if version != 0, caller.object.watched.load() & SYNCMGR_NOTICE_DATA_AVAILABLE != 0 {
      attachment.emit(
        SYNCMGR_NOTICE_DATA_AVAILABLE, caller.object, owner: caller.mine, value: version)
    }
  }

  /// Under the send guard, whoever died in there before.
  @inline(__always)
  func inGuard<Result>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    attachment.lockSending(row)
    defer { attachment.unlockSending(row) }
    return try body()
  }

  /// The new value comes from `small`, or is in the memory of this process's hands, which is then
  /// in them no more. Under the send guard.
  @inline(__always)
  private func write(
    _ table: Variables, _ variable: Variable, _ small: UnsafeRawBufferPointer?,
    _ memory: inout UInt32, length: UInt64, _ type: UInt32
  ) {
    let next = CellWriter.begin(variable)
    let value = variable.value(next)
    if value.memory.load() != memory { cells.replace(value.memory, with: memory) }
    memory = 0
    if let small { CellWriter.fill(table, variable, next, small) }
    CellWriter.end(variable, next, length, type)
  }

  /// Under the send guard.
  private func remove(_ table: Variables, _ variable: Variable) {
    let next = CellWriter.begin(variable)
    CellWriter.end(variable, next, 0, SM_VALUE_NONE)
    cells.dropMemory(variable)
  }

  /// The version that callers see: 0 when there is no value.
  @inline(__always)
  static func shown(_ variable: Variable) -> UInt64 {
    let version = variable.version.load()
    return variable.value(version).type.load() == SM_VALUE_NONE ? 0 : version
  }
}
