// Start as many of these as you like, in any language: each has three jobs for whoever comes first,
// and does three.
//
//   swiftc channel.swift -I /usr/local/include/syncmgr -lsyncmgr && ./channel
import CSyncMgr
import Glibc

func must(_ status: Int32) {
  if status >= 0 { return }
  print(String(cString: syncmgr_status_name(status)), String(cString: syncmgr_last_error()))
  exit(1)
}

var space, me, jobs: OpaquePointer?
var options = syncmgr_channel_options_t()
options.size = UInt32(MemoryLayout.size(ofValue: options))
options.flags = SYNCMGR_CHANNEL_ACKNOWLEDGE
options.capacity = 256
options.inline_size = 256
options.visibility_ns = SYNCMGR_FOREVER
must(syncmgr_open("shm:jobs", nil, &space))
must(syncmgr_workstream_open(space, nil, &me))
must(syncmgr_channel_open(me, "jobs", SYNCMGR_CHANNEL_QUEUE, &options, &jobs))

for number in 1...3 {
  let text = "job \(number) of process \(getpid())"
  must(syncmgr_channel_send(jobs, text, text.utf8.count, nil, SYNCMGR_FOREVER, nil))
}
for _ in 1...3 {
  var job = syncmgr_message_t()
  must(syncmgr_channel_view(jobs, SYNCMGR_FOREVER, &job))
  let text = String(
    decoding: UnsafeRawBufferPointer(start: job.data, count: job.length), as: UTF8.self)
  print("process \(getpid()) does \(text)")
  // Only now it is gone: had this process died, somebody else would do it.
  must(syncmgr_message_acknowledge(jobs, job.receipt))
}
must(syncmgr_close(space))
