/* The PHASER barrier: parties that join and leave between phases. */
#include "bodies.h"

typedef struct party {
  syncmgr_workstream_t *me;
  syncmgr_barrier_t *barrier;
} party_t;

static party_t open_party(syncmgr_t *space, uint32_t parties) {
  party_t party = {.me = open_workstream(space, NULL)};
  party.barrier = open_phaser(party.me, "p", parties);
  return party;
}

static party_t join(syncmgr_t *space) {
  party_t party = open_party(space, 0);
  CHECK_OK(syncmgr_barrier_join(party.barrier));
  return party;
}

static syncmgr_barrier_info_t state(party_t *party) {
  syncmgr_barrier_info_t info;
  CHECK_OK(syncmgr_barrier_state(party->barrier, &info));
  return info;
}

static syncmgr_ticket_t *start(party_t *party) {
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_barrier_wait_start(party->barrier, SYNCMGR_FOREVER, NULL, 0, &ticket, NULL),
               SYNCMGR_PENDING);
  return ticket;
}

TEST(parties_of_a_phaser_join_and_leave_between_phases) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space), two = join(space);
  uint64_t generation = 99;
  uint32_t index = 99;
  CHECK_EQUAL(state(&one).parties, 2);
  CHECK_STATUS(syncmgr_barrier_wait(one.barrier, 0, NULL, NULL), SYNCMGR_E_TIMEOUT);
  syncmgr_ticket_t *ticket = start(&one);
  CHECK_STATUS(syncmgr_barrier_wait(two.barrier, 0, &generation, &index), SYNCMGR_LEADER);
  CHECK_EQUAL(generation, 0);
  CHECK_EQUAL(index, 1);
  CHECK_OK(syncmgr_ticket_wait(ticket, SECOND, NULL));
  party_t three = join(space);
  CHECK_EQUAL(state(&one).parties, 3);
  CHECK_OK(syncmgr_barrier_arrive(one.barrier, NULL));
  CHECK_OK(syncmgr_barrier_arrive(two.barrier, NULL));
  CHECK_STATUS(syncmgr_barrier_arrive(three.barrier, &generation), SYNCMGR_LEADER);
  CHECK_EQUAL(generation, 1);
  CHECK_OK(syncmgr_barrier_leave(two.barrier));
  CHECK_OK(syncmgr_barrier_leave(three.barrier));
  CHECK_EQUAL(state(&one).parties, 1);
  CHECK_STATUS(syncmgr_barrier_wait(one.barrier, 0, &generation, NULL), SYNCMGR_LEADER);
  CHECK_EQUAL(generation, 2);
  CHECK_EQUAL(state(&one).generation, 3);
  check_and_close(space);
}

TEST(a_party_that_joins_in_a_phase_is_waited_for_in_it) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space), two = join(space);
  syncmgr_ticket_t *ticket = start(&one);
  party_t three = join(space);
  CHECK_OK(syncmgr_barrier_arrive(two.barrier, NULL));
  CHECK_STATUS(syncmgr_ticket_wait(ticket, 5 * MILLISECOND, NULL), SYNCMGR_PENDING);
  CHECK_STATUS(syncmgr_barrier_arrive(three.barrier, NULL), SYNCMGR_LEADER);
  CHECK_OK(syncmgr_ticket_wait(ticket, SECOND, NULL));
  check_and_close(space);
}

TEST(the_barrier_trips_when_the_last_that_was_waited_for_leaves) {
  for (unsigned way = 0; way < 3; way++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t one = join(space), two = join(space), three = join(space);
    syncmgr_ticket_t *first = start(&one), *second = start(&two);
    if (way == 0) CHECK_OK(syncmgr_barrier_leave(three.barrier));
    if (way == 1) CHECK_OK(syncmgr_barrier_close(three.barrier));
    if (way == 2) CHECK_OK(syncmgr_workstream_close(three.me));
    CHECK_OK(syncmgr_ticket_wait(first, SECOND, NULL));
    CHECK_OK(syncmgr_ticket_wait(second, SECOND, NULL));
    CHECK_EQUAL(state(&one).generation, 1);
    CHECK_EQUAL(state(&one).parties, 2);
    CHECK_EQUAL(state(&one).broken, 0);
    check_and_close(space);
  }
}

TEST(a_party_that_has_arrived_and_leaves_is_neither_counted_nor_waited_for) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space), two = join(space), three = join(space);
  CHECK_OK(syncmgr_barrier_arrive(one.barrier, NULL));
  CHECK_OK(syncmgr_barrier_leave(one.barrier));
  CHECK_EQUAL(state(&two).generation, 0);
  CHECK_EQUAL(state(&two).parties, 2);
  CHECK_OK(syncmgr_barrier_arrive(two.barrier, NULL));
  CHECK_EQUAL(state(&two).generation, 0);
  CHECK_STATUS(syncmgr_barrier_arrive(three.barrier, NULL), SYNCMGR_LEADER);
  check_and_close(space);
}

TEST(the_last_party_that_leaves_an_empty_phase_does_not_trip_it) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space), two = join(space);
  CHECK_OK(syncmgr_barrier_leave(one.barrier));
  CHECK_OK(syncmgr_barrier_leave(two.barrier));
  CHECK_EQUAL(state(&one).generation, 0);
  CHECK_EQUAL(state(&one).parties, 0);
  CHECK_OK(syncmgr_barrier_join(one.barrier));
  CHECK_STATUS(syncmgr_barrier_wait(one.barrier, 0, NULL, NULL), SYNCMGR_LEADER);
  check_and_close(space);
}

TEST(join_and_leave_at_the_wrong_time_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space), two = join(space), three = open_party(space, 0);
  syncmgr_barrier_t *plain = open_barrier(one.me, "plain", 2);
  CHECK_STATUS(syncmgr_barrier_join(plain), SYNCMGR_E_UNSUPPORTED);
  CHECK_STATUS(syncmgr_barrier_leave(plain), SYNCMGR_E_UNSUPPORTED);
  CHECK_STATUS(syncmgr_barrier_join(one.barrier), SYNCMGR_E_ALREADY);
  CHECK_STATUS(syncmgr_barrier_leave(three.barrier), SYNCMGR_E_NOT_OWNER);
  CHECK_STATUS(syncmgr_barrier_wait(three.barrier, SYNCMGR_FOREVER, NULL, NULL),
               SYNCMGR_E_NOT_OWNER);
  CHECK_STATUS(syncmgr_barrier_arrive(three.barrier, NULL), SYNCMGR_E_NOT_OWNER);
  syncmgr_ticket_t *ticket = start(&one);
  CHECK_STATUS(syncmgr_barrier_leave(one.barrier), SYNCMGR_E_BUSY);
  CHECK_OK(syncmgr_barrier_abort(two.barrier));
  CHECK_STATUS(syncmgr_ticket_wait(ticket, SECOND, NULL), SYNCMGR_E_BROKEN);
  CHECK_STATUS(syncmgr_barrier_join(three.barrier), SYNCMGR_E_BROKEN);
  CHECK_OK(syncmgr_barrier_reset(two.barrier));
  CHECK_EQUAL(state(&two).parties, 2);
  CHECK_OK(syncmgr_barrier_join(three.barrier));
  CHECK_EQUAL(state(&two).parties, 3);
  check_and_close(space);
}

TEST(while_the_leader_has_yet_to_release_nobody_joins_or_leaves) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space), three = open_party(space, 0);
  party_t two = {open_workstream(space, NULL), NULL};
  syncmgr_barrier_options_t options = SYNCMGR_BARRIER_OPTIONS_INIT;
  options.flags = SYNCMGR_BARRIER_PHASER | SYNCMGR_BARRIER_LEADER_RELEASES;
  CHECK_OK(syncmgr_barrier_open(two.me, "p", 0, &options, &two.barrier));
  CHECK_OK(syncmgr_barrier_join(two.barrier));
  syncmgr_ticket_t *ticket = start(&one);
  CHECK_STATUS(syncmgr_barrier_wait(two.barrier, 0, NULL, NULL), SYNCMGR_LEADER);
  CHECK_STATUS(syncmgr_barrier_join(three.barrier), SYNCMGR_E_BUSY);
  CHECK_STATUS(syncmgr_barrier_leave(one.barrier), SYNCMGR_E_BUSY);
  CHECK_STATUS(syncmgr_barrier_leave(two.barrier), SYNCMGR_E_BUSY);
  CHECK_OK(syncmgr_barrier_release(two.barrier));
  CHECK_OK(syncmgr_ticket_wait(ticket, SECOND, NULL));
  CHECK_OK(syncmgr_barrier_leave(two.barrier));
  CHECK_OK(syncmgr_barrier_join(three.barrier));
  check_and_close(space);
}

TEST(fixed_parties_of_a_phaser_are_there_besides_and_no_more_strangers_than_those) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t fixed = open_party(space, 1), stranger = open_party(space, 1);
  party_t joined = open_party(space, SYNCMGR_ANY);
  CHECK_OK(syncmgr_barrier_join(joined.barrier));
  CHECK_EQUAL(state(&joined).parties, 2);
  CHECK_OK(syncmgr_barrier_arrive(fixed.barrier, NULL));
  CHECK_STATUS(syncmgr_barrier_arrive(stranger.barrier, NULL), SYNCMGR_E_NOT_OWNER);
  CHECK_STATUS(syncmgr_barrier_arrive(joined.barrier, NULL), SYNCMGR_LEADER);
  CHECK_OK(syncmgr_barrier_arrive(stranger.barrier, NULL));
  CHECK_STATUS(syncmgr_barrier_arrive(joined.barrier, NULL), SYNCMGR_LEADER);
  check_and_close(space);
}

TEST(phaser_is_a_parameter_and_no_other_barrier_has_0_parties) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = open_party(space, 0);
  syncmgr_barrier_options_t options = SYNCMGR_BARRIER_OPTIONS_INIT;
  syncmgr_barrier_t *barrier = NULL;
  CHECK_STATUS(syncmgr_barrier_open(one.me, "q", 0, NULL, &barrier), SYNCMGR_E_INVALID);
  open_barrier(one.me, "plain", 2);
  options.flags = SYNCMGR_BARRIER_PHASER;
  CHECK_STATUS(syncmgr_barrier_open(one.me, "plain", 2, &options, &barrier), SYNCMGR_E_MISMATCH);
  CHECK_STATUS(syncmgr_barrier_open(one.me, "p", 1, &options, &barrier), SYNCMGR_E_MISMATCH);
  CHECK_STATUS(syncmgr_barrier_open(one.me, "p", 65536, &options, &barrier), SYNCMGR_E_INVALID);
  CHECK(barrier == NULL);
  check_and_close(space);
}

TEST(a_phaser_has_room_for_65535_parties) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = open_party(space, 65534), two = open_party(space, 65534);
  CHECK_OK(syncmgr_barrier_join(one.barrier));
  CHECK_STATUS(syncmgr_barrier_join(two.barrier), SYNCMGR_E_OVERFLOW);
  CHECK_OK(syncmgr_barrier_leave(one.barrier));
  CHECK_OK(syncmgr_barrier_join(two.barrier));
  check_and_close(space);
}

/* Joins. Pause 1: joined. Then, by index, arrives or waits. Pause 2. */
static void take_part(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_barrier_t *barrier = open_phaser(open_workstream(space, NULL), "p", 0);
  CHECK_OK(syncmgr_barrier_join(barrier));
  peer_pause(self);
  if (self->index == 0) {
    report_status(self, syncmgr_barrier_wait(barrier, SYNCMGR_FOREVER, NULL, NULL));
  } else if (self->index == 1) {
    report_status(self, syncmgr_barrier_arrive(barrier, NULL));
  }
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

TEST(a_party_that_dies_while_nobody_waits_is_a_party_no_more) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *peer = peer_start(take_part, url, 2, flags);
    peer_wait_pause(peer, 1);
    syncmgr_t *space = open_space(url, flags);
    party_t one = join(space);
    CHECK_EQUAL(state(&one).parties, 2);
    peer_kill(peer);
    CHECK_OK(syncmgr_cleanup(space, NULL));
    CHECK_EQUAL(state(&one).parties, 1);
    CHECK_EQUAL(state(&one).broken, 0);
    CHECK_STATUS(syncmgr_barrier_wait(one.barrier, SECOND, NULL, NULL), SYNCMGR_LEADER);
    check_and_close(space);
  }
}

TEST(a_party_that_dies_breaks_a_phaser_in_which_others_wait_or_it_had_arrived) {
  for (uint32_t way = 0; way < 3; way++) {
    const char *url = unique_url();
    peer_t *dying = peer_start(take_part, url, way, 0);
    peer_t *waiter = peer_start(take_part, url, 0, 0);
    peer_wait_pause(dying, 1);
    peer_wait_pause(waiter, 1);
    syncmgr_t *space = open_space(url, 0);
    party_t one = join(space);
    peer_go(waiter);
    peer_wait_asleep(waiter);
    peer_go(dying);
    if (way == 0) peer_wait_asleep(dying);
    if (way > 0) peer_wait_pause(dying, 2);
    peer_kill(dying);
    CHECK_STATUS(peer_wait_status(waiter), SYNCMGR_E_BROKEN);
    CHECK_OK(syncmgr_barrier_reset(one.barrier));
    CHECK_EQUAL(state(&one).parties, 2);
    finish(waiter);
    CHECK_EQUAL(state(&one).parties, 1);
    check_and_close(space);
  }
}

/* Comes and goes between the phases of others, at random. */
static void come_and_go(peer_t *self) {
  uint64_t seed = harness_seed() + self->index;
  syncmgr_t *space = peer_space(self);
  syncmgr_barrier_t *barrier = open_phaser(open_workstream(space, NULL), "p", 0);
  int64_t phases = 0;
  uint64_t last = 0;
  for (unsigned round = 0; round < 150; round++) {
    int32_t status = syncmgr_barrier_join(barrier);
    CHECK(status == SYNCMGR_OK || status == SYNCMGR_E_BUSY);
    for (uint32_t phase = random_below(&seed, 4); phase > 0 && status == SYNCMGR_OK; phase--) {
      uint64_t generation = 0;
      int32_t met = syncmgr_barrier_wait(barrier, SYNCMGR_FOREVER, &generation, NULL);
      CHECK(met == SYNCMGR_OK || met == SYNCMGR_LEADER);
      CHECK(phases == 0 || generation > last);
      last = generation;
      phases += 1;
    }
    if (status == SYNCMGR_OK) CHECK_OK(syncmgr_barrier_leave(barrier));
  }
  atomic_store(&self->values[0], phases + 1);
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(60, parties_of_many_processes_come_and_go_and_nobody_is_waited_for_in_vain) {
  enum { PROCESSES = 4 };
  const char *url = unique_url();
  peer_t *peers[PROCESSES];
  syncmgr_t *space = NULL;
  for (unsigned index = 0; index < PROCESSES; index++) {
    peers[index] = peer_start(come_and_go, url, index, index == 3 ? SYNCMGR_OPEN_NO_THREADS : 0);
  }
  space = open_space(url, 0);
  party_t watcher = open_party(space, 0);
  for (unsigned index = 0; index < PROCESSES; index++) peer_join(peers[index]);
  CHECK_EQUAL(state(&watcher).parties, 0);
  check_and_close(space);
}

/* Also not when the party that had it has left. */
TEST(no_arrival_index_is_given_twice_in_a_phase) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t parties[4];
  for (unsigned index = 0; index < 4; index++) parties[index] = join(space);
  for (unsigned phase = 0; phase < 2; phase++) {
    CHECK_OK(syncmgr_barrier_arrive(parties[0].barrier, NULL));
    syncmgr_ticket_t *second = start(&parties[1]);
    CHECK_OK(syncmgr_barrier_leave(parties[0].barrier));
    syncmgr_ticket_t *third = start(&parties[2]);
    uint32_t last = 99;
    CHECK_STATUS(syncmgr_barrier_wait(parties[3].barrier, 0, NULL, &last), SYNCMGR_LEADER);
    syncmgr_record_t record;
    CHECK_OK(syncmgr_ticket_wait(second, SECOND, &record));
    CHECK_EQUAL(record.index, 1);
    CHECK_OK(syncmgr_ticket_wait(third, SECOND, &record));
    CHECK_EQUAL(record.index, 2);
    CHECK_EQUAL(last, 3);
    CHECK_OK(syncmgr_barrier_join(parties[0].barrier));
  }
  check_and_close(space);
}
