import CSyncMgr
import Testing

/// A fair semaphore, with or without SIGNALLING.
struct SemaphoreModel: Model {
  private var cast: Cast<Semaphore>
  private let isSignalling: Bool
  private let permits: UInt32
  private var available: UInt32
  private var held: [Int: UInt32] = [:]
  private var line: [(number: Int, amount: UInt32)] = []
  /// Whose ticket has finished.
  private var served: Set<Int> = []

  init(in space: Space, name: String, random: inout Random) throws {
    let isSignalling = random.chance(30)
    let permits = UInt32(random.below(6)) + (isSignalling ? 0 : 1)
    let flags = SYNCMGR_SEMAPHORE_FAIR | (isSignalling ? SYNCMGR_SEMAPHORE_SIGNALLING : 0)
    self.isSignalling = isSignalling
    self.permits = permits
    available = permits
    cast = try Cast(4, in: space) { try $0.semaphore(name, permits: permits, flags: flags) }
  }

  mutating func step(_ random: inout Random, _ log: inout Log) throws {
    let place = random.below(cast.actors.count)
    let amount = UInt32(random.below(Int(permits) + 2))
    switch random.below(100) {
    case 0..<55 where cast.actors[place].ticket != nil: collect(place, random.chance(30), &log)
    case 0..<25: attempt(place, amount, &log)
    case 25..<55: start(place, amount, &log)
    case 55..<85 where cast.actors[place].ticket == nil: release(place, amount, &log)
    case 55..<95: try observe(&log)
    default: try close(place, &log)
    }
  }

  /// Takes from the front of the line as many as there are permits for.
  private mutating func serve() {
    while let first = line.first, first.amount <= available {
      line.removeFirst()
      available -= first.amount
      if !isSignalling { held[first.number, default: 0] += first.amount }
      served.insert(first.number)
    }
  }

  /// What an acquire gives at once, or nil when it would have to wait.
  private mutating func taken(by number: Int, _ amount: UInt32) -> Status? {
    if amount == 0 || (!isSignalling && amount > permits) { return .invalid }
    if !isSignalling && held[number, default: 0] + amount > permits { return .deadlock }
    guard line.isEmpty && amount <= available else { return nil }
    available -= amount
    if !isSignalling { held[number, default: 0] += amount }
    return .ok
  }

  private mutating func attempt(_ place: Int, _ amount: UInt32, _ log: inout Log) {
    let actor = cast.actors[place]
    let expected = taken(by: actor.number, amount) ?? .timeout
    let status = actor.object.acquire(amount, 0)
    // A try waits for nobody, so that it may leave out whether the wait would be for itself.
    let other = expected == .deadlock ? .timeout : expected
    log.expect("\(actor.number): try \(amount)", status, expected, other)
  }

  private mutating func start(_ place: Int, _ amount: UInt32, _ log: inout Log) {
    let actor = cast.actors[place]
    let expected = taken(by: actor.number, amount)
    let started = actor.object.several(amount).start()
    log.expect("\(actor.number): start \(amount)", started.status, expected ?? .pending)
    if expected == nil { line.append((actor.number, amount)) }
    cast.actors[place].ticket = started.ticket
  }

  private mutating func collect(_ place: Int, _ cancels: Bool, _ log: inout Log) {
    let (number, ticket) = (cast.actors[place].number, cast.actors[place].ticket!)
    if cancels {
      let isOver = served.contains(number)
      log.expect("\(number): cancel", ticket.cancel(), isOver ? .finished : .ok)
      if !isOver {
        line.removeAll { $0.number == number }
        cast.actors[place].ticket = nil
        return serve()
      }
    }
    let isOver = served.remove(number) != nil
    log.expect("\(number): ticket", ticket.wait(0), isOver ? .ok : .pending)
    if isOver { cast.actors[place].ticket = nil }
  }

  private mutating func release(_ place: Int, _ amount: UInt32, _ log: inout Log) {
    let actor = cast.actors[place]
    let mine = held[actor.number, default: 0]
    let expected: Status =
      amount == 0 ? .invalid : isSignalling || amount <= mine ? .ok : .notOwner
    log.expect("\(actor.number): release \(amount)", actor.object.release(amount), expected)
    guard expected == .ok else { return }
    if !isSignalling { held[actor.number] = mine - amount }
    available += amount
    serve()
  }

  private func observe(_ log: inout Log) throws {
    for actor in cast.actors {
      log.expect("\(actor.number): held", try actor.object.held(), held[actor.number, default: 0])
    }
    log.expect("available", try cast.actors[0].object.available(), available)
    let holding = held.values.filter { $0 > 0 }
    log.expect("holders", try cast.actors[0].object.holders().count, holding.count)
  }

  private mutating func close(_ place: Int, _ log: inout Log) throws {
    let number = cast.actors[place].number
    // Whether a grant that was consumed and not collected returns is not promised.
    if isSignalling && served.contains(number) { return }
    try cast.replace(place, &log)
    line.removeAll { $0.number == number }
    available += held.removeValue(forKey: number) ?? 0
    served.remove(number)
    serve()
  }
}
