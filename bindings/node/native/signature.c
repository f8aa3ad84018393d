/* Reads the signatures that signature.h explains. */
#include "signature.h"

#include <stdlib.h>
#include <string.h>

/** Returns how libffi passes a parameter or result, or NULL when there is no such kind. */
static ffi_type *type_of(char kind) {
  switch (kind) {
    case 'i': return &ffi_type_sint32;
    case 'u': case 'n': return &ffi_type_uint32;
    case 'l': case '0': return &ffi_type_sint64;
    case 'U': case 'N': case 'h': return &ffi_type_uint64;
    case 's': case 'p': case 'a': case 'o': case 'b': case 'q': case 'c': case 'r': case 'm':
      return &ffi_type_pointer;
    default: return NULL;
  }
}

/** Reads a size between 1 and 4096 and moves `text` behind it. */
static bool read_size(const char **text, uint32_t *out_size) {
  char *end;
  if (**text < '1' || **text > '9') return false;
  unsigned long size = strtoul(*text, &end, 10);
  if (size > 4096) return false;
  *text = end;
  *out_size = (uint32_t)size;
  return true;
}

/** Reads what follows the size of options. */
static bool read_options(const char **text, parameter_t *out) {
  if (**text != ':') return false;
  *text += 1;
  if (!read_size(text, &out->settable)) return false;
  if (out->size > MAX_OPTIONS_SIZE || out->settable > out->size) return false;
  if (out->settable < sizeof(uint32_t)) return false;
  if (**text != ':') return true;
  *text += 1;
  if (!read_size(text, &out->texts)) return false;
  return out->texts <= MAX_OPTION_TEXTS && out->settable % sizeof(char *) == 0 &&
         out->settable + out->texts * sizeof(char *) <= out->size;
}

/** Reads the fields of structures. */
static bool read_fields(const char **text, parameter_t *out) {
  if (**text != ':') return false;
  *text += 1;
  out->sized = **text == 's';
  if (out->sized) *text += 1;
  while (**text == 't' || **text == 'd' || **text == 'x') {
    if (out->field_count == MAX_FIELDS) return false;
    field_t *field = &out->fields[out->field_count++];
    field->kind = **text;
    *text += 1;
    char *end;
    if (**text < '0' || **text > '9') return false;
    unsigned long offset = strtoul(*text, &end, 10);
    size_t room = field->kind == 'd' ? sizeof(void *) + sizeof(size_t) : sizeof(void *);
    if (offset % sizeof(void *) != 0 || offset > 4096 || offset + room > out->size) return false;
    if (out->sized && offset == 0) return false;
    field->offset = (uint16_t)offset;
    *text = end;
  }
  return out->size % sizeof(void *) == 0 && (out->sized || out->field_count > 0);
}

/** Whether a parameter may stand behind the one before it. */
static bool follows(const parameter_t *parameter, char before) {
  char kind = parameter->kind;
  if (before == 'r' && (kind == 'n' || kind == 'm')) return true;
  if (kind == 'm') return false;
  if (before == 'a' || kind == 'n' || kind == 'N') {
    return before == 'a' && (kind == 'n' || kind == 'N');
  }
  if (before == 'b' || kind == 'q') return before == 'b' && kind == 'q';
  if (before == 'q' || kind == 'c') return before == 'q' && kind == 'c';
  return true;
}

/** Reads one parameter and moves `text` behind it. */
static bool read_parameter(const char **text, parameter_t *out) {
  memset(out, 0, sizeof *out);
  out->kind = **text;
  if (out->kind == '\0' || type_of(out->kind) == NULL) return false;
  *text += 1;
  if (strchr("paor", out->kind) != NULL && !read_size(text, &out->size)) return false;
  if (out->kind == 'r' && !read_fields(text, out)) return false;
  if (out->kind == 'm') out->size = sizeof(uint32_t);
  if (out->kind == 'o' && !read_options(text, out)) return false;
  return **text == ' ' || **text == '\0';
}

bool signature_parse(const char *text, signature_t *out) {
  memset(out, 0, sizeof *out);
  out->result = *text;
  if (*text == '\0' || strchr("ius", *text) == NULL) return false;
  text += 1;
  while (*text == ' ') {
    text += 1;
    if (out->parameter_count == MAX_PARAMETERS) return false;
    parameter_t *parameter = &out->parameters[out->parameter_count];
    if (!read_parameter(&text, parameter)) return false;

    if (!follows(parameter, out->parameter_count > 0 ? parameter[-1].kind : '\0')) return false;
    if (parameter->kind != '0') out->argument_count += 1;
    out->types[out->parameter_count++] = type_of(parameter->kind);
  }
  if (*text != '\0') return false;
  // What needs another parameter behind it is not the last one.
  if (out->parameter_count > 0 &&
      strchr("abq", out->parameters[out->parameter_count - 1].kind) != NULL) {
    return false;
  }
  return ffi_prep_cif(&out->cif, FFI_DEFAULT_ABI, out->parameter_count, type_of(out->result),
                      out->types) == FFI_OK;
}
