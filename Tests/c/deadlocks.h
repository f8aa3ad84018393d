/* Threads and processes that wait in circles. */
#ifndef DEADLOCKS_H
#define DEADLOCKS_H

#include <unistd.h>

#include "bodies.h"

enum { RING_MAX = 64, WORDS_MAX = 1024 };

/** One wait of a thread: of the first three the one that is given. After it the thread releases
 *  what it got and then what `release_...` names, whatever the outcome. */
typedef struct wait {
  syncmgr_mutex_t *mutex;
  syncmgr_semaphore_t *semaphore;
  syncmgr_rwlock_t *rwlock; /* exclusively */
  uint32_t count;
  int64_t timeout_ns; /* 0: for ever */
  syncmgr_mutex_t *release_mutex;
  syncmgr_semaphore_t *release_semaphore;
  syncmgr_rwlock_t *release_rwlock;
  uint32_t release_count; /* 0: one */
  pthread_t thread;
  _Atomic int32_t begun;
  int32_t status;
  char words[WORDS_MAX];
} wait_t;

/** Begins the waits, one after the other, 2 ms apart. */
void begin_waits(wait_t *waits, unsigned count);
/** Waits until all have ended. Returns how many ended with E_DEADLOCK; others have to be OK or
 *  E_TIMEOUT. */
unsigned end_waits(wait_t *waits, unsigned count);
unsigned run_waits(wait_t *waits, unsigned count);

/** Workstreams "worker-N" of which each holds "lock-N" and waits for that of the next. */
typedef struct ring {
  unsigned count;
  int64_t timeout_ns;
  syncmgr_workstream_t *workstreams[RING_MAX];
  wait_t waits[RING_MAX];
  int32_t statuses[RING_MAX];
  const char *words[RING_MAX];
} ring_t;

/** Opens the workstreams and locks. */
void ring_open(ring_t *ring, syncmgr_t *space, unsigned count);
/** Begins the waits. */
void ring_close_up(ring_t *ring);
void ring_start(ring_t *ring, syncmgr_t *space, unsigned count);
/** Waits for all and returns how many victims there were. */
unsigned ring_end(ring_t *ring);

/** Writes up to `capacity` records; returns how many there are. */
uint32_t list_deadlocks(syncmgr_t *space, syncmgr_deadlock_t *records, uint32_t capacity);

/** A peer: pause 1: it holds "a" (`index` 0) or "b". Then it locks the other, and reports. */
void lock_two(peer_t *self);

/** A peer: pause 1: it has `index` of the 3 instances of the resource "gpu". */
void hold_resource(peer_t *self);

#endif
