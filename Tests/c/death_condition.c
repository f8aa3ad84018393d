/* The death of one that waits for a condition, was signalled, or signals; and random stress: no
 * wake-up is lost, none comes from nowhere, also while processes are killed. */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bodies.h"

typedef struct tools {
  syncmgr_t *space;
  syncmgr_mutex_t *mutex;
  syncmgr_condition_t *condition;
} tools_t;

static tools_t open_tools(const char *url, uint32_t flags) {
  tools_t tools = {.space = open_space(url, flags)};
  syncmgr_workstream_t *me = open_workstream(tools.space, NULL);
  tools.mutex = open_mutex(me, "m", 0);
  tools.condition = open_condition(me, "c");
  return tools;
}

static uint32_t waiting(tools_t *tools) {
  uint32_t count = 99;
  CHECK_OK(syncmgr_condition_waiting(tools->condition, &count));
  return count;
}

/* Pause 1: it has the mutex. Waits, reports. Pause 2. */
static void wait_condition(peer_t *self) {
  tools_t tools = open_tools(self->url, self->flags);
  CHECK_OK(syncmgr_mutex_lock(tools.mutex, SECOND));
  peer_pause(self);
  report_status(self, syncmgr_condition_wait(tools.condition, tools.mutex, SYNCMGR_FOREVER));
  peer_pause(self);
  CHECK_OK(syncmgr_mutex_unlock(tools.mutex));
  CHECK_OK(syncmgr_close(tools.space));
}

TEST(a_waiter_that_died_is_not_signalled) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0, signalled = 99;
    peer_t *first = start_waiter(wait_condition, url, 0, flags);
    peer_t *second = start_waiter(wait_condition, url, 0, flags);
    tools_t tools = open_tools(url, flags);
    CHECK_EQUAL(waiting(&tools), 2);
    peer_kill(first);
    CHECK_OK(syncmgr_condition_signal(tools.condition, 1, &signalled));
    CHECK_EQUAL(signalled, 1);
    CHECK_OK(peer_wait_status(second));
    finish(second);
    CHECK_EQUAL(waiting(&tools), 0);
    CHECK_OK(syncmgr_cleanup(tools.space, NULL));
    check_and_close(tools.space);
  }
}

TEST(a_signal_of_one_that_dies_before_it_has_its_mutex_goes_to_the_next) {
  for (unsigned kind = 0; kind < 4; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind % 2 ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *first = start_waiter(wait_condition, url, 0, flags);
    peer_t *second = start_waiter(wait_condition, url, 0, flags);
    tools_t tools = open_tools(url, flags);
    CHECK_OK(syncmgr_mutex_lock(tools.mutex, SECOND));
    CHECK_OK(syncmgr_condition_signal(tools.condition, 1, NULL));
    peer_kill(first);
    CHECK_OK(syncmgr_cleanup(tools.space, NULL));
    CHECK_EQUAL(waiting(&tools), 0);
    CHECK_OK(syncmgr_mutex_unlock(tools.mutex));
    CHECK_OK(peer_wait_status(second));
    finish(second);
    check_and_close(tools.space);
  }
}

TEST(the_death_of_the_mutexs_owner_is_told_to_the_waiter_that_gets_it) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *waiter = start_waiter(wait_condition, url, 0, flags);
    peer_t *owner = start_holder(hold_mutex, url, 0, flags);
    tools_t tools = open_tools(url, flags);
    CHECK_OK(syncmgr_condition_signal(tools.condition, 1, NULL));
    sleep_ms(5);
    CHECK(peer_still_waits(waiter));
    peer_kill(owner);
    CHECK_STATUS(peer_wait_status(waiter), SYNCMGR_OWNER_DIED);
    finish(waiter);
    check_and_close(tools.space);
  }
}

TEST(a_waiter_that_dies_with_its_mutex_back_is_a_dead_owner) {
  const char *url = unique_url();
  peer_t *waiter = start_waiter(wait_condition, url, 0, 0);
  tools_t tools = open_tools(url, 0);
  CHECK_OK(syncmgr_condition_signal(tools.condition, 1, NULL));
  CHECK_OK(peer_wait_status(waiter));
  peer_kill(waiter);
  CHECK_STATUS(syncmgr_mutex_lock(tools.mutex, SECOND), SYNCMGR_OWNER_DIED);
  check_and_close(tools.space);
}

/* A store of items that a mutex protects. Every item that is put in is signalled once; a consumer
 * that dies may take one item with it. */
typedef struct store {
  uint64_t items;           /* the mutex's */
  _Atomic uint64_t made, used, idle;
  _Atomic uint32_t stop;
  _Atomic uint32_t busy[8]; /* a seat that is between taking an item and counting it */
} store_t;

static store_t *store;

static bool locked(int32_t status) {
  CHECK(status == SYNCMGR_OK || status == SYNCMGR_OWNER_DIED || status == SYNCMGR_E_TIMEOUT);
  return status != SYNCMGR_E_TIMEOUT;
}

/* Waits in all the ways there are: blocking, with a time, and with a ticket that may be cancelled.
 * Returns whether it has the mutex. */
static bool wait_somehow(tools_t *tools, uint64_t *state) {
  uint32_t way = random_below(state, 8);
  if (way < 5) {
    int64_t timeout_ns = way ? SYNCMGR_FOREVER : 1 + random_below(state, MILLISECOND);
    locked(syncmgr_condition_wait(tools->condition, tools->mutex, timeout_ns));
    return true;
  }
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_condition_wait_start(tools->condition, tools->mutex, SYNCMGR_FOREVER, NULL,
                                            0, &ticket), SYNCMGR_PENDING);
  if (way == 7) {
    usleep(random_below(state, 200));
    int32_t status = syncmgr_ticket_cancel(ticket);
    CHECK(status == SYNCMGR_OK || status == SYNCMGR_FINISHED);
    if (status == SYNCMGR_OK) return false;
  }
  return locked(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
}

static void consume(peer_t *self) {
  uint64_t state = harness_seed() ^ ((uint64_t)getpid() << 20);
  tools_t tools = open_tools(self->url, self->flags);
  peer_pause(self);
  while (!atomic_load(&store->stop)) {
    locked(syncmgr_mutex_lock(tools.mutex, SYNCMGR_FOREVER));
    bool mine = true;
    while (mine && store->items == 0 && !atomic_load(&store->stop)) {
      mine = wait_somehow(&tools, &state);
    }
    if (!mine) continue;
    if (store->items > 0) {
      atomic_store(&store->busy[self->index], 1);
      store->items -= 1;
      atomic_fetch_add(&store->used, 1);
      atomic_store(&store->busy[self->index], 0);
    }
    CHECK_OK(syncmgr_mutex_unlock(tools.mutex));
  }
  CHECK_OK(syncmgr_close(tools.space));
}

/* Puts one item in, and waits until it was used: with one item at a time, a signal that is lost
 * stops everything, and the watchdog tells. */
static void produce(tools_t *tools, uint64_t *state) {
  bool inside = random_below(state, 2);
  locked(syncmgr_mutex_lock(tools->mutex, SYNCMGR_FOREVER));
  store->items += 1;
  atomic_fetch_add(&store->made, 1);
  if (inside) CHECK_OK(syncmgr_condition_signal(tools->condition, 1, NULL));
  CHECK_OK(syncmgr_mutex_unlock(tools->mutex));
  if (!inside) CHECK_OK(syncmgr_condition_signal(tools->condition, 1, NULL));
}

static uint64_t left(tools_t *tools) {
  locked(syncmgr_mutex_lock(tools->mutex, SYNCMGR_FOREVER));
  uint64_t items = store->items;
  CHECK_OK(syncmgr_mutex_unlock(tools->mutex));
  return items;
}

enum { CONSUMERS = 4 };

static void stress(unsigned rounds, unsigned kills) {
  uint64_t state = harness_seed();
  const char *url = unique_url();
  peer_t *peers[CONSUMERS];
  store = shared_memory(sizeof *store);
  for (uint32_t seat = 0; seat < CONSUMERS; seat++) {
    peers[seat] = peer_start(consume, url, seat, seat == 3 ? SYNCMGR_OPEN_NO_THREADS : 0);
  }
  /* The peers that replace the killed are forked by a process that has the space open; they open
   * their own. */
  tools_t tools = open_tools(url, 0);
  for (uint32_t seat = 0; seat < CONSUMERS; seat++) {
    peer_wait_pause(peers[seat], 1);
    peer_go(peers[seat]);
  }
  for (unsigned round = 0; round < rounds; round++) {
    produce(&tools, &state);
    if (kills && round % (rounds / kills) == 0) {
      uint32_t seat = random_below(&state, CONSUMERS);
      usleep(random_below(&state, 300));
      peer_kill(peers[seat]);
      /* It may have died on its way to the wait, having seen nothing of the item. */
      peers[seat] = peer_start(consume, url, seat, seat == 3 ? SYNCMGR_OPEN_NO_THREADS : 0);
      peer_wait_pause(peers[seat], 1);
      peer_go(peers[seat]);
    }
    /* A consumer that died with the mutex back has used its signal up: then it is given again. */
    for (int64_t begin = now_ns(); left(&tools) > 0;) {
      if (kills && now_ns() - begin > 200 * MILLISECOND) {
        CHECK_OK(syncmgr_condition_signal(tools.condition, 1, NULL));
      }
      if (round % 16 == 0) usleep(50);
    }
  }
  atomic_store(&store->stop, 1);
  for (uint32_t seat = 0; seat < CONSUMERS; seat++) {
    while (atomic_load(&peers[seat]->values[0]) == 0) {
      CHECK_OK(syncmgr_condition_broadcast(tools.condition, NULL));
      siginfo_t end = {0};
      waitid(P_PID, (id_t)peers[seat]->pid, &end, WEXITED | WNOHANG | WNOWAIT);
      if (end.si_pid != 0) break;
      usleep(500);
    }
    peer_join(peers[seat]);
  }
  uint64_t lost = atomic_load(&store->made) - atomic_load(&store->used);
  CHECK(lost <= kills);
  CHECK_EQUAL(waiting(&tools), 0);
  check_and_close(tools.space);
}

TEST_WITHIN(90, no_signal_is_lost_among_waits_of_all_kinds) { stress(8000, 0); }
TEST_WITHIN(90, no_signal_is_lost_while_waiters_are_killed) { stress(3000, 100); }

/* Two sides that hand one turn to and fro, each by one signal. */
static void take_turns(peer_t *self) {
  tools_t tools = open_tools(self->url, self->flags);
  peer_pause(self);
  CHECK_OK(syncmgr_mutex_lock(tools.mutex, SYNCMGR_FOREVER));
  for (unsigned turn = 0; turn < 5000; turn++) {
    while (store->items % 2 != self->index) {
      CHECK_OK(syncmgr_condition_wait(tools.condition, tools.mutex, SYNCMGR_FOREVER));
      /* With two sides a wake-up is always a turn: there are no others. */
      CHECK_EQUAL(store->items % 2, self->index);
    }
    store->items += 1;
    CHECK_OK(syncmgr_condition_signal(tools.condition, 1, NULL));
  }
  CHECK_OK(syncmgr_mutex_unlock(tools.mutex));
  CHECK_OK(syncmgr_close(tools.space));
}

TEST_WITHIN(60, two_processes_hand_a_turn_to_and_fro_without_a_spurious_wake_up) {
  const char *url = unique_url();
  store = shared_memory(sizeof *store);
  peer_t *one = peer_start(take_turns, url, 0, 0), *two = peer_start(take_turns, url, 1, 0);
  peer_wait_pause(one, 1);
  peer_wait_pause(two, 1);
  peer_go(one);
  peer_go(two);
  peer_join(one);
  peer_join(two);
  CHECK_EQUAL(store->items, 10000);
}

/* The last handle of the mutex closes while a thread waits with it: the mutex must not stay with a
 * workstream that has it open no more. */
typedef struct blocked {
  tools_t *tools;
  _Atomic uint32_t inside;
  int32_t status;
} blocked_t;

static void *wait_in_thread(void *argument) {
  blocked_t *blocked = argument;
  CHECK_OK(syncmgr_mutex_lock(blocked->tools->mutex, SYNCMGR_FOREVER));
  atomic_store(&blocked->inside, 1);
  blocked->status =
      syncmgr_condition_wait(blocked->tools->condition, blocked->tools->mutex, SYNCMGR_FOREVER);
  return NULL;
}

TEST_WITHIN(60, a_mutex_that_closes_during_a_wait_stays_with_nobody) {
  uint64_t state = harness_seed();
  const char *url = unique_url();
  tools_t other = open_tools(url, 0);
  for (unsigned round = 0; round < 3000; round++) {
    tools_t tools = open_tools(url, 0);
    blocked_t blocked = {.tools = &tools};
    pthread_t thread = start_thread(wait_in_thread, &blocked);
    while (!atomic_load(&blocked.inside)) sched_yield();
    for (volatile uint32_t spin = random_below(&state, 3000); spin > 0; spin--) continue;
    if (round % 4) {
      CHECK_OK(syncmgr_mutex_lock(other.mutex, 5 * SECOND));
      CHECK_OK(syncmgr_condition_signal(other.condition, 1, NULL));
      CHECK_OK(syncmgr_mutex_unlock(other.mutex));
      for (volatile uint32_t spin = random_below(&state, 3000); spin > 0; spin--) continue;
    }
    CHECK_OK(syncmgr_mutex_close(tools.mutex));
    /* Unless it was signalled before the close, it is not signalled any more. */
    join_thread(thread);
    CHECK(blocked.status == SYNCMGR_OK || blocked.status == SYNCMGR_E_CLOSED);
    CHECK_OK(syncmgr_mutex_lock(other.mutex, 5 * SECOND));
    CHECK_OK(syncmgr_mutex_unlock(other.mutex));
    CHECK_OK(syncmgr_close(tools.space));
  }
  check_and_close(other.space);
}
