/* A scenario: what the victim does while it may die at any step, and what its peers hold or wait
 * for meanwhile. One table of them serves the sweep of the crash points and that of the faults. */
#ifndef CRASH_SCENARIO_H
#define CRASH_SCENARIO_H

#include "role.h"

/** The names of the objects, one of each type; their parameters are the scenario's. */
#define MUTEX_NAME "mutex"
#define SEMAPHORE_NAME "semaphore"
#define BARRIER_NAME "barrier"
#define EVENT_NAME "event"
#define LATCH_NAME "latch"
#define RWLOCK_NAME "rwlock"
#define CONDITION_NAME "condition"
#define ELECTION_NAME "election"
#define PHASER_NAME "phaser"
#define CELLS_NAME "cells"
#define STORE_NAME "store"
#define PERMITS 3u

enum {
  /* The space is PERSISTENT: the checker recovers it when nobody else is left, and unlinks it. */
  SCENARIO_PERSISTENT = 1u << 0,
  /* All processes open with NO_THREADS. */
  SCENARIO_NO_THREADS = 1u << 1,
  /* The steps of the library's own threads in the victim count, not those of the acting one. */
  SCENARIO_OTHERS = 1u << 2,
  /* No peer has an object open at the end: the checker can remove all of them. */
  SCENARIO_REMOVABLE = 1u << 3,
  /* Not for injected faults: the victim depends on a call that a fault ends early. */
  SCENARIO_NO_FAULTS = 1u << 4,
  /* The space has a file. `verify` runs in the checker, and again when all have left and the file
   * is read anew. */
  SCENARIO_FILE = 1u << 5
};

struct scenario {
  const char *name;
  uint32_t flags;
  uint32_t peers;
  uint32_t mutex_flags;
  uint32_t semaphore_flags;
  uint32_t event_flags;
  uint32_t rwlock_flags;
  uint32_t parties; /* of the barrier; 0 means 3 */
  uint32_t count;   /* of the latch; 0 means 1 */
  void (*prepare)(struct role *role); /* the victim, before steps count */
  void (*act)(struct role *role);     /* the victim, and every step counts */
  void (*peer)(struct role *role);    /* a peer, by role->index */
  void (*verify)(struct role *role);  /* the checker, with a workstream; or NULL */
};

/** The groups of scenarios, each ended by one without a name. */
extern const struct scenario scenarios_space[];
extern const struct scenario scenarios_mutex[];
extern const struct scenario scenarios_semaphore[];
extern const struct scenario scenarios_barrier[];
extern const struct scenario scenarios_event[];
extern const struct scenario scenarios_ticket[];
extern const struct scenario scenarios_recovery[];
extern const struct scenario scenarios_rwlock[];
extern const struct scenario scenarios_condition[];
extern const struct scenario scenarios_election[];
extern const struct scenario scenarios_phaser[];
extern const struct scenario scenarios_lease[];
extern const struct scenario scenarios_notice[];
extern const struct scenario scenarios_message[];
extern const struct scenario scenarios_meeting[];
extern const struct scenario scenarios_many[];
extern const struct scenario scenarios_deadlock[];
extern const struct scenario scenarios_cells[];
extern const struct scenario scenarios_store[];
extern const struct scenario scenarios_disk[];
extern const struct scenario scenarios_transaction[];
extern const struct scenario scenarios_channel[];
extern const struct scenario scenarios_spread[];
extern const struct scenario scenarios_conflict[];

/** Returns the scenario with this place in the whole table, or NULL behind the last. */
const struct scenario *scenario_at(uint32_t place);

/** Opens the space and a workstream, named by the role. */
void open_space(struct role *role);
void open_workstream(struct role *role);
void open_both(struct role *role);

/** Opens one object of the scenario through the role's workstream. */
void open_mutex(struct role *role);
void open_semaphore(struct role *role);
void open_barrier(struct role *role);
void open_event(struct role *role);
void open_latch(struct role *role);
void open_rwlock(struct role *role);
void open_condition(struct role *role);
void open_election(struct role *role);
void open_phaser(struct role *role); /* all of its parties have joined */
void open_cells(struct role *role);  /* its table has room for few */
void open_store(struct role *role);
void check_store(struct role *role); /* opens, uses and closes the store */

/** The parameters, with what 0 stands for. */
uint32_t scenario_parties(const struct scenario *scenario);
uint32_t scenario_count(const struct scenario *scenario);

/** Locks the mutex within the patience of the test, whoever died, and unlocks it. */
void lock_and_unlock(struct role *role);

/** Counts a waiter that has gone on in the stage's note, and waits until `count` have. */
void tell_released(struct role *role);
void await_released(struct role *role, uint64_t count);

/** Drains one record of the role's queue, sleeping on its descriptor until there is one. */
void drain_one(struct role *role, syncmgr_record_t *out_record);

/** A peer that is only there, so that the segment outlives the victim. */
void peer_idle(struct role *role);

/** Runs `verify` for a space that nobody has open any more. */
void reader_run(struct role *role) __attribute__((noreturn));

/** Runs the checks of a fresh process after everything; ends the process. */
void checker_run(struct role *role) __attribute__((noreturn));

#endif
