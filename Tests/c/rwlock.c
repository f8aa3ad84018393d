/* The readers-writer lock: who is let in, who waits, who is told what. Workstreams of one process
 * stand for those of several: the lock knows no difference. Deaths are in death_rwlock.c. */
#include <string.h>

#include "support.h"

enum { MANY = 5 };

typedef struct party {
  syncmgr_workstream_t *me;
  syncmgr_rwlock_t *lock;
} party_t;

static party_t join(syncmgr_t *space, const char *name, uint32_t flags) {
  party_t party = {.me = open_workstream(space, name)};
  party.lock = open_rwlock(party.me, "r", flags);
  return party;
}

static syncmgr_ticket_t *start(party_t *party, uint32_t mode, int64_t timeout_ns) {
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_rwlock_lock_start(party->lock, mode, timeout_ns, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  return ticket;
}

static syncmgr_ticket_t *start_upgrade(party_t *party, int64_t timeout_ns) {
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_rwlock_upgrade_start(party->lock, timeout_ns, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  return ticket;
}

static int32_t try_lock(party_t *party, uint32_t mode) {
  return syncmgr_rwlock_lock(party->lock, mode, 0);
}

static uint32_t holder_count(party_t *party) {
  uint32_t count = 99;
  CHECK_OK(syncmgr_rwlock_holders(party->lock, NULL, 0, &count));
  return count;
}

TEST(any_number_hold_it_shared_and_one_exclusive) {
  for (uint32_t flags = 0; flags <= SYNCMGR_RWLOCK_FAIR; flags++) {
    syncmgr_t *space = open_space(flags ? "local:" : unique_url(), 0);
    party_t parties[MANY];
    for (unsigned index = 0; index < MANY; index++) parties[index] = join(space, NULL, flags);
    for (unsigned index = 0; index < MANY; index++) {
      CHECK_OK(try_lock(&parties[index], SYNCMGR_SHARED));
    }
    party_t writer = join(space, "writer", flags);
    CHECK_STATUS(try_lock(&writer, SYNCMGR_EXCLUSIVE), SYNCMGR_E_TIMEOUT);
    CHECK_STATUS(syncmgr_rwlock_lock(writer.lock, SYNCMGR_EXCLUSIVE, 5 * MILLISECOND),
                 SYNCMGR_E_TIMEOUT);
    for (unsigned index = 0; index < MANY; index++) {
      CHECK_EQUAL(holder_count(&writer), MANY - index);
      CHECK_OK(syncmgr_rwlock_unlock(parties[index].lock));
    }
    CHECK_OK(try_lock(&writer, SYNCMGR_EXCLUSIVE));
    CHECK_STATUS(try_lock(&parties[0], SYNCMGR_SHARED), SYNCMGR_E_TIMEOUT);
    CHECK_STATUS(try_lock(&parties[0], SYNCMGR_EXCLUSIVE), SYNCMGR_E_TIMEOUT);
    CHECK_OK(syncmgr_rwlock_unlock(writer.lock));
    CHECK_OK(try_lock(&parties[0], SYNCMGR_SHARED));
    check_and_close(space);
  }
}

TEST(shared_holds_of_one_workstream_are_counted) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t reader = join(space, "reader", 0), other = join(space, "other", 0);
  syncmgr_rwlock_t *twin = open_rwlock(reader.me, "r", 0);
  syncmgr_holder_t holders[2];
  uint32_t count = 0;
  CHECK_OK(try_lock(&reader, SYNCMGR_SHARED));
  CHECK_OK(syncmgr_rwlock_lock(twin, SYNCMGR_SHARED, 0));
  CHECK_OK(try_lock(&reader, SYNCMGR_SHARED));
  CHECK_OK(syncmgr_rwlock_holders(other.lock, holders, 2, &count));
  CHECK_EQUAL(count, 1);
  CHECK_EQUAL(holders[0].amount, 3);
  CHECK(strcmp(holders[0].name, "reader") == 0);
  for (unsigned left = 3; left > 0; left--) {
    CHECK_STATUS(try_lock(&other, SYNCMGR_EXCLUSIVE), SYNCMGR_E_TIMEOUT);
    CHECK_OK(syncmgr_rwlock_unlock(left % 2 ? twin : reader.lock));
  }
  CHECK_STATUS(syncmgr_rwlock_unlock(reader.lock), SYNCMGR_E_NOT_OWNER);
  CHECK_OK(try_lock(&other, SYNCMGR_EXCLUSIVE));
  check_and_close(space);
}

TEST(holders_tell_who_holds_how) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one", 0), two = join(space, "two", 0);
  syncmgr_holder_t holders[3];
  uint32_t count = 99;
  uint64_t id = 0, token = 0;
  memset(holders, 0xa5, sizeof holders);
  CHECK_OK(syncmgr_rwlock_holders(one.lock, holders, 3, &count));
  CHECK_EQUAL(count, 0);
  CHECK_OK(try_lock(&one, SYNCMGR_EXCLUSIVE));
  CHECK_OK(syncmgr_rwlock_holders(two.lock, holders, 3, &count));
  CHECK_EQUAL(count, 1);
  CHECK_EQUAL(holders[0].amount, SYNCMGR_COUNT_MAX);
  CHECK_OK(syncmgr_workstream_id(one.me, &id));
  CHECK_OK(syncmgr_rwlock_token(one.lock, &token));
  CHECK_EQUAL(holders[0].workstream, id);
  CHECK_EQUAL(holders[0].token, token);
  CHECK_EQUAL(holders[1].amount, 0xa5a5a5a5);
  CHECK_OK(syncmgr_rwlock_downgrade(one.lock));
  CHECK_OK(try_lock(&two, SYNCMGR_SHARED));
  /* More than there is room for: the count says how many there are, the room is kept to. */
  memset(holders, 0xa5, sizeof holders);
  CHECK_OK(syncmgr_rwlock_holders(two.lock, holders, 1, &count));
  CHECK_EQUAL(count, 2);
  CHECK_EQUAL(holders[0].amount, 1);
  CHECK_EQUAL(holders[1].amount, 0xa5a5a5a5);
  check_and_close(space);
}

TEST(a_workstream_that_would_wait_for_itself_is_told_so_at_once) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one", 0);
  syncmgr_ticket_t *ticket = NULL;
  CHECK_OK(try_lock(&one, SYNCMGR_EXCLUSIVE));
  for (uint32_t mode = SYNCMGR_SHARED; mode <= SYNCMGR_EXCLUSIVE; mode++) {
    CHECK_STATUS(syncmgr_rwlock_lock(one.lock, mode, SYNCMGR_FOREVER), SYNCMGR_E_DEADLOCK);
    CHECK_STATUS(syncmgr_rwlock_lock_start(one.lock, mode, SYNCMGR_FOREVER, NULL, 0, &ticket),
                 SYNCMGR_E_DEADLOCK);
  }
  CHECK_OK(syncmgr_rwlock_unlock(one.lock));
  CHECK_OK(try_lock(&one, SYNCMGR_SHARED));
  CHECK_STATUS(syncmgr_rwlock_lock(one.lock, SYNCMGR_EXCLUSIVE, SYNCMGR_FOREVER),
               SYNCMGR_E_DEADLOCK);
  CHECK_STATUS(syncmgr_rwlock_lock_start(one.lock, SYNCMGR_EXCLUSIVE, SYNCMGR_FOREVER, NULL, 0,
                                         &ticket), SYNCMGR_E_DEADLOCK);
  CHECK(ticket == NULL);
  CHECK_OK(syncmgr_rwlock_unlock(one.lock));
  CHECK_STATUS(syncmgr_rwlock_unlock(one.lock), SYNCMGR_E_NOT_OWNER);
  check_and_close(space);
}

TEST(a_mode_that_is_neither_is_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one", 0);
  syncmgr_ticket_t *ticket = NULL;
  const uint32_t modes[] = {2, 3, 0x40000000, 0x80000000, UINT32_MAX};
  for (unsigned index = 0; index < 5; index++) {
    CHECK_STATUS(try_lock(&one, modes[index]), SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_rwlock_lock_start(one.lock, modes[index], SYNCMGR_FOREVER, NULL, 0,
                                           &ticket), SYNCMGR_E_INVALID);
  }
  CHECK(ticket == NULL);
  CHECK_EQUAL(holder_count(&one), 0);
  check_and_close(space);
}

TEST(an_unlock_lets_all_waiting_readers_in_together) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t writer = join(space, "writer", 0), readers[MANY];
  syncmgr_ticket_t *tickets[MANY];
  CHECK_OK(try_lock(&writer, SYNCMGR_EXCLUSIVE));
  for (unsigned index = 0; index < MANY; index++) {
    readers[index] = join(space, NULL, 0);
    tickets[index] = start(&readers[index], SYNCMGR_SHARED, SYNCMGR_FOREVER);
  }
  CHECK_OK(syncmgr_rwlock_unlock(writer.lock));
  for (unsigned index = 0; index < MANY; index++) {
    CHECK_OK(syncmgr_ticket_wait(tickets[index], 5 * SECOND, NULL));
  }
  CHECK_EQUAL(holder_count(&writer), MANY);
  check_and_close(space);
}

TEST(newcomers_wait_behind_a_writer_that_was_passed_over_for_long) {
  for (uint32_t flags = 0; flags <= SYNCMGR_RWLOCK_FAIR; flags++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t reader = join(space, "reader", flags), writer = join(space, "writer", flags);
    party_t late = join(space, "late", flags);
    CHECK_OK(try_lock(&reader, SYNCMGR_SHARED));
    syncmgr_ticket_t *writing = start(&writer, SYNCMGR_EXCLUSIVE, SYNCMGR_FOREVER);
    if (!flags) sleep_ms(5);
    CHECK_STATUS(try_lock(&late, SYNCMGR_SHARED), SYNCMGR_E_TIMEOUT);
    syncmgr_ticket_t *reading = start(&late, SYNCMGR_SHARED, SYNCMGR_FOREVER);
    /* Who is in already is let in again, else writer and reader would wait for each other. */
    CHECK_OK(try_lock(&reader, SYNCMGR_SHARED));
    CHECK_OK(syncmgr_rwlock_unlock(reader.lock));
    CHECK_STATUS(syncmgr_ticket_wait(reading, 5 * MILLISECOND, NULL), SYNCMGR_PENDING);
    CHECK_OK(syncmgr_rwlock_unlock(reader.lock));
    CHECK_OK(syncmgr_ticket_wait(writing, 5 * SECOND, NULL));
    CHECK_STATUS(syncmgr_ticket_wait(reading, 5 * MILLISECOND, NULL), SYNCMGR_PENDING);
    CHECK_OK(syncmgr_rwlock_unlock(writer.lock));
    CHECK_OK(syncmgr_ticket_wait(reading, 5 * SECOND, NULL));
    check_and_close(space);
  }
}

TEST(readers_behind_a_writer_that_gives_up_go_on) {
  for (unsigned way = 0; way < 3; way++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t reader = join(space, "reader", 0), writer = join(space, "writer", 0);
    party_t late = join(space, "late", 0);
    CHECK_OK(try_lock(&reader, SYNCMGR_SHARED));
    syncmgr_ticket_t *writing =
        start(&writer, SYNCMGR_EXCLUSIVE, way ? SYNCMGR_FOREVER : 30 * MILLISECOND);
    sleep_ms(3);
    syncmgr_ticket_t *reading = start(&late, SYNCMGR_SHARED, SYNCMGR_FOREVER);
    CHECK_STATUS(syncmgr_ticket_wait(reading, 0, NULL), SYNCMGR_PENDING);
    if (way == 0) {
      CHECK_STATUS(syncmgr_ticket_wait(writing, SYNCMGR_FOREVER, NULL), SYNCMGR_E_TIMEOUT);
    } else if (way == 1) {
      CHECK_OK(syncmgr_ticket_cancel(writing));
    } else {
      CHECK_OK(syncmgr_rwlock_close(writer.lock));
    }
    CHECK_OK(syncmgr_ticket_wait(reading, 5 * SECOND, NULL));
    check_and_close(space);
  }
}

TEST(a_fair_one_is_handed_over_in_the_order_of_arrival) {
  static const uint32_t modes[] = {0, 1, 0, 0, 1, 1, 0};
  enum { COUNT = sizeof modes / sizeof modes[0] };
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t holder = join(space, "holder", SYNCMGR_RWLOCK_FAIR), parties[COUNT];
  syncmgr_queue_t *queue = open_queue(space);
  CHECK_OK(try_lock(&holder, SYNCMGR_EXCLUSIVE));
  for (unsigned index = 0; index < COUNT; index++) {
    syncmgr_ticket_t *ticket = NULL;
    parties[index] = join(space, NULL, SYNCMGR_RWLOCK_FAIR);
    CHECK_STATUS(syncmgr_rwlock_lock_start(parties[index].lock, modes[index], SYNCMGR_FOREVER,
                                           queue, index, &ticket), SYNCMGR_PENDING);
  }
  CHECK_OK(syncmgr_rwlock_unlock(holder.lock));
  uint64_t last_token = 0;
  for (unsigned index = 0; index < COUNT; index++) {
    syncmgr_record_t record = next_record(queue);
    uint64_t token = 0;
    CHECK_OK(record.status);
    CHECK_EQUAL(record.user_data, index);
    CHECK_EQUAL(record.kind, SYNCMGR_TYPE_RWLOCK);
    CHECK_OK(syncmgr_rwlock_token(parties[index].lock, &token));
    CHECK_EQUAL(record.value, token);
    CHECK(token > last_token);
    last_token = token;
    CHECK_OK(syncmgr_rwlock_unlock(parties[index].lock));
  }
  check_and_close(space);
}

TEST(every_token_of_a_standing_hold_is_valid_until_the_hold_ends) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one", 0), other = join(space, "other", 0);
  uint64_t tokens[4] = {0}, between = 0;
  for (unsigned index = 0; index < 3; index++) {
    CHECK_OK(syncmgr_rwlock_lock(one.lock, SYNCMGR_SHARED, 0));
    CHECK_OK(syncmgr_rwlock_token(one.lock, &tokens[index]));
    CHECK_OK(syncmgr_rwlock_lock(other.lock, SYNCMGR_SHARED, 0));
    CHECK_OK(syncmgr_rwlock_token(other.lock, &between));
    CHECK_OK(syncmgr_rwlock_unlock(other.lock));
    CHECK_STATUS(syncmgr_rwlock_is_valid(other.lock, between), SYNCMGR_E_LOST);
  }
  CHECK_OK(syncmgr_rwlock_unlock(one.lock));
  CHECK_OK(syncmgr_rwlock_upgrade(one.lock, 0));
  CHECK_OK(syncmgr_rwlock_token(one.lock, &tokens[3]));
  for (unsigned index = 0; index < 4; index++) {
    CHECK_OK(syncmgr_rwlock_is_valid(one.lock, tokens[index]));
  }
  CHECK_STATUS(syncmgr_rwlock_is_valid(one.lock, tokens[0] - 1), SYNCMGR_E_LOST);
  CHECK_STATUS(syncmgr_rwlock_is_valid(one.lock, tokens[3] + 1), SYNCMGR_E_LOST);
  CHECK_OK(syncmgr_rwlock_downgrade(one.lock));
  CHECK_OK(syncmgr_rwlock_is_valid(one.lock, tokens[0]));
  CHECK_OK(syncmgr_rwlock_unlock(one.lock));
  /* By hand-over as well: a ticket never takes for itself. */
  CHECK_OK(syncmgr_rwlock_lock(other.lock, SYNCMGR_EXCLUSIVE, 0));
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_rwlock_lock_start(one.lock, SYNCMGR_SHARED, SYNCMGR_FOREVER, NULL, 0,
                                         &ticket), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_rwlock_unlock(other.lock));
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  CHECK_OK(syncmgr_rwlock_token(one.lock, &between));
  CHECK_OK(syncmgr_rwlock_lock(one.lock, SYNCMGR_SHARED, 0));
  CHECK_OK(syncmgr_rwlock_is_valid(one.lock, between));
  CHECK_STATUS(syncmgr_rwlock_is_valid(one.lock, tokens[3]), SYNCMGR_E_LOST);
  CHECK_STATUS(syncmgr_rwlock_is_valid(one.lock, between - 1), SYNCMGR_E_LOST);
  CHECK_OK(syncmgr_rwlock_force_release(other.lock));
  CHECK_STATUS(syncmgr_rwlock_is_valid(one.lock, between), SYNCMGR_E_LOST);
  check_and_close(space);
}

TEST(every_grant_has_a_token_and_tokens_only_grow) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one", 0), two = join(space, "two", 0);
  uint64_t token = 0, last = 0;
  CHECK_STATUS(syncmgr_rwlock_token(one.lock, &token), SYNCMGR_E_NOT_OWNER);
  CHECK_STATUS(syncmgr_rwlock_is_valid(one.lock, 0), SYNCMGR_E_LOST);
  for (unsigned round = 0; round < 20; round++) {
    party_t *party = round % 2 ? &one : &two, *other = round % 2 ? &two : &one;
    CHECK_OK(try_lock(party, round % 3 == 0));
    CHECK_OK(syncmgr_rwlock_token(party->lock, &token));
    CHECK(token > last);
    CHECK_OK(syncmgr_rwlock_is_valid(party->lock, token));
    CHECK_STATUS(syncmgr_rwlock_is_valid(party->lock, token + 1), SYNCMGR_E_LOST);
    CHECK_STATUS(syncmgr_rwlock_is_valid(other->lock, token), SYNCMGR_E_LOST);
    CHECK_OK(syncmgr_rwlock_unlock(party->lock));
    CHECK_STATUS(syncmgr_rwlock_is_valid(party->lock, token), SYNCMGR_E_LOST);
    CHECK_STATUS(syncmgr_rwlock_token(party->lock, &last), SYNCMGR_E_NOT_OWNER);
    last = token;
  }
  check_and_close(space);
}

TEST(closing_the_last_handle_releases_and_an_earlier_one_does_not) {
  for (uint32_t mode = SYNCMGR_SHARED; mode <= SYNCMGR_EXCLUSIVE; mode++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t one = join(space, "one", 0), other = join(space, "other", 0);
    syncmgr_rwlock_t *twin = open_rwlock(one.me, "r", 0);
    CHECK_OK(try_lock(&one, mode));
    CHECK_OK(syncmgr_rwlock_close(one.lock));
    CHECK_STATUS(try_lock(&other, SYNCMGR_EXCLUSIVE), SYNCMGR_E_TIMEOUT);
    CHECK_OK(syncmgr_rwlock_close(twin));
    /* A close is no death. */
    CHECK_OK(try_lock(&other, SYNCMGR_EXCLUSIVE));
    check_and_close(space);
  }
}

TEST(a_ticket_that_was_granted_and_not_collected_is_given_back_by_a_close) {
  for (uint32_t mode = SYNCMGR_SHARED; mode <= SYNCMGR_EXCLUSIVE; mode++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t holder = join(space, "holder", 0), one = join(space, "one", 0);
    syncmgr_rwlock_t *kept = open_rwlock(one.me, "r", 0);
    CHECK_OK(try_lock(&holder, SYNCMGR_EXCLUSIVE));
    syncmgr_ticket_t *ticket = start(&one, mode, SYNCMGR_FOREVER);
    CHECK_OK(syncmgr_rwlock_unlock(holder.lock));
    CHECK_OK(syncmgr_rwlock_close(one.lock));
    CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_E_CLOSED);
    CHECK_OK(try_lock(&holder, SYNCMGR_EXCLUSIVE));
    CHECK_STATUS(syncmgr_rwlock_unlock(kept), SYNCMGR_E_NOT_OWNER);
    check_and_close(space);
  }
}

TEST(a_queue_that_closes_gives_back_what_was_granted_and_not_drained) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t holder = join(space, "holder", 0), one = join(space, "one", 0);
  party_t two = join(space, "two", 0);
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_ticket_t *ticket = NULL;
  CHECK_OK(try_lock(&holder, SYNCMGR_EXCLUSIVE));
  CHECK_STATUS(syncmgr_rwlock_lock_start(one.lock, SYNCMGR_SHARED, SYNCMGR_FOREVER, queue, 0,
                                         &ticket), SYNCMGR_PENDING);
  CHECK_STATUS(syncmgr_rwlock_lock_start(two.lock, SYNCMGR_EXCLUSIVE, SYNCMGR_FOREVER, queue, 0,
                                         &ticket), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_rwlock_unlock(holder.lock));
  CHECK_OK(syncmgr_queue_close(queue));
  CHECK_EQUAL(holder_count(&holder), 0);
  CHECK_OK(try_lock(&holder, SYNCMGR_EXCLUSIVE));
  check_and_close(space);
}

TEST(an_upgrade_that_was_granted_and_not_collected_is_undone_by_a_close_to_the_shared_hold) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one", 0), other = join(space, "other", 0);
  syncmgr_rwlock_t *kept = open_rwlock(one.me, "r", 0);
  syncmgr_holder_t holders[2];
  uint32_t count = 0;
  CHECK_OK(try_lock(&other, SYNCMGR_SHARED));
  CHECK_OK(syncmgr_rwlock_lock(kept, SYNCMGR_SHARED, 0));
  CHECK_OK(syncmgr_rwlock_lock(kept, SYNCMGR_SHARED, 0));
  syncmgr_ticket_t *ticket = start_upgrade(&one, SYNCMGR_FOREVER);
  CHECK_OK(syncmgr_rwlock_unlock(other.lock));
  CHECK_OK(syncmgr_rwlock_close(one.lock));
  CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_E_CLOSED);
  CHECK_OK(syncmgr_rwlock_holders(other.lock, holders, 2, &count));
  CHECK_EQUAL(count, 1);
  CHECK_EQUAL(holders[0].amount, 2);
  CHECK_OK(try_lock(&other, SYNCMGR_SHARED));
  check_and_close(space);
}
