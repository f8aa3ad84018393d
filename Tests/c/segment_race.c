/* Many processes open and close one name at once: there is one space, or none, never two. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

enum { RACERS = 32, ROUNDS = 100, STORMERS = 6, STORM_ROUNDS = 250 };

/* Shared by the racers; the start line lets all of them go at the same time. */
typedef struct race {
  pthread_barrier_t line;
  _Atomic uint32_t winners[2 * ROUNDS];
  _Atomic uint32_t inside;
  uint64_t guarded;
} race_t;

static race_t *race;

static void make_race(unsigned count) {
  pthread_barrierattr_t attributes;
  race = shared_memory(sizeof *race);
  CHECK_EQUAL(pthread_barrierattr_init(&attributes), 0);
  CHECK_EQUAL(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
  CHECK_EQUAL(pthread_barrier_init(&race->line, &attributes, count), 0);
}

/* All open the name at once and have to meet: the latch gets to zero only if all count in one. */
static void meet(peer_t *self) {
  for (unsigned round = 0; round < ROUNDS; round++) {
    pthread_barrier_wait(&race->line);
    syncmgr_t *space = peer_space(self);
    syncmgr_latch_t *latch = open_latch(open_workstream(space, NULL), "all", RACERS);
    CHECK_OK(syncmgr_latch_count_down(latch, 1, NULL));
    CHECK_OK(syncmgr_latch_wait(latch, 10 * SECOND));
    CHECK_OK(syncmgr_close(space));
    pthread_barrier_wait(&race->line);
    CHECK(access(segment_path(self->url), F_OK) != 0);
  }
}

TEST_WITHIN(90, processes_that_open_a_new_name_at_once_meet_in_one_space_100_times) {
  const char *url = unique_url();
  peer_t *peers[RACERS];
  make_race(RACERS);
  for (unsigned index = 0; index < RACERS; index++) {
    peers[index] = peer_start(meet, url, index, index % 4 == 3 ? SYNCMGR_OPEN_NO_THREADS : 0);
  }
  for (unsigned index = 0; index < RACERS; index++) peer_join(peers[index]);
}

static void create(peer_t *self) {
  for (unsigned round = 0; round < ROUNDS; round++) {
    syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
    syncmgr_t *space = NULL;
    options.flags = SYNCMGR_CREATE_ONLY | self->flags;
    pthread_barrier_wait(&race->line);
    int32_t status = syncmgr_open(self->url, &options, &space);
    if (status == SYNCMGR_OK) {
      atomic_fetch_add(&race->winners[round], 1);
    } else {
      CHECK_STATUS(status, SYNCMGR_E_EXISTS);
    }
    pthread_barrier_wait(&race->line);
    CHECK_EQUAL(atomic_load(&race->winners[round]), 1);
    CHECK_OK(syncmgr_close(space));
  }
}

TEST_WITHIN(90, of_the_processes_that_create_only_at_once_exactly_one_does_100_times) {
  const char *url = unique_url();
  peer_t *peers[RACERS];
  make_race(RACERS);
  for (unsigned index = 0; index < RACERS; index++) {
    peers[index] = peer_start(create, url, index, index % 4 == 3 ? SYNCMGR_OPEN_NO_THREADS : 0);
  }
  for (unsigned index = 0; index < RACERS; index++) peer_join(peers[index]);
}

/* Leavers that remove the segment race with openers that join it. An opener that ended in a
 * removed segment would be alone in there, and two could be inside the mutex at once. */
static void come_and_go(peer_t *self) {
  uint64_t state = harness_seed() + self->index;
  for (unsigned round = 0; round < STORM_ROUNDS; round++) {
    syncmgr_t *space = peer_space(self);
    syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, NULL), "m", 0);
    CHECK_OK(syncmgr_mutex_lock(mutex, 10 * SECOND));
    CHECK_EQUAL(atomic_fetch_add(&race->inside, 1), 0);
    race->guarded += 1;
    if (random_below(&state, 4) == 0) usleep(random_below(&state, 200));
    atomic_fetch_sub(&race->inside, 1);
    if (random_below(&state, 2)) CHECK_OK(syncmgr_mutex_unlock(mutex));
    CHECK_OK(syncmgr_close(space));
    if (random_below(&state, 4) == 0) usleep(random_below(&state, 500));
  }
}

TEST_WITHIN(90, leaving_and_opening_at_once_never_makes_two_spaces_of_one_name) {
  const char *url = unique_url();
  peer_t *peers[STORMERS];
  make_race(STORMERS);
  for (unsigned index = 0; index < STORMERS; index++) {
    peers[index] =
        peer_start(come_and_go, url, index, index % 3 == 2 ? SYNCMGR_OPEN_NO_THREADS : 0);
  }
  for (unsigned index = 0; index < STORMERS; index++) peer_join(peers[index]);
  CHECK_EQUAL(race->guarded, STORMERS * STORM_ROUNDS);
}

static void open_and_die(peer_t *self) {
  for (unsigned round = 0; round < ROUNDS; round++) {
    syncmgr_t *space = peer_space(self);
    syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, NULL), "m", 0);
    int32_t status = syncmgr_mutex_lock(mutex, 10 * SECOND);
    CHECK(status == SYNCMGR_OK || status == SYNCMGR_OWNER_DIED);
    atomic_fetch_add(&race->winners[0], 1);
    /* A child that opens the space as well and dies in it leaves a dead segment now and then. */
    pid_t child = fork();
    if (child == 0) {
      syncmgr_t *own = peer_space(self);
      open_workstream(own, NULL);
      kill(getpid(), SIGKILL);
    }
    CHECK_OK(syncmgr_mutex_unlock(mutex));
    CHECK_OK(syncmgr_close(space));
    CHECK_EQUAL(waitpid(child, NULL, 0), child);
  }
}

TEST_WITHIN(90, replacing_dead_segments_races_with_opening_and_leaves_one_space) {
  const char *url = unique_url();
  peer_t *peers[3];
  make_race(3);
  for (unsigned index = 0; index < 3; index++) {
    peers[index] = peer_start(open_and_die, url, index, 0);
  }
  for (unsigned index = 0; index < 3; index++) peer_join(peers[index]);
  CHECK_EQUAL(atomic_load(&race->winners[0]), 3 * ROUNDS);
  check_and_close(open_space(url, 0));
}
