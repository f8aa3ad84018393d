public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_store_merge(
  _ store: OpaquePointer?, _ change: UnsafeMutablePointer<syncmgr_change_t>?,
  _ options: UnsafePointer<syncmgr_merge_options_t>?, _ buffer: UnsafeMutablePointer<CChar>?,
  _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  var asked: UInt64?
  let status = storeCall(store) { (opened) throws(Failure) in
    guard let change else { throw Failure(SYNCMGR_E_INVALID, "the change is NULL") }
    let target = try required(out_length)
    if buffer == nil, capacity != 0 { throw Failure(SYNCMGR_E_INVALID, "the buffer is NULL") }
    let outcome = try merging(change.pointee, options, opened).run()
    change.pointee.version = outcome.version
    if let conflict = outcome.conflict, conflict.status == .detected {
      asked = conflict.id
      return SYNCMGR_OK
    }
    let written = try give(merged(outcome), "result", buffer, capacity, target)
    return try merged(outcome.conflict, written)
  }
  guard let asked else { return status }
  // By custom: the handlers of this process are asked, outside of the call.
  do throws(Failure) { try ConflictHandling.run(number(store), asked) } catch {
    return error.status
  }
  return storeCall(store) { (opened) throws(Failure) in
    guard let change, let out_length else { return SYNCMGR_E_INVALID }
    let conflict = try Conflicts(opened).get(asked)
    if let entry = try conflict.key.flatMap({ (key) throws(Failure) in
      try opened.get(Array(key.utf8))
    }) {
      change.pointee.version = entry.version
    } else {
      change.pointee.version = 0
    }
    let outcome = Merging.Outcome(version: change.pointee.version, conflict: conflict)
    let written = try give(merged(outcome), "result", buffer, capacity, out_length)
    return try merged(conflict, written)
  }
}

private func merging(
  _ change: syncmgr_change_t, _ options: UnsafePointer<syncmgr_merge_options_t>?, _ store: Store
) throws(Failure) -> Merging {
  var defaults = syncmgr_merge_options_t()
  defaults.strategy = SYNCMGR_STRATEGY_MERGE
  let wanted = try readOptions(options, defaults)
  try checkFlags(wanted.flags, SYNCMGR_PUT_QUEUED)
  if change.flags != 0 { throw Failure(SYNCMGR_E_INVALID, "a change to be merged has no flags") }
  if change.type != SYNCMGR_CELL_JSON {
    throw Failure(SYNCMGR_E_INVALID, "only entries of the type JSON can be merged")
  }
  guard let key = try bytes(change.key, SYNCMGR_KEY_MAX, "key") else {
    throw Failure(SYNCMGR_E_INVALID, "the key is NULL")
  }
  try Store.check(try CellKey.of(change.key), false)
  if change.length < 0 || change.length > Int(SYNCMGR_JSON_MAX) {
    throw Failure(SYNCMGR_E_TOO_LARGE, "the value is larger than any JSON that is read")
  }
  if change.data == nil, change.length != 0 {
    throw Failure(SYNCMGR_E_INVALID, "there is a length and no data")
  }
  let data = change.data.map { UnsafeRawBufferPointer(start: $0, count: change.length) }
  let strategy = try Strategy(checking: wanted.strategy)
  let value = try data.map { (data) throws(Failure) in
    try JSONReader.read(data, "value", JSONRules(sortsKeys: true))
  }
  if wanted.base != nil, strategy != .merge {
    throw Failure(SYNCMGR_E_INVALID, naming: "\(strategy.name) has no use for a base")
  }
  if wanted.id != nil, strategy != .union {
    throw Failure(SYNCMGR_E_INVALID, naming: "\(strategy.name) has no use for an id")
  }
  return Merging(
    store: store, key: Array(key), data: data.map { Array($0) }, value: value,
    expected: change.expected, strategy: strategy,
    severity: try ConflictQuery.severity(wanted.severity),
    base: try wanted.base.map { (text) throws(Failure) in try document(text, "base") },
    id: try wanted.id.map { (text) throws(Failure) in
      String(decoding: try checkText(text, "id", most: 255), as: UTF8.self)
    }, flags: wanted.flags)
}

private func merged(_ outcome: Merging.Outcome) -> [UInt8] {
  var json = JSON()
  json.object { json in
    json.number("version", outcome.version)
    guard let conflict = outcome.conflict else { return }
    json.number("conflict", conflict.id)
    for member in conflict.result?.members ?? [] { json.member(member.key, member.value) }
  }
  return json.bytes
}

private func merged(_ conflict: Conflict?, _ status: Int32) throws(Failure) -> Int32 {
  if let conflict, conflict.status.isOpen { return SYNCMGR_PARTIAL }
  if conflict?.strategy == .abort {
    throw Failure(SYNCMGR_E_CHANGED, naming: "it was changed meanwhile, and nothing was put")
  }
  return status
}
