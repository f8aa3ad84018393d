import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_json_format(
  _ text: UnsafePointer<CChar>?, _ length: Int, _ flags: UInt32,
  _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  plainCall { () throws(Failure) in
    let target = try required(out_length)
    try checkFlags(flags, SYNCMGR_JSON_UNIQUE | SYNCMGR_JSON_SORTED)
    if text == nil, length != 0 { throw Failure(SYNCMGR_E_INVALID, "the text is NULL") }
    if length < 0 || length > Int(SYNCMGR_JSON_MAX) {
      throw Failure(
        SYNCMGR_E_TOO_LARGE, naming: "the text has more than \(SYNCMGR_JSON_MAX) bytes")
    }
    let rules = JSONRules(
      refusesDuplicates: flags & SYNCMGR_JSON_UNIQUE != 0,
      sortsKeys: flags & SYNCMGR_JSON_SORTED != 0)
    let value = try JSONReader.read(
      UnsafeRawBufferPointer(start: text, count: length), "text", rules)
    return try give(JSON.bytes(of: value), "text", buffer, capacity, target)
  }
}

@c @implementation
public func syncmgr_resolve(
  _ strategy: UInt32, _ candidates: UnsafePointer<CChar>?,
  _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  plainCall { () throws(Failure) in
    let target = try required(out_length)
    let strategy = try Strategy(checking: strategy)
    let question = try Question(document(candidates, "candidates"))
    var json = JSON()
    let resolution = try question.resolve(strategy)
    json.object { resolution.write(&$0) }
    return try give(json.bytes, "result", buffer, capacity, target)
  }
}

@c @implementation
public func syncmgr_clock_compare(
  _ left: UnsafePointer<CChar>?, _ right: UnsafePointer<CChar>?,
  _ out_order: UnsafeMutablePointer<UInt32>?
) -> Int32 {
  plainCall { () throws(Failure) in
    let target = try required(out_order)
    let left = try VectorClock(document(left, "clock"))
    switch left.compare(try VectorClock(document(right, "clock"))) {
    case .before: target.pointee = SYNCMGR_CLOCK_BEFORE
    case .after: target.pointee = SYNCMGR_CLOCK_AFTER
    case .equal: target.pointee = SYNCMGR_CLOCK_EQUAL
    case .concurrent: target.pointee = SYNCMGR_CLOCK_CONCURRENT
    }
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_clock_merge(
  _ left: UnsafePointer<CChar>?, _ right: UnsafePointer<CChar>?,
  _ replica: UnsafePointer<CChar>?, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  plainCall { () throws(Failure) in
    let target = try required(out_length)
    var clock = VectorClock()
    if left != nil { clock = try VectorClock(document(left, "clock")) }
    if right != nil { clock.merge(try VectorClock(document(right, "clock"))) }
    if replica != nil {
      let name = String(decoding: try checkText(replica, "replica", most: 255), as: UTF8.self)
      if name.isEmpty { throw Failure(SYNCMGR_E_NAME, "the replica's name is empty") }
      try clock.increment(name)
    }
    return try give(JSON.bytes(of: clock.json), "clock", buffer, capacity, target)
  }
}

/// Reads a JSON text of the caller's, its keys in order: what was decided is the same then however
/// it was written.
func document(
  _ text: UnsafePointer<CChar>?, _ noun: StaticString
) throws(Failure) -> JSONValue {
  guard let bytes = try bytes(text, SYNCMGR_JSON_MAX, noun) else {
    throw Failure(SYNCMGR_E_INVALID, naming: "the \(noun) is NULL")
  }
  return try JSONReader.read(bytes, noun, JSONRules(sortsKeys: true))
}
