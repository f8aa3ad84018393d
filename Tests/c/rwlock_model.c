/* The readers-writer lock against a small sequential model; neither side starves; cancel races with
 * grant. */
#include <sched.h>
#include <string.h>

#include "peer.h"

/* The model: what each workstream holds, and whether somebody died or was forced out. Calls that do
 * not wait have one right answer each, which follows from it, as long as nobody is in line. */
enum { STREAMS = 5, FLAGS = 256 /* a peer's index has the flags of the lock in it, times this */ };

typedef struct model {
  uint32_t shared[STREAMS];
  bool lost[STREAMS];
  int writer; /* or -1 */
  bool broken;
} model_t;

static uint32_t readers(const model_t *model, int except) {
  uint32_t count = 0;
  for (int index = 0; index < STREAMS; index++) {
    if (index != except) count += model->shared[index] > 0;
  }
  return count;
}

static int32_t granted(model_t *model, int who, bool exclusive) {
  int32_t status = model->broken ? SYNCMGR_OWNER_DIED : SYNCMGR_OK;
  model->lost[who] = false;
  if (exclusive) {
    model->broken = false;
    model->writer = who;
    model->shared[who] = 0;
  } else {
    model->shared[who] += 1;
  }
  return status;
}

static int32_t missing(model_t *model, int who) {
  int32_t status = model->lost[who] ? SYNCMGR_E_LOST : SYNCMGR_E_NOT_OWNER;
  model->lost[who] = false;
  return status;
}

static int32_t model_lock(model_t *model, int who, uint32_t mode) {
  if (mode > SYNCMGR_EXCLUSIVE) return SYNCMGR_E_INVALID;
  if (model->writer == who) return SYNCMGR_E_DEADLOCK;
  if (mode == SYNCMGR_EXCLUSIVE && model->shared[who]) return SYNCMGR_E_DEADLOCK;
  if (model->writer >= 0) return SYNCMGR_E_TIMEOUT;
  if (mode == SYNCMGR_EXCLUSIVE && readers(model, who)) return SYNCMGR_E_TIMEOUT;
  return granted(model, who, mode == SYNCMGR_EXCLUSIVE);
}

static int32_t model_unlock(model_t *model, int who) {
  if (model->writer == who) model->writer = -1;
  else if (model->shared[who]) model->shared[who] -= 1;
  else return missing(model, who);
  return SYNCMGR_OK;
}

static int32_t model_upgrade(model_t *model, int who) {
  if (model->writer == who) return SYNCMGR_E_NOT_OWNER;
  if (!model->shared[who]) return missing(model, who);
  return readers(model, who) ? SYNCMGR_E_TIMEOUT : granted(model, who, true);
}

static int32_t model_downgrade(model_t *model, int who) {
  if (model->writer != who) {
    return model->shared[who] ? SYNCMGR_E_NOT_OWNER : missing(model, who);
  }
  model->writer = -1;
  model->shared[who] = 1;
  return SYNCMGR_OK;
}

static int32_t model_force(model_t *model) {
  bool any = model->writer >= 0;
  if (any) {
    model->lost[model->writer] = true;
    model->broken = true;
  }
  for (int index = 0; index < STREAMS; index++) {
    if (model->shared[index]) any = model->lost[index] = true;
    model->shared[index] = 0;
  }
  model->writer = -1;
  return any ? SYNCMGR_OK : SYNCMGR_FREE;
}

/* Who takes over from one that closes: a new workstream of nothing. */
static void model_close(model_t *model, int who) {
  if (model->writer == who) model->writer = -1;
  model->shared[who] = 0;
  model->lost[who] = false;
}

static void check_holders(const model_t *model, syncmgr_rwlock_t *lock) {
  syncmgr_holder_t holders[STREAMS];
  uint32_t count = 0, total = 0, wanted = readers(model, -1) + (model->writer >= 0);
  uint64_t expected = model->writer >= 0 ? SYNCMGR_COUNT_MAX : 0;
  CHECK_OK(syncmgr_rwlock_holders(lock, holders, STREAMS, &count));
  CHECK_EQUAL(count, wanted);
  for (int index = 0; index < STREAMS; index++) expected += model->shared[index];
  for (uint32_t index = 0; index < count; index++) total += holders[index].amount;
  CHECK_EQUAL(total, expected);
}

TEST(calls_that_do_not_wait_answer_as_a_model_says) {
  uint64_t state = harness_seed();
  for (unsigned run = 0; run < 30; run++) {
    syncmgr_t *space = open_space(run % 2 ? "local:" : unique_url(), 0);
    syncmgr_workstream_t *streams[STREAMS];
    syncmgr_rwlock_t *locks[STREAMS];
    uint32_t flags = random_below(&state, 2) ? SYNCMGR_RWLOCK_FAIR : 0;
    model_t model = {.writer = -1};
    for (int who = 0; who < STREAMS; who++) {
      streams[who] = open_workstream(space, NULL);
      locks[who] = open_rwlock(streams[who], "r", flags);
    }
    for (unsigned step = 0; step < 400; step++) {
      int who = (int)random_below(&state, STREAMS);
      uint32_t mode = random_below(&state, 20) == 0 ? 2 : random_below(&state, 3) == 0;
      switch (random_below(&state, 12)) {
        case 0:
          CHECK_STATUS(syncmgr_rwlock_force_release(locks[who]), model_force(&model));
          break;
        case 1:
          CHECK_OK(syncmgr_rwlock_close(locks[who]));
          model_close(&model, who);
          locks[who] = open_rwlock(streams[who], "r", flags);
          break;
        case 2: case 3:
          CHECK_STATUS(syncmgr_rwlock_upgrade(locks[who], 0), model_upgrade(&model, who));
          break;
        case 4: case 5:
          CHECK_STATUS(syncmgr_rwlock_downgrade(locks[who]), model_downgrade(&model, who));
          break;
        case 6: case 7: case 8:
          CHECK_STATUS(syncmgr_rwlock_unlock(locks[who]), model_unlock(&model, who));
          break;
        default:
          CHECK_STATUS(syncmgr_rwlock_lock(locks[who], mode, 0), model_lock(&model, who, mode));
          break;
      }
      check_holders(&model, locks[who]);
    }
    check_and_close(space);
  }
}

/* What all see who are inside, of threads and processes alike. */
typedef struct board {
  _Atomic int32_t inside; /* readers, or -1 for a writer */
  uint64_t first, second; /* the writers' alone */
  _Atomic uint64_t reads, writes, upgrades, refused;
  _Atomic uint32_t stop;
} board_t;

static board_t *board;

static void be_reader(void) {
  CHECK(atomic_fetch_add(&board->inside, 1) >= 0);
  CHECK_EQUAL(board->first, board->second);
  atomic_fetch_add(&board->reads, 1);
}

static void be_writer(void) {
  CHECK_EQUAL(atomic_exchange(&board->inside, -1), 0);
  CHECK_EQUAL(board->first, board->second);
  board->first += 1;
  for (volatile unsigned spin = 0; spin < 50; spin++) continue;
  board->second += 1;
  atomic_fetch_add(&board->writes, 1);
}

static int32_t lock_somehow(syncmgr_rwlock_t *lock, uint32_t mode, uint64_t *state) {
  syncmgr_ticket_t *ticket = NULL;
  switch (random_below(state, 4)) {
    case 0: return syncmgr_rwlock_lock(lock, mode, random_below(state, 100000));
    case 1: {
      int32_t status = syncmgr_rwlock_lock_start(lock, mode, SYNCMGR_FOREVER, NULL, 0, &ticket);
      if (status != SYNCMGR_PENDING) return status;
      for (volatile uint32_t spin = random_below(state, 500); spin > 0; spin--) continue;
      if (random_below(state, 2)) {
        status = syncmgr_ticket_cancel(ticket);
        if (status == SYNCMGR_OK) return SYNCMGR_E_CANCELLED;
        CHECK_STATUS(status, SYNCMGR_FINISHED);
      }
      return syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL);
    }
    default: return syncmgr_rwlock_lock(lock, mode, SYNCMGR_FOREVER);
  }
}

static void visit(syncmgr_rwlock_t *lock, uint64_t *state) {
  uint32_t mode = random_below(state, 5) == 0;
  int32_t status = lock_somehow(lock, mode, state);
  if (status == SYNCMGR_E_TIMEOUT || status == SYNCMGR_E_CANCELLED) {
    CHECK_STATUS(syncmgr_rwlock_unlock(lock), SYNCMGR_E_NOT_OWNER);
    return;
  }
  CHECK_OK(status);
  if (mode) {
    be_writer();
    atomic_store(&board->inside, 0);
    CHECK_OK(syncmgr_rwlock_unlock(lock));
    return;
  }
  be_reader();
  bool again = random_below(state, 8) == 0;
  if (again) CHECK_OK(syncmgr_rwlock_lock(lock, SYNCMGR_SHARED, 10 * SECOND));
  if (again) CHECK_OK(syncmgr_rwlock_unlock(lock));
  /* Not inside while it upgrades: it may be the only one to come through. */
  atomic_fetch_sub(&board->inside, 1);
  if (random_below(state, 6) == 0) {
    status = syncmgr_rwlock_upgrade(lock, random_below(state, 2) ? 5 * SECOND : 0);
    if (status == SYNCMGR_OK) {
      be_writer();
      atomic_store(&board->inside, 0);
      atomic_fetch_add(&board->upgrades, 1);
      if (random_below(state, 2)) CHECK_OK(syncmgr_rwlock_downgrade(lock));
    } else {
      CHECK(status == SYNCMGR_E_DEADLOCK || status == SYNCMGR_E_TIMEOUT);
      atomic_fetch_add(&board->refused, 1);
    }
  }
  CHECK_OK(syncmgr_rwlock_unlock(lock));
}

static void visit_often(peer_t *self) {
  uint64_t state = harness_seed() + self->index * 1000 + 1;
  syncmgr_t *space = peer_space(self);
  syncmgr_rwlock_t *lock = open_rwlock(open_workstream(space, NULL), "r", self->index / FLAGS);
  peer_pause(self);
  for (unsigned turn = 0; turn < 8000; turn++) visit(lock, &state);
  CHECK_OK(syncmgr_close(space));
}

static void *visit_in_thread(void *argument) {
  static _Atomic uint64_t threads;
  uint64_t state = harness_seed() - 1 - atomic_fetch_add(&threads, 1);
  for (unsigned turn = 0; turn < 8000; turn++) visit(argument, &state);
  return NULL;
}

static void run_visitors(uint32_t flags) {
  enum { PROCESSES = 3, THREADS = 2 };
  const char *url = unique_url();
  peer_t *peers[PROCESSES];
  pthread_t threads[THREADS];
  board = shared_memory(sizeof *board);
  for (unsigned index = 0; index < PROCESSES; index++) {
    peers[index] = peer_start(visit_often, url, index + flags * FLAGS,
                              index == 2 ? SYNCMGR_OPEN_NO_THREADS : 0);
  }
  syncmgr_t *space = open_space(url, 0);
  for (unsigned index = 0; index < PROCESSES; index++) {
    peer_go(peers[index]);
  }
  for (unsigned index = 0; index < THREADS; index++) {
    threads[index] =
        start_thread(visit_in_thread, open_rwlock(open_workstream(space, NULL), "r", flags));
  }
  for (unsigned index = 0; index < THREADS; index++) join_thread(threads[index]);
  for (unsigned index = 0; index < PROCESSES; index++) peer_join(peers[index]);
  CHECK_EQUAL(board->first, atomic_load(&board->writes));
  CHECK(atomic_load(&board->upgrades) > 0);
  syncmgr_rwlock_t *lock = open_rwlock(open_workstream(space, NULL), "r", flags);
  CHECK_OK(syncmgr_rwlock_lock(lock, SYNCMGR_EXCLUSIVE, 0));
  check_and_close(space);
}

TEST_WITHIN(90, readers_share_and_writers_exclude_whatever_way_they_came) { run_visitors(0); }
TEST_WITHIN(90, readers_share_and_writers_exclude_in_a_fair_one_too) {
  run_visitors(SYNCMGR_RWLOCK_FAIR);
}

/* Holds in the mode of its index nearly all the time: with three of them it is never free. */
static void hammer(peer_t *self) {
  uint64_t state = harness_seed() + self->index;
  syncmgr_t *space = peer_space(self);
  syncmgr_rwlock_t *lock = open_rwlock(open_workstream(space, NULL), "r", 0);
  peer_pause(self);
  while (!atomic_load(&board->stop)) {
    CHECK_OK(syncmgr_rwlock_lock(lock, self->index, SYNCMGR_FOREVER));
    for (volatile uint32_t spin = 2000 + random_below(&state, 2000); spin > 0; spin--) continue;
    if (random_below(&state, 200) == 0) sleep_ms(1);
    CHECK_OK(syncmgr_rwlock_unlock(lock));
  }
  CHECK_OK(syncmgr_close(space));
}

static void expect_turns(uint32_t mine, uint32_t theirs) {
  enum { HAMMERS = 3 };
  const char *url = unique_url();
  peer_t *peers[HAMMERS];
  board = shared_memory(sizeof *board);
  for (unsigned index = 0; index < HAMMERS; index++) {
    peers[index] = peer_start(hammer, url, theirs, 0);
  }
  syncmgr_t *space = open_space(url, 0);
  syncmgr_rwlock_t *lock = open_rwlock(open_workstream(space, NULL), "r", 0);
  for (unsigned index = 0; index < HAMMERS; index++) peer_go(peers[index]);
  for (unsigned round = 0; round < 100; round++) {
    CHECK_OK(syncmgr_rwlock_lock(lock, mine, 10 * SECOND));
    CHECK_OK(syncmgr_rwlock_unlock(lock));
    if (round % 10 == 0) sleep_ms(1);
  }
  atomic_store(&board->stop, 1);
  for (unsigned index = 0; index < HAMMERS; index++) peer_join(peers[index]);
  check_and_close(space);
}

TEST_WITHIN(60, a_writer_among_readers_that_never_pause_gets_its_turn) {
  expect_turns(SYNCMGR_EXCLUSIVE, SYNCMGR_SHARED);
}
TEST_WITHIN(60, a_reader_among_writers_that_never_pause_gets_its_turn) {
  expect_turns(SYNCMGR_SHARED, SYNCMGR_EXCLUSIVE);
}
