import CSyncMgr
import CSyncMgrShim

/// The whole space at a moment, as a JSON document. Takes no guard: it holds up nobody and nobody
/// holds it up. The price is that its parts may be some microseconds apart. Whatever the segment
/// says is bounded before it is followed.
struct Snapshot {
  let attachment: Attachment
  private let now = UInt64(bitPattern: sm_now())
  /// By object index.
  private var lines: [UInt32: [Waiter]] = [:]
  private var holds: [UInt32: [Hold]] = [:]
  private var opens: [UInt32: Int] = [:]
  private var objects: [(index: UInt32, at: Object, name: String)] = []
  /// By owner id; nil for one that is not there any more.
  private var people: [UInt32: Person?] = [:]

  struct Person {
    let id: UInt64
    let name: String
    let pid: Int32
  }

  struct Waiter {
    let who: Person
    let since: UInt64
    var order: UInt64 = 0
    var amount: UInt32 = 0
    var flags: UInt32 = 0
  }

  struct Hold {
    let who: Person
    let held: Held
    let lease: UInt64
  }

  static func take(_ attachment: Attachment) -> [UInt8] {
    var snapshot = Snapshot(attachment)
    return snapshot.write()
  }

  private init(_ attachment: Attachment) { self.attachment = attachment }

  private var segment: Segment { attachment.segment }

  // MARK: - Collecting

  private mutating func person(_ owner: UInt32) -> Person? {
    let owner = owner & OwnerID.mask
    if let known = people[owner] { return known }
    let found = attachment.workstream(ofOwner: owner).map {
      Person(
        id: $0.id.load(), name: NameField($0).read().text,
        pid: Int32(bitPattern: $0.pid.load()))
    }
    people[owner] = .some(found)
    return found
  }

  private mutating func collectObjects() {
    for index in 0..<segment.objectCount {
      guard let object = segment.object(index), object.state.load() == SlotState.live,
        object.type.load() != ObjectType.mailbox
      else { continue }
      objects.append((index, object, NameField(object).read().text))
    }
  }

  private mutating func collectWaits() {
    for batch in 0..<segment.batchCount where segment.batch(batch)?.owner.load() != 0 {
      for bit in 0..<SM_BATCH_CELLS {
        if let cell = segment.cell(batch * SM_BATCH_CELLS + bit) { collect(cell) }
      }
    }
  }

  private mutating func collect(_ cell: Cell) {
    func waitsFor() -> UInt32 {
      let kind = cell.state.load() & CellState.kind
      return kind == CellState.waiting || kind == CellState.woken ? cell.object.load() : 0
    }
    let object = waitsFor()
    let order = cell.order.load()
    guard object != 0, let who = person(cell.workstream.load()) else { return }
    let waiter = Waiter(
      who: who, since: cell.since.load(), order: order, amount: cell.amount.load(),
      flags: cell.flags.load())
    // The cell may have been used for another wait meanwhile: that one is left for next time.
    if waitsFor() == object, cell.order.load() == order {
      lines[shown(object &- 1), default: []].append(waiter)
    }
  }

  /// A mailbox is shown as the channel that it belongs to.
  private func shown(_ index: UInt32) -> UInt32 {
    guard segment.object(index)?.type.load() == ObjectType.mailbox,
      let mailbox = segment.mailbox(index)
    else { return index }
    return mailbox.channel.load() &- 1
  }

  private mutating func collectHoldings() {
    for index in 0..<segment.holdingCount {
      guard let holding = segment.holding(index), holding.state.load() == SlotState.live,
        let object = segment.object(holding.object.load() &- 1),
        let who = person(holding.workstream.load())
      else { continue }
      let place = segment.index(of: object)
      opens[place, default: 0] += 1
      guard let kind = Kinds.of(object) else { continue }
      if let held = kind.held(object, holding) {
        holds[place, default: []].append(Hold(who: who, held: held, lease: holding.lease.load()))
      }
      if let wait = kind.asleep(holding) {
        lines[place, default: []].append(
          Waiter(who: who, since: wait.since, order: wait.order, amount: wait.amount))
      }
    }
  }

  // MARK: - Writing

  private mutating func write() -> [UInt8] {
    collectObjects()
    collectWaits()
    collectHoldings()
    for index in lines.keys { lines[index]?.sort { $0.order < $1.order } }
    var json = JSON()
    json.object { json in
      json.object("space") { writeSpace(&$0) }
      json.array("processes") { writeProcesses(&$0) }
      json.array("workstreams") { writeWorkstreams(&$0) }
      json.array("objects") { json in
        for object in objects { json.object { write(object.index, object.at, object.name, &$0) } }
      }
      json.object("graph") { $0.array("edges") { writeEdges(&$0) } }
    }
    return json.bytes
  }

  private func writeSpace(_ json: inout JSON) {
    let header = attachment.header
    json.text("url", attachment.text)
    if let path = attachment.storePath {
      json.text("store", String(decoding: path, as: UTF8.self))
    } else {
      json.null("store")
    }
    json.text("identity", String(header.pointee.identity, radix: 16))
    json.text("version", String(cString: sm_version_text()))
    json.number("layout", header.pointee.version)
    json.number("size", sm_segment_size())
    json.truth("persistent", header.flags.load() & SYNCMGR_PERSISTENT != 0)
    json.truth("counters", attachment.counts)
    json.object("limits") { json in
      json.number("processes", SM_SEATS)
      json.number("workstreams", SM_WORKSTREAMS)
      json.number("objects", SM_OBJECTS)
      json.number("open_objects", SM_HOLDINGS)
      json.number("waits", SM_CELLS)
    }
    json.object("used") { json in
      json.number(
        "processes",
        count(segment.participantCount) {
          segment.participant($0).id.load() != 0
        })
      json.number(
        "workstreams",
        count(segment.workstreamCount) {
          segment.workstream($0)?.state.load() == SlotState.live
        })
      json.number("objects", objects.count)
      json.number("open_objects", opens.values.reduce(0, +))
      json.number("waits", lines.values.reduce(0) { $0 + $1.count })
    }
  }

  private func count(_ limit: UInt32, _ isUsed: (UInt32) -> Bool) -> Int {
    (0..<limit).reduce(0) { isUsed($1) ? $0 + 1 : $0 }
  }

  private func writeProcesses(_ json: inout JSON) {
    var streams: [UInt32: Int] = [:]
    for index in 0..<segment.workstreamCount {
      if let stream = segment.workstream(index), stream.state.load() == SlotState.live {
        streams[stream.owner.load(), default: 0] += 1
      }
    }
    for slot in 0..<segment.participantCount {
      let other = segment.participant(slot)
      let id = other.id.load()
      if id == 0 { continue }
      json.object { json in
        json.number("pid", Int32(bitPattern: other.pid.load()))
        json.truth("alive", !attachment.isGone(id))
        json.truth("self", id == attachment.me)
        json.number("workstreams", streams[id] ?? 0)
      }
    }
  }

  private func writeWorkstreams(_ json: inout JSON) {
    var held: [UInt64: [String]] = [:]
    var wanted: [UInt64: [String]] = [:]
    for object in objects {
      for hold in holds[object.index] ?? [] { held[hold.who.id, default: []].append(object.name) }
      for waiter in lines[object.index] ?? [] {
        wanted[waiter.who.id, default: []].append(object.name)
      }
    }
    for index in 0..<segment.workstreamCount {
      guard let stream = segment.workstream(index), stream.state.load() == SlotState.live else {
        continue
      }
      let id = stream.id.load()
      json.object { json in
        json.number("id", id)
        json.text("name", NameField(stream).read().text)
        json.number("pid", Int32(bitPattern: stream.pid.load()))
        json.array("holds") { json in for name in held[id] ?? [] { json.text(nil, name) } }
        json.array("waits") { json in for name in wanted[id] ?? [] { json.text(nil, name) } }
      }
    }
  }

  private func writeEdges(_ json: inout JSON) {
    for object in objects {
      for waiter in lines[object.index] ?? [] {
        json.object { json in
          json.text("kind", "waits")
          json.number("workstream", waiter.who.id)
          json.text("object", object.name)
        }
      }
      for hold in holds[object.index] ?? [] {
        json.object { json in
          json.text("kind", "held")
          json.text("object", object.name)
          json.number("workstream", hold.who.id)
        }
      }
    }
  }

  // MARK: - One object

  private func write(_ index: UInt32, _ object: Object, _ name: String, _ json: inout JSON) {
    let kind = Kinds.of(object)
    let type = object.type.load()
    json.text("name", name)
    json.text("type", HandleType(rawValue: type)?.word ?? "type-\(type)")
    json.number("open", opens[index] ?? 0)
    json.object("parameters") { kind?.parameters(attachment, object, &$0) }
    json.object("state") { kind?.state(attachment, object, &$0) }
    json.array("holders") { json in
      for hold in holds[index] ?? [] { json.object { write(hold, kind, &$0) } }
    }
    json.array("waiters") { json in
      for (place, waiter) in (lines[index] ?? []).enumerated() {
        json.object { write(waiter, place, kind, &$0) }
      }
    }
    if object.previousSet.load() != 0 {
      json.object("previous_owner") { json in
        json.number("workstream", object.previousWorkstream.load())
        json.text("name", NameField(previousOwnerOf: object).read().text)
        json.number("pid", Int32(bitPattern: object.previousPid.load()))
        json.number("token", object.previousToken.load())
      }
    } else {
      json.null("previous_owner")
    }
    attachment.showCounters(of: object, &json)
  }

  private func write(_ who: Person, _ json: inout JSON) {
    json.number("workstream", who.id)
    json.text("name", who.name)
    json.number("pid", who.pid)
  }

  private func write(_ hold: Hold, _ kind: Kind?, _ json: inout JSON) {
    write(hold.who, &json)
    let mode = kind?.mode(hold.held.amount)
    json.number(
      "amount", hold.held.amount == SYNCMGR_COUNT_MAX && mode != nil ? 1 : hold.held.amount)
    if let mode { json.text("mode", mode.description) }
    if hold.held.token != 0 { json.number("token", hold.held.token) }
    if hold.lease != 0 {
      json.milliseconds("lease_ms", hold.lease > now ? hold.lease - now : 0)
    }
  }

  private func write(_ waiter: Waiter, _ place: Int, _ kind: Kind?, _ json: inout JSON) {
    write(waiter.who, &json)
    json.number("place", place)
    json.milliseconds("age_ms", now > waiter.since ? now - waiter.since : 0)
    json.truth("ticket", waiter.flags & CellFlag.ticket != 0)
    if let mode = kind?.mode(waiter.amount) {
      json.text("mode", waiter.flags & CellFlag.first != 0 ? "upgrade" : mode.description)
    } else if waiter.amount != 0 {
      json.number("amount", waiter.amount)
    }
  }
}
