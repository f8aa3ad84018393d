#include "bodies.h"

#include <stdio.h>
#include <unistd.h>

enum { STATUS_VALUE = 14, TIME_VALUE = 15, STATUS_BASE = 1000 };

void report_status(peer_t *self, int32_t status) {
  atomic_store(&self->values[TIME_VALUE], now_ns());
  atomic_store(&self->values[STATUS_VALUE], STATUS_BASE + status);
}

int32_t peer_wait_status(peer_t *peer) {
  return (int32_t)(peer_wait_value(peer, STATUS_VALUE) - STATUS_BASE);
}

int64_t peer_wait_time(peer_t *peer) {
  peer_wait_status(peer);
  return atomic_load(&peer->values[TIME_VALUE]);
}

bool peer_still_waits(peer_t *peer) { return atomic_load(&peer->values[STATUS_VALUE]) == 0; }

peer_t *take_first_back(peer_t **waiters, unsigned count) {
  for (;; sleep_ms(1)) {
    for (unsigned index = 0; index < count; index++) {
      peer_t *peer = waiters[index];
      if (!peer || peer_still_waits(peer)) continue;
      waiters[index] = NULL;
      return peer;
    }
  }
}

const char *peer_workstream_name(peer_t *peer) {
  static char name[64];
  snprintf(name, sizeof name, "peer-%d", (int)peer->pid);
  return name;
}

static syncmgr_workstream_t *enter(peer_t *self, syncmgr_t **space) {
  *space = peer_space(self);
  return open_workstream(*space, peer_workstream_name(self));
}

void hold_mutex(peer_t *self) {
  syncmgr_t *space = NULL;
  uint64_t token = 0;
  syncmgr_mutex_t *mutex = open_mutex(enter(self, &space), "m", self->index);
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  CHECK_OK(syncmgr_mutex_token(mutex, &token));
  atomic_store(&self->values[1], (int64_t)token);
  peer_pause(self);
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  CHECK_OK(syncmgr_close(space));
}

void wait_mutex(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_mutex_t *mutex = open_mutex(enter(self, &space), "m", self->index);
  peer_pause(self);
  report_status(self, syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER));
  peer_pause(self);
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  CHECK_OK(syncmgr_close(space));
}

void hold_semaphore(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_semaphore_t *semaphore = open_semaphore(enter(self, &space), "s", SEMAPHORE_PERMITS, 0);
  CHECK_OK(syncmgr_semaphore_acquire(semaphore, self->index, 0));
  peer_pause(self);
  CHECK_OK(syncmgr_semaphore_release(semaphore, self->index));
  CHECK_OK(syncmgr_close(space));
}

void wait_semaphore(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_semaphore_t *semaphore = open_semaphore(enter(self, &space), "s", SEMAPHORE_PERMITS, 0);
  peer_pause(self);
  report_status(self, syncmgr_semaphore_acquire(semaphore, self->index, SYNCMGR_FOREVER));
  peer_pause(self);
  CHECK_OK(syncmgr_semaphore_release(semaphore, self->index));
  CHECK_OK(syncmgr_close(space));
}

void wait_barrier(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_barrier_t *barrier = open_barrier(enter(self, &space), "b", BARRIER_PARTIES);
  peer_pause(self);
  report_status(self, syncmgr_barrier_wait(barrier, SYNCMGR_FOREVER, NULL, NULL));
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

void wait_event(peer_t *self) {
  syncmgr_t *space = NULL;
  syncmgr_event_t *event = open_event(enter(self, &space), "e", 0);
  peer_pause(self);
  report_status(self, syncmgr_event_wait(event, SYNCMGR_FOREVER));
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

peer_t *start_waiter(peer_body_t body, const char *url, uint32_t index, uint32_t flags) {
  peer_t *peer = peer_start(body, url, index, flags);
  peer_wait_pause(peer, 1);
  peer_go(peer);
  peer_wait_asleep(peer);
  return peer;
}

peer_t *start_holder(peer_body_t body, const char *url, uint32_t index, uint32_t flags) {
  peer_t *peer = peer_start(body, url, index, flags);
  peer_wait_pause(peer, 1);
  return peer;
}

void finish(peer_t *peer) {
  atomic_store(&peer->allowed, UINT32_MAX);
  peer_join(peer);
}
