import CSyncMgr
import CSyncMgrCommand
import Glibc

/// Looks whether this system can do what the library needs.
enum Doctor {
  static let doctor = Subcommand(
    name: "doctor", arguments: "",
    summary: "Check the system, and say what is wrong and what to do",
    details: "Ends with 1 when something does not work; a warning alone is no failure."
  ) { invocation throws(Failure) in
    let findings = [
      library(), kernel(), waitv(), membarrier(), sharedMemory(), room(), descriptors(), trial(),
      spaces(),
    ]
    if invocation.isJSON {
      print(JSONValue.list(findings.map { $0.json }).written)
    } else {
      let paint = Paint(invocation)
      for finding in findings { print(finding.text(paint)) }
    }
    return findings.contains { $0.grade == .bad } ? Exit.failed : 0
  }

  private enum Grade: String {
    case good, warning, bad
  }

  private struct Finding {
    let subject: String
    let grade: Grade
    let fact: String
    var advice = ""

    var json: JSONValue {
      .members([
        ("subject", .text(subject)), ("grade", .text(grade.rawValue)), ("fact", .text(fact)),
        ("advice", .text(advice)),
      ])
    }

    func text(_ paint: Paint) -> String {
      let mark =
        switch grade {
        case .good: paint.good("ok     ")
        case .warning: paint.warning("warning")
        case .bad: paint.bad("BAD    ")
        }
      let line = "\(mark)  \(padded(subject, 16))\(fact)"
      return advice.isEmpty ? line : line + "\n" + String(repeating: " ", count: 25) + advice
    }
  }

  // MARK: - Findings

  private static func library() -> Finding {
    let version = String(cString: syncmgr_version())
    let text = "syncmgr \(version), interface \(syncmgr_abi_version())"
    return Finding(subject: "version", grade: .good, fact: text)
  }

  private static func kernel() -> Finding {
    var name = utsname()
    uname(&name)
    let release = terminated(name.release)
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    let isOld = numbers.count == 2 && (numbers[0], numbers[1]) < (4, 14)
    return Finding(
      subject: "kernel", grade: isOld ? .bad : .good, fact: "Linux \(release)",
      advice: isOld ? "Linux 4.14 or newer is needed" : "")
  }

  private static func waitv() -> Finding {
    let isThere = command_has_waitv() != 0
    return Finding(
      subject: "futex_waitv", grade: isThere ? .good : .warning,
      fact: isThere ? "there" : "missing",
      advice: isThere
        ? ""
        : "deaths are noticed later; Linux 5.16 and newer have it, and a container's "
          + "seccomp filter may forbid it")
  }

  private static func membarrier() -> Finding {
    let isThere = command_has_membarrier() != 0
    return Finding(
      subject: "membarrier", grade: isThere ? .good : .warning,
      fact: isThere ? "there" : "missing",
      advice: isThere
        ? "" : "every call costs a fence more; a container's seccomp filter may forbid it")
  }

  private static func sharedMemory() -> Finding {
    var stat = stat()
    guard lstat("/dev/shm", &stat) == 0 else {
      return Finding(
        subject: "/dev/shm", grade: .bad, fact: "missing",
        advice: "mount it: mount -t tmpfs tmpfs /dev/shm")
    }
    let isUsable = access("/dev/shm", R_OK | W_OK | X_OK) == 0
    return Finding(
      subject: "/dev/shm", grade: isUsable ? .good : .bad,
      fact: isUsable ? "there" : "this user may not make files there",
      advice: isUsable ? "" : "chmod 1777 /dev/shm")
  }

  private static func room() -> Finding {
    var file = statvfs()
    guard statvfs("/dev/shm", &file) == 0 else {
      return Finding(subject: "room", grade: .bad, fact: "cannot be told")
    }
    let unit = Int(file.f_frsize)
    let free = Int(clamping: file.f_bavail) * unit
    let isSmall = free < 16 << 20
    return Finding(
      subject: "room", grade: free < 2 << 20 ? .bad : isSmall ? .warning : .good,
      fact: "\(bytes(free)) of \(bytes(Int(clamping: file.f_blocks) * unit)) are free in /dev/shm",
      advice: isSmall
        ? "a space takes 1 to 60 MiB: remove what is not needed, see syncmgr clean, or give the "
          + "container more (docker run --shm-size)" : "")
  }

  private static func descriptors() -> Finding {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let isLow = limit.rlim_cur < 256
    return Finding(
      subject: "descriptors", grade: isLow ? .warning : .good,
      fact: "\(limit.rlim_cur) open files at once",
      advice: isLow ? "each space takes one and each queue another: ulimit -n 1024" : "")
  }

  /// A space made, used and removed.
  private static func trial() -> Finding {
    do throws(Failure) {
      let url = "shm:doctor-\(getpid())"
      let space = try Space.open(url, SYNCMGR_CREATE_ONLY)
      defer { space.close() }
      var mutex: OpaquePointer?
      try check(syncmgr_mutex_open(try space.workstream(), "trial", nil, &mutex))
      try check(syncmgr_mutex_lock(mutex, 0))
      try check(syncmgr_mutex_unlock(mutex))
      try check(syncmgr_check(space.manager))
      return Finding(subject: "trial", grade: .good, fact: "a space was made, used and removed")
    } catch {
      return Finding(
        subject: "trial", grade: .bad, fact: error.text, advice: "no space can be used")
    }
  }

  private static func spaces() -> Finding {
    let all = Segments.all()
    let abandoned = all.filter { $0.isReadable && $0.pids.isEmpty }
    return Finding(
      subject: "spaces", grade: abandoned.isEmpty ? .good : .warning,
      fact: "\(all.count), of which \(abandoned.count) are open nowhere",
      advice: abandoned.isEmpty
        ? ""
        : "syncmgr clean removes those that were abandoned: "
          + abandoned.prefix(3).map { "shm:" + shown($0.name) }.joined(separator: " "))
  }
}
