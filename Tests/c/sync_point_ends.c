/* The sync point: time, failure, force, and waits that end before it does. */
#include <poll.h>
#include <string.h>

#include "meeting.h"

typedef struct pair {
  syncmgr_t *space;
  syncmgr_workstream_t *streams[3];
  syncmgr_sync_point_t *points[3];
} pair_t;

static pair_t open_pair(uint32_t flags, meeting_t meeting) {
  pair_t pair = {.space = open_space(unique_url(), flags)};
  for (unsigned index = 0; index < 3; index++) {
    char name[2] = {(char)('a' + index), 0};
    pair.streams[index] = open_workstream(pair.space, name);
    pair.points[index] = open_point(pair.streams[index], meeting);
  }
  return pair;
}

static int64_t wall_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

TEST(the_end_of_its_time_ends_every_wait_with_timed_out) {
  for (unsigned kind = 0; kind < 2; kind++) {
    pair_t pair = open_pair(kind ? SYNCMGR_OPEN_NO_THREADS : 0,
                            (meeting_t){.expected = "a/b/c", .timeout_ns = 60 * MILLISECOND});
    int64_t begun = now_ns();
    syncmgr_sync_result_t result = {0};
    syncmgr_ticket_t *a = begin_wait(pair.points[0], SYNCMGR_FOREVER);
    CHECK_STATUS(syncmgr_sync_point_wait(pair.points[1], 10 * SECOND, &result),
                 SYNCMGR_E_TIMEOUT);
    CHECK(now_ns() - begun >= 50 * MILLISECOND && now_ns() - begun < SECOND);
    CHECK_EQUAL(result.status, SYNCMGR_SYNC_TIMED_OUT);
    CHECK_EQUAL(result.arrived, 2);
    CHECK(strstr(result.reason, "2 of 3") != NULL);
    CHECK_STATUS(outcome_of(a), SYNCMGR_E_TIMEOUT);
    CHECK_STATUS(syncmgr_sync_point_wait(pair.points[2], 0, &result), SYNCMGR_E_LATE);
    CHECK_EQUAL(result.status, SYNCMGR_SYNC_TIMED_OUT);
    CHECK_STATUS(syncmgr_sync_point_wait(pair.points[0], 0, &result), SYNCMGR_E_TIMEOUT);
    check_and_close(pair.space);
  }
}

TEST(a_queued_wait_gets_its_record_when_the_time_is_over) {
  pair_t pair = open_pair(0, (meeting_t){.expected = "a/b", .timeout_ns = 40 * MILLISECOND});
  syncmgr_queue_t *queue = open_queue(pair.space);
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_sync_point_wait_start(pair.points[0], SYNCMGR_FOREVER, queue, 5, &ticket,
                                             NULL), SYNCMGR_PENDING);
  syncmgr_record_t record = next_record(queue);
  CHECK_EQUAL(record.status, SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(record.index, SYNCMGR_SYNC_TIMED_OUT);
  CHECK_EQUAL(record.kind, SYNCMGR_TYPE_SYNC_POINT);
  CHECK_EQUAL(record.user_data, 5);
  check_and_close(pair.space);
}

TEST(the_record_of_a_wait_says_what_became_of_the_point) {
  pair_t pair = open_pair(0, (meeting_t){.expected = "a/b/c", .minimum = 2});
  syncmgr_queue_t *queue = open_queue(pair.space);
  syncmgr_ticket_t *ticket = NULL;
  syncmgr_record_t record;
  CHECK_STATUS(syncmgr_sync_point_wait_start(pair.points[0], 20 * MILLISECOND, queue, 1, &ticket,
                                             &record), SYNCMGR_PENDING);
  record = next_record(queue);
  CHECK_EQUAL(record.status, SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(record.index, SYNCMGR_SYNC_WAITING);
  CHECK_STATUS(syncmgr_sync_point_wait_start(pair.points[0], SYNCMGR_FOREVER, queue, 2, &ticket,
                                             &record), SYNCMGR_PENDING);
  CHECK_STATUS(syncmgr_sync_point_wait_start(pair.points[1], SYNCMGR_FOREVER, queue, 3, &ticket,
                                             &record), SYNCMGR_PARTIAL);
  CHECK_EQUAL(record.index, SYNCMGR_SYNC_PARTIAL_COMPLETE);
  record = next_record(queue);
  CHECK_EQUAL(record.user_data, 2);
  CHECK_EQUAL(record.status, SYNCMGR_PARTIAL);
  CHECK_EQUAL(record.index, SYNCMGR_SYNC_PARTIAL_COMPLETE);
  check_and_close(pair.space);
}

TEST(when_nobody_waits_the_time_ends_it_all_the_same) {
  pair_t pair = open_pair(0, (meeting_t){.expected = "a/b", .timeout_ns = 30 * MILLISECOND});
  int64_t begun = wall_ns();
  sleep_ms(200);
  syncmgr_sync_result_t result = result_of(pair.points[2]);
  CHECK_EQUAL(result.status, SYNCMGR_SYNC_TIMED_OUT);
  CHECK(result.completed_at - begun < 100 * MILLISECOND);
  CHECK_STATUS(syncmgr_sync_point_force_complete(pair.points[2]), SYNCMGR_FINISHED);
  CHECK_STATUS(syncmgr_sync_point_wait(pair.points[0], 0, NULL), SYNCMGR_E_LATE);
  check_and_close(pair.space);
}

TEST(with_continue_on_timeout_those_who_are_there_suffice_if_they_are_enough) {
  const uint32_t all = SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT | SYNCMGR_SYNC_WAIT_FOR_ALL;
  const struct {
    meeting_t meeting;
    unsigned come;
    int32_t status;
  } cases[] = {
      {{.expected = "a/b/c", .flags = SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT}, 1, SYNCMGR_PARTIAL},
      {{.expected = "a/b/c", .flags = SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT, .required = "b"}, 1,
       SYNCMGR_E_TIMEOUT},
      {{.expected = "a/b/c", .flags = SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT, .minimum = 2}, 1,
       SYNCMGR_E_TIMEOUT},
      {{.expected = "a/b/c", .flags = all, .minimum = 2}, 2, SYNCMGR_PARTIAL},
      {{.expected = "a/b/c", .flags = all, .minimum = 3}, 2, SYNCMGR_E_TIMEOUT},
      {{.expected = "a/b/c", .flags = all, .minimum = 1, .required = "c"}, 2, SYNCMGR_E_TIMEOUT},
  };
  for (unsigned index = 0; index < sizeof cases / sizeof cases[0]; index++) {
    meeting_t meeting = cases[index].meeting;
    meeting.timeout_ns = 50 * MILLISECOND;
    pair_t pair = open_pair(0, meeting);
    syncmgr_ticket_t *tickets[2];
    for (unsigned come = 0; come < cases[index].come; come++) {
      tickets[come] = begin_wait(pair.points[come], SYNCMGR_FOREVER);
    }
    for (unsigned come = 0; come < cases[index].come; come++) {
      CHECK_STATUS(outcome_of(tickets[come]), cases[index].status);
    }
    syncmgr_sync_result_t result = result_of(pair.points[0]);
    bool enough = result.met_minimum && result.required_met;
    CHECK_EQUAL(enough, cases[index].status == SYNCMGR_PARTIAL);
    check_and_close(pair.space);
  }
}

TEST(success_is_not_reported_when_nobody_came) {
  pair_t pair = open_pair(0, (meeting_t){.expected = "a/b", .timeout_ns = 10 * MILLISECOND,
                                         .flags = SYNCMGR_SYNC_CONTINUE_ON_TIMEOUT});
  sleep_ms(30);
  CHECK_EQUAL(result_of(pair.points[0]).status, SYNCMGR_SYNC_TIMED_OUT);
  check_and_close(pair.space);
}

TEST(a_wait_whose_own_time_passed_is_not_there) {
  pair_t pair = open_pair(0, (meeting_t){.expected = "a/b"});
  syncmgr_sync_result_t result = {.status = 99};
  CHECK_STATUS(syncmgr_sync_point_wait(pair.points[0], 20 * MILLISECOND, &result),
               SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(result.status, SYNCMGR_SYNC_WAITING);
  CHECK_EQUAL(result.arrived, 0);
  CHECK_EQUAL(member_of(pair.points[0], "a").order, 0);
  CHECK_STATUS(syncmgr_sync_point_wait(pair.points[0], 0, NULL), SYNCMGR_E_TIMEOUT);
  syncmgr_ticket_t *b = begin_wait(pair.points[1], SYNCMGR_FOREVER);
  CHECK_STATUS(syncmgr_ticket_wait(b, 20 * MILLISECOND, NULL), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_sync_point_wait(pair.points[0], 0, NULL));
  CHECK_OK(outcome_of(b));
  check_and_close(pair.space);
}

TEST(a_wait_that_is_cancelled_or_closed_is_not_there) {
  pair_t pair = open_pair(0, (meeting_t){.expected = "a/b"});
  syncmgr_ticket_t *a = begin_wait(pair.points[0], SYNCMGR_FOREVER);
  CHECK_STATUS(syncmgr_sync_point_wait(pair.points[0], 0, NULL), SYNCMGR_E_ALREADY);
  CHECK_OK(syncmgr_ticket_cancel(a));
  CHECK_EQUAL(result_of(pair.points[1]).arrived, 0);
  a = begin_wait(pair.points[0], SYNCMGR_FOREVER);
  CHECK_EQUAL(result_of(pair.points[1]).arrived, 1);
  CHECK_OK(syncmgr_sync_point_close(pair.points[0]));
  CHECK_STATUS(outcome_of(a), SYNCMGR_E_CLOSED);
  CHECK_EQUAL(result_of(pair.points[1]).arrived, 0);
  CHECK_EQUAL(result_of(pair.points[1]).failed, 0);
  CHECK_OK(syncmgr_workstream_close(pair.streams[0]));
  /* It may come back under its name. */
  syncmgr_workstream_t *again = open_workstream(pair.space, "a");
  syncmgr_ticket_t *b = begin_wait(pair.points[1], SYNCMGR_FOREVER);
  CHECK_OK(syncmgr_sync_point_wait(open_point(again, (meeting_t){.expected = NULL}), 0, NULL));
  CHECK_OK(outcome_of(b));
  CHECK_STATUS(syncmgr_ticket_cancel(b), SYNCMGR_E_CLOSED);
  check_and_close(pair.space);
}

static void *wait_for_ever(void *point) {
  return (void *)(intptr_t)syncmgr_sync_point_wait(point, SYNCMGR_FOREVER, NULL);
}

TEST(closing_the_handle_ends_a_blocked_wait) {
  pair_t pair = open_pair(0, (meeting_t){.expected = "a/b"});
  pthread_t thread = start_thread(wait_for_ever, pair.points[0]);
  WAIT_UNTIL(result_of(pair.points[1]).arrived == 1);
  CHECK_OK(syncmgr_sync_point_close(pair.points[0]));
  void *status = NULL;
  CHECK(pthread_join(thread, &status) == 0);
  CHECK_EQUAL((int32_t)(intptr_t)status, SYNCMGR_E_CLOSED);
  CHECK_EQUAL(result_of(pair.points[1]).arrived, 0);
  check_and_close(pair.space);
}

TEST(cancel_fails_it_for_everybody_and_keeps_the_reason) {
  const char *reasons[] = {NULL, "", "the disk is full",
                           "\xc3\xa4\xc3\xb6\xc3\xbc without end"};
  for (unsigned index = 0; index < 4; index++) {
    pair_t pair = open_pair(0, (meeting_t){.expected = "a/b"});
    syncmgr_ticket_t *a = begin_wait(pair.points[0], SYNCMGR_FOREVER);
    CHECK_OK(syncmgr_sync_point_cancel(pair.points[2], reasons[index]));
    CHECK_STATUS(outcome_of(a), SYNCMGR_E_FAILED);
    syncmgr_sync_result_t result = {0};
    CHECK_STATUS(syncmgr_sync_point_wait(pair.points[0], 0, &result), SYNCMGR_E_FAILED);
    CHECK_EQUAL(result.status, SYNCMGR_SYNC_FAILED);
    CHECK(strstr(result.reason, reasons[index] ? reasons[index] : "cancelled by c") != NULL);
    CHECK(strstr(syncmgr_last_error(), result.reason) != NULL);
    CHECK_STATUS(syncmgr_sync_point_wait(pair.points[1], 0, NULL), SYNCMGR_E_LATE);
    check_and_close(pair.space);
  }
}

TEST(a_reason_that_is_too_long_ends_with_a_whole_character) {
  pair_t pair = open_pair(0, (meeting_t){.expected = "a/b"});
  char reason[601];
  for (unsigned index = 0; index < 600; index += 2) memcpy(reason + index, "\xc3\xa4", 2);
  reason[600] = 0;
  CHECK_OK(syncmgr_sync_point_cancel(pair.points[0], reason));
  CHECK_EQUAL(strlen(result_of(pair.points[0]).reason), 254);
  check_and_close(pair.space);
}

TEST(a_workstream_that_says_that_it_failed_fails_the_point) {
  pair_t pair = open_pair(0, (meeting_t){.expected = "a/b", .minimum = 1, .required = "a"});
  syncmgr_ticket_t *b = begin_wait(pair.points[1], SYNCMGR_FOREVER);
  CHECK_STATUS(syncmgr_sync_point_fail(pair.points[1], NULL), SYNCMGR_E_BUSY);
  CHECK_OK(syncmgr_sync_point_fail(pair.points[0], "out of paper"));
  CHECK_STATUS(outcome_of(b), SYNCMGR_E_FAILED);
  syncmgr_sync_result_t result = result_of(pair.points[1]);
  CHECK(strcmp(result.reason, "out of paper") == 0);
  CHECK_EQUAL(result.failed, 1);
  CHECK_EQUAL(member_of(pair.points[1], "a").flags,
              SYNCMGR_SYNC_REQUIRED | SYNCMGR_SYNC_MEMBER_FAILED);
  check_and_close(pair.space);
}

TEST(with_continue_on_failure_the_others_suffice_when_they_are_enough) {
  const uint32_t go_on = SYNCMGR_SYNC_CONTINUE_ON_FAILURE;
  const struct {
    meeting_t meeting;
    int32_t status;
  } cases[] = {
      /* "b" fails, then "a" and "c" come. */
      {{.expected = "a/b/c", .flags = go_on}, SYNCMGR_PARTIAL},
      {{.expected = "a/b/c", .flags = go_on, .minimum = 2}, SYNCMGR_PARTIAL},
      {{.expected = "a/b/c", .flags = go_on | SYNCMGR_SYNC_WAIT_FOR_ALL, .minimum = 1},
       SYNCMGR_PARTIAL},
      {{.expected = "a/b/c", .flags = go_on, .minimum = 3}, SYNCMGR_E_FAILED},
      {{.expected = "a/b/c", .flags = go_on, .required = "b"}, SYNCMGR_E_FAILED},
      {{.expected = "a/b/c", .flags = 0}, SYNCMGR_E_FAILED},
  };
  for (unsigned index = 0; index < sizeof cases / sizeof cases[0]; index++) {
    pair_t pair = open_pair(0, cases[index].meeting);
    syncmgr_ticket_t *a = begin_wait(pair.points[0], SYNCMGR_FOREVER);
    CHECK_OK(syncmgr_sync_point_fail(pair.points[1], NULL));
    if (cases[index].status == SYNCMGR_PARTIAL) {
      CHECK_STATUS(syncmgr_ticket_wait(a, 0, NULL), SYNCMGR_PENDING);
      CHECK_STATUS(syncmgr_sync_point_wait(pair.points[2], 0, NULL), SYNCMGR_PARTIAL);
    }
    CHECK_STATUS(outcome_of(a), cases[index].status);
    CHECK(strstr(result_of(pair.points[0]).reason, "b (pid") != NULL);
    check_and_close(pair.space);
  }
}

TEST(one_that_failed_and_comes_back_is_there_again) {
  pair_t pair =
      open_pair(0, (meeting_t){.expected = "a/b", .flags = SYNCMGR_SYNC_CONTINUE_ON_FAILURE});
  CHECK_OK(syncmgr_sync_point_fail(pair.points[1], NULL));
  CHECK_EQUAL(result_of(pair.points[0]).failed, 1);
  syncmgr_ticket_t *b = begin_wait(pair.points[1], SYNCMGR_FOREVER);
  CHECK_EQUAL(result_of(pair.points[0]).failed, 0);
  CHECK_OK(syncmgr_sync_point_wait(pair.points[0], 0, NULL));
  CHECK_OK(outcome_of(b));
  CHECK(result_of(pair.points[0]).reason[0] == 0);
  check_and_close(pair.space);
}

TEST(bad_arguments_are_refused) {
  pair_t pair = open_pair(0, (meeting_t){.expected = "a/b"});
  syncmgr_ticket_t *ticket = NULL;
  const int64_t bad[] = {-2, INT64_MIN};
  for (unsigned index = 0; index < 2; index++) {
    CHECK_STATUS(syncmgr_sync_point_wait(pair.points[0], bad[index], NULL), SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_sync_point_wait_start(pair.points[0], bad[index], NULL, 0, &ticket, NULL),
                 SYNCMGR_E_INVALID);
  }
  CHECK_STATUS(syncmgr_sync_point_result(pair.points[0], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_sync_point_members(pair.points[0], NULL, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_sync_point_wait_start(pair.points[0], 1, NULL, 0, NULL, NULL),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_sync_point_open(pair.streams[0], "p", NULL, NULL, NULL, NULL),
               SYNCMGR_E_INVALID);
  syncmgr_sync_point_t *wrong = (syncmgr_sync_point_t *)pair.streams[0];
  CHECK_STATUS(syncmgr_sync_point_wait(wrong, 0, NULL), SYNCMGR_E_HANDLE);
  CHECK_STATUS(syncmgr_sync_point_cancel(NULL, NULL), SYNCMGR_E_HANDLE);
  CHECK_OK(syncmgr_sync_point_close(pair.points[2]));
  CHECK_STATUS(syncmgr_sync_point_force_complete(pair.points[2]), SYNCMGR_E_CLOSED);
  CHECK_EQUAL(result_of(pair.points[0]).arrived, 0);
  check_and_close(pair.space);
}
