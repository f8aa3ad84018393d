import CSyncMgr
import CSyncMgrShim

/// The subscription of a handler of conflicts.
final class ConflictCallback: Registration {
  private let handler: ConflictHandler
  private let dispatcher: Dispatcher

  private init(_ handler: ConflictHandler, _ dispatcher: Dispatcher) {
    self.handler = handler
    self.dispatcher = dispatcher
  }

  /// When this throws, `destroy` is still to be called.
  static func add(_ handler: ConflictHandler, _ manager: Manager) throws(Failure) -> UInt64 {
    let slot = try Handles.allocate(.subscription, handler.attachment.id)
    let made = ConflictCallback(handler, manager.dispatcher)
    slot.pointee.context = Unmanaged.passRetained(made as Registration).toOpaque()
    handler.add()
    let handle = Handles.publish(slot, .subscription)
    manager.dispatcher.keep(handle, made)
    return handle
  }

  override func end(_ handle: UInt64) {
    dispatcher.forget(self)
    handler.end()
    let slot = Tickets.slot(of: handle)
    slot.pointee.context = nil
    Handles.free(slot)
    Unmanaged.passUnretained(self).release()
  }
}

/// Conflicts that handlers are asked about. They are called outside of any call, so that they may
/// close what it was made through.
enum ConflictHandling {
  /// Claims a conflict, asks the handlers for its type, and when none has an answer lets its
  /// strategy decide. Dies anywhere: the claim is nobody's any more.
  static func run(_ store: UInt64, _ id: UInt64) throws(Failure) {
    let (claimed, handlers) = try within(store) { (conflicts) throws(Failure) in
      let claimed = try conflicts.claim(id)
      return (claimed, ConflictHandler.of(claimed.type, conflicts.store.attachment))
    }
    var json = JSON()
    json.object { claimed.write(&$0) }
    for handler in handlers {
      _ = handler.call(id, json.bytes)
      let isOurs = try within(store) { (conflicts) throws(Failure) in try conflicts.hasClaimed(id) }
      // It has settled it, or somebody else has.
      if !isOurs { return try check(store, id) }
    }
    let settled = try within(store) { (conflicts) throws(Failure) in try conflicts.settle(id, nil) }
    try checkEnd(settled)
  }

  private static func check(_ store: UInt64, _ id: UInt64) throws(Failure) {
    try checkEnd(try within(store) { (conflicts) throws(Failure) in try conflicts.get(id) })
  }

  static func checkEnd(_ conflict: Conflict) throws(Failure) {
    if conflict.status == .unresolvable {
      throw Failure(SYNCMGR_E_FAILED, naming: "conflict \(conflict.id) is unresolvable")
    }
  }

  static func within<Result>(
    _ store: UInt64, _ body: (Conflicts) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let slot = try Handles.enter(store, .store)
    defer { sm_leave() }
    return try body(Conflicts(try Store(Caller(slot, store))))
  }

  /// Ends a conflict when its time has passed, by the service thread, while the handle is open.
  static func watch(_ store: UInt64, _ conflict: Conflict, _ attachment: Attachment) {
    guard conflict.status.isOpen, let deadline = conflict.deadline else { return }
    let left = max(deadline &- sm_date(), 0)
    let id = conflict.id
    attachment.addChore(at: sm_now() &+ min(left, Int64.max / 4)) {
      // Later than it was to be when the clock was set back: whoever looks ends it.
      _ = try? within(store) { (conflicts) throws(Failure) in try conflicts.get(id) }
    }
  }
}
