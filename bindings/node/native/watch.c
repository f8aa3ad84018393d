/* Calls JavaScript when a descriptor is readable.
 *
 * A watch lives on the event loop of its environment. It keeps the loop alive only between ref()
 * and unref(). It ends by close(), when its object is collected, or with the environment, which
 * waits for it. The memory is freed when both the object and the loop have let go of it.
 */
#include "addon.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

/** Only objects with this tag are watches, so a method borrowed by another object is harmless. */
static const napi_type_tag watch_tag = {0x73796e636d677277, 0x6174636800000001};

typedef struct watch {
  uv_poll_t poll;
  napi_env env;
  napi_ref callback;
  napi_async_cleanup_hook_handle hook;
  bool closing;       /**< uv_close has been called */
  bool loop_is_done;  /**< the loop has let go */
  bool object_is_gone;
} watch_t;

static void free_when_unused(watch_t *watch) {
  if (watch->loop_is_done && watch->object_is_gone) free(watch);
}

static void loop_done(uv_handle_t *handle) {
  watch_t *watch = handle->data;
  watch->loop_is_done = true;
  napi_remove_async_cleanup_hook(watch->hook);
  free_when_unused(watch);
}

static void close_watch(watch_t *watch) {
  if (watch->closing) return;
  watch->closing = true;
  uv_close((uv_handle_t *)&watch->poll, loop_done);
}

/** The environment ends. It runs its loop until the hook is removed. */
static void environment_ends(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  close_watch(data);
}

/** The JavaScript object was collected, or the environment has ended. */
static void object_gone(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  watch_t *watch = data;
  watch->object_is_gone = true;
  if (watch->closing) free_when_unused(watch);
  else close_watch(watch);
}

/** Runs on the event loop. An exception of the callback is an uncaught exception of the program. */
static void readable(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  watch_t *watch = poll->data;
  napi_env env = watch->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;

  napi_value global, callback, result;
  if (napi_get_global(env, &global) == napi_ok &&
      napi_get_reference_value(env, watch->callback, &callback) == napi_ok) {
    napi_status outcome = napi_make_callback(env, NULL, global, callback, 0, NULL, &result);
    if (outcome == napi_pending_exception) {
      napi_value exception;
      napi_get_and_clear_last_exception(env, &exception);
      napi_fatal_exception(env, exception);
    }
  }
  napi_close_handle_scope(env, scope);
}

/** Returns the open watch that a method was called on, or NULL. */
static watch_t *this_watch(napi_env env, napi_callback_info info) {
  napi_value object;
  size_t count = 0;
  void *watch = NULL;
  if (napi_get_cb_info(env, info, &count, NULL, &object, NULL) != napi_ok) return NULL;
  bool is_watch = false;
  napi_status outcome = napi_check_object_type_tag(env, object, &watch_tag, &is_watch);
  if (outcome != napi_ok || !is_watch) return NULL;
  if (napi_unwrap(env, object, &watch) != napi_ok) return NULL;
  return watch;
}

static napi_value watch_ref(napi_env env, napi_callback_info info) {
  watch_t *watch = this_watch(env, info);
  if (watch == NULL) return throw_type(env, "ref() of what is no watch");
  if (!watch->closing) uv_ref((uv_handle_t *)&watch->poll);
  return NULL;
}

static napi_value watch_unref(napi_env env, napi_callback_info info) {
  watch_t *watch = this_watch(env, info);
  if (watch == NULL) return throw_type(env, "unref() of what is no watch");
  if (!watch->closing) uv_unref((uv_handle_t *)&watch->poll);
  return NULL;
}

static napi_value watch_close(napi_env env, napi_callback_info info) {
  watch_t *watch = this_watch(env, info);
  if (watch == NULL) return throw_type(env, "close() of what is no watch");
  if (!watch->closing) napi_delete_reference(env, watch->callback);
  close_watch(watch);
  return NULL;
}

/** Puts the watch into a new object with its three methods. */
static napi_value wrap(napi_env env, watch_t *watch) {
  const napi_property_descriptor methods[] = {
    {"ref", NULL, watch_ref, NULL, NULL, NULL, napi_enumerable, NULL},
    {"unref", NULL, watch_unref, NULL, NULL, NULL, napi_enumerable, NULL},
    {"close", NULL, watch_close, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok) return NULL;
  if (napi_define_properties(env, object, 3, methods) != napi_ok) return NULL;
  if (napi_type_tag_object(env, object, &watch_tag) != napi_ok) return NULL;
  if (napi_wrap(env, object, watch, object_gone, NULL, NULL) != napi_ok) return NULL;
  return object;
}

/** Gives up a watch that JavaScript never saw. */
static napi_value abandon(watch_t *watch, const char *message) {
  napi_env env = watch->env;
  if (watch->callback != NULL) napi_delete_reference(env, watch->callback);
  watch->object_is_gone = true;
  close_watch(watch);
  return throw_error(env, message);
}

/** watch(descriptor, callback): returns { ref, unref, close }; the loop is not kept alive yet. */
napi_value watch_start(napi_env env, napi_callback_info info) {
  const char *usage = "watch(descriptor: number, callback: function)";
  napi_value arguments[2];
  napi_valuetype type;
  uint64_t descriptor;
  uv_loop_t *loop;
  if (!read_arguments(env, info, 2, arguments, usage)) return NULL;
  if (!read_handle(env, arguments[0], &descriptor) || descriptor > INT32_MAX) {
    return throw_type(env, usage);
  }
  if (napi_typeof(env, arguments[1], &type) != napi_ok || type != napi_function) {
    return throw_type(env, usage);
  }
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return throw_error(env, "no event loop");

  watch_t *watch = calloc(1, sizeof *watch);
  if (watch == NULL) return throw_error(env, "out of memory");
  watch->env = env;
  int failure = uv_poll_init(loop, &watch->poll, (int)descriptor);
  if (failure != 0) {
    char message[128];
    snprintf(message, sizeof message, "descriptor %d cannot be watched: %s", (int)descriptor,
             uv_strerror(failure));
    free(watch);
    return throw_error(env, message);
  }
  watch->poll.data = watch;
  uv_unref((uv_handle_t *)&watch->poll);
  if (napi_add_async_cleanup_hook(env, environment_ends, watch, &watch->hook) != napi_ok ||
      napi_create_reference(env, arguments[1], 1, &watch->callback) != napi_ok ||
      uv_poll_start(&watch->poll, UV_READABLE, readable) != 0) {
    return abandon(watch, "the descriptor cannot be watched");
  }
  napi_value object = wrap(env, watch);
  return object != NULL ? object : abandon(watch, "out of memory");
}
