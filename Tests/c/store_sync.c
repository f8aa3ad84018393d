/* Waiting for the disk by calls and by tickets. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "disks.h"

static syncmgr_t *space;
static syncmgr_store_t *store;

static void begin(uint32_t flags) {
  space = open_space(disk_url(unique_url(), "store.db"), flags);
  store = open_store(open_workstream(space, NULL));
}

TEST(a_sync_has_everything_up_to_its_revision_on_disk) {
  begin(SYNCMGR_OPEN_NO_THREADS);
  queue_text(store, "a", "one");
  queue_text(store, "b", "two");
  CHECK_STATUS(syncmgr_store_sync(store, 1, 0), SYNCMGR_E_TIMEOUT);
  CHECK_OK(syncmgr_store_sync(store, 0, 0));
  check_on_disk("store.db", "a", NULL);
  CHECK_OK(syncmgr_store_sync(store, 1, SYNCMGR_FOREVER));
  check_on_disk("store.db", "a", "one");
  CHECK_OK(syncmgr_store_sync(store, SYNCMGR_REVISION_NOW, SYNCMGR_FOREVER));
  check_on_disk("store.db", "b", "two");
  CHECK_OK(syncmgr_store_sync(store, SYNCMGR_REVISION_NOW, 0));
  CHECK_STATUS(syncmgr_store_sync(store, 3, SYNCMGR_FOREVER), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_sync(store, 1, -2), SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST(without_a_file_everything_is_as_durable_as_it_gets) {
  space = open_space(unique_url(), 0);
  store = open_store(open_workstream(space, NULL));
  syncmgr_ticket_t *ticket = NULL;
  queue_text(store, "a", "one");
  CHECK_OK(syncmgr_store_sync(store, SYNCMGR_REVISION_NOW, 0));
  CHECK_OK(syncmgr_store_sync_start(store, 1, 0, NULL, 0, &ticket));
  CHECK(ticket == NULL);
  CHECK_STATUS(syncmgr_store_sync(store, 2, 0), SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST(a_started_sync_ends_with_what_is_on_disk) {
  begin(0);
  syncmgr_queue_t *queue = open_queue(space);
  for (unsigned round = 1; round <= 200; round++) {
    syncmgr_ticket_t *ticket = NULL;
    queue_text(store, "a", "one");
    int32_t status =
        syncmgr_store_sync_start(store, round, SYNCMGR_FOREVER, queue, round, &ticket);
    if (status == SYNCMGR_OK) continue;
    CHECK_STATUS(status, SYNCMGR_PENDING);
    syncmgr_record_t record = next_record(queue);
    CHECK_OK(record.status);
    CHECK_EQUAL(record.user_data, round);
    CHECK_EQUAL(record.kind, SYNCMGR_TYPE_STORE);
    CHECK(record.value >= round);
  }
  char expected[16];
  snprintf(expected, sizeof expected, "%u", 200);
  check_disk("store.db", "SELECT version FROM entries", expected);
  check_and_close(space);
}

TEST(a_started_sync_is_served_also_without_a_thread) {
  begin(SYNCMGR_OPEN_NO_THREADS);
  syncmgr_ticket_t *ticket = NULL;
  syncmgr_record_t record;
  queue_text(store, "a", "one");
  CHECK_STATUS(syncmgr_store_sync_start(store, 1, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  check_on_disk("store.db", "a", NULL);
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, &record));
  CHECK_EQUAL(record.value, 1);
  check_on_disk("store.db", "a", "one");
  check_and_close(space);
}

TEST(a_started_sync_ends_with_the_time_or_is_cancelled) {
  begin(SYNCMGR_OPEN_NO_THREADS);
  syncmgr_ticket_t *ticket = NULL;
  queue_text(store, "a", "one");
  CHECK_STATUS(syncmgr_store_sync_start(store, 1, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  CHECK_OK(syncmgr_ticket_cancel(ticket));
  CHECK_STATUS(syncmgr_store_sync_start(store, 2, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_sync_start(store, 1, SYNCMGR_FOREVER, NULL, 0, NULL),
               SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_store_sync(store, 1, SYNCMGR_FOREVER));
  check_and_close(space);
}

TEST(a_started_sync_that_cannot_be_done_ends_with_the_reason) {
  begin(0);
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_ticket_t *ticket = NULL;
  put_text(store, "a", "one");
  CHECK_EQUAL(rename(disk_path("store.db"), disk_path("away.db")), 0);
  queue_text(store, "a", "two");
  CHECK_STATUS(syncmgr_store_sync_start(store, 2, SYNCMGR_FOREVER, queue, 7, &ticket),
               SYNCMGR_PENDING);
  syncmgr_record_t record = next_record(queue);
  CHECK_EQUAL(record.status, SYNCMGR_E_CORRUPT);
  CHECK_EQUAL(record.user_data, 7);
  CHECK_EQUAL(rename(disk_path("away.db"), disk_path("store.db")), 0);
  put_text(store, "b", "three");
  check_on_disk("store.db", "a", "two");
  check_and_close(space);
}

enum { THREADS = 8 };

static void *put_many(void *argument) {
  unsigned number = (unsigned)(uintptr_t)argument;
  syncmgr_store_t *mine = open_store(open_workstream(space, NULL));
  char key[32];
  for (unsigned round = 0; round < 50; round++) {
    snprintf(key, sizeof key, "%u/%u", number, round);
    put_text(mine, key, "one");
  }
  CHECK_OK(syncmgr_store_close(mine));
  return NULL;
}

TEST(threads_of_one_process_are_written_together_and_none_is_forgotten) {
  begin(0);
  pthread_t threads[THREADS];
  for (uintptr_t index = 0; index < THREADS; index++) {
    threads[index] = start_thread(put_many, (void *)index);
  }
  for (unsigned index = 0; index < THREADS; index++) join_thread(threads[index]);
  check_disk("store.db", "SELECT count(*) FROM entries", "400");
  check_and_close(space);
}

static void stop_while_leading(peer_t *self) {
  syncmgr_t *mine = open_space(disk_url(self->url, "store.db"), 0);
  syncmgr_store_t *own = open_store(open_workstream(mine, NULL));
  for (unsigned round = 0;; round++) {
    put_text(own, "peer", "one");
    atomic_store(&self->values[0], round + 1);
  }
}

TEST(who_waits_while_another_process_dies_or_stops_gets_its_turn_or_its_timeout) {
  const char *url = unique_url();
  for (unsigned round = 0; round < 10; round++) {
    peer_t *peer = peer_start(stop_while_leading, url, 0, 0);
    peer_wait_value(peer, 0);
    space = open_space(disk_url(url, "store.db"), 0);
    store = open_store(open_workstream(space, NULL));
    put_text(store, "a", "one");
    peer_signal(peer, SIGSTOP);
    syncmgr_change_t change = text_change("a", "two", SYNCMGR_VERSION_ANY);
    int64_t start = now_ns();
    int32_t status = syncmgr_store_commit(store, &change, 1, 0, 50 * MILLISECOND, NULL);
    if (status != SYNCMGR_OK) CHECK_STATUS(status, SYNCMGR_E_TIMEOUT);
    CHECK(now_ns() - start < 5 * SECOND);
    peer_kill(peer);
    start = now_ns();
    put_text(store, "a", "three");
    CHECK(now_ns() - start < 2 * SECOND);
    check_on_disk("store.db", "a", "three");
    check_and_close(space);
  }
}
