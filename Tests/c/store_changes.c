/* The changes of the store, one after the other, and waiting for them. */
#include <stdio.h>
#include <stdlib.h>

#include "cells.h"
#include "stores.h"

enum { MANY = 16 };

static syncmgr_t *space;
static syncmgr_workstream_t *me;
static syncmgr_store_t *store;
static syncmgr_range_t range;
static syncmgr_entry_t entries[MANY];
static char buffer[4096];

static void begin(void) {
  space = open_space(unique_url(), 0);
  me = open_workstream(space, "me");
  store = open_store(me);
  range = (syncmgr_range_t)SYNCMGR_RANGE_INIT;
}

static void begin_with_log(uint64_t log_size) {
  syncmgr_store_options_t options = SYNCMGR_STORE_OPTIONS_INIT;
  options.log_size = log_size;
  space = open_space(unique_url(), 0);
  me = open_workstream(space, "me");
  CHECK_OK(syncmgr_store_open(me, &options, &store));
  range = (syncmgr_range_t)SYNCMGR_RANGE_INIT;
}

/* Reads what comes next, with room for so many; returns how many came. */
static uint32_t next_changes(uint32_t room) {
  uint32_t count = room;
  CHECK_OK(syncmgr_store_changes(store, &range, entries, &count, buffer, sizeof buffer));
  return count;
}

static void check_change(const syncmgr_entry_t *entry, const char *key, const char *text,
                         uint64_t version, uint64_t revision) {
  CHECK(strcmp(entry->key, key) == 0);
  CHECK_EQUAL(entry->version, version);
  CHECK_EQUAL(entry->revision, revision);
  CHECK(strcmp(entry->writer, "me") == 0);
  CHECK_EQUAL(entry->status, text == NULL ? SYNCMGR_E_NOT_FOUND : SYNCMGR_OK);
  if (text == NULL) {
    CHECK(entry->data == NULL && entry->length == 0);
  } else {
    CHECK_EQUAL(entry->length, strlen(text));
    CHECK(memcmp(entry->data, text, entry->length) == 0);
  }
}

TEST(changes_come_once_and_in_order) {
  begin();
  CHECK_EQUAL(next_changes(MANY), 0);
  put_text(store, "a", "one");
  put_text(store, "b", "two");
  put_text(store, "a", "three");
  delete_key(store, "b");
  CHECK_EQUAL(next_changes(2), 2);
  CHECK_EQUAL(range.more, 1);
  CHECK_EQUAL(range.revision, 2);
  check_change(&entries[0], "a", "one", 1, 1);
  check_change(&entries[1], "b", "two", 1, 2);
  CHECK_EQUAL(next_changes(MANY), 2);
  CHECK_EQUAL(range.more, 0);
  CHECK_EQUAL(range.revision, 4);
  check_change(&entries[0], "a", "three", 2, 3);
  check_change(&entries[1], "b", NULL, 2, 4);
  CHECK_EQUAL(next_changes(MANY), 0);
  put_text(store, "b", "");
  CHECK_EQUAL(next_changes(MANY), 1);
  check_change(&entries[0], "b", "", 3, 5);
  CHECK(entries[0].data != NULL);
  check_and_close(space);
}

TEST(the_changes_of_a_commit_come_together) {
  begin();
  syncmgr_change_t changes[4] = {text_change("a", "1", 0), text_change("b", "2", 0),
                                 text_change("c/x", "3", 0), text_change("d", "4", 0)};
  CHECK_OK(syncmgr_store_commit(store, changes, 4, 0, 0, NULL));
  CHECK_STATUS(syncmgr_store_commit(store, changes, 1, 0, 0, NULL), SYNCMGR_E_CHANGED);
  put_text(store, "a", "5");
  uint32_t count = 3;
  CHECK_STATUS(syncmgr_store_changes(store, &range, entries, &count, buffer, sizeof buffer),
               SYNCMGR_E_TOO_LARGE);
  CHECK_EQUAL(count, 4);
  CHECK_EQUAL(range.revision, 0);
  size_t needed = range.length;
  count = MANY;
  CHECK_STATUS(syncmgr_store_changes(store, &range, entries, &count, buffer, needed - 1),
               SYNCMGR_E_TOO_LARGE);
  count = MANY;
  CHECK_OK(syncmgr_store_changes(store, &range, entries, &count, buffer, needed));
  CHECK_EQUAL(count, 4);
  CHECK_EQUAL(range.more, 1);
  for (unsigned index = 0; index < 4; index++) {
    check_change(&entries[index], changes[index].key, changes[index].data, 1, 1);
  }
  CHECK_EQUAL(next_changes(MANY), 1);
  check_change(&entries[0], "a", "5", 2, 2);
  check_and_close(space);
}

TEST(only_the_changes_that_are_asked_for_come) {
  begin();
  syncmgr_change_t changes[3] = {text_change("a/1", "x", 0), text_change("b/1", "x", 0),
                                 text_change("a/2/3", "x", 0)};
  CHECK_OK(syncmgr_store_commit(store, changes, 3, 0, 0, NULL));
  put_text(store, "c", "x");
  range.prefix = "a/";
  CHECK_EQUAL(next_changes(2), 2);
  CHECK_EQUAL(range.revision, 2);
  check_change(&entries[0], "a/1", "x", 1, 1);
  check_change(&entries[1], "a/2/3", "x", 1, 1);
  range.revision = 0;
  range.glob = "*/?";
  CHECK_EQUAL(next_changes(2), 1);
  check_change(&entries[0], "a/1", "x", 1, 1);
  range = (syncmgr_range_t)SYNCMGR_RANGE_INIT;
  range.flags = SYNCMGR_RANGE_KEYS;
  CHECK_EQUAL(next_changes(MANY), 4);
  CHECK(strcmp(entries[3].key, "c") == 0 && entries[3].data == NULL && entries[3].writer == NULL);
  CHECK_EQUAL(entries[3].length, 1);
  range.after = "a";
  uint32_t count = 1;
  CHECK_STATUS(syncmgr_store_changes(store, &range, entries, &count, buffer, sizeof buffer),
               SYNCMGR_E_INVALID);
  check_and_close(space);
}

/* Every record of another length, so that the end of the ring falls everywhere. */
TEST(who_falls_behind_is_told_and_goes_on_from_what_there_is) {
  begin_with_log(SYNCMGR_LOG_MIN);
  char text[120], key[16];
  uint64_t state = harness_seed(), gaps = 0;
  memset(text, 'x', sizeof text);
  for (unsigned round = 1; round <= 6000; round++) {
    snprintf(key, sizeof key, "%u", random_below(&state, 50));
    CHECK_OK(put_bytes(
        store, key, text, random_below(&state, sizeof text), SYNCMGR_VERSION_ANY, NULL));
    if (random_below(&state, round % 2000 < 1000 ? 5 : 700) > 0) continue;
    uint64_t last = range.revision;
    uint32_t count = MANY;
    int32_t status =
        syncmgr_store_changes(store, &range, entries, &count, buffer, sizeof buffer);
    syncmgr_store_info_t info = SYNCMGR_STORE_INFO_INIT;
    CHECK_OK(syncmgr_store_state(store, &info));
    CHECK_EQUAL(info.revision, round);
    CHECK(info.log_used <= info.log_size && info.log_size == SYNCMGR_LOG_MIN);
    CHECK_EQUAL(status == SYNCMGR_OK, info.oldest <= last);
    if (status == SYNCMGR_E_GAP) {
      gaps++;
      CHECK(strstr(syncmgr_last_error(), "revision") != NULL);
      CHECK_EQUAL(range.revision, last);
      range.revision = info.oldest;
      count = MANY;
      CHECK_OK(syncmgr_store_changes(store, &range, entries, &count, buffer, sizeof buffer));
      last = info.oldest;
    }
    for (uint32_t index = 0; index < count; index++) {
      CHECK_EQUAL(entries[index].revision, ++last);
    }
    CHECK_EQUAL(range.revision, last);
    CHECK(range.more == (last < round));
  }
  CHECK(gaps > 0);
  /* What was not yet is a gap too: of an earlier space of this name. */
  range.revision = 6001;
  uint32_t count = 1;
  CHECK_STATUS(syncmgr_store_changes(store, &range, entries, &count, buffer, sizeof buffer),
               SYNCMGR_E_GAP);
  check_and_close(space);
}

TEST(a_large_change_comes_while_it_is_there_and_else_the_newer_one_follows) {
  enum { LARGE = 100000 };
  begin();
  uint8_t *data = malloc(LARGE), *read = malloc(3 * LARGE);
  for (uint64_t version = 1; version <= 4; version++) {
    pattern_fill(data, LARGE, version);
    CHECK_OK(put_bytes(store, "large", data, LARGE, version - 1, NULL));
  }
  uint32_t count = MANY;
  CHECK_OK(syncmgr_store_changes(store, &range, entries, &count, read, 3 * LARGE));
  CHECK_EQUAL(count, 4);
  for (uint64_t index = 0; index < 4; index++) {
    CHECK_EQUAL(entries[index].version, index + 1);
    CHECK_EQUAL(entries[index].length, LARGE);
    /* The one before the present is there still. */
    CHECK_EQUAL(entries[index].status, index < 2 ? SYNCMGR_E_CHANGED : SYNCMGR_OK);
    CHECK((entries[index].data == NULL) == (index < 2));
    if (index >= 2) CHECK(pattern_matches(entries[index].data, LARGE, index + 1));
  }
  delete_key(store, "large");
  range.revision = 3;
  count = MANY;
  CHECK_OK(syncmgr_store_changes(store, &range, entries, &count, read, 3 * LARGE));
  CHECK_EQUAL(count, 2);
  CHECK_EQUAL(entries[0].status, SYNCMGR_E_CHANGED);
  CHECK_EQUAL(entries[1].status, SYNCMGR_E_NOT_FOUND);
  free(data);
  free(read);
  check_and_close(space);
}

/* Waits for "key", or with index 9 for any change; value 1 is the status + 1000, value 2 what it is
 * then + 1. */
static void wait_for_change(peer_t *self) {
  syncmgr_t *other = peer_space(self);
  syncmgr_store_t *mine = open_store(open_workstream(other, NULL));
  uint64_t now = 0, seen = self->index == 9 ? 2 : self->index;
  const char *key = self->index == 9 ? NULL : "key";
  peer_pause(self);
  int32_t status = syncmgr_store_wait(mine, key, seen, SYNCMGR_FOREVER, &now);
  atomic_store(&self->values[2], (int64_t)now + 1);
  atomic_store(&self->values[1], 1000 + status);
  peer_pause(self);
  CHECK_OK(syncmgr_close(other));
}

TEST(a_wait_ends_when_the_key_is_put_or_deleted_or_anything_is) {
  for (uint32_t kind = 0; kind < 8; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind < 4 ? 0 : SYNCMGR_OPEN_NO_THREADS;
    space = open_space(url, flags);
    store = open_store(open_workstream(space, NULL));
    put_text(store, "other", "x");
    put_text(store, kind % 4 == 0 ? "another" : "key", "first");
    peer_t *peer = peer_start(wait_for_change, url, kind % 4 == 3 ? 9 : kind % 4 != 0, flags);
    peer_wait_pause(peer, 1);
    peer_go(peer);
    peer_wait_asleep(peer);
    if (kind % 4 != 3) {
      put_text(store, "other", "y");
      sleep_ms(20);
      CHECK_EQUAL(atomic_load(&peer->values[1]), 0);
    }
    if (kind % 4 == 2) {
      delete_key(store, "key");
    } else {
      put_text(store, kind % 4 == 3 ? "other" : "key", "second");
    }
    CHECK_EQUAL(peer_wait_value(peer, 1), 1000 + SYNCMGR_OK);
    uint64_t wanted = kind % 4 == 3 ? 3 : entry_version(store, "key");
    CHECK_EQUAL(atomic_load(&peer->values[2]) - 1, wanted);
    peer_go(peer);
    peer_join(peer);
    check_and_close(space);
  }
}

TEST(started_waits_end_in_their_queue) {
  begin();
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_entry_t key = {.key = "key"}, any = {.key = NULL}, never = {.key = "never"};
  syncmgr_ticket_t *first = NULL, *second = NULL, *third = NULL, *none = NULL;
  CHECK_STATUS(syncmgr_store_wait_start(store, &key, SYNCMGR_FOREVER, queue, 1, &first),
               SYNCMGR_PENDING);
  CHECK_STATUS(syncmgr_store_wait_start(store, &any, SYNCMGR_FOREVER, queue, 2, &second),
               SYNCMGR_PENDING);
  CHECK_STATUS(syncmgr_store_wait_start(store, &never, 20 * MILLISECOND, queue, 3, &third),
               SYNCMGR_PENDING);
  /* A table that grows keeps those who wait. */
  put_text(store, "0", "x");
  syncmgr_record_t record = next_record(queue);
  CHECK_EQUAL(record.user_data, 2);
  CHECK_EQUAL(record.status, SYNCMGR_OK);
  CHECK_EQUAL(record.value, 1);
  CHECK_EQUAL(record.kind, SYNCMGR_TYPE_STORE);
  for (unsigned index = 1; index < 3000; index++) {
    char name[8];
    snprintf(name, sizeof name, "%u", index);
    put_text(store, name, "x");
  }
  record = next_record(queue);
  CHECK_EQUAL(record.user_data, 3);
  CHECK_EQUAL(record.status, SYNCMGR_E_TIMEOUT);
  put_text(store, "key", "x");
  record = next_record(queue);
  CHECK_EQUAL(record.user_data, 1);
  CHECK_EQUAL(record.value, 1);
  CHECK_OK(syncmgr_store_wait_start(store, &key, SYNCMGR_FOREVER, queue, 4, &none));
  CHECK_OK(syncmgr_store_wait_start(store, &any, SYNCMGR_FOREVER, queue, 4, &none));
  any.version = store_revision(store);
  CHECK_STATUS(syncmgr_store_wait_start(store, &any, SYNCMGR_FOREVER, NULL, 4, &none),
               SYNCMGR_PENDING);
  CHECK_OK(syncmgr_ticket_cancel(none));
  CHECK_STATUS(syncmgr_store_wait_start(store, NULL, 0, queue, 4, &none), SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST(waits_of_the_store_end_when_their_time_is_over_or_are_over_at_once) {
  begin();
  uint64_t now = 9;
  int64_t start = now_ns();
  CHECK_STATUS(syncmgr_store_wait(store, "key", 0, 20 * MILLISECOND, &now), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_store_wait(store, NULL, 0, 20 * MILLISECOND, &now), SYNCMGR_E_TIMEOUT);
  CHECK(now_ns() - start >= 40 * MILLISECOND);
  CHECK_STATUS(syncmgr_store_wait(store, "key", 0, 0, &now), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_store_wait(store, NULL, 0, 0, &now), SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(now, 9);
  CHECK_OK(syncmgr_store_wait(store, "key", 1, 0, &now));
  CHECK_EQUAL(now, 0);
  put_text(store, "key", "x");
  CHECK_OK(syncmgr_store_wait(store, "key", 0, SYNCMGR_FOREVER, &now));
  CHECK_EQUAL(now, 1);
  CHECK_OK(syncmgr_store_wait(store, NULL, 7, SYNCMGR_FOREVER, &now));
  CHECK_EQUAL(now, 1);
  CHECK_STATUS(syncmgr_store_wait(store, "key", 1, -2, &now), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_wait(store, "", 1, 0, &now), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_wait(store, "\x01x", 1, 0, &now), SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST(info_says_how_the_store_is) {
  begin();
  syncmgr_store_info_t info = SYNCMGR_STORE_INFO_INIT;
  CHECK_OK(syncmgr_store_state(store, &info));
  CHECK(info.entries == 0 && info.revision == 0 && info.durable == 0 && info.oldest == 0);
  CHECK_EQUAL(info.log_used, 0);
  put_text(store, "a", "x");
  put_text(store, "b", "x");
  delete_key(store, "a");
  CHECK_OK(syncmgr_store_state(store, &info));
  CHECK(info.entries == 1 && info.revision == 3 && info.durable == 3 && info.oldest == 0);
  CHECK(info.log_used > 0 && info.log_size == 4194304);
  /* A program that knows less of it. */
  info = (syncmgr_store_info_t){.size = 8, .durable = 77};
  CHECK_OK(syncmgr_store_state(store, &info));
  CHECK(info.size == 8 && info.entries == 1 && info.durable == 77);
  info.size = 3;
  CHECK_STATUS(syncmgr_store_state(store, &info), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_state(store, NULL), SYNCMGR_E_INVALID);
  check_and_close(space);
}
