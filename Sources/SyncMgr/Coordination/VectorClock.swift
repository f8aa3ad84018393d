import CSyncMgr

/// What a replica had seen of each replica's changes when it made a change. In JSON an object of
/// counts by the replicas' names; the member "" that is true says that counts were taken out.
struct VectorClock {
  enum Causality { case before, after, equal, concurrent }

  /// By the bytes of their names, none of them 0: that is the same as not to be here.
  private var counts: [(replica: String, count: UInt64)] = []
  private(set) var isPruned = false

  init() {}

  /// Reads an object whose members are sorted. Throws why it is no clock.
  init(_ value: JSONValue) throws(Failure) {
    guard let members = value.members else {
      throw Failure(SYNCMGR_E_INVALID, "a clock is no JSON object")
    }
    for member in members {
      if member.key.isEmpty, let isPruned = member.value.isTruth {
        self.isPruned = isPruned
      } else if !member.key.isEmpty, let count = member.value.uint64 {
        if count > 0 { counts.append((member.key, count)) }
      } else {
        throw Failure(
          SYNCMGR_E_INVALID, naming: "a clock's member '\(member.key)' is no count of changes")
      }
    }
  }

  var json: JSONValue {
    let pruned = isPruned ? [JSONMember(key: "", value: .truth(true))] : []
    return .object(pruned + counts.map { JSONMember(key: $0.replica, value: JSONValue($0.count)) })
  }

  /// Where this stands to `other`. When counts were taken out of one of them nobody can tell: they
  /// are concurrent, never in a wrong order.
  func compare(_ other: VectorClock) -> Causality {
    if isPruned || other.isPruned { return .concurrent }
    var (hasLess, hasMore) = (false, false)
    VectorClock.pair(self, other) { _, left, right in
      if left < right { hasLess = true }
      if left > right { hasMore = true }
    }
    switch (hasLess, hasMore) {
    case (true, true): return .concurrent
    case (true, false): return .before
    case (false, true): return .after
    case (false, false): return .equal
    }
  }

  /// Adds what `other` had seen.
  mutating func merge(_ other: VectorClock) {
    var all: [(replica: String, count: UInt64)] = []
    VectorClock.pair(self, other) { replica, left, right in
      all.append((replica, Swift.max(left, right)))
    }
    counts = all
    isPruned = isPruned || other.isPruned
  }

  /// Counts one more change of a replica.
  mutating func increment(_ replica: String) throws(Failure) {
    let place = counts.firstIndex { $0.replica.order(replica) >= 0 } ?? counts.count
    if place < counts.count, counts[place].replica.isSame(as: replica) {
      let (next, overflow) = counts[place].count.addingReportingOverflow(1)
      if overflow { throw Failure(SYNCMGR_E_LIMIT, "the replica's count is at its end") }
      counts[place].count = next
    } else {
      counts.insert((replica, 1), at: place)
    }
  }

  /// Goes over the replicas of both clocks in order.
  private static func pair(
    _ left: VectorClock, _ right: VectorClock, _ body: (String, UInt64, UInt64) -> Void
  ) {
    var (one, two) = (0, 0)
    while one < left.counts.count || two < right.counts.count {
      let order =
        one == left.counts.count
        ? 1
        : two == right.counts.count
          ? -1 : left.counts[one].replica.order(right.counts[two].replica)
      let replica = order <= 0 ? left.counts[one].replica : right.counts[two].replica
      body(
        replica, order <= 0 ? left.counts[one].count : 0, order >= 0 ? right.counts[two].count : 0)
      if order <= 0 { one += 1 }
      if order >= 0 { two += 1 }
    }
  }
}
