import CSyncMgr
import Testing

/// A barrier of three parties, and four who may come.
struct BarrierModel: Model {
  private var cast: Cast<Barrier>
  private let parties: UInt32 = 3
  private var generation: UInt64 = 0
  private var isBroken = false
  /// Who has arrived in this generation, in order; true for those that wait.
  private var arrivals: [(number: Int, waits: Bool)] = []
  /// What finished tickets of these actors will say.
  private var outcomes: [Int: Barrier.Passage] = [:]

  init(in space: Space, name: String, random: inout Random) throws {
    cast = try Cast(4, in: space) { try $0.barrier(name, parties: 3) }
  }

  mutating func step(_ random: inout Random, _ log: inout Log) throws {
    let place = random.below(cast.actors.count)
    let actor = cast.actors[place]
    switch random.below(100) {
    case 0..<60 where actor.ticket != nil: collect(place, random.chance(15), &log)
    case 0..<15: arrive(actor, "try", &log) { $0.pass(0) }
    case 15..<45: start(place, &log)
    case 45..<60:
      arrive(actor, "arrive", &log) {
        let status = $0.arrive()
        return .init(status: status, generation: nil, index: nil)
      }
    case 60..<63:
      log.expect("\(actor.number): abort", actor.object.abort(), .ok)
      breakUp()
    case 63..<75:
      log.expect("\(actor.number): reset", actor.object.reset(), .ok)
      breakUp()
      isBroken = false
    case 75..<95: try observe(&log)
    default: try close(place, &log)
    }
  }

  private func outcome(_ status: Status) -> Barrier.Passage {
    .init(status: status, generation: nil, index: nil)
  }

  /// Everybody who waits gets E_BROKEN.
  private mutating func breakUp() {
    for arrival in arrivals where arrival.waits { outcomes[arrival.number] = outcome(.broken) }
    arrivals = []
    isBroken = true
  }

  private mutating func trip() {
    for (index, arrival) in arrivals.enumerated() where arrival.waits {
      outcomes[arrival.number] = .init(
        status: .ok, generation: generation, index: UInt32(index))
    }
    arrivals = []
    generation += 1
  }

  /// Why an arrival fails at once, if it does.
  private func refusal(_ number: Int) -> Status? {
    if isBroken { return .broken }
    return arrivals.contains { $0.number == number } ? .already : nil
  }

  /// A try, which changes nothing unless it is the last, or an arrival without waiting.
  private mutating func arrive(
    _ actor: Actor<Barrier>, _ name: String, _ log: inout Log,
    _ call: (Barrier) -> Barrier.Passage
  ) {
    let isLast = arrivals.count == parties - 1
    let passage = call(actor.object)
    let isTry = name == "try"
    let expected: Status =
      refusal(actor.number) ?? (isLast ? .leader : isTry ? .timeout : .ok)
    log.expect("\(actor.number): \(name)", passage.status, expected)
    if isTry {
      let didPass = expected == .leader
      log.expect("its generation", passage.generation, didPass ? generation : nil)
      log.expect("its index", passage.index, didPass ? parties - 1 : nil)
    }
    if expected == .leader { trip() }
    if expected == .ok { arrivals.append((actor.number, false)) }
  }

  private mutating func start(_ place: Int, _ log: inout Log) {
    let actor = cast.actors[place]
    let isLast = arrivals.count == parties - 1
    let expected = refusal(actor.number) ?? (isLast ? .leader : .pending)
    let started = actor.object.start()
    log.expect("\(actor.number): start", started.status, expected)
    cast.actors[place].ticket = started.ticket
    if expected == .leader { trip() }
    if expected == .pending { arrivals.append((actor.number, true)) }
  }

  private mutating func collect(_ place: Int, _ cancels: Bool, _ log: inout Log) {
    let (number, ticket) = (cast.actors[place].number, cast.actors[place].ticket!)
    let over = outcomes[number]
    if cancels {
      log.expect("\(number): cancel", ticket.cancel(), over == nil ? .ok : .finished)
      if over == nil {
        arrivals.removeAll { $0.number == number }
        breakUp()
        cast.actors[place].ticket = nil
        return
      }
    }
    let (status, record) = ticket.record(0)
    log.expect("\(number): ticket", status, over?.status ?? .pending)
    guard let over else { return }
    if over.status == .ok {
      log.expect("its generation", record.value, over.generation!)
      log.expect("its index", record.index, over.index!)
    }
    outcomes[number] = nil
    cast.actors[place].ticket = nil
  }

  private func observe(_ log: inout Log) throws {
    let state = try cast.actors[0].object.state()
    log.expect("generation", state.generation, generation)
    log.expect("broken", state.isBroken, isBroken)
    if isBroken { return }
    log.expect("arrived", Int(state.arrived), arrivals.count)
    log.expect("waiting", Int(state.waiting), arrivals.filter(\.waits).count)
  }

  private mutating func close(_ place: Int, _ log: inout Log) throws {
    let number = cast.actors[place].number
    let waits = arrivals.contains { $0.number == number && $0.waits }
    try cast.replace(place, &log)
    outcomes[number] = nil
    if waits {
      arrivals.removeAll { $0.number == number }
      breakUp()
    }
  }
}
