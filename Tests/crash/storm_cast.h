/* The processes of a storm, as their parent sees them. */
#ifndef CRASH_STORM_CAST_H
#define CRASH_STORM_CAST_H

#include <sys/types.h>

#include "storm_board.h"

struct cast {
  struct storm_board *board;
  int descriptor; /* of the board's memory */
  bool hold;      /* after a failure wait for a debugger */
  pid_t workers[SEATS_MAX];
  pid_t anchor;
  pid_t verifier;
  uint64_t progress[SEATS_MAX]; /* as last seen */
  int64_t progress_ns[SEATS_MAX];
  uint64_t operations;
  uint64_t kills;
};

/** Returns a new cast with its board. */
struct cast *cast_make(bool hold);

/** Forgets the round before. */
void cast_reset(struct cast *cast);

/** Starts this program again in a part; it inherits nothing but its arguments. */
pid_t cast_spawn(struct cast *cast, const char *part, uint32_t seat, uint64_t seed);

/** Starts a worker on the seat. */
void cast_start(struct cast *cast, uint32_t seat, uint64_t seed);

/** Kills the worker on the seat, or all workers at once, and starts new ones. */
void cast_kill(struct cast *cast, struct random *random, uint32_t seat);
void cast_kill_all(struct cast *cast, struct random *random);

/** Returns whether nobody has ended who should not have; notes the failure if somebody has. */
bool cast_alive(struct cast *cast);

/** Waits for the end of a process and insists that it is a good one. */
bool cast_await(struct cast *cast, pid_t *process, const char *who, int64_t deadline_ns);

/** Notes a failure that the parent found, unless somebody noted one before. */
void cast_fail(struct cast *cast, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** After a failure: leaves no process and no file. */
void cast_end(struct cast *cast);

#endif
