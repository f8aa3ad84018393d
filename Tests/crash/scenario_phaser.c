/* Scenarios: the PHASER barrier. A dead party is a party no more; who waited with it goes on, or
 * finds the barrier broken. */
#include <stddef.h>

#include "scenario.h"
#include "support.h"

static void prepare_open(struct role *role) {
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await(role, TOLD_READY(peer));
  }
  open_both(role);
  open_phaser(role);
}

static void act_alone(struct role *role) {
  CALL(role, syncmgr_barrier_join(role->phaser), SYNCMGR_OK);
  CALL(role, syncmgr_barrier_wait(role->phaser, 0, NULL, NULL), SYNCMGR_LEADER);
  CALL(role, syncmgr_barrier_leave(role->phaser), SYNCMGR_OK);
}

/* The victim has joined; the peers, joined as well, wait for it. */
static void prepare_joined(struct role *role) {
  open_both(role);
  open_phaser(role);
  CALL(role, syncmgr_barrier_join(role->phaser), SYNCMGR_OK);
  stage_tell(role->stage, TOLD_PREPARED);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await_peer_asleep(role, peer);
  }
}

static void act_leave(struct role *role) {
  CALL(role, syncmgr_barrier_leave(role->phaser), SYNCMGR_OK);
}

static void act_close(struct role *role) {
  CALL(role, syncmgr_barrier_close(role->phaser), SYNCMGR_OK);
}

static void act_arrive(struct role *role) {
  CALL(role, syncmgr_barrier_wait(role->phaser, SYNCMGR_FOREVER, NULL, NULL), SYNCMGR_LEADER);
  CALL(role, syncmgr_barrier_leave(role->phaser), SYNCMGR_OK);
}

static void peer_wait(struct role *role) {
  open_both(role);
  open_phaser(role);
  role_await(role, TOLD_PREPARED);
  CALL(role, syncmgr_barrier_join(role->phaser), SYNCMGR_OK);
  role_tell_ready(role);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await(role, TOLD_READY(peer));
  }
  role_tell_waiting(role);
  CALL(role, syncmgr_barrier_wait(role->phaser, SYNCMGR_FOREVER, NULL, NULL), SYNCMGR_OK,
       SYNCMGR_E_BROKEN);
  INSIST(role, role->status == SYNCMGR_OK || atomic_load(&role->stage->fired) != 0,
         "the phaser broke and nobody died");
  CALL(role, syncmgr_barrier_leave(role->phaser), SYNCMGR_OK);
}

/* The victim joins while peer 0 waits for peer 1. */
static void prepare_late(struct role *role) {
  open_both(role);
  open_phaser(role);
  role_await(role, TOLD_READY(1));
  role_await_peer_asleep(role, 0);
}

static void act_join_and_leave(struct role *role) {
  CALL(role, syncmgr_barrier_join(role->phaser), SYNCMGR_OK);
  CALL(role, syncmgr_barrier_arrive(role->phaser, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_barrier_leave(role->phaser), SYNCMGR_OK);
}

static void peer_meet(struct role *role) {
  open_both(role);
  open_phaser(role);
  CALL(role, syncmgr_barrier_join(role->phaser), SYNCMGR_OK);
  role_tell_ready(role);
  role_await(role, TOLD_READY(0) | TOLD_READY(1));
  if (role->index == 0) {
    role_tell_waiting(role);
  } else {
    role_await_outcome(role);
    CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
  }
  CALL(role, syncmgr_barrier_wait(role->phaser, patience_ns(), NULL, NULL), SYNCMGR_OK,
       SYNCMGR_LEADER, SYNCMGR_E_BROKEN);
  INSIST(role, role->status != SYNCMGR_E_BROKEN || atomic_load(&role->stage->fired) != 0,
         "the phaser broke and nobody died");
  CALL(role, syncmgr_barrier_leave(role->phaser), SYNCMGR_OK);
}

#define JOINED .peers = 2, .peer = peer_wait, .prepare = prepare_joined

const struct scenario scenarios_phaser[] = {
    {.name = "phaser-alone", .flags = SCENARIO_REMOVABLE, .peers = 1, .peer = peer_idle,
     .prepare = prepare_open, .act = act_alone},
    {.name = "phaser-alone-persistent", .flags = SCENARIO_PERSISTENT | SCENARIO_REMOVABLE,
     .prepare = prepare_open, .act = act_alone},
    {.name = "phaser-leave", JOINED, .act = act_leave},
    {.name = "phaser-leave-no-threads", .flags = SCENARIO_NO_THREADS, JOINED, .act = act_leave},
    {.name = "phaser-close", JOINED, .act = act_close},
    {.name = "phaser-arrive", JOINED, .act = act_arrive},
    {.name = "phaser-join", .peers = 2, .peer = peer_meet, .prepare = prepare_late,
     .act = act_join_and_leave},
    {.name = NULL},
};
