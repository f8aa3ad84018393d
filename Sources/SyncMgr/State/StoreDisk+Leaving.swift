import CSyncMgr
import CSyncMgrShim

/// What becomes of commits that nobody waits for: they are on disk soon, and before the last one of
/// the space leaves. Where nobody could do that any more, the next opener does before it replaces
/// the segment.
extension StoreDisk {
  /// How long a commit may wait for others to be written with it.
  private static let delay: Int64 = 20_000_000
  /// When writing failed, until it is tried again.
  static let pause: Int64 = 1_000_000_000

  /// Promises that this process's service thread will write what was committed, unless a living one
  /// has promised that already. Without such a thread nobody can promise: it is written when
  /// somebody waits for it, or leaves.
  func promise(after delay: Int64 = StoreDisk.delay) {
    let owner = head.promised.load()
    if owner == attachment.me || (owner != 0 && !attachment.isGone(owner)) { return }
    guard attachment.isServed, head.promised.claim(owner, attachment.me) else { return }
    let disk = self
    attachment.addChore(at: sm_now() + delay) { disk.keepPromise() }
  }

  /// Dies in here: its recovery promises anew. Never waits for who leads, who may be stopped: this
  /// thread has others to serve.
  private func keepPromise() {
    // First: who commits after this needs a new promise.
    _ = head.promised.claim(attachment.me, 0)
    if head.durable.load() >= head.applied.load() { return }
    guard take() else { return promise() }
    do throws(Failure) { try write() } catch { promise(after: StoreDisk.pause) }
  }

  /// After a death: those who wait for the dead one are woken, and what it promised is done.
  func settle() {
    let leader = head.flusher.load()
    if leader != 0, leader != attachment.me, attachment.isGone(leader) {
      _ = head.flusher.claim(leader, 0)
    }
    wake()
    finishTickets(SYNCMGR_OK)
    resume()
  }

  /// Has somebody promise to write what nobody living has promised.
  func resume() {
    let owner = head.promised.load()
    if owner != 0, owner != attachment.me, attachment.isGone(owner) {
      _ = head.promised.claim(owner, 0)
    }
    if head.loaded.load() != 0, head.durable.load() < head.applied.load() { promise() }
  }
}

extension Attachment {
  /// Whether a thread of this process does chores for it.
  var isServed: Bool { served.load() == Served.yes }

  private var hasLostDirectory: Bool {
    guard let storePath else { return true }
    var room = [UInt8](repeating: 0, count: 4096)
    let path = String(decoding: storePath, as: UTF8.self)
    return sm_absolute(path, &room, room.count) == Int64(SM_MISSING)
  }

  private var hasWriteAheadLog: Bool {
    guard let storePath else { return false }
    let path = String(decoding: storePath, as: UTF8.self)
    var file = sm_stat()
    return sm_stat_path(path, &file) == 0 && sm_stat_path(path + "-wal", &file) == 0
  }

  /// This process leaves the space: what is in memory only is written, and the file let go of.
  /// `isLast`: nobody is left. Throws when something is in memory only that could not be written.
  func leaveStore(isLast: Bool) throws(Failure) {
    guard let disk = StoreDisk(self) else {
      Ledger.existing(self)?.end(self, isLast: false)
      return
    }
    let head = disk.head
    _ = head.promised.claim(me, 0)
    // A commit that a dead one left half-way is made, or was none.
    if isLast {
      lockSending(disk.row)
      unlockSending(disk.row)
    }
    var failure: Failure?
    if head.loaded.load() != 0, head.durable.load() < head.applied.load() {
      do throws(Failure) {
        try disk.sync(head.applied.load(), until: Deadline.never)
      } catch {
        // Where there is no directory any more, nobody will ever write it.
        if !isLast || !hasLostDirectory {
          failure = Failure(error.status, naming: Failure.kept())
        }
      }
    }
    // The last one leaves one file, also when it was always another one that wrote it.
    let isToBeOne = isLast && failure == nil && head.loaded.load() != 0 && hasWriteAheadLog
    guard isToBeOne || Ledger.existing(self) != nil else {
      if let failure { throw failure }
      return
    }
    do throws(Failure) {
      _ = try disk.lead(until: Deadline.never, unless: { false })
    } catch {
      return
    }
    if isToBeOne {
      // What is written is safe: the next opener reads the write-ahead log.
      do throws(Failure) { try Ledger.of(self).empty() } catch {}
    }
    Ledger.existing(self)?.end(self, isLast: isLast && failure == nil)
    disk.giveBack()
    if let failure { throw failure }
  }
}
