/* Stores that are compared: ours, and those that people use today.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef BENCH_STORE_H
#define BENCH_STORE_H

#include "common.h"

enum { STORE_KEY_SIZE = 16, STORE_VALUE_SIZE = 100 };

typedef struct {
  const char *directory; /* on the disk, empty */
  const char *url;       /* of a space of this program */
  int in_memory;         /* 1: nothing has to be on disk */
} store_place_t;

typedef struct {
  const char *name;
  /** Why it cannot be measured; NULL when it can. */
  const char *missing;
  /** Opens it in this process. */
  void *(*open)(const store_place_t *place);
  /** Writes one value; it is on disk when this returns, unless the place is in memory. */
  void (*put)(void *store, const char *key, const void *value);
  /** Reads one value of STORE_VALUE_SIZE bytes. */
  void (*get)(void *store, const char *key, void *value);
  void (*close)(void *store);
} store_kind_t;

extern const store_kind_t store_ours, store_sqlite, store_lmdb;

/** Returns the kind of this name, or fails. */
const store_kind_t *store_kind(const char *name);

/** Writes the key of a number. */
void store_key(char *key, unsigned number);

/** Ends the program with what went wrong. */
#define STORE_CHECK(condition, what) ((condition) ? (void)0 : fail("%s", what))

#endif
