import CSyncMgr

/// How it is decided between values.
enum Strategy: UInt32, CaseIterable {
  case firstWins = 0
  case lastWins = 1
  case priorityBased = 2
  case merge = 3
  case custom = 4
  case manual = 5
  case abort = 6
  case versionWins = 7
  case union = 8
  case max = 9
  case min = 10

  init(checking number: UInt32) throws(Failure) {
    guard let known = Strategy(rawValue: number) else {
      throw Failure(SYNCMGR_E_INVALID, naming: "\(number) is no strategy: 0 to 10 are possible")
    }
    self = known
  }

  init?(named name: String) {
    guard let known = Strategy.allCases.first(where: { $0.name == name }) else { return nil }
    self = known
  }

  var name: String {
    switch self {
    case .firstWins: "first_wins"
    case .lastWins: "last_wins"
    case .priorityBased: "priority_based"
    case .merge: "merge"
    case .custom: "custom"
    case .manual: "manual"
    case .abort: "abort"
    case .versionWins: "version_wins"
    case .union: "union"
    case .max: "max"
    case .min: "min"
    }
  }

  /// Whether it decides by itself.
  var decides: Bool { self != .custom && self != .manual && self != .abort }
}
