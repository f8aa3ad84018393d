import CSyncMgr
import CSyncMgrShim
import Glibc

/// A store and its file. The log is what is written: `durable` says up to which revision it is on
/// disk, and nothing beyond that is overwritten.
///
/// Who has to wait for the disk either leads, when nobody does: takes the `flusher` word, writes
/// the commits of everybody in one transaction, stores `durable`, gives the word back and wakes
/// the others; or sleeps until `epoch` changes, and looks again. So nobody starves, and one
/// connection at a time uses the file.
///
///     the transaction ends          on disk
///     durablePosition, durable      known to be
///     flusher = 0, epoch, wake      the next one may lead
///
/// A leader may die at any of these: the word of a dead one is taken over, by those who waited for
/// it, whom its recovery wakes. Who dies before the transaction ends has written nothing. Between
/// that and `durable`: the same is written again, which changes nothing.
struct StoreDisk {
  let attachment: Attachment
  let object: Object
  let row: Mailbox
  let log: StoreLog

  /// Nil for a store that is in memory only.
  init?(_ attachment: Attachment, _ object: Object) {
    guard let row = attachment.segment.mailbox(attachment.segment.index(of: object)),
      let log = StoreLog(row, attachment.segment), log.head.backed.load() != 0
    else { return nil }
    self.attachment = attachment
    self.object = object
    self.row = row
    self.log = log
  }

  /// That of the space, if it has one.
  init?(_ attachment: Attachment) {
    guard attachment.storePath != nil,
      let index = attachment.always({ attachment.findObject(Store.name) }),
      let object = attachment.segment.object(index), object.type.load() == SYNCMGR_TYPE_STORE
    else { return nil }
    self.init(attachment, object)
  }

  var head: LogHead { log.head }

  // MARK: - Who leads

  /// Makes this thread the one that uses the file, unless another one does.
  func take() -> Bool {
    let owner = head.flusher.load()
    // Threads of this process exclude each other too.
    if owner != 0, owner == attachment.me || !attachment.isGone(owner) { return false }
    return head.flusher.claim(owner, attachment.me)
  }

  func giveBack() {
    head.flusher.store(0)
    wake()
  }

  /// Has everybody who waits for the disk look again. They say that they sleep after they have read
  /// `epoch`: either we see that, or they see the change.
  func wake() {
    head.epoch.add(1)
    if head.sleepers.exchange(0) != 0 { sm_futex_wake(head.epoch.at, Int32.max) }
  }

  /// Waits until this thread leads. False: `isDone`, and it need not.
  func lead(until deadline: Int64, unless isDone: () -> Bool) throws(Failure) -> Bool {
    while true {
      let seen = head.epoch.load()
      if isDone() { return false }
      if Deadline.hasPassed(deadline) {
        throw Failure(SYNCMGR_E_TIMEOUT, object, "it is not on disk yet")
      }
      if take() {
        if !isDone() { return true }
        giveBack()
        return false
      }
      head.sleepers.store(1)
      // Who leads may die, and so may who recovers it: not for ever.
      attachment.park(
        on: head.epoch, seen, until: Deadline.earlier(deadline, sm_now() + 50_000_000))
    }
  }

  // MARK: - Writing

  /// Waits until all up to a revision is on disk; writes it, when nobody else does.
  func sync(_ revision: UInt64, until deadline: Int64) throws(Failure) {
    while try lead(until: deadline, unless: { head.durable.load() >= revision }) {
      try write()
    }
  }

  /// Writes everything that was committed, and ends leading.
  func write() throws(Failure) {
    do throws(Failure) { try flush() } catch {
      let sentence = Failure.kept()
      finishTickets(error.status)
      giveBack()
      throw Failure(error.status, naming: sentence)
    }
    let ledger = Ledger.existing(attachment)
    if ledger?.isLong ?? false {
      // Others need not wait for this.
      wake()
      ledger?.checkpoint()
    }
    giveBack()
  }

  private func flush() throws(Failure) {
    let ledger = try Ledger.of(attachment)
    let durable = head.durable.load()
    var last = head.applied.load()
    var position = head.durablePosition.load()
    var end = head.tail.load()
    if position == end {
      // Whoever led before died when all was written.
      if durable < last { settle(position, last) }
      return
    }
    try ledger.write { (writer) throws(Failure) in
      // Keys whose latest value was replaced, and freed, before it could be read.
      var missing: [LogChange] = []
      var hasDeleted = false
      repeat {
        last = try write(from: position, to: end, &missing, &hasDeleted, writer)
        position = end
        if !missing.isEmpty { end = try later(than: end) }
      } while !missing.isEmpty
      // Without that the last commit has an entry, which says it.
      if hasDeleted {
        try writer.mark("revision", last)
        try writer.mark("floor", head.floor.load())
      }
    }
    settle(position, last)
  }

  /// In this order: the position may be ahead, of what is on disk by then.
  private func settle(_ position: UInt64, _ revision: UInt64) {
    head.durablePosition.store(position)
    head.durable.store(revision)
    finishTickets(SYNCMGR_OK)
  }

  /// The end of the log, after at least one more commit: that which freed a value that is missed is
  /// in the log before it does so.
  private func later(than end: UInt64) throws(Failure) -> UInt64 {
    attachment.lockSending(row)
    let tail = head.tail.load()
    attachment.unlockSending(row)
    if tail == end { throw attachment.corrupt("the log") }
    return tail
  }

  /// Writes a part of the log. Returns the last revision in it.
  private func write(
    from start: UInt64, to end: UInt64, _ missing: inout [LogChange], _ hasDeleted: inout Bool,
    _ writer: LedgerWriter
  ) throws(Failure) -> UInt64 {
    var batch = LedgerBatch()
    var last: UInt64?
    var position = start
    while position < end {
      guard let record = log.record(position), position &+ UInt64(record.length) <= end else {
        throw attachment.corrupt("the log")
      }
      if !record.isFill {
        if let last, record.revision != last &+ 1 { throw attachment.corrupt("the log") }
        last = record.revision
        batch.add(record)
      }
      position += UInt64(record.length)
    }
    guard let last else { throw attachment.corrupt("the log") }
    missing.removeAll { batch.has($0) }
    for (change, record) in batch.changes {
      if change.type == SM_VALUE_NONE {
        try writer.delete(change.key)
        hasDeleted = true
      } else if let data = change.data {
        try writer.put(change, data, record)
      } else if let data = largeValue(of: change) {
        defer { data.deallocate() }
        try writer.put(
          change, UnsafeRawBufferPointer(rebasing: data[..<Int(change.size)]), record)
      } else {
        missing.append(change)
      }
    }
    return last
  }

  /// A copy of a value that has memory of its own. Nil when it was freed meanwhile, or is not what
  /// the change says.
  private func largeValue(of change: LogChange) -> UnsafeMutableRawBufferPointer? {
    guard let table = Variables(row, attachment.segment),
      let variable = table.find(change.key, change.hash, SM_VARIABLE_CELL),
      let source = table.bytes(
        variable, change.version, UInt64(EntryValue.head) &+ change.size, attachment.segment),
      change.size <= UInt64(SM_UNITS) * UInt64(SM_UNIT)
    else { return nil }
    let moves = row.version.load()
    let memory = variable.value(change.version).memory
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(change.size) + 1, alignment: 8)
    memcpy(copy.baseAddress.unsafelyUnwrapped, source + EntryValue.head, Int(change.size))
    let isSame = memory.load() == change.memory
    sm_read_fence()
    // It counts, or the next version does, and nobody has begun with the one after that.
    let distance = variable.begun.load() &- change.version
    if isSame, distance <= 1, row.version.load() == moves { return copy }
    copy.deallocate()
    return nil
  }

  /// What is wrong with it, when it is quiet.
  var fault: String? {
    let flusher = head.flusher.load()
    if flusher != 0, flusher != attachment.me, attachment.isGone(flusher) {
      return "has a file that a dead process uses"
    }
    if head.loaded.load() == 0 { return nil }
    if head.durable.load() > head.applied.load() { return "has more on disk than in memory" }
    let position = head.durablePosition.load()
    return position < head.oldest.load() || position > head.tail.load()
      ? "has lost what is not on disk yet" : nil
  }
}
