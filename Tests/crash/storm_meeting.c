/* Operations of a worker on barriers, events and latches: nothing here waits without an end. */
#include <stdio.h>

#include "storm_worker.h"

static void check_state(struct storm_worker *worker) {
  syncmgr_barrier_info_t state;
  worker_expect(worker, "barrier_state", syncmgr_barrier_state(worker->barrier, &state), 1,
                SYNCMGR_OK);
  if (state.parties != PARTIES || state.arrived > PARTIES || state.waiting > state.arrived ||
      state.broken > 1 || state.generation < worker->generation) {
    storm_fail(worker->board,
               "barrier: %u parties, %u arrived, %u wait, broken %u, generation %llu after %llu",
               state.parties, state.arrived, state.waiting, state.broken,
               (unsigned long long)state.generation, (unsigned long long)worker->generation);
  }
  worker->generation = state.generation;
}

static int32_t wait_started(struct storm_worker *worker) {
  syncmgr_ticket_t *ticket = NULL;
  int32_t status = syncmgr_barrier_wait_start(worker->barrier, worker_timeout(worker, false), NULL,
                                              0, &ticket, NULL);
  if (status != SYNCMGR_PENDING) {
    return status;
  }
  if (random_below(&worker->random, 2) == 0) {
    status = worker_expect(worker, "ticket_cancel of a barrier", syncmgr_ticket_cancel(ticket), 2,
                           SYNCMGR_OK, SYNCMGR_FINISHED);
    if (status == SYNCMGR_OK) {
      return SYNCMGR_E_BROKEN;
    }
  }
  return syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL);
}

void operate_barrier(struct storm_worker *worker) {
  int32_t status = SYNCMGR_OK;
  switch (random_below(&worker->random, 6)) {
    case 0:
      status = syncmgr_barrier_arrive(worker->barrier, NULL);
      break;
    case 1:
      status = wait_started(worker);
      break;
    default:
      status = syncmgr_barrier_wait(worker->barrier, worker_timeout(worker, false), NULL, NULL);
  }
  worker_expect(worker, "barrier", status, 5, SYNCMGR_OK, SYNCMGR_LEADER, SYNCMGR_E_TIMEOUT,
                SYNCMGR_E_BROKEN, SYNCMGR_E_ALREADY);
  check_state(worker);
  if (status == SYNCMGR_E_BROKEN) {
    atomic_fetch_add(&worker->board->breaks, 1);
    worker_expect(worker, "barrier_reset", syncmgr_barrier_reset(worker->barrier), 1, SYNCMGR_OK);
  }
}

void operate_event(struct storm_worker *worker) {
  syncmgr_event_t *event = worker->events[random_below(&worker->random, 2)];
  uint32_t set = 0;
  switch (random_below(&worker->random, 5)) {
    case 0:
    case 1:
      worker_expect(worker, "event_set", syncmgr_event_set(event), 1, SYNCMGR_OK);
      break;
    case 2:
      worker_expect(worker, "event_reset", syncmgr_event_reset(event), 1, SYNCMGR_OK);
      break;
    default:
      worker_expect(worker, "event_wait", syncmgr_event_wait(event, worker_timeout(worker, false)),
                    2, SYNCMGR_OK, SYNCMGR_E_TIMEOUT);
  }
  worker_expect(worker, "event_is_set", syncmgr_event_is_set(event, &set), 1, SYNCMGR_OK);
}

/* A latch that has come to zero is removed by whoever finds it unused; the next makes it anew. */
void operate_latch(struct storm_worker *worker) {
  char name[32];
  uint32_t remaining = LATCH_COUNT;
  syncmgr_latch_t *latch = NULL;
  snprintf(name, sizeof name, "latch-%u", random_below(&worker->random, LATCHES));
  worker_expect(worker, "latch_open",
                syncmgr_latch_open(worker->workstream, name, LATCH_COUNT, &latch), 1, SYNCMGR_OK);
  uint32_t count = 1 + random_below(&worker->random, 3);
  worker_expect(worker, "latch_count_down", syncmgr_latch_count_down(latch, count, &remaining), 2,
                SYNCMGR_OK, SYNCMGR_E_OVERFLOW);
  if (remaining > LATCH_COUNT) {
    storm_fail(worker->board, "latch: %u remain of %u", remaining, LATCH_COUNT);
  }
  int32_t status = worker_expect(worker, "latch_wait",
                                 syncmgr_latch_wait(latch, worker_timeout(worker, false)), 2,
                                 SYNCMGR_OK, SYNCMGR_E_TIMEOUT);
  worker_expect(worker, "latch_close", syncmgr_latch_close(latch), 1, SYNCMGR_OK);
  if (status == SYNCMGR_OK) {
    worker_expect(worker, "object_remove",
                  syncmgr_object_remove(worker->manager, SYNCMGR_TYPE_LATCH, name), 3, SYNCMGR_OK,
                  SYNCMGR_E_BUSY, SYNCMGR_E_NOT_FOUND);
  }
}
