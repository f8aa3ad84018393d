import CSyncMgr
import CSyncMgrShim

/// The patterns of a channel's subscribers: a table in the segment, and in each process that sends
/// or subscribes a trie of what is in there, brought up to date by the table's log of changes. So
/// nothing that a peer may spoil is walked along, and a publish costs what its matches cost.
///
/// Everything is under the channel's send guard. An entry is there when its mailbox is stored,
/// which is done last, and gone when that is 0.
enum Topics {
  /// Gives a subscriber's mailbox one pattern more.
  static func add(
    _ channel: Channel, _ mailbox: Mailbox, _ pattern: UnsafeRawBufferPointer
  ) throws(Failure) {
    let mirror = Mirror.of(channel)
    mirror.refresh(channel.attachment, channel.row)
    let index = channel.attachment.segment.index(of: mailbox)
    let key = Mirror.PatternKey(mailbox: index, serial: mailbox.serial.load(), text: Array(pattern))
    if mirror.places[key] != nil {
      throw Failure(
        SYNCMGR_E_ALREADY, channel.caller.object, text: "this workstream has that pattern")
    }
    let place: UInt32
    if let free = mirror.free.last { place = free } else { place = try room(channel) }
    let table = try PatternTable.of(channel.attachment, channel.row)
    guard let entry = table.entry(place) else { throw channel.attachment.corrupt("the patterns") }
    for (position, byte) in pattern.enumerated() { entry.text[position] = byte }
    entry.length.store(UInt32(pattern.count))
    entry.serial.store(key.serial)
    if place >= table.at.used.load() { table.at.used.store(place + 1) }
    entry.mailbox.store(index + 1)
    table.tell(place, channel.row)
    mirror.refresh(channel.attachment, channel.row)
  }

  static func remove(
    _ channel: Channel, _ mailbox: Mailbox, _ pattern: UnsafeRawBufferPointer
  ) throws(Failure) {
    let mirror = Mirror.of(channel)
    mirror.refresh(channel.attachment, channel.row)
    let index = channel.attachment.segment.index(of: mailbox)
    let key = Mirror.PatternKey(mailbox: index, serial: mailbox.serial.load(), text: Array(pattern))
    guard let place = mirror.places[key] else {
      throw Failure(
        SYNCMGR_E_NOT_FOUND, channel.caller.object, text: "this workstream has no such pattern")
    }
    let table = try PatternTable.of(channel.attachment, channel.row)
    table.entry(place)?.mailbox.store(0)
    table.tell(place, channel.row)
    mirror.refresh(channel.attachment, channel.row)
  }

  /// Takes away the patterns of a mailbox that ends. Takes the send guard.
  static func removeAll(_ attachment: Attachment, _ row: Mailbox, _ mailbox: UInt32) {
    if row.patterns.load() == 0 { return }
    attachment.lockSending(row)
    defer { attachment.unlockSending(row) }
    guard let table = try? PatternTable.of(attachment, row) else { return }
    for place in 0..<table.used {
      guard let entry = table.entry(place), entry.mailbox.load() == mailbox + 1 else { continue }
      entry.mailbox.store(0)
      table.tell(place, row)
    }
  }

  /// The mailboxes with a pattern that matches, each once.
  static func forMatches(
    _ channel: Channel, _ topic: UnsafeRawBufferPointer, _ body: (Mailbox) -> Void
  ) throws(Failure) {
    if channel.row.patterns.load() == 0 { return }
    let mirror = Mirror.of(channel)
    mirror.refresh(channel.attachment, channel.row)
    mirror.forMatches(channel.attachment, topic, body)
  }

  /// A place for one entry more; the table is made, or made larger, when it is full.
  private static func room(_ channel: Channel) throws(Failure) -> UInt32 {
    let (attachment, row) = (channel.attachment, channel.row)
    let old = row.patterns.load() == 0 ? nil : try PatternTable.of(attachment, row)
    let used = old?.used ?? 0
    if let old, used < old.capacity { return used }
    let capacity = max(64, used * 2)
    let size = UInt64(PatternTable.size(capacity))
    let unit = try attachment.allocate(
      size, SM_CHUNK_MEMORY, object: attachment.segment.index(of: row) + 1)
    let target = attachment.segment.unit(unit)
    target.initializeMemory(as: UInt8.self, repeating: 0, count: Int(size))
    if let old { target.copyMemory(from: old.at, byteCount: PatternTable.size(used)) }
    target.assumingMemoryBound(to: sm_patterns.self).capacity.store(capacity)
    let before = attachment.exchange(
      row.patterns, for: unit + 1, of: attachment.segment.index(of: row) + 1)
    if before != 0 { attachment.free(before - 1) }
    return used
  }
}

/// The table in the segment.
struct PatternTable {
  let at: UnsafeMutablePointer<sm_patterns>
  private let entries: UnsafeMutablePointer<sm_pattern>
  let capacity: UInt32

  var used: UInt32 { min(at.used.load(), capacity) }

  static func size(_ capacity: UInt32) -> Int {
    MemoryLayout<sm_patterns>.size + Int(capacity) * MemoryLayout<sm_pattern>.stride
  }

  static func of(_ attachment: Attachment, _ row: Mailbox) throws(Failure) -> PatternTable {
    let unit = row.patterns.load() &- 1
    guard let chunk = attachment.segment.chunk(unit), chunk.state.load() == SM_CHUNK_MEMORY else {
      throw attachment.corrupt("the patterns")
    }
    let at = attachment.segment.unit(unit).assumingMemoryBound(to: sm_patterns.self)
    let room = UInt64(min(chunk.units.load(), SM_UNITS - unit)) * UInt64(SM_UNIT)
    let capacity = at.capacity.load()
    guard
      UInt64(MemoryLayout<sm_patterns>.size)
        + UInt64(capacity) * UInt64(MemoryLayout<sm_pattern>.stride) <= room
    else { throw attachment.corrupt("the patterns") }
    return PatternTable(at: at, capacity: capacity)
  }

  private init(at: UnsafeMutablePointer<sm_patterns>, capacity: UInt32) {
    self.at = at
    self.capacity = capacity
    entries = UnsafeMutableRawPointer(at + 1).assumingMemoryBound(to: sm_pattern.self)
  }

  func entry(_ place: UInt32) -> UnsafeMutablePointer<sm_pattern>? {
    place < capacity ? entries + Int(place) : nil
  }

  /// An entry has changed. Dies before the version is stored: the send guard's repair counts on.
  func tell(_ place: UInt32, _ row: Mailbox) {
    let version = row.version.load() &+ 1
    at.log(version).store(place)
    row.version.store(version)
  }
}
