/* The fresh process that comes after everything: it clears up what the dead left, has the library
 * check the whole segment, and then uses every object as if nothing had happened. */
#include <stdio.h>
#include <unistd.h>

#include "scenario.h"
#include "support.h"

static void use_mutex(struct role *role) {
  open_mutex(role);
  CALL(role, syncmgr_mutex_lock(role->mutex, patience_ns()), SYNCMGR_OK, SYNCMGR_OWNER_DIED);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  /* A death is told once. */
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_mutex_close(role->mutex), SYNCMGR_OK);
}

static void use_semaphore(struct role *role) {
  uint32_t available = 0;
  bool signalling = role->scenario->semaphore_flags & SYNCMGR_SEMAPHORE_SIGNALLING;
  open_semaphore(role);
  CALL(role, syncmgr_semaphore_available(role->semaphore, &available), SYNCMGR_OK);
  INSIST(role, available == PERMITS, "%u permits are free", available);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, PERMITS, patience_ns()), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_acquire(role->semaphore, 1, 0),
       signalling ? SYNCMGR_E_TIMEOUT : SYNCMGR_E_DEADLOCK, SYNCMGR_E_TIMEOUT);
  CALL(role, syncmgr_semaphore_release(role->semaphore, PERMITS), SYNCMGR_OK);
  CALL(role, syncmgr_semaphore_close(role->semaphore), SYNCMGR_OK);
}

/* All parties are workstreams of this process: all but one arrive, and the last one waits. */
static void use_barrier(struct role *role) {
  uint32_t parties = scenario_parties(role->scenario);
  syncmgr_barrier_info_t state;
  open_barrier(role);
  CALL(role, syncmgr_barrier_reset(role->barrier), SYNCMGR_OK);
  CALL(role, syncmgr_barrier_state(role->barrier, &state), SYNCMGR_OK);
  INSIST(role, state.arrived == 0 && state.waiting == 0 && state.broken == 0,
         "after a reset %u arrived, %u wait, broken %u", state.arrived, state.waiting,
         state.broken);
  for (uint32_t party = 1; party < parties; party++) {
    syncmgr_workstream_t *other = NULL;
    syncmgr_barrier_t *barrier = NULL;
    CALL(role, syncmgr_workstream_open(role->manager, NULL, &other), SYNCMGR_OK);
    CALL(role, syncmgr_barrier_open(other, BARRIER_NAME, parties, NULL, &barrier), SYNCMGR_OK);
    CALL(role, syncmgr_barrier_arrive(barrier, NULL), SYNCMGR_OK);
    CALL(role, syncmgr_workstream_close(other), SYNCMGR_OK);
  }
  CALL(role, syncmgr_barrier_wait(role->barrier, patience_ns(), NULL, NULL), SYNCMGR_LEADER);
  CALL(role, syncmgr_barrier_close(role->barrier), SYNCMGR_OK);
}

static void use_event(struct role *role) {
  open_event(role);
  CALL(role, syncmgr_event_reset(role->event), SYNCMGR_OK);
  CALL(role, syncmgr_event_wait(role->event, 0), SYNCMGR_E_TIMEOUT);
  CALL(role, syncmgr_event_set(role->event), SYNCMGR_OK);
  CALL(role, syncmgr_event_wait(role->event, 0), SYNCMGR_OK);
  CALL(role, syncmgr_event_close(role->event), SYNCMGR_OK);
}

static void use_latch(struct role *role) {
  uint32_t remaining = 0;
  open_latch(role);
  CALL(role, syncmgr_latch_count(role->latch, &remaining), SYNCMGR_OK);
  if (remaining > 0) {
    CALL(role, syncmgr_latch_wait(role->latch, 0), SYNCMGR_E_TIMEOUT);
    CALL(role, syncmgr_latch_count_down(role->latch, remaining, NULL), SYNCMGR_OK);
  }
  CALL(role, syncmgr_latch_wait(role->latch, 0), SYNCMGR_OK);
  CALL(role, syncmgr_latch_close(role->latch), SYNCMGR_OK);
}

static void use_rwlock(struct role *role) {
  uint32_t count = 9;
  open_rwlock(role);
  CALL(role, syncmgr_rwlock_holders(role->rwlock, NULL, 0, &count), SYNCMGR_OK);
  INSIST(role, count == 0, "%u hold the readers-writer lock", count);
  CALL(role, syncmgr_rwlock_lock(role->rwlock, SYNCMGR_EXCLUSIVE, patience_ns()), SYNCMGR_OK,
       SYNCMGR_OWNER_DIED);
  CALL(role, syncmgr_rwlock_downgrade(role->rwlock), SYNCMGR_OK);
  CALL(role, syncmgr_rwlock_unlock(role->rwlock), SYNCMGR_OK);
  /* A death is told until somebody was exclusive. */
  CALL(role, syncmgr_rwlock_lock(role->rwlock, SYNCMGR_SHARED, 0), SYNCMGR_OK);
  CALL(role, syncmgr_rwlock_upgrade(role->rwlock, 0), SYNCMGR_OK);
  CALL(role, syncmgr_rwlock_close(role->rwlock), SYNCMGR_OK);
}

static void use_condition(struct role *role) {
  uint32_t count = 9;
  open_mutex(role);
  open_condition(role);
  CALL(role, syncmgr_condition_waiting(role->condition, &count), SYNCMGR_OK);
  INSIST(role, count == 0, "%u wait for the condition", count);
  CALL(role, syncmgr_mutex_lock(role->mutex, 0), SYNCMGR_OK);
  CALL(role, syncmgr_condition_wait(role->condition, role->mutex, MILLISECOND),
       SYNCMGR_E_TIMEOUT);
  CALL(role, syncmgr_mutex_close(role->mutex), SYNCMGR_OK);
  CALL(role, syncmgr_condition_close(role->condition), SYNCMGR_OK);
}

static void use_election(struct role *role) {
  open_election(role);
  CALL(role, syncmgr_election_reset(role->election), SYNCMGR_OK);
  CALL(role, syncmgr_election_campaign(role->election, 0, NULL), SYNCMGR_LEADER);
  CALL(role, syncmgr_election_finish(role->election, "checked", 7), SYNCMGR_OK);
  CALL(role, syncmgr_election_campaign(role->election, 0, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_election_close(role->election), SYNCMGR_OK);
}

static void use_phaser(struct role *role) {
  syncmgr_barrier_info_t state;
  open_phaser(role);
  CALL(role, syncmgr_barrier_reset(role->phaser), SYNCMGR_OK);
  CALL(role, syncmgr_barrier_state(role->phaser, &state), SYNCMGR_OK);
  INSIST(role, state.parties == 0, "the phaser has %u parties", state.parties);
  CALL(role, syncmgr_barrier_join(role->phaser), SYNCMGR_OK);
  CALL(role, syncmgr_barrier_wait(role->phaser, 0, NULL, NULL), SYNCMGR_LEADER);
  CALL(role, syncmgr_barrier_close(role->phaser), SYNCMGR_OK);
}

static void use_cells(struct role *role) {
  uint8_t small = 1, seen = 0, large[10000] = {0};
  syncmgr_cell_t cell = {.key = "checker", .data = &small, .length = 1};
  open_cells(role);
  CALL(role, syncmgr_channel_set(role->cells, &cell, 0, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_channel_get(role->cells, &cell, 1, &seen, 1, NULL), SYNCMGR_OK);
  INSIST(role, seen == 1 && cell.version == 1, "the cell has version %u",
         (unsigned)cell.version);
  cell = (syncmgr_cell_t){.key = "checker", .data = large, .length = sizeof large};
  CALL(role, syncmgr_channel_set(role->cells, &cell, 1, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_check(role->manager), SYNCMGR_OK);
  CALL(role, syncmgr_channel_close(role->cells), SYNCMGR_OK);
}

static void remove_object(struct role *role, uint32_t type, const char *name) {
  bool free_for_sure = role->scenario->flags & SCENARIO_REMOVABLE;
  CALL(role, syncmgr_object_remove(role->manager, type, name), SYNCMGR_OK,
       free_for_sure ? SYNCMGR_OK : SYNCMGR_E_BUSY);
}

void reader_run(struct role *role) {
  open_both(role);
  role->scenario->verify(role);
  CALL(role, syncmgr_check(role->manager), SYNCMGR_OK);
  CALL(role, syncmgr_close(role->manager), SYNCMGR_OK);
  if (role->scenario->flags & SCENARIO_PERSISTENT) {
    CALL(role, syncmgr_unlink(role->stage->url), SYNCMGR_OK);
  }
  _exit(0);
}

void checker_run(struct role *role) {
  uint32_t dead = 0;
  open_space(role);
  CALL(role, syncmgr_cleanup(role->manager, &dead), SYNCMGR_OK);
  CALL(role, syncmgr_check(role->manager), SYNCMGR_OK);
  CALL(role, syncmgr_cleanup(role->manager, &dead), SYNCMGR_OK);
  INSIST(role, dead == 0, "a second cleanup found %u dead processes", dead);
  open_workstream(role);
  if (role->scenario->verify != NULL) {
    role->scenario->verify(role);
  }
  use_mutex(role);
  use_semaphore(role);
  use_barrier(role);
  use_event(role);
  use_latch(role);
  use_rwlock(role);
  use_condition(role);
  use_election(role);
  use_phaser(role);
  use_cells(role);
  check_store(role);
  CALL(role, syncmgr_workstream_close(role->workstream), SYNCMGR_OK);
  remove_object(role, SYNCMGR_TYPE_MUTEX, MUTEX_NAME);
  remove_object(role, SYNCMGR_TYPE_SEMAPHORE, SEMAPHORE_NAME);
  remove_object(role, SYNCMGR_TYPE_BARRIER, BARRIER_NAME);
  remove_object(role, SYNCMGR_TYPE_EVENT, EVENT_NAME);
  remove_object(role, SYNCMGR_TYPE_LATCH, LATCH_NAME);
  remove_object(role, SYNCMGR_TYPE_RWLOCK, RWLOCK_NAME);
  remove_object(role, SYNCMGR_TYPE_CONDITION, CONDITION_NAME);
  remove_object(role, SYNCMGR_TYPE_ELECTION, ELECTION_NAME);
  remove_object(role, SYNCMGR_TYPE_BARRIER, PHASER_NAME);
  remove_object(role, SYNCMGR_TYPE_CHANNEL, CELLS_NAME);
  remove_object(role, SYNCMGR_TYPE_STORE, STORE_NAME);
  CALL(role, syncmgr_check(role->manager), SYNCMGR_OK);
  CALL(role, syncmgr_close(role->manager), SYNCMGR_OK);
  if (role->scenario->flags & SCENARIO_PERSISTENT) {
    CALL(role, syncmgr_unlink(role->stage->url), SYNCMGR_OK);
  }
  _exit(0);
}
