/* The window: who holds what, who waits for what, and what is counted. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "peer.h"

/** Returns a snapshot, which the caller frees. */
static char *snapshot(syncmgr_t *space) {
  size_t capacity = 1 << 20, length = 0;
  char *text = malloc(capacity);
  CHECK_OK(syncmgr_snapshot_json(space, 0, text, capacity, &length));
  CHECK_EQUAL(strlen(text), length);
  return text;
}

static bool shows(syncmgr_t *space, const char *part) {
  char *text = snapshot(space);
  bool found = strstr(text, part) != NULL;
  free(text);
  return found;
}

/** The number behind the first `key` after `name` in a snapshot. */
static double number_of(syncmgr_t *space, const char *name, const char *key) {
  char *text = snapshot(space), start[300], label[64];
  snprintf(start, sizeof start, "{\"name\":\"%s\",\"type\"", name);
  snprintf(label, sizeof label, "\"%s\":", key);
  const char *object = strstr(text, start);
  CHECK(object != NULL);
  const char *found = strstr(object, label);
  CHECK(found != NULL);
  double number = atof(found + strlen(label));
  free(text);
  return number;
}

static unsigned ended_waits(syncmgr_t *space, const char *name) {
  char *text = snapshot(space), start[300];
  snprintf(start, sizeof start, "{\"name\":\"%s\",\"type\"", name);
  char *at = strstr(strstr(text, start), "\"wait_histogram\":[");
  unsigned sum = 0, count = 0;
  for (at += strlen("\"wait_histogram\":["); at[-1] != ']'; count++)
    sum += (unsigned)strtoul(at, &at, 10), at++;
  CHECK_EQUAL(count, 16);
  free(text);
  return sum;
}

TEST(a_snapshot_that_does_not_fit_tells_its_length_and_writes_nothing) {
  syncmgr_t *space = open_space("local:", 0);
  char small[8] = "before", *text;
  size_t length = 0, again = 0;
  CHECK_STATUS(syncmgr_snapshot_json(space, 0, NULL, 0, &length), SYNCMGR_E_OVERFLOW);
  CHECK(length > 100);
  CHECK_STATUS(syncmgr_snapshot_json(space, 0, small, sizeof small, &again), SYNCMGR_E_OVERFLOW);
  CHECK_EQUAL(again, length);
  CHECK(strcmp(small, "before") == 0);
  text = malloc(length + 1);
  CHECK_STATUS(syncmgr_snapshot_json(space, 0, text, length, &again), SYNCMGR_E_OVERFLOW);
  CHECK_OK(syncmgr_snapshot_json(space, 0, text, length + 1, &again));
  CHECK_EQUAL(again, length);
  CHECK_EQUAL(strlen(text), length);
  free(text);
  CHECK_STATUS(syncmgr_snapshot_json(space, 1, small, sizeof small, &length), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_snapshot_json(space, 0, NULL, 8, &length), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_snapshot_json(space, 0, small, sizeof small, NULL), SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST(names_are_escaped_in_a_snapshot) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "quote\"back\\slash");
  CHECK_OK(syncmgr_mutex_lock(open_mutex(me, "\xc3\xa9 {}\"", 0), 0));
  CHECK(shows(space, "\"name\":\"quote\\\"back\\\\slash\""));
  CHECK(shows(space, "\"name\":\"\xc3\xa9 {}\\\"\",\"type\":\"mutex\""));
  CHECK(shows(space, "\"holds\":[\"\xc3\xa9 {}\\\"\"]"));
  check_and_close(space);
}

static void wait_for_mutex(peer_t *self) {
  syncmgr_workstream_t *me = open_workstream(peer_space(self), "waiter");
  syncmgr_mutex_t *mutex = open_mutex(me, "m", 0);
  peer_pause(self);
  CHECK_STATUS(syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER), SYNCMGR_OK);
  peer_pause(self);
}

TEST(a_snapshot_shows_holders_and_waiters_of_other_processes_and_counts_deaths) {
  const char *url = unique_url();
  peer_t *peer = peer_start(wait_for_mutex, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_workstream_t *me = open_workstream(space, "owner");
  syncmgr_mutex_t *mutex = open_mutex(me, "m", 0);
  char part[128];
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  peer_wait_pause(peer, 1);
  peer_go(peer);
  peer_wait_asleep(peer);
  snprintf(part, sizeof part, "\"name\":\"waiter\",\"pid\":%d,\"place\":0", (int)peer->pid);
  WAIT_UNTIL(shows(space, part));
  CHECK(shows(space, "\"name\":\"waiter\",\"pid\":"));
  CHECK(shows(space, "\"waits\":[\"m\"]"));
  CHECK(shows(space, "{\"kind\":\"waits\",\"workstream\":"));
  CHECK(shows(space, "{\"kind\":\"held\",\"object\":\"m\""));
  double age = number_of(space, "m", "age_ms");
  sleep_ms(30);
  CHECK(number_of(space, "m", "age_ms") >= age + 29);
  CHECK_EQUAL(number_of(space, "m", "contended"), 1);
  CHECK_EQUAL(ended_waits(space, "m"), 0);
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  peer_wait_pause(peer, 2);
  CHECK_EQUAL(ended_waits(space, "m"), 1);
  CHECK(number_of(space, "m", "longest_wait_ms") >= 30);
  CHECK_EQUAL(number_of(space, "m", "acquisitions"), 2);
  CHECK_EQUAL(number_of(space, "m", "owner_deaths"), 0);
  peer_kill(peer);
  CHECK_STATUS(syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER), SYNCMGR_OWNER_DIED);
  CHECK_EQUAL(number_of(space, "m", "owner_deaths"), 1);
  snprintf(part, sizeof part, "\"previous_owner\":{\"workstream\":");
  CHECK(shows(space, part));
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  check_and_close(space);
}

TEST(without_counters_the_space_counts_nothing_for_anybody) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, SYNCMGR_OPEN_NO_COUNTERS);
  syncmgr_t *other = open_space(url, 0);
  open_mutex(open_workstream(space, NULL), "m", 0);
  CHECK(shows(space, "\"counters\":false"));
  CHECK(shows(space, "\"counters\":null"));
  CHECK(shows(other, "\"counters\":null"));
  check_and_close(other);
  check_and_close(space);
  /* The creator chooses. */
  space = open_space(url, 0);
  other = open_space(url, SYNCMGR_OPEN_NO_COUNTERS);
  open_mutex(open_workstream(other, NULL), "m", 0);
  CHECK(shows(other, "\"counters\":{\"acquisitions\":0"));
  check_and_close(other);
  check_and_close(space);
}

static void *wait_at_latch(void *latch) {
  CHECK_OK(syncmgr_latch_wait(latch, SYNCMGR_FOREVER));
  return NULL;
}

static void *wait_for_event(void *event) {
  CHECK_OK(syncmgr_event_wait(event, SYNCMGR_FOREVER));
  return NULL;
}

static void *wait_at_barrier(void *barrier) {
  CHECK_OK(syncmgr_barrier_wait(barrier, SYNCMGR_FOREVER, NULL, NULL));
  return NULL;
}

TEST(threads_that_sleep_without_a_place_in_line_are_shown_as_waiters_too) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me"), *you = open_workstream(space, "you");
  syncmgr_latch_t *latch = open_latch(me, "l", 1);
  syncmgr_event_t *event = open_event(me, "e", SYNCMGR_EVENT_MANUAL_RESET);
  syncmgr_barrier_t *barrier = open_barrier(me, "b", 2);
  pthread_t threads[] = {start_thread(wait_at_latch, latch), start_thread(wait_for_event, event),
                         start_thread(wait_at_barrier, barrier)};
  WAIT_UNTIL(shows(space, "\"waits\":[\"l\",\"e\",\"b\"]"));
  CHECK(number_of(space, "l", "age_ms") < 10000);
  CHECK_OK(syncmgr_latch_count_down(latch, 1, NULL));
  CHECK_OK(syncmgr_event_set(event));
  CHECK_STATUS(syncmgr_barrier_wait(open_barrier(you, "b", 2), 0, NULL, NULL), SYNCMGR_LEADER);
  for (unsigned i = 0; i < 3; i++) join_thread(threads[i]);
  CHECK(shows(space, "\"waits\":[]"));
  CHECK_EQUAL(number_of(space, "l", "contended"), 1);
  CHECK_EQUAL(ended_waits(space, "e"), 1);
  CHECK_EQUAL(ended_waits(space, "b"), 1);
  check_and_close(space);
}

TEST(every_type_shows_its_parameters_and_its_state) {
  syncmgr_t *space = open_space("local:", 0);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  syncmgr_rwlock_t *rwlock;
  syncmgr_election_t *election;
  syncmgr_condition_t *condition;
  CHECK_OK(syncmgr_rwlock_open(me, "r", NULL, &rwlock));
  CHECK_OK(syncmgr_rwlock_lock(rwlock, SYNCMGR_SHARED, 0));
  CHECK(shows(space, "\"state\":{\"mode\":\"shared\",\"shared_holds\":1"));
  CHECK_OK(syncmgr_rwlock_upgrade(rwlock, 0));
  CHECK(shows(space, "\"amount\":1,\"mode\":\"exclusive\",\"token\":2"));
  CHECK_OK(syncmgr_lease_set(rwlock, SECOND, 0));
  CHECK(number_of(space, "r", "lease_ms") > 0);
  CHECK_OK(syncmgr_election_open(me, "x", &election));
  CHECK_STATUS(syncmgr_election_campaign(election, 0, NULL), SYNCMGR_LEADER);
  CHECK(shows(space, "\"state\":{\"led\":true,\"term\":1,\"finished\":false}"));
  CHECK_OK(syncmgr_condition_open(me, "c", &condition));
  CHECK(shows(space, "{\"name\":\"c\",\"type\":\"condition\",\"open\":1,\"parameters\":{}"));
  CHECK_OK(syncmgr_semaphore_acquire(open_semaphore(me, "s", 5, 0), 2, 0));
  CHECK(shows(space, "\"parameters\":{\"permits\":5,\"signalling\":false,\"fair\":false},"
                     "\"state\":{\"available\":3}"));
  CHECK_EQUAL(number_of(space, "s", "acquisitions"), 1);
  check_and_close(space);
}

TEST_WITHIN(60, a_snapshot_of_damaged_memory_is_a_snapshot_or_an_error) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, SYNCMGR_OPEN_NO_THREADS);
  syncmgr_workstream_t *me = open_workstream(space, "me");
  for (unsigned i = 0; i < 8; i++) {
    char name[8];
    snprintf(name, sizeof name, "m%u", i);
    CHECK_OK(syncmgr_mutex_lock(open_mutex(me, name, 0), 0));
  }
  syncmgr_ticket_t *ticket;
  CHECK_STATUS(syncmgr_mutex_lock_start(open_mutex(open_workstream(space, "you"), "m1", 0),
                                        SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  int file = open(segment_path(url), O_RDWR);
  off_t size = lseek(file, 0, SEEK_END);
  unsigned char *bytes = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  CHECK(bytes != MAP_FAILED);
  uint64_t seed = harness_seed();
  char *text = malloc(64 << 20);
  for (unsigned round = 0; round < 200; round++) {
    for (unsigned flips = 0; flips < 20; flips++) {
      /* Where there is memory: a touch anywhere else would only make some. */
      off_t page = lseek(file, random_below(&seed, (uint32_t)size), SEEK_DATA);
      if (page < 0) page = 0;
      bytes[page / 4096 * 4096 + random_below(&seed, 4096)] = (unsigned char)random_next(&seed);
    }
    size_t length;
    int32_t status = syncmgr_snapshot_json(space, 0, text, 64 << 20, &length);
    CHECK(status == SYNCMGR_OK || status == SYNCMGR_E_OVERFLOW);
    if (status == SYNCMGR_OK) CHECK_EQUAL(strlen(text), length);
  }
  unlink(segment_path(url));
  _exit(0);
}
