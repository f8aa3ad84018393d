/* What the tests of transactions share: a party with a workstream and its store, short forms for
 * texts as entries, and the records as text. */
#ifndef TRANSACTIONS_H
#define TRANSACTIONS_H

#include "support.h"

typedef struct actor {
  syncmgr_t *space;
  syncmgr_workstream_t *me;
  syncmgr_store_t *store;
} actor_t;

/** Opens a workstream and the store in the space. */
actor_t actor_open(syncmgr_t *space, const char *name);

/** Cleans up after the dead, checks the whole space, and closes it. */
void check_after_deaths(syncmgr_t *space);

/** Begins a transaction with these flags and this level of isolation. */
syncmgr_transaction_t *begin(actor_t *actor, uint32_t flags, uint32_t isolation);

/** Puts a terminated text, NULL deletes; the plain way, and within a transaction. */
int32_t set_text(actor_t *actor, const char *key, const char *text);
int32_t write_text(syncmgr_transaction_t *transaction, const char *key, const char *text);

/** Reads a text; "" stands for a key that is not there. Overwritten by the eighth call after. */
const char *get_text(actor_t *actor, const char *key);
const char *read_text(syncmgr_transaction_t *transaction, const char *key);

/** The same, and the status of it. */
int32_t try_read(syncmgr_transaction_t *transaction, const char *key);

/** Reads how many entries a transaction sees that begin so. */
uint32_t count_range(syncmgr_transaction_t *transaction, const char *prefix);

int32_t commit(syncmgr_transaction_t *transaction);
uint32_t status_of(syncmgr_transaction_t *transaction);
syncmgr_transaction_info_t info_of(syncmgr_transaction_t *transaction);
uint32_t state_of(syncmgr_transaction_t *transaction, uint32_t index);

/** Checks what a key has, as others see it. */
#define CHECK_TEXT(actor, key, text) CHECK(strcmp(get_text(actor, key), (text)) == 0)

/** The record, and the list of all records; overwritten by the next call. */
const char *show(actor_t *actor, uint64_t id);
const char *list(actor_t *actor, uint32_t statuses, const char *workstream);
const char *recover(actor_t *actor, int32_t expected);

/** A CUSTOM operation that adds its letter to a line when it is executed, and "-" and the letter
 *  when it is undone. */
typedef struct line {
  char text[256];
  int32_t fail_at;      /* the letter whose execution fails with E_BROKEN */
  int32_t fail_undo_at; /* the letter whose undo fails, as long as this is set */
} line_t;

typedef struct letter {
  line_t *line;
  char letter;
} letter_t;

/** An operation on a target with a text as data, and adding one. */
syncmgr_operation_t operation_on(uint32_t type, const char *target, const char *data);
uint32_t add_operation(syncmgr_transaction_t *transaction, syncmgr_operation_t operation);

void add_letter(syncmgr_transaction_t *transaction, letter_t *letter);

#endif
