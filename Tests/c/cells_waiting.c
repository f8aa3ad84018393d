/* Waiting for a change of a cell: blocked, started, with a queue; and how such waits end. */
#include "cells.h"

#include <stdio.h>

enum { PEERS = 3 };

/* Waits for the cell "key" of which it has seen version `index`; value 1 is the status + 1000,
 * value 2 the version + 1. */
static void wait_for_change(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  uint64_t version = 0;
  peer_pause(self);
  int32_t status = syncmgr_channel_changed(cells, "key", self->index, SYNCMGR_FOREVER, &version);
  atomic_store(&self->values[2], (int64_t)version + 1);
  atomic_store(&self->values[1], 1000 + status);
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

static peer_t *start_wait(const char *url, uint32_t seen, uint32_t flags) {
  peer_t *peer = peer_start(wait_for_change, url, seen, flags);
  peer_wait_pause(peer, 1);
  peer_go(peer);
  peer_wait_asleep(peer);
  return peer;
}

static void check_woken(peer_t *peer, int32_t status, uint64_t version) {
  CHECK_EQUAL(peer_wait_value(peer, 1), 1000 + status);
  CHECK_EQUAL(atomic_load(&peer->values[2]) - 1, version);
  peer_go(peer);
  peer_join(peer);
}

TEST(a_wait_ends_when_the_cell_is_set_or_removed_or_comes_to_be) {
  for (uint32_t kind = 0; kind < 6; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind < 3 ? 0 : SYNCMGR_OPEN_NO_THREADS;
    syncmgr_t *space = open_space(url, flags);
    syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
    if (kind % 3 != 0) put(cells, "key", "first");
    put(cells, "other", "x");
    peer_t *peer = start_wait(url, kind % 3 != 0, flags);
    put(cells, "other", "y");
    sleep_ms(20);
    CHECK_EQUAL(atomic_load(&peer->values[1]), 0);
    if (kind % 3 == 2) {
      take_away(cells, "key");
    } else {
      put(cells, "key", "second");
    }
    check_woken(peer, SYNCMGR_OK, kind % 3 == 2 ? 0 : version_of(cells, "key"));
    check_and_close(space);
  }
}

TEST(a_change_wakes_all_that_wait_for_this_cell) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  peer_t *peers[PEERS];
  syncmgr_ticket_t *tickets[20], *other = await_change(cells, "other", 0, -1, NULL, 0);
  for (unsigned index = 0; index < PEERS; index++) peers[index] = start_wait(url, 0, 0);
  for (unsigned index = 0; index < 20; index++) {
    tickets[index] = await_change(cells, "key", 0, SYNCMGR_FOREVER, NULL, index);
  }
  /* A table that grows keeps those who wait. */
  for (unsigned index = 0; index < 600; index++) {
    char key[8];
    snprintf(key, sizeof key, "%u", index);
    put(cells, key, "x");
  }
  put(cells, "key", "value");
  for (unsigned index = 0; index < PEERS; index++) check_woken(peers[index], SYNCMGR_OK, 1);
  for (unsigned index = 0; index < 20; index++) {
    syncmgr_record_t record;
    CHECK_OK(syncmgr_ticket_wait(tickets[index], SYNCMGR_FOREVER, &record));
    CHECK_EQUAL(record.value, 1);
    CHECK_EQUAL(record.user_data, index);
  }
  CHECK_STATUS(syncmgr_ticket_wait(other, 0, NULL), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_ticket_cancel(other));
  check_and_close(space);
}

TEST(a_wait_for_what_has_changed_is_over_at_once) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  syncmgr_cell_t cell = {.key = "key"};
  syncmgr_ticket_t *ticket = NULL;
  uint64_t version = 9;
  CHECK_STATUS(syncmgr_channel_changed(cells, "key", 0, 0, &version), SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(version, 9);
  CHECK_OK(syncmgr_channel_changed(cells, "key", 3, SYNCMGR_FOREVER, &version));
  CHECK_EQUAL(version, 0);
  put(cells, "key", "value");
  CHECK_OK(syncmgr_channel_changed(cells, "key", 0, SYNCMGR_FOREVER, &version));
  CHECK_EQUAL(version, 1);
  CHECK_OK(syncmgr_channel_changed(cells, "key", 7, SYNCMGR_FOREVER, NULL));
  CHECK_STATUS(syncmgr_channel_changed(cells, "key", 1, 0, &version), SYNCMGR_E_TIMEOUT);
  CHECK_OK(syncmgr_channel_changed_start(cells, &cell, SYNCMGR_FOREVER, NULL, 0, &ticket));
  CHECK(ticket == NULL);
  cell.version = 1;
  CHECK_STATUS(syncmgr_channel_changed_start(cells, &cell, 0, NULL, 0, &ticket),
               SYNCMGR_E_TIMEOUT);
  CHECK(ticket == NULL);
  check_and_close(space);
}

TEST(a_wait_ends_when_its_time_is_over) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  int64_t start = now_ns();
  uint64_t version = 9;
  CHECK_STATUS(syncmgr_channel_changed(cells, "key", 0, 20 * MILLISECOND, &version),
               SYNCMGR_E_TIMEOUT);
  CHECK(now_ns() - start >= 20 * MILLISECOND);
  CHECK_EQUAL(version, 9);
  syncmgr_queue_t *queue = open_queue(space);
  await_change(cells, "key", 0, 10 * MILLISECOND, queue, 4);
  syncmgr_record_t record = next_record(queue);
  CHECK_EQUAL(record.status, SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(record.user_data, 4);
  /* Nobody waits any more, and it is set as ever. */
  check_text(cells, "key", NULL);
  CHECK_EQUAL(put(cells, "key", "value"), 1);
  check_and_close(space);
}

TEST(a_queue_gets_the_version_of_each_change) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_t *cells = open_cells(me, "cells");
  syncmgr_queue_t *queue = open_queue(space);
  uint64_t seen = 0;
  for (unsigned round = 0; round < 50; round++) {
    await_change(cells, "key", seen, SYNCMGR_FOREVER, queue, round);
    put(cells, "key", "value");
    if (round % 2) put(cells, "key", "and another");
    syncmgr_record_t record = next_record(queue);
    CHECK_OK(record.status);
    CHECK_EQUAL(record.user_data, round);
    CHECK_EQUAL(record.kind, SYNCMGR_TYPE_CHANNEL);
    CHECK_EQUAL(record.value, seen + 1);
    seen = version_of(cells, "key");
    CHECK_EQUAL(seen, round + 1 + (round + 1) / 2);
  }
  check_and_close(space);
}

TEST(a_wait_can_be_cancelled_and_ends_with_its_handle) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_channel_t *cells = open_cells(me, "cells"), *again = open_cells(me, "cells");
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_ticket_t *ticket = await_change(cells, "key", 0, SYNCMGR_FOREVER, NULL, 0);
  CHECK_OK(syncmgr_ticket_cancel(ticket));
  await_change(cells, "key", 0, SYNCMGR_FOREVER, queue, 1);
  ticket = await_change(again, "key", 0, SYNCMGR_FOREVER, NULL, 0);
  CHECK_OK(syncmgr_channel_close(cells));
  CHECK_EQUAL(next_record(queue).status, SYNCMGR_E_CLOSED);
  CHECK_STATUS(syncmgr_ticket_wait(ticket, 0, NULL), SYNCMGR_PENDING);
  put(again, "key", "value");
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  check_and_close(space);
}

static syncmgr_channel_t *closing;

static void *wait_until_closed(void *argument) {
  *(_Atomic int32_t *)argument = 1;
  CHECK_STATUS(syncmgr_channel_changed(closing, "key", 0, SYNCMGR_FOREVER, NULL),
               SYNCMGR_E_CLOSED);
  return NULL;
}

TEST(a_blocked_wait_ends_when_its_handle_closes) {
  syncmgr_t *space = open_space(unique_url(), 0);
  _Atomic int32_t begun = 0;
  closing = open_cells(open_workstream(space, NULL), "cells");
  pthread_t thread = start_thread(wait_until_closed, &begun);
  WAIT_UNTIL(begun);
  sleep_ms(20);
  CHECK_OK(syncmgr_channel_close(closing));
  join_thread(thread);
  check_and_close(space);
}

TEST(shutting_the_channel_ends_all_waits) {
  for (uint32_t flags = 0; flags <= SYNCMGR_CHANNEL_DRAIN; flags++) {
    const char *url = unique_url();
    syncmgr_t *space = open_space(url, 0);
    syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
    syncmgr_ticket_t *ticket = await_change(cells, "key", 0, SYNCMGR_FOREVER, NULL, 0);
    peer_t *peer = start_wait(url, 0, 0);
    CHECK_OK(syncmgr_channel_shut(cells, flags));
    CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_E_CLOSED);
    check_woken(peer, SYNCMGR_E_CLOSED, 0);
    check_and_close(space);
  }
}

TEST(who_dies_while_waiting_leaves_nothing_behind) {
  const char *url = unique_url();
  uint32_t dead = 0;
  syncmgr_t *space = open_space(url, 0);
  syncmgr_channel_t *cells = open_cells(open_workstream(space, NULL), "cells");
  syncmgr_ticket_t *ticket = await_change(cells, "key", 0, SYNCMGR_FOREVER, NULL, 0);
  peer_t *peers[PEERS];
  for (unsigned index = 0; index < PEERS; index++) peers[index] = start_wait(url, 0, 0);
  for (unsigned index = 0; index < PEERS; index++) peer_kill(peers[index]);
  put(cells, "key", "value");
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  CHECK_OK(syncmgr_cleanup(space, &dead));
  CHECK_OK(syncmgr_channel_close(cells));
  CHECK_OK(syncmgr_object_remove(space, SYNCMGR_TYPE_CHANNEL, "cells"));
  check_and_close(space);
}
