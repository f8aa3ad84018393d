/* What the tests of several locks at once share: a workstream with some of each kind. */
#ifndef MANY_H
#define MANY_H

#include "peer.h"

enum { LOCKS = 4 };

/** A workstream with the mutexes "m0" to "m3", a semaphore of 3 and a readers-writer lock: in this
 *  order they are made. */
typedef struct set {
  syncmgr_workstream_t *me;
  syncmgr_mutex_t *mutexes[LOCKS];
  syncmgr_semaphore_t *semaphore;
  syncmgr_rwlock_t *rwlock;
} set_t;

set_t open_set(syncmgr_t *space);

/** An item whose status is 77. */
syncmgr_lock_item_t item(void *handle, uint32_t amount);

uint32_t available(set_t set);
bool is_locked(syncmgr_mutex_t *mutex);
uint32_t holders_of(syncmgr_rwlock_t *rwlock);

/** The items of a set that are taken together: first "m0" (the last in the list), then "m3", then
 *  all of "s". */
enum { ITEMS = 3 };
typedef struct items {
  syncmgr_lock_item_t list[ITEMS];
} items_t;

items_t items_of(set_t set);

/** Starts to lock them, with the user data 41, and checks that this waits. */
syncmgr_ticket_t *start(items_t *items, int64_t timeout_ns, syncmgr_queue_t *queue);

/** Checks that nobody holds anything of the set. */
void check_free(set_t set);

/** Checks that all of the items are held, and unlocks them. */
void check_all_held(set_t set, items_t *items);

/** Checks the statuses of items of which one could not be had. */
void check_failed(items_t *items, unsigned failed, int32_t status);

/** Spaces with the background thread and without, shared and not. */
enum { KINDS = 4 };
syncmgr_t *space_of(unsigned kind);

/** Drains until there is a record. */
syncmgr_record_t record_of(syncmgr_queue_t *queue);

#endif
