/* The life of a segment: create, open, flags, the last to leave, persistence, unlink. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

static void stay(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

TEST(flags_say_whether_the_space_may_or_must_exist) {
  const char *url = unique_url();
  peer_t *peer = peer_start(stay, url, 0, SYNCMGR_CREATE_ONLY);
  peer_wait_pause(peer, 1);
  CHECK_STATUS(try_open(url, SYNCMGR_CREATE_ONLY), SYNCMGR_E_EXISTS);
  CHECK_OK(try_open(url, SYNCMGR_OPEN_ONLY));
  CHECK_OK(try_open(url, 0));
  peer_go(peer);
  peer_join(peer);
  CHECK_STATUS(try_open(url, SYNCMGR_OPEN_ONLY), SYNCMGR_E_NOT_FOUND);
  CHECK_OK(try_open(url, SYNCMGR_CREATE_ONLY));
  CHECK_EQUAL(segment_file_count(url), 0);
}

TEST(open_only_and_create_only_say_the_same_of_a_local_name) {
  CHECK_STATUS(try_open("local:flags", SYNCMGR_OPEN_ONLY), SYNCMGR_E_NOT_FOUND);
  syncmgr_t *space = open_space("local:flags", SYNCMGR_CREATE_ONLY);
  CHECK_STATUS(try_open("local:flags", SYNCMGR_CREATE_ONLY), SYNCMGR_E_EXISTS);
  CHECK_OK(try_open("local:flags", SYNCMGR_OPEN_ONLY));
  CHECK_OK(syncmgr_close(space));
  CHECK_STATUS(try_open("local:flags", SYNCMGR_OPEN_ONLY), SYNCMGR_E_NOT_FOUND);
}

TEST(the_last_to_leave_removes_the_segment) {
  const char *url = unique_url();
  peer_t *peers[3];
  for (unsigned index = 0; index < 3; index++) peers[index] = peer_start(stay, url, index, 0);
  for (unsigned index = 0; index < 3; index++) peer_wait_pause(peers[index], 1);
  for (unsigned index = 0; index < 3; index++) {
    CHECK_EQUAL(access(segment_path(url), F_OK), 0);
    peer_go(peers[index]);
    peer_join(peers[index]);
  }
  CHECK_EQUAL(segment_file_count(url), 0);
}

TEST(several_managers_of_one_process_count_as_one_that_stays) {
  const char *url = unique_url();
  syncmgr_t *first = open_space(url, 0);
  syncmgr_t *second = open_space(url, 0);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(first, "one"), "m", 0);
  syncmgr_mutex_t *other = open_mutex(open_workstream(second, "two"), "m", 0);
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  CHECK_STATUS(syncmgr_mutex_lock(other, 0), SYNCMGR_E_TIMEOUT);
  CHECK_OK(syncmgr_close(first));
  CHECK_EQUAL(access(segment_path(url), F_OK), 0);
  CHECK_OK(syncmgr_mutex_lock(other, 0));
  CHECK_OK(syncmgr_mutex_unlock(other));
  CHECK_OK(syncmgr_close(second));
  CHECK_EQUAL(segment_file_count(url), 0);
}

TEST(a_new_segment_has_the_mode_that_was_asked_for_whatever_the_umask) {
  const mode_t masks[] = {0, 022, 077, 0777};
  for (unsigned index = 0; index < 4; index++) {
    syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
    const char *url = unique_url();
    syncmgr_t *space = NULL;
    struct stat status;
    umask(masks[index]);
    if (index % 2) {
      options.mode = 0660;
      options.group = getegid();
    }
    CHECK_OK(syncmgr_open(url, &options, &space));
    CHECK_EQUAL(stat(segment_path(url), &status), 0);
    CHECK_EQUAL(status.st_mode & 07777, options.mode);
    CHECK(S_ISREG(status.st_mode));
    CHECK_OK(syncmgr_close(space));
  }
}

static void change_and_leave(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_workstream_t *me = open_workstream(space, "first");
  CHECK_OK(syncmgr_latch_count_down(open_latch(me, "l", 5), 2, NULL));
  CHECK_OK(syncmgr_event_set(open_event(me, "e", SYNCMGR_EVENT_MANUAL_RESET)));
  syncmgr_mutex_t *mutex = open_mutex(me, "m", 0);
  uint64_t token = 0;
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  CHECK_OK(syncmgr_mutex_token(mutex, &token));
  CHECK_OK(syncmgr_semaphore_acquire(open_semaphore(me, "s", 3, 0), 2, 0));
  atomic_store(&self->values[0], (int64_t)token);
  peer_pause(self);
  if (self->index == 0) CHECK_OK(syncmgr_close(space));
}

/* What `change_and_leave` left has to be there, and what it held has to be free. */
static void expect_recovered(const char *url, peer_t *peer, int32_t lock_status) {
  syncmgr_t *space = open_space(url, SYNCMGR_OPEN_ONLY);
  syncmgr_workstream_t *me = open_workstream(space, "first");
  syncmgr_mutex_t *mutex = open_mutex(me, "m", 0);
  syncmgr_semaphore_t *semaphore = open_semaphore(me, "s", 3, 0);
  uint32_t count = 0;
  uint64_t token = 0;
  CHECK_OK(syncmgr_latch_count(open_latch(me, "l", 5), &count));
  CHECK_EQUAL(count, 3);
  CHECK_OK(syncmgr_event_is_set(open_event(me, "e", SYNCMGR_EVENT_MANUAL_RESET), &count));
  CHECK_EQUAL(count, 1);
  CHECK_STATUS(syncmgr_mutex_lock(mutex, SECOND), lock_status);
  CHECK_OK(syncmgr_mutex_token(mutex, &token));
  CHECK((int64_t)token > atomic_load(&peer->values[0]));
  CHECK_OK(syncmgr_semaphore_acquire(semaphore, 3, SECOND));
  check_and_close(space);
  CHECK_EQUAL(access(segment_path(url), F_OK), 0);
  CHECK_OK(syncmgr_unlink(url));
  CHECK_EQUAL(segment_file_count(url), 0);
  CHECK_STATUS(try_open(url, SYNCMGR_OPEN_ONLY), SYNCMGR_E_NOT_FOUND);
}

TEST(a_persistent_space_stays_when_the_last_leaves) {
  const char *url = unique_url();
  peer_t *peer = peer_start(change_and_leave, url, 0, SYNCMGR_PERSISTENT);
  peer_wait_pause(peer, 1);
  peer_go(peer);
  peer_join(peer);
  expect_recovered(url, peer, SYNCMGR_OK);
}

TEST(a_persistent_space_is_recovered_after_all_have_died) {
  const char *url = unique_url();
  peer_t *peer = peer_start(change_and_leave, url, 1, SYNCMGR_PERSISTENT);
  peer_wait_pause(peer, 1);
  peer_kill(peer);
  CHECK_EQUAL(access(segment_path(url), F_OK), 0);
  expect_recovered(url, peer, SYNCMGR_OWNER_DIED);
}

TEST(a_space_whose_processes_are_all_dead_is_replaced) {
  const uint32_t creator_flags[] = {0, SYNCMGR_OPEN_NO_THREADS};
  for (unsigned index = 0; index < 4; index++) {
    const char *url = unique_url();
    peer_t *peer = peer_start(change_and_leave, url, 1, creator_flags[index % 2]);
    peer_wait_pause(peer, 1);
    peer_kill(peer);
    syncmgr_t *space = open_space(url, index < 2 ? 0 : SYNCMGR_CREATE_ONLY);
    syncmgr_workstream_t *me = open_workstream(space, "first");
    /* Other parameters than before: nothing of the old space may be there. */
    open_latch(me, "m", 1);
    open_semaphore(me, "s", 7, 0);
    check_and_close(space);
    CHECK_EQUAL(segment_file_count(url), 0);
  }
}

TEST(unlink_removes_the_name_and_those_inside_keep_the_space) {
  const char *url = unique_url();
  peer_t *peer = peer_start(stay, url, 0, 0);
  peer_wait_pause(peer, 1);
  syncmgr_t *old = open_space(url, 0);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(old, "old"), "m", 0);
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  CHECK_OK(syncmgr_unlink(url));
  CHECK_STATUS(syncmgr_unlink(url), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(try_open(url, SYNCMGR_OPEN_ONLY), SYNCMGR_E_NOT_FOUND);
  /* A new space of the name beside the old one, and neither leaver removes the other's. */
  syncmgr_t *new = open_space(url, SYNCMGR_CREATE_ONLY);
  syncmgr_mutex_t *other = open_mutex(open_workstream(new, "old"), "m", 0);
  CHECK_OK(syncmgr_mutex_lock(other, 0));
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  check_and_close(old);
  peer_go(peer);
  peer_join(peer);
  CHECK_EQUAL(access(segment_path(url), F_OK), 0);
  CHECK_OK(try_open(url, SYNCMGR_OPEN_ONLY));
  check_and_close(new);
  CHECK_EQUAL(segment_file_count(url), 0);
}
