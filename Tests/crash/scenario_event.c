/* Scenarios: the event and the latch. A set that was granted to the dead goes to the next. */
#include <stddef.h>

#include "scenario.h"
#include "support.h"

static void prepare_event(struct role *role) {
  open_both(role);
  open_event(role);
  stage_tell(role->stage, TOLD_PREPARED);
  role_await_peer_asleep(role, 0);
  role_await_peer_asleep(role, 1);
}

static void act_set(struct role *role) {
  CALL(role, syncmgr_event_set(role->event), SYNCMGR_OK);
}

static void act_set_reset(struct role *role) {
  CALL(role, syncmgr_event_set(role->event), SYNCMGR_OK);
  CALL(role, syncmgr_event_reset(role->event), SYNCMGR_OK);
}

/* Peers 0 and 1 wait. Peer 2 lets go on whom the victim did not: one set for one waiter. */
static void peer_wait_or_help(struct role *role) {
  open_both(role);
  open_event(role);
  if (role->index < 2) {
    role_tell_waiting(role);
    CALL(role, syncmgr_event_wait(role->event, SYNCMGR_FOREVER), SYNCMGR_OK);
    tell_released(role);
    return;
  }
  bool manual = (role->scenario->event_flags & SYNCMGR_EVENT_MANUAL_RESET) != 0;
  if (role_await_outcome(role) == VICTIM_FINISHED) {
    await_released(role, manual ? 2 : 1);
  } else {
    CALL(role, syncmgr_event_set(role->event), SYNCMGR_OK);
    await_released(role, 1);
  }
  CALL(role, syncmgr_event_set(role->event), SYNCMGR_OK);
  await_released(role, 2);
  CALL(role, syncmgr_event_reset(role->event), SYNCMGR_OK);
}

/* The victim waits, peer 0 waits behind it, and peer 1 sets once. A victim that died in its call
 * has consumed nothing, so the set is peer 0's. */
static void prepare_wait(struct role *role) {
  role_await(role, TOLD_READY(0));
  role_await(role, TOLD_READY(1));
  open_both(role);
  open_event(role);
}

static void act_wait(struct role *role) {
  CALL(role, syncmgr_event_wait(role->event, SYNCMGR_FOREVER), SYNCMGR_OK);
}

static void peer_wait_behind_or_set(struct role *role) {
  open_both(role);
  open_event(role);
  role_tell_ready(role);
  role_await_victim_asleep(role);
  if (role->index == 0) {
    role_tell_waiting(role);
    CALL(role, syncmgr_event_wait(role->event, SYNCMGR_FOREVER), SYNCMGR_OK);
    return;
  }
  role_await_peer_asleep(role, 0);
  CALL(role, syncmgr_event_set(role->event), SYNCMGR_OK);
  int64_t deadline_ns = now_ns() + patience_ns();
  while (atomic_load(&role->stage->outcome) == VICTIM_RUNS) {
    INSIST(role, now_ns() < deadline_ns, "the victim neither dies nor finishes");
    if (stage_was_told(role->stage, TOLD_DONE(0))) {
      /* Peer 0 had come before the victim into the line: the victim still needs its set. */
      CALL(role, syncmgr_event_set(role->event), SYNCMGR_OK);
    }
    sleep_ns(MILLISECOND);
  }
  if (atomic_load(&role->stage->outcome) == VICTIM_FINISHED) {
    CALL(role, syncmgr_event_set(role->event), SYNCMGR_OK);
  }
  role_await(role, TOLD_DONE(0));
}

static void act_wait_timeout(struct role *role) {
  CALL(role, syncmgr_event_wait(role->event, 3 * MILLISECOND), SYNCMGR_E_TIMEOUT);
}

static void prepare_event_only(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
  open_event(role);
}

static void prepare_latch(struct role *role) {
  open_both(role);
  open_latch(role);
  role_await_peer_asleep(role, 0);
  role_await_peer_asleep(role, 1);
}

static void act_count_down(struct role *role) {
  CALL(role, syncmgr_latch_count_down(role->latch, 2, NULL), SYNCMGR_OK);
}

/* Peers 0 and 1 wait for the latch; peer 2 counts what the victim did not. A count is whole. */
static void peer_latch(struct role *role) {
  open_both(role);
  open_latch(role);
  if (role->index < 2) {
    role_tell_waiting(role);
    CALL(role, syncmgr_latch_wait(role->latch, SYNCMGR_FOREVER), SYNCMGR_OK);
    return;
  }
  bool finished = role_await_outcome(role) == VICTIM_FINISHED;
  CALL(role, syncmgr_latch_count_down(role->latch, 2, NULL), SYNCMGR_OK, SYNCMGR_E_OVERFLOW);
  INSIST(role, !finished || role->status == SYNCMGR_E_OVERFLOW, "what was counted was lost");
  uint32_t remaining = 9;
  CALL(role, syncmgr_latch_count(role->latch, &remaining), SYNCMGR_OK);
  INSIST(role, remaining == 0, "%u remain", remaining);
}

static void prepare_latch_wait(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
  open_latch(role);
}

static void act_latch_wait(struct role *role) {
  CALL(role, syncmgr_latch_wait(role->latch, SYNCMGR_FOREVER), SYNCMGR_OK);
}

static void peer_count_down(struct role *role) {
  open_both(role);
  open_latch(role);
  role_tell_ready(role);
  role_await_victim_asleep(role);
  CALL(role, syncmgr_latch_count_down(role->latch, scenario_count(role->scenario), NULL),
       SYNCMGR_OK);
}

#define MANUAL .event_flags = SYNCMGR_EVENT_MANUAL_RESET

const struct scenario scenarios_event[] = {
    {.name = "event-set-waiters", .peers = 3, .peer = peer_wait_or_help,
     .prepare = prepare_event, .act = act_set},
    {.name = "event-set-waiters-no-threads", .flags = SCENARIO_NO_THREADS, .peers = 3,
     .peer = peer_wait_or_help, .prepare = prepare_event, .act = act_set},
    {.name = "event-set-waiters-manual", MANUAL, .peers = 3, .peer = peer_wait_or_help,
     .prepare = prepare_event, .act = act_set_reset},
    {.name = "event-wait-granted", .peers = 2, .peer = peer_wait_behind_or_set,
     .prepare = prepare_wait, .act = act_wait},
    {.name = "event-wait-timeout", .peers = 1, .peer = peer_idle, .prepare = prepare_event_only,
     .act = act_wait_timeout},
    {.name = "event-free", .flags = SCENARIO_REMOVABLE, .peers = 1, .peer = peer_idle,
     .prepare = prepare_event_only, .act = act_set_reset},
    {.name = "latch-zero", .count = 2, .peers = 3, .peer = peer_latch,
     .prepare = prepare_latch, .act = act_count_down},
    {.name = "latch-wait", .count = 2, .peers = 1, .peer = peer_count_down,
     .prepare = prepare_latch_wait, .act = act_latch_wait},
    {.name = NULL},
};
