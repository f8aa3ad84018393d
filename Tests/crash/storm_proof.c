/* How the workers prove exclusion to each other, with plain memory and no help of the library. */
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "storm_worker.h"

void storm_fail(struct storm_board *board, const char *format, ...) {
  uint32_t nobody = 0;
  if (atomic_compare_exchange_strong(&board->failed, &nobody, 1)) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(board->failure, sizeof board->failure, format, arguments);
    va_end(arguments);
    atomic_store(&board->failed, 2);
  }
  _exit(1);
}

/* Usually short; sometimes the processor goes to another. */
void worker_linger(struct storm_worker *worker) {
  switch (random_below(&worker->random, 16)) {
    case 0:
      sched_yield();
      break;
    case 1:
      sleep_ns(random_duration(&worker->random, 1000, MILLISECOND));
      break;
    default:
      for (uint32_t turn = random_below(&worker->random, 200); turn > 0; turn--) {
        atomic_signal_fence(memory_order_seq_cst);
      }
  }
}

/* The fields are read and written through volatile: the compiler must not merge the two updates, or
 * a second owner between them would not be seen. */
void worker_critical_section(struct storm_worker *worker, uint32_t index, syncmgr_mutex_t *mutex,
                             int32_t status) {
  struct storm_board *board = worker->board;
  volatile struct storm_pair *pair = &board->pairs[index];
  uint64_t token = 0;
  worker_expect(worker, "mutex_token", syncmgr_mutex_token(mutex, &token), 1, SYNCMGR_OK);
  worker_expect(worker, "mutex_is_valid", syncmgr_mutex_is_valid(mutex, token), 1, SYNCMGR_OK);
  if (status == SYNCMGR_OWNER_DIED) {
    atomic_fetch_add(&board->inherited, 1);
    pair->owner = 0;
    pair->second = pair->first;
  } else if (pair->owner != 0 || pair->first != pair->second) {
    storm_fail(board,
               "mutex %u: seat %u was told OK, but finds owner %u and %" PRIu64 " != %" PRIu64,
               index, worker->index, pair->owner, pair->first, pair->second);
  }
  if (token <= pair->token) {
    storm_fail(board, "mutex %u: token %" PRIu64 " comes after %" PRIu64 " (%s)", index, token,
               pair->token, syncmgr_status_name(status));
  }
  pair->token = token;
  pair->owner = worker->index + 1;
  pair->first = pair->first + 1;
  worker_linger(worker);
  if (pair->owner != worker->index + 1 || pair->first != pair->second + 1) {
    storm_fail(board, "mutex %u: seat %u is inside together with %u", index, worker->index,
               pair->owner - 1);
  }
  pair->second = pair->second + 1;
  pair->owner = 0;
  atomic_fetch_add(&board->grants, 1);
}

/* Reads what every seat claims to hold. */
static void collect(struct storm_board *board, uint32_t index, uint64_t *epochs, uint64_t *inside) {
  for (uint32_t seat = 0; seat < board->seats; seat++) {
    epochs[seat] = atomic_load(&board->seat[seat].epoch);
    inside[seat] = atomic_load(&board->seat[seat].inside[index]);
  }
}

void worker_note_inside(struct storm_worker *worker, uint32_t index, uint32_t count) {
  struct storm_board *board = worker->board;
  uint64_t changes = atomic_load(&worker->seat->inside[index]) >> 32;
  atomic_store(&worker->seat->inside[index], ((changes + 1) << 32) | count);
  uint64_t epochs[2][SEATS_MAX];
  uint64_t inside[2][SEATS_MAX];
  collect(board, index, epochs[0], inside[0]);
  collect(board, index, epochs[1], inside[1]);
  uint32_t sum = 0;
  for (uint32_t seat = 0; seat < board->seats; seat++) {
    /* Two equal readings of everything make the sum one of a single instant between them. */
    if (epochs[0][seat] != epochs[1][seat] || inside[0][seat] != inside[1][seat]) {
      return;
    }
    sum += epochs[0][seat] % 2 == 0 ? (uint32_t)inside[0][seat] : 0;
  }
  atomic_fetch_add(&board->occupied, 1);
  if (sum > PERMITS) {
    storm_fail(board, "semaphore %u: %u permits of %u are held at once", index, sum, PERMITS);
  }
}
