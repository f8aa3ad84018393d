/* What nearly every test needs: names, checked opening of everything, time, random numbers. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <pthread.h>
#include <stddef.h>

#include "harness.h"
#include "syncmgr.h"

enum { MILLISECOND = 1000000 };
#define SECOND ((int64_t)1000000000)

/** A "shm:" URL that no other test uses. Overwritten by the fourth call after; not for peers. */
const char *unique_url(void);

/** The path of the segment that `url` names. Overwritten by the fourth call after. */
const char *segment_path(const char *url);

/** How many files in /dev/shm belong to the space that `url` names. */
unsigned segment_file_count(const char *url);

int64_t now_ns(void);
void sleep_ms(unsigned milliseconds);

/** The next number of a generator; `state` is any number, such as the seed. */
uint64_t random_next(uint64_t *state);
uint32_t random_below(uint64_t *state, uint32_t bound);

/* Each opens and checks that it worked. Flags are those of the noun's options. */
syncmgr_t *open_space(const char *url, uint32_t flags);
syncmgr_workstream_t *open_workstream(syncmgr_t *space, const char *name);
syncmgr_mutex_t *open_mutex(syncmgr_workstream_t *me, const char *name, uint32_t flags);
syncmgr_semaphore_t *open_semaphore(syncmgr_workstream_t *me, const char *name, uint32_t permits,
                                    uint32_t flags);
syncmgr_latch_t *open_latch(syncmgr_workstream_t *me, const char *name, uint32_t count);
syncmgr_barrier_t *open_barrier(syncmgr_workstream_t *me, const char *name, uint32_t parties);
syncmgr_event_t *open_event(syncmgr_workstream_t *me, const char *name, uint32_t flags);
syncmgr_rwlock_t *open_rwlock(syncmgr_workstream_t *me, const char *name, uint32_t flags);
syncmgr_condition_t *open_condition(syncmgr_workstream_t *me, const char *name);
syncmgr_election_t *open_election(syncmgr_workstream_t *me, const char *name);
syncmgr_barrier_t *open_phaser(syncmgr_workstream_t *me, const char *name, uint32_t parties);
syncmgr_resource_t *open_resource(syncmgr_workstream_t *me, const char *name, uint32_t instances);
syncmgr_queue_t *open_queue(syncmgr_t *space);

/** Opens with flags and returns the status; what was opened is closed again. */
int32_t try_open(const char *url, uint32_t flags);

/** Waits until a record arrives in the queue of the library's own descriptor, and drains one. */
syncmgr_record_t next_record(syncmgr_queue_t *queue);

/** Checks the whole space and closes it. */
void check_and_close(syncmgr_t *space);

pthread_t start_thread(void *(*body)(void *argument), void *argument);
void join_thread(pthread_t thread);

/** Waits until `condition` holds; the watchdog of the test bounds it. */
#define WAIT_UNTIL(condition) \
  do {                        \
    sleep_ms(1);              \
  } while (!(condition))

#endif
