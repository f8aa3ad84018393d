/* Scenarios: attaching to a space, leaving it, and opening things in it. */
#include <stddef.h>

#include "scenario.h"

static void act_open_close(struct role *role) {
  open_space(role);
  CALL(role, syncmgr_close(role->manager), SYNCMGR_OK);
  role->manager = NULL;
}

/* The victim is the last to leave while another has just left: it removes the segment. */
static void prepare_be_last(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
  stage_tell(role->stage, TOLD_PREPARED);
  role_await(role, TOLD_DONE(0));
}

static void peer_leave(struct role *role) {
  open_both(role);
  role_tell_ready(role);
  role_await(role, TOLD_PREPARED);
  CALL(role, syncmgr_close(role->manager), SYNCMGR_OK);
  role->manager = NULL;
}

/* Everything that a process can leave behind, in the hands of one that dies. */
static void peer_die_with_everything(struct role *role) {
  open_both(role);
  open_mutex(role);
  open_semaphore(role);
  open_barrier(role);
  open_event(role);
  open_latch(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, 2, 0), SYNCMGR_OK);
  CALL(role, syncmgr_barrier_arrive(role->barrier, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_latch_wait_start(role->latch, SYNCMGR_FOREVER, NULL, 0, &role->ticket),
       SYNCMGR_PENDING);
  role_die(role);
}

static void prepare_await_death(struct role *role) { role_await_peer_dead(role, 0); }

static void prepare_join(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_space(role);
}

static void prepare_alone(struct role *role) { open_both(role); }

static void act_workstream(struct role *role) {
  open_workstream(role);
  CALL(role, syncmgr_workstream_close(role->workstream), SYNCMGR_OK);
}

static void prepare_await_ready(struct role *role) { role_await(role, TOLD_READY(0)); }

static void prepare_join_with_workstream(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
}

static void act_objects(struct role *role) {
  open_mutex(role);
  open_semaphore(role);
  open_barrier(role);
  open_event(role);
  open_latch(role);
  CALL(role, syncmgr_mutex_close(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_close(role->semaphore), SYNCMGR_OK);
  CALL(role, syncmgr_barrier_close(role->barrier), SYNCMGR_OK);
  CALL(role, syncmgr_event_close(role->event), SYNCMGR_OK);
  CALL(role, syncmgr_latch_close(role->latch), SYNCMGR_OK);
}

static void act_objects_and_remove(struct role *role) {
  act_objects(role);
  CALL(role, syncmgr_object_remove(role->manager, SYNCMGR_TYPE_MUTEX, MUTEX_NAME), SYNCMGR_OK);
  CALL(role, syncmgr_object_remove(role->manager, SYNCMGR_TYPE_SEMAPHORE, SEMAPHORE_NAME),
       SYNCMGR_OK);
  CALL(role, syncmgr_object_remove(role->manager, SYNCMGR_TYPE_BARRIER, BARRIER_NAME), SYNCMGR_OK);
  CALL(role, syncmgr_object_remove(role->manager, SYNCMGR_TYPE_EVENT, EVENT_NAME), SYNCMGR_OK);
  CALL(role, syncmgr_object_remove(role->manager, SYNCMGR_TYPE_LATCH, LATCH_NAME), SYNCMGR_OK);
}

static void peer_create_objects(struct role *role) {
  open_both(role);
  act_objects(role);
  role_tell_ready(role);
}

static void act_unlink(struct role *role) {
  CALL(role, syncmgr_unlink(role->stage->url), SYNCMGR_OK);
}

/* The victim closes while it holds everything, and two others wait for it. */
static void prepare_hold_everything(struct role *role) {
  open_both(role);
  open_mutex(role);
  open_semaphore(role);
  open_latch(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, 0), SYNCMGR_OK);
  CALL(role, syncmgr_queue_open(role->manager, 0, -1, &role->queue), SYNCMGR_OK);
  CALL(role,
       syncmgr_latch_wait_start(role->latch, SYNCMGR_FOREVER, role->queue, 7, &role->ticket),
       SYNCMGR_PENDING);
  stage_tell(role->stage, TOLD_PREPARED);
  role_await_peer_asleep(role, 0);
  role_await_peer_asleep(role, 1);
}

static void act_close(struct role *role) {
  CALL(role, syncmgr_close(role->manager), SYNCMGR_OK);
  role->manager = NULL;
}

static void act_workstream_close(struct role *role) {
  CALL(role, syncmgr_workstream_close(role->workstream), SYNCMGR_OK);
}

static void peer_wait_for_holds(struct role *role) {
  open_both(role);
  open_mutex(role);
  open_semaphore(role);
  role_await(role, TOLD_PREPARED);
  role_tell_waiting(role);
  if (role->index == 0) {
    CALL(role, syncmgr_mutex_lock(role->mutex, SYNCMGR_FOREVER), SYNCMGR_OK, SYNCMGR_OWNER_DIED);
    CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  } else {
    CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, SYNCMGR_FOREVER), SYNCMGR_OK);
    CALL(role, syncmgr_semaphore_release(role->semaphore, PERMITS), SYNCMGR_OK);
  }
}

#define NO_THREADS SCENARIO_NO_THREADS
#define PERSISTENT SCENARIO_PERSISTENT
#define REMOVABLE SCENARIO_REMOVABLE

const struct scenario scenarios_space[] = {
    {.name = "space-create-close", .flags = REMOVABLE, .act = act_open_close},
    {.name = "space-create-close-persistent", .flags = PERSISTENT | REMOVABLE,
     .act = act_open_close},
    {.name = "space-create-close-no-threads", .flags = NO_THREADS | REMOVABLE,
     .act = act_open_close},
    {.name = "space-join-leave", .flags = REMOVABLE, .peers = 1, .peer = peer_idle,
     .prepare = prepare_await_ready, .act = act_open_close},
    {.name = "space-leave-last", .flags = REMOVABLE, .peers = 1, .peer = peer_leave,
     .prepare = prepare_be_last, .act = act_close},
    {.name = "space-replace-the-dead", .flags = REMOVABLE, .peers = 1,
     .peer = peer_die_with_everything, .prepare = prepare_await_death, .act = act_open_close},
    {.name = "space-recover-persistent", .flags = PERSISTENT | REMOVABLE, .peers = 1,
     .peer = peer_die_with_everything, .prepare = prepare_await_death, .act = act_open_close},
    {.name = "space-unlink", .flags = PERSISTENT | REMOVABLE, .prepare = prepare_alone,
     .act = act_unlink},
    {.name = "workstream-open-close", .flags = REMOVABLE, .peers = 1, .peer = peer_idle,
     .prepare = prepare_join, .act = act_workstream},
    {.name = "objects-create-remove", .flags = REMOVABLE, .peers = 1, .peer = peer_idle,
     .prepare = prepare_join_with_workstream, .act = act_objects_and_remove},
    {.name = "objects-create-persistent", .flags = PERSISTENT | REMOVABLE,
     .prepare = prepare_alone, .act = act_objects},
    {.name = "objects-join", .flags = REMOVABLE, .peers = 1, .peer = peer_create_objects,
     .prepare = prepare_join_with_workstream, .act = act_objects},
    {.name = "space-close-holding", .peers = 2, .peer = peer_wait_for_holds,
     .prepare = prepare_hold_everything, .act = act_close},
    {.name = "workstream-close-holding", .peers = 2, .peer = peer_wait_for_holds,
     .prepare = prepare_hold_everything, .act = act_workstream_close},
    {.name = NULL},
};
