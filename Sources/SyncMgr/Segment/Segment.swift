import CSyncMgr
import CSyncMgrShim

typealias Object = UnsafeMutablePointer<sm_object>
typealias Holding = UnsafeMutablePointer<sm_holding>
typealias Cell = UnsafeMutablePointer<sm_cell>
typealias Participant = UnsafeMutablePointer<sm_participant>
typealias Workstream = UnsafeMutablePointer<sm_workstream>
typealias Batch = UnsafeMutablePointer<sm_batch>
typealias DeadlockRow = UnsafeMutablePointer<sm_deadlock>
typealias EventPlace = UnsafeMutablePointer<sm_event>
typealias MessagePlace = UnsafeMutablePointer<sm_message>
typealias Member = UnsafeMutablePointer<sm_member>
typealias Mailbox = UnsafeMutablePointer<sm_mailbox>
typealias Chunk = UnsafeMutablePointer<sm_chunk>
typealias Post = UnsafeMutablePointer<sm_post>
typealias Variable = UnsafeMutablePointer<sm_variable>

/// The tables of a mapped segment. Every index that was read from the segment goes through here:
/// one that is out of bounds gives nil, so that a peer's lie cannot make us touch other memory.
struct Segment {
  let base: UnsafeMutableRawPointer

  @inline(__always) var header: UnsafeMutablePointer<sm_header> {
    base.assumingMemoryBound(to: sm_header.self)
  }

  @inline(__always)
  private func table<Row>(_ offset: UInt64, _ row: Row.Type) -> UnsafeMutablePointer<Row> {
    (base + Int(offset)).assumingMemoryBound(to: row)
  }

  /// The file of the space's store, which was written before anybody else could see the segment.
  var storePath: [UInt8]? {
    let length = header.pointee.store_length
    guard length > 0, length < SM_STORE_PATH else { return nil }
    let path = Array(UnsafeBufferPointer(start: sm_header_store_path(header), count: Int(length)))
    return path.contains(0) ? nil : path
  }

  /// The participant in `slot`, which callers take from an id's low 8 bits.
  @inline(__always) func participant(_ slot: UInt32) -> Participant {
    table(sm_at_participants(), sm_participant.self) + Int(slot & (SM_PARTICIPANTS - 1))
  }

  func event(_ position: UInt64) -> EventPlace {
    table(sm_at_events(), sm_event.self) + Int(position % UInt64(SM_EVENTS))
  }

  func message(_ index: UInt32) -> MessagePlace? {
    index < messageCount ? table(sm_at_messages(), sm_message.self) + Int(index) : nil
  }

  func batch(_ index: UInt32) -> Batch? {
    index < batchCount ? table(sm_at_batches(), sm_batch.self) + Int(index) : nil
  }

  @inline(__always) func object(_ index: UInt32) -> Object? {
    index < objectCount ? table(sm_at_objects(), sm_object.self) + Int(index) : nil
  }

  func workstream(_ index: UInt32) -> Workstream? {
    index < workstreamCount
      ? table(sm_at_workstreams(), sm_workstream.self) + Int(index) : nil
  }

  func holding(_ index: UInt32) -> Holding? {
    index < holdingCount ? table(sm_at_holdings(), sm_holding.self) + Int(index) : nil
  }

  func cell(_ index: UInt32) -> Cell? {
    index / SM_BATCH_CELLS < batchCount
      ? table(sm_at_cells(), sm_cell.self) + Int(index) : nil
  }

  func deadlock(_ index: UInt32) -> DeadlockRow? {
    index < deadlockCount ? table(sm_at_deadlocks(), sm_deadlock.self) + Int(index) : nil
  }

  func member(_ index: UInt32) -> Member? {
    index < memberCount ? table(sm_at_members(), sm_member.self) + Int(index) : nil
  }

  /// The mailbox that belongs to the object of this index.
  @inline(__always) func mailbox(_ index: UInt32) -> Mailbox? {
    index < min(header.mailboxesCommitted.load(), SM_OBJECTS)
      ? table(sm_at_mailboxes(), sm_mailbox.self) + Int(index) : nil
  }

  /// The chunk that begins at this unit of the heap, if one can.
  @inline(__always) func chunk(_ unit: UInt32) -> Chunk? {
    unit < min(header.heapHigh.load(), SM_UNITS)
      ? table(sm_at_chunks(), sm_chunk.self) + Int(unit) : nil
  }

  /// Where a unit of the heap is. For a number that `chunk` has found good.
  @inline(__always) func unit(_ unit: UInt32) -> UnsafeMutableRawPointer {
    base + Int(sm_at_heap()) + Int(unit) * Int(SM_UNIT)
  }

  var heapMap: UnsafeMutablePointer<UInt64> { table(sm_at_heap_map(), UInt64.self) }

  var objectNames: NameTable {
    NameTable(
      places: table(sm_at_object_names(), UInt32.self), capacity: SM_OBJECT_NAMES
    ) { index in
      guard let object = object(index), object.state.load() == SlotState.live,
        object.type.load() != ObjectType.mailbox
      else { return nil }
      return (object.hash.load(), NameField(object))
    }
  }

  var workstreamNames: NameTable {
    NameTable(
      places: table(sm_at_workstream_names(), UInt32.self), capacity: SM_WORKSTREAM_NAMES
    ) { index in
      guard let stream = workstream(index), stream.state.load() == SlotState.live else {
        return nil
      }
      return (stream.hash.load(), NameField(stream))
    }
  }

  // How many slots were ever used, and hence have memory behind them.
  @inline(__always) var objectCount: UInt32 { min(header.objectsHigh.load(), SM_OBJECTS) }
  var workstreamCount: UInt32 { min(header.workstreamsHigh.load(), SM_WORKSTREAMS) }
  var holdingCount: UInt32 { min(header.holdingsHigh.load(), SM_HOLDINGS) }
  var messageCount: UInt32 { min(header.messagesHigh.load(), SM_MESSAGES) }
  var batchCount: UInt32 { min(header.batchesHigh.load(), SM_BATCHES) }
  var deadlockCount: UInt32 { min(header.deadlocksHigh.load(), SM_DEADLOCKS) }
  var memberCount: UInt32 { min(header.membersHigh.load(), SM_MEMBERS) }
  var participantCount: UInt32 { min(header.participantsHigh.load(), SM_PARTICIPANTS) }

  func index(of object: Object) -> UInt32 {
    UInt32(truncatingIfNeeded: object - table(sm_at_objects(), sm_object.self))
  }

  func index(of holding: Holding) -> UInt32 {
    UInt32(truncatingIfNeeded: holding - table(sm_at_holdings(), sm_holding.self))
  }

  func index(of mailbox: Mailbox) -> UInt32 {
    UInt32(truncatingIfNeeded: mailbox - table(sm_at_mailboxes(), sm_mailbox.self))
  }

  func index(of member: Member) -> UInt32 {
    UInt32(truncatingIfNeeded: member - table(sm_at_members(), sm_member.self))
  }

  func index(of cell: Cell) -> UInt32 {
    UInt32(truncatingIfNeeded: cell - table(sm_at_cells(), sm_cell.self))
  }
}

/// States of slots that are filled after they were claimed. A slot that its owner left `claimed` by
/// dying was never seen by anybody else.
enum SlotState {
  static let free: UInt32 = 0
  static let claimed: UInt32 = 1
  static let live: UInt32 = 2
  /// A workstream whose end is being told.
  static let ending: UInt32 = 3
}

/// Object types that no program opens.
enum ObjectType {
  /// A mailbox of a channel. It has the channel's name, but is not found by it.
  static let mailbox: UInt32 = 12
  /// What a transaction locks. It has a key's name, in a name space of its own.
  static let target: UInt32 = 14
}

/// A workstream as it stands in a lock word: table index + 1 in 16 bits, generation in 11.
enum OwnerID {
  static let mask: UInt32 = 0x07ff_ffff

  static func make(index: UInt32, generation: UInt32) -> UInt32 {
    (index + 1) | (generation & 0x7ff) << 16
  }

  /// The workstream's table index; nonsense when the id is 0, which bounds checks then refuse.
  static func index(_ id: UInt32) -> UInt32 { (id & 0xffff) &- 1 }
}

/// A participant id: slot in 8 bits, the slot's generation in 24. Never 0.
enum ParticipantID {
  static func make(slot: UInt32, generation: UInt32) -> UInt32 {
    // Never one bit alone: a flipped bit in a guard's word does not look like a living owner.
    slot | (generation & 0x7f_ffff) << 8 | 1 << 31
  }
  static func slot(_ id: UInt32) -> UInt32 { id & 0xff }
}
