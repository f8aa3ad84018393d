import CSyncMgr
import CSyncMgrShim

/// A rule about what the keys of a pattern may be changed to, as it was declared.
struct StoreConstraint {
  let pattern: [UInt8]
  private(set) var isImmutable = false
  private var type: String?
  private var minimum: JSONValue?
  private var maximum: JSONValue?
  private var minLength: UInt64?
  private var maxLength: UInt64?
  private var required: [String] = []
  private var values: [JSONValue]?

  private static let cellTypes = ["bytes", "int64", "float64", "text", "json"]
  private static let jsonTypes = ["object", "array", "string", "number", "boolean", "null"]

  /// Checks a rule that is declared.
  init(_ pattern: [UInt8], _ rule: JSONValue) throws(Failure) {
    self.pattern = pattern
    guard let members = rule.members else {
      throw Failure(SYNCMGR_E_INVALID, "the rule is no JSON object")
    }
    for member in members { try read(member.key, member.value) }
  }

  private mutating func read(_ name: String, _ value: JSONValue) throws(Failure) {
    func refuse(_ isRight: Bool, _ what: StaticString) throws(Failure) {
      if !isRight {
        throw Failure(SYNCMGR_E_INVALID, naming: "the rule's \"\(name)\" is not \(what)")
      }
    }
    switch name {
    case "type":
      type = value.string
      try refuse(
        type.map { (Self.cellTypes + Self.jsonTypes).contains($0) } ?? false, "one of the types")
    case "minimum":
      try refuse(value.isNumber, "a number")
      minimum = value
    case "maximum":
      try refuse(value.isNumber, "a number")
      maximum = value
    case "min_length":
      minLength = value.uint64
      try refuse(minLength != nil, "a number of bytes")
    case "max_length":
      maxLength = value.uint64
      try refuse(maxLength != nil, "a number of bytes")
    case "required":
      let names = value.items?.compactMap { $0.string }
      try refuse(names != nil && names?.count == value.items?.count, "a list of names")
      required = names ?? []
    case "values":
      values = value.items
      try refuse(values != nil, "a list")
    case "immutable":
      try refuse(value.isTruth != nil, "true or false")
      isImmutable = value.isTruth ?? false
    default:
      throw Failure(SYNCMGR_E_INVALID, naming: "there is no rule \"\(name)\"")
    }
  }

  func matches(_ key: [UInt8]) -> Bool {
    pattern.withUnsafeBytes { pattern in key.withUnsafeBytes { KeyGlob.matches(pattern, $0) } }
  }

  // MARK: - Looking at a change

  /// Which part of the rule refuses the value; nil when none does. A deletion is refused only of
  /// what is immutable.
  func fault(_ data: [UInt8], _ cell: UInt32) -> String? {
    if let minLength, UInt64(data.count) < minLength {
      return "min_length \(minLength): it has \(data.count) bytes"
    }
    if let maxLength, UInt64(data.count) > maxLength {
      return "max_length \(maxLength): it has \(data.count) bytes"
    }
    let looksInside =
      minimum != nil || maximum != nil || !required.isEmpty || values != nil
      || type.map { Self.jsonTypes.contains($0) } ?? false
    if let type, let place = Self.cellTypes.firstIndex(of: type), Int(cell) != place {
      return "type \"\(type)\""
    }
    if !looksInside { return nil }
    guard let value = Self.value(data, cell) else { return "a value that can be looked at" }
    if let type, Self.jsonTypes.contains(type), value.typeWord != type { return "type \"\(type)\"" }
    if let minimum, !value.isNumber || value.order(minimum) < 0 {
      return "minimum \(Self.words(minimum))"
    }
    if let maximum, !value.isNumber || value.order(maximum) > 0 {
      return "maximum \(Self.words(maximum))"
    }
    for name in required where value[name] == nil { return "required \"\(name)\"" }
    if let values, !values.contains(where: { $0.isSame(as: value) }) {
      return "values \(Self.words(.list(values)))"
    }
    return nil
  }

  /// What an entry says. Numbers of 8 bytes are as the machine has them.
  private static func value(_ data: [UInt8], _ cell: UInt32) -> JSONValue? {
    switch cell {
    case SYNCMGR_CELL_INT64:
      if data.count != 8 { return nil }
      return .integer(data.withUnsafeBytes { $0.loadUnaligned(as: Int64.self) })
    case SYNCMGR_CELL_FLOAT64:
      if data.count != 8 { return nil }
      let number = data.withUnsafeBytes { $0.loadUnaligned(as: Double.self) }
      return number.isFinite ? .number("\(number)") : nil
    case SYNCMGR_CELL_TEXT:
      return String(validating: data, as: UTF8.self).map { .text($0) }
    default:
      return try? data.withUnsafeBufferPointer { (bytes) throws(JSONFault) in
        try JSONReader.read(bytes)
      }
    }
  }

  private static func words(_ value: JSONValue) -> String {
    String(decoding: JSON.bytes(of: value), as: UTF8.self)
  }
}

extension JSONValue {
  var isNumber: Bool { typeWord == "number" }

  fileprivate var typeWord: String {
    switch self {
    case .null: "null"
    case .truth: "boolean"
    case .integer, .unsigned, .number: "number"
    case .text: "string"
    case .list: "array"
    case .object: "object"
    }
  }
}
