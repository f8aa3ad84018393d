import CSyncMgr
import CSyncMgrShim

/// What the floor above has to say about commits: rules for all processes, of which `rules` of the
/// log's head says whether there may be any, and callbacks of this process.
struct StoreRules {
  typealias Changes = UnsafeMutableBufferPointer<syncmgr_change_t>
  typealias Condition = (Store.Locked) throws(Failure) -> Void

  /// Looks at changes before they are committed, with no guard held, and says what is to be so
  /// under it. That throws `again` when all is to be looked at anew. Set before the first store is
  /// opened.
  nonisolated(unsafe) static var look: ((Store, Changes) throws(Failure) -> Condition)?
  /// How many callbacks this process has.
  // Safe because it is made once, and its word is an atomic.
  nonisolated(unsafe) static let callbacks: Word32 = {
    let word = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
    word.initialize(to: 0)
    return Word32(word)
  }()

  static let again = SYNCMGR_E_GAP

  /// In `rules`: there may be any kind of them.
  static let all: UInt32 = 3

  private let condition: Condition?

  /// Whether there is nothing to look at. Under the send guard.
  @inline(__always)
  static func isNone(_ log: StoreLog) -> Bool {
    log.head.rules.load() == 0 && callbacks.load() == 0
  }

  static func of(_ store: Store, _ changes: Changes) throws(Failure) -> StoreRules {
    if isNone(try store.log()) { return StoreRules(condition: nil) }
    return StoreRules(condition: try look?(store, changes))
  }

  /// Under the send guard.
  func check(_ store: Store.Locked) throws(Failure) {
    if let condition { return try condition(store) }
    if try store.store.log().head.rules.load() != 0 {
      throw Failure(StoreRules.again, "there are rules meanwhile")
    }
  }
}
