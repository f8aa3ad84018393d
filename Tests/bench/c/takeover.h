/* What the processes of takeover.c share.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef BENCH_TAKEOVER_H
#define BENCH_TAKEOVER_H

#include "common.h"

#include <pthread.h>
#include <semaphore.h>

typedef struct {
  const char *kind;
  const char *url;
  int ours;                      /* the kind is one of ours */
  size_t resident;               /* bytes that a victim makes its own */
  int record_file;               /* what the kind `record` locks */
  int probe_file;                /* locked by each victim, to see when the kernel lets go */
  pthread_mutex_t posix_mutex;   /* what the kind `robust` locks */
  sem_t taken;                   /* the victim holds it */
  sem_t waiter_go, waiter_done;
  sem_t probe_go, probe_done;
  _Atomic int waiter_waits, probe_waits;
  int64_t taken_over_ns;         /* the waiter's lock call returned */
  int64_t dropped_ns;            /* the probe's did */
} bench_t;

/** Makes all of it, in memory that is shared with the children. */
bench_t *make_bench(const char *kind, const char *url);

#endif
