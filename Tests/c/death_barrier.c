/* A barrier and the death of those who have joined it, or were to. */
#include <signal.h>

#include "bodies.h"

static void arrive_barrier(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_barrier_t *barrier =
      open_barrier(open_workstream(space, NULL), "b", BARRIER_PARTIES);
  CHECK_OK(syncmgr_barrier_arrive(barrier, NULL));
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

static void open_barrier_only(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  open_barrier(open_workstream(space, NULL), "b", BARRIER_PARTIES);
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

/* The barrier is broken for all who wait and all who come, until it is reset. */
static void expect_broken(const char *url, peer_t *waiter, uint32_t flags) {
  syncmgr_t *space = open_space(url, flags);
  syncmgr_barrier_t *barrier =
      open_barrier(open_workstream(space, "late"), "b", BARRIER_PARTIES);
  syncmgr_barrier_info_t state;
  CHECK_STATUS(peer_wait_status(waiter), SYNCMGR_E_BROKEN);
  CHECK_STATUS(syncmgr_barrier_wait(barrier, SYNCMGR_FOREVER, NULL, NULL), SYNCMGR_E_BROKEN);
  CHECK_STATUS(syncmgr_barrier_arrive(barrier, NULL), SYNCMGR_E_BROKEN);
  CHECK_OK(syncmgr_barrier_state(barrier, &state));
  CHECK_EQUAL(state.broken, 1);
  CHECK_EQUAL(state.generation, 0);
  CHECK_OK(syncmgr_barrier_reset(barrier));
  CHECK_OK(syncmgr_barrier_state(barrier, &state));
  CHECK_EQUAL(state.broken, 0);
  CHECK_EQUAL(state.arrived, 0);
  CHECK_EQUAL(state.generation, 0);
  CHECK_OK(syncmgr_barrier_arrive(barrier, NULL));
  finish(waiter);
  check_and_close(space);
}

static void break_by_death_of(peer_body_t body, bool blocks) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *dying = blocks ? start_waiter(body, url, 0, flags) : start_holder(body, url, 0, flags);
    peer_t *waiter = start_waiter(wait_barrier, url, 0, flags);
    int64_t killed = now_ns();
    peer_kill(dying);
    CHECK_STATUS(peer_wait_status(waiter), SYNCMGR_E_BROKEN);
    CHECK(peer_wait_time(waiter) - killed < SECOND);
    expect_broken(url, waiter, flags);
  }
}

TEST(the_death_of_a_barrier_waiter_breaks_it_for_the_others) {
  break_by_death_of(wait_barrier, true);
}

TEST(the_death_of_one_that_arrived_without_waiting_breaks_the_barrier) {
  break_by_death_of(arrive_barrier, false);
}

TEST(the_death_of_one_that_has_the_barrier_open_breaks_it_for_those_who_wait) {
  break_by_death_of(open_barrier_only, false);
}

TEST(the_death_of_one_that_has_the_barrier_open_while_nobody_waits_breaks_nothing) {
  const char *url = unique_url();
  peer_t *dying = peer_start(open_barrier_only, url, 0, 0);
  peer_t *waiters[2];
  for (unsigned index = 0; index < 2; index++) {
    waiters[index] = peer_start(wait_barrier, url, 0, 0);
    peer_wait_pause(waiters[index], 1);
  }
  syncmgr_t *space = open_space(url, 0);
  syncmgr_barrier_t *barrier =
      open_barrier(open_workstream(space, NULL), "b", BARRIER_PARTIES);
  syncmgr_barrier_info_t state;
  peer_wait_pause(dying, 1);
  peer_kill(dying);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_OK(syncmgr_barrier_state(barrier, &state));
  CHECK_EQUAL(state.broken, 0);
  for (unsigned index = 0; index < 2; index++) {
    peer_go(waiters[index]);
    peer_wait_asleep(waiters[index]);
  }
  CHECK_STATUS(syncmgr_barrier_wait(barrier, SYNCMGR_FOREVER, NULL, NULL), SYNCMGR_LEADER);
  for (unsigned index = 0; index < 2; index++) {
    CHECK_OK(peer_wait_status(waiters[index]));
    finish(waiters[index]);
  }
  check_and_close(space);
}

TEST(a_stranger_to_the_barrier_may_die_without_breaking_it) {
  const char *url = unique_url();
  peer_t *stranger = peer_start(hold_mutex, url, 0, 0);
  peer_t *waiter = start_waiter(wait_barrier, url, 0, 0);
  peer_t *second = start_waiter(wait_barrier, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  uint32_t dead = 0;
  peer_wait_pause(stranger, 1);
  peer_kill(stranger);
  CHECK_OK(syncmgr_cleanup(space, &dead));
  sleep_ms(50);
  CHECK(peer_still_waits(waiter) && peer_still_waits(second));
  CHECK_STATUS(syncmgr_barrier_wait(open_barrier(open_workstream(space, NULL), "b",
                                                 BARRIER_PARTIES),
                                    SYNCMGR_FOREVER, NULL, NULL), SYNCMGR_LEADER);
  finish(waiter);
  finish(second);
  CHECK_OK(peer_wait_status(waiter));
  CHECK_OK(peer_wait_status(second));
  check_and_close(space);
}

/* Arrives last and has to release the others itself; index 1 gives up by closing. */
static void lead_barrier(peer_t *self) {
  syncmgr_barrier_options_t options = SYNCMGR_BARRIER_OPTIONS_INIT;
  syncmgr_barrier_t *barrier = NULL;
  syncmgr_t *space = peer_space(self);
  options.flags = SYNCMGR_BARRIER_LEADER_RELEASES;
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  CHECK_OK(syncmgr_barrier_open(me, "b", BARRIER_PARTIES, &options, &barrier));
  peer_pause(self);
  CHECK_STATUS(syncmgr_barrier_wait(barrier, SYNCMGR_FOREVER, NULL, NULL), SYNCMGR_LEADER);
  peer_pause(self);
  if (self->index == 1) CHECK_OK(syncmgr_barrier_close(barrier));
  if (self->index == 2) CHECK_OK(syncmgr_barrier_release(barrier));
  peer_pause(self);
}

TEST(a_leader_that_dies_or_gives_up_before_the_release_breaks_the_barrier) {
  for (unsigned way = 0; way < 3; way++) {
    const char *url = unique_url();
    peer_t *leader = start_holder(lead_barrier, url, way, 0);
    peer_t *first = start_waiter(wait_barrier, url, 0, 0);
    peer_t *second = start_waiter(wait_barrier, url, 0, 0);
    peer_go(leader);
    peer_wait_pause(leader, 2);
    sleep_ms(20);
    CHECK(peer_still_waits(first) && peer_still_waits(second));
    if (way == 0) peer_kill(leader);
    if (way != 0) peer_go(leader);
    int32_t expected = way == 2 ? SYNCMGR_OK : SYNCMGR_E_BROKEN;
    CHECK_STATUS(peer_wait_status(first), expected);
    CHECK_STATUS(peer_wait_status(second), expected);
    finish(first);
    finish(second);
    if (way != 0) finish(leader);
    CHECK_OK(try_open(url, 0));
  }
}

static void die(void *user) {
  (void)user;
  raise(SIGKILL);
}

static void die_in_action(peer_t *self) {
  syncmgr_barrier_options_t options = SYNCMGR_BARRIER_OPTIONS_INIT;
  syncmgr_barrier_t *barrier = NULL;
  syncmgr_t *space = peer_space(self);
  options.action = die;
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  CHECK_OK(syncmgr_barrier_open(me, "b", BARRIER_PARTIES, &options, &barrier));
  peer_pause(self);
  syncmgr_barrier_wait(barrier, SYNCMGR_FOREVER, NULL, NULL);
}

TEST(the_death_of_the_last_one_in_its_action_breaks_the_barrier) {
  const char *url = unique_url();
  peer_t *leader = start_holder(die_in_action, url, 0, 0);
  peer_t *first = start_waiter(wait_barrier, url, 0, 0);
  peer_t *second = start_waiter(wait_barrier, url, 0, 0);
  peer_go(leader);
  CHECK_STATUS(peer_wait_status(first), SYNCMGR_E_BROKEN);
  CHECK_STATUS(peer_wait_status(second), SYNCMGR_E_BROKEN);
  peer_kill(leader);
  finish(first);
  finish(second);
}
