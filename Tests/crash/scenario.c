/* What the scenarios have in common: opening things by role, and the table of all scenarios. */
#include "scenario.h"

#include <poll.h>
#include <stdio.h>

#include "support.h"

static const struct scenario *const groups[] = {
    scenarios_space,   scenarios_mutex, scenarios_semaphore, scenarios_barrier,
    scenarios_event,   scenarios_ticket, scenarios_recovery,
    scenarios_rwlock,  scenarios_condition, scenarios_election, scenarios_phaser,
    scenarios_lease,   scenarios_meeting,   scenarios_many,
    scenarios_notice,  scenarios_message, scenarios_deadlock, scenarios_cells,
    scenarios_store,   scenarios_disk,  scenarios_channel, scenarios_spread,
    scenarios_conflict, scenarios_transaction,
};

const struct scenario *scenario_at(uint32_t place) {
  for (uint32_t group = 0; group < sizeof groups / sizeof groups[0]; group++) {
    for (const struct scenario *entry = groups[group]; entry->name != NULL; entry++) {
      if (place-- == 0) {
        return entry;
      }
    }
  }
  return NULL;
}

uint32_t scenario_parties(const struct scenario *scenario) {
  return scenario->parties == 0 ? 3 : scenario->parties;
}

uint32_t scenario_count(const struct scenario *scenario) {
  return scenario->count == 0 ? 1 : scenario->count;
}

void open_space(struct role *role) {
  syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
  if (role->scenario->flags & SCENARIO_PERSISTENT) {
    options.flags |= SYNCMGR_PERSISTENT;
  }
  if (role->scenario->flags & SCENARIO_NO_THREADS) {
    options.flags |= SYNCMGR_OPEN_NO_THREADS;
  }
  char url[512];
  if (role->scenario->flags & SCENARIO_FILE) {
    char file[256];
    disk_file(role->stage->name, file, sizeof file);
    snprintf(url, sizeof url, "%s?store=%s", role->stage->url, file);
  } else {
    snprintf(url, sizeof url, "%s", role->stage->url);
  }
  CALL(role, syncmgr_open(url, &options, &role->manager), SYNCMGR_OK);
}

void open_workstream(struct role *role) {
  char name[32];
  if (role->index < 0) {
    /* The checker takes the victim's name: the name of a dead workstream is free. */
    snprintf(name, sizeof name, "victim");
  } else {
    snprintf(name, sizeof name, "peer-%d", (int)role->index);
  }
  CALL(role, syncmgr_workstream_open(role->manager, name, &role->workstream), SYNCMGR_OK);
}

void open_both(struct role *role) {
  open_space(role);
  open_workstream(role);
}

void open_mutex(struct role *role) {
  syncmgr_mutex_options_t options = SYNCMGR_MUTEX_OPTIONS_INIT;
  options.flags = role->scenario->mutex_flags;
  CALL(role, syncmgr_mutex_open(role->workstream, MUTEX_NAME, &options, &role->mutex), SYNCMGR_OK);
}

void open_semaphore(struct role *role) {
  syncmgr_semaphore_options_t options = SYNCMGR_SEMAPHORE_OPTIONS_INIT;
  options.flags = role->scenario->semaphore_flags;
  CALL(role,
       syncmgr_semaphore_open(role->workstream, SEMAPHORE_NAME, PERMITS, &options,
                              &role->semaphore),
       SYNCMGR_OK);
}

void open_barrier(struct role *role) {
  CALL(role,
       syncmgr_barrier_open(role->workstream, BARRIER_NAME, scenario_parties(role->scenario), NULL,
                            &role->barrier),
       SYNCMGR_OK);
}

void open_event(struct role *role) {
  syncmgr_event_options_t options = SYNCMGR_EVENT_OPTIONS_INIT;
  options.flags = role->scenario->event_flags;
  CALL(role, syncmgr_event_open(role->workstream, EVENT_NAME, &options, &role->event), SYNCMGR_OK);
}

void open_latch(struct role *role) {
  CALL(role,
       syncmgr_latch_open(role->workstream, LATCH_NAME, scenario_count(role->scenario),
                          &role->latch),
       SYNCMGR_OK);
}

void open_rwlock(struct role *role) {
  syncmgr_rwlock_options_t options = SYNCMGR_RWLOCK_OPTIONS_INIT;
  options.flags = role->scenario->rwlock_flags;
  CALL(role, syncmgr_rwlock_open(role->workstream, RWLOCK_NAME, &options, &role->rwlock),
       SYNCMGR_OK);
}

void open_condition(struct role *role) {
  CALL(role, syncmgr_condition_open(role->workstream, CONDITION_NAME, &role->condition),
       SYNCMGR_OK);
}

void open_election(struct role *role) {
  CALL(role, syncmgr_election_open(role->workstream, ELECTION_NAME, &role->election), SYNCMGR_OK);
}

void open_phaser(struct role *role) {
  syncmgr_barrier_options_t options = SYNCMGR_BARRIER_OPTIONS_INIT;
  options.flags = SYNCMGR_BARRIER_PHASER;
  CALL(role, syncmgr_barrier_open(role->workstream, PHASER_NAME, 0, &options, &role->phaser),
       SYNCMGR_OK);
}

void open_cells(struct role *role) {
  syncmgr_channel_options_t options = SYNCMGR_CHANNEL_OPTIONS_INIT;
  options.capacity = 8;
  options.inline_size = 64;
  CALL(role,
       syncmgr_channel_open(role->workstream, CELLS_NAME, SYNCMGR_CHANNEL_MEMORY, &options,
                            &role->cells),
       SYNCMGR_OK);
}

void tell_released(struct role *role) { atomic_fetch_add(&role->stage->note, 1); }

void await_released(struct role *role, uint64_t count) {
  int64_t deadline_ns = now_ns() + patience_ns();
  while (atomic_load(&role->stage->note) < count) {
    INSIST(role, now_ns() < deadline_ns, "%u of %u waiters went on",
           (unsigned)atomic_load(&role->stage->note), (unsigned)count);
    sleep_ns(50000);
  }
}

void lock_and_unlock(struct role *role) {
  CALL(role, syncmgr_mutex_lock(role->mutex, patience_ns()), SYNCMGR_OK, SYNCMGR_OWNER_DIED);
  CALL(role, syncmgr_mutex_unlock(role->mutex), SYNCMGR_OK);
}

void drain_one(struct role *role, syncmgr_record_t *out_record) {
  int32_t descriptor = -1;
  uint32_t count = 0;
  int64_t deadline_ns = now_ns() + patience_ns();
  CALL(role, syncmgr_queue_fd(role->queue, &descriptor), SYNCMGR_OK);
  while (count == 0) {
    struct pollfd readable = {.fd = descriptor, .events = POLLIN};
    poll(&readable, 1, (int)(patience_ns() / MILLISECOND));
    CALL(role, syncmgr_queue_drain(role->queue, out_record, 1, &count), SYNCMGR_OK);
    INSIST(role, count > 0 || now_ns() < deadline_ns, "no record arrived");
  }
}

void peer_idle(struct role *role) {
  open_space(role);
  role_tell_ready(role);
}
