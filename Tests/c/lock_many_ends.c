/* Several locks as one started wait, that is cancelled, or whose queue or handles are closed, or in
 * which somebody dies. */
#include <string.h>

#include "many.h"

TEST(cancelling_gives_back_what_it_had_before_it_returns) {
  for (unsigned kind = 0; kind < KINDS; kind++) {
    for (unsigned queued = 0; queued < 2; queued++) {
      syncmgr_t *space = space_of(kind);
      set_t set = open_set(space), other = open_set(space);
      syncmgr_queue_t *queue = queued ? open_queue(space) : NULL;
      CHECK_OK(syncmgr_semaphore_acquire(other.semaphore, 1, 0));
      items_t items = items_of(set);
      syncmgr_ticket_t *ticket = start(&items, SYNCMGR_FOREVER, queue);
      CHECK(is_locked(set.mutexes[0]) && is_locked(set.mutexes[3]));
      CHECK_OK(syncmgr_ticket_cancel(ticket));
      CHECK(!is_locked(set.mutexes[0]) && !is_locked(set.mutexes[3]));
      CHECK_STATUS(syncmgr_ticket_cancel(ticket), SYNCMGR_E_CLOSED);
      CHECK_OK(syncmgr_semaphore_release(other.semaphore, 1));
      CHECK_EQUAL(available(set), 3);
      for (unsigned index = 0; index < ITEMS; index++) CHECK_EQUAL(items.list[index].status, 77);
      uint32_t count = 0;
      syncmgr_record_t record;
      if (queued) CHECK_OK(syncmgr_queue_drain(queue, &record, 1, &count));
      CHECK_EQUAL(count, 0);
      check_and_close(space);
    }
  }
}

TEST(what_was_granted_altogether_cannot_be_cancelled) {
  for (unsigned kind = 0; kind < KINDS; kind++) {
    for (unsigned queued = 0; queued < 2; queued++) {
      syncmgr_t *space = space_of(kind);
      set_t set = open_set(space), other = open_set(space);
      syncmgr_queue_t *queue = queued ? open_queue(space) : NULL;
      CHECK_OK(syncmgr_semaphore_acquire(other.semaphore, 1, 0));
      items_t items = items_of(set);
      syncmgr_ticket_t *ticket = start(&items, SYNCMGR_FOREVER, queue);
      CHECK_OK(syncmgr_semaphore_release(other.semaphore, 1));
      CHECK_STATUS(syncmgr_ticket_cancel(ticket), SYNCMGR_FINISHED);
      if (queued) {
        CHECK_OK(record_of(queue).status);
      } else {
        CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
      }
      check_all_held(set, &items);
      check_free(set);
      check_and_close(space);
    }
  }
}

/* Another thread hands the locks over while this one cancels: whichever comes first, the outcome is
 * one, and what it says is so. */
typedef struct hand_over {
  set_t other;
  _Atomic uint32_t round;
  uint64_t seed;
} hand_over_t;

enum { ROUNDS = 2000 };

static void *hand_over(void *argument) {
  hand_over_t *shared = argument;
  uint64_t state = shared->seed;
  for (uint32_t round = 1; round <= ROUNDS; round++) {
    while (atomic_load(&shared->round) != 2 * round - 1) continue;
    for (volatile uint32_t spin = random_below(&state, 20000); spin > 0; spin--) continue;
    CHECK_OK(syncmgr_mutex_unlock(shared->other.mutexes[0]));
    for (volatile uint32_t spin = random_below(&state, 20000); spin > 0; spin--) continue;
    CHECK_OK(syncmgr_mutex_unlock(shared->other.mutexes[3]));
    atomic_store(&shared->round, 2 * round);
  }
  return NULL;
}

TEST_WITHIN(60, a_cancelled_start_has_exactly_one_outcome) {
  for (unsigned kind = 1; kind < KINDS; kind++) {
    syncmgr_t *space = space_of(kind);
    set_t set = open_set(space);
    hand_over_t shared = {.other = open_set(space), .seed = harness_seed()};
    uint64_t state = harness_seed() + 1;
    pthread_t thread = start_thread(hand_over, &shared);
    unsigned granted = 0;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
      CHECK_OK(syncmgr_mutex_lock(shared.other.mutexes[0], SECOND));
      CHECK_OK(syncmgr_mutex_lock(shared.other.mutexes[3], SECOND));
      items_t items = items_of(set);
      syncmgr_ticket_t *ticket = start(&items, SYNCMGR_FOREVER, NULL);
      atomic_store(&shared.round, 2 * round - 1);
      for (volatile uint32_t spin = random_below(&state, 40000); spin > 0; spin--) continue;
      int32_t status = syncmgr_ticket_cancel(ticket);
      if (status == SYNCMGR_FINISHED) {
        granted += 1;
        CHECK_OK(syncmgr_ticket_wait(ticket, 0, NULL));
        check_all_held(set, &items);
      } else {
        CHECK_OK(status);
        CHECK_EQUAL(items.list[0].status, 77);
      }
      while (atomic_load(&shared.round) != 2 * round) continue;
      CHECK(!is_locked(set.mutexes[0]) && !is_locked(set.mutexes[3]));
    }
    CHECK(granted < ROUNDS);
    join_thread(thread);
    check_free(set);
    check_and_close(space);
  }
}

/* Starts, while the other holds the second of them; or goes on until all are granted, and nobody
 * has heard of it. */
static syncmgr_ticket_t *start_as_far(items_t *items, set_t other, bool through,
                                      syncmgr_queue_t *queue) {
  if (!through) {
    CHECK_OK(syncmgr_mutex_lock(other.mutexes[3], 0));
    return start(items, SYNCMGR_FOREVER, queue);
  }
  CHECK_OK(syncmgr_semaphore_acquire(other.semaphore, 1, 0));
  syncmgr_ticket_t *ticket = start(items, SYNCMGR_FOREVER, queue);
  CHECK_OK(syncmgr_semaphore_release(other.semaphore, 1));
  CHECK_STATUS(syncmgr_ticket_cancel(ticket), SYNCMGR_FINISHED);
  return ticket;
}

TEST(a_closed_queue_gives_back_what_it_had_whether_or_not_it_was_through) {
  for (unsigned kind = 0; kind < KINDS; kind++) {
    for (unsigned through = 0; through < 2; through++) {
      syncmgr_t *space = space_of(kind);
      set_t set = open_set(space), other = open_set(space);
      syncmgr_queue_t *queue = open_queue(space);
      items_t items = items_of(set);
      syncmgr_ticket_t *ticket = start_as_far(&items, other, through, queue);
      CHECK_OK(syncmgr_queue_close(queue));
      if (!through) CHECK_OK(syncmgr_mutex_unlock(other.mutexes[3]));
      check_free(set);
      for (unsigned index = 0; index < ITEMS; index++) CHECK_EQUAL(items.list[index].status, 77);
      CHECK_STATUS(syncmgr_ticket_cancel(ticket), SYNCMGR_E_CLOSED);
      check_and_close(space);
    }
  }
}

/* Closes what it waits for, what it has, what comes later, or the workstream; before it is through
 * or after. A second handle of the workstream to each object shows that nothing stays held. */
TEST(closing_a_handle_among_them_ends_it_with_none_held) {
  for (unsigned kind = 0; kind < KINDS; kind++) {
    for (unsigned way = 0; way < 4 * 2 * 2; way++) {
      unsigned which = way & 3, through = way >> 2 & 1, queued = way >> 3;
      syncmgr_t *space = space_of(kind);
      set_t set = open_set(space), other = open_set(space);
      syncmgr_mutex_t *second[] = {open_mutex(set.me, "m0", 0), open_mutex(set.me, "m3", 0)};
      syncmgr_queue_t *queue = queued ? open_queue(space) : NULL;
      items_t items = items_of(set);
      syncmgr_ticket_t *ticket = start_as_far(&items, other, through, queue);
      if (which == 0) CHECK_OK(syncmgr_mutex_close(set.mutexes[0]));
      if (which == 1) CHECK_OK(syncmgr_mutex_close(set.mutexes[3]));
      if (which == 2) CHECK_OK(syncmgr_semaphore_close(set.semaphore));
      if (which == 3) CHECK_OK(syncmgr_workstream_close(set.me));
      CHECK(!is_locked(other.mutexes[0]));
      CHECK_EQUAL(is_locked(other.mutexes[3]), !through);
      CHECK_EQUAL(available(other), 3);
      if (which < 3) {
        CHECK_STATUS(syncmgr_mutex_unlock(second[0]), SYNCMGR_E_NOT_OWNER);
        CHECK_STATUS(syncmgr_mutex_unlock(second[1]), SYNCMGR_E_NOT_OWNER);
      }
      if (queued) {
        CHECK_STATUS(record_of(queue).status, SYNCMGR_E_CLOSED);
      } else {
        CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_E_CLOSED);
      }
      CHECK(items.list[0].status < 0 && items.list[1].status < 0 && items.list[2].status < 0);
      check_and_close(space);
    }
  }
}

static void *wait_for_ticket(void *argument) {
  return (void *)(intptr_t)syncmgr_ticket_wait(argument, SYNCMGR_FOREVER, NULL);
}

TEST(who_waits_for_the_ticket_comes_back_when_it_is_cancelled_or_the_space_is_closed) {
  for (unsigned way = 0; way < 2 * KINDS; way++) {
    syncmgr_t *space = space_of(way / 2);
    set_t set = open_set(space), other = open_set(space);
    CHECK_OK(syncmgr_mutex_lock(other.mutexes[3], 0));
    items_t items = items_of(set);
    syncmgr_ticket_t *ticket = start(&items, SYNCMGR_FOREVER, NULL);
    pthread_t threads[2];
    for (unsigned index = 0; index < 2; index++) {
      threads[index] = start_thread(wait_for_ticket, ticket);
    }
    sleep_ms(10);
    if (way & 1) CHECK_OK(syncmgr_ticket_cancel(ticket));
    if (!(way & 1)) CHECK_OK(syncmgr_close(space));
    for (unsigned index = 0; index < 2; index++) {
      void *status = NULL;
      CHECK(pthread_join(threads[index], &status) == 0);
      CHECK_STATUS((int32_t)(intptr_t)status, SYNCMGR_E_CLOSED);
    }
    if (way & 1) CHECK(!is_locked(set.mutexes[0]));
    if (way & 1) check_and_close(space);
  }
}

TEST(tickets_that_are_never_collected_end_with_the_space) {
  for (unsigned way = 0; way < 4 * KINDS; way++) {
    syncmgr_t *space = space_of(way / 4);
    set_t set = open_set(space), other = open_set(space);
    items_t items = items_of(set);
    syncmgr_ticket_t *ticket =
        start_as_far(&items, other, way & 2, way & 1 ? open_queue(space) : NULL);
    CHECK_OK(syncmgr_close(space));
    CHECK_STATUS(syncmgr_ticket_wait(ticket, 0, NULL), SYNCMGR_E_CLOSED);
  }
}

/* A peer holds the first; it dies. The second is inherited from it, too, and the third is not
 * free: with that the wait ends in vain, and the next owners are told. */
static void hold_two(peer_t *self) {
  set_t set = open_set(peer_space(self));
  CHECK_OK(syncmgr_mutex_lock(set.mutexes[0], 0));
  CHECK_OK(syncmgr_mutex_lock(set.mutexes[3], 0));
  peer_pause(self);
}

TEST(what_the_dead_held_is_inherited_and_passed_on_when_it_is_in_vain) {
  for (unsigned vain = 0; vain < 3; vain++) {
    const char *url = unique_url();
    peer_t *dying = peer_start(hold_two, url, 0, 0);
    syncmgr_t *space = open_space(url, 0);
    set_t set = open_set(space), other = open_set(space);
    peer_wait_pause(dying, 1);
    CHECK_OK(syncmgr_semaphore_acquire(other.semaphore, 1, 0));
    items_t items = items_of(set);
    syncmgr_ticket_t *ticket = start(&items, vain == 1 ? 300 * MILLISECOND : SYNCMGR_FOREVER, NULL);
    peer_kill(dying);
    WAIT_UNTIL(is_locked(set.mutexes[0]) && is_locked(set.mutexes[3]));
    if (vain == 0) {
      CHECK_OK(syncmgr_semaphore_release(other.semaphore, 1));
      CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_OWNER_DIED);
      CHECK_OK(items.list[0].status);
      CHECK_STATUS(items.list[1].status, SYNCMGR_OWNER_DIED);
      CHECK_STATUS(items.list[2].status, SYNCMGR_OWNER_DIED);
    } else {
      if (vain == 1) {
        CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_E_TIMEOUT);
      } else {
        syncmgr_holder_t holder;
        while (syncmgr_mutex_held_by(set.mutexes[3], &holder) != SYNCMGR_OK ||
               holder.pid == dying->pid) {
          sleep_ms(1);
        }
        CHECK_OK(syncmgr_ticket_cancel(ticket));
      }
      CHECK_STATUS(syncmgr_mutex_lock(other.mutexes[0], 0), SYNCMGR_OWNER_DIED);
      CHECK_STATUS(syncmgr_mutex_lock(other.mutexes[3], 0), SYNCMGR_OWNER_DIED);
    }
    check_and_close(space);
  }
}

/* The peer starts and dies while it has the first and waits for the second. */
static void start_and_wait(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  set_t set = open_set(space);
  items_t items = items_of(set);
  peer_pause(self);
  start(&items, SYNCMGR_FOREVER, self->index ? open_queue(space) : NULL);
  peer_pause(self);
}

TEST(one_killed_while_it_waits_leaves_nothing_held) {
  for (unsigned kind = 0; kind < 4; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind & 1 ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *dying = peer_start(start_and_wait, url, kind >> 1, flags);
    syncmgr_t *space = open_space(url, flags);
    set_t set = open_set(space);
    CHECK_OK(syncmgr_mutex_lock(set.mutexes[3], 0));
    peer_wait_pause(dying, 1);
    peer_go(dying);
    peer_wait_pause(dying, 2);
    CHECK(is_locked(set.mutexes[0]));
    peer_kill(dying);
    CHECK_STATUS(syncmgr_mutex_lock(set.mutexes[0], 5 * SECOND), SYNCMGR_OWNER_DIED);
    CHECK_OK(syncmgr_mutex_unlock(set.mutexes[3]));
    CHECK_OK(syncmgr_mutex_unlock(set.mutexes[0]));
    check_free(set);
    check_and_close(space);
  }
}
