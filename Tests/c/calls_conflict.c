/* The rows of the table of calls that are about conflicts. */
#include "calls.h"

/* Their length is an output of failures too, see snapshot_json: they have room. */
static char buffer[1 << 20];

static int32_t ignore_conflict(uint64_t id, const char *conflict, void *user) {
  (void)id;
  (void)conflict;
  (void)user;
  return SYNCMGR_NOBODY;
}

/* Not resolved at once: its id is an output also when that fails. */
static const syncmgr_conflict_options_t options = {
    .size = sizeof options, .type = SYNCMGR_CONFLICT_TYPE_STATE, .timeout_ns = SYNCMGR_FOREVER};

CALL(conflict_detect, handle, &options, OUTPUT)
CALL(conflict_get, handle, 1, buffer, sizeof buffer, OUTPUT)
CALL(conflict_list, handle, NULL, buffer, sizeof buffer, OUTPUT)
CALL(conflict_resolve, handle, 1, SYNCMGR_STRATEGY_MAX, NULL, NULL)
CALL(conflict_claim, handle, 1)
CALL(conflict_settle, handle, 1, NULL)
CALL(conflict_release, handle, 1)
CALL(conflict_ignore, handle, 1, NULL)
CALL(conflict_clear, handle, OUTPUT)
CALL(conflict_wait, handle, 1, context->timeout_ns, OUTPUT)
CALL(conflict_wait_start, handle, 1, context->timeout_ns, context->queue, 7, OUTPUT)
CALL(conflict_on, handle, 1, ignore_conflict, NULL, NULL, OUTPUT)

/* It writes the version into what it reads. */
static int32_t run_store_merge(void *handle, call_context_t *context) {
  syncmgr_change_t change = {.key = "key", .data = "1", .length = 1, .type = SYNCMGR_CELL_JSON};
  return syncmgr_store_merge(handle, &change, NULL, buffer, sizeof buffer, OUTPUT);
}

static const call_t rows[] = {
    ROW(STORE, conflict_detect),  ROW(STORE, conflict_get),   ROW(STORE, conflict_list),
    ROW(STORE, conflict_resolve), ROW(STORE, conflict_claim), ROW(STORE, conflict_settle),
    ROW(STORE, conflict_release), ROW(STORE, conflict_ignore), ROW(STORE, conflict_clear),
    ROW(STORE, conflict_wait),    ROW(STORE, conflict_wait_start), ROW(STORE, conflict_on),
    ROW(STORE, store_merge),
};

__attribute__((constructor)) static void add_rows(void) {
  add_calls(rows, sizeof rows / sizeof rows[0]);
}
