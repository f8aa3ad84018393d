/* Scenarios: dying while one cleans up after somebody else who died. Peer 0 leaves everything
 * behind that a process can leave; the victim clears it away, or part of it; the next one does the
 * rest. */
#include <stddef.h>

#include "scenario.h"
#include "support.h"

/* Peer 0 holds the mutex, two permits and a workstream name, has arrived at the barrier, and waits
 * with tickets for the latch and, behind peer 1, for the event. Then it dies. */
static void die_with_everything(struct role *role) {
  syncmgr_ticket_t *ticket = NULL;
  open_both(role);
  open_mutex(role);
  open_semaphore(role);
  open_barrier(role);
  open_event(role);
  open_latch(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, 2, 0), SYNCMGR_OK);
  CALL(role, syncmgr_barrier_arrive(role->barrier, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_latch_wait_start(role->latch, SYNCMGR_FOREVER, NULL, 0, &ticket),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_event_wait_start(role->event, SYNCMGR_FOREVER, NULL, 0, &ticket),
       SYNCMGR_PENDING);
  role_tell_ready(role);
  role_await(role, TOLD_PREPARED);
  role_die(role);
}

/* Only there, and touching nothing, so that nobody but the victim recovers. */
static void peer_die_or_idle(struct role *role) {
  if (role->index == 0) {
    die_with_everything(role);
  }
  open_space(role);
  role_tell_ready(role);
}

static void open_everything(struct role *role) {
  open_both(role);
  open_mutex(role);
  open_semaphore(role);
  open_barrier(role);
  open_event(role);
  open_latch(role);
}

static void prepare_after_the_death(struct role *role) {
  role_await(role, TOLD_READY(0) | TOLD_READY(1));
  open_everything(role);
  stage_tell(role->stage, TOLD_PREPARED);
  role_await_peer_dead(role, 0);
}

static void act_cleanup(struct role *role) {
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
}

static void act_lock(struct role *role) {
  CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OWNER_DIED);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

static void act_acquire(struct role *role) {
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, SYNCMGR_FOREVER), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_release(role->semaphore, PERMITS), SYNCMGR_OK);
}

static void act_barrier(struct role *role) {
  CALL(role, syncmgr_barrier_wait(role->barrier, SYNCMGR_FOREVER, NULL, NULL), SYNCMGR_E_BROKEN);
  CALL(role, syncmgr_barrier_reset(role->barrier), SYNCMGR_OK);
}

/* The victim is not there yet when peer 0 dies: it recovers while it joins, if it needs to. */
static void prepare_join_after_the_death(struct role *role) {
  role_await(role, TOLD_READY(0) | TOLD_READY(1));
  stage_tell(role->stage, TOLD_PREPARED);
  role_await_peer_dead(role, 0);
}

static void act_join(struct role *role) {
  open_both(role);
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_close(role->manager), SYNCMGR_OK);
  role->manager = NULL;
}

/* The threads of the victim's library notice the death and recover, while the victim's own thread
 * waits in a lock. */
static void prepare_before_the_death(struct role *role) {
  role_await(role, TOLD_READY(0) | TOLD_READY(1));
  open_everything(role);
}

static void act_lock_as_it_dies(struct role *role) {
  stage_tell(role->stage, TOLD_PREPARED);
  CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OWNER_DIED,
       SYNCMGR_OK);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

/* Peer 1 wants the same mutex: two recover at once, and one of them dies in the middle of it. */
static void peer_die_or_want(struct role *role) {
  if (role->index == 0) {
    die_with_everything(role);
  }
  open_everything(role);
  role_tell_ready(role);
  role_await_peer_dead(role, 0);
  CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK, SYNCMGR_OWNER_DIED);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, SYNCMGR_FOREVER), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_release(role->semaphore, PERMITS), SYNCMGR_OK);
}

static void act_lock_whoever_died(struct role *role) {
  CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OWNER_DIED, SYNCMGR_OK);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
}

/* The name of a dead workstream is free, also for who was there before it died. */
static void peer_die_with_the_name(struct role *role) {
  open_space(role);
  CALL(role, syncmgr_workstream_open(role->manager, "victim", &role->workstream), SYNCMGR_OK);
  role_tell_ready(role);
  role_await(role, TOLD_PREPARED);
  role_die(role);
}

static void prepare_to_take_the_name(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_space(role);
  stage_tell(role->stage, TOLD_PREPARED);
  role_await_peer_dead(role, 0);
}

#define NO_THREADS SCENARIO_NO_THREADS
#define PAIR .peers = 2, .peer = peer_die_or_idle
#define RIVAL .peers = 2, .peer = peer_die_or_want

const struct scenario scenarios_recovery[] = {
    {.name = "recovery-cleanup", .flags = NO_THREADS, PAIR, .prepare = prepare_after_the_death,
     .act = act_cleanup},
    {.name = "recovery-cleanup-threads", PAIR, .prepare = prepare_after_the_death,
     .act = act_cleanup},
    {.name = "recovery-lock", .flags = NO_THREADS, PAIR, .prepare = prepare_after_the_death,
     .act = act_lock},
    {.name = "recovery-acquire", .flags = NO_THREADS, PAIR, .prepare = prepare_after_the_death,
     .act = act_acquire},
    {.name = "recovery-barrier", .flags = NO_THREADS, PAIR, .prepare = prepare_after_the_death,
     .act = act_barrier},
    {.name = "recovery-join", .flags = NO_THREADS, PAIR,
     .prepare = prepare_join_after_the_death, .act = act_join},
    {.name = "recovery-rivals", RIVAL, .prepare = prepare_after_the_death,
     .act = act_lock_whoever_died},
    {.name = "recovery-rivals-no-threads", .flags = NO_THREADS, RIVAL,
     .prepare = prepare_after_the_death, .act = act_lock_whoever_died},
    {.name = "recovery-service", .flags = SCENARIO_OTHERS, PAIR,
     .prepare = prepare_before_the_death, .act = act_lock_as_it_dies},
    {.name = "recovery-name", .peers = 1, .peer = peer_die_with_the_name,
     .prepare = prepare_to_take_the_name, .act = open_workstream},
    {.name = "recovery-name-no-threads", .flags = NO_THREADS, .peers = 1,
     .peer = peer_die_with_the_name, .prepare = prepare_to_take_the_name, .act = open_workstream},
    {.name = NULL},
};
