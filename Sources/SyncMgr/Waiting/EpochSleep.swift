import CSyncMgrShim

/// A thread that sleeps on an object's epoch has no cell: its holding says since when, for
/// the window. Of two threads of one workstream it tells of one.
struct EpochSleep {
  private let caller: Caller
  private let since: UInt64

  init(_ caller: Caller) {
    self.caller = caller
    since = UInt64(bitPattern: sm_now())
    caller.holding.asleepSince.store(since)
    caller.attachment.countWait(caller.object)
  }

  static func shown(_ holding: Holding) -> LooseWait? {
    let since = holding.asleepSince.load()
    return since == 0 ? nil : LooseWait(since: since)
  }

  /// Dies before this: the holding ends with its process.
  func end() {
    caller.holding.asleepSince.store(0)
    caller.attachment.countEnd(caller.object, since: since)
  }
}
