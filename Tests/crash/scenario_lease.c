/* Scenarios: leases. Whoever dies while a lease is set, renewed or ended, the lock goes on. */
#include <stddef.h>

#include "scenario.h"
#include "support.h"

#define LONG (10 * SECOND)

static void prepare_open(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
  open_mutex(role);
  open_semaphore(role);
}

static void act_lease(struct role *role) {
  int64_t left = 0;
  uint32_t renew = role->scenario->flags & SCENARIO_NO_THREADS ? 0 : SYNCMGR_LEASE_RENEW;
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, 1, 0), SYNCMGR_OK);
  CALL(role, syncmgr_lease_set(role->mutex, LONG, renew), SYNCMGR_OK);
  CALL(role, syncmgr_lease_set(role->semaphore, LONG / 2, 0), SYNCMGR_OK);
  CALL(role, syncmgr_lease_renew(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_lease_remaining(role->semaphore, &left), SYNCMGR_OK);
  CALL(role, syncmgr_lease_set(role->semaphore, SYNCMGR_FOREVER, 0), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_release(role->semaphore, 1), SYNCMGR_OK);
}

/* Peer 0 holds mutex and permit with leases that end. The victim takes both over, or dies on the
 * way; peer 1 takes them afterwards. */
static void prepare_take(struct role *role) {
  role_await(role, TOLD_READY(0) | TOLD_READY(1));
  open_both(role);
  open_mutex(role);
  open_semaphore(role);
}

static void act_take(struct role *role) {
  CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OWNER_DIED);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, SYNCMGR_FOREVER), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_release(role->semaphore, PERMITS), SYNCMGR_OK);
}

static void peer_lose_or_take(struct role *role) {
  open_both(role);
  open_mutex(role);
  open_semaphore(role);
  if (role->index == 1) {
    role_tell_ready(role);
    role_await_outcome(role);
    CALL(role, syncmgr_mutex_lock(role->mutex, patience_ns()), SYNCMGR_OK, SYNCMGR_OWNER_DIED);
    CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, patience_ns()), SYNCMGR_OK);
    CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
    CALL(role, syncmgr_semaphore_release(role->semaphore, PERMITS), SYNCMGR_OK);
    return;
  }
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, 2, 0), SYNCMGR_OK);
  CALL(role, syncmgr_lease_set(role->mutex, 8 * MILLISECOND, 0), SYNCMGR_OK);
  CALL(role, syncmgr_lease_set(role->semaphore, 12 * MILLISECOND, 0), SYNCMGR_OK);
  role_tell_ready(role);
  role_await(role, TOLD_DONE(1));
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_E_LOST);
  CALL(role, syncmgr_semaphore_release(role->semaphore, 2), SYNCMGR_E_LOST);
}

/* The background thread renews while the victim works. A peer gets the locks afterwards. */
static void prepare_renew(struct role *role) {
  prepare_open(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, 2, 0), SYNCMGR_OK);
  CALL(role, syncmgr_lease_set(role->mutex, 24 * MILLISECOND, SYNCMGR_LEASE_RENEW), SYNCMGR_OK);
  CALL(role, syncmgr_lease_set(role->semaphore, 18 * MILLISECOND, SYNCMGR_LEASE_RENEW),
       SYNCMGR_OK);
}

/* On a machine with too much to do a renewal can be late. */
static void act_work(struct role *role) {
  for (int slice = 0; slice < 30; slice++) {
    sleep_ns(MILLISECOND);
  }
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK, SYNCMGR_E_LOST);
  CALL(role, syncmgr_semaphore_release(role->semaphore, 2), SYNCMGR_OK, SYNCMGR_E_LOST);
}

static void peer_take_afterwards(struct role *role) {
  open_both(role);
  open_mutex(role);
  open_semaphore(role);
  role_tell_ready(role);
  role_await(role, TOLD_ACTING);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, patience_ns()), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_release(role->semaphore, PERMITS), SYNCMGR_OK);
  lock_and_unlock(role);
}

#define NO_THREADS .flags = SCENARIO_NO_THREADS
#define ENDING .peers = 2, .peer = peer_lose_or_take, .prepare = prepare_take, .act = act_take

const struct scenario scenarios_lease[] = {
    {.name = "lease-set", .flags = SCENARIO_REMOVABLE, .peers = 1, .peer = peer_idle,
     .prepare = prepare_open, .act = act_lease},
    {.name = "lease-set-no-threads", .flags = SCENARIO_NO_THREADS | SCENARIO_REMOVABLE,
     .peers = 1, .peer = peer_idle, .prepare = prepare_open, .act = act_lease},
    {.name = "lease-end", ENDING},
    {.name = "lease-end-no-threads", NO_THREADS, ENDING},
    {.name = "lease-end-service", .flags = SCENARIO_OTHERS, ENDING},
    {.name = "lease-renew-service", .flags = SCENARIO_OTHERS, .peers = 1,
     .peer = peer_take_afterwards, .prepare = prepare_renew, .act = act_work},
    {.name = NULL},
};
