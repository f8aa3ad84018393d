/* Several processes that read under one lock nearly all the time, and write now and then.
 *
 * SPDX-License-Identifier: MIT
 *
 * mixed PROCESSES SLICES MILLISECONDS posix|boost URL: nine times of ten a process reads, else it
 * writes; it works 200 ns inside and 200 ns outside. Ours and the peer, a process-shared
 * pthread_rwlock_t or Boost's interprocess_sharable_mutex, take turns in slices of so many
 * milliseconds, SLICES each. What is printed: see slices.h.
 */
#include "boost_peer.h"
#include "slices.h"

#include <pthread.h>

enum { WRITES_OF = 10 };

/* Each kind is a loop of its own, so that none pays for a choice that is made anew each time. */
#define DEFINE_LOOP(name, lock_read, lock_write, unlock_read, unlock_write)                   \
  static void loop_##name(slices_t *slices, result_t *result, int slice, void *lock) {        \
    uint64_t own = (uint64_t)slice + 1, seen = 0, longest = 0, measured = 0, writes = 0;      \
    (void)lock;                                                                               \
    uint64_t turn = (uint64_t)getpid();                                                       \
    for (int phase; slice_goes_on(slices, slice, &phase); turn++) {                           \
      int is_write = turn % WRITES_OF == 0;                                                   \
      uint64_t before = ticks();                                                              \
      if ((is_write ? (lock_write) : (lock_read)) != 0) fail("%s: lock failed", #name);       \
      uint64_t after = ticks();                                                               \
      if (is_write) slices->counter++, writes++;                                              \
      else seen += slices->counter;                                                           \
      own = spend(own + seen, slices->work_steps);                                            \
      if ((is_write ? (unlock_write) : (unlock_read)) != 0) fail("%s: unlock failed", #name); \
      if (phase & 1) measured++, longest = longer(longest, before, after);                    \
      own = spend(own, slices->work_steps);                                                   \
    }                                                                                         \
    keep_result(slices, result, measured, writes, longest);                                   \
  }

DEFINE_LOOP(ours, syncmgr_rwlock_lock(lock, SYNCMGR_SHARED, SYNCMGR_FOREVER),
            syncmgr_rwlock_lock(lock, SYNCMGR_EXCLUSIVE, SYNCMGR_FOREVER),
            syncmgr_rwlock_unlock(lock), syncmgr_rwlock_unlock(lock))
DEFINE_LOOP(posix, pthread_rwlock_rdlock(lock), pthread_rwlock_wrlock(lock),
            pthread_rwlock_unlock(lock), pthread_rwlock_unlock(lock))
DEFINE_LOOP(boost, boost_peer_lock(1), boost_peer_lock(0), boost_peer_unlock(1),
            boost_peer_unlock(0))

static void *make_posix_rwlock(void) {
  pthread_rwlock_t *rwlock = shared_memory(sizeof *rwlock);
  pthread_rwlockattr_t attributes;
  check_posix(pthread_rwlockattr_init(&attributes), "pthread_rwlockattr_init");
  check_posix(pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
  check_posix(pthread_rwlock_init(rwlock, &attributes), "pthread_rwlock_init");
  return rwlock;
}

static void *open_rwlock(syncmgr_workstream_t *me) {
  syncmgr_rwlock_t *rwlock;
  check(syncmgr_rwlock_open(me, "mixed", NULL, &rwlock), "rwlock_open");
  return rwlock;
}

int main(int count, char **arguments) {
  if (count != 6) fail("usage: mixed PROCESSES SLICES MILLISECONDS posix|boost URL");
  slices_t *slices = slices_make(count, arguments, arguments[5]);
  int is_posix = strcmp(arguments[4], "posix") == 0;
  if (is_posix) {
    slices->peer = make_posix_rwlock();
  } else if (boost_peer_open_sharable() != 0) {
    fail("this program was built without Boost");
  }
  slices_run(slices, open_rwlock, loop_ours, is_posix ? loop_posix : loop_boost);
  return 0;
}
