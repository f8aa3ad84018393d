import CSyncMgr
import Glibc

/// A completion queue.
struct Queue: Sendable {
  let handle: Handle

  /// A record that the library never writes.
  static let noRecord = syncmgr_record_t(
    ticket: .max, user_data: .max, status: .min, kind: .max, value: .max, index: .max,
    reserved: .max)

  func close() -> Status { Status(syncmgr_queue_close(handle.pointer)) }

  func descriptor() throws(Failed) -> Int32 {
    try written(over: -7) { syncmgr_queue_fd(handle.pointer, $0) }
  }

  func watch(_ mask: UInt32, userData: UInt64 = 0) -> Status {
    Status(syncmgr_queue_watch(handle.pointer, mask, userData))
  }

  /// Takes up to `capacity` records.
  func drain(_ capacity: Int = 64) throws(Failed) -> [syncmgr_record_t] {
    var records = [syncmgr_record_t](repeating: Queue.noRecord, count: capacity)
    let count = try written(over: UInt32.max) {
      syncmgr_queue_drain(handle.pointer, &records, UInt32(capacity), $0)
    }
    return Array(records.prefix(Int(count)))
  }

  /// Drains until there are `count` records, or no more come.
  func collect(_ count: Int) throws -> [syncmgr_record_t] {
    var records: [syncmgr_record_t] = []
    _ = try eventually {
      records += try drain()
      return records.count >= count
    }
    return records
  }

  /// Whether the descriptor becomes readable within `nanoseconds`.
  func isReadable(within nanoseconds: Int64 = 0) throws(Failed) -> Bool {
    var entry = pollfd(fd: try descriptor(), events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, Int32(nanoseconds / millisecond)) == 1
  }
}

/// A pipe of the test's own, which does not block.
struct Pipe {
  let readEnd: Int32
  let writeEnd: Int32

  init() {
    var ends: (Int32, Int32) = (-1, -1)
    withUnsafeMutableBytes(of: &ends) { bytes in
      guard pipe(bytes.bindMemory(to: Int32.self).baseAddress!) == 0
      else { fatalError("pipe: \(String(cString: strerror(errno)))") }
    }
    (readEnd, writeEnd) = ends
    for end in [readEnd, writeEnd] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
  }

  func close() {
    Glibc.close(readEnd)
    Glibc.close(writeEnd)
  }

  /// Takes what is in the pipe and returns how many bytes that were.
  func readAll() -> Int {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(readEnd, &buffer, buffer.count)
    return count < 0 ? 0 : count
  }

  /// Waits for something to read.
  func isReadable(within nanoseconds: Int64 = patience) -> Bool {
    var entry = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, Int32(nanoseconds / millisecond)) == 1
  }
}
