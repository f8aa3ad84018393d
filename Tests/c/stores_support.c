#include "stores.h"

syncmgr_store_t *open_store(syncmgr_workstream_t *me) {
  syncmgr_store_t *store = NULL;
  CHECK_OK(syncmgr_store_open(me, NULL, &store));
  return store;
}

syncmgr_change_t text_change(const char *key, const char *text, uint64_t expected) {
  return (syncmgr_change_t){.key = key,
                            .data = text,
                            .length = text == NULL ? 0 : strlen(text),
                            .expected = expected,
                            .type = SYNCMGR_CELL_TEXT};
}

int32_t put_bytes(syncmgr_store_t *store, const char *key, const void *data, size_t length,
                  uint64_t expected, uint64_t *out_version) {
  syncmgr_change_t change = {.key = key, .data = data, .length = length, .expected = expected};
  return syncmgr_store_put(store, &change, 0, out_version);
}

uint64_t put_text(syncmgr_store_t *store, const char *key, const char *text) {
  syncmgr_change_t change = text_change(key, text, SYNCMGR_VERSION_ANY);
  uint64_t version = 0;
  CHECK_OK(syncmgr_store_put(store, &change, 0, &version));
  return version;
}

void delete_key(syncmgr_store_t *store, const char *key) {
  CHECK_EQUAL(put_text(store, key, NULL), 0);
}

int32_t read_entry(syncmgr_store_t *store, const char *key, void *buffer, size_t capacity,
                   syncmgr_entry_t *out_entry) {
  *out_entry = (syncmgr_entry_t){.key = key};
  return syncmgr_store_get(store, out_entry, 1, buffer, capacity, NULL);
}

void check_entry(syncmgr_store_t *store, const char *key, const char *text) {
  char buffer[1024];
  syncmgr_entry_t entry;
  if (text == NULL) {
    CHECK_STATUS(read_entry(store, key, buffer, sizeof buffer, &entry), SYNCMGR_E_NOT_FOUND);
    CHECK(entry.data == NULL && entry.version == 0 && entry.length == 0 && entry.writer == NULL);
    CHECK_EQUAL(entry.status, SYNCMGR_E_NOT_FOUND);
    return;
  }
  CHECK_OK(read_entry(store, key, buffer, sizeof buffer, &entry));
  CHECK_EQUAL(entry.length, strlen(text));
  CHECK(memcmp(entry.data, text, entry.length) == 0);
}

uint64_t entry_version(syncmgr_store_t *store, const char *key) {
  syncmgr_entry_t entry;
  int32_t status = read_entry(store, key, NULL, 0, &entry);
  CHECK(status == SYNCMGR_E_TOO_LARGE || status == SYNCMGR_E_NOT_FOUND);
  return entry.version;
}

uint64_t store_revision(syncmgr_store_t *store) {
  syncmgr_range_t range = SYNCMGR_RANGE_INIT;
  syncmgr_entry_t entry;
  uint32_t count = 1;
  char buffer[512];
  range.flags = SYNCMGR_RANGE_KEYS;
  CHECK_OK(syncmgr_store_range(store, &range, &entry, &count, buffer, sizeof buffer));
  return range.revision;
}

void check_range(syncmgr_store_t *store, const char *prefix, const char *glob, const char *keys) {
  syncmgr_range_t range = SYNCMGR_RANGE_INIT;
  syncmgr_entry_t entries[64];
  char buffer[8192], found[4096] = "";
  uint32_t count = 64;
  range.prefix = prefix;
  range.glob = glob;
  CHECK_OK(syncmgr_store_range(store, &range, entries, &count, buffer, sizeof buffer));
  CHECK_EQUAL(range.more, 0);
  for (uint32_t index = 0; index < count; index++) {
    if (index > 0) strcat(found, " ");
    strcat(found, entries[index].key);
  }
  if (strcmp(found, keys) != 0) {
    harness_fail(__FILE__, __LINE__, "found '%s', not '%s'", found, keys);
  }
}
