#include "support.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* So many results of one function stay valid side by side. */
enum { ROTATION = 4 };

const char *unique_url(void) {
  static char urls[ROTATION][128];
  static unsigned counter;
  char *url = urls[++counter % ROTATION];
  snprintf(url, sizeof urls[0], "shm:%s%u", harness_tag(), counter);
  return url;
}

const char *segment_path(const char *url) {
  static char paths[ROTATION][192];
  static unsigned counter;
  char *path = paths[++counter % ROTATION];
  snprintf(path, sizeof paths[0], "/dev/shm/syncmgr.%s", url + strlen("shm:"));
  return path;
}

unsigned segment_file_count(const char *url) {
  return shared_memory_names(url + strlen("shm:"), NULL, 0);
}

int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * SECOND + now.tv_nsec;
}

void sleep_ms(unsigned milliseconds) {
  struct timespec duration = {milliseconds / 1000, (long)(milliseconds % 1000) * MILLISECOND};
  nanosleep(&duration, NULL);
}

uint64_t random_next(uint64_t *state) {
  uint64_t mixed = *state += 0x9e3779b97f4a7c15u;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return mixed ^ (mixed >> 31);
}

uint32_t random_below(uint64_t *state, uint32_t bound) {
  return (uint32_t)((random_next(state) >> 32) * bound >> 32);
}

syncmgr_t *open_space(const char *url, uint32_t flags) {
  syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
  syncmgr_t *space = NULL;
  options.flags = flags;
  CHECK_OK(syncmgr_open(url, &options, &space));
  CHECK(space != NULL);
  return space;
}

int32_t try_open(const char *url, uint32_t flags) {
  syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
  syncmgr_t *space = NULL;
  options.flags = flags;
  int32_t status = syncmgr_open(url, &options, &space);
  CHECK((status >= 0) == (space != NULL));
  if (status >= 0) CHECK_OK(syncmgr_close(space));
  return status;
}

syncmgr_workstream_t *open_workstream(syncmgr_t *space, const char *name) {
  syncmgr_workstream_t *workstream = NULL;
  CHECK_OK(syncmgr_workstream_open(space, name, &workstream));
  return workstream;
}

syncmgr_mutex_t *open_mutex(syncmgr_workstream_t *me, const char *name, uint32_t flags) {
  syncmgr_mutex_options_t options = SYNCMGR_MUTEX_OPTIONS_INIT;
  syncmgr_mutex_t *mutex = NULL;
  options.flags = flags;
  CHECK_OK(syncmgr_mutex_open(me, name, &options, &mutex));
  return mutex;
}

syncmgr_semaphore_t *open_semaphore(syncmgr_workstream_t *me, const char *name, uint32_t permits,
                                    uint32_t flags) {
  syncmgr_semaphore_options_t options = SYNCMGR_SEMAPHORE_OPTIONS_INIT;
  syncmgr_semaphore_t *semaphore = NULL;
  options.flags = flags;
  CHECK_OK(syncmgr_semaphore_open(me, name, permits, &options, &semaphore));
  return semaphore;
}

syncmgr_latch_t *open_latch(syncmgr_workstream_t *me, const char *name, uint32_t count) {
  syncmgr_latch_t *latch = NULL;
  CHECK_OK(syncmgr_latch_open(me, name, count, &latch));
  return latch;
}

syncmgr_barrier_t *open_barrier(syncmgr_workstream_t *me, const char *name, uint32_t parties) {
  syncmgr_barrier_t *barrier = NULL;
  CHECK_OK(syncmgr_barrier_open(me, name, parties, NULL, &barrier));
  return barrier;
}

syncmgr_event_t *open_event(syncmgr_workstream_t *me, const char *name, uint32_t flags) {
  syncmgr_event_options_t options = SYNCMGR_EVENT_OPTIONS_INIT;
  syncmgr_event_t *event = NULL;
  options.flags = flags;
  CHECK_OK(syncmgr_event_open(me, name, &options, &event));
  return event;
}

syncmgr_rwlock_t *open_rwlock(syncmgr_workstream_t *me, const char *name, uint32_t flags) {
  syncmgr_rwlock_options_t options = SYNCMGR_RWLOCK_OPTIONS_INIT;
  syncmgr_rwlock_t *rwlock = NULL;
  options.flags = flags;
  CHECK_OK(syncmgr_rwlock_open(me, name, &options, &rwlock));
  return rwlock;
}

syncmgr_condition_t *open_condition(syncmgr_workstream_t *me, const char *name) {
  syncmgr_condition_t *condition = NULL;
  CHECK_OK(syncmgr_condition_open(me, name, &condition));
  return condition;
}

syncmgr_election_t *open_election(syncmgr_workstream_t *me, const char *name) {
  syncmgr_election_t *election = NULL;
  CHECK_OK(syncmgr_election_open(me, name, &election));
  return election;
}

syncmgr_barrier_t *open_phaser(syncmgr_workstream_t *me, const char *name, uint32_t parties) {
  syncmgr_barrier_options_t options = SYNCMGR_BARRIER_OPTIONS_INIT;
  syncmgr_barrier_t *barrier = NULL;
  options.flags = SYNCMGR_BARRIER_PHASER;
  CHECK_OK(syncmgr_barrier_open(me, name, parties, &options, &barrier));
  return barrier;
}

syncmgr_resource_t *open_resource(syncmgr_workstream_t *me, const char *name, uint32_t instances) {
  syncmgr_resource_t *resource = NULL;
  CHECK_OK(syncmgr_resource_open(me, name, instances, &resource));
  return resource;
}

syncmgr_queue_t *open_queue(syncmgr_t *space) {
  syncmgr_queue_t *queue = NULL;
  CHECK_OK(syncmgr_queue_open(space, 0, -1, &queue));
  return queue;
}

syncmgr_record_t next_record(syncmgr_queue_t *queue) {
  syncmgr_record_t record;
  uint32_t count = 0;
  struct pollfd descriptor = {.events = POLLIN};
  CHECK_OK(syncmgr_queue_fd(queue, &descriptor.fd));
  while (count == 0) {
    poll(&descriptor, 1, -1);
    CHECK_OK(syncmgr_queue_drain(queue, &record, 1, &count));
  }
  return record;
}

void check_and_close(syncmgr_t *space) {
  CHECK_OK(syncmgr_check(space));
  CHECK_OK(syncmgr_close(space));
}

pthread_t start_thread(void *(*body)(void *argument), void *argument) {
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, body, argument), 0);
  return thread;
}

void join_thread(pthread_t thread) { CHECK_EQUAL(pthread_join(thread, NULL), 0); }
