/* Cells of a channel: JavaScript names them by texts, and gets places in its own memory.
 *
 * The structures of the library have pointers, so they are made and read here.
 */
#include "addon.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_ROOM = 256 };

/** What an empty value points to: no pointer would mean that the cell is to be removed. */
static const char nothing[1];

/** Reads a channel and a key, which the caller frees when it is not in `room`. */
static char *read_cell(napi_env env, const napi_value *arguments, const char *usage, char *room,
                       uint64_t *out_channel) {
  if (!read_handle(env, arguments[0], out_channel)) {
    throw_type(env, usage);
    return NULL;
  }
  if (addon_of(env)->calls.set == NULL) {
    throw_error(env, "the library is not loaded");
    return NULL;
  }
  return read_text(env, arguments[1], room, KEY_ROOM);
}

static napi_value status_of(napi_env env, int32_t status) {
  napi_value value = NULL;
  napi_create_int32(env, status, &value);
  return value;
}

/** setCell(channel, key, type, bytes, expected, version): sets a cell, or removes it when `bytes`
 *  is null. Returns the status; `version` gets the version. */
napi_value cells_set(napi_env env, napi_callback_info info) {
  const char *usage = "setCell(channel, key, type, bytes, expected, version: BigUint64Array)";
  napi_value arguments[6];
  double type;
  uint64_t channel, expected;
  void *version, *bytes = NULL;
  size_t version_size, size = 0;
  if (!read_arguments(env, info, 6, arguments, usage)) return NULL;
  bool is_there = !is_nothing(env, arguments[3]);
  if (!read_whole(env, arguments[2], 0, UINT32_MAX, &type) ||
      (is_there && !read_memory(env, arguments[3], &bytes, &size)) ||
      !read_uint64(env, arguments[4], &expected) ||
      !read_structures(env, arguments[5], &version, &version_size) ||
      version_size < sizeof(uint64_t)) {
    return throw_type(env, usage);
  }
  char room[KEY_ROOM];
  char *key = read_cell(env, arguments, usage, room, &channel);
  if (key == NULL) return NULL;
  syncmgr_cell_t cell = {.key = key, .length = size, .type = (uint32_t)type};
  if (is_there) cell.data = bytes == NULL ? nothing : bytes;
  int32_t status = addon_of(env)->calls.set((syncmgr_channel_t *)(uintptr_t)channel, &cell,
                                            expected, version);
  if (key != room) free(key);
  return status_of(env, status);
}

/** Whether two pieces of memory have a byte in common: what the library writes into one of them
 *  would change what it reads from the other. */
static bool overlap(const void *one, size_t size, const void *other, size_t other_size) {
  uintptr_t start = (uintptr_t)one, other_start = (uintptr_t)other;
  return start < other_start + other_size && other_start < start + size;
}

/** Points the cells to their keys, which lie in `keys`, terminated, one after the other. Returns
 *  false when there are not so many. */
static bool place_keys(syncmgr_cell_t *cells, size_t count, const char *keys, size_t size) {
  size_t place = 0;
  for (size_t index = 0; index < count; index++) {
    const char *end = place < size ? memchr(keys + place, 0, size - place) : NULL;
    if (end == NULL) return false;
    cells[index] = (syncmgr_cell_t){.key = keys + place};
    place = (size_t)(end - keys) + 1;
  }
  return true;
}

/** getCells(channel, keys, cells, memory): reads as many cells as the array of structures `cells`
 *  has room for. `keys` has their names, each with a zero behind it. Returns the status; the values
 *  are in `memory`, and instead of pointers to them the structures have their places. */
napi_value cells_get(napi_env env, napi_callback_info info) {
  const char *usage = "getCells(channel: number, keys: Uint8Array, cells, memory)";
  napi_value arguments[4];
  uint64_t channel;
  void *keys, *structures, *memory;
  size_t keys_size, room, size;
  if (!read_arguments(env, info, 4, arguments, usage)) return NULL;
  if (!read_handle(env, arguments[0], &channel) ||
      !read_memory(env, arguments[1], &keys, &keys_size) || is_shared(env, arguments[1]) ||
      !read_structures(env, arguments[2], &structures, &room) ||
      !read_structures(env, arguments[3], &memory, &size) ||
      overlap(keys, keys_size, structures, room) || overlap(keys, keys_size, memory, size) ||
      overlap(structures, room, memory, size)) {
    return throw_type(env, usage);
  }
  calls_t *calls = &addon_of(env)->calls;
  if (calls->get == NULL) return throw_error(env, "the library is not loaded");
  syncmgr_cell_t *cells = structures;
  size_t count = room / sizeof *cells;
  if (count > UINT32_MAX || !place_keys(cells, count, keys, keys_size)) {
    return throw_type(env, usage);
  }
  size_t length;
  int32_t status = calls->get((syncmgr_channel_t *)(uintptr_t)channel, cells, (uint32_t)count,
                              memory, size, &length);
  for (size_t index = 0; index < count; index++) {
    cells[index].key = NULL;
    uint64_t place = 0;
    if (cells[index].data != NULL) place = (uint64_t)((char *)cells[index].data - (char *)memory);
    memcpy(&cells[index].data, &place, sizeof place);
  }
  return status_of(env, status);
}

/** startChanged(channel, key, seen, timeout, queue, id, ticket): starts a wait for a change.
 *  Returns the status; `ticket` gets the ticket. */
napi_value cells_changed(napi_env env, napi_callback_info info) {
  const char *usage = "startChanged(channel, key, seen, timeout, queue, id, ticket: Uint32Array)";
  napi_value arguments[7];
  uint64_t channel, seen, queue, id;
  int64_t timeout;
  void *ticket;
  size_t size;
  if (!read_arguments(env, info, 7, arguments, usage)) return NULL;
  if (!read_uint64(env, arguments[2], &seen) || !read_int64(env, arguments[3], &timeout) ||
      !read_handle(env, arguments[4], &queue) || !read_uint64(env, arguments[5], &id) ||
      !read_structures(env, arguments[6], &ticket, &size) || size < sizeof(syncmgr_ticket_t *)) {
    return throw_type(env, usage);
  }
  char room[KEY_ROOM];
  char *key = read_cell(env, arguments, usage, room, &channel);
  if (key == NULL) return NULL;
  syncmgr_cell_t cell = {.key = key, .version = seen};
  int32_t status = addon_of(env)->calls.changed_start(
      (syncmgr_channel_t *)(uintptr_t)channel, &cell, timeout,
      (syncmgr_queue_t *)(uintptr_t)queue, id, ticket);
  if (key != room) free(key);
  return status_of(env, status);
}
