/* Several locks as one started wait: one ticket, one outcome, all or none. */
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "many.h"

TEST(when_all_are_free_they_are_locked_at_once_and_there_is_no_ticket) {
  syncmgr_t *space = open_space(unique_url(), 0);
  set_t set = open_set(space);
  syncmgr_ticket_t *ticket = NULL;
  items_t items = items_of(set);
  CHECK_OK(syncmgr_lock_many_start(items.list, ITEMS, SYNCMGR_FOREVER, NULL, 0, &ticket));
  CHECK(ticket == NULL);
  check_all_held(set, &items);
  CHECK_OK(syncmgr_lock_many_start(items.list, ITEMS, 0, NULL, 0, &ticket));
  check_all_held(set, &items);
  check_free(set);
  check_and_close(space);
}

TEST(what_fails_at_once_has_no_ticket_and_leaves_nothing_held) {
  syncmgr_t *space = open_space(unique_url(), 0);
  set_t set = open_set(space), other = open_set(space);
  syncmgr_ticket_t *ticket = NULL;
  items_t items = items_of(set);
  CHECK_OK(syncmgr_mutex_lock(other.mutexes[3], 0));
  CHECK_STATUS(syncmgr_lock_many_start(items.list, ITEMS, 0, NULL, 0, &ticket),
               SYNCMGR_E_TIMEOUT);
  check_failed(&items, 1, SYNCMGR_E_TIMEOUT);
  CHECK(!is_locked(set.mutexes[0]));
  CHECK_OK(syncmgr_mutex_unlock(other.mutexes[3]));
  CHECK_OK(syncmgr_mutex_lock(set.mutexes[3], 0));
  CHECK_STATUS(syncmgr_lock_many_start(items.list, ITEMS, SECOND, NULL, 0, &ticket),
               SYNCMGR_E_DEADLOCK);
  check_failed(&items, 1, SYNCMGR_E_DEADLOCK);
  CHECK(strstr(syncmgr_last_error(), "'m3'") != NULL);
  CHECK(!is_locked(set.mutexes[0]));
  CHECK(ticket == NULL);
  check_and_close(space);
}

TEST(arguments_that_make_no_sense_start_nothing) {
  syncmgr_t *space = open_space(unique_url(), 0), *elsewhere = open_space(unique_url(), 0);
  set_t set = open_set(space), other = open_set(space);
  syncmgr_queue_t *foreign = open_queue(elsewhere), *queue = open_queue(space);
  syncmgr_ticket_t *ticket = NULL;
  items_t items = items_of(set);
  CHECK_OK(syncmgr_mutex_lock(other.mutexes[3], 0));
  CHECK_STATUS(syncmgr_lock_many_start(items.list, ITEMS, SECOND, NULL, 0, NULL),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_lock_many_start(items.list, 0, SECOND, NULL, 0, &ticket),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_lock_many_start(NULL, 1, SECOND, NULL, 0, &ticket), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_lock_many_start(items.list, ITEMS, -2, NULL, 0, &ticket),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_lock_many_start(items.list, ITEMS, SECOND, foreign, 0, &ticket),
               SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_queue_close(queue));
  CHECK_STATUS(syncmgr_lock_many_start(items.list, ITEMS, SECOND, queue, 0, &ticket),
               SYNCMGR_E_CLOSED);
  for (unsigned index = 0; index < ITEMS; index++) CHECK_EQUAL(items.list[index].status, 77);
  /* Legal, but refused when its turn comes. */
  items.list[0].amount = 4;
  CHECK_OK(syncmgr_mutex_unlock(other.mutexes[3]));
  CHECK_STATUS(syncmgr_lock_many_start(items.list, ITEMS, SECOND, NULL, 0, &ticket),
               SYNCMGR_E_INVALID);
  check_failed(&items, 0, SYNCMGR_E_INVALID);
  CHECK(ticket == NULL);
  check_free(set);
  CHECK_OK(syncmgr_close(elsewhere));
  check_and_close(space);
}

/* Two of them are held by others: the first step waits, and the second, and nobody calls. */
TEST(it_goes_on_from_one_lock_to_the_next_by_itself) {
  for (unsigned kind = 0; kind < KINDS; kind++) {
    for (unsigned queued = 0; queued < 2; queued++) {
      syncmgr_t *space = space_of(kind);
      set_t set = open_set(space), other = open_set(space);
      syncmgr_queue_t *queue = queued ? open_queue(space) : NULL;
      CHECK_OK(syncmgr_mutex_lock(other.mutexes[0], 0));
      CHECK_OK(syncmgr_semaphore_acquire(other.semaphore, 1, 0));
      items_t items = items_of(set);
      syncmgr_ticket_t *ticket = start(&items, SYNCMGR_FOREVER, queue);
      CHECK(!is_locked(set.mutexes[3]));
      CHECK_OK(syncmgr_mutex_unlock(other.mutexes[0]));
      uint32_t count = 1;
      syncmgr_record_t record = {0};
      /* Without the thread the calls do it that wait for the outcome. */
      if ((kind & 2) && queued) CHECK_OK(syncmgr_queue_drain(queue, &record, 1, &count));
      if ((kind & 2) && !queued) {
        CHECK_STATUS(syncmgr_ticket_wait(ticket, 0, NULL), SYNCMGR_PENDING);
      }
      WAIT_UNTIL(is_locked(set.mutexes[3]));
      if (queued) CHECK_OK(syncmgr_queue_drain(queue, &record, 1, &count));
      if (queued) CHECK_EQUAL(count, 0);
      CHECK_OK(syncmgr_semaphore_release(other.semaphore, 1));
      if (queued) {
        record = record_of(queue);
      } else {
        CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, &record));
      }
      CHECK_EQUAL(record.ticket, (uint64_t)(uintptr_t)ticket);
      CHECK_EQUAL(record.user_data, 41);
      CHECK_OK(record.status);
      CHECK_EQUAL(record.kind, 0);
      check_all_held(set, &items);
      CHECK_STATUS(syncmgr_ticket_wait(ticket, 0, NULL), SYNCMGR_E_CLOSED);
      CHECK_STATUS(syncmgr_ticket_cancel(ticket), SYNCMGR_E_CLOSED);
      check_free(set);
      check_and_close(space);
    }
  }
}

TEST(the_queue_is_signalled_once_when_all_are_locked) {
  syncmgr_t *space = open_space(unique_url(), 0);
  set_t set = open_set(space), other = open_set(space);
  syncmgr_queue_t *queue = open_queue(space);
  int32_t descriptor = -1;
  CHECK_OK(syncmgr_queue_fd(queue, &descriptor));
  CHECK_OK(syncmgr_mutex_lock(other.mutexes[0], 0));
  CHECK_OK(syncmgr_mutex_lock(other.mutexes[3], 0));
  items_t items = items_of(set);
  start(&items, SYNCMGR_FOREVER, queue);
  struct pollfd readable = {.fd = descriptor, .events = POLLIN};
  CHECK_OK(syncmgr_mutex_unlock(other.mutexes[0]));
  WAIT_UNTIL(is_locked(set.mutexes[0]));
  CHECK_EQUAL(poll(&readable, 1, 20), 0);
  CHECK_OK(syncmgr_mutex_unlock(other.mutexes[3]));
  CHECK_EQUAL(poll(&readable, 1, 5000), 1);
  CHECK_EQUAL(record_of(queue).status, SYNCMGR_OK);
  check_all_held(set, &items);
  check_and_close(space);
}

TEST(when_one_is_not_free_in_time_none_is_held) {
  for (unsigned kind = 0; kind < KINDS; kind++) {
    for (unsigned queued = 0; queued < 2; queued++) {
      syncmgr_t *space = space_of(kind);
      set_t set = open_set(space), other = open_set(space);
      syncmgr_queue_t *queue = queued ? open_queue(space) : NULL;
      CHECK_OK(syncmgr_mutex_lock(other.mutexes[0], 0));
      CHECK_OK(syncmgr_mutex_lock(other.mutexes[3], 0));
      items_t items = items_of(set);
      int64_t begun = now_ns();
      syncmgr_ticket_t *ticket = start(&items, 60 * MILLISECOND, queue);
      sleep_ms(20);
      /* The time of all together: what the first took is gone for the second. */
      CHECK_OK(syncmgr_mutex_unlock(other.mutexes[0]));
      syncmgr_record_t record = {0};
      if (queued) {
        record = record_of(queue);
        CHECK_STATUS(record.status, SYNCMGR_E_TIMEOUT);
        CHECK_EQUAL(record.index, 1);
      } else {
        CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_E_TIMEOUT);
        CHECK(strstr(syncmgr_last_error(), "'m3'") != NULL);
      }
      int64_t elapsed = now_ns() - begun;
      CHECK(elapsed >= 60 * MILLISECOND && elapsed < 5 * SECOND);
      check_failed(&items, 1, SYNCMGR_E_TIMEOUT);
      CHECK(!is_locked(set.mutexes[0]));
      CHECK_EQUAL(available(set), 3);
      check_and_close(space);
    }
  }
}

TEST(a_ticket_that_waits_stays_when_the_patience_is_over) {
  for (unsigned kind = 0; kind < KINDS; kind++) {
    syncmgr_t *space = space_of(kind);
    set_t set = open_set(space), other = open_set(space);
    CHECK_OK(syncmgr_mutex_lock(other.mutexes[3], 0));
    items_t items = items_of(set);
    syncmgr_ticket_t *ticket = start(&items, SYNCMGR_FOREVER, NULL);
    int64_t begun = now_ns();
    CHECK_STATUS(syncmgr_ticket_wait(ticket, 30 * MILLISECOND, NULL), SYNCMGR_PENDING);
    CHECK(now_ns() - begun >= 30 * MILLISECOND);
    CHECK(is_locked(set.mutexes[0]));
    CHECK_OK(syncmgr_mutex_unlock(other.mutexes[3]));
    CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
    check_all_held(set, &items);
    check_and_close(space);
  }
}

static void ignore_signal(int signal) { (void)signal; }

typedef struct interrupter {
  pthread_t target;
  _Atomic bool enough;
} interrupter_t;

/* Again and again: a signal that comes just before the sleep wakes nobody. */
static void *interrupt(void *argument) {
  interrupter_t *self = argument;
  do {
    sleep_ms(10);
    CHECK(pthread_kill(self->target, SIGUSR1) == 0);
  } while (!atomic_load(&self->enough));
  return NULL;
}

TEST(a_signal_interrupts_the_call_and_not_the_wait) {
  struct sigaction action = {.sa_handler = ignore_signal};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  for (unsigned kind = 0; kind < KINDS; kind++) {
    syncmgr_t *space = space_of(kind);
    set_t set = open_set(space), other = open_set(space);
    CHECK_OK(syncmgr_mutex_lock(other.mutexes[3], 0));
    items_t items = items_of(set);
    syncmgr_ticket_t *ticket = start(&items, SYNCMGR_FOREVER, NULL);
    interrupter_t interrupter = {.target = pthread_self()};
    pthread_t thread = start_thread(interrupt, &interrupter);
    CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_INTERRUPTED);
    atomic_store(&interrupter.enough, true);
    join_thread(thread);
    CHECK_OK(syncmgr_mutex_unlock(other.mutexes[3]));
    CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
    check_all_held(set, &items);
    check_and_close(space);
  }
}

/* Each waits for what the other one holds, one of them by a start. */
TEST(a_deadlock_through_a_started_wait_has_one_victim_and_the_record_tells_it) {
  syncmgr_t *space = open_space(unique_url(), 0);
  set_t one = open_set(space), two = open_set(space);
  syncmgr_queue_t *queue = open_queue(space);
  CHECK_OK(syncmgr_mutex_lock(one.mutexes[3], 0));
  CHECK_OK(syncmgr_mutex_lock(two.mutexes[1], 0));
  /* Two starts: it gets "m0", and waits for "m3" of one; one waits for "m1" of two. */
  items_t items = items_of(two);
  syncmgr_ticket_t *ticket = start(&items, SYNCMGR_FOREVER, queue);
  syncmgr_ticket_t *other = NULL;
  CHECK_STATUS(syncmgr_mutex_lock_start(one.mutexes[1], SYNCMGR_FOREVER, queue, 42, &other),
               SYNCMGR_PENDING);
  syncmgr_record_t record = record_of(queue);
  CHECK_STATUS(record.status, SYNCMGR_E_DEADLOCK);
  CHECK_EQUAL(record.user_data, 41);
  CHECK_EQUAL(record.ticket, (uint64_t)(uintptr_t)ticket);
  CHECK_EQUAL(record.index, 1);
  char words[512];
  CHECK(syncmgr_deadlock_text(space, record.value, words, sizeof words, &(size_t){0}) >= 0);
  CHECK(strstr(words, "m3") != NULL);
  check_failed(&items, 1, SYNCMGR_E_DEADLOCK);
  CHECK(!is_locked(two.mutexes[0]));
  CHECK_OK(syncmgr_mutex_unlock(two.mutexes[1]));
  CHECK_OK(record_of(queue).status);
  check_and_close(space);
}

TEST(one_call_of_dispatch_goes_on_where_there_is_no_thread) {
  syncmgr_t *space = open_space(unique_url(), SYNCMGR_OPEN_NO_THREADS);
  set_t set = open_set(space), other = open_set(space);
  CHECK_OK(syncmgr_mutex_lock(other.mutexes[0], 0));
  CHECK_OK(syncmgr_semaphore_acquire(other.semaphore, 1, 0));
  items_t items = items_of(set);
  syncmgr_ticket_t *ticket = start(&items, SYNCMGR_FOREVER, NULL);
  CHECK_OK(syncmgr_mutex_unlock(other.mutexes[0]));
  CHECK(!is_locked(set.mutexes[3]));
  CHECK_OK(syncmgr_dispatch(space, SECOND));
  CHECK(is_locked(set.mutexes[3]));
  CHECK_OK(syncmgr_ticket_cancel(ticket));
  CHECK_OK(syncmgr_semaphore_release(other.semaphore, 1));
  check_free(set);
  check_and_close(space);
}
