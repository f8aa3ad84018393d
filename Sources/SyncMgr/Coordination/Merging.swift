import CSyncMgr
import CSyncMgrShim

/// Putting a value that was made from an older one, see syncmgr_store_merge. What is put and the
/// record of the conflict are one commit: who dies has done neither or both.
struct Merging {
  let store: Store
  let key: [UInt8]
  /// As it was given; nil: to be deleted.
  let data: [UInt8]?
  let value: JSONValue?
  let expected: UInt64
  let strategy: Strategy
  let severity: ConflictSeverity
  var base: JSONValue?
  var id: String?
  let flags: UInt32

  struct Outcome {
    var version: UInt64
    /// Nil: nobody had changed it.
    var conflict: Conflict?
  }

  func run() throws(Failure) -> Outcome {
    while true {
      let write = Store.Write(key: key, data: data, expected: expected)
      do throws(Failure) {
        return Outcome(version: try store.commit([write], flags: flags).versions[0])
      } catch {
        if error.status != SYNCMGR_E_CHANGED { throw error }
      }
      let entry = try store.get(key)
      if entry?.version ?? 0 == expected { continue }
      do throws(Failure) {
        return try decide(entry)
      } catch {
        // Changed once more: it is decided anew.
        if error.status != SYNCMGR_E_CHANGED { throw error }
      }
    }
  }

  // MARK: - Somebody was faster

  private func decide(_ entry: Store.Entry?) throws(Failure) -> Outcome {
    let conflicts = Conflicts(store)
    let candidates = [try theirs(entry), ours(conflicts)]
    var draft = self.draft(candidates, conflicts)
    var write = Store.Write(key: key, data: nil, expected: entry?.version ?? 0, isCheck: true)
    if strategy.decides {
      let resolution = Resolution(strategy, candidates, base: base, id: id)
      conclude(&draft, resolution, conflicts)
      let data = resolution.value.map { JSON.bytes(of: $0) }
      if data != entry?.data {
        write.data = data
        write.isCheck = false
      }
    } else if strategy == .abort {
      conclude(&draft, Resolution(strategy, told: nil, candidates), conflicts)
    } else {
      draft.data = question(candidates)
      if strategy == .manual { conflicts.leave(&draft) }
    }
    let (conflict, versions) = try conflicts.add(draft, [write], flags: flags)
    var detected = conflict
    detected.status = .detected
    conflicts.tell(detected)
    if !conflict.status.isOpen { conflicts.tell(conflict) }
    return Outcome(version: versions[0], conflict: conflict)
  }

  /// Of what was deleted nobody knows by whom and when: it is the earlier one.
  private func theirs(_ entry: Store.Entry?) throws(Failure) -> Candidate {
    guard let entry else {
      return Candidate(value: nil, workstream: "", version: expected &+ 1, time: 0)
    }
    let read = entry.data.withUnsafeBufferPointer {
      try? JSONReader.read($0, JSONRules(depth: JSONRules.own.depth, sortsKeys: true))
    }
    guard entry.type == SYNCMGR_CELL_JSON, let value = read else {
      throw Failure(
        SYNCMGR_E_TYPE, naming: "'\(String(decoding: key, as: UTF8.self))' is not JSON")
    }
    let name = String(decoding: entry.name, as: UTF8.self)
    var candidate = Candidate(
      value: value, workstream: name, version: entry.version,
      time: UInt64(max(entry.wall, 0)))
    candidate.priority = store.attachment.priority(ofWorkstream: name)
    return candidate
  }

  private func ours(_ conflicts: Conflicts) -> Candidate {
    let name = conflicts.caller
    var candidate = Candidate(
      value: value, workstream: name, version: expected &+ 1, time: UInt64(max(sm_date(), 0)))
    candidate.priority = store.attachment.priority(ofWorkstream: name)
    return candidate
  }

  private func draft(_ candidates: [Candidate], _ conflicts: Conflicts) -> Conflict {
    var names: [String] = []
    for name in candidates.map({ $0.workstream }) where !name.isEmpty && !names.contains(name) {
      names.append(name)
    }
    let key = String(decoding: key, as: UTF8.self)
    return Conflict(
      id: 0, type: .data, severity: severity, strategy: strategy, workstreams: names,
      reason: "'\(key)' was changed meanwhile", detectedAt: sm_date(),
      detectedBy: conflicts.caller, key: key)
  }

  private func conclude(
    _ draft: inout Conflict, _ resolution: Resolution, _ conflicts: Conflicts
  ) {
    draft.status = .resolved
    draft.result = resolution.json
    draft.resolvedAt = draft.detectedAt
    draft.resolvedBy = conflicts.caller
  }

  /// For who decides later.
  private func question(_ candidates: [Candidate]) -> JSONValue {
    var members = [JSONMember(key: "candidates", value: .list(candidates.map { $0.json }))]
    if let base { members.append(JSONMember(key: "base", value: base)) }
    if let id { members.append(JSONMember(key: "id", value: .text(id))) }
    return .object(members)
  }
}

extension Candidate {
  /// As it would be given to us.
  var json: JSONValue {
    var members = value.map { [JSONMember(key: "value", value: $0)] } ?? []
    members.append(JSONMember(key: "workstream", value: .text(workstream)))
    members.append(JSONMember(key: "version", value: JSONValue(version)))
    members.append(JSONMember(key: "time", value: JSONValue(time)))
    members.append(JSONMember(key: "priority", value: .integer(priority)))
    if let clock { members.append(JSONMember(key: "clock", value: clock.json)) }
    return .object(members)
  }
}
