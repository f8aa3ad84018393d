/* The death of a process that holds a readers-writer lock, waits for it, or upgrades. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "bodies.h"

/* What a peer of this file does, in its index. */
enum { READ, WRITE, UPGRADE };

/* Opens. READ and WRITE lock so; UPGRADE reads, and then waits to upgrade. Value 1 is the token.
 * Pause 1: opened, and, to upgrade, reading. The wait is reported. Pause 2. */
static void take(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_rwlock_t *lock = open_rwlock(open_workstream(space, peer_workstream_name(self)), "r", 0);
  uint64_t token = 0;
  if (self->index == UPGRADE) CHECK_OK(syncmgr_rwlock_lock(lock, SYNCMGR_SHARED, 0));
  peer_pause(self);
  int32_t status = self->index == UPGRADE
                       ? syncmgr_rwlock_upgrade(lock, SYNCMGR_FOREVER)
                       : syncmgr_rwlock_lock(lock, self->index == WRITE, SYNCMGR_FOREVER);
  if (status >= 0) CHECK_OK(syncmgr_rwlock_token(lock, &token));
  atomic_store(&self->values[1], (int64_t)token);
  report_status(self, status);
  peer_pause(self);
  CHECK_OK(syncmgr_rwlock_unlock(lock));
  CHECK_OK(syncmgr_close(space));
}

static peer_t *start_taker(const char *url, uint32_t what, uint32_t flags) {
  peer_t *peer = start_holder(take, url, what, flags);
  peer_go(peer);
  peer_wait_pause(peer, 2);
  return peer;
}

static syncmgr_rwlock_t *open_here(const char *url, uint32_t flags, syncmgr_t **space) {
  *space = open_space(url, flags);
  return open_rwlock(open_workstream(*space, NULL), "r", 0);
}

TEST(everybody_hears_of_the_death_of_a_writer_until_one_was_exclusive) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    syncmgr_t *space = NULL;
    syncmgr_holder_t before;
    peer_t *writer = start_taker(url, WRITE, flags);
    peer_t *waiting = start_waiter(take, url, READ, flags);
    int64_t killed = now_ns();
    peer_kill(writer);
    CHECK_STATUS(peer_wait_status(waiting), SYNCMGR_OWNER_DIED);
    CHECK(peer_wait_time(waiting) - killed < SECOND);
    syncmgr_rwlock_t *lock = open_here(url, flags, &space);
    CHECK_STATUS(syncmgr_rwlock_lock(lock, SYNCMGR_SHARED, SECOND), SYNCMGR_OWNER_DIED);
    CHECK_STATUS(syncmgr_rwlock_lock(lock, SYNCMGR_SHARED, SECOND), SYNCMGR_OWNER_DIED);
    CHECK_OK(syncmgr_rwlock_previous_owner(lock, &before));
    CHECK_EQUAL(before.pid, writer->pid);
    CHECK_EQUAL(before.token, atomic_load(&writer->values[1]));
    CHECK(strcmp(before.name, peer_workstream_name(writer)) == 0);
    finish(waiting);
    CHECK_OK(syncmgr_rwlock_unlock(lock));
    CHECK_STATUS(syncmgr_rwlock_upgrade(lock, SECOND), SYNCMGR_OWNER_DIED);
    CHECK_OK(syncmgr_rwlock_unlock(lock));
    CHECK_OK(syncmgr_rwlock_lock(lock, SYNCMGR_SHARED, 0));
    CHECK_OK(syncmgr_rwlock_unlock(lock));
    CHECK_OK(syncmgr_rwlock_lock(lock, SYNCMGR_EXCLUSIVE, 0));
    check_and_close(space);
  }
}

TEST(one_that_dies_upgraded_is_a_dead_owner_and_one_that_leaves_is_none) {
  for (unsigned dies = 0; dies < 2; dies++) {
    const char *url = unique_url();
    syncmgr_t *space = NULL;
    peer_t *peer = start_taker(url, UPGRADE, 0);
    syncmgr_rwlock_t *lock = open_here(url, 0, &space);
    if (dies) {
      peer_kill(peer);
      CHECK_STATUS(syncmgr_rwlock_lock(lock, SYNCMGR_EXCLUSIVE, SECOND), SYNCMGR_OWNER_DIED);
      CHECK_OK(syncmgr_rwlock_unlock(lock));
    } else {
      CHECK_STATUS(syncmgr_rwlock_lock(lock, SYNCMGR_SHARED, 0), SYNCMGR_E_TIMEOUT);
      finish(peer);
    }
    CHECK_OK(syncmgr_rwlock_lock(lock, SYNCMGR_EXCLUSIVE, 0));
    check_and_close(space);
  }
}

TEST(shared_holds_of_the_dead_return_and_nobody_hears_of_that) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    syncmgr_t *space = NULL;
    peer_t *reader = start_taker(url, READ, flags), *other = start_taker(url, READ, flags);
    peer_t *writer = start_waiter(take, url, WRITE, flags);
    syncmgr_rwlock_t *lock = open_here(url, flags, &space);
    peer_kill(reader);
    sleep_ms(30);
    CHECK(peer_still_waits(writer));
    finish(other);
    CHECK_OK(peer_wait_status(writer));
    finish(writer);
    CHECK_OK(syncmgr_rwlock_lock(lock, SYNCMGR_EXCLUSIVE, SECOND));
    CHECK_STATUS(syncmgr_rwlock_previous_owner(lock, &(syncmgr_holder_t){0}), SYNCMGR_FREE);
    check_and_close(space);
  }
}

TEST(a_writer_that_dies_in_line_keeps_nobody_out) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *reader = start_taker(url, READ, flags);
    peer_t *writer = start_waiter(take, url, WRITE, flags);
    sleep_ms(5);
    peer_t *late = start_waiter(take, url, READ, flags);
    CHECK(peer_still_waits(late));
    peer_kill(writer);
    CHECK_OK(peer_wait_status(late));
    finish(late);
    finish(reader);
  }
}

TEST(one_that_dies_upgrading_gives_its_shared_hold_back_and_lets_the_others_upgrade) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    syncmgr_t *space = NULL;
    syncmgr_rwlock_t *lock = NULL;
    peer_t *upgrader = start_holder(take, url, UPGRADE, flags);
    lock = open_here(url, flags, &space);
    CHECK_OK(syncmgr_rwlock_lock(lock, SYNCMGR_SHARED, 0));
    peer_go(upgrader);
    peer_wait_asleep(upgrader);
    CHECK_STATUS(syncmgr_rwlock_upgrade(lock, SYNCMGR_FOREVER), SYNCMGR_E_DEADLOCK);
    peer_kill(upgrader);
    CHECK_OK(syncmgr_rwlock_upgrade(lock, 5 * SECOND));
    check_and_close(space);
  }
}

TEST(a_grant_to_a_waiter_that_dies_before_it_returns_goes_to_the_next) {
  for (uint32_t mode = READ; mode <= WRITE; mode++) {
    const char *url = unique_url();
    peer_t *holder = start_taker(url, WRITE, 0);
    peer_t *first = start_waiter(take, url, mode, 0);
    peer_t *second = start_waiter(take, url, WRITE, 0);
    peer_signal(first, SIGSTOP);
    sleep_ms(5);
    finish(holder);
    sleep_ms(20);
    CHECK(peer_still_waits(second));
    peer_kill(first);
    /* It never knew that it had the lock: what is protected cannot be half changed. */
    CHECK_OK(peer_wait_status(second));
    finish(second);
  }
}

TEST(a_writer_that_inherits_a_death_and_dies_unknowing_leaves_it_to_the_next) {
  const char *url = unique_url();
  peer_t *holder = start_taker(url, WRITE, 0);
  peer_t *first = start_waiter(take, url, WRITE, 0);
  peer_t *second = start_waiter(take, url, WRITE, 0);
  peer_signal(first, SIGSTOP);
  sleep_ms(5);
  peer_kill(holder);
  sleep_ms(20);
  peer_kill(first);
  CHECK_STATUS(peer_wait_status(second), SYNCMGR_OWNER_DIED);
  finish(second);
}

TEST(tries_alone_get_the_lock_of_the_killed_in_time) {
  for (uint32_t mode = READ; mode <= WRITE; mode++) {
    const char *url = unique_url();
    syncmgr_t *space = NULL;
    peer_t *holder = start_taker(url, WRITE, 0);
    syncmgr_rwlock_t *lock = open_here(url, 0, &space);
    peer_kill(holder);
    int32_t status = SYNCMGR_E_TIMEOUT;
    WAIT_UNTIL((status = syncmgr_rwlock_lock(lock, mode, 0)) != SYNCMGR_E_TIMEOUT);
    CHECK_STATUS(status, SYNCMGR_OWNER_DIED);
    check_and_close(space);
  }
}

TEST(a_started_lock_gets_what_the_killed_held_through_its_queue) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    syncmgr_t *space = NULL;
    syncmgr_ticket_t *ticket = NULL;
    syncmgr_record_t record;
    uint32_t count = 0;
    peer_t *holder = start_taker(url, WRITE, flags);
    syncmgr_rwlock_t *lock = open_here(url, flags, &space);
    syncmgr_queue_t *queue = open_queue(space);
    CHECK_STATUS(syncmgr_rwlock_lock_start(lock, SYNCMGR_SHARED, SYNCMGR_FOREVER, queue, 0,
                                           &ticket), SYNCMGR_PENDING);
    peer_kill(holder);
    while (count == 0) {
      sleep_ms(1);
      CHECK_OK(syncmgr_queue_drain(queue, &record, 1, &count));
    }
    CHECK_STATUS(record.status, SYNCMGR_OWNER_DIED);
    check_and_close(space);
  }
}

/* Kills at random moments. Each worker marks on the board what it holds; the seats of those who
 * were killed prove nothing until they are dead. */
enum { WORKERS = 4, SEATS = WORKERS };

typedef struct board {
  _Atomic uint32_t holds[SEATS]; /* 0, 1 shared, 2 exclusive */
  _Atomic uint64_t turns, inherited;
} board_t;

static board_t *board;

static void check_others(uint32_t seat, uint32_t mine) {
  for (uint32_t other = 0; other < SEATS; other++) {
    uint32_t theirs = atomic_load(&board->holds[other]);
    if (other == seat || theirs == 0 || (mine == 1 && theirs == 1)) continue;
    harness_fail(__FILE__, __LINE__, "seat %u holds %u and seat %u holds %u", seat, mine, other,
                 theirs);
  }
}

static void work(peer_t *self) {
  uint64_t state = harness_seed() ^ ((uint64_t)getpid() << 20);
  uint32_t seat = self->index;
  syncmgr_t *space = peer_space(self);
  syncmgr_rwlock_t *lock = open_rwlock(open_workstream(space, NULL), "r", 0);
  peer_pause(self);
  for (;;) {
    uint32_t mode = random_below(&state, 4) == 0;
    int32_t status = syncmgr_rwlock_lock(lock, mode, random_below(&state, 3) ? SYNCMGR_FOREVER
                                                                             : MILLISECOND);
    if (status == SYNCMGR_E_TIMEOUT) continue;
    CHECK(status == SYNCMGR_OK || status == SYNCMGR_OWNER_DIED);
    if (status == SYNCMGR_OWNER_DIED) atomic_fetch_add(&board->inherited, 1);
    atomic_store(&board->holds[seat], mode + 1);
    check_others(seat, mode + 1);
    for (volatile uint32_t spin = random_below(&state, 400); spin > 0; spin--) continue;
    if (!mode && random_below(&state, 8) == 0) {
      status = syncmgr_rwlock_upgrade(lock, random_below(&state, 2) ? SYNCMGR_FOREVER : 0);
      CHECK(status == SYNCMGR_OK || status == SYNCMGR_OWNER_DIED || status == SYNCMGR_E_TIMEOUT ||
            status == SYNCMGR_E_DEADLOCK);
      if (status >= 0) {
        atomic_store(&board->holds[seat], 2);
        check_others(seat, 2);
        if (random_below(&state, 2)) {
          atomic_store(&board->holds[seat], 1);
          CHECK_OK(syncmgr_rwlock_downgrade(lock));
          check_others(seat, 1);
        }
      }
    }
    atomic_store(&board->holds[seat], 0);
    CHECK_OK(syncmgr_rwlock_unlock(lock));
    atomic_fetch_add(&board->turns, 1);
  }
}

TEST_WITHIN(90, readers_and_writers_that_are_killed_at_random_leave_a_lock_that_works) {
  uint64_t state = harness_seed();
  const char *url = unique_url();
  peer_t *peers[WORKERS];
  board = shared_memory(sizeof *board);
  for (uint32_t seat = 0; seat < WORKERS; seat++) {
    peers[seat] = peer_start(work, url, seat, seat == 3 ? SYNCMGR_OPEN_NO_THREADS : 0);
  }
  for (uint32_t seat = 0; seat < WORKERS; seat++) {
    peer_wait_pause(peers[seat], 1);
    peer_go(peers[seat]);
  }
  /* An exclusive holder is among those that are killed, sooner or later. */
  for (unsigned kill = 0; kill < 120 || (kill < 1200 && board->inherited == 0); kill++) {
    uint32_t seat = random_below(&state, WORKERS);
    uint64_t before = atomic_load(&board->turns);
    usleep(random_below(&state, 4000));
    WAIT_UNTIL(atomic_load(&board->turns) > before);
    /* Stopped first: what it claims to hold must not be believed once its locks are released. */
    peer_signal(peers[seat], SIGSTOP);
    sleep_ms(1);
    atomic_store(&board->holds[seat], 0);
    peer_kill(peers[seat]);
    peers[seat] = peer_start(work, url, seat, seat == 3 ? SYNCMGR_OPEN_NO_THREADS : 0);
    peer_wait_pause(peers[seat], 1);
    peer_go(peers[seat]);
  }
  for (uint32_t seat = 0; seat < WORKERS; seat++) {
    peer_signal(peers[seat], SIGSTOP);
    sleep_ms(1);
    atomic_store(&board->holds[seat], 0);
    peer_kill(peers[seat]);
  }
  syncmgr_t *space = open_space(url, SYNCMGR_PERSISTENT);
  syncmgr_rwlock_t *lock = open_rwlock(open_workstream(space, NULL), "r", 0);
  int32_t status = syncmgr_rwlock_lock(lock, SYNCMGR_EXCLUSIVE, SECOND);
  CHECK(status == SYNCMGR_OK || status == SYNCMGR_OWNER_DIED);
  CHECK(atomic_load(&board->inherited) > 0);
  check_and_close(space);
  syncmgr_unlink(url);
}
