/* Several processes that meet over and over.
 *
 * SPDX-License-Identifier: MIT
 *
 * barrier PROCESSES SLICES MILLISECONDS URL: ours and the peer, a pthread_barrier_t, take turns in
 * slices of about so many milliseconds, SLICES each. Prints the median of how many rounds there
 * were in a second. The processes are left to the scheduler, as those of a user are.
 */
#include "common.h"

#include <pthread.h>

enum { PROCESSES_MAX = 64, SLICES_MAX = 100, WARM_ROUNDS = 300 };
enum { OURS, PEER, KINDS };

typedef struct {
  _Alignas(LINE) _Atomic int ready;
  _Alignas(LINE) pthread_barrier_t posix_barrier;
  _Alignas(LINE) uint64_t rounds[KINDS]; /* in a slice; written by process 0 */
  double samples[KINDS][SLICES_MAX];
  const char *url;
  int processes;
  int slices;
  double slice_ns;
} bench_t;

static void meet_ours(syncmgr_barrier_t *barrier, uint64_t rounds) {
  for (uint64_t round = 0; round < rounds; round++) {
    check(syncmgr_barrier_wait(barrier, SYNCMGR_FOREVER, NULL, NULL), "barrier_wait");
  }
}

static void meet_peer(pthread_barrier_t *barrier, uint64_t rounds) {
  for (uint64_t round = 0; round < rounds; round++) {
    int error = pthread_barrier_wait(barrier);
    if (error != PTHREAD_BARRIER_SERIAL_THREAD) check_posix(error, "pthread_barrier_wait");
  }
}

/* Returns the nanoseconds of a round. */
static double meet(bench_t *bench, syncmgr_barrier_t *barrier, int kind, uint64_t rounds) {
  int64_t start = now_ns();
  if (kind == OURS) {
    meet_ours(barrier, rounds);
  } else {
    meet_peer(&bench->posix_barrier, rounds);
  }
  return (double)(now_ns() - start) / (double)rounds;
}

static void take_part(int index, void *context) {
  bench_t *bench = context;
  syncmgr_barrier_t *barrier;
  check(syncmgr_barrier_open(open_workstream(bench->url, 0), "rounds",
                             (uint32_t)bench->processes, NULL, &barrier),
        "barrier_open");
  atomic_fetch_add(&bench->ready, 1);
  while (atomic_load(&bench->ready) < bench->processes) sleep_ns(100000);
  /* All of them must make the same number of rounds, so the first one finds out how many fit into
   * the time and tells the others across one more meeting. */
  for (int kind = 0; kind < KINDS; kind++) {
    double round_ns = meet(bench, barrier, kind, WARM_ROUNDS);
    if (index == 0) bench->rounds[kind] = (uint64_t)(bench->slice_ns / round_ns) + 1;
    meet(bench, barrier, kind, 1);
  }
  for (int slice = 0; slice < bench->slices; slice++) {
    for (int kind = 0; kind < KINDS; kind++) {
      meet(bench, barrier, kind, 1);
      double round_ns = meet(bench, barrier, kind, bench->rounds[kind]);
      if (index == 0) bench->samples[kind][slice] = 1e9 / round_ns;
    }
  }
}

int main(int count, char **arguments) {
  if (count != 5) fail("usage: barrier PROCESSES SLICES MILLISECONDS URL");
  bench_t *bench = shared_memory(sizeof *bench);
  bench->processes = (int)number_argument(count, arguments, 1, "PROCESSES");
  bench->slices = (int)number_argument(count, arguments, 2, "SLICES");
  bench->slice_ns = (double)number_argument(count, arguments, 3, "MILLISECONDS") * 1e6;
  bench->url = arguments[4];
  if (bench->processes < 1 || bench->processes > PROCESSES_MAX) fail("1 to 64 processes");
  if (bench->slices < 1 || bench->slices > SLICES_MAX) fail("1 to 100 slices");
  /* The rounds of the warm-up may have been much faster than those that follow. */
  deadline(60);
  pthread_barrierattr_t attributes;
  check_posix(pthread_barrierattr_init(&attributes), "pthread_barrierattr_init");
  check_posix(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
  check_posix(pthread_barrier_init(&bench->posix_barrier, &attributes,
                                   (unsigned)bench->processes),
              "pthread_barrier_init");
  for (int index = 0; index < bench->processes; index++) start_child(take_part, index, bench);
  join_children(bench->processes);
  remove_space(bench->url);
  report("ours.rounds", median(bench->samples[OURS], (size_t)bench->slices));
  report("peer.rounds", median(bench->samples[PEER], (size_t)bench->slices));
  return 0;
}
