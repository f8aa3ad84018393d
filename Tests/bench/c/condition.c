/* Processes that wait for each other by a condition and a mutex.
 *
 * SPDX-License-Identifier: MIT
 *
 * condition pingpong|broadcast PROCESSES URL: batches of ours and of a process-shared
 * pthread_cond_t with its pthread_mutex_t take turns. Prints the median time of a round of each in
 * microseconds.
 *   pingpong    two processes hand a turn to and fro, each by one signal.
 *   broadcast   one process begins a round by a broadcast to the others; the last of them to come
 *               ends it by a signal.
 * The processes are left to the scheduler, as those of a user are.
 */
#include "common.h"

#include <pthread.h>

enum { PROCESSES_MAX = 64, BATCHES = 60, WARM_BATCHES = 6, ROUNDS = 200 };
enum { OURS, PEER, KINDS };

typedef struct {
  _Alignas(LINE) _Atomic int ready;
  _Alignas(LINE) pthread_mutex_t mutex;
  pthread_cond_t begin, end;
  /* Guarded by the mutex that is measured. */
  _Alignas(LINE) uint64_t round[KINDS];
  uint64_t arrived[KINDS];
  const char *url;
  int processes;
  int is_pingpong;
} bench_t;

typedef struct {
  bench_t *bench;
  syncmgr_mutex_t *mutex;
  syncmgr_condition_t *begin, *end;
} side_t;

/* The two players and the two parts of the broadcast, for each kind. `lock` and the like are what
 * the kind does; a round is odd while it is the other's turn. */
#define DEFINE_PARTS(name, kind, lock, unlock, wait_begin, wait_end, signal_begin, signal_end,  \
                     broadcast)                                                                 \
  static void play_##name(side_t *side, int serves) {                                           \
    uint64_t *round = &side->bench->round[kind];                                                \
    lock;                                                                                       \
    for (int turn = 0; turn < ROUNDS; turn++) {                                                 \
      if (serves) {                                                                             \
        ++*round;                                                                               \
        signal_begin;                                                                           \
        while (*round % 2 != 0) wait_end;                                                       \
      } else {                                                                                  \
        while (*round % 2 == 0) wait_begin;                                                     \
        ++*round;                                                                               \
        signal_end;                                                                             \
      }                                                                                         \
    }                                                                                           \
    unlock;                                                                                     \
  }                                                                                             \
  static void call_##name(side_t *side) {                                                       \
    uint64_t *arrived = &side->bench->arrived[kind];                                            \
    uint64_t others = (uint64_t)side->bench->processes - 1;                                     \
    lock;                                                                                       \
    for (int turn = 0; turn < ROUNDS; turn++) {                                                 \
      *arrived = 0;                                                                             \
      ++side->bench->round[kind];                                                               \
      broadcast;                                                                                \
      while (*arrived < others) wait_end;                                                       \
    }                                                                                           \
    unlock;                                                                                     \
  }                                                                                             \
  static void follow_##name(side_t *side, uint64_t seen) {                                      \
    uint64_t others = (uint64_t)side->bench->processes - 1;                                     \
    lock;                                                                                       \
    for (int turn = 0; turn < ROUNDS; turn++) {                                                 \
      while (side->bench->round[kind] == seen) wait_begin;                                      \
      seen = side->bench->round[kind];                                                          \
      if (++side->bench->arrived[kind] == others) signal_end;                                   \
    }                                                                                           \
    unlock;                                                                                     \
  }

DEFINE_PARTS(ours, OURS, check(syncmgr_mutex_lock(side->mutex, SYNCMGR_FOREVER), "mutex_lock"),
             check(syncmgr_mutex_unlock(side->mutex), "mutex_unlock"),
             check(syncmgr_condition_wait(side->begin, side->mutex, SYNCMGR_FOREVER), "wait"),
             check(syncmgr_condition_wait(side->end, side->mutex, SYNCMGR_FOREVER), "wait"),
             check(syncmgr_condition_signal(side->begin, 1, NULL), "signal"),
             check(syncmgr_condition_signal(side->end, 1, NULL), "signal"),
             check(syncmgr_condition_broadcast(side->begin, NULL), "broadcast"))
DEFINE_PARTS(peer, PEER, check_posix(pthread_mutex_lock(&side->bench->mutex), "lock"),
             check_posix(pthread_mutex_unlock(&side->bench->mutex), "unlock"),
             check_posix(pthread_cond_wait(&side->bench->begin, &side->bench->mutex), "wait"),
             check_posix(pthread_cond_wait(&side->bench->end, &side->bench->mutex), "wait"),
             check_posix(pthread_cond_signal(&side->bench->begin), "signal"),
             check_posix(pthread_cond_signal(&side->bench->end), "signal"),
             check_posix(pthread_cond_broadcast(&side->bench->begin), "broadcast"))

static side_t make_side(bench_t *bench) {
  side_t side = {.bench = bench};
  syncmgr_workstream_t *workstream = open_workstream(bench->url, 0);
  check(syncmgr_mutex_open(workstream, "mutex", NULL, &side.mutex), "mutex_open");
  check(syncmgr_condition_open(workstream, "begin", &side.begin), "condition_open");
  check(syncmgr_condition_open(workstream, "end", &side.end), "condition_open");
  return side;
}

static void take_part(int index, void *context) {
  bench_t *bench = context;
  side_t side = make_side(bench);
  (void)index;
  atomic_fetch_add(&bench->ready, 1);
  for (uint64_t batch = 0; batch < WARM_BATCHES + BATCHES; batch++) {
    if (bench->is_pingpong) {
      play_ours(&side, 0);
      play_peer(&side, 0);
    } else {
      follow_ours(&side, batch * ROUNDS);
      follow_peer(&side, batch * ROUNDS);
    }
  }
}

static void make_posix(bench_t *bench) {
  pthread_mutexattr_t mutex;
  pthread_condattr_t condition;
  check_posix(pthread_mutexattr_init(&mutex), "pthread_mutexattr_init");
  check_posix(pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED), "setpshared");
  check_posix(pthread_mutex_init(&bench->mutex, &mutex), "pthread_mutex_init");
  check_posix(pthread_condattr_init(&condition), "pthread_condattr_init");
  check_posix(pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED), "setpshared");
  check_posix(pthread_cond_init(&bench->begin, &condition), "pthread_cond_init");
  check_posix(pthread_cond_init(&bench->end, &condition), "pthread_cond_init");
}

int main(int count, char **arguments) {
  if (count != 4) fail("usage: condition pingpong|broadcast PROCESSES URL");
  static double samples[KINDS][WARM_BATCHES + BATCHES];
  bench_t *bench = shared_memory(sizeof *bench);
  bench->is_pingpong = strcmp(arguments[1], "pingpong") == 0;
  bench->processes = (int)number_argument(count, arguments, 2, "PROCESSES");
  bench->url = arguments[3];
  if (bench->processes < 2 || bench->processes > PROCESSES_MAX) fail("2 to 64 processes");
  if (bench->is_pingpong && bench->processes != 2) fail("two play");
  deadline(60);
  make_posix(bench);
  for (int index = 1; index < bench->processes; index++) start_child(take_part, index, bench);
  side_t side = make_side(bench);
  while (atomic_load(&bench->ready) < bench->processes - 1) sleep_ns(100000);
  for (int batch = 0; batch < WARM_BATCHES + BATCHES; batch++) {
    int64_t start = now_ns();
    if (bench->is_pingpong) play_ours(&side, 1);
    else call_ours(&side);
    int64_t middle = now_ns();
    if (bench->is_pingpong) play_peer(&side, 1);
    else call_peer(&side);
    samples[OURS][batch] = (double)(middle - start) / ROUNDS / 1000;
    samples[PEER][batch] = (double)(now_ns() - middle) / ROUNDS / 1000;
  }
  join_children(bench->processes - 1);
  remove_space(bench->url);
  report("ours.round", median(samples[OURS] + WARM_BATCHES, BATCHES));
  report("peer.round", median(samples[PEER] + WARM_BATCHES, BATCHES));
  return 0;
}
