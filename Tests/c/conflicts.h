/* Conflicts, as the tests declare and look at them. */
#ifndef CONFLICTS_H
#define CONFLICTS_H

#include "stores.h"

/** A space with a workstream and its store. */
typedef struct scene {
  syncmgr_t *space;
  syncmgr_workstream_t *me;
  syncmgr_store_t *store;
} scene_t;

scene_t open_scene(const char *url, const char *name);
void close_scene(scene_t *scene);

/** Declares a conflict between "a" and "b" that nothing is done about by itself. */
uint64_t declare(syncmgr_store_t *store, uint32_t type, uint32_t strategy, const char *data);

/** A conflict as JSON; overwritten by the next call of the thread. */
const char *conflict_text(syncmgr_store_t *store, uint64_t id);

/** Checks that a conflict's JSON has this text in it. */
void check_conflict(syncmgr_store_t *store, uint64_t id, const char *text);

/** How many conflicts have this status. */
unsigned count_conflicts(syncmgr_store_t *store, uint32_t status);

#endif
