/// Writes a JSON document, member by member, or a value of it at once. Text from shared memory may
/// be anything: what is not UTF-8 became U+FFFD when it was made a String.
struct JSON {
  private(set) var bytes: [UInt8] = []
  private var needsComma = false

  static func bytes(of value: JSONValue) -> [UInt8] {
    var json = JSON()
    json.value(nil, value)
    return json.bytes
  }

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
    quote(value)
  }

  /// A document in memory, or a part of one.
  mutating func value(_ key: StaticString? = nil, _ value: JSONValue) {
    begin(key)
    write(value)
  }

  /// A member whose key is only known now.
  mutating func member(_ key: String, _ value: JSONValue) {
    begin(nil)
    quote(key)
    bytes.append(0x3a)
    write(value)
  }

  // MARK: - Writing

  private mutating func write(_ value: JSONValue) {
    switch value {
    case .null: bytes.append(contentsOf: "null".utf8)
    case .truth(let truth): bytes.append(contentsOf: (truth ? "true" : "false").utf8)
    case .integer(let number): bytes.append(contentsOf: String(number).utf8)
    case .unsigned(let number): bytes.append(contentsOf: String(number).utf8)
    case .number(let digits): bytes.append(contentsOf: digits.utf8)
    case .text(let text): quote(text)
    case .list(let items):
      var mark: UInt8 = 0x5b
      for item in items {
        bytes.append(mark)
        mark = 0x2c
        write(item)
      }
      if items.isEmpty { bytes.append(mark) }
      bytes.append(0x5d)
    case .object(let members):
      var mark: UInt8 = 0x7b
      for member in members {
        bytes.append(mark)
        mark = 0x2c
        quote(member.key)
        bytes.append(0x3a)
        write(member.value)
      }
      if members.isEmpty { bytes.append(mark) }
      bytes.append(0x7d)
    }
  }

  private mutating func quote(_ value: String) {
    var value = value
    bytes.append(0x22)
    value.withUTF8 { text in
      // What needs no escape goes in one piece.
      var start = 0
      for (index, byte) in text.enumerated()
      where byte < 0x20 || byte == 0x22 || byte == 0x5c || byte == 0x7f {
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<index]))
        escape(byte)
        start = index + 1
      }
      bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start...]))
    }
    bytes.append(0x22)
  }

  private mutating func escape(_ byte: UInt8) {
    bytes.append(0x5c)
    switch byte {
    case 0x22, 0x5c: bytes.append(byte)
    case 0x0a: bytes.append(0x6e)
    case 0x0d: bytes.append(0x72)
    case 0x09: bytes.append(0x74)
    default:
      bytes.append(contentsOf: "u00".utf8)
      for digit in [byte >> 4, byte & 15] { bytes.append(digit < 10 ? 48 + digit : 87 + digit) }
    }
  }
}
