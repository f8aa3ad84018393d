/// The order of JSON values, by which results are the same whatever the order of the arguments:
/// null, false, true, numbers by value, texts by bytes, lists by their elements, objects by their
/// members. Objects must have been read with sorted keys.
extension JSONValue {
  private var rank: Int {
    switch self {
    case .null: 0
    case .truth(let truth): truth ? 2 : 1
    case .integer, .unsigned, .number: 3
    case .text: 4
    case .list: 5
    case .object: 6
    }
  }

  /// Below, at or above 0. Numbers of one value are equal however they are written: 1 and 1.0.
  func order(_ other: JSONValue) -> Int {
    if rank != other.rank { return rank < other.rank ? -1 : 1 }
    switch (self, other) {
    case (.text(let left), .text(let right)): return left.order(right)
    case (.list(let left), .list(let right)):
      for (left, right) in zip(left, right) {
        let order = left.order(right)
        if order != 0 { return order }
      }
      return (left.count - right.count).signum()
    case (.object(let left), .object(let right)):
      for (left, right) in zip(left, right) {
        let order = left.key.order(right.key)
        if order != 0 { return order }
        let values = left.value.order(right.value)
        if values != 0 { return values }
      }
      return (left.count - right.count).signum()
    case (.integer(let left), .integer(let right)): return left < right ? -1 : left > right ? 1 : 0
    default: return rank == 3 ? Decimal(self).order(Decimal(other)) : 0
    }
  }

  /// As `order`, but what is equal and written in another way is told apart too.
  func wholeOrder(_ other: JSONValue) -> Int {
    let order = order(other)
    if order != 0 { return order }
    return written.order(other.written)
  }

  func isSame(as other: JSONValue) -> Bool { order(other) == 0 }

  /// The value as text.
  var written: String { String(decoding: JSON.bytes(of: self), as: UTF8.self) }
}

/// A number as the decimal fraction 0.DIGITS times 10 to the power of `exponent`: exact whatever
/// its size, where doubles would take different numbers for one.
private struct Decimal {
  var isNegative = false
  /// Without zeros at either end; none for zero.
  var digits: [UInt8] = []
  var exponent = 0

  /// Exponents beyond this are taken for it: nobody can write so many digits.
  private static let most = 1 << 56

  init(_ value: JSONValue) {
    switch value {
    case .integer(let number): read(String(number))
    case .unsigned(let number): read(String(number))
    case .number(let text): read(text)
    default: break
    }
  }

  private mutating func read(_ text: String) {
    var isFraction = false
    var rest = Substring(text).utf8
    if rest.first == 0x2d {
      isNegative = true
      rest = rest.dropFirst()
    }
    while let byte = rest.first {
      rest = rest.dropFirst()
      if byte == 0x2e {
        isFraction = true
      } else if byte | 0x20 == 0x65 {
        exponent += Decimal.power(rest)
        break
      } else {
        // Zeros before the first digit that counts only move the point.
        if byte != 0x30 || !digits.isEmpty {
          digits.append(byte)
          if !isFraction { exponent += 1 }
        } else if isFraction {
          exponent -= 1
        }
      }
    }
    while digits.last == 0x30 { digits.removeLast() }
    if digits.isEmpty {
      isNegative = false
      exponent = 0
    }
  }

  private static func power(_ text: Substring.UTF8View) -> Int {
    var number = 0
    for byte in text where byte != 0x2b && byte != 0x2d {
      number = min(number &* 10 &+ Int(byte &- 0x30), most)
    }
    return text.first == 0x2d ? -number : number
  }

  func order(_ other: Decimal) -> Int {
    let sign = digits.isEmpty ? 0 : isNegative ? -1 : 1
    let otherSign = other.digits.isEmpty ? 0 : other.isNegative ? -1 : 1
    if sign != otherSign { return sign < otherSign ? -1 : 1 }
    let order: Int
    if exponent != other.exponent {
      order = exponent < other.exponent ? -1 : 1
    } else if digits == other.digits {
      order = 0
    } else {
      order = digits.lexicographicallyPrecedes(other.digits) ? -1 : 1
    }
    return sign * order
  }
}
