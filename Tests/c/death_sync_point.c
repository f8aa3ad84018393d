/* The death of a process that a sync point expects. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "meeting.h"

/* Opens the space as workstream "z", which nobody expects, and makes the point. */
static syncmgr_sync_point_t *make(const char *url, uint32_t flags, meeting_t meeting,
                                  syncmgr_t **space) {
  *space = open_space(url, flags);
  return open_point(open_workstream(*space, "z"), meeting);
}

TEST(the_death_of_one_expected_fails_the_point_for_all_and_names_it) {
  for (unsigned kind = 0; kind < 2; kind++) {
    for (unsigned stage = 0; stage < 2; stage++) {
      const char *url = unique_url();
      uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
      /* Forked before the space is opened here. */
      peer_t *waiter = peer_start(meet, url, 0, flags);
      peer_t *dying = peer_start(meet, url, 1, flags);
      syncmgr_t *space;
      syncmgr_sync_point_t *point =
          make(url, flags, (meeting_t){.expected = "a/b/c", .minimum = 2, .required = "c"}, &space);
      peer_wait_pause(waiter, 1);
      peer_wait_pause(dying, 1);
      peer_go(waiter);
      peer_wait_asleep(waiter);
      /* Killed while it waits, or before it came. */
      if (stage == 1) {
        peer_go(dying);
        peer_wait_asleep(dying);
        CHECK_EQUAL(result_of(point).arrived, 2);
      }
      pid_t pid = dying->pid;
      int64_t killed = now_ns();
      peer_kill(dying);
      CHECK_STATUS(peer_met(waiter), SYNCMGR_E_FAILED);
      CHECK(now_ns() - killed < SECOND);
      char text[64];
      snprintf(text, sizeof text, "b (pid %d) died", (int)pid);
      syncmgr_sync_result_t result = result_of(point);
      CHECK_EQUAL(result.status, SYNCMGR_SYNC_FAILED);
      CHECK(strcmp(result.reason, text) == 0);
      CHECK_EQUAL(result.arrived, 1);
      CHECK_EQUAL(result.failed, 1);
      end_meeting(waiter);
      check_and_close(space);
    }
  }
}

static void live_only(peer_t *self) {
  open_workstream(peer_space(self), "b");
  peer_pause(self);
}

TEST(the_death_of_one_that_never_opened_the_point_fails_it_too) {
  const char *url = unique_url();
  peer_t *dying = peer_start(live_only, url, 1, 0);
  syncmgr_t *space;
  syncmgr_sync_point_t *point = make(url, 0, (meeting_t){.expected = "a/b"}, &space);
  peer_wait_pause(dying, 1);
  peer_kill(dying);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_EQUAL(result_of(point).status, SYNCMGR_SYNC_FAILED);
  CHECK_EQUAL(member_of(point, "b").flags, SYNCMGR_SYNC_MEMBER_FAILED);
  check_and_close(space);
}

TEST(the_death_of_a_stranger_means_nothing) {
  const char *url = unique_url();
  peer_t *dying = peer_start(live_only, url, 1, 0);
  syncmgr_t *space;
  syncmgr_sync_point_t *point = make(url, 0, (meeting_t){.expected = "a/c"}, &space);
  peer_wait_pause(dying, 1);
  peer_kill(dying);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_EQUAL(result_of(point).status, SYNCMGR_SYNC_WAITING);
  check_and_close(space);
}

TEST(with_continue_on_failure_the_dead_count_as_missing) {
  const char *url = unique_url();
  peer_t *waiter = peer_start(meet, url, 0, 0);
  peer_t *dying = peer_start(meet, url, 1, 0);
  peer_t *last = peer_start(meet, url, 2, 0);
  syncmgr_t *space;
  syncmgr_sync_point_t *point = make(
      url, 0, (meeting_t){.expected = "a/b/c", .flags = SYNCMGR_SYNC_CONTINUE_ON_FAILURE}, &space);
  peer_t *peers[] = {waiter, dying, last};
  for (unsigned index = 0; index < 3; index++) peer_wait_pause(peers[index], 1);
  for (unsigned index = 0; index < 2; index++) {
    peer_go(peers[index]);
    peer_wait_asleep(peers[index]);
  }
  peer_kill(dying);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_EQUAL(result_of(point).status, SYNCMGR_SYNC_WAITING);
  CHECK_EQUAL(result_of(point).failed, 1);
  peer_go(last);
  CHECK_STATUS(peer_met(last), SYNCMGR_PARTIAL);
  CHECK_STATUS(peer_met(waiter), SYNCMGR_PARTIAL);
  CHECK_EQUAL(atomic_load(&waiter->values[3]), 2);
  end_meeting(waiter);
  end_meeting(last);
  check_and_close(space);
}

TEST(a_dead_one_is_not_counted_as_present_by_the_last_to_come) {
  const char *url = unique_url();
  peer_t *dying = peer_start(meet, url, 0, SYNCMGR_OPEN_NO_THREADS);
  syncmgr_t *space = open_space(url, SYNCMGR_OPEN_NO_THREADS);
  syncmgr_workstream_t *me = open_workstream(space, "b");
  syncmgr_sync_point_t *point = open_point(me, (meeting_t){.expected = "a/b"});
  peer_wait_pause(dying, 1);
  peer_go(dying);
  peer_wait_asleep(dying);
  peer_kill(dying);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_STATUS(syncmgr_sync_point_wait(point, SECOND, NULL), SYNCMGR_E_LATE);
  CHECK_EQUAL(result_of(point).status, SYNCMGR_SYNC_FAILED);
  check_and_close(space);
}

TEST(a_death_after_the_end_changes_nothing) {
  const char *url = unique_url();
  peer_t *dying = peer_start(meet, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_workstream_t *me = open_workstream(space, "b");
  syncmgr_sync_point_t *point = open_point(me, (meeting_t){.expected = "a/b"});
  peer_wait_pause(dying, 1);
  peer_go(dying);
  peer_wait_asleep(dying);
  CHECK_OK(syncmgr_sync_point_wait(point, SECOND, NULL));
  syncmgr_sync_result_t before = result_of(point);
  CHECK_STATUS(peer_met(dying), SYNCMGR_OK);
  peer_kill(dying);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  syncmgr_sync_result_t after = result_of(point);
  CHECK(memcmp(&before, &after, sizeof before) == 0);
  check_and_close(space);
}

TEST(a_meeting_of_eight_processes_ends_alike_for_all) {
  const char *url = unique_url();
  peer_t *peers[8];
  for (uint32_t index = 0; index < 8; index++) peers[index] = peer_start(meet, url, index, 0);
  syncmgr_t *space;
  syncmgr_sync_point_t *point = make(url, 0, (meeting_t){.expected = "h/g/f/e/d/c/b/a"}, &space);
  for (uint32_t index = 0; index < 8; index++) peer_wait_pause(peers[index], 1);
  for (uint32_t index = 0; index < 8; index++) peer_go(peers[index]);
  for (uint32_t index = 0; index < 8; index++) {
    CHECK_STATUS(peer_met(peers[index]), SYNCMGR_OK);
    CHECK_EQUAL(atomic_load(&peers[index]->values[2]), 10 + SYNCMGR_SYNC_COMPLETE);
    CHECK_EQUAL(atomic_load(&peers[index]->values[3]), 8);
    end_meeting(peers[index]);
  }
  CHECK_EQUAL(result_of(point).status, SYNCMGR_SYNC_COMPLETE);
  check_and_close(space);
}
