import CSyncMgr
import CSyncMgrShim

/// A workstream that a sync point is to expect.
struct Expected {
  let name: Name
  let isRequired: Bool
}

/// The workstreams that a sync point expects: a chain of members, made with the object, fixed for
/// its life, and freed with it. All that changes in one of them does so under the object's guard.
extension Attachment {
  var memberTable: Table {
    Table(
      what: "workstreams that sync points expect", offset: sm_at_members(),
      stride: MemoryLayout<sm_member>.stride, capacity: SM_MEMBERS, chunk: 256,
      high: header.membersHigh, committed: header.membersCommitted, hint: header.membersHint)
  }

  /// Gives a sync point that is being made its members. Under the directory guard. Dies in between,
  /// or fails: the object never lives, and its members are freed with it.
  func makeMembers(_ object: Object, _ expected: [Expected]) throws(Failure) {
    header.syncPoints.store(header.syncPoints.load() &+ 1)
    let mine = segment.index(of: object) + 1
    var last: Member?
    for one in expected {
      let index = try claimSlot(memberTable) { segment.member($0)?.owner.load() == 0 }
      guard let member = segment.member(index) else { throw corrupt("the table of members") }
      member.owner.store(me)
      member.object.store(mine)
      member.next.store(0)
      member.flags.store(one.isRequired ? SYNCMGR_SYNC_REQUIRED : 0)
      member.order.store(0)
      member.at.store(0)
      member.nameLength.store(UInt32(one.name.bytes.count))
      NameField(member).write(one.name)
      member.hash.store(one.name.hash)
      if let last { last.next.store(index + 1) } else { object.members.store(index + 1) }
      object.memberCount.store(object.memberCount.load() &+ 1)
      last = member
    }
  }

  /// Frees the members of an object that is no longer live. Under the directory guard.
  func freeMembers(of index: UInt32, _ object: Object) {
    guard object.type.load() == SYNCMGR_TYPE_SYNC_POINT else { return }
    var next = object.members.load()
    var left = SM_MEMBERS  // a chain that leads in circles ends here
    while left > 0, let member = segment.member(next &- 1), member.object.load() == index + 1 {
      left -= 1
      next = member.next.load()
      freeMember(member)
    }
    object.members.store(0)
    object.memberCount.store(0)
    header.syncPoints.store(header.syncPoints.load() &- 1)
  }

  private func freeMember(_ member: Member) {
    moveBack(header.membersHint, segment.index(of: member))
    member.object.store(0)
    member.owner.store(0)
  }

  /// After a death in the directory: frees the members of objects that are not live sync points,
  /// and counts these anew.
  func repairMembers() {
    for index in 0..<segment.memberCount {
      guard let member = segment.member(index), member.owner.load() != 0 else { continue }
      let object = segment.object(member.object.load() &- 1)
      if object.map(isSyncPoint) != true { freeMember(member) }
    }
    var count: UInt32 = 0
    for index in 0..<segment.objectCount {
      if let object = segment.object(index), isSyncPoint(object) { count += 1 }
    }
    header.syncPoints.store(count)
  }

  private func isSyncPoint(_ object: Object) -> Bool {
    object.state.load() == SlotState.live && object.type.load() == SYNCMGR_TYPE_SYNC_POINT
  }

  /// The members of a sync point, in the order in which they were given. A chain that leads astray
  /// ends there.
  func forMembers(of object: Object, _ body: (Member) -> Void) {
    let mine = segment.index(of: object) + 1
    var next = object.members.load()
    var left = min(object.memberCount.load(), SYNCMGR_SYNC_EXPECTED_MAX)
    while left > 0, let member = segment.member(next &- 1), member.object.load() == mine {
      left -= 1
      body(member)
      next = member.next.load()
    }
  }

  /// The member of this name.
  func member(of object: Object, named name: Name) -> Member? {
    let hash = name.hash
    var found: Member?
    forMembers(of: object) {
      if found == nil, $0.hash.load() == hash, NameField($0).equals(name) { found = $0 }
    }
    return found
  }

  /// Every used member is in the chain of a live sync point.
  func faultOfMembers() -> String? {
    var used = 0
    for index in 0..<segment.memberCount where segment.member(index)?.owner.load() != 0 {
      used += 1
    }
    var chained = 0
    var points: UInt32 = 0
    for index in 0..<segment.objectCount {
      guard let object = segment.object(index), isSyncPoint(object) else { continue }
      points += 1
      forMembers(of: object) { _ in chained += 1 }
    }
    if used != chained { return "\(used) members are in use and \(chained) expected" }
    if points != header.syncPoints.load() {
      return "the header counts \(header.syncPoints.load()) sync points and there are \(points)"
    }
    return nil
  }
}

/// Words kept in an object's `value`.
extension UnsafeMutablePointer<sm_object> {
  private var words: UnsafeMutablePointer<UInt8> { sm_object_value(self) }
  static var wordsCapacity: Int { 255 }

  /// Replaces the words; what does not fit is cut off before the character that does not. The
  /// length is 0 while they are being written.
  func keep(words text: String) {
    valueLength.store(0)
    let bytes = Array(text.utf8)
    var count = min(bytes.count, Self.wordsCapacity)
    while count < bytes.count, count > 0, bytes[count] & 0xC0 == 0x80 { count -= 1 }
    for index in 0..<count { words[index] = bytes[index] }
    valueLength.store(UInt32(count))
  }

  func keptWords() -> String {
    let count = min(Int(valueLength.load()), Self.wordsCapacity)
    return String(decoding: (0..<count).map { words[$0] }, as: UTF8.self)
  }
}
