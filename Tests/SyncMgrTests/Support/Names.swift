import Glibc

private let counter = Shared(0)

/// Returns a name that no other test of any process has.
func uniqueName() -> String { "test-\(getpid())-\(counter.add(1))" }

/// Returns where the segment of `url` is, or nil for a local: space.
func segmentPath(_ url: String) -> String? {
  url.hasPrefix("shm:") ? "/dev/shm/syncmgr.\(url.dropFirst(4))" : nil
}

func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Removes what the tests of this process left in shared memory, for when it ends in the middle.
func removeSegments() {
  guard let folder = opendir("/dev/shm") else { return }
  defer { closedir(folder) }
  while let entry = readdir(folder) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name.hasPrefix("syncmgr.") && name.contains("test-\(getpid())-") {
      unlink("/dev/shm/" + name)
    }
  }
}
