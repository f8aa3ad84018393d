import CSyncMgr
import CSyncMgrShim

/// What the opener of a space asks for, checked.
struct OpenRequest {
  var flags: UInt32 = 0
  var mode: UInt32 = 0o600
  var group: UInt32 = SYNCMGR_ANY
  var owner: UInt32 = SYNCMGR_ANY
  /// Where pids mean what they mean to this process. Looked up once for an open: it takes a while.
  let namespace = Identity.pidNamespace()
  /// Releases what dead processes left in a segment; the floors above know how.
  var recover: (Attachment) -> Void = { _ in }
  /// Brings to disk what a segment has that nobody is left in; throws when that cannot be done.
  var rescue: (Attachment) throws(Failure) -> Void = { (_) throws(Failure) in }

  func has(_ flag: UInt32) -> Bool { flags & flag != 0 }
}

/// Making a segment: complete in an unnamed file, then linked to its name. Nobody ever sees half of
/// one, and a maker that dies before the link leaves nothing.
enum Creation {
  /// A segment in private memory.
  static func makePrivate(
    _ space: Space, _ request: OpenRequest
  ) throws(Failure) -> Attachment {
    let segment = try map(-1)
    initialize(segment, space, request.flags & SYNCMGR_OPEN_NO_COUNTERS)
    for field in [
      segment.header.workstreamsCommitted, segment.header.objectsCommitted,
      segment.header.holdingsCommitted, segment.header.batchesCommitted,
      segment.header.deadlocksCommitted,
      segment.header.eventsCommitted, segment.header.messagesCommitted,
      segment.header.membersCommitted,
    ] { field.store(UInt32.max) }
    let me = try segment.join(file: -1, namespace: request.namespace)
    return Attachment(
      space: space, segment: segment, file: -1, stat: sm_stat(), me: me,
      namespace: request.namespace)
  }

  /// A segment in the shared-memory file system. Nil when somebody else was first.
  static func makeShared(_ space: Space, _ request: OpenRequest) throws(Failure) -> Attachment? {
    let file = sm_open_unnamed("/dev/shm", request.mode)
    if file < 0 { throw Failure(system: "make a file in /dev/shm", file) }
    var kept = false
    defer { if !kept { sm_close(file) } }
    var error = sm_own(file, request.group, request.mode)
    if error < 0 { throw Failure(system: "set the group or mode of the segment", error) }
    error = sm_truncate(file, sm_segment_size())
    if error < 0 { throw Failure(system: "size the segment", error) }
    // Everything before the first large table; the tables grow as they fill.
    error = sm_allocate(file, 0, sm_at_workstreams())
    if error < 0 { throw Failure(system: "set memory aside in /dev/shm", error) }
    let segment = try map(file)
    defer { if !kept { sm_unmap(segment.base, sm_segment_size()) } }
    initialize(
      segment, space, request.flags & (SYNCMGR_PERSISTENT | SYNCMGR_OPEN_NO_COUNTERS))
    let me = try segment.join(file: file, namespace: request.namespace)
    var stat = sm_stat()
    error = sm_stat_fd(file, &stat)
    if error < 0 { throw Failure(system: "look at the segment", error) }
    error = sm_link(file, space.path)
    if error == SM_ALREADY { return nil }
    if error < 0 { throw Failure(system: "name the segment", error) }
    kept = true
    return Attachment(
      space: space, segment: segment, file: file, stat: stat, me: me, namespace: request.namespace)
  }

  static func map(_ file: Int32) throws(Failure) -> Segment {
    var error: Int32 = 0
    guard let base = sm_map(file, sm_segment_size(), &error) else {
      throw Failure(system: "map the segment", error)
    }
    return Segment(base: base)
  }

  private static func initialize(_ segment: Segment, _ space: Space, _ flags: UInt32) {
    let header = segment.header
    let boot = Identity.boot()
    var identity: UInt64 = 0
    _ = sm_random(&identity, 8)
    header.pointee.version = SM_LAYOUT_VERSION
    header.pointee.format = sm_format()
    header.pointee.size = sm_segment_size()
    header.pointee.boot_low = boot.low
    header.pointee.boot_high = boot.high
    header.pointee.identity = identity
    let file = space.file ?? []
    for (index, byte) in file.enumerated() { sm_header_store_path(header)[index] = byte }
    header.pointee.store_length = UInt32(file.count)
    DeadlockSettings().store(in: header)
    header.deadlockCovered.store(UInt64(bitPattern: sm_now()))
    header.flags.store(flags)
    header.pointee.magic = SM_MAGIC
  }

  /// Looks at an open file before anything of it is mapped.
  static func validate(_ file: Int32, _ stat: sm_stat, _ space: Space) throws(Failure) {
    let path = space.path
    guard stat.regular != 0 else {
      throw Failure(SYNCMGR_E_CORRUPT, naming: "\(path) is not a regular file")
    }
    guard stat.size >= UInt64(MemoryLayout<sm_header>.size) else {
      throw Failure(
        SYNCMGR_E_CORRUPT, naming: "\(path) is no segment: it has only \(stat.size) bytes")
    }
    var header = sm_header()
    let count = sm_read(file, &header, MemoryLayout<sm_header>.size, 0)
    if count < 0 { throw Failure(system: "read \(path)", Int32(truncatingIfNeeded: count)) }
    guard count == MemoryLayout<sm_header>.size, header.magic == SM_MAGIC else {
      throw Failure(SYNCMGR_E_CORRUPT, naming: "\(path) is no segment: its first bytes are others")
    }
    guard header.version == SM_LAYOUT_VERSION, header.format == sm_format() else {
      throw Failure(
        SYNCMGR_E_VERSION,
        naming: "\(path) has layout \(header.version), this library has \(SM_LAYOUT_VERSION)"
          + (header.version == SM_LAYOUT_VERSION ? " of another build" : ""))
    }
    guard header.size == sm_segment_size(), stat.size == header.size else {
      throw Failure(
        SYNCMGR_E_CORRUPT,
        naming: "\(path) is truncated: \(stat.size) bytes of \(sm_segment_size())")
    }
  }
}
