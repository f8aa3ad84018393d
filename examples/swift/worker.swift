// Four of these work together, in any language, started in any order.
//
//   swiftc worker.swift -I /usr/local/include/syncmgr -lsyncmgr && ./worker
import CSyncMgr
import Glibc

@discardableResult
func must(_ status: Int32) -> Int32 {
  if status < 0 {
    print(String(cString: syncmgr_status_name(status)), String(cString: syncmgr_last_error()))
    exit(1)
  }
  return status
}

func repair() {
  print("the owner before died: looking at the data before using it")
}

var space, me, start, db, printers, done: OpaquePointer?
must(syncmgr_open("shm:jobs", nil, &space))
must(syncmgr_workstream_open(space, nil, &me))

print("process \(getpid()) waits for three others")
fflush(nil)
var index: UInt32 = 0
must(syncmgr_barrier_open(me, "start", 4, nil, &start))
must(syncmgr_barrier_wait(start, SYNCMGR_FOREVER, nil, &index))

var token: UInt64 = 0
must(syncmgr_mutex_open(me, "db", nil, &db))
if must(syncmgr_mutex_lock(db, SYNCMGR_FOREVER)) == SYNCMGR_OWNER_DIED {
  var dead = syncmgr_holder_t()
  must(syncmgr_mutex_previous_owner(db, &dead))
  let name = withUnsafeBytes(of: dead.name) { bytes in
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
  print("inherited from '\(name)' (pid \(dead.pid))")
  repair()
}
must(syncmgr_mutex_token(db, &token))
print("number \(index) uses the data, token \(token)")
must(syncmgr_mutex_unlock(db))

must(syncmgr_semaphore_open(me, "printers", 2, nil, &printers))
must(syncmgr_semaphore_acquire(printers, 1, SYNCMGR_FOREVER))
print("number \(index) prints, with one other at most")
must(syncmgr_semaphore_release(printers, 1))

must(syncmgr_latch_open(me, "done", 4, &done))
must(syncmgr_latch_count_down(done, 1, nil))
if syncmgr_latch_wait(done, 10_000_000_000) == SYNCMGR_E_TIMEOUT {
  print("somebody did not finish")
}
must(syncmgr_close(space))
