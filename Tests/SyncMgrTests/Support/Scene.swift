import CSyncMgr

/// Each object that can be waited for: what holds for every wait is tried with all of them.
enum Noun: String, CaseIterable, Sendable {
  case mutex, semaphore, latch, barrier, event, rwlock, election

  var type: UInt32 {
    switch self {
    case .mutex: SYNCMGR_TYPE_MUTEX
    case .semaphore: SYNCMGR_TYPE_SEMAPHORE
    case .latch: SYNCMGR_TYPE_LATCH
    case .barrier: SYNCMGR_TYPE_BARRIER
    case .event: SYNCMGR_TYPE_EVENT
    case .rwlock: SYNCMGR_TYPE_RWLOCK
    case .election: SYNCMGR_TYPE_ELECTION
    }
  }

  /// Opens an object of this type, for when it does not matter how.
  func open(_ workstream: Workstream, _ name: String) throws(Failed) -> any Waiting {
    switch self {
    case .mutex: try workstream.mutex(name)
    case .semaphore: try workstream.semaphore(name, permits: 1)
    case .latch: try workstream.latch(name, count: 1)
    case .barrier: try workstream.barrier(name, parties: 2)
    case .event: try workstream.event(name)
    case .rwlock: try workstream.rwlock(name)
    case .election: try workstream.election(name)
    }
  }
}

/// An object in a state in which whoever waits for it has to wait, with a peer that can end that.
struct Scene: Sendable {
  let noun: Noun
  /// Who will wait.
  let waiter: Workstream
  /// Who lets it go on.
  let peer: Workstream
  /// What the waiter waits for.
  let object: any Waiting
  /// Lets one waiter go on.
  let grant: @Sendable () -> Status
  /// Puts the object into the state from the beginning again, after a grant that the waiter got.
  let restore: @Sendable () -> Void

  init(_ noun: Noun, in space: Space, name: String = "object") throws(Failed) {
    self.noun = noun
    waiter = try space.workstream()
    peer = try space.workstream()
    switch noun {
    case .mutex:
      let mine = try waiter.mutex(name)
      let theirs = try peer.mutex(name)
      guard theirs.lock() == .ok else { throw Failed(status: .deadlock) }
      object = mine
      grant = { theirs.unlock() }
      restore = {
        _ = mine.unlock()
        _ = theirs.lock()
      }
    case .semaphore:
      let mine = try waiter.semaphore(name, permits: 1)
      let theirs = try peer.semaphore(name, permits: 1)
      guard theirs.acquire() == .ok else { throw Failed(status: .deadlock) }
      object = mine
      grant = { theirs.release() }
      restore = {
        _ = mine.release()
        _ = theirs.acquire()
      }
    case .latch:
      let theirs = try peer.latch(name, count: 1)
      object = try waiter.latch(name, count: 1)
      grant = { theirs.countDown() }
      // A latch stays open.
      restore = {}
    case .barrier:
      let theirs = try peer.barrier(name, parties: 2)
      object = try waiter.barrier(name, parties: 2)
      grant = {
        let status = theirs.arrive()
        return status == .leader ? .ok : status
      }
      restore = {}
    case .event:
      let theirs = try peer.event(name)
      object = try waiter.event(name)
      grant = { theirs.set() }
      restore = {}
    case .rwlock:
      let mine = try waiter.rwlock(name)
      let theirs = try peer.rwlock(name)
      guard theirs.lock(SYNCMGR_SHARED) == .ok else { throw Failed(status: .deadlock) }
      object = mine
      grant = { theirs.unlock() }
      restore = {
        _ = mine.unlock()
        _ = theirs.lock(SYNCMGR_SHARED)
      }
    case .election:
      let mine = try waiter.election(name)
      let theirs = try peer.election(name)
      guard theirs.campaign().status == .leader else { throw Failed(status: .deadlock) }
      object = mine
      // With a result whoever waits gets OK; the next round is an election of its own.
      grant = { theirs.finish([1]) }
      restore = {
        _ = theirs.reset()
        _ = theirs.campaign()
      }
    }
  }
}
