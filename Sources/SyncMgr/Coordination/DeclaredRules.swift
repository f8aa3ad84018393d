import CSyncMgr
import CSyncMgrShim

/// What may be written: the rules that were declared for all, this process's validators, and keys
/// that are prepared. `rules` of the log's head says whether there may be any for all; it is only
/// ever too careful.
enum DeclaredRules {
  /// In `rules`: there may be declared rules.
  static let declared: UInt32 = 1
  /// In `rules`: there may be keys that are prepared.
  static let prepared: UInt32 = 2

  static let prefix = Array("\u{1}k/".utf8)
  /// Its version grows with every change of the rules.
  static let generation = Array("\u{1}K".utf8)
  static let most = 256

  // MARK: - Before a commit

  /// Looks at changes before they are committed, with no guard held. Callbacks run.
  static func check(_ store: Store, _ changes: [TransactionStore.Change]) throws(Failure) {
    let visible = changes.filter { !$0.isCheck && $0.key.first != Store.hidden }
    if visible.isEmpty { return }
    for rule in try rules(TransactionStore(store)) {
      for change in visible where rule.matches(change.key) {
        try look(change, rule, TransactionStore(store))
      }
    }
    let kept = LocalCoordination.of(store.attachment)
    let validators = Local.always { _ in kept.validators }
    for validator in validators {
      for change in visible { try validator.look(change) }
    }
  }

  /// Looks at what a commit is about to change, and says what is to be so under the send guard:
  /// else that throws `again`, and it is to be looked at anew.
  static func guarding(
    _ store: Store, _ changes: UnsafeMutableBufferPointer<syncmgr_change_t>
  ) throws(Failure) -> StoreRules.Condition {
    var wanted: [TransactionStore.Change] = []
    for change in changes where change.flags & SYNCMGR_CHANGE_CHECK == 0 {
      guard change.data == nil || change.length >= 0, let key = CellKey(change.key) else {
        continue
      }
      var one = TransactionStore.Change(key: [UInt8](key.text), type: change.type)
      one.data = change.data.map {
        [UInt8](UnsafeRawBufferPointer(start: $0, count: change.length))
      }
      wanted.append(one)
    }
    let version = try TransactionStore(store).version(of: generation)
    try check(store, wanted)
    let rules = try rules(TransactionStore(store)).filter { $0.isImmutable }
    let keys = wanted.map { $0.key }
    return { (store) throws(Failure) in
      let head = try store.store.log().head
      let words = head.rules.load()
      if words & declared != 0, try store.version(of: generation) != version {
        throw Failure(StoreRules.again, "the rules have changed meanwhile")
      }
      for key in keys where key.first != Store.hidden {
        if rules.contains(where: { $0.matches(key) }), try store.version(of: key) != 0 {
          throw Failure(StoreRules.again, "it is there meanwhile")
        }
        if words & prepared == 0 { continue }
        let mark = PreparedKeys.mark(of: key)
        // Who ends the mark in the same commit has decided.
        if !keys.contains(mark), let holder = try store.get(mark) { throw busy(mark, holder.data) }
      }
      if words & prepared != 0, try store.version(of: PreparedKeys.count) == 0 {
        head.rules.store(words & ~prepared)
      }
      if words & declared != 0, version == 0 { head.rules.store(head.rules.load() & ~declared) }
    }
  }

  private static func look(
    _ change: TransactionStore.Change, _ rule: StoreConstraint, _ store: TransactionStore
  ) throws(Failure) {
    func refused(_ fault: String) -> Failure {
      Failure(
        SYNCMGR_E_INVALID,
        naming: "'\(text(change.key))' is refused by the rule for '\(text(rule.pattern))', "
          + "\(fault): \(change.shown)")
    }
    if rule.isImmutable, try store.version(of: change.key) != 0 { throw refused("immutable") }
    if let data = change.data, let fault = rule.fault(data, change.type) { throw refused(fault) }
  }

  // MARK: - Declared rules

  /// All of them, as of now.
  static func rules(_ store: TransactionStore) throws(Failure) -> [StoreConstraint] {
    if try store.store.log().head.rules.load() & declared == 0 { return [] }
    let kept = LocalCoordination.of(store.attachment)
    let version = try store.version(of: generation)
    if let known = Local.always({ _ in kept.rules }), known.version == version {
      return known.rules
    }
    var rules: [StoreConstraint] = []
    for entry in try store.list(prefix) {
      let rule = try? entry.data.withUnsafeBufferPointer { (bytes) throws(JSONFault) in
        try JSONReader.read(bytes)
      }
      // What is no rule was written by somebody who spoils things.
      guard let rule,
        let made = try? StoreConstraint(Array(entry.key.dropFirst(prefix.count)), rule)
      else { continue }
      rules.append(made)
    }
    Local.always { _ in kept.rules = (version, rules) }
    return rules
  }

  /// Declares a rule, or with nil takes it back.
  static func declare(
    _ store: TransactionStore, _ pattern: [UInt8], _ rule: [UInt8]?, _ flags: UInt32
  ) throws(Failure) {
    let key = prefix + pattern
    while true {
      let before = try store.read(key)
      let count = try store.read(generation)
      if rule == nil, before == nil {
        throw Failure(SYNCMGR_E_NOT_FOUND, naming: "there is no rule for '\(text(pattern))'")
      }
      if rule != nil, before == nil, try store.list(prefix).count >= most {
        throw Failure(SYNCMGR_E_LIMIT, naming: "the store has \(most) rules")
      }
      var changes = [
        TransactionStore.Change(
          key: key, data: rule, type: SYNCMGR_CELL_JSON, expected: before?.version ?? 0),
        TransactionStore.Change(
          key: generation, data: [0x31], expected: count?.version ?? 0),
      ]
      do throws(Failure) {
        _ = try store.commit(&changes, flags: flags) { (store) throws(Failure) in
          let rules = try store.store.log().head.rules
          // Dies after: there is none, and everybody looks.
          rules.store(rules.load() | declared)
        }
        return
      } catch { if error.status != SYNCMGR_E_CHANGED { throw error } }
    }
  }

  // MARK: - Prepared keys

  /// Under the send guard, before keys are marked. Dies after: everybody looks, and finds none.
  static func setPrepared(_ store: Store.Locked) throws(Failure) {
    let rules = try store.store.log().head.rules
    rules.store(rules.load() | prepared)
  }

  /// That a key is prepared: `mark` is the key of the entry that says so, `holder` its data.
  static func busy(_ mark: [UInt8], _ holder: [UInt8]) -> Failure {
    let key = text(Array(mark.dropFirst(PreparedKeys.prefix.count)))
    return Failure(
      SYNCMGR_E_BUSY,
      naming: "'\(key)' is prepared by transaction \(text(holder)), not yet decided")
  }
}
