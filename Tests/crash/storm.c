/* Kills processes at random instants while all of them hammer one space, and starts new ones.
 *
 *   storm                  the short form, about ten seconds
 *   storm --long           at least 2,000 kills, in one to two minutes
 *   storm --seconds N      how long all rounds together take
 *   storm --round N        only this kind of round, see `rounds`
 *   storm --hold           stops at the first failure with its processes alive
 *
 * SEED=n chooses the same operations, delays and victims again; what the scheduler does in between
 * stays its own affair, so that a failure may take some runs to come back.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storm_board.h"
#include "storm_cast.h"

#define KILLS_WANTED 2000u

static const struct {
  const char *name;
  uint32_t open_flags;
  bool anchor;    /* one process that is never killed keeps the segment */
  bool massacres; /* sometimes all are killed at once */
  bool some_threadless;
} rounds[] = {
    {"anchored", 0, true, false, false},
    {"persistent, with massacres", SYNCMGR_PERSISTENT, false, true, false},
    {"some without threads", 0, true, true, true},
    {"all without threads", SYNCMGR_OPEN_NO_THREADS, true, false, false},
};
#define ROUNDS (sizeof rounds / sizeof rounds[0])

struct totals {
  uint64_t kills;
  uint64_t grants;
  uint64_t inherited;
  uint64_t breaks;
  uint64_t occupied;
  uint64_t operations;
};

/* Notices a worker that does not come forward. Returns false when there is one. */
static bool all_progress(struct cast *cast) {
  struct storm_board *board = cast->board;
  for (uint32_t seat = 0; seat < board->seats; seat++) {
    uint64_t progress = atomic_load(&board->seat[seat].progress);
    if (progress != cast->progress[seat] || cast->workers[seat] == 0) {
      cast->operations += progress - cast->progress[seat];
      cast->progress[seat] = progress;
      cast->progress_ns[seat] = now_ns();
    } else if (now_ns() - cast->progress_ns[seat] > 5 * SECOND &&
               now_ns() - cast->progress_ns[seat] > patience_ns()) {
      cast_fail(cast, "seat %u (process %d, state %c) hangs in %s", seat,
                (int)cast->workers[seat], process_state(cast->workers[seat]),
                storm_operation_name(atomic_load(&board->seat[seat].operation)));
      return false;
    }
  }
  return true;
}

static bool storm_rages(struct cast *cast, struct random *random, bool massacres,
                        int64_t end_ns) {
  while (now_ns() < end_ns) {
    sleep_ns(random_duration(random, 200000, 16 * MILLISECOND));
    if (!cast_alive(cast) || !all_progress(cast)) {
      return false;
    }
    if (massacres && random_below(random, 40) == 0) {
      cast_kill_all(cast, random);
    } else {
      cast_kill(cast, random, random_below(random, cast->board->seats));
    }
  }
  return true;
}

static bool storm_ends(struct cast *cast, bool anchor) {
  struct storm_board *board = cast->board;
  atomic_store(&board->stop, 1);
  int64_t deadline_ns = now_ns() + patience_ns();
  for (uint32_t seat = 0; seat < board->seats; seat++) {
    char who[64];
    snprintf(who, sizeof who, "worker on seat %u in %s", seat,
             storm_operation_name(atomic_load(&board->seat[seat].operation)));
    if (!cast_await(cast, &cast->workers[seat], who, deadline_ns)) {
      return false;
    }
  }
  cast->verifier = cast_spawn(cast, "verify", 0, board->seed);
  if (!cast_await(cast, &cast->verifier, "verifier", now_ns() + 2 * patience_ns())) {
    return false;
  }
  atomic_store(&board->dismissed, 1);
  if (anchor && !cast_await(cast, &cast->anchor, "anchor", now_ns() + patience_ns())) {
    return false;
  }
  char file[256];
  uint32_t left = space_files(board->name, file, sizeof file);
  if (left > 0) {
    cast_fail(cast, "%u files are left in /dev/shm, such as %s", left, file);
  }
  return left == 0;
}

static bool round_run(struct cast *cast, uint64_t seed, uint32_t kind, int64_t duration_ns,
                      struct totals *totals) {
  struct storm_board *board = cast->board;
  struct random random = {seed};
  static uint32_t counter;
  cast_reset(cast);
  snprintf(board->name, sizeof board->name, "test-storm-%d-%u", (int)getpid(), ++counter);
  snprintf(board->url, sizeof board->url, "shm:%s", board->name);
  board->seed = seed;
  board->open_flags = rounds[kind].open_flags;
  board->some_threadless = rounds[kind].some_threadless;
  int64_t begin_ns = now_ns();
  if (rounds[kind].anchor) {
    cast->anchor = cast_spawn(cast, "anchor", 0, seed);
    while (atomic_load(&board->anchored) == 0 && now_ns() < begin_ns + patience_ns()) {
      sleep_ns(100000);
    }
  }
  for (uint32_t seat = 0; seat < board->seats; seat++) {
    cast_start(cast, seat, random_next(&random));
  }
  bool right =
      storm_rages(cast, &random, rounds[kind].massacres, begin_ns + duration_ns) &&
      storm_ends(cast, rounds[kind].anchor);
  double seconds = (double)(now_ns() - begin_ns) / (double)SECOND;
  all_progress(cast);
  printf("%s %s: %" PRIu64 " kills, %.0f/s, %" PRIu64 " operations, %" PRIu64
         " grants (%" PRIu64 " after a death)\n",
         right ? "ok    " : "FAILED", rounds[kind].name, cast->kills,
         (double)cast->kills / seconds, cast->operations, atomic_load(&board->grants),
         atomic_load(&board->inherited));
  totals->kills += cast->kills;
  totals->operations += cast->operations;
  totals->grants += atomic_load(&board->grants);
  totals->inherited += atomic_load(&board->inherited);
  totals->breaks += atomic_load(&board->breaks);
  totals->occupied += atomic_load(&board->occupied);
  if (!right) {
    printf("FAILED storm: %s (replay: SEED=%" PRIu64 " storm --round %u)\n", board->failure, seed,
           kind);
    cast_end(cast);
  }
  fflush(stdout);
  return right;
}

/* This program again, as one of the processes of a storm. Nothing comes from the parent but the
 * path of the board. */
static int play(const char *part, int count, char **arguments) {
  const char *path = argument_text(count, arguments, "--board");
  die_with_parent((pid_t)argument_number(count, arguments, "--parent", 0));
  int descriptor = open(path, O_RDWR | O_CLOEXEC);
  void *memory = mmap(NULL, sizeof(struct storm_board), PROT_READ | PROT_WRITE, MAP_SHARED,
                      descriptor, 0);
  if (descriptor < 0 || memory == MAP_FAILED) {
    perror("the board");
    return 2;
  }
  close(descriptor);
  struct storm_board *board = memory;
  if (strcmp(part, "anchor") == 0) {
    return storm_anchor_main(board);
  }
  if (strcmp(part, "verify") == 0) {
    return storm_verify_main(board);
  }
  return storm_worker_main(board, (uint32_t)argument_number(count, arguments, "--seat", 0),
                           argument_number(count, arguments, "--seed", 0));
}

int main(int count, char **arguments) {
  const char *part = argument_text(count, arguments, "--as");
  if (part != NULL) {
    return play(part, count, arguments);
  }
  bool longer = argument_present(count, arguments, "--long");
  int64_t seconds = (int64_t)argument_number(count, arguments, "--seconds", longer ? 60 : 10);
  uint32_t only = (uint32_t)argument_number(count, arguments, "--round", ROUNDS);
  uint64_t seed = seed_choose();
  struct random random = {seed};
  struct totals totals = {0};
  struct cast *cast = cast_make(argument_present(count, arguments, "--hold"));
  /* Everything below has deadlines of its own; this one is for a fault in the test itself. */
  alarm((uint32_t)(4 * seconds + 120));
  printf("storm: seed %" PRIu64 "\n", seed);
  fflush(stdout);
  int64_t begin_ns = now_ns();
  int64_t one_round_ns = seconds * SECOND / (longer ? 12 : (int64_t)ROUNDS);
  bool right = true;
  for (uint32_t round = 0; right; round++) {
    int64_t passed_ns = now_ns() - begin_ns;
    bool enough = !longer || totals.kills >= KILLS_WANTED || passed_ns > 2 * seconds * SECOND;
    if (passed_ns + one_round_ns / 2 > seconds * SECOND && enough) {
      break;
    }
    uint32_t kind = only < ROUNDS ? only : round % (uint32_t)ROUNDS;
    /* The first round has the seed that was printed, so that its replay has it too. */
    right = round_run(cast, round == 0 ? seed : random_next(&random), kind, one_round_ns, &totals);
  }
  double passed = (double)(now_ns() - begin_ns) / (double)SECOND;
  printf("storm: %" PRIu64 " kills in %.1f s, %.0f/s, %" PRIu64 " operations, %" PRIu64
         " grants (%" PRIu64 " after a death), %" PRIu64 " broken barriers, %" PRIu64
         " occupancy checks\n",
         totals.kills, passed, (double)totals.kills / passed, totals.operations, totals.grants,
         totals.inherited, totals.breaks, totals.occupied);
  if (right && longer && totals.kills < KILLS_WANTED) {
    printf("FAILED storm: fewer than %u kills\n", KILLS_WANTED);
    right = false;
  }
  return right ? 0 : 1;
}
