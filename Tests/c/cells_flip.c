/* Random bits of the memory of cells, and of what leads to it, are flipped while processes use
 * them. Values may be spoiled; nobody may crash or hang. */
#include <stdio.h>

#include "cells.h"
#include "flips.h"

static void use_once(syncmgr_t *space, syncmgr_channel_t *cells, uint64_t *state) {
  static uint8_t data[20000], buffer[60000];
  char key[8], other[8];
  syncmgr_ticket_t *ticket = NULL;
  void *region = NULL;
  snprintf(key, sizeof key, "%u", random_below(state, 60));
  snprintf(other, sizeof other, "%u", random_below(state, 60));
  syncmgr_cell_t many[] = {{.key = key}, {.key = other}, {.key = key}};
  many[2].version = random_below(state, 3);
  switch (random_below(state, 12)) {
    case 0: case 1: case 2:
      set_cell(cells, key, data, random_below(state, 100), SYNCMGR_VERSION_ANY, NULL);
      break;
    case 3:
      set_cell(cells, key, data, random_below(state, sizeof data), SYNCMGR_VERSION_ANY, NULL);
      break;
    case 4: set_cell(cells, key, NULL, 0, SYNCMGR_VERSION_ANY, NULL); break;
    case 5: set_cell(cells, key, data, 30, random_below(state, 3), NULL); break;
    case 6: syncmgr_channel_changed(cells, key, random_below(state, 3), MILLISECOND, NULL); break;
    case 7:
      if (syncmgr_channel_changed_start(cells, &many[2], MILLISECOND, NULL, 0, &ticket) ==
              SYNCMGR_PENDING &&
          syncmgr_ticket_wait(ticket, 2 * MILLISECOND, NULL) == SYNCMGR_PENDING) {
        syncmgr_ticket_cancel(ticket);
      }
      break;
    case 8: syncmgr_channel_region(cells, key, 100 + random_below(state, 9000), &region); break;
    case 9:
      if (random_below(state, 10) == 0) syncmgr_check(space);
      break;
    default: syncmgr_channel_get(cells, many, 1 + random_below(state, 2), buffer, sizeof buffer,
                                 NULL);
  }
}

static void use(peer_t *self) {
  uint64_t state = harness_seed() ^ ((uint64_t)self->index << 32);
  syncmgr_t *space = peer_space(self);
  syncmgr_channel_options_t options = SYNCMGR_CHANNEL_OPTIONS_INIT;
  syncmgr_channel_t *cells = NULL;
  options.capacity = 4;
  options.inline_size = 64;
  CHECK_OK(syncmgr_channel_open(open_workstream(space, NULL), "cells", SYNCMGR_CHANNEL_MEMORY,
                                &options, &cells));
  put(cells, "1", "value");
  peer_pause(self);
  while (!atomic_load(&self->values[FLIP_STOP])) {
    use_once(space, cells, &state);
    atomic_fetch_add(&self->values[FLIP_PROGRESS], 1);
  }
  int32_t closed = syncmgr_close(space);
  CHECK(closed == SYNCMGR_OK || closed == SYNCMGR_E_CORRUPT);
}

TEST_WITHIN(120, flipping_bits_of_cells_crashes_and_hangs_nobody) { flip_under(use); }
