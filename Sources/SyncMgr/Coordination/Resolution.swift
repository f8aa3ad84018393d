import CSyncMgr

/// What was decided between candidates: the same whatever the order they were given in.
struct Resolution {
  /// A value, or a part of one, that is not in the result.
  struct Discarded {
    /// Where in the value: a JSON pointer.
    let path: String
    /// Nil: it was deleted there.
    let value: JSONValue?
    let candidate: Candidate
    /// Whether it was known to who made another candidate, by their clocks.
    var isSuperseded = false
  }

  let strategy: Strategy
  /// Nil: deleted, or aborted.
  var value: JSONValue?
  var isAborted = false
  /// The one candidate whose value it is, of the strategies that choose one.
  var winner: Candidate?
  var discarded: [Discarded] = []
  /// What all of them together had seen; nil when none has a clock.
  var clock: VectorClock?

  /// Decides. There is at least one candidate. `base` is what all of them began with: nil, not
  /// known. `id` names the member by which elements of lists are the same.
  init(
    _ strategy: Strategy, _ all: [Candidate], base: JSONValue? = nil, id: String? = nil
  ) {
    self.strategy = strategy
    let all = Resolution.distinct(all)
    let isDominated = all.map { candidate in
      candidate.clock.map { clock in
        all.contains { $0.clock.map { clock.compare($0) == .before } ?? false }
      } ?? false
    }
    for candidate in all {
      guard let theirs = candidate.clock else { continue }
      clock = clock ?? VectorClock()
      clock?.merge(theirs)
    }
    let candidates = zip(all, isDominated).filter { !$0.1 }.map { $0.0 }
    decide(candidates, base, id)
    for (candidate, _) in zip(all, isDominated).filter({ $0.1 })
    where !Resolution.isSame(candidate.value, value) {
      discarded.append(
        Discarded(path: "", value: candidate.value, candidate: candidate, isSuperseded: true))
    }
    discarded.sort { left, right in
      let order = left.path.order(right.path)
      return (order == 0 ? left.candidate.later(right.candidate) : order) < 0
    }
  }

  /// What somebody else has decided: of several candidates each that has another value is
  /// discarded. Nil: nobody's.
  init(_ strategy: Strategy, told value: JSONValue?, _ candidates: [Candidate]) {
    self.strategy = strategy
    self.value = value
    isAborted = value == nil
    for candidate in Resolution.distinct(candidates)
    where isAborted || !Resolution.isSame(candidate.value, value) {
      discarded.append(Discarded(path: "", value: candidate.value, candidate: candidate))
    }
  }

  /// In order of time, each once.
  private static func distinct(_ candidates: [Candidate]) -> [Candidate] {
    var result: [Candidate] = []
    for candidate in candidates.sorted(by: { $0.later($1) < 0 })
    where result.last.map({ $0.later(candidate) != 0 }) ?? true {
      result.append(candidate)
    }
    return result
  }

  static func isSame(_ left: JSONValue?, _ right: JSONValue?) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    return left.isSame(as: right)
  }

  private mutating func decide(_ candidates: [Candidate], _ base: JSONValue?, _ id: String?) {
    switch strategy {
    case .firstWins: choose(candidates) { -$0.later($1) }
    case .lastWins: choose(candidates) { $0.later($1) }
    case .versionWins: choose(candidates) { $0.newer($1) }
    case .priorityBased: choose(candidates) { $0.higher($1) }
    case .max: choose(candidates) { $0.greater($1) }
    case .min: chooseLeast(candidates)
    case .merge:
      var merge = Merge()
      value = merge.together(candidates, base: base)
      discarded = merge.discarded
    case .union:
      var union = Union(id: id)
      value = union.together(candidates)
      discarded = union.discarded
    case .custom, .manual, .abort: fatalError("\(strategy.name) does not decide by itself")
    }
  }

  private mutating func choose(_ candidates: [Candidate], _ order: (Candidate, Candidate) -> Int) {
    let winner = candidates.max { order($0, $1) < 0 }!
    self.winner = winner
    value = winner.value
    for loser in candidates where !Resolution.isSame(loser.value, winner.value) {
      discarded.append(Discarded(path: "", value: loser.value, candidate: loser))
    }
  }

  /// A deletion is the least of all, and loses to any value here too: there is nothing to compare.
  private mutating func chooseLeast(_ candidates: [Candidate]) {
    choose(candidates) { left, right in
      if left.value == nil || right.value == nil { return left.greater(right) }
      return -left.greater(right)
    }
  }

  // MARK: - Writing

  /// As a value of JSON.
  var json: JSONValue {
    var json = JSON()
    json.object { write(&$0) }
    // What was written just now can be read.
    return (try? json.bytes.withUnsafeBufferPointer { try JSONReader.read($0, .own) }) ?? .null
  }

  func write(_ json: inout JSON) {
    json.text("strategy", strategy.name)
    if isAborted { json.truth("aborted", true) } else { Resolution.write(value, &json) }
    if let winner { json.object("winner") { winner.writeOrigin(&$0) } }
    if let clock { json.value("clock", clock.json) }
    json.array("discarded") { json in
      for item in discarded {
        json.object { json in
          json.text("path", item.path)
          Resolution.write(item.value, &json)
          json.text("why", item.isSuperseded ? "superseded" : "lost")
          item.candidate.writeOrigin(&json)
        }
      }
    }
  }

  private static func write(_ value: JSONValue?, _ json: inout JSON) {
    if let value { json.value("value", value) } else { json.truth("deleted", true) }
  }
}
