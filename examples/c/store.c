/* Start as many of these as you like, in any language: they move money between three accounts, and
 * whatever happens to them none is lost.
 *
 *   cc store.c -lsyncmgr -o store && ./store
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <syncmgr.h>

static int32_t must(int32_t status) {
  if (status >= 0) return status;
  fprintf(stderr, "%s: %s\n", syncmgr_status_name(status), syncmgr_last_error());
  exit(1);
}

static syncmgr_change_t change(const char *key, const int64_t *value, uint64_t expected) {
  return (syncmgr_change_t){.key = key,
                            .data = value,
                            .length = sizeof *value,
                            .expected = expected,
                            .type = SYNCMGR_CELL_INT64};
}

/* Moves 10 from one account to the other. Others see both changes or none. */
static int32_t move(syncmgr_transaction_t *transaction, void *user) {
  const char **keys = user;
  syncmgr_entry_t entries[2] = {{.key = keys[0]}, {.key = keys[1]}};
  char buffer[1024];
  int32_t status = syncmgr_transaction_get(transaction, entries, 2, buffer, sizeof buffer, NULL);
  for (int which = 0; which < 2 && status >= 0; which++) {
    int64_t value = *(const int64_t *)entries[which].data + (which == 0 ? -10 : 10);
    syncmgr_change_t put = change(keys[which], &value, SYNCMGR_VERSION_ANY);
    status = syncmgr_transaction_put(transaction, &put);
  }
  return status;
}

int main(void) {
  const char *accounts[4] = {"accounts/a", "accounts/b", "accounts/c", "accounts/a"};
  syncmgr_t *space;
  syncmgr_workstream_t *me;
  syncmgr_store_t *store;
  must(syncmgr_open("shm:jobs", NULL, &space));
  must(syncmgr_workstream_open(space, NULL, &me));
  must(syncmgr_store_open(me, NULL, &store));

  for (int which = 0; which < 3; which++) {
    int64_t hundred = 100;
    syncmgr_change_t put = change(accounts[which], &hundred, 0);
    int32_t status = syncmgr_store_put(store, &put, 0, NULL);
    if (status != SYNCMGR_E_CHANGED) must(status); /* else it is there already */
  }
  for (int which = 0; which < 3; which++) {
    /* When others were faster it is done anew. */
    must(syncmgr_transaction_run(store, NULL, move, &accounts[which], NULL));
    printf("process %d moved 10 from %s to %s\n", (int)getpid(), accounts[which],
           accounts[which + 1]);
  }

  /* All of one moment. */
  syncmgr_range_t range = SYNCMGR_RANGE_INIT;
  syncmgr_entry_t entries[3];
  uint32_t count = 3;
  char buffer[2048];
  int64_t total = 0;
  range.prefix = "accounts/";
  must(syncmgr_store_range(store, &range, entries, &count, buffer, sizeof buffer));
  for (uint32_t which = 0; which < count; which++) {
    total += *(const int64_t *)entries[which].data;
  }
  printf("process %d counts %" PRId64 "\n", (int)getpid(), total);
  must(syncmgr_close(space));
  return 0;
}
