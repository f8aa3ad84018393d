/// What this process keeps for its waits: the service thread, deadlines, queues. Under its lock.
final class LocalWaiting {
  var service: Service?
  var deadlines = DeadlineHeap()
  var queues: [Queue] = []
  var renewals = Renewals()
  /// By the handles of their tickets.
  var series: [UInt64: Series] = [:]
  /// Those of which a step has ended, that nobody has looked at.
  var due: [Series] = []
}

extension Local {
  var forWaiting: LocalWaiting {
    if let found = waiting as? LocalWaiting { return found }
    let made = LocalWaiting()
    waiting = made
    return made
  }
}
