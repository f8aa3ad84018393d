/* The sync point: what it is made with, who counts, and when it is complete or partly so. */
#include <stdio.h>
#include <string.h>

#include "meeting.h"

/* Five workstreams "a" to "e" in one space, and a handle of the point for each. */
typedef struct cast {
  syncmgr_t *space;
  syncmgr_workstream_t *streams[5];
  syncmgr_sync_point_t *points[5];
} cast_t;

static cast_t open_cast(meeting_t meeting) {
  cast_t cast = {.space = open_space(unique_url(), 0)};
  for (unsigned index = 0; index < 5; index++) {
    char name[2] = {(char)('a' + index), 0};
    cast.streams[index] = open_workstream(cast.space, name);
    cast.points[index] = open_point(cast.streams[index], meeting);
  }
  return cast;
}

TEST(it_is_complete_when_everybody_expected_is_there) {
  cast_t cast = open_cast((meeting_t){.expected = "a/b/c", .required = "b"});
  syncmgr_ticket_t *a = begin_wait(cast.points[0], SYNCMGR_FOREVER);
  syncmgr_ticket_t *b = begin_wait(cast.points[1], SYNCMGR_FOREVER);
  syncmgr_sync_result_t result = result_of(cast.points[0]);
  CHECK_EQUAL(result.status, SYNCMGR_SYNC_WAITING);
  CHECK_EQUAL(result.expected, 3);
  CHECK_EQUAL(result.minimum, 3);
  CHECK_EQUAL(result.arrived, 2);
  CHECK_EQUAL(result.required_met, 1);
  CHECK_STATUS(syncmgr_ticket_wait(a, 0, NULL), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_sync_point_wait(cast.points[2], SYNCMGR_FOREVER, &result));
  CHECK_EQUAL(result.status, SYNCMGR_SYNC_COMPLETE);
  CHECK_EQUAL(result.arrived, 3);
  CHECK_EQUAL(result.met_minimum, 1);
  CHECK(result.reason[0] == 0);
  CHECK_OK(outcome_of(a));
  CHECK_OK(outcome_of(b));
  syncmgr_sync_member_t member = member_of(cast.points[0], "b");
  CHECK_EQUAL(member.flags, SYNCMGR_SYNC_REQUIRED | SYNCMGR_SYNC_ARRIVED);
  CHECK_EQUAL(member.order, 2);
  CHECK(member.at > 0 && member.at <= result.completed_at);
  CHECK_EQUAL(member_of(cast.points[0], "c").order, 3);
  check_and_close(cast.space);
}

TEST(the_result_is_the_same_for_everybody_and_stays) {
  cast_t cast = open_cast((meeting_t){.expected = "a/b"});
  syncmgr_sync_result_t first, again;
  syncmgr_ticket_t *a = begin_wait(cast.points[0], SYNCMGR_FOREVER);
  CHECK_OK(syncmgr_sync_point_wait(cast.points[1], 0, &first));
  CHECK_OK(outcome_of(a));
  for (unsigned index = 0; index < 5; index++) {
    again = result_of(cast.points[index]);
    CHECK(memcmp(&again, &first, sizeof first) == 0);
  }
  CHECK_OK(syncmgr_sync_point_wait(cast.points[0], 0, &again));
  CHECK(memcmp(&again, &first, sizeof first) == 0);
  CHECK_STATUS(syncmgr_sync_point_force_complete(cast.points[2]), SYNCMGR_FINISHED);
  CHECK_STATUS(syncmgr_sync_point_cancel(cast.points[2], "no"), SYNCMGR_FINISHED);
  CHECK_STATUS(syncmgr_sync_point_fail(cast.points[0], "no"), SYNCMGR_FINISHED);
  again = result_of(cast.points[0]);
  CHECK(memcmp(&again, &first, sizeof first) == 0);
  check_and_close(cast.space);
}

TEST(a_minimum_suffices_when_all_required_ones_are_among_them) {
  cast_t cast =
      open_cast((meeting_t){.expected = "a/b/c/d", .required = "d", .minimum = 2});
  syncmgr_ticket_t *a = begin_wait(cast.points[0], SYNCMGR_FOREVER);
  syncmgr_ticket_t *b = begin_wait(cast.points[1], SYNCMGR_FOREVER);
  CHECK_EQUAL(result_of(cast.points[0]).met_minimum, 1);
  CHECK_EQUAL(result_of(cast.points[0]).required_met, 0);
  syncmgr_sync_result_t result;
  CHECK_STATUS(syncmgr_sync_point_wait(cast.points[3], SYNCMGR_FOREVER, &result),
               SYNCMGR_PARTIAL);
  CHECK_EQUAL(result.status, SYNCMGR_SYNC_PARTIAL_COMPLETE);
  CHECK_EQUAL(result.arrived, 3);
  CHECK_EQUAL(result.missing, 1);
  CHECK_EQUAL(result.required_met, 1);
  CHECK_STATUS(outcome_of(a), SYNCMGR_PARTIAL);
  CHECK_STATUS(outcome_of(b), SYNCMGR_PARTIAL);
  CHECK_EQUAL(member_of(cast.points[0], "c").flags, 0);
  check_and_close(cast.space);
}

TEST(a_fraction_is_rounded_up) {
  cast_t cast = open_cast((meeting_t){.expected = "a/b/c/d/e", .minimum = 1, .minimum_of = 2});
  CHECK_EQUAL(result_of(cast.points[0]).minimum, 3);
  syncmgr_ticket_t *a = begin_wait(cast.points[0], SYNCMGR_FOREVER);
  syncmgr_ticket_t *b = begin_wait(cast.points[1], SYNCMGR_FOREVER);
  CHECK_STATUS(syncmgr_sync_point_wait(cast.points[2], 0, NULL), SYNCMGR_PARTIAL);
  CHECK_STATUS(outcome_of(a), SYNCMGR_PARTIAL);
  CHECK_STATUS(outcome_of(b), SYNCMGR_PARTIAL);
  /* As a number it is the same parameter. */
  open_point(cast.streams[0], (meeting_t){.expected = "e/d/c/b/a", .minimum = 3});
  check_and_close(cast.space);
}

TEST(one_that_waits_for_all_is_not_content_with_the_minimum) {
  cast_t cast = open_cast(
      (meeting_t){.expected = "a/b/c", .minimum = 1, .flags = SYNCMGR_SYNC_WAIT_FOR_ALL});
  syncmgr_ticket_t *a = begin_wait(cast.points[0], SYNCMGR_FOREVER);
  syncmgr_ticket_t *b = begin_wait(cast.points[1], SYNCMGR_FOREVER);
  CHECK_STATUS(syncmgr_ticket_wait(b, 20 * MILLISECOND, NULL), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_sync_point_wait(cast.points[2], 0, NULL));
  CHECK_OK(outcome_of(a));
  CHECK_OK(outcome_of(b));
  check_and_close(cast.space);
}

TEST(strangers_cannot_wait_and_never_count_but_look_force_and_cancel) {
  cast_t cast = open_cast((meeting_t){.expected = "a/b", .minimum = 1});
  for (unsigned index = 2; index < 5; index++) {
    syncmgr_ticket_t *ticket = NULL;
    CHECK_STATUS(syncmgr_sync_point_wait(cast.points[index], SYNCMGR_FOREVER, NULL),
                 SYNCMGR_E_NOT_EXPECTED);
    CHECK_STATUS(syncmgr_sync_point_wait_start(cast.points[index], SYNCMGR_FOREVER, NULL, 0,
                                               &ticket, NULL), SYNCMGR_E_NOT_EXPECTED);
    CHECK_STATUS(syncmgr_sync_point_fail(cast.points[index], NULL), SYNCMGR_E_NOT_EXPECTED);
    CHECK(ticket == NULL);
  }
  CHECK(strstr(syncmgr_last_error(), "'e'") != NULL);
  CHECK_EQUAL(result_of(cast.points[2]).arrived, 0);
  CHECK_OK(syncmgr_sync_point_force_complete(cast.points[2]));
  syncmgr_sync_result_t result = result_of(cast.points[4]);
  CHECK_EQUAL(result.status, SYNCMGR_SYNC_PARTIAL_COMPLETE);
  CHECK_EQUAL(result.arrived, 0);
  CHECK_EQUAL(result.met_minimum, 0);
  CHECK(strstr(result.reason, "by force by c") != NULL);
  CHECK_STATUS(syncmgr_sync_point_wait(cast.points[3], 0, NULL), SYNCMGR_E_NOT_EXPECTED);
  check_and_close(cast.space);
}

TEST(who_comes_late_is_told_gets_the_result_and_is_listed) {
  cast_t cast = open_cast((meeting_t){.expected = "a/b/c", .minimum = 1});
  syncmgr_sync_result_t result = {0};
  CHECK_STATUS(syncmgr_sync_point_wait(cast.points[0], SYNCMGR_FOREVER, NULL), SYNCMGR_PARTIAL);
  for (unsigned round = 0; round < 2; round++) {
    CHECK_STATUS(syncmgr_sync_point_wait(cast.points[1], SYNCMGR_FOREVER, &result),
                 SYNCMGR_E_LATE);
    CHECK_EQUAL(result.status, SYNCMGR_SYNC_PARTIAL_COMPLETE);
    CHECK_EQUAL(result.arrived, 1);
    CHECK_EQUAL(result.late, 1);
  }
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_sync_point_wait_start(cast.points[2], 0, NULL, 0, &ticket, NULL),
               SYNCMGR_E_LATE);
  CHECK_EQUAL(result_of(cast.points[0]).late, 2);
  CHECK_EQUAL(member_of(cast.points[0], "b").flags, SYNCMGR_SYNC_LATE);
  CHECK_EQUAL(member_of(cast.points[0], "a").flags, SYNCMGR_SYNC_ARRIVED);
  check_and_close(cast.space);
}

TEST(other_parameters_are_a_mismatch_that_names_both) {
  cast_t cast = open_cast((meeting_t){
      .expected = "a/b", .required = "a", .minimum = 1, .timeout_ns = 1000 * SECOND});
  const meeting_t good = {.expected = "b/a", .required = "a", .minimum = 1,
                          .timeout_ns = 1000 * SECOND};
  open_point(cast.streams[0], good);
  open_point(cast.streams[0], (meeting_t){.expected = NULL});
  meeting_t bad[6] = {good, good, good, good, good, good};
  const char *named[6] = {"'a' 'c'", "'b'", "2", "given", "1000000000 ns", "4"};
  bad[0].expected = "a/c";
  bad[0].required = "a";
  bad[1].required = "b";
  bad[2].minimum = 2;
  bad[3].expected = "a/b";
  bad[3].minimum = SYNCMGR_ANY;
  bad[4].timeout_ns = SECOND;
  bad[5].flags = SYNCMGR_SYNC_WAIT_FOR_ALL;
  named[3] = "minimum 1, not 2";
  for (unsigned index = 0; index < 6; index++) {
    syncmgr_sync_point_t *point = NULL;
    CHECK_STATUS(try_open_point(cast.streams[0], bad[index], &point), SYNCMGR_E_MISMATCH);
    if (strstr(syncmgr_last_error(), named[index]) == NULL) {
      harness_fail(__FILE__, __LINE__, "case %u says: %s", index, syncmgr_last_error());
    }
    CHECK(point == NULL);
  }
  syncmgr_mutex_t *mutex = NULL;
  CHECK_STATUS(syncmgr_mutex_open(cast.streams[0], "p", NULL, &mutex), SYNCMGR_E_TYPE);
  check_and_close(cast.space);
}

TEST(parameters_that_make_no_sense_are_refused_and_make_nothing) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "a");
  const meeting_t bad[] = {
      {.expected = "a/b/a"},
      {.expected = "a/b", .required = "c"},
      {.expected = "a/b", .required = "a/a"},
      {.expected = "a/b", .minimum = 3},
      {.expected = "a/b", .minimum = 3, .minimum_of = 2},
      {.expected = "a/b", .minimum = SYNCMGR_ANY, .minimum_of = 2},
      {.expected = "a/b", .flags = 8},
      {.expected = "a/b", .timeout_ns = -2},
      {.expected = NULL, .required = "a"},
  };
  syncmgr_sync_point_t *point = NULL;
  for (unsigned index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    CHECK_STATUS(try_open_point(me, bad[index], &point), SYNCMGR_E_INVALID);
  }
  const char *names[] = {"", "a//b", "/a", "a/", "a/\x01", "a/\xff"};
  for (unsigned index = 0; index < sizeof names / sizeof names[0]; index++) {
    CHECK_STATUS(try_open_point(me, (meeting_t){.expected = names[index]}, &point),
                 SYNCMGR_E_NAME);
  }
  char name[300];
  memset(name, 'x', sizeof name - 1);
  name[sizeof name - 1] = 0;
  CHECK_STATUS(try_open_point(me, (meeting_t){.expected = name}, &point), SYNCMGR_E_NAME);
  syncmgr_sync_point_options_t none = SYNCMGR_SYNC_POINT_OPTIONS_INIT;
  none.minimum = 0;
  CHECK_STATUS(syncmgr_sync_point_open(me, "p", "a", NULL, &none, &point), SYNCMGR_E_INVALID);
  CHECK_STATUS(try_open_point(me, (meeting_t){.expected = NULL}, &point), SYNCMGR_E_NOT_FOUND);
  CHECK(point == NULL);
  check_and_close(space);
}

TEST(up_to_1024_workstreams_are_expected_and_removing_the_point_frees_their_places) {
  static char names[1025 * 6];
  char *end = names;
  for (unsigned index = 0; index < 1024; index++) {
    end += sprintf(end, "%sw%u", index ? "/" : "", index);
  }
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "w1023");
  /* More rounds than there would be room for if places were lost. */
  for (unsigned round = 0; round < 80; round++) {
    syncmgr_sync_point_t *point = open_point(me, (meeting_t){.expected = names});
    uint32_t count = 0;
    CHECK_OK(syncmgr_sync_point_members(point, NULL, 0, &count));
    CHECK_EQUAL(count, 1024);
    CHECK_STATUS(syncmgr_sync_point_members(point, NULL, 1, &count), SYNCMGR_E_INVALID);
    if (round == 0) CHECK_EQUAL(member_of(point, "w1023").order, 0);
    CHECK_STATUS(syncmgr_object_remove(space, SYNCMGR_TYPE_SYNC_POINT, "p"), SYNCMGR_E_BUSY);
    CHECK_OK(syncmgr_sync_point_close(point));
    CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_SYNC_POINT, "p"));
  }
  syncmgr_sync_point_t *point = NULL;
  strcpy(end, "/v");
  CHECK_STATUS(try_open_point(me, (meeting_t){.expected = names}, &point), SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST(a_space_that_has_no_room_for_those_expected_refuses_and_stays_whole) {
  static char names[1025 * 6];
  char *end = names;
  for (unsigned index = 0; index < 1024; index++) {
    end += sprintf(end, "%sw%u", index ? "/" : "", index);
  }
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "w0");
  syncmgr_sync_point_t *point = NULL;
  syncmgr_sync_point_options_t options = SYNCMGR_SYNC_POINT_OPTIONS_INIT;
  char name[16];
  int32_t status = SYNCMGR_OK;
  unsigned made = 0;
  CHECK_OK(syncmgr_sync_point_open(me, "small", "w0", NULL, &options, &point));
  for (; status == SYNCMGR_OK && made < 100; made++) {
    sprintf(name, "p%u", made);
    status = syncmgr_sync_point_open(me, name, names, NULL, &options, &point);
  }
  CHECK_STATUS(status, SYNCMGR_E_LIMIT);
  CHECK_EQUAL(made, 64);
  CHECK_OK(syncmgr_check(space));
  CHECK_OK(syncmgr_sync_point_close(point));
  CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_SYNC_POINT, "p62"));
  CHECK_OK(syncmgr_sync_point_open(me, name, names, NULL, &options, &point));
  check_and_close(space);
}
