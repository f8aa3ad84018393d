/* What the store's calls refuse. */
#include <stdio.h>
#include <stdlib.h>

#include "stores.h"

static syncmgr_t *space;
static syncmgr_workstream_t *me;
static syncmgr_store_t *store;

static void begin(void) {
  space = open_space("local:", 0);
  me = open_workstream(space, "me");
  store = open_store(me);
}

static int32_t open_with(syncmgr_store_options_t options) {
  syncmgr_store_t *other = NULL;
  int32_t status = syncmgr_store_open(me, &options, &other);
  CHECK((status == SYNCMGR_OK) == (other != NULL));
  return status;
}

TEST(options_of_the_store_that_cannot_be_are_refused) {
  begin();
  syncmgr_store_options_t good = SYNCMGR_STORE_OPTIONS_INIT, bad = good;
  CHECK_OK(open_with(good));
  bad.flags = 1;
  CHECK_STATUS(open_with(bad), SYNCMGR_E_INVALID);
  bad = good, bad.capacity = 0;
  CHECK_STATUS(open_with(bad), SYNCMGR_E_INVALID);
  bad = good, bad.capacity = SYNCMGR_CAPACITY_MAX + 1;
  CHECK_STATUS(open_with(bad), SYNCMGR_E_INVALID);
  bad = good, bad.inline_size = SYNCMGR_STORE_INLINE_MAX + 1;
  CHECK_STATUS(open_with(bad), SYNCMGR_E_INVALID);
  bad = good, bad.log_size = SYNCMGR_LOG_MIN - 8;
  CHECK_STATUS(open_with(bad), SYNCMGR_E_INVALID);
  bad = good, bad.log_size = SYNCMGR_LOG_MAX + 8;
  CHECK_STATUS(open_with(bad), SYNCMGR_E_INVALID);
  bad = good, bad.log_size += 4;
  CHECK_STATUS(open_with(bad), SYNCMGR_E_INVALID);
  bad = good, bad.size = 3;
  CHECK_STATUS(open_with(bad), SYNCMGR_E_INVALID);
  bad = good, bad.capacity = 7;
  CHECK_STATUS(open_with(bad), SYNCMGR_E_MISMATCH);
  CHECK(strstr(syncmgr_last_error(), "capacity 1024, not 7") != NULL);
  bad = good, bad.inline_size = 0;
  CHECK_STATUS(open_with(bad), SYNCMGR_E_MISMATCH);
  bad = good, bad.log_size += 8;
  CHECK_STATUS(open_with(bad), SYNCMGR_E_MISMATCH);
  CHECK_STATUS(syncmgr_store_open(me, NULL, NULL), SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST(the_smallest_and_the_largest_options_of_the_store_work) {
  const syncmgr_store_options_t all[] = {
      {sizeof all[0], 0, 1, 0, SYNCMGR_LOG_MIN},
      {sizeof all[0], 0, SYNCMGR_CAPACITY_MAX, 16, SYNCMGR_LOG_MAX},
      {sizeof all[0], 0, 9, SYNCMGR_STORE_INLINE_MAX, SYNCMGR_LOG_MIN + 8},
  };
  for (unsigned index = 0; index < sizeof all / sizeof *all; index++) {
    syncmgr_t *other = open_space("local:", 0);
    syncmgr_store_t *made = NULL;
    CHECK_OK(syncmgr_store_open(open_workstream(other, NULL), &all[index], &made));
    char key[] = "a", text[100];
    memset(text, 'x', sizeof text);
    for (; key[0] <= 'z'; key[0]++) CHECK_OK(put_bytes(made, key, text, sizeof text, 0, NULL));
    CHECK_EQUAL(store_revision(made), 26);
    check_and_close(other);
  }
}

TEST(the_name_of_the_store_may_be_taken_by_another_object) {
  syncmgr_store_t *made = NULL;
  space = open_space("local:", 0);
  me = open_workstream(space, NULL);
  syncmgr_mutex_t *mutex = NULL;
  CHECK_OK(syncmgr_mutex_open(me, "store", NULL, &mutex));
  CHECK_STATUS(syncmgr_store_open(me, NULL, &made), SYNCMGR_E_TYPE);
  check_and_close(space);
}

static int32_t put_change(syncmgr_change_t change) {
  return syncmgr_store_put(store, &change, 0, NULL);
}

TEST(keys_and_changes_that_cannot_be_are_refused) {
  begin();
  char longest[257], buffer[64];
  memset(longest, 'k', sizeof longest);
  longest[255] = 0;
  CHECK_EQUAL(put_text(store, longest, "x"), 1);
  check_entry(store, longest, "x");
  longest[255] = 'k', longest[256] = 0;
  const char *bad[] = {"", longest, NULL, "\xff\xfe", "\x01hidden"};
  for (unsigned index = 0; index < sizeof bad / sizeof *bad; index++) {
    syncmgr_entry_t entry = {.key = bad[index]};
    CHECK_STATUS(
        put_change(text_change(bad[index], "x", SYNCMGR_VERSION_ANY)), SYNCMGR_E_INVALID);
    CHECK_STATUS(put_change(text_change(bad[index], NULL, 0)), SYNCMGR_E_INVALID);
    CHECK_STATUS(
        syncmgr_store_get(store, &entry, 1, buffer, sizeof buffer, NULL), SYNCMGR_E_INVALID);
  }
  syncmgr_change_t change = text_change("key", "x", SYNCMGR_VERSION_ANY);
  change.type = SYNCMGR_CELL_JSON + 1;
  CHECK_STATUS(put_change(change), SYNCMGR_E_INVALID);
  change = text_change("key", NULL, 0);
  change.length = 1;
  CHECK_STATUS(put_change(change), SYNCMGR_E_INVALID);
  change = text_change("key", "x", 0);
  change.flags = SYNCMGR_CHANGE_CHECK;
  CHECK_STATUS(put_change(change), SYNCMGR_E_INVALID);
  change.flags = 2;
  CHECK_STATUS(put_change(change), SYNCMGR_E_INVALID);
  change = text_change("key", "x", 0);
  change.length = SIZE_MAX;
  CHECK_STATUS(put_change(change), SYNCMGR_E_TOO_LARGE);
  change.length = (size_t)2 << 30;
  CHECK_STATUS(put_change(change), SYNCMGR_E_TOO_LARGE);
  change = text_change("key", "x", 0);
  CHECK_STATUS(syncmgr_store_put(store, &change, 2, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_put(store, NULL, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_EQUAL(store_revision(store), 1);
  check_and_close(space);
}

TEST(commits_that_cannot_be_are_refused) {
  begin();
  syncmgr_change_t changes[20];
  char keys[20][8];
  for (unsigned index = 0; index < 20; index++) {
    keys[index][0] = (char)('a' + index), keys[index][1] = 0;
    changes[index] = text_change(keys[index], "x", SYNCMGR_VERSION_ANY);
  }
  CHECK_STATUS(syncmgr_store_commit(store, changes, 0, 0, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_commit(store, NULL, 1, 0, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(
      syncmgr_store_commit(store, changes, SYNCMGR_COMMIT_MAX + 1, 0, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_commit(store, changes, 1, 2, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_commit(store, changes, 1, 0, -2, NULL), SYNCMGR_E_INVALID);
  changes[19].key = "c";
  CHECK_STATUS(syncmgr_store_commit(store, changes, 20, 0, 0, NULL), SYNCMGR_E_INVALID);
  CHECK(strstr(syncmgr_last_error(), "'c' is there twice") != NULL);
  CHECK_STATUS(syncmgr_store_commit(store, changes + 2, 18, 0, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_EQUAL(store_revision(store), 0);
  CHECK_OK(syncmgr_store_commit(store, changes, 19, SYNCMGR_PUT_QUEUED, 0, NULL));
  check_and_close(space);
}

TEST(a_commit_that_is_too_large_for_the_log_is_refused) {
  enum { MANY = 300 };
  space = open_space("local:", 0);
  me = open_workstream(space, NULL);
  syncmgr_store_options_t options = SYNCMGR_STORE_OPTIONS_INIT;
  options.log_size = SYNCMGR_LOG_MIN;
  CHECK_OK(syncmgr_store_open(me, &options, &store));
  char keys[MANY][8], text[100];
  syncmgr_change_t changes[MANY];
  memset(text, 'x', sizeof text);
  for (unsigned index = 0; index < MANY; index++) {
    snprintf(keys[index], sizeof keys[index], "%u", index);
    changes[index] = (syncmgr_change_t){
        .key = keys[index], .data = text, .length = sizeof text, .expected = 0};
  }
  CHECK_STATUS(syncmgr_store_commit(store, changes, MANY, 0, 0, NULL), SYNCMGR_E_TOO_LARGE);
  check_entry(store, "1", NULL);
  CHECK_OK(syncmgr_store_commit(store, changes, 100, 0, 0, NULL));
  CHECK_OK(syncmgr_store_commit(store, changes + 100, 100, 0, 0, NULL));
  CHECK_OK(syncmgr_store_commit(store, changes + 200, 100, 0, 0, NULL));
  /* Large entries take no room there. */
  uint8_t *large = calloc(1, 1 << 20);
  for (unsigned index = 0; index < 100; index++) {
    changes[index] = (syncmgr_change_t){
        .key = keys[index], .data = large, .length = 1 << 20, .expected = 1};
  }
  CHECK_OK(syncmgr_store_commit(store, changes, 100, 0, 0, NULL));
  CHECK_EQUAL(store_revision(store), 4);
  free(large);
  check_and_close(space);
}

TEST(ranges_that_cannot_be_are_refused) {
  begin();
  syncmgr_range_t good = SYNCMGR_RANGE_INIT, bad = good;
  syncmgr_entry_t entry;
  uint32_t one = 1, none = 0;
  char buffer[64], longest[257];
  memset(longest, 'k', sizeof longest);
  longest[256] = 0;
  CHECK_STATUS(syncmgr_store_range(store, NULL, &entry, &one, buffer, 64), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_range(store, &good, NULL, &one, buffer, 64), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_range(store, &good, &entry, NULL, buffer, 64), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_range(store, &good, &entry, &none, buffer, 64), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_range(store, &good, &entry, &one, NULL, 64), SYNCMGR_E_INVALID);
  bad.size = 8;
  CHECK_STATUS(syncmgr_store_range(store, &bad, &entry, &one, buffer, 64), SYNCMGR_E_INVALID);
  bad = good, bad.flags = 2;
  CHECK_STATUS(syncmgr_store_range(store, &bad, &entry, &one, buffer, 64), SYNCMGR_E_INVALID);
  bad = good, bad.reserved = 1;
  CHECK_STATUS(syncmgr_store_range(store, &bad, &entry, &one, buffer, 64), SYNCMGR_E_INVALID);
  bad = good, bad.prefix = longest;
  CHECK_STATUS(syncmgr_store_range(store, &bad, &entry, &one, buffer, 64), SYNCMGR_E_INVALID);
  bad = good, bad.glob = longest;
  CHECK_STATUS(syncmgr_store_range(store, &bad, &entry, &one, buffer, 64), SYNCMGR_E_INVALID);
  bad = good, bad.after = longest;
  CHECK_STATUS(syncmgr_store_range(store, &bad, &entry, &one, buffer, 64), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_store_range(store, &good, &entry, &one, NULL, 0));
  CHECK_EQUAL(one, 0);
  check_and_close(space);
}
