/* The store: what a single process sees of its entries, versions and revisions. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cells.h"
#include "stores.h"

static syncmgr_t *space;
static syncmgr_workstream_t *me;
static syncmgr_store_t *store;

static void begin(void) {
  space = open_space(unique_url(), 0);
  me = open_workstream(space, "me");
  store = open_store(me);
}

TEST(an_entry_has_its_data_and_type_and_says_who_wrote_it_and_when) {
  begin();
  uint64_t id = 0;
  CHECK_OK(syncmgr_workstream_id(me, &id));
  for (uint32_t type = SYNCMGR_CELL_BYTES; type <= SYNCMGR_CELL_JSON; type++) {
    char buffer[64];
    syncmgr_change_t change = {
        .key = "a/key", .data = "\"value\"", .length = 7, .expected = type, .type = type};
    syncmgr_entry_t entry;
    uint64_t version = 0;
    CHECK_OK(syncmgr_store_put(store, &change, 0, &version));
    CHECK_EQUAL(version, type + 1);
    CHECK_OK(read_entry(store, "a/key", buffer, sizeof buffer, &entry));
    CHECK_EQUAL(entry.status, SYNCMGR_OK);
    CHECK_EQUAL(entry.type, type);
    CHECK_EQUAL(entry.length, 7);
    CHECK(entry.data == (void *)buffer && memcmp(buffer, "\"value\"", 7) == 0);
    CHECK_EQUAL(entry.version, version);
    CHECK_EQUAL(entry.revision, type + 1);
    CHECK_EQUAL(entry.writer_id, id);
    CHECK(strcmp(entry.writer, "me") == 0);
    int64_t age = time(NULL) - entry.wall_ns / 1000000000;
    CHECK(age >= 0 && age < 5);
  }
  check_entry(store, "another", NULL);
  check_and_close(space);
}

TEST(versions_grow_with_every_change_and_go_on_after_a_deletion) {
  begin();
  CHECK_EQUAL(entry_version(store, "key"), 0);
  CHECK_EQUAL(put_text(store, "key", "a"), 1);
  CHECK_EQUAL(put_text(store, "key", "a"), 2);
  CHECK_EQUAL(store_revision(store), 2);
  delete_key(store, "key");
  check_entry(store, "key", NULL);
  CHECK_EQUAL(store_revision(store), 3);
  /* Nothing happens. */
  delete_key(store, "key");
  delete_key(store, "never put");
  CHECK_EQUAL(store_revision(store), 3);
  CHECK_EQUAL(put_text(store, "key", "b"), 4);
  check_entry(store, "key", "b");
  CHECK_EQUAL(store_revision(store), 4);
  check_and_close(space);
}

TEST(a_key_is_changed_only_if_it_has_the_expected_version) {
  uint64_t version = 9;
  begin();
  CHECK_STATUS(put_bytes(store, "key", "a", 1, 1, &version), SYNCMGR_E_CHANGED);
  CHECK_EQUAL(version, 0);
  CHECK(strstr(syncmgr_last_error(), "'key' has the version 0, not 1") != NULL);
  check_entry(store, "key", NULL);
  CHECK_OK(put_bytes(store, "key", "a", 1, 0, &version));
  CHECK_EQUAL(version, 1);
  CHECK_STATUS(put_bytes(store, "key", "b", 1, 0, &version), SYNCMGR_E_CHANGED);
  CHECK_EQUAL(version, 1);
  CHECK_OK(put_bytes(store, "key", "b", 1, 1, &version));
  CHECK_EQUAL(version, 2);
  CHECK_STATUS(put_bytes(store, "key", NULL, 0, 1, &version), SYNCMGR_E_CHANGED);
  CHECK_EQUAL(version, 2);
  CHECK_OK(put_bytes(store, "key", NULL, 0, 2, &version));
  CHECK_EQUAL(version, 0);
  CHECK_STATUS(put_bytes(store, "key", "c", 1, 3, &version), SYNCMGR_E_CHANGED);
  CHECK_EQUAL(version, 0);
  CHECK_OK(put_bytes(store, "key", "c", 1, 0, &version));
  CHECK_EQUAL(version, 4);
  /* A large entry that is not put leaves no memory behind: the check of the space looks. */
  uint8_t large[10000] = {0};
  CHECK_STATUS(put_bytes(store, "key", large, sizeof large, 3, &version), SYNCMGR_E_CHANGED);
  CHECK_EQUAL(version, 4);
  CHECK_EQUAL(store_revision(store), 4);
  check_and_close(space);
}

TEST(the_changes_of_a_commit_are_made_together_or_not_at_all) {
  begin();
  put_text(store, "b", "old");
  put_text(store, "c", "old");
  syncmgr_change_t changes[4] = {
      text_change("a", "new", 0), text_change("b", "new", 1), text_change("c", NULL, 1),
      text_change("d", NULL, SYNCMGR_VERSION_ANY)};
  uint64_t revision = 9;
  changes[2].expected = 2;
  CHECK_STATUS(
      syncmgr_store_commit(store, changes, 4, 0, SYNCMGR_FOREVER, &revision), SYNCMGR_E_CHANGED);
  CHECK_EQUAL(revision, 9);
  CHECK_EQUAL(changes[0].version, 0);
  CHECK_EQUAL(changes[1].version, 1);
  CHECK_EQUAL(changes[2].version, 1);
  check_entry(store, "a", NULL);
  check_entry(store, "b", "old");
  CHECK_EQUAL(store_revision(store), 2);
  changes[2].expected = 1;
  CHECK_OK(syncmgr_store_commit(store, changes, 4, 0, SYNCMGR_FOREVER, &revision));
  CHECK_EQUAL(revision, 3);
  CHECK_EQUAL(changes[0].version, 1);
  CHECK_EQUAL(changes[1].version, 2);
  CHECK_EQUAL(changes[2].version, 0);
  CHECK_EQUAL(changes[3].version, 0);
  check_entry(store, "a", "new");
  check_entry(store, "b", "new");
  check_entry(store, "c", NULL);
  char buffer[64];
  syncmgr_entry_t entry;
  CHECK_OK(read_entry(store, "a", buffer, sizeof buffer, &entry));
  CHECK_EQUAL(entry.revision, 3);
  CHECK_OK(read_entry(store, "b", buffer, sizeof buffer, &entry));
  CHECK_EQUAL(entry.revision, 3);
  check_and_close(space);
}

TEST(a_check_makes_a_commit_depend_on_a_key_that_it_does_not_change) {
  begin();
  put_text(store, "flag", "on");
  syncmgr_change_t changes[2] = {{.key = "flag", .expected = 1, .flags = SYNCMGR_CHANGE_CHECK},
                                 text_change("key", "a", SYNCMGR_VERSION_ANY)};
  uint64_t revision = 0;
  CHECK_OK(syncmgr_store_commit(store, changes, 2, 0, SYNCMGR_FOREVER, &revision));
  CHECK_EQUAL(changes[0].version, 1);
  CHECK_EQUAL(revision, 2);
  put_text(store, "flag", "off");
  CHECK_STATUS(
      syncmgr_store_commit(store, changes, 2, 0, SYNCMGR_FOREVER, NULL), SYNCMGR_E_CHANGED);
  CHECK_EQUAL(changes[0].version, 2);
  CHECK_EQUAL(entry_version(store, "key"), 1);
  /* Checks alone commit nothing. */
  changes[0].expected = 2;
  CHECK_OK(syncmgr_store_commit(store, changes, 1, 0, SYNCMGR_FOREVER, &revision));
  CHECK_EQUAL(revision, 3);
  CHECK_EQUAL(store_revision(store), 3);
  check_and_close(space);
}

TEST(several_entries_are_read_with_one_call) {
  begin();
  char buffer[4096];
  uint8_t large[2000];
  pattern_fill(large, sizeof large, 7);
  put_text(store, "a", "text");
  CHECK_OK(put_bytes(store, "large", large, sizeof large, 0, NULL));
  put_text(store, "empty", "");
  syncmgr_entry_t entries[4] = {{.key = "a"}, {.key = "none"}, {.key = "large"}, {.key = "empty"}};
  size_t length = 0;
  CHECK_STATUS(syncmgr_store_get(store, entries, 4, buffer, 100, &length), SYNCMGR_E_TOO_LARGE);
  CHECK(length > sizeof large && length < sizeof buffer);
  CHECK(entries[0].data == NULL && entries[2].data == NULL && entries[2].writer == NULL);
  CHECK_EQUAL(entries[2].length, sizeof large);
  CHECK_EQUAL(entries[2].version, 1);
  CHECK_OK(syncmgr_store_get(store, entries, 4, buffer, length, NULL));
  CHECK_EQUAL(entries[0].length, 4);
  CHECK_EQUAL(entries[1].status, SYNCMGR_E_NOT_FOUND);
  CHECK(pattern_matches(entries[2].data, sizeof large, 7));
  CHECK(strcmp(entries[2].writer, "me") == 0);
  CHECK_EQUAL(((uintptr_t)entries[2].data - (uintptr_t)buffer) % 8, 0);
  CHECK_EQUAL(entries[3].length, 0);
  CHECK(entries[3].data != NULL);
  check_and_close(space);
}

TEST(large_entries_come_and_go_and_take_no_more_memory_than_they_need) {
  enum { LARGE = 20 << 20 };
  begin();
  uint8_t *data = malloc(LARGE), *read = malloc(LARGE + 100);
  for (unsigned round = 0; round < 150; round++) {
    size_t length = round % 3 == 2 ? 10 : LARGE - round;
    pattern_fill(data, length, round);
    CHECK_OK(put_bytes(store, "large", data, length, SYNCMGR_VERSION_ANY, NULL));
    if (round % 10 == 0) {
      syncmgr_entry_t entry;
      CHECK_OK(read_entry(store, "large", read, LARGE + 100, &entry));
      CHECK_EQUAL(entry.length, length);
      CHECK(pattern_matches(entry.data, length, round));
    }
    if (round % 7 == 0) delete_key(store, "large");
  }
  CHECK_OK(syncmgr_check(space));
  free(data);
  free(read);
  check_and_close(space);
}

TEST(a_range_has_the_keys_of_a_prefix_in_their_order) {
  begin();
  check_range(store, NULL, NULL, "");
  const char *keys[] = {"b/2", "a", "b/10", "b", "c/x/y", "b/1", "c/x", "\xc3\xa4"};
  for (unsigned index = 0; index < sizeof keys / sizeof *keys; index++) {
    put_text(store, keys[index], keys[index]);
  }
  put_text(store, "b/gone", "x");
  delete_key(store, "b/gone");
  check_range(store, NULL, NULL, "a b b/1 b/10 b/2 c/x c/x/y \xc3\xa4");
  check_range(store, "b/", NULL, "b/1 b/10 b/2");
  check_range(store, "", "b/?", "b/1 b/2");
  check_range(store, NULL, "*", "a b \xc3\xa4");
  check_range(store, NULL, "?", "a b \xc3\xa4");
  check_range(store, NULL, "*/*", "b/1 b/10 b/2 c/x");
  check_range(store, NULL, "**", "a b b/1 b/10 b/2 c/x c/x/y \xc3\xa4");
  check_range(store, NULL, "**/?", "b/1 b/2 c/x c/x/y");
  check_range(store, "c", "**y", "c/x/y");
  check_range(store, "d", NULL, "");
  check_and_close(space);
}

TEST(a_range_is_read_page_by_page) {
  begin();
  char key[16], buffer[256], after[16] = "";
  for (unsigned index = 0; index < 1000; index++) {
    snprintf(key, sizeof key, "%04u", (index * 37) % 1000);
    put_text(store, key, key);
  }
  syncmgr_range_t range = SYNCMGR_RANGE_INIT;
  unsigned next = 0;
  do {
    syncmgr_entry_t entries[7];
    uint32_t count = 7;
    range.after = next == 0 ? NULL : after;
    CHECK_OK(syncmgr_store_range(store, &range, entries, &count, buffer, sizeof buffer));
    CHECK_EQUAL(range.revision, 1000);
    CHECK(count > 0 && range.length <= sizeof buffer);
    for (uint32_t index = 0; index < count; index++) {
      snprintf(key, sizeof key, "%04u", next++);
      CHECK(strcmp(entries[index].key, key) == 0);
      CHECK(entries[index].length == 4 && memcmp(entries[index].data, key, 4) == 0);
      CHECK(strcmp(entries[index].writer, "me") == 0);
    }
    strcpy(after, entries[count - 1].key);
  } while (range.more);
  CHECK_EQUAL(next, 1000);
  /* Not one has room. */
  syncmgr_entry_t entry;
  uint32_t count = 1;
  range = (syncmgr_range_t)SYNCMGR_RANGE_INIT;
  CHECK_STATUS(syncmgr_store_range(store, &range, &entry, &count, buffer, 3), SYNCMGR_E_TOO_LARGE);
  CHECK_OK(syncmgr_store_range(store, &range, &entry, &count, buffer, range.length));
  CHECK_EQUAL(range.more, 1);
  range.flags = SYNCMGR_RANGE_KEYS;
  CHECK_OK(syncmgr_store_range(store, &range, &entry, &count, buffer, 5));
  CHECK(strcmp(entry.key, "0000") == 0 && entry.data == NULL && entry.writer == NULL);
  CHECK_EQUAL(entry.length, 4);
  check_and_close(space);
}

TEST(the_log_goes_round_and_the_table_grows) {
  begin();
  char key[16], text[120];
  memset(text, 'x', sizeof text);
  for (unsigned round = 0; round < 4; round++) {
    for (unsigned index = 0; index < 20000; index++) {
      snprintf(key, sizeof key, "%u", index);
      CHECK_OK(put_bytes(store, key, text, index % 120, round, NULL));
    }
  }
  CHECK_EQUAL(store_revision(store), 80000);
  CHECK_OK(syncmgr_check(space));
  for (unsigned index = 0; index < 20000; index += 501) {
    char buffer[256];
    syncmgr_entry_t entry;
    snprintf(key, sizeof key, "%u", index);
    CHECK_OK(read_entry(store, key, buffer, sizeof buffer, &entry));
    CHECK_EQUAL(entry.version, 4);
    CHECK_EQUAL(entry.length, index % 120);
  }
  check_and_close(space);
}

TEST(a_store_is_the_same_for_all_and_goes_when_it_is_removed) {
  begin();
  syncmgr_store_t *other = open_store(open_workstream(space, "other"));
  put_text(store, "key", "value");
  check_entry(other, "key", "value");
  CHECK_STATUS(syncmgr_object_remove(space, SYNCMGR_TYPE_STORE, "store"), SYNCMGR_E_BUSY);
  CHECK_OK(syncmgr_store_close(other));
  CHECK_OK(syncmgr_store_close(store));
  CHECK_STATUS(syncmgr_store_close(store), SYNCMGR_E_CLOSED);
  store = open_store(me);
  check_entry(store, "key", "value");
  CHECK_OK(syncmgr_store_close(store));
  CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_STORE, "store"));
  store = open_store(me);
  check_entry(store, "key", NULL);
  check_and_close(space);
}
