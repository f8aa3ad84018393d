/* Random bits of the memory of the store, its table and its log, are flipped while processes use
 * it. Entries may be spoiled; nobody may crash or hang. */
#include <stdio.h>

#include "flips.h"
#include "stores.h"

enum { MANY = 4 };

static void commit_some(syncmgr_store_t *store, uint64_t *state) {
  static uint8_t data[20000];
  char keys[MANY][8];
  syncmgr_change_t changes[MANY];
  uint32_t count = 1 + random_below(state, MANY);
  for (uint32_t index = 0; index < count; index++) {
    uint32_t kind = random_below(state, 8);
    size_t length = kind == 0 ? random_below(state, sizeof data) : random_below(state, 100);
    snprintf(keys[index], sizeof keys[index], "%u", 10 * random_below(state, 6) + index);
    changes[index] = (syncmgr_change_t){
        .key = keys[index], .data = kind == 1 ? NULL : data, .length = kind == 1 ? 0 : length,
        .expected = kind == 2 ? random_below(state, 3) : SYNCMGR_VERSION_ANY};
  }
  syncmgr_store_commit(store, changes, count, 0, MILLISECOND, NULL);
}

static void use_once(syncmgr_t *space, syncmgr_store_t *store, syncmgr_range_t *range,
                     uint64_t *state) {
  static uint8_t data[100], buffer[60000];
  char key[8], other[8];
  syncmgr_ticket_t *ticket = NULL;
  syncmgr_entry_t entries[8];
  syncmgr_store_info_t info = SYNCMGR_STORE_INFO_INIT;
  uint32_t count = 1 + random_below(state, 8);
  snprintf(key, sizeof key, "%u", random_below(state, 60));
  snprintf(other, sizeof other, "%u", random_below(state, 60));
  entries[0].key = key, entries[1].key = other;
  syncmgr_entry_t awaited = {.key = count < 4 ? NULL : key, .version = random_below(state, 3)};
  switch (random_below(state, 12)) {
    case 0: case 1:
      put_bytes(store, key, data, random_below(state, 100), SYNCMGR_VERSION_ANY, NULL);
      break;
    case 2: case 3: commit_some(store, state); break;
    case 4: put_bytes(store, key, NULL, 0, SYNCMGR_VERSION_ANY, NULL); break;
    case 5: syncmgr_store_wait(store, awaited.key, awaited.version, MILLISECOND, NULL); break;
    case 6:
      if (syncmgr_store_wait_start(store, &awaited, MILLISECOND, NULL, 0, &ticket) ==
              SYNCMGR_PENDING &&
          syncmgr_ticket_wait(ticket, 2 * MILLISECOND, NULL) == SYNCMGR_PENDING) {
        syncmgr_ticket_cancel(ticket);
      }
      break;
    case 7: case 8:
      if (syncmgr_store_changes(store, range, entries, &count, buffer, sizeof buffer) !=
              SYNCMGR_OK &&
          syncmgr_store_state(store, &info) == SYNCMGR_OK) {
        range->revision = random_below(state, 2) ? info.oldest : info.revision;
      }
      break;
    case 9: {
      syncmgr_range_t all = SYNCMGR_RANGE_INIT;
      all.glob = random_below(state, 2) ? "1*" : NULL;
      syncmgr_store_range(store, &all, entries, &count, buffer, sizeof buffer);
      break;
    }
    case 10:
      if (random_below(state, 10) == 0) syncmgr_check(space);
      break;
    default:
      syncmgr_store_get(store, entries, 1 + random_below(state, 2), buffer, sizeof buffer, NULL);
  }
}

static void use(peer_t *self) {
  uint64_t state = harness_seed() ^ ((uint64_t)self->index << 32);
  syncmgr_t *space = peer_space(self);
  syncmgr_store_options_t options = SYNCMGR_STORE_OPTIONS_INIT;
  syncmgr_range_t range = SYNCMGR_RANGE_INIT;
  syncmgr_store_t *store = NULL;
  options.capacity = 4;
  options.inline_size = 64;
  options.log_size = SYNCMGR_LOG_MIN;
  CHECK_OK(syncmgr_store_open(open_workstream(space, NULL), &options, &store));
  put_text(store, "1", "value");
  peer_pause(self);
  while (!atomic_load(&self->values[FLIP_STOP])) {
    use_once(space, store, &range, &state);
    atomic_fetch_add(&self->values[FLIP_PROGRESS], 1);
  }
  int32_t closed = syncmgr_close(space);
  CHECK(closed == SYNCMGR_OK || closed == SYNCMGR_E_CORRUPT);
}

TEST_WITHIN(120, flipping_bits_of_the_store_crashes_and_hangs_nobody) { flip_under(use); }
