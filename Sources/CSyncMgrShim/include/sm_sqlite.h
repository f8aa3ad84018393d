/* The system's SQLite, loaded when it is first used. The library is built without its header: what
 * is called is declared in sqlite.c.
 *
 * A connection is used by one thread at a time. Calls return SQLite's extended code (0, or 100 for
 * a row, 101 at the end), or -errno where a test lets them fail. */
#ifndef SM_SQLITE_H
#define SM_SQLITE_H

#include <stddef.h>
#include <stdint.h>

/* Loads it, once. 0, or -1 with the reason in `why`.
 * SQLite notes which locks its process has. A forked child finds its parent's notes, but has none
 * of the locks: it loads a copy of its own, which begins with empty ones. */
int32_t sm_sqlite_load(char *why, size_t size);

/* Opens or creates a database that is never checkpointed but by sm_sqlite_checkpoint. *connection
 * is set also when it fails, unless memory is short, and is to be closed. */
int32_t sm_sqlite_open(const char *path, void **connection);
/* `last`: when nobody else has it open, also removes the write-ahead log. */
int32_t sm_sqlite_close(void *connection, int32_t last);
int32_t sm_sqlite_exec(void *connection, const char *sql);
int32_t sm_sqlite_prepare(void *connection, const char *sql, void **statement);
void sm_sqlite_finalize(void *statement);
/* Values stay where they are until the statement is reset. */
int32_t sm_sqlite_bind_number(void *statement, int32_t index, int64_t value);
int32_t sm_sqlite_bind_bytes(void *statement, int32_t index, const void *bytes, uint64_t count);
int32_t sm_sqlite_bind_text(void *statement, int32_t index, const void *bytes, uint64_t count);
int32_t sm_sqlite_step(void *statement);
void sm_sqlite_reset(void *statement);
int64_t sm_sqlite_number(void *statement, int32_t column);
/* Until the next step. NULL when it has none, or memory is short. */
const void *sm_sqlite_bytes(void *statement, int32_t column, uint64_t *count);
/* After every commit `pages` gets how long the write-ahead log is. */
void sm_sqlite_watch_log(void *connection, int32_t *pages);
/* Moves the write-ahead log into the file, as far as nobody reads it. */
int32_t sm_sqlite_checkpoint(void *connection, int32_t truncates);
/* 1 when it was opened for reading only: writing was not allowed. */
int32_t sm_sqlite_is_read_only(void *connection);
/* 1 while a transaction is open. */
int32_t sm_sqlite_is_in_transaction(void *connection);
/* About the latest error: SQLite's words, and the system's errno or 0. */
const char *sm_sqlite_words(void *connection);
int32_t sm_sqlite_errno(void *connection);

#define SM_SQLITE_BUSY 5
#define SM_SQLITE_NOMEM 7
#define SM_SQLITE_READONLY 8
#define SM_SQLITE_IOERR 10
#define SM_SQLITE_CORRUPT 11
#define SM_SQLITE_FULL 13
#define SM_SQLITE_CANTOPEN 14
#define SM_SQLITE_NOTADB 26
#define SM_SQLITE_ROW 100
#define SM_SQLITE_DONE 101

#endif
