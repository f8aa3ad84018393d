#include "disks.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_ONLY = 1, READ_WRITE = 2, CREATE = 4, ANSWER = 1 << 16 };

typedef int (*open_function)(const char *, void **, int, const char *);
typedef int (*exec_function)(void *, const char *,
                             int (*)(void *, int, char **, char **), void *, char **);
typedef const char *(*words_function)(void *);

const char *disk_path(const char *file) {
  static char paths[4][1024];
  static unsigned counter;
  char *path = paths[++counter % 4];
  snprintf(path, sizeof paths[0], "%s/%s", harness_directory(), file);
  return path;
}

const char *disk_url(const char *url, const char *file) {
  static char urls[4][2048];
  static unsigned counter;
  char *text = urls[++counter % 4];
  snprintf(text, sizeof urls[0], "%s?store=%s", url, disk_path(file));
  return text;
}

static int print_row(void *first, int columns, char **values, char **names) {
  (void)names;
  if (!*(bool *)first) printf(" ");
  *(bool *)first = false;
  for (int column = 0; column < columns; column++) {
    printf("%s%s", column > 0 ? "|" : "", values[column] ? values[column] : "NULL");
  }
  return 0;
}

/* This program, begun anew to look at a file: a forked child would have its parent's notes on the
 * locks that SQLite has. */
__attribute__((constructor)) static void answer_query(void) {
  const char *path = getenv("DISK_QUERY_PATH"), *sql = getenv("DISK_QUERY_SQL");
  if (path == NULL || sql == NULL) return;
  void *library = dlopen("libsqlite3.so.0", RTLD_NOW);
  open_function open = (open_function)(uintptr_t)dlsym(library, "sqlite3_open_v2");
  exec_function exec = (exec_function)(uintptr_t)dlsym(library, "sqlite3_exec");
  words_function words = (words_function)(uintptr_t)dlsym(library, "sqlite3_errmsg");
  void *database = NULL;
  bool first = true;
  if (open(path, &database, getenv("DISK_QUERY_WRITES") ? READ_WRITE | CREATE : READ_ONLY,
           NULL) != 0 ||
      exec(database, sql, print_row, &first, NULL) != 0) {
    printf("error: %s", words(database));
  }
  printf(".");
  fflush(stdout);
  while (getenv("DISK_QUERY_STAYS")) pause();
  _exit(0);
}

static pid_t start(const char *path, const char *sql, const char *how, int *out_pipe) {
  int ends[2];
  CHECK_EQUAL(pipe(ends), 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    setenv("DISK_QUERY_PATH", path, 1);
    setenv("DISK_QUERY_SQL", sql, 1);
    if (how != NULL) setenv(how, "1", 1);
    execl("/proc/self/exe", "query", (char *)NULL);
    _exit(1);
  }
  close(ends[1]);
  *out_pipe = ends[0];
  return child;
}

static void run(const char *path, const char *sql, bool writes, char *answer) {
  int output;
  pid_t child = start(path, sql, writes ? "DISK_QUERY_WRITES" : NULL, &output);
  size_t used = 0;
  for (ssize_t count; (count = read(output, answer + used, ANSWER - 1 - used)) > 0;) {
    used += (size_t)count;
  }
  CHECK(used > 0);
  answer[used - 1] = '\0';
  close(output);
  int status = 0;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static char the_answer[ANSWER];

const char *disk_query(const char *file, const char *sql) {
  run(disk_path(file), sql, false, the_answer);
  return the_answer;
}

void disk_execute(const char *file, const char *sql) {
  run(disk_path(file), sql, true, the_answer);
  if (strncmp(the_answer, "error", 5) == 0) {
    harness_fail(__FILE__, __LINE__, "%s: %s", sql, the_answer);
  }
}

pid_t disk_hold(const char *file, const char *sql) {
  int output;
  char answer[256];
  pid_t holder = start(disk_path(file), sql, "DISK_QUERY_STAYS", &output);
  ssize_t count = read(output, answer, sizeof answer);
  CHECK(count > 0 && strncmp(answer, "error", 5) != 0);
  close(output);
  return holder;
}

void disk_release(pid_t holder) {
  int status;
  kill(holder, SIGKILL);
  CHECK_EQUAL(waitpid(holder, &status, 0), holder);
}

void check_disk(const char *file, const char *sql, const char *expected) {
  const char *answer = disk_query(file, sql);
  if (strcmp(answer, expected) != 0) {
    harness_fail(__FILE__, __LINE__, "%s gives '%s', not '%s'", sql, answer, expected);
  }
}

void check_on_disk(const char *file, const char *key, const char *text) {
  char sql[512];
  snprintf(sql, sizeof sql, "SELECT value FROM entries WHERE key='%s'", key);
  check_disk(file, sql, text == NULL ? "" : text);
}

void queue_text(syncmgr_store_t *store, const char *key, const char *text) {
  syncmgr_change_t change = text_change(key, text, SYNCMGR_VERSION_ANY);
  CHECK_OK(syncmgr_store_put(store, &change, SYNCMGR_PUT_QUEUED, NULL));
}
