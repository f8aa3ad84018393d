/* Cancel races with grant: one of the two happens, never both, and nothing is lost.
 *
 * A giver and a canceller run freely against each other, as threads or as processes. The canceller
 * starts a wait and withdraws it at once; a cancel that comes too late has to find a grant. */
#include <sched.h>
#include <string.h>

#include "peer.h"

enum { CANCELS = 100000, RACES_WANTED = 200 };

typedef struct tally {
  _Atomic bool stop;
  _Atomic uint32_t inside;
  _Atomic uint64_t produced;
  uint64_t guarded;
  uint64_t entered[2];
  uint64_t consumed, cancelled, too_late, at_once;
} tally_t;

/* Short and random, so that cancel and grant fall onto each other in every possible way. */
static void linger(uint64_t *state) {
  uint32_t choice = random_below(state, 16);
  if (choice == 0) {
    sched_yield();
  } else {
    for (volatile uint32_t spin = choice * 20; spin > 0; spin--) continue;
  }
}

static void enter(tally_t *tally, unsigned who) {
  CHECK_EQUAL(atomic_fetch_add(&tally->inside, 1), 0);
  tally->guarded += 1;
  tally->entered[who] += 1;
  atomic_fetch_sub(&tally->inside, 1);
}

static void give_mutex(syncmgr_t *space, tally_t *tally) {
  uint64_t state = harness_seed() + 1;
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "giver"), "m", 0);
  while (!atomic_load(&tally->stop)) {
    CHECK_OK(syncmgr_mutex_lock(mutex, 10 * SECOND));
    enter(tally, 0);
    linger(&state);
    CHECK_OK(syncmgr_mutex_unlock(mutex));
    linger(&state);
  }
}

static bool enough(const tally_t *tally) {
  return tally->cancelled + tally->too_late >= CANCELS && tally->too_late >= RACES_WANTED;
}

/* Withdraws a wait; says whether it was granted after all, and then collects the outcome. */
static bool cancel_or_collect(syncmgr_ticket_t *ticket, syncmgr_queue_t *queue, tally_t *tally) {
  int32_t status = syncmgr_ticket_cancel(ticket);
  if (status == SYNCMGR_OK) {
    tally->cancelled += 1;
    return false;
  }
  CHECK_STATUS(status, SYNCMGR_FINISHED);
  tally->too_late += 1;
  if (queue) {
    syncmgr_record_t record = next_record(queue);
    CHECK_EQUAL(record.ticket, (uintptr_t)ticket);
    CHECK_OK(record.status);
  } else {
    CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  }
  CHECK_STATUS(syncmgr_ticket_cancel(ticket), SYNCMGR_E_CLOSED);
  return true;
}

static void cancel_mutex(syncmgr_t *space, tally_t *tally, syncmgr_queue_t *queue) {
  uint64_t state = harness_seed() + 2;
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "canceller"), "m", 0);
  uint64_t token = 0, last_token = 0;
  while (!enough(tally)) {
    syncmgr_ticket_t *ticket = NULL;
    int32_t status = syncmgr_mutex_lock_start(mutex, SYNCMGR_FOREVER, queue, 0, &ticket);
    bool owned = status == SYNCMGR_OK;
    tally->at_once += owned;
    if (status == SYNCMGR_PENDING) {
      linger(&state);
      owned = cancel_or_collect(ticket, queue, tally);
    } else {
      CHECK_STATUS(status, SYNCMGR_OK);
    }
    if (owned) {
      CHECK_OK(syncmgr_mutex_token(mutex, &token));
      CHECK(token > last_token);
      last_token = token;
      enter(tally, 1);
      CHECK_OK(syncmgr_mutex_unlock(mutex));
    } else {
      CHECK_STATUS(syncmgr_mutex_unlock(mutex), SYNCMGR_E_NOT_OWNER);
    }
  }
  atomic_store(&tally->stop, true);
}

/* A signalling semaphore as a counter of events: what was produced is consumed or still there. */
static void produce(syncmgr_t *space, tally_t *tally) {
  uint64_t state = harness_seed() + 3;
  syncmgr_semaphore_t *semaphore =
      open_semaphore(open_workstream(space, "producer"), "c", 0, SYNCMGR_SEMAPHORE_SIGNALLING);
  while (!atomic_load(&tally->stop)) {
    uint32_t available = 0;
    linger(&state);
    CHECK_OK(syncmgr_semaphore_available(semaphore, &available));
    if (available > 0) continue;
    CHECK_OK(syncmgr_semaphore_release(semaphore, 1));
    atomic_fetch_add(&tally->produced, 1);
  }
}

static void cancel_consuming(syncmgr_t *space, tally_t *tally, syncmgr_queue_t *queue) {
  uint64_t state = harness_seed() + 4;
  syncmgr_semaphore_t *semaphore =
      open_semaphore(open_workstream(space, "consumer"), "c", 0, SYNCMGR_SEMAPHORE_SIGNALLING);
  while (!enough(tally)) {
    syncmgr_ticket_t *ticket = NULL;
    int32_t status =
        syncmgr_semaphore_acquire_start(semaphore, 1, SYNCMGR_FOREVER, queue, 0, &ticket);
    bool owned = status == SYNCMGR_OK;
    tally->at_once += owned;
    if (status == SYNCMGR_PENDING) {
      linger(&state);
      owned = cancel_or_collect(ticket, queue, tally);
    } else {
      CHECK_STATUS(status, SYNCMGR_OK);
    }
    tally->consumed += owned;
  }
  atomic_store(&tally->stop, true);
}

static tally_t *tally;

typedef void (*giver_t)(syncmgr_t *space, tally_t *tally);
typedef void (*canceller_t)(syncmgr_t *space, tally_t *tally, syncmgr_queue_t *queue);

static giver_t giver;
static canceller_t canceller;
static syncmgr_t *shared_space;

static void *give_in_thread(void *argument) {
  (void)argument;
  giver(shared_space, tally);
  return NULL;
}

static void give_in_process(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  peer_pause(self);
  giver(space, tally);
  CHECK_OK(syncmgr_close(space));
}

/* After the race the books have to balance, and the objects have to be free. */
static void check_balance(syncmgr_t *space) {
  CHECK(tally->too_late >= RACES_WANTED);
  CHECK_EQUAL(tally->guarded, tally->entered[0] + tally->entered[1]);
  syncmgr_workstream_t *me = open_workstream(space, "auditor");
  if (giver == give_mutex) {
    CHECK_EQUAL(tally->entered[1], tally->too_late + tally->at_once);
    CHECK_OK(syncmgr_mutex_lock(open_mutex(me, "m", 0), SECOND));
  } else {
    uint32_t available = 99;
    CHECK_OK(syncmgr_semaphore_available(open_semaphore(me, "c", SYNCMGR_ANY,
                                                        SYNCMGR_SEMAPHORE_SIGNALLING),
                                         &available));
    CHECK_EQUAL(tally->produced, tally->consumed + available);
  }
  check_and_close(space);
}

static void race_threads(giver_t give, canceller_t cancel, bool with_queue) {
  tally = shared_memory(sizeof *tally);
  giver = give;
  canceller = cancel;
  shared_space = open_space(unique_url(), 0);
  pthread_t thread = start_thread(give_in_thread, NULL);
  canceller(shared_space, tally, with_queue ? open_queue(shared_space) : NULL);
  join_thread(thread);
  check_balance(shared_space);
}

static void race_processes(giver_t give, canceller_t cancel, bool with_queue) {
  const char *url = unique_url();
  tally = shared_memory(sizeof *tally);
  giver = give;
  canceller = cancel;
  peer_t *peer = peer_start(give_in_process, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  peer_wait_pause(peer, 1);
  peer_go(peer);
  canceller(space, tally, with_queue ? open_queue(space) : NULL);
  peer_join(peer);
  check_balance(space);
}

TEST_WITHIN(90, cancel_races_with_unlock_in_another_thread_100000_times) {
  race_threads(give_mutex, cancel_mutex, false);
}
TEST_WITHIN(90, cancel_races_with_unlock_in_another_process_100000_times) {
  race_processes(give_mutex, cancel_mutex, false);
}
TEST_WITHIN(90, cancel_races_with_unlock_through_a_queue_100000_times) {
  race_processes(give_mutex, cancel_mutex, true);
}
TEST_WITHIN(90, cancel_races_with_release_in_another_thread_100000_times) {
  race_threads(produce, cancel_consuming, false);
}
TEST_WITHIN(90, cancel_races_with_release_in_another_process_100000_times) {
  race_processes(produce, cancel_consuming, false);
}
TEST_WITHIN(90, cancel_races_with_release_through_a_queue_100000_times) {
  race_threads(produce, cancel_consuming, true);
}
