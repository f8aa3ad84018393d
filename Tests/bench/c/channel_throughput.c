/* How many messages get from writers to readers.
 *
 * SPDX-License-Identifier: MIT
 *
 * channel_throughput WRITERS READERS queue|broadcast BATCHES MILLISECONDS URL NAME@LENGTH...
 * The ways take turns in batches of about so many milliseconds. In a queue each message goes to
 * one of the readers, in a broadcast to all of them. Prints a sample of each batch:
 *   throughput  messages that were received in a second, from the first send to the last receive
 *   writer      messages that were received in a second of CPU time of the writers
 *   refused     instead, where the system refuses such messages: the longest that it allows
 * Two processes are kept on a CPU each; more are left to the scheduler.
 */
#include "channel.h"

enum { MANY = 64 };

typedef struct {
  uint64_t sum;
  int64_t begin_ns, end_ns, cpu_ns;
} share_t;

typedef struct {
  meeting_t meeting;
  _Alignas(LINE) _Atomic int writers_left;
  int turn;       /* the way of this batch; -1 when there are no more */
  uint64_t count; /* messages of each writer in it */
  int writers, readers, is_broadcast, ways;
  way_t way[WAYS_MAX];
  void *shared[WAYS_MAX];
  _Alignas(LINE) share_t shares[PROCESSES_MAX];
} bench_t;

static int64_t cpu_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void write_batch(bench_t *bench, const way_t *way, void *end, int index, share_t *share) {
  int64_t cpu_before = cpu_ns();
  share->begin_ns = now_ns();
  uint64_t first = (uint64_t)(index + 1) << 40;
  share->sum = way->carrier->produce(end, way->plan.length, first, bench->count);
  share->cpu_ns = cpu_ns() - cpu_before;
  if (atomic_fetch_sub(&bench->writers_left, 1) == 1) {
    way->carrier->finish(end, way->plan.length, bench->is_broadcast ? 1 : bench->readers);
  }
  share->end_ns = now_ns();
}

static void take_part(int index, void *context) {
  bench_t *bench = context;
  int role = index < bench->writers ? WRITES : READS;
  int number = role == WRITES ? index : index - bench->writers;
  void *ends[WAYS_MAX];
  if (bench->writers + bench->readers == 2) pin_to((unsigned)index);
  for (int way = 0; way < bench->ways; way++) {
    if (bench->shared[way] == NULL) continue;
    ends[way] = bench->way[way].carrier->open(bench->shared[way], &bench->way[way].plan, role,
                                              number);
  }
  for (int time = 1;; time++) {
    meet(&bench->meeting, time);
    if (bench->turn < 0) return;
    const way_t *way = &bench->way[bench->turn];
    share_t *share = &bench->shares[index];
    if (role == WRITES) {
      write_batch(bench, way, ends[bench->turn], number, share);
    } else {
      share->sum = way->carrier->consume(ends[bench->turn], way->plan.length);
      share->end_ns = now_ns();
    }
    meet(&bench->meeting, ++time);
  }
}

typedef struct {
  int64_t ns, cpu_ns; /* from the first send to the last receive; of the writers */
  double received;
} batch_t;

/* Adds up what the processes did in a batch. */
static batch_t sum_up(const bench_t *bench, int turn) {
  int64_t begin = INT64_MAX, end = 0, cpu = 0;
  uint64_t written = 0, read = 0;
  for (int index = 0; index < bench->writers + bench->readers; index++) {
    const share_t *share = &bench->shares[index];
    if (index < bench->writers) {
      if (share->begin_ns < begin) begin = share->begin_ns;
      written += share->sum;
      cpu += share->cpu_ns;
    } else {
      if (share->end_ns > end) end = share->end_ns;
      read += share->sum;
    }
  }
  uint64_t copies = bench->is_broadcast ? (uint64_t)bench->readers : 1;
  if (read != written * copies) fail("%s: not what was written was read", bench->way[turn].words);
  return (batch_t){end - begin, cpu, (double)(bench->count * copies * (uint64_t)bench->writers)};
}

/* Lets the processes do a batch. `time` counts the meetings. */
static batch_t run_batch(bench_t *bench, int turn, uint64_t count, int *time) {
  bench->turn = turn;
  bench->count = count;
  atomic_store(&bench->writers_left, bench->writers);
  meet(&bench->meeting, ++*time);
  /* Now they run. They come to the next one when they are done. */
  meet(&bench->meeting, ++*time);
  return sum_up(bench, turn);
}

/* Returns how many messages of each writer take about so long. Warms up the way, too. */
static uint64_t find_count(bench_t *bench, int turn, int64_t wanted_ns, int *time) {
  /* Of small ones whole sets, so that nothing is left over where they are sent in sets. */
  uint64_t step = bench->way[turn].plan.length <= 65536 ? MANY : 2, count = step;
  for (;;) {
    batch_t batch = run_batch(bench, turn, count, time);
    if (batch.ns >= wanted_ns / 4) {
      double wanted = (double)count * (double)wanted_ns / (double)batch.ns;
      return ((uint64_t)wanted / step + 1) * step;
    }
    count *= 2;
  }
}

static void measure_all(bench_t *bench, long batches, int64_t wanted_ns) {
  int time = 0;
  uint64_t counts[WAYS_MAX];
  for (int way = 0; way < bench->ways; way++) {
    if (bench->shared[way]) counts[way] = find_count(bench, way, wanted_ns, &time);
  }
  for (long number = 0; number < batches; number++) {
    for (int way = 0; way < bench->ways; way++) {
      if (bench->shared[way] == NULL) continue;
      batch_t batch = run_batch(bench, way, counts[way], &time);
      report_way(&bench->way[way], "throughput", batch.received * 1e9 / (double)batch.ns);
      report_way(&bench->way[way], "writer", batch.received * 1e9 / (double)batch.cpu_ns);
    }
  }
  bench->turn = -1;
  meet(&bench->meeting, ++time);
}

int main(int count, char **arguments) {
  bench_t *bench = shared_memory(sizeof *bench);
  bench->writers = (int)number_argument(count, arguments, 1, "WRITERS");
  bench->readers = (int)number_argument(count, arguments, 2, "READERS");
  bench->is_broadcast = count > 3 && strcmp(arguments[3], "broadcast") == 0;
  long batches = number_argument(count, arguments, 4, "BATCHES");
  long milliseconds = number_argument(count, arguments, 5, "MILLISECONDS");
  if (count < 7) fail("the argument URL is missing");
  bench->ways = read_ways(count, arguments, 7, arguments[6], bench->way);
  int processes = bench->writers + bench->readers;
  if (bench->writers < 1 || bench->readers < 1 || processes > PROCESSES_MAX) {
    fail("1 to %d processes", PROCESSES_MAX);
  }
  bench->meeting.processes = processes + 1;
  deadline(60);
  for (int way = 0; way < bench->ways; way++) {
    double limit = 0;
    bench->way[way].plan.readers = bench->readers;
    bench->way[way].plan.is_broadcast = bench->is_broadcast;
    bench->shared[way] = bench->way[way].carrier->make(&bench->way[way].plan, &limit);
    if (bench->shared[way] == NULL) report_way(&bench->way[way], "refused", limit);
  }
  for (int index = 0; index < processes; index++) start_child(take_part, index, bench);
  measure_all(bench, batches, milliseconds * 1000000);
  join_children(processes);
  remove_space(arguments[6]);
  return 0;
}
