/* Cells under threads, processes and kills: no read is torn, no change is lost. */
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cells.h"

enum { WRITERS = 4, ROUNDS = 800000, LARGE = 20000, COUNTS = 20000 };

/* A value says in its first eight bytes which pattern the rest has. */
static size_t make_value(uint8_t *data, uint64_t seed) {
  size_t length = seed % 8 == 0 ? 300 + seed % LARGE : 16 + seed % 200;
  memcpy(data, &seed, 8);
  pattern_fill(data + 8, length - 8, seed);
  return length;
}

static void check_value(const syncmgr_cell_t *cell) {
  uint64_t seed;
  CHECK(cell->length >= 16);
  memcpy(&seed, cell->data, 8);
  CHECK_EQUAL(cell->length, seed % 8 == 0 ? 300 + seed % LARGE : 16 + seed % 200);
  CHECK(pattern_matches((const uint8_t *)cell->data + 8, cell->length - 8, seed));
}

enum { VALUES = 16, VALUE = 12000 };

/* All processes make the same values, and copy and compare them: so most of their time goes into
 * the calls that are tested. They lie in the cell, where one is written over the other. */
static uint8_t values[VALUES][VALUE];

static syncmgr_channel_t *open_roomy_cells(syncmgr_t *space) {
  syncmgr_channel_options_t options = SYNCMGR_CHANNEL_OPTIONS_INIT;
  syncmgr_channel_t *cells = NULL;
  options.inline_size = VALUE;
  CHECK_OK(syncmgr_channel_open(open_workstream(space, NULL), "cells", SYNCMGR_CHANNEL_MEMORY,
                                &options, &cells));
  for (unsigned index = 0; index < VALUES; index++) {
    pattern_fill(values[index], VALUE, index + 1);
    values[index][0] = (uint8_t)index;
  }
  return cells;
}

static size_t length_of(unsigned index) { return index % 2 ? VALUE : 64 + index; }

static void write_values(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_channel_t *cells = open_roomy_cells(space);
  uint64_t state = harness_seed() + self->index;
  for (unsigned round = 0; round < ROUNDS / WRITERS; round++) {
    unsigned index = random_below(&state, VALUES);
    CHECK_OK(set_cell(cells, "key", values[index], length_of(index), SYNCMGR_VERSION_ANY, NULL));
  }
  atomic_store(&self->values[1], 1);
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(120, no_read_is_torn_while_four_processes_write) {
  static uint8_t buffer[VALUE];
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *cells = open_roomy_cells(space);
  peer_t *peers[WRITERS];
  uint64_t last = 0, reads = 0;
  for (unsigned index = 0; index < WRITERS; index++) {
    peers[index] = peer_start(write_values, url, index, 0);
  }
  for (unsigned done = 0; done < WRITERS;) {
    syncmgr_cell_t cell;
    int32_t status = read_cell(cells, "key", buffer, sizeof buffer, &cell);
    if (status == SYNCMGR_E_NOT_FOUND && last == 0) continue;
    CHECK_OK(status);
    CHECK(buffer[0] < VALUES && cell.length == length_of(buffer[0]));
    CHECK(memcmp(buffer, values[buffer[0]], cell.length) == 0);
    CHECK(cell.version >= last);
    last = cell.version;
    reads++;
    for (done = 0; done < WRITERS && atomic_load(&peers[done]->values[1]) != 0;) done++;
  }
  for (unsigned index = 0; index < WRITERS; index++) peer_join(peers[index]);
  CHECK_EQUAL(version_of(cells, "key"), ROUNDS / WRITERS * WRITERS);
  CHECK(reads > 1000);
  check_and_close(space);
}

static void count_up(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  for (unsigned count = 0; count < COUNTS;) {
    uint64_t number = 0;
    syncmgr_cell_t cell;
    int32_t status = read_cell(cells, "count", &number, sizeof number, &cell);
    CHECK(status == SYNCMGR_OK || status == SYNCMGR_E_NOT_FOUND);
    number++;
    status = set_cell(cells, "count", &number, sizeof number, cell.version, NULL);
    CHECK(status == SYNCMGR_OK || status == SYNCMGR_E_CHANGED);
    if (status == SYNCMGR_OK) count++;
  }
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(120, a_counter_by_compare_and_set_is_exact) {
  const char *url = unique_url();
  uint64_t number = 0;
  syncmgr_cell_t cell;
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  peer_t *peers[WRITERS];
  for (unsigned index = 0; index < WRITERS; index++) {
    peers[index] = peer_start(count_up, url, index, 0);
  }
  for (unsigned index = 0; index < WRITERS; index++) peer_join(peers[index]);
  CHECK_OK(read_cell(cells, "count", &number, sizeof number, &cell));
  CHECK_EQUAL(number, WRITERS * COUNTS);
  CHECK_EQUAL(cell.version, WRITERS * COUNTS);
  check_and_close(space);
}

/* Sets "a", then "b", then "c" to the round's number; every seventh round takes away and makes. */
static void write_in_order(peer_t *self) {
  static const char *const keys[] = {"a", "b", "c"};
  syncmgr_t *space = peer_space(self);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  for (uint64_t round = 1; atomic_load(&self->values[0]) == 0; round++) {
    char extra[24];
    for (unsigned index = 0; index < 3; index++) {
      CHECK_OK(set_cell(cells, keys[index], &round, 8, SYNCMGR_VERSION_ANY, NULL));
    }
    /* Makes the table grow under the reader. */
    snprintf(extra, sizeof extra, "extra %u", (unsigned)round);
    if (round % 7 == 0 && round < 20000) put(cells, extra, "x");
  }
  CHECK_OK(syncmgr_close(space));
}

TEST_WITHIN(60, several_cells_are_read_at_one_moment) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  peer_t *peer = peer_start(write_in_order, url, 0, 0);
  uint64_t last = 0;
  for (unsigned reads = 0; reads < 20000;) {
    uint64_t room[3];
    syncmgr_cell_t many[] = {{.key = "c"}, {.key = "a"}, {.key = "b"}};
    int32_t status = syncmgr_channel_get(cells, many, 3, room, sizeof room, NULL);
    CHECK(status == SYNCMGR_OK || (status == SYNCMGR_E_NOT_FOUND && last == 0));
    uint64_t numbers[3];
    for (unsigned index = 0; index < 3; index++) {
      numbers[index] = 0;
      if (many[index].status == SYNCMGR_OK) memcpy(&numbers[index], many[index].data, 8);
      CHECK_EQUAL(numbers[index], many[index].version);
    }
    uint64_t a = numbers[1], b = numbers[2], c = numbers[0];
    CHECK((a == b || a == b + 1) && (b == c || b == c + 1) && a <= c + 1);
    CHECK(a >= last);
    if (a != last) reads++;
    last = a;
  }
  atomic_store(&peer->values[0], 1);
  peer_join(peer);
  check_and_close(space);
}

static void write_for_ever(peer_t *self) {
  static uint8_t data[LARGE + 400];
  syncmgr_t *space = peer_space(self);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  uint64_t state = harness_seed() + self->index;
  for (;;) {
    char key[16];
    size_t length = make_value(data, random_next(&state));
    snprintf(key, sizeof key, "%u", random_below(&state, 40));
    if (length % 5 == 0) {
      CHECK_OK(set_cell(cells, key, NULL, 0, SYNCMGR_VERSION_ANY, NULL));
    } else {
      CHECK_OK(set_cell(cells, key, data, length, SYNCMGR_VERSION_ANY, NULL));
    }
    atomic_store(&self->values[0], 1);
  }
}

TEST_WITHIN(120, writers_that_are_killed_leave_whole_cells_and_no_memory) {
  static uint64_t buffer[(LARGE + 400) / 8];
  const char *url = unique_url();
  uint64_t state = harness_seed();
  syncmgr_t *space = open_space(url, 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_t *cells = open_cells(me, "cells");
  peer_t *peers[2];
  for (unsigned index = 0; index < 2; index++) {
    peers[index] = peer_start(write_for_ever, url, index, 0);
  }
  for (unsigned kill = 0; kill < 60; kill++) {
    unsigned victim = random_below(&state, 2);
    peer_wait_value(peers[victim], 0);
    for (int64_t end = now_ns() + random_below(&state, 3 * MILLISECOND); now_ns() < end;) {
      char key[16];
      syncmgr_cell_t cell;
      snprintf(key, sizeof key, "%u", random_below(&state, 40));
      int32_t status = read_cell(cells, key, buffer, sizeof buffer, &cell);
      CHECK(status == SYNCMGR_OK || status == SYNCMGR_E_NOT_FOUND);
      if (status == SYNCMGR_OK) check_value(&cell);
    }
    peer_kill(peers[victim]);
    peers[victim] = peer_start(write_for_ever, url, kill + 2, 0);
  }
  for (unsigned index = 0; index < 2; index++) peer_kill(peers[index]);
  uint32_t dead = 0;
  CHECK_OK(syncmgr_cleanup(space, &dead));
  CHECK_OK(syncmgr_check(space));
  for (unsigned index = 0; index < 40; index++) {
    char key[16];
    syncmgr_cell_t cell;
    snprintf(key, sizeof key, "%u", index);
    int32_t status = read_cell(cells, key, buffer, sizeof buffer, &cell);
    if (status == SYNCMGR_OK) check_value(&cell);
    put(cells, key, "whole");
    check_text(cells, key, "whole");
  }
  CHECK_OK(syncmgr_channel_close(cells));
  CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_CHANNEL, "cells"));
  check_and_close(space);
}

/* In the child: takes every mapping of the segment's file the right to be written. */
static unsigned make_read_only(const char *path) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512];
  unsigned count = 0;
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long start, end;
    if (strstr(line, path) == NULL || sscanf(line, "%lx-%lx", &start, &end) != 2) continue;
    CHECK_EQUAL(mprotect((void *)start, end - start, PROT_READ), 0);
    count++;
  }
  fclose(maps);
  return count;
}

/* Any store to the segment, as of a lock, is a SIGSEGV; any call to the system a SIGKILL. */
static void read_without_rights(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  uint8_t buffer[64];
  syncmgr_cell_t cell;
  CHECK_OK(read_cell(cells, "key", buffer, sizeof buffer, &cell));
  CHECK(make_read_only(segment_path(self->url)) > 0);
  CHECK_EQUAL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), 0);
  int32_t status = SYNCMGR_OK;
  for (unsigned round = 0; round < 1000 && status == SYNCMGR_OK; round++) {
    memset(buffer, 0, sizeof buffer);
    status = read_cell(cells, "key", buffer, sizeof buffer, &cell);
    if (!pattern_matches(buffer, sizeof buffer, 5)) status = SYNCMGR_E_CORRUPT;
  }
  atomic_store(&self->values[0], 1000 + status);
  syscall(SYS_exit, 0);
}

TEST(reading_a_cell_takes_no_lock_and_makes_no_call_to_the_system) {
  const char *url = unique_url();
  uint8_t data[64];
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  pattern_fill(data, sizeof data, 5);
  CHECK_OK(set_cell(cells, "key", data, sizeof data, SYNCMGR_VERSION_ANY, NULL));
  peer_t *peer = peer_start(read_without_rights, url, 0, SYNCMGR_OPEN_NO_THREADS);
  CHECK_EQUAL(peer_wait_value(peer, 0), 1000 + SYNCMGR_OK);
  peer_join(peer);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  check_and_close(space);
}
