import CSyncMgr

/// One of the values that it is to be decided between, and where it comes from.
struct Candidate {
  /// Nil: it was deleted.
  var value: JSONValue?
  var version: UInt64 = 0
  /// Of any clock, as long as all candidates have the same: nanoseconds, hybrid logical.
  var time: UInt64 = 0
  var workstream = ""
  var priority: Int64 = 0
  var clock: VectorClock?

  init(value: JSONValue?, workstream: String, version: UInt64, time: UInt64) {
    self.value = value
    self.workstream = workstream
    self.version = version
    self.time = time
  }

  init(_ json: JSONValue) throws(Failure) {
    guard let members = json.members else {
      throw Failure(SYNCMGR_E_INVALID, "a candidate is no JSON object")
    }
    for member in members {
      switch member.key {
      case "value": value = member.value
      case "version": version = try Candidate.count(member)
      case "time": time = try Candidate.count(member)
      case "workstream":
        guard let name = member.value.string else { throw Candidate.wrong(member) }
        workstream = name
      case "priority":
        guard let number = member.value.int64 else { throw Candidate.wrong(member) }
        priority = number
      case "clock": clock = try VectorClock(member.value)
      default:
        throw Failure(
          SYNCMGR_E_INVALID, naming: "a candidate has no member '\(member.key)'")
      }
    }
  }

  private static func count(_ member: JSONMember) throws(Failure) -> UInt64 {
    guard let number = member.value.uint64 else { throw wrong(member) }
    return number
  }

  private static func wrong(_ member: JSONMember) -> Failure {
    Failure(
      SYNCMGR_E_INVALID,
      naming: "a candidate's \(member.key) cannot be \(member.value.written.prefix(40))")
  }

  /// Writes where it comes from.
  func writeOrigin(_ json: inout JSON) {
    json.text("workstream", workstream)
    json.number("version", version)
    json.number("time", time)
    json.number("priority", priority)
  }
}

// MARK: - Orders

/// Each of them tells any two candidates apart that differ in anything, so that the greatest is one
/// and the same whatever the order in which they are looked at.
extension Candidate {
  private func order<T: Comparable>(_ left: T, _ right: T) -> Int {
    left < right ? -1 : left > right ? 1 : 0
  }

  private func first(_ orders: () -> Int...) -> Int {
    for next in orders {
      let order = next()
      if order != 0 { return order }
    }
    return 0
  }

  private func valueOrder(_ other: Candidate) -> Int {
    guard let value, let theirs = other.value else {
      return order(value == nil ? 0 : 1, other.value == nil ? 0 : 1)
    }
    return value.wholeOrder(theirs)
  }

  private func clockOrder(_ other: Candidate) -> Int {
    if clock == nil, other.clock == nil { return 0 }
    return (clock?.json.written ?? "").order(other.clock?.json.written ?? "")
  }

  /// By time; of one time by version, name, priority, value, clock.
  func later(_ other: Candidate) -> Int {
    first(
      { order(time, other.time) }, { order(version, other.version) },
      { workstream.order(other.workstream) }, { order(priority, other.priority) },
      { valueOrder(other) }, { clockOrder(other) })
  }

  /// By version; of one version by time and on.
  func newer(_ other: Candidate) -> Int {
    first({ order(version, other.version) }, { later(other) })
  }

  /// By priority; of one priority by time and on.
  func higher(_ other: Candidate) -> Int {
    first({ order(priority, other.priority) }, { later(other) })
  }

  /// By value; of one value by time and on.
  func greater(_ other: Candidate) -> Int {
    first({ valueOrder(other) }, { later(other) })
  }
}
