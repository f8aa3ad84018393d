/* Calls functions of the library through libffi, after checking every argument.
 *
 * Whatever JavaScript passes, the call either reaches the library with values of the right kind
 * and memory of the right size, or throws a TypeError. This is the hot path of the binding: no
 * allocation, but for strings longer than any legal name.
 */
#include "addon.h"
#include "records.h"
#include "signature.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 64, TEXT_ON_STACK = 320 };

typedef struct function {
  signature_t signature;
  void (*address)(void);
  char name[MAX_NAME];
} function_t;

typedef union slot {
  int32_t i32;
  uint32_t u32;
  int64_t i64;
  uint64_t u64;
  void *pointer;
} slot_t;

/** What the arguments of one call need beside their slots. */
typedef struct scratch {
  char text[TEXT_ON_STACK];              /**< the strings, one behind the other */
  size_t text_used;
  char *long_texts[MAX_PARAMETERS];      /**< those that had no room; freed after the call */
  uint32_t long_text_count;
  uint64_t options[MAX_OPTIONS_SIZE / 8]; /**< the copy that the library reads */
  uint64_t room;                         /**< how many elements the last array holds */
  uint64_t byte_count;                   /**< how many bytes the pieces have */
  const uint32_t *lengths;               /**< of the pieces */
  memory_t memories[MAX_PARAMETERS];     /**< that the parameters have */
  bool has_records;                      /**< one of them has structures with pointers */
} scratch_t;

static bool refuse(napi_env env, const function_t *function, uint32_t index, const char *what) {
  char message[192];
  snprintf(message, sizeof message, "%s: argument %u must be %s", function->name, index + 1, what);
  throw_type(env, message);
  return false;
}

/** Points the copy of some options to their texts, which lie behind them in the `size` bytes that
 *  JavaScript gave. Returns false when they do not. */
static bool place_texts(const parameter_t *parameter, const char *bytes, size_t size,
                        scratch_t *scratch) {
  // The last byte ends every text that is not ended before.
  if (size > parameter->size && bytes[size - 1] != 0) return false;
  for (uint32_t index = 0; index < parameter->texts; index++) {
    size_t place = parameter->settable + index * sizeof(char *);
    uint64_t offset;
    memcpy(&offset, bytes + place, sizeof offset);
    if (offset != 0 && (offset < parameter->size || offset >= size)) return false;
    const char *text = offset == 0 ? NULL : bytes + offset;
    memcpy((char *)scratch->options + place, &text, sizeof text);
  }
  return true;
}

/** Fills the slot of a pointer parameter: memory, array or options. */
static bool convert_pointer(napi_env env, const function_t *function, uint32_t index,
                            napi_value value, slot_t *slot, scratch_t *scratch) {
  const parameter_t *parameter = &function->signature.parameters[index];
  void *bytes = NULL;
  size_t size = 0;
  slot->pointer = NULL;
  scratch->room = UINT64_MAX;
  if (is_nothing(env, value)) return true;
  bool is_followed = parameter->kind == 'r' || parameter->kind == 'm';
  if (!(is_followed ? read_own_memory : read_memory)(env, value, &bytes, &size) ||
      size < parameter->size) {
    return refuse(env, function, index, "an ArrayBuffer or a view that is large enough, or null");
  }
  scratch->memories[index] = (memory_t){bytes, size};
  if (parameter->kind == 'r') scratch->has_records = true;
  size_t alignment = parameter->size % 8 == 0 ? 8 : parameter->size % 4 == 0 ? 4 : 1;
  if (parameter->kind != 'o' && (uintptr_t)bytes % alignment != 0) {
    return refuse(env, function, index, "memory that is aligned for its contents");
  }
  if (parameter->kind == 'o') {
    memset(scratch->options, 0, sizeof scratch->options);
    memcpy(scratch->options, bytes, parameter->settable);
    memcpy(scratch->options, &parameter->size, sizeof parameter->size);
    if (parameter->texts > 0 && (is_shared(env, value) ||
                                 !place_texts(parameter, bytes, size, scratch))) {
      return refuse(env, function, index, "options with their texts behind them");
    }
    bytes = scratch->options;
  }
  scratch->room = size / parameter->size;
  slot->pointer = bytes;
  return true;
}

/** Fills the slots of pieces: the bytes, their lengths, or how many there are. */
static bool convert_pieces(napi_env env, const function_t *function, uint32_t index,
                           napi_value value, slot_t *slot, scratch_t *scratch) {
  char kind = function->signature.parameters[index].kind;
  void *bytes = NULL;
  size_t size = 0;
  bool is_there = !is_nothing(env, value);
  if (is_there && !read_memory(env, value, &bytes, &size)) {
    return refuse(env, function, index, "an ArrayBuffer or a view, or null");
  }
  if (kind != 'b' && ((uintptr_t)bytes % sizeof(uint32_t) != 0 || is_shared(env, value))) {
    return refuse(env, function, index, "aligned memory that no other thread can change");
  }
  slot->pointer = bytes;
  if (kind == 'b') {
    scratch->byte_count = size;
  } else if (kind == 'q') {
    scratch->lengths = bytes;
    scratch->room = size / sizeof(uint32_t);
  } else if (is_there) {
    uint64_t sum = 0;
    uint32_t count = 0;
    bool fits = size >= sizeof count;
    if (fits) memcpy(&count, bytes, sizeof count);
    if (count > scratch->room) fits = false;
    for (uint32_t piece = 0; fits && piece < count; piece++) sum += scratch->lengths[piece];
    if (!fits || sum > scratch->byte_count) {
      return refuse(env, function, index, "a number of pieces that the bytes before it have");
    }
  }
  return true;
}

/** Fills one slot from one JavaScript value, or throws. */
static bool convert(napi_env env, const function_t *function, uint32_t index, napi_value value,
                    slot_t *slot, scratch_t *scratch) {
  double number;
  switch (function->signature.parameters[index].kind) {
    case 'i':
      if (!read_whole(env, value, INT32_MIN, INT32_MAX, &number)) {
        return refuse(env, function, index, "a 32-bit whole number");
      }
      slot->i32 = (int32_t)number;
      return true;
    case 'u':
      if (!read_whole(env, value, 0, UINT32_MAX, &number)) {
        return refuse(env, function, index, "a whole number from 0 to 4294967295");
      }
      slot->u32 = (uint32_t)number;
      return true;
    case 'l':
      if (read_int64(env, value, &slot->i64)) return true;
      return refuse(env, function, index, "a whole Number or a 64-bit BigInt");
    case 'U':
      if (read_uint64(env, value, &slot->u64)) return true;
      return refuse(env, function, index, "a whole Number or a 64-bit BigInt, not negative");
    case 'h':
      slot->u64 = 0;
      if (read_handle(env, value, &slot->u64) || is_nothing(env, value)) return true;
      return refuse(env, function, index, "a handle");
    case 'n':
    case 'N':
      if (!read_whole(env, value, 0, UINT32_MAX, &number) || number > (double)scratch->room) {
        return refuse(env, function, index, "a capacity that the memory before it has");
      }
      // A size_t and, on this little-endian machine, a uint32_t.
      slot->u64 = (uint64_t)number;
      return true;
    case 's': {
      slot->pointer = NULL;
      if (is_nothing(env, value)) return true;
      char *room = scratch->text + scratch->text_used;
      char *text = read_text(env, value, room, sizeof scratch->text - scratch->text_used);
      if (text == NULL) return false;
      if (text != room) scratch->long_texts[scratch->long_text_count++] = text;
      else scratch->text_used += strlen(text) + 1;
      slot->pointer = text;
      return true;
    }
    case 'b':
    case 'q':
    case 'c': return convert_pieces(env, function, index, value, slot, scratch);
    default:
      return convert_pointer(env, function, index, value, slot, scratch);
  }
}

/** How many structures a parameter has: as many as the next one says. */
static bool count_of(const signature_t *signature, uint32_t index, const slot_t *slots,
                     const scratch_t *scratch, uint32_t *out_count) {
  uint32_t next = index + 1;
  char kind = next < signature->parameter_count ? signature->parameters[next].kind : '\0';
  *out_count = 1;
  if (kind == 'n') *out_count = slots[next].u32;
  if (kind == 'm') {
    if (scratch->memories[next].start == NULL) return false;
    memcpy(out_count, scratch->memories[next].start, sizeof *out_count);
  }
  return *out_count <= scratch->memories[index].size / signature->parameters[index].size;
}

/** Whether the memory of a parameter has a byte in common with that of another: what the library
 *  writes there could be a pointer that it follows. */
static bool is_alone(const signature_t *signature, uint32_t index, const scratch_t *scratch) {
  memory_t memory = scratch->memories[index];
  for (uint32_t other = 0; other < signature->parameter_count; other++) {
    memory_t another = scratch->memories[other];
    if (other != index && another.start != NULL && memory.start < another.start + another.size &&
        another.start < memory.start + memory.size) {
      return false;
    }
  }
  return true;
}

/** The bytes of a call into which the library writes what structures point to. */
static memory_t bytes_of(const signature_t *signature, const scratch_t *scratch) {
  for (uint32_t index = 0; index < signature->parameter_count; index++) {
    if (signature->parameters[index].kind == 'a') return scratch->memories[index];
  }
  return (memory_t){NULL, 0};
}

/** Gives the structures of a call their pointers, or throws and leaves none. */
static bool place_records(napi_env env, const function_t *function, const slot_t *slots,
                          scratch_t *scratch, uint32_t *counts) {
  const signature_t *signature = &function->signature;
  uint32_t index = 0;
  bool fits = true;
  for (; index < signature->parameter_count; index++) {
    const parameter_t *parameter = &signature->parameters[index];
    if (parameter->kind != 'r' || scratch->memories[index].start == NULL) continue;
    counts[index] = 0;
    fits = is_alone(signature, index, scratch) &&
           count_of(signature, index, slots, scratch, &counts[index]);
    if (!fits) counts[index] = 0;
    fits = fits && records_place(parameter, scratch->memories[index], counts[index]);
    if (!fits) break;
  }
  if (fits) return true;
  for (uint32_t placed = 0; placed <= index; placed++) {
    if (signature->parameters[placed].kind != 'r' || scratch->memories[placed].start == NULL) {
      continue;
    }
    records_clear(&signature->parameters[placed], scratch->memories[placed], counts[placed]);
  }
  return refuse(env, function, index, "structures with what they point to behind them");
}

/** Takes the pointers out of the structures of a call again. */
static void relate_records(const signature_t *signature, const scratch_t *scratch,
                           const uint32_t *counts) {
  memory_t bytes = bytes_of(signature, scratch);
  for (uint32_t index = 0; index < signature->parameter_count; index++) {
    if (signature->parameters[index].kind != 'r' || scratch->memories[index].start == NULL) {
      continue;
    }
    records_relate(&signature->parameters[index], scratch->memories[index], counts[index], bytes);
  }
}

static napi_value result_of(napi_env env, char kind, const void *result) {
  napi_value value = NULL;
  // libffi widens small integers to a whole register.
  if (kind == 'i') napi_create_int32(env, (int32_t)*(const ffi_sarg *)result, &value);
  else if (kind == 'u') napi_create_uint32(env, (uint32_t)*(const ffi_arg *)result, &value);
  else {
    const char *text = *(const char *const *)result;
    if (text == NULL) napi_get_null(env, &value);
    else napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  }
  return value;
}

/** Runs when JavaScript calls a bound function. */
static napi_value call(napi_env env, napi_callback_info info) {
  napi_value arguments[MAX_PARAMETERS];
  size_t argument_count = MAX_PARAMETERS;
  void *data;
  if (napi_get_cb_info(env, info, &argument_count, arguments, NULL, &data) != napi_ok) return NULL;
  function_t *function = data;
  signature_t *signature = &function->signature;
  if (argument_count != signature->argument_count) {
    char message[128];
    snprintf(message, sizeof message, "%s takes %u arguments, not %zu", function->name,
             signature->argument_count, argument_count);
    return throw_type(env, message);
  }

  slot_t slots[MAX_PARAMETERS];
  void *pointers[MAX_PARAMETERS];
  scratch_t scratch;
  uint32_t counts[MAX_PARAMETERS];
  scratch.text_used = 0;
  scratch.long_text_count = 0;
  scratch.has_records = false;
  memset(scratch.memories, 0, sizeof scratch.memories);
  bool converted = true;
  uint32_t argument = 0;
  for (uint32_t index = 0; index < signature->parameter_count && converted; index++) {
    pointers[index] = &slots[index];
    if (signature->parameters[index].kind == '0') {
      slots[index].i64 = 0;
      continue;
    }
    converted = convert(env, function, index, arguments[argument++], &slots[index], &scratch);
  }
  if (converted && scratch.has_records) {
    converted = place_records(env, function, slots, &scratch, counts);
  }
  napi_value value = NULL;
  if (converted) {
    union { ffi_arg integer; void *pointer; } result = {0};
    ffi_call(&signature->cif, function->address, &result, pointers);
    if (scratch.has_records) relate_records(signature, &scratch, counts);
    value = result_of(env, signature->result, &result);
  }
  while (scratch.long_text_count > 0) free(scratch.long_texts[--scratch.long_text_count]);
  return value;
}

static void free_function(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(data);
}

/** Fills `function` from the two strings, or throws. */
static bool prepare(napi_env env, napi_value name, napi_value signature, function_t *function) {
  char text[256];
  char *read = read_text(env, name, function->name, sizeof function->name);
  if (read == NULL) return false;
  if (read != function->name) {
    free(read);
    throw_type(env, "bind: the name is too long");
    return false;
  }
  read = read_text(env, signature, text, sizeof text);
  if (read == NULL) return false;
  bool parsed = read == text && signature_parse(text, &function->signature);
  if (read != text) free(read);
  if (!parsed) {
    throw_type(env, "bind: this is no signature");
    return false;
  }
  void *library = addon_of(env)->library;
  void *address = library == NULL ? NULL : dlsym(library, function->name);
  if (address == NULL) {
    char message[128];
    snprintf(message, sizeof message, "the library has no function %s", function->name);
    throw_error(env, message);
    return false;
  }
  *(void **)&function->address = address;
  return true;
}

/** bind(name, signature): returns a function that calls the library's function of that name. */
napi_value bridge_bind(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  if (!read_arguments(env, info, 2, arguments, "bind(name: string, signature: string)")) {
    return NULL;
  }
  function_t *function = calloc(1, sizeof *function);
  if (function == NULL) return throw_error(env, "out of memory");
  if (!prepare(env, arguments[0], arguments[1], function)) {
    free(function);
    return NULL;
  }
  napi_value result;
  if (napi_create_function(env, function->name, NAPI_AUTO_LENGTH, call, function, &result) !=
          napi_ok ||
      napi_add_finalizer(env, result, function, free_function, NULL, NULL) != napi_ok) {
    free(function);
    return throw_error(env, "the function could not be made");
  }
  return result;
}
