#include "cells.h"

syncmgr_channel_t *open_cells(syncmgr_workstream_t *me, const char *name) {
  syncmgr_channel_t *cells = NULL;
  CHECK_OK(syncmgr_channel_open(me, name, SYNCMGR_CHANNEL_MEMORY, NULL, &cells));
  return cells;
}

int32_t set_cell(syncmgr_channel_t *cells, const char *key, const void *data, size_t length,
                 uint64_t expected, uint64_t *out_version) {
  syncmgr_cell_t cell = {.key = key, .data = data, .length = length};
  return syncmgr_channel_set(cells, &cell, expected, out_version);
}

uint64_t put(syncmgr_channel_t *cells, const char *key, const char *text) {
  uint64_t version = 0;
  CHECK_OK(set_cell(cells, key, text, strlen(text), SYNCMGR_VERSION_ANY, &version));
  return version;
}

void take_away(syncmgr_channel_t *cells, const char *key) {
  uint64_t version = 9;
  CHECK_OK(set_cell(cells, key, NULL, 0, SYNCMGR_VERSION_ANY, &version));
  CHECK_EQUAL(version, 0);
}

int32_t read_cell(syncmgr_channel_t *cells, const char *key, void *buffer, size_t capacity,
                  syncmgr_cell_t *out_cell) {
  *out_cell = (syncmgr_cell_t){.key = key};
  return syncmgr_channel_get(cells, out_cell, 1, buffer, capacity, NULL);
}

void check_text(syncmgr_channel_t *cells, const char *key, const char *text) {
  char buffer[512];
  syncmgr_cell_t cell;
  if (text == NULL) {
    CHECK_STATUS(read_cell(cells, key, buffer, sizeof buffer, &cell), SYNCMGR_E_NOT_FOUND);
    CHECK(cell.data == NULL && cell.version == 0 && cell.length == 0);
    return;
  }
  CHECK_OK(read_cell(cells, key, buffer, sizeof buffer, &cell));
  CHECK_EQUAL(cell.length, strlen(text));
  CHECK(memcmp(cell.data, text, cell.length) == 0);
}

uint64_t version_of(syncmgr_channel_t *cells, const char *key) {
  syncmgr_cell_t cell;
  int32_t status = read_cell(cells, key, NULL, 0, &cell);
  CHECK(status == SYNCMGR_OK || status == SYNCMGR_E_TOO_LARGE || status == SYNCMGR_E_NOT_FOUND);
  return cell.version;
}

static uint8_t pattern_at(size_t index, uint64_t seed) {
  return (uint8_t)((seed * 0x9e3779b97f4a7c15u + index * 0x2545f4914f6cdd1du) >> 56);
}

void pattern_fill(uint8_t *data, size_t length, uint64_t seed) {
  for (size_t index = 0; index < length; index++) data[index] = pattern_at(index, seed);
}

bool pattern_matches(const uint8_t *data, size_t length, uint64_t seed) {
  for (size_t index = 0; index < length; index++) {
    if (data[index] != pattern_at(index, seed)) return false;
  }
  return true;
}

syncmgr_ticket_t *await_change(syncmgr_channel_t *cells, const char *key, uint64_t seen,
                               int64_t timeout_ns, syncmgr_queue_t *queue, uint64_t user_data) {
  syncmgr_cell_t cell = {.key = key, .version = seen};
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(
      syncmgr_channel_changed_start(cells, &cell, timeout_ns, queue, user_data, &ticket),
      SYNCMGR_PENDING);
  return ticket;
}
