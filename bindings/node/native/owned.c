/* What an environment leaves open when it ends.
 *
 * A Worker can be terminated at any instruction of its JavaScript, and the process lives on. Then
 * its managers are closed here, which withdraws its waits and returns its permits. A mutex that it
 * still holds is taken away by force before that, so that the next owner is told: nobody will
 * finish what was begun under it.
 */
#include "addon.h"

#include <stdlib.h>

/** Doubles the room of a list, or throws. */
static bool enlarge(napi_env env, handles_t *handles) {
  size_t capacity = handles->capacity == 0 ? 16 : handles->capacity * 2;
  uint64_t *list = realloc(handles->list, capacity * sizeof *list);
  if (list == NULL) {
    throw_error(env, "out of memory");
    return false;
  }
  handles->list = list;
  handles->capacity = capacity;
  return true;
}

static bool is_held(const addon_t *addon, uint64_t mutex, int32_t *out_status) {
  uint64_t token;
  *out_status = addon->token((syncmgr_mutex_t *)(uintptr_t)mutex, &token);
  return *out_status == SYNCMGR_OK;
}

/** Forgets the mutexes that were closed. */
static void forget_closed(addon_t *addon) {
  handles_t *mutexes = &addon->mutexes;
  size_t kept = 0;
  for (size_t index = 0; index < mutexes->count; index++) {
    int32_t status;
    bool held = is_held(addon, mutexes->list[index], &status);
    if (held || status == SYNCMGR_E_NOT_OWNER) mutexes->list[kept++] = mutexes->list[index];
  }
  mutexes->count = kept;
}

/** own(manager): this manager is closed when the environment ends, if nobody did before. */
napi_value owned_own(napi_env env, napi_callback_info info) {
  napi_value argument;
  uint64_t handle;
  if (!read_arguments(env, info, 1, &argument, "own(manager: number)")) return NULL;
  if (!read_handle(env, argument, &handle)) return throw_type(env, "own(manager: number)");
  handles_t *managers = &addon_of(env)->managers;
  if (managers->count == managers->capacity && !enlarge(env, managers)) return NULL;
  managers->list[managers->count++] = handle;
  return NULL;
}

/** disown(manager): the manager was closed. */
napi_value owned_disown(napi_env env, napi_callback_info info) {
  napi_value argument;
  uint64_t handle;
  if (!read_arguments(env, info, 1, &argument, "disown(manager: number)")) return NULL;
  if (!read_handle(env, argument, &handle)) return throw_type(env, "disown(manager: number)");
  handles_t *managers = &addon_of(env)->managers;
  for (size_t index = 0; index < managers->count; index++) {
    if (managers->list[index] != handle) continue;
    managers->list[index] = managers->list[--managers->count];
    break;
  }
  return NULL;
}

/** remember(mutex): taken away when the environment ends while it is held through this handle.
 *  Closed handles are forgotten in time, without being told. */
napi_value owned_remember(napi_env env, napi_callback_info info) {
  napi_value argument;
  uint64_t handle;
  if (!read_arguments(env, info, 1, &argument, "remember(mutex: number)")) return NULL;
  if (!read_handle(env, argument, &handle)) return throw_type(env, "remember(mutex: number)");
  addon_t *addon = addon_of(env);
  if (addon->token == NULL) return throw_error(env, "the library is not loaded");
  handles_t *mutexes = &addon->mutexes;
  if (mutexes->count == mutexes->capacity) {
    forget_closed(addon);
    // With few forgotten the list would soon be searched again: it grows.
    if (mutexes->count >= mutexes->capacity / 2 && !enlarge(env, mutexes)) return NULL;
  }
  mutexes->list[mutexes->count++] = handle;
  return NULL;
}

void owned_end(void *data) {
  addon_t *addon = data;
  for (size_t index = 0; index < addon->mutexes.count; index++) {
    int32_t status;
    uint64_t mutex = addon->mutexes.list[index];
    if (is_held(addon, mutex, &status)) addon->force((syncmgr_mutex_t *)(uintptr_t)mutex);
  }
  for (size_t index = 0; index < addon->managers.count; index++) {
    addon->close((syncmgr_t *)(uintptr_t)addon->managers.list[index]);
  }
  addon->mutexes.count = 0;
  addon->managers.count = 0;
}
