import CSyncMgr
import CSyncMgrShim

/// The bytes of a name that was found legal. Hostile bytes never become a String before that.
struct Name {
  let bytes: [UInt8]
  /// Names of targets are not those of other objects.
  private(set) var isTarget = false

  /// Checks a C string: 1 to `limit` bytes of UTF-8, no '/', no control characters.
  init(_ text: UnsafePointer<CChar>?, what: StaticString, limit: Int = Int(SYNCMGR_NAME_MAX))
    throws(Failure)
  {
    guard let text else { throw Failure(SYNCMGR_E_NAME, naming: "the \(what)'s name is NULL") }
    var bytes: [UInt8] = []
    while bytes.count <= limit, text[bytes.count] != 0 {
      bytes.append(UInt8(bitPattern: text[bytes.count]))
    }
    try self.init(checking: bytes, what: what, limit: limit)
  }

  /// Checks bytes, of which one too many suffices.
  init(checking bytes: [UInt8], what: StaticString, limit: Int) throws(Failure) {
    self.bytes = bytes
    if bytes.isEmpty {
      throw Failure(SYNCMGR_E_NAME, naming: "the \(what)'s name is empty")
    }
    if bytes.count > limit {
      throw Failure(
        SYNCMGR_E_NAME, naming: "the \(what)'s name is longer than \(limit) bytes")
    }
    if String(validating: bytes, as: UTF8.self) == nil {
      throw Failure(SYNCMGR_E_NAME, naming: "the \(what)'s name is not UTF-8")
    }
    if let bad = bytes.first(where: { $0 == 0x2f || $0 < 0x20 || $0 == 0x7f }) {
      let found = bad == 0x2f ? "a '/'" : "the control character \(bad)"
      throw Failure(SYNCMGR_E_NAME, naming: "the \(what)'s name contains \(found)")
    }
    // U+0080 to U+009F are control characters too.
    if zip(bytes, bytes.dropFirst()).contains(where: { $0 == 0xc2 && $1 < 0xa0 }) {
      throw Failure(SYNCMGR_E_NAME, naming: "the \(what)'s name contains a control character")
    }
  }

  init(made bytes: [UInt8]) { self.bytes = bytes }

  init(target key: [UInt8]) {
    bytes = key
    isTarget = true
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// FNV-1a, never 0: 0 marks a free slot.
  var hash: UInt32 {
    var hash: UInt32 = isTarget ? 0x5bd1_e995 : 0x811c_9dc5
    for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
    return hash == 0 ? 1 : hash
  }
}

/// A name's field in the segment: 256 bytes, terminated, with its length beside it.
struct NameField {
  let at: UnsafeMutablePointer<UInt8>
  static let capacity = 256

  init(at: UnsafeMutablePointer<UInt8>) { self.at = at }

  init(_ object: Object) {
    at = UnsafeMutablePointer(sm_object_name(object))
  }
  init(previousOwnerOf object: Object) {
    at = UnsafeMutablePointer(sm_object_previous_name(object))
  }
  init(_ member: Member) { at = UnsafeMutablePointer(sm_member_name(member)) }
  init(_ workstream: Workstream) { at = UnsafeMutablePointer(sm_workstream_name(workstream)) }
  init(_ message: MessagePlace) { at = UnsafeMutablePointer(sm_message_name(message)) }
  init(_ recipient: UnsafeMutablePointer<sm_recipient>) {
    at = UnsafeMutablePointer(sm_recipient_name(recipient))
  }

  func write(_ name: Name) {
    for index in 0..<NameField.capacity {
      at[index] = index < name.bytes.count ? name.bytes[index] : 0
    }
  }

  /// What is there, as far as it goes: a peer may be writing it, or have spoiled it.
  func read() -> Name {
    var bytes: [UInt8] = []
    while bytes.count < NameField.capacity - 1, at[bytes.count] != 0 {
      bytes.append(at[bytes.count])
    }
    return Name(made: bytes)
  }

  func copy(to target: NameField) {
    for index in 0..<NameField.capacity - 1 { target.at[index] = at[index] }
    target.at[NameField.capacity - 1] = 0
  }

  /// Copies it into a field of a public structure, terminated.
  func copy<Characters>(toCharacters target: inout Characters) {
    withUnsafeMutableBytes(of: &target) { bytes in
      for index in 0..<bytes.count - 1 { bytes[index] = at[index] }
      bytes[bytes.count - 1] = 0
    }
  }

  func equals(_ name: Name) -> Bool {
    guard name.bytes.count < NameField.capacity, at[name.bytes.count] == 0 else { return false }
    for index in 0..<name.bytes.count where at[index] != name.bytes[index] { return false }
    return true
  }
}

extension syncmgr_holder_t {
  /// Puts a name into the public structure, terminated.
  mutating func setName(_ field: NameField) {
    withUnsafeMutableBytes(of: &name) { target in
      for index in 0..<target.count - 1 { target[index] = field.at[index] }
      target[target.count - 1] = 0
    }
  }
}
