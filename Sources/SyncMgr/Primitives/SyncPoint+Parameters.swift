import CSyncMgr
import CSyncMgrShim

/// What a sync point is made with, and what it says about itself.
extension SyncPoint {
  /// The flags of the header; the engine has no others.
  static let allFlags =
    SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT | SYNCMGR_SYNC_CONTINUE_ON_FAILURE | SYNCMGR_SYNC_WAIT_FOR_ALL

  struct Parameters {
    var flags: UInt32
    var expected: [Expected]
    /// How many suffice.
    var minimum: UInt32
    /// How many suffice when the time is over: the minimum, or 1 when none was given.
    var least: UInt32
    var timeout: Int64

    /// Checks what the caller asks for.
    init(
      flags: UInt32, expected: [Name], required: [Name], minimum: UInt32, of fraction: UInt32,
      timeout: Int64
    ) throws(Failure) {
      let count = UInt32(expected.count)
      var seen = Set<[UInt8]>()
      for name in expected where !seen.insert(name.bytes).inserted {
        throw Failure(SYNCMGR_E_INVALID, naming: "'\(name.text)' is expected twice")
      }
      var needed = Set<[UInt8]>()
      for name in required {
        if !seen.contains(name.bytes) {
          throw Failure(
            SYNCMGR_E_INVALID, naming: "'\(name.text)' is required and not among those expected")
        }
        if !needed.insert(name.bytes).inserted {
          throw Failure(SYNCMGR_E_INVALID, naming: "'\(name.text)' is required twice")
        }
      }
      if timeout < SYNCMGR_FOREVER {
        throw Failure(
          SYNCMGR_E_INVALID, naming: "the timeout \(timeout) is below SYNCMGR_FOREVER (-1)")
      }
      self.flags = flags
      self.timeout = timeout
      self.expected = expected.map {
        Expected(name: $0, isRequired: needed.contains($0.bytes))
      }
      self.minimum = try Self.resolve(minimum, of: fraction, count)
      least = minimum == SYNCMGR_ANY ? 1 : self.minimum
    }

    private static func resolve(
      _ minimum: UInt32, of fraction: UInt32, _ count: UInt32
    ) throws(Failure) -> UInt32 {
      if fraction == 0 {
        if minimum == SYNCMGR_ANY { return count }
        if minimum >= 1, minimum <= count { return minimum }
        throw Failure(
          SYNCMGR_E_INVALID, naming: "\(minimum) is no minimum of \(count) workstreams: 1 to all")
      }
      guard minimum >= 1, minimum <= fraction else {
        throw Failure(
          SYNCMGR_E_INVALID,
          naming: "\(minimum)/\(fraction) is no fraction: above 0 and up to 1 are possible")
      }
      let product = UInt64(minimum) * UInt64(count)
      return UInt32((product + UInt64(fraction) - 1) / UInt64(fraction))
    }
  }

  /// Fills in a new point. Under the directory guard; nobody has seen the object yet.
  static func complete(
    _ attachment: Attachment, _ object: Object, _ wanted: Parameters
  ) throws(Failure) {
    object.least.store(wanted.least)
    object.timeout.store(UInt64(bitPattern: wanted.timeout))
    let deadline = try Deadline.after(wanted.timeout)
    object.deadline.store(deadline == Deadline.never ? 0 : UInt64(deadline))
    try attachment.makeMembers(object, wanted.expected)
  }

  /// Refuses parameters that are not those of the point that is there.
  static func compare(
    _ attachment: Attachment, _ object: Object, _ wanted: Parameters
  ) throws(Failure) {
    func check(_ noun: String, _ has: String, _ want: String) throws(Failure) {
      if has == want { return }
      throw Failure(SYNCMGR_E_MISMATCH, object, text: "it has \(noun) \(has), not \(want)")
    }
    let flags = object.flags.load()
    try check("flags", "\(flags)", "\(wanted.flags)")
    var names: [String] = []
    var required: [String] = []
    attachment.forMembers(of: object) {
      let name = NameField($0).read().text
      names.append(name)
      if $0.flags.load() & SYNCMGR_SYNC_REQUIRED != 0 { required.append(name) }
    }
    try check("expected workstreams", list(names), list(wanted.expected.map { $0.name.text }))
    let needed = wanted.expected.filter { $0.isRequired }.map { $0.name.text }
    try check("required workstreams", list(required), list(needed))
    let count = object.count.load()
    try check("minimum", "\(count)", "\(wanted.minimum)")
    let isGiven = wanted.least == wanted.minimum
    if object.least.load() != wanted.least {
      try check("the minimum", isGiven ? "by default" : "given", isGiven ? "given" : "by default")
    }
    let timeout = Int64(bitPattern: object.timeout.load())
    try check("timeout", "\(timeout) ns", "\(wanted.timeout) ns")
  }

  /// Names in an order that does not depend on how they were given.
  private static func list(_ names: [String]) -> String {
    names.isEmpty ? "none" : names.sorted().map { "'\($0)'" }.joined(separator: " ")
  }

  // MARK: - Asking

  /// How it stands, or what became of it.
  static func result(
    _ caller: Caller, evenClosed: Bool = false
  ) throws(Failure) -> syncmgr_sync_result_t {
    let (object, attachment) = (caller.object, caller.attachment)
    var wakes = Wakes()
    if evenClosed { attachment.lock(object) } else { try caller.lock() }
    lookAtTime(attachment, object, &wakes)
    let tally = Tally(attachment, object)
    var result = syncmgr_sync_result_t()
    result.status = object.word.load()
    result.minimum = object.count.load()
    result.met_minimum = tally.arrived >= object.least.load() ? 1 : 0
    result.required_met = tally.requiredMissing == 0 ? 1 : 0
    result.expected = tally.expected
    result.arrived = tally.arrived
    result.missing = tally.expected - tally.arrived
    result.failed = tally.failed
    result.late = tally.late
    let isOver = result.status != SYNCMGR_SYNC_WAITING
    result.completed_at = isOver ? Int64(bitPattern: object.endedAt.load()) : 0
    let reason = isOver || tally.failed > 0 ? object.keptWords() : ""
    caller.unlock()
    wakes.send(attachment)
    withUnsafeMutableBytes(of: &result.reason) { target in
      for (index, byte) in reason.utf8.prefix(255).enumerated() { target[index] = byte }
    }
    return result
  }

  static func members(_ caller: Caller) throws(Failure) -> [syncmgr_sync_member_t] {
    let (object, attachment) = (caller.object, caller.attachment)
    var wakes = Wakes()
    var found: [syncmgr_sync_member_t] = []
    try caller.lock()
    lookAtTime(attachment, object, &wakes)
    attachment.forMembers(of: object) { member in
      var entry = syncmgr_sync_member_t()
      entry.flags = member.flags.load()
      entry.order = member.order.load()
      entry.at = Int64(bitPattern: member.at.load())
      let field = NameField(member)
      withUnsafeMutableBytes(of: &entry.name) { target in
        for index in 0..<target.count - 1 { target[index] = field.at[index] }
      }
      found.append(entry)
    }
    caller.unlock()
    wakes.send(attachment)
    return found
  }
}
