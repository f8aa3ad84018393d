/// A value that it is to be decided between, and what the header says comes of several.
struct Stamped: Equatable, Sendable {
  var value: Tree?
  var time = 0
  var version = 0
  var workstream = ""
  var priority = 0
  var clock: [String: Int]?

  static func random(_ random: inout Random, like base: Tree) -> Stamped {
    Stamped(
      value: random.chance(10) ? nil : base.varied(&random), time: random.below(3),
      version: random.below(3), workstream: random.pick(["", "p", "q"]),
      priority: random.below(3) - 1)
  }

  var origin: String {
    "\"workstream\":\"\(workstream)\",\"version\":\(version),\"time\":\(time),"
      + "\"priority\":\(priority)"
  }

  var json: String {
    let value = value.map { ",\"value\":" + $0.json } ?? ""
    let clock = clock.map { counts in
      ",\"clock\":{" + counts.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }
    return "{" + origin + value + (clock ?? "") + "}"
  }

  /// Whether this one is of a lower place than the other.
  static func isEarlier(_ left: Stamped, _ right: Stamped) -> Bool {
    if left.time != right.time { return left.time < right.time }
    if left.version != right.version { return left.version < right.version }
    if left.workstream != right.workstream { return left.workstream < right.workstream }
    if left.priority != right.priority { return left.priority < right.priority }
    return isLess(left.value, right.value)
  }

  static func isLess(_ left: Tree?, _ right: Tree?) -> Bool {
    guard let left, let right else { return left == nil && right != nil }
    return Tree.precedes(left, right)
  }
}

/// The strategies, written down once more and without regard to speed. None of the candidates has a
/// clock.
struct ResolutionModel {
  private var discarded: [(path: String, value: Tree?, from: Stamped)] = []
  let candidates: [Stamped]

  init(_ all: [Stamped]) {
    var distinct: [Stamped] = []
    for candidate in all where !distinct.contains(candidate) { distinct.append(candidate) }
    candidates = distinct.sorted(by: Stamped.isEarlier)
  }

  mutating func choose(_ strategy: String) -> String {
    let winner: Stamped
    switch strategy {
    case "first_wins": winner = candidates.first!
    case "last_wins": winner = candidates.last!
    case "version_wins":
      let highest = candidates.map(\.version).max()
      winner = candidates.last { $0.version == highest }!
    case "priority_based":
      let highest = candidates.map(\.priority).max()
      winner = candidates.last { $0.priority == highest }!
    default:
      let alive =
        candidates.contains { $0.value != nil } ? candidates.filter { $0.value != nil } : []
      let values = alive.map { $0.value! }.sorted(by: Tree.precedes)
      if strategy == "max" {
        winner = alive.last { $0.value == values.last! } ?? candidates.last!
      } else {
        winner = alive.first { $0.value == values.first! } ?? candidates.last!
      }
    }
    for loser in candidates where loser.value != winner.value { discard("", loser.value, loser) }
    return written(strategy, winner.value, "\"winner\":{" + winner.origin + "},")
  }

  mutating func union() -> String {
    var elements: [Tree] = []
    var hasList = false
    for candidate in candidates {
      guard let value = candidate.value else {
        if candidates.contains(where: { $0.value != nil }) { discard("", nil, candidate) }
        continue
      }
      var items = [value]
      if case .list(let list) = value { (items, hasList) = (list, true) }
      for item in items where !elements.contains(item) { elements.append(item) }
    }
    if elements.isEmpty, !hasList { return written("union", nil) }
    if elements.count == 1, !hasList { return written("union", elements[0]) }
    return written("union", .list(elements.sorted(by: Tree.precedes)))
  }

  mutating func merge(base: Tree?) -> String {
    let parts = candidates.map { ($0, $0.value) }
    let changed = base == nil ? parts : parts.filter { $0.1 != base }
    let value = changed.isEmpty ? base : settle("", changed, base)
    return written("merge", value)
  }

  private mutating func settle(
    _ path: String, _ parts: [(Stamped, Tree?)], _ base: Tree?
  ) -> Tree? {
    guard case .object? = parts.last!.1 else {
      for part in parts where part.1 != parts.last!.1 { discard(path, part.1, part.0) }
      return parts.last!.1
    }
    var before: [String: Tree] = [:]
    if case .object(let members)? = base { before = members }
    var objects: [(Stamped, [String: Tree])] = []
    for (candidate, value) in parts {
      if case .object(let members)? = value {
        objects.append((candidate, members))
      } else {
        discard(path, value, candidate)
      }
    }
    var result: [String: Tree] = [:]
    for key in Tree.keys {
      let changed = objects.map { ($0.0, $0.1[key]) }.filter { $0.1 != before[key] }
      let step = key.map { $0 == "/" ? "~1" : $0 == "~" ? "~0" : String($0) }.joined()
      result[key] = changed.isEmpty ? before[key] : settle(path + "/" + step, changed, before[key])
    }
    return .object(result)
  }

  private mutating func discard(_ path: String, _ value: Tree?, _ from: Stamped) {
    discarded.append((path, value, from))
  }

  private func written(_ strategy: String, _ value: Tree?, _ winner: String = "") -> String {
    func text(_ value: Tree?) -> String {
      value.map { "\"value\":" + $0.json } ?? "\"deleted\":true"
    }
    let items = discarded.sorted { left, right in
      if left.path != right.path {
        return left.path.utf8.lexicographicallyPrecedes(right.path.utf8)
      }
      return Stamped.isEarlier(left.from, right.from)
    }
    let list = items.map {
      "{\"path\":\(Tree.quoted($0.path)),\(text($0.value)),\"why\":\"lost\",\($0.from.origin)}"
    }
    return "{\"strategy\":\"\(strategy)\",\(text(value)),\(winner)\"discarded\":["
      + list.joined(separator: ",") + "]}"
  }
}
