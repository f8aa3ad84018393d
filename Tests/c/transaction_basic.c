/* Transactions of one workstream: what they write, what others see of it, and how they end. */
#include <string.h>

#include "transactions.h"

static const uint32_t ways[] = {0, SYNCMGR_TRANSACTION_OPTIMISTIC};

TEST(what_a_transaction_writes_is_seen_by_nobody_before_its_commit) {
  for (unsigned way = 0; way < 2; way++) {
    syncmgr_t *space = open_space(unique_url(), 0);
    actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
    CHECK_OK(set_text(&one, "a", "old"));
    syncmgr_transaction_t *transaction = begin(&one, ways[way], SYNCMGR_SERIALIZABLE);
    CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_PENDING);
    CHECK_OK(write_text(transaction, "a", "new"));
    CHECK_OK(write_text(transaction, "b", "more"));
    CHECK_OK(write_text(transaction, "c", "gone"));
    CHECK_OK(write_text(transaction, "c", NULL));
    CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_ACTIVE);
    CHECK_TEXT(&one, "a", "old");
    CHECK_TEXT(&two, "b", "");
    CHECK(strcmp(read_text(transaction, "a"), "new") == 0);
    CHECK(strcmp(read_text(transaction, "b"), "more") == 0);
    CHECK_STATUS(try_read(transaction, "c"), SYNCMGR_E_NOT_FOUND);
    uint64_t revision = 0;
    CHECK_OK(syncmgr_transaction_commit(transaction, 0, SYNCMGR_FOREVER, &revision));
    CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_COMMITTED);
    CHECK_EQUAL(info_of(transaction).revision, revision);
    syncmgr_entry_t entries[2] = {{.key = "a"}, {.key = "b"}};
    char buffer[512];
    CHECK_OK(syncmgr_store_get(two.store, entries, 2, buffer, sizeof buffer, NULL));
    CHECK_EQUAL(entries[0].revision, revision);
    CHECK_EQUAL(entries[1].revision, revision);
    CHECK_STATUS(commit(transaction), SYNCMGR_E_ALREADY);
    CHECK(strstr(syncmgr_last_error(), "in committed state") != NULL);
    CHECK_STATUS(syncmgr_transaction_rollback(transaction), SYNCMGR_E_ALREADY);
    CHECK_STATUS(write_text(transaction, "a", "x"), SYNCMGR_E_ALREADY);
    CHECK_OK(syncmgr_transaction_close(transaction));
    CHECK_STATUS(syncmgr_transaction_close(transaction), SYNCMGR_E_CLOSED);
    check_and_close(space);
  }
}

TEST(a_rollback_drops_what_was_written_and_gives_the_locks_back) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  CHECK_OK(set_text(&one, "a", "old"));
  syncmgr_transaction_t *transaction = begin(&one, 0, 0), *other = begin(&two, 0, 0);
  CHECK_OK(write_text(transaction, "a", "new"));
  CHECK_EQUAL(info_of(transaction).locks, 1);
  CHECK_STATUS(syncmgr_transaction_lock(other, "a", SYNCMGR_SHARED, 0), SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(status_of(other), SYNCMGR_TRANSACTION_ACTIVE);
  CHECK_OK(syncmgr_transaction_rollback(transaction));
  CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_ROLLED_BACK);
  CHECK_EQUAL(info_of(transaction).locks, 0);
  CHECK_OK(syncmgr_transaction_lock(other, "a", SYNCMGR_SHARED, 0));
  CHECK(strcmp(read_text(other, "a"), "old") == 0);
  CHECK_STATUS(commit(transaction), SYNCMGR_E_ALREADY);
  CHECK_OK(commit(other));
  CHECK_OK(syncmgr_transaction_close(transaction));
  CHECK_OK(syncmgr_transaction_close(other));
  CHECK_TEXT(&one, "a", "old");
  check_and_close(space);
}

TEST(a_workstream_has_one_transaction_with_locks) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  syncmgr_transaction_t *first = begin(&one, 0, 0), *second = NULL;
  CHECK_STATUS(syncmgr_transaction_begin(one.store, NULL, &second), SYNCMGR_E_BUSY);
  CHECK(second == NULL);
  second = begin(&one, SYNCMGR_TRANSACTION_OPTIMISTIC, 0);
  CHECK_STATUS(syncmgr_transaction_lock(second, "x", SYNCMGR_SHARED, 0), SYNCMGR_E_BUSY);
  CHECK_OK(syncmgr_transaction_rollback(first));
  CHECK_OK(syncmgr_transaction_lock(second, "x", SYNCMGR_SHARED, 0));
  syncmgr_transaction_t *third = NULL;
  CHECK_STATUS(syncmgr_transaction_begin(one.store, NULL, &third), SYNCMGR_E_BUSY);
  CHECK_OK(syncmgr_transaction_close(second));
  third = begin(&one, 0, 0);
  CHECK_OK(syncmgr_transaction_close(first));
  CHECK_OK(syncmgr_transaction_close(third));
  check_and_close(space);
}

TEST(a_workstream_that_closes_rolls_its_transactions_back) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  line_t line = {.text = ""};
  letter_t a = {&line, 'a'};
  CHECK_OK(write_text(transaction, "k", "new"));
  add_letter(transaction, &a);
  CHECK_OK(syncmgr_transaction_execute(transaction));
  uint64_t id = info_of(transaction).id;
  CHECK_OK(syncmgr_workstream_close(one.me));
  CHECK(strcmp(line.text, "a-a") == 0);
  CHECK_STATUS(commit(transaction), SYNCMGR_E_CLOSED);
  CHECK_TEXT(&two, "k", "");
  CHECK(strstr(show(&two, id), "\"status\":\"rolled_back\"") != NULL);
  syncmgr_transaction_t *other = begin(&two, 0, 0);
  CHECK_OK(syncmgr_transaction_lock(other, "k", SYNCMGR_EXCLUSIVE, 0));
  check_and_close(space);
}

TEST(the_transaction_outlives_the_store_handle_that_it_was_begun_with) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  CHECK_OK(syncmgr_store_close(one.store));
  CHECK_OK(write_text(transaction, "k", "v"));
  CHECK_OK(commit(transaction));
  CHECK_TEXT(&two, "k", "v");
  check_and_close(space);
}

TEST(a_read_only_transaction_refuses_every_write) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  CHECK_OK(set_text(&one, "a", "1"));
  syncmgr_transaction_t *transaction = begin(&one, SYNCMGR_TRANSACTION_READ_ONLY, 0);
  CHECK_STATUS(write_text(transaction, "a", "2"), SYNCMGR_E_PERMISSION);
  syncmgr_operation_t operation = SYNCMGR_OPERATION_INIT(SYNCMGR_OPERATION_DELETE);
  operation.target = "a";
  CHECK_STATUS(syncmgr_transaction_add(transaction, &operation, NULL), SYNCMGR_E_PERMISSION);
  CHECK(strcmp(read_text(transaction, "a"), "1") == 0);
  CHECK_OK(commit(transaction));
  check_and_close(space);
}

TEST(a_put_with_an_expectation_is_looked_at_at_once_and_the_transaction_goes_on) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  CHECK_OK(set_text(&one, "a", "1"));
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  syncmgr_change_t change = {.key = "a", .data = "2", .length = 1, .expected = 0};
  CHECK_STATUS(syncmgr_transaction_put(transaction, &change), SYNCMGR_E_CHANGED);
  change.expected = 1;
  CHECK_OK(syncmgr_transaction_put(transaction, &change));
  CHECK_STATUS(syncmgr_transaction_put(transaction, &change), SYNCMGR_E_CHANGED);
  change.key = "b";
  change.expected = 0;
  CHECK_OK(syncmgr_transaction_put(transaction, &change));
  CHECK_STATUS(syncmgr_transaction_put(transaction, &change), SYNCMGR_E_CHANGED);
  CHECK_OK(write_text(transaction, "b", NULL));
  CHECK_OK(syncmgr_transaction_put(transaction, &change));
  CHECK_OK(commit(transaction));
  CHECK_TEXT(&one, "a", "2");
  CHECK_TEXT(&one, "b", "2");
  check_and_close(space);
}

TEST(what_was_expected_is_looked_at_again_at_the_commit) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  syncmgr_transaction_t *transaction =
      begin(&one, SYNCMGR_TRANSACTION_OPTIMISTIC, SYNCMGR_READ_COMMITTED);
  syncmgr_change_t change = {.key = "a", .data = "mine", .length = 4, .expected = 0};
  CHECK_OK(syncmgr_transaction_put(transaction, &change));
  CHECK_OK(write_text(transaction, "b", "mine"));
  CHECK_OK(set_text(&two, "a", "theirs"));
  CHECK_STATUS(commit(transaction), SYNCMGR_E_CHANGED);
  CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_ROLLED_BACK);
  CHECK_EQUAL(info_of(transaction).outcome, SYNCMGR_E_CHANGED);
  CHECK_TEXT(&one, "a", "theirs");
  CHECK_TEXT(&one, "b", "");
  check_and_close(space);
}

TEST(savepoints_drop_what_came_after_them) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  line_t line = {.text = ""};
  letter_t letters[] = {{&line, 'a'}, {&line, 'b'}, {&line, 'c'}, {&line, 'd'}};
  CHECK_OK(write_text(transaction, "k", "1"));
  add_letter(transaction, &letters[0]);
  CHECK_OK(syncmgr_transaction_savepoint(transaction, "first"));
  CHECK_OK(write_text(transaction, "k", "2"));
  CHECK_OK(write_text(transaction, "l", "2"));
  add_letter(transaction, &letters[1]);
  CHECK_OK(syncmgr_transaction_savepoint(transaction, "second"));
  add_letter(transaction, &letters[2]);
  CHECK_OK(syncmgr_transaction_execute(transaction));
  CHECK(strcmp(line.text, "abc") == 0);
  CHECK_OK(write_text(transaction, "k", NULL));
  CHECK_STATUS(syncmgr_transaction_rollback_to(transaction, "third"), SYNCMGR_E_NOT_FOUND);
  CHECK_OK(syncmgr_transaction_rollback_to(transaction, "second"));
  CHECK(strcmp(line.text, "abc-c") == 0);
  CHECK(strcmp(read_text(transaction, "k"), "2") == 0);
  CHECK_OK(syncmgr_transaction_rollback_to(transaction, "first"));
  CHECK(strcmp(line.text, "abc-c-b") == 0);
  CHECK(strcmp(read_text(transaction, "k"), "1") == 0);
  CHECK_STATUS(try_read(transaction, "l"), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_transaction_rollback_to(transaction, "second"), SYNCMGR_E_NOT_FOUND);
  CHECK_OK(syncmgr_transaction_rollback_to(transaction, "first"));
  add_letter(transaction, &letters[3]);
  CHECK_OK(commit(transaction));
  CHECK(strcmp(line.text, "abc-c-bd") == 0);
  CHECK_TEXT(&one, "k", "1");
  CHECK_EQUAL(state_of(transaction, 1), SYNCMGR_OPERATION_UNDONE);
  check_and_close(space);
}

TEST(ranges_have_what_the_transaction_has_written_in_its_place) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  CHECK_OK(set_text(&one, "r/b", "B"));
  CHECK_OK(set_text(&one, "r/d", "D"));
  CHECK_OK(set_text(&one, "r/e", "E"));
  CHECK_OK(set_text(&one, "s", "S"));
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  CHECK_OK(write_text(transaction, "r/a", "1"));
  CHECK_OK(write_text(transaction, "r/c", "2"));
  CHECK_OK(write_text(transaction, "r/d", NULL));
  CHECK_OK(write_text(transaction, "r/e", "3"));
  CHECK_OK(write_text(transaction, "q", "4"));
  for (uint32_t room = 1; room <= 8; room++) {
    char seen[64] = "", buffer[4096];
    syncmgr_range_t range = SYNCMGR_RANGE_INIT;
    syncmgr_entry_t entries[8];
    char after[16] = "";
    range.prefix = "r/";
    do {
      uint32_t count = room;
      CHECK_OK(
          syncmgr_transaction_range(transaction, &range, entries, &count, buffer, sizeof buffer));
      for (uint32_t index = 0; index < count; index++) {
        strcat(seen, entries[index].key + 2);
        strncat(seen, entries[index].data, entries[index].length);
      }
      if (count > 0) strcpy(after, entries[count - 1].key);
      range.after = after;
    } while (range.more);
    CHECK(strcmp(seen, "a1bBc2e3") == 0);
  }
  /* A buffer that has room for a part only. */
  char seen[64] = "", buffer[80];
  syncmgr_range_t range = SYNCMGR_RANGE_INIT;
  syncmgr_entry_t entries[8];
  char after[16] = "";
  range.prefix = "r/";
  do {
    uint32_t count = 8;
    CHECK_OK(
        syncmgr_transaction_range(transaction, &range, entries, &count, buffer, sizeof buffer));
    for (uint32_t index = 0; index < count; index++) strcat(seen, entries[index].key + 2);
    if (count > 0) strcpy(after, entries[count - 1].key);
    range.after = after;
  } while (range.more);
  CHECK(strcmp(seen, "abce") == 0);
  CHECK_OK(commit(transaction));
  CHECK_TEXT(&one, "r/d", "");
  check_and_close(space);
}

TEST(a_time_that_passed_ends_a_transaction_and_all_that_it_did) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  syncmgr_transaction_options_t options = SYNCMGR_TRANSACTION_OPTIONS_INIT;
  options.timeout_ns = 30 * MILLISECOND;
  line_t line = {.text = ""};
  letter_t a = {&line, 'a'};
  syncmgr_transaction_t *transaction = NULL;
  CHECK_OK(syncmgr_transaction_begin(one.store, &options, &transaction));
  CHECK_OK(write_text(transaction, "k", "v"));
  add_letter(transaction, &a);
  CHECK_OK(syncmgr_transaction_execute(transaction));
  sleep_ms(40);
  CHECK_STATUS(write_text(transaction, "l", "v"), SYNCMGR_E_TIMEOUT);
  CHECK(strstr(syncmgr_last_error(), "timed out after 30ms") != NULL);
  CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_TIMED_OUT);
  CHECK(strcmp(line.text, "a-a") == 0);
  CHECK_TEXT(&one, "k", "");
  CHECK_STATUS(commit(transaction), SYNCMGR_E_ALREADY);
  uint64_t id = info_of(transaction).id;
  CHECK(strstr(show(&one, id), "\"status\":\"timed_out\"") != NULL);
  CHECK_OK(syncmgr_transaction_close(transaction));
  CHECK_OK(syncmgr_transaction_begin(one.store, &options, &transaction));
  CHECK_OK(write_text(transaction, "k", "v"));
  sleep_ms(40);
  CHECK_STATUS(commit(transaction), SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_TIMED_OUT);
  CHECK_TEXT(&one, "k", "");
  check_and_close(space);
}

TEST(options_that_are_not_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  syncmgr_transaction_t *transaction = NULL;
  syncmgr_transaction_options_t good = SYNCMGR_TRANSACTION_OPTIONS_INIT, bad = good;
  bad.flags = 8;
  CHECK_STATUS(syncmgr_transaction_begin(one.store, &bad, &transaction), SYNCMGR_E_INVALID);
  bad = good, bad.isolation = 3;
  CHECK_STATUS(syncmgr_transaction_begin(one.store, &bad, &transaction), SYNCMGR_E_INVALID);
  bad = good, bad.timeout_ns = -2;
  CHECK_STATUS(syncmgr_transaction_begin(one.store, &bad, &transaction), SYNCMGR_E_INVALID);
  bad = good, bad.metadata = "{";
  CHECK_STATUS(syncmgr_transaction_begin(one.store, &bad, &transaction), SYNCMGR_E_INVALID);
  bad = good, bad.workstreams = "other";
  CHECK_STATUS(syncmgr_transaction_begin(one.store, &bad, &transaction), SYNCMGR_E_NAME);
  bad = good, bad.reserved = 1;
  CHECK_STATUS(syncmgr_transaction_begin(one.store, &bad, &transaction), SYNCMGR_E_INVALID);
  CHECK(transaction == NULL);
  /* None of them has left the workstream with a transaction. */
  transaction = begin(&one, 0, 0);
  CHECK_STATUS(syncmgr_transaction_commit(transaction, 2, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_transaction_commit(transaction, 0, -2, NULL), SYNCMGR_E_INVALID);
  CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_PENDING);
  CHECK_STATUS(syncmgr_transaction_prepare(transaction), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_transaction_lock(transaction, "\001t", 0, 0), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_transaction_lock(transaction, "t", 2, 0), SYNCMGR_E_INVALID);
  CHECK_STATUS(try_read(transaction, "\001t/0"), SYNCMGR_E_INVALID);
  CHECK_STATUS(write_text(transaction, "\001t/0", "x"), SYNCMGR_E_INVALID);
  check_and_close(space);
}

static int32_t body_of_run(syncmgr_transaction_t *transaction, void *user) {
  int *calls = user;
  ++*calls;
  if (*calls < 3) return SYNCMGR_E_CHANGED;
  return write_text(transaction, "k", "v");
}

static int32_t failing_body(syncmgr_transaction_t *transaction, void *user) {
  int *calls = user;
  ++*calls;
  CHECK_OK(write_text(transaction, "k", "w"));
  return SYNCMGR_E_BROKEN;
}

TEST(run_begins_anew_after_a_conflict_and_not_after_another_failure) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  int calls = 0;
  uint64_t revision = 0;
  CHECK_OK(syncmgr_transaction_run(one.store, NULL, body_of_run, &calls, &revision));
  CHECK_EQUAL(calls, 3);
  CHECK(revision != 0);
  CHECK_TEXT(&one, "k", "v");
  calls = 0;
  CHECK_STATUS(syncmgr_transaction_run(one.store, NULL, failing_body, &calls, NULL),
               SYNCMGR_E_BROKEN);
  CHECK_EQUAL(calls, 1);
  CHECK_TEXT(&one, "k", "v");
  syncmgr_transaction_options_t options = SYNCMGR_TRANSACTION_OPTIONS_INIT;
  options.retries = 1;
  calls = 0;
  CHECK_STATUS(syncmgr_transaction_run(one.store, &options, body_of_run, &calls, NULL),
               SYNCMGR_E_CHANGED);
  CHECK_EQUAL(calls, 2);
  check_and_close(space);
}
