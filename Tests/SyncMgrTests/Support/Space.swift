import CSyncMgr
import Testing

/// The kinds of space that a promise of the header is tried in.
enum Kind: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case local = "local:"
  case shared = "shm:"
  /// A segment without the background thread.
  case threadless = "shm: without threads"

  /// The kinds in which completions and notices come by themselves.
  static let threaded: [Kind] = [.local, .shared]

  var testDescription: String { rawValue }
  var flags: UInt32 { self == .threadless ? SYNCMGR_OPEN_NO_THREADS : 0 }
  func uniqueURL() -> String { (self == .local ? "local:" : "shm:") + uniqueName() }
}

/// A manager.
struct Space: Sendable {
  let url: String
  let handle: Handle

  init(
    _ url: String, flags: UInt32 = 0, mode: UInt32 = 0o600, group: UInt32 = SYNCMGR_ANY,
    owner: UInt32 = SYNCMGR_ANY
  ) throws(Failed) {
    var options = syncmgr_open_options_t(
      size: UInt32(MemoryLayout<syncmgr_open_options_t>.size), flags: flags, mode: mode,
      group: group, owner: owner)
    self.url = url
    handle = try Handle { syncmgr_open(url, &options, $0) }
  }

  /// A space that no other test knows.
  init(_ kind: Kind) throws(Failed) { try self.init(kind.uniqueURL(), flags: kind.flags) }

  /// Another manager of the same space.
  func again(flags: UInt32 = 0) throws(Failed) -> Space { try Space(url, flags: flags) }

  func close() -> Status { Status(syncmgr_close(handle.pointer)) }
  func check() -> Status { Status(syncmgr_check(handle.pointer)) }

  func remove(_ type: UInt32, _ name: String) -> Status {
    Status(syncmgr_object_remove(handle.pointer, type, name))
  }

  func dispatch(_ timeout: Int64) -> Status { Status(syncmgr_dispatch(handle.pointer, timeout)) }

  func workstream(_ name: String? = nil) throws(Failed) -> Workstream {
    if let name {
      Workstream(
        space: self,
        handle: try Handle { syncmgr_workstream_open(handle.pointer, name, $0) })
    } else {
      Workstream(
        space: self, handle: try Handle { syncmgr_workstream_open(handle.pointer, nil, $0) })
    }
  }

  func workstreams(_ count: Int) throws(Failed) -> [Workstream] {
    var all: [Workstream] = []
    for _ in 0..<count { all.append(try workstream()) }
    return all
  }

  func queue(flags: UInt32 = 0, wake descriptor: Int32 = -1) throws(Failed) -> Queue {
    Queue(handle: try Handle { syncmgr_queue_open(handle.pointer, flags, descriptor, $0) })
  }
}

/// Runs `body` in a space of its own. At the end the segment must pass its own check, close, and
/// leave no file.
func withSpace(
  _ kind: Kind, sourceLocation: SourceLocation = #_sourceLocation, _ body: (Space) throws -> Void
) throws {
  let space = try Space(kind)
  defer {
    #expect(space.check() == .ok, sourceLocation: sourceLocation)
    #expect(space.close() == .ok, sourceLocation: sourceLocation)
    if let path = segmentPath(space.url) {
      #expect(!fileExists(path), "the last process removes the segment",
        sourceLocation: sourceLocation)
    }
  }
  try body(space)
}
