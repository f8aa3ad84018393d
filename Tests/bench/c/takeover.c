/* How soon the next one has the mutex of a process that was killed.
 *
 * SPDX-License-Identifier: MIT
 *
 * takeover KIND MEBIBYTES KILLS URL: KILLS times a victim with so much resident memory takes the
 * mutex, a waiter sleeps on it, and the victim gets SIGKILL. Prints the samples in microseconds.
 *   syncmgr, robust              from the kill to the return of the waiter's lock call
 *   syncmgr-no-threads, record   from the moment at which the kernel dropped the victim's file
 *                                locks, which a probe process sees, to that return
 * Four processes: the main one kills and keeps the time; waiter and probe live through all kills;
 * each victim is new.
 */
#include "takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

static bench_t *bench;

static int is(const char *kind) { return strcmp(bench->kind, kind) == 0; }

static int after_drop(void) { return is("syncmgr-no-threads") || is("record"); }

static void await(sem_t *semaphore) {
  while (sem_wait(semaphore) != 0) {
    if (errno != EINTR) fail("sem_wait: %s", strerror(errno));
  }
}

static int record_lock(int descriptor, int command, short type) {
  struct flock range = {.l_type = type, .l_whence = SEEK_SET};
  return fcntl(descriptor, command, &range);
}

static syncmgr_mutex_t *open_mutex(void) {
  uint32_t flags = is("syncmgr-no-threads") ? SYNCMGR_OPEN_NO_THREADS : 0;
  syncmgr_mutex_t *mutex;
  check(syncmgr_mutex_open(open_workstream(bench->url, flags), "takeover", NULL, &mutex),
        "mutex_open");
  return mutex;
}

/* Takes what is measured. Returns 1 when its owner before died in it, where that can be told. */
static int take(syncmgr_mutex_t *mutex) {
  if (mutex != NULL) {
    int32_t status = syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER);
    check(status, "mutex_lock");
    return status == SYNCMGR_OWNER_DIED;
  }
  if (is("record")) {
    if (record_lock(bench->record_file, F_SETLKW, F_WRLCK) != 0) fail("F_SETLKW failed");
    return 1;
  }
  int error = pthread_mutex_lock(&bench->posix_mutex);
  if (error != EOWNERDEAD) return check_posix(error, "pthread_mutex_lock"), 0;
  check_posix(pthread_mutex_consistent(&bench->posix_mutex), "pthread_mutex_consistent");
  return 1;
}

static void give(syncmgr_mutex_t *mutex) {
  if (mutex != NULL) {
    check(syncmgr_mutex_unlock(mutex), "mutex_unlock");
  } else if (is("record")) {
    if (record_lock(bench->record_file, F_SETLK, F_UNLCK) != 0) fail("F_SETLK failed");
  } else {
    check_posix(pthread_mutex_unlock(&bench->posix_mutex), "pthread_mutex_unlock");
  }
}

static void make_resident(size_t size) {
  if (size == 0) return;
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap: %s", strerror(errno));
  /* Huge pages would be given back in a moment. */
  madvise(memory, size, MADV_NOHUGEPAGE);
  for (size_t offset = 0; offset < size; offset += 4096) memory[offset] = 1;
}

static void die_in_it(int index, void *context) {
  (void)index;
  (void)context;
  make_resident(bench->resident);
  syncmgr_mutex_t *mutex = bench->ours ? open_mutex() : NULL;
  if (record_lock(bench->probe_file, F_SETLK, F_WRLCK) != 0) fail("F_SETLK failed");
  if (take(mutex) && !is("record")) fail("the victim inherited from somebody");
  sem_post(&bench->taken);
  for (;;) pause();
}

static void wait_for_it(int index, void *context) {
  (void)index;
  (void)context;
  syncmgr_mutex_t *mutex = bench->ours ? open_mutex() : NULL;
  sem_post(&bench->waiter_done);
  for (;;) {
    await(&bench->waiter_go);
    atomic_store(&bench->waiter_waits, 1);
    int inherited = take(mutex);
    bench->taken_over_ns = now_ns();
    if (!inherited) fail("the waiter was not told of the death");
    give(mutex);
    sem_post(&bench->waiter_done);
  }
}

static void probe(int index, void *context) {
  (void)index;
  (void)context;
  for (;;) {
    await(&bench->probe_go);
    atomic_store(&bench->probe_waits, 1);
    if (record_lock(bench->probe_file, F_SETLKW, F_WRLCK) != 0) fail("F_SETLKW failed");
    bench->dropped_ns = now_ns();
    record_lock(bench->probe_file, F_SETLK, F_UNLCK);
    sem_post(&bench->probe_done);
  }
}

static double one_kill(uint32_t *seed) {
  atomic_store(&bench->waiter_waits, 0);
  atomic_store(&bench->probe_waits, 0);
  pid_t victim = start_child(die_in_it, 0, NULL);
  await(&bench->taken);
  sem_post(&bench->waiter_go);
  sem_post(&bench->probe_go);
  while (!atomic_load(&bench->waiter_waits) || !atomic_load(&bench->probe_waits)) {
    sleep_ns(200000);
  }
  /* Both must be asleep by now, and at no fixed distance from the last look that a waiter took
   * which looks again from time to time. */
  *seed = *seed * 1664525u + 1013904223u;
  sleep_ns(5000000 + (int64_t)(*seed >> 8) % 20000000);
  int64_t killed_ns = now_ns();
  if (kill(victim, SIGKILL) != 0) fail("kill: %s", strerror(errno));
  await(&bench->waiter_done);
  await(&bench->probe_done);
  int status;
  if (waitpid(victim, &status, 0) != victim) fail("waitpid: %s", strerror(errno));
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) fail("the victim ended by itself");
  int64_t elapsed_ns = bench->taken_over_ns - (after_drop() ? bench->dropped_ns : killed_ns);
  /* The probe may be the later of the two by its own waking up. */
  return elapsed_ns > 0 ? (double)elapsed_ns / 1000 : 0;
}

int main(int count, char **arguments) {
  if (count != 5) {
    fail("usage: takeover syncmgr|syncmgr-no-threads|robust|record MEBIBYTES KILLS URL");
  }
  bench = make_bench(arguments[1], arguments[4]);
  bench->resident = (size_t)number_argument(count, arguments, 2, "MEBIBYTES") << 20;
  long kills = number_argument(count, arguments, 3, "KILLS");
  deadline((unsigned)(30 + kills * 2));
  pid_t helpers[2] = {start_child(wait_for_it, 0, NULL), start_child(probe, 0, NULL)};
  await(&bench->waiter_done);
  uint32_t seed = 1;
  for (long index = 0; index < kills; index++) report("sample", one_kill(&seed));
  for (int index = 0; index < 2; index++) kill(helpers[index], SIGKILL);
  for (int index = 0; index < 2; index++) wait(NULL);
  remove_space(bench->url);
  return 0;
}
