import CSyncMgr
import Testing

/// A fair readers-writer lock.
struct RWLockModel: Model {
  private enum Request { case shared, exclusive, upgrade }

  private var cast: Cast<RWLock>
  private var readers: [Int: Int] = [:]
  private var writer: Int?
  private var line: [(number: Int, request: Request)] = []
  /// Whose ticket has finished.
  private var served: Set<Int> = []

  init(in space: Space, name: String, random: inout Random) throws {
    cast = try Cast(4, in: space) { try $0.rwlock(name, flags: SYNCMGR_RWLOCK_FAIR) }
  }

  mutating func step(_ random: inout Random, _ log: inout Log) throws {
    let place = random.below(cast.actors.count)
    let request = random.pick([Request.shared, .shared, .exclusive, .upgrade])
    switch random.below(100) {
    case 0..<60 where cast.actors[place].ticket != nil: collect(place, random.chance(30), &log)
    case 0..<25: attempt(place, request, &log)
    case 25..<60: start(place, request, &log)
    case 60..<80 where cast.actors[place].ticket == nil: unlock(place, &log)
    case 60..<88 where cast.actors[place].ticket == nil: downgrade(place, &log)
    case 60..<95: log.expect("holders", try cast.actors[0].object.holders(), holders)
    default: try close(place, &log)
    }
  }

  private var holders: UInt32 { UInt32(readers.count + (writer == nil ? 0 : 1)) }

  private mutating func take(_ number: Int, _ request: Request) -> Bool {
    switch request {
    case .shared:
      guard writer == nil else { return false }
      readers[number, default: 0] += 1
    case .exclusive:
      guard writer == nil, readers.isEmpty else { return false }
      writer = number
    case .upgrade:
      guard writer == nil, readers.keys.allSatisfy({ $0 == number }) else { return false }
      readers = [:]
      writer = number
    }
    return true
  }

  private mutating func serve() {
    while let first = line.first, take(first.number, first.request) {
      line.removeFirst()
      served.insert(first.number)
    }
  }

  /// What a request gives at once, or nil when it would have to wait.
  private mutating func answer(_ number: Int, _ request: Request) -> Status? {
    if request == .upgrade {
      if readers[number] == nil { return .notOwner }
      if line.first?.request == .upgrade { return .deadlock }
      return take(number, .upgrade) ? .ok : nil
    }
    if writer == number { return .deadlock }
    if readers[number] != nil {
      if request == .exclusive { return .deadlock }
      return take(number, .shared) ? .ok : nil
    }
    return line.isEmpty && take(number, request) ? .ok : nil
  }

  private func waiting(_ lock: RWLock, _ request: Request) -> any Waiting {
    switch request {
    case .shared: lock.shared
    case .exclusive: lock
    case .upgrade: lock.upgraded
    }
  }

  private mutating func attempt(_ place: Int, _ request: Request, _ log: inout Log) {
    let actor = cast.actors[place]
    let expected = answer(actor.number, request) ?? .timeout
    let status = waiting(actor.object, request).attempt()
    log.expect("\(actor.number): try \(request)", status, expected)
  }

  private mutating func start(_ place: Int, _ request: Request, _ log: inout Log) {
    let actor = cast.actors[place]
    let expected = answer(actor.number, request)
    let started = waiting(actor.object, request).start()
    log.expect("\(actor.number): start \(request)", started.status, expected ?? .pending)
    if expected == nil {
      line.insert((actor.number, request), at: request == .upgrade ? 0 : line.count)
    }
    cast.actors[place].ticket = started.ticket
  }

  private mutating func collect(_ place: Int, _ cancels: Bool, _ log: inout Log) {
    let (number, ticket) = (cast.actors[place].number, cast.actors[place].ticket!)
    let isOver = served.contains(number)
    if cancels {
      log.expect("\(number): cancel", ticket.cancel(), isOver ? .finished : .ok)
      if !isOver {
        line.removeAll { $0.number == number }
        cast.actors[place].ticket = nil
        return serve()
      }
    }
    served.remove(number)
    log.expect("\(number): ticket", ticket.wait(0), isOver ? .ok : .pending)
    if isOver { cast.actors[place].ticket = nil }
  }

  private mutating func unlock(_ place: Int, _ log: inout Log) {
    let actor = cast.actors[place]
    let isHeld = writer == actor.number || readers[actor.number] != nil
    log.expect("\(actor.number): unlock", actor.object.unlock(), isHeld ? .ok : .notOwner)
    if writer == actor.number {
      writer = nil
    } else if let count = readers[actor.number] {
      readers[actor.number] = count == 1 ? nil : count - 1
    }
    serve()
  }

  private mutating func downgrade(_ place: Int, _ log: inout Log) {
    let actor = cast.actors[place]
    let expected: Status = writer == actor.number ? .ok : .notOwner
    log.expect("\(actor.number): downgrade", actor.object.downgrade(), expected)
    guard expected == .ok else { return }
    writer = nil
    readers[actor.number] = 1
    serve()
  }

  private mutating func close(_ place: Int, _ log: inout Log) throws {
    let number = cast.actors[place].number
    try cast.replace(place, &log)
    line.removeAll { $0.number == number }
    readers[number] = nil
    if writer == number { writer = nil }
    served.remove(number)
    serve()
  }
}
