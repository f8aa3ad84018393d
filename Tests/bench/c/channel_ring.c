/* The limit: rings made by hand, for one writer and one reader, and a bare futex.
 *
 * SPDX-License-Identifier: MIT
 *
 * They know the length of a message, who uses them, and that nobody dies. A side that has waited
 * some microseconds announces that it sleeps, so that the other makes a system call only then.
 *   ring    the messages are copied into its cells and out of them
 *   place   they are written and read in the cells themselves
 *   futex   one cell, and a system call at every step to wake and to sleep
 */
#include "channel_loops.h"

#include <linux/futex.h>
#include <sys/syscall.h>

enum { SPINS = 2000 };

typedef struct {
  _Alignas(LINE) _Atomic uint64_t tail; /* messages that were written */
  _Alignas(LINE) _Atomic uint64_t head; /* messages that were read */
  _Alignas(LINE) _Atomic uint32_t reader_sleeps;
  _Alignas(LINE) _Atomic uint32_t writer_sleeps;
  _Alignas(LINE) char cells[];
} ring_t;

/* One side of a ring, with the last that it saw of the other. */
typedef struct {
  ring_t *ring;
  uint64_t head, tail;
  uint64_t mask;
  size_t length;
} side_t;

static void sleep_while(_Atomic uint32_t *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void wake_one(_Atomic uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Returns the counter as soon as it is another than `seen`. */
static uint64_t wait_for_other(_Atomic uint64_t *counter, uint64_t seen,
                               _Atomic uint32_t *sleeps) {
  uint64_t value;
  for (int spin = 0; spin < SPINS; spin++) {
    value = atomic_load_explicit(counter, memory_order_acquire);
    if (value != seen) return value;
    pause_cpu();
  }
  for (;;) {
    /* Announced before it looks once more: the other counts before it looks for a sleeper. */
    atomic_store(sleeps, 1);
    value = atomic_load(counter);
    if (value != seen) break;
    sleep_while(sleeps, 1);
  }
  atomic_store_explicit(sleeps, 0, memory_order_relaxed);
  return value;
}

static inline void count_one(_Atomic uint64_t *counter, uint64_t value,
                             _Atomic uint32_t *sleeps) {
  atomic_store(counter, value);
  if (atomic_load(sleeps) != 0) {
    atomic_store(sleeps, 0);
    wake_one(sleeps);
  }
}

static inline void *cell_to_write(side_t *side) {
  if (side->tail - side->head > side->mask) {
    uint64_t full = side->tail - side->mask - 1;
    side->head = wait_for_other(&side->ring->head, full, &side->ring->writer_sleeps);
  }
  return side->ring->cells + (side->tail & side->mask) * side->length;
}

static inline void written(side_t *side) {
  count_one(&side->ring->tail, ++side->tail, &side->ring->reader_sleeps);
}

static inline const void *cell_to_read(side_t *side) {
  if (side->head == side->tail) {
    side->tail = wait_for_other(&side->ring->tail, side->head, &side->ring->reader_sleeps);
  }
  return side->ring->cells + (side->head & side->mask) * side->length;
}

static inline void was_read(side_t *side) {
  count_one(&side->ring->head, ++side->head, &side->ring->writer_sleeps);
}

/* A ring for each reader: it knows only one. */
static size_t ring_size(const plan_t *plan) { return sizeof(ring_t) + plan->room * plan->length; }

static void *make_rings(const plan_t *plan, double *out_limit) {
  (void)out_limit;
  return shared_memory(ring_size(plan) * (size_t)plan->readers);
}

static side_t open_side(void *shared, const plan_t *plan, int index) {
  ring_t *ring = (ring_t *)((char *)shared + ring_size(plan) * (size_t)index);
  return (side_t){ring, 0, 0, plan->room - 1, plan->length};
}

typedef struct {
  side_t sides[PROCESSES_MAX];
  int count;
  void *buffer;
} ring_end_t;

static void *ring_open(void *shared, const plan_t *plan, int role, int index) {
  ring_end_t *end = own_memory(sizeof *end);
  end->buffer = own_memory(plan->length);
  end->count = role == WRITES ? plan->readers : 1;
  for (int side = 0; side < end->count; side++) {
    end->sides[side] = open_side(shared, plan, role == WRITES ? side : index);
  }
  return end;
}

static inline void *ring_reserve(ring_end_t *end, size_t length) {
  (void)length;
  return end->buffer;
}

static inline void ring_commit(ring_end_t *end, void *message, size_t length) {
  for (int index = 0; index < end->count; index++) {
    memcpy(cell_to_write(&end->sides[index]), message, length);
    written(&end->sides[index]);
  }
}

static inline const void *ring_peek(ring_end_t *end, size_t length) {
  memcpy(end->buffer, cell_to_read(&end->sides[0]), length);
  was_read(&end->sides[0]);
  return end->buffer;
}

static inline void ring_release(ring_end_t *end) { (void)end; }

LOOPS(ring)
CARRIER(ring, make_rings, ring)

typedef side_t place_end_t;

static void *make_place(const plan_t *plan, double *out_limit) {
  if (plan->readers != 1) fail("place is for one reader");
  return make_rings(plan, out_limit);
}

static void *place_open(void *shared, const plan_t *plan, int role, int index) {
  (void)role;
  place_end_t *end = own_memory(sizeof *end);
  *end = open_side(shared, plan, index);
  return end;
}

static inline void *place_reserve(place_end_t *end, size_t length) {
  (void)length;
  return cell_to_write(end);
}

static inline void place_commit(place_end_t *end, void *message, size_t length) {
  (void)message;
  (void)length;
  written(end);
}

static inline const void *place_peek(place_end_t *end, size_t length) {
  (void)length;
  return cell_to_read(end);
}

static inline void place_release(place_end_t *end) { was_read(end); }

LOOPS(place)
CARRIER(place, make_place, place)

typedef struct {
  _Alignas(LINE) _Atomic uint32_t round;
  char message[];
} cell_t;

typedef struct {
  cell_t *cell;
  uint32_t round;
  void *buffer;
} futex_end_t;

static void *make_futex(const plan_t *plan, double *out_limit) {
  (void)out_limit;
  return shared_memory(sizeof(cell_t) + plan->length);
}

static void *futex_open(void *shared, const plan_t *plan, int role, int index) {
  (void)role;
  (void)index;
  futex_end_t *end = own_memory(sizeof *end);
  *end = (futex_end_t){shared, 0, own_memory(plan->length)};
  return end;
}

static inline void *futex_reserve(futex_end_t *end, size_t length) {
  (void)length;
  return end->buffer;
}

/* There is only one cell, so this is for those who wait for an answer before the next message. */
static inline void futex_commit(futex_end_t *end, void *message, size_t length) {
  memcpy(end->cell->message, message, length);
  atomic_store_explicit(&end->cell->round, ++end->round, memory_order_release);
  wake_one(&end->cell->round);
}

static inline const void *futex_peek(futex_end_t *end, size_t length) {
  uint32_t seen, wanted = ++end->round;
  while ((seen = atomic_load_explicit(&end->cell->round, memory_order_acquire)) != wanted) {
    sleep_while(&end->cell->round, seen);
  }
  memcpy(end->buffer, end->cell->message, length);
  return end->buffer;
}

static inline void futex_release(futex_end_t *end) { (void)end; }

LOOPS(futex)
CARRIER(futex, make_futex, futex)
