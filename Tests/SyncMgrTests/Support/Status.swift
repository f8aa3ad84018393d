import CSyncMgr
import Glibc
import Testing

/// What a call returned, with the sentence that the library had about it.
///
/// Two are equal when their codes are, so that a failed `#expect` shows name and sentence.
struct Status: Equatable, Sendable, CustomStringConvertible {
  let code: Int32
  let sentence: String

  /// Reads the sentence at once: the thread's next failing call overwrites it.
  init(_ code: Int32) {
    self.code = code
    sentence = code < 0 ? lastError() : ""
  }

  private init(constant: Int32) {
    code = constant
    sentence = ""
  }

  static func == (left: Status, right: Status) -> Bool { left.code == right.code }

  var succeeded: Bool { code >= 0 }

  var description: String {
    let name = String(cString: syncmgr_status_name(code))
    return sentence.isEmpty ? name : "\(name) (\(sentence))"
  }

  static let ok = Status(constant: SYNCMGR_OK)
  static let ownerDied = Status(constant: SYNCMGR_OWNER_DIED)
  static let leader = Status(constant: SYNCMGR_LEADER)
  static let pending = Status(constant: SYNCMGR_PENDING)
  static let finished = Status(constant: SYNCMGR_FINISHED)
  static let free = Status(constant: SYNCMGR_FREE)
  static let interrupted = Status(constant: SYNCMGR_INTERRUPTED)
  static let invalid = Status(constant: SYNCMGR_E_INVALID)
  static let handle = Status(constant: SYNCMGR_E_HANDLE)
  static let closed = Status(constant: SYNCMGR_E_CLOSED)
  static let timeout = Status(constant: SYNCMGR_E_TIMEOUT)
  static let deadlock = Status(constant: SYNCMGR_E_DEADLOCK)
  static let notOwner = Status(constant: SYNCMGR_E_NOT_OWNER)
  static let broken = Status(constant: SYNCMGR_E_BROKEN)
  static let exists = Status(constant: SYNCMGR_E_EXISTS)
  static let notFound = Status(constant: SYNCMGR_E_NOT_FOUND)
  static let type = Status(constant: SYNCMGR_E_TYPE)
  static let mismatch = Status(constant: SYNCMGR_E_MISMATCH)
  static let name = Status(constant: SYNCMGR_E_NAME)
  static let overflow = Status(constant: SYNCMGR_E_OVERFLOW)
  static let already = Status(constant: SYNCMGR_E_ALREADY)
  static let corrupt = Status(constant: SYNCMGR_E_CORRUPT)
  static let unsupported = Status(constant: SYNCMGR_E_UNSUPPORTED)
  static let full = Status(constant: SYNCMGR_E_FULL)
  static let busy = Status(constant: SYNCMGR_E_BUSY)
  static let lost = Status(constant: SYNCMGR_E_LOST)
  static let gap = Status(constant: SYNCMGR_E_GAP)
}

/// The sentence about the last error of this thread.
func lastError() -> String { String(cString: syncmgr_last_error()) }

/// A call that a test needs to succeed did not.
struct Failed: Error, CustomStringConvertible {
  let status: Status
  var description: String { status.description }
}

/// Returns the status that `body` failed with, or OK.
func status<Result>(_ body: () throws(Failed) -> Result) -> Status {
  do throws(Failed) {
    _ = try body()
    return .ok
  } catch {
    return error.status
  }
}

/// Returns the value that `call` writes through its out pointer.
///
/// Throws when the call fails, and records an issue when it wrote something nevertheless.
func written<Value: Equatable>(
  over initial: Value, _ call: (UnsafeMutablePointer<Value>) -> Int32
) throws(Failed) -> Value {
  var value = initial
  let status = Status(withUnsafeMutablePointer(to: &value, call))
  guard status.succeeded else {
    if value != initial { Issue.record("\(status), but an output was written") }
    throw Failed(status: status)
  }
  return value
}

/// A handle of the library.
///
// Safe because the pointer is a checked number, which the library never dereferences, and every
// function of the library may be called from any thread.
struct Handle: @unchecked Sendable, Equatable {
  let pointer: OpaquePointer?

  /// Takes the handle that `call` writes.
  init(_ call: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws(Failed) {
    pointer = try written(over: nil, call)
  }

  init(_ pointer: OpaquePointer?) { self.pointer = pointer }
}
