/* The addon's entry: loads the library. */
#include "addon.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

addon_t *addon_of(napi_env env) {
  void *addon = NULL;
  napi_get_instance_data(env, &addon);
  return addon;
}

napi_value throw_type(napi_env env, const char *message) {
  napi_throw_type_error(env, NULL, message);
  return NULL;
}

napi_value throw_error(napi_env env, const char *message) {
  napi_throw_error(env, NULL, message);
  return NULL;
}

bool read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments,
                    const char *usage) {
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, arguments, NULL, NULL) != napi_ok || given != count) {
    throw_type(env, usage);
    return false;
  }
  return true;
}

bool read_handle(napi_env env, napi_value value, uint64_t *out_handle) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) return false;
  // The comparison is false for NaN, too.
  if (!(number >= 0 && number <= 9007199254740991.0)) return false;
  uint64_t handle = (uint64_t)number;
  if ((double)handle != number) return false;
  *out_handle = handle;
  return true;
}

char *read_text(napi_env env, napi_value value, char *buffer, size_t capacity) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) {
    throw_type(env, "a string is needed");
    return NULL;
  }
  char *text = buffer;
  if (length >= capacity) {
    text = malloc(length + 1);
    if (text == NULL) {
      throw_error(env, "out of memory");
      return NULL;
    }
  }
  napi_get_value_string_utf8(env, value, text, length + 1, &length);
  if (strlen(text) != length) {
    if (text != buffer) free(text);
    throw_type(env, "a string has a zero character in it");
    return NULL;
  }
  return text;
}

/** Finds the functions that the addon itself calls. */
static bool find_functions(calls_t *calls, void *library) {
  const struct {
    const char *name;
    void *place;
  } wanted[] = {
    {"syncmgr_close", &calls->close},
    {"syncmgr_mutex_token", &calls->mutex_token},
    {"syncmgr_mutex_force_release", &calls->mutex_force},
    {"syncmgr_rwlock_token", &calls->rwlock_token},
    {"syncmgr_rwlock_holders", &calls->rwlock_holders},
    {"syncmgr_rwlock_force_release", &calls->rwlock_force},
    {"syncmgr_mutex_fastpath", &calls->fastpath},
    {"syncmgr_channel_recv_many", &calls->receive_many},
    {"syncmgr_channel_response", &calls->response},
    {"syncmgr_channel_view", &calls->view},
    {"syncmgr_channel_loan", &calls->loan},
    {"syncmgr_channel_region", &calls->region},
  };
  for (size_t index = 0; index < sizeof wanted / sizeof wanted[0]; index++) {
    void *address = dlsym(library, wanted[index].name);
    if (address == NULL) return false;
    memcpy(wanted[index].place, &address, sizeof address);
  }
  return true;
}

/** load(path): opens the library, which stays loaded for the life of the process. What is no
 *  libsyncmgr changes nothing. Returns the ABI version of the library; the other functions may be
 *  used when that is the right one. */
static napi_value load(napi_env env, napi_callback_info info) {
  napi_value argument;
  if (!read_arguments(env, info, 1, &argument, "load(path: string)")) return NULL;
  char buffer[1024];
  char *path = read_text(env, argument, buffer, sizeof buffer);
  if (path == NULL) return NULL;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (path != buffer) free(path);
  if (library == NULL) return throw_error(env, dlerror());

  uint32_t (*abi_version)(void);
  *(void **)&abi_version = dlsym(library, "syncmgr_abi_version");
  if (abi_version == NULL) {
    dlclose(library);
    return throw_error(env, "it is not libsyncmgr: it has no function syncmgr_abi_version");
  }
  napi_value version;
  napi_create_uint32(env, abi_version(), &version);
  addon_t *addon = addon_of(env);
  calls_t found;
  if (abi_version() != SYNCMGR_ABI_VERSION) return version;
  if (!find_functions(&found, library)) {
    return throw_error(env, "functions are missing in it");
  }
  addon->calls = found;
  addon->library = library;
  return version;
}

/** Runs after owned_end, when no function of the addon can be called any more. */
static void free_addon(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  addon_t *addon = data;
  free(addon->managers.list);
  free(addon->mutexes.list);
  free(addon->rwlocks.list);
  free(addon);
}

NAPI_MODULE_INIT() {
  addon_t *addon = calloc(1, sizeof *addon);
  if (addon == NULL) return throw_error(env, "out of memory");
  napi_set_instance_data(env, addon, free_addon, NULL);
  napi_add_env_cleanup_hook(env, owned_end, addon);

  const struct {
    const char *name;
    napi_callback function;
  } functions[] = {
    {"load", load},
    {"bind", bridge_bind},
    {"own", owned_own},
    {"disown", owned_disown},
    {"remember", owned_remember},
    {"weigh", owned_weigh},
    {"fastpath", memory_fastpath},
    {"detach", memory_detach},
    {"receive", channel_receive},
    {"view", channel_view},
    {"loan", channel_loan},
    {"region", channel_region},
    {"watch", watch_start},
  };
  for (size_t index = 0; index < sizeof functions / sizeof functions[0]; index++) {
    napi_value function;
    const char *name = functions[index].name;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, functions[index].function, NULL,
                             &function) != napi_ok ||
        napi_set_named_property(env, exports, name, function) != napi_ok) {
      return throw_error(env, "the addon could not be set up");
    }
  }
  return exports;
}
