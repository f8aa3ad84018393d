/* Who is next: order under FAIR, and nobody is passed over for ever otherwise. */
#include "bodies.h"

enum { IN_LINE = 8, HAMMERS = 3 };

static _Atomic uint32_t *order;
static _Atomic uint32_t *stop;

/* Stands in line with a ticket, so that the test knows its place; odd ones block instead. */
static void take_turn(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_mutex_t *mutex = open_mutex(me, "m", SYNCMGR_MUTEX_FAIR);
  syncmgr_ticket_t *ticket = NULL;
  peer_pause(self);
  if (self->index % 2) {
    CHECK_OK(syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER));
  } else {
    CHECK_STATUS(syncmgr_mutex_lock_start(mutex, SYNCMGR_FOREVER, NULL, 0, &ticket),
                 SYNCMGR_PENDING);
    CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  }
  CHECK_EQUAL(atomic_fetch_add(order, 1), self->index);
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  CHECK_OK(syncmgr_close(space));
}

static void stand_in_line(peer_body_t body, peer_t **peers, const char *url) {
  for (unsigned index = 0; index < IN_LINE; index++) {
    peers[index] = peer_start(body, url, index, index % 4 == 3 ? SYNCMGR_OPEN_NO_THREADS : 0);
    peer_wait_pause(peers[index], 1);
    peer_go(peers[index]);
    peer_wait_asleep(peers[index]);
  }
}

TEST(a_fair_mutex_is_handed_over_in_the_order_of_arrival) {
  const char *url = unique_url();
  peer_t *peers[IN_LINE];
  order = shared_memory(sizeof *order);
  peer_t *holder = start_holder(hold_mutex, url, SYNCMGR_MUTEX_FAIR, 0);
  stand_in_line(take_turn, peers, url);
  finish(holder);
  for (unsigned index = 0; index < IN_LINE; index++) peer_join(peers[index]);
  CHECK_EQUAL(atomic_load(order), IN_LINE);
}

static void take_permits_in_turn(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_semaphore_t *semaphore =
      open_semaphore(open_workstream(space, NULL), "fair", 4, SYNCMGR_SEMAPHORE_FAIR);
  peer_pause(self);
  /* Sizes differ: a small one that would fit must not pass a big one that came before it. */
  uint32_t count = self->index % 2 ? 1 : 4;
  CHECK_OK(syncmgr_semaphore_acquire(semaphore, count, SYNCMGR_FOREVER));
  uint32_t place = atomic_fetch_add(order, 1);
  CHECK_EQUAL(place, self->index);
  CHECK_OK(syncmgr_semaphore_release(semaphore, count));
  CHECK_OK(syncmgr_close(space));
}

static void hold_one_permit(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_semaphore_t *semaphore =
      open_semaphore(open_workstream(space, NULL), "fair", 4, SYNCMGR_SEMAPHORE_FAIR);
  CHECK_OK(syncmgr_semaphore_acquire(semaphore, 1, 0));
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

TEST(a_fair_semaphore_serves_requests_of_all_sizes_in_the_order_of_arrival) {
  const char *url = unique_url();
  peer_t *peers[IN_LINE];
  order = shared_memory(sizeof *order);
  peer_t *holder = start_holder(hold_one_permit, url, 0, 0);
  stand_in_line(take_permits_in_turn, peers, url);
  CHECK_EQUAL(atomic_load(order), 0);
  finish(holder);
  for (unsigned index = 0; index < IN_LINE; index++) peer_join(peers[index]);
  CHECK_EQUAL(atomic_load(order), IN_LINE);
}

/* Wants all permits for a while: values[0] is how it gives up, by its own time or by cancelling. */
static void give_up(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_semaphore_t *semaphore =
      open_semaphore(open_workstream(space, NULL), "s", 2, self->index);
  syncmgr_ticket_t *ticket = NULL;
  peer_pause(self);
  int32_t status =
      syncmgr_semaphore_acquire_start(semaphore, 2, 150 * MILLISECOND, NULL, 0, &ticket);
  CHECK_STATUS(status, SYNCMGR_PENDING);
  atomic_store(&self->values[0], 1);
  if (atomic_load(&self->values[1])) {
    sleep_ms(60);
    CHECK_OK(syncmgr_ticket_cancel(ticket));
  } else {
    CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_E_TIMEOUT);
  }
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

static void want_one(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_semaphore_t *semaphore =
      open_semaphore(open_workstream(space, NULL), "s", 2, self->index);
  peer_pause(self);
  report_status(self, syncmgr_semaphore_acquire(semaphore, 1, SYNCMGR_FOREVER));
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

TEST(those_behind_a_request_that_timed_out_or_was_cancelled_go_on) {
  for (unsigned kind = 0; kind < 4; kind++) {
    const char *url = unique_url();
    uint32_t semaphore_flags = kind % 2 ? SYNCMGR_SEMAPHORE_FAIR : 0;
    peer_t *big = peer_start(give_up, url, semaphore_flags, 0);
    peer_t *small = peer_start(want_one, url, semaphore_flags, 0);
    atomic_store(&big->values[1], kind / 2);
    syncmgr_t *space = open_space(url, 0);
    syncmgr_semaphore_t *semaphore =
        open_semaphore(open_workstream(space, NULL), "s", 2, semaphore_flags);
    uint32_t count = 99;
    CHECK_OK(syncmgr_semaphore_acquire(semaphore, 1, 0));
    peer_wait_pause(big, 1);
    peer_wait_pause(small, 1);
    peer_go(big);
    peer_wait_value(big, 0);
    sleep_ms(5);
    peer_go(small);
    /* Nobody releases anything: the one behind goes on only because the big one is gone. */
    CHECK_OK(peer_wait_status(small));
    peer_wait_pause(big, 2);
    CHECK_OK(syncmgr_semaphore_available(semaphore, &count));
    CHECK_EQUAL(count, 0);
    finish(small);
    finish(big);
    CHECK_OK(syncmgr_semaphore_acquire(semaphore, 1, 0));
    check_and_close(space);
  }
}

static void hammer_semaphore(peer_t *self) {
  uint64_t state = harness_seed() + self->index;
  syncmgr_t *space = peer_space(self);
  syncmgr_semaphore_t *semaphore = open_semaphore(open_workstream(space, NULL), "s", 4, 0);
  peer_pause(self);
  while (!atomic_load(stop)) {
    uint32_t count = 1 + random_below(&state, 2);
    CHECK_OK(syncmgr_semaphore_acquire(semaphore, count, SYNCMGR_FOREVER));
    if (random_below(&state, 8) == 0) sleep_ms(1);
    CHECK_OK(syncmgr_semaphore_release(semaphore, count));
  }
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(60, a_big_request_is_not_passed_over_for_ever_by_small_ones) {
  const char *url = unique_url();
  peer_t *hammers[HAMMERS];
  stop = shared_memory(sizeof *stop);
  for (unsigned index = 0; index < HAMMERS; index++) {
    hammers[index] = peer_start(hammer_semaphore, url, index, 0);
  }
  syncmgr_t *space = open_space(url, 0);
  syncmgr_semaphore_t *semaphore = open_semaphore(open_workstream(space, NULL), "s", 4, 0);
  for (unsigned index = 0; index < HAMMERS; index++) {
    peer_wait_pause(hammers[index], 1);
    peer_go(hammers[index]);
  }
  for (unsigned round = 0; round < 100; round++) {
    CHECK_OK(syncmgr_semaphore_acquire(semaphore, 4, 10 * SECOND));
    CHECK_OK(syncmgr_semaphore_release(semaphore, 4));
  }
  atomic_store(stop, 1);
  for (unsigned index = 0; index < HAMMERS; index++) peer_join(hammers[index]);
  check_and_close(space);
}

static void hammer_mutex(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, NULL), "m", 0);
  peer_pause(self);
  while (!atomic_load(stop)) {
    CHECK_OK(syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER));
    for (volatile unsigned spin = 0; spin < 2000; spin++) continue;
    CHECK_OK(syncmgr_mutex_unlock(mutex));
  }
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(60, a_waiter_among_processes_that_never_pause_gets_the_mutex) {
  const char *url = unique_url();
  peer_t *hammers[HAMMERS];
  stop = shared_memory(sizeof *stop);
  for (unsigned index = 0; index < HAMMERS; index++) {
    hammers[index] = peer_start(hammer_mutex, url, index, 0);
  }
  syncmgr_t *space = open_space(url, 0);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, NULL), "m", 0);
  for (unsigned index = 0; index < HAMMERS; index++) {
    peer_wait_pause(hammers[index], 1);
    peer_go(hammers[index]);
  }
  for (unsigned round = 0; round < 200; round++) {
    CHECK_OK(syncmgr_mutex_lock(mutex, 10 * SECOND));
    CHECK_OK(syncmgr_mutex_unlock(mutex));
    if (round % 10 == 0) sleep_ms(1);
  }
  atomic_store(stop, 1);
  for (unsigned index = 0; index < HAMMERS; index++) peer_join(hammers[index]);
  check_and_close(space);
}
