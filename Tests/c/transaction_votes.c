/* Transactions of several workstreams: who votes for it, who against, and who dies when. */
#include <stdio.h>
#include <string.h>

#include "peer.h"
#include "transactions.h"

static syncmgr_transaction_t *begin_for(actor_t *actor, const char *names, int64_t timeout_ns) {
  syncmgr_transaction_options_t options = SYNCMGR_TRANSACTION_OPTIONS_INIT;
  syncmgr_transaction_t *transaction = NULL;
  options.workstreams = names;
  options.timeout_ns = timeout_ns;
  CHECK_OK(syncmgr_transaction_begin(actor->store, &options, &transaction));
  return transaction;
}

static syncmgr_transaction_t *join_it(actor_t *actor, syncmgr_transaction_t *whole) {
  syncmgr_transaction_t *transaction = NULL;
  CHECK_OK(syncmgr_transaction_join(actor->store, info_of(whole).id, &transaction));
  CHECK_EQUAL(info_of(transaction).is_part, 1);
  return transaction;
}

static syncmgr_step_t step_of(syncmgr_transaction_t *transaction) {
  syncmgr_step_t step;
  CHECK_OK(syncmgr_transaction_step(transaction, &step));
  return step;
}

TEST(all_parts_are_committed_at_once_when_all_have_voted_for_it) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  actor_t three = actor_open(space, "three");
  syncmgr_transaction_t *whole = begin_for(&one, "one/two", SYNCMGR_FOREVER);
  syncmgr_transaction_t *part = join_it(&two, whole), *other = NULL;
  uint64_t id = info_of(whole).id;
  CHECK_STATUS(syncmgr_transaction_join(two.store, id, &other), SYNCMGR_E_ALREADY);
  CHECK_STATUS(syncmgr_transaction_join(three.store, id, &other), SYNCMGR_E_NOT_EXPECTED);
  CHECK_STATUS(syncmgr_transaction_join(three.store, id + 1, &other), SYNCMGR_E_NOT_FOUND);
  CHECK_OK(write_text(whole, "a", "1"));
  CHECK_OK(write_text(part, "b", "2"));
  CHECK_OK(syncmgr_transaction_prepare(part));
  CHECK_STATUS(syncmgr_transaction_wait(part, 0), SYNCMGR_E_TIMEOUT);
  CHECK_TEXT(&three, "b", "");
  /* What is prepared is nobody else's. */
  CHECK_STATUS(set_text(&three, "b", "3"), SYNCMGR_E_BUSY);
  char words[64];
  snprintf(words, sizeof words, "%016llx", (unsigned long long)id);
  CHECK(strstr(syncmgr_last_error(), words) != NULL);
  CHECK_OK(set_text(&three, "c", "3"));
  CHECK_STATUS(syncmgr_transaction_rollback(part), SYNCMGR_E_ALREADY);
  CHECK_OK(commit(whole));
  CHECK_OK(syncmgr_transaction_wait(part, SYNCMGR_FOREVER));
  CHECK_EQUAL(status_of(part), SYNCMGR_TRANSACTION_COMMITTED);
  syncmgr_entry_t entries[2] = {{.key = "a"}, {.key = "b"}};
  char buffer[512];
  CHECK_OK(syncmgr_store_get(three.store, entries, 2, buffer, sizeof buffer, NULL));
  CHECK_EQUAL(entries[0].revision, entries[1].revision);
  CHECK_OK(set_text(&three, "b", "free"));
  CHECK_OK(set_text(&three, "b", "free again"));
  check_and_close(space);
}

TEST(a_part_that_rolls_back_is_a_vote_against_all) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  actor_t three = actor_open(space, "three");
  for (unsigned closes = 0; closes < 2; closes++) {
    syncmgr_transaction_t *whole = begin_for(&one, "one/two/three", SYNCMGR_FOREVER);
    syncmgr_transaction_t *part = join_it(&two, whole), *other = join_it(&three, whole);
    line_t line = {.text = ""};
    letter_t a = {&line, 'a'}, b = {&line, 'b'};
    CHECK_OK(write_text(whole, "a", "1"));
    CHECK_OK(write_text(part, "b", "2"));
    add_letter(whole, &a);
    add_letter(part, &b);
    CHECK_OK(syncmgr_transaction_prepare(part));
    if (closes) {
      CHECK_OK(syncmgr_transaction_close(other));
    } else {
      CHECK_OK(syncmgr_transaction_rollback(other));
    }
    CHECK_STATUS(commit(whole), SYNCMGR_E_FAILED);
    CHECK(strstr(syncmgr_last_error(), "three") != NULL);
    CHECK_STATUS(syncmgr_transaction_wait(part, SYNCMGR_FOREVER), SYNCMGR_E_FAILED);
    CHECK_EQUAL(status_of(part), SYNCMGR_TRANSACTION_ROLLED_BACK);
    CHECK(strcmp(line.text, "ba-a-b") == 0);
    CHECK_TEXT(&one, "a", "");
    CHECK_TEXT(&one, "b", "");
    CHECK_OK(set_text(&one, "b", "free"));
    CHECK_OK(set_text(&one, "b", NULL));
    CHECK_OK(syncmgr_transaction_close(whole));
    CHECK_OK(syncmgr_transaction_close(part));
    if (!closes) CHECK_OK(syncmgr_transaction_close(other));
  }
  check_and_close(space);
}

TEST(votes_that_do_not_come_are_waited_for_as_long_as_the_transaction_has_time) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  syncmgr_transaction_t *whole = begin_for(&one, "one/two/nobody", 40 * MILLISECOND);
  syncmgr_transaction_t *part = join_it(&two, whole);
  CHECK_OK(write_text(part, "b", "2"));
  CHECK_OK(syncmgr_transaction_prepare(part));
  CHECK_STATUS(commit(whole), SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(status_of(whole), SYNCMGR_TRANSACTION_TIMED_OUT);
  CHECK_STATUS(syncmgr_transaction_wait(part, SYNCMGR_FOREVER), SYNCMGR_E_FAILED);
  CHECK_OK(set_text(&one, "b", "free"));
  check_and_close(space);
}

TEST(the_one_who_began_it_may_roll_it_back_until_all_have_voted) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  syncmgr_transaction_t *whole = begin_for(&one, "one/two", SYNCMGR_FOREVER);
  syncmgr_transaction_t *part = join_it(&two, whole);
  CHECK_OK(write_text(part, "b", "2"));
  CHECK_OK(syncmgr_transaction_prepare(part));
  CHECK_OK(syncmgr_transaction_rollback(whole));
  CHECK_STATUS(syncmgr_transaction_wait(part, SYNCMGR_FOREVER), SYNCMGR_E_FAILED);
  CHECK_OK(syncmgr_transaction_close(part));
  CHECK_OK(syncmgr_transaction_close(whole));
  /* A vote that comes after the decision is none. */
  whole = begin_for(&one, "one/two", SYNCMGR_FOREVER);
  part = join_it(&two, whole);
  CHECK_OK(write_text(part, "b", "2"));
  CHECK_OK(syncmgr_transaction_rollback(whole));
  CHECK_STATUS(commit(part), SYNCMGR_E_FAILED);
  CHECK_OK(set_text(&one, "b", "free"));
  check_and_close(space);
}

TEST(what_a_part_has_read_is_checked_when_it_votes_and_when_it_is_decided) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  for (unsigned late = 0; late < 3; late++) {
    syncmgr_transaction_t *whole = begin_for(&one, "one/two", SYNCMGR_FOREVER);
    syncmgr_transaction_t *part = join_it(&two, whole);
    CHECK_OK(set_text(&one, "r", "1"));
    CHECK(strcmp(read_text(part, "r"), "1") == 0);
    if (late == 2) CHECK_EQUAL(count_range(part, "range/"), 0);
    CHECK_OK(write_text(part, "b", "2"));
    if (late == 0) CHECK_OK(set_text(&one, "r", "2"));
    CHECK_STATUS(syncmgr_transaction_prepare(part), late == 0 ? SYNCMGR_E_CHANGED : SYNCMGR_OK);
    if (late == 1) CHECK_OK(set_text(&one, "r", "2"));
    if (late == 2) CHECK_OK(set_text(&one, "range/new", "2"));
    CHECK_STATUS(commit(whole), late == 0 ? SYNCMGR_E_FAILED : SYNCMGR_E_CHANGED);
    CHECK_TEXT(&one, "b", "");
    CHECK_OK(syncmgr_transaction_close(part));
    CHECK_OK(syncmgr_transaction_close(whole));
  }
  check_and_close(space);
}

TEST(steps_wait_for_votes_by_the_store) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  syncmgr_transaction_t *whole = begin_for(&one, "one/two", SYNCMGR_FOREVER);
  syncmgr_transaction_t *part = join_it(&two, whole);
  CHECK_OK(write_text(whole, "a", "1"));
  CHECK_OK(write_text(part, "b", "2"));
  CHECK_OK(syncmgr_transaction_aim(whole, SYNCMGR_AIM_COMMIT, NULL));
  CHECK_EQUAL(step_of(whole).kind, SYNCMGR_STEP_VOTES);
  CHECK_OK(syncmgr_transaction_aim(part, SYNCMGR_AIM_PREPARE, NULL));
  CHECK_EQUAL(step_of(part).kind, SYNCMGR_STEP_DONE);
  CHECK_OK(syncmgr_transaction_aim(part, SYNCMGR_AIM_COMMIT, NULL));
  CHECK_EQUAL(step_of(part).kind, SYNCMGR_STEP_VOTES);
  syncmgr_step_t ended = step_of(whole);
  CHECK_EQUAL(ended.kind, SYNCMGR_STEP_DONE);
  CHECK_OK(ended.status);
  ended = step_of(part);
  CHECK_EQUAL(ended.kind, SYNCMGR_STEP_DONE);
  CHECK_OK(ended.status);
  CHECK_TEXT(&one, "b", "2");
  check_after_deaths(space);
}

/* Deaths. The peer joins, writes, and stops at each place. */
enum { ID = 0, VOTES = 1, AT = 2 };

static void take_part(peer_t *self) {
  actor_t actor = actor_open(peer_space(self), "peer");
  syncmgr_transaction_t *part = NULL;
  peer_pause(self);
  CHECK_OK(syncmgr_transaction_join(actor.store, (uint64_t)atomic_load(&self->values[ID]), &part));
  CHECK_OK(write_text(part, "peer", "voted"));
  if (self->index == 1) CHECK_OK(syncmgr_transaction_prepare(part));
  peer_pause(self);
  CHECK_OK(commit(part));
  atomic_store(&self->values[AT], 1);
  peer_pause(self);
}

TEST(who_dies_before_it_has_voted_aborts_it_and_who_dies_after_does_not) {
  for (uint32_t votes = 0; votes < 2; votes++) {
    const char *url = unique_url();
    peer_t *peer = peer_start(take_part, url, votes, 0);
    actor_t me = actor_open(open_space(url, 0), "me");
    syncmgr_transaction_t *whole = begin_for(&me, "me/peer", SYNCMGR_FOREVER);
    CHECK_OK(write_text(whole, "mine", "1"));
    peer_wait_pause(peer, 1);
    atomic_store(&peer->values[ID], (int64_t)info_of(whole).id);
    peer_go(peer);
    peer_wait_pause(peer, 2);
    peer_kill(peer);
    CHECK_STATUS(commit(whole), votes ? SYNCMGR_OK : SYNCMGR_E_FAILED);
    CHECK_TEXT(&me, "peer", votes ? "voted" : "");
    CHECK_TEXT(&me, "mine", votes ? "1" : "");
    CHECK_OK(set_text(&me, "peer", "free"));
    recover(&me, SYNCMGR_OK);
    CHECK(strcmp(list(&me, 0x17, NULL), "[]") == 0);
    CHECK_OK(syncmgr_transaction_close(whole));
    check_after_deaths(me.space);
  }
}

/* The peer begins it, votes, and dies before it has decided. */
static void begin_and_vote(peer_t *self) {
  actor_t actor = actor_open(peer_space(self), "peer");
  syncmgr_transaction_t *whole = begin_for(&actor, "peer/me", SYNCMGR_FOREVER);
  CHECK_OK(write_text(whole, "peer", "voted"));
  CHECK_OK(syncmgr_transaction_aim(whole, SYNCMGR_AIM_COMMIT, NULL));
  atomic_store(&self->values[ID], (int64_t)info_of(whole).id);
  peer_pause(self);
  if (self->index == 1) CHECK_EQUAL(step_of(whole).kind, SYNCMGR_STEP_VOTES);
  peer_pause(self);
}

TEST(when_all_have_voted_whoever_recovers_commits_it) {
  for (uint32_t votes = 0; votes < 2; votes++) {
    for (uint32_t recovers = 0; recovers < 2; recovers++) {
      const char *url = unique_url();
      peer_t *peer = peer_start(begin_and_vote, url, votes, 0);
      actor_t me = actor_open(open_space(url, 0), "me");
      actor_t other = actor_open(me.space, "other");
      syncmgr_transaction_t *part = NULL;
      uint64_t id = (uint64_t)peer_wait_value(peer, ID);
      CHECK_OK(syncmgr_transaction_join(me.store, id, &part));
      CHECK_OK(write_text(part, "mine", "1"));
      peer_go(peer);
      peer_wait_pause(peer, 2);
      CHECK_OK(syncmgr_transaction_prepare(part));
      peer_kill(peer);
      if (recovers) recover(&other, SYNCMGR_OK);
      CHECK_STATUS(syncmgr_transaction_wait(part, SYNCMGR_FOREVER),
                   votes ? SYNCMGR_OK : SYNCMGR_E_FAILED);
      CHECK_TEXT(&me, "peer", votes ? "voted" : "");
      CHECK_TEXT(&me, "mine", votes ? "1" : "");
      CHECK(strstr(show(&me, id), votes ? "\"committed\"" : "\"rolled_back\"") != NULL);
      CHECK_OK(set_text(&me, "mine", "free"));
      CHECK_OK(syncmgr_transaction_close(part));
      check_after_deaths(me.space);
    }
  }
}

static int32_t accept(const syncmgr_operation_t *operation, void *user) {
  (void)operation, (void)user;
  return SYNCMGR_OK;
}

static void undo_votes_late(actor_t *one, actor_t *two, bool has_voted) {
  syncmgr_handler_t handler = SYNCMGR_HANDLER_INIT;
  handler.name = "outside", handler.execute = accept, handler.undo = accept;
  syncmgr_subscription_t *subscription = NULL;
  CHECK_OK(syncmgr_transaction_handler(one->store, &handler, &subscription));
  syncmgr_transaction_t *whole = begin_for(one, "one/two", SYNCMGR_FOREVER);
  syncmgr_transaction_t *part = join_it(two, whole);
  syncmgr_operation_t operation = SYNCMGR_OPERATION_INIT(SYNCMGR_OPERATION_CUSTOM);
  operation.name = "outside";
  add_operation(whole, operation);
  CHECK_OK(syncmgr_transaction_execute(whole));
  CHECK_OK(write_text(part, "b", "2"));
  if (has_voted) CHECK_OK(syncmgr_transaction_prepare(part));
  CHECK_OK(syncmgr_transaction_rollback(whole));
  if (has_voted) {
    CHECK_STATUS(syncmgr_transaction_wait(part, 1000000000), SYNCMGR_E_FAILED);
  } else {
    CHECK_STATUS(syncmgr_transaction_prepare(part), SYNCMGR_E_FAILED);
  }
  CHECK_EQUAL(status_of(part), SYNCMGR_TRANSACTION_ROLLED_BACK);
  CHECK_OK(set_text(one, "b", "free"));
  CHECK_OK(syncmgr_transaction_close(part));
  CHECK_OK(syncmgr_transaction_close(whole));
  CHECK_OK(syncmgr_off(subscription));
}

TEST(one_that_has_to_undo_something_ends_its_parts_too) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  undo_votes_late(&one, &two, true);
  undo_votes_late(&one, &two, false);
  CHECK_TEXT(&one, "b", "free");
  CHECK_OK(syncmgr_close(space));
}

TEST(a_part_never_has_the_id_of_the_whole) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  /* Ids of one millisecond differ by chance, of 4,096. */
  for (unsigned round = 0; round < 20000; round++) {
    syncmgr_transaction_t *whole = begin_for(&one, "one/two", SYNCMGR_FOREVER);
    syncmgr_transaction_t *part = join_it(&two, whole);
    CHECK(info_of(whole).id != info_of(part).id);
    CHECK_OK(syncmgr_transaction_close(part));
    CHECK_OK(syncmgr_transaction_close(whole));
  }
  CHECK_OK(syncmgr_close(space));
}
