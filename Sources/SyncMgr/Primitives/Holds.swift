import CSyncMgr
import CSyncMgrShim

/// What holds of all kinds have in common: who they are, and how they are lost.
enum Holds {
  /// A holding's mark once its hold was taken away.
  static let lostMark = UInt64.max

  static func lost(_ object: Object) -> Failure {
    Failure(SYNCMGR_E_LOST, object, text: "it was taken away by force, or its lease ended")
  }

  static func notOwner(_ object: Object) -> Failure {
    Failure(SYNCMGR_E_NOT_OWNER, object, text: "this workstream does not hold it")
  }

  /// Why a workstream that wants to release holds nothing. Under the guard. Being told that a hold
  /// is lost ends it.
  static func missing(_ caller: Caller) -> Failure {
    caller.holding.mark.exchange(0) != 0 ? lost(caller.object) : notOwner(caller.object)
  }

  /// Those who hold permits of an object.
  static func holders(_ caller: Caller) -> [syncmgr_holder_t] {
    var found: [syncmgr_holder_t] = []
    caller.attachment.forHoldings(of: caller.object) { holding in
      let amount = holding.amount.load()
      guard amount > 0,
        let stream = caller.attachment.workstream(ofOwner: holding.workstream.load())
      else { return }
      var holder = syncmgr_holder_t()
      holder.workstream = stream.id.load()
      holder.token = holding.token.load()
      holder.pid = Int32(bitPattern: stream.pid.load())
      holder.amount = amount
      holder.setName(NameField(stream))
      found.append(holder)
    }
    return found
  }

  /// A notice that the owner of a lock died.
  static func tellDeath(_ attachment: Attachment, _ object: Object, _ holding: Holding) {
    attachment.emit(
      SYNCMGR_NOTICE_OWNER_DIED, object, owner: holding.workstream.load(),
      value: holding.token.load())
  }

  // MARK: - The owner before

  /// Keeps who the owner was, for `previous_owner`. Under the guard.
  static func remember(
    _ attachment: Attachment, _ object: Object, _ owner: UInt32, token: UInt64
  ) {
    guard let stream = attachment.workstream(ofOwner: owner) else { return }
    object.previousSet.store(0)
    NameField(stream).copy(to: NameField(previousOwnerOf: object))
    object.previousWorkstream.store(stream.id.load())
    object.previousPid.store(stream.pid.load())
    object.previousToken.store(token)
    object.previousSet.store(1)
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

  // MARK: - Taking away

  /// Takes an object away from all who hold it.
  static func forceRelease(_ caller: Caller) throws(Failure) -> Int32 {
    let (object, attachment) = (caller.object, caller.attachment)
    guard let kind = Kinds.of(object) else { throw attachment.corrupt("the object table") }
    // All of them first: what one loses may be granted to somebody behind it at once.
    var held: [Holding] = []
    try caller.lock()
    let isMutex = object.type.load() == SYNCMGR_TYPE_MUTEX
    let owner = Mutex.owner(object.word.load())
    attachment.forHoldings(of: object) { holding in
      let mine = holding.workstream.load()
      let holds = isMutex ? mine == owner : holding.amount.load() > 0
      if holds, mine != 0 { held.append(holding) }
    }
    let lost = held.map {
      ($0.workstream.load(), isMutex ? Mutex.token(object) : $0.token.load())
    }
    for holding in held { kind.take(attachment, object, holding) }
    caller.unlock()
    for (owner, token) in lost { attachment.announceLoss(owner, object, token) }
    return lost.isEmpty ? SYNCMGR_FREE : SYNCMGR_OK
  }

  /// Takes permits away from one holding: its workstream finds the mark. Under the guard. The mark
  /// comes first: dies after it: the holder still holds, and its next grant clears the mark.
  static func take(_ attachment: Attachment, _ object: Object, _ holding: Holding) {
    let amount = holding.amount.load()
    if amount == 0 { return }
    var wakes = Wakes()
    holding.mark.store(lostMark)
    Permits.release(attachment, object, holding, amount, &wakes)
    wakes.send(attachment)
  }
}
