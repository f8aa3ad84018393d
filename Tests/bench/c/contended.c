/* Several processes that want one mutex all the time.
 *
 * SPDX-License-Identifier: MIT
 *
 * contended PROCESSES SLICES MILLISECONDS URL: each process locks, works 200 ns on shared data,
 * unlocks and works 200 ns on its own. Ours and the peer, a pthread process-shared robust mutex,
 * take turns in slices of so many milliseconds, SLICES each. What is printed: see slices.h.
 */
#include "slices.h"

#include <pthread.h>

/* Each kind is a loop of its own, so that none pays for a choice that is made anew each time. */
#define DEFINE_LOOP(name, lock_call, unlock_call)                                             \
  static void loop_##name(slices_t *slices, result_t *result, int slice, void *lock) {        \
    uint64_t own = 1, longest = 0, measured = 0, all = 0;                                     \
    for (int phase; slice_goes_on(slices, slice, &phase);) {                                  \
      uint64_t before = ticks();                                                              \
      if ((lock_call) != 0) fail("%s: lock failed", #name);                                   \
      uint64_t after = ticks();                                                               \
      slices->counter++;                                                                      \
      slices->scratch = spend(slices->scratch, slices->work_steps);                           \
      if ((unlock_call) != 0) fail("%s: unlock failed", #name);                               \
      all++;                                                                                  \
      if (phase & 1) measured++, longest = longer(longest, before, after);                    \
      own = spend(own, slices->work_steps);                                                   \
    }                                                                                         \
    keep_result(slices, result, measured, all, longest);                                      \
  }

DEFINE_LOOP(ours, syncmgr_mutex_lock(lock, SYNCMGR_FOREVER), syncmgr_mutex_unlock(lock))
DEFINE_LOOP(peer, pthread_mutex_lock(lock), pthread_mutex_unlock(lock))

static void *make_posix_mutex(void) {
  pthread_mutex_t *mutex = shared_memory(sizeof *mutex);
  pthread_mutexattr_t attributes;
  check_posix(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
  check_posix(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
  check_posix(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), "setrobust");
  check_posix(pthread_mutex_init(mutex, &attributes), "pthread_mutex_init");
  return mutex;
}

static void *open_mutex(syncmgr_workstream_t *me) {
  syncmgr_mutex_t *mutex;
  check(syncmgr_mutex_open(me, "contended", NULL, &mutex), "mutex_open");
  return mutex;
}

int main(int count, char **arguments) {
  if (count != 5) fail("usage: contended PROCESSES SLICES MILLISECONDS URL");
  slices_t *slices = slices_make(count, arguments, arguments[4]);
  slices->peer = make_posix_mutex();
  slices_run(slices, open_mutex, loop_ours, loop_peer);
  return 0;
}
