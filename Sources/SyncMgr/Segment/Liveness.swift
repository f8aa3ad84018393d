import CSyncMgr
import CSyncMgrShim

/// Who is alive. Two proofs: the life word, which the kernel marks at once when the process's
/// service thread dies, and a record lock on the participant's byte of the segment's file, which
/// the kernel drops when the process's memory is gone. Neither passes to a forked child.
extension Attachment {
  /// True when participant `id` will never act again: dead, recovered, or never there.
  func isGone(_ id: UInt32) -> Bool {
    if id == me { return false }
    let other = segment.participant(ParticipantID.slot(id))
    // Looked at again after the proofs: it may have been recovered in between.
    return other.id.load() != id || isDead(other) || other.id.load() != id
  }

  /// Whether an occupied slot's process is dead. `thorough` also doubts a life word that says
  /// alive.
  func isDead(_ other: Participant, thorough: Bool = false) -> Bool {
    let id = other.id.load()
    if id == 0 || id == me || !isShared { return false }
    if other.hasLife.load() != 0 {
      if other.life.load() & SM_LIFE_DEAD != 0 { return true }
      if !thorough { return false }
    }
    if sm_is_locked(file, SM_LOCK_PARTICIPANT + UInt64(ParticipantID.slot(id))) != 0 {
      return false
    }
    // Its lock is free: it is dead, or it runs another program by now, or somebody in that process
    // closed a descriptor of our file. Where its pid means something to us, that decides.
    if other.pidNamespace.load() == namespace, namespace != 0 {
      let pid = Int32(bitPattern: other.pid.load())
      let started = Identity.startTime(of: pid)
      if started == other.startTime.load(), started != nil, sm_maps(pid, inode) != 0 {
        return false
      }
    }
    return other.id.load() == id
  }

  /// The participants that are not this one: dead or alive.
  func forOthers(_ body: (Participant) -> Void) {
    for slot in 0..<segment.participantCount {
      let other = segment.participant(slot)
      let id = other.id.load()
      if id != 0, id != me { body(other) }
    }
  }

  /// True when some other participant lives.
  func anyoneElse() -> Bool {
    var found = false
    forOthers { if !found, !isDead($0, thorough: true) { found = true } }
    return found
  }
}

extension Segment {
  /// Takes a participant slot for this process. Under the gate, or before anybody can see the file.
  /// Dies before the id is stored: the slot stays free. After: the lock tells that it is dead.
  func join(
    file: Int32, namespace: UInt64, slots: Range<UInt32> = 0..<SM_SEATS
  ) throws(Failure) -> UInt32 {
    for slot in slots {
      let place = participant(slot)
      if place.id.load() != 0 { continue }
      if file >= 0 {
        let error = sm_lock(file, SM_LOCK_PARTICIPANT + UInt64(slot), 0)
        if error == SM_AGAIN { continue }  // its last owner is still being torn down
        if error < 0 { throw Failure(system: "lock a place in the segment", error) }
      }
      let pid = sm_getpid()
      var generation = (place.generation.load() &+ 1) & 0x7f_ffff
      if generation == 0 { generation = 1 }
      place.generation.store(generation)
      place.recoverer.store(0)
      place.pid.store(UInt32(bitPattern: pid))
      place.startTime.store(Identity.startTime(of: pid) ?? 0)
      place.pidNamespace.store(namespace)
      place.hasLife.store(0)
      place.life.store(0)
      place.wanted.store(0)
      let id = ParticipantID.make(slot: slot, generation: generation)
      if slot >= header.participantsHigh.load() { header.participantsHigh.store(slot + 1) }
      place.id.store(id)
      return id
    }
    throw Failure(SYNCMGR_E_LIMIT, "255 processes have the space open")
  }
}
