import CSyncMgr
import CSyncMgrShim

/// What a workstream of this process has open, for the floors that do not know it otherwise.
class Possessions {
  /// Per object one holding for all of its handles. Under the process's lock.
  final var holdings: [UInt32: OpenHolding] = [:]
  /// What its manager does so that no deadlock happens; nil: nothing.
  final var prevention: PreventionSettings?
  /// The transaction of it that has locks. Under the process's lock.
  final var transaction: AnyObject?

  /// In a handle's flags: what its slot has is a decoy on which every fast path fails.
  static let decoyMark: UInt32 = 1 << 31

  struct OpenHolding {
    let holding: Holding
    var handles: Int
  }

  /// The workstream through which a call's object was opened. The call is inside of the handle, so
  /// that it stays.
  static func of(_ caller: Caller) -> Possessions {
    let home = sm_slots() + Int(caller.slot.pointee.next)
    return Unmanaged<Possessions>.fromOpaque(home.pointee.context.unsafelyUnwrapped)
      .takeUnretainedValue()
  }

  /// Whether anybody can wait for what this workstream holds; for something else than `other`.
  func holdsAnything(_ attachment: Attachment, but other: Holding? = nil) -> Bool {
    Local.always { _ in
      holdings.count > 64
        || holdings.values.contains { $0.holding != other && attachment.isHeld($0.holding) }
    }
  }

  /// Whether a wait of it can close a circle: also that of one that holds nothing and is expected
  /// at a sync point. Which one does not matter; few spaces have any.
  func canHoldUpOthers(_ attachment: Attachment) -> Bool {
    attachment.segment.memberCount > 0 || attachment.header.channels.load() != 0
      || holdsAnything(attachment)
  }

  /// What it holds now.
  func held(_ attachment: Attachment) -> [Holding] {
    Local.always { _ in holdings.values.map { $0.holding } }.filter { attachment.isHeld($0) }
  }
}

/// What a manager does so that no deadlock happens.
struct PreventionSettings {
  var strategy = SYNCMGR_PREVENT_NOTHING
  var watchesOrder = false
  var grace: Int64 = 0
  var timeout: Int64 = 0
  /// Looks, while a wait goes on, whether it still may: what holds at its beginning changes when
  /// the lock changes hands. Keeps the end of a grace in its second argument.
  var review: (@Sendable (Caller, inout Int64) throws(Failure) -> Void)?
  /// What marks the cells of such waits.
  var cellFlag: UInt32 = 0
  /// How often it looks, besides when the wait begins.
  static let period: Int64 = 5_000_000
}
