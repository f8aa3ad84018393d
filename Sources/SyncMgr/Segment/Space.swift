import CSyncMgr
import CSyncMgrShim

/// What a URL names: where the space is, and the file that its store is kept in.
struct Space: Equatable {
  enum Place: Equatable {
    case anonymous
    case local([UInt8])
    case shared([UInt8])
  }

  let place: Place
  /// The file of the store as the URL says it; nil when it does not.
  private(set) var file: [UInt8]?

  init(url: UnsafePointer<CChar>?) throws(Failure) {
    guard let url else { throw Failure(SYNCMGR_E_NAME, "the URL is NULL") }
    if let rest = Space.rest(of: url, after: "local:") {
      let name = Space.name(rest)
      place = name.isEmpty ? .anonymous : .local(try Space.checked(name, Int(SYNCMGR_NAME_MAX)))
      file = try Space.options(rest + name.count)
    } else if let rest = Space.rest(of: url, after: "shm:") {
      let name = try Space.checked(Space.name(rest), 200)
      if name[0] == 0x2e {
        throw Failure(SYNCMGR_E_NAME, "the space's name begins with a dot")
      }
      place = .shared(name)
      file = try Space.options(rest + name.count)
    } else {
      throw Failure(SYNCMGR_E_NAME, "the URL is neither local: nor shm:NAME")
    }
  }

  private static func rest(
    of url: UnsafePointer<CChar>, after prefix: StaticString
  ) -> UnsafePointer<CChar>? {
    for index in 0..<prefix.utf8CodeUnitCount
    where UInt8(bitPattern: url[index]) != prefix.utf8Start[index] { return nil }
    return url + prefix.utf8CodeUnitCount
  }

  /// What is before the options, as far as a name can be long.
  private static func name(_ text: UnsafePointer<CChar>) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count <= 255, text[bytes.count] != 0, text[bytes.count] != 0x3f {
      bytes.append(UInt8(bitPattern: text[bytes.count]))
    }
    return bytes
  }

  private static func checked(_ name: [UInt8], _ limit: Int) throws(Failure) -> [UInt8] {
    try Name(checking: name, what: "space", limit: limit).bytes
  }

  // MARK: - Options

  /// Reads `?store=FILE`, of which `%XX` is a byte.
  private static func options(_ text: UnsafePointer<CChar>) throws(Failure) -> [UInt8]? {
    if text[0] == 0 { return nil }
    // Bytes of the path at most, each of which may take three.
    var bytes: [UInt8] = []
    while text[bytes.count + 1] != 0 {
      bytes.append(UInt8(bitPattern: text[bytes.count + 1]))
      if bytes.count > 4096 { throw Failure(SYNCMGR_E_NAME, "the URL is too long") }
    }
    var file: [UInt8]?
    for option in bytes.split(separator: 0x26, omittingEmptySubsequences: false) {
      let key = Array("store=".utf8)
      guard option.starts(with: key) else {
        let word = String(decoding: option.prefix { $0 != 0x3d }, as: UTF8.self)
        throw Failure(
          SYNCMGR_E_NAME,
          naming: "the URL's option \"\(word)\" is unknown: there is only store=FILE")
      }
      if file != nil { throw Failure(SYNCMGR_E_NAME, "the URL names two stores") }
      file = try decoded(option.dropFirst(key.count))
    }
    return file
  }

  private static func decoded(_ text: ArraySlice<UInt8>) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      if byte != 0x25 {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
      guard digits.count == 2 else {
        throw Failure(SYNCMGR_E_NAME, "the URL has a '%' without two hexadecimal digits after it")
      }
      rest = rest.dropFirst(2)
      bytes.append(UInt8(digits[0] << 4 | digits[1]))
    }
    if bytes.isEmpty { throw Failure(SYNCMGR_E_NAME, "the URL's store has no file name") }
    if bytes.contains(where: { $0 < 0x20 || $0 == 0x7f })
      || String(validating: bytes, as: UTF8.self) == nil
    {
      throw Failure(
        SYNCMGR_E_NAME, "the name of the store's file has control characters, or is not UTF-8")
    }
    return bytes
  }

  /// The same space with the file's one absolute name, whatever links lead to it.
  func settled() throws(Failure) -> Space {
    guard let file else { return self }
    let shown = String(decoding: file, as: UTF8.self)
    var path = [UInt8](repeating: 0, count: 4096)
    let count = sm_absolute(shown, &path, path.count)
    if count == Int64(SM_DIRECTORY) {
      throw Failure(SYNCMGR_E_NAME, naming: "the store's file \(shown) is a directory")
    }
    if count < 0 {
      throw Failure(system: "find the store's file \(shown)", Int32(truncatingIfNeeded: count))
    }
    var there = sm_stat()
    if sm_stat_path(shown, &there) == 0, there.regular == 0 {
      throw Failure(SYNCMGR_E_NAME, naming: "the store's file \(shown) is no file")
    }
    guard count <= Int64(SM_STORE_PATH - 1) else {
      throw Failure(
        SYNCMGR_E_NAME,
        naming: "the name of the store's file is longer than \(SM_STORE_PATH - 1) bytes")
    }
    var settled = self
    settled.file = Array(path[..<Int(count)])
    return settled
  }

  /// The file of a space that is there is its creator's choice: another one is refused.
  func agree(with segment: Segment) throws(Failure) {
    guard let file else { return }
    let kept = segment.storePath
    if kept == file { return }
    let has = kept.map { "keeps its store in " + String(decoding: $0, as: UTF8.self) }
    throw Failure(
      SYNCMGR_E_MISMATCH,
      naming: "\(text) \(has ?? "keeps its store in memory only"), not in "
        + String(decoding: file, as: UTF8.self))
  }

  // MARK: - Texts

  /// The space without its file: what it is called in sentences.
  var text: String {
    switch place {
    case .anonymous: "local:"
    case .local(let name): "local:" + String(decoding: name, as: UTF8.self)
    case .shared(let name): "shm:" + String(decoding: name, as: UTF8.self)
    }
  }

  /// The URL for the space and this file.
  func url(_ file: [UInt8]?) -> String {
    guard let file else { return text }
    var url = text + "?store="
    for byte in file {
      let isPlain = byte > 0x20 && byte < 0x7f && byte != 0x25 && byte != 0x26 && byte != 0x23
      if isPlain {
        url.unicodeScalars.append(UnicodeScalar(byte))
      } else {
        let digits = String(byte, radix: 16)
        url += byte < 16 ? "%0" + digits : "%" + digits
      }
    }
    return url
  }

  /// Where the segment's file is; empty for a private space.
  var path: String {
    if case .shared(let name) = place {
      return "/dev/shm/syncmgr." + String(decoding: name, as: UTF8.self)
    }
    return ""
  }
}
