/// Whether bytes are one JSON value (RFC 8259), so that they can be put into other JSON as they
/// are. The bytes are UTF-8 already.
struct JSONCheck {
  private let bytes: [UInt8]
  private var position = 0
  private static let deepest = 64

  static func isWhole(_ bytes: [UInt8]) -> Bool {
    var reader = JSONCheck(bytes)
    return reader.value(0) && reader.position == bytes.count
  }

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  private var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

  private mutating func take(_ byte: UInt8) -> Bool {
    if next != byte || position == bytes.count { return false }
    position += 1
    return true
  }

  private mutating func take(_ word: StaticString) -> Bool {
    for index in 0..<word.utf8CodeUnitCount where !take(word.utf8Start[index]) { return false }
    return true
  }

  private mutating func space() {
    while [0x20, 0x09, 0x0a, 0x0d].contains(next), position < bytes.count { position += 1 }
  }

  /// A value with the space around it.
  private mutating func value(_ depth: Int) -> Bool {
    if depth > JSONCheck.deepest { return false }
    space()
    let isRight =
      switch next {
      case 0x7b: list(0x7b, 0x7d, depth, isObject: true)
      case 0x5b: list(0x5b, 0x5d, depth, isObject: false)
      case 0x22: string()
      case 0x74: take("true")
      case 0x66: take("false")
      case 0x6e: take("null")
      default: number()
      }
    space()
    return isRight
  }

  private mutating func list(
    _ open: UInt8, _ close: UInt8, _ depth: Int, isObject: Bool
  ) -> Bool {
    guard take(open) else { return false }
    space()
    if take(close) { return true }
    while true {
      if isObject {
        space()
        guard string() else { return false }
        space()
        guard take(0x3a) else { return false }
      }
      guard value(depth + 1) else { return false }
      if take(close) { return true }
      guard take(0x2c) else { return false }
    }
  }

  private mutating func string() -> Bool {
    guard take(0x22) else { return false }
    while position < bytes.count {
      let byte = next
      position += 1
      if byte == 0x22 { return true }
      if byte < 0x20 { return false }
      guard byte == 0x5c else { continue }
      let escaped = next
      position += 1
      if escaped == 0x75 {
        for _ in 0..<4 {
          guard Character(UnicodeScalar(next)).isHexDigit else { return false }
          position += 1
        }
      } else if !"\"\\/bfnrt".utf8.contains(escaped) {
        return false
      }
    }
    return false
  }

  private mutating func digits() -> Bool {
    let first = position
    while (0x30...0x39).contains(next) { position += 1 }
    return position > first
  }

  private mutating func number() -> Bool {
    _ = take(0x2d)
    if !take(0x30), !digits() { return false }
    if take(0x2e), !digits() { return false }
    if next == 0x65 || next == 0x45 {
      position += 1
      if next == 0x2b || next == 0x2d { position += 1 }
      return digits()
    }
    return true
  }
}
