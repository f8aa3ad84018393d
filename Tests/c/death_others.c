/* The death of a process that takes part in a semaphore, an event or a latch. */
#include <signal.h>
#include <string.h>

#include "bodies.h"

TEST(permits_of_the_killed_return_also_to_a_blocked_waiter) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *holder = start_holder(hold_semaphore, url, 2, flags);
    peer_t *waiter = start_waiter(wait_semaphore, url, SEMAPHORE_PERMITS, flags);
    int64_t killed = now_ns();
    peer_kill(holder);
    CHECK_OK(peer_wait_status(waiter));
    CHECK(peer_wait_time(waiter) - killed < SECOND);
    finish(waiter);
  }
}

TEST(permits_of_the_killed_return_to_later_ones_and_the_holders_are_known) {
  const char *url = unique_url();
  peer_t *dying = peer_start(hold_semaphore, url, 2, 0);
  peer_t *living = peer_start(hold_semaphore, url, 1, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_semaphore_t *semaphore =
      open_semaphore(open_workstream(space, "test"), "s", SEMAPHORE_PERMITS, 0);
  syncmgr_holder_t holders[4];
  uint32_t count = 0, dead = 0;
  peer_wait_pause(dying, 1);
  peer_wait_pause(living, 1);
  CHECK_OK(syncmgr_semaphore_holders(semaphore, holders, 4, &count));
  CHECK_EQUAL(count, 2);
  for (unsigned index = 0; index < 2; index++) {
    peer_t *peer = holders[index].pid == dying->pid ? dying : living;
    CHECK_EQUAL(holders[index].pid, peer->pid);
    CHECK_EQUAL(holders[index].amount, peer->index);
    CHECK_EQUAL(holders[index].token, 0);
    CHECK(strcmp(holders[index].name, peer_workstream_name(peer)) == 0);
  }
  CHECK(holders[0].pid != holders[1].pid);
  peer_kill(dying);
  CHECK_OK(syncmgr_cleanup(space, &dead));
  CHECK_OK(syncmgr_semaphore_available(semaphore, &count));
  CHECK_EQUAL(count, 2);
  CHECK_OK(syncmgr_semaphore_acquire(semaphore, 2, 5 * SECOND));
  CHECK_STATUS(syncmgr_semaphore_acquire(semaphore, 1, 0), SYNCMGR_E_TIMEOUT);
  CHECK_OK(syncmgr_semaphore_holders(semaphore, holders, 4, &count));
  CHECK_EQUAL(count, 2);
  CHECK(holders[0].pid != dying->pid && holders[1].pid != dying->pid);
  finish(living);
  CHECK_OK(syncmgr_semaphore_acquire(semaphore, 1, SECOND));
  check_and_close(space);
}

static void take_signals(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_semaphore_t *semaphore =
      open_semaphore(open_workstream(space, NULL), "c", 5, SYNCMGR_SEMAPHORE_SIGNALLING);
  CHECK_OK(syncmgr_semaphore_acquire(semaphore, 2, 0));
  peer_pause(self);
}

TEST(permits_taken_from_a_signalling_semaphore_do_not_return_by_death) {
  const char *url = unique_url();
  peer_t *taker = peer_start(take_signals, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_semaphore_t *semaphore =
      open_semaphore(open_workstream(space, NULL), "c", 5, SYNCMGR_SEMAPHORE_SIGNALLING);
  uint32_t count = 0;
  peer_wait_pause(taker, 1);
  peer_kill(taker);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_OK(syncmgr_semaphore_available(semaphore, &count));
  CHECK_EQUAL(count, 3);
  CHECK_STATUS(syncmgr_semaphore_acquire(semaphore, 4, 50 * MILLISECOND), SYNCMGR_E_TIMEOUT);
  check_and_close(space);
}

TEST(a_dead_waiter_for_many_permits_does_not_block_those_behind_it) {
  const char *url = unique_url();
  peer_t *holder = start_holder(hold_semaphore, url, 1, 0);
  peer_t *big = start_waiter(wait_semaphore, url, 3, 0);
  /* Long enough to be served first. */
  sleep_ms(5);
  peer_t *small = peer_start(wait_semaphore, url, 2, 0);
  peer_wait_pause(small, 1);
  peer_go(small);
  sleep_ms(20);
  peer_kill(big);
  CHECK_OK(peer_wait_status(small));
  finish(small);
  finish(holder);
}

TEST(a_semaphore_grant_to_a_waiter_that_dies_before_it_returns_comes_back) {
  const char *url = unique_url();
  peer_t *holder = start_holder(hold_semaphore, url, 3, 0);
  peer_t *first = start_waiter(wait_semaphore, url, 3, 0);
  peer_t *second = start_waiter(wait_semaphore, url, 3, 0);
  peer_signal(first, SIGSTOP);
  sleep_ms(5);
  finish(holder);
  sleep_ms(20);
  peer_kill(first);
  CHECK_OK(peer_wait_status(second));
  finish(second);
}

TEST(a_set_granted_to_a_waiter_that_dies_before_it_returns_goes_to_the_next) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0, set = 1;
    peer_t *first = start_waiter(wait_event, url, 0, flags);
    peer_t *second = start_waiter(wait_event, url, 0, flags);
    syncmgr_t *space = open_space(url, flags);
    syncmgr_event_t *event = open_event(open_workstream(space, NULL), "e", 0);
    peer_signal(first, SIGSTOP);
    sleep_ms(5);
    CHECK_OK(syncmgr_event_set(event));
    sleep_ms(20);
    peer_kill(first);
    CHECK_OK(peer_wait_status(second));
    /* It was one set, and the second waiter has used it up. */
    CHECK_OK(syncmgr_event_is_set(event, &set));
    CHECK_EQUAL(set, 0);
    CHECK_STATUS(syncmgr_event_wait(event, 0), SYNCMGR_E_TIMEOUT);
    finish(second);
    check_and_close(space);
  }
}

TEST(a_set_granted_to_the_only_waiter_and_it_dies_leaves_the_event_set) {
  const char *url = unique_url();
  peer_t *waiter = start_waiter(wait_event, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_event_t *event = open_event(open_workstream(space, NULL), "e", 0);
  peer_signal(waiter, SIGSTOP);
  sleep_ms(5);
  CHECK_OK(syncmgr_event_set(event));
  peer_kill(waiter);
  CHECK_OK(syncmgr_event_wait(event, 5 * SECOND));
  CHECK_STATUS(syncmgr_event_wait(event, 0), SYNCMGR_E_TIMEOUT);
  check_and_close(space);
}

static void count_and_wait(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_latch_t *latch = open_latch(open_workstream(space, NULL), "l", 3);
  uint32_t remaining = 99;
  CHECK_OK(syncmgr_latch_count_down(latch, 1, &remaining));
  CHECK_EQUAL(remaining, 2);
  report_status(self, syncmgr_latch_wait(latch, SYNCMGR_FOREVER));
}

TEST(what_a_dead_process_counted_down_stays_counted) {
  const char *url = unique_url();
  peer_t *peer = peer_start(count_and_wait, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_latch_t *latch = open_latch(open_workstream(space, NULL), "l", 3);
  uint32_t count = 0;
  WAIT_UNTIL(syncmgr_latch_count(latch, &count) == SYNCMGR_OK && count == 2);
  peer_wait_asleep(peer);
  peer_kill(peer);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_OK(syncmgr_latch_count(latch, &count));
  CHECK_EQUAL(count, 2);
  CHECK_OK(syncmgr_latch_count_down(latch, 2, NULL));
  CHECK_OK(syncmgr_latch_wait(latch, 0));
  check_and_close(space);
}
