import CSyncMgr
import Glibc

/// Timeouts are nanoseconds: `20 * millisecond`.
let millisecond: Int64 = 1_000_000
let second: Int64 = 1_000_000_000
let forever: Int64 = SYNCMGR_FOREVER

/// How long a test waits for what must happen. Long, because the machine may be busy and a
/// sanitizer slow; it passes only when a test fails.
let patience: Int64 = 15 * second

/// Returns the monotonic clock in nanoseconds.
func now() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * second + Int64(time.tv_nsec)
}

/// Sleeps, to let something happen that must not happen.
func pause(_ nanoseconds: Int64) {
  var left = timespec(tv_sec: Int(nanoseconds / second), tv_nsec: Int(nanoseconds % second))
  var asked = left
  while nanosleep(&asked, &left) != 0 { asked = left }
}

/// Returns whether `condition` comes true while there is patience.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = now() + patience
  while try !condition() {
    if now() > deadline { return false }
    pause(millisecond / 2)
  }
  return true
}

/// Returns how long `body` took, in nanoseconds.
func duration(_ body: () throws -> Void) rethrows -> Int64 {
  let began = now()
  try body()
  return now() - began
}
