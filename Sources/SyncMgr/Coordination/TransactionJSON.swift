import CSyncMgr

/// Bytes and numbers in the records of transactions.
extension JSONValue {
  /// A member of an object under construction; what is nil is left out.
  static func made(_ members: (String, JSONValue?)...) -> JSONValue {
    .object(members.compactMap { name, value in value.map { JSONMember(key: name, value: $0) } })
  }

  /// As 16 digits: no reader of JSON makes another number of it.
  init(hex number: UInt64) {
    let digits = String(number, radix: 16)
    self = .text(String(repeating: "0", count: 16 - digits.utf8.count) + digits)
  }

  var hexNumber: UInt64? { string.flatMap { UInt64($0, radix: 16) } }

  /// Text where it is text, else {"hex": digits}.
  init(bytes: [UInt8]) {
    if let text = String(validating: bytes, as: UTF8.self) {
      self = .text(text)
      return
    }
    var digits: [UInt8] = []
    digits.reserveCapacity(bytes.count * 2)
    for byte in bytes {
      for half in [byte >> 4, byte & 15] { digits.append(half < 10 ? 48 + half : 87 + half) }
    }
    self = .made(("hex", .text(String(decoding: digits, as: UTF8.self))))
  }

  var bytes: [UInt8]? {
    if let text = string { return Array(text.utf8) }
    guard let digits = self["hex"]?.string.map({ Array($0.utf8) }), digits.count % 2 == 0 else {
      return nil
    }
    var bytes: [UInt8] = []
    for place in stride(from: 0, to: digits.count, by: 2) {
      guard let high = Character(UnicodeScalar(digits[place])).hexDigitValue,
        let low = Character(UnicodeScalar(digits[place + 1])).hexDigitValue
      else { return nil }
      bytes.append(UInt8(high << 4 | low))
    }
    return bytes
  }
}

extension TransactionOperation {
  /// Results and data beyond this are only kept where another process may need them.
  private static let kept = 4096

  func json() -> JSONValue {
    func keeps(_ bytes: [UInt8]) -> Bool { name != nil || bytes.count <= Self.kept }
    return .made(
      ("type", .text(type.word)), ("state", .text(state.word)),
      ("name", name.map { .text($0) }), ("id", id.map { .text($0) }),
      ("target", target.map { JSONValue(bytes: $0) }), ("parameters", parameters),
      ("data", data.flatMap { keeps($0) ? JSONValue(bytes: $0) : nil }),
      ("data_type", dataType == 0 ? nil : .integer(Int64(dataType))),
      ("result", result.isEmpty || !keeps(result) ? nil : JSONValue(bytes: result)),
      ("reason", reason.isEmpty ? nil : .text(reason)))
  }

  /// One of a record that another process wrote. It has no callbacks.
  init?(_ json: JSONValue) {
    guard let type = json["type"]?.string.flatMap({ OperationType(word: $0) }),
      let state = json["state"]?.string.flatMap({ OperationState(word: $0) })
    else { return nil }
    self.init(type)
    self.state = state
    name = json["name"]?.string
    id = json["id"]?.string
    target = json["target"]?.bytes
    parameters = json["parameters"]
    data = json["data"]?.bytes
    dataType = json["data_type"]?.uint64.flatMap { UInt32(exactly: $0) } ?? 0
    result = json["result"]?.bytes ?? []
    reason = json["reason"]?.string ?? ""
  }
}
