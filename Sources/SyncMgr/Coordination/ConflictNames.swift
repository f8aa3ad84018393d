import CSyncMgr

/// What the words of conflicts are called in JSON.
enum ConflictType: UInt32, CaseIterable {
  case data, resource, timing, dependency, state, priority

  static let mask = (UInt32(1) << UInt32(allCases.count)) - 1

  var bit: UInt32 { 1 << rawValue }

  var name: String {
    switch self {
    case .data: "data_conflict"
    case .resource: "resource_conflict"
    case .timing: "timing_conflict"
    case .dependency: "dependency_conflict"
    case .state: "state_conflict"
    case .priority: "priority_conflict"
    }
  }

  init?(named name: String) {
    guard let known = ConflictType.allCases.first(where: { $0.name == name }) else { return nil }
    self = known
  }
}

/// As the priorities of notices.
enum ConflictSeverity: UInt32, CaseIterable {
  case low, medium, high, critical

  static let mask = (UInt32(1) << UInt32(allCases.count)) - 1

  var bit: UInt32 { 1 << rawValue }

  var name: String {
    switch self {
    case .low: "low"
    case .medium: "medium"
    case .high: "high"
    case .critical: "critical"
    }
  }

  init?(named name: String) {
    guard let known = ConflictSeverity.allCases.first(where: { $0.name == name }) else {
      return nil
    }
    self = known
  }
}

enum ConflictStatus: UInt32, CaseIterable {
  case detected, analyzing, resolving, resolved, unresolvable, ignored

  static let mask = (UInt32(1) << UInt32(allCases.count)) - 1

  var bit: UInt32 { 1 << rawValue }
  var isOpen: Bool { rawValue < ConflictStatus.resolved.rawValue }

  /// Whether nobody can resolve it any more.
  var isSettled: Bool { self == .resolved || self == .ignored }

  var name: String {
    switch self {
    case .detected: "detected"
    case .analyzing: "analyzing"
    case .resolving: "resolving"
    case .resolved: "resolved"
    case .unresolvable: "unresolvable"
    case .ignored: "ignored"
    }
  }

  init?(named name: String) {
    guard let known = ConflictStatus.allCases.first(where: { $0.name == name }) else { return nil }
    self = known
  }
}
