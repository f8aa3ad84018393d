import CSyncMgr
import CSyncMgrShim

/// What happens to a barrier when somebody dies or closes.
extension Barrier {
  static let kind = Kind(
    holdsGrants: false,
    repair: { attachment, object in
      var wakes = Wakes()
      let generation = object.grants.load()
      attachment.rebuildLine(object)
      countParties(attachment, object)
      finishOldTickets(attachment, object, generation, &wakes)
      if object.broken.load() != 0 {
        breakUp(attachment, object, &wakes)
      } else {
        object.arrived.store(countArrivals(attachment, object, generation))
        if object.arrived.load() == 0 { object.least.store(0) }
        if object.leader.load() != 0, object.arrived.load() < parties(object) {
          object.leader.store(0)
        } else if object.leader.load() == 0, isFull(object, object.arrived.load()) {
          // The last one arrived and died before it could trip the barrier: as if it had not come.
          breakUp(attachment, object, &wakes)
        }
        wakes.broadcast(object)
      }
      wakes.send(attachment, object)
    },
    abandon: { attachment, object, holding, died in
      var wakes = Wakes()
      let generation = object.grants.load()
      let isIn = holding.mark.load() == generation &+ 1
      let isLeader = object.leader.load() != 0 && object.leader.load() == holding.workstream.load()
      if died {
        // Whoever waits now may be waiting for this one.
        if object.broken.load() == 0, isIn || object.arrived.load() > 0 {
          breakUp(attachment, object, &wakes)
        }
      } else if isIn, isLeader || holding.amount.load() == Presence.waits {
        breakUp(attachment, object, &wakes)
      } else if holding.joined.load() != 0 {
        removeParty(attachment, object, holding, &wakes)
      } else if isIn {
        // It arrived without waiting: the arrival stands, though its holding goes.
        let seen = object.detached.load()
        let count = seen >> 16 == generation & 0xffff_ffff_ffff ? seen & 0xffff : 0
        object.detached.store((generation & 0xffff_ffff_ffff) << 16 | min(count + 1, 0xffff))
      }
      holding.mark.store(0)
      if holding.joined.load() != 0 {
        holding.joined.store(0)
        countParties(attachment, object)
      }
      wakes.send(attachment, object)
    },
    withdrawn: { attachment, object, cell in
      // A ticket was cancelled, timed out, closed or its process died.
      guard cell.value.load() == object.grants.load(), object.broken.load() == 0 else { return }
      var wakes = Wakes()
      breakUp(attachment, object, &wakes)
      wakes.send(attachment, object)
    },
    refused: { _, _, _ in },
    asleep: { EpochSleep.shown($0) },
    parameters: { Barrier.showParameters($1, &$2) },
    state: { Barrier.showState($0, $1, &$2) },
    check: { attachment, object in
      let generation = object.grants.load()
      if object.broken.load() != 0 {
        return object.arrived.load() == 0 ? nil : "is broken and has arrivals"
      }
      let counted = countArrivals(attachment, object, generation)
      if counted != object.arrived.load() {
        return "counts \(object.arrived.load()) arrivals and has \(counted)"
      }
      if object.leader.load() == 0, isFull(object, counted) { return "is full and stands" }
      return nil
    })

  /// The arrivals in a generation: all of them, or those of workstreams that have not joined.
  static func countArrivals(
    _ attachment: Attachment, _ object: Object, _ generation: UInt64, joined: Bool = true
  ) -> UInt32 {
    let detached = object.detached.load()
    var count: UInt32 = 0
    if detached >> 16 == generation & 0xffff_ffff_ffff {
      count = UInt32(truncatingIfNeeded: detached & 0xffff)
    }
    attachment.forHoldings(of: object) {
      if $0.mark.load() == generation &+ 1, joined || $0.joined.load() == 0 { count += 1 }
    }
    return count
  }

  /// Tickets of generations that are over: whoever tripped the barrier died before telling them.
  private static func finishOldTickets(
    _ attachment: Attachment, _ object: Object, _ generation: UInt64, _ wakes: inout Wakes
  ) {
    var next = attachment.head(of: object)
    var left = SM_CELLS
    while let cell = next, left > 0 {
      left -= 1
      next = attachment.next(of: cell)
      if cell.value.load() != generation {
        attachment.unlink(cell, object)
        wakes.finish(
          cell, SYNCMGR_OK, value: cell.value.load(), index: cell.index.load(), attachment)
      }
    }
  }
}
