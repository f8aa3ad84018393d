/* What managers do so that no deadlock happens. */
#include <string.h>

#include "deadlocks.h"

static syncmgr_t *preventing(uint32_t strategy, uint32_t flags, int64_t time) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_prevention_options_t options = SYNCMGR_PREVENTION_OPTIONS_INIT;
  options.strategy = strategy;
  options.flags = flags;
  if (time != 0) options.grace_ns = options.timeout_ns = time;
  CHECK_OK(syncmgr_prevention_configure(space, &options));
  return space;
}

static syncmgr_mutex_t *ranked(syncmgr_t *space, syncmgr_workstream_t *me, const char *name,
                               uint32_t rank) {
  syncmgr_mutex_t *mutex = open_mutex(me, name, 0);
  CHECK_OK(syncmgr_object_set_rank(space, SYNCMGR_TYPE_MUTEX, name, rank));
  return mutex;
}

TEST(a_lock_of_lower_rank_is_refused_with_both_names_also_when_it_is_free) {
  syncmgr_t *space = preventing(SYNCMGR_PREVENT_RANKS, 0, 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_mutex_t *low = ranked(space, me, "low", 1), *high = ranked(space, me, "high", 2);
  syncmgr_mutex_t *equal = ranked(space, me, "equal", 2), *free_of_rank = open_mutex(me, "x", 0);
  CHECK_OK(syncmgr_mutex_lock(low, 0));
  CHECK_OK(syncmgr_mutex_lock(high, 0));
  CHECK_OK(syncmgr_mutex_lock(free_of_rank, 0));
  CHECK_OK(syncmgr_mutex_unlock(low));
  CHECK_STATUS(syncmgr_mutex_lock(low, SYNCMGR_FOREVER), SYNCMGR_E_RANK);
  CHECK(strcmp(syncmgr_last_error(),
               "mutex 'low': its rank 1 is not above 2, the rank of 'high', which this workstream "
               "holds") == 0);
  CHECK_STATUS(syncmgr_mutex_lock(low, 0), SYNCMGR_E_RANK);
  CHECK_STATUS(syncmgr_mutex_lock(equal, 0), SYNCMGR_E_RANK);
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_mutex_lock_start(low, SYNCMGR_FOREVER, NULL, 0, &ticket), SYNCMGR_E_RANK);
  CHECK_OK(syncmgr_mutex_unlock(high));
  CHECK_OK(syncmgr_mutex_lock(low, 0));
  CHECK_STATUS(syncmgr_object_set_rank(space, SYNCMGR_TYPE_MUTEX, "none", 1),
               SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_object_set_rank(space, SYNCMGR_TYPE_LATCH, "low", 1), SYNCMGR_E_TYPE);
  check_and_close(space);
}

/* Semaphores and readers-writer locks too; and what is called on such handles works as ever. */
TEST(ranks_hold_for_all_locks_together) {
  syncmgr_t *space = preventing(SYNCMGR_PREVENT_RANKS, 0, 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_mutex_t *mutex = ranked(space, me, "m", 3);
  syncmgr_semaphore_t *semaphore = open_semaphore(me, "s", 2, 0);
  syncmgr_rwlock_t *rwlock = NULL;
  uint32_t count = 9;
  CHECK_OK(syncmgr_rwlock_open(me, "r", NULL, &rwlock));
  CHECK_OK(syncmgr_object_set_rank(space, SYNCMGR_TYPE_SEMAPHORE, "s", 2));
  CHECK_OK(syncmgr_object_set_rank(space, SYNCMGR_TYPE_RWLOCK, "r", 1));
  CHECK_OK(syncmgr_semaphore_acquire(semaphore, 1, 0));
  CHECK_STATUS(syncmgr_rwlock_lock(rwlock, SYNCMGR_SHARED, 0), SYNCMGR_E_RANK);
  CHECK_OK(syncmgr_semaphore_acquire(semaphore, 1, 0));
  CHECK_OK(syncmgr_semaphore_available(semaphore, &count));
  CHECK_EQUAL(count, 0);
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  CHECK_STATUS(syncmgr_semaphore_acquire(semaphore, 1, 0), SYNCMGR_E_RANK);
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  CHECK_OK(syncmgr_semaphore_release(semaphore, 2));
  CHECK_OK(syncmgr_rwlock_lock(rwlock, SYNCMGR_EXCLUSIVE, 0));
  CHECK_OK(syncmgr_rwlock_unlock(rwlock));
  syncmgr_fastpath_t path;
  CHECK_STATUS(syncmgr_mutex_fastpath(mutex, &path), SYNCMGR_E_UNSUPPORTED);
  check_and_close(space);
}

TEST(with_wait_die_a_younger_one_does_not_wait_for_an_older_one) {
  syncmgr_t *space = preventing(SYNCMGR_PREVENT_WAIT_DIE, 0, 0);
  syncmgr_mutex_t *old = open_mutex(open_workstream(space, "old"), "m", 0);
  syncmgr_mutex_t *young = open_mutex(open_workstream(space, "young"), "m", 0);
  CHECK_OK(syncmgr_mutex_lock(old, SYNCMGR_FOREVER));
  CHECK_STATUS(syncmgr_mutex_lock(young, SYNCMGR_FOREVER), SYNCMGR_E_PREEMPTED);
  CHECK(strstr(syncmgr_last_error(), "'old' goes first") != NULL);
  CHECK_STATUS(syncmgr_mutex_lock(young, 0), SYNCMGR_E_TIMEOUT);
  CHECK_OK(syncmgr_mutex_unlock(old));
  CHECK_OK(syncmgr_mutex_lock(young, SYNCMGR_FOREVER));
  /* The older one waits. */
  wait_t wait = {.mutex = old};
  begin_waits(&wait, 1);
  sleep_ms(20);
  CHECK_OK(syncmgr_mutex_unlock(young));
  CHECK_EQUAL(end_waits(&wait, 1), 0);
  CHECK_STATUS(wait.status, SYNCMGR_OK);
  check_and_close(space);
}

TEST(with_wound_wait_an_older_one_ends_the_waits_of_a_younger_one) {
  syncmgr_t *space = preventing(SYNCMGR_PREVENT_WOUND_WAIT, 0, 10 * SECOND);
  syncmgr_workstream_t *old = open_workstream(space, "old"), *young = open_workstream(space, "yng");
  syncmgr_mutex_t *a = open_mutex(old, "a", 0), *b = open_mutex(old, "b", 0);
  syncmgr_mutex_t *wanted = open_mutex(young, "a", 0), *held = open_mutex(young, "b", 0);
  CHECK_OK(syncmgr_mutex_lock(a, 0));
  CHECK_OK(syncmgr_mutex_lock(held, 0));
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_mutex_lock_start(wanted, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  wait_t wait = {.mutex = b};
  begin_waits(&wait, 1);
  CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_E_PREEMPTED);
  CHECK_STATUS(syncmgr_mutex_lock(wanted, SYNCMGR_FOREVER), SYNCMGR_E_PREEMPTED);
  CHECK(strstr(syncmgr_last_error(), "'old' needs what this one holds") != NULL);
  CHECK_OK(syncmgr_mutex_unlock(held));
  CHECK_EQUAL(end_waits(&wait, 1), 0);
  /* It holds nothing any more, and waits again. */
  wait = (wait_t){.mutex = wanted};
  begin_waits(&wait, 1);
  CHECK_OK(syncmgr_mutex_unlock(a));
  CHECK_EQUAL(end_waits(&wait, 1), 0);
  CHECK_EQUAL(list_deadlocks(space, NULL, 0), 0);
  check_and_close(space);
}

TEST(with_wound_wait_what_a_younger_one_keeps_beyond_the_grace_is_taken) {
  for (unsigned started = 0; started < 2; started++) {
    syncmgr_t *space = preventing(SYNCMGR_PREVENT_WOUND_WAIT, 0, 30 * MILLISECOND);
    syncmgr_mutex_t *old = open_mutex(open_workstream(space, "old"), "m", 0);
    syncmgr_mutex_t *young = open_mutex(open_workstream(space, "young"), "m", 0);
    CHECK_OK(syncmgr_mutex_lock(young, 0));
    int64_t began = now_ns();
    if (started) {
      syncmgr_ticket_t *ticket = NULL;
      CHECK_STATUS(syncmgr_mutex_lock_start(old, SYNCMGR_FOREVER, NULL, 0, &ticket),
                   SYNCMGR_PENDING);
      CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_OWNER_DIED);
    } else {
      CHECK_STATUS(syncmgr_mutex_lock(old, SYNCMGR_FOREVER), SYNCMGR_OWNER_DIED);
    }
    CHECK(now_ns() - began >= 30 * MILLISECOND);
    CHECK_STATUS(syncmgr_mutex_unlock(young), SYNCMGR_E_LOST);
    CHECK_OK(syncmgr_mutex_unlock(old));
    check_and_close(space);
  }
}

TEST(with_wound_wait_a_younger_one_waits_for_an_older_one) {
  syncmgr_t *space = preventing(SYNCMGR_PREVENT_WOUND_WAIT, 0, 10 * MILLISECOND);
  syncmgr_mutex_t *old = open_mutex(open_workstream(space, "old"), "m", 0);
  wait_t wait = {.mutex = open_mutex(open_workstream(space, "young"), "m", 0)};
  CHECK_OK(syncmgr_mutex_lock(old, 0));
  begin_waits(&wait, 1);
  sleep_ms(50);
  CHECK_OK(syncmgr_mutex_unlock(old));
  CHECK_EQUAL(end_waits(&wait, 1), 0);
  CHECK_STATUS(wait.status, SYNCMGR_OK);
  check_and_close(space);
}

TEST(waits_without_a_timeout_get_the_one_of_the_manager) {
  syncmgr_t *space = preventing(SYNCMGR_PREVENT_TIMEOUT, 0, 30 * MILLISECOND);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, NULL), "m", 0);
  syncmgr_mutex_t *other = open_mutex(open_workstream(space, NULL), "m", 0);
  CHECK_OK(syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER));
  int64_t began = now_ns();
  CHECK_STATUS(syncmgr_mutex_lock(other, SYNCMGR_FOREVER), SYNCMGR_E_TIMEOUT);
  CHECK(now_ns() - began >= 30 * MILLISECOND);
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  CHECK_OK(syncmgr_mutex_lock(other, SYNCMGR_FOREVER));
  check_and_close(space);
}

static void take_both(syncmgr_mutex_t *first, syncmgr_mutex_t *second) {
  CHECK_OK(syncmgr_mutex_lock(first, SYNCMGR_FOREVER));
  CHECK_OK(syncmgr_mutex_lock(second, SYNCMGR_FOREVER));
  CHECK_OK(syncmgr_mutex_unlock(second));
  CHECK_OK(syncmgr_mutex_unlock(first));
}

TEST(locks_that_were_taken_in_both_orders_are_a_possible_deadlock_reported_once) {
  syncmgr_t *space = preventing(SYNCMGR_PREVENT_NOTHING, SYNCMGR_PREVENTION_WATCH_ORDER, 0);
  syncmgr_mutex_t *locks[2][2];
  for (unsigned index = 0; index < 2; index++) {
    syncmgr_workstream_t *me = open_workstream(space, index == 0 ? "one" : "two");
    locks[index][0] = open_mutex(me, "db", 0);
    locks[index][1] = open_mutex(me, "cache", 0);
  }
  take_both(locks[0][0], locks[0][1]);
  CHECK_EQUAL(list_deadlocks(space, NULL, 0), 0);
  for (unsigned round = 0; round < 3; round++) {
    take_both(locks[1][1], locks[1][0]);
    take_both(locks[0][1], locks[0][0]);
    take_both(locks[0][0], locks[0][1]);
  }
  syncmgr_deadlock_t record;
  char text[256];
  CHECK_EQUAL(list_deadlocks(space, &record, 1), 1);
  CHECK_EQUAL(record.kind, SYNCMGR_DEADLOCK_POSSIBLE);
  CHECK_OK(syncmgr_deadlock_text(space, record.id, text, sizeof text, NULL));
  CHECK(strcmp(text, "two took \"db\" while holding \"cache\", "
                     "one took \"cache\" while holding \"db\"") == 0);
  check_and_close(space);
}

TEST(an_order_of_three_locks_that_closes_is_a_possible_deadlock) {
  syncmgr_t *space = preventing(SYNCMGR_PREVENT_NOTHING, SYNCMGR_PREVENTION_WATCH_ORDER, 0);
  syncmgr_workstream_t *me = open_workstream(space, "w");
  syncmgr_mutex_t *locks[3] = {open_mutex(me, "a", 0), open_mutex(me, "b", 0),
                               open_mutex(me, "c", 0)};
  for (unsigned index = 0; index < 3; index++) {
    CHECK_EQUAL(list_deadlocks(space, NULL, 0), 0);
    take_both(locks[index], locks[(index + 1) % 3]);
  }
  syncmgr_deadlock_t record;
  CHECK_EQUAL(list_deadlocks(space, &record, 1), 1);
  CHECK_EQUAL(record.members, 3);
  check_and_close(space);
}

/* Who only tries for the second waits for nobody. */
TEST(a_try_is_no_order) {
  syncmgr_t *space = preventing(SYNCMGR_PREVENT_NOTHING, SYNCMGR_PREVENTION_WATCH_ORDER, 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_mutex_t *a = open_mutex(me, "a", 0), *b = open_mutex(me, "b", 0);
  take_both(a, b);
  CHECK_OK(syncmgr_mutex_lock(b, SYNCMGR_FOREVER));
  CHECK_OK(syncmgr_mutex_lock(a, 0));
  CHECK_EQUAL(list_deadlocks(space, NULL, 0), 0);
  check_and_close(space);
}

TEST(bad_ways_of_prevention_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_prevention_options_t options = SYNCMGR_PREVENTION_OPTIONS_INIT;
  options.strategy = 6;
  CHECK_STATUS(syncmgr_prevention_configure(space, &options), SYNCMGR_E_INVALID);
  options = (syncmgr_prevention_options_t)SYNCMGR_PREVENTION_OPTIONS_INIT;
  options.flags = 2;
  CHECK_STATUS(syncmgr_prevention_configure(space, &options), SYNCMGR_E_INVALID);
  options = (syncmgr_prevention_options_t)SYNCMGR_PREVENTION_OPTIONS_INIT;
  options.grace_ns = -1;
  CHECK_STATUS(syncmgr_prevention_configure(space, &options), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_prevention_configure(space, NULL));
  check_and_close(space);
}

/* In whichever order they were made and are listed: they are taken by rank. */
TEST(several_locks_at_once_keep_to_the_ranks_and_are_refused_like_each) {
  syncmgr_t *space = preventing(SYNCMGR_PREVENT_RANKS, 0, 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL), *other = open_workstream(space, NULL);
  syncmgr_mutex_t *high = ranked(space, me, "high", 3), *low = ranked(space, me, "low", 1);
  syncmgr_mutex_t *middle = ranked(space, me, "middle", 2);
  syncmgr_mutex_t *theirs = open_mutex(other, "high", 0);
  syncmgr_lock_item_t items[] = {{(uint64_t)(uintptr_t)high, 0, 0},
                                 {(uint64_t)(uintptr_t)low, 0, 0}};
  syncmgr_ticket_t *ticket = NULL;
  CHECK_OK(syncmgr_lock_many(items, 2, 0));
  CHECK_OK(syncmgr_unlock_many(items, 2));
  CHECK_OK(syncmgr_mutex_lock(theirs, 0));
  CHECK_STATUS(syncmgr_lock_many_start(items, 2, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  CHECK_OK(syncmgr_mutex_unlock(theirs));
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  CHECK_OK(syncmgr_unlock_many(items, 2));
  CHECK_OK(syncmgr_mutex_lock(middle, 0));
  CHECK_STATUS(syncmgr_lock_many(items, 2, 0), SYNCMGR_E_RANK);
  CHECK_STATUS(items[1].status, SYNCMGR_E_RANK);
  CHECK_STATUS(syncmgr_lock_many_start(items, 2, SECOND, NULL, 0, &ticket), SYNCMGR_E_RANK);
  check_and_close(space);
}

TEST(several_locks_at_once_wait_no_longer_than_the_manager_lets_them) {
  syncmgr_t *space = preventing(SYNCMGR_PREVENT_TIMEOUT, 0, 20 * MILLISECOND);
  syncmgr_workstream_t *me = open_workstream(space, NULL), *other = open_workstream(space, NULL);
  syncmgr_mutex_t *theirs = open_mutex(other, "second", 0);
  CHECK_OK(syncmgr_mutex_lock(theirs, 0));
  syncmgr_lock_item_t items[] = {{(uint64_t)(uintptr_t)open_mutex(me, "second", 0), 0, 0},
                                 {(uint64_t)(uintptr_t)open_mutex(me, "third", 0), 0, 0}};
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_lock_many(items, 2, SYNCMGR_FOREVER), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_lock_many_start(items, 2, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_E_TIMEOUT);
  check_and_close(space);
}
