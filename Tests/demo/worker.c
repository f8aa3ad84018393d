/* The worker of the demo and of the pairs, in C. It opens a space, does the steps that arrive on
 * standard input, one a line, and reports each on standard output as a line of JSON. workers.py
 * says what the steps are; worker.py, worker.mjs and worker.swift are the same program. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "syncmgr.h"

#define SEATS 16
#define BURST 100
/* Longer than anything here takes, and shorter than the parent's patience. */
#define PATIENCE INT64_C(30000000000)

static syncmgr_workstream_t *me;
static volatile uint64_t *counter;
static volatile unsigned char *seats;

/* Goes on only after a success; anything unexpected ends the worker, which the parent sees. */
static int32_t must(int32_t status, const char *what) {
  if (status < 0) {
    fprintf(stderr, "worker.c: %s: %s: %s\n", what, syncmgr_status_name(status),
            syncmgr_last_error());
    exit(1);
  }
  return status;
}

static void report(const char *event, const char *more) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  int64_t time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
  printf("{\"event\":\"%s\",\"time_ns\":%" PRId64 "%s}\n", event, time_ns, more);
}

static volatile void *shared_file(const char *directory, const char *name, size_t size) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int file = open(path, O_RDWR);
  void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (file < 0 || bytes == MAP_FAILED) {
    perror(path);
    exit(1);
  }
  close(file);
  return bytes;
}

/* A seat is odd while its process is inside. Two equal readings in a row are one true picture:
 * every entry and every exit changes a byte. */
static int inside_now(void) {
  unsigned char first[SEATS], second[SEATS];
  do {
    for (int i = 0; i < SEATS; i++) first[i] = seats[i];
    atomic_thread_fence(memory_order_seq_cst);
    for (int i = 0; i < SEATS; i++) second[i] = seats[i];
  } while (memcmp(first, second, SEATS) != 0);
  int inside = 0;
  for (int i = 0; i < SEATS; i++) inside += first[i] & 1;
  return inside;
}

static void nap(long nanoseconds) {
  nanosleep(&(struct timespec){0, nanoseconds}, NULL);
}

static void meet(const char *name, uint32_t parties) {
  syncmgr_barrier_t *barrier;
  must(syncmgr_barrier_open(me, name, parties, NULL, &barrier), "open the barrier");
  report("arriving", "");
  uint32_t index = 0;
  int32_t status = syncmgr_barrier_wait(barrier, PATIENCE, NULL, &index);
  if (status != SYNCMGR_E_BROKEN) must(status, "meet");
  char more[64];
  snprintf(more, sizeof more, ",\"broken\":%s,\"index\":%" PRIu32,
           status == SYNCMGR_E_BROKEN ? "true" : "false", index);
  report("met", more);
  must(syncmgr_barrier_close(barrier), "close the barrier");
}

static void count(const char *name, long rounds) {
  syncmgr_mutex_t *mutex;
  must(syncmgr_mutex_open(me, name, NULL, &mutex), "open the mutex");
  for (long round = 0; round < rounds; round++) {
    must(syncmgr_mutex_lock(mutex, PATIENCE), "lock");
    *counter = *counter + 1;
    must(syncmgr_mutex_unlock(mutex), "unlock");
    /* Or the fast languages would be done before the slow ones have begun. */
    if (round % BURST == BURST - 1) nap(500000);
  }
  report("counted", "");
  must(syncmgr_mutex_close(mutex), "close the mutex");
}

static void share(const char *name, uint32_t permits, long rounds, int seat) {
  syncmgr_semaphore_t *semaphore;
  must(syncmgr_semaphore_open(me, name, permits, NULL, &semaphore), "open the semaphore");
  int most = 0;
  for (long round = 0; round < rounds; round++) {
    must(syncmgr_semaphore_acquire(semaphore, 1, PATIENCE), "acquire");
    seats[seat]++;
    atomic_thread_fence(memory_order_seq_cst);
    for (int look = 0; look < 2; look++) {
      int inside = inside_now();
      most = inside > most ? inside : most;
      if (look == 0) nap(1000000);
    }
    seats[seat]++;
    must(syncmgr_semaphore_release(semaphore, 1), "release");
  }
  char more[32];
  snprintf(more, sizeof more, ",\"most\":%d", most);
  report("shared", more);
  must(syncmgr_semaphore_close(semaphore), "close the semaphore");
}

static void finish(const char *name, uint32_t count) {
  syncmgr_latch_t *latch;
  uint32_t remaining;
  must(syncmgr_latch_open(me, name, count, &latch), "open the latch");
  must(syncmgr_latch_count_down(latch, 1, &remaining), "count down");
  char more[32];
  snprintf(more, sizeof more, ",\"remaining\":%" PRIu32, remaining);
  report("finished", more);
  must(syncmgr_latch_close(latch), "close the latch");
}

static void wait_latch(const char *name, uint32_t count) {
  syncmgr_latch_t *latch;
  must(syncmgr_latch_open(me, name, count, &latch), "open the latch");
  must(syncmgr_latch_wait(latch, PATIENCE), "wait for the latch");
  report("opened", "");
  must(syncmgr_latch_close(latch), "close the latch");
}

static void pass(const char *from, const char *to, long rounds) {
  syncmgr_event_t *in, *out;
  must(syncmgr_event_open(me, from, NULL, &in), "open the event");
  must(syncmgr_event_open(me, to, NULL, &out), "open the event");
  for (long round = 0; round < rounds; round++) {
    must(syncmgr_event_wait(in, PATIENCE), "wait for the event");
    must(syncmgr_event_set(out), "set the event");
  }
  report("passed", "");
  must(syncmgr_event_close(in), "close the event");
  must(syncmgr_event_close(out), "close the event");
}

static void set_event(const char *name) {
  syncmgr_event_t *event;
  must(syncmgr_event_open(me, name, NULL, &event), "open the event");
  must(syncmgr_event_set(event), "set the event");
  report("signalled", "");
  must(syncmgr_event_close(event), "close the event");
}

/* The handles stay open: the worker is to be killed with all of this in its hands. */
static void hold(char *const word[]) {
  syncmgr_mutex_t *mutex;
  syncmgr_semaphore_t *semaphore;
  syncmgr_barrier_t *barrier;
  must(syncmgr_mutex_open(me, word[1], NULL, &mutex), "open the mutex");
  must(syncmgr_mutex_lock(mutex, PATIENCE), "lock");
  must(syncmgr_semaphore_open(me, word[2], SYNCMGR_ANY, NULL, &semaphore), "open the semaphore");
  must(syncmgr_semaphore_acquire(semaphore, 1, PATIENCE), "acquire");
  must(syncmgr_barrier_open(me, word[3], SYNCMGR_ANY, NULL, &barrier), "open the barrier");
  report("holding", "");
}

static void inherit(const char *name) {
  syncmgr_mutex_t *mutex;
  syncmgr_holder_t previous = {0};
  must(syncmgr_mutex_open(me, name, NULL, &mutex), "open the mutex");
  report("trying", "");
  int32_t status = must(syncmgr_mutex_lock(mutex, PATIENCE), "lock");
  report("locked", "");
  must(syncmgr_mutex_previous_owner(mutex, &previous), "ask for the previous owner");
  char more[320];
  snprintf(more, sizeof more, ",\"recovered\":%s,\"previous\":\"%s\",\"pid\":%" PRId32,
           status == SYNCMGR_OWNER_DIED ? "true" : "false", previous.name, previous.pid);
  must(syncmgr_mutex_unlock(mutex), "unlock");
  report("inherited", more);
  must(syncmgr_mutex_close(mutex), "close the mutex");
}

static void cross(const char *first_name, const char *second_name, const char *hall) {
  syncmgr_mutex_t *first, *second;
  syncmgr_barrier_t *barrier;
  must(syncmgr_mutex_open(me, first_name, NULL, &first), "open the mutex");
  must(syncmgr_mutex_open(me, second_name, NULL, &second), "open the mutex");
  must(syncmgr_barrier_open(me, hall, 2, NULL, &barrier), "open the barrier");
  must(syncmgr_mutex_lock(first, PATIENCE), "lock");
  must(syncmgr_barrier_wait(barrier, PATIENCE, NULL, NULL), "meet");
  int32_t status = syncmgr_mutex_lock(second, PATIENCE);
  bool is_victim = status == SYNCMGR_E_DEADLOCK;
  bool is_told = is_victim && strstr(syncmgr_last_error(), first_name) != NULL &&
                 strstr(syncmgr_last_error(), "held by") != NULL;
  if (!is_victim) {
    must(status, "lock");
    must(syncmgr_mutex_unlock(second), "unlock");
  }
  must(syncmgr_mutex_unlock(first), "unlock");
  char more[64];
  snprintf(more, sizeof more, ",\"victim\":%s,\"told\":%s", is_victim ? "true" : "false",
           is_told ? "true" : "false");
  report("crossed", more);
  must(syncmgr_barrier_close(barrier), "close the barrier");
  must(syncmgr_mutex_close(first), "close the mutex");
  must(syncmgr_mutex_close(second), "close the mutex");
}

static syncmgr_rwlock_t *open_rwlock(const char *name) {
  syncmgr_rwlock_t *rwlock;
  must(syncmgr_rwlock_open(me, name, NULL, &rwlock), "open the readers-writer lock");
  return rwlock;
}

static void review(const char *name, long rounds) {
  syncmgr_rwlock_t *rwlock = open_rwlock(name);
  int torn = 0;
  for (long round = 0; round < rounds; round++) {
    must(syncmgr_rwlock_lock(rwlock, SYNCMGR_EXCLUSIVE, PATIENCE), "lock as a writer");
    *counter = *counter + 1;
    must(syncmgr_rwlock_unlock(rwlock), "unlock");
    must(syncmgr_rwlock_lock(rwlock, SYNCMGR_SHARED, PATIENCE), "lock as a reader");
    uint64_t before = *counter;
    nap(1000000);
    torn += *counter != before;
    must(syncmgr_rwlock_unlock(rwlock), "unlock");
  }
  char more[32];
  snprintf(more, sizeof more, ",\"torn\":%d", torn);
  report("reviewed", more);
  must(syncmgr_rwlock_close(rwlock), "close the readers-writer lock");
}

/* The handle stays open: the worker is to be killed while it writes. */
static void write_held(const char *name) {
  must(syncmgr_rwlock_lock(open_rwlock(name), SYNCMGR_EXCLUSIVE, PATIENCE), "lock as a writer");
  report("writing", "");
}

static void read_once(const char *name) {
  syncmgr_rwlock_t *rwlock = open_rwlock(name);
  int32_t status = must(syncmgr_rwlock_lock(rwlock, SYNCMGR_SHARED, PATIENCE), "lock as a reader");
  must(syncmgr_rwlock_unlock(rwlock), "unlock");
  char more[32];
  snprintf(more, sizeof more, ",\"recovered\":%s",
           status == SYNCMGR_OWNER_DIED ? "true" : "false");
  report("read", more);
  must(syncmgr_rwlock_close(rwlock), "close the readers-writer lock");
}

static void bounce(const char *mutex_name, const char *name, long rounds, uint64_t side) {
  syncmgr_mutex_t *mutex;
  syncmgr_condition_t *condition;
  must(syncmgr_mutex_open(me, mutex_name, NULL, &mutex), "open the mutex");
  must(syncmgr_condition_open(me, name, &condition), "open the condition");
  for (long round = 0; round < rounds; round++) {
    must(syncmgr_mutex_lock(mutex, PATIENCE), "lock");
    while (*counter % 2 != side)
      must(syncmgr_condition_wait(condition, mutex, PATIENCE), "wait at the condition");
    *counter = *counter + 1;
    must(syncmgr_condition_signal(condition, 1, NULL), "signal");
    must(syncmgr_mutex_unlock(mutex), "unlock");
  }
  report("bounced", "");
  must(syncmgr_condition_close(condition), "close the condition");
  must(syncmgr_mutex_close(mutex), "close the mutex");
}

static syncmgr_election_t *open_election(const char *name) {
  syncmgr_election_t *election;
  must(syncmgr_election_open(me, name, &election), "open the election");
  return election;
}

/* The handle stays open: closing it would be to resign. */
static void stand(const char *name) {
  syncmgr_election_t *election = open_election(name);
  report("standing", "");
  uint64_t term = 0;
  char result[SYNCMGR_RESULT_MAX + 1] = "";
  size_t length = 0;
  char more[320];
  if (must(syncmgr_election_campaign(election, PATIENCE, &term), "stand") == SYNCMGR_LEADER) {
    snprintf(more, sizeof more, ",\"leader\":true,\"term\":%" PRIu64, term);
  } else {
    must(syncmgr_election_result(election, result, SYNCMGR_RESULT_MAX, &length), "ask the result");
    result[length] = '\0';
    snprintf(more, sizeof more, ",\"leader\":false,\"result\":\"%s\"", result);
  }
  report("elected", more);
}

static void publish(const char *name, const char *result) {
  syncmgr_election_t *election = open_election(name);
  must(syncmgr_election_finish(election, result, strlen(result)), "publish");
  report("published", "");
  must(syncmgr_election_close(election), "close the election");
}

static uint32_t number(const char *text) {
  return strcmp(text, "any") == 0 ? SYNCMGR_ANY : (uint32_t)strtoul(text, NULL, 10);
}

static void step(char *word[]) {
  const char *verb = word[0];
  if (strcmp(verb, "meet") == 0) meet(word[1], number(word[2]));
  else if (strcmp(verb, "count") == 0) count(word[1], atol(word[2]));
  else if (strcmp(verb, "share") == 0)
    share(word[1], number(word[2]), atol(word[3]), atoi(word[4]));
  else if (strcmp(verb, "finish") == 0) finish(word[1], number(word[2]));
  else if (strcmp(verb, "await") == 0) wait_latch(word[1], number(word[2]));
  else if (strcmp(verb, "signal") == 0) set_event(word[1]);
  else if (strcmp(verb, "pass") == 0) pass(word[1], word[2], atol(word[3]));
  else if (strcmp(verb, "hold") == 0) hold(word);
  else if (strcmp(verb, "inherit") == 0) inherit(word[1]);
  else if (strcmp(verb, "cross") == 0) cross(word[1], word[2], word[3]);
  else if (strcmp(verb, "review") == 0) review(word[1], atol(word[2]));
  else if (strcmp(verb, "write") == 0) write_held(word[1]);
  else if (strcmp(verb, "read") == 0) read_once(word[1]);
  else if (strcmp(verb, "bounce") == 0)
    bounce(word[1], word[2], atol(word[3]), number(word[4]));
  else if (strcmp(verb, "stand") == 0) stand(word[1]);
  else if (strcmp(verb, "publish") == 0) publish(word[1], word[2]);
  else must(SYNCMGR_E_INVALID, verb);
}

int main(int argc, char *argv[]) {
  if (argc != 5) {
    fprintf(stderr, "usage: worker URL NAME DIRECTORY open|create|join\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  counter = shared_file(argv[3], "counter", sizeof *counter);
  seats = shared_file(argv[3], "seats", SEATS);
  syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
  options.flags = strcmp(argv[4], "create") == 0 ? SYNCMGR_CREATE_ONLY
                  : strcmp(argv[4], "join") == 0 ? SYNCMGR_OPEN_ONLY : 0;
  syncmgr_t *space;
  must(syncmgr_open(argv[1], &options, &space), "open the space");
  must(syncmgr_workstream_open(space, argv[2], &me), "open the workstream");
  report("ready", "");

  char line[1024];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *word[6] = {""};
    int words = 0;
    for (char *at = strtok(line, " \n"); at != NULL && words < 6; at = strtok(NULL, " \n"))
      word[words++] = at;
    if (words > 0) step(word);
  }
  must(syncmgr_close(space), "close the space");
  return 0;
}
