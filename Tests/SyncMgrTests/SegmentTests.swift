import CSyncMgr
import Glibc
import Testing

private let createOnly = SYNCMGR_CREATE_ONLY
private let openOnly = SYNCMGR_OPEN_ONLY
private let persistent = SYNCMGR_PERSISTENT

/// Opens and closes a space, and returns how that went.
private func opening(_ url: String, flags: UInt32 = 0, mode: UInt32 = 0o600) -> Status {
  status { () throws(Failed) in
    let closed = try Space(url, flags: flags, mode: mode).close()
    guard closed == .ok else { throw Failed(status: closed) }
  }
}

private func removeName(_ url: String) -> Status { Status(syncmgr_unlink(url)) }

@Suite("Segment", .watched)
struct SegmentTests {
  @Test("shm:NAME is the file /dev/shm/syncmgr.NAME with the mode 0600, gone with the last close")
  func file() throws {
    let space = try Space(.shared)
    let path = try #require(segmentPath(space.url))
    var information = stat()
    #expect(stat(path, &information) == 0)
    #expect(information.st_mode & 0o7777 == 0o600)
    #expect(information.st_mode & S_IFMT == S_IFREG)
    let second = try space.again()
    #expect(space.close() == .ok)
    #expect(fileExists(path))
    #expect(second.close() == .ok)
    #expect(!fileExists(path))
  }

  @Test("a mode is 0600, or with a group 0660, whatever the mask of the process")
  func modes() throws {
    let url = Kind.shared.uniqueURL()
    let path = try #require(segmentPath(url))
    for mode in [0, 0o644, 0o666, 0o400, 0o7600, .max] as [UInt32] {
      #expect(opening(url, mode: mode) == .invalid, "\(mode)")
    }
    #expect(opening(url, mode: 0o660) == .invalid)
    #expect(!fileExists(path))
    let space = try Space(url, mode: 0o660, group: getgid())
    var information = stat()
    #expect(stat(path, &information) == 0)
    #expect(information.st_mode & 0o7777 == 0o660)
    #expect(information.st_gid == getgid())
    #expect(space.close() == .ok)
  }

  @Test("CREATE_ONLY is E_EXISTS when the space exists", arguments: ["local:", "shm:"])
  func createOnlyExists(scheme: String) throws {
    let url = scheme + uniqueName()
    let space = try Space(url, flags: createOnly)
    #expect(opening(url, flags: createOnly) == .exists)
    #expect(space.close() == .ok)
    #expect(opening(url, flags: createOnly) == .ok)
  }

  @Test("OPEN_ONLY is E_NOT_FOUND when the space does not exist", arguments: ["local:", "shm:"])
  func openOnlyMissing(scheme: String) throws {
    let url = scheme + uniqueName()
    #expect(opening(url, flags: openOnly) == .notFound)
    #expect(opening(url, flags: openOnly) == .notFound)
    let space = try Space(url)
    #expect(opening(url, flags: openOnly) == .ok)
    #expect(space.close() == .ok)
    #expect(opening(url, flags: openOnly) == .notFound)
  }

  @Test("a persistent space stays when its last process leaves, with what is in it")
  func persists() throws {
    let url = Kind.shared.uniqueURL()
    let path = try #require(segmentPath(url))
    let first = try Space(url, flags: persistent)
    let me = try first.workstream("me")
    let id = try me.id()
    let mutex = try me.mutex()
    #expect(mutex.lock() == .ok)
    let token = try mutex.token()
    #expect(try me.latch(count: 5).countDown(2) == .ok)
    #expect(try me.semaphore(permits: 3).acquire(2) == .ok)
    #expect(try me.event(flags: SYNCMGR_EVENT_MANUAL_RESET).set() == .ok)
    #expect(first.close() == .ok)
    #expect(fileExists(path))

    let second = try Space(url, flags: openOnly)
    #expect(second.check() == .ok)
    let again = try second.workstream("me")
    #expect(try again.id() != id)
    #expect(try again.latch(count: 5).count() == 3)
    #expect(try again.semaphore(permits: 3).available() == 3)
    #expect(try again.event(flags: SYNCMGR_EVENT_MANUAL_RESET).isSet())
    #expect(status { () throws(Failed) in try again.semaphore(permits: 4) } == .mismatch)
    let same = try again.mutex()
    #expect(same.lock(0) == .ok)
    #expect(try same.token() > token)
    #expect(second.close() == .ok)
    #expect(fileExists(path))
    #expect(removeName(url) == .ok)
    #expect(!fileExists(path))
  }

  @Test("unlink removes the name; who has the space open keeps it, the next open makes another")
  func unlinkKeeps() throws {
    let url = Kind.shared.uniqueURL()
    let path = try #require(segmentPath(url))
    let old = try Space(url)
    let worker = try old.workstream("worker")
    #expect(try worker.latch(count: 3).countDown() == .ok)
    #expect(removeName(url) == .ok)
    #expect(!fileExists(path))
    #expect(try worker.latch(count: 3).count() == 2)
    let new = try Space(url, flags: createOnly)
    let other = try new.workstream("worker")
    #expect(try other.latch(count: 4).count() == 4)
    #expect(old.check() == .ok)
    #expect(old.close() == .ok)
    #expect(fileExists(path), "the old space does not take the new one's name away")
    #expect(new.close() == .ok)
    #expect(!fileExists(path))
  }

  @Test("unlink of what is not there is E_NOT_FOUND, of what is no shm: URL E_NAME")
  func unlinkRefuses() throws {
    #expect(removeName(Kind.shared.uniqueURL()) == .notFound)
    for url in ["", "local:", "local:x", "shm:", "shm:.x", "shm:a/b", "x"] {
      #expect(removeName(url) == .name, "\(url)")
    }
  }

  @Test(
    "a file that is no segment is E_CORRUPT, and is left alone",
    arguments: [0, 1, 63, 64, 4096, 100_000])
  func garbage(size: Int) throws {
    let url = Kind.shared.uniqueURL()
    let path = try #require(segmentPath(url))
    let file = open(path, O_CREAT | O_RDWR | O_EXCL, 0o600)
    try #require(file >= 0)
    defer { unlink(path) }
    let bytes = [UInt8](repeating: 0xa5, count: size)
    #expect(write(file, bytes, size) == size)
    close(file)
    for flags in [0, openOnly, persistent, SYNCMGR_OPEN_NO_THREADS] {
      let failure = opening(url, flags: flags)
      #expect(failure == .corrupt)
    }
    var information = stat()
    #expect(stat(path, &information) == 0 && information.st_size == size)
  }

  @Test("a name may be used again and again")
  func reuse() throws {
    let url = Kind.shared.uniqueURL()
    for round in 0..<50 as Range<UInt32> {
      let space = try Space(url, flags: round % 2 == 0 ? createOnly : 0)
      #expect(try space.workstream("me").latch(count: round).count() == round)
      #expect(space.close() == .ok)
    }
  }

  @Test("threads that open and close one space at once all get it whole")
  func openRace() throws {
    let url = Kind.shared.uniqueURL()
    let threads = (0..<3).map { _ in
      onThread { () -> Status in
        for _ in 0..<60 {
          do throws(Failed) {
            let space = try Space(url)
            let me = try space.workstream()
            let semaphore = try me.semaphore(permits: 3)
            let statuses = [semaphore.acquire(), semaphore.release(), space.close()]
            if let bad = statuses.first(where: { $0 != .ok }) { return bad }
          } catch {
            return error.status
          }
        }
        return .ok
      }
    }
    for thread in threads { #expect(try thread.result() == .ok) }
    #expect(!fileExists(segmentPath(url)!))
  }
}
