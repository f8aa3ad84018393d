/* One ticket in the hands of several threads: each of them comes back, whoever used it up. */
#include "peer.h"

enum { ROUNDS = 20000 };

typedef struct shared_ticket {
  _Atomic(syncmgr_ticket_t *) ticket;
  _Atomic uint32_t back;
  _Atomic int64_t back_at;
  _Atomic int32_t status;
} shared_ticket_t;

static void *wait_for_ticket(void *argument) {
  shared_ticket_t *shared = argument;
  syncmgr_ticket_t *ticket = atomic_load(&shared->ticket);
  int32_t status = syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL);
  atomic_store(&shared->status, status);
  atomic_store(&shared->back_at, now_ns());
  atomic_fetch_add(&shared->back, 1);
  return NULL;
}

static syncmgr_ticket_t *start_waiting(syncmgr_latch_t *latch) {
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_latch_wait_start(latch, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  return ticket;
}

/* The wait that is started right after the cancel may get the memory of the cancelled one, and the
 * thread that still looks at it must not take the new wait for its own. */
TEST_WITHIN(60, a_thread_that_waits_for_a_ticket_comes_back_when_another_cancels_it) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_latch_t *latch = open_latch(open_workstream(space, NULL), "l", 1);
  uint64_t state = harness_seed();
  for (unsigned round = 0; round < ROUNDS; round++) {
    shared_ticket_t shared = {.ticket = start_waiting(latch)};
    pthread_t thread = start_thread(wait_for_ticket, &shared);
    for (volatile uint32_t spin = random_below(&state, 100000); spin > 0; spin--) continue;
    CHECK_OK(syncmgr_ticket_cancel(atomic_load(&shared.ticket)));
    syncmgr_ticket_t *next = start_waiting(latch);
    join_thread(thread);
    CHECK_STATUS(atomic_load(&shared.status), SYNCMGR_E_CLOSED);
    CHECK_OK(syncmgr_ticket_cancel(next));
  }
  check_and_close(space);
}

/* Ends the wait of a ticket that two threads wait for; says how long the slower one took. */
static int64_t end_for_two(unsigned way) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_latch_t *latch = open_latch(me, "l", 1);
  shared_ticket_t shared = {.ticket = start_waiting(latch)};
  pthread_t threads[2];
  for (unsigned index = 0; index < 2; index++) {
    threads[index] = start_thread(wait_for_ticket, &shared);
  }
  sleep_ms(20);
  int64_t ended = now_ns();
  if (way == 0) CHECK_OK(syncmgr_latch_count_down(latch, 1, NULL));
  if (way == 1) CHECK_OK(syncmgr_ticket_cancel(atomic_load(&shared.ticket)));
  if (way == 2) CHECK_OK(syncmgr_workstream_close(me));
  if (way == 3) CHECK_OK(syncmgr_close(space));
  for (unsigned index = 0; index < 2; index++) join_thread(threads[index]);
  if (way != 3) check_and_close(space);
  return atomic_load(&shared.back_at) - ended;
}

TEST(two_threads_that_wait_for_one_ticket_both_come_back_at_once) {
  for (unsigned way = 0; way < 4; way++) {
    /* The best of a few: a busy machine may be late now and then, but not each time. */
    int64_t best = 10 * SECOND;
    for (unsigned round = 0; round < 4; round++) {
      int64_t elapsed = end_for_two(way);
      if (elapsed < best) best = elapsed;
    }
    if (best > 200 * MILLISECOND) {
      harness_fail(__FILE__, __LINE__, "way %u of ending takes %lld ms", way,
                   (long long)(best / MILLISECOND));
    }
  }
}

/* Of two threads that wait for one ticket exactly one is given the outcome. */
TEST(of_two_threads_that_wait_for_one_ticket_one_gets_the_outcome) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_semaphore_t *semaphore = open_semaphore(open_workstream(space, NULL), "s", 0,
                                                  SYNCMGR_SEMAPHORE_SIGNALLING);
  for (unsigned round = 0; round < 200; round++) {
    syncmgr_ticket_t *ticket = NULL;
    shared_ticket_t shared[2] = {{0}};
    pthread_t threads[2];
    CHECK_STATUS(syncmgr_semaphore_acquire_start(semaphore, 1, SYNCMGR_FOREVER, NULL, 0, &ticket),
                 SYNCMGR_PENDING);
    for (unsigned index = 0; index < 2; index++) {
      atomic_store(&shared[index].ticket, ticket);
      threads[index] = start_thread(wait_for_ticket, &shared[index]);
    }
    CHECK_OK(syncmgr_semaphore_release(semaphore, 1));
    for (unsigned index = 0; index < 2; index++) join_thread(threads[index]);
    int32_t first = atomic_load(&shared[0].status), second = atomic_load(&shared[1].status);
    CHECK((first == SYNCMGR_OK && second == SYNCMGR_E_CLOSED) ||
          (second == SYNCMGR_OK && first == SYNCMGR_E_CLOSED));
  }
  check_and_close(space);
}
