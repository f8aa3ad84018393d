import CSyncMgr
import CSyncMgrShim

/// Memory of the segment for what has no fixed size: mailboxes and large messages. Handed out in
/// runs of units, the lowest that fits first, so that what was freed last is used again while it is
/// in the caches. A unit that was used once keeps its memory until the segment goes.
///
/// Everything changes under the heap guard. A process that dies in there leaves at most one chunk
/// whose `state` or `references` tell of a step that was not finished; `repairHeap` counts anew.
/// What a dead process had in its hands outside of the guard is found by `hands`.
extension Attachment {
  func inHeap<Result>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    lockHeap()
    defer { Guard.unlock(header.heapGuardian) }
    return try body()
  }

  @inline(__always)
  func lockHeap() {
    if Guard.tryLock(header.heapGuardian, me) { return }
    lockHeapSlowly()
  }

  @inline(never)
  private func lockHeapSlowly() {
    if Guard.lockSlowly(header.heapGuardian, me, self) { repairHeap() }
  }

  func takeOverHeap(from owner: UInt32) {
    guard header.heapGuardian.load() == owner, header.heapGuardian.claim(owner, me) else { return }
    repairHeap()
    Guard.unlock(header.heapGuardian)
  }

  static let heapSize = UInt64(SM_UNITS) * UInt64(SM_UNIT)

  func tooLarge(_ size: UInt64) -> Failure {
    Failure(
      SYNCMGR_E_TOO_LARGE,
      naming: "\(size) bytes do not fit into \(text), which has \(Self.heapSize) for messages")
  }

  /// Takes `size` bytes, in the hands of this process until `settle` or `release`. Zeroed memory is
  /// for the caller to make.
  func allocate(
    _ size: UInt64, _ state: UInt32, object: UInt32 = 0, owner: UInt32 = 0
  ) throws(Failure) -> UInt32 {
    guard size > 0, size <= Self.heapSize else { throw tooLarge(size) }
    let units = UInt32((size + UInt64(SM_UNIT) - 1) / UInt64(SM_UNIT))
    return try inHeap { () throws(Failure) in
      guard let unit = findUnits(units) else {
        throw Failure(
          SYNCMGR_E_NO_SPACE, naming: "\(text) has no room for \(size) bytes at this time")
      }
      try commitHeap(unit + units)
      if header.heapHigh.load() < unit + units { header.heapHigh.store(unit + units) }
      guard let chunk = segment.chunk(unit) else { throw corrupt("the heap") }
      chunk.units.store(units)
      chunk.size.store(size)
      chunk.object.store(object)
      chunk.owner.store(owner)
      chunk.references.store(1)
      chunk.hands.store(me)
      // Dies before this: the chunk is free. After it: it is found by its hands.
      chunk.state.store(state)
      mark(unit, units, isUsed: true)
      return unit
    }
  }

  /// What was allocated is where it belongs: it is not in this process's hands any more.
  func settle(_ unit: UInt32) {
    lockHeap()
    if let chunk = segment.chunk(unit) {
      chunk.references.store(0)
      chunk.hands.store(0)
    }
    Guard.unlock(header.heapGuardian)
  }

  /// Puts memory of this process's hands (a unit + 1, or 0) where it belongs, and takes what was
  /// there into the hands: unit + 1, or 0. Dies right before or after the word is stored: what the
  /// word has is let go of, and the other freed, see `releaseHands`.
  func exchange(_ word: Word32, for unit: UInt32, of object: UInt32) -> UInt32 {
    lockHeap()
    defer { Guard.unlock(header.heapGuardian) }
    var before = word.load()
    if before != 0 {
      if let chunk = segment.chunk(before - 1), chunk.state.load() == SM_CHUNK_MEMORY,
        chunk.object.load() == object
      {
        chunk.references.store(1)
        chunk.hands.store(me)
      } else {
        // Somebody has spoiled the word: that memory is not ours to free.
        before = 0
      }
    }
    word.store(unit)
    if unit != 0, let chunk = segment.chunk(unit - 1) {
      chunk.references.store(0)
      chunk.hands.store(0)
    }
    return before
  }

  /// Frees memory that is referred to by nothing else.
  func free(_ unit: UInt32) {
    lockHeap()
    if let chunk = segment.chunk(unit) { freeChunk(chunk, unit) }
    Guard.unlock(header.heapGuardian)
  }

  /// A post has a message's chunk now. Under the heap guard, before the post says so.
  func retain(_ chunk: Chunk) { chunk.references.store(chunk.references.load() &+ 1) }

  /// A post, or this process's hands, do not have it any more. Under the heap guard, after the post
  /// says so.
  func release(_ chunk: Chunk, _ unit: UInt32) {
    let references = chunk.references.load()
    if references > 1 {
      chunk.references.store(references - 1)
    } else {
      freeChunk(chunk, unit)
    }
  }

  /// Dies after the state: the map says that it is used, and is made anew by the repair.
  private func freeChunk(_ chunk: Chunk, _ unit: UInt32) {
    guard chunk.state.load() != SM_CHUNK_FREE else { return }
    chunk.state.store(SM_CHUNK_FREE)
    chunk.hands.store(0)
    chunk.owner.store(0)
    mark(unit, min(chunk.units.load(), SM_UNITS - unit), isUsed: false)
    if header.heapHint.load() > unit { header.heapHint.store(unit) }
  }

  // MARK: - The map

  /// The first run of so many free units.
  private func findUnits(_ units: UInt32) -> UInt32? {
    let map = segment.heapMap
    let words = Int(SM_UNITS / 64)
    var run: UInt32 = 0
    var position = min(header.heapHint.load(), SM_UNITS) & ~63
    var isHintKnown = false
    for word in Int(position / 64)..<words {
      let bits = Word64(map + word).load()
      if bits == UInt64.max {
        run = 0
        position &+= 64
        continue
      }
      if bits == 0, isHintKnown {
        if units - run <= 64 { return position - run }
        run += 64
        position &+= 64
        continue
      }
      for bit in 0..<64 {
        if bits & 1 << UInt64(bit) != 0 {
          run = 0
        } else {
          if !isHintKnown {
            isHintKnown = true
            header.heapHint.store(position)
          }
          run += 1
          if run == units { return position + 1 - units }
        }
        position &+= 1
      }
    }
    return nil
  }

  private func mark(_ unit: UInt32, _ units: UInt32, isUsed: Bool) {
    let map = segment.heapMap
    var position = unit
    let end = unit + min(units, SM_UNITS - unit)
    while position < end {
      let first = position % 64
      let count = min(64 - first, end - position)
      let bits = (count == 64 ? UInt64.max : (1 << UInt64(count)) - 1) << UInt64(first)
      let word = Word64(map + Int(position / 64))
      word.store(isUsed ? word.load() | bits : word.load() & ~bits)
      position += count
    }
  }

  /// The memory is set aside before it is touched, as in the other tables.
  private func commitHeap(_ end: UInt32) throws(Failure) {
    let committed = header.heapCommitted.load()
    if end <= committed { return }
    let wanted = min((end + 63) & ~63, SM_UNITS)
    if file >= 0 {
      let stride = UInt64(MemoryLayout<sm_chunk>.stride)
      if committed == 0 { try reserve(sm_at_heap_map(), UInt64(SM_UNITS / 8)) }
      try reserve(
        sm_at_chunks() + UInt64(committed) * stride, UInt64(wanted - committed) * stride)
      try reserve(
        sm_at_heap() + UInt64(committed) * UInt64(SM_UNIT),
        UInt64(wanted - committed) * UInt64(SM_UNIT))
    }
    header.heapCommitted.store(wanted)
  }

  private func reserve(_ offset: UInt64, _ size: UInt64) throws(Failure) {
    let error = sm_allocate(file, offset, size)
    if error < 0 { throw Failure(system: "set memory aside in \(text)", error) }
  }

  // MARK: - Repair

  /// Counts who has each message, and draws the map anew. Under the guard.
  private func repairHeap() {
    let high = min(header.heapHigh.load(), SM_UNITS)
    let counts = countPosts()
    mark(0, SM_UNITS, isUsed: false)
    for unit in 0..<high {
      guard let chunk = segment.chunk(unit), chunk.state.load() != SM_CHUNK_FREE else { continue }
      if chunk.state.load() == SM_CHUNK_MESSAGE {
        let count = counts[unit + 1, default: 0] + (chunk.hands.load() != 0 ? 1 : 0)
        if count == 0 {
          chunk.state.store(SM_CHUNK_FREE)
          continue
        }
        chunk.references.store(count)
      }
      mark(unit, min(chunk.units.load(), SM_UNITS - unit), isUsed: true)
    }
    header.heapHint.store(0)
  }

  /// Takes back what a dead process had in its hands. Memory that an object has already is only let
  /// go of.
  func releaseHands(of dead: UInt32) {
    guard header.heapHigh.load() > 0 else { return }
    lockHeap()
    for unit in 0..<min(header.heapHigh.load(), SM_UNITS) {
      guard let chunk = segment.chunk(unit), chunk.hands.load() == dead,
        chunk.state.load() != SM_CHUNK_FREE
      else { continue }
      let isSettled =
        chunk.state.load() == SM_CHUNK_MEMORY && isMemory(unit, of: chunk.object.load())
      if isSettled {
        chunk.hands.store(0)
      } else {
        chunk.hands.store(0)
        chunk.owner.store(0)
        release(chunk, unit)
      }
    }
    Guard.unlock(header.heapGuardian)
  }

  /// Frees what was an object's memory and is in nobody's hands: its user died between taking it
  /// out of its place and freeing it. When nobody else can be about to do that.
  func freeUnlinked(_ object: UInt32) {
    lockHeap()
    for unit in 0..<min(header.heapHigh.load(), SM_UNITS) {
      guard let chunk = segment.chunk(unit), chunk.state.load() == SM_CHUNK_MEMORY,
        chunk.object.load() == object, chunk.hands.load() == 0, !isMemory(unit, of: object)
      else { continue }
      freeChunk(chunk, unit)
    }
    Guard.unlock(header.heapGuardian)
  }

  func isMemory(_ unit: UInt32, of object: UInt32) -> Bool {
    guard let mailbox = segment.mailbox(object &- 1) else { return false }
    for word in [mailbox.memory, mailbox.patterns, mailbox.log] where word.load() == unit + 1 {
      return true
    }
    guard mailbox.kind.load() == SYNCMGR_CHANNEL_MEMORY else { return false }
    // Committed, though not yet in its place: before the look there, where it may come meanwhile.
    if let log = StoreLog(mailbox, segment), let pending = log.pending, pending.has(unit) {
      return true
    }
    return Variables(mailbox, segment)?.hasMemory(unit) ?? false
  }
}
