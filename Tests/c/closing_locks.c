/* Closing what a thread waits in for ever: a condition with its mutex, an upgrade. */
#include "peer.h"

typedef struct blocked {
  syncmgr_t *space;
  syncmgr_workstream_t *me;
  syncmgr_mutex_t *mutex;
  syncmgr_condition_t *condition;
  syncmgr_rwlock_t *rwlock;
  _Atomic bool entered;
  int32_t status;
} blocked_t;

enum { BY_HANDLE, BY_MUTEX, BY_WORKSTREAM, BY_MANAGER, WAYS };

static void open_blocked(blocked_t *blocked, const char *url, uint32_t flags) {
  *blocked = (blocked_t){.space = open_space(url, flags)};
  blocked->me = open_workstream(blocked->space, NULL);
  blocked->mutex = open_mutex(blocked->me, "m", SYNCMGR_MUTEX_RECURSIVE);
  blocked->condition = open_condition(blocked->me, "c");
  blocked->rwlock = open_rwlock(blocked->me, "r", 0);
}

static void close_somehow(blocked_t *blocked, unsigned way, bool upgrades) {
  if (way == BY_HANDLE && upgrades) CHECK_OK(syncmgr_rwlock_close(blocked->rwlock));
  if (way == BY_HANDLE && !upgrades) CHECK_OK(syncmgr_condition_close(blocked->condition));
  if (way == BY_MUTEX) CHECK_OK(syncmgr_mutex_close(blocked->mutex));
  if (way == BY_WORKSTREAM) CHECK_OK(syncmgr_workstream_close(blocked->me));
  if (way == BY_MANAGER) CHECK_OK(syncmgr_close(blocked->space));
}

static void *wait_in_condition(void *argument) {
  blocked_t *blocked = argument;
  CHECK_OK(syncmgr_mutex_lock(blocked->mutex, 0));
  CHECK_OK(syncmgr_mutex_lock(blocked->mutex, 0));
  atomic_store(&blocked->entered, true);
  blocked->status = syncmgr_condition_wait(blocked->condition, blocked->mutex, SYNCMGR_FOREVER);
  return NULL;
}

/* `signalled`: it has its signal already and waits for the mutex, which the other one has. */
static void expect_condition_wait_ends(unsigned way, uint32_t flags, bool signalled) {
  const char *url = unique_url();
  blocked_t blocked, other;
  open_blocked(&other, url, flags);
  open_blocked(&blocked, url, flags);
  uint32_t count = 9;
  pthread_t thread = start_thread(wait_in_condition, &blocked);
  WAIT_UNTIL(atomic_load(&blocked.entered));
  CHECK_OK(syncmgr_mutex_lock(other.mutex, 5 * SECOND));
  if (signalled) CHECK_OK(syncmgr_condition_signal(other.condition, 1, &count));
  if (signalled) CHECK_EQUAL(count, 1);
  close_somehow(&blocked, way, false);
  join_thread(thread);
  CHECK_STATUS(blocked.status, SYNCMGR_E_CLOSED);
  CHECK_OK(syncmgr_condition_waiting(other.condition, &count));
  CHECK_EQUAL(count, 0);
  CHECK_OK(syncmgr_mutex_unlock(other.mutex));
  CHECK_OK(syncmgr_mutex_lock(other.mutex, 0));
  if (way != BY_MANAGER) CHECK_OK(syncmgr_close(blocked.space));
  check_and_close(other.space);
}

TEST(a_wait_for_a_condition_ends_when_anything_of_it_closes) {
  for (unsigned way = 0; way < WAYS; way++) {
    expect_condition_wait_ends(way, 0, false);
    expect_condition_wait_ends(way, SYNCMGR_OPEN_NO_THREADS, false);
  }
}

TEST(a_signalled_wait_for_the_mutex_ends_when_anything_of_it_closes) {
  for (unsigned way = 0; way < WAYS; way++) {
    expect_condition_wait_ends(way, 0, true);
    expect_condition_wait_ends(way, SYNCMGR_OPEN_NO_THREADS, true);
  }
}

static void *wait_to_upgrade(void *argument) {
  blocked_t *blocked = argument;
  CHECK_OK(syncmgr_rwlock_lock(blocked->rwlock, SYNCMGR_SHARED, 0));
  atomic_store(&blocked->entered, true);
  blocked->status = syncmgr_rwlock_upgrade(blocked->rwlock, SYNCMGR_FOREVER);
  return NULL;
}

TEST(an_upgrade_that_waits_ends_when_its_lock_closes_and_its_shared_hold_is_released) {
  for (unsigned way = 0; way < WAYS; way++) {
    if (way == BY_MUTEX) continue;
    const char *url = unique_url();
    blocked_t blocked, other;
    open_blocked(&other, url, 0);
    open_blocked(&blocked, url, 0);
    CHECK_OK(syncmgr_rwlock_lock(other.rwlock, SYNCMGR_SHARED, 0));
    pthread_t thread = start_thread(wait_to_upgrade, &blocked);
    WAIT_UNTIL(atomic_load(&blocked.entered));
    sleep_ms(10);
    close_somehow(&blocked, way, true);
    join_thread(thread);
    CHECK_STATUS(blocked.status, SYNCMGR_E_CLOSED);
    CHECK_OK(syncmgr_rwlock_upgrade(other.rwlock, 0));
    if (way != BY_MANAGER) CHECK_OK(syncmgr_close(blocked.space));
    check_and_close(other.space);
  }
}
