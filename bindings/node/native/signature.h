/* How the addon is told what a C function takes and returns.
 *
 * A signature is a text of words with a space between: first the result, then the parameters in
 * order. lib/api.js holds the one of every function, generated from the header.
 *
 *   i      int32_t
 *   u      uint32_t
 *   l      int64_t, from a Number or a BigInt
 *   U      uint64_t, from a Number or a BigInt
 *   h      a handle: a Number below 2^53, or null
 *   s      a string (as the result: a C string)
 *   pN     memory for the library to write: at least N bytes, or null
 *   aN     an array of elements of N bytes, or null; the next parameter must be its capacity
 *   n, N   the capacity of that array: uint32_t, size_t; checked against the memory
 *   oN:M   an options structure of N bytes, of which JavaScript may set those between the size
 *          and M; or null
 *   oN:M:K the same, and at M begin K pointers to texts: there JavaScript writes where the text
 *          begins in the memory behind the structure, which ends by a zero; or 0 for none
 *   rN:F   an array of structures of N bytes with pointers, or null; without a number behind it
 *          there is one. JavaScript writes and reads the place of what a pointer points to, in the
 *          memory of the structures, behind them, of which the last byte is 0; and 0 for none.
 *          After the call what points into the array of bytes of the call is a place in that, and
 *          none is all ones. F are the fields, by a letter and an offset each:
 *            t  a text, terminated
 *            d  bytes, of which the number stands behind the pointer
 *            x  what JavaScript cannot have: it is always NULL
 *          and a first s says that the structure begins with its size
 *   m      memory with the number of the structures before it, a uint32_t; checked against them
 *   b      bytes, or null; the next parameters must be the lengths q of the pieces that lie in
 *          them one after the other, and the number c of these: what memory there must hold is
 *          no more than there are lengths and bytes for
 *   0      an int64_t timeout that is always 0: JavaScript does not pass it. A function that
 *          could block is bound in this way only.
 */
#ifndef SYNCMGR_NODE_SIGNATURE_H
#define SYNCMGR_NODE_SIGNATURE_H

#include <ffi.h>
#include <stdbool.h>
#include <stdint.h>

enum { MAX_PARAMETERS = 6, MAX_OPTIONS_SIZE = 64, MAX_OPTION_TEXTS = 4, MAX_FIELDS = 12 };

/** A pointer in a structure. */
typedef struct field {
  char kind; /**< t, d or x */
  uint16_t offset;
} field_t;

typedef struct parameter {
  char kind;
  uint32_t size;     /**< bytes of the memory, of one element, or of the options */
  uint32_t settable; /**< options: bytes that are copied from JavaScript */
  uint32_t texts;    /**< options: pointers to texts behind these bytes */
  bool sized;        /**< structures: they begin with their size */
  uint32_t field_count;
  field_t fields[MAX_FIELDS]; /**< structures: the pointers in each */
} parameter_t;

typedef struct signature {
  char result;
  uint32_t parameter_count;
  uint32_t argument_count; /**< parameters that JavaScript passes */
  parameter_t parameters[MAX_PARAMETERS];
  ffi_type *types[MAX_PARAMETERS];
  ffi_cif cif;
} signature_t;

/** Fills `out` from `text`. Returns false when the text is no signature. */
bool signature_parse(const char *text, signature_t *out);

#endif
