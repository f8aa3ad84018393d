/* What the tests of the sync point share: opening one, asking one, and peers that meet at one. */
#ifndef MEETING_H
#define MEETING_H

#include "peer.h"

/** Parameters of a sync point; what is left out has its default. */
typedef struct meeting {
  const char *expected, *required;
  uint32_t flags, minimum, minimum_of;
  int64_t timeout_ns; /* 0 stands for FOREVER */
} meeting_t;

/** Opens the sync point "p" and returns the status. */
int32_t try_open_point(syncmgr_workstream_t *me, meeting_t meeting, syncmgr_sync_point_t **out);

/** Opens it and checks that it worked. */
syncmgr_sync_point_t *open_point(syncmgr_workstream_t *me, meeting_t meeting);

/** How the point stands, or what became of it. */
syncmgr_sync_result_t result_of(syncmgr_sync_point_t *point);

/** The member of this name. */
syncmgr_sync_member_t member_of(syncmgr_sync_point_t *point, const char *name);

/** Starts to wait, and checks that it waits. */
syncmgr_ticket_t *begin_wait(syncmgr_sync_point_t *point, int64_t timeout_ns);

/** Waits for the ticket's outcome. */
int32_t outcome_of(syncmgr_ticket_t *ticket);

/** A peer whose workstream is "a", "b", ... by its index, and which opens what is there.
 *  Pause 1: opened. Then it waits for ever at the point, and reports the status in value 1 as
 *  1000 plus it, and the reason in the values from 2. Pause 2. */
void meet(peer_t *self);

/** The status that the peer's wait returned; waits until it has. */
int32_t peer_met(peer_t *peer);

/** Starts a peer that has come as far as to sleep in its wait. */
peer_t *start_meeting(const char *url, uint32_t index, uint32_t flags);

/** Lets the peer run to its end. */
void end_meeting(peer_t *peer);

#endif
