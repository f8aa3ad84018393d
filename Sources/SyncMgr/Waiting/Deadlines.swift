import CSyncMgr
import CSyncMgrShim

/// The deadlines of queued tickets of this process: a binary heap. Entries of tickets that ended
/// stay until their time comes or half of the heap is such entries. Under the process's lock.
struct DeadlineHeap {
  private var entries: [(deadline: Int64, handle: UInt64)] = []
  private var settled = 0

  var earliest: Int64 { entries.first?.deadline ?? Deadline.never }

  mutating func add(_ handle: UInt64, _ deadline: Int64) {
    entries.append((deadline, handle))
    var child = entries.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if entries[parent].deadline <= entries[child].deadline { break }
      entries.swapAt(parent, child)
      child = parent
    }
  }

  /// The ticket whose time has come, if any.
  mutating func pop(_ now: Int64) -> UInt64? {
    guard let first = entries.first, first.deadline <= now else { return nil }
    entries.swapAt(0, entries.count - 1)
    entries.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < entries.count && entries[child].deadline < entries[least].deadline {
        least = child
      }
      if least == parent { break }
      entries.swapAt(parent, least)
      parent = least
    }
    return first.handle
  }

  /// A ticket with a deadline ended before it.
  mutating func settle() {
    settled += 1
    guard settled > 1024, settled * 2 > entries.count else { return }
    let open = entries.filter { entry in
      (sm_slots() + Int(entry.handle & UInt64(SM_SLOTS - 1))).tag.load() == entry.handle
    }
    entries = []
    settled = 0
    for entry in open { add(entry.handle, entry.deadline) }
  }
}

enum Deadlines {
  static func add(_ handle: UInt64, _ deadline: Int64) {
    let first = Local.always { local in
      local.forWaiting.deadlines.add(handle, deadline)
      return local.forWaiting.deadlines.earliest == deadline
    }
    if first { Service.poke() }
  }

  /// Under the process's lock.
  static func settled() { Local.current.forWaiting.deadlines.settle() }

  static func earliest() -> Int64 { Local.always { $0.forWaiting.deadlines.earliest } }

  /// For calls of a process that has no service thread. Not inside of another call.
  static func serveIfAlone() {
    guard sm_slots() != nil, sm_process_forked() == 0 else { return }
    if Local.always({ $0.forWaiting.service == nil }) { _ = serve() }
  }

  /// Ends the tickets whose time has come.
  static func serve() -> Bool {
    let now = sm_now()
    var any = false
    while let handle = Local.always({ $0.forWaiting.deadlines.pop(now) }) {
      Tickets.expire(handle)
      any = true
    }
    return any
  }
}
