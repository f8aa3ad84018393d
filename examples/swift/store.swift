// Start as many of these as you like, in any language: they move money between three accounts, and
// whatever happens to them none is lost.
//
//   swiftc store.swift -I /usr/local/include/syncmgr -lsyncmgr && ./store
import CSyncMgr
import Glibc

@discardableResult
func must(_ status: Int32) -> Int32 {
  if status >= 0 { return status }
  print(String(cString: syncmgr_status_name(status)), String(cString: syncmgr_last_error()))
  exit(1)
}

/// Calls `body` with a change of a key.
func withChange(
  _ key: String, _ value: Int64, expected: UInt64 = .max,
  _ body: (UnsafePointer<syncmgr_change_t>) -> Int32
) -> Int32 {
  key.withCString { key in
    withUnsafeBytes(of: value) { value in
      var change = syncmgr_change_t()
      change.key = key
      change.data = value.baseAddress
      change.length = value.count
      change.expected = expected
      change.type = SYNCMGR_CELL_INT64
      return body(&change)
    }
  }
}

/// The two accounts of a move.
struct Move {
  let source: String
  let target: String
}

/// Moves 10 from one account to the other. Others see both changes or none.
func move(_ transaction: OpaquePointer?, _ user: UnsafeMutableRawPointer?) -> Int32 {
  let move = user!.load(as: Move.self)
  for (key, amount) in [(move.source, Int64(-10)), (move.target, 10)] {
    var value: Int64 = 0
    var status = key.withCString { key in
      withUnsafeTemporaryAllocation(byteCount: 512, alignment: 8) { buffer in
        var entry = syncmgr_entry_t()
        entry.key = key
        let status = syncmgr_transaction_get(
          transaction, &entry, 1, buffer.baseAddress, buffer.count, nil)
        if status >= 0 { value = entry.data.load(as: Int64.self) }
        return status
      }
    }
    if status >= 0 {
      status = withChange(key, value + amount) { syncmgr_transaction_put(transaction, $0) }
    }
    if status < 0 { return status }
  }
  return SYNCMGR_OK
}

var space, me, store: OpaquePointer?
must(syncmgr_open("shm:jobs", nil, &space))
must(syncmgr_workstream_open(space, nil, &me))
must(syncmgr_store_open(me, nil, &store))

let accounts = ["accounts/a", "accounts/b", "accounts/c"]
for account in accounts {
  let status = withChange(account, 100, expected: 0) { syncmgr_store_put(store, $0, 0, nil) }
  if status != SYNCMGR_E_CHANGED { must(status) }  // else it is there already
}
for (number, source) in accounts.enumerated() {
  var between = Move(source: source, target: accounts[(number + 1) % accounts.count])
  // When others were faster it is done anew.
  must(
    withUnsafeMutablePointer(to: &between) {
      syncmgr_transaction_run(store, nil, move, $0, nil)
    })
  print("process \(getpid()) moved 10 from \(between.source) to \(between.target)")
}

// All of one moment.
var range = syncmgr_range_t()
var entries = [syncmgr_entry_t](repeating: syncmgr_entry_t(), count: accounts.count)
var count = UInt32(entries.count)
var buffer = [UInt8](repeating: 0, count: 2048)
range.size = UInt32(MemoryLayout.size(ofValue: range))
let total = "accounts/".withCString { prefix in
  buffer.withUnsafeMutableBytes { buffer in
    range.prefix = prefix
    must(
      syncmgr_store_range(
        store, &range, &entries, &count, buffer.baseAddress, buffer.count))
    return entries.prefix(Int(count)).reduce(0) { $0 + $1.data.load(as: Int64.self) }
  }
}
print("process \(getpid()) counts \(total)")
must(syncmgr_close(space))
