import Glibc

/// Nanoseconds of the monotonic clock.
func monotonicTime() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// The time of day, in UTC, as RFC 3339 has it.
func clock(_ wall: Int64) -> String {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  // What has no time of its own is told now.
  if wall != 0 {
    now = timespec(tv_sec: Int(wall / 1_000_000_000), tv_nsec: Int(wall % 1_000_000_000))
  }
  var parts = tm()
  gmtime_r(&now.tv_sec, &parts)
  func digits(_ number: Int32, _ count: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(count - text.utf8.count, 0)) + text
  }
  return digits(parts.tm_year + 1900, 4) + "-" + digits(parts.tm_mon + 1, 2) + "-"
    + digits(parts.tm_mday, 2) + "T" + digits(parts.tm_hour, 2) + ":" + digits(parts.tm_min, 2)
    + ":" + digits(parts.tm_sec, 2) + "." + digits(Int32(now.tv_nsec / 1_000_000), 3) + "Z"
}
