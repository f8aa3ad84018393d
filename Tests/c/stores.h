/* The store of a space, as the tests use it. */
#ifndef STORES_H
#define STORES_H

#include <string.h>

#include "peer.h"

/** Opens the store of the workstream's space with the defaults. */
syncmgr_store_t *open_store(syncmgr_workstream_t *me);

/** A change of a key to a text, or with NULL its deletion. */
syncmgr_change_t text_change(const char *key, const char *text, uint64_t expected);

/** Puts bytes and returns what the call did. */
int32_t put_bytes(syncmgr_store_t *store, const char *key, const void *data, size_t length,
                  uint64_t expected, uint64_t *out_version);

/** Puts a text, whatever the key has, and returns its new version. */
uint64_t put_text(syncmgr_store_t *store, const char *key, const char *text);

/** Deletes a key, whatever it has. */
void delete_key(syncmgr_store_t *store, const char *key);

/** Reads one entry into `buffer`; `out_entry` gets it. */
int32_t read_entry(syncmgr_store_t *store, const char *key, void *buffer, size_t capacity,
                   syncmgr_entry_t *out_entry);

/** Checks that a key has this text, or with NULL that it is not there. */
void check_entry(syncmgr_store_t *store, const char *key, const char *text);

/** The version that a key has; 0 when it is not there. */
uint64_t entry_version(syncmgr_store_t *store, const char *key);

/** The revision that the store has. */
uint64_t store_revision(syncmgr_store_t *store);

/** Checks that the entries of a range have these keys, in one text with blanks between them. */
void check_range(syncmgr_store_t *store, const char *prefix, const char *glob, const char *keys);

#endif
