import CSyncMgr

/// Who lets his handlers decide a conflict has it to himself meanwhile: his claim is part of the
/// record. Dies or closes with a claim: it is nobody's, and the next one to come takes it over.
extension Conflicts {
  private var mine: Conflict.Claim? {
    let caller = store.caller
    guard let stream = caller.attachment.workstream(ofOwner: caller.mine) else { return nil }
    return Conflict.Claim(
      name: NameField(stream).read().text, workstream: stream.id.load(), owner: caller.mine,
      space: caller.attachment.header.pointee.identity)
  }

  /// Whether the claimer can still end it.
  private func isAlive(_ claim: Conflict.Claim) -> Bool {
    let attachment = store.attachment
    guard claim.space == attachment.header.pointee.identity,
      let stream = attachment.workstream(ofOwner: claim.owner),
      stream.id.load() == claim.workstream
    else { return false }
    return !attachment.isGone(stream.owner.load())
  }

  private func isMine(_ claim: Conflict.Claim?) -> Bool {
    guard let claim, let mine else { return false }
    return claim.workstream == mine.workstream && claim.space == mine.space
      && claim.owner == mine.owner
  }

  /// Dies right after: somebody else claims it, or its time passes.
  func claim(_ id: UInt64) throws(Failure) -> Conflict {
    try change(id) { (conflict) throws(Failure) in
      try refuseOver(&conflict)
      if let claim = conflict.claim, isAlive(claim) {
        throw Failure(
          isMine(claim) ? SYNCMGR_E_ALREADY : SYNCMGR_E_BUSY,
          naming: "conflict \(id) is claimed by '\(claim.name)'")
      }
      conflict.claim = mine
      conflict.status = .resolving
      return []
    }
  }

  func settle(_ id: UInt64, _ value: JSONValue?) throws(Failure) -> Conflict {
    try change(id) { (conflict) throws(Failure) in
      try checkMine(&conflict)
      settle(&conflict, value)
      return try writes(conflict)
    }
  }

  func release(_ id: UInt64) throws(Failure) {
    try change(id) { (conflict) throws(Failure) in
      try checkMine(&conflict)
      conflict.claim = nil
      conflict.status = .detected
      return []
    }
  }

  /// Whether it is open, and claimed by who calls.
  func hasClaimed(_ id: UInt64) throws(Failure) -> Bool {
    let conflict = try get(id)
    return conflict.status.isOpen && isMine(conflict.claim)
  }

  private func checkMine(_ conflict: inout Conflict) throws(Failure) {
    try refuseOver(&conflict)
    if !isMine(conflict.claim) {
      throw Failure(
        SYNCMGR_E_NOT_OWNER, naming: "conflict \(conflict.id) is not claimed by this workstream")
    }
  }

  private func refuseOver(_ conflict: inout Conflict) throws(Failure) {
    if conflict.isOverdue { conflict = try escalate(conflict.id) }
    if !conflict.status.isOpen {
      throw Failure(
        SYNCMGR_E_ALREADY, naming: "conflict \(conflict.id) is \(conflict.status.name)")
    }
  }
}
