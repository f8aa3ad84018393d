import CSyncMgr
import CSyncMgrShim

/// Several locks at once. They are taken one after the other in the order of the space's table of
/// objects, each by its own call, so that what holds for a single lock holds here: it can be closed
/// meanwhile, its holder may die, and so may we: what we had by then is recovered as any hold is.
enum Many {
  typealias Items = UnsafeMutablePointer<syncmgr_lock_item_t>

  /// One item: which lock it is, and where it stands in the caller's array.
  struct Entry {
    let handle: UInt64
    let type: HandleType
    let amount: UInt32
    let place: Int
    /// In the order of the space: by rank, then by object.
    let rank: UInt32
    let object: UInt32
    let owner: UInt32
    let attachment: UInt32
  }

  /// The items in the order of the space. Nothing is written before all were found legal. With
  /// `skip`, handles that do not work are told to it and left out.
  static func entries(
    _ items: UnsafePointer<syncmgr_lock_item_t>?, _ count: UInt32,
    skip: ((Int, Failure) -> Void)? = nil
  ) throws(Failure) -> [Entry] {
    guard let items, count >= 1, count <= SYNCMGR_MANY_MAX else {
      throw Failure(
        SYNCMGR_E_INVALID, naming: "\(count) items: 1 to \(SYNCMGR_MANY_MAX) are possible")
    }
    var found: [Entry] = []
    for place in 0..<Int(count) {
      do throws(Failure) { found.append(try entry(items[place], place)) } catch {
        guard let skip, error.status != SYNCMGR_E_INVALID else { throw error }
        skip(place, error)
      }
    }
    found.sort { ($0.rank, $0.object) < ($1.rank, $1.object) }
    guard let first = found.first else { return [] }
    for entry in found
    where entry.owner != first.owner || entry.attachment != first.attachment {
      let (one, other) = (min(entry.place, first.place), max(entry.place, first.place))
      throw Failure(
        SYNCMGR_E_INVALID, naming: "items \(one) and \(other) are of two workstreams")
    }
    for (entry, next) in zip(found, found.dropFirst()) where entry.object == next.object {
      let (one, other) = (min(entry.place, next.place), max(entry.place, next.place))
      throw Failure(SYNCMGR_E_INVALID, naming: "items \(one) and \(other) are the same object")
    }
    return found
  }

  private static func entry(
    _ item: syncmgr_lock_item_t, _ place: Int
  ) throws(Failure) -> Entry {
    let type = HandleType(rawValue: sm_handle_type(item.handle))
    guard let type, type == .mutex || type == .semaphore || type == .rwlock else {
      throw Handles.why(item.handle, .mutex)
    }
    return try Handles.visit(item.handle, type) { (slot) throws(Failure) in
      if type == .mutex, item.amount != 0 {
        throw Failure(SYNCMGR_E_INVALID, naming: "item \(place) is a mutex: its amount is 0")
      }
      return Entry(
        handle: item.handle, type: type, amount: item.amount, place: place,
        rank: Caller(slot, item.handle).object.rank.load(), object: slot.pointee.index,
        owner: slot.pointee.mine, attachment: slot.attachment)
    }
  }

  // MARK: - Locking

  static func lock(_ items: Items?, _ count: UInt32, _ timeout: Int64) throws(Failure) -> Int32 {
    let deadline = try Deadline.after(timeout)
    let entries = try entries(items, count)
    let items = items.unsafelyUnwrapped
    var result = SYNCMGR_OK
    for (position, entry) in entries.enumerated() {
      let left = deadline == Deadline.never ? SYNCMGR_FOREVER : max(deadline - sm_now(), 0)
      do throws(Failure) {
        let status = try lock(entry, timeout == 0 ? 0 : left)
        items[entry.place].status = status
        if status == SYNCMGR_OWNER_DIED { result = status }
      } catch {
        let sentence = Failure.kept()
        undo(entries, entries[..<position].map { items[$0.place].status })
        tell(items, count, entry, failed: error.status)
        throw Failure(error.status, naming: sentence)
      }
    }
    return result
  }

  /// Writes the statuses when `entry` could not be locked.
  static func tell(_ items: Items, _ count: UInt32, _ entry: Entry, failed status: Int32) {
    for place in 0..<Int(count) { items[place].status = SYNCMGR_E_CANCELLED }
    items[entry.place].status = status
  }

  static func lock(_ entry: Entry, _ timeout: Int64) throws(Failure) -> Int32 {
    try visit(entry) { (caller) throws(Failure) in
      try Prevention.take(caller, timeout) { (timeout) throws(Failure) in
        switch entry.type {
        case .semaphore: try Semaphore.acquire(caller, entry.amount, timeout)
        case .rwlock: try RWLock.lock(caller, entry.amount, timeout)
        default: try Mutex.lock(caller, timeout)
        }
      }
    }
  }

  static func visit<Result>(
    _ entry: Entry, _ body: (Caller) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try Handles.visit(entry.handle, entry.type) { (slot) throws(Failure) in
      try body(Caller(slot, entry.handle))
    }
  }

  // MARK: - Unlocking

  /// Unlocks all, whatever comes of each.
  static func unlock(_ items: Items?, _ count: UInt32) throws(Failure) {
    var first: (status: Int32, sentence: String)?
    var skipped: [(place: Int, status: Int32)] = []
    let entries = try entries(items, count) { place, failure in
      skipped.append((place, failure.status))
      if first == nil { first = (failure.status, Failure.kept()) }
    }
    let items = items.unsafelyUnwrapped
    for (place, status) in skipped { items[place].status = status }
    for entry in entries.reversed() {
      do throws(Failure) {
        try unlock(entry)
        items[entry.place].status = SYNCMGR_OK
      } catch {
        items[entry.place].status = error.status
        if first == nil { first = (error.status, Failure.kept()) }
      }
    }
    if let first { throw Failure(first.status, naming: first.sentence) }
  }

  private static func unlock(_ entry: Entry) throws(Failure) {
    try visit(entry) { (caller) throws(Failure) in try unlock(entry, caller) }
  }

  private static func unlock(_ entry: Entry, _ caller: Caller) throws(Failure) {
    switch entry.type {
    case .semaphore: try Semaphore.release(caller, entry.amount)
    case .rwlock: try RWLock.unlock(caller)
    default: try Mutex.unlock(caller)
    }
  }

  /// Gives back what was locked in vain, the last first. Who inherits from the dead must hear of
  /// it: the next one, when this one had no time to look. Whoever closes the handles in the slots
  /// `closing` cannot enter them any more, and need not.
  static func undo(
    _ entries: [Entry], _ statuses: [Int32], closing: Set<UInt32> = []
  ) {
    for (entry, status) in zip(entries, statuses).reversed() {
      let isInherited = status == SYNCMGR_OWNER_DIED
      let index = sm_handle_index(entry.handle)
      if closing.contains(index) {
        undo(entry, Caller(sm_slots() + Int(index), entry.handle), isInherited)
      } else {
        try? visit(entry) { (caller) throws(Failure) in undo(entry, caller, isInherited) }
      }
    }
  }

  private static func undo(_ entry: Entry, _ caller: Caller, _ isInherited: Bool) {
    if isInherited, entry.type == .mutex { return Mutex.pass(caller) }
    if isInherited, entry.type == .rwlock { return RWLock.pass(caller) }
    try? unlock(entry, caller)
  }
}

extension Mutex {
  /// Unlocks what was inherited from a dead owner, for the next to inherit.
  fileprivate static func pass(_ caller: Caller) {
    let (object, attachment) = (caller.object, caller.attachment)
    var wakes = Wakes()
    attachment.lock(object)
    if owner(object.word.load()) == caller.mine {
      advance(attachment, object, from: caller.mine, died: true, &wakes)
    }
    attachment.unlock(object)
    wakes.send(attachment)
  }
}

extension RWLock {
  /// Unlocks what was inherited from a dead exclusive owner, for the next to inherit. Dies between
  /// the stores: the mark is there, as it is when an exclusive owner dies.
  fileprivate static func pass(_ caller: Caller) {
    let (object, attachment, holding) = (caller.object, caller.attachment, caller.holding)
    var wakes = Wakes()
    attachment.lock(object)
    let held = holding.amount.load()
    if held > 0 {
      object.broken.store(1)
      Permits.release(attachment, object, holding, held == all ? all : 1, &wakes)
    }
    attachment.unlock(object)
    wakes.send(attachment)
  }
}
