/* Takes messages, and shows JavaScript the memory of those that are not copied.
 *
 * The library points into memory; JavaScript gets places in memory that it has, or an ArrayBuffer.
 * An ArrayBuffer over memory of the segment must be detached before its message, its loan or the
 * handle is given back, because what is there belongs to somebody else then.
 */
#include "addon.h"

#include <stdlib.h>
#include <string.h>

enum {
  TEXT_ROOM = 256,      /* a name or a topic, terminated */
  METADATA_ROOM = SYNCMGR_METADATA_MAX + 1,
  VIEW_ROOM = sizeof(syncmgr_message_t) + 2 * TEXT_ROOM + METADATA_ROOM,
  KEY_ROOM = 256
};

static napi_value number_of(napi_env env, int64_t number) {
  napi_value value = NULL;
  napi_create_int64(env, number, &value);
  return value;
}

/** Makes an ArrayBuffer over memory of the segment; its status where the library gave none. */
static napi_value show(napi_env env, int32_t status, const void *address, size_t length) {
  if (status < 0) return number_of(env, status);
  napi_value buffer = NULL;
  if (napi_create_external_arraybuffer(env, (void *)(uintptr_t)address, length, NULL, NULL,
                                       &buffer) != napi_ok) {
    return throw_error(env, "this JavaScript engine cannot show memory that is not its own");
  }
  return buffer;
}

/** Writes where something lies, in place of the pointer to it. */
static void write_place(void *pointer, uint64_t place) {
  memcpy(pointer, &place, sizeof place);
}

/** Turns the pointers of a message into places behind `base`. */
static void relate(syncmgr_message_t *message, const char *base) {
  write_place(&message->data, (uint64_t)((const char *)message->data - base));
  write_place(&message->sender, (uint64_t)(message->sender - base));
  write_place(&message->topic, (uint64_t)(message->topic - base));
  write_place(&message->metadata, (uint64_t)(message->metadata - base));
}

/** receive(channel, request, memory, start, messages): takes as many messages as there are, and fit
 *  into `memory` from `start` on and into `messages`; of a request, 0 for none, its response. In
 *  the structures in `messages` stand places in `memory` instead of pointers. Returns how many, or
 *  the status of an error; when a message did not fit the first structure's length is what it
 *  needs. */
napi_value channel_receive(napi_env env, napi_callback_info info) {
  const char *usage = "receive(channel: number, request: bigint, memory, start: number, messages)";
  napi_value arguments[5];
  uint64_t channel, request, start;
  void *bytes, *structures;
  size_t size, room;
  if (!read_arguments(env, info, 5, arguments, usage)) return NULL;
  if (!read_handle(env, arguments[0], &channel) || !read_uint64(env, arguments[1], &request) ||
      !read_memory(env, arguments[2], &bytes, &size) || is_shared(env, arguments[2]) ||
      !read_handle(env, arguments[3], &start) || start > size ||
      !read_structures(env, arguments[4], &structures, &room) ||
      room < sizeof(syncmgr_message_t)) {
    return throw_type(env, usage);
  }
  calls_t *calls = &addon_of(env)->calls;
  if (calls->receive_many == NULL) return throw_error(env, "the library is not loaded");
  syncmgr_channel_t *handle = (syncmgr_channel_t *)(uintptr_t)channel;
  syncmgr_message_t *messages = structures;
  char *base = bytes;
  uint32_t count = 1;
  room /= sizeof *messages;
  int32_t status =
      request == 0
          ? calls->receive_many(handle, base + start, size - start, messages,
                                room > UINT32_MAX ? UINT32_MAX : (uint32_t)room, &count)
          : calls->response(handle, request, base + start, size - start, 0, messages);
  if (status < 0) return number_of(env, status);
  for (uint32_t index = 0; index < count; index++) relate(&messages[index], base);
  return number_of(env, count);
}

/** Copies a text, as much of it as there is room for, and returns the place behind it. */
static uint64_t copy_text(char *base, uint64_t place, const char *text, size_t room) {
  size_t length = strnlen(text, room - 1);
  memcpy(base + place, text, length);
  base[place + length] = 0;
  return place + length + 1;
}

/** view(channel, memory): takes the next message without copying it. Returns its data as an
 *  ArrayBuffer, or the status of an error. `memory` gets the structure and its texts, with places
 *  instead of pointers. */
napi_value channel_view(napi_env env, napi_callback_info info) {
  const char *usage = "view(channel: number, memory: Uint8Array)";
  napi_value arguments[2];
  uint64_t channel;
  void *memory;
  size_t size;
  if (!read_arguments(env, info, 2, arguments, usage)) return NULL;
  if (!read_handle(env, arguments[0], &channel) ||
      !read_structures(env, arguments[1], &memory, &size) || size < VIEW_ROOM) {
    return throw_type(env, usage);
  }
  calls_t *calls = &addon_of(env)->calls;
  if (calls->view == NULL) return throw_error(env, "the library is not loaded");
  syncmgr_message_t message;
  int32_t status = calls->view((syncmgr_channel_t *)(uintptr_t)channel, 0, &message);
  if (status < 0) return number_of(env, status);

  char *base = memory;
  const void *data = message.data;
  const char *sender = message.sender, *topic = message.topic, *metadata = message.metadata;
  uint64_t place = sizeof message;
  write_place(&message.data, 0);
  write_place(&message.sender, place);
  place = copy_text(base, place, sender, TEXT_ROOM);
  write_place(&message.topic, place);
  place = copy_text(base, place, topic, TEXT_ROOM);
  write_place(&message.metadata, place);
  copy_text(base, place, metadata, METADATA_ROOM);
  memcpy(base, &message, sizeof message);
  return show(env, status, data, message.length);
}

/** loan(channel, size): returns memory to write a message into, or the status of an error. */
napi_value channel_loan(napi_env env, napi_callback_info info) {
  const char *usage = "loan(channel: number, size: number)";
  napi_value arguments[2];
  uint64_t channel, size;
  void *data = NULL;
  if (!read_arguments(env, info, 2, arguments, usage)) return NULL;
  if (!read_handle(env, arguments[0], &channel) || !read_handle(env, arguments[1], &size)) {
    return throw_type(env, usage);
  }
  calls_t *calls = &addon_of(env)->calls;
  if (calls->loan == NULL) return throw_error(env, "the library is not loaded");
  int32_t status = calls->loan((syncmgr_channel_t *)(uintptr_t)channel, size, &data);
  return show(env, status, data, size);
}

/** region(channel, key, size): returns a region of the segment, or the status of an error. */
napi_value channel_region(napi_env env, napi_callback_info info) {
  const char *usage = "region(channel: number, key: string, size: number)";
  napi_value arguments[3];
  char room[KEY_ROOM];
  uint64_t channel, size;
  void *data = NULL;
  if (!read_arguments(env, info, 3, arguments, usage)) return NULL;
  if (!read_handle(env, arguments[0], &channel) || !read_handle(env, arguments[2], &size)) {
    return throw_type(env, usage);
  }
  calls_t *calls = &addon_of(env)->calls;
  if (calls->region == NULL) return throw_error(env, "the library is not loaded");
  char *key = read_text(env, arguments[1], room, sizeof room);
  if (key == NULL) return NULL;
  int32_t status = calls->region((syncmgr_channel_t *)(uintptr_t)channel, key, size, &data);
  if (key != room) free(key);
  return show(env, status, data, size);
}
