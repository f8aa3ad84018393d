/* A full /dev/shm is an error, never a SIGBUS. Each test has a small /dev/shm of its own, in a
 * mount namespace of its own; where the system refuses that, the tests are skipped. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "peer.h"

static void mount_small(const char *options) {
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("small", "/dev/shm", "tmpfs", 0, options) != 0) {
    harness_skip("this system allows no mount namespace with a small /dev/shm");
  }
}

/* Fills the file system up to its last page with a file of no meaning. */
static void fill(void) {
  static char page[4096];
  int file = open("/dev/shm/ballast", O_WRONLY | O_CREAT | O_APPEND, 0600);
  CHECK(file >= 0);
  while (write(file, page, sizeof page) == sizeof page) continue;
  CHECK_EQUAL(close(file), 0);
}

static bool is_full(int32_t status) {
  /* The waits and pairs of a small segment may end at a table before they end at the disk. */
  if (status >= 0) return false;
  if (status != SYNCMGR_E_NO_SPACE) CHECK_STATUS(status, SYNCMGR_E_LIMIT);
  CHECK(syncmgr_last_error()[0] != '\0');
  return true;
}

/* Opens objects with long names until one is refused; returns how many there are. */
static unsigned open_until_full(syncmgr_workstream_t *me, char first) {
  unsigned count = 0;
  for (int32_t status = SYNCMGR_OK;; count++) {
    char name[256];
    syncmgr_mutex_t *mutex = NULL;
    snprintf(name, sizeof name, "%c%0250u", first, count);
    status = syncmgr_mutex_open(me, name, NULL, &mutex);
    if (is_full(status)) return count;
    CHECK_STATUS(status, SYNCMGR_OK);
    CHECK_OK(syncmgr_mutex_lock(mutex, 0));
    if (count % 2) CHECK_OK(syncmgr_mutex_unlock(mutex));
  }
}

static void open_workstreams_until_full(syncmgr_t *space) {
  for (unsigned count = 0; count < 100000; count++) {
    syncmgr_workstream_t *more = NULL;
    if (is_full(syncmgr_workstream_open(space, NULL, &more))) return;
  }
  harness_fail(__FILE__, __LINE__, "there is no end to the workstreams");
}

static void start_waits_until_full(syncmgr_latch_t *latch) {
  for (unsigned count = 0; count < 100000; count++) {
    syncmgr_ticket_t *ticket = NULL;
    int32_t status = syncmgr_latch_wait_start(latch, SYNCMGR_FOREVER, NULL, 0, &ticket);
    if (is_full(status)) return;
    CHECK_STATUS(status, SYNCMGR_PENDING);
  }
  harness_fail(__FILE__, __LINE__, "there is no end to the waits");
}

static void use_up(const char *options) {
  mount_small(options);
  const char *url = unique_url();
  syncmgr_t *space = NULL;
  int32_t status = syncmgr_open(url, NULL, &space);
  if (status != SYNCMGR_OK) {
    CHECK_STATUS(status, SYNCMGR_E_NO_SPACE);
    CHECK(syncmgr_last_error()[0] != '\0');
    CHECK_EQUAL(segment_file_count(url), 0);
    return;
  }
  syncmgr_workstream_t *me = NULL;
  status = syncmgr_workstream_open(space, "me", &me);
  if (!is_full(status)) {
    syncmgr_latch_t *latch = NULL;
    status = syncmgr_latch_open(me, "latch", 1, &latch);
    if (!is_full(status)) {
      open_until_full(me, 'a');
      start_waits_until_full(latch);
      open_workstreams_until_full(space);
      /* What there is works on. */
      CHECK_OK(syncmgr_latch_count_down(latch, 1, NULL));
      CHECK_OK(syncmgr_latch_wait(latch, SYNCMGR_FOREVER));
    }
  }
  check_and_close(space);
  CHECK_EQUAL(segment_file_count(url), 0);
}

TEST(a_dev_shm_of_one_page_is_no_space_or_enough) { use_up("size=4k"); }
TEST(a_dev_shm_of_16_kb_is_no_space_or_enough) { use_up("size=16k"); }
TEST(a_dev_shm_of_64_kb_is_no_space_or_enough) { use_up("size=64k"); }
TEST(a_dev_shm_of_256_kb_is_no_space_or_enough) { use_up("size=256k"); }
TEST(a_dev_shm_of_1_mb_is_no_space_or_enough) { use_up("size=1m"); }
TEST_WITHIN(60, a_dev_shm_of_4_mb_is_no_space_or_enough) { use_up("size=4m"); }

TEST(a_dev_shm_without_room_for_a_file_is_refused) {
  mount_small("nr_inodes=1");
  const char *url = unique_url();
  syncmgr_t *space = NULL;
  int32_t status = syncmgr_open(url, NULL, &space);
  CHECK_REFUSED(status);
  if (status != SYNCMGR_E_SYSTEM) CHECK_STATUS(status, SYNCMGR_E_NO_SPACE);
}

TEST(a_dev_shm_that_fills_up_later_refuses_new_things_and_old_ones_work_on) {
  mount_small("size=64m");
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_mutex_t *mutex = open_mutex(me, "before", 0);
  syncmgr_event_t *event = open_event(me, "event", 0);
  fill();
  unsigned count = open_until_full(me, 'a');
  CHECK(count < 16384);
  for (unsigned round = 0; round < 100; round++) {
    CHECK_OK(syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER));
    CHECK_OK(syncmgr_mutex_unlock(mutex));
    CHECK_OK(syncmgr_event_set(event));
    CHECK_OK(syncmgr_event_wait(event, SYNCMGR_FOREVER));
  }
  CHECK_EQUAL(unlink("/dev/shm/ballast"), 0);
  /* The refusal was not for ever. */
  CHECK(open_until_full(open_workstream(space, "other"), 'b') > count);
  CHECK_OK(try_open(url, SYNCMGR_OPEN_ONLY));
  check_and_close(space);
  CHECK_EQUAL(segment_file_count(url), 0);
}

static void join_full(peer_t *self) {
  syncmgr_t *space = NULL;
  peer_pause(self);
  for (unsigned round = 0; round < 20; round++) {
    int32_t status = syncmgr_open(self->url, NULL, &space);
    if (is_full(status)) continue;
    CHECK_STATUS(status, SYNCMGR_OK);
    syncmgr_workstream_t *me = NULL;
    syncmgr_mutex_t *mutex = NULL;
    if (!is_full(syncmgr_workstream_open(space, NULL, &me)) &&
        !is_full(syncmgr_mutex_open(me, "held", NULL, &mutex))) {
      int32_t locked = syncmgr_mutex_lock(mutex, 10 * MILLISECOND);
      if (locked != SYNCMGR_E_TIMEOUT) CHECK(is_full(locked));
    }
    CHECK_OK(syncmgr_close(space));
  }
}

TEST(joining_a_space_on_a_full_dev_shm_works_or_is_refused) {
  mount_small("size=64m");
  const char *url = unique_url();
  peer_t *peer = peer_start(join_full, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  CHECK_OK(syncmgr_mutex_lock(open_mutex(open_workstream(space, "me"), "held", 0), 0));
  fill();
  peer_go(peer);
  peer_join(peer);
  check_and_close(space);
  CHECK_EQUAL(segment_file_count(url), 0);
}
