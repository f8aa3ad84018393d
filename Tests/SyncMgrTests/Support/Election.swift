import CSyncMgr

/// An election. As something to wait for it is stood for.
struct Election: Waiting {
  let handle: Handle

  func close() -> Status { Status(syncmgr_election_close(handle.pointer)) }

  func campaign(_ timeout: Int64 = forever) -> (status: Status, term: UInt64) {
    var term: UInt64 = 0
    return (Status(syncmgr_election_campaign(handle.pointer, timeout, &term)), term)
  }

  func resign() -> Status { Status(syncmgr_election_resign(handle.pointer)) }

  func finish(_ result: [UInt8]) -> Status {
    Status(syncmgr_election_finish(handle.pointer, result, result.count))
  }

  func reset() -> Status { Status(syncmgr_election_reset(handle.pointer)) }

  func isValid(_ term: UInt64) -> Status {
    Status(syncmgr_election_is_valid(handle.pointer, term))
  }

  /// The result, or the status that says why there is none.
  func result() -> (status: Status, bytes: [UInt8]) {
    var bytes = [UInt8](repeating: 0, count: Int(SYNCMGR_RESULT_MAX))
    var length = 0
    let status = Status(syncmgr_election_result(handle.pointer, &bytes, bytes.count, &length))
    return (status, Array(bytes.prefix(length)))
  }

  /// LEADER as OK: what holds for every wait is tried with this one too.
  func wait(_ timeout: Int64) -> Status {
    let status = campaign(timeout).status
    return status == .leader ? .ok : status
  }

  func start(
    _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
    _ ticket: UnsafeMutablePointer<OpaquePointer?>
  ) -> Int32 {
    syncmgr_election_campaign_start(handle.pointer, timeout, queue, userData, ticket, nil)
  }
}
