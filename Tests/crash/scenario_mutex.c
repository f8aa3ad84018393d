/* Scenarios: the mutex, free, contended, handed over, timed out and taken away. */
#include <stddef.h>
#include <string.h>

#include "scenario.h"
#include "support.h"

static void prepare_open(struct role *role) {
  if (role->scenario->peers > 0) {
    role_await(role, TOLD_READY(0));
  }
  open_both(role);
  open_mutex(role);
}

/* A step between the calls: who dies there certainly holds the mutex. */
#define SITE_HOLDING "test: holding"

/* Insists that the death of a victim that held the mutex for certain is told to the next owner. */
static void insist_on_the_death(struct role *role) {
  bool held = atomic_load(&role->stage->fired) != 0 &&
              strcmp(role->stage->site, SITE_HOLDING) == 0;
  INSIST(role, !held || role->status == SYNCMGR_OWNER_DIED, "the owner died, and the next got %s",
         syncmgr_status_name(role->status));
}

static void act_lock_unlock(struct role *role) {
  CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK);
  role_own_step(role, SITE_HOLDING);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

static void act_recursive(struct role *role) {
  CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

/* What a binding does with the published lock word, a step at a time. */
static void act_fastpath(struct role *role) {
  syncmgr_fastpath_t path;
  CALL(role, syncmgr_mutex_fastpath(role->mutex, &path), SYNCMGR_OK);
  _Atomic uint32_t *word = (_Atomic uint32_t *)(uintptr_t)path.word;
  _Atomic uint32_t *grants = (_Atomic uint32_t *)(uintptr_t)path.grants;
  uint32_t expected = path.free_value;
  role_own_step(role, "binding: before the lock");
  bool taken = atomic_compare_exchange_strong(word, &expected, path.my_value);
  INSIST(role, taken, "the free word is %u, not %u", expected, path.free_value);
  role_own_step(role, "binding: between the lock and the count");
  atomic_fetch_add(grants, 1);
  role_own_step(role, "binding: before the unlock");
  expected = path.my_value;
  bool given = atomic_compare_exchange_strong(word, &expected, path.free_value);
  INSIST(role, given, "my word became %u", expected);
  role_own_step(role, "binding: after the unlock");
}

/* The peer holds the mutex until the victim sleeps for it, or died on the way there. Its token
 * shows that tokens grow, whatever the victim left. */
static void peer_hold(struct role *role) {
  uint64_t first = 0;
  uint64_t second = 0;
  open_both(role);
  open_mutex(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_token(role->mutex, &first), SYNCMGR_OK);
  role_tell_ready(role);
  role_await_victim_asleep(role);
  CALL(role, syncmgr_mutex_is_valid(role->mutex, first), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_lock(role->mutex, patience_ns()), SYNCMGR_OK, SYNCMGR_OWNER_DIED);
  insist_on_the_death(role);
  CALL(role, syncmgr_mutex_token(role->mutex, &second), SYNCMGR_OK);
  INSIST(role, second > first, "token %llu came after %llu", (unsigned long long)second,
         (unsigned long long)first);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

/* The peer holds the mutex all the time; who waits for it in vain leaves the line. */
static void peer_hold_throughout(struct role *role) {
  open_both(role);
  open_mutex(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  role_tell_ready(role);
  role_await_outcome(role);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK, SYNCMGR_E_TIMEOUT);
  if (role->status == SYNCMGR_E_TIMEOUT) {
    /* The unlock handed it to a waiter whose death nobody had noticed. */
    CALL(role, syncmgr_mutex_lock(role->mutex, patience_ns()), SYNCMGR_OK, SYNCMGR_OWNER_DIED);
  }
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

static void act_lock_timeout(struct role *role) {
  CALL(role, syncmgr_mutex_lock(role->mutex, 3 * MILLISECOND), SYNCMGR_E_TIMEOUT);
}

static void act_try(struct role *role) {
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_E_TIMEOUT);
}

/* The victim holds, everybody else sleeps in line. */
static void prepare_hold(struct role *role) {
  open_both(role);
  open_mutex(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  stage_tell(role->stage, TOLD_PREPARED);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await_peer_asleep(role, peer);
  }
}

static void act_unlock(struct role *role) {
  role_own_step(role, SITE_HOLDING);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

static void act_close_held(struct role *role) {
  CALL(role, syncmgr_mutex_close(role->mutex), SYNCMGR_OK);
}

static void peer_wait(struct role *role) {
  open_both(role);
  open_mutex(role);
  role_await(role, TOLD_PREPARED);
  role_tell_waiting(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK, SYNCMGR_OWNER_DIED);
  if (role->scenario->peers == 1) {
    insist_on_the_death(role);
  }
  if (role->status == SYNCMGR_OWNER_DIED) {
    syncmgr_holder_t dead;
    CALL(role, syncmgr_mutex_previous_owner(role->mutex, &dead), SYNCMGR_OK);
    INSIST(role, dead.pid == atomic_load(&role->stage->victim), "the dead owner is %d, not %d",
           dead.pid, atomic_load(&role->stage->victim));
  }
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

static void act_force(struct role *role) {
  CALL(role, syncmgr_mutex_force_release(role->mutex), SYNCMGR_OK);
}

static void peer_be_forced(struct role *role) {
  open_both(role);
  open_mutex(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  role_tell_ready(role);
  bool forced = role_await_outcome(role) == VICTIM_FINISHED;
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK, SYNCMGR_E_LOST);
  INSIST(role, !forced || role->status == SYNCMGR_E_LOST, "unlock worked after a forced release");
  lock_and_unlock(role);
}

#define FAIR .mutex_flags = SYNCMGR_MUTEX_FAIR
#define RECURSIVE .mutex_flags = SYNCMGR_MUTEX_RECURSIVE

const struct scenario scenarios_mutex[] = {
    {.name = "mutex-free", .flags = SCENARIO_REMOVABLE, .peers = 1, .peer = peer_idle,
     .prepare = prepare_open, .act = act_lock_unlock},
    {.name = "mutex-free-alone", .flags = SCENARIO_REMOVABLE, .prepare = prepare_open,
     .act = act_lock_unlock},
    {.name = "mutex-free-persistent", .flags = SCENARIO_PERSISTENT | SCENARIO_REMOVABLE,
     .prepare = prepare_open, .act = act_lock_unlock},
    {.name = "mutex-free-no-threads", .flags = SCENARIO_NO_THREADS | SCENARIO_REMOVABLE,
     .peers = 1, .peer = peer_idle, .prepare = prepare_open, .act = act_lock_unlock},
    {.name = "mutex-recursive", .flags = SCENARIO_REMOVABLE, RECURSIVE, .peers = 1,
     .peer = peer_idle, .prepare = prepare_open, .act = act_recursive},
    {.name = "mutex-fastpath", .flags = SCENARIO_REMOVABLE | SCENARIO_NO_FAULTS, .peers = 1,
     .peer = peer_idle, .prepare = prepare_open, .act = act_fastpath},
    {.name = "mutex-contended", .peers = 1, .peer = peer_hold, .prepare = prepare_open,
     .act = act_lock_unlock},
    {.name = "mutex-contended-fair", FAIR, .peers = 1, .peer = peer_hold,
     .prepare = prepare_open, .act = act_lock_unlock},
    {.name = "mutex-contended-no-threads", .flags = SCENARIO_NO_THREADS, .peers = 1,
     .peer = peer_hold, .prepare = prepare_open, .act = act_lock_unlock},
    {.name = "mutex-try", .peers = 1, .peer = peer_hold_throughout, .prepare = prepare_open,
     .act = act_try},
    {.name = "mutex-timeout", .peers = 1, .peer = peer_hold_throughout, .prepare = prepare_open,
     .act = act_lock_timeout},
    {.name = "mutex-unlock-waiter", .peers = 1, .peer = peer_wait, .prepare = prepare_hold,
     .act = act_unlock},
    {.name = "mutex-unlock-waiters", .peers = 3, .peer = peer_wait, .prepare = prepare_hold,
     .act = act_unlock},
    {.name = "mutex-unlock-waiters-fair", FAIR, .peers = 3, .peer = peer_wait,
     .prepare = prepare_hold, .act = act_unlock},
    {.name = "mutex-unlock-waiter-no-threads", .flags = SCENARIO_NO_THREADS, .peers = 2,
     .peer = peer_wait, .prepare = prepare_hold, .act = act_unlock},
    {.name = "mutex-close-held", .peers = 2, .peer = peer_wait, .prepare = prepare_hold,
     .act = act_close_held},
    {.name = "mutex-force-release", .peers = 1, .peer = peer_be_forced, .prepare = prepare_open,
     .act = act_force},
    {.name = NULL},
};
