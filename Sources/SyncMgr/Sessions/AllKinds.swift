/// Tells the floors below how to recover each type of object, by the type's number in the header.
enum AllKinds {
  /// Threads may come here at once; who reads the table came here before.
  static func install() throws(Failure) {
    try Local.locked { (_) throws(Failure) in
      if Kinds.table.isEmpty {
        Kinds.table = [
          Mutex.kind, Semaphore.kind, Latch.kind, Barrier.kind, Event.kind, RWLock.kind,
          Condition.kind, Election.kind, SyncPoint.kind, Resource.kind, Channel.kind,
          Channel.mailboxKind, Store.kind, RWLock.kind,
        ]
        StoreRules.look = { (store, changes) throws(Failure) in
          try DeclaredRules.guarding(store, changes)
        }
      }
    }
  }
}
