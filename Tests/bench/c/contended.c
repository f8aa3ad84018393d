/* Several processes that want one mutex all the time.
 *
 * SPDX-License-Identifier: MIT
 *
 * contended PROCESSES SLICES MILLISECONDS URL: each process locks, works 200 ns on shared data,
 * unlocks and works 200 ns on its own. Ours and the peer, a pthread process-shared robust mutex,
 * take turns in slices of so many milliseconds, SLICES each. Prints for both
 *   throughput   critical sections of all processes in a second
 *   weakest      what the weakest process got, in percent of an equal share
 *   longest      the longest time that one lock call took, in ms
 * Two processes are kept on a CPU each; more are left to the scheduler.
 */
#include "common.h"

#include <pthread.h>
#include <stdio.h>

enum { PROCESSES_MAX = 64, WORK_NS = 200, WARM_UP_NS = 10000000 };
enum { OURS, PEER, KINDS };

typedef struct {
  uint64_t measured; /* critical sections while they were counted */
  uint64_t all;      /* and all of them, with those before and after */
  double longest_ns;
} result_t;

typedef struct {
  _Alignas(LINE) _Atomic int phase; /* the slice, times two; one more while it is counted */
  _Alignas(LINE) _Atomic int ready;
  _Alignas(LINE) uint64_t counter; /* guarded by the mutex that is measured */
  uint64_t scratch;
  _Alignas(LINE) pthread_mutex_t posix_mutex;
  _Alignas(LINE) result_t results[PROCESSES_MAX][KINDS];
  const char *url;
  int processes;
  int slices; /* of both together */
  uint64_t work_steps;
  double ticks_per_ns;
  double seconds[KINDS];
} bench_t;

/* Runs until the slice is over. Each kind is a loop of its own, so that none pays for a choice that
 * is made anew each time. */
#define DEFINE_LOOP(name, lock_type, lock_call, unlock_call)                                  \
  static void loop_##name(bench_t *bench, result_t *result, int slice, lock_type *lock) {     \
    uint64_t own = 1, longest = 0, measured = 0, all = 0;                                     \
    for (;;) {                                                                                \
      int phase = atomic_load_explicit(&bench->phase, memory_order_relaxed);                  \
      if (phase / 2 != slice) break;                                                          \
      uint64_t before = ticks();                                                              \
      if ((lock_call) != 0) fail("%s: lock failed", #name);                                   \
      uint64_t after = ticks();                                                               \
      bench->counter++;                                                                       \
      bench->scratch = spend(bench->scratch, bench->work_steps);                              \
      if ((unlock_call) != 0) fail("%s: unlock failed", #name);                               \
      all++;                                                                                  \
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
    result->all += all;                                                                       \
  }

DEFINE_LOOP(ours, syncmgr_mutex_t, syncmgr_mutex_lock(lock, SYNCMGR_FOREVER),
            syncmgr_mutex_unlock(lock))
DEFINE_LOOP(peer, pthread_mutex_t, pthread_mutex_lock(lock), pthread_mutex_unlock(lock))

static void make_posix_mutex(pthread_mutex_t *mutex) {
  pthread_mutexattr_t attributes;
  check_posix(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
  check_posix(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
  check_posix(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), "setrobust");
  check_posix(pthread_mutex_init(mutex, &attributes), "pthread_mutex_init");
}

/* Waits until everybody has come as far: the mutex of one slice must be free before the next. */
static void meet(bench_t *bench, int arrivals) {
  atomic_fetch_add(&bench->ready, 1);
  while (atomic_load(&bench->ready) < arrivals) sleep_ns(50000);
}

static void contend(int index, void *context) {
  bench_t *bench = context;
  syncmgr_mutex_t *mutex;
  if (bench->processes == 2) pin_to((unsigned)index);
  check(syncmgr_mutex_open(open_workstream(bench->url, 0), "contended", NULL, &mutex),
        "mutex_open");
  for (int slice = 1; slice <= bench->slices; slice++) {
    meet(bench, slice * (bench->processes + 1));
    if (slice % KINDS == OURS) {
      loop_ours(bench, &bench->results[index][OURS], slice, mutex);
    } else {
      loop_peer(bench, &bench->results[index][PEER], slice, &bench->posix_mutex);
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
  uint64_t measured = 0, all = 0, weakest = UINT64_MAX;
  double longest_ns = 0;
  char key[64];
  for (int index = 0; index < bench->processes; index++) {
    result_t *result = &bench->results[index][kind];
    measured += result->measured;
    all += result->all;
    if (result->measured < weakest) weakest = result->measured;
    if (result->longest_ns > longest_ns) longest_ns = result->longest_ns;
  }
  if (measured == 0) fail("nobody got the mutex");
  snprintf(key, sizeof key, "%s.throughput", name);
  report(key, (double)measured / bench->seconds[kind]);
  snprintf(key, sizeof key, "%s.weakest", name);
  report(key, 100.0 * (double)weakest * bench->processes / (double)measured);
  snprintf(key, sizeof key, "%s.longest", name);
  report(key, longest_ns / 1e6);
  return all;
}

int main(int count, char **arguments) {
  if (count != 5) fail("usage: contended PROCESSES SLICES MILLISECONDS URL");
  bench_t *bench = shared_memory(sizeof *bench);
  bench->processes = (int)number_argument(count, arguments, 1, "PROCESSES");
  bench->slices = KINDS * (int)number_argument(count, arguments, 2, "SLICES");
  long milliseconds = number_argument(count, arguments, 3, "MILLISECONDS");
  bench->url = arguments[4];
  if (bench->processes < 1 || bench->processes > PROCESSES_MAX) fail("1 to 64 processes");
  deadline((unsigned)(30 + 4 * bench->slices * milliseconds / 1000));
  bench->ticks_per_ns = ticks_per_ns();
  bench->work_steps = steps_for_ns(WORK_NS);
  make_posix_mutex(&bench->posix_mutex);
  for (int index = 0; index < bench->processes; index++) start_child(contend, index, bench);
  run_slices(bench, milliseconds * 1000000);
  join_children(bench->processes);
  remove_space(bench->url);
  uint64_t all = report_kind(bench, OURS, "ours") + report_kind(bench, PEER, "peer");
  if (all != bench->counter) {
    fail("a mutex did not exclude: %llu critical sections counted to %llu",
         (unsigned long long)all, (unsigned long long)bench->counter);
  }
  return 0;
}
