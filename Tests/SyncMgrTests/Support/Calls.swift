import CSyncMgr

/// A function of the header with its other arguments filled in, so that only the handle matters.
struct Call: Sendable {
  let name: String
  let type: HandleType
  let run: @Sendable (OpaquePointer?) -> Int32
}

/// The types of handle.
enum HandleType: String, CaseIterable, Sendable {
  case manager, workstream, queue, ticket, mutex, semaphore, latch, barrier, event, rwlock
  case condition, election, subscription, channel
}

/// Every function that takes a handle, but for those that close it.
let calls: [Call] =
  managerCalls + noticeCalls + mutexCalls + semaphoreCalls + latchCalls + barrierCalls
  + eventCalls + rwlockCalls + conditionCalls + electionCalls
  + channelCalls

/// The function that closes a handle of each type.
let closes: [Call] = [
  Call(name: "close", type: .manager) { syncmgr_close($0) },
  Call(name: "workstream_close", type: .workstream) { syncmgr_workstream_close($0) },
  Call(name: "queue_close", type: .queue) { syncmgr_queue_close($0) },
  Call(name: "mutex_close", type: .mutex) { syncmgr_mutex_close($0) },
  Call(name: "semaphore_close", type: .semaphore) { syncmgr_semaphore_close($0) },
  Call(name: "latch_close", type: .latch) { syncmgr_latch_close($0) },
  Call(name: "barrier_close", type: .barrier) { syncmgr_barrier_close($0) },
  Call(name: "event_close", type: .event) { syncmgr_event_close($0) },
  Call(name: "rwlock_close", type: .rwlock) { syncmgr_rwlock_close($0) },
  Call(name: "condition_close", type: .condition) { syncmgr_condition_close($0) },
  Call(name: "election_close", type: .election) { syncmgr_election_close($0) },
  Call(name: "channel_close", type: .channel) { syncmgr_channel_close($0) },
  Call(name: "off", type: .subscription) { syncmgr_off($0) },
]

private let noticeCalls: [Call] = [
  Call(name: "subscribe", type: .manager) {
    var out: OpaquePointer?
    return syncmgr_subscribe($0, nil, { _, _ in }, nil, nil, &out)
  },
  Call(name: "queue_filter", type: .queue) { syncmgr_queue_filter($0, 0, nil, nil) },
  Call(name: "queue_notices", type: .queue) {
    var notice = syncmgr_notice_t()
    var count: UInt32 = 0
    return syncmgr_queue_notices($0, &notice, 1, &count)
  },
  Call(name: "workstream_complete", type: .workstream) { syncmgr_workstream_complete($0, nil) },
  Call(name: "workstream_fail", type: .workstream) { syncmgr_workstream_fail($0, nil) },
  Call(name: "notify", type: .workstream) { syncmgr_notify($0, "nobody", nil, nil, nil, nil) },
  Call(name: "inbox_next", type: .workstream) {
    var message = syncmgr_notice_t()
    return syncmgr_inbox_next($0, 0, &message)
  },
  Call(name: "inbox_next_start", type: .workstream) {
    var out: OpaquePointer?
    var message = syncmgr_notice_t()
    return syncmgr_inbox_next_start($0, 0, nil, 0, &out, &message)
  },
  Call(name: "notification_read", type: .workstream) { syncmgr_notification_read($0, 1) },
  Call(name: "notification_status", type: .manager) {
    var count: UInt32 = 0
    return syncmgr_notification_status($0, 1, nil, 0, &count)
  },
]

private let managerCalls: [Call] = [
  Call(name: "cleanup", type: .manager) { syncmgr_cleanup($0, nil) },
  Call(name: "check", type: .manager) { syncmgr_check($0) },
  Call(name: "object_remove", type: .manager) { syncmgr_object_remove($0, 1, "nothing") },
  Call(name: "dispatch", type: .manager) { syncmgr_dispatch($0, 0) },
  Call(name: "on", type: .manager) {
    var out: OpaquePointer?
    return syncmgr_on($0, SYNCMGR_NOTICE_ALL, { _, _ in }, nil, nil, &out)
  },
  Call(name: "workstream_open", type: .manager) { manager in
    opening { syncmgr_workstream_open(manager, nil, $0) }
  },
  Call(name: "queue_open", type: .manager) { manager in
    opening { syncmgr_queue_open(manager, 0, -1, $0) }
  },
  Call(name: "workstream_name", type: .workstream) {
    var buffer = [CChar](repeating: 0, count: 256)
    return syncmgr_workstream_name($0, &buffer, buffer.count)
  },
  Call(name: "workstream_id", type: .workstream) { number($0, syncmgr_workstream_id) },
  Call(name: "mutex_open", type: .workstream) { workstream in
    opening { syncmgr_mutex_open(workstream, "m", nil, $0) }
  },
  Call(name: "semaphore_open", type: .workstream) { workstream in
    opening { syncmgr_semaphore_open(workstream, "s", 1, nil, $0) }
  },
  Call(name: "latch_open", type: .workstream) { workstream in
    opening { syncmgr_latch_open(workstream, "l", 1, $0) }
  },
  Call(name: "barrier_open", type: .workstream) { workstream in
    opening { syncmgr_barrier_open(workstream, "b", 2, nil, $0) }
  },
  Call(name: "event_open", type: .workstream) { workstream in
    opening { syncmgr_event_open(workstream, "e", nil, $0) }
  },
  Call(name: "rwlock_open", type: .workstream) { workstream in
    opening { syncmgr_rwlock_open(workstream, "rw", nil, $0) }
  },
  Call(name: "condition_open", type: .workstream) { workstream in
    opening { syncmgr_condition_open(workstream, "c", $0) }
  },
  Call(name: "election_open", type: .workstream) { workstream in
    opening { syncmgr_election_open(workstream, "el", $0) }
  },
  Call(name: "queue_fd", type: .queue) { number($0, syncmgr_queue_fd) },
  Call(name: "queue_drain", type: .queue) {
    var record = Queue.noRecord
    var count: UInt32 = 0
    return syncmgr_queue_drain($0, &record, 1, &count)
  },
  Call(name: "queue_watch", type: .queue) { syncmgr_queue_watch($0, SYNCMGR_NOTICE_ALL, 0) },
  Call(name: "ticket_wait", type: .ticket) { syncmgr_ticket_wait($0, 0, nil) },
  Call(name: "ticket_cancel", type: .ticket) { syncmgr_ticket_cancel($0) },
]

private let mutexCalls: [Call] = [
  Call(name: "mutex_lock", type: .mutex) { syncmgr_mutex_lock($0, 0) },
  Call(name: "mutex_lock_start", type: .mutex) { mutex in
    opening { syncmgr_mutex_lock_start(mutex, 0, nil, 0, $0) }
  },
  Call(name: "mutex_unlock", type: .mutex) { syncmgr_mutex_unlock($0) },
  Call(name: "mutex_token", type: .mutex) { number($0, syncmgr_mutex_token) },
  Call(name: "mutex_is_valid", type: .mutex) { syncmgr_mutex_is_valid($0, 1) },
  Call(name: "mutex_held_by", type: .mutex) {
    var holder = syncmgr_holder_t()
    return syncmgr_mutex_held_by($0, &holder)
  },
  Call(name: "mutex_previous_owner", type: .mutex) {
    var holder = syncmgr_holder_t()
    return syncmgr_mutex_previous_owner($0, &holder)
  },
  Call(name: "mutex_force_release", type: .mutex) { syncmgr_mutex_force_release($0) },
  Call(name: "mutex_fastpath", type: .mutex) {
    var path = syncmgr_fastpath_t()
    return syncmgr_mutex_fastpath($0, &path)
  },
]

private let semaphoreCalls: [Call] = [
  Call(name: "semaphore_acquire", type: .semaphore) { syncmgr_semaphore_acquire($0, 1, 0) },
  Call(name: "semaphore_acquire_start", type: .semaphore) { semaphore in
    opening { syncmgr_semaphore_acquire_start(semaphore, 1, 0, nil, 0, $0) }
  },
  Call(name: "semaphore_release", type: .semaphore) { syncmgr_semaphore_release($0, 1) },
  Call(name: "semaphore_available", type: .semaphore) { number($0, syncmgr_semaphore_available) },
  Call(name: "semaphore_held", type: .semaphore) { number($0, syncmgr_semaphore_held) },
  Call(name: "semaphore_holders", type: .semaphore) { semaphore in
    number(semaphore) { syncmgr_semaphore_holders($0, nil, 0, $1) }
  },
]

private let latchCalls: [Call] = [
  Call(name: "latch_count_down", type: .latch) { syncmgr_latch_count_down($0, 1, nil) },
  Call(name: "latch_wait", type: .latch) { syncmgr_latch_wait($0, 0) },
  Call(name: "latch_wait_start", type: .latch) { latch in
    opening { syncmgr_latch_wait_start(latch, 0, nil, 0, $0) }
  },
  Call(name: "latch_count", type: .latch) { number($0, syncmgr_latch_count) },
]

private let barrierCalls: [Call] = [
  Call(name: "barrier_wait", type: .barrier) { syncmgr_barrier_wait($0, 0, nil, nil) },
  Call(name: "barrier_wait_start", type: .barrier) { barrier in
    opening { syncmgr_barrier_wait_start(barrier, 0, nil, 0, $0, nil) }
  },
  Call(name: "barrier_arrive", type: .barrier) { syncmgr_barrier_arrive($0, nil) },
  Call(name: "barrier_release", type: .barrier) { syncmgr_barrier_release($0) },
  Call(name: "barrier_abort", type: .barrier) { syncmgr_barrier_abort($0) },
  Call(name: "barrier_reset", type: .barrier) { syncmgr_barrier_reset($0) },
  Call(name: "barrier_join", type: .barrier) { syncmgr_barrier_join($0) },
  Call(name: "barrier_leave", type: .barrier) { syncmgr_barrier_leave($0) },
  Call(name: "barrier_state", type: .barrier) {
    var state = syncmgr_barrier_info_t()
    return syncmgr_barrier_state($0, &state)
  },
]

private let eventCalls: [Call] = [
  Call(name: "event_set", type: .event) { syncmgr_event_set($0) },
  Call(name: "event_reset", type: .event) { syncmgr_event_reset($0) },
  Call(name: "event_wait", type: .event) { syncmgr_event_wait($0, 0) },
  Call(name: "event_wait_start", type: .event) { event in
    opening { syncmgr_event_wait_start(event, 0, nil, 0, $0) }
  },
  Call(name: "event_is_set", type: .event) { number($0, syncmgr_event_is_set) },
]

private let rwlockCalls: [Call] = [
  Call(name: "rwlock_lock", type: .rwlock) { syncmgr_rwlock_lock($0, SYNCMGR_SHARED, 0) },
  Call(name: "rwlock_lock_start", type: .rwlock) { rwlock in
    opening { syncmgr_rwlock_lock_start(rwlock, SYNCMGR_SHARED, 0, nil, 0, $0) }
  },
  Call(name: "rwlock_unlock", type: .rwlock) { syncmgr_rwlock_unlock($0) },
  Call(name: "rwlock_upgrade", type: .rwlock) { syncmgr_rwlock_upgrade($0, 0) },
  Call(name: "rwlock_upgrade_start", type: .rwlock) { rwlock in
    opening { syncmgr_rwlock_upgrade_start(rwlock, 0, nil, 0, $0) }
  },
  Call(name: "rwlock_downgrade", type: .rwlock) { syncmgr_rwlock_downgrade($0) },
  Call(name: "rwlock_token", type: .rwlock) { number($0, syncmgr_rwlock_token) },
  Call(name: "rwlock_is_valid", type: .rwlock) { syncmgr_rwlock_is_valid($0, 1) },
  Call(name: "rwlock_holders", type: .rwlock) { rwlock in
    number(rwlock) { syncmgr_rwlock_holders($0, nil, 0, $1) }
  },
  Call(name: "rwlock_previous_owner", type: .rwlock) {
    var holder = syncmgr_holder_t()
    return syncmgr_rwlock_previous_owner($0, &holder)
  },
  Call(name: "rwlock_force_release", type: .rwlock) { syncmgr_rwlock_force_release($0) },
]

private let conditionCalls: [Call] = [
  Call(name: "condition_signal", type: .condition) { syncmgr_condition_signal($0, 1, nil) },
  Call(name: "condition_broadcast", type: .condition) { syncmgr_condition_broadcast($0, nil) },
  Call(name: "condition_waiting", type: .condition) { number($0, syncmgr_condition_waiting) },
]

private let electionCalls: [Call] = [
  Call(name: "election_campaign", type: .election) { syncmgr_election_campaign($0, 0, nil) },
  Call(name: "election_campaign_start", type: .election) { election in
    opening { syncmgr_election_campaign_start(election, 0, nil, 0, $0, nil) }
  },
  Call(name: "election_resign", type: .election) { syncmgr_election_resign($0) },
  Call(name: "election_finish", type: .election) { syncmgr_election_finish($0, nil, 0) },
  Call(name: "election_result", type: .election) { election in
    number(election) { syncmgr_election_result($0, nil, 0, $1) }
  },
  Call(name: "election_reset", type: .election) { syncmgr_election_reset($0) },
  Call(name: "election_leader", type: .election) {
    var holder = syncmgr_holder_t()
    return syncmgr_election_leader($0, &holder)
  },
  Call(name: "election_is_valid", type: .election) { syncmgr_election_is_valid($0, 1) },
  Call(name: "election_force_release", type: .election) { syncmgr_election_force_release($0) },
]

/// Runs a call that writes a handle, which is of no interest.
private func opening(_ call: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) -> Int32 {
  var out: OpaquePointer?
  return call(&out)
}

/// Runs a call that writes a number, which is of no interest.
private func number<Number: FixedWidthInteger>(
  _ handle: OpaquePointer?, _ call: (OpaquePointer?, UnsafeMutablePointer<Number>?) -> Int32
) -> Int32 {
  var out: Number = 0
  return call(handle, &out)
}
