/* What it costs a new process to come to what is already there.
 *
 * SPDX-License-Identifier: MIT
 *
 * attach keep URL NAME: makes a space with a mutex and a named semaphore, prints a line and keeps
 * them until its standard input ends.
 * attach syncmgr|no-threads|sem URL NAME: opens and closes them once. Prints the microseconds of
 * the open (space, workstream and mutex; or the semaphore) and of the close. To be run anew for
 * each sample, since a process pays some of it only once.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

static void keep(const char *url, const char *name) {
  syncmgr_mutex_t *mutex;
  check(syncmgr_mutex_open(open_workstream(url, 0), "attach", NULL, &mutex), "mutex_open");
  if (sem_open(name, O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED) {
    fail("sem_open: %s", strerror(errno));
  }
  puts("ready");
  fflush(stdout);
  while (getchar() != EOF) continue;
  sem_unlink(name);
  remove_space(url);
}

static void attach(const char *url, uint32_t flags) {
  syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
  options.flags = SYNCMGR_OPEN_ONLY | flags;
  syncmgr_t *manager;
  syncmgr_workstream_t *workstream;
  syncmgr_mutex_t *mutex;
  int64_t start = now_ns();
  check(syncmgr_open(url, &options, &manager), "syncmgr_open");
  check(syncmgr_workstream_open(manager, NULL, &workstream), "workstream_open");
  check(syncmgr_mutex_open(workstream, "attach", NULL, &mutex), "mutex_open");
  int64_t opened = now_ns();
  check(syncmgr_close(manager), "close");
  int64_t closed = now_ns();
  report("open", (double)(opened - start) / 1000);
  report("close", (double)(closed - opened) / 1000);
}

static void attach_semaphore(const char *name) {
  int64_t start = now_ns();
  sem_t *semaphore = sem_open(name, 0);
  if (semaphore == SEM_FAILED) fail("sem_open: %s", strerror(errno));
  int64_t opened = now_ns();
  sem_close(semaphore);
  int64_t closed = now_ns();
  report("open", (double)(opened - start) / 1000);
  report("close", (double)(closed - opened) / 1000);
}

int main(int count, char **arguments) {
  if (count != 4) fail("usage: attach keep|syncmgr|no-threads|sem URL NAME");
  const char *kind = arguments[1], *url = arguments[2], *name = arguments[3];
  /* The keeper ends with its input, so only the others need a deadline of their own. */
  if (strcmp(kind, "keep") == 0) return keep(url, name), 0;
  deadline(10);
  if (strcmp(kind, "syncmgr") == 0) return attach(url, 0), 0;
  if (strcmp(kind, "no-threads") == 0) return attach(url, SYNCMGR_OPEN_NO_THREADS), 0;
  if (strcmp(kind, "sem") == 0) return attach_semaphore(name), 0;
  fail("there is no kind named %s", kind);
}
