/* What happens to the other locks, and how holds are lost, is told as well. */
#include "notices.h"

enum { HOLDS = SYNCMGR_NOTICE_GRANTED | SYNCMGR_NOTICE_RELEASED };

static syncmgr_rwlock_t *rwlock_of(syncmgr_workstream_t *me) {
  syncmgr_rwlock_t *rwlock = NULL;
  CHECK_OK(syncmgr_rwlock_open(me, "table", NULL, &rwlock));
  return rwlock;
}

static syncmgr_election_t *election_of(syncmgr_workstream_t *me) {
  syncmgr_election_t *election = NULL;
  CHECK_OK(syncmgr_election_open(me, "leader", &election));
  return election;
}

TEST(a_readers_writer_lock_tells_who_gets_it_and_gives_it_back) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *a = open_workstream(space, "a"), *b = open_workstream(space, "b");
  syncmgr_rwlock_t *of_a = rwlock_of(a), *of_b = rwlock_of(b);
  syncmgr_queue_t *queue = watch_kinds(space, HOLDS);
  syncmgr_ticket_t *ticket = NULL;
  uint64_t token = 0;
  CHECK_OK(syncmgr_rwlock_lock(of_a, SYNCMGR_SHARED, 0));
  CHECK_OK(syncmgr_rwlock_token(of_a, &token));
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_GRANTED, "table", "a").value, token);
  CHECK_STATUS(syncmgr_rwlock_lock_start(of_b, SYNCMGR_EXCLUSIVE, SYNCMGR_FOREVER, NULL, 0,
                                         &ticket),
               SYNCMGR_PENDING);
  CHECK_OK(syncmgr_rwlock_unlock(of_a));
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_RELEASED, "table", "a").value, token);
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_GRANTED, "table", "b").value, token + 1);
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  CHECK_OK(syncmgr_rwlock_unlock(of_b));
  check_notice(queue, SYNCMGR_NOTICE_RELEASED, "table", "b");
  check_quiet(queue);
  check_and_close(space);
}

TEST(an_election_tells_who_leads_and_nothing_of_those_who_hear_the_result) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *a = open_workstream(space, "a"), *b = open_workstream(space, "b");
  syncmgr_workstream_t *c = open_workstream(space, "c");
  syncmgr_queue_t *queue = watch_kinds(space, HOLDS);
  syncmgr_ticket_t *ticket = NULL, *other = NULL;
  syncmgr_election_t *of_a = election_of(a), *of_b = election_of(b);
  CHECK_STATUS(syncmgr_election_campaign(of_a, 0, NULL), SYNCMGR_LEADER);
  check_notice(queue, SYNCMGR_NOTICE_GRANTED, "leader", "a");
  CHECK_STATUS(syncmgr_election_campaign_start(of_b, SYNCMGR_FOREVER, NULL, 0, &ticket, NULL),
               SYNCMGR_PENDING);
  CHECK_STATUS(syncmgr_election_campaign_start(election_of(c), SYNCMGR_FOREVER, NULL, 0, &other,
                                               NULL),
               SYNCMGR_PENDING);
  CHECK_OK(syncmgr_election_resign(of_a));
  check_notice(queue, SYNCMGR_NOTICE_RELEASED, "leader", "a");
  check_notice(queue, SYNCMGR_NOTICE_GRANTED, "leader", "b");
  CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_LEADER);
  CHECK_OK(syncmgr_election_finish(of_b, "x", 1));
  CHECK_OK(syncmgr_ticket_wait(other, SYNCMGR_FOREVER, NULL));
  check_notice(queue, SYNCMGR_NOTICE_RELEASED, "leader", "b");
  check_quiet(queue);
  check_and_close(space);
}

TEST(a_hold_that_is_taken_away_is_told_as_lost_and_not_as_released) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *a = open_workstream(space, "a"), *b = open_workstream(space, "b");
  syncmgr_mutex_t *mutex = open_mutex(a, "db", 0);
  syncmgr_rwlock_t *rwlock = rwlock_of(a);
  uint64_t token = 0;
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  CHECK_OK(syncmgr_mutex_token(mutex, &token));
  CHECK_OK(syncmgr_rwlock_lock(rwlock, SYNCMGR_EXCLUSIVE, 0));
  syncmgr_queue_t *queue = watch_kinds(
      space, HOLDS | SYNCMGR_NOTICE_HOLD_LOST | SYNCMGR_NOTICE_LEASE_LOST);
  CHECK_OK(syncmgr_mutex_force_release(open_mutex(b, "db", 0)));
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_HOLD_LOST, "db", "a").value, token);
  CHECK_OK(syncmgr_rwlock_force_release(rwlock_of(b)));
  check_notice(queue, SYNCMGR_NOTICE_HOLD_LOST, "table", "a");
  check_quiet(queue);
  CHECK_STATUS(syncmgr_mutex_lock(mutex, 0), SYNCMGR_OWNER_DIED);
  check_notice(queue, SYNCMGR_NOTICE_GRANTED, "db", "a");
  CHECK_OK(syncmgr_mutex_token(mutex, &token));
  CHECK_OK(syncmgr_lease_set(mutex, 5 * MILLISECOND, 0));
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_HOLD_LOST, "db", "a").value, token);
  syncmgr_notice_t lost = check_notice(queue, SYNCMGR_NOTICE_LEASE_LOST, "db", "a");
  CHECK_EQUAL(lost.value, token);
  CHECK_EQUAL(lost.priority, SYNCMGR_PRIORITY_HIGH);
  check_quiet(queue);
  check_and_close(space);
}

TEST(a_condition_tells_when_its_mutex_is_given_back_and_got_again) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_mutex_t *mutex = open_mutex(me, "m", 0);
  syncmgr_condition_t *condition = NULL;
  CHECK_OK(syncmgr_condition_open(me, "c", &condition));
  syncmgr_queue_t *queue = watch_kinds(space, HOLDS);
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  check_notice(queue, SYNCMGR_NOTICE_GRANTED, "m", "me");
  CHECK_STATUS(syncmgr_condition_wait(condition, mutex, 2 * MILLISECOND), SYNCMGR_E_TIMEOUT);
  check_notice(queue, SYNCMGR_NOTICE_RELEASED, "m", "me");
  check_notice(queue, SYNCMGR_NOTICE_GRANTED, "m", "me");
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  check_notice(queue, SYNCMGR_NOTICE_RELEASED, "m", "me");
  check_quiet(queue);
  check_and_close(space);
}

static void hold_all(peer_t *self) {
  syncmgr_workstream_t *me = open_workstream(peer_space(self), "holder");
  CHECK_OK(syncmgr_rwlock_lock(rwlock_of(me), SYNCMGR_EXCLUSIVE, 0));
  CHECK_STATUS(syncmgr_election_campaign(election_of(me), 0, NULL), SYNCMGR_LEADER);
  CHECK_OK(syncmgr_semaphore_acquire(open_semaphore(me, "pool", 3, 0), 2, 0));
  peer_pause(self);
}

TEST(the_death_of_a_writer_or_leader_is_told_and_permits_of_the_dead_are_released) {
  const char *url = unique_url();
  peer_t *peer = peer_start(hold_all, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  peer_wait_pause(peer, 1);
  syncmgr_queue_t *queue = watch_kinds(
      space, SYNCMGR_NOTICE_OWNER_DIED | HOLDS | SYNCMGR_NOTICE_DIED);
  peer_kill(peer);
  syncmgr_notice_t notice;
  uint32_t kinds = 0, deaths = 0;
  do {
    notice = next_notice(queue);
    CHECK(strcmp(notice.name, "holder") == 0);
    kinds |= notice.kind;
    deaths += notice.kind == SYNCMGR_NOTICE_OWNER_DIED;
    if (notice.kind == SYNCMGR_NOTICE_RELEASED) CHECK(strcmp(notice.object, "pool") == 0);
  } while (kinds != (SYNCMGR_NOTICE_OWNER_DIED | SYNCMGR_NOTICE_RELEASED | SYNCMGR_NOTICE_DIED));
  CHECK_EQUAL(deaths, 2);
  check_quiet(queue);
  check_and_close(space);
}
