import CSyncMgr
import CSyncMgrShim
import Glibc

/// The claim of a space on the file of its store: a file beside it, FILE.syncmgr, says which space
/// that is, and every process of the space that uses the file has a shared lock on it.
///
/// Another space may take the file over when nobody has that lock and the segment of the space that
/// is named is gone: what its processes left in memory was written by then, see Rescue. So two
/// spaces never write to one file, and nothing of one that died is overtaken.
///
/// Record locks: they end with the process, whatever kills it, and no forked child has them.
final class FileClaim {
  private let file: Int32
  private let key: [UInt8]

  /// Offsets of the locks: whoever uses the file, and whoever looks who that is.
  private static let users: UInt64 = 1 << 40
  private static let lookers: UInt64 = 1 << 41
  private static let size = 512

  /// Claims the file at `path` for the attachment's space.
  init(_ path: [UInt8], _ attachment: Attachment) throws(Failure) {
    key = path
    let shown = String(decoding: path, as: UTF8.self)
    // Between spaces of this process record locks say nothing; closing a second descriptor of the
    // file would even drop those of the first.
    guard Local.always({ $0.claim(path, for: attachment) }) else {
      throw Failure(SYNCMGR_E_BUSY, naming: "\(shown) belongs to another space of this process")
    }
    do throws(Failure) {
      file = try FileClaim.open(shown + ".syncmgr", attachment)
    } catch {
      Local.always { $0.endClaim(path) }
      throw error
    }
    do throws(Failure) {
      try FileClaim.agree(file, shown, attachment)
    } catch {
      end()
      throw error
    }
  }

  /// Nobody of this process uses the file any more.
  func end() {
    sm_close(file)
    Local.always { $0.endClaim(key) }
  }

  private static func open(_ path: String, _ attachment: Attachment) throws(Failure) -> Int32 {
    let rights = attachment.rights
    let file = sm_open(path, O_RDWR | O_CREAT, rights.mode)
    if file < 0 { throw Failure(system: "open \(path)", file) }
    // Whoever made it: the others of the space are to have it as they have the segment.
    _ = sm_own(file, rights.group, rights.mode)
    return file
  }

  /// Dies in here: the locks are gone, and what is written is whole or, torn, nobody's.
  private static func agree(
    _ file: Int32, _ path: String, _ attachment: Attachment
  ) throws(Failure) {
    var error = sm_lock(file, lookers, 1)
    if error < 0 { throw Failure(system: "lock \(path).syncmgr", error) }
    defer { sm_unlock(file, lookers) }
    let mine = Owner(attachment)
    let owner = try Owner.read(file, path)
    if owner != mine {
      error = sm_lock(file, users, 0)
      if error == SM_AGAIN {
        let user = sm_locker(file, users)
        throw Failure(
          SYNCMGR_E_BUSY,
          naming: "\(path) belongs to \(owner?.url ?? "another space"), which "
            + (user > 0 ? "process \(user) has open" : "somebody has open"))
      }
      if error < 0 { throw Failure(system: "lock \(path).syncmgr", error) }
      if let owner, owner.isThere(besides: mine) {
        throw Failure(
          SYNCMGR_E_BUSY,
          naming: "\(path) belongs to \(owner.url), which nobody has open: open it, or remove it")
      }
      try mine.write(file, path)
    }
    // In place of the lock of its own, if it had to take that.
    error = sm_lock_shared(file, users, 0)
    if error < 0 { throw Failure(system: "lock \(path).syncmgr", error) }
  }

  /// A space as the file names it.
  private struct Owner: Equatable {
    let identity: UInt64
    /// Of the segment's file, and the boot in which that was; 0 for a private space.
    let inode: UInt64
    let boot: UInt64
    let url: String

    init(_ attachment: Attachment) {
      identity = attachment.header.pointee.identity
      inode = attachment.isShared ? attachment.inode : 0
      boot = attachment.header.pointee.boot_low
      url = attachment.text
    }

    private init?(_ text: some Collection<UInt8>) {
      let words = text.split(separator: 0x20, maxSplits: 3)
      let numbers = words.prefix(3).compactMap {
        UInt64(String(decoding: $0, as: UTF8.self), radix: 16)
      }
      guard words.count == 4, numbers.count == 3 else { return nil }
      (identity, inode, boot) = (numbers[0], numbers[1], numbers[2])
      url = String(decoding: words[3], as: UTF8.self)
    }

    /// Nil when it names none.
    static func read(_ file: Int32, _ path: String) throws(Failure) -> Owner? {
      var bytes = [UInt8](repeating: 0, count: FileClaim.size)
      let count = sm_read(file, &bytes, bytes.count, 0)
      if count < 0 {
        throw Failure(system: "read \(path).syncmgr", Int32(truncatingIfNeeded: count))
      }
      return bytes.firstIndex(of: 0x0a).flatMap { Owner(bytes[..<$0]) }
    }

    func write(_ file: Int32, _ path: String) throws(Failure) {
      let numbers = [identity, inode, boot].map { String($0, radix: 16) + " " }
      var bytes = Array((numbers.joined() + url + "\n").utf8)
      bytes.append(contentsOf: [UInt8](repeating: 0, count: max(FileClaim.size - bytes.count, 0)))
      let count = sm_write(file, bytes, bytes.count, 0)
      if count < 0 {
        throw Failure(system: "write \(path).syncmgr", Int32(truncatingIfNeeded: count))
      }
      guard count == Int64(bytes.count) else {
        throw Failure(SYNCMGR_E_NO_SPACE, naming: "no space to write \(path).syncmgr")
      }
    }

    /// Whether its segment is still there. That of the same name which `mine` has is another one.
    func isThere(besides mine: Owner) -> Bool {
      if url == mine.url || boot != mine.boot || inode == 0 { return false }
      var path = sm_stat()
      guard url.hasPrefix("shm:") else { return false }
      return sm_stat_path("/dev/shm/syncmgr." + url.dropFirst(4), &path) == 0
        && path.inode == inode
    }
  }
}
