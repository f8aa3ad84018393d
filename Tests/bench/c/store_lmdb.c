/* LMDB: one writer at a time, which waits for the disk.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "store.h"

#if __has_include(<lmdb.h>)
#include <lmdb.h>

typedef struct {
  MDB_env *environment;
  MDB_dbi database;
  MDB_txn *reading;
} lmdb_t;

static void must(int error) { STORE_CHECK(error == 0, mdb_strerror(error)); }

static void *open_lmdb(const store_place_t *place) {
  lmdb_t *lmdb = calloc(1, sizeof *lmdb);
  char path[1024];
  snprintf(path, sizeof path, "%s/plain.mdb", place->directory);
  must(mdb_env_create(&lmdb->environment));
  must(mdb_env_set_mapsize(lmdb->environment, 1ull << 30));
  must(mdb_env_open(lmdb->environment, path, MDB_NOSUBDIR | (place->in_memory ? MDB_NOSYNC : 0u),
                    0600));
  MDB_txn *opening;
  must(mdb_txn_begin(lmdb->environment, NULL, 0, &opening));
  must(mdb_dbi_open(opening, NULL, 0, &lmdb->database));
  must(mdb_txn_commit(opening));
  must(mdb_txn_begin(lmdb->environment, NULL, MDB_RDONLY, &lmdb->reading));
  mdb_txn_reset(lmdb->reading);
  return lmdb;
}

static void put_lmdb(void *store, const char *key, const void *value) {
  lmdb_t *lmdb = store;
  MDB_txn *writing;
  MDB_val name = {strlen(key), (void *)(uintptr_t)key};
  MDB_val data = {STORE_VALUE_SIZE, (void *)(uintptr_t)value};
  must(mdb_txn_begin(lmdb->environment, NULL, 0, &writing));
  must(mdb_put(writing, lmdb->database, &name, &data, 0));
  must(mdb_txn_commit(writing));
}

/* A transaction for each read, as every read of the others sees what is new. */
static void get_lmdb(void *store, const char *key, void *value) {
  lmdb_t *lmdb = store;
  MDB_val name = {strlen(key), (void *)(uintptr_t)key}, data;
  must(mdb_txn_renew(lmdb->reading));
  must(mdb_get(lmdb->reading, lmdb->database, &name, &data));
  memcpy(value, data.mv_data, STORE_VALUE_SIZE);
  mdb_txn_reset(lmdb->reading);
}

static void close_lmdb(void *store) {
  lmdb_t *lmdb = store;
  mdb_txn_abort(lmdb->reading);
  mdb_env_close(lmdb->environment);
  free(lmdb);
}

const store_kind_t store_lmdb = {"lmdb", NULL, open_lmdb, put_lmdb, get_lmdb, close_lmdb};
#else
const store_kind_t store_lmdb = {
    .name = "lmdb", .missing = "its header is missing (apt-get install liblmdb-dev)"};
#endif
