/// Merges objects member by member, and the objects in them. What is no object counts as one value:
/// of several the latest stays.
///
/// Where it is known what all began with, a candidate that did not change a member has no say about
/// it, so that one's change and another's deletion of something else are both in the result. Where
/// it is not known nothing can be seen to have been deleted, and whatever one of them has is kept.
struct Merge {
  private(set) var discarded: [Resolution.Discarded] = []

  /// A candidate with the part of its value that is looked at; nil: it has none.
  private typealias Part = (candidate: Candidate, value: JSONValue?)

  /// The candidates are in order of time.
  mutating func together(_ candidates: [Candidate], base: JSONValue?) -> JSONValue? {
    let parts = candidates.map { Part($0, $0.value) }
    guard let base else { return settle("", parts, base: nil) }
    return inside("", parts, base: base)
  }

  /// At a place of which it is known what was there: nil, nothing.
  private mutating func inside(_ path: String, _ parts: [Part], base: JSONValue?) -> JSONValue? {
    let changed = parts.filter { !Resolution.isSame($0.value, base) }
    return changed.isEmpty ? base : settle(path, changed, base: base)
  }

  private mutating func settle(_ path: String, _ parts: [Part], base: JSONValue?) -> JSONValue? {
    let latest = parts.last!.value
    guard case .object? = latest else {
      discard(path, parts.filter { !Resolution.isSame($0.value, latest) })
      return latest
    }
    discard(path, parts.filter { $0.value?.members == nil })
    let objects = parts.compactMap { part in part.value?.members.map { (part.candidate, $0) } }
    var keys = objects.flatMap { $0.1.map { $0.key } }
    keys.append(contentsOf: base?.members?.map { $0.key } ?? [])
    keys.sort { $0.order($1) < 0 }
    var members: [JSONMember] = []
    for (index, key) in keys.enumerated() where index == 0 || !key.isSame(as: keys[index - 1]) {
      let parts = objects.map { Part($0.0, Merge.find(key, $0.1)) }
      let before = base?.members.flatMap { Merge.find(key, $0) }
      if let value = inside(path + "/" + Merge.pointer(key), parts, base: before) {
        members.append(JSONMember(key: key, value: value))
      }
    }
    return .object(members)
  }

  private mutating func discard(_ path: String, _ parts: [Part]) {
    for part in parts {
      discarded.append(
        Resolution.Discarded(path: path, value: part.value, candidate: part.candidate))
    }
  }

  /// The member of a name among sorted ones.
  private static func find(_ key: String, _ members: [JSONMember]) -> JSONValue? {
    var (low, high) = (0, members.count)
    while low < high {
      let middle = (low + high) / 2
      let order = members[middle].key.order(key)
      if order == 0 { return members[middle].value }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  /// A key as a step of a JSON pointer (RFC 6901).
  static func pointer(_ key: String) -> String {
    if !key.utf8.contains(where: { $0 == 0x7e || $0 == 0x2f }) { return key }
    var result: [UInt8] = []
    for byte in key.utf8 {
      switch byte {
      case 0x7e: result.append(contentsOf: "~0".utf8)
      case 0x2f: result.append(contentsOf: "~1".utf8)
      default: result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
