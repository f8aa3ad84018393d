/* Processes that commit to a file are killed at random: what was acknowledged is on disk, and every
 * commit is there as a whole or not at all. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disks.h"

enum { WRITERS = 6, LARGE = 6000 };

typedef struct {
  _Atomic uint64_t attempted, acknowledged, queued;
} writer_t;

static writer_t *board;

/* Commit number n of a writer: "a" and "b" are n, "x" is there when n is even, "l" is the latest
 * number that can be divided by 8, at length. */
static void commit_number(syncmgr_store_t *store, unsigned writer, uint64_t number) {
  char names[4][32], text[32], large[LARGE];
  snprintf(text, sizeof text, "%llu", (unsigned long long)number);
  for (unsigned index = 0; index < 4; index++) {
    snprintf(names[index], sizeof names[index], "%u/%c", writer, "abxl"[index]);
  }
  syncmgr_change_t changes[4] = {text_change(names[0], text, SYNCMGR_VERSION_ANY),
                                 text_change(names[1], text, SYNCMGR_VERSION_ANY),
                                 text_change(names[2], number % 2 ? NULL : text,
                                             SYNCMGR_VERSION_ANY)};
  memset(large, ' ', sizeof large);
  memcpy(large, text, strlen(text));
  changes[3] = (syncmgr_change_t){.key = names[3],
                                  .data = large,
                                  .length = sizeof large,
                                  .expected = SYNCMGR_VERSION_ANY,
                                  .type = SYNCMGR_CELL_TEXT};
  atomic_store(&board[writer].attempted, number);
  CHECK_OK(syncmgr_store_commit(store, changes, number % 8 ? 3 : 4, 0, SYNCMGR_FOREVER, NULL));
  atomic_store(&board[writer].acknowledged, number);
}

static void write_on(const char *url, unsigned writer) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  syncmgr_t *space = open_space(disk_url(url, "store.db"), 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  char key[32], text[32];
  snprintf(key, sizeof key, "%u/q", writer);
  /* With the first one it begins that has "l": the one before may not have come to that. */
  for (uint64_t number = atomic_load(&board[writer].attempted) / 8 * 8 + 8;; number++) {
    commit_number(store, writer, number);
    if (number % 3 == 0) {
      snprintf(text, sizeof text, "%llu", (unsigned long long)number);
      atomic_store(&board[writer].queued, number);
      queue_text(store, key, text);
    }
    /* Now and then one leaves as it should, and comes again. */
    if (number % 97 == 0) {
      CHECK_OK(syncmgr_close(space));
      space = open_space(disk_url(url, "store.db"), 0);
      store = open_store(open_workstream(space, NULL));
    }
  }
}

static pid_t start_writer(const char *url, unsigned writer) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    write_on(url, writer);
    _exit(1);
  }
  return child;
}

static void kill_writer(pid_t child) {
  int status = 0;
  kill(child, SIGKILL);
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFSIGNALED(status));
}

/* The number that the file has for a key of a writer; 0 when it has none. */
static uint64_t number_of(const char *rows, unsigned writer, char name) {
  char start[16];
  snprintf(start, sizeof start, " %u/%c|", writer, name);
  const char *found = strstr(rows, start);
  return found == NULL ? 0 : strtoull(found + strlen(start), NULL, 10);
}

static void check_rows(const uint64_t acknowledged[WRITERS]) {
  static char rows[65536];
  snprintf(rows, sizeof rows, " %s",
           disk_query("store.db", "SELECT key, trim(substr(value, 1, 24)) FROM entries"));
  CHECK(strncmp(rows, " error", 6) != 0);
  for (unsigned writer = 0; writer < WRITERS; writer++) {
    uint64_t number = number_of(rows, writer, 'a');
    if (number < acknowledged[writer]) {
      harness_fail(__FILE__, __LINE__, "writer %u was told of %llu, and the file has %llu", writer,
                   (unsigned long long)acknowledged[writer], (unsigned long long)number);
    }
    CHECK(number <= atomic_load(&board[writer].attempted));
    uint64_t parts[] = {number_of(rows, writer, 'b'), number_of(rows, writer, 'x'),
                        number_of(rows, writer, 'l')};
    if (parts[0] != number || parts[1] != (number % 2 ? 0 : number) ||
        parts[2] != number - number % 8) {
      harness_fail(__FILE__, __LINE__, "half a commit: %llu with %llu %llu %llu",
                   (unsigned long long)number, (unsigned long long)parts[0],
                   (unsigned long long)parts[1], (unsigned long long)parts[2]);
    }
    uint64_t queued = number_of(rows, writer, 'q');
    CHECK(queued <= atomic_load(&board[writer].queued));
  }
}

static void look(void) {
  uint64_t acknowledged[WRITERS];
  for (unsigned writer = 0; writer < WRITERS; writer++) {
    acknowledged[writer] = atomic_load(&board[writer].acknowledged);
  }
  check_rows(acknowledged);
}

/* What the store has when it is opened by the next one is what the file had. */
static void check_reopened(peer_t *self) {
  syncmgr_t *space = open_space(disk_url(self->url, "store.db"), 0);
  syncmgr_store_t *store = open_store(open_workstream(space, NULL));
  char key[32], buffer[LARGE + 512];
  for (unsigned writer = 0; writer < WRITERS; writer++) {
    syncmgr_entry_t entry;
    uint64_t acknowledged = atomic_load(&board[writer].acknowledged);
    snprintf(key, sizeof key, "%u/a", writer);
    if (acknowledged == 0) continue;
    CHECK_OK(read_entry(store, key, buffer, sizeof buffer, &entry));
    CHECK(strtoull(entry.data, NULL, 10) >= acknowledged);
  }
  look();
  check_and_close(space);
}

static void kill_at_random(unsigned kills) {
  const char *url = unique_url();
  uint64_t state = harness_seed();
  pid_t children[WRITERS];
  board = shared_memory(WRITERS * sizeof *board);
  for (unsigned writer = 0; writer < WRITERS; writer++) {
    children[writer] = start_writer(url, writer);
  }
  for (unsigned done = 0; done < kills;) {
    usleep(random_below(&state, 20000));
    /* Sometimes all of them at once: then the next one to come finds what they have left. */
    unsigned first = random_below(&state, WRITERS);
    unsigned count = random_below(&state, 12) == 0 ? WRITERS : 1;
    for (unsigned index = 0; index < count; index++) {
      kill_writer(children[(first + index) % WRITERS]);
      done += 1;
    }
    if (count == WRITERS || random_below(&state, 40) == 0) look();
    for (unsigned index = 0; index < count; index++) {
      unsigned writer = (first + index) % WRITERS;
      children[writer] = start_writer(url, writer);
    }
  }
  for (unsigned writer = 0; writer < WRITERS; writer++) kill_writer(children[writer]);
  look();
  check_disk("store.db", "PRAGMA integrity_check", "ok");
  peer_join(peer_start(check_reopened, url, 0, 0));
  check_disk("store.db", "PRAGMA integrity_check", "ok");
  uint64_t total = 0;
  for (unsigned writer = 0; writer < WRITERS; writer++) {
    total += atomic_load(&board[writer].acknowledged);
  }
  CHECK(total > kills);
  if (getenv("LONG") != NULL) {
    printf("# %u kills, %llu acknowledged commits\n", kills, (unsigned long long)total);
    fflush(stdout);
  }
}

TEST_WITHIN(900, no_acknowledged_commit_is_lost_to_kills) {
  kill_at_random(getenv("LONG") != NULL ? 2400 : 160);
}
