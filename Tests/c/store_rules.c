/* What may be written: rules for all processes, and validators of one. */
#include <string.h>

#include "peer.h"
#include "transactions.h"

static int32_t put_typed(actor_t *actor, const char *key, const void *data, size_t length,
                         uint32_t type) {
  syncmgr_change_t change = {.key = key, .data = data, .length = length, .type = type,
                             .expected = SYNCMGR_VERSION_ANY};
  return syncmgr_store_put(actor->store, &change, 0, NULL);
}

static int32_t put_json(actor_t *actor, const char *key, const char *text) {
  return put_typed(actor, key, text, strlen(text), SYNCMGR_CELL_JSON);
}

static void declare(actor_t *actor, const char *pattern, const char *rule) {
  CHECK_OK(syncmgr_store_constraint(actor->store, pattern, rule, 0));
}

TEST(a_rule_refuses_what_it_says) {
  actor_t me = actor_open(open_space(unique_url(), 0), "me");
  int64_t number = 5;
  double fraction = 2.5;
  CHECK_OK(put_json(&me, "free/1", "99"));
  declare(&me, "n/*", "{\"type\":\"number\",\"minimum\":1,\"maximum\":10.5}");
  CHECK_OK(put_json(&me, "n/1", "1"));
  CHECK_OK(put_json(&me, "n/1", "10.5"));
  CHECK_STATUS(put_json(&me, "n/1", "0.999"), SYNCMGR_E_INVALID);
  CHECK(strstr(syncmgr_last_error(), "'n/1' is refused by the rule for 'n/*', minimum 1") != NULL);
  CHECK(strstr(syncmgr_last_error(), "0.999") != NULL);
  CHECK_STATUS(put_json(&me, "n/1", "11"), SYNCMGR_E_INVALID);
  CHECK_STATUS(put_json(&me, "n/1", "\"2\""), SYNCMGR_E_INVALID);
  CHECK_STATUS(put_json(&me, "n/1", "{"), SYNCMGR_E_INVALID);
  CHECK_OK(put_typed(&me, "n/1", &number, 8, SYNCMGR_CELL_INT64));
  CHECK_OK(put_typed(&me, "n/1", &fraction, 8, SYNCMGR_CELL_FLOAT64));
  number = 11;
  CHECK_STATUS(put_typed(&me, "n/1", &number, 8, SYNCMGR_CELL_INT64), SYNCMGR_E_INVALID);
  CHECK_OK(set_text(&me, "n/1", NULL));
  CHECK_OK(put_json(&me, "n/1/deeper", "99"));
  declare(&me, "o/**", "{\"type\":\"object\",\"required\":[\"id\",\"name\"]}");
  CHECK_OK(put_json(&me, "o/1/2", "{\"name\":null,\"id\":1}"));
  CHECK_STATUS(put_json(&me, "o/1/2", "{\"name\":1}"), SYNCMGR_E_INVALID);
  CHECK(strstr(syncmgr_last_error(), "required \"id\"") != NULL);
  declare(&me, "t", "{\"type\":\"text\",\"min_length\":2,\"max_length\":4}");
  CHECK_OK(put_typed(&me, "t", "abcd", 4, SYNCMGR_CELL_TEXT));
  CHECK_STATUS(put_typed(&me, "t", "abcde", 5, SYNCMGR_CELL_TEXT), SYNCMGR_E_INVALID);
  CHECK_STATUS(put_typed(&me, "t", "a", 1, SYNCMGR_CELL_TEXT), SYNCMGR_E_INVALID);
  CHECK_STATUS(put_typed(&me, "t", "abcd", 4, SYNCMGR_CELL_BYTES), SYNCMGR_E_INVALID);
  declare(&me, "v", "{\"values\":[\"red\",1,null]}");
  CHECK_OK(put_json(&me, "v", "\"red\""));
  CHECK_OK(put_json(&me, "v", "1.0"));
  CHECK_STATUS(put_json(&me, "v", "2"), SYNCMGR_E_INVALID);
  check_and_close(me.space);
}

TEST(what_is_immutable_is_written_once) {
  actor_t me = actor_open(open_space(unique_url(), 0), "me");
  declare(&me, "once/*", "{\"immutable\":true}");
  CHECK_OK(set_text(&me, "once/a", "1"));
  CHECK_STATUS(set_text(&me, "once/a", "2"), SYNCMGR_E_INVALID);
  CHECK_STATUS(set_text(&me, "once/a", NULL), SYNCMGR_E_INVALID);
  CHECK(strstr(syncmgr_last_error(), "immutable: a deletion") != NULL);
  CHECK_OK(set_text(&me, "once/b", NULL));
  CHECK_TEXT(&me, "once/a", "1");
  declare(&me, "once/*", NULL);
  CHECK_OK(set_text(&me, "once/a", "2"));
  CHECK_STATUS(syncmgr_store_constraint(me.store, "once/*", NULL, 0), SYNCMGR_E_NOT_FOUND);
  check_and_close(me.space);
}

TEST(rules_hold_for_commits_and_transactions_as_a_whole) {
  actor_t me = actor_open(open_space(unique_url(), 0), "me");
  declare(&me, "n", "{\"maximum\":10}");
  declare(&me, "**", "{\"max_length\":5}");
  syncmgr_change_t changes[2] = {
      {.key = "a", .data = "1", .length = 1, .expected = SYNCMGR_VERSION_ANY},
      {.key = "n", .data = "11", .length = 2, .expected = SYNCMGR_VERSION_ANY}};
  CHECK_STATUS(syncmgr_store_commit(me.store, changes, 2, 0, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_TEXT(&me, "a", "");
  syncmgr_transaction_t *transaction = begin(&me, 0, 0);
  line_t line = {.text = ""};
  letter_t a = {&line, 'a'};
  add_letter(transaction, &a);
  CHECK_OK(write_text(transaction, "a", "1"));
  CHECK_OK(write_text(transaction, "n", "11"));
  CHECK_STATUS(commit(transaction), SYNCMGR_E_INVALID);
  CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_ROLLED_BACK);
  CHECK(strcmp(line.text, "a-a") == 0);
  CHECK_OK(syncmgr_transaction_close(transaction));
  CHECK_TEXT(&me, "a", "");
  CHECK_STATUS(set_text(&me, "anything", "123456"), SYNCMGR_E_INVALID);
  check_and_close(me.space);
}

TEST(rules_that_are_none_are_refused) {
  actor_t me = actor_open(open_space(unique_url(), 0), "me");
  const char *bad[] = {"", "[]", "{", "{\"tpye\":\"text\"}", "{\"type\":\"texts\"}",
                       "{\"minimum\":\"1\"}", "{\"required\":[1]}", "{\"immutable\":1}",
                       "{\"max_length\":-1}", "{\"values\":1}"};
  for (unsigned index = 0; index < sizeof bad / sizeof *bad; index++) {
    CHECK_STATUS(syncmgr_store_constraint(me.store, "k", bad[index], 0), SYNCMGR_E_INVALID);
  }
  CHECK_STATUS(syncmgr_store_constraint(me.store, "", "{}", 0), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_constraint(me.store, NULL, "{}", 0), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_constraint(me.store, "k", "{}", 2), SYNCMGR_E_INVALID);
  CHECK_OK(set_text(&me, "k", "free"));
  check_and_close(me.space);
}

/* Two processes: one writes what the rule that the other declares in the midst forbids. */
static void write_small(peer_t *self) {
  actor_t actor = actor_open(peer_space(self), "peer");
  uint32_t refused = 0;
  for (uint32_t count = 0; refused < 100; count++) {
    int32_t status = set_text(&actor, "k", "1");
    if (status == SYNCMGR_E_INVALID) {
      refused++;
    } else {
      CHECK_OK(status);
      CHECK_EQUAL(refused, 0);
    }
    atomic_store(&self->values[0], (int64_t)count + 1);
  }
}

TEST(a_rule_holds_for_every_process_from_when_it_is_declared) {
  const char *url = unique_url();
  peer_t *peer = peer_start(write_small, url, 0, 0);
  actor_t me = actor_open(open_space(url, 0), "me");
  WAIT_UNTIL(atomic_load(&peer->values[0]) > 1000);
  declare(&me, "k", "{\"minimum\":2}");
  peer_join(peer);
  CHECK_TEXT(&me, "k", "1");
  check_after_deaths(me.space);
}

typedef struct judge {
  uint32_t calls;
  uint32_t destroyed;
  int32_t status;
  actor_t *actor;
  char seen[64];
} judge_t;

static int32_t judge_it(const syncmgr_entry_t *entry, void *user) {
  judge_t *judge = user;
  judge->calls++;
  strcpy(judge->seen, entry->key);
  if (entry->data != NULL) strncat(judge->seen, entry->data, entry->length);
  /* No lock is held: it may read and write. */
  if (judge->actor != NULL) CHECK_OK(set_text(judge->actor, "other", "written"));
  return judge->status;
}

static void destroy_judge(void *user) { ((judge_t *)user)->destroyed++; }

TEST(a_validator_looks_at_every_change_of_this_process) {
  actor_t me = actor_open(open_space(unique_url(), 0), "me");
  judge_t judge = {.actor = &me};
  syncmgr_subscription_t *subscription = NULL;
  CHECK_OK(syncmgr_store_validator(me.store, "v/*", judge_it, &judge, destroy_judge,
                                   &subscription));
  CHECK_OK(set_text(&me, "v/1", "x"));
  CHECK(judge.calls == 1 && strcmp(judge.seen, "v/1x") == 0);
  CHECK_OK(set_text(&me, "w", "x"));
  CHECK_EQUAL(judge.calls, 1);
  judge.status = SYNCMGR_E_UNSAFE;
  CHECK_STATUS(set_text(&me, "v/1", NULL), SYNCMGR_E_UNSAFE);
  CHECK(strstr(syncmgr_last_error(), "the validator of 'v/*': a deletion") != NULL);
  CHECK(strcmp(judge.seen, "v/1") == 0);
  syncmgr_transaction_t *transaction = begin(&me, 0, 0);
  CHECK_OK(write_text(transaction, "v/2", "y"));
  CHECK_OK(write_text(transaction, "z", "y"));
  CHECK_STATUS(commit(transaction), SYNCMGR_E_UNSAFE);
  CHECK_TEXT(&me, "z", "");
  CHECK_OK(syncmgr_off(subscription));
  CHECK_EQUAL(judge.destroyed, 1);
  CHECK_OK(set_text(&me, "v/1", NULL));
  CHECK_STATUS(
      syncmgr_store_validator(me.store, "", judge_it, &judge, destroy_judge, &subscription),
      SYNCMGR_E_INVALID);
  CHECK_EQUAL(judge.destroyed, 2);
  check_and_close(me.space);
}
