/* Scenarios: a store with a file. Whoever dies while writing, leading, reading the file, leaving or
 * replacing a dead segment: what was acknowledged or queued before is there, commits are whole, and
 * the others go on. */
#include <stdio.h>
#include <string.h>

#include "scenario.h"
#include "support.h"

enum { SMALL = 40, LARGE = 9000, ROUNDS = 4 };

static uint8_t data[LARGE], seen[2 * LARGE];

static syncmgr_change_t change(const char *key, uint8_t number, size_t length) {
  memset(data, number, sizeof data);
  return (syncmgr_change_t){.key = key, .data = length == 0 ? NULL : data, .length = length,
                            .expected = SYNCMGR_VERSION_ANY};
}

static void put(struct role *role, const char *key, uint8_t number, size_t length,
                uint32_t flags) {
  syncmgr_change_t wanted = change(key, number, length);
  CALL(role, syncmgr_store_put(role->store, &wanted, flags, NULL), SYNCMGR_OK);
}

/* The number of an entry, 0 when it is not there; insists that it is whole. */
static uint8_t get(struct role *role, const char *key) {
  syncmgr_entry_t entry = {.key = key};
  CALL(role, syncmgr_store_get(role->store, &entry, 1, seen, sizeof seen, NULL), SYNCMGR_OK,
       SYNCMGR_E_NOT_FOUND);
  if (role->status == SYNCMGR_E_NOT_FOUND) {
    return 0;
  }
  const uint8_t *bytes = entry.data;
  for (size_t index = 1; index < entry.length; index++) {
    INSIST(role, bytes[index] == bytes[0], "byte %u of '%s' is another's", (unsigned)index, key);
  }
  return bytes[0];
}

static void fill(struct role *role) {
  put(role, "small", 1, SMALL, 0);
  put(role, "large", 1, LARGE, 0);
  put(role, "deleted", 1, LARGE, 0);
}

/* What the victim commits, all of it or nothing. */
static void commit(struct role *role, uint8_t number) {
  static uint8_t large[LARGE];
  memset(large, number, sizeof large);
  syncmgr_change_t changes[4] = {change("small", number, SMALL), change("large", number, LARGE),
                                 change("deleted", 0, 0), change("new", number, SMALL)};
  changes[1].data = large;
  CALL(role, syncmgr_store_commit(role->store, changes, 4, 0, SYNCMGR_FOREVER, NULL), SYNCMGR_OK);
}

static void insist_commit(struct role *role) {
  uint8_t number = get(role, "small");
  bool finished = atomic_load(&role->stage->outcome) == VICTIM_FINISHED;
  INSIST(role, number == 2 || (number == 1 && !finished), "the commit has %u", number);
  INSIST(role, get(role, "large") == number, "a part of the commit is not there");
  INSIST(role, get(role, "deleted") == (number == 2 ? 0 : 1), "a deletion is not there");
  INSIST(role, get(role, "new") == (number == 2 ? 2 : 0), "a part of the commit is not there");
}

static void verify_commit(struct role *role) {
  open_store(role);
  insist_commit(role);
  CALL(role, syncmgr_store_close(role->store), SYNCMGR_OK);
}

static void prepare_with_peer(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
  open_store(role);
}

static void act_commit(struct role *role) { commit(role, 2); }

static void peer_look(struct role *role) {
  open_both(role);
  open_store(role);
  fill(role);
  role_tell_ready(role);
  role_await_outcome(role);
  insist_commit(role);
  put(role, "peer", 3, SMALL, 0);
}

/* Peers that commit while the victim does: one of them leads for all, and the next one when that
 * one dies. */
static void peer_together(struct role *role) {
  char key[16];
  open_both(role);
  open_store(role);
  if (role->index == 0) {
    fill(role);
  }
  role_tell_ready(role);
  role_await(role, TOLD_ACTING);
  for (uint8_t round = 1; round <= ROUNDS; round++) {
    snprintf(key, sizeof key, "peer/%d", (int)role->index);
    put(role, key, round, SMALL, 0);
  }
  role_await_outcome(role);
}

static void verify_together(struct role *role) {
  open_store(role);
  insist_commit(role);
  INSIST(role, get(role, "peer/0") == ROUNDS && get(role, "peer/1") == ROUNDS,
         "what a peer was told of is not there");
  CALL(role, syncmgr_store_close(role->store), SYNCMGR_OK);
}

static void prepare_together(struct role *role) {
  role_await(role, TOLD_READY(0) | TOLD_READY(1));
  open_both(role);
  open_store(role);
}

/* The file is there; the segment is new, and nobody has read it yet. */
static void prepare_load(struct role *role) {
  open_both(role);
  open_store(role);
  fill(role);
  commit(role, 2);
  CALL(role, syncmgr_close(role->manager), SYNCMGR_OK);
  stage_tell(role->stage, TOLD_WAITING(0));
  role_await(role, TOLD_READY(0));
  open_both(role);
}

static void act_load(struct role *role) {
  open_store(role);
  INSIST(role, get(role, "large") == 2, "it is not what the file has");
}

static void peer_load(struct role *role) {
  role_await(role, TOLD_WAITING(0));
  open_both(role);
  role_tell_ready(role);
  role_await_outcome(role);
  open_store(role);
  INSIST(role, get(role, "small") == 2 && get(role, "large") == 2 && get(role, "new") == 2 &&
                   get(role, "deleted") == 0,
         "it is not what the file has");
  put(role, "peer", 3, LARGE, 0);
}

static void verify_queued(struct role *role) {
  open_store(role);
  INSIST(role, get(role, "small") == 3, "what was queued is not there");
  INSIST(role, get(role, "large") == 1, "what was acknowledged is not there");
  CALL(role, syncmgr_store_close(role->store), SYNCMGR_OK);
}

/* Queued before the victim acts, so that it is never lost, whenever the victim dies. */
static void queue(struct role *role) {
  open_both(role);
  open_store(role);
  fill(role);
  put(role, "small", 3, SMALL, SYNCMGR_PUT_QUEUED);
}

static void act_leave(struct role *role) {
  CALL(role, syncmgr_close(role->manager), SYNCMGR_OK);
  role->manager = NULL;
}

static void prepare_leave_others(struct role *role) {
  role_await(role, TOLD_READY(0));
  queue(role);
}

static void act_sync(struct role *role) {
  syncmgr_ticket_t *ticket = NULL;
  CALL(role, syncmgr_store_sync_start(role->store, SYNCMGR_REVISION_NOW, SYNCMGR_FOREVER, NULL, 0,
                                      &ticket),
       SYNCMGR_PENDING, SYNCMGR_OK);
  if (role->status == SYNCMGR_PENDING) {
    do {
      CALL(role, syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_OK,
           SYNCMGR_INTERRUPTED);
    } while (role->status == SYNCMGR_INTERRUPTED);
  }
}

/* The peer is all there is, queues and dies; the victim finds its segment. */
static void peer_queue_and_die(struct role *role) {
  queue(role);
  role_tell_ready(role);
  role_await(role, TOLD_PREPARED);
  role_die(role);
}

static void prepare_rescue(struct role *role) {
  role_await(role, TOLD_READY(0));
  stage_tell(role->stage, TOLD_PREPARED);
  role_await_peer_dead(role, 0);
}

static void act_rescue(struct role *role) {
  open_both(role);
  open_store(role);
}

const struct scenario scenarios_disk[] = {
    {.name = "disk-commit", .flags = SCENARIO_FILE | SCENARIO_NO_FAULTS, .peers = 1,
     .peer = peer_look, .prepare = prepare_with_peer, .act = act_commit, .verify = verify_commit},
    {.name = "disk-together", .flags = SCENARIO_FILE | SCENARIO_NO_FAULTS, .peers = 2,
     .peer = peer_together, .prepare = prepare_together, .act = act_commit,
     .verify = verify_together},
    {.name = "disk-together-no-threads",
     .flags = SCENARIO_FILE | SCENARIO_NO_FAULTS | SCENARIO_NO_THREADS, .peers = 2,
     .peer = peer_together, .prepare = prepare_together, .act = act_commit,
     .verify = verify_together},
    {.name = "disk-load", .flags = SCENARIO_FILE | SCENARIO_NO_FAULTS, .peers = 1,
     .peer = peer_load, .prepare = prepare_load, .act = act_load, .verify = verify_commit},
    {.name = "disk-leave-last", .flags = SCENARIO_FILE | SCENARIO_NO_FAULTS | SCENARIO_NO_THREADS,
     .prepare = queue, .act = act_leave, .verify = verify_queued},
    {.name = "disk-leave-others",
     .flags = SCENARIO_FILE | SCENARIO_NO_FAULTS | SCENARIO_NO_THREADS, .peers = 1,
     .peer = peer_idle, .prepare = prepare_leave_others, .act = act_leave,
     .verify = verify_queued},
    {.name = "disk-leave-persistent",
     .flags = SCENARIO_FILE | SCENARIO_NO_FAULTS | SCENARIO_NO_THREADS | SCENARIO_PERSISTENT,
     .prepare = queue, .act = act_leave, .verify = verify_queued},
    {.name = "disk-sync", .flags = SCENARIO_FILE | SCENARIO_NO_FAULTS, .peers = 1,
     .peer = peer_idle, .prepare = prepare_leave_others, .act = act_sync,
     .verify = verify_queued},
    {.name = "disk-sync-thread",
     .flags = SCENARIO_FILE | SCENARIO_NO_FAULTS | SCENARIO_OTHERS, .peers = 1,
     .peer = peer_idle, .prepare = prepare_leave_others, .act = act_sync,
     .verify = verify_queued},
    {.name = "disk-rescue", .flags = SCENARIO_FILE | SCENARIO_NO_FAULTS | SCENARIO_NO_THREADS,
     .peers = 1, .peer = peer_queue_and_die, .prepare = prepare_rescue, .act = act_rescue,
     .verify = verify_queued},
    {.name = NULL},
};
