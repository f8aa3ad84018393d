import CSyncMgr
import CSyncMgrShim

/// Memory of the segment that a workstream writes a message into, to send it without copying. It
/// has room for the texts besides, behind the message.
extension Channel {
  func loan(_ size: Int) throws(Failure) -> UnsafeMutableRawPointer {
    if size < 0 { throw attachment.tooLarge(UInt64(UInt(bitPattern: size))) }
    guard size > 0 else {
      throw Failure(SYNCMGR_E_INVALID, caller.object, text: "a loan has at least one byte")
    }
    if row.shut.load() != 0 { throw isShut() }
    if UInt64(size) > Attachment.heapSize - UInt64(SM_TEXTS) {
      throw attachment.tooLarge(UInt64(size))
    }
    let unit = try attachment.allocate(
      UInt64(size) + UInt64(SM_TEXTS), SM_CHUNK_MESSAGE, object: caller.slot.pointee.index + 1,
      owner: hold)
    attachment.lent.store(1)
    return attachment.segment.unit(unit)
  }

  /// The unit of a loan that this workstream has, and its size.
  private func find(_ loan: UnsafeMutableRawPointer?) throws(Failure) -> (UInt32, Int) {
    if let loan {
      let offset = loan - attachment.segment.unit(0)
      let unit = UInt32(clamping: offset / Int(SM_UNIT))
      if offset >= 0, offset % Int(SM_UNIT) == 0, let chunk = attachment.segment.chunk(unit),
        chunk.state.load() == SM_CHUNK_MESSAGE, chunk.hands.load() == attachment.me,
        chunk.owner.load() == hold
      {
        return (unit, Int(clamping: chunk.size.load()) - Int(SM_TEXTS))
      }
    }
    throw Failure(SYNCMGR_E_NOT_FOUND, caller.object, text: "this workstream has no such loan")
  }

  func publish(
    _ loan: UnsafeMutableRawPointer?, _ letter: inout Letter, _ options: SendOptions
  ) throws(Failure) -> (status: Int32, count: UInt32) {
    let (unit, size) = try find(loan)
    guard letter.length <= size else {
      throw Failure(
        SYNCMGR_E_INVALID, caller.object,
        text: "the loan has \(size) bytes, and the message \(letter.length)")
    }
    letter.writeTexts(attachment.segment.unit(unit) + letter.length)
    letter.chunk = unit + 1
    letter.isLoan = true
    return try send(&letter, options)
  }

  func returnLoan(_ loan: UnsafeMutableRawPointer?) throws(Failure) {
    let (unit, _) = try find(loan)
    var letter = Letter(data: nil, length: 0)
    letter.chunk = unit + 1
    attachment.letGo(letter)
  }
}

extension Attachment {
  /// Takes back what a workstream of this process had on loan from a channel.
  func returnLoans(of hold: UInt32, _ channel: UInt32) {
    for unit in 0..<min(header.heapHigh.load(), SM_UNITS) {
      guard let chunk = segment.chunk(unit), chunk.state.load() == SM_CHUNK_MESSAGE,
        chunk.hands.load() == me, chunk.owner.load() == hold, chunk.object.load() == channel + 1
      else { continue }
      var letter = Letter(data: nil, length: 0)
      letter.chunk = unit + 1
      letGo(letter)
    }
  }
}
