public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_store_open(
  _ workstream: OpaquePointer?, _ options: UnsafePointer<syncmgr_store_options_t>?,
  _ out_store: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    let target = try required(out_store)
    let wanted = try storeOptions(options)
    let stream = Stream.of(slot)
    let attachment = stream.attachment
    let parameters = Stream.Parameters(
      type: .store, count: SYNCMGR_CHANNEL_MEMORY,
      complete: { (object) throws(Failure) in try Store.make(object, wanted, attachment) },
      compare: { (object) throws(Failure) in
        try Store.open(object, wanted, isExact: options != nil, attachment)
      })
    let handle = try stream.openObject(Store.name, parameters)
    do throws(Failure) {
      try StoreDisk(attachment)?.open()
    } catch {
      let sentence = Failure.kept()
      do throws(Failure) { try Stream.closeObject(handle, .store) } catch {}
      throw Failure(error.status, naming: sentence)
    }
    target.pointee = pointer(handle)
    return SYNCMGR_OK
  }
}

private func storeOptions(
  _ options: UnsafePointer<syncmgr_store_options_t>?
) throws(Failure) -> Store.Options {
  var wanted = Store.Options()
  if options == nil { return wanted }
  var defaults = syncmgr_store_options_t()
  defaults.capacity = wanted.capacity
  defaults.inline_size = wanted.inlineSize
  defaults.log_size = wanted.logSize
  let read = try readOptions(options, defaults)
  try checkFlags(read.flags, 0)
  wanted.capacity = read.capacity
  wanted.inlineSize = read.inline_size
  wanted.logSize = read.log_size
  if wanted.capacity < 1 || wanted.capacity > SYNCMGR_CAPACITY_MAX {
    throw Failure(SYNCMGR_E_INVALID, "the capacity is 1 to 65,536 keys")
  }
  if wanted.inlineSize > SYNCMGR_STORE_INLINE_MAX {
    throw Failure(SYNCMGR_E_INVALID, "the inline size is at most 32,768 bytes")
  }
  if wanted.logSize < UInt64(SYNCMGR_LOG_MIN) || wanted.logSize > UInt64(SYNCMGR_LOG_MAX)
    || wanted.logSize % 8 != 0
  {
    throw Failure(SYNCMGR_E_INVALID, "the log has 64 KiB to 256 MiB, a multiple of 8")
  }
  return wanted
}

@c @implementation
public func syncmgr_store_close(_ store: OpaquePointer?) -> Int32 {
  closeCall(store) { (handle) throws(Failure) in try Stream.closeObject(handle, .store) }
}

// MARK: - Reading

@c @implementation
public func syncmgr_store_get(
  _ store: OpaquePointer?, _ entries: UnsafeMutablePointer<syncmgr_entry_t>?, _ count: UInt32,
  _ buffer: UnsafeMutableRawPointer?, _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  if let entries, count > 0, capacity >= 0, buffer != nil,
    let slot = sm_enter(number(store), HandleType.store.rawValue)
  {
    var result = EntryReader.Reading.disturbed
    if let reader = EntryReader(slot) {
      result = reader.read(
        UnsafeMutableBufferPointer(start: entries, count: Int(count)),
        UnsafeMutableRawBufferPointer(start: buffer, count: capacity), isOurs: false,
        isLocked: false)
    }
    sm_leave()
    if case .read(let found, let length) = result, found > 0, length <= capacity {
      out_length?.pointee = length
      return SYNCMGR_OK
    }
  }
  return getSlowly(store, entries, count, buffer, capacity, out_length)
}

@inline(never)
private func getSlowly(
  _ store: OpaquePointer?, _ entries: UnsafeMutablePointer<syncmgr_entry_t>?, _ count: UInt32,
  _ buffer: UnsafeMutableRawPointer?, _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    guard let entries, count > 0 else { throw Failure(SYNCMGR_E_INVALID, "there are no entries") }
    let target = try callerBuffer(buffer, capacity)
    var length = 0
    defer { out_length?.pointee = length }
    try store.get(
      UnsafeMutableBufferPointer(start: entries, count: Int(count)), target, &length)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_store_range(
  _ store: OpaquePointer?, _ range: UnsafeMutablePointer<syncmgr_range_t>?,
  _ entries: UnsafeMutablePointer<syncmgr_entry_t>?, _ count: UnsafeMutablePointer<UInt32>?,
  _ buffer: UnsafeMutableRawPointer?, _ capacity: Int
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    let query = try RangeQuery(range, entries, count)
    let target = try callerBuffer(buffer, capacity)
    let result = try store.range(
      query.pattern, query.entries, target, keysOnly: query.keysOnly)
    return try query.give(result, store, capacity)
  }
}

@c @implementation
public func syncmgr_store_changes(
  _ store: OpaquePointer?, _ range: UnsafeMutablePointer<syncmgr_range_t>?,
  _ entries: UnsafeMutablePointer<syncmgr_entry_t>?, _ count: UnsafeMutablePointer<UInt32>?,
  _ buffer: UnsafeMutableRawPointer?, _ capacity: Int
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    let query = try RangeQuery(range, entries, count)
    if query.pattern.after != nil {
      throw Failure(SYNCMGR_E_INVALID, "changes have no key to go on behind")
    }
    let target = try callerBuffer(buffer, capacity)
    let result = try store.changes(
      query.pattern, after: query.revision, query.entries, target, keysOnly: query.keysOnly)
    return try query.give(result, store, capacity)
  }
}

/// What a call asks for by a range, and where its results go.
struct RangeQuery {
  let pattern: KeyPattern
  let keysOnly: Bool
  let revision: UInt64
  let entries: UnsafeMutableBufferPointer<syncmgr_entry_t>
  private let range: UnsafeMutablePointer<syncmgr_range_t>
  private let count: UnsafeMutablePointer<UInt32>

  init(
    _ range: UnsafeMutablePointer<syncmgr_range_t>?,
    _ entries: UnsafeMutablePointer<syncmgr_entry_t>?, _ count: UnsafeMutablePointer<UInt32>?
  ) throws(Failure) {
    guard let range, let count else {
      throw Failure(SYNCMGR_E_INVALID, "the range or the count is NULL")
    }
    guard let entries, count.pointee > 0 else {
      throw Failure(SYNCMGR_E_INVALID, "there are no entries to write to")
    }
    if range.pointee.size != UInt32(MemoryLayout<syncmgr_range_t>.size) {
      throw Failure(
        SYNCMGR_E_INVALID, naming: "the range's size \(range.pointee.size) is not that of it")
    }
    try checkFlags(range.pointee.flags, SYNCMGR_RANGE_KEYS)
    try checkFlags(range.pointee.reserved, 0)
    var pattern = KeyPattern()
    if let prefix = try bytes(range.pointee.prefix, SYNCMGR_KEY_MAX, "prefix") {
      pattern.prefix = prefix
    }
    pattern.glob = try bytes(range.pointee.glob, SYNCMGR_KEY_MAX, "glob")
    pattern.after = try bytes(range.pointee.after, SYNCMGR_KEY_MAX, "key to go on behind")
    self.pattern = pattern
    keysOnly = range.pointee.flags & SYNCMGR_RANGE_KEYS != 0
    revision = range.pointee.revision
    self.entries = UnsafeMutableBufferPointer(start: entries, count: Int(count.pointee))
    self.range = range
    self.count = count
  }

  func give(
    _ result: Store.RangeResult, _ store: Store, _ capacity: Int
  ) throws(Failure) -> Int32 {
    range.pointee.length = result.length
    if result.needed > 0 {
      count.pointee = UInt32(result.needed)
      throw Failure(
        SYNCMGR_E_TOO_LARGE, store.caller.object,
        text: "the next commit has \(result.needed) changes in \(result.length) bytes")
    }
    if result.count == 0, result.hasMore { throw store.tooSmall(result.length, capacity) }
    range.pointee.revision = result.revision
    range.pointee.more = result.hasMore ? 1 : 0
    count.pointee = UInt32(result.count)
    return SYNCMGR_OK
  }
}

// MARK: - Writing

@c @implementation
public func syncmgr_store_put(
  _ store: OpaquePointer?, _ change: UnsafePointer<syncmgr_change_t>?, _ flags: UInt32,
  _ out_version: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  if let change, let slot = sm_enter(number(store), HandleType.store.rawValue) {
    let version = PutAtOnce.put(slot, change, flags)
    sm_leave()
    if version != 0 {
      out_version?.pointee = version
      return SYNCMGR_OK
    }
  }
  return putSlowly(store, change, flags, out_version)
}

@inline(never)
private func putSlowly(
  _ store: OpaquePointer?, _ change: UnsafePointer<syncmgr_change_t>?, _ flags: UInt32,
  _ out_version: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    guard let change else { throw Failure(SYNCMGR_E_INVALID, "the change is NULL") }
    try checkFlags(flags, SYNCMGR_PUT_QUEUED)
    let own = UnsafeMutableBufferPointer<syncmgr_change_t>.allocate(capacity: 1)
    own.initialize(repeating: change.pointee)
    // Untouched unless the version is known.
    own[0].version = UInt64.max
    defer {
      if own[0].version != UInt64.max { out_version?.pointee = own[0].version }
      own.deallocate()
    }
    _ = try store.commit(own, flags: flags, until: Deadline.never)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_store_commit(
  _ store: OpaquePointer?, _ changes: UnsafeMutablePointer<syncmgr_change_t>?, _ count: UInt32,
  _ flags: UInt32, _ timeout_ns: Int64, _ out_revision: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    guard let changes, count > 0 else { throw Failure(SYNCMGR_E_INVALID, "there are no changes") }
    if count > SYNCMGR_COMMIT_MAX {
      throw Failure(SYNCMGR_E_INVALID, "a commit has at most 65,536 changes")
    }
    try checkFlags(flags, SYNCMGR_PUT_QUEUED)
    let deadline = try Deadline.after(timeout_ns)
    let revision = try store.commit(
      UnsafeMutableBufferPointer(start: changes, count: Int(count)), flags: flags,
      until: deadline)
    out_revision?.pointee = revision
    return SYNCMGR_OK
  }
}

// MARK: - Waiting and looking

@c @implementation
public func syncmgr_store_wait(
  _ store: OpaquePointer?, _ key: UnsafePointer<CChar>?, _ seen: UInt64, _ timeout_ns: Int64,
  _ out_now: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    let now = try store.wait(try awaited(key), since: seen, timeout_ns)
    out_now?.pointee = now
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_store_wait_start(
  _ store: OpaquePointer?, _ seen: UnsafePointer<syncmgr_entry_t>?, _ timeout_ns: Int64,
  _ queue: OpaquePointer?, _ user_data: UInt64,
  _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    let target = try required(out_ticket)
    guard let seen else { throw Failure(SYNCMGR_E_INVALID, "the entry is NULL") }
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    let key = try awaited(seen.pointee.key)
    return try give(try store.waitStart(key, since: seen.pointee.version, start), target)
  }
}

/// The key that is waited for; nil for any change.
private func awaited(_ key: UnsafePointer<CChar>?) throws(Failure) -> CellKey? {
  guard let key else { return nil }
  let found = try CellKey.of(key)
  try Store.check(found, false)
  return found
}

@c @implementation
public func syncmgr_store_state(
  _ store: OpaquePointer?, _ out_info: UnsafeMutablePointer<syncmgr_store_info_t>?
) -> Int32 {
  storeCall(store) { (store) throws(Failure) in
    let target = try required(out_info)
    let size = target.pointee.size
    if size < 4 || size > 4096 {
      throw Failure(SYNCMGR_E_INVALID, naming: "the size \(size) is not that of a structure")
    }
    var info = try store.info()
    info.size = size
    withUnsafeBytes(of: &info) {
      UnsafeMutableRawPointer(target).copyMemory(
        from: $0.baseAddress.unsafelyUnwrapped, byteCount: min(Int(size), $0.count))
    }
    return SYNCMGR_OK
  }
}

// MARK: - What these calls share

/// A call on a store's handle.
@inline(__always)
func storeCall(_ handle: OpaquePointer?, _ body: (Store) throws(Failure) -> Int32) -> Int32 {
  objectCall(handle, .store) { (caller) throws(Failure) in try body(try Store(caller)) }
}

func callerBuffer(
  _ buffer: UnsafeMutableRawPointer?, _ capacity: Int
) throws(Failure) -> UnsafeMutableRawBufferPointer {
  if capacity < 0 || (buffer == nil && capacity > 0) {
    throw Failure(SYNCMGR_E_INVALID, "the buffer is NULL, or its capacity no size")
  }
  return UnsafeMutableRawBufferPointer(start: buffer, count: capacity)
}
