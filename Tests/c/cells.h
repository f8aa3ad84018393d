/* Cells of MEMORY channels, as the tests use them. */
#ifndef CELLS_H
#define CELLS_H

#include <string.h>

#include "peer.h"

/** Opens a MEMORY channel with the defaults. */
syncmgr_channel_t *open_cells(syncmgr_workstream_t *me, const char *name);

/** Sets a cell of bytes and returns what the call did. */
int32_t set_cell(syncmgr_channel_t *cells, const char *key, const void *data, size_t length,
                 uint64_t expected, uint64_t *out_version);

/** Sets a cell to a text, whatever it has, and returns its new version. */
uint64_t put(syncmgr_channel_t *cells, const char *key, const char *text);

/** Removes a cell, whatever it has. */
void take_away(syncmgr_channel_t *cells, const char *key);

/** Reads one cell into `buffer`; `out_cell` gets it. */
int32_t read_cell(syncmgr_channel_t *cells, const char *key, void *buffer, size_t capacity,
                  syncmgr_cell_t *out_cell);

/** Checks that a cell has this text, or with NULL that it is not there. */
void check_text(syncmgr_channel_t *cells, const char *key, const char *text);

/** The version that a cell has; 0 when it is not there. */
uint64_t version_of(syncmgr_channel_t *cells, const char *key);

/** Writes `length` bytes that only this seed gives, and tells whether they are those. */
void pattern_fill(uint8_t *data, size_t length, uint64_t seed);
bool pattern_matches(const uint8_t *data, size_t length, uint64_t seed);

/** A ticket for a change since `seen`, with or without a queue. */
syncmgr_ticket_t *await_change(syncmgr_channel_t *cells, const char *key, uint64_t seen,
                               int64_t timeout_ns, syncmgr_queue_t *queue, uint64_t user_data);

#endif
