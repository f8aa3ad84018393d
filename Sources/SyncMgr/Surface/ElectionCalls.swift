public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_election_open(
  _ workstream: OpaquePointer?, _ name: UnsafePointer<CChar>?,
  _ out_election: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  openCall(workstream, name, out_election) { () throws(Failure) in
    Stream.Parameters(type: .election, count: 1, initialWord: 1)
  }
}

@c @implementation
public func syncmgr_election_close(_ election: OpaquePointer?) -> Int32 {
  closeCall(election) { (handle) throws(Failure) in try Stream.closeObject(handle, .election) }
}

@c @implementation
public func syncmgr_election_campaign(
  _ election: OpaquePointer?, _ timeout_ns: Int64, _ out_term: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  objectCall(election, .election) { (caller) throws(Failure) in
    let outcome = try Election.campaign(caller, timeout_ns)
    if outcome.status == SYNCMGR_LEADER { out_term?.pointee = outcome.value }
    return outcome.status
  }
}

@c @implementation
public func syncmgr_election_campaign_start(
  _ election: OpaquePointer?, _ timeout_ns: Int64, _ queue: OpaquePointer?, _ user_data: UInt64,
  _ out_ticket: UnsafeMutablePointer<OpaquePointer?>?,
  _ out_record: UnsafeMutablePointer<syncmgr_record_t>?
) -> Int32 {
  objectCall(election, .election) { (caller) throws(Failure) in
    let target = try required(out_ticket)
    let start = Tickets.Start(timeout: timeout_ns, queue: queue, userData: user_data)
    return try give(Election.campaignStart(caller, start), target, out_record)
  }
}

@c @implementation
public func syncmgr_election_resign(_ election: OpaquePointer?) -> Int32 {
  objectCall(election, .election) { (caller) throws(Failure) in
    try Election.resign(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_election_finish(
  _ election: OpaquePointer?, _ result: UnsafeRawPointer?, _ length: Int
) -> Int32 {
  objectCall(election, .election) { (caller) throws(Failure) in
    if result == nil, length != 0 { throw Failure(SYNCMGR_E_INVALID, "the result is NULL") }
    if UInt(bitPattern: length) > UInt(SYNCMGR_RESULT_MAX) {
      throw Failure(
        SYNCMGR_E_INVALID,
        naming: "a result has at most \(SYNCMGR_RESULT_MAX) bytes, not \(UInt(bitPattern: length))")
    }
    try Election.finish(caller, UnsafeRawBufferPointer(start: result, count: length))
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_election_result(
  _ election: OpaquePointer?, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
  _ out_length: UnsafeMutablePointer<Int>?
) -> Int32 {
  objectCall(election, .election) { (caller) throws(Failure) in
    let target = try required(out_length)
    guard let result = try Election.result(caller) else { return SYNCMGR_PENDING }
    guard UInt(bitPattern: capacity) >= UInt(result.count), buffer != nil || result.isEmpty else {
      throw Failure(SYNCMGR_E_INVALID, naming: "the result needs \(result.count) bytes")
    }
    buffer?.copyMemory(from: result, byteCount: result.count)
    target.pointee = result.count
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_election_reset(_ election: OpaquePointer?) -> Int32 {
  objectCall(election, .election) { (caller) throws(Failure) in
    try Election.reset(caller)
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_election_leader(
  _ election: OpaquePointer?, _ out_leader: UnsafeMutablePointer<syncmgr_holder_t>?
) -> Int32 {
  objectCall(election, .election) { (caller) throws(Failure) in
    let target = try required(out_leader)
    guard let leader = Holds.holders(caller).first else { return SYNCMGR_FREE }
    target.pointee = leader
    return SYNCMGR_OK
  }
}

@c @implementation
public func syncmgr_election_is_valid(_ election: OpaquePointer?, _ term: UInt64) -> Int32 {
  objectCall(election, .election) { (caller) throws(Failure) in
    if caller.holding.amount.load() > 0, caller.holding.token.load() == term { return SYNCMGR_OK }
    throw Failure(SYNCMGR_E_LOST, naming: "this workstream does not lead in term \(term)")
  }
}

@c @implementation
public func syncmgr_election_force_release(_ election: OpaquePointer?) -> Int32 {
  objectCall(election, .election) { (caller) throws(Failure) in try Holds.forceRelease(caller) }
}
