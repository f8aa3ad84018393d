import CSyncMgr
import Glibc

/// The key of a cell or region, as the caller has it.
struct CellKey {
  let text: UnsafeRawBufferPointer
  let hash: UInt32

  @inline(__always)
  init?(_ text: UnsafePointer<CChar>?) {
    guard let text else { return nil }
    let count = strnlen(text, 256)
    if count == 0 || count > 255 { return nil }
    self.text = UnsafeRawBufferPointer(start: text, count: count)
    hash = TopicHash.of(self.text)
  }

  /// One that is kept elsewhere.
  init?(bytes: UnsafeRawBufferPointer) {
    if bytes.count == 0 || bytes.count > 255 || bytes.contains(0) { return nil }
    text = bytes
    hash = TopicHash.of(bytes)
  }

  static func of(_ text: UnsafePointer<CChar>?) throws(Failure) -> CellKey {
    guard let key = CellKey(text) else { throw failure }
    return key
  }

  static var failure: Failure {
    Failure(SYNCMGR_E_INVALID, "a key has 1 to 255 bytes, and is not NULL")
  }

  /// For keys that are not found: those that are there were checked when they came.
  func check() throws(Failure) {
    if String(validating: text, as: UTF8.self) == nil {
      throw Failure(SYNCMGR_E_INVALID, "the key is not UTF-8")
    }
  }
}
