import CSyncMgr
import CSyncMgrShim

/// Joining and leaving segments. The gate, a record lock in the segment's file, keeps joining,
/// leaving and replacing apart between processes; the attach lock does so within this one. The
/// kernel opens the gate when whoever held it dies.
enum Attaching {
  /// Attaches to `space`, or shares the attachment that this process has.
  static func attach(_ space: Space, _ request: OpenRequest) throws(Failure) -> Attachment {
    let space = try space.settled()
    try Local.locked { (_: Local) throws(Failure) in }  // makes the process's tables
    sm_attach_lock()
    defer { sm_attach_unlock() }
    let attachment: Attachment
    switch space.place {
    case .anonymous: attachment = try fresh(Creation.makePrivate(space, request))
    case .local:
      if let found = existing({ $0.space.place == space.place }) {
        attachment = found
        if request.has(SYNCMGR_CREATE_ONLY) { throw exists(space) }
        try space.agree(with: found.segment)
      } else {
        if request.has(SYNCMGR_OPEN_ONLY) { throw missing(space) }
        attachment = try fresh(Creation.makePrivate(space, request))
      }
    case .shared: attachment = try shared(space, request)
    }
    attachment.managers += 1
    return attachment
  }

  /// Leaves when the last manager is closed. The last process to leave removes the segment. Dies
  /// before the id is cleared: like any death. After it: nobody is left, the next opener replaces.
  /// `leaving` runs first when this is the last manager: it ends what other floors have under way.
  /// `saving` runs when nothing uses the attachment any more, and says whether the segment has
  /// nothing that must stay: under the gate, when `isLast` of all processes.
  static func detach(
    _ attachment: Attachment, _ leaving: () -> Void, _ saving: (_ isLast: Bool) -> Bool
  ) {
    sm_attach_lock()
    defer { sm_attach_unlock() }
    attachment.managers -= 1
    if attachment.managers > 0 { return }
    leaving()
    waitUntilUnused(attachment)
    if attachment.isShared {
      // While others stay, what is written holds up nobody at the gate.
      let hasSaved = attachment.anyoneElse()
      if hasSaved { _ = saving(false) }
      let gated = sm_lock(attachment.file, SM_LOCK_GATE, 1) >= 0
      // Nobody can come now. Whoever dies now leaves a segment for the next opener.
      let isLast = gated && !attachment.anyoneElse()
      let isSaved = isLast || !hasSaved ? saving(isLast) : true
      attachment.participant.id.store(0)
      attachment.announceMembership()
      if isLast, isSaved, attachment.header.flags.load() & SYNCMGR_PERSISTENT == 0,
        isNamed(attachment)
      {
        sm_unlink(attachment.space.path)
      }
    } else {
      _ = saving(true)
    }
    let (base, hasLent) = (attachment.segment.base, attachment.lent.load() != 0)
    attachment.unregister()
    if hasLent { sm_blank(base, sm_segment_size()) } else { sm_unmap(base, sm_segment_size()) }
    if attachment.isShared { sm_close(attachment.file) }
  }

  /// Waits for calls of other threads that are still inside, which have been told to end.
  private static func waitUntilUnused(_ attachment: Attachment) {
    Handles.settle()
    while Handles.anyoneInside({ Handles.isInside($0, attachment: attachment.id) }) {
      sm_nap(100_000)
    }
  }

  private static func isNamed(_ attachment: Attachment) -> Bool {
    var stat = sm_stat()
    return sm_stat_path(attachment.space.path, &stat) == 0 && stat.inode == attachment.inode
      && stat.device == attachment.device
  }

  private static func existing(_ matches: (Attachment) -> Bool) -> Attachment? {
    Local.always { $0.attachments.first(where: matches) }
  }

  private static func fresh(_ made: Attachment) throws(Failure) -> Attachment {
    do throws(Failure) { try made.register() } catch {
      if made.isShared {
        made.participant.id.store(0)
        sm_unlink(made.space.path)
      }
      sm_unmap(made.segment.base, sm_segment_size())
      if made.isShared { sm_close(made.file) }
      throw error
    }
    return made
  }

  private static func shared(_ space: Space, _ request: OpenRequest) throws(Failure) -> Attachment {
    // Each round that fails means that another process made or removed the segment meanwhile.
    for round in 0..<1000 {
      if round > 10 { sm_nap(1_000_000) }
      var stat = sm_stat()
      let seen = sm_stat_path(space.path, &stat)
      if seen == SM_MISSING {
        if request.has(SYNCMGR_OPEN_ONLY) { throw missing(space) }
        if let made = try Creation.makeShared(space, request) { return try fresh(made) }
        continue
      }
      if seen < 0 { throw Failure(system: "look at \(space.path)", seen) }
      // Before opening: closing another descriptor of an attached file would drop its locks.
      let (device, inode) = (stat.device, stat.inode)
      if let found = existing({ $0.isShared && $0.inode == inode && $0.device == device }) {
        if request.has(SYNCMGR_CREATE_ONLY) { throw exists(space) }
        try space.agree(with: found.segment)
        if request.has(SYNCMGR_PERSISTENT) { found.header.flags.store(SYNCMGR_PERSISTENT) }
        return found
      }
      if let joined = try join(space, request) { return joined }
    }
    throw Failure(SYNCMGR_E_BUSY, naming: "\(space.text) was made and removed over and over")
  }

  /// Joins the segment that is there. Nil when it went away meanwhile.
  private static func join(_ space: Space, _ request: OpenRequest) throws(Failure) -> Attachment? {
    let file = sm_open(space.path, 2, 0)
    if file == SM_MISSING { return nil }
    if file == SM_LOOP || file == SM_DIRECTORY || file == SM_NO_DEVICE {
      throw Failure(SYNCMGR_E_CORRUPT, naming: "\(space.path) is not a regular file")
    }
    if file < 0 { throw Failure(system: "open \(space.path)", file) }
    var kept = false
    defer { if !kept { sm_close(file) } }
    var stat = sm_stat()
    var error = sm_stat_fd(file, &stat)
    if error < 0 { throw Failure(system: "look at \(space.path)", error) }
    guard stat.uid == sm_geteuid() || stat.uid == request.owner else {
      throw Failure(
        SYNCMGR_E_PERMISSION,
        naming: "\(space.path) belongs to user \(stat.uid), who was not allowed as its owner")
    }
    try Creation.validate(file, stat, space)
    error = sm_lock(file, SM_LOCK_GATE, 1)
    if error < 0 { throw Failure(system: "lock \(space.path)", error) }
    defer { if kept { sm_unlock(file, SM_LOCK_GATE) } }
    error = sm_stat_fd(file, &stat)
    if error < 0 { throw Failure(system: "look at \(space.path)", error) }
    if stat.links == 0 { return nil }
    let segment = try Creation.map(file)
    defer { if !kept { sm_unmap(segment.base, sm_segment_size()) } }
    let visitor = Attachment(
      space: space, segment: segment, file: file, stat: stat, me: 0, namespace: request.namespace)
    let persistent = segment.header.flags.load() & SYNCMGR_PERSISTENT != 0
    let deserted = !visitor.anyoneElse()
    if deserted && !persistent {
      // What its processes left in memory only goes to disk first; or the segment stays, and the
      // sentence says why.
      if segment.storePath != nil {
        // Whoever died in that place while doing this is gone: nobody else is left to say so.
        segment.participant(SM_SEATS).id.store(0)
        try inSpareSeat(visitor, request) { (guest) throws(Failure) in try request.rescue(guest) }
      }
      sm_unlink(space.path)
      return nil
    }
    if request.has(SYNCMGR_CREATE_ONLY) { throw exists(space) }
    try space.agree(with: segment)
    let me = try seat(visitor, request)
    if request.has(SYNCMGR_PERSISTENT) {
      _ = segment.header.flags.update { $0 | SYNCMGR_PERSISTENT }
    }
    let attachment = Attachment(
      space: space, segment: segment, file: file, stat: stat, me: me, namespace: request.namespace)
    do throws(Failure) { try attachment.register() } catch {
      segment.participant(ParticipantID.slot(me)).id.store(0)
      throw error
    }
    kept = true
    attachment.announceMembership()
    return attachment
  }

  /// Takes a place in the segment. When all are taken, dead processes may have some of them that
  /// nobody has missed yet: they are recovered from the place that is kept for this. Under the
  /// gate.
  private static func seat(
    _ visitor: Attachment, _ request: OpenRequest
  ) throws(Failure) -> UInt32 {
    do throws(Failure) {
      return try visitor.segment.join(file: visitor.file, namespace: request.namespace)
    } catch {
      guard error.status == SYNCMGR_E_LIMIT else { throw error }
    }
    try inSpareSeat(visitor, request) { (guest) throws(Failure) in request.recover(guest) }
    return try visitor.segment.join(file: visitor.file, namespace: request.namespace)
  }

  /// Runs `body` for an attachment in the place that is kept for this. Under the gate.
  private static func inSpareSeat(
    _ visitor: Attachment, _ request: OpenRequest, _ body: (Attachment) throws(Failure) -> Void
  ) throws(Failure) {
    let spare = try visitor.segment.join(
      file: visitor.file, namespace: request.namespace, slots: SM_SEATS..<SM_PARTICIPANTS)
    defer {
      visitor.segment.participant(ParticipantID.slot(spare)).id.store(0)
      sm_unlock(visitor.file, SM_LOCK_PARTICIPANT + UInt64(ParticipantID.slot(spare)))
    }
    var stat = sm_stat()
    (stat.device, stat.inode) = (visitor.device, visitor.inode)
    try body(
      Attachment(
        space: visitor.space, segment: visitor.segment, file: visitor.file, stat: stat,
        me: spare, namespace: request.namespace))
  }

  /// Removes a segment's name.
  static func unlink(_ space: Space) throws(Failure) {
    guard case .shared = space.place else {
      throw Failure(SYNCMGR_E_NAME, "only shm: spaces have a name to remove")
    }
    var stat = sm_stat()
    var error = sm_stat_path(space.path, &stat)
    if error == 0, stat.uid != sm_geteuid(), sm_geteuid() != 0 {
      throw Failure(SYNCMGR_E_PERMISSION, naming: "\(space.path) belongs to user \(stat.uid)")
    }
    if error == 0 { error = sm_unlink(space.path) }
    if error == SM_MISSING { throw missing(space) }
    if error < 0 { throw Failure(system: "remove \(space.path)", error) }
  }

  private static func exists(_ space: Space) -> Failure {
    Failure(SYNCMGR_E_EXISTS, naming: "\(space.text) exists already")
  }

  private static func missing(_ space: Space) -> Failure {
    Failure(SYNCMGR_E_NOT_FOUND, naming: "\(space.text) does not exist")
  }
}
