/// A JSON document that was read: the snapshot of a space.
indirect enum JSONValue {
  case null
  case truth(Bool)
  case number(Double)
  /// One that is written with all of its digits.
  case whole(UInt64)
  case text(String)
  case list([JSONValue])
  case members([(key: String, value: JSONValue)])

  /// A member of an object; null when there is none.
  subscript(key: String) -> JSONValue {
    guard case .members(let members) = self else { return .null }
    return members.first { $0.key == key }?.value ?? .null
  }

  var items: [JSONValue] {
    if case .list(let items) = self { return items }
    return []
  }

  var members: [(key: String, value: JSONValue)] {
    if case .members(let members) = self { return members }
    return []
  }

  var string: String {
    if case .text(let text) = self { return text }
    return ""
  }

  var double: Double {
    if case .number(let number) = self { return number }
    return 0
  }

  var int: Int { Int(exactly: double.rounded()) ?? 0 }

  var isTrue: Bool {
    if case .truth(let truth) = self { return truth }
    return false
  }

  var isNull: Bool {
    if case .null = self { return true }
    return false
  }
}

// MARK: - Reading

extension JSONValue {
  init?(_ text: some Sequence<UInt8>) {
    var reader = Reader(bytes: Array(text))
    guard let value = reader.value(), reader.isAtEnd else { return nil }
    self = value
  }

  private struct Reader {
    let bytes: [UInt8]
    var at = 0

    private var next: UInt8 { at < bytes.count ? bytes[at] : 0 }

    private mutating func skipSpace() {
      while [0x20, 0x09, 0x0a, 0x0d].contains(next) { at += 1 }
    }

    var isAtEnd: Bool {
      mutating get {
        skipSpace()
        return at == bytes.count
      }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
      skipSpace()
      guard next == byte else { return false }
      at += 1
      return true
    }

    mutating func value() -> JSONValue? {
      skipSpace()
      switch next {
      case 0x7b: return members()
      case 0x5b: return list()
      case 0x22: return string().map { .text($0) }
      case 0x74: return word("true", .truth(true))
      case 0x66: return word("false", .truth(false))
      case 0x6e: return word("null", .null)
      default: return number()
      }
    }

    private mutating func word(_ text: String, _ value: JSONValue) -> JSONValue? {
      guard bytes[at...].starts(with: text.utf8) else { return nil }
      at += text.utf8.count
      return value
    }

    private mutating func number() -> JSONValue? {
      let from = at
      while (0x30...0x39).contains(next) || [0x2b, 0x2d, 0x2e, 0x45, 0x65].contains(next) {
        at += 1
      }
      return Double(String(decoding: bytes[from..<at], as: UTF8.self)).map { .number($0) }
    }

    private mutating func list() -> JSONValue? {
      guard take(0x5b) else { return nil }
      var items: [JSONValue] = []
      if take(0x5d) { return .list(items) }
      repeat {
        guard let item = value() else { return nil }
        items.append(item)
      } while take(0x2c)
      return take(0x5d) ? .list(items) : nil
    }

    private mutating func members() -> JSONValue? {
      guard take(0x7b) else { return nil }
      var members: [(key: String, value: JSONValue)] = []
      if take(0x7d) { return .members(members) }
      repeat {
        skipSpace()
        guard let key = string(), take(0x3a), let value = value() else { return nil }
        members.append((key, value))
      } while take(0x2c)
      return take(0x7d) ? .members(members) : nil
    }

    private mutating func string() -> String? {
      guard take(0x22) else { return nil }
      var text: [UInt8] = []
      while at < bytes.count {
        let byte = bytes[at]
        at += 1
        if byte == 0x22 { return String(decoding: text, as: UTF8.self) }
        guard byte == 0x5c else {
          text.append(byte)
          continue
        }
        guard let escaped = escape() else { return nil }
        text.append(contentsOf: escaped)
      }
      return nil
    }

    private mutating func escape() -> [UInt8]? {
      let byte = next
      at += 1
      switch byte {
      case 0x6e: return [0x0a]
      case 0x74: return [0x09]
      case 0x72: return [0x0d]
      case 0x62: return [0x08]
      case 0x66: return [0x0c]
      case 0x75:
        guard at + 4 <= bytes.count,
          let code = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16),
          let scalar = Unicode.Scalar(code)
        else { return nil }
        at += 4
        return Array(String(scalar).utf8)
      default: return [byte]
      }
    }
  }
}

// MARK: - Writing

extension JSONValue {
  /// The document on one line.
  var written: String {
    switch self {
    case .null: return "null"
    case .truth(let truth): return truth ? "true" : "false"
    case .number(let number):
      return Int(exactly: number).map { String($0) } ?? String(number)
    case .whole(let number): return String(number)
    case .text(let text): return JSONValue.quoted(text)
    case .list(let items): return "[" + items.map { $0.written }.joined(separator: ",") + "]"
    case .members(let members):
      return "{"
        + members.map { JSONValue.quoted($0.key) + ":" + $0.value.written }
        .joined(separator: ",") + "}"
    }
  }

  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\" + String(scalar)
      case "\u{0}"..."\u{1f}", "\u{7f}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  static func count(_ value: some BinaryInteger) -> JSONValue { .number(Double(value)) }
}
