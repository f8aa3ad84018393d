/* Scenarios: the sync point, and several locks at once. Whoever dies, all who meet at a point see
 * the same end, and of many locks none stays held. */
#include <stddef.h>
#include <string.h>

#include "scenario.h"
#include "support.h"

#define POINT_NAME "point"
#define EXPECTED "peer-1/victim/peer-0"

/* Of this process. */
static syncmgr_sync_point_t *point;

static void open_point(struct role *role) {
  syncmgr_sync_point_options_t options = SYNCMGR_SYNC_POINT_OPTIONS_INIT;
  options.flags = role->scenario->event_flags; /* those of the point, in these scenarios */
  CALL(role,
       syncmgr_sync_point_open(role->workstream, POINT_NAME, EXPECTED, NULL, &options, &point),
       SYNCMGR_OK);
}

static void prepare_space(struct role *role) { open_both(role); }

static void prepare_point(struct role *role) {
  open_both(role);
  open_point(role);
}

static void prepare_after_waiters(struct role *role) {
  prepare_point(role);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await_peer_asleep(role, peer);
  }
}

static void act_open(struct role *role) {
  syncmgr_sync_member_t members[3];
  uint32_t count = 0;
  open_point(role);
  CALL(role, syncmgr_sync_point_members(point, members, 3, &count), SYNCMGR_OK);
  CALL(role, syncmgr_sync_point_close(point), SYNCMGR_OK);
  CALL(role, syncmgr_object_remove(role->manager, SYNCMGR_TYPE_SYNC_POINT, POINT_NAME),
       SYNCMGR_OK);
}

static void act_arrive(struct role *role) {
  CALL(role, syncmgr_sync_point_wait(point, SYNCMGR_FOREVER, NULL), SYNCMGR_OK);
}

static void act_arrive_in_vain(struct role *role) {
  syncmgr_ticket_t *ticket = NULL;
  CALL(role, syncmgr_sync_point_wait(point, 2 * MILLISECOND, NULL), SYNCMGR_E_TIMEOUT);
  CALL(role, syncmgr_sync_point_wait(point, 0, NULL), SYNCMGR_E_TIMEOUT);
  CALL(role, syncmgr_sync_point_wait_start(point, SYNCMGR_FOREVER, NULL, 0, &ticket, NULL),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_ticket_cancel(ticket), SYNCMGR_OK);
}

static void act_fail(struct role *role) {
  CALL(role, syncmgr_sync_point_fail(point, "the victim failed"), SYNCMGR_OK);
}

static void act_cancel(struct role *role) {
  CALL(role, syncmgr_sync_point_cancel(point, "the victim cancelled it"), SYNCMGR_OK);
}

static void act_force(struct role *role) {
  CALL(role, syncmgr_sync_point_force_complete(point), SYNCMGR_OK);
}

/* A peer waits; what came of it is what the victim did, or its death, and the same for all. */
static void peer_meet(struct role *role) {
  struct stage *stage = role->stage;
  syncmgr_sync_result_t result;
  open_both(role);
  open_point(role);
  role_tell_waiting(role);
  CALL(role, syncmgr_sync_point_wait(point, SYNCMGR_FOREVER, &result), SYNCMGR_OK,
       SYNCMGR_PARTIAL, SYNCMGR_E_FAILED);
  int32_t mine = role->status;
  INSIST(role, mine != SYNCMGR_E_FAILED || strstr(result.reason, "victim") != NULL,
         "it failed because: '%s'", result.reason);
  INSIST(role, result.arrived >= 2, "%u were there", result.arrived);
  atomic_store(&stage->result[role->index], mine);
  role_tell_ready(role);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await(role, TOLD_READY(peer));
    int32_t other = atomic_load(&stage->result[peer]);
    INSIST(role, other == mine, "one waiter got %s and another %s", syncmgr_status_name(mine),
           syncmgr_status_name(other));
  }
}

/* A point of the same three whose time passes. The victim, or a waiting peer, ends it then. */
#define TIMED_NAME "timed"

static void open_timed(struct role *role) {
  syncmgr_sync_point_options_t options = SYNCMGR_SYNC_POINT_OPTIONS_INIT;
  options.flags = role->scenario->event_flags;
  options.minimum = 2;
  options.timeout_ns = 20 * MILLISECOND;
  if (!(options.flags & SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT)) {
    options.minimum = SYNCMGR_ANY;
  } else {
    options.flags |= SYNCMGR_SYNC_WAIT_FOR_ALL;
  }
  CALL(role,
       syncmgr_sync_point_open(role->workstream, TIMED_NAME, EXPECTED, NULL, &options, &point),
       SYNCMGR_OK);
}

static void prepare_timed(struct role *role) {
  open_both(role);
  role_await(role, TOLD_READY(0));
  open_timed(role);
}

/* On a busy machine the time may be over before it comes. The end is the same for all and stays. */
static void act_time_out(struct role *role) {
  syncmgr_sync_result_t first, second;
  CALL(role, syncmgr_sync_point_wait(point, SYNCMGR_FOREVER, &first), SYNCMGR_E_TIMEOUT,
       SYNCMGR_PARTIAL, SYNCMGR_E_LATE);
  CALL(role, syncmgr_sync_point_wait(point, SYNCMGR_FOREVER, &second), role->status);
  INSIST(role, first.status == second.status && first.arrived == second.arrived,
         "the result changed from %u of %u to %u of %u", first.status, first.arrived,
         second.status, second.arrived);
  CALL(role, syncmgr_sync_point_force_complete(point), SYNCMGR_FINISHED);
}

/* The same while the acting thread sleeps: the background thread ends the point. */
static void prepare_timed_start(struct role *role) {
  prepare_timed(role);
  CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
  CALL(role,
       syncmgr_sync_point_wait_start(point, SYNCMGR_FOREVER, role->queue, 0, &role->ticket, NULL),
       SYNCMGR_PENDING, SYNCMGR_E_LATE);
}

static void act_sleep_over_it(struct role *role) {
  for (int slice = 0; slice < 30; slice++) {
    sleep_ns(MILLISECOND);
  }
  CALL(role, syncmgr_sync_point_force_complete(point), SYNCMGR_FINISHED);
}

/* Comes as well, in time or not, and finds an end. That of the others it has in the same way. */
static void peer_time_out(struct role *role) {
  syncmgr_sync_result_t result;
  open_both(role);
  role_tell_ready(role);
  role_await(role, TOLD_PREPARED);
  open_timed(role);
  CALL(role, syncmgr_sync_point_wait(point, patience_ns(), &result), SYNCMGR_E_TIMEOUT,
       SYNCMGR_PARTIAL, SYNCMGR_E_FAILED, SYNCMGR_E_LATE);
  INSIST(role, result.status != SYNCMGR_SYNC_WAITING && result.status != SYNCMGR_SYNC_COMPLETE,
         "the point is in status %u", result.status);
  INSIST(role, result.status != SYNCMGR_SYNC_PARTIAL_COMPLETE || result.arrived == 2,
         "%u are part of it", result.arrived);
  role_await_outcome(role);
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
  syncmgr_sync_result_t again;
  CALL(role, syncmgr_sync_point_result(point, &again), SYNCMGR_OK);
  INSIST(role, again.status == result.status && again.arrived == result.arrived,
         "the result changed from %u of %u to %u of %u", result.status, result.arrived,
         again.status, again.arrived);
}

/* The locks of this process, as items. */
static void make_items(struct role *role, syncmgr_lock_item_t *items) {
  items[0] = (syncmgr_lock_item_t){(uint64_t)(uintptr_t)role->rwlock, SYNCMGR_EXCLUSIVE, 0};
  items[1] = (syncmgr_lock_item_t){(uint64_t)(uintptr_t)role->semaphore, 2, 0};
  items[2] = (syncmgr_lock_item_t){(uint64_t)(uintptr_t)role->mutex, 0, 0};
}

static void open_locks(struct role *role) {
  open_both(role);
  open_mutex(role);
  open_semaphore(role);
  open_rwlock(role);
}

static void prepare_locks(struct role *role) {
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await(role, TOLD_READY(peer));
  }
  open_locks(role);
}

static void act_lock_many(struct role *role) {
  syncmgr_lock_item_t items[3];
  make_items(role, items);
  CALL(role, syncmgr_lock_many(items, 3, SYNCMGR_FOREVER), SYNCMGR_OK);
  CALL(role, syncmgr_unlock_many(items, 3), SYNCMGR_OK);
}

static void act_lock_many_in_vain(struct role *role) {
  syncmgr_lock_item_t items[3];
  make_items(role, items);
  CALL(role, syncmgr_lock_many(items, 3, 2 * MILLISECOND), SYNCMGR_E_TIMEOUT);
}

/* What a binding does that locks them one by one: it knows what it has, and undoes it. */
static void act_undo(struct role *role) {
  syncmgr_lock_item_t items[3];
  make_items(role, items);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OWNER_DIED);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, 2, 0), SYNCMGR_OK);
  items[2].status = SYNCMGR_OWNER_DIED;
  CALL(role, syncmgr_lock_many_undo(items, 3), SYNCMGR_OK);
}

/* Peer 0 dies with the mutex, peer 1 has the readers-writer lock: the victim inherits in vain. */
static void prepare_inherit(struct role *role) {
  role_await(role, TOLD_READY(0) | TOLD_READY(1));
  open_locks(role);
  stage_tell(role->stage, TOLD_PREPARED);
  role_await_peer_dead(role, 0);
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
}

/* However far the victim came: the next one hears that the owner died. */
static void peer_bequeath(struct role *role) {
  open_locks(role);
  if (role->index == 0) {
    CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
    role_tell_ready(role);
    role_await(role, TOLD_PREPARED);
    role_die(role);
  }
  CALL(role, syncmgr_rwlock_lock(role->rwlock, SYNCMGR_SHARED, 0), SYNCMGR_OK);
  role_tell_ready(role);
  role_await_outcome(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, patience_ns()), SYNCMGR_OWNER_DIED);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, patience_ns()), SYNCMGR_OK);
  CALL(role, syncmgr_rwlock_upgrade(role->rwlock, patience_ns()), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_release(role->semaphore, PERMITS), SYNCMGR_OK);
  CALL(role, syncmgr_rwlock_unlock(role->rwlock), SYNCMGR_OK);
}

/* Takes all of them within the patience of the test, whoever died. */
static void lock_all(struct role *role) {
  syncmgr_lock_item_t items[3];
  make_items(role, items);
  CALL(role, syncmgr_lock_many(items, 3, patience_ns()), SYNCMGR_OK, SYNCMGR_OWNER_DIED);
  CALL(role, syncmgr_unlock_many(items, 3), SYNCMGR_OK);
}

static void peer_lock_all(struct role *role) {
  open_locks(role);
  CALL(role, syncmgr_rwlock_lock(role->rwlock, SYNCMGR_SHARED, 0), SYNCMGR_OK);
  role_tell_ready(role);
  role_await_victim_asleep(role);
  CALL(role, syncmgr_rwlock_unlock(role->rwlock), SYNCMGR_OK);
  lock_all(role);
}

static void peer_hold_one(struct role *role) {
  open_locks(role);
  CALL(role, syncmgr_rwlock_lock(role->rwlock, SYNCMGR_SHARED, 0), SYNCMGR_OK);
  role_tell_ready(role);
  role_await_outcome(role);
  CALL(role, syncmgr_rwlock_unlock(role->rwlock), SYNCMGR_OK);
  lock_all(role);
}

#define MEETING .peers = 2, .peer = peer_meet, .prepare = prepare_after_waiters
#define NO_THREADS .flags = SCENARIO_NO_THREADS
#define TIMED .peers = 1, .peer = peer_time_out, .prepare = prepare_timed
#define INHERITING .peers = 2, .peer = peer_bequeath, .prepare = prepare_inherit
#define GO_ON .event_flags = SYNCMGR_SYNC_CONTINUE_ON_FAILURE

const struct scenario scenarios_meeting[] = {
    {.name = "sync-point-open", .peers = 1, .peer = peer_idle, .prepare = prepare_space,
     .act = act_open},
    {.name = "sync-point-in-vain", .peers = 1, .peer = peer_idle, .prepare = prepare_point,
     .act = act_arrive_in_vain},
    {.name = "sync-point-complete", MEETING, .act = act_arrive},
    {.name = "sync-point-complete-no-threads", NO_THREADS, MEETING, .act = act_arrive},
    {.name = "sync-point-go-on", GO_ON, MEETING, .act = act_arrive},
    {.name = "sync-point-fail", MEETING, .act = act_fail},
    {.name = "sync-point-fail-go-on", GO_ON, MEETING, .act = act_fail},
    {.name = "sync-point-cancel", MEETING, .act = act_cancel},
    {.name = "sync-point-force", MEETING, .act = act_force},
    {.name = "lock-many-free", .prepare = prepare_locks, .peers = 1, .peer = peer_idle,
     .act = act_lock_many},
    {.name = "lock-many-contended", .prepare = prepare_locks, .peers = 1, .peer = peer_lock_all,
     .act = act_lock_many},
    {.name = "lock-many-in-vain", .prepare = prepare_locks, .peers = 1, .peer = peer_hold_one,
     .act = act_lock_many_in_vain},
    {.name = "lock-many-inherit-in-vain", INHERITING, .act = act_lock_many_in_vain},
    {.name = "lock-many-undo", INHERITING, .act = act_undo},
    {.name = "sync-point-time", TIMED, .act = act_time_out},
    {.name = "sync-point-time-no-threads", NO_THREADS, TIMED, .act = act_time_out},
    {.name = "sync-point-time-go-on", TIMED, .act = act_time_out,
     .event_flags = SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT},
    {.name = "sync-point-time-service", .flags = SCENARIO_OTHERS, .peers = 1,
     .peer = peer_time_out, .prepare = prepare_timed_start, .act = act_sleep_over_it},
    {.name = NULL},
};
