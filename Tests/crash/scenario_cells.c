/* Scenarios: cells and regions. Whoever dies while writing, every cell has a value that somebody
 * gave it, nobody sleeps through a change, and no memory is left to nobody. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "scenario.h"
#include "support.h"

enum { SMALL = 40, LARGE = 9000, MANY = 20 };

/* A value has its number in every byte: of a torn one they differ. */
static uint8_t data[LARGE], seen[LARGE];

static int32_t set(struct role *role, const char *key, uint8_t number, size_t length) {
  memset(data, number, sizeof data);
  syncmgr_cell_t cell = {.key = key, .data = length == 0 ? NULL : data, .length = length};
  return syncmgr_channel_set(role->cells, &cell, SYNCMGR_VERSION_ANY, NULL);
}

/* The number of a cell's value, 0 when it is not there; insists that it is whole. */
static uint8_t get(struct role *role, const char *key) {
  syncmgr_cell_t cell = {.key = key};
  CALL(role, syncmgr_channel_get(role->cells, &cell, 1, seen, sizeof seen, NULL), SYNCMGR_OK,
       SYNCMGR_E_NOT_FOUND);
  if (role->status == SYNCMGR_E_NOT_FOUND) {
    return 0;
  }
  INSIST(role, cell.length == SMALL || cell.length == LARGE, "'%s' has %u bytes", key,
         (unsigned)cell.length);
  for (size_t index = 1; index < cell.length; index++) {
    INSIST(role, seen[index] == seen[0], "byte %u of '%s' is another's", (unsigned)index, key);
  }
  return seen[0];
}

static void insist_number(struct role *role, const char *key, uint8_t before, uint8_t after) {
  uint8_t number = get(role, key);
  bool finished = atomic_load(&role->stage->outcome) == VICTIM_FINISHED;
  INSIST(role, number == after || (!finished && number == before), "'%s' is %u", key, number);
}

static void prepare_cells(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
  open_cells(role);
}

static void prepare_peer(struct role *role) {
  open_both(role);
  open_cells(role);
  CALL(role, set(role, "small", 1, SMALL), SYNCMGR_OK);
  CALL(role, set(role, "large", 1, LARGE), SYNCMGR_OK);
  CALL(role, set(role, "grows", 1, SMALL), SYNCMGR_OK);
  CALL(role, set(role, "shrinks", 1, LARGE), SYNCMGR_OK);
  CALL(role, set(role, "removed", 1, LARGE), SYNCMGR_OK);
  CALL(role, set(role, "removed", 2, LARGE), SYNCMGR_OK);
  role_tell_ready(role);
  role_await_outcome(role);
}

static void peer_small(struct role *role) {
  prepare_peer(role);
  insist_number(role, "small", 1, 2);
  CALL(role, set(role, "small", 3, SMALL), SYNCMGR_OK);
  insist_number(role, "small", 3, 3);
}

static void peer_large(struct role *role) {
  prepare_peer(role);
  insist_number(role, "large", 1, 2);
  insist_number(role, "grows", 1, 2);
  insist_number(role, "shrinks", 1, 2);
  insist_number(role, "removed", 2, 0);
  CALL(role, set(role, "large", 3, LARGE), SYNCMGR_OK);
  CALL(role, set(role, "grows", 0, 0), SYNCMGR_OK);
  CALL(role, set(role, "removed", 3, LARGE), SYNCMGR_OK);
  insist_number(role, "large", 3, 3);
  insist_number(role, "grows", 0, 0);
  insist_number(role, "removed", 3, 3);
}

static void peer_made(struct role *role) {
  void *region = NULL;
  prepare_peer(role);
  insist_number(role, "small", 1, 1);
  insist_number(role, "large", 1, 1);
  for (uint8_t index = 0; index < MANY; index++) {
    char key[8];
    snprintf(key, sizeof key, "%u", index);
    insist_number(role, key, 0, (uint8_t)(index + 1));
    CALL(role, set(role, key, 100, index % 2 == 0 ? SMALL : LARGE), SYNCMGR_OK);
    insist_number(role, key, 100, 100);
  }
  CALL(role, syncmgr_channel_region(role->cells, "region", 5000, &region), SYNCMGR_OK);
  INSIST(role, *(uint8_t *)region == 0, "the region is not zero");
}

static void act_set_small(struct role *role) {
  CALL(role, set(role, "small", 2, SMALL), SYNCMGR_OK);
}

static void act_set_large(struct role *role) {
  CALL(role, set(role, "large", 2, LARGE), SYNCMGR_OK);
  CALL(role, set(role, "grows", 2, LARGE), SYNCMGR_OK);
  CALL(role, set(role, "shrinks", 2, SMALL), SYNCMGR_OK);
  CALL(role, set(role, "removed", 0, 0), SYNCMGR_OK);
}

/* More than the table has room for, and a region. */
static void act_make(struct role *role) {
  void *region = NULL;
  for (uint8_t index = 0; index < MANY; index++) {
    char key[8];
    snprintf(key, sizeof key, "%u", index);
    CALL(role, set(role, key, (uint8_t)(index + 1), index % 7 == 0 ? LARGE : SMALL), SYNCMGR_OK);
  }
  CALL(role, syncmgr_channel_region(role->cells, "region", 5000, &region), SYNCMGR_OK);
  INSIST(role, *(uint8_t *)region == 0, "the region is not zero");
}

/* Of a channel that the victim makes, uses and removes; nobody else has it. */
static void act_remove(struct role *role) {
  open_cells(role);
  act_make(role);
  CALL(role, set(role, "3", 9, LARGE), SYNCMGR_OK);
  CALL(role, syncmgr_channel_close(role->cells), SYNCMGR_OK);
  CALL(role, syncmgr_object_remove(role->manager, SYNCMGR_TYPE_CHANNEL, CELLS_NAME), SYNCMGR_OK);
}

static void prepare_alone(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
}

/* Peer 0 blocks, peer 1 has a ticket in a queue; peer 2 sets what the victim did not. */
static void prepare_change(struct role *role) {
  open_both(role);
  open_cells(role);
  role_await_peer_asleep(role, 0);
  role_await(role, TOLD_READY(1));
}

static void act_change(struct role *role) {
  CALL(role, set(role, "key", 2, SMALL), SYNCMGR_OK);
}

static void await_ticket(struct role *role) {
  syncmgr_cell_t cell = {.key = "key"};
  syncmgr_ticket_t *ticket = NULL;
  CALL(role,
       syncmgr_channel_changed_start(role->cells, &cell, SYNCMGR_FOREVER, NULL, 0, &ticket),
       SYNCMGR_PENDING);
  role_tell_ready(role);
  do {
    CALL(role, syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_OK,
         SYNCMGR_INTERRUPTED);
  } while (role->status == SYNCMGR_INTERRUPTED);
}

static void peer_wait_or_help(struct role *role) {
  open_both(role);
  open_cells(role);
  if (role->index == 0) {
    role_tell_waiting(role);
    CALL(role, syncmgr_channel_changed(role->cells, "key", 0, SYNCMGR_FOREVER, NULL), SYNCMGR_OK);
    tell_released(role);
  } else if (role->index == 1) {
    await_ticket(role);
    tell_released(role);
  } else {
    role_await_outcome(role);
    if (get(role, "key") == 0) {
      CALL(role, set(role, "key", 2, SMALL), SYNCMGR_OK);
    }
    await_released(role, 2);
  }
}

/* The victim waits and peer 0 changes the cell, which is all it needs to go on. */
static void act_wait(struct role *role) {
  uint64_t version = 0;
  CALL(role, syncmgr_channel_changed(role->cells, "key", 0, SYNCMGR_FOREVER, &version),
       SYNCMGR_OK);
  INSIST(role, version == 1, "the version is %u", (unsigned)version);
}

static void peer_change(struct role *role) {
  open_both(role);
  open_cells(role);
  role_tell_ready(role);
  role_await_victim_asleep(role);
  CALL(role, set(role, "key", 2, LARGE), SYNCMGR_OK);
  insist_number(role, "key", 2, 2);
}

static void act_wait_in_vain(struct role *role) {
  syncmgr_cell_t cell = {.key = "other"};
  syncmgr_ticket_t *ticket = NULL;
  CALL(role, syncmgr_channel_changed(role->cells, "key", 0, 3 * MILLISECOND, NULL),
       SYNCMGR_E_TIMEOUT);
  CALL(role,
       syncmgr_channel_changed_start(role->cells, &cell, SYNCMGR_FOREVER, NULL, 0, &ticket),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_ticket_cancel(ticket), SYNCMGR_OK);
}

static void peer_keep_open(struct role *role) {
  open_both(role);
  open_cells(role);
  role_tell_ready(role);
}

const struct scenario scenarios_cells[] = {
    {.name = "cells-set-small", .peers = 1, .peer = peer_small, .prepare = prepare_cells,
     .act = act_set_small},
    {.name = "cells-set-large", .peers = 1, .peer = peer_large, .prepare = prepare_cells,
     .act = act_set_large},
    {.name = "cells-make", .peers = 1, .peer = peer_made, .prepare = prepare_cells,
     .act = act_make},
    {.name = "cells-remove", .flags = SCENARIO_REMOVABLE, .peers = 1, .peer = peer_idle,
     .prepare = prepare_alone, .act = act_remove},
    {.name = "cells-change", .peers = 3, .peer = peer_wait_or_help, .prepare = prepare_change,
     .act = act_change},
    {.name = "cells-change-no-threads", .flags = SCENARIO_NO_THREADS, .peers = 3,
     .peer = peer_wait_or_help, .prepare = prepare_change, .act = act_change},
    {.name = "cells-wait", .peers = 1, .peer = peer_change, .prepare = prepare_cells,
     .act = act_wait},
    {.name = "cells-wait-in-vain", .peers = 1, .peer = peer_keep_open, .prepare = prepare_cells,
     .act = act_wait_in_vain},
    {.name = NULL},
};
