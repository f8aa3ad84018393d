/* Random bits of the memory of cells, and of what leads to it, are flipped while processes use
 * them. Values may be spoiled; nobody may crash or hang. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cells.h"

enum { ROUNDS = 12, USERS = 3, PAGES = 400, PAGE = 4096, STOP = 0, PROGRESS = 1 };

static void use_once(syncmgr_t *space, syncmgr_channel_t *cells, uint64_t *state) {
  static uint8_t data[20000], buffer[60000];
  char key[8], other[8];
  syncmgr_ticket_t *ticket = NULL;
  void *region = NULL;
  snprintf(key, sizeof key, "%u", random_below(state, 60));
  snprintf(other, sizeof other, "%u", random_below(state, 60));
  syncmgr_cell_t many[] = {{.key = key}, {.key = other}, {.key = key}};
  many[2].version = random_below(state, 3);
  switch (random_below(state, 12)) {
    case 0: case 1: case 2:
      set_cell(cells, key, data, random_below(state, 100), SYNCMGR_VERSION_ANY, NULL);
      break;
    case 3:
      set_cell(cells, key, data, random_below(state, sizeof data), SYNCMGR_VERSION_ANY, NULL);
      break;
    case 4: set_cell(cells, key, NULL, 0, SYNCMGR_VERSION_ANY, NULL); break;
    case 5: set_cell(cells, key, data, 30, random_below(state, 3), NULL); break;
    case 6: syncmgr_channel_changed(cells, key, random_below(state, 3), MILLISECOND, NULL); break;
    case 7:
      if (syncmgr_channel_changed_start(cells, &many[2], MILLISECOND, NULL, 0, &ticket) ==
              SYNCMGR_PENDING &&
          syncmgr_ticket_wait(ticket, 2 * MILLISECOND, NULL) == SYNCMGR_PENDING) {
        syncmgr_ticket_cancel(ticket);
      }
      break;
    case 8: syncmgr_channel_region(cells, key, 100 + random_below(state, 9000), &region); break;
    case 9:
      if (random_below(state, 10) == 0) syncmgr_check(space);
      break;
    default: syncmgr_channel_get(cells, many, 1 + random_below(state, 2), buffer, sizeof buffer,
                                 NULL);
  }
}

static void use(peer_t *self) {
  uint64_t state = harness_seed() ^ ((uint64_t)self->index << 32);
  syncmgr_t *space = peer_space(self);
  syncmgr_channel_options_t options = SYNCMGR_CHANNEL_OPTIONS_INIT;
  syncmgr_channel_t *cells = NULL;
  options.capacity = 4;
  options.inline_size = 64;
  CHECK_OK(syncmgr_channel_open(open_workstream(space, NULL), "cells", SYNCMGR_CHANNEL_MEMORY,
                                &options, &cells));
  put(cells, "1", "value");
  peer_pause(self);
  while (!atomic_load(&self->values[STOP])) {
    use_once(space, cells, &state);
    atomic_fetch_add(&self->values[PROGRESS], 1);
  }
  int32_t closed = syncmgr_close(space);
  CHECK(closed == SYNCMGR_OK || closed == SYNCMGR_E_CORRUPT);
}

/* The pages in use of the second half of the file, where the tables of mailboxes and chunks and the
 * heap are. */
static void flip(const char *url, uint64_t *state) {
  off_t pages[PAGES];
  struct stat status;
  unsigned count = 0;
  int file = open(segment_path(url), O_RDWR);
  CHECK(file >= 0);
  CHECK_EQUAL(fstat(file, &status), 0);
  off_t tables = status.st_size - ((off_t)1 << 30) - ((off_t)16 << 20);
  for (off_t offset = tables; count < PAGES && offset < status.st_size; offset += PAGE) {
    offset = lseek(file, offset, SEEK_DATA);
    if (offset < 0) break;
    pages[count++] = offset / PAGE * PAGE;
  }
  uint8_t *memory =
      mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  CHECK(memory != MAP_FAILED && count > 0);
  close(file);
  for (unsigned step = 0; step < 600; step++) {
    off_t offset = pages[random_below(state, count)] + random_below(state, PAGE);
    unsigned kind = random_below(state, 4);
    if (kind == 0) memory[offset] = (uint8_t)random_next(state);
    if (kind == 1) memory[offset] ^= (uint8_t)(1u << random_below(state, 8));
    if (kind == 2) memory[offset] = 0xff;
    if (kind == 3) {
      off_t source = pages[random_below(state, count)] + (random_below(state, PAGE) & ~7u);
      *(uint64_t *)(memory + (offset & ~7)) = *(uint64_t *)(memory + source);
    }
    usleep(random_below(state, 200));
  }
  CHECK_EQUAL(munmap(memory, (size_t)status.st_size), 0);
}

TEST_WITHIN(120, flipping_bits_of_cells_crashes_and_hangs_nobody) {
  uint64_t state = harness_seed();
  for (unsigned round = 0; round < ROUNDS; round++) {
    const char *url = unique_url();
    peer_t *peers[USERS];
    for (unsigned index = 0; index < USERS; index++) {
      uint32_t flags = index == 2 ? SYNCMGR_OPEN_NO_THREADS : 0;
      peers[index] = peer_start(use, url, round * USERS + index, flags);
    }
    for (unsigned index = 0; index < USERS; index++) peer_wait_pause(peers[index], 1);
    for (unsigned index = 0; index < USERS; index++) peer_go(peers[index]);
    flip(url, &state);
    for (unsigned index = 0; index < USERS; index++) {
      int64_t before = atomic_load(&peers[index]->values[PROGRESS]);
      WAIT_UNTIL(atomic_load(&peers[index]->values[PROGRESS]) > before ||
                 peer_ended(peers[index]));
      atomic_store(&peers[index]->values[STOP], 1);
    }
    for (unsigned index = 0; index < USERS; index++) peer_join(peers[index]);
    /* What is left opens or is refused, and goes away by its name. */
    try_open(url, 0);
    syncmgr_unlink(url);
    CHECK_EQUAL(segment_file_count(url), 0);
  }
}
