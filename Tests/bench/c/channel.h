/* What the benchmarks of channels share: ways to carry messages, and processes that use them.
 *
 * SPDX-License-Identifier: MIT
 *
 * A carrier is one way to get messages from writers to readers: ours, or a peer. Each is measured
 * by the same loops, in the same processes, in turn. channel_loops.h makes the loops of a carrier
 * out of four functions of it, so that none pays for a choice that is made anew each time.
 */
#ifndef BENCH_CHANNEL_H
#define BENCH_CHANNEL_H

#include "common.h"

enum { WAYS_MAX = 16, PROCESSES_MAX = 16 };

/** What is asked of a carrier. */
typedef struct plan {
  const char *url;  /* the space of ours */
  char name[64];    /* tells this line from the others in the space */
  size_t length;    /* of every message */
  uint32_t room;    /* messages that may be on their way */
  int readers;
  int is_broadcast; /* every reader gets every message */
} plan_t;

enum { READS, WRITES };

typedef struct carrier {
  const char *name;
  /** Makes what the processes share, before they part. Returns NULL when the system refuses
   *  messages of this length, with the largest length that it allows. */
  void *(*make)(const plan_t *plan, double *out_limit);
  /** Opens one end in the process that uses it: the `index`-th reader's, or a writer's. */
  void *(*open)(void *shared, const plan_t *plan, int role, int index);
  /** Sends so many messages and returns the sum of what was written. */
  uint64_t (*produce)(void *end, size_t length, uint64_t first, uint64_t count);
  /** Sends so many messages that say that there are no more. */
  void (*finish)(void *end, size_t length, int count);
  /** Receives until there are no more and returns the sum of what was read. */
  uint64_t (*consume)(void *end, size_t length);
  /** Sends and receives in turn, so many rounds; `serves` when this side begins. */
  void (*play)(void *out, void *in, size_t length, uint64_t rounds, int serves);
} carrier_t;

/** A carrier with the length of its messages, as the command line has it: NAME@LENGTH, or
 *  NAME@LENGTHxROOM when it is to have another room than the usual one, a power of two. */
typedef struct way {
  const char *words;
  const carrier_t *carrier;
  plan_t plan;
} way_t;

/** Reads the ways from the command line and returns how many there are. */
int read_ways(int count, char **arguments, int first, const char *url, way_t *ways);

/** Prints one sample of a way as `NAME@LENGTH.KEY`. */
void report_way(const way_t *way, const char *key, double value);

/** Where processes wait for each other. */
typedef struct meeting {
  _Alignas(LINE) _Atomic int arrivals;
  int processes;
} meeting_t;

/** Waits until all processes have come here for the `time`-th time, counted from 1. */
void meet(meeting_t *meeting, int time);

/** Returns zeroed memory of this process. */
void *own_memory(size_t size);

extern const carrier_t ours_carrier, loan_carrier, many_carrier, ring_carrier, place_carrier,
    futex_carrier, pipe_carrier, socket_carrier, mq_carrier, boost_carrier;

#endif
