/* The room that a space has, and that nothing is used up by coming and going. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "bodies.h"

enum { PROCESSES = 255, OBJECTS = 16384, WAITS = 65536, WORKSTREAMS = 65535, PAIRS = 131072 };

static void enter_if_there_is_room(peer_t *self) {
  syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
  syncmgr_t *space = NULL;
  options.flags = SYNCMGR_OPEN_NO_THREADS;
  report_status(self, syncmgr_open(self->url, &options, &space));
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(60, a_space_has_room_for_255_processes) {
  const char *url = unique_url();
  static peer_t *peers[PROCESSES + 1];
  for (unsigned index = 0; index < PROCESSES; index++) {
    peers[index] = peer_start(enter_if_there_is_room, url, index, 0);
    CHECK_OK(peer_wait_status(peers[index]));
  }
  peers[PROCESSES] = peer_start(enter_if_there_is_room, url, PROCESSES, 0);
  CHECK_STATUS(peer_wait_status(peers[PROCESSES]), SYNCMGR_E_LIMIT);
  finish(peers[PROCESSES]);
  /* The place of one that left, and of one that died, can be taken again. */
  finish(peers[0]);
  peers[0] = peer_start(enter_if_there_is_room, url, 0, 0);
  CHECK_OK(peer_wait_status(peers[0]));
  peer_kill(peers[1]);
  peers[1] = peer_start(enter_if_there_is_room, url, 1, 0);
  CHECK_OK(peer_wait_status(peers[1]));
  for (unsigned index = 0; index < PROCESSES; index++) finish(peers[index]);
  CHECK_EQUAL(segment_file_count(url), 0);
}

TEST_WITHIN(60, a_space_has_room_for_16384_objects) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_mutex_t *mutex = NULL;
  char name[32];
  for (unsigned index = 0; index < OBJECTS; index++) {
    snprintf(name, sizeof name, "object-%u", index);
    mutex = open_mutex(me, name, 0);
  }
  CHECK_STATUS(syncmgr_mutex_open(me, "one too many", NULL, &mutex), SYNCMGR_E_LIMIT);
  CHECK(syncmgr_last_error()[0] != '\0');
  CHECK_OK(syncmgr_mutex_close(mutex));
  CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_MUTEX, name));
  open_mutex(me, "one more", 0);
  check_and_close(space);
}

TEST_WITHIN(60, a_space_has_room_for_65536_waits) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_latch_t *latch = open_latch(me, "l", 1);
  syncmgr_ticket_t *ticket = NULL, *last = NULL;
  for (unsigned index = 0; index < WAITS; index++) {
    CHECK_STATUS(syncmgr_latch_wait_start(latch, SYNCMGR_FOREVER, NULL, 0, &last),
                 SYNCMGR_PENDING);
  }
  CHECK_STATUS(syncmgr_latch_wait_start(latch, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_E_LIMIT);
  CHECK_OK(syncmgr_ticket_cancel(last));
  CHECK_STATUS(syncmgr_latch_wait_start(latch, SYNCMGR_FOREVER, NULL, 0, &last), SYNCMGR_PENDING);
  check_and_close(space);
}

TEST_WITHIN(60, a_space_has_room_for_65535_workstreams_and_131072_pairs) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *workstream = NULL;
  syncmgr_event_t *event = NULL;
  int32_t status = SYNCMGR_OK;
  unsigned pairs = 0, count = 0;
  for (; count < WORKSTREAMS; count++) {
    workstream = open_workstream(space, NULL);
    for (unsigned index = 0; index < 3 && status == SYNCMGR_OK; index++) {
      const char names[3][2] = {"a", "b", "c"};
      status = syncmgr_event_open(workstream, names[index], NULL, &event);
      pairs += status == SYNCMGR_OK;
    }
  }
  CHECK_STATUS(status, SYNCMGR_E_LIMIT);
  CHECK_EQUAL(pairs, PAIRS);
  CHECK_STATUS(syncmgr_workstream_open(space, NULL, &workstream), SYNCMGR_E_LIMIT);
  CHECK_OK(syncmgr_workstream_close(workstream));
  open_workstream(space, NULL);
  check_and_close(space);
}

static unsigned entries(const char *path) {
  unsigned count = 0;
  DIR *directory = opendir(path);
  CHECK(directory != NULL);
  while (readdir(directory)) count += 1;
  closedir(directory);
  return count;
}

TEST(loading_the_library_starts_no_thread_and_catches_no_signal) {
  char path[64], line[256];
  unsigned long long caught = 1;
  /* The runner has loaded the library too, and never called it. */
  snprintf(path, sizeof path, "/proc/%d/task", (int)getppid());
  CHECK_EQUAL(entries(path), 3);
  snprintf(path, sizeof path, "/proc/%d/status", (int)getppid());
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  while (fgets(line, sizeof line, file)) sscanf(line, "SigCgt: %llx", &caught);
  fclose(file);
  /* Those two are the runner's own. */
  CHECK_EQUAL(caught & ~(1ull << (SIGINT - 1) | 1ull << (SIGTERM - 1)), 0);
}

TEST(opening_and_closing_1000_times_uses_up_neither_descriptors_nor_threads) {
  const char *url = unique_url();
  CHECK_OK(try_open(url, 0));
  unsigned descriptors = entries("/proc/self/fd"), threads = entries("/proc/self/task");
  for (unsigned round = 0; round < 1000; round++) {
    uint32_t flags = round % 3 == 2 ? SYNCMGR_OPEN_NO_THREADS : 0;
    syncmgr_t *space = open_space(round % 10 == 9 ? "local:" : url, flags);
    syncmgr_workstream_t *me = open_workstream(space, NULL);
    open_mutex(me, "m", 0);
    if (round % 4 == 0) open_queue(space);
    CHECK_OK(syncmgr_close(space));
  }
  CHECK_EQUAL(entries("/proc/self/fd"), descriptors);
  /* A thread that has been joined is gone from the list a moment later. */
  WAIT_UNTIL(entries("/proc/self/task") == threads);
}

TEST(nothing_is_used_up_by_opening_and_closing_in_one_space_many_times) {
  syncmgr_t *space = open_space(unique_url(), 0);
  for (unsigned round = 0; round < 70000; round++) {
    syncmgr_workstream_t *me = open_workstream(space, NULL);
    syncmgr_mutex_t *mutex = open_mutex(me, "m", 0);
    syncmgr_ticket_t *ticket = NULL;
    if (round % 2) CHECK_OK(syncmgr_mutex_lock(mutex, 0));
    syncmgr_event_t *event = open_event(me, "e", 0);
    CHECK_STATUS(syncmgr_event_wait_start(event, SYNCMGR_FOREVER, NULL, 0, &ticket),
                 SYNCMGR_PENDING);
    CHECK_OK(syncmgr_workstream_close(me));
    /* A ticket without a queue is there until its outcome is collected. */
    CHECK_STATUS(syncmgr_ticket_wait(ticket, 0, NULL), SYNCMGR_E_CLOSED);
  }
  CHECK_OK(syncmgr_check(space));
  for (unsigned round = 0; round < 40000; round++) {
    char name[32];
    syncmgr_workstream_t *me = open_workstream(space, "one");
    snprintf(name, sizeof name, "passing-%u", round);
    CHECK_OK(syncmgr_latch_close(open_latch(me, name, 1)));
    CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_LATCH, name));
    CHECK_OK(syncmgr_workstream_close(me));
  }
  check_and_close(space);
}

TEST_WITHIN(60, what_needs_no_wait_works_when_no_more_waits_are_possible) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_latch_t *latch = open_latch(me, "l", 1);
  syncmgr_mutex_t *mutex = open_mutex(me, "m", 0);
  syncmgr_condition_t *condition = open_condition(me, "c");
  syncmgr_rwlock_t *rwlock = open_rwlock(me, "r", 0);
  syncmgr_election_t *election = open_election(me, "v");
  syncmgr_ticket_t *ticket = NULL;
  syncmgr_holder_t holder;
  for (unsigned index = 0; index < WAITS; index++) {
    CHECK_STATUS(syncmgr_latch_wait_start(latch, SYNCMGR_FOREVER, NULL, 0, &ticket),
                 SYNCMGR_PENDING);
  }
  /* A started form tries first, and so does a blocking one. */
  CHECK_OK(syncmgr_rwlock_lock_start(rwlock, SYNCMGR_SHARED, SYNCMGR_FOREVER, NULL, 0, &ticket));
  CHECK_OK(syncmgr_rwlock_upgrade(rwlock, SYNCMGR_FOREVER));
  CHECK_OK(syncmgr_rwlock_downgrade(rwlock));
  CHECK_OK(syncmgr_rwlock_upgrade_start(rwlock, SYNCMGR_FOREVER, NULL, 0, &ticket));
  CHECK_STATUS(syncmgr_election_campaign(election, SYNCMGR_FOREVER, NULL), SYNCMGR_LEADER);
  CHECK_OK(syncmgr_election_resign(election));
  CHECK_STATUS(syncmgr_election_campaign_start(election, SYNCMGR_FOREVER, NULL, 0, &ticket, NULL),
               SYNCMGR_LEADER);
  /* What has to wait cannot, and nothing was done: the mutex is still locked. */
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  CHECK_STATUS(syncmgr_condition_wait(condition, mutex, SYNCMGR_FOREVER), SYNCMGR_E_LIMIT);
  CHECK_STATUS(syncmgr_condition_wait_start(condition, mutex, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_E_LIMIT);
  CHECK_OK(syncmgr_mutex_held_by(mutex, &holder));
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  check_and_close(space);
}
