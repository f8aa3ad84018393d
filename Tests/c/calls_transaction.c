/* The rows of the table of calls that are about transactions. */
#include "calls.h"

static char buffer[4096];
static syncmgr_entry_t entries[1];
static const syncmgr_change_t change = {
    .key = "key", .data = "x", .length = 1, .expected = SYNCMGR_VERSION_ANY};
static const syncmgr_target_t target = {.name = "target", .mode = SYNCMGR_EXCLUSIVE};

static int32_t judge(const syncmgr_entry_t *entry, void *user) {
  (void)entry;
  (void)user;
  return SYNCMGR_OK;
}

CALL(transaction_begin, handle, NULL, OUTPUT)
CALL(transaction_close, handle)
CALL(transaction_put, handle, &change)
CALL(transaction_lock, handle, "target", SYNCMGR_EXCLUSIVE, context->timeout_ns)
CALL(transaction_lock_start, handle, &target, context->timeout_ns, context->queue, 7, OUTPUT)
CALL(transaction_unlock, handle, "nothing")
CALL(transaction_savepoint, handle, "place")
CALL(transaction_rollback_to, handle, "nowhere")
CALL(transaction_commit, handle, 0, context->timeout_ns, OUTPUT)
CALL(transaction_rollback, handle)
CALL(transaction_execute, handle)
CALL(transaction_set_result, handle, 0, "x", 1)
CALL(transaction_aim, handle, SYNCMGR_AIM_EXECUTE, NULL)
CALL(transaction_step, handle, OUTPUT)
CALL(transaction_report, handle, 0, 0, NULL, 0)
CALL(transaction_join, handle, 1, OUTPUT)
CALL(transaction_prepare, handle)
CALL(transaction_wait, handle, context->timeout_ns)
CALL(transaction_adopt, handle, OUTPUT)
CALL(transaction_clear, handle, 0, OUTPUT)
CALL(transaction_info, handle, OUTPUT)
CALL(store_validator, handle, "nothing", judge, NULL, NULL, OUTPUT)
CALL(store_constraint, handle, "nothing", "{}", 0)

/* Those that read what they write, or write a part of it on failure too: it is kept elsewhere. */
static int32_t run_transaction_get(void *handle, call_context_t *context) {
  syncmgr_entry_t entry = {.key = "key"};
  (void)context;
  return syncmgr_transaction_get(handle, &entry, 1, buffer, sizeof buffer, NULL);
}

static int32_t run_transaction_range(void *handle, call_context_t *context) {
  syncmgr_range_t range = SYNCMGR_RANGE_INIT;
  uint32_t count = 1;
  (void)context;
  return syncmgr_transaction_range(handle, &range, entries, &count, buffer, sizeof buffer);
}

static int32_t run_transaction_add(void *handle, call_context_t *context) {
  syncmgr_operation_t operation = SYNCMGR_OPERATION_INIT(SYNCMGR_OPERATION_READ);
  operation.target = "key";
  return syncmgr_transaction_add(handle, &operation, OUTPUT);
}

static int32_t run_transaction_operation(void *handle, call_context_t *context) {
  return syncmgr_transaction_operation(handle, 0, OUTPUT, buffer, sizeof buffer, NULL);
}

static int32_t run_transaction_result(void *handle, call_context_t *context) {
  return syncmgr_transaction_result(handle, 0, NULL, buffer, sizeof buffer, OUTPUT);
}

static int32_t run_transaction_handler(void *handle, call_context_t *context) {
  syncmgr_handler_t handler = SYNCMGR_HANDLER_INIT;
  handler.name = "nothing";
  return syncmgr_transaction_handler(handle, &handler, OUTPUT);
}

static int32_t body(syncmgr_transaction_t *transaction, void *user) {
  (void)transaction;
  (void)user;
  return SYNCMGR_E_CANCELLED;
}

CALL(transaction_run, handle, NULL, body, NULL, OUTPUT)

static int32_t run_transaction_list(void *handle, call_context_t *context) {
  size_t length = 0;
  (void)context;
  return syncmgr_transaction_list(handle, NULL, buffer, sizeof buffer, &length);
}

static int32_t run_transaction_show(void *handle, call_context_t *context) {
  size_t length = 0;
  (void)context;
  return syncmgr_transaction_show(handle, 1, buffer, sizeof buffer, &length);
}

static int32_t run_transaction_recover(void *handle, call_context_t *context) {
  size_t length = 0;
  (void)context;
  return syncmgr_transaction_recover(handle, buffer, sizeof buffer, &length);
}

static const call_t rows[] = {
    ROW(STORE, transaction_begin),
    CLOSING(TRANSACTION, transaction_close),
    ROW(TRANSACTION, transaction_get),
    ROW(TRANSACTION, transaction_put),
    ROW(TRANSACTION, transaction_range),
    ROW(TRANSACTION, transaction_lock),
    ROW(TRANSACTION, transaction_lock_start),
    ROW(TRANSACTION, transaction_unlock),
    ROW(TRANSACTION, transaction_savepoint),
    ROW(TRANSACTION, transaction_rollback_to),
    ROW(TRANSACTION, transaction_commit),
    ROW(TRANSACTION, transaction_rollback),
    ROW(TRANSACTION, transaction_info),
    ROW(STORE, transaction_run),
    ROW(TRANSACTION, transaction_add),
    ROW(TRANSACTION, transaction_execute),
    ROW(TRANSACTION, transaction_operation),
    ROW(TRANSACTION, transaction_result),
    ROW(TRANSACTION, transaction_set_result),
    ROW(TRANSACTION, transaction_aim),
    ROW(TRANSACTION, transaction_step),
    ROW(TRANSACTION, transaction_report),
    ROW(STORE, transaction_join),
    ROW(TRANSACTION, transaction_prepare),
    ROW(TRANSACTION, transaction_wait),
    ROW(STORE, transaction_list),
    ROW(STORE, transaction_show),
    ROW(STORE, transaction_clear),
    ROW(STORE, transaction_handler),
    ROW(STORE, transaction_recover),
    ROW(STORE, transaction_adopt),
    ROW(STORE, store_validator),
    ROW(STORE, store_constraint),
};

__attribute__((constructor)) static void add_rows(void) {
  add_calls(rows, sizeof rows / sizeof rows[0]);
}
