/* Steps: what a language does that cannot wait inside of a callback. */
#include <string.h>

#include "transactions.h"

static syncmgr_step_t step(syncmgr_transaction_t *transaction) {
  syncmgr_step_t step;
  CHECK_OK(syncmgr_transaction_step(transaction, &step));
  return step;
}

static void add_by_steps(syncmgr_transaction_t *transaction, int64_t timeout_ns) {
  syncmgr_operation_t operation = SYNCMGR_OPERATION_INIT(SYNCMGR_OPERATION_CUSTOM);
  operation.flags = SYNCMGR_OPERATION_BY_STEPS;
  operation.timeout_ns = timeout_ns;
  add_operation(transaction, operation);
}

#define CHECK_STEP(transaction, kind_, index_) \
  do {                                         \
    syncmgr_step_t next_ = step(transaction);  \
    CHECK_EQUAL(next_.kind, kind_);            \
    CHECK_EQUAL(next_.index, index_);          \
  } while (0)

TEST(steps_say_what_to_execute_and_to_undo) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  syncmgr_step_t ended;
  for (unsigned index = 0; index < 3; index++) add_by_steps(transaction, SYNCMGR_FOREVER);
  CHECK_STATUS(syncmgr_transaction_step(transaction, &ended), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_transaction_report(transaction, 0, 0, NULL, 0), SYNCMGR_E_INVALID);
  CHECK_STATUS(commit(transaction), SYNCMGR_PENDING);
  CHECK_STEP(transaction, SYNCMGR_STEP_EXECUTE, 0);
  CHECK_STEP(transaction, SYNCMGR_STEP_WAIT, 0);
  CHECK_OK(syncmgr_transaction_report(transaction, 0, SYNCMGR_OK, "r", 1));
  CHECK_STATUS(syncmgr_transaction_report(transaction, 0, 0, NULL, 0), SYNCMGR_E_INVALID);
  CHECK_STEP(transaction, SYNCMGR_STEP_EXECUTE, 1);
  CHECK_OK(syncmgr_transaction_report(transaction, 1, SYNCMGR_OK, NULL, 0));
  CHECK_STEP(transaction, SYNCMGR_STEP_EXECUTE, 2);
  CHECK_OK(syncmgr_transaction_report(transaction, 2, SYNCMGR_E_BROKEN, NULL, 0));
  CHECK_STEP(transaction, SYNCMGR_STEP_UNDO, 1);
  CHECK_STEP(transaction, SYNCMGR_STEP_WAIT, 1);
  CHECK_OK(syncmgr_transaction_report(transaction, 1, SYNCMGR_OK, NULL, 0));
  CHECK_STEP(transaction, SYNCMGR_STEP_UNDO, 0);
  CHECK_OK(syncmgr_transaction_report(transaction, 0, SYNCMGR_E_BROKEN, NULL, 0));
  ended = step(transaction);
  CHECK_EQUAL(ended.kind, SYNCMGR_STEP_DONE);
  CHECK_EQUAL(ended.status, SYNCMGR_E_FAILED);
  CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_FAILED);
  CHECK_OK(syncmgr_transaction_aim(transaction, SYNCMGR_AIM_ROLLBACK, NULL));
  CHECK_STEP(transaction, SYNCMGR_STEP_UNDO, 0);
  CHECK_OK(syncmgr_transaction_report(transaction, 0, SYNCMGR_OK, NULL, 0));
  CHECK_EQUAL(step(transaction).kind, SYNCMGR_STEP_DONE);
  CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_ROLLED_BACK);
  check_and_close(space);
}

TEST(what_is_late_by_steps_is_waited_for_and_then_undone) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one");
  syncmgr_transaction_t *transaction = begin(&one, 0, 0);
  add_by_steps(transaction, SYNCMGR_FOREVER);
  add_by_steps(transaction, 20 * MILLISECOND);
  CHECK_OK(syncmgr_transaction_aim(transaction, SYNCMGR_AIM_COMMIT, NULL));
  CHECK_STEP(transaction, SYNCMGR_STEP_EXECUTE, 0);
  CHECK_OK(syncmgr_transaction_report(transaction, 0, SYNCMGR_OK, NULL, 0));
  CHECK_STEP(transaction, SYNCMGR_STEP_EXECUTE, 1);
  syncmgr_step_t waiting = step(transaction);
  CHECK_EQUAL(waiting.kind, SYNCMGR_STEP_WAIT);
  CHECK_EQUAL(waiting.status, SYNCMGR_OK);
  CHECK(waiting.timeout_ns > 0 && waiting.timeout_ns <= 20 * MILLISECOND);
  sleep_ms(25);
  waiting = step(transaction);
  CHECK_EQUAL(waiting.kind, SYNCMGR_STEP_WAIT);
  CHECK_EQUAL(waiting.status, SYNCMGR_E_TIMEOUT);
  CHECK(strstr(syncmgr_last_error(), "timed out after 20ms") != NULL);
  CHECK_EQUAL(state_of(transaction, 1), SYNCMGR_OPERATION_LATE);
  CHECK_EQUAL(status_of(transaction), SYNCMGR_TRANSACTION_ROLLING_BACK);
  CHECK_STATUS(syncmgr_transaction_report(transaction, 1, SYNCMGR_OK, NULL, 0), SYNCMGR_E_LATE);
  CHECK_STEP(transaction, SYNCMGR_STEP_UNDO, 1);
  CHECK_OK(syncmgr_transaction_report(transaction, 1, SYNCMGR_OK, NULL, 0));
  CHECK_STEP(transaction, SYNCMGR_STEP_UNDO, 0);
  CHECK_OK(syncmgr_transaction_report(transaction, 0, SYNCMGR_OK, NULL, 0));
  syncmgr_step_t ended = step(transaction);
  CHECK_EQUAL(ended.kind, SYNCMGR_STEP_DONE);
  CHECK_EQUAL(ended.status, SYNCMGR_E_TIMEOUT);
  check_and_close(space);
}

TEST(a_step_asks_for_a_lock_instead_of_waiting) {
  syncmgr_t *space = open_space(unique_url(), 0);
  actor_t one = actor_open(space, "one"), two = actor_open(space, "two");
  syncmgr_transaction_t *holder = begin(&two, 0, 0), *transaction = begin(&one, 0, 0);
  CHECK_OK(write_text(holder, "k", "first"));
  add_operation(transaction, operation_on(SYNCMGR_OPERATION_WRITE, "k", "second"));
  CHECK_OK(syncmgr_transaction_aim(transaction, SYNCMGR_AIM_COMMIT, NULL));
  syncmgr_step_t wanted = step(transaction);
  CHECK_EQUAL(wanted.kind, SYNCMGR_STEP_LOCK);
  CHECK_EQUAL(wanted.mode, SYNCMGR_EXCLUSIVE);
  syncmgr_target_t target = {.name = "k", .mode = wanted.mode};
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_transaction_lock_start(transaction, &target, SYNCMGR_FOREVER, NULL, 0,
                                              &ticket),
               SYNCMGR_PENDING);
  CHECK_OK(commit(holder));
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  syncmgr_step_t ended = step(transaction);
  CHECK_EQUAL(ended.kind, SYNCMGR_STEP_DONE);
  CHECK_OK(ended.status);
  CHECK(ended.revision != 0);
  CHECK_TEXT(&two, "k", "second");
  check_and_close(space);
}
