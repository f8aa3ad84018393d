/* Random bits of a live segment are flipped while processes use it. Waits and counts may be
 * spoiled; nobody may crash, and no call may outlast its timeout without end. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

enum { ROUNDS = 25, USERS = 3, PAGES = 64, PAGE = 4096, STOP = 0, PROGRESS = 1 };

typedef struct tools {
  syncmgr_t *space;
  syncmgr_workstream_t *me;
  syncmgr_mutex_t *mutex;
  syncmgr_semaphore_t *semaphore;
  syncmgr_barrier_t *barrier, *phaser;
  syncmgr_event_t *event;
  syncmgr_latch_t *latch;
  syncmgr_rwlock_t *rwlock;
  syncmgr_condition_t *condition;
  syncmgr_election_t *election;
} tools_t;

static void use_old(tools_t *tools, uint64_t *state) {
  syncmgr_holder_t holders[4];
  syncmgr_barrier_info_t barrier_state;
  syncmgr_ticket_t *ticket = NULL;
  syncmgr_mutex_t *other = NULL;
  uint32_t count = 0;
  uint64_t token = 0;
  char text[4096];
  size_t length = 0;
  switch (random_below(state, 14)) {
    case 0: syncmgr_mutex_lock(tools->mutex, MILLISECOND); break;
    case 1: syncmgr_mutex_unlock(tools->mutex); break;
    case 2:
      syncmgr_semaphore_acquire(tools->semaphore, 1 + random_below(state, 2), MILLISECOND);
      break;
    case 3: syncmgr_semaphore_release(tools->semaphore, 1); break;
    case 4: syncmgr_barrier_wait(tools->barrier, MILLISECOND, NULL, NULL); break;
    case 5: syncmgr_barrier_reset(tools->barrier); break;
    case 6: syncmgr_event_set(tools->event); break;
    case 7: syncmgr_event_wait(tools->event, MILLISECOND); break;
    case 8: syncmgr_latch_wait(tools->latch, MILLISECOND / 10); break;
    case 9: syncmgr_cleanup(tools->space, NULL); break;
    case 10: syncmgr_check(tools->space); break;
    case 11:
      if (syncmgr_mutex_lock_start(tools->mutex, MILLISECOND, NULL, 0, &ticket) ==
              SYNCMGR_PENDING &&
          syncmgr_ticket_cancel(ticket) != SYNCMGR_OK) {
        syncmgr_ticket_wait(ticket, MILLISECOND, NULL);
      }
      break;
    case 12:
      if (syncmgr_mutex_open(tools->me, "more", NULL, &other) >= 0) syncmgr_mutex_close(other);
      break;
    default:
      syncmgr_mutex_held_by(tools->mutex, &holders[0]);
      syncmgr_mutex_token(tools->mutex, &token);
      syncmgr_semaphore_holders(tools->semaphore, holders, 4, &count);
      syncmgr_barrier_state(tools->barrier, &barrier_state);
      syncmgr_snapshot_json(tools->space, 0, text, sizeof text, &length);
      break;
  }
}

/* A condition gives the mutex back without limit, so it is waited for with a ticket only. */
static void wait_for_condition(tools_t *tools) {
  syncmgr_ticket_t *ticket = NULL;
  syncmgr_mutex_lock(tools->mutex, MILLISECOND);
  if (syncmgr_condition_wait_start(tools->condition, tools->mutex, MILLISECOND, NULL, 0,
                                   &ticket) == SYNCMGR_PENDING &&
      syncmgr_ticket_wait(ticket, 2 * MILLISECOND, NULL) == SYNCMGR_PENDING) {
    syncmgr_ticket_cancel(ticket);
  }
}

static void use_new(tools_t *tools, uint64_t *state) {
  syncmgr_holder_t holders[4];
  char result[SYNCMGR_RESULT_MAX];
  size_t length = 0;
  uint32_t count = 0;
  void *lock = NULL;
  switch (random_below(state, 18)) {
    case 0: case 1:
      syncmgr_rwlock_lock(tools->rwlock, random_below(state, 2), MILLISECOND);
      break;
    case 2: case 3: syncmgr_rwlock_unlock(tools->rwlock); break;
    case 4: syncmgr_rwlock_upgrade(tools->rwlock, MILLISECOND); break;
    case 5: syncmgr_rwlock_downgrade(tools->rwlock); break;
    case 6: syncmgr_rwlock_force_release(tools->rwlock); break;
    case 7:
      syncmgr_rwlock_holders(tools->rwlock, holders, 4, &count);
      syncmgr_rwlock_previous_owner(tools->rwlock, holders);
      break;
    case 8: case 9: wait_for_condition(tools); break;
    case 10: syncmgr_condition_signal(tools->condition, 1, NULL); break;
    case 11:
      syncmgr_condition_broadcast(tools->condition, NULL);
      syncmgr_condition_waiting(tools->condition, &count);
      break;
    case 12: syncmgr_election_campaign(tools->election, MILLISECOND, NULL); break;
    case 13: syncmgr_election_resign(tools->election); break;
    case 14:
      syncmgr_election_finish(tools->election, "result", 6);
      syncmgr_election_result(tools->election, result, sizeof result, &length);
      break;
    case 15: syncmgr_election_reset(tools->election); break;
    case 16:
      syncmgr_barrier_join(tools->phaser);
      syncmgr_barrier_wait(tools->phaser, MILLISECOND, NULL, NULL);
      syncmgr_barrier_reset(tools->phaser);
      syncmgr_barrier_leave(tools->phaser);
      break;
    default:
      lock = random_below(state, 2) ? (void *)tools->mutex : (void *)tools->rwlock;
      syncmgr_lease_set(lock, MILLISECOND + random_below(state, MILLISECOND), 0);
      syncmgr_lease_renew(lock);
      break;
  }
}

static void use(peer_t *self) {
  uint64_t state = harness_seed() ^ ((uint64_t)self->index << 32);
  tools_t tools = {.space = peer_space(self)};
  tools.me = open_workstream(tools.space, NULL);
  tools.mutex = open_mutex(tools.me, "m", 0);
  tools.semaphore = open_semaphore(tools.me, "s", 3, 0);
  tools.barrier = open_barrier(tools.me, "b", 2);
  tools.event = open_event(tools.me, "e", 0);
  tools.latch = open_latch(tools.me, "l", 5);
  tools.rwlock = open_rwlock(tools.me, "r", 0);
  tools.condition = open_condition(tools.me, "c");
  tools.election = open_election(tools.me, "v");
  tools.phaser = open_phaser(tools.me, "p", 0);
  peer_pause(self);
  while (!atomic_load(&self->values[STOP])) {
    if (random_below(&state, 2)) use_old(&tools, &state);
    else use_new(&tools, &state);
    atomic_fetch_add(&self->values[PROGRESS], 1);
  }
  int32_t closed = syncmgr_close(tools.space);
  CHECK(closed == SYNCMGR_OK || closed == SYNCMGR_E_CORRUPT);
}

/* Finds the pages of the file that are in use: the others say nothing to anybody. */
static unsigned used_pages(const char *path, off_t *pages, unsigned char **memory, off_t *size) {
  struct stat status;
  unsigned count = 0;
  int file = open(path, O_RDWR);
  CHECK(file >= 0);
  CHECK_EQUAL(fstat(file, &status), 0);
  for (off_t offset = 0; count < PAGES && offset < status.st_size; offset += PAGE) {
    offset = lseek(file, offset, SEEK_DATA);
    if (offset < 0) break;
    pages[count++] = offset;
  }
  *size = status.st_size;
  *memory = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  CHECK(*memory != MAP_FAILED);
  close(file);
  return count;
}

static void flip(const char *url, uint64_t *state) {
  off_t pages[PAGES], size = 0;
  unsigned char *memory = NULL;
  unsigned count = used_pages(segment_path(url), pages, &memory, &size);
  CHECK(count > 0);
  for (unsigned step = 0; step < 300; step++) {
    off_t offset = pages[random_below(state, count)] + random_below(state, PAGE);
    unsigned kind = random_below(state, 4);
    /* Words that are set, words that are copied about, and bits: counts, indices and flags. */
    if (kind == 0) memory[offset] = (unsigned char)random_next(state);
    if (kind == 1) memory[offset] ^= (unsigned char)(1u << random_below(state, 8));
    if (kind == 2) memory[offset] = 0xff;
    if (kind == 3) {
      off_t source = pages[random_below(state, count)] + (random_below(state, PAGE) & ~7u);
      *(uint64_t *)(memory + (offset & ~7)) = *(uint64_t *)(memory + source);
    }
    usleep(random_below(state, 400));
  }
  CHECK_EQUAL(munmap(memory, (size_t)size), 0);
}

TEST_WITHIN(120, flipping_bits_of_a_live_segment_crashes_and_hangs_nobody) {
  uint64_t state = harness_seed();
  for (unsigned round = 0; round < ROUNDS; round++) {
    const char *url = unique_url();
    peer_t *peers[USERS];
    for (unsigned index = 0; index < USERS; index++) {
      uint32_t flags = index == 2 ? SYNCMGR_OPEN_NO_THREADS : 0;
      peers[index] = peer_start(use, url, round * USERS + index, flags);
    }
    for (unsigned index = 0; index < USERS; index++) peer_wait_pause(peers[index], 1);
    for (unsigned index = 0; index < USERS; index++) peer_go(peers[index]);
    flip(url, &state);
    for (unsigned index = 0; index < USERS; index++) {
      /* A user that hangs makes no progress, and the watchdog ends the test here. */
      int64_t before = atomic_load(&peers[index]->values[PROGRESS]);
      WAIT_UNTIL(atomic_load(&peers[index]->values[PROGRESS]) > before + 2 ||
                 peer_ended(peers[index]));
    }
    for (unsigned index = 0; index < USERS; index++) {
      atomic_store(&peers[index]->values[STOP], 1);
    }
    for (unsigned index = 0; index < USERS; index++) peer_join(peers[index]);
    /* What is left opens or is refused, and goes away by its name. */
    try_open(url, 0);
    syncmgr_unlink(url);
    CHECK_EQUAL(segment_file_count(url), 0);
  }
}
