#include "deadlocks.h"

#include <stdio.h>
#include <string.h>

static void *do_wait(void *argument) {
  wait_t *wait = argument;
  int64_t timeout = wait->timeout_ns == 0 ? SYNCMGR_FOREVER : wait->timeout_ns;
  atomic_store(&wait->begun, 1);
  if (wait->mutex != NULL) {
    wait->status = syncmgr_mutex_lock(wait->mutex, timeout);
  } else if (wait->semaphore != NULL) {
    wait->status = syncmgr_semaphore_acquire(wait->semaphore, wait->count, timeout);
  } else {
    wait->status = syncmgr_rwlock_lock(wait->rwlock, SYNCMGR_EXCLUSIVE, timeout);
  }
  snprintf(wait->words, sizeof wait->words, "%s", syncmgr_last_error());
  if (wait->status == SYNCMGR_OK) {
    if (wait->mutex != NULL) CHECK_OK(syncmgr_mutex_unlock(wait->mutex));
    if (wait->semaphore != NULL) CHECK_OK(syncmgr_semaphore_release(wait->semaphore, wait->count));
    if (wait->rwlock != NULL) CHECK_OK(syncmgr_rwlock_unlock(wait->rwlock));
  }
  uint32_t count = wait->release_count == 0 ? 1 : wait->release_count;
  if (wait->release_mutex != NULL) CHECK_OK(syncmgr_mutex_unlock(wait->release_mutex));
  if (wait->release_semaphore != NULL) {
    CHECK_OK(syncmgr_semaphore_release(wait->release_semaphore, count));
  }
  if (wait->release_rwlock != NULL) CHECK_OK(syncmgr_rwlock_unlock(wait->release_rwlock));
  return NULL;
}

void begin_waits(wait_t *waits, unsigned count) {
  for (unsigned index = 0; index < count; index++) {
    waits[index].thread = start_thread(do_wait, &waits[index]);
    WAIT_UNTIL(atomic_load(&waits[index].begun));
    sleep_ms(1);
  }
}

unsigned end_waits(wait_t *waits, unsigned count) {
  unsigned victims = 0;
  for (unsigned index = 0; index < count; index++) {
    join_thread(waits[index].thread);
    int32_t status = waits[index].status;
    if (status == SYNCMGR_E_DEADLOCK) {
      victims++;
    } else if (status != SYNCMGR_OK && status != SYNCMGR_E_TIMEOUT) {
      harness_fail(__FILE__, __LINE__, "wait %u: %s", index, waits[index].words);
    }
  }
  return victims;
}

unsigned run_waits(wait_t *waits, unsigned count) {
  begin_waits(waits, count);
  return end_waits(waits, count);
}

static syncmgr_mutex_t *ring_lock(ring_t *ring, unsigned stream, unsigned lock) {
  char name[32];
  snprintf(name, sizeof name, "lock-%u", lock);
  return open_mutex(ring->workstreams[stream], name, 0);
}

void ring_open(ring_t *ring, syncmgr_t *space, unsigned count) {
  memset(ring, 0, sizeof *ring);
  ring->count = count;
  for (unsigned index = 0; index < count; index++) {
    char name[32];
    snprintf(name, sizeof name, "worker-%u", index);
    ring->workstreams[index] = open_workstream(space, name);
    wait_t *wait = &ring->waits[index];
    wait->release_mutex = ring_lock(ring, index, index);
    CHECK_OK(syncmgr_mutex_lock(wait->release_mutex, 0));
    wait->mutex = ring_lock(ring, index, (index + 1) % count);
  }
}

void ring_close_up(ring_t *ring) {
  for (unsigned index = 0; index < ring->count; index++) {
    ring->waits[index].timeout_ns = ring->timeout_ns;
  }
  begin_waits(ring->waits, ring->count);
}

void ring_start(ring_t *ring, syncmgr_t *space, unsigned count) {
  ring_open(ring, space, count);
  ring_close_up(ring);
}

unsigned ring_end(ring_t *ring) {
  unsigned victims = end_waits(ring->waits, ring->count);
  for (unsigned index = 0; index < ring->count; index++) {
    ring->statuses[index] = ring->waits[index].status;
    ring->words[index] = ring->waits[index].words;
  }
  return victims;
}

uint32_t list_deadlocks(syncmgr_t *space, syncmgr_deadlock_t *records, uint32_t capacity) {
  uint32_t count = 0;
  CHECK_OK(syncmgr_deadlock_list(space, records, capacity, &count));
  return count;
}

void lock_two(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_mutex_t *first = open_mutex(me, self->index == 0 ? "a" : "b", 0);
  syncmgr_mutex_t *second = open_mutex(me, self->index == 0 ? "b" : "a", 0);
  CHECK_OK(syncmgr_mutex_lock(first, 0));
  peer_pause(self);
  int32_t status = syncmgr_mutex_lock(second, SYNCMGR_FOREVER);
  report_status(self, status);
  if (status >= SYNCMGR_OK) CHECK_OK(syncmgr_mutex_unlock(second));
  CHECK_OK(syncmgr_mutex_unlock(first));
  CHECK_OK(syncmgr_close(space));
}

void hold_resource(peer_t *self) {
  syncmgr_resource_t *resource = open_resource(open_workstream(peer_space(self), NULL), "gpu", 3);
  CHECK_OK(syncmgr_resource_allocate(resource, self->index));
  peer_pause(self);
}
