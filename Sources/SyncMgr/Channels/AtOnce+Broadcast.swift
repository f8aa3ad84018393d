import CSyncMgr
import CSyncMgrShim

extension AtOnce {
  /// A mailbox with room for a message, and where.
  private struct Target {
    let mailbox: Mailbox
    let posts: Posts
    let place: UInt32
  }

  /// More receivers than these get their messages the slow way.
  private static let most = 16

  /// A small message without options to everybody else who receives from a broadcast that keeps no
  /// history, if all of them have room. Returns how many have it; 0 when nothing was done.
  @inline(never)
  static func broadcast(
    _ letter: inout Letter, _ slot: Slot, _ segment: Segment, _ row: Mailbox
  ) -> UInt32 {
    withUnsafeTemporaryAllocation(of: Target.self, capacity: most) { targets in
      guard row.past.load() == 0, Guard.tryLock(row.sendGuardian, slot.pointee.participant) else {
        return 0
      }
      let count = row.shut.load() == 0 ? find(targets, letter, slot, segment, row) : 0
      if count > 0 {
        letter.sequence = row.sequence.load() &+ 1
        row.sequence.store(letter.sequence)
      }
      for index in 0..<count {
        let target = targets[index]
        segment.put(letter, target.place, target.mailbox, target.posts)
      }
      // Ordered before the look at who waits.
      row.sendGuardian.exchange(0)
      for index in 0..<count {
        let mailbox = targets[index].mailbox
        if let object = segment.object(segment.index(of: mailbox)) { isHere(object.cpu) }
        if mailbox.waiting.load() & SM_WAIT_RECEIVERS != 0 { wake(slot, mailbox) }
      }
      return UInt32(count)
    }
  }

  /// Under the send guard. Writes those who are to have a message, and returns how many; 0 when one
  /// of them has no room, or there are too many.
  @inline(__always)
  private static func find(
    _ targets: UnsafeMutableBufferPointer<Target>, _ letter: Letter, _ slot: Slot,
    _ segment: Segment, _ row: Mailbox
  ) -> Int {
    var count = 0
    var next = row.first.load()
    var left = 4 * most  // a list that leads in circles ends here
    while next != 0, let mailbox = segment.mailbox(next - 1),
      mailbox.channel.load() == slot.pointee.index &+ 1
    {
      next = mailbox.next.load()
      left -= 1
      if left == 0 { return 0 }
      guard mailbox.role.load() == SM_MAILBOX_OWN, mailbox.owner.load() != slot.pointee.mine else {
        continue
      }
      guard count < most, let posts = Posts(mailbox, segment), letter.size <= posts.room else {
        return 0
      }
      let place = segment.nextSlot(mailbox, posts)
      guard segment.isFree(posts[place], mailbox) else { return 0 }
      (targets.baseAddress.unsafelyUnwrapped + count).initialize(
        to: Target(mailbox: mailbox, posts: posts, place: place))
      count += 1
    }
    return count
  }
}
