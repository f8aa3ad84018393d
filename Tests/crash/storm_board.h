/* The board of the storm: plain memory beside the tested space, in which the workers write what
 * they hold, so that exclusion can be checked without asking the library that is under test. */
#ifndef CRASH_STORM_BOARD_H
#define CRASH_STORM_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "support.h"
#include "syncmgr.h"

#define SEATS_MAX 16
#define MUTEXES 3 /* plain, fair, recursive */
#define SEMAPHORES 2 /* plain, fair */
#define RWLOCKS 2 /* plain, fair */
#define PERMITS 4u
#define PARTIES 3u
#define LATCHES 3u
#define LATCH_COUNT 20u
/** What a worker does before its first operation. */
#define OPERATION_OPEN UINT32_MAX

/** What a worker's seat knows of the worker that has it now. */
struct storm_seat {
  _Atomic int32_t process;
  /** Odd from just before the kill until the dead worker was reaped: what the seat claims to hold
   *  then proves nothing, because the library may already have given it to another. */
  _Atomic uint64_t epoch;
  _Atomic uint64_t progress;   /* operations finished */
  _Atomic uint32_t operation;  /* the one under way, see storm_operation_name */
  /** For each semaphore: the permits held in the low half; the high half counts the changes. */
  _Atomic uint64_t inside[SEMAPHORES];
};

/** What one mutex protects. `first` and `second` are equal whenever nobody is inside. */
struct storm_pair {
  uint64_t first;
  uint64_t second;
  uint64_t token; /* of the last grant that got so far */
  uint32_t owner; /* seat + 1 of who is inside */
  uint32_t unused;
};

struct storm_board {
  char name[64];
  char url[80];
  uint64_t seed;
  uint32_t seats;
  uint32_t open_flags;      /* for every worker */
  uint32_t some_threadless; /* workers on odd seats open with NO_THREADS */
  _Atomic uint32_t stop;
  _Atomic uint32_t anchored;  /* the anchor has opened the space */
  _Atomic uint32_t dismissed; /* and may leave it */
  _Atomic uint64_t grants;    /* of mutexes */
  _Atomic uint64_t inherited; /* of these, with OWNER_DIED */
  _Atomic uint64_t breaks;    /* barriers seen broken */
  _Atomic uint64_t occupied;  /* occupancy checks that could be made */
  _Atomic uint32_t failed;
  char failure[512];
  struct storm_pair pairs[MUTEXES];
  struct storm_pair shared_pairs[RWLOCKS]; /* what the readers-writer locks protect */
  _Atomic uint64_t term; /* of the last leader that got so far */
  struct storm_seat seat[SEATS_MAX];
};

/** Notes a failure; only the first one is kept. Does not return. */
void storm_fail(struct storm_board *board, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/** The other programs that this one can be: a worker, the anchor, and the one that verifies. */
int storm_worker_main(struct storm_board *board, uint32_t seat, uint64_t seed);
int storm_anchor_main(struct storm_board *board);
int storm_verify_main(struct storm_board *board);

/** Returns the name of an operation, for the report of a hang. */
const char *storm_operation_name(uint32_t operation);

/** The flags of the objects by their index. */
uint32_t storm_mutex_flags(uint32_t index);
uint32_t storm_semaphore_flags(uint32_t index);

#endif
