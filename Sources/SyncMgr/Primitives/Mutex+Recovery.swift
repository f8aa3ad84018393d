import CSyncMgr
import CSyncMgrShim

/// What happens to a mutex when somebody dies, closes, or has it taken away.
extension Mutex {
  static let kind = Kind(
    holdsGrants: true,
    repair: { attachment, object in
      var wakes = Wakes()
      finishIntent(attachment, object, &wakes)
      attachment.rebuildLine(object)
      advance(attachment, object, from: 0, died: false, &wakes)
      wakes.send(attachment)
    },
    abandon: { attachment, object, holding, died in
      let mine = holding.workstream.load()
      guard mine != 0, owner(object.word.load()) == mine else { return }
      if died {
        rememberOwner(attachment, object, mine)
        // It may have died before it counted its grant: no token is given twice.
        object.grants.store(object.grants.load() &+ 1)
      }
      var wakes = Wakes()
      advance(attachment, object, from: mine, died: died, &wakes)
      wakes.send(attachment)
    },
    withdrawn: { attachment, object, cell in
      var wakes = Wakes()
      let word = object.word.load()
      // When it had been woken, the next in line is woken in its place.
      if word & woken != 0 || attachment.head(of: object) == nil {
        advance(attachment, object, from: 0, died: false, &wakes)
      }
      wakes.send(attachment)
    },
    refused: { attachment, object, cell in
      // What was granted is the workstream's. A ticket that closes gives it back; the holdings of a
      // dead process are looked at next, and find the same.
      let mine = owner(cell.workstream.load())
      guard mine != 0, owner(object.word.load()) == mine else { return }
      let isDead = attachment.isGone(
        attachment.workstream(ofOwner: mine)?.owner.load() ?? attachment.me)
      if isDead { return }
      // Who inherits from the dead must hear of it: the next one, when this one did not.
      let isInherited = Int32(bitPattern: cell.result.load()) == SYNCMGR_OWNER_DIED
      var wakes = Wakes()
      advance(attachment, object, from: mine, died: isInherited, &wakes)
      wakes.send(attachment)
    },
    check: { attachment, object in
      let word = object.word.load()
      if owner(word) != 0, attachment.workstream(ofOwner: word) == nil {
        return "is held by a workstream that is not there"
      }
      if owner(word) == 0, attachment.head(of: object) != nil { return "is free and has waiters" }
      if word & waiters == 0, attachment.head(of: object) != nil {
        return "has waiters that its word does not tell of"
      }
      return nil
    })

  /// A hand-over was under way. When the word changed, the grant stands and its waiter is told.
  private static func finishIntent(
    _ attachment: Attachment, _ object: Object, _ wakes: inout Wakes
  ) {
    let intent = object.intent.load()
    if intent != 0, let cell = attachment.segment.cell(intent - 1),
      cell.object.load() == attachment.segment.index(of: object) + 1,
      cell.state.load() & CellState.kind != CellState.done,
      cell.state.load() & CellState.kind != CellState.free,
      owner(object.word.load()) == owner(cell.workstream.load())
    {
      count(object)  // once too often does no harm: tokens only have to grow
      let isInherited = object.intentResult.load() != 0
      wakes.finish(
        cell, isInherited ? SYNCMGR_OWNER_DIED : SYNCMGR_OK, value: token(object), attachment)
    }
    object.intent.store(0)
  }

  /// Keeps who the owner was, for `previous_owner`. Under the guard.
  private static func rememberOwner(_ attachment: Attachment, _ object: Object, _ owner: UInt32) {
    guard let stream = attachment.workstream(ofOwner: owner) else { return }
    object.previousSet.store(0)
    NameField(stream).copy(to: NameField(previousOwnerOf: object))
    object.previousWorkstream.store(stream.id.load())
    object.previousPid.store(stream.pid.load())
    object.previousToken.store(token(object))
    object.previousSet.store(1)
  }

  /// Takes the mutex away from its owner. The holding's mark tells it so before the word changes:
  /// dies in between: the owner still owns, and the mark is overwritten or cleared later.
  static func forceRelease(_ caller: Caller) throws(Failure) -> Int32 {
    let (object, attachment) = (caller.object, caller.attachment)
    try caller.lock()
    let owner = owner(object.word.load())
    if owner == 0 {
      caller.unlock()
      return SYNCMGR_FREE
    }
    rememberOwner(attachment, object, owner)
    if object.word.load() & forced == 0 {
      object.detached.store(object.grants.load() &+ (1 << 32))
      _ = object.word.update { $0 | forced }
    }
    attachment.forHoldings(of: object) {
      if $0.workstream.load() == owner { $0.mark.store(UInt64.max) }
    }
    var wakes = Wakes()
    advance(attachment, object, from: owner, died: true, &wakes)
    caller.unlock()
    wakes.send(attachment)
    attachment.always {
      if let stream = attachment.workstream(ofOwner: owner) {
        attachment.record(SYNCMGR_NOTICE_HOLD_LOST, stream)
      }
    }
    return SYNCMGR_OK
  }

  static func heldBy(_ caller: Caller) -> syncmgr_holder_t? {
    let (object, attachment) = (caller.object, caller.attachment)
    let word = object.word.load()
    guard owner(word) != 0, let stream = attachment.workstream(ofOwner: word) else { return nil }
    var holder = syncmgr_holder_t()
    holder.workstream = stream.id.load()
    holder.token = token(object)
    holder.pid = Int32(bitPattern: stream.pid.load())
    holder.amount = 1
    attachment.forHoldings(of: object) {
      if $0.workstream.load() == owner(word) { holder.amount = $0.amount.load() &+ 1 }
    }
    holder.setName(NameField(stream))
    return holder
  }

  static func previousOwner(_ caller: Caller) throws(Failure) -> syncmgr_holder_t? {
    try caller.lock()
    defer { caller.unlock() }
    let object = caller.object
    guard object.previousSet.load() != 0 else { return nil }
    var holder = syncmgr_holder_t()
    holder.workstream = object.previousWorkstream.load()
    holder.token = object.previousToken.load()
    holder.pid = Int32(bitPattern: object.previousPid.load())
    holder.amount = 1
    holder.setName(NameField(previousOwnerOf: object))
    return holder
  }
}
