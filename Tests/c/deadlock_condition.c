/* A wait for a condition becomes one for its mutex, and may close a circle by that. */
#include <stdio.h>

#include "deadlocks.h"

/* How the waiter waits. */
enum { BLOCKED, TICKET, QUEUED, WAYS };

/* The waiter holds "x" and waits for the condition, the holder has the mutex and waits for "x". */
typedef struct scene {
  syncmgr_t *space;
  syncmgr_workstream_t *waiter, *holder;
  syncmgr_condition_t *condition, *signalling;
  syncmgr_mutex_t *mutex, *x, *held_mutex, *wanted_x;
  unsigned way;
  int64_t timeout_ns;
  _Atomic uint32_t begun;
  _Atomic int32_t waiter_status, holder_status;
} scene_t;

static int32_t wait_for_signal(scene_t *scene) {
  syncmgr_ticket_t *ticket = NULL;
  if (scene->way == BLOCKED) {
    return syncmgr_condition_wait(scene->condition, scene->mutex, scene->timeout_ns);
  }
  syncmgr_queue_t *queue = scene->way == QUEUED ? open_queue(scene->space) : NULL;
  CHECK_STATUS(syncmgr_condition_wait_start(scene->condition, scene->mutex, scene->timeout_ns,
                                            queue, 0, &ticket),
               SYNCMGR_PENDING);
  return queue ? next_record(queue).status : syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL);
}

static void *wait_holding_x(void *argument) {
  scene_t *scene = argument;
  CHECK_OK(syncmgr_mutex_lock(scene->x, 0));
  CHECK_OK(syncmgr_mutex_lock(scene->mutex, 0));
  atomic_store(&scene->begun, 1);
  atomic_store(&scene->waiter_status, wait_for_signal(scene));
  CHECK_OK(syncmgr_mutex_unlock(scene->x));
  return NULL;
}

static void *want_x(void *argument) {
  scene_t *scene = argument;
  CHECK_OK(syncmgr_mutex_lock(scene->held_mutex, SYNCMGR_FOREVER));
  atomic_store(&scene->begun, 2);
  atomic_store(&scene->holder_status, syncmgr_mutex_lock(scene->wanted_x, SYNCMGR_FOREVER));
  return NULL;
}

/* Nobody looks from time to time, and the holder has looked before there was anything to find: it
 * is the waiter that finds it. */
static void close_circle(unsigned way, int64_t timeout_ns) {
  scene_t scene = {.space = open_space(unique_url(), 0), .way = way, .timeout_ns = timeout_ns};
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.interval_ns = SYNCMGR_FOREVER;
  CHECK_OK(syncmgr_deadlock_configure(scene.space, &options));
  scene.holder = open_workstream(scene.space, "holder");
  scene.held_mutex = open_mutex(scene.holder, "m", 0);
  scene.wanted_x = open_mutex(scene.holder, "x", 0);
  scene.signalling = open_condition(scene.holder, "c");
  scene.waiter = open_workstream(scene.space, "waiter");
  scene.mutex = open_mutex(scene.waiter, "m", 0);
  scene.x = open_mutex(scene.waiter, "x", 0);
  scene.condition = open_condition(scene.waiter, "c");
  pthread_t waiting = start_thread(wait_holding_x, &scene);
  WAIT_UNTIL(atomic_load(&scene.begun) == 1);
  uint32_t count = 0;
  WAIT_UNTIL(syncmgr_condition_waiting(scene.signalling, &count) == SYNCMGR_OK && count == 1);
  pthread_t holding = start_thread(want_x, &scene);
  WAIT_UNTIL(atomic_load(&scene.begun) == 2);
  syncmgr_deadlock_totals_t totals;
  do {
    sleep_ms(1);
    CHECK_OK(syncmgr_deadlock_counts(scene.space, &totals));
  } while (totals.searches == 0);
  sleep_ms(30);
  CHECK_EQUAL(totals.found, 0);
  if (timeout_ns == SYNCMGR_FOREVER) {
    CHECK_OK(syncmgr_condition_signal(scene.signalling, 1, &count));
    CHECK_EQUAL(count, 1);
  }
  join_thread(waiting);
  join_thread(holding);
  CHECK_STATUS(atomic_load(&scene.waiter_status), SYNCMGR_E_DEADLOCK);
  CHECK_OK(atomic_load(&scene.holder_status));
  CHECK_STATUS(syncmgr_mutex_unlock(scene.mutex), SYNCMGR_E_NOT_OWNER);
  syncmgr_deadlock_t record;
  CHECK_EQUAL(list_deadlocks(scene.space, &record, 1), 1);
  CHECK_OK(syncmgr_mutex_unlock(scene.held_mutex));
  CHECK_OK(syncmgr_mutex_unlock(scene.wanted_x));
  check_and_close(scene.space);
}

TEST(who_is_signalled_into_a_circle_finds_it_after_the_delay) {
  for (unsigned way = 0; way < WAYS; way++) close_circle(way, SYNCMGR_FOREVER);
}

TEST(who_is_too_late_at_a_condition_and_so_in_a_circle_finds_it_after_the_delay) {
  for (unsigned way = 0; way < WAYS; way++) close_circle(way, 150 * MILLISECOND);
}

/* Many that are signalled together, of whom each holds something: none of them is lost. */
enum { CROWD = 8, ROUNDS = 200 };

typedef struct crowd {
  syncmgr_t *space;
  _Atomic uint32_t ready, done;
} crowd_t;

static void *wait_in_crowd(void *argument) {
  crowd_t *crowd = argument;
  syncmgr_workstream_t *me = open_workstream(crowd->space, NULL);
  char name[32];
  snprintf(name, sizeof name, "own-%u", atomic_fetch_add(&crowd->ready, 1));
  syncmgr_mutex_t *own = open_mutex(me, name, 0), *mutex = open_mutex(me, "m", 0);
  syncmgr_condition_t *condition = open_condition(me, "c");
  CHECK_OK(syncmgr_mutex_lock(own, 0));
  for (unsigned round = 0; round < ROUNDS; round++) {
    CHECK_OK(syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER));
    CHECK_OK(syncmgr_condition_wait(condition, mutex, SYNCMGR_FOREVER));
    CHECK_OK(syncmgr_mutex_unlock(mutex));
  }
  atomic_fetch_add(&crowd->done, 1);
  return NULL;
}

TEST_WITHIN(60, waiters_who_hold_something_are_all_woken_by_their_signals) {
  crowd_t crowd = {.space = open_space(unique_url(), 0)};
  syncmgr_workstream_t *me = open_workstream(crowd.space, "me");
  syncmgr_condition_t *condition = open_condition(me, "c");
  pthread_t threads[CROWD];
  for (unsigned index = 0; index < CROWD; index++) {
    threads[index] = start_thread(wait_in_crowd, &crowd);
  }
  while (atomic_load(&crowd.done) < CROWD) {
    CHECK_OK(syncmgr_condition_broadcast(condition, NULL));
  }
  for (unsigned index = 0; index < CROWD; index++) join_thread(threads[index]);
  check_and_close(crowd.space);
}
