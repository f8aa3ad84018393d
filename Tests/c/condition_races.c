/* Races around a condition: cancel against signal, time against signal, close against all of it,
 * force against the wait. One signal is for one waiter, whatever happens at once. */
#include <sched.h>
#include <string.h>

#include "peer.h"

typedef struct party {
  syncmgr_workstream_t *me;
  syncmgr_mutex_t *mutex;
  syncmgr_condition_t *condition;
} party_t;

static party_t join(syncmgr_t *space) {
  party_t party = {.me = open_workstream(space, NULL)};
  party.mutex = open_mutex(party.me, "m", 0);
  party.condition = open_condition(party.me, "c");
  return party;
}

static void linger(uint64_t *state) {
  uint32_t choice = random_below(state, 16);
  if (choice == 0) sched_yield();
  else for (volatile uint32_t spin = choice * 30; spin > 0; spin--) continue;
}

/* The other side: signals once for each request, and says how many were signalled. */
typedef struct giver {
  syncmgr_t *space;
  _Atomic uint32_t wanted, given, signalled, stop;
} giver_t;

static void *give(void *argument) {
  giver_t *giver = argument;
  uint64_t state = harness_seed() + 5;
  party_t party = join(giver->space);
  for (uint32_t turn = 1; !atomic_load(&giver->stop); turn++) {
    uint32_t count = 0;
    while (atomic_load(&giver->wanted) < turn) {
      if (atomic_load(&giver->stop)) return NULL;
      sched_yield();
    }
    linger(&state);
    bool locked = turn % 2;
    if (locked) CHECK_OK(syncmgr_mutex_lock(party.mutex, 10 * SECOND));
    CHECK_OK(syncmgr_condition_signal(party.condition, 1, &count));
    if (locked) CHECK_OK(syncmgr_mutex_unlock(party.mutex));
    atomic_fetch_add(&giver->signalled, count);
    atomic_store(&giver->given, turn);
  }
  return NULL;
}

static void request(giver_t *giver) { atomic_fetch_add(&giver->wanted, 1); }

static void await_given(giver_t *giver) {
  while (atomic_load(&giver->given) < atomic_load(&giver->wanted)) sched_yield();
}

/* One waiter, one signal: it was signalled if and only if the signaller counted it, for a wait that
 * ended in any way but a cancel. `way` 0 cancels, 1 lets the time pass, 2 waits without a ticket.
 */
static void race_one(unsigned way, unsigned rounds) {
  uint64_t state = harness_seed();
  giver_t giver = {.space = open_space(unique_url(), 0)};
  party_t party = join(giver.space);
  pthread_t thread = start_thread(give, &giver);
  unsigned won = 0, lost = 0;
  for (unsigned round = 0; round < rounds; round++) {
    syncmgr_ticket_t *ticket = NULL;
    uint32_t before = atomic_load(&giver.signalled);
    int64_t timeout_ns = way == 0 ? SYNCMGR_FOREVER : 1 + random_below(&state, 30000);
    int32_t status = SYNCMGR_OK;
    CHECK_OK(syncmgr_mutex_lock(party.mutex, 10 * SECOND));
    request(&giver);
    if (way == 2) {
      status = syncmgr_condition_wait(party.condition, party.mutex, timeout_ns);
    } else {
      CHECK_STATUS(syncmgr_condition_wait_start(party.condition, party.mutex, timeout_ns, NULL, 0,
                                                &ticket), SYNCMGR_PENDING);
      linger(&state);
      if (way == 0) status = syncmgr_ticket_cancel(ticket);
      bool cancelled = way == 0 && status == SYNCMGR_OK;
      CHECK(way != 0 || cancelled || status == SYNCMGR_FINISHED);
      if (!cancelled) status = syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL);
      if (cancelled) status = SYNCMGR_E_CANCELLED;
    }
    bool has_mutex = status != SYNCMGR_E_CANCELLED;
    if (has_mutex) {
      CHECK(status == SYNCMGR_OK || (way != 0 && status == SYNCMGR_E_TIMEOUT));
      CHECK_OK(syncmgr_mutex_unlock(party.mutex));
    } else {
      CHECK_STATUS(syncmgr_mutex_unlock(party.mutex), SYNCMGR_E_NOT_OWNER);
    }
    await_given(&giver);
    uint32_t count = atomic_load(&giver.signalled) - before;
    CHECK(count <= 1);
    if (status == SYNCMGR_OK) CHECK_EQUAL(count, 1);
    if (status == SYNCMGR_E_TIMEOUT) CHECK_EQUAL(count, 0);
    won += status == SYNCMGR_OK;
    lost += status != SYNCMGR_OK;
  }
  CHECK(won > 0 && lost > 0);
  atomic_store(&giver.stop, 1);
  join_thread(thread);
  check_and_close(giver.space);
}

TEST_WITHIN(60, cancel_races_with_signal_and_one_of_them_wins) { race_one(0, 20000); }
TEST_WITHIN(60, the_end_of_time_races_with_signal_and_one_of_them_wins) { race_one(1, 20000); }
TEST_WITHIN(60, the_end_of_a_blocking_wait_races_with_signal_too) { race_one(2, 20000); }

/* Two waiters and one signal, while the first of them leaves: either gets it. */
TEST_WITHIN(60, a_signal_that_the_first_does_not_use_is_the_seconds) {
  uint64_t state = harness_seed();
  giver_t giver = {.space = open_space(unique_url(), 0)};
  party_t first = join(giver.space), second = join(giver.space);
  pthread_t thread = start_thread(give, &giver);
  unsigned inherited = 0;
  for (unsigned round = 0; round < 10000; round++) {
    syncmgr_ticket_t *one = NULL, *two = NULL;
    CHECK_OK(syncmgr_mutex_lock(first.mutex, 10 * SECOND));
    CHECK_STATUS(syncmgr_condition_wait_start(first.condition, first.mutex, SYNCMGR_FOREVER, NULL,
                                              0, &one), SYNCMGR_PENDING);
    CHECK_OK(syncmgr_mutex_lock(second.mutex, 10 * SECOND));
    CHECK_STATUS(syncmgr_condition_wait_start(second.condition, second.mutex, SYNCMGR_FOREVER,
                                              NULL, 0, &two), SYNCMGR_PENDING);
    request(&giver);
    linger(&state);
    int32_t cancelled = syncmgr_ticket_cancel(one);
    if (cancelled == SYNCMGR_FINISHED) {
      CHECK_OK(syncmgr_ticket_wait(one, SYNCMGR_FOREVER, NULL));
      CHECK_OK(syncmgr_mutex_unlock(first.mutex));
      await_given(&giver);
      CHECK_OK(syncmgr_ticket_cancel(two));
    } else {
      CHECK_OK(cancelled);
      CHECK_OK(syncmgr_ticket_wait(two, SYNCMGR_FOREVER, NULL));
      CHECK_OK(syncmgr_mutex_unlock(second.mutex));
      await_given(&giver);
      inherited += 1;
    }
  }
  CHECK(inherited > 0);
  atomic_store(&giver.stop, 1);
  join_thread(thread);
  check_and_close(giver.space);
}

/* Everything at once, for whom nothing is promised but that all come back and all ends well. */
typedef struct crowd {
  syncmgr_t *space;
  _Atomic uint32_t stop, next;
  _Atomic uint64_t turns;
} crowd_t;

static void *jostle(void *argument) {
  crowd_t *crowd = argument;
  uint64_t state = harness_seed() ^ atomic_fetch_add(&crowd->next, 1);
  while (!atomic_load(&crowd->stop)) {
    party_t party = join(crowd->space);
    for (uint32_t turn = random_below(&state, 8); turn > 0; turn--) {
      if (syncmgr_mutex_lock(party.mutex, random_below(&state, 2) ? SECOND : 0) < 0) continue;
      uint32_t way = random_below(&state, 4);
      syncmgr_ticket_t *ticket = NULL;
      if (way == 0) {
        syncmgr_condition_wait(party.condition, party.mutex, 1 + random_below(&state, 100000));
      } else if (way == 1) {
        int32_t status = syncmgr_condition_wait_start(
            party.condition, party.mutex, 1 + random_below(&state, 100000), NULL, 0, &ticket);
        /* A workstream waits for one thing at a time: it would keep the mutex from itself. */
        if (status == SYNCMGR_PENDING &&
            (random_below(&state, 2) || syncmgr_ticket_cancel(ticket) == SYNCMGR_FINISHED)) {
          syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL);
        }
      } else if (way == 2) {
        CHECK_OK(syncmgr_condition_broadcast(party.condition, NULL));
      } else {
        int32_t forced = syncmgr_mutex_force_release(party.mutex);
        CHECK(forced == SYNCMGR_OK || forced == SYNCMGR_FREE);
      }
      syncmgr_mutex_unlock(party.mutex);
      atomic_fetch_add(&crowd->turns, 1);
    }
    uint32_t way = random_below(&state, 3);
    if (way == 0) CHECK_OK(syncmgr_mutex_close(party.mutex));
    if (way == 1) CHECK_OK(syncmgr_condition_close(party.condition));
    CHECK_OK(syncmgr_workstream_close(party.me));
  }
  return NULL;
}

TEST_WITHIN(60, waits_signals_force_and_closing_at_once_leave_a_space_that_is_well) {
  enum { THREADS = 4 };
  crowd_t crowd = {.space = open_space(unique_url(), 0)};
  pthread_t threads[THREADS];
  for (unsigned index = 0; index < THREADS; index++) threads[index] = start_thread(jostle, &crowd);
  for (int64_t end = now_ns() + 4 * SECOND; now_ns() < end;) sleep_ms(10);
  atomic_store(&crowd.stop, 1);
  for (unsigned index = 0; index < THREADS; index++) join_thread(threads[index]);
  CHECK(atomic_load(&crowd.turns) > 1000);
  party_t party = join(crowd.space);
  uint32_t count = 9;
  CHECK_OK(syncmgr_condition_waiting(party.condition, &count));
  CHECK_EQUAL(count, 0);
  int32_t status = syncmgr_mutex_lock(party.mutex, SECOND);
  CHECK(status == SYNCMGR_OK || status == SYNCMGR_OWNER_DIED);
  check_and_close(crowd.space);
}
