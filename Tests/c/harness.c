#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "syncmgr.h"

enum { EXIT_SKIPPED = 77, LEFTOVER_CAPACITY = 8 };

/* Shared with every process of the running test. The first failure takes the report. */
typedef struct report {
  _Atomic int claimed;
  _Atomic int written;
  char text[1024];
} report_t;

static test_t *first_test;
static test_t **last_link = &first_test;
static report_t *report;
static char tag[64];
static uint64_t seed;
static volatile sig_atomic_t is_stopped;

static void stop(int signal) {
  (void)signal;
  is_stopped = 1;
}

void harness_register(test_t *test) {
  *last_link = test;
  last_link = &test->next;
}

const char *harness_tag(void) { return tag; }

uint64_t harness_seed(void) { return seed; }

static const char *directory_path(void) {
  static char path[512];
  const char *parent = getenv("TMPDIR");
  snprintf(path, sizeof path, "%s/syncmgr-%.60s", parent && parent[0] ? parent : "/tmp", tag);
  return path;
}

const char *harness_directory(void) {
  const char *path = directory_path();
  if (mkdir(path, 0700) < 0 && errno != EEXIST) {
    harness_fail(__FILE__, __LINE__, "%s cannot be made: %s", path, strerror(errno));
  }
  return path;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
  (void)status;
  (void)place;
  /* A directory that a test has made read-only. */
  if (type == FTW_D) chmod(path, 0700);
  return remove(path) < 0 && type != FTW_D;
}

static void remove_directory(void) {
  nftw(directory_path(), remove_one, 16, FTW_PHYS); /* opens what was closed to us */
  nftw(directory_path(), remove_one, 16, FTW_PHYS | FTW_DEPTH);
}

noreturn void harness_fail(const char *file, int line, const char *format, ...) {
  int unclaimed = 0;
  if (atomic_compare_exchange_strong(&report->claimed, &unclaimed, 1)) {
    int length = snprintf(report->text, sizeof report->text, "%s:%d: ", file, line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->text + length, sizeof report->text - (size_t)length, format, arguments);
    va_end(arguments);
    atomic_store(&report->written, 1);
  }
  _exit(1);
}

noreturn void harness_skip(const char *reason) {
  snprintf(report->text, sizeof report->text, "%s", reason);
  _exit(EXIT_SKIPPED);
}

void check_equal(const char *file, int line, const char *text, int64_t left, int64_t right) {
  if (left != right) {
    harness_fail(file, line, "%s (left=%lld, right=%lld)", text, (long long)left,
                 (long long)right);
  }
}

void check_status(const char *file, int line, const char *text, int32_t status, int32_t expected) {
  if (status != expected) {
    harness_fail(file, line, "%s (got=%s, expected=%s, last_error=\"%s\")", text,
                 syncmgr_status_name(status), syncmgr_status_name(expected), syncmgr_last_error());
  }
}

void check_refused(const char *file, int line, const char *text, int32_t status) {
  if (status >= 0 || syncmgr_last_error()[0] == '\0') {
    harness_fail(file, line, "%s is not refused with a sentence (got=%s, last_error=\"%s\")", text,
                 syncmgr_status_name(status), syncmgr_last_error());
  }
}

unsigned shared_memory_names(const char *text, char list[][256], unsigned capacity) {
  unsigned count = 0;
  DIR *directory = opendir("/dev/shm");
  for (struct dirent *entry; directory && (entry = readdir(directory));) {
    if (!strstr(entry->d_name, text)) continue;
    if (count < capacity) snprintf(list[count], 256, "%s", entry->d_name);
    count += 1;
  }
  if (directory) closedir(directory);
  return count;
}

static noreturn void run_alone(test_t *test) {
  setpgid(0, 0);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  test->run();
  if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
    harness_fail(__FILE__, __LINE__, "a child process of the test remains");
  }
  _exit(0);
}

/* Waits for the end of the test process, its first failure, or the end of its time. */
static int supervise(pid_t process, unsigned seconds) {
  int status = 0;
  for (time_t end = time(NULL) + (time_t)seconds; time(NULL) <= end;) {
    pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended == process) return status;
    if (atomic_load(&report->written) || is_stopped) break;
    if (ended > 0) continue;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  if (!atomic_load(&report->claimed)) {
    atomic_store(&report->claimed, 1);
    snprintf(report->text, sizeof report->text,
             is_stopped ? "stopped" : "still running after %u seconds", seconds);
    atomic_store(&report->written, 1);
  }
  kill(-process, SIGKILL);
  waitpid(process, &status, 0);
  return status;
}

/* Reports and removes what a test left behind: processes of its group, files of its tag. */
static void find_leftovers(pid_t process, bool expected_clean) {
  char names[LEFTOVER_CAPACITY][256];
  char text[1024] = "";
  kill(-process, SIGKILL);
  if (waitpid(-1, NULL, 0) > 0) {
    snprintf(text, sizeof text, "a process of the test was left running");
    while (waitpid(-1, NULL, 0) > 0) continue;
  }
  remove_directory();
  unsigned count = shared_memory_names(tag, names, LEFTOVER_CAPACITY);
  for (unsigned index = 0; index < count && index < LEFTOVER_CAPACITY; index++) {
    char path[300];
    snprintf(path, sizeof path, "/dev/shm/%s", names[index]);
    if (remove(path) == 0 && text[0] == '\0') {
      snprintf(text, sizeof text, "%s was left behind", path);
    }
  }
  if (expected_clean && text[0] != '\0') {
    snprintf(report->text, sizeof report->text, "%s", text);
    atomic_store(&report->written, 1);
  }
}

static int run_test(test_t *test, unsigned number) {
  memset(report, 0, sizeof *report);
  snprintf(tag, sizeof tag, "test-c%d-%u-", (int)getpid(), number);
  fflush(stdout);
  pid_t process = fork();
  if (process == 0) run_alone(test);
  setpgid(process, process);
  int status = supervise(process, test->seconds);
  bool skipped = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED;
  if (WIFSIGNALED(status) && !atomic_load(&report->written)) {
    snprintf(report->text, sizeof report->text, "the test process died: %s",
             strsignal(WTERMSIG(status)));
    atomic_store(&report->written, 1);
  }
  find_leftovers(process, !skipped && !atomic_load(&report->written));
  if (atomic_load(&report->written)) {
    printf("FAILED %s: %s seed=%llu\n", test->name, report->text, (unsigned long long)seed);
    return 1;
  }
  if (!skipped) return printf("ok %s\n", test->name), 0;
  printf("skip %s: %s\n", test->name, report->text);
  return EXIT_SKIPPED;
}

static bool selected(const char *name, int count, char **patterns) {
  for (int index = 1; index < count; index++) {
    if (strstr(name, patterns[index]) || fnmatch(patterns[index], name, 0) == 0) return true;
  }
  return count <= 1;
}

int main(int argument_count, char **arguments) {
  unsigned passed = 0, failed = 0, skipped = 0, number = 0;
  report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (report == MAP_FAILED || getrandom(&seed, sizeof seed, 0) != sizeof seed) return 2;
  seed >>= 32;
  if (getenv("SEED")) seed = strtoull(getenv("SEED"), NULL, 0);
  /* Orphans of a test come to the runner, which is how it learns of them. */
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  printf("# SEED=%llu\n", (unsigned long long)seed);
  /* A runner that is told to stop still kills and cleans up after the test that runs. */
  signal(SIGINT, stop);
  signal(SIGTERM, stop);
  for (test_t *test = first_test; test && !is_stopped; test = test->next) {
    number += 1;
    if (!selected(test->name, argument_count, arguments)) continue;
    int outcome = run_test(test, number);
    passed += outcome == 0;
    failed += outcome == 1;
    skipped += outcome == EXIT_SKIPPED;
  }
  if (skipped) printf("%u skipped\n", skipped);
  printf("%u passed, %u failed\n", passed, failed);
  return failed != 0 || passed + skipped == 0;
}
