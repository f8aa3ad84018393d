import Glibc

/// A value that threads share, under a lock of its own.
///
// Safe because `value` is touched with the lock held only. The lock is a pthread mutex because the
// thread sanitizer understands those.
final class Shared<Value>: @unchecked Sendable {
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var value: Value

  init(_ value: Value) {
    self.value = value
    pthread_mutex_init(lock, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(changed, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(lock)
    changed.deallocate()
    lock.deallocate()
  }

  /// Reads or changes the value.
  @discardableResult
  func with<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(lock)
    defer {
      pthread_cond_broadcast(changed)
      pthread_mutex_unlock(lock)
    }
    return try body(&value)
  }

  var current: Value { with { $0 } }

  /// Returns whether `condition` comes true within `nanoseconds`.
  func wait(for nanoseconds: Int64 = patience, until condition: (Value) -> Bool) -> Bool {
    let deadline = now() + nanoseconds
    var time = timespec(tv_sec: Int(deadline / second), tv_nsec: Int(deadline % second))
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while !condition(value) {
      if pthread_cond_timedwait(changed, lock, &time) == ETIMEDOUT { return condition(value) }
    }
    return true
  }
}

extension Shared where Value == Int {
  /// Adds to the value and returns what it then is.
  @discardableResult
  func add(_ amount: Int) -> Int {
    with {
      $0 += amount
      return $0
    }
  }
}
