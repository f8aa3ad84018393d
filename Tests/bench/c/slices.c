/* The frame of programs in which two locks take turns.
 *
 * SPDX-License-Identifier: MIT
 */
#include "slices.h"

#include <stdio.h>

enum { WARM_UP_NS = 10000000 };

static long slice_milliseconds;
static void *(*opener)(syncmgr_workstream_t *me);
static slice_loop_t *loops[KINDS];

slices_t *slices_make(int count, char **arguments, const char *url) {
  slices_t *slices = shared_memory(sizeof *slices);
  slices->processes = (int)number_argument(count, arguments, 1, "PROCESSES");
  slices->slices = KINDS * (int)number_argument(count, arguments, 2, "SLICES");
  slice_milliseconds = number_argument(count, arguments, 3, "MILLISECONDS");
  slices->url = url;
  if (slices->processes < 1 || slices->processes > PROCESSES_MAX) fail("1 to 64 processes");
  return slices;
}

/* Waits until everybody has come as far: the lock of one slice must be free before the next. */
static void meet(slices_t *slices, int arrivals) {
  atomic_fetch_add(&slices->ready, 1);
  while (atomic_load(&slices->ready) < arrivals) sleep_ns(50000);
}

static void take_part(int index, void *context) {
  slices_t *slices = context;
  if (slices->processes == 2) pin_to((unsigned)index);
  void *locks[KINDS] = {[OURS] = opener(open_workstream(slices->url, 0)), [PEER] = slices->peer};
  for (int slice = 1; slice <= slices->slices; slice++) {
    int kind = slice % KINDS;
    meet(slices, slice * (slices->processes + 1));
    loops[kind](slices, &slices->results[index][kind], slice, locks[kind]);
  }
}

static void run_slices(slices_t *slices, int64_t slice_ns) {
  for (int slice = 1; slice <= slices->slices; slice++) {
    atomic_store(&slices->phase, slice * 2);
    meet(slices, slice * (slices->processes + 1));
    sleep_ns(WARM_UP_NS);
    int64_t start = now_ns();
    atomic_store(&slices->phase, slice * 2 + 1);
    sleep_ns(slice_ns);
    slices->seconds[slice % KINDS] += (double)(now_ns() - start) / 1e9;
    atomic_store(&slices->phase, 0);
  }
}

static void report_as(const char *name, const char *what, double value) {
  char key[64];
  snprintf(key, sizeof key, "%s.%s", name, what);
  report(key, value);
}

static uint64_t report_kind(slices_t *slices, int kind, const char *name) {
  uint64_t measured = 0, counted = 0, weakest = UINT64_MAX;
  double longest_ns = 0;
  for (int index = 0; index < slices->processes; index++) {
    result_t *result = &slices->results[index][kind];
    measured += result->measured;
    counted += result->counted;
    if (result->measured < weakest) weakest = result->measured;
    if (result->longest_ns > longest_ns) longest_ns = result->longest_ns;
  }
  if (measured == 0) fail("nobody got the lock");
  report_as(name, "throughput", (double)measured / slices->seconds[kind]);
  report_as(name, "weakest", 100.0 * (double)weakest * slices->processes / (double)measured);
  report_as(name, "longest", longest_ns / 1e6);
  return counted;
}

void slices_run(slices_t *slices, void *(*open_lock)(syncmgr_workstream_t *me), slice_loop_t *ours,
                slice_loop_t *peer) {
  opener = open_lock;
  loops[OURS] = ours;
  loops[PEER] = peer;
  deadline((unsigned)(30 + 4 * slices->slices * slice_milliseconds / 1000));
  slices->ticks_per_ns = ticks_per_ns();
  slices->work_steps = steps_for_ns(WORK_NS);
  for (int index = 0; index < slices->processes; index++) start_child(take_part, index, slices);
  run_slices(slices, slice_milliseconds * 1000000);
  join_children(slices->processes);
  remove_space(slices->url);
  uint64_t counted = report_kind(slices, OURS, "ours") + report_kind(slices, PEER, "peer");
  if (counted != slices->counter) {
    fail("a lock did not exclude: %llu critical sections counted to %llu",
         (unsigned long long)counted, (unsigned long long)slices->counter);
  }
}
