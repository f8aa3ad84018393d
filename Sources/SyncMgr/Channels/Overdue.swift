import CSyncMgr
import CSyncMgrShim

/// Messages whose receivers let their time pass go back to their places. Whoever takes looks first;
/// threads that wait wake for it; for started waits their process's service thread looks.
extension Attachment {
  /// Under the mailbox's guard.
  @inline(never)
  func returnOverdue(_ mailbox: Mailbox, _ posts: Posts) {
    let now = UInt64(bitPattern: sm_now())
    var earliest = UInt64.max
    for slot in 0..<posts.capacity where posts[slot].state.load() == SM_POST_TAKEN {
      let due = posts[slot].due.load()
      if due == 0 { continue }
      if due > now {
        earliest = min(earliest, due)
      } else {
        giveBack(slot, mailbox, posts)
      }
    }
    mailbox.due.store(earliest == UInt64.max ? 0 : earliest)
  }

  /// Not under the guard.
  func returnOverdue(_ object: Object, _ mailbox: Mailbox) {
    guard Channel.isOverdue(mailbox) else { return }
    lockMailbox(mailbox)
    if let posts = Posts(mailbox, segment) { returnOverdue(mailbox, posts) }
    unlock(mailbox)
    if mailbox.dead.load() != 0 { moveDead(mailbox) }
    wakeDue(object, mailbox)
  }

  /// Looks from time to time while started waits of this process are in line.
  func watchOverdue(_ channel: Channel, _ object: Object, _ mailbox: Mailbox, isFirst: Bool = true)
  {
    let next = channel.nextReturn(mailbox)
    if next == Deadline.never { return }
    let index = segment.index(of: mailbox)
    let serial = mailbox.serial.load()
    let isNew = Local.always { _ in !isFirst || watchedMailboxes.insert(index).inserted }
    if !isNew { return }
    addChore(at: next) { [unowned self] in
      guard mailbox.serial.load() == serial, mailbox.role.load() == SM_MAILBOX_QUEUE,
        mailbox.waiting.load() & SM_WAIT_RECEIVERS != 0
      else {
        _ = Local.always { _ in watchedMailboxes.remove(index) }
        return
      }
      returnOverdue(object, mailbox)
      watchOverdue(channel, object, mailbox, isFirst: false)
    }
  }
}
