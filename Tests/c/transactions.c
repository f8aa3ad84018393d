#include "transactions.h"

#include <string.h>

actor_t actor_open(syncmgr_t *space, const char *name) {
  actor_t actor = {.space = space, .me = open_workstream(space, name)};
  CHECK_OK(syncmgr_store_open(actor.me, NULL, &actor.store));
  return actor;
}

void check_after_deaths(syncmgr_t *space) {
  CHECK_OK(syncmgr_cleanup(space, NULL));
  check_and_close(space);
}

syncmgr_transaction_t *begin(actor_t *actor, uint32_t flags, uint32_t isolation) {
  syncmgr_transaction_options_t options = SYNCMGR_TRANSACTION_OPTIONS_INIT;
  syncmgr_transaction_t *transaction = NULL;
  options.flags = flags;
  options.isolation = isolation;
  CHECK_OK(syncmgr_transaction_begin(actor->store, &options, &transaction));
  return transaction;
}

static syncmgr_change_t change_to(const char *key, const char *text) {
  syncmgr_change_t change = {.key = key, .data = text, .expected = SYNCMGR_VERSION_ANY};
  change.length = text == NULL ? 0 : strlen(text);
  return change;
}

int32_t set_text(actor_t *actor, const char *key, const char *text) {
  syncmgr_change_t change = change_to(key, text);
  return syncmgr_store_put(actor->store, &change, 0, NULL);
}

int32_t write_text(syncmgr_transaction_t *transaction, const char *key, const char *text) {
  syncmgr_change_t change = change_to(key, text);
  return syncmgr_transaction_put(transaction, &change);
}

static char *room(void) {
  static char texts[8][512];
  static unsigned next;
  char *text = texts[next++ % 8];
  text[0] = '\0';
  return text;
}

static const char *text_of(int32_t status, const syncmgr_entry_t *entry, char *buffer) {
  if (status == SYNCMGR_E_NOT_FOUND) return "";
  CHECK_OK(status);
  memmove(buffer, entry->data, entry->length);
  buffer[entry->length] = '\0';
  return buffer;
}

const char *get_text(actor_t *actor, const char *key) {
  char *buffer = room();
  syncmgr_entry_t entry = {.key = key};
  return text_of(syncmgr_store_get(actor->store, &entry, 1, buffer, 512, NULL), &entry, buffer);
}

const char *read_text(syncmgr_transaction_t *transaction, const char *key) {
  char *buffer = room();
  syncmgr_entry_t entry = {.key = key};
  return text_of(syncmgr_transaction_get(transaction, &entry, 1, buffer, 512, NULL), &entry,
                 buffer);
}

int32_t try_read(syncmgr_transaction_t *transaction, const char *key) {
  char buffer[512];
  syncmgr_entry_t entry = {.key = key};
  return syncmgr_transaction_get(transaction, &entry, 1, buffer, sizeof buffer, NULL);
}

uint32_t count_range(syncmgr_transaction_t *transaction, const char *prefix) {
  syncmgr_range_t range = SYNCMGR_RANGE_INIT;
  syncmgr_entry_t entries[64];
  uint32_t count = 64;
  char buffer[8192];
  range.prefix = prefix;
  CHECK_OK(syncmgr_transaction_range(transaction, &range, entries, &count, buffer, sizeof buffer));
  CHECK_EQUAL(range.more, 0);
  return count;
}

int32_t commit(syncmgr_transaction_t *transaction) {
  return syncmgr_transaction_commit(transaction, 0, SYNCMGR_FOREVER, NULL);
}

syncmgr_transaction_info_t info_of(syncmgr_transaction_t *transaction) {
  syncmgr_transaction_info_t info;
  CHECK_OK(syncmgr_transaction_info(transaction, &info));
  return info;
}

uint32_t status_of(syncmgr_transaction_t *transaction) { return info_of(transaction).status; }

uint32_t state_of(syncmgr_transaction_t *transaction, uint32_t index) {
  uint32_t state = 99;
  size_t length = 0;
  char buffer[64];
  CHECK_OK(
      syncmgr_transaction_result(transaction, index, &state, buffer, sizeof buffer, &length));
  return state;
}

static char records[1 << 16];

const char *show(actor_t *actor, uint64_t id) {
  size_t length = 0;
  CHECK_OK(syncmgr_transaction_show(actor->store, id, records, sizeof records, &length));
  CHECK_EQUAL(length, strlen(records));
  return records;
}

const char *list(actor_t *actor, uint32_t statuses, const char *workstream) {
  syncmgr_transaction_filter_t filter = SYNCMGR_TRANSACTION_FILTER_INIT;
  size_t length = 0;
  filter.statuses = statuses;
  filter.workstream = workstream;
  CHECK_OK(syncmgr_transaction_list(actor->store, &filter, records, sizeof records, &length));
  return records;
}

const char *recover(actor_t *actor, int32_t expected) {
  size_t length = 0;
  CHECK_STATUS(syncmgr_transaction_recover(actor->store, records, sizeof records, &length),
               expected);
  return records;
}

syncmgr_operation_t operation_on(uint32_t type, const char *target, const char *data) {
  syncmgr_operation_t operation = SYNCMGR_OPERATION_INIT(type);
  operation.target = target;
  operation.data = data;
  operation.length = data == NULL ? 0 : strlen(data);
  return operation;
}

uint32_t add_operation(syncmgr_transaction_t *transaction, syncmgr_operation_t operation) {
  uint32_t index = 99;
  CHECK_OK(syncmgr_transaction_add(transaction, &operation, &index));
  return index;
}

static int32_t execute_letter(const syncmgr_operation_t *operation, void *user) {
  letter_t *letter = user;
  (void)operation;
  strncat(letter->line->text, &letter->letter, 1);
  return letter->line->fail_at == letter->letter ? SYNCMGR_E_BROKEN : SYNCMGR_OK;
}

static int32_t undo_letter(const syncmgr_operation_t *operation, void *user) {
  letter_t *letter = user;
  (void)operation;
  strcat(letter->line->text, "-");
  strncat(letter->line->text, &letter->letter, 1);
  return letter->line->fail_undo_at == letter->letter ? SYNCMGR_E_BROKEN : SYNCMGR_OK;
}

void add_letter(syncmgr_transaction_t *transaction, letter_t *letter) {
  syncmgr_operation_t operation = SYNCMGR_OPERATION_INIT(SYNCMGR_OPERATION_CUSTOM);
  operation.execute = execute_letter;
  operation.undo = undo_letter;
  operation.user = letter;
  CHECK_OK(syncmgr_transaction_add(transaction, &operation, NULL));
}
