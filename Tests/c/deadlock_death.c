/* Deadlocks of processes that die or are stopped, and the cost of looking. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "deadlocks.h"

static void not_resolving(syncmgr_t *space) {
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.flags = 0;
  CHECK_OK(syncmgr_deadlock_configure(space, &options));
}

static void start_circle(peer_t *peers[2], const char *url) {
  for (unsigned index = 0; index < 2; index++) peers[index] = peer_start(lock_two, url, index, 0);
  for (unsigned index = 0; index < 2; index++) peer_wait_pause(peers[index], 1);
  for (unsigned index = 0; index < 2; index++) peer_go(peers[index]);
  for (unsigned index = 0; index < 2; index++) peer_wait_asleep(peers[index]);
}

TEST(when_one_of_a_standing_deadlock_dies_the_other_goes_on) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, 0);
  not_resolving(space);
  peer_t *peers[2];
  start_circle(peers, url);
  uint32_t count = 0;
  CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count));
  CHECK_EQUAL(count, 1);
  peer_kill(peers[0]);
  CHECK_STATUS(peer_wait_status(peers[1]), SYNCMGR_OWNER_DIED);
  CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count));
  CHECK_EQUAL(count, 0);
  syncmgr_deadlock_t record;
  CHECK_EQUAL(list_deadlocks(space, &record, 1), 1);
  CHECK_EQUAL(record.resolution, SYNCMGR_RESOLUTION_ENDED);
  peer_join(peers[1]);
  CHECK_OK(syncmgr_close(space));
}

/* The victim's wait is ended while it cannot run; it releases once it can. */
TEST(a_stopped_victim_releases_when_it_goes_on) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, 0);
  not_resolving(space);
  peer_t *peers[2];
  start_circle(peers, url);
  peer_signal(peers[0], SIGSTOP);
  peer_signal(peers[1], SIGSTOP);
  CHECK_OK(syncmgr_deadlock_configure(space, NULL));
  uint32_t count = 0;
  CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count));
  CHECK_EQUAL(count, 1);
  syncmgr_deadlock_t record;
  CHECK_EQUAL(list_deadlocks(space, &record, 1), 1);
  CHECK_EQUAL(record.resolution, SYNCMGR_RESOLUTION_VICTIM);
  peer_signal(peers[0], SIGCONT);
  peer_signal(peers[1], SIGCONT);
  int32_t sum = peer_wait_status(peers[0]) + peer_wait_status(peers[1]);
  CHECK_EQUAL(sum, SYNCMGR_OK + SYNCMGR_E_DEADLOCK);
  for (unsigned index = 0; index < 2; index++) peer_join(peers[index]);
  check_and_close(space);
}

TEST(waiting_for_a_stopped_process_is_no_deadlock) {
  const char *url = unique_url();
  peer_t *holder = start_holder(hold_mutex, url, 0, 0);
  peer_signal(holder, SIGSTOP);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  CHECK_OK(syncmgr_mutex_lock(open_mutex(me, "other", 0), 0));
  CHECK_STATUS(syncmgr_mutex_lock(open_mutex(me, "m", 0), 100 * MILLISECOND), SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(list_deadlocks(space, NULL, 0), 0);
  peer_signal(holder, SIGCONT);
  finish(holder);
  check_and_close(space);
}

/* Processes in circles that are killed at random moments: the survivors never hang. */
TEST_WITHIN(60, victims_and_searchers_that_are_killed_hang_nobody) {
  uint64_t state = harness_seed();
  for (unsigned round = 0; round < 30; round++) {
    const char *url = unique_url();
    peer_t *peers[2];
    for (unsigned index = 0; index < 2; index++) {
      peers[index] = peer_start(lock_two, url, index, 0);
    }
    for (unsigned index = 0; index < 2; index++) peer_wait_pause(peers[index], 1);
    for (unsigned index = 0; index < 2; index++) peer_go(peers[index]);
    /* About when the delay of 20 ms is over and the search runs. */
    struct timespec nap = {0, 18 * MILLISECOND + (long)random_below(&state, 6 * MILLISECOND)};
    nanosleep(&nap, NULL);
    unsigned killed = random_below(&state, 2);
    int status = 0;
    /* It may have come to its end before. */
    kill(peers[killed]->pid, SIGKILL);
    CHECK_EQUAL(waitpid(peers[killed]->pid, &status, 0), peers[killed]->pid);
    peer_join(peers[1 - killed]);
    /* The last to leave may have been the killed one. */
    CHECK_OK(try_open(url, 0));
  }
}

enum { CHAINS = 100, LENGTH = 100 };

/* 10,000 started waits, in chains of 100: each workstream holds a lock and waits for the next. */
TEST_WITHIN(60, ten_thousand_waiters_in_chains_cost_no_more_than_one_percent_of_a_core) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_deadlock_totals_t before, after;
  for (unsigned chain = 0; chain < CHAINS; chain++) {
    for (unsigned place = 0; place <= LENGTH; place++) {
      char mine[32], next[32];
      snprintf(mine, sizeof mine, "%u-%u", chain, place);
      snprintf(next, sizeof next, "%u-%u", chain, place - 1);
      syncmgr_workstream_t *me = open_workstream(space, NULL);
      syncmgr_ticket_t *ticket = NULL;
      CHECK_OK(syncmgr_mutex_lock(open_mutex(me, mine, 0), 0));
      if (place > 0) {
        CHECK_STATUS(syncmgr_mutex_lock_start(open_mutex(me, next, 0), SYNCMGR_FOREVER, queue, 0,
                                              &ticket), SYNCMGR_PENDING);
      }
    }
  }
  sleep_ms(500);
  struct timespec began, ended;
  CHECK_OK(syncmgr_deadlock_counts(space, &before));
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
  sleep_ms(11000);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
  CHECK_OK(syncmgr_deadlock_counts(space, &after));
  CHECK(after.searches - before.searches >= 2);
  int64_t used = (ended.tv_sec - began.tv_sec) * SECOND + ended.tv_nsec - began.tv_nsec;
  if (used > 110 * MILLISECOND) {
    harness_fail(__FILE__, __LINE__, "%lld us in 11 s", (long long)(used / 1000));
  }
  fprintf(stderr, "# %lld us of 11 s, %llu searches\n", (long long)(used / 1000),
          (unsigned long long)(after.searches - before.searches));
  CHECK_EQUAL(list_deadlocks(space, NULL, 0), 0);
  CHECK_OK(syncmgr_close(space));
}
