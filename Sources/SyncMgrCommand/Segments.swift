import CSyncMgrCommand
import Glibc

/// The segments of this machine, seen from outside: none of them is opened as a space, which could
/// replace an abandoned one.
struct Segment {
  let name: String
  let path: String
  let memory: Int
  let user: UInt32
  /// The processes that hold a place in it; of another pid namespace they are 0.
  let pids: [Int32]
  let isReadable: Bool

  var json: JSONValue {
    .members([
      ("url", .text("shm:" + name)), ("memory", .count(memory)), ("user", .count(user)),
      ("pids", isReadable ? .list(pids.map { .count($0) }) : .null),
    ])
  }
}

enum Segments {
  private static let directory = "/dev/shm"
  private static let prefix = "syncmgr."

  static func all() -> [Segment] {
    guard let open = opendir(directory) else { return [] }
    defer { closedir(open) }
    var found: [Segment] = []
    while let entry = readdir(open) {
      let file = terminated(entry.pointee.d_name)
      if file.hasPrefix(prefix), let segment = look(file) { found.append(segment) }
    }
    return found.sorted { $0.name < $1.name }
  }

  private static func look(_ file: String) -> Segment? {
    let path = directory + "/" + file
    var stat = stat()
    guard lstat(path, &stat) == 0, stat.st_mode & S_IFMT == S_IFREG else { return nil }
    var pids = [Int32](repeating: 0, count: 256)
    let count = command_lockers(path, &pids, 256)
    return Segment(
      name: String(file.dropFirst(prefix.count)), path: path, memory: Int(stat.st_blocks) * 512,
      user: stat.st_uid, pids: Array(pids.prefix(Int(max(min(count, 256), 0)))),
      isReadable: count >= 0)
  }
}
