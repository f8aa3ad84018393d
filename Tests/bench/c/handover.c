/* What it costs to hand a mutex on, by how many wait for it.
 *
 * SPDX-License-Identifier: MIT
 *
 * handover WAITERS HANDOVERS URL: one process with a workstream for each waiter, all of whose waits
 * were started into one queue, as an event loop does it. Each hand-over is an unlock and the record
 * of the next grant; then the one that unlocked waits again, outside of what is measured, so that
 * always as many are in line. Prints the median of batches, in microseconds a hand-over.
 */
#include "common.h"

#include <errno.h>
#include <poll.h>

enum { BATCH = 100 };

static syncmgr_queue_t *queue;
static int32_t queue_descriptor;
static syncmgr_mutex_t **mutexes;

static void start_to_wait(uint64_t index) {
  syncmgr_ticket_t *ticket;
  int32_t status =
      syncmgr_mutex_lock_start(mutexes[index], SYNCMGR_FOREVER, queue, index, &ticket);
  check(status, "mutex_lock_start");
  if (status != SYNCMGR_PENDING) {
    fail("waiter %llu did not have to wait", (unsigned long long)index);
  }
}

/* Returns who got it. */
static uint64_t next_grant(void) {
  for (;;) {
    syncmgr_record_t records[2];
    uint32_t drained;
    check(syncmgr_queue_drain(queue, records, 2, &drained), "queue_drain");
    if (drained == 1) {
      check(records[0].status, "the wait");
      return records[0].user_data;
    }
    if (drained > 1) fail("two workstreams hold one mutex");
    struct pollfd readable = {queue_descriptor, POLLIN, 0};
    if (poll(&readable, 1, 10000) == 0) fail("nobody was granted the mutex in 10 s");
  }
}

int main(int count, char **arguments) {
  if (count != 4) fail("usage: handover WAITERS HANDOVERS URL");
  uint64_t waiters = (uint64_t)number_argument(count, arguments, 1, "WAITERS");
  long batches = number_argument(count, arguments, 2, "HANDOVERS") / BATCH;
  deadline(60);
  syncmgr_t *manager;
  check(syncmgr_open(arguments[3], NULL, &manager), "syncmgr_open");
  check(syncmgr_queue_open(manager, 0, -1, &queue), "queue_open");
  check(syncmgr_queue_fd(queue, &queue_descriptor), "queue_fd");
  mutexes = calloc(waiters + 1, sizeof *mutexes);
  double *samples = calloc((size_t)batches, sizeof *samples);
  if (mutexes == NULL || samples == NULL || batches == 0) fail("nothing to do, or no memory");
  for (uint64_t index = 0; index <= waiters; index++) {
    syncmgr_workstream_t *workstream;
    check(syncmgr_workstream_open(manager, NULL, &workstream), "workstream_open");
    check(syncmgr_mutex_open(workstream, "handover", NULL, &mutexes[index]), "mutex_open");
  }
  double rate = ticks_per_ns();
  check(syncmgr_mutex_lock(mutexes[0], SYNCMGR_FOREVER), "mutex_lock");
  for (uint64_t index = 1; index <= waiters; index++) start_to_wait(index);
  uint64_t owner = 0;
  /* The first batch finds everything cold and is not counted. */
  for (long batch = -1; batch < batches; batch++) {
    uint64_t spent = 0;
    for (int handover = 0; handover < BATCH; handover++) {
      uint64_t before = ticks();
      check(syncmgr_mutex_unlock(mutexes[owner]), "mutex_unlock");
      uint64_t next = next_grant();
      spent += ticks() - before;
      start_to_wait(owner);
      owner = next;
    }
    if (batch >= 0) samples[batch] = (double)spent / rate / BATCH / 1000;
  }
  report("handover", median(samples, (size_t)batches));
  check(syncmgr_close(manager), "close");
  return 0;
}
