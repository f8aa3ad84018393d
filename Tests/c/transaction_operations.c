/* Operations: in which order they are executed and undone, and what is made of failures. */
#include <string.h>

#include "transactions.h"

TEST(operations_on_the_store_need_no_callbacks) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  CHECK_OK(set_text(&one, "r", "read me"));
  CHECK_OK(set_text(&one, "d", "gone"));
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  CHECK_EQUAL(add_operation(transaction, operation_on(SYNCMGR_OPERATION_READ, "r", NULL)), 0);
  add_operation(transaction, operation_on(SYNCMGR_OPERATION_WRITE, "w", "written"));
  add_operation(transaction, operation_on(SYNCMGR_OPERATION_CREATE, "c", "created"));
  add_operation(transaction, operation_on(SYNCMGR_OPERATION_DELETE, "d", NULL));
  syncmgr_operation_t lock = operation_on(SYNCMGR_OPERATION_LOCK, "t", NULL);
  lock.parameters = "{\"mode\": \"shared\"}";
  add_operation(transaction, lock);
  add_operation(transaction, operation_on(SYNCMGR_OPERATION_UNLOCK, "t", NULL));
  add_operation(transaction, operation_on(SYNCMGR_OPERATION_READ, "w", NULL));
  CHECK_OK(commit(transaction));
  CHECK_TEXT(&one, "w", "written");
  CHECK_TEXT(&one, "c", "created");
  CHECK_TEXT(&one, "d", "");
  char buffer[64] = "";
  uint32_t state = 99;
  size_t length = 0;
  CHECK_OK(syncmgr_transaction_result(transaction, 0, &state, buffer, sizeof buffer, &length));
  CHECK(length == 7 && memcmp(buffer, "read me", 7) == 0);
  CHECK_EQUAL(state, SYNCMGR_OPERATION_EXECUTED);
  CHECK_OK(syncmgr_transaction_result(transaction, 6, NULL, buffer, sizeof buffer, &length));
  CHECK(length == 7 && memcmp(buffer, "written", 7) == 0);
  CHECK_STATUS(syncmgr_transaction_result(transaction, 6, &state, buffer, 6, &length),
               SYNCMGR_E_TOO_LARGE);
  CHECK_STATUS(syncmgr_transaction_result(transaction, 7, NULL, buffer, 6, &length),
               SYNCMGR_E_NOT_FOUND);
  check_and_close(space);
}

TEST(create_fails_for_what_is_there_and_delete_for_what_is_not) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  CHECK_OK(set_text(&one, "k", "v"));
  for (unsigned index = 0; index < 4; index++) {
    syncmgr_transaction_t *transaction = begin(&one, 0, 0);
    bool creates = index % 2 == 0;
    CHECK_OK(write_text(transaction, "other", "x"));
    if (index == 2) CHECK_OK(write_text(transaction, "n", "x"));
    if (index == 3) CHECK_OK(write_text(transaction, "k", NULL));
    const char *target = index == 0 ? "k" : index == 1 ? "n" : index == 2 ? "n" : "k";
    uint32_t type = creates ? SYNCMGR_OPERATION_CREATE : SYNCMGR_OPERATION_DELETE;
    add_operation(transaction, operation_on(type, target, creates ? "x" : NULL));
    CHECK_STATUS(commit(transaction), creates ? SYNCMGR_E_EXISTS : SYNCMGR_E_NOT_FOUND);
    CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_ROLLED_BACK);
    CHECK_EQUAL(state_of(transaction, 0), SYNCMGR_OPERATION_FAILED);
    CHECK_OK(syncmgr_transaction_close(transaction));
    CHECK_TEXT(&one, "other", "");
    CHECK_TEXT(&one, "k", "v");
  }
  check_and_close(space);
}

TEST(operations_are_executed_in_order_before_the_changes_are_seen) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  line_t line = {.text = ""};
  letter_t a = {&line, 'a'}, b = {&line, 'b'}, c = {&line, 'c'};
  add_letter(transaction, &a);
  add_letter(transaction, &b);
  CHECK(strcmp(line.text, "") == 0);
  CHECK_OK(syncmgr_transaction_execute(transaction));
  CHECK(strcmp(line.text, "ab") == 0);
  add_letter(transaction, &c);
  CHECK_OK(syncmgr_transaction_execute(transaction));
  CHECK_OK(syncmgr_transaction_execute(transaction));
  CHECK_OK(commit(transaction));
  CHECK(strcmp(line.text, "abc") == 0);
  check_and_close(space);
}

TEST(after_a_failure_what_was_executed_is_undone_newest_first_and_once) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  line_t line = {.text = "", .fail_at = 'c'};
  letter_t letters[] = {{&line, 'a'}, {&line, 'b'}, {&line, 'c'}, {&line, 'd'}};
  for (unsigned index = 0; index < 4; index++) add_letter(transaction, &letters[index]);
  CHECK_OK(write_text(transaction, "k", "v"));
  CHECK_STATUS(commit(transaction), SYNCMGR_E_FAILED);
  CHECK(strstr(syncmgr_last_error(), "operation 2 (custom) failed: E_BROKEN") != NULL);
  CHECK(strcmp(line.text, "abc-b-a") == 0);
  CHECK_EQUAL(state_of(transaction, 0), SYNCMGR_OPERATION_UNDONE);
  CHECK_EQUAL(state_of(transaction, 2), SYNCMGR_OPERATION_FAILED);
  CHECK_EQUAL(state_of(transaction, 3), SYNCMGR_OPERATION_LEFT_OUT);
  CHECK_STATUS(syncmgr_transaction_rollback(transaction), SYNCMGR_E_ALREADY);
  CHECK_OK(syncmgr_transaction_close(transaction));
  CHECK(strcmp(line.text, "abc-b-a") == 0);
  CHECK_TEXT(&one, "k", "");
  check_and_close(space);
}

TEST(a_commit_that_finds_a_conflict_undoes_what_was_executed) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  line_t line = {.text = ""};
  letter_t a = {&line, 'a'};
  CHECK_STATUS(try_read(transaction, "k"), SYNCMGR_E_NOT_FOUND);
  add_letter(transaction, &a);
  CHECK_OK(set_text(&one, "k", "plain puts take no locks"));
  CHECK_STATUS(commit(transaction), SYNCMGR_E_CHANGED);
  CHECK(strcmp(line.text, "a-a") == 0);
  check_and_close(space);
}

TEST(an_undo_that_fails_leaves_it_failed_and_another_rollback_goes_on) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  line_t line = {.text = "", .fail_undo_at = 'b'};
  letter_t letters[] = {{&line, 'a'}, {&line, 'b'}, {&line, 'c'}};
  for (unsigned index = 0; index < 3; index++) add_letter(transaction, &letters[index]);
  CHECK_OK(syncmgr_transaction_execute(transaction));
  CHECK_STATUS(syncmgr_transaction_rollback(transaction), SYNCMGR_E_FAILED);
  CHECK(strstr(syncmgr_last_error(), "operation 1") != NULL);
  CHECK(strstr(syncmgr_last_error(), "2 are left") != NULL);
  CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_FAILED);
  CHECK_EQUAL(state_of(transaction, 1), SYNCMGR_OPERATION_UNDO_FAILED);
  CHECK(strcmp(line.text, "abc-c-b") == 0);
  CHECK(strstr(show(&one, info_of(transaction).id), "\"status\":\"failed\"") != NULL);
  CHECK_STATUS(commit(transaction), SYNCMGR_E_ALREADY);
  CHECK_STATUS(syncmgr_transaction_rollback(transaction), SYNCMGR_E_FAILED);
  line.fail_undo_at = 0;
  CHECK_OK(syncmgr_transaction_rollback(transaction));
  CHECK(strcmp(line.text, "abc-c-b-b-b-a") == 0);
  CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_ROLLED_BACK);
  check_and_close(space);
}

static int32_t sleep_long(const syncmgr_operation_t *operation, void *user) {
  (void)operation;
  sleep_ms(30);
  strcat(((line_t *)user)->text, "s");
  return SYNCMGR_OK;
}

static int32_t wake_up(const syncmgr_operation_t *operation, void *user) {
  (void)operation;
  strcat(((line_t *)user)->text, "-s");
  return SYNCMGR_OK;
}

TEST(an_operation_that_comes_back_after_its_time_is_undone) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  line_t line = {.text = ""};
  letter_t a = {&line, 'a'}, b = {&line, 'b'};
  add_letter(transaction, &a);
  syncmgr_operation_t operation = SYNCMGR_OPERATION_INIT(SYNCMGR_OPERATION_CUSTOM);
  operation.execute = sleep_long;
  operation.undo = wake_up;
  operation.user = &line;
  operation.timeout_ns = 10 * MILLISECOND;
  add_operation(transaction, operation);
  add_letter(transaction, &b);
  CHECK_STATUS(commit(transaction), SYNCMGR_E_TIMEOUT);
  CHECK(strstr(syncmgr_last_error(), "timed out after 10ms") != NULL);
  CHECK(strcmp(line.text, "as-s-a") == 0);
  CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_ROLLED_BACK);
  check_and_close(space);
}

/* Within its execution an operation may read and write in its transaction, and nothing else. */
static int32_t execute_within(const syncmgr_operation_t *operation, void *user) {
  actor_t *actor = user;
  CHECK_EQUAL(operation->index, 0);
  CHECK(strcmp(operation->target, "k") == 0 && strcmp(operation->id, "mine") == 0);
  CHECK(strcmp(operation->parameters, "{\"n\":[1,2]}") == 0);
  CHECK(operation->length == 4 && memcmp(operation->data, "data", 4) == 0);
  CHECK(strcmp(read_text(operation->transaction, "k"), "v") == 0);
  CHECK_OK(write_text(operation->transaction, "k", "from within"));
  CHECK_OK(syncmgr_transaction_set_result(operation->transaction, 0, "done", 4));
  CHECK_STATUS(commit(operation->transaction), SYNCMGR_E_BUSY);
  CHECK_STATUS(syncmgr_transaction_rollback(operation->transaction), SYNCMGR_E_BUSY);
  CHECK_EQUAL(status_of(operation->transaction), SYNCMGR_TRANSACTION_COMMITTING);
  CHECK_TEXT(actor, "k", "v");
  return SYNCMGR_OK;
}

TEST(a_callback_may_read_and_write_in_its_transaction) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  CHECK_OK(set_text(&one, "k", "v"));
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  syncmgr_operation_t operation = operation_on(SYNCMGR_OPERATION_CUSTOM, "k", "data");
  operation.id = "mine";
  operation.parameters = " {\"n\": [1, 2]} ";
  operation.execute = execute_within;
  operation.user = &one;
  add_operation(transaction, operation);
  CHECK_OK(commit(transaction));
  CHECK_TEXT(&one, "k", "from within");
  char buffer[16];
  size_t length = 0;
  CHECK_OK(syncmgr_transaction_result(transaction, 0, NULL, buffer, sizeof buffer, &length));
  CHECK(length == 4 && memcmp(buffer, "done", 4) == 0);
  check_and_close(space);
}

static int32_t close_within(const syncmgr_operation_t *operation, void *user) {
  CHECK_OK(syncmgr_transaction_close(operation->transaction));
  strcat(((line_t *)user)->text, "s");
  return SYNCMGR_OK;
}

static int32_t close_all_within(const syncmgr_operation_t *operation, void *user) {
  (void)operation;
  CHECK_OK(syncmgr_close(*(syncmgr_t **)user));
  return SYNCMGR_OK;
}

TEST(closed_from_within_a_callback_it_undoes_what_it_can) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  line_t line = {.text = ""};
  letter_t a = {&line, 'a'};
  add_letter(transaction, &a);
  syncmgr_operation_t operation = SYNCMGR_OPERATION_INIT(SYNCMGR_OPERATION_CUSTOM);
  operation.execute = close_within;
  operation.undo = wake_up;
  operation.user = &line;
  add_operation(transaction, operation);
  CHECK_STATUS(commit(transaction), SYNCMGR_E_CLOSED);
  CHECK(strcmp(line.text, "as-s-a") == 0);
  transaction = begin(&one, 0, 0);
  operation.execute = close_all_within;
  operation.undo = NULL;
  operation.user = &space;
  add_operation(transaction, operation);
  CHECK_STATUS(commit(transaction), SYNCMGR_E_CLOSED);
}

TEST(operations_that_make_no_sense_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  syncmgr_transaction_t *transaction = begin(&one, SYNCMGR_TRANSACTION_STRICT, 0);
  syncmgr_operation_t bad = SYNCMGR_OPERATION_INIT(7);
  CHECK_STATUS(syncmgr_transaction_add(transaction, &bad, NULL), SYNCMGR_E_INVALID);
  bad.type = SYNCMGR_OPERATION_CUSTOM;
  CHECK_STATUS(syncmgr_transaction_add(transaction, &bad, NULL), SYNCMGR_E_INVALID);
  bad.name = "nobody has it";
  CHECK_STATUS(syncmgr_transaction_add(transaction, &bad, NULL), SYNCMGR_E_NOT_FOUND);
  bad.undo = wake_up;
  CHECK_STATUS(syncmgr_transaction_add(transaction, &bad, NULL), SYNCMGR_E_INVALID);
  bad = operation_on(SYNCMGR_OPERATION_WRITE, "k", NULL);
  CHECK_STATUS(syncmgr_transaction_add(transaction, &bad, NULL), SYNCMGR_E_INVALID);
  bad = operation_on(SYNCMGR_OPERATION_READ, NULL, NULL);
  CHECK_STATUS(syncmgr_transaction_add(transaction, &bad, NULL), SYNCMGR_E_INVALID);
  bad = operation_on(SYNCMGR_OPERATION_READ, "k", NULL);
  bad.parameters = "{";
  CHECK_STATUS(syncmgr_transaction_add(transaction, &bad, NULL), SYNCMGR_E_INVALID);
  bad.parameters = NULL;
  bad.name = "n";
  CHECK_STATUS(syncmgr_transaction_add(transaction, &bad, NULL), SYNCMGR_E_INVALID);
  bad.name = NULL;
  bad.transaction = transaction;
  CHECK_STATUS(syncmgr_transaction_add(transaction, &bad, NULL), SYNCMGR_E_INVALID);
  CHECK_EQUAL(info_of(transaction).operations, 0);
  CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_PENDING);
  check_and_close(space);
}
