/* Structures with pointers, which JavaScript has as places in its own memory. */
#include "records.h"

#include <string.h>

static const uint64_t nothing = UINT64_MAX;

/** Points one field to what it has. `behind` is where the structures end. */
static bool place(const field_t *field, char *structure, memory_t memory, size_t behind) {
  uint64_t offset, length = 0;
  memcpy(&offset, structure + field->offset, sizeof offset);
  if (field->kind == 'd') {
    memcpy(&length, structure + field->offset + sizeof(char *), sizeof length);
  }
  const char *pointer = NULL;
  if (field->kind != 'x' && offset != 0) {
    if (offset < behind || offset > memory.size || length > memory.size - offset) return false;
    if (field->kind == 't' && offset == memory.size) return false;
    pointer = memory.start + offset;
  }
  memcpy(structure + field->offset, &pointer, sizeof pointer);
  return true;
}

bool records_place(const parameter_t *parameter, memory_t memory, uint32_t count) {
  size_t behind = (size_t)count * parameter->size;
  // The last byte ends every text that is not ended before.
  if (memory.size > behind && memory.start[memory.size - 1] != 0) return false;
  for (uint32_t index = 0; index < count; index++) {
    char *structure = memory.start + (size_t)index * parameter->size;
    if (parameter->sized) memcpy(structure, &parameter->size, sizeof parameter->size);
    for (uint32_t field = 0; field < parameter->field_count; field++) {
      if (!place(&parameter->fields[field], structure, memory, behind)) return false;
    }
  }
  return true;
}

/** Returns where a pointer points to in either memory. Behind the last byte lies what is empty,
 *  and perhaps the other memory. */
static uint64_t place_of(const char *pointer, memory_t memory, memory_t bytes) {
  if (pointer == NULL) return nothing;
  uint64_t offset = (uintptr_t)pointer - (uintptr_t)memory.start;
  uint64_t written = (uintptr_t)pointer - (uintptr_t)bytes.start;
  if (offset < memory.size) return offset;
  if (bytes.start != NULL && written <= bytes.size) return written;
  return offset == memory.size ? offset : nothing;
}

void records_relate(const parameter_t *parameter, memory_t memory, uint32_t count, memory_t bytes) {
  for (uint32_t index = 0; index < count; index++) {
    char *structure = memory.start + (size_t)index * parameter->size;
    for (uint32_t field = 0; field < parameter->field_count; field++) {
      const char *pointer;
      memcpy(&pointer, structure + parameter->fields[field].offset, sizeof pointer);
      uint64_t offset = place_of(pointer, memory, bytes);
      memcpy(structure + parameter->fields[field].offset, &offset, sizeof offset);
    }
  }
}

void records_clear(const parameter_t *parameter, memory_t memory, uint32_t count) {
  memset(memory.start, 0, (size_t)count * parameter->size);
}
