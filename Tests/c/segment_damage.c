/* What stands at the name of a segment is no segment, or a damaged one: refused, never trusted. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "peer.h"

enum { HEADER_BYTES = 256 };

static void write_file(const char *path, const void *bytes, size_t size) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  CHECK(file >= 0);
  CHECK_EQUAL(write(file, bytes, size), size);
  CHECK_EQUAL(close(file), 0);
}

/* Makes a persistent segment with some objects in it and leaves it. */
static void make_segment(const char *url) {
  syncmgr_t *space = open_space(url, SYNCMGR_PERSISTENT);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  open_mutex(me, "m", 0);
  open_semaphore(me, "s", 3, 0);
  CHECK_OK(syncmgr_rwlock_lock(open_rwlock(me, "r", 0), SYNCMGR_SHARED, 0));
  open_condition(me, "c");
  syncmgr_election_t *election = open_election(me, "v");
  CHECK_STATUS(syncmgr_election_campaign(election, 0, NULL), SYNCMGR_LEADER);
  CHECK_OK(syncmgr_election_finish(election, "result", 6));
  CHECK_OK(syncmgr_close(space));
  CHECK_EQUAL(access(segment_path(url), F_OK), 0);
}

/* Damage is reported by every way to open, and unlink makes the name usable again. */
static void expect_corrupt_then_unlink(const char *url) {
  CHECK_STATUS(try_open(url, 0), SYNCMGR_E_CORRUPT);
  CHECK(syncmgr_last_error()[0] != '\0');
  CHECK_STATUS(try_open(url, SYNCMGR_OPEN_ONLY), SYNCMGR_E_CORRUPT);
  CHECK_STATUS(try_open(url, SYNCMGR_PERSISTENT | SYNCMGR_OPEN_NO_THREADS), SYNCMGR_E_CORRUPT);
  CHECK_OK(syncmgr_unlink(url));
  CHECK_EQUAL(segment_file_count(url), 0);
  CHECK_OK(try_open(url, SYNCMGR_CREATE_ONLY));
}

TEST(a_file_that_is_no_segment_is_corrupt) {
  static char bytes[1 << 20];
  const size_t sizes[] = {0, 1, 7, 8, 63, 64, 4095, 4096, 65536, sizeof bytes};
  for (unsigned fill = 0; fill < 3; fill++) {
    memset(bytes, fill == 0 ? 0 : fill == 1 ? 0xff : 'x', sizeof bytes);
    for (unsigned index = 0; index < sizeof sizes / sizeof sizes[0]; index++) {
      const char *url = unique_url();
      write_file(segment_path(url), bytes, sizes[index]);
      expect_corrupt_then_unlink(url);
    }
  }
}

TEST(a_truncated_segment_is_corrupt) {
  struct stat status;
  for (unsigned index = 0; index < 8; index++) {
    const char *url = unique_url();
    make_segment(url);
    CHECK_EQUAL(stat(segment_path(url), &status), 0);
    const off_t size = status.st_size;
    const off_t sizes[] = {0, 1, 64, 4096, size / 4, size / 2, size - 4096, size - 1};
    CHECK_EQUAL(truncate(segment_path(url), sizes[index]), 0);
    expect_corrupt_then_unlink(url);
  }
}

TEST(a_byte_changed_in_the_header_is_another_version_or_damage_and_never_a_crash) {
  unsigned char original[HEADER_BYTES], changed[HEADER_BYTES];
  const char *url = unique_url();
  unsigned version = 0, corrupt = 0;
  make_segment(url);
  int file = open(segment_path(url), O_RDWR);
  CHECK_EQUAL(pread(file, original, sizeof original, 0), sizeof original);
  for (unsigned offset = 0; offset < HEADER_BYTES; offset++) {
    for (unsigned way = 0; way < 3; way++) {
      memcpy(changed, original, sizeof changed);
      changed[offset] = way == 0 ? original[offset] ^ 0x01 : way == 1 ? ~original[offset] : 0xff;
      /* A segment that was replaced is another file now; a new one is made for the next byte. */
      if (access(segment_path(url), F_OK) != 0) make_segment(url);
      close(file);
      file = open(segment_path(url), O_RDWR);
      CHECK_EQUAL(pwrite(file, changed, sizeof changed, 0), sizeof changed);
      int32_t status = try_open(url, SYNCMGR_PERSISTENT);
      if (status != SYNCMGR_OK && status != SYNCMGR_E_VERSION && status != SYNCMGR_E_CORRUPT) {
        harness_fail(__FILE__, __LINE__, "byte %u of the header changed: %s (%s)", offset,
                     syncmgr_status_name(status), syncmgr_last_error());
      }
      version += status == SYNCMGR_E_VERSION;
      corrupt += status == SYNCMGR_E_CORRUPT;
      if (status < 0) CHECK_EQUAL(pwrite(file, original, sizeof original, 0), sizeof original);
      if (status == SYNCMGR_OK) syncmgr_unlink(url);
    }
  }
  close(file);
  syncmgr_unlink(url);
  CHECK(version > 0);
  CHECK(corrupt > 0);
}

TEST(random_bytes_changed_in_a_segment_nobody_has_open_never_crash_the_next_opener) {
  uint64_t state = harness_seed();
  for (unsigned round = 0; round < 40; round++) {
    const char *url = unique_url();
    struct stat status;
    make_segment(url);
    int file = open(segment_path(url), O_RDWR);
    CHECK_EQUAL(fstat(file, &status), 0);
    for (unsigned change = 0; change < 400; change++) {
      /* Only pages that exist: a hole would be filled for nothing. */
      off_t wanted = (off_t)(random_next(&state) % (uint64_t)status.st_size);
      off_t offset = lseek(file, wanted, SEEK_DATA);
      uint64_t byte = random_next(&state);
      if (offset < 0) continue;
      offset += random_below(&state, 4096);
      if (offset >= 64 && offset < status.st_size) CHECK_EQUAL(pwrite(file, &byte, 1, offset), 1);
    }
    close(file);
    syncmgr_t *space = NULL;
    syncmgr_workstream_t *me = NULL;
    syncmgr_mutex_t *mutex = NULL;
    syncmgr_rwlock_t *rwlock = NULL;
    syncmgr_condition_t *condition = NULL;
    syncmgr_election_t *election = NULL;
    char result[SYNCMGR_RESULT_MAX];
    size_t length = 0;
    if (syncmgr_open(url, NULL, &space) >= 0) {
      syncmgr_check(space);
      syncmgr_cleanup(space, NULL);
      if (syncmgr_workstream_open(space, NULL, &me) >= 0 &&
          syncmgr_mutex_open(me, "m", NULL, &mutex) >= 0) {
        syncmgr_mutex_lock(mutex, MILLISECOND);
        syncmgr_mutex_unlock(mutex);
      }
      if (syncmgr_rwlock_open(me, "r", NULL, &rwlock) >= 0) {
        syncmgr_rwlock_lock(rwlock, SYNCMGR_EXCLUSIVE, MILLISECOND);
        syncmgr_rwlock_downgrade(rwlock);
      }
      if (syncmgr_condition_open(me, "c", &condition) >= 0) {
        syncmgr_condition_broadcast(condition, NULL);
      }
      if (syncmgr_election_open(me, "v", &election) >= 0) {
        syncmgr_election_campaign(election, MILLISECOND, NULL);
        CHECK(syncmgr_election_result(election, result, sizeof result, &length) < 0 ||
              length <= SYNCMGR_RESULT_MAX);
      }
      syncmgr_close(space);
    }
    int32_t unlinked = syncmgr_unlink(url);
    CHECK(unlinked == SYNCMGR_OK || unlinked == SYNCMGR_E_NOT_FOUND);
    CHECK_EQUAL(segment_file_count(url), 0);
  }
}

TEST(a_directory_a_fifo_and_a_socket_are_no_segments) {
  for (unsigned kind = 0; kind < 3; kind++) {
    const char *url = unique_url();
    const char *path = segment_path(url);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (kind == 0) CHECK_EQUAL(mkdir(path, 0700), 0);
    if (kind == 1) CHECK_EQUAL(mkfifo(path, 0600), 0);
    if (kind == 2) {
      CHECK_EQUAL(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    }
    CHECK_REFUSED(try_open(url, 0));
    CHECK_REFUSED(try_open(url, SYNCMGR_OPEN_ONLY));
    CHECK_REFUSED(try_open(url, SYNCMGR_CREATE_ONLY));
    CHECK_EQUAL(access(path, F_OK), 0);
    CHECK_EQUAL(remove(path), 0);
    CHECK_EQUAL(segment_file_count(url), 0);
    close(listener);
  }
}

/* A link planted at a name must not make us read, write or create what it points to. */
static void expect_link_refused(const char *link, const char *url, bool may_replace) {
  char target[64] = "/tmp/syncmgr-target-XXXXXX";
  struct stat status;
  int file = mkstemp(target);
  CHECK(file >= 0);
  CHECK_EQUAL(write(file, "untouched", 9), 9);
  for (unsigned round = 0; round < 2; round++) {
    if (round == 1) CHECK_EQUAL(unlink(target), 0);
    CHECK_EQUAL(symlink(target, link), 0);
    int32_t opened = try_open(url, 0);
    CHECK(opened < 0 || may_replace);
    if (round == 0) {
      CHECK_EQUAL(stat(target, &status), 0);
      CHECK_EQUAL(status.st_size, 9);
    } else {
      CHECK(access(target, F_OK) != 0 && errno == ENOENT);
    }
    if (opened < 0) CHECK_REFUSED(opened);
    unlink(link);
  }
  close(file);
}

TEST(a_symbolic_link_at_the_name_is_not_followed) {
  const char *url = unique_url();
  expect_link_refused(segment_path(url), url, false);
}

TEST(a_symbolic_link_at_a_sibling_file_is_not_followed) {
  const char *url = unique_url();
  char names[4][256];
  syncmgr_t *space = open_space(url, 0);
  unsigned count = shared_memory_names(url + strlen("shm:"), names, 4);
  CHECK(count >= 1 && count <= 4);
  CHECK_OK(syncmgr_close(space));
  for (unsigned index = 0; index < count; index++) {
    char path[512];
    snprintf(path, sizeof path, "/dev/shm/%.255s", names[index]);
    if (strcmp(path, segment_path(url)) == 0) continue;
    expect_link_refused(path, url, true);
  }
}

TEST(a_segment_that_is_a_second_name_of_another_file_does_not_mix_two_spaces) {
  const char *first = unique_url(), *second = unique_url();
  make_segment(first);
  CHECK_EQUAL(link(segment_path(first), segment_path(second)), 0);
  syncmgr_t *space = open_space(first, 0);
  int32_t status = try_open(second, 0);
  CHECK(status == SYNCMGR_OK || status == SYNCMGR_E_CORRUPT || status == SYNCMGR_E_PERMISSION);
  check_and_close(space);
  CHECK_OK(syncmgr_unlink(first));
  syncmgr_unlink(second);
  unlink(segment_path(second));
}
