import CSyncMgr

/// Between what it is to be decided, as a caller writes it.
struct Question {
  let candidates: [Candidate]
  var base: JSONValue?
  var id: String?

  init(_ candidates: [Candidate]) { self.candidates = candidates }

  init(_ json: JSONValue) throws(Failure) {
    var list = json.items
    for member in json.members ?? [] {
      switch member.key {
      case "candidates": list = member.value.items
      case "base": base = member.value
      case "id":
        guard let name = member.value.string else {
          throw Failure(SYNCMGR_E_INVALID, "the id is to be the name of a member")
        }
        id = name
      default:
        throw Failure(SYNCMGR_E_INVALID, naming: "there is no member '\(member.key)' to decide by")
      }
    }
    guard let list, !list.isEmpty else {
      throw Failure(SYNCMGR_E_INVALID, "there are no candidates")
    }
    if list.count > Int(SYNCMGR_CANDIDATES_MAX) {
      throw Failure(
        SYNCMGR_E_LIMIT,
        naming: "\(list.count) candidates are more than \(SYNCMGR_CANDIDATES_MAX)")
    }
    var candidates: [Candidate] = []
    for item in list { candidates.append(try Candidate(item)) }
    self.candidates = candidates
  }

  /// Decides it; E_INVALID for a strategy that leaves it to others, or does not use what was given.
  func resolve(_ strategy: Strategy) throws(Failure) -> Resolution {
    if !strategy.decides {
      throw Failure(SYNCMGR_E_INVALID, naming: "\(strategy.name) does not decide by itself")
    }
    if base != nil, strategy != .merge {
      throw Failure(SYNCMGR_E_INVALID, naming: "\(strategy.name) has no use for a base")
    }
    if id != nil, strategy != .union {
      throw Failure(SYNCMGR_E_INVALID, naming: "\(strategy.name) has no use for an id")
    }
    return Resolution(strategy, candidates, base: base, id: id)
  }
}
