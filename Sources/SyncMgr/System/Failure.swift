import CSyncMgr
import CSyncMgrShim

/// Why a call fails: a status of the header. Its sentence is kept for the thread, where
/// `syncmgr_last_error` finds it.
struct Failure: Error {
  let status: Int32

  /// A sentence known at compile time: costs a copy.
  @inline(never)
  init(_ status: Int32, _ sentence: StaticString) {
    self.status = status
    sentence.withUTF8Buffer { Failure.keep($0) }
  }

  /// A sentence that names values.
  @inline(never)
  init(_ status: Int32, naming sentence: String) {
    self.status = status
    var sentence = sentence
    sentence.withUTF8 { Failure.keep($0) }
  }

  /// A call to the system that failed with `error` (-errno).
  @inline(never)
  init(system call: String, _ error: Int32) {
    let name = String(systemError: error)
    switch -error {
    case 28, 122: self.init(SYNCMGR_E_NO_SPACE, naming: "no space for \(call): \(name)")
    case 12: self.init(SYNCMGR_E_NO_MEMORY, naming: "no memory for \(call): \(name)")
    case 13, 1: self.init(SYNCMGR_E_PERMISSION, naming: "not allowed to \(call): \(name)")
    default: self.init(SYNCMGR_E_SYSTEM, naming: "could not \(call): \(name)")
    }
  }

  /// This thread's sentence, for who makes other calls before it reports the failure.
  static func kept() -> String {
    sm_error_buffer().map { String(cString: $0) } ?? ""
  }

  private static func keep(_ text: UnsafeBufferPointer<UInt8>) {
    guard let buffer = sm_error_buffer() else { return }
    var count = min(text.count, Int(SM_ERROR_CAPACITY) - 1)
    // A cut text ends before the character that does not fit.
    while count < text.count, count > 0, text[count] & 0xC0 == 0x80 { count -= 1 }
    buffer.withMemoryRebound(to: UInt8.self, capacity: Int(SM_ERROR_CAPACITY)) {
      for index in 0..<count { $0[index] = text[index] }
      $0[count] = 0
    }
  }
}

extension String {
  /// The system's words for -errno.
  init(systemError error: Int32) {
    var words = [CChar](repeating: 0, count: 128)
    sm_error_text(-error, &words, words.count)
    self = String(decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
