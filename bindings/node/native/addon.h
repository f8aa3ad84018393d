/* What the files of the addon share.
 *
 * The addon does five things, and knows nothing else about syncmgr:
 *   addon.c   loads the library
 *   bridge.c  calls the library's functions through libffi
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

/** The functions by which the addon looks after locks. */
typedef struct calls {
  int32_t (*close)(syncmgr_t *);
  int32_t (*mutex_token)(syncmgr_mutex_t *, uint64_t *);
  int32_t (*mutex_force)(syncmgr_mutex_t *);
  int32_t (*rwlock_token)(syncmgr_rwlock_t *, uint64_t *);
  int32_t (*rwlock_holders)(syncmgr_rwlock_t *, syncmgr_holder_t *, uint32_t, uint32_t *);
  int32_t (*rwlock_force)(syncmgr_rwlock_t *);
  int32_t (*fastpath)(syncmgr_mutex_t *, syncmgr_fastpath_t *);
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
napi_value watch_start(napi_env env, napi_callback_info info);

#endif
