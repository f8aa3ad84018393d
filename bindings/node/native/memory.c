/* The lock word of a mutex as memory that JavaScript's Atomics can work on.
 *
 * JavaScript never names an address: it names a mutex, and the library says where its words are.
 * The views must be detached before the handle is closed, because the memory goes away then.
 */
#include "addon.h"

/** Makes an ArrayBuffer over `length` bytes at `address`, which the library keeps. */
static napi_value view(napi_env env, uint64_t address, size_t length) {
  napi_value buffer = NULL;
  napi_create_external_arraybuffer(env, (void *)(uintptr_t)address, length, NULL, NULL, &buffer);
  return buffer;
}

/** fastpath(mutex): returns [word, grants] as ArrayBuffers, or undefined when there is none. */
napi_value memory_fastpath(napi_env env, napi_callback_info info) {
  napi_value argument;
  uint64_t handle;
  if (!read_arguments(env, info, 1, &argument, "fastpath(mutex: number)")) return NULL;
  if (!read_handle(env, argument, &handle)) return throw_type(env, "fastpath(mutex: number)");

  addon_t *addon = addon_of(env);
  if (addon->calls.fastpath == NULL) return throw_error(env, "the library is not loaded");
  syncmgr_fastpath_t published;
  int32_t status = addon->calls.fastpath((syncmgr_mutex_t *)(uintptr_t)handle, &published);
  if (status != SYNCMGR_OK) return NULL;

  napi_value pair;
  napi_value word = view(env, published.word, sizeof(uint32_t));
  napi_value grants = view(env, published.grants, sizeof(uint64_t));
  // A host that forbids memory of others in ArrayBuffers does without the fast path.
  if (word == NULL || grants == NULL) return NULL;
  if (napi_create_array_with_length(env, 2, &pair) != napi_ok) return NULL;
  napi_set_element(env, pair, 0, word);
  napi_set_element(env, pair, 1, grants);
  return pair;
}

/** detach(buffer): every view of the ArrayBuffer is empty from now on. */
napi_value memory_detach(napi_env env, napi_callback_info info) {
  napi_value argument;
  bool is_buffer = false;
  if (!read_arguments(env, info, 1, &argument, "detach(buffer: ArrayBuffer)")) return NULL;
  napi_is_arraybuffer(env, argument, &is_buffer);
  if (!is_buffer || napi_detach_arraybuffer(env, argument) != napi_ok) {
    return throw_type(env, "detach(buffer: ArrayBuffer)");
  }
  return NULL;
}
