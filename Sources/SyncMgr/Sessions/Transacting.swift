import CSyncMgr
import CSyncMgrShim

/// Transactions as a workstream has them open.
extension Stream {
  /// What a transaction needs of this workstream, with a handle of the store of its own.
  private func makeHome() throws(Failure) -> TransactionHome {
    let store = try openObject(
      Store.name,
      Parameters(type: .store, count: SYNCMGR_CHANNEL_MEMORY, compare: { _ in }))
    // A close of the workstream finds the handle among those that it ends, or has begun before.
    if Tickets.slot(of: handle).tag.load() != handle {
      closeWithin(store)
      throw Failure(SYNCMGR_E_CLOSED, "the workstream was closed")
    }
    return TransactionHome(
      attachment: attachment, possessions: self, owner: owner, store: store,
      openTarget: { (name) throws(Failure) in
        try self.openObject(
          name,
          Parameters(type: .target, count: RWLock.all, initialWord: RWLock.all))
      }, close: { handle, _ in self.closeWithin(handle) })
  }

  /// Makes a transaction by `make` and gives it a handle.
  func openTransaction(
    _ make: (TransactionBeginning) throws(Failure) -> Transaction?
  ) throws(Failure) -> UInt64? {
    let home = try makeHome()
    let found: (slot: Slot, transaction: Transaction)?
    do throws(Failure) { found = try prepare(home, make) } catch {
      closeWithin(home.store)
      throw error
    }
    guard let (slot, made) = found else {
      closeWithin(home.store)
      return nil
    }
    slot.pointee.context = Unmanaged.passRetained(made).toOpaque()
    slot.pointee.mine = owner
    made.handle = Handles.publish(slot, .transaction)
    // A close of the workstream finds it in the list, or has begun before.
    let isOpen = Local.always { _ in
      transactions?.append(made)
      return transactions != nil
    }
    if isOpen { return made.handle }
    made.abandon()
    retire(made)
    throw Failure(SYNCMGR_E_CLOSED, "the workstream was closed")
  }

  private func prepare(
    _ home: TransactionHome, _ make: (TransactionBeginning) throws(Failure) -> Transaction?
  ) throws(Failure) -> (slot: Slot, transaction: Transaction)? {
    let slot = try Handles.allocate(.transaction, attachment.id)
    do throws(Failure) {
      if let made = try make(try TransactionBeginning(home)) { return (slot, made) }
      Handles.free(slot)
      return nil
    } catch {
      Handles.free(slot)
      throw error
    }
  }

  /// Closes a transaction's handle: what has not ended is rolled back.
  static func closeTransaction(_ handle: UInt64) throws(Failure) {
    let slot = try Handles.enter(handle, .transaction)
    defer { sm_leave() }
    let transaction = Transaction.of(slot)
    guard let stream = transaction.home.possessions as? Stream else { return }
    if !stream.end(transaction) { throw Failure(SYNCMGR_E_CLOSED, "the transaction was closed") }
  }

  /// Before the workstream's other handles close. No more are begun.
  func endTransactions() {
    let open = Local.always { _ in
      defer { transactions = nil }
      return transactions ?? []
    }
    for transaction in open {
      // Who holds the attachment goes on holding it.
      _ = try? Handles.visit(transaction.handle, .transaction) { (_) throws(Failure) in
        end(transaction)
      }
    }
  }

  /// Ends one; the call is inside of its handle. False when somebody else does.
  private func end(_ transaction: Transaction) -> Bool {
    let closing = transaction.beginClosing()
    switch closing {
    case .taken: return false
    case .within: transaction.abandon()
    case .apart:
      // A call of another thread comes out: what it waits for ends.
      while !transaction.claimForClosing() {
        let open = transaction.targets.handles + [transaction.home.store]
        Closing.endWaits(attachment, through: open.map { Tickets.slot(of: $0) })
        sm_nap(200_000)
      }
      transaction.endForClosing()
    }
    // From here on the call is inside of no handle: others wait for those that are.
    sm_hold(attachment.id)
    retire(transaction)
    return true
  }

  private func retire(_ transaction: Transaction) {
    let slot = Tickets.slot(of: transaction.handle)
    guard Handles.retire(slot, transaction.handle) else { return }
    Local.always { _ in transactions?.removeAll { $0 === transaction } }
    // Calls that came in meanwhile find it closed, and go.
    Closing.waitForCalls(attachment, in: [slot])
    closeWithin(transaction.home.store)
    slot.pointee.context = nil
    Handles.free(slot)
    Unmanaged.passUnretained(transaction).release()
  }
}

/// A callback that others call, for as long as its handle is open.
final class CallbackRegistration: Registration {
  private let manager: Manager
  private let remove: () -> Void

  private init(_ manager: Manager, _ remove: @escaping () -> Void) {
    self.manager = manager
    self.remove = remove
  }

  /// `add` makes it known, when there is a handle for it; `remove` ends it.
  static func open(
    _ manager: Manager, add: () throws(Failure) -> Void, remove: @escaping () -> Void
  ) throws(Failure) -> UInt64 {
    let slot = try Handles.allocate(.subscription, manager.attachment.id)
    do throws(Failure) { try add() } catch {
      Handles.free(slot)
      throw error
    }
    let made = CallbackRegistration(manager, remove)
    slot.pointee.context = Unmanaged.passRetained(made as Registration).toOpaque()
    let handle = Handles.publish(slot, .subscription)
    manager.dispatcher.keep(handle, made)
    return handle
  }

  override func end(_ handle: UInt64) {
    manager.dispatcher.forget(self)
    let slot = Tickets.slot(of: handle)
    remove()
    slot.pointee.context = nil
    Handles.free(slot)
    Unmanaged.passUnretained(self).release()
  }
}
