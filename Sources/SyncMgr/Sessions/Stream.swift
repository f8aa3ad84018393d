import CSyncMgr
import CSyncMgrShim

/// What a workstream handle stands for, and the objects that it has open.
final class Stream: Possessions {
  let manager: Manager
  let index: UInt32
  /// The workstream in lock words.
  let owner: UInt32
  fileprivate(set) var handle: UInt64 = 0
  /// Open handles. Under the process's lock.
  fileprivate var handles: [UInt64] = []
  /// Whether waits for its messages were ever started. Under the process's lock.
  var hasAwaited = false
  /// Open transactions; nil once no more are begun. Under the process's lock.
  var transactions: [Transaction]? = []

  var attachment: Attachment { manager.attachment }

  private init(_ manager: Manager, _ index: UInt32, _ owner: UInt32) {
    self.manager = manager
    self.index = index
    self.owner = owner
    super.init()
    prevention = manager.prevention
  }

  static func of(_ slot: Slot) -> Stream {
    Unmanaged<Stream>.fromOpaque(slot.pointee.context.unsafelyUnwrapped).takeUnretainedValue()
  }

  // MARK: - Opening and closing

  static func open(_ manager: Manager, _ name: Name?) throws(Failure) -> UInt64 {
    let attachment = manager.attachment
    let slot = try Handles.allocate(.workstream, attachment.id)
    let index: UInt32
    do throws(Failure) { index = try make(name, attachment) } catch {
      Handles.free(slot)
      throw error
    }
    let generation = attachment.segment.workstream(index)?.generation.load() ?? 0
    let stream = Stream(manager, index, OwnerID.make(index: index, generation: generation))
    slot.pointee.context = Unmanaged.passRetained(stream).toOpaque()
    slot.pointee.mine = stream.owner
    slot.pointee.index = index
    stream.handle = Handles.publish(slot, .workstream)
    Local.always { _ in manager.streams.append(stream) }
    return stream.handle
  }

  /// Makes the workstream. The name of a dead one is free: it is recovered, or by another process
  /// just being so.
  private static func make(_ name: Name?, _ attachment: Attachment) throws(Failure) -> UInt32 {
    while true {
      do throws(Failure) { return try attachment.makeWorkstream(name) } catch {
        guard error.status == SYNCMGR_E_EXISTS, let name, attachment.isNameOfDead(name) else {
          throw error
        }
        if attachment.recoverDead(thorough: true) == 0 { sm_nap(200_000) }
      }
    }
  }

  static func close(_ handle: UInt64) throws(Failure) {
    let slot = try Handles.enter(handle, .workstream)
    let stream = of(slot)
    let isListed = Local.always { _ in
      guard let place = stream.manager.streams.firstIndex(where: { $0 === stream }) else {
        return false
      }
      stream.manager.streams.swapAt(place, stream.manager.streams.count - 1)
      stream.manager.streams.removeLast()
      return true
    }
    let attachment = stream.attachment
    // From here on a close of the manager, which waits for us, finds it gone from the list.
    if !isListed {
      sm_leave()
      throw Failure(SYNCMGR_E_CLOSED, "the workstream was closed")
    }
    sm_hold(attachment.id)
    defer { sm_leave() }
    close([stream], attachment)
  }

  /// Closes workstreams that are in no list any more.
  static func close(_ streams: [Stream], _ attachment: Attachment, endsTickets: Bool = false) {
    let slots = streams.map { Tickets.slot(of: $0.handle) }
    for (stream, slot) in zip(streams, slots) {
      _ = Handles.retire(slot, stream.handle)
      if let place = attachment.segment.workstream(stream.index) { attachment.wakeInbox(place) }
    }
    // Calls that open an object come out first: what they opened is in the lists then.
    Closing.waitForCalls(attachment, in: slots)
    for stream in streams { stream.endTransactions() }
    let handles = Local.always { _ in streams.flatMap { $0.handles } }
    let open = handles.map { Tickets.slot(of: $0) }
    let mine = zip(handles, open).filter { Handles.retire($1, $0) }.map { $1 }
    Closing.endCalls(attachment, through: open)
    if endsTickets { Closing.endTickets(attachment, through: open) }
    if Local.always({ _ in streams.contains { $0.hasAwaited } }) {
      Closing.endInboxWaits(attachment, through: slots, endsTickets: endsTickets)
    }
    for slot in mine { freeObjectSlot(slot) }
    for stream in streams {
      for (_, entry) in Local.always({ _ in stream.holdings }) {
        attachment.abandon(entry.holding)
      }
      attachment.endWorkstream(stream.index, SYNCMGR_NOTICE_CLOSED)
    }
    for (stream, slot) in zip(streams, slots) {
      slot.pointee.context = nil
      Handles.free(slot)
      Unmanaged.passUnretained(stream).release()
    }
  }

  fileprivate static func freeObjectSlot(_ slot: Slot) {
    if let context = slot.pointee.context {
      slot.pointee.context = nil
      Unmanaged<AnyObject>.fromOpaque(context).release()
    }
    Handles.free(slot)
  }

  // MARK: - Objects

  /// What an object is opened with.
  struct Parameters {
    let type: HandleType
    var flags: UInt32 = 0
    /// The count that must match; SYNCMGR_ANY takes what is there.
    var count: UInt32 = 0
    var initialWord: UInt32 = 0
    /// The name of the count, for sentences.
    var countNoun: StaticString = "count"
    /// Kept with the handle.
    var context: AnyObject?
    var handleFlags: UInt32 = 0
    /// What the type has besides: filled in when the object is made; compared when it is there.
    var complete: ((Object) throws(Failure) -> Void)?
    var compare: ((Object) throws(Failure) -> Void)?
  }

  func openObject(_ name: Name, _ wanted: Parameters) throws(Failure) -> UInt64 {
    let attachment = attachment
    let slot = try Handles.allocate(wanted.type, attachment.id)
    let index: UInt32
    let holding: Holding
    do throws(Failure) {
      (index, holding) = try attachment.inDirectory { () throws(Failure) in
        let index = try findOrMake(name, wanted)
        let known = Local.always { _ in
          holdings[index].map { entry in
            holdings[index]?.handles += 1
            return entry.holding
          }
        }
        if let known { return (index, known) }
        let made: Holding
        do throws(Failure) { made = try attachment.makeHolding(index, owner) } catch {
          attachment.removeUnused(index)
          throw error
        }
        Local.always { _ in holdings[index] = OpenHolding(holding: made, handles: 1) }
        return (index, made)
      }
    } catch {
      Handles.free(slot)
      throw error
    }
    guard let object = attachment.segment.object(index) else { throw attachment.corrupt("a name") }
    slot.pointee.object = object
    slot.pointee.holding = holding
    slot.pointee.mine = owner
    slot.pointee.index = index
    slot.pointee.flags = object.flags.load() | wanted.handleFlags
    if prevention != nil, Prevention.applies(to: wanted.type) {
      slot.pointee.object = Prevention.decoy
      slot.pointee.flags |= Possessions.decoyMark
    }
    slot.pointee.count = object.count.load()
    slot.pointee.participant = attachment.me
    slot.pointee.next = UInt32(Tickets.slot(of: self.handle) - sm_slots())
    if let context = wanted.context {
      slot.pointee.context = Unmanaged.passRetained(context).toOpaque()
    }
    let handle = Handles.publish(slot, wanted.type)
    Local.always { _ in handles.append(handle) }
    return handle
  }

  /// Under the directory guard.
  private func findOrMake(_ name: Name, _ wanted: Parameters) throws(Failure) -> UInt32 {
    guard let index = attachment.findObject(name) else {
      if wanted.count == SYNCMGR_ANY {
        throw Failure(SYNCMGR_E_NOT_FOUND, naming: "there is no \(wanted.type.noun) '\(name.text)'")
      }
      return try attachment.makeObject(
        name, type: wanted.type.rawValue, flags: wanted.flags, count: wanted.count,
        word: wanted.initialWord, wanted.complete)
    }
    guard let object = attachment.segment.object(index) else { throw attachment.corrupt("a name") }
    let type = object.type.load()
    if type != wanted.type.rawValue {
      throw Failure(
        SYNCMGR_E_TYPE,
        naming: "'\(name.text)' is \(HandleType(rawValue: type)?.aNoun ?? "?"), "
          + "not \(wanted.type.aNoun)")
    }
    if let compare = wanted.compare {
      try compare(object)
      return index
    }
    let (count, flags) = (object.count.load(), object.flags.load())
    if wanted.count != SYNCMGR_ANY, count != wanted.count {
      throw Failure(
        SYNCMGR_E_MISMATCH,
        naming: "the \(wanted.type.noun) '\(name.text)' has \(wanted.countNoun) \(count), "
          + "not \(wanted.count)")
    }
    if flags != wanted.flags {
      throw Failure(
        SYNCMGR_E_MISMATCH,
        naming: "the \(wanted.type.noun) '\(name.text)' has flags \(flags), not \(wanted.flags)")
    }
    return index
  }

  static func closeObject(_ handle: UInt64, _ type: HandleType) throws(Failure) {
    let slot = try Handles.enter(handle, type)
    let attachment = Attachment.of(slot)
    let home = sm_slots() + Int(slot.pointee.next)
    guard home.pointee.context != nil, home.pointee.mine == slot.pointee.mine,
      Handles.retire(slot, handle)
    else {
      sm_leave()
      throw Failure(SYNCMGR_E_CLOSED, naming: "the \(type.noun) was closed")
    }
    sm_hold(attachment.id)
    defer { sm_leave() }
    of(home).finish(slot, handle)
  }

  /// Closes an object's handle while the call is inside of another one of this workstream.
  func closeWithin(_ handle: UInt64) {
    let slot = Tickets.slot(of: handle)
    if Handles.retire(slot, handle) { finish(slot, handle) }
  }

  /// Ends what was open by a handle that is retired.
  private func finish(_ slot: Slot, _ handle: UInt64) {
    let stream = self
    let index = slot.pointee.index
    Closing.endCalls(attachment, through: [slot])
    let last: Holding? = Local.always { _ in
      if let place = stream.handles.firstIndex(of: handle) {
        stream.handles.swapAt(place, stream.handles.count - 1)
        stream.handles.removeLast()
      }
      guard var entry = stream.holdings[index] else { return nil }
      entry.handles -= 1
      stream.holdings[index] = entry.handles == 0 ? nil : entry
      return entry.handles == 0 ? entry.holding : nil
    }
    if let last { attachment.abandon(last) }
    Stream.freeObjectSlot(slot)
  }
}

extension Attachment {
  /// Ends what a closing workstream has of an object, and its holding.
  func abandon(_ holding: Holding) {
    if let object = segment.object(holding.object.load() &- 1) {
      lock(object)
      Kinds.of(object)?.abandon(self, object, holding, false)
      unlock(object)
      Kinds.of(object)?.left?(self, object, holding)
    }
    always { endHolding(holding) }
  }
}
