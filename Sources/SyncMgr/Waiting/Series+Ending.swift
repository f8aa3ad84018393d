import CSyncMgr
import CSyncMgrShim

/// How a series ends: its ticket is waited for, cancelled, or dropped; a handle of it closes.
extension Series {
  /// Sleeps until it is over (done), or somebody else has used up its ticket (woken).
  func wait(_ handle: UInt64, until patience: Int64) -> Wakening {
    sm_hold(attachment.id)
    var isInterrupted = false
    while true {
      let isAlone = attachment.served.load() != Served.yes
      let rung = bell.load()
      let called = attachment.participant.doorbell.load()
      if isAlone {
        // Deadlines of other spaces may be due: each is entered for itself.
        sm_leave()
        Deadlines.serveIfAlone()
        if (try? Handles.enter(handle, .ticket)) == nil { return .woken }
        sm_hold(attachment.id)
        attachment.serviceOnce()
        _ = Series.goOn(attachment)
      }
      if let isOver = always({ isGone ? false : outcome.map { _ in true } }) {
        return isOver ? .done : .woken
      }
      if isInterrupted { return .interrupted }
      if Deadline.hasPassed(patience) { return .timedOut }
      let error: Int32
      if isAlone {
        let tick = Deadline.earlier(deadline, sm_now() + 20_000_000)
        error = sm_futex_waitv(
          [
            sm_waitv(word: bell.at, expected: rung, reserved: 0),
            sm_waitv(
              word: attachment.participant.doorbell.at, expected: called, reserved: 0),
          ], 2, Deadline.earlier(patience, tick))
      } else {
        error = sm_futex_wait(bell.at, rung, patience)
      }
      // Looks once more: it may have been woken for another thread's sake, too.
      isInterrupted = error == SM_INTERRUPT
    }
  }

  /// Takes the outcome, for the call that ends the ticket, and tells the caller's memory.
  func collect() throws(Failure) -> Outcome {
    try locked { () throws(Failure) in
      forget()
      guard !isGone, let outcome else {
        throw Failure(SYNCMGR_E_CLOSED, "the ticket was used up")
      }
      isGone = true
      tell(outcome)
      if outcome.status < 0 { throw Failure(outcome.status, naming: sentence) }
      return outcome
    }
  }

  var status: Int32 { always { outcome?.status ?? SYNCMGR_E_CLOSED } }

  /// Withdraws it. False when it is over. What was granted last counts as the others do: when it
  /// was the last, all of them were granted.
  func cancel() -> Bool {
    always {
      if isGone { return true }
      if outcome != nil { return false }
      if let ended = endStep() {
        if ended.outcome.status < 0 || statuses.count + 1 == handles.count {
          if let result = advance(after: ended) { finish(result) }
          return false
        }
        statuses.append(ended.outcome.status)
      }
      drop()
      return true
    }
  }

  /// Withdraws the step that is waited for; what came of it, when it was too late for that.
  private func endStep() -> (outcome: Outcome, words: String)? {
    if step == 0 { return nil }
    if (try? Tickets.takeBack(step, attachment)) == true {
      step = 0
      return nil
    }
    return ended()
  }

  /// Gives back what it has. Nobody will hear of it.
  func drop() {
    giveBack()
    isGone = true
    forget()
    ring()
  }

  func forget() {
    Local.always { local in
      local.forWaiting.series[handle] = nil
      local.forWaiting.due.removeAll { $0 === self }
    }
  }

  // MARK: - Closing

  /// Ends those that go through the slots of handles that close, as E_CLOSED, also those that were
  /// granted and not collected. No call is inside of these handles any more.
  static func close(_ attachment: Attachment, through slots: Set<UInt32>) {
    for series in all(attachment, { $0.goes(through: slots) }) {
      series.always { series.close(slots) }
    }
  }

  private func close(_ slots: Set<UInt32>) {
    if isGone { return }
    let words = "a handle was closed while the call ran"
    let closed = handles.firstIndex { slots.contains(sm_handle_index($0)) }
    if let result = outcome {
      if result.status < 0 { return }
      let failure = fail(Outcome(SYNCMGR_E_CLOSED), words, at: closed, closing: slots)
      outcome = failure
      Local.always { _ in Queue.at(queueSlot)?.revoke(handle, index: failure.index) }
      return
    }
    if let ended = endStep(), ended.outcome.status >= 0 { statuses.append(ended.outcome.status) }
    finish(fail(Outcome(SYNCMGR_E_CLOSED), words, at: closed, closing: slots))
  }

  /// Ends the tickets without a queue that go through these slots: nobody is to collect them.
  static func endTickets(_ attachment: Attachment, through slots: Set<UInt32>) {
    for series in all(attachment, { $0.queueSlot == 0 && $0.goes(through: slots) }) {
      series.always {
        series.isGone = true
        series.forget()
      }
      _ = Tickets.end(series.slot, series.handle, attachment)
    }
  }

  /// Drops those of a queue that closes. Grants that had come are given back.
  static func drop(_ attachment: Attachment, of queue: UInt32) {
    for series in all(attachment, { $0.queueSlot == queue }) {
      series.always {
        if series.isGone { return }
        if let result = series.outcome {
          if result.status >= 0 { series.drop() }
          series.isGone = true
          series.forget()
          return
        }
        if let ended = series.endStep(), ended.outcome.status >= 0 {
          series.statuses.append(ended.outcome.status)
        }
        series.drop()
      }
      _ = Tickets.end(series.slot, series.handle, attachment)
    }
  }
}
