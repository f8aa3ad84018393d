/* The process that comes after a storm: it had no part in it, and must find everything in order. */
#include <stdio.h>

#include "storm_worker.h"

static void verify_mutexes(struct storm_worker *worker) {
  for (uint32_t index = 0; index < MUTEXES; index++) {
    syncmgr_mutex_t *mutex = worker->mutexes[index];
    int32_t status = syncmgr_mutex_lock(mutex, patience_ns());
    worker_expect(worker, "mutex_lock", status, 2, SYNCMGR_OK, SYNCMGR_OWNER_DIED);
    worker_critical_section(worker, index, mutex, status);
    worker_expect(worker, "mutex_unlock", syncmgr_mutex_unlock(mutex), 1, SYNCMGR_OK);
    worker_expect(worker, "mutex_lock once more", syncmgr_mutex_lock(mutex, 0), 1, SYNCMGR_OK);
    worker_expect(worker, "mutex_unlock", syncmgr_mutex_unlock(mutex), 1, SYNCMGR_OK);
  }
}

static void verify_semaphores(struct storm_worker *worker) {
  for (uint32_t index = 0; index < SEMAPHORES; index++) {
    syncmgr_semaphore_t *semaphore = worker->semaphores[index];
    uint32_t available = 0;
    uint32_t holders = 0;
    worker_expect(worker, "semaphore_available",
                  syncmgr_semaphore_available(semaphore, &available), 1, SYNCMGR_OK);
    worker_expect(worker, "semaphore_holders",
                  syncmgr_semaphore_holders(semaphore, NULL, 0, &holders), 1, SYNCMGR_OK);
    if (available != PERMITS || holders != 0) {
      storm_fail(worker->board, "semaphore %u: %u permits are free, %u holders", index, available,
                 holders);
    }
    worker_expect(worker, "semaphore_acquire of all",
                  syncmgr_semaphore_acquire(semaphore, PERMITS, patience_ns()), 1, SYNCMGR_OK);
    worker_expect(worker, "semaphore_release of all",
                  syncmgr_semaphore_release(semaphore, PERMITS), 1, SYNCMGR_OK);
  }
}

static void verify_barrier(struct storm_worker *worker) {
  syncmgr_barrier_info_t state;
  worker_expect(worker, "barrier_reset", syncmgr_barrier_reset(worker->barrier), 1, SYNCMGR_OK);
  for (uint32_t party = 1; party < PARTIES; party++) {
    syncmgr_workstream_t *other = NULL;
    syncmgr_barrier_t *barrier = NULL;
    worker_expect(worker, "workstream_open",
                  syncmgr_workstream_open(worker->manager, NULL, &other), 1, SYNCMGR_OK);
    worker_expect(worker, "barrier_open",
                  syncmgr_barrier_open(other, "barrier", PARTIES, NULL, &barrier), 1, SYNCMGR_OK);
    worker_expect(worker, "barrier_arrive", syncmgr_barrier_arrive(barrier, NULL), 1, SYNCMGR_OK);
  }
  worker_expect(worker, "barrier_wait",
                syncmgr_barrier_wait(worker->barrier, SECOND, NULL, NULL), 1, SYNCMGR_LEADER);
  worker_expect(worker, "barrier_state", syncmgr_barrier_state(worker->barrier, &state), 1,
                SYNCMGR_OK);
  if (state.arrived != 0 || state.waiting != 0 || state.broken != 0) {
    storm_fail(worker->board, "barrier: %u arrived, %u wait, broken %u after a trip",
               state.arrived, state.waiting, state.broken);
  }
}

static void verify_events(struct storm_worker *worker) {
  for (uint32_t index = 0; index < 2; index++) {
    syncmgr_event_t *event = worker->events[index];
    worker_expect(worker, "event_reset", syncmgr_event_reset(event), 1, SYNCMGR_OK);
    worker_expect(worker, "event_wait of a reset one", syncmgr_event_wait(event, 0), 1,
                  SYNCMGR_E_TIMEOUT);
    worker_expect(worker, "event_set", syncmgr_event_set(event), 1, SYNCMGR_OK);
    worker_expect(worker, "event_wait of a set one", syncmgr_event_wait(event, 0), 1, SYNCMGR_OK);
  }
}

static void verify_locks(struct storm_worker *worker) {
  syncmgr_barrier_info_t state;
  uint32_t count = 0;
  for (uint32_t index = 0; index < RWLOCKS; index++) {
    syncmgr_rwlock_t *lock = worker->rwlocks[index];
    worker_expect(worker, "rwlock_holders", syncmgr_rwlock_holders(lock, NULL, 0, &count), 1,
                  SYNCMGR_OK);
    if (count != 0) {
      storm_fail(worker->board, "rwlock %u: %u holders", index, count);
    }
    worker_expect(worker, "rwlock_lock",
                  syncmgr_rwlock_lock(lock, SYNCMGR_EXCLUSIVE, patience_ns()), 2, SYNCMGR_OK,
                  SYNCMGR_OWNER_DIED);
    worker_expect(worker, "rwlock_unlock", syncmgr_rwlock_unlock(lock), 1, SYNCMGR_OK);
    worker_expect(worker, "rwlock_lock once more", syncmgr_rwlock_lock(lock, SYNCMGR_SHARED, 0),
                  1, SYNCMGR_OK);
  }
  worker_expect(worker, "condition_waiting",
                syncmgr_condition_waiting(worker->condition, &count), 1, SYNCMGR_OK);
  if (count != 0) {
    storm_fail(worker->board, "condition: %u wait", count);
  }
  worker_expect(worker, "election_reset", syncmgr_election_reset(worker->election), 1,
                SYNCMGR_OK);
  worker_expect(worker, "election_campaign",
                syncmgr_election_campaign(worker->election, 0, NULL), 1, SYNCMGR_LEADER);
  worker_expect(worker, "mutex_lock of the leased", syncmgr_mutex_lock(worker->leased, 0), 2,
                SYNCMGR_OK, SYNCMGR_OWNER_DIED);
  worker_expect(worker, "barrier_reset of a phaser", syncmgr_barrier_reset(worker->phaser), 1,
                SYNCMGR_OK);
  worker_expect(worker, "barrier_state of a phaser", syncmgr_barrier_state(worker->phaser, &state),
                1, SYNCMGR_OK);
  if (state.parties != 0) {
    storm_fail(worker->board, "phaser: %u parties", state.parties);
  }
}

static void check_segment(struct storm_worker *worker, syncmgr_t *manager) {
  uint32_t dead = 0;
  worker_expect(worker, "cleanup", syncmgr_cleanup(manager, &dead), 1, SYNCMGR_OK);
  worker_expect(worker, "check", syncmgr_check(manager), 1, SYNCMGR_OK);
  worker_expect(worker, "cleanup again", syncmgr_cleanup(manager, &dead), 1, SYNCMGR_OK);
  if (dead != 0) {
    storm_fail(worker->board, "a second cleanup found %u dead processes", dead);
  }
}

int storm_verify_main(struct storm_board *board) {
  struct storm_worker worker = {.board = board, .seat = &board->seat[0], .random = {board->seed}};
  syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
  syncmgr_t *manager = NULL;
  options.flags = board->open_flags;
  worker_expect(&worker, "open to verify", syncmgr_open(board->url, &options, &manager), 1,
                SYNCMGR_OK);
  check_segment(&worker, manager);
  worker_open(&worker);
  verify_mutexes(&worker);
  verify_semaphores(&worker);
  verify_barrier(&worker);
  verify_events(&worker);
  verify_locks(&worker);
  worker_close(&worker);
  check_segment(&worker, manager);
  worker_expect(&worker, "close", syncmgr_close(manager), 1, SYNCMGR_OK);
  if (board->open_flags & SYNCMGR_PERSISTENT) {
    worker_expect(&worker, "unlink", syncmgr_unlink(board->url), 1, SYNCMGR_OK);
  }
  return 0;
}
