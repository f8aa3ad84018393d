/* How long a message takes to another process, and its answer back.
 *
 * SPDX-License-Identifier: MIT
 *
 * channel_roundtrip running|parked BATCHES MILLISECONDS URL NAME@LENGTH...
 * The ways take turns in batches of about so many milliseconds. Prints the mean time of a round
 * trip in each batch in microseconds, as `round_trip`; or `refused` and the longest message
 * allowed.
 *   running   each process has a CPU of its own
 *   parked    both share one CPU, so that each must sleep before the other can answer
 */
#include "channel.h"

typedef struct {
  meeting_t meeting;
  int turn;        /* the way of this batch; -1 when there are no more */
  uint64_t rounds; /* in it */
  int parked, ways;
  way_t there[WAYS_MAX], back[WAYS_MAX];
  void *shared_there[WAYS_MAX], *shared_back[WAYS_MAX];
} bench_t;

/* The ends of every way on one side. */
typedef struct {
  void *out[WAYS_MAX], *in[WAYS_MAX];
} side_t;

static side_t open_side(bench_t *bench, int serves) {
  side_t side = {0};
  for (int way = 0; way < bench->ways; way++) {
    const carrier_t *carrier = bench->there[way].carrier;
    void *there = bench->shared_there[way], *back = bench->shared_back[way];
    if (there == NULL || back == NULL) continue;
    void *first = carrier->open(there, &bench->there[way].plan, serves ? WRITES : READS, 0);
    void *second = carrier->open(back, &bench->back[way].plan, serves ? READS : WRITES, 0);
    side.out[way] = serves ? first : second;
    side.in[way] = serves ? second : first;
  }
  return side;
}

static void play(bench_t *bench, side_t *side, uint64_t rounds, int serves) {
  const way_t *way = &bench->there[bench->turn];
  way->carrier->play(side->out[bench->turn], side->in[bench->turn], way->plan.length, rounds,
                     serves);
}

static void answer(int index, void *context) {
  bench_t *bench = context;
  (void)index;
  pin_to(bench->parked ? 0 : 1);
  side_t side = open_side(bench, 0);
  for (int time = 1;; time++) {
    meet(&bench->meeting, time);
    if (bench->turn < 0) return;
    play(bench, &side, 1, 0);
    play(bench, &side, bench->rounds, 0);
  }
}

/* Returns how long the rounds took. `time` counts the meetings. */
static int64_t run_batch(bench_t *bench, side_t *side, int turn, uint64_t rounds, int *time) {
  bench->turn = turn;
  bench->rounds = rounds;
  meet(&bench->meeting, ++*time);
  /* After the first round both are awake. */
  play(bench, side, 1, 1);
  int64_t start = now_ns();
  play(bench, side, rounds, 1);
  return now_ns() - start;
}

static uint64_t find_rounds(bench_t *bench, side_t *side, int turn, int64_t wanted_ns, int *time) {
  uint64_t rounds = 1;
  for (;;) {
    int64_t took = run_batch(bench, side, turn, rounds, time);
    if (took >= wanted_ns / 4) return rounds * (uint64_t)wanted_ns / (uint64_t)took + 1;
    rounds *= 2;
  }
}

static void measure_all(bench_t *bench, side_t *side, long batches, int64_t wanted_ns) {
  int time = 0;
  uint64_t rounds[WAYS_MAX];
  for (int way = 0; way < bench->ways; way++) {
    if (side->out[way] != NULL) rounds[way] = find_rounds(bench, side, way, wanted_ns, &time);
  }
  for (long number = 0; number < batches; number++) {
    for (int way = 0; way < bench->ways; way++) {
      if (side->out[way] == NULL) continue;
      int64_t took = run_batch(bench, side, way, rounds[way], &time);
      report_way(&bench->there[way], "round_trip", (double)took / 1000 / (double)rounds[way]);
    }
  }
  bench->turn = -1;
  meet(&bench->meeting, ++time);
}

static void make_ways(bench_t *bench) {
  for (int way = 0; way < bench->ways; way++) {
    double limit = 0;
    const carrier_t *carrier = bench->there[way].carrier;
    bench->back[way] = bench->there[way];
    strcat(bench->back[way].plan.name, "-back");
    bench->shared_there[way] = carrier->make(&bench->there[way].plan, &limit);
    bench->shared_back[way] = carrier->make(&bench->back[way].plan, &limit);
    if (bench->shared_there[way] == NULL || bench->shared_back[way] == NULL) {
      report_way(&bench->there[way], "refused", limit);
    }
  }
}

int main(int count, char **arguments) {
  if (count < 6) fail("usage: channel_roundtrip HOW BATCHES MILLISECONDS URL NAME@LENGTH...");
  bench_t *bench = shared_memory(sizeof *bench);
  bench->parked = strcmp(arguments[1], "parked") == 0;
  if (!bench->parked && strcmp(arguments[1], "running") != 0) fail("running or parked");
  long batches = number_argument(count, arguments, 2, "BATCHES");
  long milliseconds = number_argument(count, arguments, 3, "MILLISECONDS");
  bench->ways = read_ways(count, arguments, 5, arguments[4], bench->there);
  bench->meeting.processes = 2;
  deadline(60);
  make_ways(bench);
  start_child(answer, 0, bench);
  pin_to(0);
  side_t side = open_side(bench, 1);
  measure_all(bench, &side, batches, milliseconds * 1000000);
  join_children(1);
  remove_space(arguments[4]);
  return 0;
}
