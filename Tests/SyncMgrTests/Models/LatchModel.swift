import CSyncMgr
import Testing

/// A latch.
struct LatchModel: Model {
  private var cast: Cast<Latch>
  private var count: UInt32

  init(in space: Space, name: String, random: inout Random) throws {
    let count = UInt32(random.below(25))
    self.count = count
    cast = try Cast(4, in: space) { try $0.latch(name, count: count) }
  }

  mutating func step(_ random: inout Random, _ log: inout Log) throws {
    let place = random.below(cast.actors.count)
    let actor = cast.actors[place]
    switch random.below(100) {
    case 0..<30: countDown(actor, UInt32(random.below(4)), &log)
    case 30..<70: wait(place, random.below(3), &log)
    case 70..<90: log.expect("count", try actor.object.count(), count)
    default: try cast.replace(place, &log)
    }
  }

  private mutating func countDown(_ actor: Actor<Latch>, _ amount: UInt32, _ log: inout Log) {
    let expected: Status = amount == 0 ? .invalid : amount > count ? .overflow : .ok
    log.expect("\(actor.number): count down \(amount)", actor.object.countDown(amount), expected)
    if expected == .ok { count -= amount }
  }

  private mutating func wait(_ place: Int, _ choice: Int, _ log: inout Log) {
    let actor = cast.actors[place]
    if let ticket = actor.ticket {
      if choice == 0 {
        log.expect("\(actor.number): cancel", ticket.cancel(), count == 0 ? .finished : .ok)
        if count > 0 {
          cast.actors[place].ticket = nil
          return
        }
      }
      log.expect("\(actor.number): ticket", ticket.wait(0), count == 0 ? .ok : .pending)
      if count == 0 { cast.actors[place].ticket = nil }
    } else if choice == 0 {
      log.expect("\(actor.number): try", actor.object.wait(0), count == 0 ? .ok : .timeout)
    } else {
      let started = actor.object.start()
      log.expect("\(actor.number): start", started.status, count == 0 ? .ok : .pending)
      cast.actors[place].ticket = started.ticket
    }
  }
}
