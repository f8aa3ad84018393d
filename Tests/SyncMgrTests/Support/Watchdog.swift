import Glibc
import Testing

/// Ends the whole program when a test hangs, and says which: a thread that is stuck inside a call
/// cannot be ended in any other way.
struct Watchdog: SuiteTrait, TestTrait, TestScoping {
  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let number = Watchdog.begin(test.displayName ?? test.name)
    defer { Watchdog.running.with { $0[number] = nil } }
    try await function()
  }

  /// How long one case of a test may take.
  private static let limit: Int64 = 45 * second

  private struct Case {
    let name: String
    let deadline: Int64
  }

  private static let running = Shared<[Int: Case]>([:])
  private static let numbers = Shared(0)
  private static let thread: pthread_t = {
    var thread = pthread_t()
    pthread_create(&thread, nil, { _ in Watchdog.watch() }, nil)
    pthread_detach(thread)
    return thread
  }()

  private static func begin(_ name: String) -> Int {
    _ = thread
    let number = numbers.add(1)
    running.with { $0[number] = Case(name: name, deadline: now() + limit) }
    return number
  }

  private static func watch() -> Never {
    while true {
      pause(second / 4)
      let time = now()
      let hung = running.with { $0.values.filter { $0.deadline < time }.map(\.name) }
      if hung.isEmpty { continue }
      for name in hung {
        let line = "X Test \"\(name)\" failed after \(limit / second) seconds: it hangs\n"
        _ = write(STDERR_FILENO, line, line.utf8.count)
      }
      removeSegments()
      _exit(1)
    }
  }
}

extension Trait where Self == Watchdog {
  static var watched: Watchdog { Watchdog() }
}
