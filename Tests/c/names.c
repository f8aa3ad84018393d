/* Names and URLs: bad ones are refused with a sentence by everything that takes a name. */
#include <stdio.h>
#include <string.h>

#include "support.h"

/* Opens one object of each kind, and a workstream, by `name`; all have to answer `expected`. */
static void expect_name(syncmgr_t *space, syncmgr_workstream_t *me, const char *name,
                        int32_t expected) {
  void *out = NULL;
  CHECK_STATUS(syncmgr_mutex_open(me, name, NULL, (syncmgr_mutex_t **)&out), expected);
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_mutex_close(out));
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_MUTEX, name));
  CHECK_STATUS(syncmgr_semaphore_open(me, name, 1, NULL, (syncmgr_semaphore_t **)&out), expected);
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_semaphore_close(out));
  if (expected == SYNCMGR_OK) {
    CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_SEMAPHORE, name));
  }
  CHECK_STATUS(syncmgr_latch_open(me, name, 1, (syncmgr_latch_t **)&out), expected);
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_latch_close(out));
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_LATCH, name));
  CHECK_STATUS(syncmgr_barrier_open(me, name, 1, NULL, (syncmgr_barrier_t **)&out), expected);
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_barrier_close(out));
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_BARRIER, name));
  CHECK_STATUS(syncmgr_event_open(me, name, NULL, (syncmgr_event_t **)&out), expected);
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_event_close(out));
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_EVENT, name));
  CHECK_STATUS(syncmgr_rwlock_open(me, name, NULL, (syncmgr_rwlock_t **)&out), expected);
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_rwlock_close(out));
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_RWLOCK, name));
  CHECK_STATUS(syncmgr_condition_open(me, name, (syncmgr_condition_t **)&out), expected);
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_condition_close(out));
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_CONDITION, name));
  CHECK_STATUS(syncmgr_election_open(me, name, (syncmgr_election_t **)&out), expected);
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_election_close(out));
  if (expected == SYNCMGR_OK) CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_ELECTION, name));
  if (expected != SYNCMGR_OK) {
    CHECK_STATUS(syncmgr_object_remove(space, SYNCMGR_TYPE_MUTEX, name), expected);
    CHECK(syncmgr_last_error()[0] != '\0');
    /* A workstream without a name is given one. */
    if (name == NULL) return;
  }
  CHECK_STATUS(syncmgr_workstream_open(space, name, (syncmgr_workstream_t **)&out), expected);
  if (expected == SYNCMGR_OK) {
    char buffer[256];
    CHECK_OK(syncmgr_workstream_name(out, buffer, sizeof buffer));
    CHECK(strcmp(buffer, name) == 0);
    CHECK_OK(syncmgr_workstream_close(out));
  }
}

static const char *repeated(const char *unit, unsigned count) {
  static char text[4096];
  text[0] = '\0';
  for (unsigned index = 0; index < count; index++) strcat(text, unit);
  return text;
}

TEST(bad_names_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  static const char *const bad[] = {
      "", "/", "a/b", "/a", "a/", "\n", "a\tb", "\x01", "a\x1f", "\x7f", "\xc2\x80", "\xc2\x9f",
      "\x80", "\xff", "a\xc3", "\xc3(", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
      "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe2\x82", "\xf0\x9f\x98"};
  for (unsigned index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    expect_name(space, me, bad[index], SYNCMGR_E_NAME);
  }
  expect_name(space, me, NULL, SYNCMGR_E_NAME);
  expect_name(space, me, repeated("x", 256), SYNCMGR_E_NAME);
  expect_name(space, me, repeated("x", 4000), SYNCMGR_E_NAME);
  expect_name(space, me, repeated("\xe2\x82\xac", 86), SYNCMGR_E_NAME);
  check_and_close(space);
}

TEST(every_other_name_of_1_to_255_bytes_is_good) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  static const char *const good[] = {
      "a", " ", ".", "..", "a b", "%s%n%d", "\\", "\"quoted\"", "caf\xc3\xa9", "\xe2\x82\xac",
      "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xc2\xa0", "shm:x"};
  for (unsigned index = 0; index < sizeof good / sizeof good[0]; index++) {
    expect_name(space, me, good[index], SYNCMGR_OK);
  }
  expect_name(space, me, repeated("x", 255), SYNCMGR_OK);
  expect_name(space, me, repeated("\xe2\x82\xac", 85), SYNCMGR_OK);
  check_and_close(space);
}

TEST(names_that_share_their_beginning_are_different_objects) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  char name[256];
  memset(name, 'n', 255);
  name[255] = '\0';
  syncmgr_latch_t *longest = open_latch(me, name, 3);
  name[254] = 'm';
  syncmgr_latch_t *other = open_latch(me, name, 4);
  name[254] = '\0';
  syncmgr_latch_t *shorter = open_latch(me, name, 5);
  uint32_t count = 0;
  CHECK_OK(syncmgr_latch_count(longest, &count));
  CHECK_EQUAL(count, 3);
  CHECK_OK(syncmgr_latch_count(other, &count));
  CHECK_EQUAL(count, 4);
  CHECK_OK(syncmgr_latch_count(shorter, &count));
  CHECK_EQUAL(count, 5);
  check_and_close(space);
}

TEST(bad_urls_are_refused) {
  static const char *const bad[] = {
      "", ":", "shm", "shm:", "local", "shn:x", "SHM:x", "http://x", "etcd://x", "shm:/x",
      "shm:a/b", "shm:../x", "shm:.hidden", "shm:a\nb", "shm:\xff", "shm:\x7f", "local:a/b",
      "local:\x01", "local:\xc3", " shm:x", "/dev/shm/x", "%s%n"};
  char url[512];
  for (unsigned index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    CHECK_STATUS(try_open(bad[index], 0), SYNCMGR_E_NAME);
    CHECK(syncmgr_last_error()[0] != '\0');
  }
  CHECK_REFUSED(try_open(NULL, 0));
  snprintf(url, sizeof url, "shm:%s%s", harness_tag(), repeated("x", 201));
  url[strlen("shm:") + 201] = '\0';
  CHECK_STATUS(try_open(url, 0), SYNCMGR_E_NAME);
  url[strlen("shm:") + 200] = '\0';
  CHECK_OK(try_open(url, 0));
  snprintf(url, sizeof url, "local:%s", repeated("y", 256));
  CHECK_STATUS(try_open(url, 0), SYNCMGR_E_NAME);
  url[strlen("local:") + 255] = '\0';
  CHECK_OK(try_open(url, 0));
}

TEST(unlink_takes_only_shm_urls) {
  static const char *const bad[] = {"", "local:", "local:x", "shm:", "shm:.x", "shm:a/b", "x"};
  for (unsigned index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    CHECK_STATUS(syncmgr_unlink(bad[index]), SYNCMGR_E_NAME);
  }
  CHECK_REFUSED(syncmgr_unlink(NULL));
  CHECK_STATUS(syncmgr_unlink(unique_url()), SYNCMGR_E_NOT_FOUND);
}

TEST(an_object_of_another_type_is_refused_and_the_sentence_names_both) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  void *out = NULL;
  open_mutex(me, "m", 0);
  open_latch(me, "l", 1);
  CHECK_STATUS(syncmgr_semaphore_open(me, "m", 1, NULL, (syncmgr_semaphore_t **)&out),
               SYNCMGR_E_TYPE);
  CHECK(strstr(syncmgr_last_error(), "mutex") && strstr(syncmgr_last_error(), "semaphore"));
  CHECK_STATUS(syncmgr_latch_open(me, "m", 1, (syncmgr_latch_t **)&out), SYNCMGR_E_TYPE);
  CHECK_STATUS(syncmgr_barrier_open(me, "m", 1, NULL, (syncmgr_barrier_t **)&out),
               SYNCMGR_E_TYPE);
  CHECK_STATUS(syncmgr_event_open(me, "m", NULL, (syncmgr_event_t **)&out), SYNCMGR_E_TYPE);
  CHECK_STATUS(syncmgr_mutex_open(me, "l", NULL, (syncmgr_mutex_t **)&out), SYNCMGR_E_TYPE);
  CHECK_STATUS(syncmgr_rwlock_open(me, "m", NULL, (syncmgr_rwlock_t **)&out), SYNCMGR_E_TYPE);
  CHECK(strstr(syncmgr_last_error(), "mutex") && strstr(syncmgr_last_error(), "lock"));
  CHECK_STATUS(syncmgr_condition_open(me, "m", (syncmgr_condition_t **)&out), SYNCMGR_E_TYPE);
  CHECK(strstr(syncmgr_last_error(), "mutex") && strstr(syncmgr_last_error(), "condition"));
  CHECK_STATUS(syncmgr_election_open(me, "m", (syncmgr_election_t **)&out), SYNCMGR_E_TYPE);
  CHECK(strstr(syncmgr_last_error(), "mutex") && strstr(syncmgr_last_error(), "election"));
  CHECK_STATUS(syncmgr_object_remove(space, SYNCMGR_TYPE_LATCH, "m"), SYNCMGR_E_TYPE);
  CHECK(out == NULL);
  check_and_close(space);
}

TEST(other_parameters_are_refused_and_the_sentence_names_both_values) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  void *out = NULL;
  syncmgr_mutex_options_t fair = SYNCMGR_MUTEX_OPTIONS_INIT;
  syncmgr_semaphore_options_t signalling = SYNCMGR_SEMAPHORE_OPTIONS_INIT;
  syncmgr_event_options_t manual = SYNCMGR_EVENT_OPTIONS_INIT;
  fair.flags = SYNCMGR_MUTEX_FAIR;
  signalling.flags = SYNCMGR_SEMAPHORE_SIGNALLING;
  manual.flags = SYNCMGR_EVENT_MANUAL_RESET;
  syncmgr_rwlock_options_t fair_rwlock = SYNCMGR_RWLOCK_OPTIONS_INIT;
  fair_rwlock.flags = SYNCMGR_RWLOCK_FAIR;
  syncmgr_barrier_options_t phaser = SYNCMGR_BARRIER_OPTIONS_INIT;
  phaser.flags = SYNCMGR_BARRIER_PHASER;
  open_rwlock(me, "rwlock", 0);
  open_mutex(me, "mutex", 0);
  open_semaphore(me, "semaphore", 1234, 0);
  syncmgr_latch_t *latch = open_latch(me, "latch", 1234);
  open_barrier(me, "barrier", 1234);
  open_event(me, "event", 0);
  CHECK_OK(syncmgr_latch_count_down(latch, 1000, NULL));
  CHECK_STATUS(syncmgr_mutex_open(me, "mutex", &fair, (syncmgr_mutex_t **)&out),
               SYNCMGR_E_MISMATCH);
  CHECK_STATUS(syncmgr_semaphore_open(me, "semaphore", 1234, &signalling,
                                      (syncmgr_semaphore_t **)&out), SYNCMGR_E_MISMATCH);
  CHECK_STATUS(syncmgr_event_open(me, "event", &manual, (syncmgr_event_t **)&out),
               SYNCMGR_E_MISMATCH);
  CHECK_STATUS(syncmgr_rwlock_open(me, "rwlock", &fair_rwlock, (syncmgr_rwlock_t **)&out),
               SYNCMGR_E_MISMATCH);
  CHECK_STATUS(syncmgr_barrier_open(me, "barrier", 1234, &phaser, (syncmgr_barrier_t **)&out),
               SYNCMGR_E_MISMATCH);
  CHECK_STATUS(syncmgr_semaphore_open(me, "semaphore", 5678, NULL,
                                      (syncmgr_semaphore_t **)&out), SYNCMGR_E_MISMATCH);
  CHECK(strstr(syncmgr_last_error(), "1234") && strstr(syncmgr_last_error(), "5678"));
  CHECK_STATUS(syncmgr_latch_open(me, "latch", 234, (syncmgr_latch_t **)&out),
               SYNCMGR_E_MISMATCH);
  CHECK(strstr(syncmgr_last_error(), "1234") && strstr(syncmgr_last_error(), "234"));
  CHECK_STATUS(syncmgr_barrier_open(me, "barrier", 5678, NULL, (syncmgr_barrier_t **)&out),
               SYNCMGR_E_MISMATCH);
  CHECK(strstr(syncmgr_last_error(), "1234") && strstr(syncmgr_last_error(), "5678"));
  CHECK(out == NULL);
  check_and_close(space);
}
