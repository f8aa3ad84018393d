/* What an environment leaves open when it ends.
 *
 * A Worker can be terminated at any instruction of its JavaScript, and the process lives on. Then
 * its managers are closed here, which withdraws its waits and returns its permits. A mutex that it
 * still holds, or a readers-writer lock that it holds exclusively, is taken away by force before
 * that, so that the next owner is told: nobody will finish what was begun under it.
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

/** Whether the one who holds a readers-writer lock holds it exclusively. */
static bool is_exclusive(const addon_t *addon, syncmgr_rwlock_t *rwlock) {
  syncmgr_holder_t holder;
  uint32_t count;
  return addon->calls.rwlock_holders(rwlock, &holder, 1, &count) == SYNCMGR_OK && count == 1 &&
         holder.amount == SYNCMGR_COUNT_MAX;
}

static int32_t token_status(const addon_t *addon, const handles_t *locks, uint64_t lock) {
  uint64_t token;
  void *handle = (void *)(uintptr_t)lock;
  return locks == &addon->mutexes ? addon->calls.mutex_token(handle, &token)
                                  : addon->calls.rwlock_token(handle, &token);
}

/** Forgets the locks that were closed. */
static void forget_closed(const addon_t *addon, handles_t *locks) {
  size_t kept = 0;
  for (size_t index = 0; index < locks->count; index++) {
    int32_t status = token_status(addon, locks, locks->list[index]);
    if (status == SYNCMGR_OK || status == SYNCMGR_E_NOT_OWNER) {
      locks->list[kept++] = locks->list[index];
    }
  }
  locks->count = kept;
}

/** Takes away what nobody will finish. */
static void force_all(const addon_t *addon, const handles_t *locks) {
  for (size_t index = 0; index < locks->count; index++) {
    void *handle = (void *)(uintptr_t)locks->list[index];
    if (token_status(addon, locks, locks->list[index]) != SYNCMGR_OK) continue;
    if (locks == &addon->mutexes) addon->calls.mutex_force(handle);
    else if (is_exclusive(addon, handle)) addon->calls.rwlock_force(handle);
  }
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

/** remember(lock, type): a mutex or a readers-writer lock, by its SYNCMGR_TYPE_, that is taken away
 *  when the environment ends while it is held through this handle. Closed handles are forgotten in
 *  time, without being told. */
napi_value owned_remember(napi_env env, napi_callback_info info) {
  const char *usage = "remember(lock: number, type: number)";
  napi_value arguments[2];
  uint64_t handle;
  uint64_t type;
  if (!read_arguments(env, info, 2, arguments, usage)) return NULL;
  if (!read_handle(env, arguments[0], &handle) || !read_handle(env, arguments[1], &type)) {
    return throw_type(env, usage);
  }
  addon_t *addon = addon_of(env);
  if (addon->library == NULL) return throw_error(env, "the library is not loaded");
  if (type != SYNCMGR_TYPE_MUTEX && type != SYNCMGR_TYPE_RWLOCK) return throw_type(env, usage);
  handles_t *locks = type == SYNCMGR_TYPE_MUTEX ? &addon->mutexes : &addon->rwlocks;
  if (locks->count == locks->capacity) {
    forget_closed(addon, locks);
    // With few forgotten the list would soon be searched again: it grows.
    if (locks->count >= locks->capacity / 2 && !enlarge(env, locks)) return NULL;
  }
  locks->list[locks->count++] = handle;
  return NULL;
}

void owned_end(void *data) {
  addon_t *addon = data;
  force_all(addon, &addon->mutexes);
  force_all(addon, &addon->rwlocks);
  for (size_t index = 0; index < addon->managers.count; index++) {
    addon->calls.close((syncmgr_t *)(uintptr_t)addon->managers.list[index]);
  }
  addon->mutexes.count = 0;
  addon->rwlocks.count = 0;
  addon->managers.count = 0;
}

/** weigh(count): so many more objects, or fewer, that are closed when they are collected. What an
 *  object takes in the library, its handle above all, is not memory of JavaScript, and the
 *  collector knows nothing of it: it is told of some bytes for each, so that it comes in time. */
napi_value owned_weigh(napi_env env, napi_callback_info info) {
  enum { BYTES = 4096 };
  napi_value argument;
  int32_t count;
  int64_t sum;
  if (!read_arguments(env, info, 1, &argument, "weigh(count: number)")) return NULL;
  if (napi_get_value_int32(env, argument, &count) != napi_ok) {
    return throw_type(env, "weigh(count: number)");
  }
  napi_adjust_external_memory(env, (int64_t)count * BYTES, &sum);
  return NULL;
}
