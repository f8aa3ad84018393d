/* Leases: holds of every kind that end by themselves. */
#include <signal.h>
#include <string.h>

#include "bodies.h"

enum { KINDS = 4 };
#define SHORT (20 * (int64_t)MILLISECOND)

/* One workstream with a lock of each kind, so that a test can run over all of them. */
typedef struct party {
  syncmgr_workstream_t *me;
  void *lock[KINDS]; /* mutex, exclusive rwlock, semaphore of one permit, election */
} party_t;

static party_t join(syncmgr_t *space, const char *name) {
  party_t party = {.me = open_workstream(space, name)};
  party.lock[0] = open_mutex(party.me, "m", 0);
  party.lock[1] = open_rwlock(party.me, "r", 0);
  party.lock[2] = open_semaphore(party.me, "s", 1, 0);
  party.lock[3] = open_election(party.me, "v");
  return party;
}

static int32_t take(party_t *party, unsigned kind, int64_t timeout_ns) {
  switch (kind) {
    case 0: return syncmgr_mutex_lock(party->lock[0], timeout_ns);
    case 1: return syncmgr_rwlock_lock(party->lock[1], SYNCMGR_EXCLUSIVE, timeout_ns);
    case 2: return syncmgr_semaphore_acquire(party->lock[2], 1, timeout_ns);
    default: return syncmgr_election_campaign(party->lock[3], timeout_ns, NULL);
  }
}

static int32_t give(party_t *party, unsigned kind) {
  switch (kind) {
    case 0: return syncmgr_mutex_unlock(party->lock[0]);
    case 1: return syncmgr_rwlock_unlock(party->lock[1]);
    case 2: return syncmgr_semaphore_release(party->lock[2], 1);
    default: return syncmgr_election_resign(party->lock[3]);
  }
}

/* What a taker gets: normally, and after a hold was taken away. */
static const int32_t taken[KINDS] = {SYNCMGR_OK, SYNCMGR_OK, SYNCMGR_OK, SYNCMGR_LEADER};
static const int32_t inherited[KINDS] = {SYNCMGR_OWNER_DIED, SYNCMGR_OWNER_DIED, SYNCMGR_OK,
                                         SYNCMGR_LEADER};

TEST(a_hold_whose_lease_ends_goes_to_the_next_and_the_old_one_is_told) {
  for (unsigned round = 0; round < KINDS * 2; round++) {
    unsigned kind = round % KINDS;
    syncmgr_t *space = open_space(round < KINDS ? unique_url() : "local:", 0);
    party_t one = join(space, "one"), two = join(space, "two");
    syncmgr_queue_t *queue = open_queue(space);
    uint64_t id = 0;
    int64_t left = 0;
    CHECK_OK(syncmgr_workstream_id(one.me, &id));
    CHECK_OK(syncmgr_queue_watch(queue, SYNCMGR_NOTICE_HOLD_LOST, 0));
    CHECK_STATUS(take(&one, kind, 0), taken[kind]);
    int64_t begin = now_ns();
    CHECK_OK(syncmgr_lease_set(one.lock[kind], SHORT, 0));
    CHECK_OK(syncmgr_lease_remaining(one.lock[kind], &left));
    CHECK(left <= SHORT);
    CHECK_STATUS(take(&two, kind, 5 * SECOND), inherited[kind]);
    CHECK(now_ns() - begin >= SHORT);
    CHECK(now_ns() - begin < SECOND);
    CHECK_EQUAL(next_record(queue).value, id);
    CHECK_STATUS(syncmgr_lease_renew(one.lock[kind]), SYNCMGR_E_LOST);
    CHECK_STATUS(syncmgr_lease_remaining(one.lock[kind], &left), SYNCMGR_E_LOST);
    CHECK_STATUS(give(&one, kind), SYNCMGR_E_LOST);
    CHECK_STATUS(give(&one, kind), SYNCMGR_E_NOT_OWNER);
    CHECK_STATUS(syncmgr_lease_renew(one.lock[kind]), SYNCMGR_E_NOT_OWNER);
    CHECK_OK(give(&two, kind));
    check_and_close(space);
  }
}

TEST(a_hold_that_was_lost_and_is_taken_again_is_lost_no_more) {
  for (unsigned kind = 0; kind < KINDS; kind++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t one = join(space, "one"), two = join(space, "two");
    CHECK_STATUS(take(&one, kind, 0), taken[kind]);
    CHECK_OK(syncmgr_lease_set(one.lock[kind], SHORT, 0));
    CHECK_STATUS(take(&two, kind, 5 * SECOND), inherited[kind]);
    CHECK_OK(give(&two, kind));
    CHECK_STATUS(take(&one, kind, 0), taken[kind]);
    CHECK_OK(give(&one, kind));
    CHECK_STATUS(give(&one, kind), SYNCMGR_E_NOT_OWNER);
    check_and_close(space);
  }
}

TEST_WITHIN(60, a_lease_that_is_renewed_in_time_does_not_end) {
  for (unsigned kind = 0; kind < KINDS; kind++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t one = join(space, "one"), two = join(space, "two");
    int64_t left = 0, length = SECOND;
    CHECK_STATUS(take(&one, kind, 0), taken[kind]);
    CHECK_OK(syncmgr_lease_set(one.lock[kind], length, 0));
    for (unsigned round = 0; round < 4; round++) {
      CHECK_STATUS(take(&two, kind, 300 * MILLISECOND), SYNCMGR_E_TIMEOUT);
      CHECK_OK(syncmgr_lease_renew(one.lock[kind]));
      CHECK_OK(syncmgr_lease_remaining(one.lock[kind], &left));
      CHECK(left > SECOND / 2 && left <= length);
    }
    CHECK_OK(give(&one, kind));
    check_and_close(space);
  }
}

TEST_WITHIN(60, a_lease_that_the_library_renews_lasts_as_long_as_the_hold) {
  for (unsigned kind = 0; kind < KINDS; kind++) {
    syncmgr_t *space = open_space(kind % 2 ? "local:" : unique_url(), 0);
    party_t one = join(space, "one"), two = join(space, "two");
    CHECK_STATUS(take(&one, kind, 0), taken[kind]);
    CHECK_OK(syncmgr_lease_set(one.lock[kind], 600 * MILLISECOND, SYNCMGR_LEASE_RENEW));
    CHECK_STATUS(take(&two, kind, 1500 * MILLISECOND), SYNCMGR_E_TIMEOUT);
    CHECK_OK(give(&one, kind));
    CHECK_STATUS(take(&two, kind, 0), taken[kind]);
    check_and_close(space);
  }
}

TEST(a_lease_can_be_taken_off_and_made_longer) {
  for (unsigned kind = 0; kind < KINDS; kind++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t one = join(space, "one"), two = join(space, "two");
    int64_t left = 0;
    CHECK_STATUS(take(&one, kind, 0), taken[kind]);
    CHECK_OK(syncmgr_lease_set(one.lock[kind], SHORT, kind % 2 ? SYNCMGR_LEASE_RENEW : 0));
    CHECK_OK(syncmgr_lease_set(one.lock[kind], SYNCMGR_FOREVER, 0));
    CHECK_STATUS(syncmgr_lease_remaining(one.lock[kind], &left), SYNCMGR_E_NOT_OWNER);
    CHECK_STATUS(syncmgr_lease_renew(one.lock[kind]), SYNCMGR_E_NOT_OWNER);
    CHECK_STATUS(take(&two, kind, 3 * SHORT), SYNCMGR_E_TIMEOUT);
    CHECK_OK(syncmgr_lease_set(one.lock[kind], SHORT, 0));
    CHECK_OK(syncmgr_lease_set(one.lock[kind], 10 * SECOND, 0));
    CHECK_STATUS(take(&two, kind, 3 * SHORT), SYNCMGR_E_TIMEOUT);
    CHECK_OK(syncmgr_lease_remaining(one.lock[kind], &left));
    CHECK(left > 5 * SECOND);
    CHECK_OK(give(&one, kind));
    check_and_close(space);
  }
}

TEST(a_lease_belongs_to_one_grant_and_is_gone_with_it) {
  for (unsigned round = 0; round < KINDS * 2; round++) {
    unsigned kind = round % KINDS;
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t one = join(space, "one");
    int64_t left = 0;
    CHECK_STATUS(take(&one, kind, 0), taken[kind]);
    CHECK_OK(syncmgr_lease_set(one.lock[kind], SHORT, round / KINDS ? SYNCMGR_LEASE_RENEW : 0));
    CHECK_OK(give(&one, kind));
    CHECK_STATUS(syncmgr_lease_remaining(one.lock[kind], &left), SYNCMGR_E_NOT_OWNER);
    CHECK_STATUS(take(&one, kind, 0), taken[kind]);
    CHECK_STATUS(syncmgr_lease_remaining(one.lock[kind], &left), SYNCMGR_E_NOT_OWNER);
    sleep_ms(60);
    CHECK_OK(give(&one, kind));
    check_and_close(space);
  }
}

TEST(a_lease_without_a_hold_and_lengths_and_flags_that_cannot_be_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one");
  const int64_t lengths[] = {0, 1, MILLISECOND - 1, -2, INT64_MIN};
  int64_t left = 77;
  for (unsigned kind = 0; kind < KINDS; kind++) {
    CHECK_STATUS(syncmgr_lease_set(one.lock[kind], SECOND, 0), SYNCMGR_E_NOT_OWNER);
    CHECK_STATUS(syncmgr_lease_renew(one.lock[kind]), SYNCMGR_E_NOT_OWNER);
    CHECK_STATUS(syncmgr_lease_remaining(one.lock[kind], &left), SYNCMGR_E_NOT_OWNER);
    CHECK_STATUS(take(&one, kind, 0), taken[kind]);
    CHECK_STATUS(syncmgr_lease_renew(one.lock[kind]), SYNCMGR_E_NOT_OWNER);
    for (unsigned index = 0; index < 5; index++) {
      CHECK_STATUS(syncmgr_lease_set(one.lock[kind], lengths[index], 0), SYNCMGR_E_INVALID);
    }
    CHECK_STATUS(syncmgr_lease_set(one.lock[kind], SECOND, 2), SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_lease_set(one.lock[kind], SECOND, UINT32_MAX), SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_lease_remaining(one.lock[kind], &left), SYNCMGR_E_NOT_OWNER);
    /* A length is not too long. */
    CHECK_OK(syncmgr_lease_set(one.lock[kind], INT64_MAX, 0));
    CHECK_OK(syncmgr_lease_set(one.lock[kind], INT64_MAX, SYNCMGR_LEASE_RENEW));
    CHECK_OK(syncmgr_lease_renew(one.lock[kind]));
    CHECK_OK(give(&one, kind));
  }
  CHECK_EQUAL(left, 77);
  check_and_close(space);
}

TEST(what_is_no_lock_has_no_lease) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  void *others[] = {space, me, open_queue(space), open_latch(me, "l", 1), open_event(me, "e", 0),
                    open_barrier(me, "b", 2), open_condition(me, "c"), NULL, (void *)&me};
  int64_t left = 0;
  for (unsigned index = 0; index < sizeof others / sizeof others[0]; index++) {
    CHECK_STATUS(syncmgr_lease_set(others[index], SECOND, 0), SYNCMGR_E_HANDLE);
    CHECK_STATUS(syncmgr_lease_renew(others[index]), SYNCMGR_E_HANDLE);
    CHECK_STATUS(syncmgr_lease_remaining(others[index], &left), SYNCMGR_E_HANDLE);
  }
  check_and_close(space);
}

TEST(without_threads_some_leases_are_unsupported) {
  for (unsigned kind = 0; kind < KINDS; kind++) {
    syncmgr_t *shared = open_space(unique_url(), SYNCMGR_OPEN_NO_THREADS);
    syncmgr_t *local = open_space("local:", SYNCMGR_OPEN_NO_THREADS);
    party_t one = join(shared, "one"), two = join(local, "two");
    CHECK_STATUS(take(&one, kind, 0), taken[kind]);
    CHECK_STATUS(take(&two, kind, 0), taken[kind]);
    CHECK_STATUS(syncmgr_lease_set(one.lock[kind], SECOND, SYNCMGR_LEASE_RENEW),
                 SYNCMGR_E_UNSUPPORTED);
    CHECK_STATUS(syncmgr_lease_set(two.lock[kind], SECOND, 0), SYNCMGR_E_UNSUPPORTED);
    CHECK_OK(syncmgr_lease_set(one.lock[kind], SECOND, 0));
    CHECK_OK(syncmgr_close(local));
    check_and_close(shared);
  }
}

TEST(a_lease_of_shared_holds_ends_all_of_this_workstream_and_no_others) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL), *other = open_workstream(space, NULL);
  syncmgr_rwlock_t *mine = open_rwlock(me, "r", 0), *others = open_rwlock(other, "r", 0);
  uint32_t count = 0;
  CHECK_OK(syncmgr_rwlock_lock(mine, SYNCMGR_SHARED, 0));
  CHECK_OK(syncmgr_rwlock_lock(mine, SYNCMGR_SHARED, 0));
  CHECK_OK(syncmgr_rwlock_lock(others, SYNCMGR_SHARED, 0));
  CHECK_OK(syncmgr_lease_set(mine, SHORT, 0));
  CHECK_OK(syncmgr_rwlock_upgrade(others, 5 * SECOND));
  CHECK_OK(syncmgr_rwlock_holders(others, NULL, 0, &count));
  CHECK_EQUAL(count, 1);
  CHECK_STATUS(syncmgr_rwlock_unlock(mine), SYNCMGR_E_LOST);
  check_and_close(space);
}

/* Holds with a lease that is renewed; `index` is the kind of lock. Pause 1: it has it. */
static void hold_with_lease(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  party_t party = join(space, peer_workstream_name(self));
  CHECK_STATUS(take(&party, self->index, 0), taken[self->index]);
  bool renewed = !(self->flags & SYNCMGR_OPEN_NO_THREADS);
  CHECK_OK(syncmgr_lease_set(party.lock[self->index], 400 * MILLISECOND,
                             renewed ? SYNCMGR_LEASE_RENEW : 0));
  peer_pause(self);
  CHECK_STATUS(give(&party, self->index), SYNCMGR_E_LOST);
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(60, a_stopped_process_loses_its_leased_holds) {
  for (unsigned round = 0; round < KINDS * 2; round++) {
    const char *url = unique_url();
    unsigned kind = round % KINDS;
    uint32_t flags = round / KINDS ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *peer = peer_start(hold_with_lease, url, kind, flags);
    syncmgr_t *space = open_space(url, flags);
    party_t two = join(space, "two");
    peer_wait_pause(peer, 1);
    /* One that works keeps them. */
    if (!flags) CHECK_STATUS(take(&two, kind, SECOND), SYNCMGR_E_TIMEOUT);
    peer_signal(peer, SIGSTOP);
    int64_t begin = now_ns();
    CHECK_STATUS(take(&two, kind, 5 * SECOND), inherited[kind]);
    CHECK(now_ns() - begin < 2 * SECOND);
    peer_signal(peer, SIGCONT);
    peer_go(peer);
    peer_wait_pause(peer, 2);
    CHECK_OK(give(&two, kind));
    peer_go(peer);
    peer_join(peer);
    check_and_close(space);
  }
}

TEST(an_ended_lease_is_no_lease_even_when_nobody_has_looked) {
  syncmgr_t *space = open_space(unique_url(), SYNCMGR_OPEN_NO_THREADS);
  party_t one = join(space, "one");
  CHECK_OK(take(&one, 0, 0));
  CHECK_OK(syncmgr_lease_set(one.lock[0], 2 * MILLISECOND, 0));
  sleep_ms(20);
  CHECK_STATUS(syncmgr_lease_renew(one.lock[0]), SYNCMGR_E_LOST);
  check_and_close(space);
}

TEST(many_leases_end_each_at_its_own_time) {
  enum { MANY = 40 };
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_mutex_t *mutexes[MANY];
  syncmgr_workstream_t *me = open_workstream(space, NULL), *other = open_workstream(space, NULL);
  int64_t ends[MANY];
  uint64_t state = harness_seed();
  for (unsigned index = 0; index < MANY; index++) {
    char name[2] = {(char)('0' + index), 0};
    int64_t length = (1 + random_below(&state, 200)) * (int64_t)MILLISECOND;
    mutexes[index] = open_mutex(me, name, 0);
    CHECK_OK(syncmgr_mutex_lock(mutexes[index], 0));
    ends[index] = now_ns() + length;
    CHECK_OK(syncmgr_lease_set(mutexes[index], length, 0));
  }
  for (unsigned index = 0; index < MANY; index++) {
    char name[2] = {(char)('0' + index), 0};
    CHECK_STATUS(syncmgr_mutex_lock(open_mutex(other, name, 0), 5 * SECOND), SYNCMGR_OWNER_DIED);
    CHECK(now_ns() >= ends[index]);
  }
  CHECK(now_ns() < ends[0] + 2 * SECOND);
  check_and_close(space);
}
