/* Scenarios: several locks at once, blocking and started. Whoever dies in the midst of it, none of
 * them stays held. */
#include <stddef.h>

#include "scenario.h"
#include "support.h"

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

/* The same by one ticket. Whatever of it is done by the library's thread, or by the calls. */
static void start_many(struct role *role, syncmgr_lock_item_t *items, int64_t timeout_ns) {
  make_items(role, items);
  CALL(role,
       syncmgr_lock_many_start(items, 3, timeout_ns, role->queue, 9, &role->ticket),
       SYNCMGR_PENDING, SYNCMGR_OK, SYNCMGR_OWNER_DIED);
}

static void act_start_collect(struct role *role) {
  syncmgr_lock_item_t items[3];
  start_many(role, items, SYNCMGR_FOREVER);
  if (role->status == SYNCMGR_PENDING) {
    CALL(role, syncmgr_ticket_wait(role->ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_OK);
  }
  CALL(role, syncmgr_unlock_many(items, 3), SYNCMGR_OK);
}

static void act_start_drain(struct role *role) {
  syncmgr_lock_item_t items[3];
  syncmgr_record_t record = {.status = SYNCMGR_OK};
  CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
  start_many(role, items, SYNCMGR_FOREVER);
  if (role->status == SYNCMGR_PENDING) drain_one(role, &record);
  INSIST(role, record.status == SYNCMGR_OK, "the record says %s",
         syncmgr_status_name(record.status));
  CALL(role, syncmgr_unlock_many(items, 3), SYNCMGR_OK);
  CALL(role, syncmgr_queue_close(role->queue), SYNCMGR_OK);
}

static void act_start_in_vain(struct role *role) {
  syncmgr_lock_item_t items[3];
  start_many(role, items, 2 * MILLISECOND);
  CALL(role, syncmgr_ticket_wait(role->ticket, patience_ns(), NULL), SYNCMGR_E_TIMEOUT);
}

static void act_start_cancel(struct role *role) {
  syncmgr_lock_item_t items[3];
  start_many(role, items, SYNCMGR_FOREVER);
  CALL(role, syncmgr_ticket_cancel(role->ticket), SYNCMGR_OK);
}

static void act_start_close(struct role *role) {
  syncmgr_lock_item_t items[3];
  CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
  start_many(role, items, SYNCMGR_FOREVER);
  CALL(role, syncmgr_queue_close(role->queue), SYNCMGR_OK);
  role->queue = NULL;
  start_many(role, items, SYNCMGR_FOREVER);
  CALL(role, syncmgr_workstream_close(role->workstream), SYNCMGR_OK);
  CALL(role, syncmgr_ticket_wait(role->ticket, patience_ns(), NULL), SYNCMGR_E_CLOSED);
}

/* Holds the first and the last of them. The first is granted to a ticket, and when somebody has
 * gone on from there, or died, the last. */
static void peer_hand_over(struct role *role) {
  uint32_t left = 0;
  open_locks(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  CALL(role, syncmgr_rwlock_lock(role->rwlock, SYNCMGR_SHARED, 0), SYNCMGR_OK);
  role_tell_ready(role);
  role_await_victim_asleep(role);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  for (int slice = 0; slice < 20; slice++) {
    CALL(role, syncmgr_semaphore_available(role->semaphore, &left), SYNCMGR_OK);
    if (left < PERMITS) break;
    sleep_ns(MILLISECOND);
  }
  CALL(role, syncmgr_rwlock_unlock(role->rwlock), SYNCMGR_OK);
  lock_all(role);
}

#define NO_THREADS .flags = SCENARIO_NO_THREADS
#define SERVICE .flags = SCENARIO_OTHERS
#define INHERITING .peers = 2, .peer = peer_bequeath, .prepare = prepare_inherit
#define HANDED .peers = 1, .peer = peer_hand_over, .prepare = prepare_locks
#define HELD .peers = 1, .peer = peer_hold_one, .prepare = prepare_locks

const struct scenario scenarios_many[] = {
    {.name = "lock-many-free", .prepare = prepare_locks, .peers = 1, .peer = peer_idle,
     .act = act_lock_many},
    {.name = "lock-many-contended", .prepare = prepare_locks, .peers = 1, .peer = peer_lock_all,
     .act = act_lock_many},
    {.name = "lock-many-in-vain", .prepare = prepare_locks, .peers = 1, .peer = peer_hold_one,
     .act = act_lock_many_in_vain},
    {.name = "lock-many-inherit-in-vain", INHERITING, .act = act_lock_many_in_vain},
    {.name = "lock-many-undo", INHERITING, .act = act_undo},
    {.name = "lock-many-start-collect", HANDED, .act = act_start_collect},
    {.name = "lock-many-start-collect-no-threads", NO_THREADS, HANDED, .act = act_start_collect},
    {.name = "lock-many-start-collect-service", SERVICE, HANDED, .act = act_start_collect},
    {.name = "lock-many-start-drain", HANDED, .act = act_start_drain},
    {.name = "lock-many-start-drain-service", SERVICE, HANDED, .act = act_start_drain},
    {.name = "lock-many-start-in-vain", HELD, .act = act_start_in_vain},
    {.name = "lock-many-start-in-vain-service", SERVICE, HELD, .act = act_start_in_vain},
    {.name = "lock-many-start-inherit-in-vain", INHERITING, .act = act_start_in_vain},
    {.name = "lock-many-start-inherit-in-vain-service", SERVICE, INHERITING,
     .act = act_start_in_vain},
    {.name = "lock-many-start-cancel", HELD, .act = act_start_cancel},
    {.name = "lock-many-start-close", HELD, .act = act_start_close},
    {.name = NULL},
};
