import CSyncMgr
import CSyncMgrShim

/// The election: one permit, handed on in order of arrival. Whoever has it leads. Once there is a
/// result (`detached` is 1) nobody leads any more: `detached` is stored after the result is
/// complete and before the leader's permit goes back, so that a death in between ends the election
/// as well.
enum Election {
  static func hasResult(_ object: Object) -> Bool { object.detached.load() != 0 }

  // MARK: - Standing

  static func campaign(_ caller: Caller, _ timeout: Int64) throws(Failure) -> Outcome {
    let deadline = try Deadline.after(timeout)
    if let status = try campaignNow(caller) { return outcome(caller, status) }
    if timeout == 0 {
      throw Failure(SYNCMGR_E_TIMEOUT, caller.object, "another leads; the call does not wait")
    }
    let won = try Permits.wait(caller, 1, until: deadline) { admit(caller) }
    return outcome(caller, try won.get(caller.object))
  }

  static func campaignStart(
    _ caller: Caller, _ start: Tickets.Start
  ) throws(Failure) -> Started {
    try start.check(caller)
    if let status = try campaignNow(caller) {
      return Started(outcome: outcome(caller, status))
    }
    var started = try Permits.start(caller, 1, start) { admit(caller) }
    // Who finds a result has no term.
    if started.outcome.status == SYNCMGR_OK { started.outcome.value = 0 }
    return started
  }

  private static func campaignNow(_ caller: Caller) throws(Failure) -> Int32? {
    try caller.lock()
    defer { caller.unlock() }
    return admit(caller)
  }

  private static func outcome(_ caller: Caller, _ status: Int32) -> Outcome {
    Outcome(status, value: status == SYNCMGR_LEADER ? caller.holding.token.load() : 0)
  }

  /// Under the guard.
  private static func admit(_ caller: Caller) -> Int32? {
    if hasResult(caller.object) { return SYNCMGR_OK }
    if caller.holding.amount.load() > 0 { return SYNCMGR_LEADER }
    return Permits.takeIfFree(caller.attachment, caller.object, caller.holding, 1)
  }

  // MARK: - Leading

  static func resign(_ caller: Caller) throws(Failure) {
    var wakes = Wakes()
    try caller.lock()
    let leads = caller.holding.amount.load() > 0
    let failure = leads ? nil : Holds.missing(caller)
    if leads { Permits.release(caller.attachment, caller.object, caller.holding, 1, &wakes) }
    caller.unlock()
    wakes.send(caller.attachment)
    if let failure { throw failure }
  }

  static func finish(_ caller: Caller, _ result: UnsafeRawBufferPointer) throws(Failure) {
    let (object, attachment) = (caller.object, caller.attachment)
    var wakes = Wakes()
    try caller.lock()
    if caller.holding.amount.load() == 0 {
      let failure = Holds.missing(caller)
      caller.unlock()
      throw failure
    }
    UnsafeMutableRawBufferPointer(start: sm_object_value(object), count: Int(SYNCMGR_RESULT_MAX))
      .copyMemory(from: result)
    object.valueLength.store(UInt32(result.count))
    object.detached.store(1)
    attachment.finishLine(object, SYNCMGR_OK, &wakes)
    Permits.release(attachment, object, caller.holding, 1, &wakes)
    caller.unlock()
    wakes.send(attachment)
  }

  /// The result, copied; nil when there is none yet.
  static func result(_ caller: Caller) throws(Failure) -> [UInt8]? {
    try caller.lock()
    defer { caller.unlock() }
    let object = caller.object
    guard hasResult(object) else { return nil }
    let length = min(Int(object.valueLength.load()), Int(SYNCMGR_RESULT_MAX))
    return Array(UnsafeRawBufferPointer(start: sm_object_value(object), count: length))
  }

  static func reset(_ caller: Caller) throws(Failure) {
    try caller.lock()
    caller.object.detached.store(0)
    caller.unlock()
  }

  // MARK: - Death

  static let kind = Kind(
    holdsGrants: true,
    repair: { attachment, object in
      if hasResult(object) {
        var wakes = Wakes()
        attachment.rebuildLine(object)
        attachment.finishLine(object, SYNCMGR_OK, &wakes)
        wakes.send(attachment)
      }
      Permits.repair(attachment, object)
    },
    abandon: { attachment, object, holding, died in
      let held = holding.amount.load()
      Permits.giveBack(attachment, object, holding, held, isTold: !died)
      if died, held > 0 { Holds.tellDeath(attachment, object, holding) }
    },
    withdrawn: { attachment, object, cell in Permits.withdrawn(attachment, object, cell) },
    refused: { attachment, object, cell in
      if Int32(bitPattern: cell.result.load()) == SYNCMGR_LEADER {
        Permits.refused(attachment, object, cell)
      }
    },
    take: { attachment, object, holding in Holds.take(attachment, object, holding) },
    supply: { object in Permits.supply(object) },
    held: { Permits.held($0, $1) },
    acquisitions: { Permits.acquisitions($0) },
    state: { Election.showState($0, $1, &$2) },
    check: { attachment, object in Permits.check(attachment, object) })
}
