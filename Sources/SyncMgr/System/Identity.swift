import CSyncMgrShim

/// What tells processes apart. A pid alone does not: it is reused, and differs between namespaces.
enum Identity {
  /// The kernel's start time of a process, in ticks since boot; nil when there is no such process,
  /// or only its zombie.
  static func startTime(of pid: Int32) -> UInt64? {
    guard let text = read("/proc/\(pid)/stat"), let name = text.lastIndex(of: 0x29) else {
      return nil
    }
    // After the name in parentheses: state is field 3, the start time field 22.
    let fields = text[(name + 1)...].split(separator: 0x20)
    guard fields.count > 19, fields[0] != [0x5a], fields[0] != [0x58] else { return nil }
    return UInt64(String(decoding: fields[19], as: UTF8.self))
  }

  /// The inode of this process's pid namespace; 0 when /proc is missing or that of another one, so
  /// that nothing in it can be trusted.
  static func pidNamespace() -> UInt64 {
    guard number(in: "/proc/self") == UInt64(sm_getpid()) else { return 0 }
    return number(in: "/proc/self/ns/pid")
  }

  /// The digits of what a link of /proc says.
  private static func number(in link: String) -> UInt64 {
    var text = [UInt8](repeating: 0, count: 64)
    let count = sm_read_link(link, &text, text.count)
    guard count > 0 else { return 0 }
    let digits = text[0..<Int(count)].filter { $0 >= 0x30 && $0 <= 0x39 }
    return UInt64(String(decoding: digits, as: UTF8.self)) ?? 0
  }

  /// The random id of this boot.
  static func boot() -> (low: UInt64, high: UInt64) {
    let text = read("/proc/sys/kernel/random/boot_id") ?? []
    let digits = text.filter { $0 != 0x2d && $0 != 0x0a }
    func half(_ part: ArraySlice<UInt8>) -> UInt64 {
      UInt64(String(decoding: part, as: UTF8.self), radix: 16) ?? 0
    }
    guard digits.count == 32 else { return (0, 0) }
    return (half(digits[16...]), half(digits[..<16]))
  }

  private static func read(_ path: String) -> [UInt8]? {
    var text = [UInt8](repeating: 0, count: 1024)
    let count = sm_read_file(path, &text, text.count)
    return count > 0 ? Array(text[0..<Int(count)]) : nil
  }
}
