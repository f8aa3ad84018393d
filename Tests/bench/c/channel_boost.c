/* Boost's message_queue: a lock, two conditions, and a copy in and out.
 *
 * SPDX-License-Identifier: MIT
 */
#include "channel_boost.h"

#include "channel_loops.h"

#include <stdio.h>

typedef struct {
  void *queues[PROCESSES_MAX];
  int count;
  void *buffer;
} boost_end_t;

static int queue_count(const plan_t *plan) { return plan->is_broadcast ? plan->readers : 1; }

static void *make_boost(const plan_t *plan, double *out_limit) {
  static int made = 0;
  void **queues = own_memory(sizeof *queues * (size_t)plan->readers);
  (void)out_limit;
  for (int index = 0; index < queue_count(plan); index++) {
    char name[96];
    /* The name of the space is the run's own, so this is too; "shm:" is no part of a file's. */
    snprintf(name, sizeof name, "%s-%d", strchr(plan->url, ':') + 1, made++);
    queues[index] = boost_queue_make(name, plan->room, plan->length);
    if (queues[index] == NULL) fail("Boost made no message_queue");
  }
  return queues;
}

static void *boost_open(void *shared, const plan_t *plan, int role, int index) {
  void **queues = shared;
  boost_end_t *end = own_memory(sizeof *end);
  end->buffer = own_memory(plan->length);
  end->count = role == WRITES ? queue_count(plan) : 1;
  for (int line = 0; line < end->count; line++) {
    end->queues[line] = queues[role == READS && plan->is_broadcast ? index : line];
  }
  return end;
}

static inline void *boost_reserve(boost_end_t *end, size_t length) {
  (void)length;
  return end->buffer;
}

static inline void boost_commit(boost_end_t *end, void *message, size_t length) {
  for (int line = 0; line < end->count; line++) {
    if (boost_queue_send(end->queues[line], message, length) != 0) fail("Boost did not send");
  }
}

static inline const void *boost_peek(boost_end_t *end, size_t length) {
  if (boost_queue_receive(end->queues[0], end->buffer, length) != 0) fail("Boost: no message");
  return end->buffer;
}

static inline void boost_release(boost_end_t *end) { (void)end; }

LOOPS(boost)
CARRIER(boost, make_boost, boost)
