/* Regions of MEMORY channels, and that neither they nor cells take memory for longer than they are
 * there. */
#include <stdio.h>
#include <stdlib.h>

#include "cells.h"

enum { MEGABYTE = 1 << 20, REGION = 100000 };

static void *open_region(syncmgr_channel_t *cells, const char *key, size_t size) {
  void *data = NULL;
  CHECK_OK(syncmgr_channel_region(cells, key, size, &data));
  CHECK(((uintptr_t)data & 4095) == 0);
  return data;
}

static void look_and_write(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  uint8_t *region = open_region(cells, "region", REGION);
  peer_pause(self);
  CHECK(pattern_matches(region, REGION, 1));
  pattern_fill(region, REGION, 2);
  peer_pause(self);
}

TEST(every_process_sees_a_region_at_once_and_it_outlives_them) {
  const char *url = unique_url();
  peer_t *peer = peer_start(look_and_write, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  uint8_t *region = open_region(cells, "region", REGION);
  for (unsigned index = 0; index < REGION; index++) CHECK_EQUAL(region[index], 0);
  pattern_fill(region, REGION, 1);
  peer_wait_pause(peer, 1);
  peer_go(peer);
  peer_wait_pause(peer, 2);
  CHECK(pattern_matches(region, REGION, 2));
  peer_kill(peer);
  uint32_t dead = 0;
  CHECK_OK(syncmgr_cleanup(space, &dead));
  CHECK(pattern_matches(region, REGION, 2));
  CHECK(open_region(cells, "region", REGION) == (void *)region);
  check_and_close(space);
}

TEST(all_handles_of_a_process_have_a_region_at_the_same_address) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, 0), *other = open_space(url, 0);
  syncmgr_channel_t *first = open_cells(open_workstream(space, NULL), "cells");
  syncmgr_channel_t *second = open_cells(open_workstream(other, NULL), "cells");
  void *data = NULL;
  void *region = open_region(first, "region", 4096);
  CHECK(open_region(second, "region", 4096) == region);
  CHECK(open_region(second, "another", 4096) != region);
  CHECK_STATUS(syncmgr_channel_region(second, "region", 4095, &data), SYNCMGR_E_MISMATCH);
  CHECK_STATUS(syncmgr_channel_region(second, "region", 4097, &data), SYNCMGR_E_MISMATCH);
  CHECK(data == NULL);
  /* Nobody's cell. */
  check_text(first, "region", NULL);
  put(first, "region", "a cell");
  CHECK(open_region(second, "region", 4096) == region);
  memset(region, 0xff, 4096);
  check_text(second, "region", "a cell");
  CHECK_OK(syncmgr_close(other));
  check_and_close(space);
}

TEST(the_region_of_a_channel_made_anew_is_zero) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  for (unsigned round = 0; round < 3; round++) {
    syncmgr_channel_t *cells = open_cells(me, "cells");
    uint8_t *region = open_region(cells, "region", MEGABYTE);
    for (unsigned index = 0; index < MEGABYTE; index++) CHECK_EQUAL(region[index], 0);
    memset(region, 0xff, MEGABYTE);
    check_text(cells, "key", NULL);
    CHECK_EQUAL(put(cells, "key", "value"), 1);
    CHECK_OK(syncmgr_channel_close(cells));
    CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_CHANNEL, "cells"));
  }
  check_and_close(space);
}

/* More than the segment has, all together. */
TEST_WITHIN(60, what_was_replaced_removed_or_went_with_its_channel_takes_no_memory) {
  enum { SIZE = 20 * MEGABYTE };
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  uint8_t *data = calloc(1, SIZE);
  for (unsigned round = 0; round < 5; round++) {
    syncmgr_channel_t *cells = open_cells(me, "cells");
    for (unsigned step = 0; step < 12; step++) {
      char key[8];
      CHECK_OK(set_cell(cells, "one", data, SIZE - step, SYNCMGR_VERSION_ANY, NULL));
      snprintf(key, sizeof key, "%u", step);
      CHECK_OK(set_cell(cells, key, data, SIZE - step, SYNCMGR_VERSION_ANY, NULL));
      CHECK_OK(set_cell(cells, key, data, SIZE - step, SYNCMGR_VERSION_ANY, NULL));
      if (step > 1) take_away(cells, key);
    }
    open_region(cells, "region", SIZE);
    CHECK_OK(syncmgr_check(space));
    CHECK_OK(syncmgr_channel_close(cells));
    CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_CHANNEL, "cells"));
  }
  free(data);
  check_and_close(space);
}

TEST(a_value_for_which_there_is_no_room_leaves_the_old_one) {
  enum { SIZE = 200 * MEGABYTE };
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  uint8_t *data = calloc(1, SIZE);
  char key[8] = "0";
  put(cells, "key", "old");
  while (set_cell(cells, key, data, SIZE, SYNCMGR_VERSION_ANY, NULL) == SYNCMGR_OK) key[0]++;
  CHECK(key[0] >= '4');
  CHECK_STATUS(set_cell(cells, "key", data, SIZE, SYNCMGR_VERSION_ANY, NULL), SYNCMGR_E_NO_SPACE);
  CHECK_EQUAL(version_of(cells, "key"), 1);
  check_text(cells, "key", "old");
  take_away(cells, "0");
  CHECK_OK(set_cell(cells, "key", data, SIZE, SYNCMGR_VERSION_ANY, NULL));
  /* With room for one more the value can change for ever: the one before goes when it must. */
  take_away(cells, "1");
  for (uint64_t version = 2; version < 6; version++) {
    CHECK_OK(set_cell(cells, "key", data, SIZE - version, version, NULL));
  }
  CHECK_OK(syncmgr_check(space));
  free(data);
  check_and_close(space);
}
