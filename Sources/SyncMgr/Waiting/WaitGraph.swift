import CSyncMgr
import CSyncMgrShim

/// Who waits for what, and who has it: read from the segment's cells and holdings into memory of
/// this process, without any lock. It is a picture of many moments. What is found in it is
/// confirmed before anything is done about it, see `Knot.stands`.
///
/// Nodes are the workstreams that wait, and the things (objects) they wait for. One pass over the
/// tables, and then time that grows with what was found there.
struct WaitGraph {
  struct Wait {
    let stream: Int
    let thing: Int
    let amount: Int64
    let order: UInt64
    let since: UInt64
    /// Cell + 1; for a request holding + 1.
    let place: UInt32
    let isRequest: Bool
  }

  struct Hold {
    let stream: Int
    let thing: Int
    let amount: Int64
    /// Holding + 1; 0 for a mutex, whose word says it.
    let place: UInt32
  }

  struct Thing {
    let object: UInt32
    let total: Int64
    let isRequested: Bool
    var free: Int64
    /// Who has yet to come to it. The coming of each is one of what there is, and is held up with
    /// its workstream.
    var absence: Absence?
  }

  private(set) var streams: [UInt32] = []
  private(set) var things: [Thing] = []
  private(set) var waits: [Wait] = []
  private(set) var holds: [Hold] = []
  /// By stream: it can go on, whatever it waits for besides.
  private(set) var isDone: [Bool] = []
  /// By stream and thing: where in `waits` and `holds`. Waits of a thing stand in line.
  private(set) var waitsOfStream: [[Int]] = []
  private(set) var waitsOfThing: [[Int]] = []
  private(set) var holdsOfStream: [[Int]] = []
  private(set) var holdsOfThing: [[Int]] = []

  private var streamNumbers: [Int32]
  private var thingNumbers: [Int32]

  /// With `resourcesOnly` only what was recorded by hand counts.
  init(_ attachment: Attachment, resourcesOnly: Bool = false) {
    let segment = attachment.segment
    streamNumbers = [Int32](repeating: -1, count: Int(segment.workstreamCount))
    thingNumbers = [Int32](repeating: -1, count: Int(segment.objectCount))
    if !resourcesOnly { readCells(attachment) }
    readRequests(attachment)
    if waits.isEmpty { return }
    readHolds(attachment)
    index()
    reduce()
  }

  /// Two who wait for each other. Going through it has the Swift runtime make all types that a
  /// search uses: it does so under locks, and a child forked by another thread in that moment would
  /// find them locked for ever.
  init(circleOfTwo: Void) {
    (streamNumbers, thingNumbers) = ([], [])
    streams = [1, 2]
    isDone = [false, false]
    for number in 0..<2 {
      things.append(Thing(object: UInt32(number), total: 1, isRequested: false, free: 0))
      waits.append(
        Wait(
          stream: number, thing: 1 - number, amount: 1, order: 1, since: 0, place: 0,
          isRequest: false))
      holds.append(Hold(stream: number, thing: number, amount: 1, place: 0))
    }
    index()
    reduce()
  }

  // MARK: - Reading

  private mutating func number(ofStream id: UInt32, _ attachment: Attachment) -> Int? {
    let row = Int(OwnerID.index(id & OwnerID.mask))
    guard streamNumbers.indices.contains(row) else { return nil }
    let known = Int(streamNumbers[row])
    if known >= 0 { return streams[known] == id & OwnerID.mask ? known : nil }
    guard attachment.workstream(ofOwner: id) != nil else { return nil }
    streamNumbers[row] = Int32(streams.count)
    streams.append(id & OwnerID.mask)
    isDone.append(false)
    return streams.count - 1
  }

  private func known(stream id: UInt32) -> Int? {
    let row = Int(OwnerID.index(id & OwnerID.mask))
    guard streamNumbers.indices.contains(row), streamNumbers[row] >= 0 else { return nil }
    let found = Int(streamNumbers[row])
    return streams[found] == id & OwnerID.mask ? found : nil
  }

  private mutating func number(
    ofThing object: UInt32, _ supply: Supply, _ attachment: Attachment
  ) -> Int {
    let known = Int(thingNumbers[Int(object)])
    if known >= 0 { return known }
    thingNumbers[Int(object)] = Int32(things.count)
    switch supply {
    case .single: things.append(Thing(object: object, total: 1, isRequested: false, free: 1))
    case .counted(let total):
      things.append(
        Thing(object: object, total: Int64(total), isRequested: false, free: Int64(total)))
    case .recorded(let total):
      things.append(
        Thing(object: object, total: Int64(total), isRequested: true, free: Int64(total)))
    }
    return things.count - 1
  }

  private mutating func number(
    ofMeeting index: UInt32, _ object: Object, _ attachment: Attachment
  ) -> Int? {
    let known = Int(thingNumbers[Int(index)])
    if known >= 0 { return known }
    guard let absence = Kinds.of(object)?.absent(attachment, object) else { return nil }
    thingNumbers[Int(index)] = Int32(things.count)
    things.append(
      Thing(
        object: index, total: absence.missing, isRequested: true, free: absence.missing,
        absence: absence))
    return things.count - 1
  }

  /// Waits of the dead are left out: they will be recovered, and hold up nobody for ever.
  private mutating func readCells(_ attachment: Attachment) {
    let segment = attachment.segment
    for batch in 0..<segment.batchCount {
      let owner = segment.batch(batch)?.owner.load() ?? 0
      if owner == 0 || attachment.isGone(owner) { continue }
      for bit in 0..<SM_BATCH_CELLS {
        guard let cell = segment.cell(batch * SM_BATCH_CELLS + bit) else { continue }
        let kind = cell.state.load() & CellState.kind
        if kind == CellState.waiting || kind == CellState.woken { read(cell, attachment) }
      }
    }
  }

  private mutating func read(_ cell: Cell, _ attachment: Attachment) {
    let index = cell.object.load() &- 1
    guard let object = attachment.segment.object(index), thingNumbers.indices.contains(Int(index)),
      let stream = number(ofStream: cell.workstream.load(), attachment)
    else { return }
    guard let supply = Kinds.of(object)?.supply(object) else {
      guard let meeting = number(ofMeeting: index, object, attachment) else {
        isDone[stream] = true
        return
      }
      waits.append(
        Wait(
          stream: stream, thing: meeting, amount: things[meeting].absence?.needed ?? 0,
          order: cell.order.load(), since: cell.since.load(),
          place: attachment.segment.index(of: cell) + 1, isRequest: false))
      return
    }
    var amount = cell.amount.load()
    switch supply {
    case .single, .recorded: amount = 1
    case .counted(let total):
      if cell.flags.load() & CellFlag.first != 0 {
        let held = attachment.segment.holding(cell.holding.load() &- 1)?.amount.load() ?? 0
        amount = total > held ? total - held : 0
      }
    }
    waits.append(
      Wait(
        stream: stream, thing: number(ofThing: index, supply, attachment), amount: Int64(amount),
        order: cell.order.load(), since: cell.since.load(),
        place: attachment.segment.index(of: cell) + 1, isRequest: false))
  }

  private mutating func readRequests(_ attachment: Attachment) {
    let segment = attachment.segment
    for index in 0..<segment.holdingCount {
      guard let holding = segment.holding(index), holding.state.load() == SlotState.live else {
        continue
      }
      let place = holding.object.load() &- 1
      guard holding.index.load() != 0, thingNumbers.indices.contains(Int(place)),
        let object = segment.object(place),
        case .recorded(let total)? = Kinds.of(object)?.supply(object),
        !attachment.isGone(holding.owner.load()),
        let stream = number(ofStream: holding.workstream.load(), attachment)
      else { continue }
      let thing = number(ofThing: place, .recorded(total: total), attachment)
      waits.append(
        Wait(
          stream: stream, thing: thing, amount: Int64(holding.index.load()),
          order: holding.mark.load(), since: holding.leaseLength.load(), place: index + 1,
          isRequest: true))
    }
  }

  /// What those who wait have of what is waited for: nothing else can hold anybody up.
  private mutating func readHolds(_ attachment: Attachment) {
    let segment = attachment.segment
    for index in 0..<segment.holdingCount {
      guard let holding = segment.holding(index), holding.state.load() == SlotState.live else {
        continue
      }
      let object = Int(holding.object.load()) - 1
      guard thingNumbers.indices.contains(object), thingNumbers[object] >= 0,
        let stream = known(stream: holding.workstream.load())
      else { continue }
      let thing = Int(thingNumbers[object])
      guard let row = segment.object(UInt32(object)), let supply = Kinds.of(row)?.supply(row) else {
        continue
      }
      var amount = Int64(holding.amount.load())
      if case .single(let owner) = supply {
        amount = owner != 0 && owner == holding.workstream.load() & OwnerID.mask ? 1 : 0
      }
      if amount == 0 { continue }
      things[thing].free -= amount
      holds.append(Hold(stream: stream, thing: thing, amount: amount, place: index + 1))
    }
    for thing in things.indices {
      for owner in things[thing].absence?.owners ?? [] {
        guard let stream = known(stream: owner) else { continue }
        things[thing].free -= 1
        holds.append(Hold(stream: stream, thing: thing, amount: 1, place: 0))
      }
    }
  }

  private mutating func index() {
    waitsOfStream = [[Int]](repeating: [], count: streams.count)
    holdsOfStream = [[Int]](repeating: [], count: streams.count)
    waitsOfThing = [[Int]](repeating: [], count: things.count)
    holdsOfThing = [[Int]](repeating: [], count: things.count)
    for (place, wait) in waits.enumerated() {
      waitsOfStream[wait.stream].append(place)
      waitsOfThing[wait.thing].append(place)
    }
    for (place, hold) in holds.enumerated() {
      holdsOfStream[hold.stream].append(place)
      holdsOfThing[hold.thing].append(place)
    }
    for thing in waitsOfThing.indices where waitsOfThing[thing].count > 1 {
      waitsOfThing[thing].sort { waits[$0].order < waits[$1].order }
    }
  }

  // MARK: - Reducing

  /// Lets everybody end who can, and give back what it has, until nobody else can. A workstream
  /// can end as soon as one of its waits can be granted. The order in which they end does not
  /// matter: what is free only grows and lines only get shorter.
  private mutating func reduce() {
    var position = [Int](repeating: 0, count: things.count)
    var pending = Array(things.indices)
    var isPending = [Bool](repeating: true, count: things.count)

    func push(_ thing: Int) {
      if isPending[thing] { return }
      isPending[thing] = true
      pending.append(thing)
    }
    func release(_ stream: Int) {
      for place in holdsOfStream[stream] {
        things[holds[place].thing].free += holds[place].amount
        push(holds[place].thing)
      }
      for place in waitsOfStream[stream] { push(waits[place].thing) }
    }

    for stream in streams.indices where isDone[stream] || waitsOfStream[stream].isEmpty {
      isDone[stream] = true
      release(stream)
    }
    while let thing = pending.popLast() {
      isPending[thing] = false
      let line = waitsOfThing[thing]
      if things[thing].isRequested {
        // No line: whoever asked for no more than there is.
        for place in line
        where !isDone[waits[place].stream] && waits[place].amount <= things[thing].free {
          isDone[waits[place].stream] = true
          release(waits[place].stream)
        }
        continue
      }
      while position[thing] < line.count {
        let wait = waits[line[position[thing]]]
        if !isDone[wait.stream] {
          if wait.amount > things[thing].free { break }
          isDone[wait.stream] = true
          release(wait.stream)
        }
        position[thing] += 1
      }
    }
  }

  /// Who stands before `wait` in line and cannot end: what holds a wait up for which there would
  /// be enough. (Who holds it up otherwise are those who have the thing.)
  func predecessor(of place: Int) -> Int? {
    let wait = waits[place]
    if things[wait.thing].isRequested { return nil }
    var before: Int?
    for other in waitsOfThing[wait.thing] {
      if other == place { break }
      let stream = waits[other].stream
      if !isDone[stream], stream != wait.stream { before = stream }
    }
    return before
  }

  var isDeadlocked: Bool { !waits.isEmpty && isDone.contains(false) }
}
