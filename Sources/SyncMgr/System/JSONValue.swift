/// A JSON document in memory. Nothing is lost by reading and writing it: whole numbers of 64 bits
/// are exact, and any other number keeps its digits.
enum JSONValue {
  case null
  case truth(Bool)
  case integer(Int64)
  /// Above what an Int64 can say.
  case unsigned(UInt64)
  /// A number that is not whole, or too large, or -0: as it was written.
  case number(String)
  case text(String)
  case list([JSONValue])
  /// In the order written; each key once.
  case object([JSONMember])
}

struct JSONMember {
  var key: String
  var value: JSONValue
}

extension JSONValue {
  init(_ number: UInt64) {
    self = Int64(exactly: number).map { .integer($0) } ?? .unsigned(number)
  }

  /// A member of an object; nil when there is none.
  subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key.isSame(as: key) }?.value
  }

  var string: String? {
    if case .text(let text) = self { return text }
    return nil
  }

  var int64: Int64? {
    if case .integer(let number) = self { return number }
    return nil
  }

  var uint64: UInt64? {
    switch self {
    case .integer(let number): UInt64(exactly: number)
    case .unsigned(let number): number
    default: nil
    }
  }

  var isTruth: Bool? {
    if case .truth(let truth) = self { return truth }
    return nil
  }

  var isNull: Bool {
    if case .null = self { return true }
    return false
  }

  /// The elements of a list; nil when it is none.
  var items: [JSONValue]? {
    if case .list(let items) = self { return items }
    return nil
  }

  /// The members of an object; nil when it is none.
  var members: [JSONMember]? {
    if case .object(let members) = self { return members }
    return nil
  }
}

extension String {
  /// Whether both are the same bytes. `==` also takes texts for equal that only look alike, and
  /// keys of JSON are compared by what was written.
  func isSame(as other: String) -> Bool {
    self == other && utf8.elementsEqual(other.utf8)
  }

  /// Where this stands to `other` in the order of their bytes, which is that of their scalars:
  /// below, at or above 0.
  func order(_ other: String) -> Int {
    let order = utf8.withContiguousStorageIfAvailable { left in
      other.utf8.withContiguousStorageIfAvailable { right in
        for index in 0..<min(left.count, right.count) where left[index] != right[index] {
          return left[index] < right[index] ? -1 : 1
        }
        return (left.count - right.count).signum()
      }
    }
    // Strings made here are native, which always have their bytes at hand.
    if let order, let order { return order }
    return utf8.elementsEqual(other.utf8)
      ? 0 : (utf8.lexicographicallyPrecedes(other.utf8) ? -1 : 1)
  }
}
