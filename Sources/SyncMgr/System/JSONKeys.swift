/// The keys of one object's members.
enum JSONKeys {
  /// Objects of up to so many members are compared by pairs.
  private static let few = 8

  /// Leaves one member of each name: the last value in the place of the first. Returns whether
  /// there were several. Takes n log n steps, so that nobody can stop us with many keys.
  static func settle(_ members: inout [JSONMember], sorted: Bool) -> Bool {
    if members.count < 2 { return false }
    if members.count > few {
      var ordered = members
      sort(&ordered)
      if !ordered.indices.dropFirst().contains(where: {
        ordered[$0].key.isSame(as: ordered[$0 - 1].key)
      }) {
        if sorted { members = ordered }
        return false
      }
    } else if !hasPair(members) {
      if sorted { sort(&members) }
      return false
    }
    members = withoutDuplicates(members)
    if sorted { sort(&members) }
    return true
  }

  static func sort(_ members: inout [JSONMember]) {
    members.sort { $0.key.order($1.key) < 0 }
  }

  private static func hasPair(_ members: [JSONMember]) -> Bool {
    for last in 1..<members.count {
      for index in 0..<last where members[index].key.isSame(as: members[last].key) { return true }
    }
    return false
  }

  private static func withoutDuplicates(_ members: [JSONMember]) -> [JSONMember] {
    // By name, and of one name in the order written.
    let order = members.indices.sorted {
      let order = members[$0].key.order(members[$1].key)
      return order == 0 ? $0 < $1 : order < 0
    }
    var result: [JSONMember?] = members
    var first = order[0]
    for index in order.dropFirst() {
      if members[index].key.isSame(as: members[first].key) {
        result[first]?.value = members[index].value
        result[index] = nil
      } else {
        first = index
      }
    }
    return result.compactMap { $0 }
  }
}
