import CSyncMgr
import CSyncMgrShim

/// The lock inside every structure of more than one word: a word that holds the participant id of
/// who is changing the structure. Held for a few stores and never while waiting or calling out.
///
/// A process that dies in there leaves its id. The next one in sees that the owner is dead, swaps
/// the id for its own (exactly one can) and repairs the structure before it goes on. When it dies
/// in turn, the same happens again: repairs derive the truth from cells and holdings and can be
/// begun anew at any point. Unlocking is a plain store: nobody else writes while it is ours.
enum Guard {
  @inline(__always)
  static func tryLock(_ word: Word32, _ me: UInt32) -> Bool { word.claim(0, me) }

  @inline(__always)
  static func unlock(_ word: Word32) { word.store(0) }

  /// Locks, and tells whether the owner before died in there: the caller repairs.
  @inline(never)
  static func lockSlowly(_ word: Word32, _ me: UInt32, _ attachment: Attachment) -> Bool {
    var rounds = 0
    var napping: Int64 = 20_000
    while true {
      let owner = word.load()
      if owner == 0 {
        if word.claim(0, me) { return false }
        continue
      }
      rounds += 1
      if rounds < 60 {
        sm_pause()
      } else if rounds < 80 {
        sm_yield()
      } else {
        if owner != me, attachment.isGone(owner), word.claim(owner, me) { return true }
        sm_nap(napping)
        napping = min(napping * 2, 1_000_000)
      }
    }
  }
}

extension Attachment {
  /// Locks the object's guard and repairs the object when its last visitor died in there.
  @inline(__always)
  func lock(_ object: Object) {
    if Guard.tryLock(object.guardian, me) { return }
    lockSlowly(object)
  }

  @inline(never)
  private func lockSlowly(_ object: Object) {
    if Guard.lockSlowly(object.guardian, me, self) { repair(object) }
  }

  @inline(__always)
  func unlock(_ object: Object) { Guard.unlock(object.guardian) }

  /// Takes the guard over from the dead `owner`, repairs, and unlocks. For recovery.
  func takeOver(_ object: Object, from owner: UInt32) {
    guard object.guardian.load() == owner, object.guardian.claim(owner, me) else { return }
    repair(object)
    unlock(object)
  }

  /// Brings the object back to a state that its rules allow. Under its guard.
  func repair(_ object: Object) {
    Kinds.of(object)?.repair(self, object)
  }
}
