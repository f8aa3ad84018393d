/* Several processes that read under one lock nearly all the time, and write now and then.
 *
 * SPDX-License-Identifier: MIT
 *
 * mixed PROCESSES SLICES MILLISECONDS posix|boost URL: nine times of ten a process reads, else it
 * writes; it works 200 ns inside and 200 ns outside. Ours and the peer, a process-shared
 * pthread_rwlock_t or Boost's interprocess_sharable_mutex, take turns in slices of so many
 * milliseconds, SLICES each. Prints for both the critical sections of all processes in a second,
 * and the longest time that one lock call took, in ms. Two processes are kept on a CPU each.
 */
#include "boost_peer.h"
#include "common.h"

#include <pthread.h>
#include <stdio.h>

enum { PROCESSES_MAX = 64, WORK_NS = 200, WARM_UP_NS = 10000000, WRITES_OF = 10 };
enum { OURS, PEER, KINDS };

typedef struct {
  uint64_t measured; /* critical sections while they were counted */
  uint64_t writes;   /* all that wrote, with those before and after */
  double longest_ns;
} result_t;

typedef struct {
  _Alignas(LINE) _Atomic int phase; /* the slice, times two; one more while it is counted */
  _Alignas(LINE) _Atomic int ready;
  _Alignas(LINE) uint64_t counter; /* guarded by the lock that is measured */
  _Alignas(LINE) pthread_rwlock_t posix_rwlock;
  _Alignas(LINE) result_t results[PROCESSES_MAX][KINDS];
  const char *url;
  int processes;
  int slices; /* of both together */
  uint64_t work_steps;
  double ticks_per_ns;
  double seconds[KINDS];
} bench_t;

/* Each kind is a loop of its own, so that none pays for a choice that is made anew each time. */
#define DEFINE_LOOP(name, lock_read, lock_write, unlock_read, unlock_write)                   \
  static void loop_##name(bench_t *bench, result_t *result, int slice, void *lock) {          \
    uint64_t own = (uint64_t)slice + 1, seen = 0, longest = 0, measured = 0, writes = 0;      \
    (void)lock;                                                                               \
    for (uint64_t turn = (uint64_t)getpid();; turn++) {                                       \
      int phase = atomic_load_explicit(&bench->phase, memory_order_relaxed);                  \
      if (phase / 2 != slice) break;                                                          \
      int is_write = turn % WRITES_OF == 0;                                                   \
      uint64_t before = ticks();                                                              \
      if ((is_write ? (lock_write) : (lock_read)) != 0) fail("%s: lock failed", #name);       \
      uint64_t after = ticks();                                                               \
      if (is_write) bench->counter++, writes++;                                               \
      else seen += bench->counter;                                                            \
      own = spend(own + seen, bench->work_steps);                                             \
      if ((is_write ? (unlock_write) : (unlock_read)) != 0) fail("%s: unlock failed", #name); \
      if (phase & 1) {                                                                        \
        measured++;                                                                           \
        /* The counters of two CPUs may differ a little: such a wait is no wait. */           \
        if (after > before && after - before > longest) longest = after - before;             \
      }                                                                                       \
      own = spend(own, bench->work_steps);                                                    \
    }                                                                                         \
    double longest_ns = (double)longest / bench->ticks_per_ns;                                \
    if (longest_ns > result->longest_ns) result->longest_ns = longest_ns;                     \
    result->measured += measured;                                                             \
    result->writes += writes;                                                                 \
  }

DEFINE_LOOP(ours, syncmgr_rwlock_lock(lock, SYNCMGR_SHARED, SYNCMGR_FOREVER),
            syncmgr_rwlock_lock(lock, SYNCMGR_EXCLUSIVE, SYNCMGR_FOREVER),
            syncmgr_rwlock_unlock(lock), syncmgr_rwlock_unlock(lock))
DEFINE_LOOP(posix, pthread_rwlock_rdlock(lock), pthread_rwlock_wrlock(lock),
            pthread_rwlock_unlock(lock), pthread_rwlock_unlock(lock))
DEFINE_LOOP(boost, boost_peer_lock(1), boost_peer_lock(0), boost_peer_unlock(1),
            boost_peer_unlock(0))

static void (*loop_peer)(bench_t *bench, result_t *result, int slice, void *lock);

static void make_posix_rwlock(pthread_rwlock_t *rwlock) {
  pthread_rwlockattr_t attributes;
  check_posix(pthread_rwlockattr_init(&attributes), "pthread_rwlockattr_init");
  check_posix(pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
  check_posix(pthread_rwlock_init(rwlock, &attributes), "pthread_rwlock_init");
}

/* Waits until everybody has come as far: the lock of one slice must be free before the next. */
static void meet(bench_t *bench, int arrivals) {
  atomic_fetch_add(&bench->ready, 1);
  while (atomic_load(&bench->ready) < arrivals) sleep_ns(50000);
}

static void take_part(int index, void *context) {
  bench_t *bench = context;
  syncmgr_rwlock_t *rwlock;
  if (bench->processes == 2) pin_to((unsigned)index);
  check(syncmgr_rwlock_open(open_workstream(bench->url, 0), "mixed", NULL, &rwlock),
        "rwlock_open");
  for (int slice = 1; slice <= bench->slices; slice++) {
    meet(bench, slice * (bench->processes + 1));
    if (slice % KINDS == OURS) {
      loop_ours(bench, &bench->results[index][OURS], slice, rwlock);
    } else {
      loop_peer(bench, &bench->results[index][PEER], slice, &bench->posix_rwlock);
    }
  }
}

static void run_slices(bench_t *bench, int64_t slice_ns) {
  for (int slice = 1; slice <= bench->slices; slice++) {
    atomic_store(&bench->phase, slice * 2);
    meet(bench, slice * (bench->processes + 1));
    sleep_ns(WARM_UP_NS);
    int64_t start = now_ns();
    atomic_store(&bench->phase, slice * 2 + 1);
    sleep_ns(slice_ns);
    bench->seconds[slice % KINDS] += (double)(now_ns() - start) / 1e9;
    atomic_store(&bench->phase, 0);
  }
}

static uint64_t report_kind(bench_t *bench, int kind, const char *name) {
  uint64_t measured = 0, writes = 0;
  double longest_ns = 0;
  char key[64];
  for (int index = 0; index < bench->processes; index++) {
    result_t *result = &bench->results[index][kind];
    measured += result->measured;
    writes += result->writes;
    if (result->longest_ns > longest_ns) longest_ns = result->longest_ns;
  }
  if (measured == 0) fail("nobody got the lock");
  snprintf(key, sizeof key, "%s.throughput", name);
  report(key, (double)measured / bench->seconds[kind]);
  snprintf(key, sizeof key, "%s.longest", name);
  report(key, longest_ns / 1e6);
  return writes;
}

int main(int count, char **arguments) {
  if (count != 6) fail("usage: mixed PROCESSES SLICES MILLISECONDS posix|boost URL");
  bench_t *bench = shared_memory(sizeof *bench);
  bench->processes = (int)number_argument(count, arguments, 1, "PROCESSES");
  bench->slices = KINDS * (int)number_argument(count, arguments, 2, "SLICES");
  long milliseconds = number_argument(count, arguments, 3, "MILLISECONDS");
  bench->url = arguments[5];
  if (bench->processes < 1 || bench->processes > PROCESSES_MAX) fail("1 to 64 processes");
  if (strcmp(arguments[4], "posix") == 0) {
    make_posix_rwlock(&bench->posix_rwlock);
    loop_peer = loop_posix;
  } else {
    if (boost_peer_open_sharable() != 0) fail("this program was built without Boost");
    loop_peer = loop_boost;
  }
  deadline((unsigned)(30 + 4 * bench->slices * milliseconds / 1000));
  bench->ticks_per_ns = ticks_per_ns();
  bench->work_steps = steps_for_ns(WORK_NS);
  for (int index = 0; index < bench->processes; index++) start_child(take_part, index, bench);
  run_slices(bench, milliseconds * 1000000);
  join_children(bench->processes);
  remove_space(bench->url);
  uint64_t writes = report_kind(bench, OURS, "ours") + report_kind(bench, PEER, "peer");
  if (writes != bench->counter) {
    fail("a lock did not exclude: %llu writes counted to %llu", (unsigned long long)writes,
         (unsigned long long)bench->counter);
  }
  return 0;
}
