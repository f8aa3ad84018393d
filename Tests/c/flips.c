#include "flips.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROUNDS = 12, USERS = 3, PAGES = 400, PAGE = 4096 };

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

void flip_under(peer_body_t use) {
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
      int64_t before = atomic_load(&peers[index]->values[FLIP_PROGRESS]);
      WAIT_UNTIL(atomic_load(&peers[index]->values[FLIP_PROGRESS]) > before ||
                 peer_ended(peers[index]));
      atomic_store(&peers[index]->values[FLIP_STOP], 1);
    }
    for (unsigned index = 0; index < USERS; index++) peer_join(peers[index]);
    /* What is left opens or is refused, and goes away by its name. */
    try_open(url, 0);
    syncmgr_unlink(url);
    CHECK_EQUAL(segment_file_count(url), 0);
  }
}
