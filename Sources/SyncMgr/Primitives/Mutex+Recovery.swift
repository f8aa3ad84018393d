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
      let lost = token(object)
      if died {
        Holds.remember(attachment, object, mine, token: token(object))
        // It may have died before it counted its grant: no token is given twice.
        object.grants.store(object.grants.load() &+ 1)
      }
      var wakes = Wakes()
      if !died, object.watched.load() & SYNCMGR_NOTICE_RELEASED != 0 {
        attachment.emit(SYNCMGR_NOTICE_RELEASED, object, owner: mine, value: lost)
      }
      advance(attachment, object, from: mine, died: died, &wakes)
      if died { attachment.emit(SYNCMGR_NOTICE_OWNER_DIED, object, owner: mine, value: lost) }
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
    isLeased: { object, holding in
      // The mark: who took it away died before it was through. Tokens are counted elsewhere then.
      owner(object.word.load()) == holding.workstream.load()
        && (token(object) == holding.token.load() || holding.mark.load() == Holds.lostMark)
    },
    take: { attachment, object, holding in take(attachment, object, holding) },
    supply: { object in .single(owner: owner(object.word.load())) },
    held: { Mutex.held($0, $1) },
    acquisitions: { Mutex.acquisitions($0) },
    parameters: { Mutex.showParameters($1, &$2) },
    state: { Mutex.showState($0, $1, &$2) },
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
    },
    watched: { object, wanted in
      let isWatched = wanted & (SYNCMGR_NOTICE_GRANTED | SYNCMGR_NOTICE_RELEASED) != 0
      _ = object.word.update {
        let desired = isWatched ? $0 | watched : $0 & ~watched
        return desired == $0 ? nil : desired
      }
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
      tell(attachment, object, cell, isInherited, &wakes)
    }
    object.intent.store(0)
  }

  /// Takes the mutex away from its owner. The holding's mark tells it so before the word changes:
  /// dies in between: the owner still owns, and the mark is overwritten or cleared later. From now
  /// on there may be two who think that they own it: see `forced`. Under the guard.
  static func take(_ attachment: Attachment, _ object: Object, _ holding: Holding) {
    let mine = holding.workstream.load()
    guard mine != 0, owner(object.word.load()) == mine else { return }
    holding.mark.store(Holds.lostMark)
    Holds.remember(attachment, object, mine, token: token(object))
    if object.word.load() & forced == 0 {
      object.detached.store(object.grants.load() &+ (1 << 32))
      _ = object.word.update { $0 | forced }
    }
    var wakes = Wakes()
    advance(attachment, object, from: mine, died: true, &wakes)
    wakes.send(attachment)
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
}
