import CSyncMgr
import CSyncMgrShim

/// A callback of this process that looks at changes of the keys of a pattern.
final class StoreValidator: RegisteredCallback {
  typealias Call =
    @convention(c) (UnsafePointer<syncmgr_entry_t>?, UnsafeMutableRawPointer?) -> Int32

  private let pattern: [UInt8]
  private let call: Call

  init(
    _ pattern: [UInt8], _ call: @escaping Call, _ user: UnsafeMutableRawPointer?,
    _ destroy: Destroy?
  ) {
    self.pattern = pattern
    self.call = call
    super.init(user, destroy)
  }

  func add(to attachment: Attachment) {
    let kept = LocalCoordination.of(attachment)
    Local.always { _ in kept.validators.append(self) }
    StoreRules.callbacks.add(1)
  }

  func remove(from attachment: Attachment) {
    let kept = LocalCoordination.of(attachment)
    let isThere = Local.always { _ in
      let count = kept.validators.count
      kept.validators.removeAll { $0 === self }
      return kept.validators.count != count
    }
    if isThere { StoreRules.callbacks.add(UInt32.max) }
    close()
  }

  private func matches(_ key: [UInt8]) -> Bool {
    pattern.withUnsafeBytes { pattern in key.withUnsafeBytes { KeyGlob.matches(pattern, $0) } }
  }

  /// Asks it about a change. It may call anything, and close what it likes.
  func look(_ change: TransactionStore.Change) throws(Failure) {
    guard matches(change.key), Local.always({ _ in begin() }) else { return }
    var status = SYNCMGR_OK
    var texts = TransactionTexts()
    var entry = syncmgr_entry_t()
    entry.key = texts.text(change.key)
    entry.data = UnsafeRawPointer(texts.text(change.data))
    entry.length = change.data?.count ?? 0
    entry.type = change.type
    let isBack = Outside.run {
      status = call(&entry, user)
      end()
    }
    texts.free()
    if !isBack { throw Failure(SYNCMGR_E_CLOSED, "the handle was closed from within a validator") }
    if status < 0 {
      throw Failure(
        status,
        naming: "'\(text(change.key))' is refused by the validator of '\(text(pattern))': "
          + change.shown)
    }
  }
}

extension TransactionStore.Change {
  /// What it is to become, in a sentence.
  var shown: String {
    guard let data else { return "a deletion" }
    guard let words = String(validating: data.prefix(80), as: UTF8.self) else {
      return "\(data.count) bytes"
    }
    return data.count > 80 ? words + "..." : words
  }
}
