import CSyncMgr

extension Failure {
  init(_ fault: JSONFault, _ noun: StaticString) {
    self.init(
      SYNCMGR_E_INVALID,
      naming: "the \(noun) is not JSON: at byte \(fault.position) \(fault.sentence)")
  }
}

extension JSONReader {
  /// Reads what a caller gave; `noun` is its name in the sentence of a failure.
  static func read(
    _ bytes: UnsafeRawBufferPointer, _ noun: StaticString, _ rules: JSONRules = JSONRules()
  ) throws(Failure) -> JSONValue {
    do throws(JSONFault) {
      return try read(bytes.assumingMemoryBound(to: UInt8.self), rules)
    } catch {
      throw Failure(error, noun)
    }
  }
}
