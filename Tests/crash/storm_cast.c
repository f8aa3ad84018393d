/* Starting, killing and awaiting the processes of a storm. */
#define _GNU_SOURCE
#include "storm_cast.h"

#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEATS 6u

extern char **environ;

struct cast *cast_make(bool hold) {
  static struct cast cast;
  cast.hold = hold;
  cast.descriptor = memfd_create("board", MFD_CLOEXEC);
  if (cast.descriptor < 0 || ftruncate(cast.descriptor, sizeof(struct storm_board)) != 0) {
    perror("the board");
    exit(2);
  }
  cast.board = mmap(NULL, sizeof(struct storm_board), PROT_READ | PROT_WRITE, MAP_SHARED,
                    cast.descriptor, 0);
  if (cast.board == MAP_FAILED) {
    perror("the board");
    exit(2);
  }
  return &cast;
}

void cast_reset(struct cast *cast) {
  memset(cast->board, 0, sizeof *cast->board);
  memset(cast->workers, 0, sizeof cast->workers);
  memset(cast->progress, 0, sizeof cast->progress);
  cast->board->seats = SEATS;
  cast->anchor = 0;
  cast->verifier = 0;
  cast->operations = 0;
  cast->kills = 0;
}

void cast_fail(struct cast *cast, const char *format, ...) {
  uint32_t nobody = 0;
  if (atomic_compare_exchange_strong(&cast->board->failed, &nobody, 1)) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cast->board->failure, sizeof cast->board->failure, format, arguments);
    va_end(arguments);
    atomic_store(&cast->board->failed, 2);
  }
}

pid_t cast_spawn(struct cast *cast, const char *part, uint32_t seat, uint64_t seed) {
  char board[64];
  char parent[16];
  char seat_text[16];
  char seed_text[32];
  snprintf(board, sizeof board, "/proc/%d/fd/%d", (int)getpid(), cast->descriptor);
  snprintf(parent, sizeof parent, "%d", (int)getpid());
  snprintf(seat_text, sizeof seat_text, "%u", seat);
  snprintf(seed_text, sizeof seed_text, "%" PRIu64, seed);
  char *arguments[] = {"storm",    "--as",    (char *)part, "--board", board,     "--parent",
                       parent,     "--seat",  seat_text,    "--seed",  seed_text, NULL};
  pid_t process = 0;
  int error = posix_spawn(&process, "/proc/self/exe", NULL, NULL, arguments, environ);
  if (error != 0) {
    fprintf(stderr, "posix_spawn: %s\n", strerror(error));
    exit(2);
  }
  return process;
}

void cast_start(struct cast *cast, uint32_t seat, uint64_t seed) {
  atomic_store(&cast->board->seat[seat].operation, OPERATION_OPEN);
  cast->workers[seat] = cast_spawn(cast, "worker", seat, seed);
  cast->progress_ns[seat] = now_ns();
}

/* From here until the seat is cleared its claims prove nothing. */
static void doom(struct cast *cast, uint32_t seat) {
  atomic_fetch_add(&cast->board->seat[seat].epoch, 1);
  kill(cast->workers[seat], SIGKILL);
  cast->kills++;
}

static void bury(struct cast *cast, uint32_t seat) {
  int status = 0;
  char text[64];
  waitpid(cast->workers[seat], &status, 0);
  cast->workers[seat] = 0;
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
    cast_fail(cast, "seat %u ended before it was killed: %s", seat,
              child_end_text(status, text, sizeof text));
  }
  for (uint32_t index = 0; index < SEMAPHORES; index++) {
    atomic_fetch_and(&cast->board->seat[seat].inside[index], UINT64_C(0xffffffff00000000));
  }
  atomic_fetch_add(&cast->board->seat[seat].epoch, 1);
}

void cast_kill(struct cast *cast, struct random *random, uint32_t seat) {
  doom(cast, seat);
  bury(cast, seat);
  cast_start(cast, seat, random_next(random));
}

void cast_kill_all(struct cast *cast, struct random *random) {
  for (uint32_t seat = 0; seat < cast->board->seats; seat++) {
    doom(cast, seat);
  }
  for (uint32_t seat = 0; seat < cast->board->seats; seat++) {
    bury(cast, seat);
  }
  for (uint32_t seat = 0; seat < cast->board->seats; seat++) {
    cast_start(cast, seat, random_next(random));
  }
}

/* Reaps the process when it has ended, and says that it should not have. */
static bool still_runs(struct cast *cast, pid_t *process, const char *who, uint32_t seat) {
  int status = 0;
  char text[64];
  if (*process == 0 || waitpid(*process, &status, WNOHANG) == 0) {
    return true;
  }
  cast_fail(cast, "%s %u (process %d) ended in %s: %s", who, seat, (int)*process,
            storm_operation_name(atomic_load(&cast->board->seat[seat].operation)),
            child_end_text(status, text, sizeof text));
  *process = 0;
  return false;
}

bool cast_alive(struct cast *cast) {
  for (uint32_t seat = 0; seat < cast->board->seats; seat++) {
    if (!still_runs(cast, &cast->workers[seat], "seat", seat)) {
      return false;
    }
  }
  return still_runs(cast, &cast->anchor, "anchor", 0) && atomic_load(&cast->board->failed) == 0;
}

bool cast_await(struct cast *cast, pid_t *process, const char *who, int64_t deadline_ns) {
  int status = 0;
  char text[64];
  if (!child_wait(*process, deadline_ns, &status)) {
    cast_fail(cast, "the %s (process %d, state %c) hangs", who, (int)*process,
              process_state(*process));
    return false;
  }
  *process = 0;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    cast_fail(cast, "the %s ended: %s", who, child_end_text(status, text, sizeof text));
    return false;
  }
  return true;
}

void cast_end(struct cast *cast) {
  if (cast->hold) {
    printf("held: anchor %d, verifier %d, workers", (int)cast->anchor, (int)cast->verifier);
    for (uint32_t seat = 0; seat < cast->board->seats; seat++) {
      printf(" %d (%s)", (int)cast->workers[seat],
             storm_operation_name(atomic_load(&cast->board->seat[seat].operation)));
    }
    printf("; end with ^C\n");
    fflush(stdout);
    alarm(0);
    pause();
  }
  for (uint32_t seat = 0; seat < SEATS_MAX; seat++) {
    child_kill(cast->workers[seat]);
  }
  child_kill(cast->anchor);
  child_kill(cast->verifier);
  space_files_remove(cast->board->name);
}
