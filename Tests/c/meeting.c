#include "meeting.h"

#include <string.h>

int32_t try_open_point(syncmgr_workstream_t *me, meeting_t meeting, syncmgr_sync_point_t **out) {
  syncmgr_sync_point_options_t options = SYNCMGR_SYNC_POINT_OPTIONS_INIT;
  options.flags = meeting.flags;
  if (meeting.minimum != 0) options.minimum = meeting.minimum;
  options.minimum_of = meeting.minimum_of;
  if (meeting.timeout_ns != 0) options.timeout_ns = meeting.timeout_ns;
  return syncmgr_sync_point_open(me, "p", meeting.expected, meeting.required,
                                 meeting.expected ? &options : NULL, out);
}

syncmgr_sync_point_t *open_point(syncmgr_workstream_t *me, meeting_t meeting) {
  syncmgr_sync_point_t *point = NULL;
  CHECK_OK(try_open_point(me, meeting, &point));
  return point;
}

syncmgr_sync_result_t result_of(syncmgr_sync_point_t *point) {
  syncmgr_sync_result_t result;
  int32_t status = syncmgr_sync_point_result(point, &result);
  CHECK_EQUAL(status, result.status == SYNCMGR_SYNC_WAITING ? SYNCMGR_PENDING : SYNCMGR_OK);
  CHECK_EQUAL(result.arrived + result.missing, result.expected);
  CHECK_EQUAL(result.completed_at != 0, result.status != SYNCMGR_SYNC_WAITING);
  return result;
}

syncmgr_sync_member_t member_of(syncmgr_sync_point_t *point, const char *name) {
  static syncmgr_sync_member_t members[SYNCMGR_SYNC_EXPECTED_MAX];
  uint32_t count = 0;
  CHECK_OK(syncmgr_sync_point_members(point, members, SYNCMGR_SYNC_EXPECTED_MAX, &count));
  for (uint32_t index = 0; index < count; index++) {
    if (strcmp(members[index].name, name) == 0) return members[index];
  }
  harness_fail(__FILE__, __LINE__, "'%s' is no member", name);
}

syncmgr_ticket_t *begin_wait(syncmgr_sync_point_t *point, int64_t timeout_ns) {
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_sync_point_wait_start(point, timeout_ns, NULL, 0, &ticket, NULL),
               SYNCMGR_PENDING);
  return ticket;
}

int32_t outcome_of(syncmgr_ticket_t *ticket) {
  int32_t status = SYNCMGR_INTERRUPTED;
  while (status == SYNCMGR_INTERRUPTED) {
    status = syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL);
  }
  return status;
}

void meet(peer_t *self) {
  char name[2] = {(char)('a' + self->index), 0};
  syncmgr_sync_result_t result;
  syncmgr_sync_point_t *point = NULL;
  syncmgr_t *space = peer_space(self);
  syncmgr_workstream_t *me = open_workstream(space, name);
  while (try_open_point(me, (meeting_t){.expected = NULL}, &point) == SYNCMGR_E_NOT_FOUND) {
    sleep_ms(1);
  }
  peer_pause(self);
  int32_t status = syncmgr_sync_point_wait(point, SYNCMGR_FOREVER, &result);
  atomic_store(&self->values[2], 10 + result.status);
  atomic_store(&self->values[3], result.arrived);
  atomic_store(&self->values[1], 1000 + status);
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

int32_t peer_met(peer_t *peer) { return (int32_t)(peer_wait_value(peer, 1) - 1000); }

peer_t *start_meeting(const char *url, uint32_t index, uint32_t flags) {
  peer_t *peer = peer_start(meet, url, index, flags);
  peer_wait_pause(peer, 1);
  peer_go(peer);
  peer_wait_asleep(peer);
  return peer;
}

void end_meeting(peer_t *peer) {
  atomic_store(&peer->allowed, UINT32_MAX);
  peer_join(peer);
}
