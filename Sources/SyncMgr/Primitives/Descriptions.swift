import CSyncMgr
import CSyncMgrShim

// How each type of object looks through the window.

extension Mutex {
  static func held(_ object: Object, _ holding: Holding) -> Held? {
    let mine = holding.workstream.load()
    guard mine != 0, owner(object.word.load()) == mine else { return nil }
    return Held(amount: holding.amount.load() &+ 1, token: token(object))
  }

  /// Each grant has counted its token. One grant more for each owner that died, at most.
  static func acquisitions(_ object: Object) -> UInt64? {
    object.word.load() & forced == 0 ? object.grants.load() : object.detached.load() &- (1 << 32)
  }

  static func showParameters(_ object: Object, _ json: inout JSON) {
    let flags = object.flags.load()
    json.truth("recursive", flags & SYNCMGR_MUTEX_RECURSIVE != 0)
    json.truth("fair", flags & SYNCMGR_MUTEX_FAIR != 0)
  }

  static func showState(_ attachment: Attachment, _ object: Object, _ json: inout JSON) {
    let word = object.word.load()
    json.truth("locked", owner(word) != 0)
    json.truth("owner_died", word & died != 0)
    json.truth("forced", word & forced != 0)
    json.number("token", token(object))
  }
}

extension Permits {
  static func held(_ object: Object, _ holding: Holding) -> Held? {
    let amount = holding.amount.load()
    if amount == 0 { return nil }
    let type = object.type.load()
    let hasToken = type != SYNCMGR_TYPE_SEMAPHORE && type != SYNCMGR_TYPE_RESOURCE
    return Held(amount: amount, token: hasToken ? holding.token.load() : 0)
  }

  static func acquisitions(_ object: Object) -> UInt64? { object.grants.load() }
}

extension Semaphore {
  static func showParameters(_ object: Object, _ json: inout JSON) {
    let flags = object.flags.load()
    json.number("permits", object.count.load())
    json.truth("signalling", flags & SYNCMGR_SEMAPHORE_SIGNALLING != 0)
    json.truth("fair", flags & SYNCMGR_SEMAPHORE_FAIR != 0)
  }

  static func showState(_ attachment: Attachment, _ object: Object, _ json: inout JSON) {
    json.number("available", object.word.load())
  }
}

extension RWLock {
  static func mode(_ amount: UInt32) -> StaticString? { amount == all ? "exclusive" : "shared" }

  static func showParameters(_ object: Object, _ json: inout JSON) {
    json.truth("fair", object.flags.load() & SYNCMGR_RWLOCK_FAIR != 0)
  }

  static func showState(_ attachment: Attachment, _ object: Object, _ json: inout JSON) {
    let available = object.word.load()
    json.text("mode", available == all ? "free" : available == 0 ? "exclusive" : "shared")
    json.number("shared_holds", available == 0 ? 0 : all &- available)
    json.truth("owner_died", object.broken.load() != 0)
  }
}

extension Election {
  static func showState(_ attachment: Attachment, _ object: Object, _ json: inout JSON) {
    json.truth("led", object.word.load() == 0)
    json.number("term", object.grants.load())
    json.truth("finished", hasResult(object))
  }
}

extension Latch {
  static func showParameters(_ object: Object, _ json: inout JSON) {
    json.number("count", object.count.load())
  }

  static func showState(_ attachment: Attachment, _ object: Object, _ json: inout JSON) {
    json.number("remaining", object.word.load())
  }
}

extension Event {
  static func showParameters(_ object: Object, _ json: inout JSON) {
    json.truth("manual_reset", object.flags.load() & SYNCMGR_EVENT_MANUAL_RESET != 0)
  }

  static func showState(_ attachment: Attachment, _ object: Object, _ json: inout JSON) {
    json.truth("set", object.word.load() & isSet != 0)
  }
}

extension Barrier {
  static func showParameters(_ object: Object, _ json: inout JSON) {
    json.number("parties", object.count.load())
    json.truth("phaser", isPhaser(object))
  }

  static func showState(_ attachment: Attachment, _ object: Object, _ json: inout JSON) {
    json.number("generation", object.grants.load())
    json.number("parties", parties(object))
    json.number("arrived", object.arrived.load())
    json.truth("broken", object.broken.load() != 0)
  }
}

extension Resource {
  static func shownRequest(_ holding: Holding) -> LooseWait? {
    let count = holding.index.load()
    if count == 0 { return nil }
    return LooseWait(
      since: holding.leaseLength.load(), order: holding.mark.load(), amount: count)
  }

  static func showParameters(_ object: Object, _ json: inout JSON) {
    json.number("instances", object.count.load())
  }

  static func showState(_ attachment: Attachment, _ object: Object, _ json: inout JSON) {
    json.number("available", object.word.load())
  }
}

extension SyncPoint {
  static func showParameters(_ object: Object, _ json: inout JSON) {
    let flags = object.flags.load()
    json.number("expected", object.memberCount.load())
    json.number("minimum", object.count.load())
    json.truth("continue_on_timeout", flags & SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT != 0)
    json.truth("continue_on_failure", flags & SYNCMGR_SYNC_CONTINUE_ON_FAILURE != 0)
    json.truth("wait_for_all", flags & SYNCMGR_SYNC_WAIT_FOR_ALL != 0)
  }

  private static let words: [String] = [
    "waiting", "partial_complete", "complete", "failed", "timed_out",
  ]

  static func showState(_ attachment: Attachment, _ object: Object, _ json: inout JSON) {
    let state = Int(object.word.load())
    json.text("status", words.indices.contains(state) ? words[state] : "unknown")
    json.array("members") { json in
      attachment.forMembers(of: object) { member in
        let flags = member.flags.load()
        json.object { json in
          json.text("name", NameField(member).read().text)
          json.truth("required", flags & SYNCMGR_SYNC_REQUIRED != 0)
          json.truth("arrived", flags & SYNCMGR_SYNC_ARRIVED != 0)
          json.truth("late", flags & SYNCMGR_SYNC_LATE != 0)
          json.truth("failed", flags & SYNCMGR_SYNC_MEMBER_FAILED != 0)
        }
      }
    }
  }
}
