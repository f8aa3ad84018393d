public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_conflict_detect(
  _ store: OpaquePointer?, _ options: UnsafePointer<syncmgr_conflict_options_t>?,
  _ out_id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  var asked: UInt64?
  let status = conflictCall(store) { (conflicts) throws(Failure) in
    let wanted = try ConflictQuery(options, conflicts)
    let isAsked = wanted.resolvesAtOnce && wanted.hasHandlers(conflicts.store.attachment)
    let conflict = try conflicts.detect(
      wanted.draft, resolvesAtOnce: wanted.resolvesAtOnce, isAsked: isAsked)
    out_id?.pointee = conflict.id
    if wanted.notifies { ConflictQuery.notify(conflict, conflicts) }
    ConflictHandling.watch(number(store), conflict, conflicts.store.attachment)
    if conflict.status == .detected, isAsked || wanted.resolvesAtOnce { asked = conflict.id }
    return SYNCMGR_OK
  }
  guard let asked else { return status }
  return handled(store, asked)
}

@c @implementation
public func syncmgr_conflict_get(
  _ store: OpaquePointer?, _ id: UInt64, _ buffer: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  conflictCall(store) { (conflicts) throws(Failure) in
    let target = try required(out_length)
    let conflict = try conflicts.get(id)
    var json = JSON()
    json.object { conflict.write(&$0) }
    return try give(json.bytes, "conflict", buffer, capacity, target)
  }
}

@c @implementation
public func syncmgr_conflict_list(
  _ store: OpaquePointer?, _ filter: UnsafePointer<syncmgr_conflict_filter_t>?,
  _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  conflictCall(store) { (conflicts) throws(Failure) in
    let target = try required(out_length)
    let filter = try ConflictFilter(filter)
    let found = try conflicts.list { filter.wants($0) }
    var json = JSON()
    json.array { json in
      for conflict in found { json.object { conflict.write(&$0) } }
    }
    return try give(json.bytes, "list", buffer, capacity, target)
  }
}

@c @implementation
public func syncmgr_conflict_resolve(
  _ store: OpaquePointer?, _ id: UInt64, _ strategy: UInt32, _ value: UnsafePointer<CChar>?,
  _ resolved_by: UnsafePointer<CChar>?
) -> Int32 {
  var isAsked = false
  let status = conflictCall(store) { (conflicts) throws(Failure) in
    let strategy = try Strategy(checking: strategy)
    let name = try checkName(resolved_by)
    let value = try value.map { (text) throws(Failure) in try document(text, "value") }
    if value != nil, strategy != .custom, strategy != .manual {
      throw Failure(SYNCMGR_E_INVALID, naming: "\(strategy.name) has no use for a value")
    }
    if strategy == .custom, value == nil {
      isAsked = true
      return SYNCMGR_OK
    }
    _ = try conflicts.resolve(id, strategy, value, by: name)
    return SYNCMGR_OK
  }
  return isAsked ? handled(store, id) : status
}

@c @implementation
public func syncmgr_conflict_claim(_ store: OpaquePointer?, _ id: UInt64) -> Int32 {
  conflictCall(store) { (conflicts) throws(Failure) in
    _ = try conflicts.claim(id)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_conflict_settle(
  _ store: OpaquePointer?, _ id: UInt64, _ value: UnsafePointer<CChar>?
) -> Int32 {
  conflictCall(store) { (conflicts) throws(Failure) in
    let value = try value.map { (text) throws(Failure) in try document(text, "value") }
    try ConflictHandling.checkEnd(try conflicts.settle(id, value))
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_conflict_release(_ store: OpaquePointer?, _ id: UInt64) -> Int32 {
  conflictCall(store) { (conflicts) throws(Failure) in
    try conflicts.release(id)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_conflict_ignore(
  _ store: OpaquePointer?, _ id: UInt64, _ by: UnsafePointer<CChar>?
) -> Int32 {
  conflictCall(store) { (conflicts) throws(Failure) in
    try conflicts.ignore(id, by: try checkName(by))
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_conflict_clear(
  _ store: OpaquePointer?, _ out_count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  conflictCall(store) { (conflicts) throws(Failure) in
    let count = try conflicts.clear()
    out_count?.pointee = count
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_conflict_wait(
  _ store: OpaquePointer?, _ id: UInt64, _ timeout_ns: Int64,
  _ out_status: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  conflictCall(store) { (conflicts) throws(Failure) in
    let status = try conflicts.wait(id, timeout_ns)
    out_status?.pointee = status.rawValue
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_conflict_wait_start(
  _ store: OpaquePointer?, _ id: UInt64, _ timeout_ns: Int64, _ queue: OpaquePointer?,
  _ user_data: UInt64, _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  conflictCall(store) { (conflicts) throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    try start.check(conflicts.store.caller)
    ConflictHandling.watch(number(store), try conflicts.get(id), conflicts.store.attachment)
    return try give(try conflicts.waitStart(id, start), target)
  }
}

/// `destroy` runs before an error is returned.
@c @implementation
public func syncmgr_conflict_on(
  _ store: OpaquePointer?, _ types: UInt32,
  _ callback: (
    @convention(c) (UInt64, UnsafePointer<CChar>?, UnsafeMutableRawPointer?) -> Int32
  )?,
  _ user: UnsafeMutableRawPointer?,
  _ destroy: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?,
  _ out_subscription: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  let status = call(store, .store) { (slot) throws(Failure) in
    let target = try required(out_subscription)
    guard types != 0, types & ~ConflictType.mask == 0, let callback else {
      throw Failure(SYNCMGR_E_INVALID, "no types were asked for, or there is no callback")
    }
    let stream = Stream.of(sm_slots() + Int(slot.pointee.next))
    let handler = ConflictHandler(stream.attachment, types, callback, user, destroy)
    target.pointee = pointer(try ConflictCallback.add(handler, stream.manager))
    return SYNCMGR_OK
  }
  if status < 0 { destroy?(user) }
  return status
}

// MARK: - What these calls share

private func conflictCall(
  _ handle: OpaquePointer?, _ body: (Conflicts) throws(Failure) -> Int32
) -> Int32 {
  storeCall(handle) { (store) throws(Failure) in try body(Conflicts(store)) }
}

/// Lets handlers decide, outside of the call.
private func handled(_ store: OpaquePointer?, _ id: UInt64) -> Int32 {
  do throws(Failure) {
    try ConflictHandling.run(number(store), id)
    return SYNCMGR_OK
  } catch {
    return error.status
  }
}

private func checkName(_ text: UnsafePointer<CChar>?) throws(Failure) -> String? {
  guard let text else { return nil }
  return String(decoding: try checkText(text, "name", most: 255), as: UTF8.self)
}
