import CSyncMgr
import Testing

/// What is common to the objects that can be waited for: the blocking, the trying and the started
/// form of their one wait.
protocol Waiting: Sendable {
  /// The blocking form.
  func wait(_ timeout: Int64) -> Status

  /// The started form, as the header has it.
  func start(
    _ timeout: Int64, _ queue: OpaquePointer?, _ userData: UInt64,
    _ ticket: UnsafeMutablePointer<OpaquePointer?>
  ) -> Int32
}

/// What a started wait gave: a status, and with PENDING a ticket.
struct Started {
  let status: Status
  let ticket: Ticket?
}

extension Waiting {
  /// Starts the wait. Records an issue unless there is a ticket exactly with PENDING.
  func start(
    timeout: Int64 = forever, queue: Queue? = nil, userData: UInt64 = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> Started {
    var pointer: OpaquePointer?
    let status = Status(start(timeout, queue?.handle.pointer, userData, &pointer))
    #expect((status == .pending) == (pointer != nil), "\(status)", sourceLocation: sourceLocation)
    return Started(status: status, ticket: pointer.map { Ticket(handle: Handle($0)) })
  }

  /// Starts the wait, which must not be over at once.
  func pending(
    timeout: Int64 = forever, queue: Queue? = nil, userData: UInt64 = 0
  ) throws(Failed) -> Ticket {
    let started = start(timeout: timeout, queue: queue, userData: userData)
    guard let ticket = started.ticket else { throw Failed(status: started.status) }
    return ticket
  }

  /// Waits with a timeout of 0.
  func attempt() -> Status { wait(0) }
}

/// A ticket.
struct Ticket: Sendable, Equatable {
  let handle: Handle

  /// The number by which a record names the ticket.
  var number: UInt64 { UInt64(UInt(bitPattern: handle.pointer)) }

  func cancel() -> Status { Status(syncmgr_ticket_cancel(handle.pointer)) }

  func wait(_ timeout: Int64 = forever) -> Status {
    Status(syncmgr_ticket_wait(handle.pointer, timeout, nil))
  }

  /// Waits and returns the record too, which is untouched when the wait is not over.
  func record(_ timeout: Int64 = forever) -> (status: Status, record: syncmgr_record_t) {
    var record = Queue.noRecord
    let status = Status(syncmgr_ticket_wait(handle.pointer, timeout, &record))
    return (status, record)
  }

  /// Whether the wait goes on.
  var isPending: Bool { wait(0) == .pending }
}
