import CSyncMgrShim

/// The handlers of this process, in the order in which they were registered. A handler is called
/// without a lock, on the thread of whoever resolves a conflict.
final class ConflictHandler {
  typealias Callback =
    @convention(c) (UInt64, UnsafePointer<CChar>?, UnsafeMutableRawPointer?) -> Int32
  typealias Destroy = @convention(c) (UnsafeMutableRawPointer?) -> Void

  let attachment: Attachment
  let types: UInt32
  private let callback: Callback
  private let user: UnsafeMutableRawPointer?
  private let destroy: Destroy?
  /// Threads that are in it; and whether it was ended, by one of these itself. Under the process's
  /// lock.
  private var threads: [UInt64] = []
  private var isEnded = false
  private var isEndedWithin = false

  init(
    _ attachment: Attachment, _ types: UInt32, _ callback: @escaping Callback,
    _ user: UnsafeMutableRawPointer?, _ destroy: Destroy?
  ) {
    self.attachment = attachment
    self.types = types
    self.callback = callback
    self.user = user
    self.destroy = destroy
  }

  // MARK: - All of them

  // Safe because it is changed and read under the process's lock only.
  nonisolated(unsafe) private static var all: [ConflictHandler] = []

  static func of(_ type: ConflictType, _ attachment: Attachment) -> [ConflictHandler] {
    Local.always { _ in
      all.filter { $0.attachment === attachment && $0.types & type.bit != 0 }
    }
  }

  func add() { Local.always { _ in ConflictHandler.all.append(self) } }

  // MARK: - Calling

  /// Returns what it returned, or nil when it was ended meanwhile. Not within a call of a handle's.
  func call(_ id: UInt64, _ conflict: [UInt8]) -> Int32? {
    let me = sm_thread_current()
    let mayRun = Local.always { _ in
      if !isEnded { threads.append(me) }
      return !isEnded
    }
    if !mayRun { return nil }
    let text = conflict + [0]
    let status = text.withUnsafeBytes {
      callback(id, $0.bindMemory(to: CChar.self).baseAddress, user)
    }
    let isLast = Local.always { _ in
      if let place = threads.lastIndex(of: me) { threads.remove(at: place) }
      return isEndedWithin && threads.isEmpty
    }
    if isLast { destroy?(user) }
    return status
  }

  /// Waits for calls that run, unless this is called from within one: the last of them ends it.
  func end() {
    let me = sm_thread_current()
    let isWithin = Local.always { _ in
      ConflictHandler.all.removeAll { $0 === self }
      isEnded = true
      isEndedWithin = threads.contains(me)
      return isEndedWithin
    }
    if isWithin { return }
    while Local.always({ _ in !threads.isEmpty }) { sm_nap(100_000) }
    destroy?(user)
  }
}
