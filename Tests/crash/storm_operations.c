/* Operations of a worker on mutexes and semaphores, blocking and started, and on its handles. */
#include <poll.h>
#include <string.h>

#include "storm_worker.h"

#define ACQUIRED 2, SYNCMGR_OK, SYNCMGR_OWNER_DIED
#define ACQUIRED_OR_TIMEOUT 3, SYNCMGR_OK, SYNCMGR_OWNER_DIED, SYNCMGR_E_TIMEOUT

static void unlock(struct storm_worker *worker, syncmgr_mutex_t *mutex) {
  worker_expect(worker, "mutex_unlock", syncmgr_mutex_unlock(mutex), 1, SYNCMGR_OK);
}

static void operate_lock(struct storm_worker *worker) {
  uint32_t index = random_below(&worker->random, MUTEXES);
  syncmgr_mutex_t *mutex = worker->mutexes[index];
  int64_t timeout_ns = worker_timeout(worker, true);
  int32_t status = syncmgr_mutex_lock(mutex, timeout_ns);
  if (timeout_ns == SYNCMGR_FOREVER) {
    worker_expect(worker, "mutex_lock for ever", status, ACQUIRED);
  } else {
    worker_expect(worker, "mutex_lock", status, ACQUIRED_OR_TIMEOUT);
  }
  if (status < 0) {
    return;
  }
  bool twice = storm_mutex_flags(index) & SYNCMGR_MUTEX_RECURSIVE;
  if (twice) {
    worker_expect(worker, "mutex_lock again", syncmgr_mutex_lock(mutex, 0), 1, SYNCMGR_OK);
  }
  worker_critical_section(worker, index, mutex, status);
  if (twice) {
    unlock(worker, mutex);
  }
  unlock(worker, mutex);
}

/* Locks and unlocks as a binding does that has the published word. */
static void operate_fastpath(struct storm_worker *worker) {
  uint32_t index = random_below(&worker->random, 2);
  syncmgr_mutex_t *mutex = worker->mutexes[index];
  syncmgr_fastpath_t path;
  int32_t status = SYNCMGR_OK;
  worker_expect(worker, "mutex_fastpath", syncmgr_mutex_fastpath(mutex, &path), 1, SYNCMGR_OK);
  _Atomic uint32_t *word = (_Atomic uint32_t *)(uintptr_t)path.word;
  _Atomic uint32_t *grants = (_Atomic uint32_t *)(uintptr_t)path.grants;
  uint32_t expected = path.free_value;
  if (atomic_compare_exchange_strong(word, &expected, path.my_value)) {
    atomic_fetch_add(grants, 1);
  } else {
    status = worker_expect(worker, "mutex_lock after the fast path",
                           syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER), ACQUIRED);
  }
  worker_critical_section(worker, index, mutex, status);
  expected = path.my_value;
  if (!atomic_compare_exchange_strong(word, &expected, path.free_value)) {
    unlock(worker, mutex);
  }
}

/* One after the other, always in this order, so that nobody waits in a circle. */
static void operate_nested(struct storm_worker *worker) {
  int32_t outer = worker_expect(worker, "mutex_lock outer",
                                syncmgr_mutex_lock(worker->mutexes[0], SYNCMGR_FOREVER), ACQUIRED);
  int32_t inner = worker_expect(worker, "mutex_lock inner",
                                syncmgr_mutex_lock(worker->mutexes[1], SYNCMGR_FOREVER), ACQUIRED);
  worker_critical_section(worker, 1, worker->mutexes[1], inner);
  worker_critical_section(worker, 0, worker->mutexes[0], outer);
  unlock(worker, worker->mutexes[1]);
  unlock(worker, worker->mutexes[0]);
}

static void release(struct storm_worker *worker, uint32_t index, uint32_t held) {
  while (held > 0) {
    uint32_t count = 1 + random_below(&worker->random, held);
    held -= count;
    worker_note_inside(worker, index, held);
    worker_expect(worker, "semaphore_release",
                  syncmgr_semaphore_release(worker->semaphores[index], count), 1, SYNCMGR_OK);
  }
}

static void operate_acquire(struct storm_worker *worker) {
  uint32_t index = random_below(&worker->random, SEMAPHORES);
  uint32_t count = 1 + random_below(&worker->random, PERMITS);
  int64_t timeout_ns = worker_timeout(worker, true);
  int32_t status = syncmgr_semaphore_acquire(worker->semaphores[index], count, timeout_ns);
  worker_expect(worker, "semaphore_acquire", status, 2, SYNCMGR_OK,
                timeout_ns == SYNCMGR_FOREVER ? SYNCMGR_OK : SYNCMGR_E_TIMEOUT);
  if (status == SYNCMGR_OK) {
    worker_note_inside(worker, index, count);
    release(worker, index, count);
  }
}

static void operate_signal(struct storm_worker *worker) {
  uint32_t count = 1 + random_below(&worker->random, 3);
  if (random_below(&worker->random, 2) == 0) {
    worker_expect(worker, "semaphore_release signalling",
                  syncmgr_semaphore_release(worker->signals, count), 1, SYNCMGR_OK);
  } else {
    worker_expect(worker, "semaphore_acquire signalling",
                  syncmgr_semaphore_acquire(worker->signals, count, worker_timeout(worker, false)),
                  2, SYNCMGR_OK, SYNCMGR_E_TIMEOUT);
  }
}

/* Drains until the record of the one ticket that is out has come. */
static int32_t drain(struct storm_worker *worker) {
  syncmgr_record_t record = {0};
  uint32_t count = 0;
  int32_t descriptor = -1;
  worker_expect(worker, "queue_fd", syncmgr_queue_fd(worker->queue, &descriptor), 1, SYNCMGR_OK);
  while (count == 0) {
    /* A short sleep: without a thread of the library nobody signals the descriptor. */
    struct pollfd readable = {.fd = descriptor, .events = POLLIN};
    poll(&readable, 1, 1);
    worker_expect(worker, "queue_drain", syncmgr_queue_drain(worker->queue, &record, 1, &count),
                  1, SYNCMGR_OK);
  }
  if (record.user_data != atomic_load(&worker->seat->progress)) {
    storm_fail(worker->board, "seat %u: the record has user data %llu", worker->index,
               (unsigned long long)record.user_data);
  }
  return record.status;
}

int32_t worker_follow(struct storm_worker *worker, syncmgr_ticket_t *ticket, bool queued) {
  switch (random_below(&worker->random, 4)) {
    case 0: {
      int32_t status = worker_expect(worker, "ticket_cancel", syncmgr_ticket_cancel(ticket), 2,
                                     SYNCMGR_OK, SYNCMGR_FINISHED);
      if (status == SYNCMGR_OK) {
        return SYNCMGR_E_CANCELLED;
      }
      break;
    }
    case 1:
      if (!queued) {
        break;
      }
      /* What was granted and not drained is given back, and what was not is withdrawn. */
      worker_expect(worker, "queue_close", syncmgr_queue_close(worker->queue), 1, SYNCMGR_OK);
      worker_expect(worker, "queue_open",
                    syncmgr_queue_open(worker->manager, 0, -1, &worker->queue), 1, SYNCMGR_OK);
      return SYNCMGR_E_CANCELLED;
    default:
      break;
  }
  if (queued) {
    return drain(worker);
  }
  int32_t status = SYNCMGR_PENDING;
  while (status == SYNCMGR_PENDING || status == SYNCMGR_INTERRUPTED) {
    status = syncmgr_ticket_wait(ticket, worker_timeout(worker, true), NULL);
  }
  return status;
}

static void operate_ticket_lock(struct storm_worker *worker) {
  uint32_t index = random_below(&worker->random, MUTEXES);
  syncmgr_mutex_t *mutex = worker->mutexes[index];
  syncmgr_ticket_t *ticket = NULL;
  bool queued = random_below(&worker->random, 2) == 0;
  uint64_t user_data = atomic_load(&worker->seat->progress);
  int32_t status =
      syncmgr_mutex_lock_start(mutex, worker_timeout(worker, true), queued ? worker->queue : NULL,
                               user_data, &ticket);
  if (status == SYNCMGR_PENDING) {
    status = worker_follow(worker, ticket, queued);
  }
  worker_expect(worker, "mutex_lock_start", status, 4, SYNCMGR_OK, SYNCMGR_OWNER_DIED,
                SYNCMGR_E_TIMEOUT, SYNCMGR_E_CANCELLED);
  if (status >= 0) {
    worker_critical_section(worker, index, mutex, status);
    unlock(worker, mutex);
  } else if (status == SYNCMGR_E_CANCELLED) {
    worker_expect(worker, "mutex_unlock after a cancel", syncmgr_mutex_unlock(mutex), 1,
                  SYNCMGR_E_NOT_OWNER);
  }
}

static void operate_ticket_acquire(struct storm_worker *worker) {
  uint32_t index = random_below(&worker->random, SEMAPHORES);
  uint32_t count = 1 + random_below(&worker->random, PERMITS);
  syncmgr_ticket_t *ticket = NULL;
  bool queued = random_below(&worker->random, 2) == 0;
  uint64_t user_data = atomic_load(&worker->seat->progress);
  int32_t status = syncmgr_semaphore_acquire_start(
      worker->semaphores[index], count, worker_timeout(worker, true),
      queued ? worker->queue : NULL, user_data, &ticket);
  if (status == SYNCMGR_PENDING) {
    status = worker_follow(worker, ticket, queued);
  }
  worker_expect(worker, "semaphore_acquire_start", status, 3, SYNCMGR_OK, SYNCMGR_E_TIMEOUT,
                SYNCMGR_E_CANCELLED);
  if (status == SYNCMGR_OK) {
    worker_note_inside(worker, index, count);
    release(worker, index, count);
  }
}

/* A second workstream of the same process, which closes while it holds. */
static void operate_workstream(struct storm_worker *worker) {
  uint32_t index = random_below(&worker->random, MUTEXES);
  syncmgr_workstream_t *other = NULL;
  worker_expect(worker, "workstream_open second",
                syncmgr_workstream_open(worker->manager, NULL, &other), 1, SYNCMGR_OK);
  syncmgr_mutex_t *mutex = worker_open_mutex(worker, other, index);
  int32_t status = worker_expect(worker, "mutex_lock second",
                                 syncmgr_mutex_lock(mutex, worker_timeout(worker, false)),
                                 ACQUIRED_OR_TIMEOUT);
  if (status >= 0) {
    worker_critical_section(worker, index, mutex, status);
  }
  worker_expect(worker, "workstream_close second", syncmgr_workstream_close(other), 1, SYNCMGR_OK);
}

static void operate_handle(struct storm_worker *worker) {
  uint32_t index = random_below(&worker->random, MUTEXES);
  worker_expect(worker, "mutex_close", syncmgr_mutex_close(worker->mutexes[index]), 1, SYNCMGR_OK);
  worker->mutexes[index] = worker_open_mutex(worker, worker->workstream, index);
}

static void operate_cleanup(struct storm_worker *worker) {
  worker_expect(worker, "cleanup", syncmgr_cleanup(worker->manager, NULL), 1, SYNCMGR_OK);
}

static void operate_reopen(struct storm_worker *worker) {
  worker_close(worker);
  worker_open(worker);
}

static const struct {
  const char *name;
  uint32_t weight;
  void (*operate)(struct storm_worker *worker);
} operations[] = {
    {"lock", 20, operate_lock},
    {"fastpath", 10, operate_fastpath},
    {"nested", 6, operate_nested},
    {"acquire", 20, operate_acquire},
    {"signal", 6, operate_signal},
    {"ticket-lock", 14, operate_ticket_lock},
    {"ticket-acquire", 10, operate_ticket_acquire},
    {"barrier", 14, operate_barrier},
    {"event", 10, operate_event},
    {"latch", 8, operate_latch},
    {"rwlock", 24, operate_rwlock},
    {"condition", 14, operate_condition},
    {"election", 10, operate_election},
    {"phaser", 6, operate_phaser},
    {"lease", 4, operate_lease},
    {"workstream", 6, operate_workstream},
    {"handle", 3, operate_handle},
    {"cleanup", 1, operate_cleanup},
    {"reopen", 2, operate_reopen},
};
#define OPERATIONS (sizeof operations / sizeof operations[0])

const char *storm_operation_name(uint32_t operation) {
  return operation < OPERATIONS ? operations[operation].name : "open";
}

void worker_operate(struct storm_worker *worker) {
  uint32_t sum = 0;
  for (uint32_t index = 0; index < OPERATIONS; index++) {
    sum += operations[index].weight;
  }
  uint32_t drawn = random_below(&worker->random, sum);
  uint32_t chosen = 0;
  while (drawn >= operations[chosen].weight) {
    drawn -= operations[chosen++].weight;
  }
  atomic_store(&worker->seat->operation, chosen);
  operations[chosen].operate(worker);
}
