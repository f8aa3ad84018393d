import CSyncMgr
import CSyncMgrShim

/// How conflicts end.
extension Conflicts {
  /// The name of the workstream that calls.
  var caller: String {
    store.attachment.workstream(ofOwner: store.caller.mine).map {
      NameField($0).read().text
    } ?? ""
  }

  /// Declares a conflict. One that is to be resolved at once, and that its strategy decides, is
  /// never seen open. `isAsked`: handlers are to be asked first.
  func detect(
    _ draft: Conflict, resolvesAtOnce: Bool, isAsked: Bool
  ) throws(Failure) -> Conflict {
    var conflict = draft
    if conflict.strategy == .manual, resolvesAtOnce {
      leave(&conflict)
    } else if resolvesAtOnce, !isAsked, conflict.strategy != .custom {
      decide(&conflict, conflict.strategy, by: caller)
    }
    let (added, _) = try add(conflict)
    var detected = added
    detected.status = .detected
    tell(detected)
    if !added.status.isOpen { tell(added) }
    return added
  }

  /// Decides a conflict by a strategy, or by a value for custom and manual. Returns it as it is
  /// then.
  func resolve(
    _ id: UInt64, _ strategy: Strategy, _ value: JSONValue?, by name: String?
  ) throws(Failure) -> Conflict {
    try change(id) { (conflict) throws(Failure) in
      try refuseSettled(conflict)
      if let value {
        end(&conflict, strategy, value, by: name)
        return try writes(conflict)
      }
      if strategy == .manual {
        // One that is unresolvable is left to somebody as it is.
        if !conflict.status.isOpen { return nil }
        leave(&conflict)
        return []
      }
      conflict.strategy = strategy
      decide(&conflict, strategy, by: name)
      return try writes(conflict)
    }
  }

  func ignore(_ id: UInt64, by name: String?) throws(Failure) {
    try change(id) { (conflict) throws(Failure) in
      try refuseSettled(conflict)
      finish(&conflict, .ignored, by: name)
      return []
    }
  }

  /// Ends a conflict whose time has passed, unless somebody was faster.
  @discardableResult
  func escalate(_ id: UInt64) throws(Failure) -> Conflict {
    try change(id) { (conflict) throws(Failure) in
      if !conflict.isOverdue { return nil }
      finish(&conflict, .unresolvable, by: nil)
      return []
    }
  }

  func refuseSettled(_ conflict: Conflict) throws(Failure) {
    if conflict.status.isSettled {
      throw Failure(
        SYNCMGR_E_ALREADY, naming: "conflict \(conflict.id) is \(conflict.status.name)")
    }
  }

  // MARK: - Steps on a record

  private func finish(_ conflict: inout Conflict, _ status: ConflictStatus, by name: String?) {
    conflict.status = status
    conflict.claim = nil
    conflict.resolvedAt = sm_date()
    conflict.resolvedBy = status == .unresolvable ? nil : name ?? caller
  }

  /// Leaves it to whoever decides: there is time.
  func leave(_ conflict: inout Conflict) {
    conflict.status = .analyzing
    conflict.strategy = .manual
    conflict.claim = nil
    conflict.deadline = nil
    conflict.resolvedAt = nil
  }

  /// With a value that somebody has found.
  private func end(
    _ conflict: inout Conflict, _ strategy: Strategy, _ value: JSONValue, by name: String?
  ) {
    conflict.strategy = strategy
    finish(
      &conflict, Resolution(strategy, told: value, candidates(of: conflict).candidates), by: name)
  }

  private func finish(_ conflict: inout Conflict, _ resolution: Resolution, by name: String?) {
    conflict.result = resolution.json
    finish(&conflict, .resolved, by: name)
  }

  /// Of custom nobody had an answer.
  func decide(_ conflict: inout Conflict, _ strategy: Strategy, by name: String?) {
    let question = candidates(of: conflict)
    switch strategy {
    case .custom: finish(&conflict, .unresolvable, by: nil)
    case .manual: leave(&conflict)
    case .abort:
      finish(&conflict, Resolution(strategy, told: nil, question.candidates), by: name)
    default:
      let resolution = Resolution(
        strategy, question.candidates, base: strategy == .merge ? question.base : nil,
        id: strategy == .union ? question.id : nil)
      finish(&conflict, resolution, by: name)
    }
  }

  /// Ends a conflict by the value of a handler, or when none has one by its own strategy.
  func settle(
    _ conflict: inout Conflict, _ value: JSONValue?
  ) {
    if let value {
      end(&conflict, .custom, value, by: nil)
    } else {
      decide(&conflict, conflict.strategy, by: nil)
    }
  }

  /// What is put into the store with the end of a conflict about an entry.
  func writes(_ conflict: Conflict) throws(Failure) -> [Store.Write] {
    guard conflict.status == .resolved, let key = conflict.key, let result = conflict.result,
      result["aborted"] == nil
    else { return [] }
    return [
      Store.Write(key: Array(key.utf8), data: result["value"].map { JSON.bytes(of: $0) })
    ]
  }

  /// Between what it is to be decided: what the data says, or else the workstreams.
  func candidates(of conflict: Conflict) -> Question {
    if let data = conflict.data, data["candidates"] != nil, let question = try? Question(data) {
      return question
    }
    let attachment = store.attachment
    let candidates = conflict.workstreams.enumerated().map { place, name in
      var candidate = Candidate(
        value: .text(name), workstream: name, version: 0, time: UInt64(place))
      candidate.priority = attachment.priority(ofWorkstream: name)
      return candidate
    }
    return Question(candidates)
  }
}

extension Attachment {
  /// Of the living workstream of this name; 0 when there is none.
  func priority(ofWorkstream name: String) -> Int64 {
    guard
      let name = try? Name(
        Array(name.utf8).map { CChar(bitPattern: $0) } + [0],
        what: "workstream")
    else { return 0 }
    let owner = always { () -> UInt32? in self.owner(named: name) }
    return owner.flatMap { workstream(ofOwner: $0) }.map { Int64($0.priority.load()) } ?? 0
  }
}
