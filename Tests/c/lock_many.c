/* Several locks at once: all or none, in one order for the whole space. */
#include <string.h>

#include "many.h"

TEST(all_kinds_are_locked_and_unlocked_together) {
  syncmgr_t *space = open_space(unique_url(), 0);
  set_t set = open_set(space);
  const uint32_t modes[] = {SYNCMGR_SHARED, SYNCMGR_EXCLUSIVE};
  for (unsigned round = 0; round < 2; round++) {
    syncmgr_lock_item_t items[] = {item(set.rwlock, modes[round]), item(set.mutexes[1], 0),
                                   item(set.semaphore, 2), item(set.mutexes[0], 0)};
    CHECK_OK(syncmgr_lock_many(items, 4, SECOND));
    for (unsigned index = 0; index < 4; index++) CHECK_OK(items[index].status);
    CHECK(is_locked(set.mutexes[0]) && is_locked(set.mutexes[1]));
    CHECK_EQUAL(available(set), 1);
    CHECK_EQUAL(holders_of(set.rwlock), 1);
    items[2].status = 77;
    CHECK_OK(syncmgr_unlock_many(items, 4));
    CHECK_OK(items[2].status);
    CHECK(!is_locked(set.mutexes[0]) && !is_locked(set.mutexes[1]));
    CHECK_EQUAL(available(set), 3);
    CHECK_EQUAL(holders_of(set.rwlock), 0);
  }
  check_and_close(space);
}

TEST(when_one_cannot_be_locked_none_is) {
  syncmgr_t *space = open_space(unique_url(), 0);
  set_t set = open_set(space), other = open_set(space);
  const int64_t timeouts[] = {0, 30 * MILLISECOND};
  for (unsigned held = 0; held < 2; held++) {
    for (unsigned round = 0; round < 2; round++) {
      CHECK_OK(syncmgr_mutex_lock(other.mutexes[held * 3], 0));
      syncmgr_lock_item_t items[] = {item(set.semaphore, 3), item(set.mutexes[3], 0),
                                     item(set.rwlock, SYNCMGR_EXCLUSIVE), item(set.mutexes[0], 0)};
      int64_t begun = now_ns();
      CHECK_STATUS(syncmgr_lock_many(items, 4, timeouts[round]), SYNCMGR_E_TIMEOUT);
      CHECK(now_ns() - begun >= timeouts[round]);
      CHECK(strstr(syncmgr_last_error(), held ? "'m3'" : "'m0'") != NULL);
      for (unsigned index = 0; index < 4; index++) {
        CHECK_STATUS(items[index].status,
                     index == (held ? 1 : 3) ? SYNCMGR_E_TIMEOUT : SYNCMGR_E_CANCELLED);
      }
      CHECK_EQUAL(is_locked(set.mutexes[3]), held);
      CHECK_EQUAL(available(set), 3);
      CHECK_EQUAL(holders_of(set.rwlock), 0);
      CHECK_OK(syncmgr_mutex_unlock(other.mutexes[held * 3]));
    }
  }
  check_and_close(space);
}

TEST(items_that_make_no_sense_are_refused_and_nothing_is_locked) {
  syncmgr_t *space = open_space(unique_url(), 0);
  set_t set = open_set(space), other = open_set(space);
  syncmgr_mutex_t *twin = open_mutex(set.me, "m0", 0);
  syncmgr_latch_t *latch = open_latch(set.me, "l", 1);
  syncmgr_lock_item_t first = item(set.mutexes[0], 0);
  syncmgr_lock_item_t bad[] = {item(set.mutexes[0], 0), item(twin, 0), item(other.mutexes[1], 0),
                               item(set.mutexes[1], 1)};
  int32_t (*functions[])(syncmgr_lock_item_t *, uint32_t) = {syncmgr_unlock_many,
                                                             syncmgr_lock_many_order};
  for (unsigned index = 0; index < 4; index++) {
    syncmgr_lock_item_t items[] = {first, bad[index]};
    CHECK_STATUS(syncmgr_lock_many(items, 2, 0), SYNCMGR_E_INVALID);
    CHECK_EQUAL(items[0].status, 77);
    CHECK_EQUAL(items[1].status, 77);
    for (unsigned call = 0; call < 2; call++) {
      CHECK_STATUS(functions[call](items, 2), SYNCMGR_E_INVALID);
    }
    CHECK_STATUS(syncmgr_lock_many_undo(items, 2), SYNCMGR_E_INVALID);
  }
  syncmgr_lock_item_t items[] = {first, item(latch, 0)};
  CHECK_STATUS(syncmgr_lock_many(items, 2, 0), SYNCMGR_E_HANDLE);
  items[1] = item(NULL, 0);
  CHECK_STATUS(syncmgr_lock_many(items, 2, 0), SYNCMGR_E_HANDLE);
  items[1] = item(set.mutexes[2], 0);
  CHECK_STATUS(syncmgr_lock_many(items, 2, -2), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_lock_many(items, 0, 0), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_lock_many(items, SYNCMGR_MANY_MAX + 1, 0), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_lock_many(NULL, 1, 0), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_mutex_close(set.mutexes[2]));
  CHECK_STATUS(syncmgr_lock_many(items, 2, 0), SYNCMGR_E_CLOSED);
  items[1] = item(set.semaphore, 4);
  CHECK_STATUS(syncmgr_lock_many(items, 2, 0), SYNCMGR_E_INVALID);
  CHECK_STATUS(items[1].status, SYNCMGR_E_INVALID);
  items[1] = item(set.rwlock, 5);
  CHECK_STATUS(syncmgr_lock_many(items, 2, 0), SYNCMGR_E_INVALID);
  CHECK(!is_locked(set.mutexes[0]));
  check_and_close(space);
}

TEST(what_one_holds_already_is_a_deadlock_and_gives_the_others_back) {
  syncmgr_t *space = open_space(unique_url(), 0);
  set_t set = open_set(space);
  CHECK_OK(syncmgr_mutex_lock(set.mutexes[3], 0));
  syncmgr_lock_item_t items[] = {item(set.mutexes[0], 0), item(set.mutexes[3], 0)};
  CHECK_STATUS(syncmgr_lock_many(items, 2, SYNCMGR_FOREVER), SYNCMGR_E_DEADLOCK);
  CHECK(!is_locked(set.mutexes[0]));
  CHECK(is_locked(set.mutexes[3]));
  check_and_close(space);
}

TEST(the_order_is_that_of_the_space_whoever_asks) {
  syncmgr_t *space = open_space(unique_url(), 0);
  set_t one = open_set(space);
  /* Opened in another order: it is that of the objects, not of the handles. */
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_mutex_t *third = open_mutex(me, "m3", 0), *first = open_mutex(me, "m0", 0);
  syncmgr_lock_item_t mine[] = {item(one.mutexes[3], 0), item(one.mutexes[0], 0)};
  syncmgr_lock_item_t theirs[] = {item(third, 0), item(first, 0)};
  mine[0].status = 5;
  CHECK_OK(syncmgr_lock_many_order(mine, 2));
  CHECK_OK(syncmgr_lock_many_order(theirs, 2));
  CHECK_EQUAL(mine[0].handle, (uint64_t)(uintptr_t)one.mutexes[0]);
  CHECK_EQUAL(mine[1].status, 5);
  CHECK_EQUAL(theirs[0].handle, (uint64_t)(uintptr_t)first);
  check_and_close(space);
}

TEST(unlocking_goes_on_past_what_cannot_be_unlocked) {
  syncmgr_t *space = open_space(unique_url(), 0);
  set_t set = open_set(space);
  syncmgr_lock_item_t items[] = {item(set.mutexes[0], 0), item(set.mutexes[1], 0),
                                 item(set.mutexes[2], 0)};
  CHECK_OK(syncmgr_lock_many(items, 3, 0));
  CHECK_OK(syncmgr_mutex_unlock(set.mutexes[1]));
  CHECK_STATUS(syncmgr_unlock_many(items, 3), SYNCMGR_E_NOT_OWNER);
  CHECK_STATUS(items[1].status, SYNCMGR_E_NOT_OWNER);
  CHECK_OK(items[0].status);
  CHECK_OK(items[2].status);
  CHECK(!is_locked(set.mutexes[0]) && !is_locked(set.mutexes[2]));
  CHECK_OK(syncmgr_lock_many(items, 3, 0));
  CHECK_OK(syncmgr_mutex_close(set.mutexes[1]));
  CHECK_STATUS(syncmgr_unlock_many(items, 3), SYNCMGR_E_CLOSED);
  CHECK_STATUS(items[1].status, SYNCMGR_E_CLOSED);
  CHECK(!is_locked(set.mutexes[0]) && !is_locked(set.mutexes[2]));
  check_and_close(space);
}

static void *lock_for_ever(void *argument) {
  set_t *set = argument;
  syncmgr_lock_item_t items[] = {item(set->mutexes[0], 0), item(set->semaphore, 1),
                                 item(set->mutexes[3], 0)};
  return (void *)(intptr_t)syncmgr_lock_many(items, 3, SYNCMGR_FOREVER);
}

TEST(closing_one_of_the_locks_ends_the_wait_and_gives_the_others_back) {
  for (unsigned which = 0; which < 2; which++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    set_t set = open_set(space), other = open_set(space);
    CHECK_OK(syncmgr_mutex_lock(other.mutexes[3], 0));
    pthread_t thread = start_thread(lock_for_ever, &set);
    WAIT_UNTIL(is_locked(other.mutexes[0]));
    sleep_ms(5);
    /* The one that it waits for, or one that it has: that is found when the wait is over. */
    if (which == 0) {
      CHECK_OK(syncmgr_mutex_close(set.mutexes[3]));
    } else {
      CHECK_OK(syncmgr_workstream_close(set.me));
    }
    void *status = NULL;
    CHECK(pthread_join(thread, &status) == 0);
    CHECK_EQUAL((int32_t)(intptr_t)status, SYNCMGR_E_CLOSED);
    CHECK_EQUAL(available(other), 3);
    CHECK(!is_locked(other.mutexes[0]));
    check_and_close(space);
  }
}

enum { WORKERS = 4, ROUNDS = 150 };

typedef struct race {
  syncmgr_t *space;
  uint64_t seed;
  volatile int64_t *counters;
} race_t;

static void *take_some(void *argument) {
  race_t *race = argument;
  uint64_t state = race->seed;
  set_t set = open_set(race->space);
  for (unsigned round = 0; round < ROUNDS; round++) {
    syncmgr_lock_item_t items[LOCKS];
    unsigned chosen[LOCKS] = {0, 1, 2, 3};
    /* Any two or three, in any order. */
    for (unsigned index = 0; index < LOCKS; index++) {
      unsigned other = random_below(&state, LOCKS), kept = chosen[index];
      chosen[index] = chosen[other];
      chosen[other] = kept;
    }
    uint32_t count = 2 + random_below(&state, 2);
    for (unsigned index = 0; index < count; index++) {
      items[index] = item(set.mutexes[chosen[index]], 0);
    }
    CHECK_OK(syncmgr_lock_many(items, count, SYNCMGR_FOREVER));
    for (unsigned index = 0; index < count; index++) race->counters[chosen[index]] += 1;
    CHECK_OK(syncmgr_unlock_many(items, count));
  }
  CHECK_OK(syncmgr_workstream_close(set.me));
  return NULL;
}

TEST(callers_that_list_them_in_any_order_never_deadlock) {
  volatile int64_t counters[LOCKS] = {0};
  race_t races[WORKERS];
  pthread_t threads[WORKERS];
  syncmgr_t *space = open_space(unique_url(), 0);
  for (unsigned index = 0; index < WORKERS; index++) {
    races[index] = (race_t){space, harness_seed() + index, counters};
    threads[index] = start_thread(take_some, &races[index]);
  }
  for (unsigned index = 0; index < WORKERS; index++) join_thread(threads[index]);
  int64_t sum = counters[0] + counters[1] + counters[2] + counters[3];
  CHECK(sum >= 2 * WORKERS * ROUNDS && sum <= 3 * WORKERS * ROUNDS);
  check_and_close(space);
}

/* Locks all by one call, tells, and waits to be killed. */
static void hold_all(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  set_t set = open_set(space);
  syncmgr_lock_item_t items[] = {item(set.mutexes[0], 0), item(set.rwlock, SYNCMGR_EXCLUSIVE),
                                 item(set.semaphore, 2)};
  CHECK_OK(syncmgr_lock_many(items, 3, SYNCMGR_FOREVER));
  peer_pause(self);
}

/* The same, while somebody holds the last of them. */
static void wait_all(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  set_t set = open_set(space);
  syncmgr_lock_item_t items[] = {item(set.mutexes[0], 0), item(set.semaphore, 2),
                                 item(set.rwlock, SYNCMGR_EXCLUSIVE)};
  peer_pause(self);
  syncmgr_lock_many(items, 3, SYNCMGR_FOREVER);
}

TEST(what_the_killed_held_is_inherited_and_each_status_tells) {
  const char *url = unique_url();
  peer_t *dying = peer_start(hold_all, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  set_t set = open_set(space);
  peer_wait_pause(dying, 1);
  peer_kill(dying);
  syncmgr_lock_item_t items[] = {item(set.semaphore, 3), item(set.rwlock, SYNCMGR_EXCLUSIVE),
                                 item(set.mutexes[1], 0), item(set.mutexes[0], 0)};
  CHECK_STATUS(syncmgr_lock_many(items, 4, 5 * SECOND), SYNCMGR_OWNER_DIED);
  CHECK_OK(items[0].status);
  CHECK_STATUS(items[1].status, SYNCMGR_OWNER_DIED);
  CHECK_OK(items[2].status);
  CHECK_STATUS(items[3].status, SYNCMGR_OWNER_DIED);
  CHECK_OK(syncmgr_unlock_many(items, 4));
  CHECK_OK(syncmgr_lock_many(items, 4, 0));
  check_and_close(space);
}

TEST(a_death_inherited_in_vain_is_passed_on_to_the_next_owner) {
  const char *url = unique_url();
  peer_t *dying = peer_start(hold_all, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  set_t set = open_set(space), other = open_set(space);
  peer_wait_pause(dying, 1);
  peer_kill(dying);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  /* The mutex comes first in the order, then the semaphore, then the readers-writer lock. */
  syncmgr_lock_item_t items[] = {item(set.mutexes[0], 0), item(set.rwlock, SYNCMGR_EXCLUSIVE),
                                 item(set.semaphore, 3)};
  CHECK_OK(syncmgr_semaphore_acquire(other.semaphore, 1, 0));
  CHECK_STATUS(syncmgr_lock_many(items, 3, 10 * MILLISECOND), SYNCMGR_E_TIMEOUT);
  CHECK(!is_locked(set.mutexes[0]));
  CHECK_STATUS(syncmgr_mutex_lock(other.mutexes[0], 0), SYNCMGR_OWNER_DIED);
  CHECK_OK(syncmgr_semaphore_release(other.semaphore, 1));
  CHECK_OK(syncmgr_mutex_unlock(other.mutexes[0]));
  /* By the steps that the bindings take. */
  CHECK_OK(syncmgr_lock_many_order(items, 3));
  CHECK_STATUS(syncmgr_rwlock_lock(set.rwlock, SYNCMGR_EXCLUSIVE, 0), SYNCMGR_OWNER_DIED);
  CHECK_EQUAL(items[2].handle, (uint64_t)(uintptr_t)set.rwlock);
  items[2].status = SYNCMGR_OWNER_DIED;
  CHECK_OK(syncmgr_lock_many_undo(items + 2, 1));
  CHECK_OK(syncmgr_lock_many_undo(items + 2, 1));
  CHECK_STATUS(syncmgr_rwlock_lock(other.rwlock, SYNCMGR_EXCLUSIVE, 0), SYNCMGR_OWNER_DIED);
  check_and_close(space);
}

TEST(one_killed_while_it_waits_leaves_nothing_held) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *dying = peer_start(wait_all, url, 0, flags);
    syncmgr_t *space = open_space(url, flags);
    set_t set = open_set(space);
    CHECK_OK(syncmgr_rwlock_lock(set.rwlock, SYNCMGR_SHARED, 0));
    peer_wait_pause(dying, 1);
    peer_go(dying);
    peer_wait_asleep(dying);
    CHECK(is_locked(set.mutexes[0]));
    CHECK_EQUAL(available(set), 1);
    peer_kill(dying);
    CHECK_STATUS(syncmgr_mutex_lock(set.mutexes[0], 5 * SECOND), SYNCMGR_OWNER_DIED);
    CHECK_OK(syncmgr_semaphore_acquire(set.semaphore, 3, 5 * SECOND));
    CHECK_OK(syncmgr_rwlock_lock(set.rwlock, SYNCMGR_SHARED, 0));
    check_and_close(space);
  }
}
