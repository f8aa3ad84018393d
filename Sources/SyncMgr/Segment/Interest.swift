import CSyncMgr
import CSyncMgrShim

/// Who wants which notices. Each process has its kinds in its participant slot; the header, and
/// each object for the sake of its fast path, has the union. While it is 0 nothing is recorded.
extension Attachment {
  /// From now on one of this process's subscribers wants `mask`; 0 ends that. Blocks for the
  /// directory.
  func setInterest(_ subscriber: AnyObject, _ mask: UInt32) throws(Failure) {
    try inDirectory { () throws(Failure) in
      if mask != 0 { try commitEvents() }
      storeInterest(subscriber, mask)
    }
  }

  func endInterest(_ subscriber: AnyObject) { always { storeInterest(subscriber, 0) } }

  /// Dies in between: the directory's repair brings the union about, or, when the process's own
  /// word was not stored yet, nobody wanted anything.
  private func storeInterest(_ subscriber: AnyObject, _ mask: UInt32) {
    let union = Local.always { _ in
      interests[ObjectIdentifier(subscriber)] = mask == 0 ? nil : mask
      return interests.values.reduce(0, |)
    }
    if participant.wanted.load() == union { return }
    participant.wanted.store(union)
    spreadInterest()
  }

  /// Brings the union of all that is wanted to where it is looked at. Under the directory guard.
  func spreadInterest(thorough: Bool = false) {
    var union: UInt32 = 0
    for slot in 0..<segment.participantCount {
      let other = segment.participant(slot)
      if other.id.load() != 0 { union |= other.wanted.load() }
    }
    if union == header.wanted.load(), !thorough { return }
    header.wanted.store(union)
    for index in 0..<segment.objectCount {
      if let object = segment.object(index), object.state.load() == SlotState.live {
        watch(object, union)
      }
    }
  }

  /// Has an object's fast path left while somebody wants to know what happens there.
  func watch(_ object: Object, _ wanted: UInt32) {
    if object.watched.load() != wanted { object.watched.store(wanted) }
    Kinds.of(object)?.watched?(object, wanted)
  }

  /// The kinds that a dead process wanted are wanted no more.
  func forgetInterest(of dead: Participant) {
    if dead.wanted.load() == 0 { return }
    always {
      dead.wanted.store(0)
      spreadInterest()
    }
  }
}
