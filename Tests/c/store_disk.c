/* A store with a file: what was acknowledged is on disk, whoever ends and however. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "disks.h"

static const char *url;
static syncmgr_t *space;
static syncmgr_workstream_t *me;
static syncmgr_store_t *store;

static void begin_again(void) {
  space = open_space(disk_url(url, "store.db"), 0);
  me = open_workstream(space, "writer");
  store = open_store(me);
}

static void begin(void) {
  url = unique_url();
  begin_again();
}

TEST(what_a_put_has_returned_for_is_on_disk) {
  begin();
  put_text(store, "a/1", "one");
  check_on_disk("store.db", "a/1", "one");
  put_text(store, "a/1", "two");
  check_on_disk("store.db", "a/1", "two");
  check_disk("store.db", "SELECT version, revision, writer, type FROM entries", "2|2|writer|3");
  uint64_t id = 0;
  char expected[64];
  CHECK_OK(syncmgr_workstream_id(me, &id));
  snprintf(expected, sizeof expected, "%llu", (unsigned long long)id);
  check_disk("store.db", "SELECT writer_id FROM entries", expected);
  check_disk("store.db", "SELECT abs(wall/1000000000 - strftime('%s')) < 10 FROM entries", "1");
  delete_key(store, "a/1");
  check_on_disk("store.db", "a/1", NULL);
  check_disk("store.db", "SELECT name, value FROM meta WHERE name<>'space' ORDER BY name",
             "floor|3 revision|3");
  check_disk("store.db", "PRAGMA integrity_check", "ok");
  check_and_close(space);
}

TEST(everything_about_an_entry_comes_back_from_the_file) {
  begin();
  uint64_t revision = 0;
  syncmgr_change_t changes[3] = {text_change("a", "one", 0), text_change("b", "{\"x\": [1]}", 0),
                                 {.key = "c", .data = "\0\xff", .length = 2}};
  changes[1].type = SYNCMGR_CELL_JSON;
  CHECK_OK(syncmgr_store_commit(store, changes, 3, 0, SYNCMGR_FOREVER, &revision));
  put_text(store, "a", "two");
  put_text(store, "gone", "x");
  put_text(store, "gone", "y");
  delete_key(store, "gone");
  syncmgr_entry_t before, after;
  char buffer[512], again[512];
  CHECK_OK(read_entry(store, "b", buffer, sizeof buffer, &before));
  CHECK_EQUAL(store_revision(store), 5);
  check_and_close(space);
  CHECK_EQUAL(segment_file_count(url), 0);

  begin_again();
  CHECK_EQUAL(store_revision(store), 5);
  check_range(store, NULL, NULL, "a b c");
  CHECK_OK(read_entry(store, "b", again, sizeof again, &after));
  CHECK_EQUAL(after.version, before.version);
  CHECK_EQUAL(after.revision, revision);
  CHECK_EQUAL(after.writer_id, before.writer_id);
  CHECK_EQUAL(after.wall_ns, before.wall_ns);
  CHECK_EQUAL(after.type, SYNCMGR_CELL_JSON);
  CHECK(strcmp(after.writer, "writer") == 0);
  CHECK_EQUAL(after.length, before.length);
  CHECK(memcmp(after.data, before.data, after.length) == 0);
  CHECK_OK(read_entry(store, "c", again, sizeof again, &after));
  CHECK_EQUAL(after.type, SYNCMGR_CELL_BYTES);
  CHECK(after.length == 2 && memcmp(after.data, "\0\xff", 2) == 0);
  check_entry(store, "a", "two");
  CHECK_EQUAL(entry_version(store, "a"), 2);
  /* No version comes back, also of what was deleted before. */
  CHECK_EQUAL(put_text(store, "gone", "z"), 4);
  CHECK_EQUAL(put_text(store, "a", "three"), 3);
  CHECK_EQUAL(store_revision(store), 7);
  /* What was before the file was read is not in the log. */
  check_and_close(space);
}

TEST(the_last_one_to_leave_leaves_one_file_and_the_claim) {
  begin();
  put_text(store, "a", "one");
  CHECK_EQUAL(access(disk_path("store.db-wal"), F_OK), 0);
  check_and_close(space);
  CHECK_EQUAL(access(disk_path("store.db-wal"), F_OK), -1);
  CHECK_EQUAL(access(disk_path("store.db-shm"), F_OK), -1);
  CHECK_EQUAL(access(disk_path("store.db.syncmgr"), F_OK), 0);
  check_on_disk("store.db", "a", "one");
}

TEST(what_is_queued_is_on_disk_soon) {
  begin();
  queue_text(store, "a", "one");
  check_entry(store, "a", "one");
  WAIT_UNTIL(strcmp(disk_query("store.db", "SELECT value FROM entries"), "one") == 0);
  for (unsigned round = 0; round < 1000; round++) queue_text(store, "a", "two");
  WAIT_UNTIL(strcmp(disk_query("store.db", "SELECT value, version FROM entries"), "two|1001") == 0);
  check_and_close(space);
}

TEST(what_is_queued_is_on_disk_when_the_last_one_has_left) {
  url = unique_url();
  /* Nobody does it before: there is no thread. */
  space = open_space(disk_url(url, "store.db"), SYNCMGR_OPEN_NO_THREADS);
  store = open_store(open_workstream(space, NULL));
  queue_text(store, "a", "one");
  sleep_ms(100);
  check_on_disk("store.db", "a", NULL);
  check_and_close(space);
  check_on_disk("store.db", "a", "one");
}

TEST(a_put_that_waits_has_everything_before_it_on_disk) {
  url = unique_url();
  space = open_space(disk_url(url, "store.db"), SYNCMGR_OPEN_NO_THREADS);
  store = open_store(open_workstream(space, NULL));
  queue_text(store, "a", "one");
  queue_text(store, "a", "two");
  queue_text(store, "b", "three");
  put_text(store, "c", "four");
  check_disk("store.db", "SELECT key, value, version FROM entries ORDER BY key",
             "a|two|2 b|three|1 c|four|1");
  check_and_close(space);
}

TEST(without_time_a_commit_is_in_memory_and_the_sentence_says_so) {
  url = unique_url();
  space = open_space(disk_url(url, "store.db"), SYNCMGR_OPEN_NO_THREADS);
  store = open_store(open_workstream(space, NULL));
  syncmgr_change_t change = text_change("a", "one", 0);
  uint64_t revision = 9;
  CHECK_STATUS(syncmgr_store_commit(store, &change, 1, 0, 0, &revision), SYNCMGR_E_TIMEOUT);
  CHECK(strstr(syncmgr_last_error(), "in memory") != NULL);
  check_entry(store, "a", "one");
  check_on_disk("store.db", "a", NULL);
  put_text(store, "b", "two");
  check_on_disk("store.db", "a", "one");
  check_and_close(space);
}

TEST(large_entries_and_more_than_the_log_holds_are_on_disk) {
  enum { LARGE = 300000, ROUNDS = 2000 };
  syncmgr_store_options_t options = SYNCMGR_STORE_OPTIONS_INIT;
  static uint8_t large[LARGE];
  url = unique_url();
  space = open_space(disk_url(url, "store.db"), 0);
  options.log_size = SYNCMGR_LOG_MIN;
  CHECK_OK(syncmgr_store_open(open_workstream(space, NULL), &options, &store));
  for (unsigned round = 0; round < ROUNDS; round++) {
    char key[32];
    snprintf(key, sizeof key, "key/%u", round % 100);
    memset(large, (int)round, sizeof large);
    syncmgr_change_t changes[2] = {
        {.key = key, .data = large, .length = 500, .expected = SYNCMGR_VERSION_ANY},
        {.key = "large", .data = large, .length = LARGE, .expected = SYNCMGR_VERSION_ANY}};
    CHECK_OK(syncmgr_store_commit(store, changes, 1 + (round % 20 == 0), SYNCMGR_PUT_QUEUED,
                                  SYNCMGR_FOREVER, NULL));
  }
  check_and_close(space);
  check_disk("store.db", "SELECT count(*), sum(length(value)=500), sum(version) FROM entries",
             "101|100|2100");
  check_disk("store.db", "SELECT hex(substr(value, 1, 2)), length(value) FROM entries "
                         "WHERE key='large'", "BCBC|300000");
  check_disk("store.db", "SELECT max(revision) FROM entries", "2000");
  space = open_space(disk_url(url, "store.db"), 0);
  store = open_store(open_workstream(space, NULL));
  syncmgr_entry_t entry;
  static char buffer[LARGE + 512];
  CHECK_OK(read_entry(store, "large", buffer, sizeof buffer, &entry));
  CHECK_EQUAL(entry.length, LARGE);
  for (unsigned index = 0; index < LARGE; index++) CHECK_EQUAL(buffer[index], (char)0xbc);
  CHECK_EQUAL(entry.version, 100);
  check_and_close(space);
}

TEST(a_private_space_can_have_a_file_too) {
  for (unsigned round = 1; round <= 3; round++) {
    char url_of_it[1024], expected[16];
    snprintf(url_of_it, sizeof url_of_it, "local:?store=%s", disk_path("store.db"));
    space = open_space(url_of_it, 0);
    store = open_store(open_workstream(space, NULL));
    CHECK_EQUAL(put_text(store, "a", "one"), round);
    snprintf(expected, sizeof expected, "one|%u", round);
    check_disk("store.db", "SELECT value, version FROM entries", expected);
    check_and_close(space);
  }
}

TEST(a_store_with_a_file_stays_as_long_as_its_space) {
  begin();
  put_text(store, "a", "one");
  CHECK_OK(syncmgr_store_close(store));
  CHECK_STATUS(syncmgr_object_remove(space, SYNCMGR_TYPE_STORE, "store"), SYNCMGR_E_BUSY);
  CHECK(strstr(syncmgr_last_error(), "file") != NULL);
  store = open_store(me);
  check_entry(store, "a", "one");
  check_and_close(space);
}

TEST(somebody_who_reads_the_file_does_not_hold_up_writers) {
  begin();
  put_text(store, "a", "one");
  pid_t reader = disk_hold("store.db", "BEGIN; SELECT count(*) FROM entries");
  int64_t start = now_ns();
  for (unsigned round = 0; round < 100; round++) put_text(store, "a", "two");
  CHECK(now_ns() - start < 10 * SECOND);
  disk_release(reader);
  put_text(store, "a", "three");
  check_on_disk("store.db", "a", "three");
  check_and_close(space);
}
