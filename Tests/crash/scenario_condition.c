/* Scenarios: the condition. A signal is for one waiter that lives: not lost when the signaller dies
 * with it or the waiter does, and not given twice when it was given once. */
#include <stddef.h>

#include "scenario.h"
#include "support.h"

static void lock(struct role *role) {
  CALL(role, syncmgr_mutex_lock(role->mutex, patience_ns()), SYNCMGR_OK, SYNCMGR_OWNER_DIED);
}

static void unlock(struct role *role) { CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK); }

static void signal_one(struct role *role) {
  CALL(role, syncmgr_condition_signal(role->condition, 1, NULL), SYNCMGR_OK);
}

static void open_all(struct role *role) {
  open_both(role);
  open_mutex(role);
  open_condition(role);
}

/* Waits like everybody should, and counts itself among those who have gone on. */
static void wait_and_tell(struct role *role) {
  lock(role);
  role_tell_waiting(role);
  CALL(role, syncmgr_condition_wait(role->condition, role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK,
       SYNCMGR_OWNER_DIED);
  tell_released(role);
  unlock(role);
}

/* Signalling: peers 0 and 1 wait. */
static void prepare_signal(struct role *role) {
  open_all(role);
  stage_tell(role->stage, TOLD_PREPARED);
  role_await_peer_asleep(role, 0);
  role_await_peer_asleep(role, 1);
}

static void act_signal(struct role *role) { signal_one(role); }

static void act_signal_locked(struct role *role) {
  CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK);
  signal_one(role);
  unlock(role);
}

static void act_broadcast(struct role *role) {
  CALL(role, syncmgr_condition_broadcast(role->condition, NULL), SYNCMGR_OK);
}

/* Peer 2 signals as soon as the victim is dead: it may find the line as the dead one left it. */
static void peer_wait_or_signal(struct role *role) {
  open_all(role);
  if (role->index < 2) {
    role_await(role, TOLD_PREPARED);
    wait_and_tell(role);
    return;
  }
  if (role_await_outcome(role) == VICTIM_FINISHED) {
    await_released(role, role->scenario->act == act_broadcast ? 2 : 1);
    sleep_ns(MILLISECOND);
    INSIST(role, role->scenario->act == act_broadcast || atomic_load(&role->stage->note) == 1,
           "one signal was given twice");
  } else {
    signal_one(role);
    await_released(role, 1);
  }
  signal_one(role);
  await_released(role, 2);
}

/* Waiting: the victim waits, peer 0 behind it, and peer 1 signals once. */
static void prepare_wait(struct role *role) {
  role_await(role, TOLD_READY(0) | TOLD_READY(1));
  open_all(role);
}

static void act_wait(struct role *role) {
  CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK);
  CALL(role, syncmgr_condition_wait(role->condition, role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK);
  /* From here on the signal is used up, whatever becomes of the victim. */
  tell_released(role);
  unlock(role);
}

static void peer_wait_behind_or_signal(struct role *role) {
  open_all(role);
  role_tell_ready(role);
  role_await_victim_asleep(role);
  if (role->index == 0) {
    lock(role);
    role_tell_waiting(role);
    CALL(role, syncmgr_condition_wait(role->condition, role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK,
         SYNCMGR_OWNER_DIED);
    unlock(role);
    return;
  }
  role_await_peer_asleep(role, 0);
  signal_one(role);
  bool finished = role_await_outcome(role) == VICTIM_FINISHED;
  bool used = finished || atomic_load(&role->stage->note) != 0;
  if (!used) {
    /* It died on its way. With the mutex in hand it may have used the signal; without it not. */
    CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
    lock(role);
    used = role->status == SYNCMGR_OWNER_DIED;
    unlock(role);
  }
  if (used) {
    signal_one(role);
  }
  role_await(role, TOLD_DONE(0));
}

static void prepare_alone(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_all(role);
}

static void act_wait_timeout(struct role *role) {
  CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK);
  CALL(role, syncmgr_condition_wait(role->condition, role->mutex, 3 * MILLISECOND),
       SYNCMGR_E_TIMEOUT);
  unlock(role);
}

/* Leaving: the victim has a ticket, and the signal, but not the mutex, which peer 1 has until the
 * victim is through. Its signal is peer 0's then, whether it leaves or dies. */
static void prepare_leave(struct role *role) {
  open_all(role);
  lock(role);
  CALL(role,
       syncmgr_condition_wait_start(role->condition, role->mutex, SYNCMGR_FOREVER, NULL, 0,
                                    &role->ticket),
       SYNCMGR_PENDING);
  stage_tell(role->stage, TOLD_PREPARED);
  role_await(role, TOLD_READY(1));
}

static void act_cancel(struct role *role) {
  CALL(role, syncmgr_ticket_cancel(role->ticket), SYNCMGR_OK);
}

static void act_close(struct role *role) {
  CALL(role, syncmgr_condition_close(role->condition), SYNCMGR_OK);
}

static void act_close_mutex(struct role *role) {
  CALL(role, syncmgr_mutex_close(role->mutex), SYNCMGR_OK);
}

static void peer_inherit_or_hold(struct role *role) {
  open_all(role);
  role_await(role, TOLD_PREPARED);
  if (role->index == 0) {
    wait_and_tell(role);
    return;
  }
  role_await_peer_asleep(role, 0);
  lock(role);
  signal_one(role);
  role_tell_ready(role);
  role_await_outcome(role);
  unlock(role);
  await_released(role, 1);
}

/* Recovering: peer 0 dies with the signal and without the mutex, which peer 2 has. The victim
 * recovers it, and dies on the way; peer 1 gets the signal. */
static void prepare_recover(struct role *role) {
  open_all(role);
  role_await(role, TOLD_READY(2));
  role_await_peer_dead(role, 0);
}

static void act_cleanup(struct role *role) {
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
}

static void peer_die_inherit_or_hold(struct role *role) {
  open_all(role);
  if (role->index == 0) {
    lock(role);
    CALL(role,
         syncmgr_condition_wait_start(role->condition, role->mutex, SYNCMGR_FOREVER, NULL, 0,
                                      &role->ticket),
         SYNCMGR_PENDING);
    role_tell_ready(role);
    role_await(role, TOLD_READY(2));
    role_die(role);
  }
  role_await(role, TOLD_READY(0));
  if (role->index == 1) {
    wait_and_tell(role);
    return;
  }
  role_await_peer_asleep(role, 1);
  lock(role);
  signal_one(role);
  role_tell_ready(role);
  role_await_outcome(role);
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
  unlock(role);
  await_released(role, 1);
}

#define NO_THREADS .flags = SCENARIO_NO_THREADS
#define FAIR .mutex_flags = SYNCMGR_MUTEX_FAIR
#define SIGNALLED .peers = 3, .peer = peer_wait_or_signal, .prepare = prepare_signal
#define WAITING .peers = 2, .peer = peer_wait_behind_or_signal, .prepare = prepare_wait
#define LEAVING .peers = 2, .peer = peer_inherit_or_hold, .prepare = prepare_leave

const struct scenario scenarios_condition[] = {
    {.name = "condition-signal", SIGNALLED, .act = act_signal},
    {.name = "condition-signal-no-threads", NO_THREADS, SIGNALLED, .act = act_signal},
    {.name = "condition-signal-locked", SIGNALLED, .act = act_signal_locked},
    {.name = "condition-signal-fair", FAIR, SIGNALLED, .act = act_signal},
    {.name = "condition-broadcast", SIGNALLED, .act = act_broadcast},
    {.name = "condition-broadcast-no-threads", NO_THREADS, SIGNALLED, .act = act_broadcast},
    {.name = "condition-wait", WAITING, .act = act_wait},
    {.name = "condition-wait-no-threads", NO_THREADS, WAITING, .act = act_wait},
    {.name = "condition-wait-timeout", .peers = 1, .peer = peer_idle, .prepare = prepare_alone,
     .act = act_wait_timeout},
    {.name = "condition-cancel", LEAVING, .act = act_cancel},
    {.name = "condition-cancel-no-threads", NO_THREADS, LEAVING, .act = act_cancel},
    {.name = "condition-close", LEAVING, .act = act_close},
    {.name = "condition-close-mutex", LEAVING, .act = act_close_mutex},
    {.name = "condition-recover", NO_THREADS, .peers = 3, .peer = peer_die_inherit_or_hold,
     .prepare = prepare_recover, .act = act_cleanup},
    {.name = NULL},
};
