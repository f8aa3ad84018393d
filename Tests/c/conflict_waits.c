/* Waiting for the end of a conflict. */
#include "conflicts.h"

#include <stdio.h>

static void resolve_for_others(peer_t *self) {
  scene_t scene = open_scene(self->url, "resolver");
  peer_pause(self);
  CHECK_OK(syncmgr_conflict_resolve(scene.store, 1, SYNCMGR_STRATEGY_MIN, NULL, NULL));
  peer_pause(self);
  CHECK_OK(syncmgr_conflict_ignore(scene.store, 2, NULL));
  peer_pause(self);
}

TEST(a_wait_ends_when_another_process_ends_the_conflict) {
  const char *url = unique_url();
  peer_t *peer = peer_start(resolve_for_others, url, 0, 0);
  scene_t scene = open_scene(url, "me");
  syncmgr_queue_t *queue = open_queue(scene.space);
  syncmgr_ticket_t *ticket = NULL;
  uint32_t status = 99;
  declare(scene.store, 0, SYNCMGR_STRATEGY_MANUAL, NULL);
  declare(scene.store, 0, SYNCMGR_STRATEGY_MANUAL, NULL);
  peer_wait_pause(peer, 1);
  CHECK_STATUS(syncmgr_conflict_wait(scene.store, 1, 0, &status), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_conflict_wait(scene.store, 1, 2 * MILLISECOND, &status), SYNCMGR_E_TIMEOUT);
  CHECK_EQUAL(status, 99);
  CHECK_STATUS(syncmgr_conflict_wait_start(scene.store, 2, SYNCMGR_FOREVER, queue, 7, &ticket),
               SYNCMGR_PENDING);
  peer_go(peer);
  CHECK_OK(syncmgr_conflict_wait(scene.store, 1, SYNCMGR_FOREVER, &status));
  CHECK_EQUAL(status, SYNCMGR_CONFLICT_RESOLVED);
  peer_wait_pause(peer, 2);
  peer_go(peer);
  syncmgr_record_t record = next_record(queue);
  CHECK_OK(record.status);
  CHECK_EQUAL(record.user_data, 7);
  CHECK_OK(syncmgr_conflict_wait(scene.store, 2, 0, &status));
  CHECK_EQUAL(status, SYNCMGR_CONFLICT_IGNORED);
  CHECK_OK(syncmgr_conflict_wait_start(scene.store, 2, 0, queue, 7, &ticket));
  CHECK_STATUS(syncmgr_conflict_wait(scene.store, 3, 0, &status), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_conflict_wait_start(scene.store, 3, 0, queue, 7, &ticket),
               SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_conflict_wait_start(scene.store, 1, 0, queue, 7, NULL), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_conflict_wait(scene.store, 2, 0, NULL));
  peer_wait_pause(peer, 3);
  peer_kill(peer);
  close_scene(&scene);
}

TEST(a_claim_does_not_end_a_wait_and_its_end_does) {
  scene_t scene = open_scene(unique_url(), "me");
  syncmgr_ticket_t *ticket = NULL;
  uint64_t id = declare(scene.store, 0, SYNCMGR_STRATEGY_MANUAL, NULL);
  CHECK_STATUS(syncmgr_conflict_wait_start(scene.store, id, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  CHECK_OK(syncmgr_conflict_claim(scene.store, id));
  CHECK_OK(syncmgr_conflict_release(scene.store, id));
  CHECK_OK(syncmgr_conflict_claim(scene.store, id));
  CHECK_STATUS(syncmgr_ticket_wait(ticket, 2 * MILLISECOND, NULL), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_conflict_settle(scene.store, id, "1"));
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  close_scene(&scene);
}

static void declare_and_die(peer_t *self) {
  scene_t scene = open_scene(self->url, "mortal");
  syncmgr_conflict_options_t options = SYNCMGR_CONFLICT_OPTIONS_INIT;
  options.flags = 0;
  options.timeout_ns = 60 * MILLISECOND;
  CHECK_OK(syncmgr_conflict_detect(scene.store, &options, NULL));
  CHECK_OK(syncmgr_conflict_detect(scene.store, &options, NULL));
  peer_pause(self);
}

TEST(who_waits_hears_that_its_time_has_passed_though_who_declared_it_is_dead) {
  const char *url = unique_url();
  scene_t scene = open_scene(url, "me");
  peer_t *peer = peer_start(declare_and_die, url, 0, 0);
  syncmgr_ticket_t *ticket = NULL;
  uint32_t status = 99;
  peer_wait_pause(peer, 1);
  CHECK_STATUS(syncmgr_conflict_wait_start(scene.store, 2, SYNCMGR_FOREVER, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  peer_kill(peer);
  CHECK_OK(syncmgr_conflict_wait(scene.store, 1, SYNCMGR_FOREVER, &status));
  CHECK_EQUAL(status, SYNCMGR_CONFLICT_UNRESOLVABLE);
  CHECK_OK(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL));
  close_scene(&scene);
}
