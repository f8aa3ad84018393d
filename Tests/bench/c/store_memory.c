/* How many reads a second, and writes that need not be on disk, one process does.
 *
 * SPDX-License-Identifier: MIT
 *
 * store_memory KEYS MILLISECONDS DIRECTORY URL KIND...
 * Of so many keys, in an order that no CPU can foresee. The kinds take turns, a batch each. Prints
 * KIND.reads and KIND.writes.
 */
#include <stdio.h>

#include "store.h"

enum { KINDS_MAX = 3, BATCHES = 7 };

typedef struct {
  const store_kind_t *kind;
  void *store;
} side_t;

static uint64_t state = 1;

static unsigned next_number(unsigned keys) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)((state >> 33) % keys);
}

static double run_batch(const side_t *side, unsigned keys, int64_t duration, int writes) {
  char value[STORE_VALUE_SIZE] = {0};
  int64_t start = now_ns(), now = start;
  uint64_t count = 0;
  /* The keys are made before, so that their making is not measured. */
  static char made[1024][STORE_KEY_SIZE];
  int64_t spent = 0;
  while (spent < duration) {
    for (unsigned index = 0; index < 1024; index++) store_key(made[index], next_number(keys));
    now = now_ns();
    for (unsigned index = 0; index < 1024; index++) {
      if (writes) {
        side->kind->put(side->store, made[index], value);
      } else {
        side->kind->get(side->store, made[index], value);
      }
    }
    spent += now_ns() - now;
    count += 1024;
    if (now - start > 20 * duration) break;
  }
  return (double)count * 1e9 / (double)spent;
}

int main(int count, char **arguments) {
  unsigned keys = (unsigned)number_argument(count, arguments, 1, "KEYS");
  int64_t duration = number_argument(count, arguments, 2, "MILLISECONDS") * 1000000;
  if (keys < 1 || count < 6 || count > 5 + KINDS_MAX) fail("wrong arguments");
  store_place_t place = {.directory = arguments[3], .url = arguments[4], .in_memory = 1};
  side_t sides[KINDS_MAX];
  int used = 0;
  deadline(80);
  pin_to(0);
  for (int index = 5; index < count; index++) {
    side_t *side = &sides[used];
    side->kind = store_kind(arguments[index]);
    if (side->kind->missing != NULL) {
      printf("%s.missing 1\n", side->kind->name);
      continue;
    }
    side->store = side->kind->open(&place);
    char key[STORE_KEY_SIZE], value[STORE_VALUE_SIZE] = {0};
    for (unsigned number = 0; number < keys; number++) {
      store_key(key, number);
      side->kind->put(side->store, key, value);
    }
    used += 1;
  }
  for (int batch = 0; batch < BATCHES; batch++) {
    for (int index = 0; index < used; index++) {
      char name[64];
      snprintf(name, sizeof name, "%s.reads", sides[index].kind->name);
      report(name, run_batch(&sides[index], keys, duration, 0));
      snprintf(name, sizeof name, "%s.writes", sides[index].kind->name);
      report(name, run_batch(&sides[index], keys, duration, 1));
    }
  }
  for (int index = 0; index < used; index++) sides[index].kind->close(sides[index].store);
  return 0;
}
