/* What the files of the addon share.
 *
 * The addon does six things, and knows nothing else about syncmgr:
 *   addon.c   loads the library
 *   bridge.c  calls the library's functions through libffi, with the structures of records.c
 *   channel.c takes messages, and shows JavaScript the memory of those that are not copied
 *   memory.c  shows JavaScript the published lock word of a mutex, and takes it back
 *   watch.c   calls JavaScript when a descriptor is readable
 *   owned.c   closes what an environment leaves open when it ends
 */
#ifndef SYNCMGR_NODE_ADDON_H
#define SYNCMGR_NODE_ADDON_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "syncmgr.h"

/** A list of handles that grows. */
typedef struct handles {
  uint64_t *list;
  size_t count;
  size_t capacity;
} handles_t;

/** The functions of the library that the addon itself calls. */
typedef struct calls {
  int32_t (*close)(syncmgr_t *);
  int32_t (*mutex_token)(syncmgr_mutex_t *, uint64_t *);
  int32_t (*mutex_force)(syncmgr_mutex_t *);
  int32_t (*rwlock_token)(syncmgr_rwlock_t *, uint64_t *);
  int32_t (*rwlock_holders)(syncmgr_rwlock_t *, syncmgr_holder_t *, uint32_t, uint32_t *);
  int32_t (*rwlock_force)(syncmgr_rwlock_t *);
  int32_t (*fastpath)(syncmgr_mutex_t *, syncmgr_fastpath_t *);
  int32_t (*receive_many)(syncmgr_channel_t *, void *, size_t, syncmgr_message_t *, uint32_t,
                          uint32_t *);
  int32_t (*response)(syncmgr_channel_t *, uint64_t, void *, size_t, int64_t, syncmgr_message_t *);
  int32_t (*view)(syncmgr_channel_t *, int64_t, syncmgr_message_t *);
  int32_t (*loan)(syncmgr_channel_t *, size_t, void **);
  int32_t (*region)(syncmgr_channel_t *, const char *, size_t, void **);
} calls_t;

/** The state of one environment: the main thread, or one Worker. */
typedef struct addon {
  void *library;      /**< from dlopen, never closed: it may run threads */
  calls_t calls;
  handles_t managers; /**< open managers of this environment */
  handles_t mutexes;  /**< its handles of mutexes, and some that were closed */
  handles_t rwlocks;  /**< the same of readers-writer locks */
} addon_t;

/** Returns the state of `env`. */
addon_t *addon_of(napi_env env);

/** Throws a TypeError with `message` and returns NULL, which JavaScript sees as undefined. */
napi_value throw_type(napi_env env, const char *message);

/** Throws an Error with `message` and returns NULL. */
napi_value throw_error(napi_env env, const char *message);

/** Reads exactly `count` arguments, or throws a TypeError that says `usage`. */
bool read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments,
                    const char *usage);

/** Reads a handle: a whole number from 0 below 2^53. Leaves exceptions to the caller. */
bool read_handle(napi_env env, napi_value value, uint64_t *out_handle);

/** Copies a JavaScript string as terminated UTF-8 into `buffer` when it fits, else into memory of
 *  its own, which the caller frees. Throws and returns NULL for a string with a zero character. */
char *read_text(napi_env env, napi_value value, char *buffer, size_t capacity);

/** Reads a whole number between `least` and `most`. */
bool read_whole(napi_env env, napi_value value, double least, double most, double *out);

/** Reads a whole Number or a BigInt. */
bool read_int64(napi_env env, napi_value value, int64_t *out);
bool read_uint64(napi_env env, napi_value value, uint64_t *out);

/** Finds the bytes of an ArrayBuffer or of a view of one. */
bool read_memory(napi_env env, napi_value value, void **out_bytes, size_t *out_size);

/** The same of memory that no other thread can change. */
bool read_own_memory(napi_env env, napi_value value, void **out_bytes, size_t *out_size);

/** Whether it is a view of memory that other threads can change at the same time. */
bool is_shared(napi_env env, napi_value value);

/** Finds memory that is aligned for structures, and that no other thread can change. */
bool read_structures(napi_env env, napi_value value, void **out_memory, size_t *out_size);

/** Whether it is null or undefined. */
bool is_nothing(napi_env env, napi_value value);

/** Closes what the environment of this addon_t has left open. */
void owned_end(void *addon);

/* The functions that JavaScript sees. */
napi_value owned_own(napi_env env, napi_callback_info info);
napi_value owned_disown(napi_env env, napi_callback_info info);
napi_value owned_remember(napi_env env, napi_callback_info info);
napi_value owned_weigh(napi_env env, napi_callback_info info);
napi_value bridge_bind(napi_env env, napi_callback_info info);
napi_value memory_fastpath(napi_env env, napi_callback_info info);
napi_value memory_detach(napi_env env, napi_callback_info info);
napi_value channel_receive(napi_env env, napi_callback_info info);
napi_value channel_view(napi_env env, napi_callback_info info);
napi_value channel_loan(napi_env env, napi_callback_info info);
napi_value channel_region(napi_env env, napi_callback_info info);
napi_value watch_start(napi_env env, napi_callback_info info);

#endif
