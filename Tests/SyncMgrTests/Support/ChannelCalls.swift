import CSyncMgr

/// The functions of channels, for the tests of every call.
let channelCalls: [Call] = [
  Call(name: "channel_open", type: .workstream) {
    var out: OpaquePointer?
    return syncmgr_channel_open($0, "ch", SYNCMGR_CHANNEL_QUEUE, nil, &out)
  },
  Call(name: "channel_shut", type: .channel) { syncmgr_channel_shut($0, SYNCMGR_CHANNEL_DRAIN) },
  Call(name: "channel_subscribe", type: .channel) { syncmgr_channel_subscribe($0, nil, 0) },
  Call(name: "channel_unsubscribe", type: .channel) { syncmgr_channel_unsubscribe($0, nil) },
  Call(name: "channel_send", type: .channel) { syncmgr_channel_send($0, "x", 1, nil, 0, nil) },
  Call(name: "channel_send_many", type: .channel) {
    var (length, count) = (UInt32(1), UInt32(1))
    return syncmgr_channel_send_many($0, "x", &length, &count, nil, 0)
  },
  Call(name: "channel_room", type: .channel) {
    var what: UInt64 = 0
    return syncmgr_channel_room($0, nil, &what)
  },
  Call(name: "channel_recv", type: .channel) { channel in
    receiving { syncmgr_channel_recv(channel, $0, $1, 0, $2) }
  },
  Call(name: "channel_recv_many", type: .channel) { channel in
    var count: UInt32 = 0
    return receiving { syncmgr_channel_recv_many(channel, $0, $1, $2, 1, &count) }
  },
  Call(name: "channel_on", type: .channel) {
    var out: OpaquePointer?
    return syncmgr_channel_on($0, { _, _ in }, nil, nil, &out)
  },
  Call(name: "channel_view", type: .channel) { channel in
    receiving { syncmgr_channel_view(channel, 0, $2) }
  },
  Call(name: "message_acknowledge", type: .channel) { syncmgr_message_acknowledge($0, 1) },
  Call(name: "message_reject", type: .channel) { syncmgr_message_reject($0, 1, 0, nil) },
  Call(name: "channel_wait", type: .channel) {
    syncmgr_channel_wait($0, UInt64(SYNCMGR_READABLE), 0)
  },
  Call(name: "channel_wait_start", type: .channel) {
    var out: OpaquePointer?
    return syncmgr_channel_wait_start($0, UInt64(SYNCMGR_READABLE), 0, nil, 0, &out)
  },
  Call(name: "channel_request", type: .channel) {
    var request: UInt64 = 0
    return syncmgr_channel_request($0, "x", 1, nil, 0, &request)
  },
  Call(name: "channel_response", type: .channel) { channel in
    receiving { syncmgr_channel_response(channel, 1, $0, $1, 0, $2) }
  },
  Call(name: "channel_forget", type: .channel) { syncmgr_channel_forget($0, 1) },
  Call(name: "channel_reply", type: .channel) { syncmgr_channel_reply($0, 1, "x", 1, nil) },
  Call(name: "channel_loan", type: .channel) {
    var out: UnsafeMutableRawPointer?
    return syncmgr_channel_loan($0, 1, &out)
  },
  Call(name: "channel_publish", type: .channel) {
    syncmgr_channel_publish($0, UnsafeMutableRawPointer(bitPattern: 4096), 1, nil, 0, nil)
  },
  Call(name: "channel_loan_return", type: .channel) {
    syncmgr_channel_loan_return($0, UnsafeMutableRawPointer(bitPattern: 4096))
  },
  Call(name: "channel_mailboxes", type: .channel) {
    var count: UInt32 = 0
    return syncmgr_channel_mailboxes($0, nil, 0, &count)
  },
  Call(name: "channel_set", type: .channel) { channel in
    keyed { syncmgr_channel_set(channel, $0, SYNCMGR_VERSION_ANY, nil) }
  },
  Call(name: "channel_get", type: .channel) { channel in
    var length = 0
    return keyed { syncmgr_channel_get(channel, $0, 1, nil, 0, &length) }
  },
  Call(name: "channel_changed", type: .channel) {
    var version: UInt64 = 0
    return syncmgr_channel_changed($0, "key", 0, 0, &version)
  },
  Call(name: "channel_changed_start", type: .channel) { channel in
    var out: OpaquePointer?
    return keyed { syncmgr_channel_changed_start(channel, $0, 0, nil, 0, &out) }
  },
  Call(name: "channel_region", type: .channel) {
    var out: UnsafeMutableRawPointer?
    return syncmgr_channel_region($0, "key", 1, &out)
  },
]

/// Calls with a cell that has a key and nothing else.
private func keyed(_ call: (UnsafeMutablePointer<syncmgr_cell_t>) -> Int32) -> Int32 {
  "key".withCString {
    var cell = syncmgr_cell_t()
    cell.key = $0
    return call(&cell)
  }
}

private func receiving(
  _ call: (UnsafeMutableRawPointer, Int, UnsafeMutablePointer<syncmgr_message_t>) -> Int32
) -> Int32 {
  var buffer = [UInt64](repeating: 0, count: 512)
  var message = syncmgr_message_t()
  return buffer.withUnsafeMutableBytes { call($0.baseAddress!, $0.count, &message) }
}
