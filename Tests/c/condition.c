/* The condition: waits, signals, and what becomes of a signal whose waiter leaves. Workstreams of
 * one process stand for those of several; deaths are in death_condition.c. */
#include <string.h>

#include "support.h"

typedef struct party {
  syncmgr_workstream_t *me;
  syncmgr_mutex_t *mutex;
  syncmgr_condition_t *condition;
} party_t;

static party_t join(syncmgr_t *space, const char *name, uint32_t mutex_flags) {
  party_t party = {.me = open_workstream(space, name)};
  party.mutex = open_mutex(party.me, "m", mutex_flags);
  party.condition = open_condition(party.me, "c");
  return party;
}

/* Locks, and waits in the line of the condition. */
static syncmgr_ticket_t *start(party_t *party, int64_t timeout_ns, syncmgr_queue_t *queue) {
  syncmgr_ticket_t *ticket = NULL;
  CHECK_OK(syncmgr_mutex_lock(party->mutex, SECOND));
  CHECK_STATUS(syncmgr_condition_wait_start(party->condition, party->mutex, timeout_ns, queue, 7,
                                            &ticket), SYNCMGR_PENDING);
  CHECK_STATUS(syncmgr_mutex_unlock(party->mutex), SYNCMGR_E_NOT_OWNER);
  return ticket;
}

static uint32_t waiting(party_t *party) {
  uint32_t count = 99;
  CHECK_OK(syncmgr_condition_waiting(party->condition, &count));
  return count;
}

static uint32_t signal(party_t *party, uint32_t count) {
  uint32_t signalled = 99;
  CHECK_OK(syncmgr_condition_signal(party->condition, count, &signalled));
  return signalled;
}

TEST(a_signal_goes_to_the_longest_waiter_which_has_the_mutex_then) {
  for (unsigned kind = 0; kind < 4; kind++) {
    uint32_t mutex_flags = kind % 2 ? SYNCMGR_MUTEX_FAIR : 0;
    syncmgr_t *space = open_space(kind / 2 ? "local:" : unique_url(), 0);
    party_t one = join(space, "one", mutex_flags), two = join(space, "two", mutex_flags);
    party_t giver = join(space, "giver", mutex_flags);
    syncmgr_ticket_t *first = start(&one, SYNCMGR_FOREVER, NULL);
    syncmgr_ticket_t *second = start(&two, SYNCMGR_FOREVER, NULL);
    CHECK_EQUAL(waiting(&giver), 2);
    CHECK_EQUAL(signal(&giver, 1), 1);
    CHECK_EQUAL(waiting(&giver), 1);
    CHECK_OK(syncmgr_ticket_wait(first, 5 * SECOND, NULL));
    CHECK_STATUS(syncmgr_mutex_lock(giver.mutex, 0), SYNCMGR_E_TIMEOUT);
    CHECK_OK(syncmgr_mutex_unlock(one.mutex));
    CHECK_STATUS(syncmgr_ticket_wait(second, 5 * MILLISECOND, NULL), SYNCMGR_PENDING);
    CHECK_EQUAL(signal(&giver, 5), 1);
    CHECK_OK(syncmgr_ticket_wait(second, 5 * SECOND, NULL));
    CHECK_OK(syncmgr_mutex_unlock(two.mutex));
    check_and_close(space);
  }
}

TEST(a_signal_that_nobody_waits_for_is_not_kept) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one", 0), giver = join(space, "giver", 0);
  uint32_t signalled = 99;
  CHECK_EQUAL(signal(&giver, 1), 0);
  CHECK_OK(syncmgr_condition_broadcast(giver.condition, &signalled));
  CHECK_EQUAL(signalled, 0);
  CHECK_OK(syncmgr_condition_broadcast(giver.condition, NULL));
  CHECK_OK(syncmgr_condition_signal(giver.condition, 1, NULL));
  CHECK_OK(syncmgr_mutex_lock(one.mutex, 0));
  CHECK_STATUS(syncmgr_condition_wait(one.condition, one.mutex, 10 * MILLISECOND),
               SYNCMGR_E_TIMEOUT);
  CHECK_OK(syncmgr_mutex_unlock(one.mutex));
  signalled = 99;
  CHECK_STATUS(syncmgr_condition_signal(giver.condition, 0, &signalled), SYNCMGR_E_INVALID);
  CHECK_EQUAL(signalled, 99);
  check_and_close(space);
}

TEST(a_signalled_waiter_waits_for_the_mutex_while_another_has_it) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one", 0), giver = join(space, "giver", 0);
  syncmgr_ticket_t *ticket = start(&one, 20 * MILLISECOND, NULL);
  CHECK_OK(syncmgr_mutex_lock(giver.mutex, 0));
  CHECK_EQUAL(signal(&giver, 1), 1);
  CHECK_EQUAL(waiting(&giver), 0);
  /* Its time was for the signal, which it has; the mutex is waited for without limit. */
  CHECK_STATUS(syncmgr_ticket_wait(ticket, 50 * MILLISECOND, NULL), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_mutex_unlock(giver.mutex));
  CHECK_OK(syncmgr_ticket_wait(ticket, 5 * SECOND, NULL));
  CHECK_OK(syncmgr_mutex_unlock(one.mutex));
  check_and_close(space);
}

TEST(a_broadcast_wakes_everybody_one_after_the_other) {
  enum { MANY = 12 };
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t parties[MANY], giver = join(space, "giver", 0);
  syncmgr_queue_t *queue = open_queue(space);
  uint32_t signalled = 0;
  for (unsigned index = 0; index < MANY; index++) {
    parties[index] = join(space, NULL, 0);
    start(&parties[index], SYNCMGR_FOREVER, queue);
  }
  CHECK_OK(syncmgr_mutex_lock(giver.mutex, 0));
  CHECK_OK(syncmgr_condition_broadcast(giver.condition, &signalled));
  CHECK_EQUAL(signalled, MANY);
  CHECK_OK(syncmgr_mutex_unlock(giver.mutex));
  for (unsigned index = 0; index < MANY; index++) {
    uint32_t count = 0;
    syncmgr_record_t record = next_record(queue), other;
    CHECK_OK(record.status);
    CHECK_EQUAL(record.kind, SYNCMGR_TYPE_CONDITION);
    CHECK_EQUAL(record.user_data, 7);
    /* In the order in which they came, and each alone. */
    CHECK_OK(syncmgr_queue_drain(queue, &other, 1, &count));
    CHECK_EQUAL(count, 0);
    CHECK_OK(syncmgr_mutex_unlock(parties[index].mutex));
  }
  check_and_close(space);
}

TEST(a_wait_whose_time_passed_has_the_mutex_again) {
  for (unsigned kind = 0; kind < 2; kind++) {
    syncmgr_t *space = open_space(unique_url(), kind ? SYNCMGR_OPEN_NO_THREADS : 0);
    party_t one = join(space, "one", 0), other = join(space, "other", 0);
    int64_t begin = now_ns();
    CHECK_OK(syncmgr_mutex_lock(one.mutex, 0));
    CHECK_STATUS(syncmgr_condition_wait(one.condition, one.mutex, 20 * MILLISECOND),
                 SYNCMGR_E_TIMEOUT);
    CHECK(now_ns() - begin >= 20 * MILLISECOND);
    CHECK_STATUS(syncmgr_mutex_lock(other.mutex, 0), SYNCMGR_E_TIMEOUT);
    CHECK_OK(syncmgr_mutex_unlock(one.mutex));
    /* It waits for the mutex also when its time has passed. */
    syncmgr_ticket_t *ticket = start(&one, 5 * MILLISECOND, NULL);
    CHECK_OK(syncmgr_mutex_lock(other.mutex, 0));
    CHECK_STATUS(syncmgr_ticket_wait(ticket, 30 * MILLISECOND, NULL), SYNCMGR_PENDING);
    /* And a signal is not for who does not wait for it any more. */
    CHECK_EQUAL(signal(&other, 1), 0);
    CHECK_OK(syncmgr_mutex_unlock(other.mutex));
    CHECK_STATUS(syncmgr_ticket_wait(ticket, 5 * SECOND, NULL), SYNCMGR_E_TIMEOUT);
    CHECK_OK(syncmgr_mutex_unlock(one.mutex));
    check_and_close(space);
  }
}

TEST(a_recursive_mutex_is_unlocked_wholly_and_gets_its_depth_back) {
  for (unsigned way = 0; way < 3; way++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t one = join(space, "one", SYNCMGR_MUTEX_RECURSIVE);
    party_t other = join(space, "other", SYNCMGR_MUTEX_RECURSIVE);
    syncmgr_ticket_t *ticket = NULL;
    for (unsigned depth = 0; depth < 3; depth++) CHECK_OK(syncmgr_mutex_lock(one.mutex, 0));
    if (way == 0) {
      CHECK_STATUS(syncmgr_condition_wait(one.condition, one.mutex, 5 * MILLISECOND),
                   SYNCMGR_E_TIMEOUT);
    } else {
      CHECK_STATUS(syncmgr_condition_wait_start(one.condition, one.mutex, SYNCMGR_FOREVER, NULL, 0,
                                                &ticket), SYNCMGR_PENDING);
      CHECK_OK(syncmgr_mutex_lock(other.mutex, 0));
      if (way == 1) CHECK_EQUAL(signal(&other, 1), 1);
      CHECK_OK(syncmgr_mutex_unlock(other.mutex));
      if (way == 2) CHECK_EQUAL(signal(&other, 1), 1);
      CHECK_OK(syncmgr_ticket_wait(ticket, 5 * SECOND, NULL));
    }
    for (unsigned depth = 0; depth < 3; depth++) {
      CHECK_STATUS(syncmgr_mutex_lock(other.mutex, 0), SYNCMGR_E_TIMEOUT);
      CHECK_OK(syncmgr_mutex_unlock(one.mutex));
    }
    CHECK_STATUS(syncmgr_mutex_unlock(one.mutex), SYNCMGR_E_NOT_OWNER);
    CHECK_OK(syncmgr_mutex_lock(other.mutex, 0));
    check_and_close(space);
  }
}

TEST(what_cannot_be_waited_for_is_refused_and_nothing_is_done) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_t *elsewhere = open_space("local:", 0);
  party_t one = join(space, "one", 0), other = join(space, "other", 0);
  party_t stranger = join(elsewhere, "one", 0);
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_condition_wait(one.condition, one.mutex, SYNCMGR_FOREVER),
               SYNCMGR_E_NOT_OWNER);
  CHECK_STATUS(syncmgr_condition_wait_start(one.condition, one.mutex, SYNCMGR_FOREVER, NULL, 0,
                                            &ticket), SYNCMGR_E_NOT_OWNER);
  CHECK_OK(syncmgr_mutex_lock(stranger.mutex, 0));
  CHECK_STATUS(syncmgr_condition_wait(one.condition, stranger.mutex, SYNCMGR_FOREVER),
               SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_mutex_lock(other.mutex, 0));
  CHECK_STATUS(syncmgr_condition_wait(one.condition, one.mutex, SYNCMGR_FOREVER),
               SYNCMGR_E_NOT_OWNER);
  CHECK_STATUS(syncmgr_condition_wait(one.condition, other.mutex, SYNCMGR_FOREVER),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_condition_wait(other.condition, other.mutex, 0), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_condition_wait(other.condition, other.mutex, -2), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_condition_wait(other.condition, NULL, SECOND), SYNCMGR_E_HANDLE);
  CHECK_STATUS(syncmgr_condition_wait(other.condition, (void *)other.condition, SECOND),
               SYNCMGR_E_HANDLE);
  CHECK_STATUS(syncmgr_condition_wait_start(other.condition, other.mutex, 0, NULL, 0, &ticket),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_condition_wait_start(other.condition, other.mutex, SECOND, NULL, 0, NULL),
               SYNCMGR_E_INVALID);
  syncmgr_mutex_t *closed = open_mutex(other.me, "m", 0);
  CHECK_OK(syncmgr_mutex_close(closed));
  CHECK_STATUS(syncmgr_condition_wait(other.condition, closed, SECOND), SYNCMGR_E_CLOSED);
  CHECK(ticket == NULL);
  CHECK_EQUAL(waiting(&one), 0);
  CHECK_OK(syncmgr_mutex_unlock(other.mutex));
  CHECK_OK(syncmgr_close(elsewhere));
  check_and_close(space);
}

TEST(a_cancelled_wait_leaves_the_mutex_unlocked) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one", 0), other = join(space, "other", 0);
  syncmgr_ticket_t *ticket = start(&one, SYNCMGR_FOREVER, NULL);
  CHECK_OK(syncmgr_ticket_cancel(ticket));
  CHECK_STATUS(syncmgr_ticket_wait(ticket, 0, NULL), SYNCMGR_E_CLOSED);
  CHECK_EQUAL(waiting(&other), 0);
  CHECK_EQUAL(signal(&other, 1), 0);
  CHECK_STATUS(syncmgr_mutex_unlock(one.mutex), SYNCMGR_E_NOT_OWNER);
  CHECK_OK(syncmgr_mutex_lock(other.mutex, 0));
  check_and_close(space);
}

/* Leaves after the signal and before it has its mutex, each time in another way. */
static void leave_signalled(unsigned way, uint32_t mutex_flags) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t leaver = join(space, "leaver", mutex_flags), next = join(space, "next", mutex_flags);
  party_t giver = join(space, "giver", mutex_flags);
  syncmgr_ticket_t *leaving = start(&leaver, SYNCMGR_FOREVER, NULL);
  syncmgr_ticket_t *staying = start(&next, SYNCMGR_FOREVER, NULL);
  CHECK_OK(syncmgr_mutex_lock(giver.mutex, 0));
  CHECK_EQUAL(signal(&giver, 1), 1);
  if (way == 0) CHECK_OK(syncmgr_ticket_cancel(leaving));
  if (way == 1) CHECK_OK(syncmgr_condition_close(leaver.condition));
  if (way == 2) CHECK_OK(syncmgr_mutex_close(leaver.mutex));
  if (way == 3) CHECK_OK(syncmgr_workstream_close(leaver.me));
  if (way > 0) CHECK_STATUS(syncmgr_ticket_wait(leaving, SECOND, NULL), SYNCMGR_E_CLOSED);
  CHECK_EQUAL(waiting(&giver), 0);
  CHECK_OK(syncmgr_mutex_unlock(giver.mutex));
  CHECK_OK(syncmgr_ticket_wait(staying, 5 * SECOND, NULL));
  CHECK_OK(syncmgr_mutex_unlock(next.mutex));
  check_and_close(space);
}

TEST(a_signal_of_one_that_is_cancelled_goes_to_the_next) {
  leave_signalled(0, 0);
  leave_signalled(0, SYNCMGR_MUTEX_FAIR);
}
TEST(a_signal_of_one_that_closes_the_condition_goes_to_the_next) { leave_signalled(1, 0); }
TEST(a_signal_of_one_that_closes_the_mutex_goes_to_the_next) { leave_signalled(2, 0); }
TEST(a_signal_of_one_whose_workstream_closes_goes_to_the_next) { leave_signalled(3, 0); }

TEST(waits_end_when_the_condition_or_the_mutex_closes_and_the_mutex_is_not_locked) {
  for (unsigned way = 0; way < 2; way++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t one = join(space, "one", 0), other = join(space, "other", 0);
    syncmgr_ticket_t *ticket = start(&one, SYNCMGR_FOREVER, NULL);
    if (way == 0) CHECK_OK(syncmgr_condition_close(one.condition));
    if (way == 1) CHECK_OK(syncmgr_mutex_close(one.mutex));
    CHECK_STATUS(syncmgr_ticket_wait(ticket, SECOND, NULL), SYNCMGR_E_CLOSED);
    CHECK_EQUAL(waiting(&other), 0);
    CHECK_OK(syncmgr_mutex_lock(other.mutex, 0));
    check_and_close(space);
  }
}

TEST(a_queue_that_closes_gives_back_the_mutex_of_waits_that_were_not_drained) {
  for (unsigned way = 0; way < 2; way++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    party_t one = join(space, "one", 0), other = join(space, "other", 0);
    syncmgr_queue_t *queue = open_queue(space);
    syncmgr_holder_t holder;
    start(&one, way ? 50 * MILLISECOND : SYNCMGR_FOREVER, queue);
    if (way == 0) CHECK_EQUAL(signal(&other, 1), 1);
    WAIT_UNTIL(syncmgr_mutex_held_by(other.mutex, &holder) == SYNCMGR_OK);
    CHECK_OK(syncmgr_queue_close(queue));
    CHECK_OK(syncmgr_mutex_lock(other.mutex, 0));
    check_and_close(space);
  }
}

TEST(different_waiters_may_use_different_mutexes) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one", 0), two = {.me = open_workstream(space, "two")};
  party_t giver = join(space, "giver", 0);
  two.mutex = open_mutex(two.me, "another", SYNCMGR_MUTEX_FAIR);
  two.condition = open_condition(two.me, "c");
  syncmgr_ticket_t *first = start(&one, SYNCMGR_FOREVER, NULL);
  syncmgr_ticket_t *second = start(&two, SYNCMGR_FOREVER, NULL);
  CHECK_EQUAL(signal(&giver, 2), 2);
  CHECK_OK(syncmgr_ticket_wait(second, SECOND, NULL));
  CHECK_OK(syncmgr_ticket_wait(first, SECOND, NULL));
  CHECK_OK(syncmgr_mutex_unlock(one.mutex));
  CHECK_OK(syncmgr_mutex_unlock(two.mutex));
  check_and_close(space);
}

TEST(the_mutex_can_be_taken_by_force_while_others_wait_for_the_condition) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one", 0), other = join(space, "other", 0);
  syncmgr_ticket_t *ticket = start(&one, SYNCMGR_FOREVER, NULL);
  CHECK_OK(syncmgr_mutex_lock(other.mutex, 0));
  CHECK_EQUAL(signal(&other, 1), 1);
  CHECK_OK(syncmgr_mutex_force_release(one.mutex));
  CHECK_STATUS(syncmgr_ticket_wait(ticket, SECOND, NULL), SYNCMGR_OWNER_DIED);
  CHECK_STATUS(syncmgr_mutex_unlock(other.mutex), SYNCMGR_E_LOST);
  CHECK_OK(syncmgr_mutex_unlock(one.mutex));
  check_and_close(space);
}

TEST(whose_mutex_was_taken_away_before_the_wait_is_told_lost_once) {
  syncmgr_t *space = open_space(unique_url(), 0);
  party_t one = join(space, "one", 0), other = join(space, "other", 0);
  syncmgr_ticket_t *ticket = NULL;
  for (unsigned way = 0; way < 3; way++) {
    CHECK(syncmgr_mutex_lock(one.mutex, 0) >= 0);
    if (way == 2) {
      CHECK_OK(syncmgr_lease_set(one.mutex, MILLISECOND, 0));
      WAIT_UNTIL(syncmgr_mutex_held_by(other.mutex, &(syncmgr_holder_t){0}) == SYNCMGR_FREE);
    } else {
      CHECK_OK(syncmgr_mutex_force_release(other.mutex));
    }
    CHECK_STATUS(way == 1 ? syncmgr_condition_wait_start(one.condition, one.mutex, SYNCMGR_FOREVER,
                                                         NULL, 0, &ticket)
                          : syncmgr_condition_wait(one.condition, one.mutex, SYNCMGR_FOREVER),
                 SYNCMGR_E_LOST);
    CHECK_STATUS(syncmgr_condition_wait(one.condition, one.mutex, SYNCMGR_FOREVER),
                 SYNCMGR_E_NOT_OWNER);
  }
  check_and_close(space);
}
