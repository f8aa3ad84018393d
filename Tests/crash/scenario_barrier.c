/* Scenarios: the barrier. Whoever dies, all who meet in one generation see the same outcome. */
#include <stddef.h>

#include "scenario.h"
#include "support.h"

static void prepare_after_waiters(struct role *role) {
  open_both(role);
  open_barrier(role);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await_peer_asleep(role, peer);
  }
}

/* As above, through a handle whose leader releases the others by a call of its own. */
static void prepare_to_lead(struct role *role) {
  syncmgr_barrier_options_t options = SYNCMGR_BARRIER_OPTIONS_INIT;
  options.flags = SYNCMGR_BARRIER_LEADER_RELEASES;
  open_both(role);
  CALL(role,
       syncmgr_barrier_open(role->workstream, BARRIER_NAME, scenario_parties(role->scenario),
                            &options, &role->barrier),
       SYNCMGR_OK);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await_peer_asleep(role, peer);
  }
}

static void count_action(void *user) {
  struct role *role = user;
  role_own_step(role, "action: before");
  atomic_fetch_add(&role->stage->note, 1);
  role_own_step(role, "action: after");
}

static void prepare_to_act_once(struct role *role) {
  syncmgr_barrier_options_t options = SYNCMGR_BARRIER_OPTIONS_INIT;
  options.action = count_action;
  options.user = role;
  open_both(role);
  CALL(role,
       syncmgr_barrier_open(role->workstream, BARRIER_NAME, scenario_parties(role->scenario),
                            &options, &role->barrier),
       SYNCMGR_OK);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await_peer_asleep(role, peer);
  }
}

/* A peer that waits; what it got is compared with what the others got. */
static int32_t wait_and_compare(struct role *role) {
  struct stage *stage = role->stage;
  open_both(role);
  open_barrier(role);
  role_tell_waiting(role);
  CALL(role, syncmgr_barrier_wait(role->barrier, SYNCMGR_FOREVER, NULL, NULL), SYNCMGR_OK,
       SYNCMGR_E_BROKEN);
  int32_t mine = role->status;
  atomic_store(&stage->result[role->index], mine);
  role_tell_ready(role);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await(role, TOLD_READY(peer));
    int32_t other = atomic_load(&stage->result[peer]);
    INSIST(role, other == mine, "one waiter got %s and another %s", syncmgr_status_name(mine),
           syncmgr_status_name(other));
  }
  return mine;
}

static void peer_meet(struct role *role) {
  int32_t mine = wait_and_compare(role);
  if (role_await_outcome(role) == VICTIM_FINISHED) {
    INSIST(role, mine == SYNCMGR_OK, "the leader returned, and a waiter got %s",
           syncmgr_status_name(mine));
  }
}

static void peer_meet_after_action(struct role *role) {
  int32_t mine = wait_and_compare(role);
  uint64_t actions = atomic_load(&role->stage->note);
  INSIST(role, actions <= 1, "the action ran %u times", (unsigned)actions);
  INSIST(role, mine != SYNCMGR_OK || actions == 1, "the waiters went on before the action");
}

static void peer_see_it_break(struct role *role) {
  int32_t mine = wait_and_compare(role);
  INSIST(role, mine == SYNCMGR_E_BROKEN, "a waiter got %s", syncmgr_status_name(mine));
}

static void act_wait_last(struct role *role) {
  CALL(role, syncmgr_barrier_wait(role->barrier, SYNCMGR_FOREVER, NULL, NULL), SYNCMGR_LEADER);
}

static void act_arrive_last(struct role *role) {
  CALL(role, syncmgr_barrier_arrive(role->barrier, NULL), SYNCMGR_LEADER);
}

static void act_lead(struct role *role) {
  CALL(role, syncmgr_barrier_wait(role->barrier, SYNCMGR_FOREVER, NULL, NULL), SYNCMGR_LEADER);
  CALL(role, syncmgr_barrier_release(role->barrier), SYNCMGR_OK);
}

static void act_timeout(struct role *role) {
  CALL(role, syncmgr_barrier_wait(role->barrier, 3 * MILLISECOND, NULL, NULL), SYNCMGR_E_TIMEOUT);
}

static void act_abort(struct role *role) {
  CALL(role, syncmgr_barrier_abort(role->barrier), SYNCMGR_OK);
}

static void act_reset(struct role *role) {
  CALL(role, syncmgr_barrier_reset(role->barrier), SYNCMGR_OK);
}

static void act_start_cancel(struct role *role) {
  CALL(role,
       syncmgr_barrier_wait_start(role->barrier, SYNCMGR_FOREVER, NULL, 0, &role->ticket, NULL),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_ticket_cancel(role->ticket), SYNCMGR_OK);
}

/* The victim waits first and the peer arrives last. */
static void act_wait_first(struct role *role) {
  CALL(role, syncmgr_barrier_wait(role->barrier, SYNCMGR_FOREVER, NULL, NULL), SYNCMGR_OK);
}

static void prepare_open(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
  open_barrier(role);
}

static void peer_arrive_last(struct role *role) {
  open_both(role);
  open_barrier(role);
  role_tell_ready(role);
  role_await_victim_asleep(role);
  CALL(role, syncmgr_barrier_wait(role->barrier, 20 * MILLISECOND, NULL, NULL), SYNCMGR_LEADER,
       SYNCMGR_E_BROKEN, SYNCMGR_E_TIMEOUT);
}

/* The victim only arrives. When it closed in good order its arrival counts. When it died, the
 * barrier is broken as soon as somebody has noticed, also for who comes later. */
static void act_arrive_first(struct role *role) {
  CALL(role, syncmgr_barrier_arrive(role->barrier, NULL), SYNCMGR_OK);
}

static void peer_come_later(struct role *role) {
  open_both(role);
  open_barrier(role);
  role_tell_ready(role);
  if (role_await_outcome(role) == VICTIM_FINISHED) {
    CALL(role, syncmgr_barrier_wait(role->barrier, 0, NULL, NULL), SYNCMGR_LEADER);
  } else {
    CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
    CALL(role, syncmgr_barrier_wait(role->barrier, 20 * MILLISECOND, NULL, NULL),
         SYNCMGR_E_BROKEN, SYNCMGR_E_TIMEOUT);
  }
}

const struct scenario scenarios_barrier[] = {
    {.name = "barrier-wait-last", .peers = 2, .peer = peer_meet,
     .prepare = prepare_after_waiters, .act = act_wait_last},
    {.name = "barrier-wait-last-no-threads", .flags = SCENARIO_NO_THREADS, .peers = 2,
     .peer = peer_meet, .prepare = prepare_after_waiters, .act = act_wait_last},
    {.name = "barrier-arrive-last", .peers = 2, .peer = peer_meet,
     .prepare = prepare_after_waiters, .act = act_arrive_last},
    {.name = "barrier-action", .peers = 2, .peer = peer_meet_after_action,
     .prepare = prepare_to_act_once, .act = act_wait_last},
    {.name = "barrier-leader-releases", .peers = 2, .peer = peer_meet,
     .prepare = prepare_to_lead, .act = act_lead},
    {.name = "barrier-timeout", .peers = 1, .peer = peer_see_it_break,
     .prepare = prepare_after_waiters, .act = act_timeout},
    {.name = "barrier-abort", .peers = 2, .peer = peer_see_it_break,
     .prepare = prepare_after_waiters, .act = act_abort},
    {.name = "barrier-reset", .peers = 2, .peer = peer_see_it_break,
     .prepare = prepare_after_waiters, .act = act_reset},
    {.name = "barrier-cancel", .peers = 1, .peer = peer_see_it_break,
     .prepare = prepare_after_waiters, .act = act_start_cancel},
    {.name = "barrier-wait-first", .parties = 2, .peers = 1, .peer = peer_arrive_last,
     .prepare = prepare_open, .act = act_wait_first},
    {.name = "barrier-arrive-first", .parties = 2, .peers = 1, .peer = peer_come_later,
     .prepare = prepare_open, .act = act_arrive_first},
    {.name = NULL},
};
