/* The barrier over many cycles and processes: all meet every time, nobody gets ahead. */
#include <string.h>

#include "peer.h"

enum { PARTIES = 3, CYCLES = 1000 };

/* What the parties tell each other outside the library, to check it. */
typedef struct meeting {
  _Atomic uint32_t cycle[PARTIES]; /* the cycle that each has begun, from 1 */
  _Atomic uint32_t leaders[CYCLES];
  _Atomic uint32_t indices[CYCLES]; /* one bit for each arrival index seen */
  _Atomic uint32_t actions;
} meeting_t;

static meeting_t *meeting;

static void check_cycle(unsigned cycle, int32_t status, uint64_t generation, uint32_t index) {
  CHECK(status == SYNCMGR_OK || status == SYNCMGR_LEADER);
  CHECK_EQUAL(generation, cycle);
  CHECK(index < PARTIES);
  CHECK_EQUAL(status == SYNCMGR_LEADER, index == PARTIES - 1);
  atomic_fetch_add(&meeting->leaders[cycle], status == SYNCMGR_LEADER);
  atomic_fetch_or(&meeting->indices[cycle], 1u << index);
  for (unsigned other = 0; other < PARTIES; other++) {
    /* Everybody has come to this cycle, and nobody can have come further than to the next. */
    uint32_t begun = atomic_load(&meeting->cycle[other]);
    if (begun != cycle + 1 && begun != cycle + 2) {
      harness_fail(__FILE__, __LINE__, "in cycle %u party %u has begun cycle %u", cycle, other,
                   begun - 1);
    }
  }
}

static void attend_by_waiting(peer_t *self) {
  uint64_t state = harness_seed() + self->index;
  syncmgr_t *space = peer_space(self);
  syncmgr_barrier_t *barrier = open_barrier(open_workstream(space, NULL), "b", PARTIES);
  for (unsigned cycle = 0; cycle < CYCLES; cycle++) {
    uint64_t generation = 0;
    uint32_t index = 99;
    atomic_store(&meeting->cycle[self->index], cycle + 1);
    if (random_below(&state, 50) == 0) sleep_ms(1);
    int32_t status = syncmgr_barrier_wait(barrier, SYNCMGR_FOREVER, &generation, &index);
    check_cycle(cycle, status, generation, index);
  }
  CHECK_OK(syncmgr_close(space));
}

/* By turns: blocking, with a ticket, and through a queue. */
static void attend_by_all_forms(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_barrier_t *barrier = open_barrier(open_workstream(space, NULL), "b", PARTIES);
  for (unsigned cycle = 0; cycle < CYCLES; cycle++) {
    syncmgr_record_t record = {0};
    syncmgr_ticket_t *ticket = NULL;
    unsigned form = (cycle + self->index) % 3;
    int32_t status;
    atomic_store(&meeting->cycle[self->index], cycle + 1);
    if (form == 0) {
      status = syncmgr_barrier_wait(barrier, SYNCMGR_FOREVER, &record.value, &record.index);
    } else {
      status = syncmgr_barrier_wait_start(barrier, SYNCMGR_FOREVER, form == 1 ? NULL : queue, 0,
                                          &ticket, &record);
      if (status == SYNCMGR_PENDING && form == 1) {
        status = syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, &record);
      } else if (status == SYNCMGR_PENDING) {
        record = next_record(queue);
        status = record.status;
        CHECK_EQUAL(record.ticket, (uintptr_t)ticket);
      }
    }
    check_cycle(cycle, status, record.value, record.index);
  }
  CHECK_OK(syncmgr_close(space));
}

static void count_action(void *user) {
  (void)user;
  atomic_fetch_add(&meeting->actions, 1);
}

static void attend_with_action(peer_t *self) {
  syncmgr_barrier_options_t options = SYNCMGR_BARRIER_OPTIONS_INIT;
  syncmgr_barrier_t *barrier = NULL;
  syncmgr_t *space = peer_space(self);
  options.action = count_action;
  CHECK_OK(syncmgr_barrier_open(open_workstream(space, NULL), "b", PARTIES, &options, &barrier));
  for (unsigned cycle = 0; cycle < CYCLES; cycle++) {
    uint64_t generation = 0;
    uint32_t index = 99;
    atomic_store(&meeting->cycle[self->index], cycle + 1);
    int32_t status = syncmgr_barrier_wait(barrier, SYNCMGR_FOREVER, &generation, &index);
    /* The action of this cycle is over, and that of the next cannot begin before all come. */
    CHECK(atomic_load(&meeting->actions) >= cycle + 1);
    CHECK(atomic_load(&meeting->actions) <= cycle + 2);
    check_cycle(cycle, status, generation, index);
  }
  CHECK_OK(syncmgr_close(space));
}

static void meet_in(peer_body_t body, uint32_t flags) {
  const char *url = unique_url();
  peer_t *peers[PARTIES];
  meeting = shared_memory(sizeof *meeting);
  for (unsigned index = 0; index < PARTIES; index++) {
    peers[index] = peer_start(body, url, index, flags);
  }
  for (unsigned index = 0; index < PARTIES; index++) peer_join(peers[index]);
  for (unsigned cycle = 0; cycle < CYCLES; cycle++) {
    CHECK_EQUAL(atomic_load(&meeting->leaders[cycle]), 1);
    CHECK_EQUAL(atomic_load(&meeting->indices[cycle]), (1u << PARTIES) - 1);
  }
}

/* The parties leave at different times; the last must not find the barrier broken by the first
 * having closed it, which only a waiter does. */
TEST_WITHIN(60, three_processes_meet_1000_times_and_nobody_is_a_cycle_ahead) {
  meet_in(attend_by_waiting, 0);
}
TEST_WITHIN(60, three_processes_without_threads_meet_1000_times) {
  meet_in(attend_by_waiting, SYNCMGR_OPEN_NO_THREADS);
}
TEST_WITHIN(60, three_processes_meet_1000_times_by_every_form_of_waiting) {
  meet_in(attend_by_all_forms, 0);
}
TEST_WITHIN(60, the_action_runs_once_in_each_of_1000_cycles_before_the_others_go_on) {
  meet_in(attend_with_action, 0);
  CHECK_EQUAL(atomic_load(&meeting->actions), CYCLES);
}

/* One party always arrives without waiting, as a producer would. */
static void attend_by_arriving(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_barrier_t *barrier = open_barrier(open_workstream(space, NULL), "b", PARTIES);
  for (unsigned cycle = 0; cycle < CYCLES; cycle++) {
    uint64_t generation = 0;
    int32_t status;
    if (self->index != 0) {
      status = syncmgr_barrier_wait(barrier, SYNCMGR_FOREVER, &generation, NULL);
    } else {
      while ((status = syncmgr_barrier_arrive(barrier, &generation)) == SYNCMGR_E_ALREADY) {
        sleep_ms(0);
      }
    }
    CHECK(status == SYNCMGR_OK || status == SYNCMGR_LEADER);
    CHECK_EQUAL(generation, cycle);
    atomic_fetch_add(&meeting->leaders[cycle], status == SYNCMGR_LEADER);
    atomic_fetch_or(&meeting->indices[cycle], 1u << self->index);
  }
  /* What arrived without waiting is to trip the barrier before it leaves. */
  if (self->index == 0) {
    syncmgr_barrier_info_t barrier_state;
    WAIT_UNTIL(syncmgr_barrier_state(barrier, &barrier_state) == SYNCMGR_OK &&
               barrier_state.generation == CYCLES);
  }
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(60, one_party_may_arrive_without_waiting_in_each_of_1000_cycles) {
  meet_in(attend_by_arriving, 0);
}
