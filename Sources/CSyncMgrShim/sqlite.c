#define _GNU_SOURCE
#include "sm_sqlite.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sm_seam.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt statement;

/* What is used of the library, as its documentation declares it. */
#define CALLS(X)                                                                                 \
  X(int, open_v2, (const char *, sqlite3 **, int, const char *))                                 \
  X(int, close, (sqlite3 *))                                                                     \
  X(int, busy_timeout, (sqlite3 *, int))                                                         \
  X(int, db_config, (sqlite3 *, int, ...))                                                       \
  X(int, exec, (sqlite3 *, const char *, void *, void *, char **))                               \
  X(int, prepare_v3, (sqlite3 *, const char *, int, unsigned, statement **, const char **))      \
  X(int, finalize, (statement *))                                                                \
  X(int, bind_int64, (statement *, int, int64_t))                                                \
  X(int, bind_blob64, (statement *, int, const void *, uint64_t, void (*)(void *)))              \
  X(int, bind_text64, (statement *, int, const char *, uint64_t, void (*)(void *), uint8_t))     \
  X(int, step, (statement *))                                                                    \
  X(int, reset, (statement *))                                                                   \
  X(int64_t, column_int64, (statement *, int))                                                   \
  X(const void *, column_blob, (statement *, int))                                               \
  X(int, column_bytes, (statement *, int))                                                       \
  X(int, wal_checkpoint_v2, (sqlite3 *, const char *, int, int *, int *))                        \
  X(void *, wal_hook, (sqlite3 *, int (*)(void *, sqlite3 *, const char *, int), void *))        \
  X(int, db_readonly, (sqlite3 *, const char *))                                                 \
  X(int, get_autocommit, (sqlite3 *))                                                            \
  X(int, extended_errcode, (sqlite3 *))                                                          \
  X(int, system_errno, (sqlite3 *))                                                              \
  X(const char *, errmsg, (sqlite3 *))

#define MEMBER(result, name, arguments) result(*name) arguments;
struct library {
  pid_t process; /* that loaded it */
  CALLS(MEMBER)
};
#undef MEMBER

static struct library *loaded;

#define OPEN_READWRITE 0x2
#define OPEN_CREATE 0x4
#define OPEN_NOMUTEX 0x8000
#define OPEN_PRIVATECACHE 0x40000
#define OPEN_EXRESCODE 0x2000000
#define PREPARE_PERSISTENT 1u
#define DBCONFIG_NO_CKPT_ON_CLOSE 1006
#define CHECKPOINT_PASSIVE 0
#define CHECKPOINT_TRUNCATE 3
#define UTF8 1

/* Somebody else's transaction on the file is waited for. Nobody should have one: processes of the
 * space never meet here, and everybody else is told to read only. */
#define BUSY_MS 2000

static struct library *library(void) { return __atomic_load_n(&loaded, __ATOMIC_ACQUIRE); }

/* With its own names first: a program like node has another copy inside, whose names are before
 * those of libraries. The sanitizers refuse that. */
static int flags(void) {
  int result = RTLD_NOW | RTLD_LOCAL;
  if (dlsym(RTLD_DEFAULT, "__asan_init") == NULL && dlsym(RTLD_DEFAULT, "__tsan_init") == NULL)
    result |= RTLD_DEEPBIND;
  return result;
}

/* Loads what is at `symbol` of this process once more, from a copy of its file. */
static void *load_copy(const void *symbol) {
  Dl_info place;
  if (dladdr(symbol, &place) == 0) return NULL;
  int from = open(place.dli_fname, O_RDONLY | O_CLOEXEC);
  if (from < 0) return NULL;
  int to = memfd_create("libsqlite3", MFD_CLOEXEC | MFD_EXEC);
  if (to < 0) to = memfd_create("libsqlite3", MFD_CLOEXEC);
  struct stat file;
  void *handle = NULL;
  if (to >= 0 && fstat(from, &file) == 0) {
    off_t done = 0;
    while (done < file.st_size && sendfile(to, from, &done, (size_t)(file.st_size - done)) > 0)
      continue;
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", to);
    if (done == file.st_size) handle = dlopen(path, flags());
  }
  if (to >= 0) close(to);
  close(from);
  return handle;
}

static int32_t fail(char *why, size_t size, const char *reason) {
  snprintf(why, size, "%s", reason == NULL ? "unknown error" : reason);
  return -1;
}

int32_t sm_sqlite_load(char *why, size_t size) {
  struct library *before = library();
  pid_t process = getpid();
  if (before != NULL && before->process == process) return 0;
#ifdef SYNCMGR_SEAM
  if (sm_ask("sqlite_load") != 0) return fail(why, size, "refused by a test");
#endif
  void *handle = before == NULL ? dlopen("libsqlite3.so.0", flags())
                                : load_copy(*(void **)(void *)&before->open_v2);
  if (handle == NULL) return fail(why, size, dlerror());
  struct library *made = malloc(sizeof *made);
  if (made == NULL) return fail(why, size, "no memory");
  made->process = process;
#define FIND(result, name, arguments)                             \
  *(void **)(void *)&made->name = dlsym(handle, "sqlite3_" #name); \
  if (made->name == NULL) {                                       \
    free(made);                                                   \
    return fail(why, size, "it has no sqlite3_" #name);           \
  }
  CALLS(FIND)
#undef FIND
  /* Two threads at once: one's table is kept. What the other opened stays, once more. */
  if (!__atomic_compare_exchange_n(&loaded, &before, made, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    free(made);
  return 0;
}

int32_t sm_sqlite_open(const char *path, void **connection) {
  *connection = NULL;
  SM_ASK("sqlite_open");
  sqlite3 *made = NULL;
  int error = library()->open_v2(
      path, &made,
      OPEN_READWRITE | OPEN_CREATE | OPEN_NOMUTEX | OPEN_PRIVATECACHE | OPEN_EXRESCODE, NULL);
  *connection = made;
  if (error == 0) error = library()->busy_timeout(made, BUSY_MS);
  if (error == 0) error = library()->db_config(made, DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  return error;
}

int32_t sm_sqlite_close(void *connection, int32_t last) {
  SM_STEP("sqlite_close", 0);
  if (last) library()->db_config(connection, DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
  return library()->close(connection);
}

int32_t sm_sqlite_exec(void *connection, const char *sql) {
  SM_ASK("sqlite_exec");
  return library()->exec(connection, sql, NULL, NULL, NULL);
}

int32_t sm_sqlite_prepare(void *connection, const char *sql, void **out) {
  statement *made = NULL;
  int error = library()->prepare_v3(connection, sql, -1, PREPARE_PERSISTENT, &made, NULL);
  *out = made;
  return error;
}

void sm_sqlite_finalize(void *at) { library()->finalize(at); }

int32_t sm_sqlite_bind_number(void *at, int32_t index, int64_t value) {
  return library()->bind_int64(at, index, value);
}

int32_t sm_sqlite_bind_bytes(void *at, int32_t index, const void *bytes, uint64_t count) {
  /* NULL would be SQL's NULL. */
  return library()->bind_blob64(at, index, bytes == NULL ? "" : bytes, count, NULL);
}

int32_t sm_sqlite_bind_text(void *at, int32_t index, const void *bytes, uint64_t count) {
  return library()->bind_text64(at, index, bytes == NULL ? "" : bytes, count, NULL, UTF8);
}

int32_t sm_sqlite_step(void *at) {
  SM_ASK("sqlite_step");
  return library()->step(at);
}

void sm_sqlite_reset(void *at) { library()->reset(at); }

int64_t sm_sqlite_number(void *at, int32_t column) { return library()->column_int64(at, column); }

const void *sm_sqlite_bytes(void *at, int32_t column, uint64_t *count) {
  const void *bytes = library()->column_blob(at, column);
  int length = library()->column_bytes(at, column);
  *count = length < 0 ? 0 : (uint64_t)length;
  return bytes;
}

static int note_pages(void *pages, sqlite3 *connection, const char *name, int count) {
  (void)connection;
  (void)name;
  *(int32_t *)pages = count;
  return 0;
}

/* In place of the hook that checkpoints by itself. */
void sm_sqlite_watch_log(void *connection, int32_t *pages) {
  library()->wal_hook(connection, note_pages, pages);
}

int32_t sm_sqlite_checkpoint(void *connection, int32_t truncates) {
  SM_ASK("sqlite_checkpoint");
  return library()->wal_checkpoint_v2(
      connection, NULL, truncates ? CHECKPOINT_TRUNCATE : CHECKPOINT_PASSIVE, NULL, NULL);
}

int32_t sm_sqlite_is_read_only(void *connection) {
  return library()->db_readonly(connection, "main");
}

int32_t sm_sqlite_is_in_transaction(void *connection) {
  return !library()->get_autocommit(connection);
}

const char *sm_sqlite_words(void *connection) { return library()->errmsg(connection); }
int32_t sm_sqlite_errno(void *connection) { return library()->system_errno(connection); }
