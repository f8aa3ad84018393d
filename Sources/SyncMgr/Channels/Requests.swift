import CSyncMgr
import CSyncMgrShim

/// Requests and responses. Each request has a mailbox of its own, for one message, whose number is
/// in the request: whoever replies needs nothing else, and a response comes to nobody else. It ends
/// with the response, or when the requester gives it up, closes, or dies.
extension Channel {
  /// A request's number: which mailbox, and which of those that were there.
  func number(_ index: UInt32, _ mailbox: Mailbox) -> UInt64 {
    ((mailbox.serial.load() &<< 20) | UInt64(index + 1)) & (UInt64.max >> 1)
  }

  private func checkKind() throws(Failure) {
    if kind == SYNCMGR_CHANNEL_DIRECT || kind == SYNCMGR_CHANNEL_QUEUE { return }
    throw Failure(
      SYNCMGR_E_UNSUPPORTED, caller.object, text: "only direct channels and queues take requests")
  }

  func request(_ letter: inout Letter, _ options: SendOptions) throws(Failure) -> UInt64 {
    try checkKind()
    let index = try makeOwn(SM_MAILBOX_REPLY, capacity: 1)
    guard let reply = attachment.segment.mailbox(index) else {
      throw attachment.corrupt("the table of mailboxes")
    }
    attachment.lockSending(row)
    attachment.list(reply, of: row)
    if kind == SYNCMGR_CHANNEL_DIRECT, let asked = mailbox(of: options.target) {
      reply.asked.store(asked.owner.load())
    }
    attachment.unlockSending(row)
    letter.replyTo = number(index, reply)
    letter.flags |= SYNCMGR_MESSAGE_REPLY_WANTED
    do throws(Failure) { _ = try send(&letter, options) } catch {
      attachment.endMailbox(index)
      throw error
    }
    return letter.replyTo
  }

  /// The mailbox of a request that this workstream made.
  func request(_ number: UInt64) throws(Failure) -> (object: Object, row: Mailbox, index: UInt32) {
    let index = UInt32(truncatingIfNeeded: number & 0xf_ffff) &- 1
    if let object = attachment.segment.object(index), let reply = attachment.segment.mailbox(index),
      reply.role.load() == SM_MAILBOX_REPLY, self.number(index, reply) == number,
      reply.owner.load() == caller.mine, reply.channel.load() == caller.slot.pointee.index + 1
    {
      return (object, reply, index)
    }
    throw Failure(SYNCMGR_E_NOT_FOUND, caller.object, text: "there is no such request")
  }

  func response(
    _ number: UInt64, _ form: Form, _ timeout: Int64, _ message: inout syncmgr_message_t
  ) throws(Failure) {
    let (object, reply, index) = try request(number)
    do throws(Failure) { try receive(object, reply, form, timeout, &message) } catch {
      if error.status == SYNCMGR_E_UNAVAILABLE {
        let sentence = Failure.kept()
        attachment.endMailbox(index)
        throw Failure(SYNCMGR_E_UNAVAILABLE, naming: sentence)
      }
      throw error
    }
    attachment.endMailbox(index)
  }

  func forget(_ number: UInt64) throws(Failure) {
    attachment.endMailbox(try request(number).index)
  }

  func reply(_ number: UInt64, _ letter: inout Letter) throws(Failure) {
    if letter.size > Int(row.room) { try attachment.enclose(&letter) }
    let index = UInt32(truncatingIfNeeded: number & 0xf_ffff) &- 1
    attachment.lockSending(row)
    var mailbox: Mailbox?
    if let found = attachment.segment.mailbox(index), found.role.load() == SM_MAILBOX_REPLY,
      self.number(index, found) == number, found.channel.load() == caller.slot.pointee.index + 1,
      attachment.push(letter, found)
    {
      mailbox = found
    }
    attachment.unlockSending(row)
    if letter.chunk != 0 { attachment.letGo(letter) }
    guard let mailbox else {
      throw Failure(
        SYNCMGR_E_NOT_FOUND, caller.object, text: "nobody waits for this response any more")
    }
    attachment.wake(mailbox, SM_WAIT_RECEIVERS)
  }
}
