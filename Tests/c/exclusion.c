/* Mutual exclusion between processes, by every way to take a mutex at once, and by permits. */
#include <signal.h>

#include "bodies.h"

enum { PROCESSES = 4, TURNS = 20000, PERMITS = 2 };

typedef struct guarded {
  uint64_t plain;  /* what only the lock protects */
  _Atomic uint32_t inside, most;
  _Atomic uint64_t last_token;
} guarded_t;

static guarded_t *guarded;

enum { COUNTER_NEAR_ITS_END = 0xfffffff0 };

/* Takes a free mutex as a binding would; what is not free goes through the library. */
static int32_t lock_fast(syncmgr_mutex_t *mutex, const syncmgr_fastpath_t *path) {
  _Atomic uint32_t *word = (_Atomic uint32_t *)(uintptr_t)path->word;
  _Atomic uint32_t *grants = (_Atomic uint32_t *)(uintptr_t)path->grants;
  uint32_t expected = path->free_value;
  if (atomic_load_explicit(grants, memory_order_relaxed) > (uint32_t)COUNTER_NEAR_ITS_END ||
      !atomic_compare_exchange_strong_explicit(word, &expected, path->my_value,
                                               memory_order_acquire, memory_order_relaxed)) {
    return syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER);
  }
  atomic_fetch_add_explicit(grants, 1, memory_order_relaxed);
  return SYNCMGR_OK;
}

static void unlock_fast(syncmgr_mutex_t *mutex, const syncmgr_fastpath_t *path) {
  uint32_t expected = path->my_value;
  if (!atomic_compare_exchange_strong_explicit((_Atomic uint32_t *)(uintptr_t)path->word,
                                               &expected, path->free_value,
                                               memory_order_release, memory_order_relaxed)) {
    CHECK_OK(syncmgr_mutex_unlock(mutex));
  }
}

static void be_inside(syncmgr_mutex_t *mutex) {
  uint64_t token = 0;
  CHECK_EQUAL(atomic_fetch_add(&guarded->inside, 1), 0);
  CHECK_OK(syncmgr_mutex_token(mutex, &token));
  CHECK(token > atomic_load(&guarded->last_token));
  atomic_store(&guarded->last_token, token);
  guarded->plain += 1;
  atomic_fetch_sub(&guarded->inside, 1);
}

static void take_turns(peer_t *self) {
  uint64_t state = harness_seed() + (uint64_t)self->pid;
  syncmgr_t *space = peer_space(self);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, NULL), "m", self->index);
  syncmgr_fastpath_t path;
  CHECK_OK(syncmgr_mutex_fastpath(mutex, &path));
  /* Together, or the first could be through, and its space gone, before the others come. */
  peer_pause(self);
  uint32_t turns = self->index == SYNCMGR_MUTEX_FAIR ? TURNS / 10 : TURNS;
  for (uint32_t turn = 0; turn < turns; turn++) {
    uint32_t way = random_below(&state, 4);
    if (way == 0) {
      CHECK_OK(lock_fast(mutex, &path));
    } else if (way == 1) {
      syncmgr_ticket_t *ticket = NULL;
      int32_t status = syncmgr_mutex_lock_start(mutex, SYNCMGR_FOREVER, NULL, 0, &ticket);
      if (status == SYNCMGR_PENDING) status = syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL);
      CHECK_OK(status);
    } else if (way == 2) {
      int32_t status = SYNCMGR_E_TIMEOUT;
      while (status == SYNCMGR_E_TIMEOUT) {
        status = syncmgr_mutex_lock(mutex, random_below(&state, 200000));
      }
      CHECK_OK(status);
    } else {
      CHECK_OK(syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER));
    }
    be_inside(mutex);
    if (random_below(&state, 2)) unlock_fast(mutex, &path);
    else CHECK_OK(syncmgr_mutex_unlock(mutex));
  }
  atomic_store(&self->values[0], turns);
  CHECK_OK(syncmgr_close(space));
}

static void exclude(uint32_t mutex_flags) {
  const char *url = unique_url();
  peer_t *peers[PROCESSES];
  uint64_t expected = 0;
  guarded = shared_memory(sizeof *guarded);
  for (unsigned index = 0; index < PROCESSES; index++) {
    uint32_t flags = index == 3 ? SYNCMGR_OPEN_NO_THREADS : 0;
    peers[index] = peer_start(take_turns, url, mutex_flags, flags);
  }
  for (unsigned index = 0; index < PROCESSES; index++) peer_wait_pause(peers[index], 1);
  for (unsigned index = 0; index < PROCESSES; index++) peer_go(peers[index]);
  for (unsigned index = 0; index < PROCESSES; index++) {
    peer_join(peers[index]);
    expected += (uint64_t)atomic_load(&peers[index]->values[0]);
  }
  CHECK_EQUAL(guarded->plain, expected);
}

TEST_WITHIN(60, one_process_is_inside_a_mutex_however_it_was_taken) { exclude(0); }
TEST_WITHIN(60, one_process_is_inside_a_fair_mutex_however_it_was_taken) {
  exclude(SYNCMGR_MUTEX_FAIR);
}

static void take_permits(peer_t *self) {
  uint64_t state = harness_seed() + self->index;
  syncmgr_t *space = peer_space(self);
  syncmgr_semaphore_t *semaphore = open_semaphore(open_workstream(space, NULL), "s", PERMITS, 0);
  for (uint32_t turn = 0; turn < TURNS; turn++) {
    uint32_t count = 1 + random_below(&state, PERMITS);
    CHECK_OK(syncmgr_semaphore_acquire(semaphore, count, SYNCMGR_FOREVER));
    uint32_t inside = atomic_fetch_add(&guarded->inside, count) + count;
    CHECK(inside <= PERMITS);
    if (inside > atomic_load(&guarded->most)) atomic_store(&guarded->most, inside);
    atomic_fetch_sub(&guarded->inside, count);
    CHECK_OK(syncmgr_semaphore_release(semaphore, count));
  }
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(60, no_more_permits_are_out_than_a_semaphore_has) {
  const char *url = unique_url();
  peer_t *peers[PROCESSES];
  uint32_t available = 0;
  guarded = shared_memory(sizeof *guarded);
  for (unsigned index = 0; index < PROCESSES; index++) {
    peers[index] = peer_start(take_permits, url, index, 0);
  }
  syncmgr_t *space = open_space(url, 0);
  syncmgr_semaphore_t *semaphore = open_semaphore(open_workstream(space, NULL), "s", PERMITS, 0);
  for (unsigned index = 0; index < PROCESSES; index++) peer_join(peers[index]);
  CHECK_EQUAL(atomic_load(&guarded->most), PERMITS);
  CHECK_OK(syncmgr_semaphore_available(semaphore, &available));
  CHECK_EQUAL(available, PERMITS);
  check_and_close(space);
}
