// The JSON codec under libFuzzer: whatever the bytes are, reading ends with a value or a fault, and
// a value that was read is the same when it is written and read again.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = UnsafeBufferPointer(start: start, count: count)
  for rules in [JSONRules(), JSONRules(depth: 3, refusesDuplicates: true, sortsKeys: true)] {
    guard let value = try? JSONReader.read(bytes, rules) else { continue }
    let written = JSON.bytes(of: value)
    precondition(String(validating: written, as: UTF8.self) != nil, "it is not UTF-8")
    written.withUnsafeBufferPointer { again in
      guard let second = try? JSONReader.read(again, rules) else {
        preconditionFailure("what was written cannot be read")
      }
      precondition(JSON.bytes(of: second) == written, "it changes when it is written")
      precondition(!rules.sortsKeys || value.wholeOrder(second) == 0, "it is another value")
    }
  }
  return 0
}
