/* The parts of common.h that need not be inlined.
 *
 * SPDX-License-Identifier: MIT
 */
#include "common.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

double ticks_per_ns(void) {
  int64_t start_ns = now_ns();
  uint64_t start_ticks = ticks();
  while (now_ns() - start_ns < 20000000) pause_cpu();
  return (double)(ticks() - start_ticks) / (double)(now_ns() - start_ns);
}

uint64_t steps_for_ns(double ns) {
  const uint64_t sample = 100000;
  int64_t best = INT64_MAX;
  /* Only the fastest of many samples was undisturbed. */
  for (int round = 0; round < 50; round++) {
    int64_t start = now_ns();
    spend((uint64_t)start, sample);
    int64_t elapsed = now_ns() - start;
    if (elapsed < best) best = elapsed;
  }
  return (uint64_t)(ns * (double)sample / (double)best + 0.5);
}

void pin_to(unsigned index) {
  cpu_set_t allowed, chosen;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) fail("sched_getaffinity failed");
  unsigned wanted = index % (unsigned)CPU_COUNT(&allowed);
  CPU_ZERO(&chosen);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    if (wanted-- == 0) {
      CPU_SET(cpu, &chosen);
      break;
    }
  }
  if (sched_setaffinity(0, sizeof chosen, &chosen) != 0) fail("sched_setaffinity failed");
}

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  /* A child must not run the parent's exit handlers nor print its buffered lines again. */
  _exit(1);
}

void check(int32_t status, const char *what) {
  if (status < 0) fail("%s: %s: %s", what, syncmgr_status_name(status), syncmgr_last_error());
}

void check_posix(int error, const char *what) {
  if (error != 0) fail("%s: %s", what, strerror(error));
}

void *shared_memory(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap: %s", strerror(errno));
  return memory;
}

pid_t start_child(void (*body)(int index, void *context), int index, void *context) {
  pid_t parent = getpid();
  pid_t child = fork();
  if (child < 0) fail("fork: %s", strerror(errno));
  if (child > 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* The parent may have died before the line above could see it. */
  if (getppid() != parent) _exit(1);
  body(index, context);
  _exit(0);
}

void join_children(int count) {
  for (int joined = 0; joined < count; joined++) {
    int status;
    pid_t child;
    do child = wait(&status);
    while (child < 0 && errno == EINTR);
    if (child < 0) fail("wait: %s", strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      fail("a child ended with wait status %#x", (unsigned)status);
    }
  }
}

void deadline(unsigned seconds) { alarm(seconds); }

void sleep_ns(int64_t ns) {
  struct timespec rest = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
  while (nanosleep(&rest, &rest) != 0 && errno == EINTR) continue;
}

static int compare_doubles(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

double median(double *values, size_t count) {
  if (count == 0) fail("no samples to take a median of");
  qsort(values, count, sizeof *values, compare_doubles);
  size_t middle = count / 2;
  return count % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void report(const char *key, double value) { printf("%s %.9g\n", key, value); }

long number_argument(int count, char **arguments, int index, const char *name) {
  if (index >= count) fail("the argument %s is missing", name);
  char *end;
  long value = strtol(arguments[index], &end, 10);
  if (end == arguments[index] || *end != 0 || value < 0) {
    fail("%s is not a number: %s", name, arguments[index]);
  }
  return value;
}

syncmgr_workstream_t *open_workstream(const char *url, uint32_t flags) {
  syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
  options.flags = flags;
  syncmgr_t *manager;
  syncmgr_workstream_t *workstream;
  check(syncmgr_open(url, &options, &manager), "syncmgr_open");
  check(syncmgr_workstream_open(manager, NULL, &workstream), "syncmgr_workstream_open");
  return workstream;
}

void remove_space(const char *url) {
  int32_t status = syncmgr_unlink(url);
  if (status != SYNCMGR_E_NOT_FOUND) check(status, "syncmgr_unlink");
}
