/* The death of a process that held, waited for, or was just granted a mutex. */
#include <signal.h>
#include <string.h>

#include "bodies.h"

/* All four kinds of processes: with and without threads, plain and fair mutex. */
#define FOR_EACH_KIND(flags_, mutex_flags_)                                          \
  for (unsigned kind = 0; kind < 4; kind++)                                          \
    for (uint32_t flags_ = kind % 2 ? SYNCMGR_OPEN_NO_THREADS : 0,                   \
                  mutex_flags_ = kind / 2 ? SYNCMGR_MUTEX_FAIR : 0, once = 1;        \
         once; once = 0)

static void expect_previous_owner(syncmgr_mutex_t *mutex, peer_t *dead) {
  syncmgr_holder_t previous;
  CHECK_OK(syncmgr_mutex_previous_owner(mutex, &previous));
  CHECK_EQUAL(previous.pid, dead->pid);
  CHECK(strcmp(previous.name, peer_workstream_name(dead)) == 0);
  CHECK_EQUAL(previous.token, atomic_load(&dead->values[1]));
}

TEST(a_blocked_waiter_inherits_the_mutex_of_the_killed_and_is_told) {
  FOR_EACH_KIND(flags, mutex_flags) {
    const char *url = unique_url();
    peer_t *holder = start_holder(hold_mutex, url, mutex_flags, flags);
    peer_t *waiter = start_waiter(wait_mutex, url, mutex_flags, flags);
    CHECK(peer_still_waits(waiter));
    int64_t killed = now_ns();
    peer_kill(holder);
    CHECK_STATUS(peer_wait_status(waiter), SYNCMGR_OWNER_DIED);
    CHECK(peer_wait_time(waiter) - killed < SECOND);
    syncmgr_t *space = open_space(url, flags);
    syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "test"), "m", mutex_flags);
    expect_previous_owner(mutex, holder);
    finish(waiter);
    /* The death was told once: the next owner gets a plain OK. */
    CHECK_OK(syncmgr_mutex_lock(mutex, SECOND));
    check_and_close(space);
  }
}

TEST(a_later_locker_inherits_the_mutex_of_the_killed_and_is_told) {
  FOR_EACH_KIND(flags, mutex_flags) {
    const char *url = unique_url();
    peer_t *holder = peer_start(hold_mutex, url, mutex_flags, flags);
    syncmgr_t *space = open_space(url, flags);
    syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "test"), "m", mutex_flags);
    syncmgr_holder_t previous;
    uint64_t token = 0;
    peer_wait_pause(holder, 1);
    CHECK_STATUS(syncmgr_mutex_previous_owner(mutex, &previous), SYNCMGR_FREE);
    CHECK_STATUS(syncmgr_mutex_lock(mutex, 0), SYNCMGR_E_TIMEOUT);
    peer_kill(holder);
    CHECK_STATUS(syncmgr_mutex_lock(mutex, 5 * SECOND), SYNCMGR_OWNER_DIED);
    expect_previous_owner(mutex, holder);
    CHECK_OK(syncmgr_mutex_token(mutex, &token));
    CHECK((int64_t)token > atomic_load(&holder->values[1]));
    CHECK_OK(syncmgr_mutex_unlock(mutex));
    CHECK_OK(syncmgr_mutex_lock(mutex, 0));
    check_and_close(space);
  }
}

TEST(tries_alone_get_the_mutex_of_the_killed_in_time) {
  const char *url = unique_url();
  peer_t *holder = peer_start(hold_mutex, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "test"), "m", 0);
  peer_wait_pause(holder, 1);
  peer_kill(holder);
  int32_t status = SYNCMGR_E_TIMEOUT;
  WAIT_UNTIL((status = syncmgr_mutex_lock(mutex, 0)) != SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(status, SYNCMGR_OWNER_DIED);
  check_and_close(space);
}

TEST(every_holder_in_a_row_of_deaths_is_told_of_the_one_before) {
  const char *url = unique_url();
  syncmgr_t *space = NULL;
  syncmgr_mutex_t *mutex = NULL;
  peer_t *holder = start_holder(hold_mutex, url, 0, 0);
  peer_t *waiters[5];
  for (unsigned index = 0; index < 5; index++) waiters[index] = peer_start(wait_mutex, url, 0, 0);
  space = open_space(url, 0);
  mutex = open_mutex(open_workstream(space, "test"), "m", 0);
  for (unsigned index = 0; index < 5; index++) {
    peer_wait_pause(waiters[index], 1);
    peer_go(waiters[index]);
    peer_wait_asleep(waiters[index]);
  }
  peer_kill(holder);
  for (unsigned count = 0; count < 5; count++) {
    peer_t *owner = take_first_back(waiters, 5);
    CHECK_STATUS(peer_wait_status(owner), SYNCMGR_OWNER_DIED);
    peer_kill(owner);
  }
  CHECK_STATUS(syncmgr_mutex_lock(mutex, 5 * SECOND), SYNCMGR_OWNER_DIED);
  check_and_close(space);
}

TEST(a_dead_waiter_in_the_middle_of_the_line_is_skipped) {
  FOR_EACH_KIND(flags, mutex_flags) {
    const char *url = unique_url();
    peer_t *holder = start_holder(hold_mutex, url, mutex_flags, flags);
    peer_t *waiters[2];
    waiters[0] = start_waiter(wait_mutex, url, mutex_flags, flags);
    peer_t *middle = start_waiter(wait_mutex, url, mutex_flags, flags);
    waiters[1] = start_waiter(wait_mutex, url, mutex_flags, flags);
    peer_t *first = waiters[0];
    peer_kill(middle);
    finish(holder);
    peer_t *owner = take_first_back(waiters, 2);
    CHECK(owner == first || mutex_flags != SYNCMGR_MUTEX_FAIR);
    /* The dead one never owned it, so nobody is told of a death. */
    CHECK_OK(peer_wait_status(owner));
    CHECK(peer_still_waits(waiters[owner == first]));
    finish(owner);
    owner = take_first_back(waiters, 2);
    CHECK_OK(peer_wait_status(owner));
    syncmgr_t *space = open_space(url, flags);
    finish(owner);
    check_and_close(space);
  }
}

TEST(a_grant_to_a_waiter_that_dies_before_it_returns_goes_on_to_the_next) {
  FOR_EACH_KIND(flags, mutex_flags) {
    const char *url = unique_url();
    peer_t *holder = start_holder(hold_mutex, url, mutex_flags, flags);
    peer_t *first = start_waiter(wait_mutex, url, mutex_flags, flags);
    peer_t *second = start_waiter(wait_mutex, url, mutex_flags, flags);
    peer_signal(first, SIGSTOP);
    sleep_ms(5);
    finish(holder);
    sleep_ms(20);
    peer_kill(first);
    CHECK(peer_wait_status(second) >= 0);
    finish(second);
  }
}

TEST(a_started_wait_gets_the_mutex_of_the_killed_through_its_queue) {
  const char *url = unique_url();
  peer_t *holder = peer_start(hold_mutex, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "test"), "m", 0);
  syncmgr_ticket_t *ticket = NULL;
  uint64_t token = 0;
  peer_wait_pause(holder, 1);
  CHECK_STATUS(syncmgr_mutex_lock_start(mutex, SYNCMGR_FOREVER, queue, 99, &ticket),
               SYNCMGR_PENDING);
  peer_kill(holder);
  syncmgr_record_t record = next_record(queue);
  CHECK_STATUS(record.status, SYNCMGR_OWNER_DIED);
  CHECK_EQUAL(record.ticket, (uintptr_t)ticket);
  CHECK_EQUAL(record.user_data, 99);
  CHECK_EQUAL(record.kind, SYNCMGR_TYPE_MUTEX);
  CHECK_OK(syncmgr_mutex_token(mutex, &token));
  CHECK_EQUAL(record.value, token);
  expect_previous_owner(mutex, holder);
  check_and_close(space);
}

TEST(a_started_wait_without_threads_gets_the_mutex_of_the_killed) {
  const char *url = unique_url();
  peer_t *holder = peer_start(hold_mutex, url, 0, SYNCMGR_OPEN_NO_THREADS);
  syncmgr_t *space = open_space(url, SYNCMGR_OPEN_NO_THREADS);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "test"), "m", 0);
  syncmgr_ticket_t *ticket = NULL;
  peer_wait_pause(holder, 1);
  CHECK_STATUS(syncmgr_mutex_lock_start(mutex, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  CHECK_STATUS(syncmgr_ticket_wait(ticket, 50 * MILLISECOND, NULL), SYNCMGR_PENDING);
  peer_kill(holder);
  CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_OWNER_DIED);
  check_and_close(space);
}

static void hold_by_fastpath(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "fast"), "m", 0);
  syncmgr_fastpath_t path;
  CHECK_OK(syncmgr_mutex_fastpath(mutex, &path));
  uint32_t expected = path.free_value;
  CHECK(atomic_compare_exchange_strong((_Atomic uint32_t *)(uintptr_t)path.word, &expected,
                                       path.my_value));
  atomic_fetch_add((_Atomic uint32_t *)(uintptr_t)path.grants, 1);
  peer_pause(self);
}

TEST(a_mutex_taken_by_the_fast_path_is_released_by_death_as_well) {
  const char *url = unique_url();
  peer_t *holder = start_holder(hold_by_fastpath, url, 0, 0);
  peer_t *waiter = start_waiter(wait_mutex, url, 0, 0);
  peer_kill(holder);
  CHECK_STATUS(peer_wait_status(waiter), SYNCMGR_OWNER_DIED);
  finish(waiter);
}
