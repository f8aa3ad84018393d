/* What the tests of notices and messages share. */
#ifndef NOTICES_H
#define NOTICES_H

#include <string.h>

#include "peer.h"

/** Opens a queue that gets the notices of the kinds in `mask`. */
syncmgr_queue_t *watch_kinds(syncmgr_t *space, uint32_t mask);

/** Waits for the next notice of a queue. */
syncmgr_notice_t next_notice(syncmgr_queue_t *queue);

/** Checks that the next notice of a queue has this kind, about this object and workstream; NULL
 *  for either: about none. Returns it. */
syncmgr_notice_t check_notice(syncmgr_queue_t *queue, uint32_t kind, const char *object,
                              const char *workstream);

/** Checks that no notice arrives for a while. */
void check_quiet(syncmgr_queue_t *queue);

#endif
