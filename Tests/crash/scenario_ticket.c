/* Scenarios: waits that were started, cancelled, collected, and granted to another process. */
#include <poll.h>
#include <stddef.h>

#include "scenario.h"
#include "support.h"

static void prepare_open(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
  open_mutex(role);
}

/* The peer holds the mutex until the victim has ended, whatever the victim started for it. */
static void peer_hold(struct role *role) {
  open_both(role);
  open_mutex(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  role_tell_ready(role);
  role_await_outcome(role);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  lock_and_unlock(role);
}

static void act_start_cancel(struct role *role) {
  CALL(role, syncmgr_mutex_lock_start(role->mutex, SYNCMGR_FOREVER, NULL, 1, &role->ticket),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_ticket_cancel(role->ticket), SYNCMGR_OK);
}

static void act_queue_cancel(struct role *role) {
  CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
  CALL(role,
       syncmgr_mutex_lock_start(role->mutex, SYNCMGR_FOREVER, role->queue, 1, &role->ticket),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_ticket_cancel(role->ticket), SYNCMGR_OK);
  CALL(role,
       syncmgr_mutex_lock_start(role->mutex, SYNCMGR_FOREVER, role->queue, 2, &role->ticket),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_queue_close(role->queue), SYNCMGR_OK);
}

/* The wait that was started times out by itself, and its outcome is collected. */
static void act_start_timeout(struct role *role) {
  CALL(role, syncmgr_mutex_lock_start(role->mutex, 3 * MILLISECOND, NULL, 1, &role->ticket),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_ticket_wait(role->ticket, patience_ns(), NULL), SYNCMGR_E_TIMEOUT);
}

/* The peer unlocks when the victim has its ticket; the victim collects the grant. */
static void peer_hold_until_waiting(struct role *role) {
  open_both(role);
  open_mutex(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  role_tell_ready(role);
  role_await_victim_asleep(role);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_lock(role->mutex, patience_ns()), SYNCMGR_OK, SYNCMGR_OWNER_DIED);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

static void act_start_collect(struct role *role) {
  CALL(role, syncmgr_mutex_lock_start(role->mutex, SYNCMGR_FOREVER, NULL, 1, &role->ticket),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_ticket_wait(role->ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

static void act_queue_collect(struct role *role) {
  syncmgr_record_t record;
  CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
  CALL(role,
       syncmgr_mutex_lock_start(role->mutex, SYNCMGR_FOREVER, role->queue, 5, &role->ticket),
       SYNCMGR_PENDING, SYNCMGR_OK);
  /* Granted at once when the peer took a short sleep in the open for the wait. */
  if (role->status == SYNCMGR_PENDING) {
    drain_one(role, &record);
    INSIST(role, record.status == SYNCMGR_OK && record.user_data == 5, "record %s, user data %u",
           syncmgr_status_name(record.status), (unsigned)record.user_data);
  }
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_queue_close(role->queue), SYNCMGR_OK);
}

/* The victim holds the mutex, peer 0 has a ticket with a queue, peer 1 one without. */
static void prepare_hold(struct role *role) {
  open_both(role);
  open_mutex(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  stage_tell(role->stage, TOLD_PREPARED);
  role_await(role, TOLD_WAITING(0) | TOLD_WAITING(1));
}

static void act_unlock(struct role *role) {
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

static void peer_be_granted(struct role *role) {
  syncmgr_record_t record;
  open_both(role);
  open_mutex(role);
  if (role->index == 0) {
    CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
  }
  role_await(role, TOLD_PREPARED);
  CALL(role,
       syncmgr_mutex_lock_start(role->mutex, SYNCMGR_FOREVER, role->queue, 6, &role->ticket),
       SYNCMGR_PENDING);
  role_tell_waiting(role);
  if (role->index == 0) {
    drain_one(role, &record);
    INSIST(role, record.status == SYNCMGR_OK || record.status == SYNCMGR_OWNER_DIED,
           "the record says %s", syncmgr_status_name(record.status));
  } else {
    CALL(role, syncmgr_ticket_wait(role->ticket, SYNCMGR_FOREVER, &record), SYNCMGR_OK,
         SYNCMGR_OWNER_DIED);
  }
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

/* The victim's ticket is granted, and it closes the queue without having drained it. */
static void prepare_granted(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
  open_mutex(role);
  CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
  CALL(role,
       syncmgr_mutex_lock_start(role->mutex, SYNCMGR_FOREVER, role->queue, 1, &role->ticket),
       SYNCMGR_PENDING);
  stage_tell(role->stage, TOLD_PREPARED);
  role_await(role, TOLD_WAITING(0));
}

static void act_queue_close(struct role *role) {
  CALL(role, syncmgr_queue_close(role->queue), SYNCMGR_OK);
}

static void peer_grant_and_wait(struct role *role) {
  open_both(role);
  open_mutex(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  role_tell_ready(role);
  role_await(role, TOLD_PREPARED);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  role_tell_waiting(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK, SYNCMGR_OWNER_DIED);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

/* Peer 0 dies as the owner, and its death is granted to a ticket whose outcome nobody looks at.
 * The data may be half changed, so whoever locks next has to be told. */
static void prepare_inherit(struct role *role) {
  int32_t descriptor = -1;
  role_await(role, TOLD_READY(0) | TOLD_READY(1));
  open_both(role);
  open_mutex(role);
  CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
  CALL(role,
       syncmgr_mutex_lock_start(role->mutex, SYNCMGR_FOREVER, role->queue, 1, &role->ticket),
       SYNCMGR_PENDING);
  stage_tell(role->stage, TOLD_PREPARED);
  CALL(role, syncmgr_queue_fd(role->queue, &descriptor), SYNCMGR_OK);
  struct pollfd readable = {.fd = descriptor, .events = POLLIN};
  int ready = poll(&readable, 1, (int)(patience_ns() / MILLISECOND));
  INSIST(role, ready == 1, "the mutex of the dead peer was not granted");
}

static void act_workstream_close(struct role *role) {
  CALL(role, syncmgr_workstream_close(role->workstream), SYNCMGR_OK);
}

static void peer_die_or_be_told(struct role *role) {
  open_both(role);
  open_mutex(role);
  if (role->index == 0) {
    CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
    role_tell_ready(role);
    role_await(role, TOLD_PREPARED);
    role_die(role);
  }
  role_tell_ready(role);
  role_await_outcome(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, patience_ns()), SYNCMGR_OWNER_DIED);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

const struct scenario scenarios_ticket[] = {
    {.name = "ticket-start-cancel", .peers = 1, .peer = peer_hold, .prepare = prepare_open,
     .act = act_start_cancel},
    {.name = "ticket-queue-cancel", .peers = 1, .peer = peer_hold, .prepare = prepare_open,
     .act = act_queue_cancel},
    {.name = "ticket-timeout", .peers = 1, .peer = peer_hold, .prepare = prepare_open,
     .act = act_start_timeout},
    {.name = "ticket-collect", .peers = 1, .peer = peer_hold_until_waiting,
     .prepare = prepare_open, .act = act_start_collect},
    {.name = "ticket-collect-no-threads", .flags = SCENARIO_NO_THREADS, .peers = 1,
     .peer = peer_hold_until_waiting, .prepare = prepare_open, .act = act_start_collect},
    {.name = "ticket-queue-collect", .peers = 1, .peer = peer_hold_until_waiting,
     .prepare = prepare_open, .act = act_queue_collect},
    {.name = "ticket-queue-collect-service", .flags = SCENARIO_OTHERS, .peers = 1,
     .peer = peer_hold_until_waiting, .prepare = prepare_open, .act = act_queue_collect},
    {.name = "ticket-granted-elsewhere", .peers = 2, .peer = peer_be_granted,
     .prepare = prepare_hold, .act = act_unlock},
    {.name = "ticket-queue-close-granted", .peers = 1, .peer = peer_grant_and_wait,
     .prepare = prepare_granted, .act = act_queue_close},
    {.name = "ticket-queue-close-inherited", .peers = 2, .peer = peer_die_or_be_told,
     .prepare = prepare_inherit, .act = act_queue_close},
    {.name = "ticket-workstream-close-inherited", .peers = 2, .peer = peer_die_or_be_told,
     .prepare = prepare_inherit, .act = act_workstream_close},
    {.name = NULL},
};
