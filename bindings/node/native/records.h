/* Structures with pointers, which JavaScript has as places in its own memory. */
#ifndef SYNCMGR_NODE_RECORDS_H
#define SYNCMGR_NODE_RECORDS_H

#include "signature.h"

/** Memory that JavaScript passed to a call. */
typedef struct memory {
  char *start; /**< NULL when it passed none */
  size_t size;
} memory_t;

/** Turns the places in the first `count` structures of `memory`, which has room for them, into
 *  pointers. Returns false when a place is outside, or the memory does not end by a zero. */
bool records_place(const parameter_t *parameter, memory_t memory, uint32_t count);

/** Turns the pointers into places again: in `memory`, or in the bytes that the library wrote. */
void records_relate(const parameter_t *parameter, memory_t memory, uint32_t count, memory_t bytes);

/** Leaves nothing in the structures, so that JavaScript sees no pointer. */
void records_clear(const parameter_t *parameter, memory_t memory, uint32_t count);

#endif
