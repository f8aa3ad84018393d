/* Scenarios: a deadlock that the victim searches for and ends, by a peer's waits and by its own;
 * a resource. Whoever survives goes on: the peers' waits end, and they search themselves. */
#include <stddef.h>

#include "scenario.h"
#include "support.h"

static syncmgr_mutex_t *crossed[2][2];
static syncmgr_ticket_t *tickets[2];
static syncmgr_workstream_t *streams[2];
static syncmgr_resource_t *resource;

/* Two workstreams of this process, each with a lock that the other waits for. */
static void cross(struct role *role) {
  static const char *const names[2][2] = {{"cross-0", "cross-1"}, {"cross-2", "cross-3"}};
  int own = role->index == ROLE_VICTIM ? 0 : 1;
  for (int stream = 0; stream < 2; stream++) {
    CALL(role, syncmgr_workstream_open(role->manager, NULL, &streams[stream]), SYNCMGR_OK);
    for (int lock = 0; lock < 2; lock++) {
      CALL(role,
           syncmgr_mutex_open(streams[stream], names[own][stream ^ lock], NULL,
                              &crossed[stream][lock]),
           SYNCMGR_OK);
    }
    CALL(role, syncmgr_mutex_lock(crossed[stream][0], 0), SYNCMGR_OK);
  }
  for (int stream = 0; stream < 2; stream++) {
    CALL(role,
         syncmgr_mutex_lock_start(crossed[stream][1], SYNCMGR_FOREVER, NULL, 0, &tickets[stream]),
         SYNCMGR_PENDING);
  }
}

/* One of the waits ends with E_DEADLOCK, and the other once that one has released. */
static void uncross(struct role *role) {
  CALL(role, syncmgr_ticket_wait(tickets[1], patience_ns(), NULL), SYNCMGR_E_DEADLOCK);
  CALL(role, syncmgr_mutex_unlock(crossed[1][0]), SYNCMGR_OK);
  CALL(role, syncmgr_ticket_wait(tickets[0], patience_ns(), NULL), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_unlock(crossed[0][0]), SYNCMGR_OK);
  for (int stream = 0; stream < 2; stream++) {
    CALL(role, syncmgr_workstream_close(streams[stream]), SYNCMGR_OK);
  }
}

static void prepare_search(struct role *role) {
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.delay_ns = options.interval_ns = SYNCMGR_FOREVER;
  open_both(role);
  CALL(role, syncmgr_deadlock_configure(role->manager, &options), SYNCMGR_OK);
  cross(role);
  stage_tell(role->stage, TOLD_PREPARED);
  for (uint32_t peer = 0; peer < role->scenario->peers; peer++) {
    role_await(role, TOLD_READY(peer));
  }
}

static void act_search(struct role *role) {
  uint32_t count = 0;
  CALL(role, syncmgr_deadlock_detect(role->manager, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count),
       SYNCMGR_OK);
}

static void act_search_and_clear(struct role *role) {
  uint32_t count = 0;
  act_search(role);
  CALL(role, syncmgr_deadlock_clear(role->manager, &count), SYNCMGR_OK);
}

/* Recorded first, and ended by hand. */
static void prepare_standing(struct role *role) {
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.delay_ns = options.interval_ns = SYNCMGR_FOREVER;
  options.flags = 0;
  prepare_search(role);
  CALL(role, syncmgr_deadlock_configure(role->manager, &options), SYNCMGR_OK);
  act_search(role);
}

static void act_resolve(struct role *role) {
  syncmgr_deadlock_t records[2];
  uint32_t count = 0;
  CALL(role, syncmgr_deadlock_list(role->manager, records, 2, &count), SYNCMGR_OK);
  INSIST(role, count == 2, "%u deadlocks stand", count);
  for (uint32_t index = 0; index < 2; index++) {
    CALL(role,
         syncmgr_deadlock_resolve(role->manager, records[index].id, SYNCMGR_VICTIM_YOUNGEST),
         SYNCMGR_OK);
    CALL(role, syncmgr_deadlock_clear(role->manager, &count), SYNCMGR_OK);
    INSIST(role, count == 1, "%u records were forgotten", count);
  }
}

/* What the victim did not end is ended by who looks next. No record is left that nobody can see or
 * forget. */
static void peer_standing(struct role *role) {
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  uint32_t count = 0;
  role_await(role, TOLD_PREPARED);
  open_both(role);
  cross(role);
  role_tell_ready(role);
  role_await_outcome(role);
  CALL(role, syncmgr_cleanup(role->manager, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_deadlock_configure(role->manager, &options), SYNCMGR_OK);
  CALL(role, syncmgr_deadlock_detect(role->manager, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count),
       SYNCMGR_OK);
  uncross(role);
  CALL(role, syncmgr_deadlock_detect(role->manager, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count),
       SYNCMGR_OK);
  INSIST(role, count == 0, "%u deadlocks stand", count);
  CALL(role, syncmgr_deadlock_clear(role->manager, &count), SYNCMGR_OK);
  CALL(role, syncmgr_deadlock_list(role->manager, NULL, 0, &count), SYNCMGR_OK);
  INSIST(role, count == 0, "%u records are left", count);
}

/* The peer is in a deadlock of its own, which the victim ends, or which it ends itself when the
 * victim died on the way. */
static void peer_crossed(struct role *role) {
  uint32_t count = 0;
  role_await(role, TOLD_PREPARED);
  open_both(role);
  cross(role);
  role_tell_ready(role);
  role_await_outcome(role);
  CALL(role, syncmgr_deadlock_detect(role->manager, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count),
       SYNCMGR_OK);
  uncross(role);
  CALL(role, syncmgr_deadlock_list(role->manager, NULL, 0, &count), SYNCMGR_OK);
}

static void open_resource(struct role *role) {
  open_both(role);
  CALL(role, syncmgr_resource_open(role->workstream, "resource", PERMITS, &resource), SYNCMGR_OK);
}

static void prepare_resource(struct role *role) {
  open_resource(role);
  role_await(role, TOLD_READY(0));
}

static void act_resource(struct role *role) {
  CALL(role, syncmgr_resource_declare(resource, 2), SYNCMGR_OK);
  CALL(role, syncmgr_resource_request(resource, 2), SYNCMGR_OK);
  CALL(role, syncmgr_resource_allocate(resource, 2), SYNCMGR_OK);
  CALL(role, syncmgr_resource_release(resource, 1), SYNCMGR_OK);
  CALL(role, syncmgr_resource_request(resource, 1), SYNCMGR_OK);
  CALL(role, syncmgr_resource_cancel(resource), SYNCMGR_OK);
  CALL(role, syncmgr_resource_close(resource), SYNCMGR_OK);
}

static void peer_resource(struct role *role) {
  open_resource(role);
  CALL(role, syncmgr_resource_allocate(resource, 1), SYNCMGR_OK);
  role_tell_ready(role);
  role_await_outcome(role);
  do {
    CALL(role, syncmgr_resource_allocate(resource, PERMITS - 1), SYNCMGR_OK, SYNCMGR_E_BUSY);
  } while (role->status == SYNCMGR_E_BUSY);
  CALL(role, syncmgr_resource_release(resource, PERMITS), SYNCMGR_OK);
}

#define CROSSED .flags = SCENARIO_NO_FAULTS, .peers = 1, .peer = peer_crossed
#define PREPARED .prepare = prepare_search

const struct scenario scenarios_deadlock[] = {
    {.name = "deadlock-search", CROSSED, PREPARED, .act = act_search},
    {.name = "deadlock-clear", CROSSED, PREPARED, .act = act_search_and_clear},
    {.name = "deadlock-by-hand", .flags = SCENARIO_NO_FAULTS, .peers = 1, .peer = peer_standing,
     .prepare = prepare_standing, .act = act_resolve},
    {.name = "resource", .flags = SCENARIO_NO_FAULTS, .peers = 1, .peer = peer_resource,
     .prepare = prepare_resource, .act = act_resource},
    {.name = NULL},
};
