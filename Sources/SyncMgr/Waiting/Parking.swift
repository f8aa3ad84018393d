import CSyncMgr
import CSyncMgrShim

/// Monotonic deadlines. -1 is never.
enum Deadline {
  static let never: Int64 = -1

  /// The end of a timeout that the header allows.
  static func after(_ timeout: Int64) throws(Failure) -> Int64 {
    if timeout < SYNCMGR_FOREVER {
      throw Failure(
        SYNCMGR_E_INVALID, naming: "the timeout \(timeout) is below SYNCMGR_FOREVER (-1)")
    }
    if timeout == SYNCMGR_FOREVER { return never }
    let (end, overflow) = sm_now().addingReportingOverflow(timeout)
    return overflow ? never : end
  }

  static func hasPassed(_ deadline: Int64) -> Bool { deadline != never && sm_now() >= deadline }

  static func earlier(_ one: Int64, _ other: Int64) -> Int64 {
    if one == never { return other }
    if other == never { return one }
    return min(one, other)
  }
}

/// How a sleep ended.
enum Wakening {
  case done
  case woken
  case moved
  case timedOut
  case interrupted
}

extension Attachment {
  /// When a sleeper wakes to look after dead processes itself: never, where the service thread
  /// does, which hears of deaths at once. (A sleep without a time is also the cheaper one: 0.5 of 5
  /// us.)
  private func endOfSleep(_ deadline: Int64) -> Int64 {
    if served.load() == Served.yes { return deadline }
    if !isShared { return Deadline.earlier(deadline, nextChore) }
    return Deadline.earlier(deadline, sm_now() + 20_000_000)
  }

  /// What a sleeper does at each tick, where no service thread does it.
  private func lookAround() {
    if isShared {
      recoverDead()
      expireLeases()
    }
    if served.load() != Served.yes { doChores() }
  }

  static let processors = UInt32(max(sm_processors(), 1))

  /// Sleeps until the cell's wait ends, it is told to try, or the deadline passes.
  func park(_ cell: Cell, until deadline: Int64, interruptible: Bool = false) -> Wakening {
    while true {
      let state = cell.state.load()
      switch state & CellState.kind {
      case CellState.done, CellState.free: return .done
      case CellState.woken: return .woken
      default: break
      }
      if state & CellState.moved != 0 {
        if cell.state.claim(state, state & ~CellState.moved) { return .moved }
        continue
      }
      if Deadline.hasPassed(deadline) { return .timedOut }
      let asleep = CellState.waiting | CellState.asleep
      // The waker changes the state under the guard and looks at this bit: either it sees that it
      // has somebody to wake, or we see the change here.
      if state != asleep, !cell.state.claim(state, asleep) { continue }
      let error = sm_futex_wait(cell.state.at, asleep, endOfSleep(deadline))
      if error == SM_INTERRUPT, interruptible { return .interrupted }
      if error == SM_LATE { lookAround() }
    }
  }

  /// Sleeps until the object's epoch is no longer `seen`, or for one tick, or until the deadline:
  /// the caller looks at what it waits for and comes again.
  func parkOnEpoch(_ object: Object, _ seen: UInt32, until deadline: Int64) {
    park(on: object.epoch, seen, until: deadline)
  }

  /// The same for any word.
  func park(on word: Word32, _ seen: UInt32, until deadline: Int64) {
    let error = sm_futex_wait(word.at, seen, endOfSleep(deadline))
    if error == SM_LATE { lookAround() }
  }

  /// Spins for a moment while `done` is not, if that can pay: when whoever will change the object
  /// ran last on another CPU than this thread's. On the same CPU it cannot run before we sleep.
  /// Measured: between two running processes this is 30 to 40 times faster than sleeping.
  @inline(__always)
  func spin(_ object: Object, rounds: Int = Spin.least, _ done: () -> Bool) -> Bool {
    spin(on: object.cpu, rounds: rounds, done)
  }

  /// The same, with the CPU in any word.
  @inline(__always)
  func spin(on cpu: Word32, rounds: Int = Spin.least, _ done: () -> Bool) -> Bool {
    for round in 0..<rounds {
      if round & 15 == 0, !Spin.pays(cpu) { return false }
      sm_pause()
      if done() { return true }
    }
    return false
  }
}
