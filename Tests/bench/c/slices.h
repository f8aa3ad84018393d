/* Two locks that take turns in slices of time, wanted by several processes: the frame of such a
 * program, which brings the loops itself.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef BENCH_SLICES_H
#define BENCH_SLICES_H

#include "common.h"

enum { PROCESSES_MAX = 64, WORK_NS = 200 };
enum { OURS, PEER, KINDS };

/** What one process did under one of the locks. */
typedef struct {
  uint64_t measured; /* critical sections while they were counted */
  uint64_t counted;  /* what it added to `counter`, also before and after */
  double longest_ns; /* the longest time that one lock call took */
} result_t;

/** Shared by all processes. The peer's lock is the program's own. */
typedef struct {
  _Alignas(LINE) _Atomic int phase; /* the slice, times two; one more while it is counted */
  _Alignas(LINE) _Atomic int ready;
  _Alignas(LINE) uint64_t counter; /* guarded by the lock that is measured */
  uint64_t scratch;                /* as well */
  _Alignas(LINE) result_t results[PROCESSES_MAX][KINDS];
  void *peer; /* the peer's lock, in shared memory */
  const char *url;
  int processes;
  int slices; /* of both together */
  uint64_t work_steps;
  double ticks_per_ns;
  double seconds[KINDS];
} slices_t;

/** Runs until the slice is over; `lock` is the library's handle, or the peer's lock. */
typedef void slice_loop_t(slices_t *slices, result_t *result, int slice, void *lock);

/** Ends the measuring loop of a slice: keeps what it found. */
static inline void keep_result(slices_t *slices, result_t *result, uint64_t measured,
                               uint64_t counted, uint64_t longest) {
  double longest_ns = (double)longest / slices->ticks_per_ns;
  if (longest_ns > result->longest_ns) result->longest_ns = longest_ns;
  result->measured += measured;
  result->counted += counted;
}

/** Tells a loop whether its slice goes on; `*out_phase` is odd while it is counted. */
static inline int slice_goes_on(slices_t *slices, int slice, int *out_phase) {
  *out_phase = atomic_load_explicit(&slices->phase, memory_order_relaxed);
  return *out_phase / 2 == slice;
}

/** The longer of two waits. The counters of two CPUs may differ a little: then it is no wait. */
static inline uint64_t longer(uint64_t longest, uint64_t before, uint64_t after) {
  return after > before && after - before > longest ? after - before : longest;
}

/** Makes the frame from the arguments PROCESSES SLICES MILLISECONDS, the first three, and `url`. */
slices_t *slices_make(int count, char **arguments, const char *url);

/** Runs the processes, which open the library's lock by `open_lock`, and all slices, and prints for
 *  both `throughput`, critical sections of all processes in a second; `weakest`, what the weakest
 *  process got in percent of an equal share; and `longest`, in ms. Two processes are kept on a CPU
 *  each, more are left to the scheduler. Fails when a lock did not exclude. */
void slices_run(slices_t *slices, void *(*open_lock)(syncmgr_workstream_t *me), slice_loop_t *ours,
                slice_loop_t *peer);

#endif
