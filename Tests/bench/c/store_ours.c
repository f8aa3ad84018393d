/* The store of this library.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "store.h"

typedef struct {
  syncmgr_t *space;
  syncmgr_workstream_t *me;
  syncmgr_store_t *store;
  uint32_t flags;
} ours_t;

static void *open_ours(const store_place_t *place) {
  ours_t *ours = calloc(1, sizeof *ours);
  char url[1024];
  snprintf(url, sizeof url, place->in_memory ? "%s" : "%s?store=%s/ours.db", place->url,
           place->directory);
  check(syncmgr_open(url, NULL, &ours->space), "open");
  check(syncmgr_workstream_open(ours->space, NULL, &ours->me), "workstream");
  check(syncmgr_store_open(ours->me, NULL, &ours->store), "store");
  return ours;
}

static void put_ours(void *store, const char *key, const void *value) {
  ours_t *ours = store;
  syncmgr_change_t change = {.key = key,
                             .data = value,
                             .length = STORE_VALUE_SIZE,
                             .expected = SYNCMGR_VERSION_ANY};
  check(syncmgr_store_put(ours->store, &change, 0, NULL), "put");
}

static void get_ours(void *store, const char *key, void *value) {
  ours_t *ours = store;
  syncmgr_entry_t entry = {.key = key};
  uint64_t buffer[64];
  check(syncmgr_store_get(ours->store, &entry, 1, buffer, sizeof buffer, NULL), "get");
  memcpy(value, entry.data, STORE_VALUE_SIZE);
}

static void close_ours(void *store) {
  ours_t *ours = store;
  check(syncmgr_close(ours->space), "close");
  free(ours);
}

const store_kind_t store_ours = {"ours", NULL, open_ours, put_ours, get_ours, close_ours};
