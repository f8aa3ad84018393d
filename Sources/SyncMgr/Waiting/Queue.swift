import CSyncMgr
import CSyncMgrShim

/// A completion queue: finished tickets and notices of this process, in order, with a descriptor
/// that is readable while there are any. Everything in it is under the process's lock.
final class Queue {
  let attachment: Attachment
  let descriptor: Int32
  let ownsDescriptor: Bool
  private var records: [syncmgr_record_t] = []
  private var first = 0
  /// Notices that wait to be drained.
  private var notices = NoticeLine()
  private var noticeUserData: UInt64 = 0
  /// What the notices are chosen by, but for their kinds.
  private var filter = NoticeFilter()

  var isEmpty: Bool { first == records.count && notices.isEmpty }
  var wantsNotices: Bool { notices.filter.mask != 0 }

  init(_ attachment: Attachment, descriptor: Int32, owns: Bool) {
    self.attachment = attachment
    self.descriptor = descriptor
    ownsDescriptor = owns
  }

  /// Appends a record; signals when the queue was empty.
  func push(_ record: syncmgr_record_t) {
    let wasEmpty = isEmpty
    if first > 1024, first * 2 > records.count {
      records.removeFirst(first)
      first = 0
    }
    records.append(record)
    if wasEmpty { sm_signal_fd(descriptor) }
  }

  /// Changes a record that waits to be drained: its grant was taken back.
  func revoke(_ ticket: UInt64, index: UInt32 = 0) {
    for position in first..<records.count where records[position].ticket == ticket {
      records[position].status = SYNCMGR_E_CLOSED
      records[position].value = 0
      records[position].index = index
    }
  }

  /// Takes records into the caller's array: first of tickets, which end, then of notices.
  private func drain(
    _ target: UnsafeMutablePointer<syncmgr_record_t>, _ capacity: UInt32
  ) -> UInt32 {
    var count: UInt32 = 0
    collectNotices()
    while count < capacity, first < records.count {
      target[Int(count)] = records[first]
      first += 1
      count += 1
    }
    while count < capacity, let notice = notices.take(attachment) {
      target[Int(count)] = record(of: notice)
      count += 1
    }
    settle()
    return count
  }

  private func record(of notice: Notice) -> syncmgr_record_t {
    var record = syncmgr_record_t()
    record.user_data = noticeUserData
    record.kind = notice.kind
    record.status = notice.isGap ? SYNCMGR_E_GAP : SYNCMGR_OK
    record.value = notice.isGap ? notice.value : notice.workstream
    record.index = UInt32(bitPattern: notice.pid)
    return record
  }

  /// After something was taken: what waits in the journal moves up, and when there is nothing left
  /// the descriptor is quiet.
  private func settle() {
    collectNotices()
    guard isEmpty else { return }
    if ownsDescriptor { sm_clear_fd(descriptor) }
    records.removeAll(keepingCapacity: records.count < 65536)
    first = 0
  }

  /// Reads the journal for the notices that were asked for.
  func collectNotices() {
    let wasEmpty = isEmpty
    notices.collect(attachment)
    if wasEmpty, !isEmpty { sm_signal_fd(descriptor) }
  }

  /// What syncmgr_queue_notices does: takes notices whole, and leaves tickets' records.
  func takeNotices(_ target: UnsafeMutablePointer<syncmgr_notice_t>, _ capacity: UInt32) -> UInt32 {
    if attachment.served.load() != Served.yes { attachment.serviceOnce() }
    return Local.always { _ in
      var count: UInt32 = 0
      collectNotices()
      while count < capacity, let notice = notices.take(attachment) {
        target[Int(count)] = syncmgr_notice_t(notice, userData: noticeUserData)
        count += 1
      }
      settle()
      return count
    }
  }

  /// What syncmgr_queue_drain does. Without the service thread it looks for what is due itself.
  func take(_ target: UnsafeMutablePointer<syncmgr_record_t>, _ capacity: UInt32) -> UInt32 {
    if attachment.served.load() != Served.yes { attachment.serviceOnce() }
    let count = Local.always { _ in drain(target, capacity) }
    for position in 0..<Int(count) where target[position].ticket != 0 {
      let ticket = target[position].ticket
      // Taken back between the drain and here: nobody holds what the record says.
      if let series = Series.of(ticket), (try? series.collect()) == nil {
        target[position].status = series.status
      }
      Tickets.drained(ticket, attachment)
    }
    return count
  }

  func watch(_ mask: UInt32, _ userData: UInt64) throws(Failure) {
    try attachment.setInterest(self, mask)
    Local.always { _ in
      filter.mask = mask
      noticeUserData = userData
      restart()
    }
    Service.poke()
  }

  /// Chooses among the notices; what waits in the queue was chosen before, and goes.
  func choose(_ wanted: NoticeFilter) {
    Local.always { _ in
      let mask = filter.mask
      filter = wanted
      filter.mask = mask
      restart()
    }
  }

  private func restart() {
    let wasEmpty = isEmpty
    notices.begin(filter, attachment)
    if !wasEmpty { settle() }
  }

  /// The queue that a call is inside of.
  static func of(_ slot: Slot) throws(Failure) -> Queue {
    guard let queue = at(UInt32(slot - sm_slots())) else {
      throw Failure(SYNCMGR_E_CLOSED, "the queue was closed")
    }
    return queue
  }

  // MARK: - Finding queues

  /// The queue in a slot. Under the process's lock, or inside of a call with its handle.
  static func at(_ slot: UInt32) -> Queue? {
    guard slot != 0, slot < SM_SLOTS else { return nil }
    let found = sm_slots() + Int(slot)
    guard found.tag.load().isHandle(.queue),
      let context = found.pointee.context
    else { return nil }
    return Unmanaged<Queue>.fromOpaque(context).takeUnretainedValue()
  }

  /// Checks a queue handle that is an argument beside the handle the call is inside of.
  static func slotIndex(_ handle: UInt64, in attachment: Attachment) throws(Failure) -> UInt32 {
    try Local.locked { (_) throws(Failure) in
      let index = sm_handle_index(handle)
      let slot = sm_slots() + Int(index)
      guard handle != 0, slot.tag.load() == handle,
        handle.isHandle(.queue)
      else {
        let closed =
          handle.isHandle(.queue) && handle < 1 << 52
          && slot.generation.load() >= sm_handle_generation(handle)
          && sm_handle_epoch(handle) == sm_fork_epoch()
        throw closed
          ? Failure(SYNCMGR_E_CLOSED, "the queue was closed")
          : Failure(SYNCMGR_E_HANDLE, "not a handle: a queue was expected")
      }
      guard slot.attachment == attachment.id else {
        throw Failure(SYNCMGR_E_INVALID, "the queue belongs to another space")
      }
      return index
    }
  }
}
