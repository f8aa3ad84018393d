import CSyncMgr
import CSyncMgrShim

/// Reading the file into a store that is new in its segment.
extension StoreDisk {
  /// Before a handle is given out: this process has its claim on the file from here on, and the
  /// store has what is in the file.
  func open() throws(Failure) {
    if head.loaded.load() != 0, Ledger.existing(attachment) != nil { return }
    _ = try lead(until: Deadline.never, unless: { false })
    defer { giveBack() }
    let ledger = try Ledger.of(attachment)
    if head.loaded.load() == 0 { try load(ledger) }
  }

  /// For who leads, before anybody has committed. Dies in here: the next one begins anew, and finds
  /// some entries there already.
  private func load(_ ledger: Ledger) throws(Failure) {
    let (revision, floor) = try ledger.read { (entry) throws(Failure) in try place(entry) }
    attachment.lockSending(row)
    defer { attachment.unlockSending(row) }
    head.floor.store(floor)
    head.applied.store(revision)
    head.revision.store(revision)
    head.durablePosition.store(head.tail.load())
    head.durable.store(revision)
    // There may be rules among them: the first commit that finds none says so.
    head.rules.store(StoreRules.all)
    head.loaded.store(1)
  }

  /// Gives a key the version and value that it has in the file.
  private func place(_ entry: StoredEntry) throws(Failure) {
    guard let key = CellKey(bytes: entry.key), entry.version > 0, entry.type <= SYNCMGR_CELL_JSON
    else {
      throw Failure(
        SYNCMGR_E_CORRUPT, naming: "\(attachment.text): its file has an entry that cannot be one")
    }
    let cells = CellTable(attachment, row)
    let length = EntryValue.size(data: entry.data.count, name: entry.signature.name.count)
    var memory: UInt32 = 0
    if length > Int(CellTable.room(row)) {
      let unit = try attachment.allocate(UInt64(length), SM_CHUNK_MEMORY, object: cells.owner)
      EntryValue.fill(attachment.segment.unit(unit), entry.data, entry.signature)
      EntryValue.describe(attachment.segment.unit(unit), entry.revision, entry.signature)
      memory = unit + 1
    }
    do throws(Failure) {
      attachment.lockSending(row)
      defer { attachment.unlockSending(row) }
      guard
        let (table, variable) = try cells.find(key, makes: true, least: entry.version &- 1),
        variable.version.load() == entry.version &- 1
      else {
        // Who began before this one had it already.
        if memory != 0 { attachment.free(memory - 1) }
        return
      }
      let next = CellWriter.begin(variable)
      if memory != 0 {
        cells.replace(variable.value(next).memory, with: memory)
      } else {
        guard length <= table.room else { throw attachment.corrupt("the table of entries") }
        let target = table.small(variable, next)
        EntryValue.describe(target, entry.revision, entry.signature)
        EntryValue.fill(target, entry.data, entry.signature)
      }
      CellWriter.end(variable, next, UInt64(length), entry.type)
    } catch {
      if memory != 0 { attachment.free(memory - 1) }
      throw error
    }
  }
}
