public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_deadlock_configure(
  _ manager: OpaquePointer?, _ options: UnsafePointer<syncmgr_deadlock_options_t>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    var settings = DeadlockSettings()
    var defaults = syncmgr_deadlock_options_t()
    defaults.flags = settings.flags
    defaults.victim = settings.victim
    defaults.delay_ns = settings.delay
    defaults.interval_ns = settings.interval
    defaults.limit_ns = settings.limit
    let wanted = try readOptions(options, defaults)
    try checkFlags(wanted.flags, SYNCMGR_DEADLOCK_AUTO_RESOLVE)
    try checkPolicy(wanted.victim)
    try checkReserved(wanted.reserved)
    try checkTime(wanted.delay_ns, least: 0, "delay")
    try checkTime(wanted.interval_ns, least: 1_000_000, "interval")
    try checkTime(wanted.limit_ns, least: 1_000_000, "limit")
    settings.flags = wanted.flags
    settings.victim = wanted.victim
    settings.delay = wanted.delay_ns
    settings.interval = wanted.interval_ns
    settings.limit = wanted.limit_ns
    let attachment = Attachment.of(slot)
    attachment.inDeadlocksAlways { settings.store(in: attachment.header) }
    Service.poke()
    return SYNCMGR_OK
  }
}

private func checkPolicy(_ policy: UInt32) throws(Failure) {
  if policy > SYNCMGR_VICTIM_REQUESTER {
    throw Failure(SYNCMGR_E_INVALID, naming: "\(policy) is no way to choose a victim")
  }
}

func checkReserved(_ reserved: UInt32) throws(Failure) {
  if reserved != 0 { throw Failure(SYNCMGR_E_INVALID, "a reserved field is not 0") }
}

/// A time that may also be FOREVER.
private func checkTime(_ time: Int64, least: Int64, _ what: StaticString) throws(Failure) {
  if time != SYNCMGR_FOREVER, time < least {
    throw Failure(SYNCMGR_E_INVALID, naming: "the \(what) of \(time) ns is below \(least)")
  }
}

@c @implementation
public func syncmgr_deadlock_detect(
  _ manager: OpaquePointer?, _ algorithm: UInt32, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    let count = try Search.run(Attachment.of(slot), algorithm)
    out_count?.pointee = count
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_deadlock_list(
  _ manager: OpaquePointer?, _ records: UnsafeMutablePointer<syncmgr_deadlock_t>?,
  _ capacity: UInt32, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    let target = try required(out_count)
    try checkArray(records, capacity, "records")
    let all = Search.list(Attachment.of(slot))
    for (place, record) in all.prefix(Int(capacity)).enumerated() { records![place] = record }
    target.pointee = UInt32(all.count)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_deadlock_members(
  _ manager: OpaquePointer?, _ id: UInt64,
  _ members: UnsafeMutablePointer<syncmgr_deadlock_member_t>?, _ capacity: UInt32,
  _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    let target = try required(out_count)
    try checkArray(members, capacity, "members")
    let all = try Search.members(Attachment.of(slot), id)
    for (place, member) in all.prefix(Int(capacity)).enumerated() { members![place] = member }
    target.pointee = UInt32(all.count)
    return SYNCMGR_OK
  }
}

private func checkArray<T>(
  _ array: UnsafeMutablePointer<T>?, _ capacity: UInt32, _ what: StaticString
) throws(Failure) {
  if array == nil, capacity > 0 {
    throw Failure(SYNCMGR_E_INVALID, naming: "the array of \(what) is NULL")
  }
}

@c @implementation
public func syncmgr_deadlock_text(
  _ manager: OpaquePointer?, _ id: UInt64, _ buffer: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    if buffer == nil, capacity != 0 {
      throw Failure(SYNCMGR_E_INVALID, "the buffer is NULL and has a capacity")
    }
    let text = Array(try Search.text(Attachment.of(slot), id).utf8)
    if let buffer, capacity > 0 {
      var count = min(text.count, capacity - 1)
      // A cut text ends before the character that does not fit.
      while count < text.count, count > 0, text[count] & 0xC0 == 0x80 { count -= 1 }
      for place in 0..<count { buffer[place] = CChar(bitPattern: text[place]) }
      buffer[count] = 0
    }
    out_length?.pointee = text.count
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_deadlock_resolve(
  _ manager: OpaquePointer?, _ id: UInt64, _ policy: UInt32
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    try checkPolicy(policy)
    try Search.resolve(Attachment.of(slot), id, policy)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_deadlock_clear(
  _ manager: OpaquePointer?, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    let count = Search.clear(Attachment.of(slot))
    out_count?.pointee = count
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_deadlock_counts(
  _ manager: OpaquePointer?, _ out_counts: UnsafeMutablePointer<syncmgr_deadlock_totals_t>?
) -> Int32 {
  call(manager, .manager) { (slot) throws(Failure) in
    let header = Attachment.of(slot).header
    try required(out_counts).pointee = syncmgr_deadlock_totals_t(
      searches: header.deadlockSearches.load(), found: header.deadlocksFound.load(),
      resolved: header.deadlocksResolved.load())
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_workstream_set_priority(
  _ workstream: OpaquePointer?, _ priority: Int32
) -> Int32 {
  call(workstream, .workstream) { (slot) throws(Failure) in
    let attachment = Attachment.of(slot)
    guard let stream = attachment.segment.workstream(slot.pointee.index) else {
      throw attachment.corrupt("the workstream table")
    }
    stream.priority.store(UInt32(bitPattern: priority))
    return SYNCMGR_OK
  }
}
