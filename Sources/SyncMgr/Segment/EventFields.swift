import CSyncMgrShim

// The fields of events and messages, as in Fields.swift.

extension UnsafeMutablePointer<sm_event> {
  var sequence: Word64 { Word64(sm_event_sequence(self)) }
  var time: Word64 { Word64(sm_event_time(self)) }
  var wall: Word64 { Word64(sm_event_wall(self)) }
  var workstream: Word64 { Word64(sm_event_workstream(self)) }
  var value: Word64 { Word64(sm_event_value(self)) }
  var message: Word64 { Word64(sm_event_message(self)) }
  var recipient: Word64 { Word64(sm_event_recipient(self)) }
  var expires: Word64 { Word64(sm_event_expires(self)) }
  var kind: Word32 { Word32(sm_event_kind(self)) }
  var priority: Word32 { Word32(sm_event_priority(self)) }
  var type: Word32 { Word32(sm_event_type(self)) }
  var object: Word32 { Word32(sm_event_object(self)) }
  var recipientOwner: Word32 { Word32(sm_event_recipient_owner(self)) }
  var pid: Word32 { Word32(sm_event_pid(self)) }
  var name: TextField { TextField(sm_event_name(self), NameField.capacity) }
  var objectName: TextField { TextField(sm_event_object_name(self), NameField.capacity) }
  var text: TextField { TextField(sm_event_text(self), Int(SM_TEXT_BYTES)) }
  var detail: TextField { TextField(sm_event_detail(self), Int(SM_DETAIL_BYTES)) }
  /// By kind's bit; plain memory, looked at between two looks at `sequence`.
  var counts: UnsafeMutablePointer<UInt32> { sm_event_counts(self) }
}

extension UnsafeMutablePointer<sm_message> {
  var id: Word64 { Word64(sm_message_id(self)) }
  var time: Word64 { Word64(sm_message_time(self)) }
  var wall: Word64 { Word64(sm_message_wall(self)) }
  var expires: Word64 { Word64(sm_message_expires(self)) }
  var sender: Word64 { Word64(sm_message_sender(self)) }
  var owner: Word32 { Word32(sm_message_owner(self)) }
  var state: Word32 { Word32(sm_message_state(self)) }
  var kind: Word32 { Word32(sm_message_kind(self)) }
  var priority: Word32 { Word32(sm_message_priority(self)) }
  var flags: Word32 { Word32(sm_message_flags(self)) }
  var count: Word32 { Word32(sm_message_count(self)) }
  var pid: Word32 { Word32(sm_message_pid(self)) }
  var name: TextField { TextField(sm_message_name(self), NameField.capacity) }
  var text: TextField { TextField(sm_message_text(self), Int(SM_TEXT_BYTES)) }
  var detail: TextField { TextField(sm_message_detail(self), Int(SM_DETAIL_BYTES)) }

  var recipients: [UnsafeMutablePointer<sm_recipient>] {
    (0..<min(count.load(), SM_RECIPIENTS)).map { sm_message_recipient(self, $0) }
  }
}

extension UnsafeMutablePointer<sm_recipient> {
  var workstream: Word64 { Word64(sm_recipient_workstream(self)) }
  var owner: Word32 { Word32(sm_recipient_owner(self)) }
  var status: Word32 { Word32(sm_recipient_status(self)) }
  var pid: Word32 { Word32(sm_recipient_pid(self)) }
}

/// Bytes of a field in the segment that end with a zero, wherever a peer has put that.
struct TextField {
  let at: UnsafeMutablePointer<UInt8>
  let capacity: Int

  init(_ at: UnsafeMutablePointer<UInt8>, _ capacity: Int) {
    self.at = at
    self.capacity = capacity
  }

  func write(_ bytes: [UInt8]) {
    let count = min(bytes.count, capacity - 1)
    for index in 0..<count { at[index] = bytes[index] }
    at[count] = 0
  }

  func read() -> [UInt8] {
    var count = 0
    while count < capacity - 1, at[count] != 0 { count += 1 }
    return Array(UnsafeBufferPointer(start: at, count: count))
  }
}
