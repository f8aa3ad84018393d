/* The rows of the table of calls that are about the store. */
#include "calls.h"

static char buffer[64];
static syncmgr_entry_t entries[1];
static const syncmgr_change_t change = {
    .key = "key", .data = "x", .length = 1, .expected = SYNCMGR_VERSION_ANY};
static const syncmgr_entry_t seen = {.key = "key"};

CALL(store_open, handle, NULL, OUTPUT)
CALL(store_close, handle)
CALL(store_put, handle, &change, 0, OUTPUT)
CALL(store_wait, handle, "key", 0, context->timeout_ns, OUTPUT)
CALL(store_wait_start, handle, &seen, context->timeout_ns, context->queue, 7, OUTPUT)

/* Those that read what they write: it is kept elsewhere. */
CALL(store_sync, handle, 0, context->timeout_ns)
CALL(store_sync_start, handle, 0, context->timeout_ns, context->queue, 7, OUTPUT)

static int32_t run_store_get(void *handle, call_context_t *context) {
  syncmgr_entry_t entry = {.key = "key"};
  (void)context;
  return syncmgr_store_get(handle, &entry, 1, buffer, sizeof buffer, NULL);
}

static int32_t run_store_commit(void *handle, call_context_t *context) {
  syncmgr_change_t changes[1] = {change};
  return syncmgr_store_commit(handle, changes, 1, 0, context->timeout_ns, OUTPUT);
}

static int32_t run_store_range(void *handle, call_context_t *context) {
  syncmgr_range_t range = SYNCMGR_RANGE_INIT;
  uint32_t count = 1;
  (void)context;
  return syncmgr_store_range(handle, &range, entries, &count, buffer, sizeof buffer);
}

static int32_t run_store_changes(void *handle, call_context_t *context) {
  syncmgr_range_t range = SYNCMGR_RANGE_INIT;
  uint32_t count = 1;
  (void)context;
  return syncmgr_store_changes(handle, &range, entries, &count, buffer, sizeof buffer);
}

static int32_t run_store_state(void *handle, call_context_t *context) {
  syncmgr_store_info_t info = SYNCMGR_STORE_INFO_INIT;
  (void)context;
  return syncmgr_store_state(handle, &info);
}

static const call_t rows[] = {
    ROW(WORKSTREAM, store_open),
    CLOSING(STORE, store_close),
    ROW(STORE, store_get),
    ROW(STORE, store_put),
    ROW(STORE, store_commit),
    ROW(STORE, store_range),
    ROW(STORE, store_changes),
    ROW(STORE, store_wait),
    ROW(STORE, store_wait_start),
    ROW(STORE, store_state),
    ROW(STORE, store_sync),
    ROW(STORE, store_sync_start),
};

__attribute__((constructor)) static void add_rows(void) {
  add_calls(rows, sizeof rows / sizeof rows[0]);
}
