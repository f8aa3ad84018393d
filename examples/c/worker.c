/* Four of these work together, in any language, started in any order.
 *
 *   cc worker.c -lsyncmgr -o worker && ./worker
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <syncmgr.h>

static int32_t must(int32_t status) {
  if (status < 0) {
    fprintf(stderr, "%s: %s\n", syncmgr_status_name(status), syncmgr_last_error());
    exit(1);
  }
  return status;
}

static void repair(void) {
  printf("the owner before died: looking at the data before using it\n");
}

int main(void) {
  syncmgr_t *space;
  syncmgr_workstream_t *me;
  must(syncmgr_open("shm:jobs", NULL, &space));
  must(syncmgr_workstream_open(space, NULL, &me));

  printf("process %d waits for three others\n", (int)getpid());
  fflush(stdout);
  syncmgr_barrier_t *start;
  uint32_t index;
  must(syncmgr_barrier_open(me, "start", 4, NULL, &start));
  must(syncmgr_barrier_wait(start, SYNCMGR_FOREVER, NULL, &index));

  syncmgr_mutex_t *db;
  uint64_t token;
  must(syncmgr_mutex_open(me, "db", NULL, &db));
  if (must(syncmgr_mutex_lock(db, SYNCMGR_FOREVER)) == SYNCMGR_OWNER_DIED) {
    syncmgr_holder_t dead;
    must(syncmgr_mutex_previous_owner(db, &dead));
    printf("inherited from '%s' (pid %" PRId32 ")\n", dead.name, dead.pid);
    repair();
  }
  must(syncmgr_mutex_token(db, &token));
  printf("number %" PRIu32 " uses the data, token %" PRIu64 "\n", index, token);
  must(syncmgr_mutex_unlock(db));

  syncmgr_semaphore_t *printers;
  must(syncmgr_semaphore_open(me, "printers", 2, NULL, &printers));
  must(syncmgr_semaphore_acquire(printers, 1, SYNCMGR_FOREVER));
  printf("number %" PRIu32 " prints, with one other at most\n", index);
  must(syncmgr_semaphore_release(printers, 1));

  syncmgr_latch_t *done;
  must(syncmgr_latch_open(me, "done", 4, &done));
  must(syncmgr_latch_count_down(done, 1, NULL));
  if (syncmgr_latch_wait(done, INT64_C(10000000000)) == SYNCMGR_E_TIMEOUT)
    printf("somebody did not finish\n");
  must(syncmgr_close(space));
  return 0;
}
