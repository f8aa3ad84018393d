/// Writes a JSON document, member by member. Text from shared memory may be anything: what is not
/// UTF-8 becomes U+FFFD.
struct JSON {
  private(set) var bytes: [UInt8] = []
  private var needsComma = false

  // MARK: - Structure

  mutating func object(_ key: StaticString? = nil, _ body: (inout JSON) -> Void) {
    nest(key, 0x7b, 0x7d, body)
  }

  mutating func array(_ key: StaticString? = nil, _ body: (inout JSON) -> Void) {
    nest(key, 0x5b, 0x5d, body)
  }

  private mutating func nest(
    _ key: StaticString?, _ open: UInt8, _ close: UInt8, _ body: (inout JSON) -> Void
  ) {
    begin(key)
    bytes.append(open)
    needsComma = false
    body(&self)
    bytes.append(close)
    needsComma = true
  }

  private mutating func begin(_ key: StaticString?) {
    if needsComma { bytes.append(0x2c) }
    needsComma = true
    guard let key else { return }
    bytes.append(0x22)
    key.withUTF8Buffer { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: [0x22, 0x3a])
  }

  // MARK: - Values

  mutating func number(_ key: StaticString? = nil, _ value: some BinaryInteger) {
    begin(key)
    bytes.append(contentsOf: String(value).utf8)
  }

  mutating func truth(_ key: StaticString? = nil, _ value: Bool) {
    begin(key)
    bytes.append(contentsOf: (value ? "true" : "false").utf8)
  }

  mutating func null(_ key: StaticString? = nil) {
    begin(key)
    bytes.append(contentsOf: "null".utf8)
  }

  /// Nanoseconds as milliseconds with three places.
  mutating func milliseconds(_ key: StaticString? = nil, _ nanoseconds: UInt64) {
    begin(key)
    let microseconds = nanoseconds / 1000
    let rest = String(microseconds % 1000)
    bytes.append(contentsOf: String(microseconds / 1000).utf8)
    bytes.append(0x2e)
    for _ in rest.utf8.count..<3 { bytes.append(0x30) }
    bytes.append(contentsOf: rest.utf8)
  }

  mutating func text(_ key: StaticString? = nil, _ value: String) {
    begin(key)
    bytes.append(0x22)
    for byte in value.utf8 {
      switch byte {
      case 0x22, 0x5c: bytes.append(contentsOf: [0x5c, byte])
      case 0..<0x20, 0x7f:
        bytes.append(contentsOf: "\\u00".utf8)
        for digit in [byte >> 4, byte & 15] { bytes.append(digit < 10 ? 48 + digit : 87 + digit) }
      default: bytes.append(byte)
      }
    }
    bytes.append(0x22)
  }
}
