/* One worker of the storm. */
#ifndef CRASH_STORM_WORKER_H
#define CRASH_STORM_WORKER_H

#include "storm_board.h"

struct storm_worker {
  struct storm_board *board;
  struct storm_seat *seat;
  uint32_t index; /* of the seat */
  struct random random;
  syncmgr_t *manager;
  syncmgr_workstream_t *workstream;
  syncmgr_queue_t *queue;
  syncmgr_mutex_t *mutexes[MUTEXES];
  syncmgr_semaphore_t *semaphores[SEMAPHORES];
  syncmgr_semaphore_t *signals; /* the signalling one */
  syncmgr_barrier_t *barrier;
  syncmgr_event_t *events[2]; /* auto and manual reset */
  syncmgr_rwlock_t *rwlocks[RWLOCKS];
  syncmgr_condition_t *condition;
  syncmgr_election_t *election;
  syncmgr_barrier_t *phaser;
  syncmgr_mutex_t *leased;    /* is held with leases only */
  bool threadless;
  uint64_t generation;        /* of the barrier, when this worker saw it last */
};

/** Opens what a worker works with, and closes it. */
void worker_open(struct storm_worker *worker);
void worker_close(struct storm_worker *worker);

/** Opens one of the objects through any workstream. */
syncmgr_mutex_t *worker_open_mutex(struct storm_worker *worker, syncmgr_workstream_t *workstream,
                                   uint32_t index);

/** Fails unless `status` is one of the `count` that follow. Returns the status. */
int32_t worker_expect(struct storm_worker *worker, const char *call, int32_t status, uint32_t count,
                      ...);

/** Does one operation, chosen by the worker's random numbers. */
void worker_operate(struct storm_worker *worker);

/** What is done inside a mutex: proves that nobody else is. `status` is how it was locked. */
void worker_critical_section(struct storm_worker *worker, uint32_t index, syncmgr_mutex_t *mutex,
                             int32_t status);

/** Notes that permits are held, or no longer, and checks that all together are not too many. */
void worker_note_inside(struct storm_worker *worker, uint32_t index, uint32_t count);

/** Stays inside of something for a moment. */
void worker_linger(struct storm_worker *worker);

/** Follows a ticket to one of its ends. Returns the outcome, or CANCELLED when it was withdrawn. */
int32_t worker_follow(struct storm_worker *worker, syncmgr_ticket_t *ticket, bool queued);

/** Operations of other files; those on mutexes and semaphores are in storm_operations.c. */
void operate_barrier(struct storm_worker *worker);
void operate_event(struct storm_worker *worker);
void operate_latch(struct storm_worker *worker);
void operate_rwlock(struct storm_worker *worker);
void operate_condition(struct storm_worker *worker);
void operate_election(struct storm_worker *worker);
void operate_phaser(struct storm_worker *worker);
void operate_lease(struct storm_worker *worker);

/** A timeout that is short more often than long, and sometimes without end. */
int64_t worker_timeout(struct storm_worker *worker, bool may_be_endless);

#endif
