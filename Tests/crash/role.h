/* A role: what one process of a crash run has open, and how it calls the library. */
#ifndef CRASH_ROLE_H
#define CRASH_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "stage.h"
#include "syncmgr.h"

struct scenario;

enum { ROLE_VICTIM = -1, ROLE_CHECKER = -2, ROLE_READER = -3 };

struct role {
  struct stage *stage;
  const struct scenario *scenario;
  int32_t index;  /* of a peer, or ROLE_... */
  int32_t status; /* what the last CALL returned */
  syncmgr_t *manager;
  syncmgr_workstream_t *workstream;
  syncmgr_mutex_t *mutex;
  syncmgr_semaphore_t *semaphore;
  syncmgr_barrier_t *barrier;
  syncmgr_event_t *event;
  syncmgr_latch_t *latch;
  syncmgr_rwlock_t *rwlock;
  syncmgr_condition_t *condition;
  syncmgr_election_t *election;
  syncmgr_barrier_t *phaser;
  syncmgr_channel_t *cells;
  syncmgr_store_t *store;
  syncmgr_channel_t *channel;
  syncmgr_channel_t *letters; /* of those that `channel` cannot deliver */
  syncmgr_ticket_t *ticket;
  syncmgr_queue_t *queue;
  uint32_t fired_before; /* whether the fault had fired before the call that is under way */
};

/** Calls the library and insists that the status, which stays in role->status, is one of those
 *  given. Any other ends the process with a failure. A call into which a fault was injected may
 *  return an error instead: it is judged, and the call is made again and must then succeed. */
#define CALL(role, call, ...)                                                      \
  do {                                                                             \
    role_before(role);                                                             \
    (role)->status = (call);                                                       \
  } while (role_again((role), __FILE__, __LINE__, #call, (const int32_t[]){__VA_ARGS__}, \
                      sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t)))

/** Insists on a condition of the test itself or of what the library wrote. */
#define INSIST(role, condition, ...)                                 \
  do {                                                               \
    if (!(condition)) {                                              \
      role_insist_failed((role), __FILE__, __LINE__, #condition, __VA_ARGS__); \
    }                                                                \
  } while (0)

void role_before(struct role *role);
bool role_again(struct role *role, const char *file, int line, const char *call,
                const int32_t *expected, size_t count);
void role_insist_failed(struct role *role, const char *file, int line, const char *condition,
                        const char *format, ...) __attribute__((format(printf, 5, 6), noreturn));

/** Begins and ends the part of the victim in which steps count. The steps are those of the calling
 *  thread or, with stage->others, of the threads that the library started. */
void role_act_begin(struct role *role);
void role_act_end(struct role *role);

/** A step that the test makes itself, in the place of a binding. */
void role_own_step(struct role *role, const char *site);

/** Tells the others, with the role's own bit for a peer. */
void role_tell_ready(struct role *role);
void role_tell_waiting(struct role *role);

/** Waits until others told; ends the process when that takes too long. */
void role_await(struct role *role, uint32_t what);

/** Waits until the victim died or finished, and returns which. */
uint32_t role_await_outcome(struct role *role);

/** Waits until the victim, having begun to act, sleeps in the call or is dead. */
void role_await_victim_asleep(struct role *role);

/** Waits until the peer, having told that it is about to wait, sleeps in the call. */
void role_await_peer_asleep(struct role *role, uint32_t peer);

/** Waits until the peer, which kills itself, is dead altogether. */
void role_await_peer_dead(struct role *role, uint32_t peer);

/** Dies like a process that somebody killed. Only for peers. */
void role_die(struct role *role) __attribute__((noreturn));

#endif
