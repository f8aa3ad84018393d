/// A JSON value of few different parts, so that random ones meet often.
enum Tree: Equatable, Sendable {
  case null
  case truth(Bool)
  case number(Int)
  case text(String)
  case list([Tree])
  case object([String: Tree])

  static let keys = ["a", "b", "c/~", "d", "\u{e9}"]

  static func random(_ random: inout Random, depth: Int = 3) -> Tree {
    switch random.below(depth > 0 ? 8 : 4) {
    case 0: return .null
    case 1: return .truth(random.chance(50))
    case 2: return .number(random.below(7) - 3)
    case 3: return .text(random.pick(["", "x", "y", "\u{1}\"", "\u{1F600}"]))
    case 4, 5:
      return .list(
        (0..<random.below(4)).map { _ in
          Tree.random(
            &random,
            depth: depth - 1)
        })
    default: return randomObject(&random, depth: depth)
    }
  }

  static func randomObject(_ random: inout Random, depth: Int) -> Tree {
    var members: [String: Tree] = [:]
    for key in keys where random.chance(50) {
      members[key] = Tree.random(&random, depth: depth - 1)
    }
    return .object(members)
  }

  /// Another value that has much in common with this one.
  func varied(_ random: inout Random) -> Tree {
    switch self {
    case .object(var members) where !random.chance(10):
      for key in Tree.keys {
        if random.chance(15) {
          members[key] = nil
        } else if random.chance(25) {
          members[key] = members[key]?.varied(&random) ?? Tree.random(&random, depth: 1)
        }
      }
      return .object(members)
    default: return random.chance(50) ? self : Tree.random(&random, depth: 2)
    }
  }

  /// As the library writes it, its keys in order.
  var json: String {
    switch self {
    case .null: return "null"
    case .truth(let truth): return truth ? "true" : "false"
    case .number(let number): return String(number)
    case .text(let text): return Tree.quoted(text)
    case .list(let items): return "[" + items.map(\.json).joined(separator: ",") + "]"
    case .object(let members):
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      return "{" + sorted.map { Tree.quoted($0.key) + ":" + $0.value.json }.joined(separator: ",")
        + "}"
    }
  }

  static func quoted(_ text: String) -> String {
    "\"" + text.map { $0 == "\"" ? "\\\"" : $0 == "\u{1}" ? "\\u0001" : String($0) }.joined() + "\""
  }

  private var rank: Int {
    switch self {
    case .null: 0
    case .truth: 1
    case .number: 2
    case .text: 3
    case .list: 4
    case .object: 5
    }
  }

  /// The order of values, as the header has it.
  static func precedes(_ left: Tree, _ right: Tree) -> Bool {
    switch (left, right) {
    case (.truth(let left), .truth(let right)): return !left && right
    case (.number(let left), .number(let right)): return left < right
    case (.text(let left), .text(let right)):
      return left.utf8.lexicographicallyPrecedes(right.utf8)
    case (.list(let left), .list(let right)):
      return left.lexicographicallyPrecedes(right, by: precedes)
    case (.object(let left), .object(let right)):
      let one = left.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      let two = right.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      return one.lexicographicallyPrecedes(two) { left, right in
        if left.key != right.key {
          return left.key.utf8.lexicographicallyPrecedes(right.key.utf8)
        }
        return precedes(left.value, right.value)
      }
    default: return left.rank < right.rank
    }
  }
}
