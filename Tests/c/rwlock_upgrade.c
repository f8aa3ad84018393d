/* Upgrade, downgrade and force on a readers-writer lock. */
#include <string.h>

#include "support.h"

typedef struct party {
  syncmgr_workstream_t *me;
  syncmgr_rwlock_t *lock;
} party_t;

static party_t join(syncmgr_t *space, const char *name) {
  party_t party = {.me = open_workstream(space, name)};
  party.lock = open_rwlock(party.me, "r", 0);
  return party;
}

static int32_t try_lock(party_t *party, uint32_t mode) {
  return syncmgr_rwlock_lock(party->lock, mode, 0);
}

static syncmgr_ticket_t *start_upgrade(party_t *party, int64_t timeout_ns) {
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_rwlock_upgrade_start(party->lock, timeout_ns, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  return ticket;
}

static syncmgr_ticket_t *start(party_t *party, uint32_t mode) {
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_rwlock_lock_start(party->lock, mode, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  return ticket;
}

TEST(an_upgrade_makes_all_shared_holds_the_exclusive_one_and_a_downgrade_one_shared) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), other = join(space, "other");
  uint64_t shared = 0, exclusive = 0, after = 0;
  CHECK_OK(try_lock(&one, SYNCMGR_SHARED));
  CHECK_OK(try_lock(&one, SYNCMGR_SHARED));
  CHECK_OK(syncmgr_rwlock_token(one.lock, &shared));
  CHECK_OK(syncmgr_rwlock_upgrade(one.lock, 0));
  CHECK_OK(syncmgr_rwlock_token(one.lock, &exclusive));
  CHECK(exclusive > shared);
  CHECK_STATUS(try_lock(&other, SYNCMGR_SHARED), SYNCMGR_E_TIMEOUT);
  CHECK_OK(syncmgr_rwlock_downgrade(one.lock));
  CHECK_OK(syncmgr_rwlock_token(one.lock, &after));
  CHECK_OK(syncmgr_rwlock_is_valid(one.lock, after));
  CHECK_OK(try_lock(&other, SYNCMGR_SHARED));
  CHECK_OK(syncmgr_rwlock_unlock(one.lock));
  CHECK_STATUS(syncmgr_rwlock_unlock(one.lock), SYNCMGR_E_NOT_OWNER);
  check_and_close(space);
}

TEST(upgrade_and_downgrade_without_the_right_hold_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one");
  syncmgr_ticket_t *ticket = NULL;
  for (unsigned round = 0; round < 2; round++) {
    CHECK_STATUS(syncmgr_rwlock_upgrade(one.lock, 0), SYNCMGR_E_NOT_OWNER);
    CHECK_STATUS(syncmgr_rwlock_upgrade(one.lock, SYNCMGR_FOREVER), SYNCMGR_E_NOT_OWNER);
    CHECK_STATUS(syncmgr_rwlock_upgrade_start(one.lock, SYNCMGR_FOREVER, NULL, 0, &ticket),
                 SYNCMGR_E_NOT_OWNER);
    if (round == 0) CHECK_STATUS(syncmgr_rwlock_downgrade(one.lock), SYNCMGR_E_NOT_OWNER);
    if (round == 0) CHECK_OK(try_lock(&one, SYNCMGR_EXCLUSIVE));
  }
  CHECK_OK(syncmgr_rwlock_downgrade(one.lock));
  CHECK_STATUS(syncmgr_rwlock_downgrade(one.lock), SYNCMGR_E_NOT_OWNER);
  CHECK(ticket == NULL);
  check_and_close(space);
}

TEST(an_upgrade_goes_before_everybody_who_waits_and_no_new_reader_comes_in_meanwhile) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), other = join(space, "other"), late = join(space, "late");
  party_t writer = join(space, "writer");
  CHECK_OK(try_lock(&one, SYNCMGR_SHARED));
  CHECK_OK(try_lock(&other, SYNCMGR_SHARED));
  syncmgr_ticket_t *writing = start(&writer, SYNCMGR_EXCLUSIVE);
  syncmgr_ticket_t *upgrading = start_upgrade(&one, SYNCMGR_FOREVER);
  CHECK_STATUS(try_lock(&late, SYNCMGR_SHARED), SYNCMGR_E_TIMEOUT);
  CHECK_OK(syncmgr_rwlock_unlock(other.lock));
  CHECK_OK(syncmgr_ticket_wait(upgrading, 5 * SECOND, NULL));
  CHECK_STATUS(syncmgr_ticket_wait(writing, 5 * MILLISECOND, NULL), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_rwlock_unlock(one.lock));
  CHECK_OK(syncmgr_ticket_wait(writing, 5 * SECOND, NULL));
  check_and_close(space);
}

TEST(the_second_upgrade_is_told_at_once_that_both_would_wait_for_ever) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), two = join(space, "two");
  syncmgr_ticket_t *ticket = NULL;
  CHECK_OK(try_lock(&one, SYNCMGR_SHARED));
  CHECK_OK(try_lock(&two, SYNCMGR_SHARED));
  syncmgr_ticket_t *first = start_upgrade(&one, SYNCMGR_FOREVER);
  CHECK_STATUS(syncmgr_rwlock_upgrade(two.lock, SYNCMGR_FOREVER), SYNCMGR_E_DEADLOCK);
  CHECK_STATUS(syncmgr_rwlock_upgrade(two.lock, 0), SYNCMGR_E_DEADLOCK);
  CHECK_STATUS(syncmgr_rwlock_upgrade_start(two.lock, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_E_DEADLOCK);
  CHECK(ticket == NULL);
  /* Its shared hold is still there; the first goes on when it is given up. */
  CHECK_STATUS(syncmgr_ticket_wait(first, 5 * MILLISECOND, NULL), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_rwlock_unlock(two.lock));
  CHECK_OK(syncmgr_ticket_wait(first, 5 * SECOND, NULL));
  check_and_close(space);
}

TEST(an_upgrade_that_does_not_succeed_keeps_the_shared_holds_and_lets_those_behind_it_in) {
  for (unsigned way = 0; way < 3; way++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t one = join(space, "one"), other = join(space, "other"), late = join(space, "late");
    uint64_t token = 0;
    CHECK_OK(try_lock(&one, SYNCMGR_SHARED));
    CHECK_OK(syncmgr_rwlock_token(one.lock, &token));
    CHECK_OK(try_lock(&other, SYNCMGR_SHARED));
    if (way == 0) {
      CHECK_STATUS(syncmgr_rwlock_upgrade(one.lock, 0), SYNCMGR_E_TIMEOUT);
      CHECK_STATUS(syncmgr_rwlock_upgrade(one.lock, 5 * MILLISECOND), SYNCMGR_E_TIMEOUT);
    } else {
      syncmgr_ticket_t *upgrading =
          start_upgrade(&one, way == 1 ? SYNCMGR_FOREVER : 20 * MILLISECOND);
      syncmgr_ticket_t *reading = start(&late, SYNCMGR_SHARED);
      if (way == 1) {
        CHECK_OK(syncmgr_ticket_cancel(upgrading));
      } else {
        CHECK_STATUS(syncmgr_ticket_wait(upgrading, SYNCMGR_FOREVER, NULL), SYNCMGR_E_TIMEOUT);
      }
      CHECK_OK(syncmgr_ticket_wait(reading, 5 * SECOND, NULL));
      CHECK_OK(syncmgr_rwlock_unlock(late.lock));
    }
    CHECK_OK(syncmgr_rwlock_is_valid(one.lock, token));
    CHECK_OK(syncmgr_rwlock_unlock(one.lock));
    CHECK_STATUS(syncmgr_rwlock_unlock(one.lock), SYNCMGR_E_NOT_OWNER);
    CHECK_OK(syncmgr_rwlock_upgrade(other.lock, 0));
    check_and_close(space);
  }
}

TEST(a_downgrade_lets_waiting_readers_in_and_no_writer) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), reader = join(space, "reader"), writer = join(space, "w");
  CHECK_OK(try_lock(&one, SYNCMGR_EXCLUSIVE));
  syncmgr_ticket_t *reading = start(&reader, SYNCMGR_SHARED);
  syncmgr_ticket_t *writing = start(&writer, SYNCMGR_EXCLUSIVE);
  CHECK_OK(syncmgr_rwlock_downgrade(one.lock));
  CHECK_OK(syncmgr_ticket_wait(reading, 5 * SECOND, NULL));
  CHECK_STATUS(syncmgr_ticket_wait(writing, 5 * MILLISECOND, NULL), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_rwlock_unlock(one.lock));
  CHECK_OK(syncmgr_rwlock_unlock(reader.lock));
  CHECK_OK(syncmgr_ticket_wait(writing, 5 * SECOND, NULL));
  check_and_close(space);
}

TEST(force_release_takes_the_exclusive_hold_and_everybody_hears_of_it_until_one_was_exclusive) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), two = join(space, "two"), three = join(space, "three");
  syncmgr_holder_t before;
  uint64_t token = 0;
  CHECK_STATUS(syncmgr_rwlock_force_release(two.lock), SYNCMGR_FREE);
  CHECK_STATUS(syncmgr_rwlock_previous_owner(two.lock, &before), SYNCMGR_FREE);
  CHECK_OK(try_lock(&one, SYNCMGR_EXCLUSIVE));
  CHECK_OK(syncmgr_rwlock_token(one.lock, &token));
  CHECK_OK(syncmgr_rwlock_force_release(two.lock));
  CHECK_STATUS(syncmgr_rwlock_is_valid(one.lock, token), SYNCMGR_E_LOST);
  CHECK_STATUS(try_lock(&two, SYNCMGR_SHARED), SYNCMGR_OWNER_DIED);
  CHECK_STATUS(try_lock(&three, SYNCMGR_SHARED), SYNCMGR_OWNER_DIED);
  CHECK_OK(syncmgr_rwlock_previous_owner(two.lock, &before));
  CHECK(strcmp(before.name, "one") == 0);
  CHECK_EQUAL(before.token, token);
  CHECK_OK(syncmgr_rwlock_unlock(three.lock));
  CHECK_STATUS(syncmgr_rwlock_upgrade(two.lock, 0), SYNCMGR_OWNER_DIED);
  CHECK_OK(syncmgr_rwlock_unlock(two.lock));
  CHECK_OK(try_lock(&three, SYNCMGR_SHARED));
  CHECK_OK(try_lock(&two, SYNCMGR_SHARED));
  /* The one who lost it finds out once; then it holds nothing. */
  CHECK_STATUS(syncmgr_rwlock_unlock(one.lock), SYNCMGR_E_LOST);
  CHECK_STATUS(syncmgr_rwlock_unlock(one.lock), SYNCMGR_E_NOT_OWNER);
  CHECK_OK(try_lock(&one, SYNCMGR_SHARED));
  CHECK_OK(syncmgr_rwlock_unlock(one.lock));
  check_and_close(space);
}

TEST(force_release_takes_all_shared_holds_and_that_is_no_death) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), two = join(space, "two"), three = join(space, "three");
  syncmgr_holder_t before;
  CHECK_OK(try_lock(&one, SYNCMGR_SHARED));
  CHECK_OK(try_lock(&one, SYNCMGR_SHARED));
  CHECK_OK(try_lock(&two, SYNCMGR_SHARED));
  CHECK_OK(syncmgr_rwlock_force_release(three.lock));
  CHECK_OK(try_lock(&three, SYNCMGR_EXCLUSIVE));
  CHECK_STATUS(syncmgr_rwlock_previous_owner(three.lock, &before), SYNCMGR_FREE);
  CHECK_STATUS(syncmgr_rwlock_unlock(one.lock), SYNCMGR_E_LOST);
  CHECK_STATUS(syncmgr_rwlock_upgrade(two.lock, 0), SYNCMGR_E_LOST);
  CHECK_OK(syncmgr_rwlock_unlock(three.lock));
  check_and_close(space);
}

TEST(a_downgrade_of_what_was_taken_away_says_lost) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), two = join(space, "two");
  CHECK_OK(try_lock(&one, SYNCMGR_EXCLUSIVE));
  CHECK_OK(syncmgr_rwlock_force_release(two.lock));
  CHECK_STATUS(syncmgr_rwlock_downgrade(one.lock), SYNCMGR_E_LOST);
  CHECK_STATUS(syncmgr_rwlock_downgrade(one.lock), SYNCMGR_E_NOT_OWNER);
  check_and_close(space);
}

TEST(force_release_takes_from_those_who_hold_and_not_from_who_gets_it_then) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), two = join(space, "two"), three = join(space, "three");
  uint64_t token = 0;
  CHECK_OK(try_lock(&one, SYNCMGR_EXCLUSIVE));
  syncmgr_ticket_t *second = start(&two, SYNCMGR_EXCLUSIVE);
  syncmgr_ticket_t *third = start(&three, SYNCMGR_EXCLUSIVE);
  CHECK_OK(syncmgr_rwlock_force_release(one.lock));
  CHECK_STATUS(syncmgr_ticket_wait(second, 5 * SECOND, NULL), SYNCMGR_OWNER_DIED);
  CHECK_OK(syncmgr_rwlock_token(two.lock, &token));
  CHECK_OK(syncmgr_rwlock_is_valid(two.lock, token));
  CHECK_STATUS(syncmgr_ticket_wait(third, 5 * MILLISECOND, NULL), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_rwlock_unlock(two.lock));
  CHECK_OK(syncmgr_ticket_wait(third, 5 * SECOND, NULL));
  check_and_close(space);
}

TEST(an_upgrade_whose_shared_hold_is_taken_away_meanwhile_says_lost) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), two = join(space, "two");
  CHECK_OK(try_lock(&one, SYNCMGR_SHARED));
  CHECK_OK(try_lock(&two, SYNCMGR_SHARED));
  syncmgr_ticket_t *upgrading = start_upgrade(&one, SYNCMGR_FOREVER);
  CHECK_OK(syncmgr_rwlock_force_release(two.lock));
  CHECK_STATUS(syncmgr_ticket_wait(upgrading, 5 * SECOND, NULL), SYNCMGR_E_LOST);
  CHECK_OK(try_lock(&two, SYNCMGR_EXCLUSIVE));
  check_and_close(space);
}

TEST(a_notice_tells_of_every_hold_that_force_took) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), two = join(space, "two"), three = join(space, "three");
  syncmgr_queue_t *queue = open_queue(space);
  uint64_t ids[2], seen[2];
  CHECK_OK(syncmgr_workstream_id(one.me, &ids[0]));
  CHECK_OK(syncmgr_workstream_id(two.me, &ids[1]));
  CHECK_OK(try_lock(&one, SYNCMGR_SHARED));
  CHECK_OK(try_lock(&two, SYNCMGR_SHARED));
  CHECK_OK(syncmgr_queue_watch(queue, SYNCMGR_NOTICE_HOLD_LOST, 0));
  CHECK_OK(syncmgr_rwlock_force_release(three.lock));
  for (unsigned index = 0; index < 2; index++) {
    syncmgr_record_t record = next_record(queue);
    CHECK_EQUAL(record.kind, SYNCMGR_NOTICE_HOLD_LOST);
    seen[index] = record.value;
  }
  CHECK((seen[0] == ids[0] && seen[1] == ids[1]) || (seen[0] == ids[1] && seen[1] == ids[0]));
  check_and_close(space);
}

typedef struct upgrader {
  party_t *party;
  _Atomic int32_t status;
} upgrader_t;

static void *upgrade(void *argument) {
  upgrader_t *upgrader = argument;
  upgrader->status = syncmgr_rwlock_upgrade(upgrader->party->lock, SYNCMGR_FOREVER);
  return NULL;
}

TEST(a_blocked_upgrade_goes_on_when_the_last_other_reader_leaves) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one"), other = join(space, "other");
  upgrader_t upgrader = {.party = &one, .status = 77};
  CHECK_OK(try_lock(&one, SYNCMGR_SHARED));
  CHECK_OK(try_lock(&other, SYNCMGR_SHARED));
  pthread_t thread = start_thread(upgrade, &upgrader);
  sleep_ms(10);
  CHECK_EQUAL(upgrader.status, 77);
  CHECK_OK(syncmgr_rwlock_unlock(other.lock));
  join_thread(thread);
  CHECK_OK(upgrader.status);
  CHECK_STATUS(try_lock(&other, SYNCMGR_SHARED), SYNCMGR_E_TIMEOUT);
  check_and_close(space);
}
