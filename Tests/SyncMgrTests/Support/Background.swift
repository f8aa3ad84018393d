import Glibc

/// A thread of our own that runs one body: the threads of the test runner are as few as the
/// processors, and a test that waited on them would wait for itself.
///
// Safe because `thread` is written before the object is shared.
final class Background<Value: Sendable>: @unchecked Sendable {
  private let outcome = Shared<Value?>(nil)
  private let joined = Shared(false)
  private var thread = pthread_t()

  init(_ body: @escaping @Sendable () -> Value) {
    let outcome = outcome
    let start = Start {
      let value = body()
      outcome.with { $0 = value }
    }
    let context = Unmanaged.passRetained(start).toOpaque()
    let error = pthread_create(&thread, nil, runStart, context)
    guard error == 0 else { fatalError("pthread_create: \(String(cString: strerror(error)))") }
  }

  /// A thread that hangs is left alone: closing its space ends its wait.
  deinit {
    if !joined.current { pthread_detach(thread) }
  }

  var isFinished: Bool { outcome.with { $0 != nil } }

  /// Returns what the body returned, or throws when it does not end in time.
  func result(within nanoseconds: Int64 = patience) throws -> Value {
    guard outcome.wait(for: nanoseconds, until: { $0 != nil }) else { throw Hung() }
    let isFirst = joined.with { joined in
      defer { joined = true }
      return !joined
    }
    if isFirst { pthread_join(thread, nil) }
    return outcome.with { $0! }
  }

  /// Sends a signal to the thread.
  func signal(_ number: Int32) { pthread_kill(thread, number) }
}

/// A thread did not end in time.
struct Hung: Error, CustomStringConvertible {
  var description: String { "a thread did not end in time" }
}

/// Runs `body` on a thread of its own.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) -> Background<Value> {
  Background(body)
}

private final class Start: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

private func runStart(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  // The threads of the test runner block all signals, and a new thread inherits that.
  var none = sigset_t()
  sigemptyset(&none)
  pthread_sigmask(SIG_SETMASK, &none, nil)
  Unmanaged<Start>.fromOpaque(context!).takeRetainedValue().body()
  return nil
}
