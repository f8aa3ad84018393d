/* How many writes a second are on disk, and how long the longest of them took.
 *
 * SPDX-License-Identifier: MIT
 *
 * store_durable PROCESSES MILLISECONDS DIRECTORY URL KIND...
 * Every process writes keys of its own, one after the other. The kinds take turns. Prints
 * KIND.throughput, KIND.longest (ms), and KIND.weakest: the fewest writes of a process, in percent
 * of an equal share.
 */
#include <stdio.h>

#include "store.h"

enum { KEYS = 64, PROCESSES_MAX = 64 };

typedef struct {
  const store_kind_t *kind;
  store_place_t place;
  int64_t duration;
  _Atomic int ready, go;
  struct {
    uint64_t count;
    int64_t longest;
    char pad[LINE - 16];
  } done[PROCESSES_MAX];
} bench_t;

static void write_keys(int index, void *context) {
  bench_t *bench = context;
  void *store = bench->kind->open(&bench->place);
  char value[STORE_VALUE_SIZE] = {0}, key[STORE_KEY_SIZE];
  store_key(key, (unsigned)index * KEYS);
  bench->kind->put(store, key, value);
  atomic_fetch_add(&bench->ready, 1);
  while (!atomic_load(&bench->go)) sleep_ns(100000);
  int64_t start = now_ns(), now = start, longest = 0;
  uint64_t count = 0;
  while (now - start < bench->duration) {
    store_key(key, (unsigned)index * KEYS + (unsigned)(count % KEYS));
    memcpy(value, &count, sizeof count);
    bench->kind->put(store, key, value);
    int64_t after = now_ns();
    if (after - now > longest) longest = after - now;
    now = after;
    count += 1;
  }
  bench->done[index].count = count;
  bench->done[index].longest = longest;
  bench->kind->close(store);
}

static void measure(bench_t *bench, int processes) {
  atomic_store(&bench->ready, 0);
  atomic_store(&bench->go, 0);
  memset(bench->done, 0, sizeof bench->done);
  for (int index = 0; index < processes; index++) start_child(write_keys, index, bench);
  while (atomic_load(&bench->ready) < processes) sleep_ns(100000);
  atomic_store(&bench->go, 1);
  join_children(processes);
  uint64_t total = 0, fewest = UINT64_MAX;
  int64_t longest = 0;
  for (int index = 0; index < processes; index++) {
    total += bench->done[index].count;
    if (bench->done[index].count < fewest) fewest = bench->done[index].count;
    if (bench->done[index].longest > longest) longest = bench->done[index].longest;
  }
  char key[64];
  snprintf(key, sizeof key, "%s.throughput", bench->kind->name);
  report(key, (double)total * 1e9 / (double)bench->duration);
  snprintf(key, sizeof key, "%s.longest", bench->kind->name);
  report(key, (double)longest / 1e6);
  snprintf(key, sizeof key, "%s.weakest", bench->kind->name);
  report(key, 100.0 * (double)fewest * processes / (double)total);
}

int main(int count, char **arguments) {
  int processes = (int)number_argument(count, arguments, 1, "PROCESSES");
  bench_t *bench = shared_memory(sizeof *bench);
  bench->duration = number_argument(count, arguments, 2, "MILLISECONDS") * 1000000;
  if (processes < 1 || processes > PROCESSES_MAX || count < 6) fail("wrong arguments");
  bench->place = (store_place_t){.directory = arguments[3], .url = arguments[4]};
  deadline(80);
  for (int index = 5; index < count; index++) {
    bench->kind = store_kind(arguments[index]);
    if (bench->kind->missing != NULL) {
      printf("%s.missing 1\n", bench->kind->name);
      continue;
    }
    measure(bench, processes);
  }
  return 0;
}
