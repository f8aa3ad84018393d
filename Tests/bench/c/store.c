/* Which stores there are.
 *
 * SPDX-License-Identifier: MIT
 */
#include "store.h"

#include <stdio.h>

const store_kind_t *store_kind(const char *name) {
  static const store_kind_t *const kinds[] = {&store_ours, &store_sqlite, &store_lmdb};
  for (unsigned index = 0; index < sizeof kinds / sizeof kinds[0]; index++) {
    if (strcmp(kinds[index]->name, name) == 0) return kinds[index];
  }
  fail("there is no store %s", name);
}

void store_key(char *key, unsigned number) { snprintf(key, STORE_KEY_SIZE, "key/%06u", number); }
