import CSyncMgr
import CSyncMgrShim

/// What becomes of a channel when somebody closes it or dies.
extension Attachment {
  /// Gives back what a workstream has taken from a mailbox: to its old place where messages are
  /// acknowledged; a view of any other is over.
  func returnTaken(by hold: UInt32, _ mailbox: Mailbox, isKept: Bool) {
    lockMailbox(mailbox)
    if mailbox.taken.load() != 0, let posts = Posts(mailbox, segment) {
      for slot in 0..<posts.capacity
      where posts[slot].state.load() == SM_POST_TAKEN && posts[slot].taker.load() == hold {
        if isKept { giveBack(slot, mailbox, posts) } else { finish(slot, mailbox, posts) }
      }
    }
    unlock(mailbox)
    if mailbox.dead.load() != 0 { moveDead(mailbox) }
    if let object = segment.object(segment.index(of: mailbox)) { wakeDue(object, mailbox) }
  }

  /// Ends all that a workstream has in a channel. Under no guard.
  func leaveChannel(_ index: UInt32, _ hold: UInt32) {
    guard let object = segment.object(index), let channel = segment.mailbox(index) else { return }
    let isKept = object.flags.load() & SYNCMGR_CHANNEL_ACKNOWLEDGE != 0
    if channel.memory.load() != 0 { returnTaken(by: hold, channel, isKept: isKept) }
    var mine: [UInt32] = []
    lockSending(channel)
    forListed(of: channel) {
      if $0.holding.load() == hold { mine.append(segment.index(of: $0)) }
    }
    unlockSending(channel)
    for one in mine { endReceiver(one, channel) }
  }

  /// Ends the mailbox of a receiver that is gone: what it did not take goes back to who wants it
  /// back, and who waits for its response is told that none will come.
  private func endReceiver(_ index: UInt32, _ channel: Mailbox) {
    guard let mailbox = segment.mailbox(index) else { return }
    if mailbox.role.load() == SM_MAILBOX_OWN {
      Topics.removeAll(self, channel, index)
      returnUnread(mailbox, channel)
      failRequests(to: mailbox.owner.load(), channel)
    }
    endMailbox(index)
  }

  private func returnUnread(_ mailbox: Mailbox, _ channel: Mailbox) {
    guard channel.kind.load() == SYNCMGR_CHANNEL_DIRECT else { return }
    var woken: [Mailbox] = []
    lockSending(channel)
    lockMailbox(mailbox)
    if let posts = Posts(mailbox, segment) {
      for slot in 0..<posts.capacity {
        let post = posts[slot]
        guard
          segment.isReady(post, mailbox) || post.state.load() == SM_POST_RETURNED,
          post.flags.load() & SM_POST_RETURNS != 0,
          let found = segment.read(slot, 0, posts),
          let home = ownMailbox(of: post.pointee.sender_owner, channel)
        else { continue }
        var letter = Letter(found, self)
        letter.flags = letter.flags & ~SM_POST_RETURNS | SYNCMGR_MESSAGE_RETURNED
        // Who did this before us may have died before the mark was gone.
        if !hasReturned(letter, home) {
          if push(letter, home) {
            woken.append(home)
          } else {
            home.dropped.store(home.dropped.load() &+ 1)
          }
        }
        // Dies before this: it is not lost, and comes twice only if it was taken meanwhile.
        post.flags.store(post.flags.load() & ~SM_POST_RETURNS)
      }
    }
    unlock(mailbox)
    // Nobody can send to it any more: what came after the look would not come back.
    unlist(mailbox, of: channel)
    unlockSending(channel)
    for home in woken { wake(home, SM_WAIT_RECEIVERS) }
  }

  /// Whether a message that came back is there already. Under the send guard.
  private func hasReturned(_ letter: Letter, _ home: Mailbox) -> Bool {
    guard let posts = Posts(home, segment) else { return false }
    return (0..<posts.capacity).contains {
      let post = posts[$0]
      return post.state.load() == SM_POST_READY && post.sequence.load() == letter.sequence
        && post.flags.load() & SYNCMGR_MESSAGE_RETURNED != 0
    }
  }

  /// Under the send guard.
  private func ownMailbox(of owner: UInt32, _ channel: Mailbox) -> Mailbox? {
    var found: Mailbox?
    forListed(of: channel) {
      if $0.role.load() == SM_MAILBOX_OWN, $0.owner.load() == owner { found = $0 }
    }
    return found
  }

  private func failRequests(to owner: UInt32, _ channel: Mailbox) {
    var failed: [Mailbox] = []
    lockSending(channel)
    forListed(of: channel) {
      if $0.role.load() == SM_MAILBOX_REPLY, $0.asked.load() == owner, segment.isEmpty($0) {
        $0.failed.store(1)
        failed.append($0)
      }
    }
    unlockSending(channel)
    for mailbox in failed { wake(mailbox, SM_WAIT_RECEIVERS) }
  }

  /// After a death: guards that were left locked, mailboxes that were left half made, or whose
  /// owner is gone, and waiters whom nobody woke.
  func settleChannel(_ object: Object, _ dead: UInt32) {
    let index = segment.index(of: object)
    guard let channel = segment.mailbox(index) else { return }
    if channel.kind.load() == SYNCMGR_CHANNEL_MEMORY {
      settleVariables(object, channel)
      return
    }
    if channel.sendGuardian.load() == dead {
      lockSending(channel)
      unlockSending(channel)
    }
    settleMailbox(object, dead)
  }

  /// Whether nobody will ever end a mailbox: its owner is dead, or whoever made it for the channel
  /// died before that had it.
  private func isOrphan(_ object: Object, _ mailbox: Mailbox) -> Bool {
    guard object.type.load() == ObjectType.mailbox else { return false }
    // Under the directory guard: nobody is about to make one.
    return always {
      guard object.state.load() == SlotState.live else { return false }
      // Whoever ended it died half-way.
      if mailbox.role.load() == SM_MAILBOX_NONE { return true }
      guard let channel = segment.mailbox(mailbox.channel.load() &- 1) else { return false }
      let mine = segment.index(of: mailbox) + 1
      if channel.past.load() == mine || channel.retained.load() == mine { return false }
      return workstream(ofOwner: mailbox.owner.load()) == nil
    }
  }

  func settleMailbox(_ object: Object, _ dead: UInt32) {
    let index = segment.index(of: object)
    guard let mailbox = segment.mailbox(index) else { return }
    if mailbox.guardian.load() == dead {
      lockMailbox(mailbox)
      unlock(mailbox)
    }
    if isOrphan(object, mailbox), let channel = segment.mailbox(mailbox.channel.load() &- 1) {
      endReceiver(index, channel)
      return
    }
    if mailbox.mover.load() == dead || mailbox.dead.load() != 0 { moveDead(mailbox) }
    wakeDue(object, mailbox)
  }
}

extension Attachment {
  /// Frees what a mailbox has whose object never lived. Under the directory guard.
  func removeMailbox(_ object: Object) {
    if let mailbox = segment.mailbox(segment.index(of: object)), mailbox.memory.load() != 0 {
      emptyMailbox(mailbox)
    }
  }

  /// Frees what a channel has that nobody has open. Under the directory guard: nobody sends, takes
  /// or waits there.
  func removeChannel(_ object: Object) {
    guard let channel = segment.mailbox(segment.index(of: object)) else { return }
    if channel.kind.load() == SYNCMGR_CHANNEL_MEMORY { removeVariables(channel) }
    if channel.memory.load() != 0 { emptyMailbox(channel) }
    for part in [channel.past, channel.retained] {
      let index = part.load() &- 1
      part.store(0)
      guard let mailbox = segment.mailbox(index), let object = segment.object(index) else {
        continue
      }
      emptyMailbox(mailbox)
      object.state.store(SlotState.free)
      object.owner.store(0)
    }
    let patterns = channel.patterns.load()
    channel.patterns.store(0)
    if patterns != 0 { free(patterns - 1) }
    moveBack(header.objectsHint, 0)
    channel.role.store(SM_MAILBOX_NONE)
  }

  /// Faults of a quiet mailbox, in words.
  func checkMailbox(_ object: Object) -> String? {
    guard let mailbox = segment.mailbox(segment.index(of: object)) else { return "has no mailbox" }
    if mailbox.kind.load() == SYNCMGR_CHANNEL_MEMORY { return checkVariables(mailbox) }
    if mailbox.memory.load() == 0 { return nil }
    guard let posts = Posts(mailbox, segment) else { return "has a mailbox whose sizes contradict" }
    for guardian in [mailbox.guardian, mailbox.sendGuardian] {
      let owner = guardian.load()
      if owner != 0, owner != me, isGone(owner) { return "has a mailbox guarded by a dead process" }
    }
    var counts = [UInt32](repeating: 0, count: 7)
    for slot in 0..<posts.capacity {
      let post = posts[slot]
      let state = post.state.load()
      if state > SM_POST_OVER { return "has a slot in state \(state)" }
      counts[Int(state)] += 1
      if state == SM_POST_FREE, post.chunk.load() != 0 { return "has a free slot with memory" }
      let holding = segment.holding(post.taker.load() &- 1)
      if state == SM_POST_TAKEN, holding?.state.load() != SlotState.live {
        return "has a message given out to somebody who is gone"
      }
    }
    if counts[Int(SM_POST_CLAIMED)] != 0 { return "has a slot that is being written" }
    if counts[Int(SM_POST_OVER)] != 0 { return "has a slot that is being freed" }
    if counts[Int(SM_POST_TAKEN)] != mailbox.taken.load() {
      return "counts \(mailbox.taken.load()) messages given out, of \(counts[Int(SM_POST_TAKEN)])"
    }
    if counts[Int(SM_POST_RETURNED)] != mailbox.returned.load() {
      return "counts \(mailbox.returned.load()) messages returned"
    }
    return nil
  }
}
