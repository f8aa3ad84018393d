/* The parts of channel.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "channel.h"

#include <linux/futex.h>
#include <stdio.h>
#include <sys/syscall.h>

static const carrier_t *const carriers[] = {
    &ours_carrier,  &loan_carrier, &many_carrier,   &ring_carrier, &place_carrier,
    &futex_carrier, &pipe_carrier, &socket_carrier, &mq_carrier,   &boost_carrier,
};

static const carrier_t *find_carrier(const char *words, size_t length) {
  for (size_t index = 0; index < sizeof carriers / sizeof *carriers; index++) {
    const char *name = carriers[index]->name;
    if (strlen(name) == length && strncmp(name, words, length) == 0) return carriers[index];
  }
  fail("there is no carrier as in %s", words);
}

/* The same for all carriers, and little: where there is room for very many, one with a single lock
 * is filled and emptied in long turns, and what is measured is one side alone. The large ones have
 * to fit into anybody's memory. */
static uint32_t room_for(size_t length) {
  if (length <= 65536) return 64;
  return length <= 1048576 ? 16 : 4;
}

int read_ways(int count, char **arguments, int first, const char *url, way_t *ways) {
  if (first >= count) fail("no way to carry messages is named");
  if (count - first > WAYS_MAX) fail("at most %d ways", WAYS_MAX);
  for (int index = first; index < count; index++) {
    way_t *way = &ways[index - first];
    const char *at = strchr(arguments[index], '@');
    if (at == NULL) fail("not NAME@LENGTH: %s", arguments[index]);
    char *end;
    unsigned long length = strtoul(at + 1, &end, 10);
    unsigned long room = *end == 'x' ? strtoul(end + 1, &end, 10) : room_for(length);
    if (*end != 0 || length < 64 || length % 64 != 0) fail("not a multiple of 64: %s", at + 1);
    if (room < 2 || room > 65536 || (room & (room - 1)) != 0) fail("no room: %s", at + 1);
    way->words = arguments[index];
    way->carrier = find_carrier(way->words, (size_t)(at - way->words));
    way->plan = (plan_t){
        .url = url, .length = length, .room = (uint32_t)room, .readers = 1};
    snprintf(way->plan.name, sizeof way->plan.name, "%s", way->words);
  }
  return count - first;
}

void report_way(const way_t *way, const char *key, double value) {
  char words[96];
  snprintf(words, sizeof words, "%s.%s", way->words, key);
  report(words, value);
}

void meet(meeting_t *meeting, int time) {
  int wanted = time * meeting->processes, arrivals = atomic_fetch_add(&meeting->arrivals, 1) + 1;
  if (arrivals == wanted) {
    syscall(SYS_futex, &meeting->arrivals, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
  }
  /* Asleep and not looking again and again: those who are still measured need the CPUs. */
  while ((arrivals = atomic_load(&meeting->arrivals)) < wanted) {
    syscall(SYS_futex, &meeting->arrivals, FUTEX_WAIT, arrivals, NULL, NULL, 0);
  }
}

void *own_memory(size_t size) {
  void *memory = calloc(1, size);
  if (memory == NULL) fail("no memory");
  return memory;
}
