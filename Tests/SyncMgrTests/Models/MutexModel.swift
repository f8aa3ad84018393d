import CSyncMgr
import Testing

/// A fair mutex, because only strict order leaves nothing to chance.
struct MutexModel: Model {
  private var cast: Cast<Mutex>
  private let isRecursive: Bool
  private var owner: Int?
  private var depth: UInt32 = 0
  private var line: [Int] = []
  /// What finished tickets of these actors will say.
  private var outcomes: [Int: Status] = [:]
  /// Who was forced out and has not found out.
  private var losers: Set<Int> = []
  private var lastDied = false
  private var lastToken: UInt64 = 0

  init(in space: Space, name: String, random: inout Random) throws {
    let isRecursive = random.chance(50)
    let flags = SYNCMGR_MUTEX_FAIR | (isRecursive ? SYNCMGR_MUTEX_RECURSIVE : 0)
    self.isRecursive = isRecursive
    cast = try Cast(4, in: space) { try $0.mutex(name, flags: flags) }
  }

  mutating func step(_ random: inout Random, _ log: inout Log) throws {
    let place = random.below(cast.actors.count)
    switch random.below(100) {
    case 0..<50 where cast.actors[place].ticket != nil: collect(place, random.chance(30), &log)
    case 0..<20: attempt(place, &log)
    case 20..<50: start(place, &log)
    case 50..<85 where cast.actors[place].ticket == nil: unlock(place, &log)
    case 50..<90: observe(place, &log)
    case 90..<95: force(place, &log)
    default: try close(place, &log)
    }
  }

  /// What a lock by `number` gives at once, or nil when it has to wait.
  private mutating func taken(by number: Int) -> Status? {
    if owner == number {
      if isRecursive { depth += 1 }
      return isRecursive ? .ok : .deadlock
    }
    guard owner == nil else { return nil }
    return grant(to: number)
  }

  private mutating func grant(to number: Int) -> Status {
    owner = number
    depth = 1
    losers.remove(number)
    defer { lastDied = false }
    return lastDied ? .ownerDied : .ok
  }

  private mutating func handOver() {
    owner = nil
    guard !line.isEmpty else { return }
    let next = line.removeFirst()
    outcomes[next] = grant(to: next)
  }

  private mutating func attempt(_ place: Int, _ log: inout Log) {
    let actor = cast.actors[place]
    let expected = taken(by: actor.number) ?? .timeout
    log.expect("\(actor.number): try", actor.object.lock(0), expected)
  }

  private mutating func start(_ place: Int, _ log: inout Log) {
    let actor = cast.actors[place]
    let expected = taken(by: actor.number)
    let started = actor.object.start()
    log.expect("\(actor.number): start", started.status, expected ?? .pending)
    if expected == nil { line.append(actor.number) }
    cast.actors[place].ticket = started.ticket
  }

  private mutating func collect(_ place: Int, _ cancels: Bool, _ log: inout Log) {
    let (number, ticket) = (cast.actors[place].number, cast.actors[place].ticket!)
    if cancels {
      let isOver = outcomes[number] != nil
      log.expect("\(number): cancel", ticket.cancel(), isOver ? .finished : .ok)
      if !isOver {
        line.removeAll { $0 == number }
        cast.actors[place].ticket = nil
        return
      }
    }
    log.expect("\(number): ticket", ticket.wait(0), outcomes[number] ?? .pending)
    if outcomes.removeValue(forKey: number) != nil { cast.actors[place].ticket = nil }
  }

  private mutating func unlock(_ place: Int, _ log: inout Log) {
    let (number, object) = (cast.actors[place].number, cast.actors[place].object)
    if owner == number {
      log.expect("\(number): unlock", object.unlock(), .ok)
      depth -= 1
      if depth == 0 { handOver() }
    } else {
      let expected: Status = losers.remove(number) != nil ? .lost : .notOwner
      log.expect("\(number): unlock", object.unlock(), expected)
    }
  }

  private mutating func observe(_ place: Int, _ log: inout Log) {
    let (status, holder) = cast.actors[place].object.heldBy()
    log.expect("held by", status, owner == nil ? .free : .ok)
    guard owner != nil else { return }
    let actor = cast.actors.first { $0.number == owner }
    log.expect("its holder", holder.workstream, (try? actor?.workstream.id()) ?? 0)
    log.expect("its depth", holder.amount, depth)
    log.expect("its token grows", holder.token >= lastToken, true)
    lastToken = holder.token
  }

  private mutating func force(_ place: Int, _ log: inout Log) {
    // A grant that was not collected yet is left to its ticket.
    if let owner, outcomes[owner] != nil { return }
    let expected: Status = owner == nil ? .free : .ok
    log.expect("force", cast.actors[place].object.forceRelease(), expected)
    guard let loser = owner else { return }
    losers.insert(loser)
    lastDied = true
    handOver()
  }

  private mutating func close(_ place: Int, _ log: inout Log) throws {
    let number = cast.actors[place].number
    try cast.replace(place, &log)
    line.removeAll { $0 == number }
    // Who inherits has to hear of it: the next one does, when this one never did.
    if outcomes.removeValue(forKey: number) == .ownerDied { lastDied = true }
    losers.remove(number)
    if owner == number { handOver() }
  }
}
