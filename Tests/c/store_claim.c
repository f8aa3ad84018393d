/* One file belongs to one space at a time; and processes of that space come, die and are forked. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disks.h"

static int32_t try_store(syncmgr_t *space) {
  syncmgr_store_t *store = NULL;
  int32_t status = syncmgr_store_open(open_workstream(space, NULL), NULL, &store);
  CHECK((status >= 0) == (store != NULL));
  return status;
}

static void put_and_stay(peer_t *self) {
  syncmgr_t *space = open_space(disk_url(self->url, "store.db"), self->flags);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  char key[32];
  snprintf(key, sizeof key, "peer/%u", self->index);
  put_text(store, key, "one");
  peer_pause(self);
  queue_text(store, key, "two");
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

TEST(a_file_that_another_space_has_open_is_busy_and_the_sentence_names_that) {
  const char *url = unique_url(), *other = unique_url();
  peer_t *peer = peer_start(put_and_stay, url, 0, 0);
  peer_wait_pause(peer, 1);
  syncmgr_t *space = open_space(disk_url(other, "store.db"), 0);
  CHECK_STATUS(try_store(space), SYNCMGR_E_BUSY);
  CHECK(strstr(syncmgr_last_error(), url) != NULL);
  CHECK(strstr(syncmgr_last_error(), "store.db") != NULL);
  peer_go(peer);
  peer_wait_pause(peer, 2);
  peer_go(peer);
  peer_join(peer);
  /* It has left: the file is free. */
  CHECK_OK(try_store(space));
  check_and_close(space);
  check_on_disk("store.db", "peer/0", "two");
}

TEST(a_file_that_another_space_of_this_process_has_is_busy) {
  syncmgr_t *first = open_space(disk_url("local:first", "store.db"), 0);
  syncmgr_t *second = open_space(disk_url("local:", "store.db"), 0);
  syncmgr_t *third = open_space(disk_url(unique_url(), "store.db"), 0);
  put_text(open_store(open_workstream(first, NULL)), "a", "one");
  CHECK_STATUS(try_store(second), SYNCMGR_E_BUSY);
  CHECK_STATUS(try_store(third), SYNCMGR_E_BUSY);
  CHECK_OK(syncmgr_close(first));
  CHECK_OK(try_store(third));
  CHECK_STATUS(try_store(second), SYNCMGR_E_BUSY);
  CHECK_OK(syncmgr_close(third));
  check_entry(open_store(open_workstream(second, NULL)), "a", "one");
  CHECK_OK(syncmgr_close(second));
}

TEST(a_file_of_a_space_that_is_still_there_is_not_taken_over_and_that_of_one_that_is_gone_is) {
  const char *url = unique_url(), *other = unique_url();
  peer_t *peer = peer_start(put_and_stay, url, 0, SYNCMGR_OPEN_NO_THREADS);
  peer_wait_pause(peer, 1);
  peer_go(peer);
  peer_wait_pause(peer, 2);
  peer_kill(peer);
  /* What it has queued is in its segment only. */
  check_on_disk("store.db", "peer/0", "one");
  syncmgr_t *space = open_space(disk_url(other, "store.db"), 0);
  CHECK_STATUS(try_store(space), SYNCMGR_E_BUSY);
  CHECK(strstr(syncmgr_last_error(), url) != NULL);
  CHECK_OK(try_open(url, 0));
  check_on_disk("store.db", "peer/0", "two");
  CHECK_OK(try_store(space));
  check_and_close(space);
  /* One that was removed on purpose is gone with what it had. */
  peer = peer_start(put_and_stay, url, 1, SYNCMGR_OPEN_NO_THREADS);
  peer_wait_pause(peer, 1);
  peer_go(peer);
  peer_wait_pause(peer, 2);
  peer_kill(peer);
  CHECK_OK(syncmgr_unlink(url));
  space = open_space(disk_url(other, "store.db"), 0);
  check_entry(open_store(open_workstream(space, NULL)), "peer/1", "one");
  check_and_close(space);
}

TEST(what_dead_processes_have_queued_is_on_disk_before_their_segment_is_replaced) {
  const char *url = unique_url();
  for (unsigned round = 0; round < 20; round++) {
    peer_t *peers[2];
    for (unsigned index = 0; index < 2; index++) {
      peers[index] = peer_start(put_and_stay, url, index, SYNCMGR_OPEN_NO_THREADS);
    }
    for (unsigned index = 0; index < 2; index++) {
      peer_wait_pause(peers[index], 1);
      peer_go(peers[index]);
      peer_wait_pause(peers[index], 2);
    }
    for (unsigned index = 0; index < 2; index++) peer_kill(peers[index]);
    syncmgr_t *space = open_space(disk_url(url, "store.db"), 0);
    check_disk("store.db", "SELECT key, value FROM entries ORDER BY key", "peer/0|two peer/1|two");
    syncmgr_store_t *store = open_store(open_workstream(space, NULL));
    check_entry(store, "peer/0", "two");
    CHECK_EQUAL(entry_version(store, "peer/1"), 2 * round + 2);
    CHECK_EQUAL(store_revision(store), 4 * round + 4);
    check_and_close(space);
  }
}

TEST(what_a_dead_process_has_queued_is_written_by_those_that_live) {
  const char *url = unique_url();
  peer_t *peer = peer_start(put_and_stay, url, 0, SYNCMGR_OPEN_NO_THREADS);
  peer_wait_pause(peer, 1);
  /* This process has not opened the store. */
  syncmgr_t *space = open_space(url, 0);
  peer_go(peer);
  peer_wait_pause(peer, 2);
  check_on_disk("store.db", "peer/0", "one");
  peer_kill(peer);
  WAIT_UNTIL(strcmp(disk_query("store.db", "SELECT value FROM entries"), "two") == 0);
  check_and_close(space);
}

TEST(the_last_one_to_leave_leaves_one_file_also_when_others_have_written_it) {
  const char *url = unique_url();
  peer_t *peer = peer_start(put_and_stay, url, 0, 0);
  peer_wait_pause(peer, 1);
  syncmgr_t *space = open_space(url, 0);
  check_entry(open_store(open_workstream(space, NULL)), "peer/0", "one");
  peer_go(peer);
  peer_wait_pause(peer, 2);
  peer_go(peer);
  peer_join(peer);
  check_and_close(space);
  CHECK_EQUAL(access(disk_path("store.db-wal"), F_OK), -1);
  CHECK_EQUAL(access(disk_path("store.db-shm"), F_OK), -1);
  check_on_disk("store.db", "peer/0", "two");
}

TEST(a_persistent_space_keeps_its_store_and_its_file) {
  const char *url = unique_url();
  peer_t *peer = peer_start(put_and_stay, url, 0, SYNCMGR_PERSISTENT | SYNCMGR_OPEN_NO_THREADS);
  peer_wait_pause(peer, 1);
  peer_go(peer);
  peer_wait_pause(peer, 2);
  peer_kill(peer);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  check_entry(store, "peer/0", "two");
  WAIT_UNTIL(strcmp(disk_query("store.db", "SELECT value FROM entries"), "two") == 0);
  put_text(store, "a", "one");
  check_and_close(space);
  check_on_disk("store.db", "a", "one");
  /* Closed by all, it is still the space's. */
  syncmgr_t *other = open_space(disk_url(unique_url(), "store.db"), 0);
  CHECK_STATUS(try_store(other), SYNCMGR_E_BUSY);
  space = open_space(url, SYNCMGR_OPEN_ONLY);
  store = open_store(open_workstream(space, NULL));
  CHECK_EQUAL(put_text(store, "a", "two"), 2);
  check_and_close(space);
  CHECK_OK(syncmgr_unlink(url));
  check_entry(open_store(open_workstream(other, NULL)), "a", "two");
  check_and_close(other);
}

/* Forked by a process that uses the store: has its own handles, connection and locks. */
static void work_in_child(const char *url, unsigned number) {
  syncmgr_t *space = open_space(disk_url(url, "store.db"), 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  char key[32];
  for (unsigned round = 0; round < 50; round++) {
    snprintf(key, sizeof key, "child/%u/%u", number, round % 5);
    put_text(store, key, "one");
  }
  CHECK_OK(syncmgr_close(space));
}

TEST(a_forked_child_opens_the_store_of_its_parent_and_writes_to_it) {
  enum { CHILDREN = 4 };
  const char *url = unique_url();
  syncmgr_t *space = open_space(disk_url(url, "store.db"), 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  put_text(store, "parent", "one");
  pid_t children[CHILDREN];
  for (unsigned number = 0; number < CHILDREN; number++) {
    children[number] = fork();
    CHECK(children[number] >= 0);
    if (children[number] == 0) {
      CHECK_STATUS(put_bytes(store, "a", "x", 1, 0, NULL), SYNCMGR_E_FORKED);
      work_in_child(url, number);
      _exit(0);
    }
    for (unsigned round = 0; round < 20; round++) put_text(store, "parent", "two");
  }
  for (unsigned number = 0; number < CHILDREN; number++) {
    int status = 0;
    CHECK_EQUAL(waitpid(children[number], &status, 0), children[number]);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  put_text(store, "parent", "three");
  check_disk("store.db", "SELECT count(*), sum(version) FROM entries", "21|282");
  check_disk("store.db", "PRAGMA integrity_check", "ok");
  check_and_close(space);
  check_disk("store.db", "SELECT count(*), sum(version) FROM entries", "21|282");
}

TEST(a_child_goes_on_with_the_file_when_its_parent_is_gone) {
  const char *url = unique_url();
  peer_t *peer = peer_start(put_and_stay, url, 0, 0);
  peer_wait_pause(peer, 1);
  syncmgr_t *space = open_space(disk_url(url, "store.db"), 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  put_text(store, "a", "one");
  int ends[2];
  CHECK_EQUAL(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    char go;
    CHECK_EQUAL(read(ends[0], &go, 1), 1);
    work_in_child(url, 1);
    _exit(0);
  }
  /* The parent's locks end; the child begins with none of them. */
  CHECK_OK(syncmgr_close(space));
  peer_kill(peer);
  CHECK_EQUAL(write(ends[1], "x", 1), 1);
  int status = 0;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  check_disk("store.db", "SELECT count(*) FROM entries", "7");
  CHECK_EQUAL(segment_file_count(url), 0);
}
