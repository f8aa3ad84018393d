/* A worker's life: open everything, operate until it is stopped or killed, close everything. And
 * the anchor, which only holds the segment. */
#include "storm_worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

uint32_t storm_mutex_flags(uint32_t index) {
  static const uint32_t flags[MUTEXES] = {0, SYNCMGR_MUTEX_FAIR, SYNCMGR_MUTEX_RECURSIVE};
  return flags[index];
}

uint32_t storm_semaphore_flags(uint32_t index) {
  static const uint32_t flags[SEMAPHORES] = {0, SYNCMGR_SEMAPHORE_FAIR};
  return flags[index];
}

int32_t worker_expect(struct storm_worker *worker, const char *call, int32_t status,
                      uint32_t count, ...) {
  bool found = false;
  va_list expected;
  va_start(expected, count);
  while (count-- > 0) {
    found |= va_arg(expected, int32_t) == status;
  }
  va_end(expected);
  if (!found) {
    storm_fail(worker->board, "seat %u: %s gave %s \"%s\"", worker->index, call,
               syncmgr_status_name(status), syncmgr_last_error());
  }
  return status;
}

int64_t worker_timeout(struct storm_worker *worker, bool may_be_endless) {
  switch (random_below(&worker->random, 4)) {
    case 0:
      return 0;
    case 1:
      return may_be_endless ? SYNCMGR_FOREVER : 5 * MILLISECOND;
    default:
      return random_duration(&worker->random, 10000, 10 * MILLISECOND);
  }
}

syncmgr_mutex_t *worker_open_mutex(struct storm_worker *worker, syncmgr_workstream_t *workstream,
                                   uint32_t index) {
  char name[32];
  syncmgr_mutex_t *mutex = NULL;
  syncmgr_mutex_options_t options = SYNCMGR_MUTEX_OPTIONS_INIT;
  options.flags = storm_mutex_flags(index);
  snprintf(name, sizeof name, "mutex-%u", index);
  worker_expect(worker, "mutex_open", syncmgr_mutex_open(workstream, name, &options, &mutex), 1,
                SYNCMGR_OK);
  return mutex;
}

static void open_semaphores(struct storm_worker *worker) {
  char name[32];
  syncmgr_semaphore_options_t options = SYNCMGR_SEMAPHORE_OPTIONS_INIT;
  for (uint32_t index = 0; index < SEMAPHORES; index++) {
    options.flags = storm_semaphore_flags(index);
    snprintf(name, sizeof name, "semaphore-%u", index);
    worker_expect(worker, "semaphore_open",
                  syncmgr_semaphore_open(worker->workstream, name, PERMITS, &options,
                                         &worker->semaphores[index]),
                  1, SYNCMGR_OK);
  }
  options.flags = SYNCMGR_SEMAPHORE_SIGNALLING;
  worker_expect(
      worker, "semaphore_open signalling",
      syncmgr_semaphore_open(worker->workstream, "signals", 0, &options, &worker->signals), 1,
      SYNCMGR_OK);
}

static void open_events(struct storm_worker *worker) {
  syncmgr_event_options_t options = SYNCMGR_EVENT_OPTIONS_INIT;
  for (uint32_t index = 0; index < 2; index++) {
    options.flags = index == 0 ? 0 : SYNCMGR_EVENT_MANUAL_RESET;
    worker_expect(worker, "event_open",
                  syncmgr_event_open(worker->workstream, index == 0 ? "auto" : "manual", &options,
                                     &worker->events[index]),
                  1, SYNCMGR_OK);
  }
}

static void open_locks(struct storm_worker *worker) {
  char name[32];
  syncmgr_rwlock_options_t options = SYNCMGR_RWLOCK_OPTIONS_INIT;
  syncmgr_barrier_options_t phaser = SYNCMGR_BARRIER_OPTIONS_INIT;
  for (uint32_t index = 0; index < RWLOCKS; index++) {
    options.flags = index == 0 ? 0 : SYNCMGR_RWLOCK_FAIR;
    snprintf(name, sizeof name, "rwlock-%u", index);
    worker_expect(worker, "rwlock_open",
                  syncmgr_rwlock_open(worker->workstream, name, &options, &worker->rwlocks[index]),
                  1, SYNCMGR_OK);
  }
  worker_expect(worker, "condition_open",
                syncmgr_condition_open(worker->workstream, "condition", &worker->condition), 1,
                SYNCMGR_OK);
  worker_expect(worker, "election_open",
                syncmgr_election_open(worker->workstream, "election", &worker->election), 1,
                SYNCMGR_OK);
  phaser.flags = SYNCMGR_BARRIER_PHASER;
  worker_expect(
      worker, "barrier_open of a phaser",
      syncmgr_barrier_open(worker->workstream, "phaser", 0, &phaser, &worker->phaser), 1,
      SYNCMGR_OK);
  worker_expect(worker, "mutex_open of the leased",
                syncmgr_mutex_open(worker->workstream, "leased", NULL, &worker->leased), 1,
                SYNCMGR_OK);
}

void worker_open(struct storm_worker *worker) {
  char name[32];
  syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
  options.flags = worker->board->open_flags;
  if (worker->board->some_threadless && worker->index % 2 == 1) {
    options.flags |= SYNCMGR_OPEN_NO_THREADS;
  }
  worker->threadless = (options.flags & SYNCMGR_OPEN_NO_THREADS) != 0;
  worker_expect(worker, "open", syncmgr_open(worker->board->url, &options, &worker->manager), 1,
                SYNCMGR_OK);
  /* The worker before on this seat had the same name, and is dead or has closed it. */
  snprintf(name, sizeof name, "worker-%u", worker->index);
  worker_expect(worker, "workstream_open",
                syncmgr_workstream_open(worker->manager, name, &worker->workstream), 1,
                SYNCMGR_OK);
  for (uint32_t index = 0; index < MUTEXES; index++) {
    worker->mutexes[index] = worker_open_mutex(worker, worker->workstream, index);
  }
  open_semaphores(worker);
  open_events(worker);
  open_locks(worker);
  worker_expect(
      worker, "barrier_open",
      syncmgr_barrier_open(worker->workstream, "barrier", PARTIES, NULL, &worker->barrier), 1,
      SYNCMGR_OK);
  worker_expect(worker, "queue_open", syncmgr_queue_open(worker->manager, 0, -1, &worker->queue),
                1, SYNCMGR_OK);
}

void worker_close(struct storm_worker *worker) {
  worker_expect(worker, "close", syncmgr_close(worker->manager), 1, SYNCMGR_OK);
  worker->manager = NULL;
}

int storm_worker_main(struct storm_board *board, uint32_t seat, uint64_t seed) {
  struct storm_worker worker = {
      .board = board, .seat = &board->seat[seat], .index = seat, .random = {seed}};
  worker_open(&worker);
  while (atomic_load(&board->stop) == 0) {
    worker_operate(&worker);
    atomic_fetch_add(&worker.seat->progress, 1);
  }
  worker_close(&worker);
  return 0;
}

int storm_anchor_main(struct storm_board *board) {
  struct storm_worker anchor = {.board = board, .index = SEATS_MAX};
  syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
  options.flags = board->open_flags;
  worker_expect(&anchor, "open (anchor)", syncmgr_open(board->url, &options, &anchor.manager), 1,
                SYNCMGR_OK);
  atomic_store(&board->anchored, 1);
  while (atomic_load(&board->dismissed) == 0) {
    sleep_ns(MILLISECOND);
  }
  worker_close(&anchor);
  return 0;
}
