/* Scenarios: the sync point. Whoever dies, all who meet at a point see the same end. */
#include <stddef.h>
#include <string.h>

#include "scenario.h"
#include "support.h"

#define POINT_NAME "point"
#define EXPECTED "peer-1/victim/peer-0"

/* Of this process. */
static syncmgr_sync_point_t *point;

static void open_point(struct role *role) {
  syncmgr_sync_point_options_t options = SYNCMGR_SYNC_POINT_OPTIONS_INIT;
  options.flags = role->scenario->event_flags; /* those of the point, in these scenarios */
  CALL(role,
       syncmgr_sync_point_open(role->workstream, POINT_NAME, EXPECTED, NULL, &options, &point),
       SYNCMGR_OK);
}

static void prepare_space(struct role *role) { open_both(role); }

static void prepare_point(struct role *role) {
  open_both(role);
  open_point(role);
}

static void prepare_after_waiters(struct role *role) {
  prepare_point(role);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await_peer_asleep(role, peer);
  }
}

static void act_open(struct role *role) {
  syncmgr_sync_member_t members[3];
  uint32_t count = 0;
  open_point(role);
  CALL(role, syncmgr_sync_point_members(point, members, 3, &count), SYNCMGR_OK);
  CALL(role, syncmgr_sync_point_close(point), SYNCMGR_OK);
  CALL(role, syncmgr_object_remove(role->manager, SYNCMGR_TYPE_SYNC_POINT, POINT_NAME),
       SYNCMGR_OK);
}

static void act_arrive(struct role *role) {
  CALL(role, syncmgr_sync_point_wait(point, SYNCMGR_FOREVER, NULL), SYNCMGR_OK);
}

static void act_arrive_in_vain(struct role *role) {
  syncmgr_ticket_t *ticket = NULL;
  CALL(role, syncmgr_sync_point_wait(point, 2 * MILLISECOND, NULL), SYNCMGR_E_TIMEOUT);
  CALL(role, syncmgr_sync_point_wait(point, 0, NULL), SYNCMGR_E_TIMEOUT);
  CALL(role, syncmgr_sync_point_wait_start(point, SYNCMGR_FOREVER, NULL, 0, &ticket, NULL),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_ticket_cancel(ticket), SYNCMGR_OK);
}

static void act_fail(struct role *role) {
  CALL(role, syncmgr_sync_point_fail(point, "the victim failed"), SYNCMGR_OK);
}

static void act_cancel(struct role *role) {
  CALL(role, syncmgr_sync_point_cancel(point, "the victim cancelled it"), SYNCMGR_OK);
}

static void act_force(struct role *role) {
  CALL(role, syncmgr_sync_point_force_complete(point), SYNCMGR_OK);
}

/* A peer waits; what came of it is what the victim did, or its death, and the same for all. */
static void peer_meet(struct role *role) {
  struct stage *stage = role->stage;
  syncmgr_sync_result_t result;
  open_both(role);
  open_point(role);
  role_tell_waiting(role);
  CALL(role, syncmgr_sync_point_wait(point, SYNCMGR_FOREVER, &result), SYNCMGR_OK,
       SYNCMGR_PARTIAL, SYNCMGR_E_FAILED);
  int32_t mine = role->status;
  INSIST(role, mine != SYNCMGR_E_FAILED || strstr(result.reason, "victim") != NULL,
         "it failed because: '%s'", result.reason);
  INSIST(role, result.arrived >= 2, "%u were there", result.arrived);
  atomic_store(&stage->result[role->index], mine);
  role_tell_ready(role);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await(role, TOLD_READY(peer));
    int32_t other = atomic_load(&stage->result[peer]);
    INSIST(role, other == mine, "one waiter got %s and another %s", syncmgr_status_name(mine),
           syncmgr_status_name(other));
  }
}

/* A point of the same three whose time passes. The victim, or a waiting peer, ends it then. */
#define TIMED_NAME "timed"

static void open_timed(struct role *role) {
  syncmgr_sync_point_options_t options = SYNCMGR_SYNC_POINT_OPTIONS_INIT;
  options.flags = role->scenario->event_flags;
  options.minimum = 2;
  options.timeout_ns = 20 * MILLISECOND;
  if (!(options.flags & SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT)) {
    options.minimum = SYNCMGR_ANY;
  } else {
    options.flags |= SYNCMGR_SYNC_WAIT_FOR_ALL;
  }
  CALL(role,
       syncmgr_sync_point_open(role->workstream, TIMED_NAME, EXPECTED, NULL, &options, &point),
       SYNCMGR_OK);
}

static void prepare_timed(struct role *role) {
  open_both(role);
  role_await(role, TOLD_READY(0));
  open_timed(role);
}

/* On a busy machine the time may be over before it comes. The end is the same for all and stays. */
static void act_time_out(struct role *role) {
  syncmgr_sync_result_t first, second;
  CALL(role, syncmgr_sync_point_wait(point, SYNCMGR_FOREVER, &first), SYNCMGR_E_TIMEOUT,
       SYNCMGR_PARTIAL, SYNCMGR_E_LATE);
  CALL(role, syncmgr_sync_point_wait(point, SYNCMGR_FOREVER, &second), role->status);
  INSIST(role, first.status == second.status && first.arrived == second.arrived,
         "the result changed from %u of %u to %u of %u", first.status, first.arrived,
         second.status, second.arrived);
  CALL(role, syncmgr_sync_point_force_complete(point), SYNCMGR_FINISHED);
}

/* The same while the acting thread sleeps: the background thread ends the point. */
static void prepare_timed_start(struct role *role) {
  prepare_timed(role);
  CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
  CALL(role,
       syncmgr_sync_point_wait_start(point, SYNCMGR_FOREVER, role->queue, 0, &role->ticket, NULL),
       SYNCMGR_PENDING, SYNCMGR_E_LATE);
}

static void act_sleep_over_it(struct role *role) {
  for (int slice = 0; slice < 30; slice++) {
    sleep_ns(MILLISECOND);
  }
  CALL(role, syncmgr_sync_point_force_complete(point), SYNCMGR_FINISHED);
}

/* Comes as well, in time or not, and finds an end. That of the others it has in the same way. */
static void peer_time_out(struct role *role) {
  syncmgr_sync_result_t result;
  open_both(role);
  role_tell_ready(role);
  role_await(role, TOLD_PREPARED);
  open_timed(role);
  CALL(role, syncmgr_sync_point_wait(point, patience_ns(), &result), SYNCMGR_E_TIMEOUT,
       SYNCMGR_PARTIAL, SYNCMGR_E_FAILED, SYNCMGR_E_LATE);
  INSIST(role, result.status != SYNCMGR_SYNC_WAITING && result.status != SYNCMGR_SYNC_COMPLETE,
         "the point is in status %u", result.status);
  INSIST(role, result.status != SYNCMGR_SYNC_PARTIAL_COMPLETE || result.arrived == 2,
         "%u are part of it", result.arrived);
  role_await_outcome(role);
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
  syncmgr_sync_result_t again;
  CALL(role, syncmgr_sync_point_result(point, &again), SYNCMGR_OK);
  INSIST(role, again.status == result.status && again.arrived == result.arrived,
         "the result changed from %u of %u to %u of %u", result.status, result.arrived,
         again.status, again.arrived);
}

#define MEETING .peers = 2, .peer = peer_meet, .prepare = prepare_after_waiters
#define NO_THREADS .flags = SCENARIO_NO_THREADS
#define TIMED .peers = 1, .peer = peer_time_out, .prepare = prepare_timed
#define GO_ON .event_flags = SYNCMGR_SYNC_CONTINUE_ON_FAILURE

const struct scenario scenarios_meeting[] = {
    {.name = "sync-point-open", .peers = 1, .peer = peer_idle, .prepare = prepare_space,
     .act = act_open},
    {.name = "sync-point-in-vain", .peers = 1, .peer = peer_idle, .prepare = prepare_point,
     .act = act_arrive_in_vain},
    {.name = "sync-point-complete", MEETING, .act = act_arrive},
    {.name = "sync-point-complete-no-threads", NO_THREADS, MEETING, .act = act_arrive},
    {.name = "sync-point-go-on", GO_ON, MEETING, .act = act_arrive},
    {.name = "sync-point-fail", MEETING, .act = act_fail},
    {.name = "sync-point-fail-go-on", GO_ON, MEETING, .act = act_fail},
    {.name = "sync-point-cancel", MEETING, .act = act_cancel},
    {.name = "sync-point-force", MEETING, .act = act_force},
    {.name = "sync-point-time", TIMED, .act = act_time_out},
    {.name = "sync-point-time-no-threads", NO_THREADS, TIMED, .act = act_time_out},
    {.name = "sync-point-time-go-on", TIMED, .act = act_time_out,
     .event_flags = SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT},
    {.name = "sync-point-time-service", .flags = SCENARIO_OTHERS, .peers = 1,
     .peer = peer_time_out, .prepare = prepare_timed_start, .act = act_sleep_over_it},
    {.name = NULL},
};
