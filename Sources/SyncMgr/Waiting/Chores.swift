import CSyncMgrShim

/// What the service thread is to do for an attachment at some time. They end with the attachment.
extension Attachment {
  func addChore(at time: Int64, _ work: @escaping () -> Void) {
    Local.always { _ in chores.append((time, work)) }
    Service.poke()
  }

  var nextChore: Int64 {
    Local.always { _ in chores.map { $0.time }.min() ?? Deadline.never }
  }

  func doChores() {
    let now = sm_now()
    let due = Local.always { _ in
      let due = chores.filter { $0.time <= now }
      chores.removeAll { $0.time <= now }
      return due
    }
    for chore in due { chore.work() }
  }
}
