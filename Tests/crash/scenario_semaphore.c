/* Scenarios: the semaphore, with weights, a large request in line, and the signalling kind. */
#include <stddef.h>

#include "scenario.h"
#include "support.h"

static void prepare_open(struct role *role) {
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await(role, TOLD_READY(peer));
  }
  open_both(role);
  open_semaphore(role);
}

static void act_acquire_release(struct role *role) {
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, 2, SYNCMGR_FOREVER), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_release(role->semaphore, 1), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_release(role->semaphore, 1), SYNCMGR_OK);
}

/* The peer has all permits until the victim sleeps for two of them, or died on the way. */
static void peer_hold(struct role *role) {
  open_both(role);
  open_semaphore(role);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, 0), SYNCMGR_OK);
  role_tell_ready(role);
  role_await_victim_asleep(role);
  CALL(role, syncmgr_semaphore_release(role->semaphore, 1), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_release(role->semaphore, PERMITS - 1), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, patience_ns()), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_release(role->semaphore, PERMITS), SYNCMGR_OK);
}

/* The victim has all permits; peer 0 sleeps for all of them, the others for one each. */
static void prepare_hold(struct role *role) {
  open_both(role);
  open_semaphore(role);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, 0), SYNCMGR_OK);
  stage_tell(role->stage, TOLD_PREPARED);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await_peer_asleep(role, peer);
  }
}

static void act_release(struct role *role) {
  CALL(role, syncmgr_semaphore_release(role->semaphore, PERMITS), SYNCMGR_OK);
}

static void act_close_held(struct role *role) {
  CALL(role, syncmgr_semaphore_close(role->semaphore), SYNCMGR_OK);
}

static void peer_wait(struct role *role) {
  uint32_t count = role->index == 0 ? PERMITS : 1;
  open_both(role);
  open_semaphore(role);
  role_await(role, TOLD_PREPARED);
  if (role->index > 0) {
    role_await_peer_asleep(role, 0);
  }
  role_tell_waiting(role);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, count, SYNCMGR_FOREVER), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_release(role->semaphore, count), SYNCMGR_OK);
}

/* A large request waits in vain in front of a small one. Peer 0 keeps two permits, so that one is
 * free; the victim wants three; peer 1 wants one and stands behind the victim. */
static void peer_block_the_large(struct role *role) {
  open_both(role);
  open_semaphore(role);
  if (role->index == 0) {
    CALL(role, syncmgr_semaphore_acquire(role->semaphore, 2, 0), SYNCMGR_OK);
    role_tell_ready(role);
    role_await(role, TOLD_DONE(1));
    CALL(role, syncmgr_semaphore_release(role->semaphore, 2), SYNCMGR_OK);
  } else {
    role_tell_ready(role);
    role_await_victim_asleep(role);
    CALL(role, syncmgr_semaphore_acquire(role->semaphore, 1, SYNCMGR_FOREVER), SYNCMGR_OK);
    CALL(role, syncmgr_semaphore_release(role->semaphore, 1), SYNCMGR_OK);
  }
}

static void act_large_timeout(struct role *role) {
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, 6 * MILLISECOND),
       SYNCMGR_E_TIMEOUT);
}

/* What is signalled is consumed for good. The peer empties it, the victim adds one, and the peer
 * can have one at most: exactly one when the victim returned from the call. */
static void peer_consume(struct role *role) {
  open_both(role);
  open_semaphore(role);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, 0), SYNCMGR_OK);
  role_tell_ready(role);
  role_tell_waiting(role);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, 1, 20 * MILLISECOND), SYNCMGR_OK,
       SYNCMGR_E_TIMEOUT);
  bool got = role->status == SYNCMGR_OK;
  bool finished = role_await_outcome(role) == VICTIM_FINISHED;
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, 1, 0), SYNCMGR_OK, SYNCMGR_E_TIMEOUT);
  INSIST(role, !got || role->status == SYNCMGR_E_TIMEOUT, "one release was acquired twice");
  got = got || role->status == SYNCMGR_OK;
  INSIST(role, got || !finished, "a release that returned was never acquired");
  /* The checker wants the permits that the semaphore began with. */
  CALL(role, syncmgr_semaphore_release(role->semaphore, PERMITS), SYNCMGR_OK);
}

static void prepare_signal(struct role *role) {
  prepare_open(role);
  role_await_peer_asleep(role, 0);
}

static void act_signal(struct role *role) {
  CALL(role, syncmgr_semaphore_release(role->semaphore, 1), SYNCMGR_OK);
}

#define FAIR .semaphore_flags = SYNCMGR_SEMAPHORE_FAIR
#define SIGNALLING .semaphore_flags = SYNCMGR_SEMAPHORE_SIGNALLING

const struct scenario scenarios_semaphore[] = {
    {.name = "semaphore-free", .flags = SCENARIO_REMOVABLE, .peers = 1, .peer = peer_idle,
     .prepare = prepare_open, .act = act_acquire_release},
    {.name = "semaphore-free-persistent", .flags = SCENARIO_PERSISTENT | SCENARIO_REMOVABLE,
     .prepare = prepare_open, .act = act_acquire_release},
    {.name = "semaphore-contended", .peers = 1, .peer = peer_hold, .prepare = prepare_open,
     .act = act_acquire_release},
    {.name = "semaphore-contended-fair", FAIR, .peers = 1, .peer = peer_hold,
     .prepare = prepare_open, .act = act_acquire_release},
    {.name = "semaphore-contended-no-threads", .flags = SCENARIO_NO_THREADS, .peers = 1,
     .peer = peer_hold, .prepare = prepare_open, .act = act_acquire_release},
    {.name = "semaphore-release-waiters", .peers = 3, .peer = peer_wait,
     .prepare = prepare_hold, .act = act_release},
    {.name = "semaphore-release-waiters-fair", FAIR, .peers = 3, .peer = peer_wait,
     .prepare = prepare_hold, .act = act_release},
    {.name = "semaphore-close-held", .peers = 2, .peer = peer_wait, .prepare = prepare_hold,
     .act = act_close_held},
    {.name = "semaphore-large-timeout", FAIR, .peers = 2, .peer = peer_block_the_large,
     .prepare = prepare_open, .act = act_large_timeout},
    {.name = "semaphore-signalling", SIGNALLING, .peers = 1, .peer = peer_consume,
     .prepare = prepare_signal, .act = act_signal},
    {.name = NULL},
};
