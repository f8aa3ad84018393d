/* Operations of a worker on readers-writer locks, the condition, the election, the phaser and
 * leases. */
#include <inttypes.h>
#include <string.h>

#include "storm_worker.h"

#define ANY_OWNER SYNCMGR_OK, SYNCMGR_OWNER_DIED

/* What a writer proves: that nobody else is inside. The fields are volatile for the reason given in
 * storm_proof.c. */
static void write_inside(struct storm_worker *worker, uint32_t index, int32_t status) {
  volatile struct storm_pair *pair = &worker->board->shared_pairs[index];
  uint64_t token = 0;
  worker_expect(worker, "rwlock_token", syncmgr_rwlock_token(worker->rwlocks[index], &token), 1,
                SYNCMGR_OK);
  if (status == SYNCMGR_OWNER_DIED) {
    pair->owner = 0;
    pair->second = pair->first;
  } else if (pair->owner != 0 || pair->first != pair->second) {
    storm_fail(worker->board, "rwlock %u: seat %u was told OK, but finds owner %u", index,
               worker->index, pair->owner);
  }
  if (token <= pair->token) {
    storm_fail(worker->board, "rwlock %u: token %" PRIu64 " comes after %" PRIu64, index, token,
               pair->token);
  }
  pair->token = token;
  pair->owner = worker->index + 1;
  pair->first = pair->first + 1;
  worker_linger(worker);
  if (pair->owner != worker->index + 1 || pair->first != pair->second + 1) {
    storm_fail(worker->board, "rwlock %u: seat %u writes together with %u", index, worker->index,
               pair->owner - 1);
  }
  pair->second = pair->second + 1;
  pair->owner = 0;
}

/* A reader that was told of no death finds what is protected whole, and it stays so. */
static void read_inside(struct storm_worker *worker, uint32_t index, int32_t status) {
  volatile struct storm_pair *pair = &worker->board->shared_pairs[index];
  uint64_t first = pair->first;
  worker_linger(worker);
  if (pair->first != first ||
      (status == SYNCMGR_OK && (pair->owner != 0 || pair->first != pair->second))) {
    storm_fail(worker->board, "rwlock %u: seat %u reads together with owner %u (%s)", index,
               worker->index, pair->owner, syncmgr_status_name(status));
  }
}

static int32_t take_rwlock(struct storm_worker *worker, syncmgr_rwlock_t *lock, uint32_t mode) {
  if (random_below(&worker->random, 3) > 0) {
    return worker_expect(worker, "rwlock_lock",
                         syncmgr_rwlock_lock(lock, mode, worker_timeout(worker, true)), 3,
                         ANY_OWNER, SYNCMGR_E_TIMEOUT);
  }
  bool queued = random_below(&worker->random, 2) == 0;
  syncmgr_ticket_t *ticket = NULL;
  int32_t status =
      syncmgr_rwlock_lock_start(lock, mode, worker_timeout(worker, true),
                                queued ? worker->queue : NULL,
                                atomic_load(&worker->seat->progress), &ticket);
  if (status == SYNCMGR_PENDING) {
    status = worker_follow(worker, ticket, queued);
  }
  return worker_expect(worker, "rwlock_lock_start", status, 4, ANY_OWNER, SYNCMGR_E_TIMEOUT,
                       SYNCMGR_E_CANCELLED);
}

void operate_rwlock(struct storm_worker *worker) {
  uint32_t index = random_below(&worker->random, RWLOCKS);
  uint32_t mode = random_below(&worker->random, 3) == 0;
  syncmgr_rwlock_t *lock = worker->rwlocks[index];
  int32_t status = take_rwlock(worker, lock, mode);
  if (status < 0) {
    return;
  }
  if (mode == SYNCMGR_EXCLUSIVE) {
    write_inside(worker, index, status);
  } else {
    read_inside(worker, index, status);
    if (random_below(&worker->random, 4) == 0) {
      status = worker_expect(worker, "rwlock_upgrade",
                             syncmgr_rwlock_upgrade(lock, worker_timeout(worker, true)), 4,
                             ANY_OWNER, SYNCMGR_E_TIMEOUT, SYNCMGR_E_DEADLOCK);
      if (status >= 0) {
        write_inside(worker, index, status);
        mode = SYNCMGR_EXCLUSIVE;
      }
    }
  }
  if (mode == SYNCMGR_EXCLUSIVE && random_below(&worker->random, 2) == 0) {
    worker_expect(worker, "rwlock_downgrade", syncmgr_rwlock_downgrade(lock), 1, SYNCMGR_OK);
    read_inside(worker, index, SYNCMGR_OK);
  }
  worker_expect(worker, "rwlock_unlock", syncmgr_rwlock_unlock(lock), 1, SYNCMGR_OK);
}

/* Nothing here waits for a signal without an end: who would give it may be dead. */
static int32_t wait_condition(struct storm_worker *worker, syncmgr_mutex_t *mutex) {
  int64_t timeout_ns = 1 + worker_timeout(worker, false);
  if (random_below(&worker->random, 3) > 0) {
    return syncmgr_condition_wait(worker->condition, mutex, timeout_ns);
  }
  bool queued = random_below(&worker->random, 2) == 0;
  syncmgr_ticket_t *ticket = NULL;
  worker_expect(worker, "condition_wait_start",
                syncmgr_condition_wait_start(worker->condition, mutex, timeout_ns,
                                             queued ? worker->queue : NULL,
                                             atomic_load(&worker->seat->progress), &ticket),
                1, SYNCMGR_PENDING);
  return worker_follow(worker, ticket, queued);
}

void operate_condition(struct storm_worker *worker) {
  uint32_t index = random_below(&worker->random, MUTEXES);
  syncmgr_mutex_t *mutex = worker->mutexes[index];
  uint32_t signalled = 0;
  if (random_below(&worker->random, 3) == 0) {
    worker_expect(worker, "condition_signal",
                  random_below(&worker->random, 4) == 0
                      ? syncmgr_condition_broadcast(worker->condition, &signalled)
                      : syncmgr_condition_signal(worker->condition, 1, &signalled),
                  1, SYNCMGR_OK);
    return;
  }
  int32_t status = worker_expect(worker, "mutex_lock before a condition",
                                 syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER), 2, ANY_OWNER);
  worker_critical_section(worker, index, mutex, status);
  status = worker_expect(worker, "condition_wait", wait_condition(worker, mutex), 4, ANY_OWNER,
                         SYNCMGR_E_TIMEOUT, SYNCMGR_E_CANCELLED);
  if (status != SYNCMGR_E_CANCELLED) {
    worker_critical_section(worker, index, mutex,
                            status == SYNCMGR_OWNER_DIED ? status : SYNCMGR_OK);
  }
  worker_expect(worker, "mutex_unlock after a condition", syncmgr_mutex_unlock(mutex), 1,
                status == SYNCMGR_E_CANCELLED ? SYNCMGR_E_NOT_OWNER : SYNCMGR_OK);
}

/* The result is so many times the same byte: half of it would show. */
static void check_result(struct storm_worker *worker) {
  unsigned char bytes[SYNCMGR_RESULT_MAX];
  size_t length = 0;
  int32_t status =
      worker_expect(worker, "election_result",
                    syncmgr_election_result(worker->election, bytes, sizeof bytes, &length), 2,
                    SYNCMGR_OK, SYNCMGR_PENDING);
  for (size_t place = 0; status == SYNCMGR_OK && place < length; place++) {
    if (bytes[place] != bytes[0] || length != bytes[0]) {
      storm_fail(worker->board, "election: byte %u of %u of the result is %u", (unsigned)place,
                 (unsigned)length, bytes[place]);
    }
  }
}

void operate_election(struct storm_worker *worker) {
  uint64_t term = 0;
  int32_t status = worker_expect(
      worker, "election_campaign",
      syncmgr_election_campaign(worker->election, worker_timeout(worker, false), &term), 3,
      SYNCMGR_LEADER, SYNCMGR_OK, SYNCMGR_E_TIMEOUT);
  if (status == SYNCMGR_OK) {
    check_result(worker);
    worker_expect(worker, "election_reset", syncmgr_election_reset(worker->election), 1,
                  SYNCMGR_OK);
  }
  if (status != SYNCMGR_LEADER) {
    return;
  }
  uint64_t before = atomic_exchange(&worker->board->term, term);
  if (before >= term) {
    storm_fail(worker->board, "election: term %" PRIu64 " comes after %" PRIu64, term, before);
  }
  worker_linger(worker);
  if (atomic_load(&worker->board->term) != term) {
    storm_fail(worker->board, "election: seat %u leads together with another", worker->index);
  }
  if (random_below(&worker->random, 3) > 0) {
    worker_expect(worker, "election_resign", syncmgr_election_resign(worker->election), 1,
                  SYNCMGR_OK);
    return;
  }
  unsigned char bytes[SYNCMGR_RESULT_MAX];
  size_t length = random_below(&worker->random, 256);
  memset(bytes, (int)length, sizeof bytes);
  worker_expect(worker, "election_finish",
                syncmgr_election_finish(worker->election, bytes, length), 1, SYNCMGR_OK);
}

void operate_phaser(struct storm_worker *worker) {
  int32_t status = worker_expect(worker, "barrier_join", syncmgr_barrier_join(worker->phaser), 2,
                                 SYNCMGR_OK, SYNCMGR_E_BROKEN);
  for (uint32_t phase = 0; status >= 0 && phase < 3; phase++) {
    status = worker_expect(
        worker, "barrier_wait of a phaser",
        syncmgr_barrier_wait(worker->phaser, worker_timeout(worker, false), NULL, NULL), 4,
        SYNCMGR_OK, SYNCMGR_LEADER, SYNCMGR_E_TIMEOUT, SYNCMGR_E_BROKEN);
  }
  if (status == SYNCMGR_E_BROKEN) {
    worker_expect(worker, "barrier_reset of a phaser", syncmgr_barrier_reset(worker->phaser), 1,
                  SYNCMGR_OK);
  }
  worker_expect(worker, "barrier_leave", syncmgr_barrier_leave(worker->phaser), 2, SYNCMGR_OK,
                SYNCMGR_E_NOT_OWNER);
}

/* Holds for longer or shorter than its lease, and is told the truth. */
void operate_lease(struct storm_worker *worker) {
  worker_expect(worker, "mutex_lock of the leased",
                syncmgr_mutex_lock(worker->leased, SYNCMGR_FOREVER), 2, ANY_OWNER);
  int64_t length_ns = random_duration(&worker->random, MILLISECOND, 4 * MILLISECOND);
  bool renewed = !worker->threadless && random_below(&worker->random, 3) == 0;
  worker_expect(worker, "lease_set",
                syncmgr_lease_set(worker->leased, length_ns, renewed ? SYNCMGR_LEASE_RENEW : 0),
                1, SYNCMGR_OK);
  sleep_ns(random_duration(&worker->random, 1000, 6 * MILLISECOND));
  if (random_below(&worker->random, 3) == 0) {
    worker_expect(worker, "lease_renew", syncmgr_lease_renew(worker->leased), 2, SYNCMGR_OK,
                  SYNCMGR_E_LOST);
  }
  worker_expect(worker, "mutex_unlock of the leased", syncmgr_mutex_unlock(worker->leased), 2,
                SYNCMGR_OK, SYNCMGR_E_LOST);
}
