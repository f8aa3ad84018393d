import CSyncMgr
import Testing

/// An event. Whom an auto-reset event lets go on is not promised, only that it is exactly one.
struct EventModel: Model {
  private var cast: Cast<Event>
  private let isManual: Bool
  private var isSet: Bool

  init(in space: Space, name: String, random: inout Random) throws {
    let isManual = random.chance(50)
    isSet = random.chance(30)
    let flags =
      (isManual ? SYNCMGR_EVENT_MANUAL_RESET : 0) | (isSet ? SYNCMGR_EVENT_INITIALLY_SET : 0)
    self.isManual = isManual
    cast = try Cast(4, in: space) { try $0.event(name, flags: flags) }
  }

  mutating func step(_ random: inout Random, _ log: inout Log) throws {
    let place = random.below(cast.actors.count)
    let actor = cast.actors[place]
    switch random.below(100) {
    case 0..<30: set(actor, &log)
    case 30..<40:
      log.expect("\(actor.number): reset", actor.object.reset(), .ok)
      isSet = false
    case 40..<80: wait(place, random.below(3), &log)
    case 80..<90: log.expect("set", try actor.object.isSet(), isSet)
    default: try cast.replace(place, &log)
    }
  }

  private mutating func set(_ actor: Actor<Event>, _ log: inout Log) {
    log.expect("\(actor.number): set", actor.object.set(), .ok)
    let waiting = cast.actors.filter { $0.ticket != nil }.count
    var wentOn = 0
    for place in cast.actors.indices {
      guard let ticket = cast.actors[place].ticket, ticket.wait(0) == .ok else { continue }
      wentOn += 1
      cast.actors[place].ticket = nil
    }
    if isManual {
      log.expect("of \(waiting) those that went on", wentOn, waiting)
    } else {
      log.expect("of \(waiting) those that went on", wentOn, min(1, waiting))
    }
    isSet = isManual || waiting == 0
  }

  private mutating func wait(_ place: Int, _ choice: Int, _ log: inout Log) {
    let actor = cast.actors[place]
    if let ticket = actor.ticket {
      // Whoever a set let go on was collected with that set.
      if choice == 0 {
        log.expect("\(actor.number): cancel", ticket.cancel(), .ok)
        cast.actors[place].ticket = nil
      } else {
        log.expect("\(actor.number): ticket", ticket.wait(0), .pending)
      }
      return
    }
    if choice == 0 {
      log.expect("\(actor.number): try", actor.object.wait(0), isSet ? .ok : .timeout)
    } else {
      let started = actor.object.start()
      log.expect("\(actor.number): start", started.status, isSet ? .ok : .pending)
      cast.actors[place].ticket = started.ticket
    }
    if !isManual { isSet = false }
  }
}
