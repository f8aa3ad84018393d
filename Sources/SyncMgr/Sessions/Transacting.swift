import CSyncMgr
import CSyncMgrShim

/// Transactions as a workstream has them open.
extension Stream {
  /// What a transaction needs of this workstream, with a handle of the store of its own.
  private func makeHome() throws(Failure) -> TransactionHome {
    let store = try openObject(
      Store.name,
      Parameters(type: .store, count: SYNCMGR_CHANNEL_MEMORY, compare: { _ in }))
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
    do throws(Failure) {
      let slot = try Handles.allocate(.transaction, attachment.id)
      do throws(Failure) {
        guard let made = try make(try TransactionBeginning(home)) else {
          Handles.free(slot)
          closeWithin(home.store)
          return nil
        }
        slot.pointee.context = Unmanaged.passRetained(made).toOpaque()
        slot.pointee.mine = owner
        made.handle = Handles.value(slot, .transaction)
        let isOpen = Local.always { _ in
          if transactions == nil { return false }
          transactions?.append(made)
          return true
        }
        _ = Handles.publish(slot, .transaction)
        if isOpen { return made.handle }
        made.abandon()
        retire(made)
        throw Failure(SYNCMGR_E_CLOSED, "the workstream was closed")
      } catch {
        if slot.pointee.context == nil { Handles.free(slot) }
        throw error
      }
    } catch {
      closeWithin(home.store)
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
      guard let slot = try? Handles.enter(transaction.handle, .transaction) else { continue }
      _ = slot
      _ = end(transaction)
      sm_leave()
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
        let slots = transaction.targets.handles.map { Tickets.slot(of: $0) }
        Closing.endWaits(attachment, through: slots)
        sm_nap(200_000)
      }
      transaction.endForClosing()
    }
    retire(transaction)
    return true
  }

  private func retire(_ transaction: Transaction) {
    let slot = Tickets.slot(of: transaction.handle)
    guard Handles.retire(slot, transaction.handle) else { return }
    Local.always { _ in transactions?.removeAll { $0 === transaction } }
    sm_hold(attachment.id)
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
