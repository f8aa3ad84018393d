public import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_ticket_wait(
  _ ticket: OpaquePointer?, _ timeout_ns: Int64,
  _ out_record: UnsafeMutablePointer<syncmgr_record_t>?
) -> Int32 {
  Deadlines.serveIfAlone()
  return plainCall { () throws(Failure) in
    let (outcome, userData, type) = try Tickets.wait(number(ticket), timeout_ns)
    let isOver =
      outcome.status >= 0 && outcome.status != SYNCMGR_PENDING
      && outcome.status != SYNCMGR_INTERRUPTED
    if isOver, let out_record {
      out_record.pointee = syncmgr_record_t()
      out_record.pointee.ticket = number(ticket)
      out_record.pointee.user_data = userData
      out_record.pointee.status = outcome.status
      out_record.pointee.kind = type
      out_record.pointee.value = outcome.value
      out_record.pointee.index = outcome.index
    }
    return outcome.status
  }
}

@c @implementation
public func syncmgr_ticket_cancel(_ ticket: OpaquePointer?) -> Int32 {
  plainCall { () throws(Failure) in try Tickets.cancel(number(ticket)) }
}
