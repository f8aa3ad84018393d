/* syncmgr_check looks at every chunk of the heap, whoever has it. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channels.h"

enum { SIZE = 79190, WORDS = 6 };

/* Where the file says how large the loan is: a little more than was asked for, of one reference. */
static uint64_t *find_size(uint64_t *words, int file, size_t bytes) {
  off_t from = 0;
  while ((from = lseek(file, from, SEEK_DATA)) >= 0 && (size_t)from < bytes) {
    off_t to = lseek(file, from, SEEK_HOLE);
    for (off_t at = from; at + 8 <= to; at += 8) {
      uint64_t *found = &words[at / 8];
      if (*found >= SIZE && *found < SIZE + 4096 && ((uint32_t *)found)[-2] == 1) return found;
    }
    from = to;
  }
  return NULL;
}

TEST(a_check_finds_every_word_of_a_chunk_of_memory_that_is_wrong) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_t *queue = open_channel(me, "jobs", SYNCMGR_CHANNEL_QUEUE, NULL);
  void *loan = NULL;
  CHECK_OK(syncmgr_channel_loan(queue, SIZE, &loan));
  CHECK_OK(syncmgr_check(space));

  struct stat status;
  int file = open(segment_path(url), O_RDWR);
  CHECK(file >= 0);
  CHECK_EQUAL(fstat(file, &status), 0);
  size_t bytes = (size_t)status.st_size;
  uint64_t *words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  CHECK(words != MAP_FAILED);
  uint64_t *size = find_size(words, file, bytes);
  CHECK(size != NULL);
  /* What stands before the size: state, units, hands, loan's owner, references, object. The last
   * says nothing of a message. */
  uint32_t *chunk = (uint32_t *)size - WORDS;
  for (unsigned word = 0; word < WORDS - 1; word++) {
    uint32_t before = chunk[word];
    chunk[word] = before + 70000;
    int32_t found = syncmgr_check(space);
    if (found != SYNCMGR_E_CORRUPT) {
      harness_fail(__FILE__, __LINE__, "word %u: %s", word, syncmgr_status_name(found));
    }
    CHECK_SENTENCE("of the heap");
    chunk[word] = before;
    CHECK_OK(syncmgr_check(space));
  }
  CHECK_EQUAL(munmap(words, bytes), 0);
  CHECK_EQUAL(close(file), 0);
  CHECK_OK(syncmgr_channel_loan_return(queue, loan));
  CHECK_OK(syncmgr_check(space));
  CHECK_OK(syncmgr_close(space));
}
