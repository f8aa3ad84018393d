import CSyncMgr
import Testing

/// Strategies decide by what they are given, and not by its order.
@Suite("Resolution", .watched)
struct ResolutionTests {
  private static let choosing: [(name: String, number: UInt32)] = [
    ("first_wins", SYNCMGR_STRATEGY_FIRST_WINS), ("last_wins", SYNCMGR_STRATEGY_LAST_WINS),
    ("version_wins", SYNCMGR_STRATEGY_VERSION_WINS),
    ("priority_based", SYNCMGR_STRATEGY_PRIORITY_BASED), ("max", SYNCMGR_STRATEGY_MAX),
    ("min", SYNCMGR_STRATEGY_MIN),
  ]

  private func resolve(
    _ strategy: UInt32, _ candidates: [Stamped], base: Tree? = nil, id: String? = nil
  ) -> String {
    let list = "[" + candidates.map(\.json).joined(separator: ",") + "]"
    let base = base.map { ",\"base\":" + $0.json } ?? ""
    let id = id.map { ",\"id\":\"\($0)\"" } ?? ""
    return resolved(strategy, "{\"candidates\":" + list + base + id + "}")
  }

  private func resolved(_ strategy: UInt32, _ question: String) -> String {
    var length = 0
    var buffer = [CChar](repeating: 0, count: 1 << 16)
    let status = syncmgr_resolve(strategy, question, &buffer, buffer.count, &length)
    if status != SYNCMGR_OK { return "\(Status(status)): \(String(cString: syncmgr_last_error()))" }
    return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func each(
    _ rounds: Int, _ body: (inout Random, [Stamped], Tree) -> Void
  ) {
    for index in 0..<rounds {
      var random = Random(seed: sequenceSeed(index))
      let base =
        random.chance(70) ? Tree.randomObject(&random, depth: 3) : Tree.random(&random, depth: 3)
      let candidates = (0...random.below(5)).map { _ in Stamped.random(&random, like: base) }
      body(&random, candidates, base)
    }
  }

  @Test("they decide as the header says")
  func model() {
    each(600) { _, candidates, base in
      for (name, number) in ResolutionTests.choosing {
        var model = ResolutionModel(candidates)
        #expect(resolve(number, candidates) == model.choose(name))
      }
      var union = ResolutionModel(candidates)
      #expect(resolve(SYNCMGR_STRATEGY_UNION, candidates) == union.union())
      var merge = ResolutionModel(candidates)
      #expect(resolve(SYNCMGR_STRATEGY_MERGE, candidates) == merge.merge(base: nil))
      var threeWay = ResolutionModel(candidates)
      #expect(
        resolve(SYNCMGR_STRATEGY_MERGE, candidates, base: base) == threeWay.merge(base: base))
    }
  }

  @Test("the order of the candidates and doubles do not matter")
  func order() {
    let all = ResolutionTests.choosing.map(\.number) + [SYNCMGR_STRATEGY_UNION]
    each(300) { random, given, base in
      var candidates = given
      for index in candidates.indices where random.chance(60) {
        candidates[index].clock = ["a": random.below(3), "b": random.below(3)]
      }
      let doubled = (candidates + candidates.filter { _ in random.chance(40) })
        .shuffled(using: &random)
      for strategy in all {
        #expect(resolve(strategy, candidates) == resolve(strategy, doubled))
      }
      let id = random.pick(Tree.keys)
      #expect(
        resolve(SYNCMGR_STRATEGY_UNION, candidates, id: id)
          == resolve(SYNCMGR_STRATEGY_UNION, doubled, id: id))
      for base in [nil, base] {
        #expect(
          resolve(SYNCMGR_STRATEGY_MERGE, candidates, base: base)
            == resolve(SYNCMGR_STRATEGY_MERGE, doubled, base: base))
      }
    }
  }

  /// What a result says of its value and winner, as a candidate.
  private func candidate(of result: String) -> String {
    let discarded = result.firstRange(of: ",\"discarded\":")!.lowerBound
    var members = result[result.firstRange(of: ",")!.upperBound..<discarded]
    if let winner = members.firstRange(of: ",\"winner\":{") {
      let value = members[..<winner.lowerBound]
      members = value + "," + members[winner.upperBound...].dropLast()
    }
    return "{" + members.replacing("\"deleted\":true,", with: "") + "}"
  }

  @Test("deciding in steps is the same as deciding at once")
  func steps() {
    let all = ResolutionTests.choosing.map(\.number) + [SYNCMGR_STRATEGY_UNION]
    each(300) { random, candidates, _ in
      // A union does not say that all it was made of was deleted.
      let alive = candidates.filter { $0.value != nil }
      if alive.isEmpty { return }
      for strategy in all {
        let part = random.below(alive.count) + 1
        let first = candidate(of: resolve(strategy, Array(alive[..<part])))
        let rest = [first] + alive[part...].map(\.json)
        let inSteps = resolved(strategy, "[" + rest.joined(separator: ",") + "]")
        #expect(candidate(of: inSteps) == candidate(of: resolve(strategy, alive)))
        // Deciding what is decided changes nothing.
        #expect(candidate(of: resolved(strategy, "[\(first),\(first)]")) == first)
      }
    }
  }

  @Test("changes of different members are all in a merge, and nothing is discarded")
  func disjoint() {
    each(200) { random, _, _ in
      var base: [String: Tree] = [:]
      for key in Tree.keys where random.chance(70) {
        base[key] = Tree.randomObject(&random, depth: 2)
      }
      var expected = base
      var candidates: [Stamped] = []
      for (index, key) in Tree.keys.enumerated() {
        var changed = base
        changed[key] = random.chance(30) ? nil : Tree.random(&random, depth: 2)
        expected[key] = changed[key]
        candidates.append(
          Stamped(value: .object(changed), time: random.below(3), workstream: "w\(index)"))
      }
      let result = resolve(SYNCMGR_STRATEGY_MERGE, candidates, base: .object(base))
      #expect(
        result
          == "{\"strategy\":\"merge\",\"value\":\(Tree.object(expected).json),\"discarded\":[]}")
    }
  }
}
