/* Cost of taking and giving back what nobody else wants.
 *
 * SPDX-License-Identifier: MIT
 *
 * uncontended OURS PEER URL: batches of the two alternate within one process, so that both see the
 * same state of the machine. Prints the median of each in nanoseconds a pair.
 */
#include "common.h"
#include "boost_peer.h"

#include <pthread.h>
#include <semaphore.h>

enum { PAIRS_IN_BATCH = 10000, BATCHES = 150, WARM_BATCHES = 10 };

static syncmgr_mutex_t *mutex;
static syncmgr_semaphore_t *semaphore;
static syncmgr_rwlock_t *rwlock;
static pthread_mutex_t *posix_mutex;
static pthread_rwlock_t *posix_rwlock;
static sem_t *posix_semaphore;

/* Every way is a loop of its own with direct calls: a call through a pointer would cost some ways
 * more than others. The statuses are summed up and looked at after the clock was read. */
#define DEFINE_BATCH(name, take, give)                                        \
  static double batch_##name(void) {                                          \
    int64_t faults = 0;                                                       \
    int64_t start = now_ns();                                                 \
    for (int pair = 0; pair < PAIRS_IN_BATCH; pair++) {                       \
      faults |= (take);                                                       \
      faults |= (give);                                                       \
    }                                                                         \
    int64_t elapsed = now_ns() - start;                                       \
    if (faults != 0) fail("%s failed while it was measured", #name);          \
    return (double)elapsed / PAIRS_IN_BATCH;                                  \
  }

DEFINE_BATCH(mutex, syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER), syncmgr_mutex_unlock(mutex))
DEFINE_BATCH(semaphore, syncmgr_semaphore_acquire(semaphore, 1, SYNCMGR_FOREVER),
             syncmgr_semaphore_release(semaphore, 1))
DEFINE_BATCH(posix_mutex, pthread_mutex_lock(posix_mutex), pthread_mutex_unlock(posix_mutex))
DEFINE_BATCH(posix_semaphore, sem_wait(posix_semaphore), sem_post(posix_semaphore))

DEFINE_BATCH(read, syncmgr_rwlock_lock(rwlock, SYNCMGR_SHARED, SYNCMGR_FOREVER),
             syncmgr_rwlock_unlock(rwlock))
DEFINE_BATCH(write, syncmgr_rwlock_lock(rwlock, SYNCMGR_EXCLUSIVE, SYNCMGR_FOREVER),
             syncmgr_rwlock_unlock(rwlock))
DEFINE_BATCH(posix_read, pthread_rwlock_rdlock(posix_rwlock), pthread_rwlock_unlock(posix_rwlock))
DEFINE_BATCH(posix_write, pthread_rwlock_wrlock(posix_rwlock), pthread_rwlock_unlock(posix_rwlock))

static double batch_boost_sharable(int shared) {
  int64_t start = now_ns();
  boost_peer_sharable_pairs(shared, PAIRS_IN_BATCH);
  return (double)(now_ns() - start) / PAIRS_IN_BATCH;
}

static double batch_boost_read(void) { return batch_boost_sharable(1); }
static double batch_boost_write(void) { return batch_boost_sharable(0); }

static double batch_boost(void) {
  int64_t start = now_ns();
  boost_peer_pairs(PAIRS_IN_BATCH);
  return (double)(now_ns() - start) / PAIRS_IN_BATCH;
}

static void open_mutex(const char *url) {
  check(syncmgr_mutex_open(open_workstream(url, 0), "uncontended", NULL, &mutex), "mutex_open");
}

static void open_semaphore(const char *url, uint32_t flags) {
  syncmgr_semaphore_options_t options = SYNCMGR_SEMAPHORE_OPTIONS_INIT;
  options.flags = flags;
  check(syncmgr_semaphore_open(open_workstream(url, 0), "uncontended", 4, &options, &semaphore),
        "semaphore_open");
}

static void open_posix_mutex(int shared, int robust) {
  pthread_mutexattr_t attributes;
  check_posix(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
  check_posix(pthread_mutexattr_setpshared(
                  &attributes, shared ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE),
              "pthread_mutexattr_setpshared");
  check_posix(pthread_mutexattr_setrobust(
                  &attributes, robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED),
              "pthread_mutexattr_setrobust");
  posix_mutex = shared_memory(sizeof *posix_mutex);
  check_posix(pthread_mutex_init(posix_mutex, &attributes), "pthread_mutex_init");
}

static void open_rwlock(const char *url) {
  check(syncmgr_rwlock_open(open_workstream(url, 0), "uncontended", NULL, &rwlock), "rwlock_open");
}

static void open_posix_rwlock(void) {
  pthread_rwlockattr_t attributes;
  check_posix(pthread_rwlockattr_init(&attributes), "pthread_rwlockattr_init");
  check_posix(pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
  posix_rwlock = shared_memory(sizeof *posix_rwlock);
  check_posix(pthread_rwlock_init(posix_rwlock, &attributes), "pthread_rwlock_init");
}

static void open_boost_sharable(void) {
  if (boost_peer_open_sharable() != 0) fail("this program was built without Boost");
}

typedef double (*batch_t)(void);

static batch_t prepare(const char *kind, const char *url) {
  if (strcmp(kind, "mutex") == 0) return open_mutex(url), batch_mutex;
  if (strcmp(kind, "semaphore") == 0) return open_semaphore(url, 0), batch_semaphore;
  if (strcmp(kind, "signalling") == 0) {
    return open_semaphore(url, SYNCMGR_SEMAPHORE_SIGNALLING), batch_semaphore;
  }
  if (strcmp(kind, "private") == 0) return open_posix_mutex(0, 0), batch_posix_mutex;
  if (strcmp(kind, "shared") == 0) return open_posix_mutex(1, 0), batch_posix_mutex;
  if (strcmp(kind, "robust") == 0) return open_posix_mutex(1, 1), batch_posix_mutex;
  if (strcmp(kind, "boost") == 0) {
    if (boost_peer_open() != 0) fail("this program was built without Boost");
    return batch_boost;
  }
  if (strcmp(kind, "read") == 0) return open_rwlock(url), batch_read;
  if (strcmp(kind, "write") == 0) return open_rwlock(url), batch_write;
  if (strcmp(kind, "posix-read") == 0) return open_posix_rwlock(), batch_posix_read;
  if (strcmp(kind, "posix-write") == 0) return open_posix_rwlock(), batch_posix_write;
  if (strcmp(kind, "boost-read") == 0) return open_boost_sharable(), batch_boost_read;
  if (strcmp(kind, "boost-write") == 0) return open_boost_sharable(), batch_boost_write;
  if (strcmp(kind, "sem") == 0) {
    posix_semaphore = shared_memory(sizeof *posix_semaphore);
    if (sem_init(posix_semaphore, 1, 4) != 0) fail("sem_init failed");
    return batch_posix_semaphore;
  }
  fail("there is no kind named %s", kind);
}

int main(int count, char **arguments) {
  if (count != 4) fail("usage: uncontended OURS PEER URL");
  deadline(60);
  batch_t ours = prepare(arguments[1], arguments[3]);
  batch_t peer = prepare(arguments[2], arguments[3]);
  static double ours_samples[BATCHES], peer_samples[BATCHES];
  for (int batch = 0; batch < WARM_BATCHES; batch++) {
    ours();
    peer();
  }
  for (int batch = 0; batch < BATCHES; batch++) {
    ours_samples[batch] = ours();
    peer_samples[batch] = peer();
  }
  remove_space(arguments[3]);
  report("ours.pair", median(ours_samples, BATCHES));
  report("peer.pair", median(peer_samples, BATCHES));
  return 0;
}
