#include "many.h"

set_t open_set(syncmgr_t *space) {
  set_t set = {.me = open_workstream(space, NULL)};
  char name[] = "m0";
  for (unsigned index = 0; index < LOCKS; index++) {
    name[1] = (char)('0' + index);
    set.mutexes[index] = open_mutex(set.me, name, 0);
  }
  set.semaphore = open_semaphore(set.me, "s", 3, 0);
  CHECK_OK(syncmgr_rwlock_open(set.me, "r", NULL, &set.rwlock));
  return set;
}

syncmgr_lock_item_t item(void *handle, uint32_t amount) {
  return (syncmgr_lock_item_t){(uint64_t)(uintptr_t)handle, amount, 77};
}

uint32_t available(set_t set) {
  uint32_t count = 0;
  CHECK_OK(syncmgr_semaphore_available(set.semaphore, &count));
  return count;
}

bool is_locked(syncmgr_mutex_t *mutex) {
  syncmgr_holder_t holder;
  return syncmgr_mutex_held_by(mutex, &holder) == SYNCMGR_OK;
}

uint32_t holders_of(syncmgr_rwlock_t *rwlock) {
  uint32_t count = 0;
  CHECK_OK(syncmgr_rwlock_holders(rwlock, NULL, 0, &count));
  return count;
}

items_t items_of(set_t set) {
  return (items_t){{item(set.semaphore, 3), item(set.mutexes[3], 0), item(set.mutexes[0], 0)}};
}

syncmgr_ticket_t *start(items_t *items, int64_t timeout_ns, syncmgr_queue_t *queue) {
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_lock_many_start(items->list, ITEMS, timeout_ns, queue, 41, &ticket),
               SYNCMGR_PENDING);
  CHECK(ticket != NULL);
  for (unsigned index = 0; index < ITEMS; index++) CHECK_EQUAL(items->list[index].status, 77);
  return ticket;
}

void check_free(set_t set) {
  for (unsigned index = 0; index < LOCKS; index++) CHECK(!is_locked(set.mutexes[index]));
  CHECK_EQUAL(available(set), 3);
  CHECK_EQUAL(holders_of(set.rwlock), 0);
}

void check_all_held(set_t set, items_t *items) {
  for (unsigned index = 0; index < ITEMS; index++) CHECK_OK(items->list[index].status);
  CHECK(is_locked(set.mutexes[0]) && is_locked(set.mutexes[3]));
  CHECK_EQUAL(available(set), 0);
  CHECK_OK(syncmgr_unlock_many(items->list, ITEMS));
}

void check_failed(items_t *items, unsigned failed, int32_t status) {
  for (unsigned index = 0; index < ITEMS; index++) {
    CHECK_STATUS(items->list[index].status, index == failed ? status : SYNCMGR_E_CANCELLED);
  }
}

syncmgr_t *space_of(unsigned kind) {
  return open_space(kind & 1 ? unique_url() : "local:",
                    kind & 2 ? SYNCMGR_OPEN_NO_THREADS : 0);
}

syncmgr_record_t record_of(syncmgr_queue_t *queue) {
  syncmgr_record_t record;
  uint32_t count = 0;
  while (count == 0) {
    CHECK_OK(syncmgr_queue_drain(queue, &record, 1, &count));
    if (count == 0) sleep_ms(1);
  }
  return record;
}
