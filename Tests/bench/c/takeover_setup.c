/* Makes what the processes of takeover.c share.
 *
 * SPDX-License-Identifier: MIT
 */
#include "takeover.h"

#include <errno.h>
#include <sys/mman.h>

static int make_file(const char *name) {
  int descriptor = memfd_create(name, MFD_CLOEXEC);
  if (descriptor < 0) fail("memfd_create: %s", strerror(errno));
  return descriptor;
}

static void make_semaphore(sem_t *semaphore) {
  if (sem_init(semaphore, 1, 0) != 0) fail("sem_init: %s", strerror(errno));
}

static void make_robust_mutex(pthread_mutex_t *mutex) {
  pthread_mutexattr_t attributes;
  check_posix(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
  check_posix(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
  check_posix(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), "setrobust");
  check_posix(pthread_mutex_init(mutex, &attributes), "pthread_mutex_init");
}

bench_t *make_bench(const char *kind, const char *url) {
  bench_t *made = shared_memory(sizeof *made);
  made->kind = kind;
  made->url = url;
  made->ours = strncmp(kind, "syncmgr", 7) == 0;
  if (!made->ours && strcmp(kind, "robust") != 0 && strcmp(kind, "record") != 0) {
    fail("there is no kind named %s", kind);
  }
  /* A record lock belongs to a process, so the children may share the descriptor. */
  made->record_file = make_file("record");
  made->probe_file = make_file("probe");
  make_robust_mutex(&made->posix_mutex);
  make_semaphore(&made->taken);
  make_semaphore(&made->waiter_go);
  make_semaphore(&made->waiter_done);
  make_semaphore(&made->probe_go);
  make_semaphore(&made->probe_done);
  return made;
}
