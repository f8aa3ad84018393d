/* The election: who leads, how a term ends, and the result that ends the election. */
#include <signal.h>
#include <string.h>

#include "bodies.h"

typedef struct party {
  syncmgr_workstream_t *me;
  syncmgr_election_t *election;
} party_t;

static party_t join(syncmgr_t *space, const char *name) {
  party_t party = {.me = open_workstream(space, name)};
  party.election = open_election(party.me, "v");
  return party;
}

static syncmgr_ticket_t *start(party_t *party, int64_t timeout_ns) {
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_election_campaign_start(party->election, timeout_ns, NULL, 0, &ticket,
                                               NULL), SYNCMGR_PENDING);
  return ticket;
}

static uint64_t lead(party_t *party) {
  uint64_t term = 0;
  CHECK_STATUS(syncmgr_election_campaign(party->election, 0, &term), SYNCMGR_LEADER);
  CHECK(term > 0);
  return term;
}

TEST(one_leads_and_the_others_wait) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), two = join(space, "two");
  uint64_t term = lead(&one), other = 99, again = 0;
  CHECK_STATUS(syncmgr_election_campaign(one.election, SYNCMGR_FOREVER, &again), SYNCMGR_LEADER);
  CHECK_EQUAL(again, term);
  CHECK_STATUS(syncmgr_election_campaign(two.election, 0, &other), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_election_campaign(two.election, 5 * MILLISECOND, &other),
               SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(other, 99);
  CHECK_OK(syncmgr_election_is_valid(one.election, term));
  CHECK_STATUS(syncmgr_election_is_valid(one.election, term + 1), SYNCMGR_E_LOST);
  CHECK_STATUS(syncmgr_election_is_valid(two.election, term), SYNCMGR_E_LOST);
  check_and_close(space);
}

TEST(the_leader_is_told_to_everybody) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), two = join(space, "two");
  syncmgr_holder_t leader;
  uint64_t id = 0;
  CHECK_STATUS(syncmgr_election_leader(two.election, &leader), SYNCMGR_FREE);
  uint64_t term = lead(&one);
  CHECK_OK(syncmgr_election_leader(two.election, &leader));
  CHECK_OK(syncmgr_workstream_id(one.me, &id));
  CHECK_EQUAL(leader.workstream, id);
  CHECK_EQUAL(leader.token, term);
  CHECK(strcmp(leader.name, "one") == 0);
  CHECK_OK(syncmgr_election_resign(one.election));
  CHECK_STATUS(syncmgr_election_leader(two.election, &leader), SYNCMGR_FREE);
  check_and_close(space);
}

TEST(the_longest_candidate_follows_one_that_resigns_closes_or_is_forced_out) {
  for (unsigned way = 0; way < 4; way++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t one = join(space, "one"), two = join(space, "two"), three = join(space, "three");
    syncmgr_record_t record;
    uint64_t term = lead(&one);
    syncmgr_ticket_t *second = start(&two, SYNCMGR_FOREVER);
    syncmgr_ticket_t *third = start(&three, SYNCMGR_FOREVER);
    if (way == 0) CHECK_OK(syncmgr_election_resign(one.election));
    if (way == 1) CHECK_OK(syncmgr_election_close(one.election));
    if (way == 2) CHECK_OK(syncmgr_workstream_close(one.me));
    if (way == 3) CHECK_OK(syncmgr_election_force_release(three.election));
    CHECK_STATUS(syncmgr_ticket_wait(second, 5 * SECOND, &record), SYNCMGR_LEADER);
    CHECK_EQUAL(record.kind, SYNCMGR_TYPE_ELECTION);
    CHECK(record.value > term);
    CHECK_OK(syncmgr_election_is_valid(two.election, record.value));
    CHECK_STATUS(syncmgr_ticket_wait(third, 5 * MILLISECOND, NULL), SYNCMGR_PENDING);
    if (way == 3) CHECK_STATUS(syncmgr_election_resign(one.election), SYNCMGR_E_LOST);
    if (way == 3 || way == 0) {
      CHECK_STATUS(syncmgr_election_resign(one.election), SYNCMGR_E_NOT_OWNER);
    }
    CHECK_OK(syncmgr_election_resign(two.election));
    CHECK_STATUS(syncmgr_ticket_wait(third, 5 * SECOND, NULL), SYNCMGR_LEADER);
    check_and_close(space);
  }
}

TEST(a_result_ends_the_election_for_all_who_wait_and_all_who_come) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), two = join(space, "two"), three = join(space, "three");
  char buffer[SYNCMGR_RESULT_MAX] = "#####";
  size_t length = 99;
  uint64_t term = 77;
  syncmgr_record_t record;
  syncmgr_holder_t leader;
  CHECK_STATUS(syncmgr_election_result(two.election, buffer, sizeof buffer, &length),
               SYNCMGR_PENDING);
  CHECK_EQUAL(length, 99);
  CHECK(memcmp(buffer, "#####", 5) == 0);
  CHECK_STATUS(syncmgr_election_finish(one.election, "x", 1), SYNCMGR_E_NOT_OWNER);
  uint64_t mine = lead(&one);
  syncmgr_ticket_t *waiting = start(&two, SYNCMGR_FOREVER);
  CHECK_STATUS(syncmgr_election_finish(two.election, "x", 1), SYNCMGR_E_NOT_OWNER);
  CHECK_OK(syncmgr_election_finish(one.election, "done", 4));
  CHECK_STATUS(syncmgr_election_is_valid(one.election, mine), SYNCMGR_E_LOST);
  CHECK_STATUS(syncmgr_election_finish(one.election, "more", 4), SYNCMGR_E_NOT_OWNER);
  CHECK_STATUS(syncmgr_election_resign(one.election), SYNCMGR_E_NOT_OWNER);
  CHECK_OK(syncmgr_ticket_wait(waiting, 5 * SECOND, &record));
  CHECK_EQUAL(record.value, 0);
  CHECK_OK(syncmgr_election_campaign(three.election, 0, &term));
  CHECK_OK(syncmgr_election_campaign(three.election, SYNCMGR_FOREVER, &term));
  CHECK_OK(syncmgr_election_campaign(one.election, SYNCMGR_FOREVER, NULL));
  CHECK_EQUAL(term, 77);
  CHECK_STATUS(syncmgr_election_leader(three.election, &leader), SYNCMGR_FREE);
  CHECK_STATUS(syncmgr_election_force_release(three.election), SYNCMGR_FREE);
  CHECK_STATUS(syncmgr_election_result(three.election, buffer, 3, &length), SYNCMGR_E_INVALID);
  CHECK_EQUAL(length, 99);
  CHECK_OK(syncmgr_election_result(three.election, buffer, 4, &length));
  CHECK_EQUAL(length, 4);
  CHECK(memcmp(buffer, "done#", 5) == 0);
  check_and_close(space);
}

TEST(a_campaign_that_starts_after_the_end_gets_the_result_and_no_term) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one");
  syncmgr_ticket_t *ticket = NULL;
  syncmgr_record_t record;
  for (unsigned round = 0; round < 2; round++) {
    int64_t timeout_ns = round ? SYNCMGR_FOREVER : 0;
    memset(&record, 0xa5, sizeof record);
    CHECK_STATUS(syncmgr_election_campaign_start(one.election, timeout_ns, NULL, 0, &ticket,
                                                 &record), SYNCMGR_LEADER);
    CHECK_EQUAL(record.status, SYNCMGR_LEADER);
    CHECK_OK(syncmgr_election_is_valid(one.election, record.value));
    CHECK_OK(syncmgr_election_finish(one.election, NULL, 0));
    CHECK_OK(syncmgr_election_campaign_start(one.election, timeout_ns, NULL, 0, &ticket,
                                             &record));
    CHECK_EQUAL(record.value, 0);
    CHECK_OK(syncmgr_election_reset(one.election));
  }
  CHECK(ticket == NULL);
  check_and_close(space);
}

TEST(a_result_has_from_0_to_256_bytes_of_any_kind) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one");
  unsigned char bytes[SYNCMGR_RESULT_MAX + 1], buffer[SYNCMGR_RESULT_MAX];
  const size_t lengths[] = {0, 1, 255, 256};
  size_t length = 99;
  for (unsigned index = 0; index < sizeof bytes; index++) bytes[index] = (unsigned char)index;
  for (unsigned index = 0; index < 4; index++) {
    lead(&one);
    CHECK_STATUS(syncmgr_election_finish(one.election, bytes, 257), SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_election_finish(one.election, bytes, SIZE_MAX), SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_election_finish(one.election, NULL, 1), SYNCMGR_E_INVALID);
    /* What was refused has ended nothing. */
    CHECK_STATUS(syncmgr_election_campaign(one.election, 0, NULL), SYNCMGR_LEADER);
    CHECK_OK(syncmgr_election_finish(one.election, bytes, lengths[index]));
    memset(buffer, 0xee, sizeof buffer);
    CHECK_OK(syncmgr_election_result(one.election, buffer, sizeof buffer, &length));
    CHECK_EQUAL(length, lengths[index]);
    CHECK(memcmp(buffer, bytes, length) == 0);
    CHECK(length == 256 || buffer[length] == 0xee);
    if (length == 0) CHECK_OK(syncmgr_election_result(one.election, NULL, 0, &length));
    CHECK_OK(syncmgr_election_reset(one.election));
  }
  check_and_close(space);
}

TEST(a_reset_begins_anew_with_later_terms) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), two = join(space, "two");
  size_t length = 0;
  char byte = 0;
  uint64_t term = lead(&one);
  CHECK_OK(syncmgr_election_finish(one.election, "x", 1));
  CHECK_OK(syncmgr_election_reset(two.election));
  CHECK_STATUS(syncmgr_election_result(two.election, &byte, 1, &length), SYNCMGR_PENDING);
  CHECK(lead(&two) > term);
  CHECK_STATUS(syncmgr_election_campaign(one.election, 0, NULL), SYNCMGR_E_TIMEOUT);
  /* Without a result there is nothing to forget: who leads goes on leading. */
  CHECK_OK(syncmgr_election_reset(one.election));
  CHECK_STATUS(syncmgr_election_campaign(two.election, 0, NULL), SYNCMGR_LEADER);
  check_and_close(space);
}

TEST(one_that_was_forced_out_can_neither_finish_nor_resign) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), two = join(space, "two");
  for (unsigned way = 0; way < 2; way++) {
    uint64_t term = lead(&one);
    CHECK_OK(syncmgr_election_force_release(two.election));
    CHECK_STATUS(syncmgr_election_is_valid(one.election, term), SYNCMGR_E_LOST);
    if (way == 0) CHECK_STATUS(syncmgr_election_resign(one.election), SYNCMGR_E_LOST);
    if (way == 1) CHECK_STATUS(syncmgr_election_finish(one.election, "x", 1), SYNCMGR_E_LOST);
    CHECK_STATUS(syncmgr_election_resign(one.election), SYNCMGR_E_NOT_OWNER);
  }
  check_and_close(space);
}

TEST(a_candidate_that_leaves_is_not_elected) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), two = join(space, "two"), three = join(space, "three");
  lead(&one);
  syncmgr_ticket_t *second = start(&two, SYNCMGR_FOREVER);
  syncmgr_ticket_t *third = start(&three, SYNCMGR_FOREVER);
  CHECK_OK(syncmgr_ticket_cancel(second));
  CHECK_OK(syncmgr_election_resign(one.election));
  CHECK_STATUS(syncmgr_ticket_wait(third, SECOND, NULL), SYNCMGR_LEADER);
  /* Elected, but nobody has heard of it before it closes: the next one leads. */
  second = start(&two, SYNCMGR_FOREVER);
  syncmgr_ticket_t *first = start(&one, SYNCMGR_FOREVER);
  CHECK_OK(syncmgr_election_resign(three.election));
  CHECK_OK(syncmgr_election_close(two.election));
  CHECK_STATUS(syncmgr_ticket_wait(second, SECOND, NULL), SYNCMGR_E_CLOSED);
  CHECK_STATUS(syncmgr_ticket_wait(first, SECOND, NULL), SYNCMGR_LEADER);
  check_and_close(space);
}

/* Leads, or waits to. Pause 1: opened. Pause 2: it has its answer; value 1 is the term. */
static void campaign(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_election_t *election =
      open_election(open_workstream(space, peer_workstream_name(self)), "v");
  uint64_t term = 0;
  peer_pause(self);
  int32_t status = syncmgr_election_campaign(election, SYNCMGR_FOREVER, &term);
  atomic_store(&self->values[1], (int64_t)term);
  report_status(self, status);
  peer_pause(self);
  if (self->index) CHECK_OK(syncmgr_election_finish(election, "by peer", 7));
  CHECK_OK(syncmgr_close(space));
}

TEST(the_death_of_the_leader_elects_another_with_a_later_term) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *peers[4];
    int64_t last = 0;
    for (unsigned index = 0; index < 4; index++) {
      peers[index] = peer_start(campaign, url, index == 3, flags);
      peer_wait_pause(peers[index], 1);
      peer_go(peers[index]);
      if (index == 0) peer_wait_pause(peers[index], 2);
      if (index > 0) peer_wait_asleep(peers[index]);
    }
    for (unsigned index = 0; index < 4; index++) {
      CHECK_STATUS(peer_wait_status(peers[index]), SYNCMGR_LEADER);
      CHECK(atomic_load(&peers[index]->values[1]) > last);
      last = atomic_load(&peers[index]->values[1]);
      for (unsigned other = index + 1; other < 4; other++) CHECK(peer_still_waits(peers[other]));
      if (index < 3) peer_kill(peers[index]);
    }
    syncmgr_t *space = open_space(url, flags);
    party_t late = join(space, "late");
    finish(peers[3]);
    char buffer[8];
    size_t length = 0;
    CHECK_OK(syncmgr_election_campaign(late.election, SYNCMGR_FOREVER, NULL));
    CHECK_OK(syncmgr_election_result(late.election, buffer, sizeof buffer, &length));
    CHECK(length == 7 && memcmp(buffer, "by peer", 7) == 0);
    check_and_close(space);
  }
}

TEST(a_candidate_that_dies_elected_before_it_knows_is_followed_by_the_next) {
  const char *url = unique_url();
  peer_t *peers[3];
  for (unsigned index = 0; index < 3; index++) {
    peers[index] = peer_start(campaign, url, 0, 0);
    peer_wait_pause(peers[index], 1);
    peer_go(peers[index]);
    if (index == 0) peer_wait_pause(peers[index], 2);
    if (index > 0) peer_wait_asleep(peers[index]);
  }
  peer_signal(peers[1], SIGSTOP);
  sleep_ms(5);
  finish(peers[0]);
  sleep_ms(10);
  CHECK(peer_still_waits(peers[2]));
  peer_kill(peers[1]);
  CHECK_STATUS(peer_wait_status(peers[2]), SYNCMGR_LEADER);
  finish(peers[2]);
}
