/* Keys that come and go: their memory is used again, and their versions never come back. */
#include <stdio.h>
#include <sys/stat.h>

#include "stores.h"

enum { KEYS = 60000, LIVE = 100 };

static void put_and_delete(syncmgr_store_t *store, unsigned first, unsigned count) {
  for (unsigned index = first; index < first + count; index++) {
    char key[24];
    snprintf(key, sizeof key, "passing/%u", index);
    put_text(store, key, "x");
    delete_key(store, key);
  }
}

static int64_t memory_of(const char *url) {
  struct stat status;
  CHECK_EQUAL(stat(segment_path(url), &status), 0);
  return (int64_t)status.st_blocks * 512;
}

TEST_WITHIN(60, keys_that_come_and_go_take_no_memory) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  char key[24];
  for (unsigned index = 0; index < LIVE; index++) {
    snprintf(key, sizeof key, "living/%u", index);
    put_text(store, key, key);
  }
  put_and_delete(store, 0, 5000);
  int64_t before = memory_of(url);
  put_and_delete(store, 5000, KEYS);
  CHECK(memory_of(url) <= before + (1 << 20));
  CHECK_OK(syncmgr_check(space));
  for (unsigned index = 0; index < LIVE; index++) {
    snprintf(key, sizeof key, "living/%u", index);
    check_entry(store, key, key);
    CHECK_EQUAL(entry_version(store, key), 1);
  }
  /* And again, with more keys that stay. */
  for (unsigned index = 0; index < 3000; index++) {
    snprintf(key, sizeof key, "staying/%u", index);
    put_text(store, key, key);
    put_and_delete(store, KEYS + 5000 + 2 * index, 2);
  }
  for (unsigned index = 0; index < 3000; index++) {
    snprintf(key, sizeof key, "staying/%u", index);
    check_entry(store, key, key);
  }
  syncmgr_store_info_t info = SYNCMGR_STORE_INFO_INIT;
  CHECK_OK(syncmgr_store_state(store, &info));
  CHECK_EQUAL(info.entries, LIVE + 3000);
  check_and_close(space);
}

TEST_WITHIN(60, no_version_of_a_key_comes_back_after_it_was_dropped) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  uint64_t last = 0;
  for (unsigned round = 0; round < 5; round++) {
    uint64_t version = put_text(store, "key", "x");
    CHECK(version > last);
    CHECK_EQUAL(put_text(store, "key", "x"), version + 1);
    CHECK_STATUS(put_bytes(store, "key", "y", 1, last, NULL), SYNCMGR_E_CHANGED);
    delete_key(store, "key");
    last = version + 2;
    put_and_delete(store, round * 3000, 3000);
  }
  check_and_close(space);
}

/* One waits for a key that was deleted, one for a key that never was; many others are dropped. */
TEST_WITHIN(60, who_waits_for_a_key_that_is_not_there_is_not_forgotten) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  syncmgr_entry_t gone = {.key = "gone"}, never = {.key = "never"}, other = {.key = "other"};
  syncmgr_ticket_t *tickets[3] = {NULL};
  syncmgr_record_t record;
  put_text(store, "gone", "x");
  delete_key(store, "gone");
  CHECK_STATUS(syncmgr_store_wait_start(store, &gone, SYNCMGR_FOREVER, NULL, 0, &tickets[0]),
               SYNCMGR_PENDING);
  CHECK_STATUS(syncmgr_store_wait_start(store, &never, SYNCMGR_FOREVER, NULL, 0, &tickets[1]),
               SYNCMGR_PENDING);
  put_and_delete(store, 0, 5000);
  /* More waits for keys that never come than the table has room for. */
  for (unsigned index = 0; index < 5000; index++) {
    char key[24];
    snprintf(key, sizeof key, "hoped for/%u", index);
    CHECK_STATUS(syncmgr_store_wait(store, key, 0, 1, NULL), SYNCMGR_E_TIMEOUT);
  }
  CHECK_STATUS(syncmgr_store_wait_start(store, &other, SYNCMGR_FOREVER, NULL, 0, &tickets[2]),
               SYNCMGR_PENDING);
  put_and_delete(store, 5000, 5000);
  CHECK_STATUS(syncmgr_ticket_wait(tickets[0], 0, NULL), SYNCMGR_PENDING);
  const char *keys[] = {"gone", "never", "other"};
  for (unsigned index = 0; index < 3; index++) {
    uint64_t version = put_text(store, keys[index], "x");
    CHECK_OK(syncmgr_ticket_wait(tickets[index], SYNCMGR_FOREVER, &record));
    CHECK_EQUAL(record.value, version);
  }
  check_and_close(space);
}
