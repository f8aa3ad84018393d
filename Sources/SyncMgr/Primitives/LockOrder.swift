import CSyncMgr
import CSyncMgrShim

/// In which order locks were taken in this process: which was taken while which was held, and
/// where that was seen first. When the orders make a circle, a deadlock is possible though none has
/// happened. Each pair is looked at once. Under the process's lock.
final class LockOrder {
  private struct Lock: Hashable {
    let index: UInt32
    let name: [UInt8]
    let type: UInt32
  }

  private struct Place {
    let workstream: UInt64
    let pid: UInt32
    let name: Name
  }

  private struct Edge {
    let held: Lock
    let taken: Lock
    let place: Place
  }

  /// By what was held, what was taken then.
  private var after: [Lock: [Lock: Place]] = [:]

  static func of(_ attachment: Attachment) -> LockOrder {
    Local.always { _ in
      if let found = attachment.lockOrder as? LockOrder { return found }
      let made = LockOrder()
      attachment.lockOrder = made
      return made
    }
  }

  /// The caller takes a lock while it holds others.
  func note(_ caller: Caller, _ held: [Object]) {
    let attachment = caller.attachment
    let taken = lock(caller.object, attachment)
    let held = held.map { lock($0, attachment) }
    let isNew = Local.always { _ in held.contains { after[$0]?[taken] == nil } }
    guard isNew, let stream = attachment.workstream(ofOwner: caller.mine) else { return }
    let place = Place(
      workstream: stream.id.load(), pid: stream.pid.load(), name: NameField(stream).read())
    let circles = Local.always { _ in
      held.compactMap { add(Edge(held: $0, taken: taken, place: place)) }
    }
    for circle in circles { report(circle, attachment) }
  }

  private func lock(_ object: Object, _ attachment: Attachment) -> Lock {
    Lock(
      index: attachment.segment.index(of: object), name: NameField(object).read().bytes,
      type: object.type.load())
  }

  /// The circle that a new edge closes, beginning with it.
  private func add(_ edge: Edge) -> [Edge]? {
    if after[edge.held]?[edge.taken] != nil { return nil }
    after[edge.held, default: [:]][edge.taken] = edge.place
    guard let way = way(from: edge.taken, to: edge.held) else { return nil }
    return [edge] + way
  }

  /// The shortest way in which locks were taken one after the other.
  private func way(from start: Lock, to end: Lock) -> [Edge]? {
    var cameBy: [Lock: Edge] = [:]
    var pending = [start]
    var next = 0
    while next < pending.count {
      let lock = pending[next]
      next += 1
      for (taken, place) in after[lock] ?? [:] where cameBy[taken] == nil && taken != start {
        cameBy[taken] = Edge(held: lock, taken: taken, place: place)
        if taken != end {
          pending.append(taken)
          continue
        }
        var way: [Edge] = []
        var at = end
        while at != start, let edge = cameBy[at] {
          way.append(edge)
          at = edge.held
        }
        return way.reversed()
      }
    }
    return nil
  }

  /// Records a circle, unless another manager or process has done so.
  private func report(_ circle: [Edge], _ attachment: Attachment) {
    let members = circle.map { edge -> Attachment.DeadlockMember in
      var member = Attachment.DeadlockMember(relation: SYNCMGR_RELATION_TOOK)
      member.workstream = edge.place.workstream
      member.pid = edge.place.pid
      member.type = edge.taken.type
      member.name = edge.place.name
      member.object = Name(made: edge.taken.name)
      member.other = Name(made: edge.held.name)
      return member
    }
    // The same locks in a circle are the same possibility, whoever took them.
    let identity = circle.reduce(UInt64(0x706f_7373)) {
      let name = UInt64(Name(made: $1.taken.name).hash)
      return $0 &+ (name &* 0x9e37_79b9_7f4a_7c15 ^ UInt64($1.taken.index))
    }
    // Without memory for a record there is none.
    try? attachment.inDeadlocks { () throws(Failure) in
      if attachment.deadlockRow(identity: identity) != nil { return }
      _ = try attachment.makeDeadlock(
        Attachment.DeadlockDraft(
          kind: SYNCMGR_DEADLOCK_POSSIBLE, identity: identity, total: circle.count,
          members: members))
    }
  }
}
