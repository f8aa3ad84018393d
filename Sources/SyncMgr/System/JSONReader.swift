/// Why bytes are not JSON, or more than is read.
struct JSONFault: Error {
  let sentence: StaticString
  let position: Int
}

/// How JSON is read.
struct JSONRules {
  /// How many lists and objects may be inside each other.
  var depth = 512
  /// Two members of one name are refused. Otherwise the last one counts, in the place of the first,
  /// as in JavaScript and Python.
  var refusesDuplicates = false
  /// Members of objects are put in the order of their keys' bytes.
  var sortsKeys = false

  /// Of details and metadata that only travel through us.
  static let passing = JSONRules(depth: 64)

  /// Of what we have written ourselves: values of callers are some levels deeper in it.
  static let own = JSONRules(depth: 544)
}

/// Reads one JSON value (RFC 8259) with nothing but space around it. Refused besides what is no
/// JSON: bytes that are not UTF-8, a byte order mark, and halves of surrogate pairs, which no UTF-8
/// text can have. Recursion ends at the depth of the rules, whatever the bytes are.
struct JSONReader {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let rules: JSONRules
  private var position = 0
  private var depth = 0

  static func read(
    _ bytes: UnsafeBufferPointer<UInt8>, _ rules: JSONRules = JSONRules()
  ) throws(JSONFault) -> JSONValue {
    var reader = JSONReader(bytes: bytes, rules: rules)
    let value = try reader.value()
    reader.skipSpace()
    if reader.position < bytes.count { throw reader.fault("something follows the value") }
    return value
  }

  private init(bytes: UnsafeBufferPointer<UInt8>, rules: JSONRules) {
    self.bytes = bytes
    self.rules = rules
  }

  // MARK: - Values

  private func fault(_ sentence: StaticString) -> JSONFault {
    JSONFault(sentence: sentence, position: position)
  }

  /// The next byte; 0, which begins nothing, at the end.
  private var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0a, 0x0d, 0x09: position += 1
      default: return
      }
    }
  }

  private mutating func value() throws(JSONFault) -> JSONValue {
    skipSpace()
    switch next {
    case 0x22: return .text(try string())
    case 0x7b: return try object()
    case 0x5b: return try list()
    case 0x2d, 0x30...0x39: return try number()
    case 0x74: return try word("true", .truth(true))
    case 0x66: return try word("false", .truth(false))
    case 0x6e: return try word("null", .null)
    default:
      if position >= bytes.count { throw fault("the text ends where a value is to come") }
      throw fault("a value is to come here")
    }
  }

  private mutating func word(
    _ word: StaticString, _ value: JSONValue
  ) throws(JSONFault) -> JSONValue {
    for index in 0..<word.utf8CodeUnitCount {
      if next != word.utf8Start[index] { throw fault("a value is to come here") }
      position += 1
    }
    return value
  }

  private mutating func enter() throws(JSONFault) {
    if depth == rules.depth { throw fault("it is nested too deep") }
    depth += 1
    position += 1
    skipSpace()
  }

  /// After an element: whether another one follows.
  private mutating func another(_ close: UInt8) throws(JSONFault) -> Bool {
    skipSpace()
    let isLast = next == close
    if !isLast, next != 0x2c { throw fault("a comma or the end of the list is to come here") }
    position += 1
    if isLast { depth -= 1 }
    return !isLast
  }

  private mutating func list() throws(JSONFault) -> JSONValue {
    try enter()
    var items: [JSONValue] = []
    if next == 0x5d {
      position += 1
      depth -= 1
      return .list(items)
    }
    repeat { items.append(try value()) } while try another(0x5d)
    return .list(items)
  }

  private mutating func object() throws(JSONFault) -> JSONValue {
    let start = position
    try enter()
    var members: [JSONMember] = []
    if next == 0x7d {
      position += 1
      depth -= 1
      return .object(members)
    }
    repeat {
      skipSpace()
      if next != 0x22 { throw fault("a key is to come here") }
      let key = try string()
      skipSpace()
      if next != 0x3a { throw fault("a colon is to come here") }
      position += 1
      members.append(JSONMember(key: key, value: try value()))
    } while try another(0x7d)
    if JSONKeys.settle(&members, sorted: rules.sortsKeys), rules.refusesDuplicates {
      throw JSONFault(sentence: "an object has two members of one name", position: start)
    }
    return .object(members)
  }
}

// MARK: - Numbers

extension JSONReader {
  private mutating func number() throws(JSONFault) -> JSONValue {
    let start = position
    let isNegative = next == 0x2d
    if isNegative { position += 1 }
    let first = position
    var magnitude: UInt64 = 0
    var isExact = true
    while case let digit = next &- 0x30, digit < 10 {
      let (ten, overflow) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, carry) = ten.addingReportingOverflow(UInt64(digit))
      if overflow || carry { isExact = false }
      magnitude = sum
      position += 1
    }
    if position == first { throw fault("a digit is to come here") }
    if bytes[first] == 0x30, position - first > 1 {
      position = first
      throw fault("a number begins with 0")
    }
    if next == 0x2e {
      isExact = false
      position += 1
      try digits()
    }
    if next | 0x20 == 0x65 {
      isExact = false
      position += 1
      if next == 0x2b || next == 0x2d { position += 1 }
      try digits()
    }
    if isExact {
      if !isNegative { return JSONValue(magnitude) }
      // -0 is none of them, and keeps its sign as text.
      if magnitude > 0, magnitude <= UInt64(Int64.max) + 1 {
        return .integer(Int64(truncatingIfNeeded: 0 &- magnitude))
      }
    }
    return .number(
      String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self))
  }

  private mutating func digits() throws(JSONFault) {
    let first = position
    while next &- 0x30 < 10 { position += 1 }
    if position == first { throw fault("a digit is to come here") }
  }
}

// MARK: - Texts

extension JSONReader {
  /// Reads a string from its quote on.
  private mutating func string() throws(JSONFault) -> String {
    position += 1
    let start = position
    var seen: UInt8 = 0
    while position < bytes.count {
      let byte = bytes[position]
      if byte == 0x22 {
        let raw = UnsafeBufferPointer(rebasing: bytes[start..<position])
        // Of bytes that are all ASCII there is nothing to check.
        let text =
          seen < 0x80
          ? String(decoding: raw, as: UTF8.self) : String(validating: raw, as: UTF8.self)
        guard let text else { throw JSONFault(sentence: "a string is not UTF-8", position: start) }
        position += 1
        return text
      }
      if byte == 0x5c { return try escapedString(from: start) }
      if byte < 0x20 { throw fault("a control character is in a string") }
      seen |= byte
      position += 1
    }
    throw fault("the text ends in a string")
  }

  /// Reads on in a string that has a backslash at `position`.
  private mutating func escapedString(from start: Int) throws(JSONFault) -> String {
    var text = Array(bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      if byte < 0x20 { throw fault("a control character is in a string") }
      position += 1
      if byte == 0x22 {
        if let text = String(validating: text, as: UTF8.self) { return text }
        throw JSONFault(sentence: "a string is not UTF-8", position: start)
      }
      if byte == 0x5c { try escape(into: &text) } else { text.append(byte) }
    }
    throw fault("the text ends in a string")
  }

  private mutating func escape(into text: inout [UInt8]) throws(JSONFault) {
    let byte = next
    switch byte {
    case 0x22, 0x5c, 0x2f: text.append(byte)
    case 0x62: text.append(0x08)
    case 0x66: text.append(0x0c)
    case 0x6e: text.append(0x0a)
    case 0x72: text.append(0x0d)
    case 0x74: text.append(0x09)
    case 0x75:
      position += 1
      let scalar = try scalar()
      text.append(contentsOf: UTF8.encode(scalar)!)
      return
    default: throw fault("there is no such escape")
    }
    position += 1
  }

  /// Reads the digits after \u, and the second half of a pair.
  private mutating func scalar() throws(JSONFault) -> Unicode.Scalar {
    let start = position
    let first = try hexadecimal()
    if let scalar = Unicode.Scalar(first) { return scalar }
    let half = JSONFault(sentence: "half of a surrogate pair is alone", position: start)
    if first >= 0xdc00 || next != 0x5c { throw half }
    position += 1
    if next != 0x75 { throw half }
    position += 1
    let second = try hexadecimal()
    guard (0xdc00...0xdfff).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
    else { throw half }
    return scalar
  }

  private mutating func hexadecimal() throws(JSONFault) -> UInt32 {
    var number: UInt32 = 0
    for _ in 0..<4 {
      let digit: UInt8
      switch next {
      case 0x30...0x39: digit = next - 0x30
      case 0x41...0x46: digit = next - 0x37
      case 0x61...0x66: digit = next - 0x57
      default: throw fault("a hexadecimal digit is to come here")
      }
      number = number << 4 | UInt32(digit)
      position += 1
    }
    return number
  }
}
