/* Two processes that wait for each other in turn.
 *
 * SPDX-License-Identifier: MIT
 *
 * pingpong running|parked URL: batches of ours, a pair of auto-reset events, and of the raw form
 * take turns. Prints the median time of a round trip of each in nanoseconds.
 *   running   each process has a CPU of its own; the raw form spins on a shared word.
 *   parked    both share one CPU, so that each must sleep before the other can answer; the raw form
 *             makes a futex call to wake and one to sleep at every step.
 */
#include "common.h"

#include <linux/futex.h>
#include <sys/syscall.h>

enum { BATCHES = 100, WARM_BATCHES = 10, RUNNING_ROUNDS = 1000, PARKED_ROUNDS = 100 };
enum { OURS, PEER, KINDS };

typedef struct {
  _Alignas(LINE) _Atomic uint32_t ping; /* the number of the last round that was begun */
  _Alignas(LINE) _Atomic uint32_t pong; /* and of the last one that was answered */
  _Alignas(LINE) _Atomic int ready;
  const char *url;
  int parked;
  uint32_t rounds; /* in one batch */
} bench_t;

/* One side: what it waits for, and what it sets for the other. */
typedef struct {
  bench_t *bench;
  int serves; /* it begins the rounds */
  syncmgr_event_t *waited, *set;
  _Atomic uint32_t *waited_word, *set_word;
  uint32_t last; /* the number of the last round in the raw form */
} side_t;

static void raw_set(side_t *side, uint32_t round) {
  atomic_store_explicit(side->set_word, round, memory_order_release);
  if (side->bench->parked) syscall(SYS_futex, side->set_word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void raw_wait(side_t *side, uint32_t round) {
  uint32_t seen;
  while ((seen = atomic_load_explicit(side->waited_word, memory_order_acquire)) != round) {
    if (side->bench->parked) {
      syscall(SYS_futex, side->waited_word, FUTEX_WAIT, seen, NULL, NULL, 0);
    } else {
      pause_cpu();
    }
  }
}

static void play_ours(side_t *side) {
  for (uint32_t round = 0; round < side->bench->rounds; round++) {
    if (side->serves) check(syncmgr_event_set(side->set), "event_set");
    check(syncmgr_event_wait(side->waited, SYNCMGR_FOREVER), "event_wait");
    if (!side->serves) check(syncmgr_event_set(side->set), "event_set");
  }
}

static void play_raw(side_t *side) {
  uint32_t end = side->last + side->bench->rounds;
  while (side->last != end) {
    uint32_t round = ++side->last;
    if (side->serves) raw_set(side, round);
    raw_wait(side, round);
    if (!side->serves) raw_set(side, round);
  }
}

static side_t make_side(bench_t *bench, int serves) {
  syncmgr_event_t *ping, *pong;
  syncmgr_workstream_t *workstream = open_workstream(bench->url, 0);
  check(syncmgr_event_open(workstream, "ping", NULL, &ping), "event_open");
  check(syncmgr_event_open(workstream, "pong", NULL, &pong), "event_open");
  if (serves) return (side_t){bench, 1, pong, ping, &bench->pong, &bench->ping, 0};
  return (side_t){bench, 0, ping, pong, &bench->ping, &bench->pong, 0};
}

static void answer(int index, void *context) {
  bench_t *bench = context;
  (void)index;
  pin_to(bench->parked ? 0 : 1);
  side_t side = make_side(bench, 0);
  atomic_store(&bench->ready, 1);
  for (int batch = 0; batch < WARM_BATCHES + BATCHES; batch++) {
    play_ours(&side);
    play_raw(&side);
  }
}

int main(int count, char **arguments) {
  if (count != 3) fail("usage: pingpong running|parked URL");
  static double samples[KINDS][WARM_BATCHES + BATCHES];
  bench_t *bench = shared_memory(sizeof *bench);
  bench->parked = strcmp(arguments[1], "parked") == 0;
  if (!bench->parked && strcmp(arguments[1], "running") != 0) fail("running or parked");
  bench->url = arguments[2];
  bench->rounds = bench->parked ? PARKED_ROUNDS : RUNNING_ROUNDS;
  deadline(60);
  start_child(answer, 0, bench);
  pin_to(0);
  side_t side = make_side(bench, 1);
  while (atomic_load(&bench->ready) == 0) sleep_ns(100000);
  for (int batch = 0; batch < WARM_BATCHES + BATCHES; batch++) {
    int64_t start = now_ns();
    play_ours(&side);
    int64_t middle = now_ns();
    play_raw(&side);
    samples[OURS][batch] = (double)(middle - start) / bench->rounds;
    samples[PEER][batch] = (double)(now_ns() - middle) / bench->rounds;
  }
  join_children(1);
  remove_space(bench->url);
  report("ours.round_trip", median(samples[OURS] + WARM_BATCHES, BATCHES));
  report("peer.round_trip", median(samples[PEER] + WARM_BATCHES, BATCHES));
  return 0;
}
