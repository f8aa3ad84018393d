/* The file of a space's store, as the tests look at it. */
#ifndef DISKS_H
#define DISKS_H

#include <sys/types.h>

#include "stores.h"

/** The path of a file in the test's directory. Overwritten by the fourth call after. */
const char *disk_path(const char *file);

/** `url` with "?store=" and that path. Overwritten by the fourth call after. */
const char *disk_url(const char *url, const char *file);

/** What a query of the file gives: columns with '|' between them, rows with blanks. By a process of
 *  its own that reads with plain SQLite, "error: ..." when it fails. Overwritten by the next call.
 */
const char *disk_query(const char *file, const char *sql);

/** Changes the file by plain SQLite, while no space has it open. */
void disk_execute(const char *file, const char *sql);

/** Starts a process that executes this and then keeps its transaction open, and ends it. */
pid_t disk_hold(const char *file, const char *sql);
void disk_release(pid_t holder);

/** Checks what a query gives. */
void check_disk(const char *file, const char *sql, const char *expected);

/** Checks that the file has this text for a key, or with NULL that it has not got the key. */
void check_on_disk(const char *file, const char *key, const char *text);

/** Puts a text without waiting for the disk. */
void queue_text(syncmgr_store_t *store, const char *key, const char *text);

#endif
