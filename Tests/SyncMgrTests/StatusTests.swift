import CSyncMgr
import Testing

/// Every status by its number, its name, and the constant that the header gives it.
private let statuses: [(number: Int32, name: String, constant: Int32)] = [
  (0, "OK", SYNCMGR_OK),
  (1, "OWNER_DIED", SYNCMGR_OWNER_DIED),
  (2, "LEADER", SYNCMGR_LEADER),
  (3, "PENDING", SYNCMGR_PENDING),
  (4, "FINISHED", SYNCMGR_FINISHED),
  (5, "FREE", SYNCMGR_FREE),
  (6, "INTERRUPTED", SYNCMGR_INTERRUPTED),
  (7, "PARTIAL", SYNCMGR_PARTIAL),
  (8, "NOBODY", SYNCMGR_NOBODY),
  (-1, "E_INVALID", SYNCMGR_E_INVALID),
  (-2, "E_HANDLE", SYNCMGR_E_HANDLE),
  (-3, "E_CLOSED", SYNCMGR_E_CLOSED),
  (-4, "E_FORKED", SYNCMGR_E_FORKED),
  (-5, "E_TIMEOUT", SYNCMGR_E_TIMEOUT),
  (-6, "E_CANCELLED", SYNCMGR_E_CANCELLED),
  (-7, "E_DEADLOCK", SYNCMGR_E_DEADLOCK),
  (-8, "E_NOT_OWNER", SYNCMGR_E_NOT_OWNER),
  (-9, "E_BROKEN", SYNCMGR_E_BROKEN),
  (-10, "E_EXISTS", SYNCMGR_E_EXISTS),
  (-11, "E_NOT_FOUND", SYNCMGR_E_NOT_FOUND),
  (-12, "E_TYPE", SYNCMGR_E_TYPE),
  (-13, "E_MISMATCH", SYNCMGR_E_MISMATCH),
  (-14, "E_NAME", SYNCMGR_E_NAME),
  (-15, "E_OVERFLOW", SYNCMGR_E_OVERFLOW),
  (-16, "E_ALREADY", SYNCMGR_E_ALREADY),
  (-17, "E_NO_SPACE", SYNCMGR_E_NO_SPACE),
  (-18, "E_NO_MEMORY", SYNCMGR_E_NO_MEMORY),
  (-19, "E_LIMIT", SYNCMGR_E_LIMIT),
  (-20, "E_PERMISSION", SYNCMGR_E_PERMISSION),
  (-21, "E_VERSION", SYNCMGR_E_VERSION),
  (-22, "E_CORRUPT", SYNCMGR_E_CORRUPT),
  (-23, "E_SYSTEM", SYNCMGR_E_SYSTEM),
  (-24, "E_UNSUPPORTED", SYNCMGR_E_UNSUPPORTED),
  (-25, "E_BUSY", SYNCMGR_E_BUSY),
  (-26, "E_LOST", SYNCMGR_E_LOST),
  (-27, "E_UNKNOWN", SYNCMGR_E_UNKNOWN),
  (-28, "E_UNAVAILABLE", SYNCMGR_E_UNAVAILABLE),
  (-29, "E_GAP", SYNCMGR_E_GAP),
  (-30, "E_LATE", SYNCMGR_E_LATE),
  (-31, "E_FAILED", SYNCMGR_E_FAILED),
  (-32, "E_RANK", SYNCMGR_E_RANK),
  (-33, "E_PREEMPTED", SYNCMGR_E_PREEMPTED),
  (-34, "E_UNSAFE", SYNCMGR_E_UNSAFE),
  (-35, "E_NOT_EXPECTED", SYNCMGR_E_NOT_EXPECTED),
  (-36, "E_FULL", SYNCMGR_E_FULL),
  (-37, "E_TOO_LARGE", SYNCMGR_E_TOO_LARGE),
  (-38, "E_CHANGED", SYNCMGR_E_CHANGED),
]

private func name(_ code: Int32) -> String { String(cString: syncmgr_status_name(code)) }
private func text(_ code: Int32) -> String { String(cString: syncmgr_status_text(code)) }

@Suite("Status", .watched)
struct StatusTests {
  @Test("every status keeps its number and has the name of its constant")
  func names() {
    for status in statuses {
      #expect(status.constant == status.number)
      #expect(name(status.number) == status.name)
    }
  }

  @Test("every status has a short text of its own")
  func texts() {
    let texts = statuses.map { text($0.number) }
    for text in texts {
      #expect(!text.isEmpty && text.utf8.count < 80 && !text.contains("\n"))
    }
    #expect(Set(texts).count == texts.count)
    #expect(text(SYNCMGR_E_TIMEOUT) == "the time passed")
  }

  @Test(
    "no status is named E_?, and has a text nevertheless",
    arguments: [9, 10, -39, -40, 1000, -1000, .min, .max] as [Int32])
  func unknown(code: Int32) {
    #expect(name(code) == "E_?")
    #expect(!text(code).isEmpty)
  }

  @Test("names and texts are in static storage")
  func staticStorage() {
    for status in statuses {
      #expect(syncmgr_status_name(status.number) == syncmgr_status_name(status.number))
      #expect(syncmgr_status_text(status.number) == syncmgr_status_text(status.number))
    }
    #expect(syncmgr_version() == syncmgr_version())
  }

  @Test("version is MAJOR.MINOR.PATCH and abi_version is the number of the header")
  func version() {
    let parts = [SYNCMGR_VERSION_MAJOR, SYNCMGR_VERSION_MINOR, SYNCMGR_VERSION_PATCH]
    let expected = parts.map { String($0) }.joined(separator: ".")
    #expect(String(cString: syncmgr_version()) == expected)
    #expect(syncmgr_abi_version() == SYNCMGR_ABI_VERSION)
  }
}
