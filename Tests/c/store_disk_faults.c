/* A store whose file is not what it should be, or cannot be written. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disks.h"

/* Opens the store of a new space on the file, and expects this. */
static void expect_open(const char *file, int32_t expected, const char *word) {
  syncmgr_t *space = open_space(disk_url(unique_url(), file), 0);
  syncmgr_store_t *store = NULL;
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  CHECK_STATUS(syncmgr_store_open(me, NULL, &store), expected);
  if (strstr(syncmgr_last_error(), word) == NULL) {
    harness_fail(__FILE__, __LINE__, "'%s' is not in: %s", word, syncmgr_last_error());
  }
  CHECK(store == NULL);
  CHECK_OK(syncmgr_close(space));
}

static void write_file(const char *file, const char *text, size_t length) {
  int descriptor = open(disk_path(file), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  CHECK(descriptor >= 0);
  CHECK_EQUAL(write(descriptor, text, length), length);
  close(descriptor);
}

TEST(a_file_that_is_no_database_is_corrupt) {
  static char text[8192];
  memset(text, 'x', sizeof text);
  write_file("store.db", text, sizeof text);
  expect_open("store.db", SYNCMGR_E_CORRUPT, "store.db");
  /* It is as it was. */
  struct stat status;
  CHECK_EQUAL(stat(disk_path("store.db"), &status), 0);
  CHECK_EQUAL(status.st_size, sizeof text);
}

TEST(an_empty_file_is_a_new_store) {
  write_file("store.db", "", 0);
  const char *url = unique_url();
  syncmgr_t *space = open_space(disk_url(url, "store.db"), 0);
  put_text(open_store(open_workstream(space, NULL)), "a", "one");
  check_and_close(space);
  check_on_disk("store.db", "a", "one");
}

TEST(a_database_of_something_else_is_refused_and_left_alone) {
  disk_execute("store.db", "CREATE TABLE theirs(x); INSERT INTO theirs VALUES(7)");
  expect_open("store.db", SYNCMGR_E_CORRUPT, "something else");
  check_disk("store.db", "SELECT name FROM sqlite_master", "theirs");
  check_disk("store.db", "PRAGMA journal_mode", "delete");
}

TEST(a_file_of_a_newer_schema_is_refused) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(disk_url(url, "store.db"), 0);
  put_text(open_store(open_workstream(space, NULL)), "a", "one");
  check_and_close(space);
  disk_execute("store.db", "PRAGMA user_version=2");
  expect_open("store.db", SYNCMGR_E_VERSION, "schema 2");
  disk_execute("store.db", "PRAGMA user_version=1");
  space = open_space(disk_url(url, "store.db"), 0);
  check_entry(open_store(open_workstream(space, NULL)), "a", "one");
  check_and_close(space);
}

TEST(a_damaged_file_is_corrupt) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(disk_url(url, "store.db"), 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  char key[32];
  for (unsigned index = 0; index < 2000; index++) {
    snprintf(key, sizeof key, "key/%u", index);
    queue_text(store, key, "a value of some length, so that there are some pages");
  }
  check_and_close(space);
  int descriptor = open(disk_path("store.db"), O_WRONLY);
  static char spoiled[4096 * 8];
  memset(spoiled, 0x5a, sizeof spoiled);
  CHECK_EQUAL(pwrite(descriptor, spoiled, sizeof spoiled, 4096 * 4), sizeof spoiled);
  close(descriptor);
  expect_open("store.db", SYNCMGR_E_CORRUPT, "store.db");
}

TEST(rows_that_no_store_writes_are_corrupt_or_harmless) {
  static const char *const bad[] = {
      "INSERT INTO entries VALUES('', 'x', 0, 1, 1, 0, 0, '')",
      "INSERT INTO entries VALUES('a', 'x', 0, 0, 1, 0, 0, '')",
      "INSERT INTO entries VALUES('a', 'x', -1, 1, 1, 0, 0, '')",
      "INSERT INTO entries VALUES('a', 'x', 5, 1, 1, 0, 0, '')",
      "INSERT INTO entries VALUES(printf('%.*c', 300, 'k'), 'x', 0, 1, 1, 0, 0, '')",
      "DELETE FROM meta"};
  for (unsigned index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    const char *url = unique_url();
    char file[32];
    snprintf(file, sizeof file, "store-%u.db", index);
    syncmgr_t *space = open_space(disk_url(url, file), 0);
    put_text(open_store(open_workstream(space, NULL)), "a", "one");
    check_and_close(space);
    disk_execute(file, "DELETE FROM entries");
    disk_execute(file, bad[index]);
    expect_open(file, SYNCMGR_E_CORRUPT, "");
  }
  /* A name or type as nobody has it is read, and harms nobody. */
  const char *url = unique_url();
  syncmgr_t *space = open_space(disk_url(url, "odd.db"), 0);
  put_text(open_store(open_workstream(space, NULL)), "a", "one");
  check_and_close(space);
  disk_execute("odd.db", "UPDATE entries SET writer=printf('%.*c', 1000, 'w'), value=NULL,"
                         "wall=-1, version=9223372036854775807");
  space = open_space(disk_url(url, "odd.db"), 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  CHECK_EQUAL(entry_version(store, "a"), INT64_MAX);
  put_text(store, "b", "two");
  CHECK_OK(syncmgr_close(space));
}

static void without_rights(void) {
  if (geteuid() == 0) CHECK_EQUAL(seteuid(65534), 0);
}

TEST(a_directory_that_may_not_be_written_is_refused) {
  CHECK_EQUAL(chmod(harness_directory(), 0777), 0);
  CHECK_EQUAL(mkdir(disk_path("closed"), 0555), 0);
  without_rights();
  expect_open("closed/store.db", SYNCMGR_E_PERMISSION, "closed/store.db");
}

TEST(a_file_that_may_not_be_written_is_refused) {
  CHECK_EQUAL(chmod(harness_directory(), 0777), 0);
  without_rights();
  const char *url = unique_url();
  syncmgr_t *space = open_space(disk_url(url, "store.db"), 0);
  put_text(open_store(open_workstream(space, NULL)), "a", "one");
  check_and_close(space);
  CHECK_EQUAL(chmod(disk_path("store.db"), 0444), 0);
  expect_open("store.db", SYNCMGR_E_PERMISSION, "store.db");
}

/* Puts a small file system under the directory "small"; not possible everywhere. */
static void mount_small(void) {
  CHECK_EQUAL(mkdir(disk_path("small"), 0700), 0);
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("small", disk_path("small"), "tmpfs", 0, "size=2m") != 0) {
    harness_skip("this system allows no mount namespace with a small file system");
  }
}

static void fill_disk(void) {
  static char page[4096];
  int file = open(disk_path("small/ballast"), O_WRONLY | O_CREAT | O_APPEND, 0600);
  CHECK(file >= 0);
  while (write(file, page, sizeof page) == sizeof page) continue;
  CHECK_EQUAL(close(file), 0);
}

static void empty_disk(void) { CHECK_EQUAL(unlink(disk_path("small/ballast")), 0); }

static syncmgr_change_t large_change(char letter) {
  static char large[200000];
  memset(large, letter, sizeof large);
  return (syncmgr_change_t){
      .key = "large", .data = large, .length = sizeof large, .expected = SYNCMGR_VERSION_ANY};
}

TEST(a_full_disk_is_told_and_nothing_is_lost_meanwhile) {
  mount_small();
  const char *url = unique_url();
  syncmgr_t *space = open_space(disk_url(url, "small/store.db"), 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  put_text(store, "a", "one");
  syncmgr_change_t change = large_change('x');
  CHECK_OK(syncmgr_store_put(store, &change, 0, NULL));
  fill_disk();
  int32_t status = SYNCMGR_OK;
  for (unsigned round = 0; round < 10 && status == SYNCMGR_OK; round++) {
    change = large_change('a');
    status = syncmgr_store_put(store, &change, 0, NULL);
  }
  CHECK_STATUS(status, SYNCMGR_E_NO_SPACE);
  CHECK(strstr(syncmgr_last_error(), "in memory, and not on disk") != NULL);
  CHECK(strstr(syncmgr_last_error(), "store.db") != NULL);
  /* What comes after is told the same, and everything can be read. */
  syncmgr_change_t small = text_change("b", "two", SYNCMGR_VERSION_ANY);
  CHECK_STATUS(syncmgr_store_put(store, &small, 0, NULL), SYNCMGR_E_NO_SPACE);
  check_entry(store, "b", "two");
  check_on_disk("small/store.db", "b", NULL);
  empty_disk();
  put_text(store, "c", "three");
  check_disk("small/store.db", "SELECT key, substr(value, 1, 3), length(value) FROM entries "
             "ORDER BY key", "a|one|3 b|two|3 c|thr|5 large|aaa|200000");
  check_and_close(space);
  check_disk("small/store.db", "PRAGMA integrity_check", "ok");
}

TEST(what_is_queued_while_the_disk_is_full_is_written_later_without_being_asked) {
  mount_small();
  syncmgr_t *space = open_space(disk_url(unique_url(), "small/store.db"), 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  put_text(store, "a", "one");
  fill_disk();
  for (unsigned round = 0; round < 4; round++) {
    syncmgr_change_t change = large_change('a');
    CHECK_OK(syncmgr_store_put(store, &change, SYNCMGR_PUT_QUEUED, NULL));
  }
  sleep_ms(200);
  check_on_disk("small/store.db", "large", NULL);
  empty_disk();
  WAIT_UNTIL(strcmp(disk_query("small/store.db", "SELECT version FROM entries ORDER BY key"),
                    "1 4") == 0);
  check_and_close(space);
}

TEST(what_could_not_be_written_when_the_last_one_left_is_written_by_the_next) {
  mount_small();
  const char *url = unique_url();
  syncmgr_t *space = open_space(disk_url(url, "small/store.db"), SYNCMGR_OPEN_NO_THREADS);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  put_text(store, "a", "one");
  syncmgr_change_t change = large_change('a');
  CHECK_OK(syncmgr_store_put(store, &change, SYNCMGR_PUT_QUEUED, NULL));
  fill_disk();
  CHECK_OK(syncmgr_close(space));
  CHECK_EQUAL(access(segment_path(url), F_OK), 0);
  /* Not even the next opener may replace it. */
  CHECK_STATUS(try_open(disk_url(url, "small/store.db"), 0), SYNCMGR_E_NO_SPACE);
  CHECK_EQUAL(access(segment_path(url), F_OK), 0);
  empty_disk();
  CHECK_OK(try_open(url, 0));
  check_disk("small/store.db", "SELECT key, length(value) FROM entries ORDER BY key",
             "a|3 large|200000");
  CHECK_EQUAL(segment_file_count(url), 0);
}

TEST(a_write_that_fails_in_another_way_is_told_too) {
  struct rlimit limit;
  syncmgr_t *space = open_space(disk_url(unique_url(), "store.db"), 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  put_text(store, "a", "one");
  signal(SIGXFSZ, SIG_IGN);
  CHECK_EQUAL(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = 100000;
  CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
  syncmgr_change_t change = large_change('a');
  CHECK_STATUS(syncmgr_store_put(store, &change, 0, NULL), SYNCMGR_E_SYSTEM);
  CHECK(strstr(syncmgr_last_error(), "store.db") != NULL);
  limit.rlim_cur = limit.rlim_max;
  CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
  put_text(store, "b", "two");
  check_disk("store.db", "SELECT key, length(value) FROM entries ORDER BY key",
             "a|3 b|3 large|200000");
  check_and_close(space);
}

TEST(a_file_that_is_removed_or_replaced_meanwhile_is_told) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(disk_url(url, "store.db"), 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  put_text(store, "a", "one");
  CHECK_EQUAL(rename(disk_path("store.db"), disk_path("away.db")), 0);
  CHECK_EQUAL(rename(disk_path("store.db-wal"), disk_path("away.db-wal")), 0);
  syncmgr_change_t change = text_change("b", "two", 0);
  for (unsigned round = 0; round < 3; round++) {
    CHECK_STATUS(syncmgr_store_put(store, &change, 0, NULL), SYNCMGR_E_CORRUPT);
    CHECK(strstr(syncmgr_last_error(), "replaced") != NULL);
    change.expected = SYNCMGR_VERSION_ANY;
  }
  check_entry(store, "b", "two");
  /* When it comes back all is well. */
  CHECK_EQUAL(rename(disk_path("away.db-wal"), disk_path("store.db-wal")), 0);
  CHECK_EQUAL(rename(disk_path("away.db"), disk_path("store.db")), 0);
  put_text(store, "c", "three");
  check_disk("store.db", "SELECT key FROM entries ORDER BY key", "a b c");
  check_and_close(space);
}

TEST(a_space_whose_file_went_with_its_directory_can_be_closed_and_opened) {
  const char *url = unique_url();
  CHECK_EQUAL(mkdir(disk_path("below"), 0700), 0);
  syncmgr_t *space = open_space(disk_url(url, "below/store.db"), SYNCMGR_OPEN_NO_THREADS);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  put_text(store, "a", "one");
  queue_text(store, "b", "two");
  CHECK_EQUAL(rename(disk_path("below"), disk_path("gone")), 0);
  CHECK_OK(syncmgr_close(space));
  CHECK_EQUAL(segment_file_count(url), 0);
}
