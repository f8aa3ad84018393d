/* The store under threads, processes and kills: commits are whole, each has one winner, and no
 * change is lost or comes twice. */
#include <stdio.h>
#include <stdlib.h>

#include "cells.h"
#include "stores.h"

enum { KEYS = 1000, RACES = 300, RACERS = 50, RACING = 5, GROUP = 3, STOP = 0, READY = 1 };

static void put_keys(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  peer_pause(self);
  for (unsigned index = 0; index < KEYS; index++) {
    char key[24], text[200];
    memset(text, 'a' + (char)self->index, sizeof text);
    snprintf(key, sizeof key, "%u/%u", self->index, index);
    CHECK_OK(put_bytes(store, key, text, index % 200, 0, NULL));
  }
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(60, two_processes_put_a_thousand_different_keys_each) {
  const char *url = unique_url();
  peer_t *peers[2];
  syncmgr_t *space = open_space(url, 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  for (unsigned index = 0; index < 2; index++) peers[index] = peer_start(put_keys, url, index, 0);
  for (unsigned index = 0; index < 2; index++) peer_wait_pause(peers[index], 1);
  for (unsigned index = 0; index < 2; index++) peer_go(peers[index]);
  for (unsigned index = 0; index < 2; index++) peer_join(peers[index]);
  for (unsigned index = 0; index < 2 * KEYS; index++) {
    char key[24], buffer[512];
    syncmgr_entry_t entry;
    snprintf(key, sizeof key, "%u/%u", index % 2, index / 2);
    CHECK_OK(read_entry(store, key, buffer, sizeof buffer, &entry));
    CHECK_EQUAL(entry.version, 1);
    CHECK_EQUAL(entry.length, index / 2 % 200);
    for (size_t place = 0; place < entry.length; place++) {
      CHECK_EQUAL(((const char *)entry.data)[place], 'a' + (char)(index % 2));
    }
  }
  CHECK_EQUAL(store_revision(store), 2 * KEYS);
  check_and_close(space);
}

static _Atomic uint32_t *wins;

/* Each thread tries to be the one that changes each version. */
static void *race(void *argument) {
  syncmgr_t *space = argument;
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  for (uint64_t version = 0; version < RACES;) {
    uint64_t now = version;
    int32_t status = put_bytes(store, "prize", &version, sizeof version, version, &now);
    CHECK(status == SYNCMGR_OK || status == SYNCMGR_E_CHANGED);
    if (status == SYNCMGR_OK) atomic_fetch_add(&wins[version], 1);
    CHECK(now > version);
    version++;
  }
  CHECK_OK(syncmgr_store_close(store));
  return NULL;
}

static void race_in_threads(peer_t *self) {
  pthread_t threads[RACERS / RACING];
  syncmgr_t *space = peer_space(self);
  peer_pause(self);
  for (unsigned index = 0; index < RACERS / RACING; index++) {
    threads[index] = start_thread(race, space);
  }
  for (unsigned index = 0; index < RACERS / RACING; index++) join_thread(threads[index]);
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(60, of_fifty_racers_on_a_version_one_wins) {
  const char *url = unique_url();
  peer_t *peers[RACING];
  wins = shared_memory(sizeof *wins * RACES);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  for (unsigned index = 0; index < RACING; index++) {
    peers[index] = peer_start(race_in_threads, url, index, 0);
  }
  for (unsigned index = 0; index < RACING; index++) peer_wait_pause(peers[index], 1);
  for (unsigned index = 0; index < RACING; index++) peer_go(peers[index]);
  for (unsigned index = 0; index < RACING; index++) peer_join(peers[index]);
  for (unsigned version = 0; version < RACES; version++) {
    CHECK_EQUAL(atomic_load(&wins[version]), 1);
  }
  CHECK_EQUAL(entry_version(store, "prize"), RACES);
  CHECK_EQUAL(store_revision(store), RACES);
  check_and_close(space);
}

static const char *const group[GROUP] = {"group/a", "group/b", "group/c"};

static uint64_t number_of(const syncmgr_entry_t *entry) {
  uint64_t number;
  if (entry->status != SYNCMGR_OK) return 0;
  memcpy(&number, entry->data, sizeof number);
  CHECK(entry->length == 8 + number * 37 % 3000);
  CHECK(pattern_matches((const uint8_t *)entry->data + 8, entry->length - 8, number));
  return number;
}

/* Gives all keys of the group the next number, in entries of many lengths; now and then one more
 * key comes or goes with them. Returns false when somebody was faster. */
static bool advance(syncmgr_store_t *store, uint64_t *state) {
  static uint8_t data[4096], buffer[GROUP * 4096];
  syncmgr_entry_t entries[GROUP];
  syncmgr_change_t changes[GROUP + 1];
  char extra[24];
  uint32_t count = GROUP;
  for (unsigned index = 0; index < GROUP; index++) entries[index].key = group[index];
  int32_t status = syncmgr_store_get(store, entries, GROUP, buffer, sizeof buffer, NULL);
  CHECK(status == SYNCMGR_OK || status == SYNCMGR_E_NOT_FOUND);
  uint64_t number = number_of(&entries[0]) + 1;
  memcpy(data, &number, 8);
  pattern_fill(data + 8, number * 37 % 3000, number);
  for (unsigned index = 0; index < GROUP; index++) {
    CHECK_EQUAL(number_of(&entries[index]), number - 1);
    changes[index] = (syncmgr_change_t){.key = group[index], .data = data,
                                        .length = 8 + number * 37 % 3000,
                                        .expected = entries[index].version};
  }
  if (random_below(state, 4) == 0) {
    snprintf(extra, sizeof extra, "extra/%u", random_below(state, 5000));
    changes[count++] = text_change(extra, random_below(state, 2) ? "x" : NULL, SYNCMGR_VERSION_ANY);
  }
  status = syncmgr_store_commit(store, changes, count, 0, SYNCMGR_FOREVER, NULL);
  CHECK(status == SYNCMGR_OK || status == SYNCMGR_E_CHANGED);
  return status == SYNCMGR_OK;
}

static void advance_for_ever(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  uint64_t state = harness_seed() + self->index;
  while (!atomic_load(&self->values[STOP])) {
    advance(store, &state);
    atomic_store(&self->values[READY], 1);
  }
  CHECK_OK(syncmgr_close(space));
}

/* One look at the group in each of the ways there are: never half of a commit, never back. */
static uint64_t look(syncmgr_store_t *store, uint64_t last, uint64_t *state) {
  static uint8_t buffer[GROUP * 4096];
  syncmgr_entry_t entries[GROUP];
  uint64_t number = last;
  switch (random_below(state, 3)) {
    case 0:
      for (unsigned index = 0; index < GROUP; index++) entries[index].key = group[index];
      CHECK_OK(syncmgr_store_get(store, entries, GROUP, buffer, sizeof buffer, NULL));
      number = number_of(&entries[0]);
      for (unsigned index = 1; index < GROUP; index++) {
        CHECK_EQUAL(number_of(&entries[index]), number);
        CHECK_EQUAL(entries[index].revision, entries[0].revision);
      }
      break;
    case 1:
      for (unsigned step = 0; step < GROUP; step++) {
        const char *key = group[(step + last) % GROUP];
        CHECK_OK(read_entry(store, key, buffer, sizeof buffer, &entries[0]));
        /* Who has seen one change of a commit sees all of them. */
        CHECK(number_of(&entries[0]) >= number);
        number = number_of(&entries[0]);
      }
      break;
    default: {
      syncmgr_range_t range = SYNCMGR_RANGE_INIT;
      uint32_t count = GROUP;
      range.prefix = "group/";
      CHECK_OK(syncmgr_store_range(store, &range, entries, &count, buffer, sizeof buffer));
      CHECK_EQUAL(count, GROUP);
      number = number_of(&entries[0]);
      for (unsigned index = 1; index < GROUP; index++) {
        CHECK_EQUAL(number_of(&entries[index]), number);
      }
    }
  }
  CHECK(number >= last);
  return number;
}

/* Follows the changes from `range` on, and checks that each comes once and in order. */
static void follow(syncmgr_store_t *store, syncmgr_range_t *range, uint64_t *versions) {
  static uint8_t buffer[64 * 4096];
  syncmgr_entry_t entries[64];
  do {
    uint32_t count = 64;
    uint64_t revision = range->revision;
    int32_t status = syncmgr_store_changes(store, range, entries, &count, buffer, sizeof buffer);
    if (status == SYNCMGR_E_GAP) {
      /* The machine had no time for this process: it goes on from what there is. */
      syncmgr_store_info_t info = SYNCMGR_STORE_INFO_INIT;
      CHECK_OK(syncmgr_store_state(store, &info));
      CHECK(info.oldest > revision);
      range->revision = info.oldest;
      range->more = 1;
      memset(versions, 0, GROUP * sizeof *versions);
      continue;
    }
    CHECK_OK(status);
    for (uint32_t index = 0; index < count; index++) {
      CHECK(entries[index].revision == revision || entries[index].revision == revision + 1);
      revision = entries[index].revision;
      for (unsigned place = 0; place < GROUP; place++) {
        if (strcmp(entries[index].key, group[place]) != 0) continue;
        if (versions[place] == 0) versions[place] = entries[index].version - 1;
        CHECK_EQUAL(entries[index].version, ++versions[place]);
        if (entries[index].status == SYNCMGR_E_CHANGED) continue;
        CHECK_EQUAL(number_of(&entries[index]), versions[place]);
      }
    }
    CHECK_EQUAL(range->revision, revision);
  } while (range->more);
}

TEST_WITHIN(180, commits_are_whole_whoever_is_killed_while_making_them) {
  const char *url = unique_url();
  uint64_t state = harness_seed(), last = 0, versions[GROUP] = {0};
  syncmgr_range_t range = SYNCMGR_RANGE_INIT;
  peer_t *peers[2];
  syncmgr_t *space = open_space(url, 0);
  /* On a loaded machine the writers run far ahead of who follows them. */
  syncmgr_store_options_t options = SYNCMGR_STORE_OPTIONS_INIT;
  options.log_size = SYNCMGR_LOG_MAX;
  syncmgr_store_t *store = NULL;
  CHECK_OK(syncmgr_store_open(open_workstream(space, NULL), &options, &store));
  for (unsigned index = 0; index < 2; index++) {
    peers[index] = peer_start(advance_for_ever, url, index, 0);
  }
  for (unsigned kill = 0; kill < 150; kill++) {
    unsigned victim = random_below(&state, 2);
    peer_wait_value(peers[victim], READY);
    for (int64_t end = now_ns() + random_below(&state, 4 * MILLISECOND); now_ns() < end;) {
      last = look(store, last, &state);
    }
    peer_kill(peers[victim]);
    last = look(store, last, &state);
    follow(store, &range, versions);
    peers[victim] = peer_start(advance_for_ever, url, kill + 2, 0);
  }
  for (unsigned index = 0; index < 2; index++) {
    atomic_store(&peers[index]->values[STOP], 1);
    peer_join(peers[index]);
  }
  uint32_t dead = 0;
  CHECK_OK(syncmgr_cleanup(space, &dead));
  follow(store, &range, versions);
  CHECK_EQUAL(range.revision, store_revision(store));
  CHECK_EQUAL(look(store, last, &state), versions[0]);
  CHECK(versions[0] > 150);
  CHECK_OK(syncmgr_check(space));
  CHECK_OK(syncmgr_store_close(store));
  CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_STORE, "store"));
  check_and_close(space);
}

/* Puts the same key again and again, in lengths that lie in their place. */
static void write_small(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  uint8_t data[128];
  for (uint64_t number = self->index; !atomic_load(&self->values[STOP]); number++) {
    size_t length = 8 + number % 100;
    memcpy(data, &number, 8);
    pattern_fill(data + 8, length - 8, number);
    CHECK_OK(put_bytes(store, "key", data, length, SYNCMGR_VERSION_ANY, NULL));
    atomic_store(&self->values[READY], 1);
  }
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(60, no_entry_is_torn_while_three_processes_write) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  peer_t *peers[3];
  uint64_t last = 0;
  for (unsigned index = 0; index < 3; index++) {
    peers[index] = peer_start(write_small, url, index * 1000000, 0);
  }
  peer_wait_value(peers[0], READY);
  for (unsigned reads = 0; reads < 300000; reads++) {
    uint8_t buffer[512];
    syncmgr_entry_t entry;
    uint64_t number;
    CHECK_OK(read_entry(store, "key", buffer, sizeof buffer, &entry));
    memcpy(&number, entry.data, 8);
    CHECK_EQUAL(entry.length, 8 + number % 100);
    CHECK(pattern_matches((const uint8_t *)entry.data + 8, entry.length - 8, number));
    CHECK(entry.version >= last && entry.revision == entry.version);
    last = entry.version;
  }
  for (unsigned index = 0; index < 3; index++) {
    atomic_store(&peers[index]->values[STOP], 1);
    peer_join(peers[index]);
  }
  check_and_close(space);
}
