/* Records of transactions: found, forgotten, and what becomes of those whose process dies. */
#include <stdio.h>
#include <string.h>

#include "peer.h"
#include "transactions.h"

static const uint32_t ways[] = {0, SYNCMGR_TRANSACTION_OPTIMISTIC};

TEST(records_are_found_by_status_and_workstream_and_forgotten) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  syncmgr_transaction_options_t options = SYNCMGR_TRANSACTION_OPTIONS_INIT;
  options.metadata = "{\"for\":\"test\"}";
  syncmgr_transaction_t *done = NULL;
  CHECK_OK(syncmgr_transaction_begin(one.store, &options, &done));
  CHECK_OK(commit(done));
  syncmgr_transaction_t *open = begin(&two, 0, 0);
  char id[32];
  snprintf(id, sizeof id, "\"id\":\"%016llx\"", (unsigned long long)info_of(done).id);
  const char *found = list(&two, 1u << SYNCMGR_TRANSACTION_COMMITTED, NULL);
  CHECK(strstr(found, id) != NULL && strstr(found, "\"for\":\"test\"") != NULL);
  CHECK(strstr(found, "\"two\"") == NULL);
  CHECK(strstr(list(&one, 1u << SYNCMGR_TRANSACTION_PENDING, NULL), "\"two\"") != NULL);
  CHECK(strcmp(list(&one, 0xff, "nobody"), "[]") == 0);
  CHECK(strstr(list(&one, 0xff, "two"), id) == NULL);
  uint32_t count = 99;
  CHECK_OK(syncmgr_transaction_clear(one.store, 60 * SECOND, &count));
  CHECK_EQUAL(count, 0);
  CHECK_OK(syncmgr_transaction_clear(one.store, 0, &count));
  CHECK_EQUAL(count, 1);
  size_t length = 0;
  CHECK_STATUS(syncmgr_transaction_show(one.store, info_of(done).id, NULL, 0, &length),
               SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_transaction_show(one.store, info_of(open).id, NULL, 0, &length),
               SYNCMGR_E_OVERFLOW);
  CHECK(length > 0);
  CHECK_STATUS(syncmgr_transaction_clear(one.store, -1, NULL), SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST_WITHIN(60, of_the_records_of_ended_transactions_the_last_are_kept) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  for (unsigned index = 0; index < 1600; index++) {
    syncmgr_transaction_t *transaction = begin(&one, SYNCMGR_TRANSACTION_OPTIMISTIC, 0);
    CHECK_OK(commit(transaction));
    CHECK_OK(syncmgr_transaction_close(transaction));
  }
  uint32_t count = 0;
  CHECK_OK(syncmgr_transaction_clear(one.store, 0, &count));
  CHECK(count >= 1024 && count < 1024 + 256);
  check_and_close(space);
}

/* A process that has written two of three keys, and one that dies in the midst of it. */
static void write_and_die(peer_t *self) {
  actor_t one = actor_open(peer_space(self), "peer");
  syncmgr_transaction_t *transaction = begin(&one, self->index, 0);
  CHECK_OK(write_text(transaction, "a", "new"));
  CHECK_OK(write_text(transaction, "b", "new"));
  atomic_store(&self->values[0], (int64_t)info_of(transaction).id);
  peer_pause(self);
}

TEST(a_transaction_whose_process_dies_half_way_was_seen_by_nobody) {
  for (unsigned way = 0; way < 2; way++) {
    const char *url = unique_url();
    peer_t *peer = peer_start(write_and_die, url, ways[way], 0);
    syncmgr_t *space = open_space(url, 0);
    actor_t two = actor_open(space, "two");
    CHECK_OK(set_text(&two, "a", "old"));
    CHECK_OK(set_text(&two, "b", "old"));
    CHECK_OK(set_text(&two, "c", "old"));
    peer_wait_pause(peer, 1);
    CHECK_TEXT(&two, "a", "old");
    uint64_t id = (uint64_t)peer_wait_value(peer, 0);
    CHECK(strstr(list(&two, 1u << SYNCMGR_TRANSACTION_PENDING, NULL), "peer") != NULL);
    peer_kill(peer);
    syncmgr_transaction_t *transaction = begin(&two, 0, 0);
    CHECK_OK(write_text(transaction, "b", "mine"));
    CHECK_OK(write_text(transaction, "a", "mine"));
    CHECK_OK(commit(transaction));
    CHECK_TEXT(&two, "a", "mine");
    CHECK_TEXT(&two, "c", "old");
    list(&two, 0xff, NULL);
    CHECK(strstr(show(&two, id), "\"status\":\"rolled_back\"") != NULL);
    CHECK_OK(syncmgr_transaction_close(transaction));
    check_after_deaths(space);
  }
}
