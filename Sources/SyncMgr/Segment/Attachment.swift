import CSyncMgr
import CSyncMgrShim

/// This process's place in one segment: the mapping, the participant slot, and the file that
/// carries the locks. All managers that this process opens on the segment share it.
final class Attachment {
  let segment: Segment
  let space: Space
  /// Descriptor of the segment's file, kept open to the end: closing any descriptor of it would
  /// drop this process's locks. -1 for a private space.
  let file: Int32
  let device: UInt64
  let inode: UInt64
  /// Participant id: what this process writes into guards and slots.
  let me: UInt32
  /// Number of this attachment in the process, as handles' slots know it.
  private(set) var id: UInt32 = 0
  /// Where pids mean what they mean to this process; 0 when that cannot be told.
  let namespace: UInt64
  /// Managers that are open on it. Under the attach lock.
  var managers = 0
  /// Cells of the wait lines that this process has claimed. Under the process's lock.
  var cells = CellPool()
  /// When the service thread is to look for deadlocks, or -1, and since when the latest wait goes
  /// on that it looks after. Under the process's lock.
  var lookAt: Int64 = -1
  var lookFor: UInt64 = 0
  /// What the service thread is to do, and when. Under the process's lock.
  var chores: [(time: Int64, work: () -> Void)] = []
  /// Mailboxes that the service thread looks after. Under the process's lock.
  var watchedMailboxes: Set<UInt32> = []
  /// What this process knows of channels' topics, by object. Under the process's lock.
  var mirrors: [UInt32: AnyObject] = [:]
  /// How this process uses the store's file, see Ledger. Under the process's lock.
  var ledger: AnyObject?
  /// In which order locks were taken, see LockOrder.
  var lockOrder: AnyObject?
  /// What the coordination floor keeps here, see LocalCoordination. Under the process's lock.
  var coordination: AnyObject?
  /// Kinds of notices that this process's subscribers want. Under the process's lock.
  var interests: [ObjectIdentifier: UInt32] = [:]
  /// What the service thread does with this attachment, see Service.
  let served: Word32

  /// 1 once addresses of the segment were given to the program: they stay good when it is left.
  let lent: Word32

  /// Whether the space counts waits: its creator's choice.
  let counts: Bool
  /// The file that the space's store is kept in: its creator's choice. Nil: in memory only.
  let storePath: [UInt8]?

  var header: UnsafeMutablePointer<sm_header> { segment.header }
  var participant: Participant { segment.participant(ParticipantID.slot(me)) }
  var isShared: Bool { file >= 0 }
  /// For sentences: the URL without the store's file.
  var text: String { space.text }

  init(
    space: Space, segment: Segment, file: Int32, stat: sm_stat, me: UInt32, namespace: UInt64
  ) {
    self.namespace = namespace
    self.space = space
    self.segment = segment
    self.file = file
    self.device = stat.device
    self.inode = stat.inode
    self.me = me
    counts = segment.header.flags.load() & SYNCMGR_OPEN_NO_COUNTERS == 0
    storePath = segment.storePath
    let words = UnsafeMutablePointer<UInt32>.allocate(capacity: 2)
    words.initialize(repeating: 0, count: 2)
    served = Word32(words)
    lent = Word32(words + 1)
  }

  deinit { served.at.deallocate() }

  /// Who may read and write the segment, and may do the same with what belongs to it.
  var rights: (mode: UInt32, group: UInt32) {
    var stat = sm_stat()
    guard isShared, sm_stat_fd(file, &stat) == 0 else { return (0o600, SYNCMGR_ANY) }
    return (stat.mode & 0o660, stat.mode & 0o060 == 0 ? SYNCMGR_ANY : stat.gid)
  }

  /// Gives the attachment its number, by which slots name it. Under the attach lock.
  func register() throws(Failure) {
    guard
      let free = (0..<Int(SM_ATTACHMENTS)).first(where: { Attachment.entry($0).pointee == nil })
    else { throw Failure(SYNCMGR_E_LIMIT, "this process has more than 4095 spaces open") }
    id = UInt32(free) + 1
    Attachment.entry(free).pointee = Unmanaged.passRetained(self).toOpaque()
    Local.always { $0.attachments.append(self) }
  }

  /// Under the attach lock, when no call is inside of it any more.
  func unregister() {
    Local.always { local in
      local.attachments.removeAll { $0 === self }
      // They have the attachment in hand.
      chores.removeAll()
    }
    Attachment.entry(Int(id) - 1).pointee = nil
    Unmanaged.passUnretained(self).release()
  }

  /// The attachment that a slot names. The caller is inside of it, so that it stays.
  static func of(_ slot: Slot) -> Attachment {
    Unmanaged<Attachment>.fromOpaque(entry(Int(slot.attachment) - 1).pointee!)
      .takeUnretainedValue()
  }

  private static func entry(_ index: Int) -> UnsafeMutablePointer<UnsafeMutableRawPointer?> {
    sm_attachment_entry(UInt32(truncatingIfNeeded: index))
  }
}

/// Which cells this process has claimed, in batches of 64, and which of them are in use.
struct CellPool {
  var batches: [UInt32] = []
  /// By batch index: a bit per cell in use.
  var used: [UInt64] = []
  /// Where in `batches` the next search begins.
  var hint = 0
}
