/* Reads numbers and memory from JavaScript. None of these throws. */
#include "addon.h"

bool read_whole(napi_env env, napi_value value, double least, double most, double *out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) return false;
  if (!(number >= least && number <= most)) return false;
  if ((double)(int64_t)number != number) return false;
  *out = number;
  return true;
}

bool read_int64(napi_env env, napi_value value, int64_t *out) {
  double number;
  if (read_whole(env, value, -9007199254740991.0, 9007199254740991.0, &number)) {
    *out = (int64_t)number;
    return true;
  }
  bool lossless = false;
  return napi_get_value_bigint_int64(env, value, out, &lossless) == napi_ok && lossless;
}

bool read_uint64(napi_env env, napi_value value, uint64_t *out) {
  if (read_handle(env, value, out)) return true;
  bool lossless = false;
  return napi_get_value_bigint_uint64(env, value, out, &lossless) == napi_ok && lossless;
}

static size_t element_size(napi_typedarray_type type) {
  switch (type) {
    case napi_int16_array: case napi_uint16_array: return 2;
    case napi_int32_array: case napi_uint32_array: case napi_float32_array: return 4;
    case napi_float64_array: case napi_bigint64_array: case napi_biguint64_array: return 8;
    default: return 1;
  }
}

/** Finds the bytes of an ArrayBuffer or of a view of one; `buffer` is the ArrayBuffer of a view. */
static bool find_memory(napi_env env, napi_value value, void **out_bytes, size_t *out_size,
                        napi_value *buffer) {
  bool is_kind = false;
  *buffer = NULL;
  if (napi_is_typedarray(env, value, &is_kind) == napi_ok && is_kind) {
    napi_typedarray_type type;
    size_t length;
    if (napi_get_typedarray_info(env, value, &type, &length, out_bytes, buffer, NULL) != napi_ok) {
      return false;
    }
    *out_size = length * element_size(type);
    return true;
  }
  if (napi_is_arraybuffer(env, value, &is_kind) == napi_ok && is_kind) {
    return napi_get_arraybuffer_info(env, value, out_bytes, out_size) == napi_ok;
  }
  return false;
}

/** Whether other threads can change what the view is of. */
static bool is_shared_buffer(napi_env env, napi_value buffer) {
  bool is_own = true;
  return buffer != NULL && napi_is_arraybuffer(env, buffer, &is_own) == napi_ok && !is_own;
}

bool read_memory(napi_env env, napi_value value, void **out_bytes, size_t *out_size) {
  napi_value buffer;
  return find_memory(env, value, out_bytes, out_size, &buffer);
}

bool read_own_memory(napi_env env, napi_value value, void **out_bytes, size_t *out_size) {
  napi_value buffer;
  return find_memory(env, value, out_bytes, out_size, &buffer) && !is_shared_buffer(env, buffer);
}

bool is_shared(napi_env env, napi_value value) {
  napi_value buffer;
  void *bytes;
  size_t size;
  return find_memory(env, value, &bytes, &size, &buffer) && is_shared_buffer(env, buffer);
}

bool read_structures(napi_env env, napi_value value, void **out_memory, size_t *out_size) {
  return read_own_memory(env, value, out_memory, out_size) &&
         (uintptr_t)*out_memory % sizeof(uint64_t) == 0;
}

bool is_nothing(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type == napi_null || type == napi_undefined;
}
