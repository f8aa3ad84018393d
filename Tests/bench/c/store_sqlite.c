/* Plain SQLite: a connection for each process, which waits when the file is busy.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "store.h"

#if __has_include(<sqlite3.h>)
#include <sqlite3.h>

typedef struct {
  sqlite3 *database;
  sqlite3_stmt *put, *get;
} plain_t;

static void run(plain_t *plain, const char *sql) {
  STORE_CHECK(sqlite3_exec(plain->database, sql, NULL, NULL, NULL) == SQLITE_OK,
              sqlite3_errmsg(plain->database));
}

static void *open_sqlite(const store_place_t *place) {
  plain_t *plain = calloc(1, sizeof *plain);
  char path[1024];
  snprintf(path, sizeof path, "%s/plain.db", place->directory);
  STORE_CHECK(sqlite3_open(path, &plain->database) == SQLITE_OK, "sqlite3_open");
  sqlite3_busy_timeout(plain->database, 60000);
  run(plain, "PRAGMA journal_mode=WAL");
  run(plain, place->in_memory ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL");
  run(plain, "CREATE TABLE IF NOT EXISTS entries(key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID");
  STORE_CHECK(sqlite3_prepare_v2(plain->database, "INSERT OR REPLACE INTO entries VALUES(?,?)", -1,
                                 &plain->put, NULL) == SQLITE_OK,
              sqlite3_errmsg(plain->database));
  STORE_CHECK(sqlite3_prepare_v2(plain->database, "SELECT value FROM entries WHERE key=?", -1,
                                 &plain->get, NULL) == SQLITE_OK,
              sqlite3_errmsg(plain->database));
  return plain;
}

static void put_sqlite(void *store, const char *key, const void *value) {
  plain_t *plain = store;
  sqlite3_bind_text(plain->put, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_blob(plain->put, 2, value, STORE_VALUE_SIZE, SQLITE_STATIC);
  STORE_CHECK(sqlite3_step(plain->put) == SQLITE_DONE, sqlite3_errmsg(plain->database));
  sqlite3_reset(plain->put);
}

static void get_sqlite(void *store, const char *key, void *value) {
  plain_t *plain = store;
  sqlite3_bind_text(plain->get, 1, key, -1, SQLITE_STATIC);
  STORE_CHECK(sqlite3_step(plain->get) == SQLITE_ROW, sqlite3_errmsg(plain->database));
  memcpy(value, sqlite3_column_blob(plain->get, 0), STORE_VALUE_SIZE);
  sqlite3_reset(plain->get);
}

static void close_sqlite(void *store) {
  plain_t *plain = store;
  sqlite3_finalize(plain->put);
  sqlite3_finalize(plain->get);
  sqlite3_close(plain->database);
  free(plain);
}

const store_kind_t store_sqlite = {"sqlite",   NULL,       open_sqlite,
                                   put_sqlite, get_sqlite, close_sqlite};
#else
const store_kind_t store_sqlite = {
    .name = "sqlite", .missing = "its header is missing (apt-get install libsqlite3-dev)"};
#endif
