/* Cells and regions of MEMORY channels: what a single process sees of them. */
#include "cells.h"
#include "notices.h"

#include <stdio.h>
#include <stdlib.h>

enum { MEGABYTE = 1 << 20 };

static syncmgr_t *space;
static syncmgr_workstream_t *me;
static syncmgr_channel_t *cells;

static void begin(void) {
  space = open_space(unique_url(), 0);
  me = open_workstream(space, "me");
  cells = open_cells(me, "cells");
}

TEST(a_cell_has_the_value_and_the_type_that_it_was_set_to) {
  begin();
  for (uint32_t type = SYNCMGR_CELL_BYTES; type <= SYNCMGR_CELL_JSON; type++) {
    char buffer[64];
    syncmgr_cell_t cell = {.key = "key", .data = "\"value\"", .length = 7, .type = type};
    uint64_t version = 0;
    CHECK_OK(syncmgr_channel_set(cells, &cell, SYNCMGR_VERSION_ANY, &version));
    CHECK_EQUAL(version, type + 1);
    CHECK_OK(read_cell(cells, "key", buffer, sizeof buffer, &cell));
    CHECK_EQUAL(cell.type, type);
    CHECK_EQUAL(cell.length, 7);
    CHECK_EQUAL(cell.version, version);
    CHECK_EQUAL(cell.status, SYNCMGR_OK);
    CHECK(cell.data == (void *)buffer && memcmp(buffer, "\"value\"", 7) == 0);
  }
  CHECK_OK(set_cell(cells, "other", "x", 1, SYNCMGR_VERSION_ANY, NULL));
  check_text(cells, "other", "x");
  check_and_close(space);
}

TEST(versions_grow_by_one_and_go_on_after_a_removal) {
  begin();
  CHECK_EQUAL(version_of(cells, "key"), 0);
  CHECK_EQUAL(put(cells, "key", "a"), 1);
  CHECK_EQUAL(put(cells, "key", "a"), 2);
  take_away(cells, "key");
  check_text(cells, "key", NULL);
  take_away(cells, "key");
  take_away(cells, "never set");
  CHECK_EQUAL(put(cells, "key", "b"), 4);
  check_text(cells, "key", "b");
  CHECK_EQUAL(put(cells, "other", "b"), 1);
  check_and_close(space);
}

TEST(a_cell_is_set_only_if_it_has_the_expected_version) {
  uint64_t version = 9;
  begin();
  CHECK_STATUS(set_cell(cells, "key", "a", 1, 1, &version), SYNCMGR_E_CHANGED);
  CHECK_EQUAL(version, 0);
  check_text(cells, "key", NULL);
  CHECK_OK(set_cell(cells, "key", "a", 1, 0, &version));
  CHECK_EQUAL(version, 1);
  CHECK_STATUS(set_cell(cells, "key", "b", 1, 0, &version), SYNCMGR_E_CHANGED);
  CHECK_EQUAL(version, 1);
  CHECK_OK(set_cell(cells, "key", "b", 1, 1, &version));
  CHECK_STATUS(set_cell(cells, "key", "c", 1, 1, &version), SYNCMGR_E_CHANGED);
  CHECK_EQUAL(version, 2);
  check_text(cells, "key", "b");
  /* Removals likewise, and none of them is a cell that is not there. */
  CHECK_STATUS(set_cell(cells, "key", NULL, 0, 1, &version), SYNCMGR_E_CHANGED);
  check_text(cells, "key", "b");
  CHECK_OK(set_cell(cells, "key", NULL, 0, 2, &version));
  CHECK_EQUAL(version, 0);
  CHECK_STATUS(set_cell(cells, "key", "c", 1, 3, &version), SYNCMGR_E_CHANGED);
  CHECK_EQUAL(version, 0);
  CHECK_OK(set_cell(cells, "key", "c", 1, 0, &version));
  CHECK_EQUAL(version, 4);
  /* A large value that is not set leaves no memory behind: the check of the space looks. */
  uint8_t large[10000] = {0};
  CHECK_STATUS(set_cell(cells, "key", large, sizeof large, 3, &version), SYNCMGR_E_CHANGED);
  check_and_close(space);
}

TEST(several_cells_are_read_at_once_each_aligned_and_with_its_status) {
  uint64_t room[16];
  size_t length = 0;
  syncmgr_cell_t many[] = {{.key = "a"}, {.key = "missing"}, {.key = "b"}, {.key = "empty"},
                           {.key = "a"}};
  begin();
  put(cells, "a", "one");
  put(cells, "b", "eleven more");
  put(cells, "empty", "");
  CHECK_OK(syncmgr_channel_get(cells, many, 5, room, sizeof room, &length));
  CHECK(memcmp(many[0].data, "one", 3) == 0 && memcmp(many[2].data, "eleven more", 11) == 0);
  CHECK(memcmp(many[4].data, "one", 3) == 0 && many[0].data != many[4].data);
  for (unsigned index = 0; index < 5; index++) {
    CHECK_EQUAL(many[index].status, index == 1 ? SYNCMGR_E_NOT_FOUND : SYNCMGR_OK);
    CHECK(((uintptr_t)many[index].data & 7) == 0);
    CHECK((many[index].data == NULL) == (index == 1));
  }
  CHECK_EQUAL(many[3].length, 0);
  CHECK_EQUAL(length, 8 + 16 + 3);
  /* An odd buffer needs no more. */
  CHECK_OK(syncmgr_channel_get(cells, many, 5, (char *)room + 1, 27, &length));
  CHECK(length == 27 && memcmp(many[2].data, "eleven more", 11) == 0);
  CHECK_STATUS(syncmgr_channel_get(cells, many + 1, 1, room, sizeof room, NULL),
               SYNCMGR_E_NOT_FOUND);
  check_and_close(space);
}

TEST(a_buffer_that_is_too_small_is_told_what_is_needed) {
  char room[32];
  size_t length = 0;
  syncmgr_cell_t many[] = {{.key = "a"}, {.key = "b"}};
  begin();
  put(cells, "a", "12345678");
  put(cells, "b", "1234567890");
  memset(room, 'x', sizeof room);
  CHECK_STATUS(syncmgr_channel_get(cells, many, 2, room, 17, &length), SYNCMGR_E_TOO_LARGE);
  CHECK_EQUAL(length, 18);
  CHECK(many[0].length == 8 && many[1].length == 10);
  CHECK(many[0].data == NULL && many[1].data == NULL);
  CHECK_EQUAL(room[17], 'x');
  CHECK_STATUS(syncmgr_channel_get(cells, many, 2, NULL, 0, &length), SYNCMGR_E_TOO_LARGE);
  CHECK_EQUAL(length, 18);
  CHECK_OK(syncmgr_channel_get(cells, many, 2, room, 18, &length));
  CHECK_EQUAL(room[18], 'x');
  check_and_close(space);
}

TEST_WITHIN(60, a_value_may_have_any_size_and_change_it) {
  static const size_t sizes[] = {0, 1, 64, 255, 256, 257, 4096, 4097, 100000, 16 * MEGABYTE};
  uint8_t *data = malloc(16 * MEGABYTE), *buffer = malloc(16 * MEGABYTE);
  uint64_t state = harness_seed();
  begin();
  for (unsigned round = 0; round < 60; round++) {
    size_t size = sizes[round < 10 ? round : random_below(&state, 10)];
    syncmgr_cell_t cell;
    pattern_fill(data, size, round);
    CHECK_OK(set_cell(cells, "key", data, size, SYNCMGR_VERSION_ANY, NULL));
    CHECK_OK(read_cell(cells, "key", buffer, 16 * MEGABYTE, &cell));
    CHECK_EQUAL(cell.length, size);
    CHECK_EQUAL(cell.version, round + 1);
    CHECK(pattern_matches(buffer, size, round));
  }
  check_and_close(space);
  free(data);
  free(buffer);
}

TEST(the_inline_size_is_where_a_value_lies_and_any_may_be_chosen) {
  begin();
  for (uint32_t size = 0; size <= SYNCMGR_INLINE_MAX; size = size * 16 + 15) {
    syncmgr_channel_options_t options = SYNCMGR_CHANNEL_OPTIONS_INIT;
    syncmgr_channel_t *channel = NULL;
    static uint8_t data[70000], buffer[70000];
    syncmgr_cell_t cell;
    options.inline_size = size;
    options.capacity = 1;
    CHECK_OK(syncmgr_channel_open(me, "sized", SYNCMGR_CHANNEL_MEMORY, &options, &channel));
    for (unsigned round = 0; round < 40; round++) {
      char key[8];
      size_t length = round % 4 == 0 ? sizeof data : (size + round) % sizeof data;
      snprintf(key, sizeof key, "%u", round / 3);
      pattern_fill(data, length, round);
      CHECK_OK(set_cell(channel, key, data, length, SYNCMGR_VERSION_ANY, NULL));
      CHECK_OK(read_cell(channel, key, buffer, sizeof buffer, &cell));
      CHECK(cell.length == length && pattern_matches(buffer, length, round));
    }
    CHECK_OK(syncmgr_check(space));
    CHECK_OK(syncmgr_channel_close(channel));
    CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_CHANNEL, "sized"));
  }
  check_and_close(space);
}

TEST(a_channel_has_room_for_many_cells) {
  enum { MANY = 5000 };
  begin();
  for (unsigned index = 0; index < MANY; index++) {
    char key[256], text[16];
    int length = snprintf(key, sizeof key, "%u", index);
    /* Keys of all lengths. */
    memset(key + length, 'k', (size_t)(index % 200));
    key[length + (int)(index % 200)] = 0;
    snprintf(text, sizeof text, "value %u", index);
    CHECK_EQUAL(put(cells, key, text), 1);
    if (index % 3 == 0) take_away(cells, key);
  }
  for (unsigned index = 0; index < MANY; index++) {
    char key[256], text[16];
    int length = snprintf(key, sizeof key, "%u", index);
    memset(key + length, 'k', (size_t)(index % 200));
    key[length + (int)(index % 200)] = 0;
    snprintf(text, sizeof text, "value %u", index);
    check_text(cells, key, index % 3 == 0 ? NULL : text);
    CHECK_EQUAL(version_of(cells, key), index % 3 == 0 ? 0 : 1);
  }
  check_and_close(space);
}

TEST(bad_arguments_are_refused_with_a_sentence) {
  char long_key[257];
  memset(long_key, 'k', sizeof long_key);
  long_key[256] = 0;
  const char *bad[] = {NULL, "", long_key, "\xff\xfe", "half \xc3"};
  syncmgr_cell_t cell = {.key = "key", .data = "v", .length = 1};
  syncmgr_ticket_t *ticket = NULL;
  char room[8];
  void *data = NULL;
  begin();
  for (unsigned index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    cell.key = bad[index];
    CHECK_STATUS(syncmgr_channel_set(cells, &cell, SYNCMGR_VERSION_ANY, NULL), SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_channel_set(cells, &cell, 7, NULL), SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_channel_get(cells, &cell, 1, room, 8, NULL), SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_channel_changed(cells, bad[index], 0, 0, NULL), SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_channel_changed_start(cells, &cell, 0, NULL, 0, &ticket),
                 SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_channel_region(cells, bad[index], 8, &data), SYNCMGR_E_INVALID);
  }
  cell = (syncmgr_cell_t){.key = "key", .data = "v", .length = 1, .type = 5};
  CHECK_STATUS(syncmgr_channel_set(cells, &cell, SYNCMGR_VERSION_ANY, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_set(cells, NULL, SYNCMGR_VERSION_ANY, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(set_cell(cells, "key", NULL, 1, SYNCMGR_VERSION_ANY, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(set_cell(cells, "key", "v", (size_t)1 << 31, SYNCMGR_VERSION_ANY, NULL),
               SYNCMGR_E_TOO_LARGE);
  CHECK_STATUS(set_cell(cells, "key", "v", SIZE_MAX, SYNCMGR_VERSION_ANY, NULL),
               SYNCMGR_E_TOO_LARGE);
  CHECK_STATUS(syncmgr_channel_get(cells, NULL, 1, room, 8, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_get(cells, &cell, 0, room, 8, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_get(cells, &cell, 1, NULL, 8, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_changed(cells, "key", 0, -2, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_changed_start(cells, &cell, -1, NULL, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_changed_start(cells, NULL, -1, NULL, 0, &ticket),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_region(cells, "key", 0, &data), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_region(cells, "key", 8, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_channel_region(cells, "key", (size_t)1 << 31, &data), SYNCMGR_E_TOO_LARGE);
  CHECK_STATUS(syncmgr_channel_region(cells, "key", SIZE_MAX, &data), SYNCMGR_E_TOO_LARGE);
  CHECK(data == NULL && ticket == NULL);
  check_text(cells, "key", NULL);
  long_key[255] = 0;
  put(cells, long_key, "the longest");
  check_text(cells, long_key, "the longest");
  check_and_close(space);
}

TEST(only_a_memory_channel_has_cells_and_it_has_no_messages) {
  begin();
  for (uint32_t kind = SYNCMGR_CHANNEL_QUEUE; kind < SYNCMGR_CHANNEL_MEMORY; kind++) {
    syncmgr_channel_t *other = NULL;
    syncmgr_ticket_t *ticket = NULL;
    syncmgr_cell_t cell = {.key = "key"};
    char name[2] = {(char)('0' + kind), 0};
    void *data = NULL;
    CHECK_OK(syncmgr_channel_open(me, name, kind, NULL, &other));
    CHECK_STATUS(set_cell(other, "key", "v", 1, 0, NULL), SYNCMGR_E_UNSUPPORTED);
    CHECK_STATUS(syncmgr_channel_get(other, &cell, 1, NULL, 0, NULL), SYNCMGR_E_UNSUPPORTED);
    CHECK_STATUS(syncmgr_channel_changed(other, "key", 0, 0, NULL), SYNCMGR_E_UNSUPPORTED);
    CHECK_STATUS(syncmgr_channel_changed_start(other, &cell, 0, NULL, 0, &ticket),
                 SYNCMGR_E_UNSUPPORTED);
    CHECK_STATUS(syncmgr_channel_region(other, "key", 8, &data), SYNCMGR_E_UNSUPPORTED);
  }
  syncmgr_message_t message;
  char room[64];
  CHECK_STATUS(syncmgr_channel_recv(cells, room, sizeof room, 0, &message),
               SYNCMGR_E_UNSUPPORTED);
  syncmgr_channel_options_t options = SYNCMGR_CHANNEL_OPTIONS_INIT;
  syncmgr_channel_t *other = NULL;
  options.overflow = SYNCMGR_OVERFLOW_FAIL;
  CHECK_STATUS(syncmgr_channel_open(me, "other", SYNCMGR_CHANNEL_MEMORY, &options, &other),
               SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST(a_channel_that_was_shut_can_be_read_and_not_changed) {
  void *data = NULL;
  begin();
  put(cells, "key", "last");
  CHECK_OK(syncmgr_channel_shut(cells, 0));
  check_text(cells, "key", "last");
  CHECK_STATUS(set_cell(cells, "key", "v", 1, SYNCMGR_VERSION_ANY, NULL), SYNCMGR_E_CLOSED);
  CHECK_STATUS(set_cell(cells, "key", NULL, 0, SYNCMGR_VERSION_ANY, NULL), SYNCMGR_E_CLOSED);
  CHECK_STATUS(syncmgr_channel_changed(cells, "key", 1, 0, NULL), SYNCMGR_E_CLOSED);
  CHECK_STATUS(syncmgr_channel_region(cells, "key", 8, &data), SYNCMGR_E_CLOSED);
  check_text(cells, "key", "last");
  check_and_close(space);
}

TEST(the_window_shows_how_many_cells_and_regions_there_are) {
  static char text[65536];
  void *data = NULL;
  size_t length = 0;
  begin();
  put(cells, "a", "1");
  put(cells, "b", "2");
  put(cells, "c", "3");
  take_away(cells, "b");
  CHECK_OK(syncmgr_channel_region(cells, "r", 8, &data));
  CHECK_OK(syncmgr_snapshot_json(space, 0, text, sizeof text, &length));
  CHECK(strstr(text, "\"cells\":2,\"regions\":1") != NULL);
  check_and_close(space);
}

TEST(a_set_tells_who_watches_that_there_is_data) {
  begin();
  syncmgr_queue_t *queue = watch_kinds(space, SYNCMGR_NOTICE_DATA_AVAILABLE);
  put(cells, "key", "a");
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_DATA_AVAILABLE, "cells", "me").value, 1);
  put(cells, "key", "b");
  CHECK_EQUAL(check_notice(queue, SYNCMGR_NOTICE_DATA_AVAILABLE, "cells", "me").value, 2);
  take_away(cells, "key");
  CHECK_STATUS(set_cell(cells, "key", "c", 1, 7, NULL), SYNCMGR_E_CHANGED);
  check_quiet(queue);
  check_and_close(space);
}
