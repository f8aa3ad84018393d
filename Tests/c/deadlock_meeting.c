/* Deadlocks over sync points: who waits there waits for those who have yet to come. */
#include <string.h>

#include "deadlocks.h"

typedef struct visit {
  syncmgr_mutex_t *mutex;
  syncmgr_sync_point_t *point;
  int32_t status;
  char words[512];
} visit_t;

static syncmgr_sync_point_t *point_of(syncmgr_workstream_t *workstream) {
  syncmgr_sync_point_t *point = NULL;
  CHECK_OK(syncmgr_sync_point_open(workstream, "meet", "early/late", NULL, NULL, &point));
  return point;
}

static void *meet(void *argument) {
  visit_t *meeting = argument;
  meeting->status = syncmgr_sync_point_wait(meeting->point, 10 * SECOND, NULL);
  strncpy(meeting->words, syncmgr_last_error(), sizeof meeting->words - 1);
  return NULL;
}

/* "early" holds the mutex and waits for "late", which waits for the mutex: one of the two gives up,
 * here "late", the youngest; it comes then, and both have met. */
TEST(a_sync_point_whose_missing_one_waits_for_a_lock_of_those_there_is_a_deadlock) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *early = open_workstream(space, "early");
  syncmgr_workstream_t *late = open_workstream(space, "late");
  visit_t meeting = {.mutex = open_mutex(early, "m", 0), .point = point_of(early)};
  syncmgr_mutex_t *wanted = open_mutex(late, "m", 0);
  CHECK_OK(syncmgr_mutex_lock(meeting.mutex, 0));
  pthread_t thread = start_thread(meet, &meeting);
  sleep_ms(20);
  CHECK_STATUS(syncmgr_mutex_lock(wanted, 10 * SECOND), SYNCMGR_E_DEADLOCK);
  const char *words = syncmgr_last_error();
  if (!strstr(words, "late waits for \"m\" held by early (pid ") ||
      !strstr(words, "early waits at \"meet\" for late (pid ")) {
    harness_fail(__FILE__, __LINE__, "it says: %s", words);
  }
  CHECK_OK(syncmgr_sync_point_wait(point_of(late), 10 * SECOND, NULL));
  join_thread(thread);
  CHECK_STATUS(meeting.status, SYNCMGR_OK);
  CHECK_OK(syncmgr_mutex_unlock(meeting.mutex));
  check_and_close(space);
}

/* The same, and the oldest gives up: it is not there any more, and what it held is free. */
TEST(who_gives_up_at_a_sync_point_is_not_there_any_more) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.victim = SYNCMGR_VICTIM_OLDEST;
  CHECK_OK(syncmgr_deadlock_configure(space, &options));
  syncmgr_workstream_t *early = open_workstream(space, "early");
  syncmgr_workstream_t *late = open_workstream(space, "late");
  visit_t meeting = {.mutex = open_mutex(early, "m", 0), .point = point_of(early)};
  syncmgr_mutex_t *wanted = open_mutex(late, "m", 0);
  CHECK_OK(syncmgr_mutex_lock(meeting.mutex, 0));
  pthread_t thread = start_thread(meet, &meeting);
  sleep_ms(20);
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_mutex_lock_start(wanted, 10 * SECOND, NULL, 0, &ticket), SYNCMGR_PENDING);
  join_thread(thread);
  CHECK_STATUS(meeting.status, SYNCMGR_E_DEADLOCK);
  if (!strstr(meeting.words, "early waits at \"meet\" for late (pid ")) {
    harness_fail(__FILE__, __LINE__, "it says: %s", meeting.words);
  }
  syncmgr_sync_result_t result;
  CHECK_STATUS(syncmgr_sync_point_result(meeting.point, &result), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_mutex_unlock(meeting.mutex));
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  check_and_close(space);
}

/* One that waits for nothing may come at any time, and so may one that has yet to open. */
TEST(a_sync_point_is_no_deadlock_while_the_missing_can_come) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *early = open_workstream(space, "early");
  visit_t meeting = {.mutex = open_mutex(early, "m", 0), .point = point_of(early)};
  CHECK_OK(syncmgr_mutex_lock(meeting.mutex, 0));
  pthread_t thread = start_thread(meet, &meeting);
  uint32_t count = 1;
  for (unsigned round = 0; round < 2; round++) {
    sleep_ms(20);
    CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count));
    CHECK_EQUAL(count, 0);
    if (round == 0) open_workstream(space, "other");
  }
  CHECK_OK(syncmgr_sync_point_wait(point_of(open_workstream(space, "late")), SECOND, NULL));
  join_thread(thread);
  CHECK_STATUS(meeting.status, SYNCMGR_OK);
  check_and_close(space);
}

static void search_only_who_waits(syncmgr_t *space) {
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.interval_ns = SYNCMGR_FOREVER;
  CHECK_OK(syncmgr_deadlock_configure(space, &options));
}

/* Who waits looks for itself: nobody else does here, from time to time. */
TEST(who_closes_a_circle_by_going_to_a_sync_point_looks_for_it) {
  syncmgr_t *space = open_space(unique_url(), 0);
  search_only_who_waits(space);
  syncmgr_workstream_t *early = open_workstream(space, "early");
  syncmgr_workstream_t *late = open_workstream(space, "late");
  syncmgr_mutex_t *mutex = open_mutex(early, "m", 0);
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  wait_t waiting = {.mutex = open_mutex(late, "m", 0), .timeout_ns = 10 * SECOND};
  begin_waits(&waiting, 1);
  sleep_ms(100);
  CHECK_STATUS(syncmgr_sync_point_wait(point_of(early), 5 * SECOND, NULL), SYNCMGR_E_TIMEOUT);
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  CHECK_EQUAL(end_waits(&waiting, 1), 1);
  check_and_close(space);
}

TEST(who_is_expected_at_a_sync_point_looks_though_it_holds_nothing) {
  for (unsigned started = 0; started < 2; started++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    search_only_who_waits(space);
    syncmgr_workstream_t *early = open_workstream(space, "early");
    syncmgr_workstream_t *late = open_workstream(space, "late");
    visit_t meeting = {.mutex = open_mutex(early, "m", 0), .point = point_of(early)};
    CHECK_OK(syncmgr_mutex_lock(meeting.mutex, 0));
    pthread_t thread = start_thread(meet, &meeting);
    sleep_ms(100);
    syncmgr_mutex_t *wanted = open_mutex(late, "m", 0);
    int32_t status;
    if (started != 0) {
      syncmgr_ticket_t *ticket = NULL;
      status = syncmgr_mutex_lock_start(wanted, 5 * SECOND, NULL, 0, &ticket);
      CHECK_STATUS(status, SYNCMGR_PENDING);
      status = syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL);
    } else {
      status = syncmgr_mutex_lock(wanted, 5 * SECOND);
    }
    CHECK_STATUS(status, SYNCMGR_E_DEADLOCK);
    CHECK_OK(syncmgr_sync_point_wait(point_of(late), 10 * SECOND, NULL));
    join_thread(thread);
    CHECK_STATUS(meeting.status, SYNCMGR_OK);
    check_and_close(space);
  }
}

/* Each waits for the other at another point, and neither holds anything. */
TEST(two_who_wait_for_each_other_at_two_sync_points_are_a_deadlock) {
  syncmgr_t *space = open_space(unique_url(), 0);
  search_only_who_waits(space);
  visit_t meeting = {.point = point_of(open_workstream(space, "early"))};
  pthread_t thread = start_thread(meet, &meeting);
  sleep_ms(100);
  syncmgr_workstream_t *late = open_workstream(space, "late");
  syncmgr_sync_point_t *other = NULL;
  CHECK_OK(syncmgr_sync_point_open(late, "elsewhere", "early/late", NULL, NULL, &other));
  CHECK_STATUS(syncmgr_sync_point_wait(other, 5 * SECOND, NULL), SYNCMGR_E_DEADLOCK);
  CHECK_OK(syncmgr_sync_point_wait(point_of(late), 10 * SECOND, NULL));
  join_thread(thread);
  CHECK_STATUS(meeting.status, SYNCMGR_OK);
  check_and_close(space);
}
