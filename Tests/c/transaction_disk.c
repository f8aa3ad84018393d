/* Transactions of a space with a file: committed means on disk, and what all processes left behind
 * when they died is known to those that come after. */
#include <signal.h>
#include <string.h>

#include "disks.h"
#include "transactions.h"

enum { ID = 0 };

static _Atomic uint32_t *undone;

static int32_t execute_it(const syncmgr_operation_t *operation, void *user) {
  (void)operation;
  (void)user;
  return SYNCMGR_OK;
}

static int32_t undo_it(const syncmgr_operation_t *operation, void *user) {
  (void)operation;
  (void)user;
  atomic_fetch_add(undone, 1);
  return SYNCMGR_OK;
}

static void handle(actor_t *actor) {
  syncmgr_handler_t handler = SYNCMGR_HANDLER_INIT;
  syncmgr_subscription_t *subscription = NULL;
  handler.name = "it";
  handler.execute = execute_it;
  handler.undo = undo_it;
  CHECK_OK(syncmgr_transaction_handler(actor->store, &handler, &subscription));
}

TEST(committed_is_on_disk_and_rules_hold_for_those_who_come_after) {
  const char *url = disk_url(unique_url(), "t.db");
  actor_t one = actor_open(open_space(url, 0), "one");
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  CHECK_OK(write_text(transaction, "k", "v"));
  CHECK_OK(commit(transaction));
  check_on_disk("t.db", "k", "v");
  uint64_t id = info_of(transaction).id;
  CHECK_OK(syncmgr_store_constraint(one.store, "k", "{\"max_length\":1}", 0));
  check_and_close(one.space);
  one = actor_open(open_space(url, 0), "one");
  CHECK(strstr(show(&one, id), "\"status\":\"committed\"") != NULL);
  CHECK_STATUS(set_text(&one, "k", "too long"), SYNCMGR_E_INVALID);
  CHECK_TEXT(&one, "k", "v");
  CHECK_OK(syncmgr_store_constraint(one.store, "k", NULL, 0));
  CHECK_OK(set_text(&one, "k", "long"));
  check_and_close(one.space);
}

static void execute_and_wait(peer_t *self) {
  actor_t actor = actor_open(peer_space(self), "peer");
  handle(&actor);
  syncmgr_transaction_t *transaction = begin(&actor, 0, 0);
  syncmgr_operation_t operation = operation_on(SYNCMGR_OPERATION_CUSTOM, "thing", NULL);
  operation.name = "it";
  CHECK_OK(write_text(transaction, "k", "unseen"));
  add_operation(transaction, operation);
  CHECK_OK(syncmgr_transaction_execute(transaction));
  atomic_store(&self->values[ID], (int64_t)info_of(transaction).id);
  peer_pause(self);
}

TEST(after_the_death_of_all_the_file_knows_what_is_to_be_undone) {
  undone = shared_memory(sizeof *undone);
  const char *url = disk_url(unique_url(), "t.db");
  peer_t *peer = peer_start(execute_and_wait, url, 0, 0);
  uint64_t id = (uint64_t)peer_wait_value(peer, ID);
  peer_kill(peer);
  actor_t me = actor_open(open_space(url, 0), "me");
  handle(&me);
  CHECK_TEXT(&me, "k", "");
  CHECK(strstr(recover(&me, SYNCMGR_OK), "rolled_back") != NULL);
  CHECK_EQUAL(atomic_load(undone), 1);
  CHECK(strstr(show(&me, id), "\"status\":\"rolled_back\"") != NULL);
  check_after_deaths(me.space);
}

/* Both parts in one process, which dies when both have voted. */
static void vote_and_wait(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  syncmgr_transaction_options_t options = SYNCMGR_TRANSACTION_OPTIONS_INIT;
  syncmgr_transaction_t *whole = NULL, *part = NULL;
  options.workstreams = "one/two";
  CHECK_OK(syncmgr_transaction_begin(one.store, &options, &whole));
  CHECK_OK(syncmgr_transaction_join(two.store, info_of(whole).id, &part));
  CHECK_OK(write_text(whole, "a", "1"));
  CHECK_OK(write_text(part, "b", "2"));
  CHECK_OK(syncmgr_transaction_prepare(whole));
  if (self->index == 1) CHECK_OK(syncmgr_transaction_prepare(part));
  atomic_store(&self->values[ID], (int64_t)info_of(whole).id);
  peer_pause(self);
}

TEST(after_the_death_of_all_what_all_had_voted_for_is_committed) {
  for (uint32_t all = 0; all < 2; all++) {
    const char *url = disk_url(unique_url(), all ? "all.db" : "one.db");
    peer_t *peer = peer_start(vote_and_wait, url, all, 0);
    uint64_t id = (uint64_t)peer_wait_value(peer, ID);
    peer_kill(peer);
    actor_t me = actor_open(open_space(url, 0), "me");
    CHECK_TEXT(&me, "a", "");
    CHECK_STATUS(set_text(&me, "a", "mine"), SYNCMGR_E_BUSY);
    recover(&me, SYNCMGR_OK);
    CHECK_TEXT(&me, "a", all ? "1" : "");
    CHECK_TEXT(&me, "b", all ? "2" : "");
    CHECK(strstr(show(&me, id), all ? "\"committed\"" : "\"rolled_back\"") != NULL);
    CHECK_OK(set_text(&me, "a", "free"));
    check_after_deaths(me.space);
  }
}
