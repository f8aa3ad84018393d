/* Conflicts: declared, decided once, and seen by all. */
#include "conflicts.h"

#include <stdio.h>

#include "notices.h"

static const char two[] =
    "{\"candidates\":[{\"workstream\":\"a\",\"time\":1,\"value\":{\"x\":1}},"
    "{\"workstream\":\"b\",\"time\":2,\"value\":{\"y\":2}}]}";

TEST(a_conflict_is_resolved_by_its_strategy_as_it_is_declared_and_all_are_told) {
  scene_t scene = open_scene(unique_url(), "me");
  syncmgr_queue_t *queue = watch_kinds(scene.space, SYNCMGR_NOTICE_CONFLICT);
  syncmgr_conflict_options_t options = SYNCMGR_CONFLICT_OPTIONS_INIT;
  uint64_t id = 0;
  options.type = SYNCMGR_CONFLICT_TYPE_STATE;
  options.severity = SYNCMGR_SEVERITY_HIGH;
  options.sync_point = "deploy";
  options.workstreams = "a/b";
  options.reason = "both deployed";
  options.data = two;
  CHECK_OK(syncmgr_conflict_detect(scene.store, &options, &id));
  CHECK_EQUAL(id, 1);
  check_conflict(scene.store, id, "{\"id\":1,\"type\":\"state_conflict\",\"severity\":\"high\","
                                  "\"status\":\"resolved\",\"strategy\":\"last_wins\","
                                  "\"sync_point\":\"deploy\",\"workstreams\":[\"a\",\"b\"],"
                                  "\"reason\":\"both deployed\",\"data\":{\"candidates\":[");
  check_conflict(scene.store, id, "\"detected_by\":\"me\"");
  check_conflict(scene.store, id, "\"resolved_by\":\"me\"");
  check_conflict(scene.store, id, "\"result\":{\"strategy\":\"last_wins\",\"value\":{\"y\":2},"
                                  "\"winner\":{\"workstream\":\"b\",\"version\":0,\"time\":2,"
                                  "\"priority\":0},\"discarded\":[{\"path\":\"\","
                                  "\"value\":{\"x\":1},\"why\":\"lost\",\"workstream\":\"a\"");
  for (unsigned index = 0; index < 2; index++) {
    syncmgr_notice_t notice = check_notice(queue, SYNCMGR_NOTICE_CONFLICT, "store", "me");
    CHECK_EQUAL(notice.value, id);
    CHECK_EQUAL(notice.priority, SYNCMGR_PRIORITY_HIGH);
    CHECK(strcmp(notice.detail, index == 0
                     ? "{\"conflict\":1,\"status\":\"detected\",\"type\":\"state_conflict\","
                       "\"severity\":\"high\",\"strategy\":\"last_wins\"}"
                     : "{\"conflict\":1,\"status\":\"resolved\",\"type\":\"state_conflict\","
                       "\"severity\":\"high\",\"strategy\":\"last_wins\"}") == 0);
    CHECK(strstr(notice.text, "state_conflict at 'deploy' between a, b"));
    CHECK(strstr(notice.text, "both deployed"));
  }
  check_quiet(queue);
  CHECK_STATUS(syncmgr_conflict_resolve(scene.store, id, SYNCMGR_STRATEGY_MERGE, NULL, NULL),
               SYNCMGR_E_ALREADY);
  close_scene(&scene);
}

TEST(without_candidates_it_is_decided_between_the_workstreams) {
  scene_t scene = open_scene("local:", "me");
  syncmgr_workstream_t *a = open_workstream(scene.space, "a");
  open_workstream(scene.space, "b");
  CHECK_OK(syncmgr_workstream_set_priority(a, 7));
  static const struct {
    uint32_t strategy;
    const char *result;
  } all[] = {
      {SYNCMGR_STRATEGY_FIRST_WINS, "\"value\":\"a\",\"winner\":{\"workstream\":\"a\""},
      {SYNCMGR_STRATEGY_LAST_WINS, "\"value\":\"b\",\"winner\":{\"workstream\":\"b\""},
      {SYNCMGR_STRATEGY_PRIORITY_BASED,
       "\"value\":\"a\",\"winner\":{\"workstream\":\"a\",\"version\":0,\"time\":0,\"priority\":7}"},
      {SYNCMGR_STRATEGY_UNION, "\"value\":[\"a\",\"b\"]"},
      {SYNCMGR_STRATEGY_MAX, "\"value\":\"b\""},
      {SYNCMGR_STRATEGY_MIN, "\"value\":\"a\""},
      {SYNCMGR_STRATEGY_ABORT, "\"aborted\":true,\"discarded\":[{\"path\":\"\",\"value\":\"a\""},
  };
  for (unsigned index = 0; index < sizeof all / sizeof *all; index++) {
    uint64_t id = declare(scene.store, index % 6, SYNCMGR_STRATEGY_MANUAL, "{\"any\":1}");
    check_conflict(scene.store, id, "\"status\":\"detected\",\"strategy\":\"manual\"");
    CHECK_OK(syncmgr_conflict_resolve(scene.store, id, all[index].strategy, NULL, "the test"));
    check_conflict(scene.store, id, all[index].result);
    check_conflict(scene.store, id, "\"status\":\"resolved\"");
    check_conflict(scene.store, id, "\"resolved_by\":\"the test\"");
  }
  close_scene(&scene);
}

static void decide_elsewhere(peer_t *self) {
  scene_t scene = open_scene(self->url, "elsewhere");
  WAIT_UNTIL(atomic_load(&self->values[0]) != 0);
  uint64_t id = (uint64_t)atomic_load(&self->values[0]);
  check_conflict(scene.store, id, "\"status\":\"analyzing\"");
  CHECK_OK(syncmgr_conflict_resolve(scene.store, id, SYNCMGR_STRATEGY_MANUAL, "{\"z\":3}", NULL));
  CHECK_OK(syncmgr_close(scene.space));
}

TEST(what_is_left_to_somebody_stays_open_until_told_from_any_process) {
  const char *url = unique_url();
  peer_t *peer = peer_start(decide_elsewhere, url, 0, 0);
  scene_t scene = open_scene(url, "me");
  syncmgr_conflict_options_t options = SYNCMGR_CONFLICT_OPTIONS_INIT;
  uint64_t id = 0;
  options.strategy = SYNCMGR_STRATEGY_MANUAL;
  options.timeout_ns = 0;
  options.data = two;
  options.workstreams = "a/b";
  CHECK_OK(syncmgr_conflict_detect(scene.store, &options, &id));
  sleep_ms(5);
  check_conflict(scene.store, id, "\"status\":\"analyzing\"");
  CHECK(!strstr(conflict_text(scene.store, id), "deadline"));
  CHECK_EQUAL(count_conflicts(scene.store, SYNCMGR_CONFLICT_ANALYZING), 1);
  atomic_store(&peer->values[0], (int64_t)id);
  peer_join(peer);
  check_conflict(scene.store, id, "\"status\":\"resolved\"");
  check_conflict(scene.store, id, "\"resolved_by\":\"elsewhere\"");
  check_conflict(scene.store, id, "\"result\":{\"strategy\":\"manual\",\"value\":{\"z\":3},"
                                  "\"discarded\":[{\"path\":\"\",\"value\":{\"x\":1}");
  /* Also one that was to be decided in another way. */
  id = declare(scene.store, 0, SYNCMGR_STRATEGY_LAST_WINS, two);
  CHECK_OK(syncmgr_conflict_resolve(scene.store, id, SYNCMGR_STRATEGY_MANUAL, NULL, NULL));
  check_conflict(scene.store, id, "\"status\":\"analyzing\",\"strategy\":\"manual\"");
  CHECK_OK(syncmgr_conflict_resolve(scene.store, id, SYNCMGR_STRATEGY_MERGE, NULL, NULL));
  check_conflict(scene.store, id, "\"result\":{\"strategy\":\"merge\",\"value\":{\"x\":1,\"y\":2},"
                                  "\"discarded\":[]}");
  close_scene(&scene);
}

TEST(a_conflict_whose_time_has_passed_is_unresolvable_and_all_are_told) {
  scene_t scene = open_scene(unique_url(), "me");
  syncmgr_queue_t *queue = watch_kinds(scene.space, SYNCMGR_NOTICE_CONFLICT);
  syncmgr_conflict_options_t options = SYNCMGR_CONFLICT_OPTIONS_INIT;
  uint64_t id = 0;
  options.flags = 0;
  options.severity = SYNCMGR_SEVERITY_LOW;
  options.timeout_ns = 20 * MILLISECOND;
  CHECK_OK(syncmgr_conflict_detect(scene.store, &options, &id));
  syncmgr_notice_t notice = check_notice(queue, SYNCMGR_NOTICE_CONFLICT, "store", "me");
  CHECK_EQUAL(notice.priority, SYNCMGR_PRIORITY_LOW);
  /* Nobody looks at it: the service thread does. */
  notice = check_notice(queue, SYNCMGR_NOTICE_CONFLICT, "store", "me");
  CHECK_EQUAL(notice.priority, SYNCMGR_PRIORITY_CRITICAL);
  CHECK_EQUAL(notice.value, id);
  CHECK(strstr(notice.detail, "\"status\":\"unresolvable\""));
  check_conflict(scene.store, id, "\"status\":\"unresolvable\"");
  CHECK_STATUS(syncmgr_conflict_claim(scene.store, id), SYNCMGR_E_ALREADY);
  CHECK_OK(syncmgr_conflict_resolve(scene.store, id, SYNCMGR_STRATEGY_MANUAL, NULL, NULL));
  check_conflict(scene.store, id, "\"status\":\"unresolvable\"");
  CHECK_OK(syncmgr_conflict_resolve(scene.store, id, SYNCMGR_STRATEGY_CUSTOM, "5", NULL));
  check_conflict(scene.store, id, "\"status\":\"resolved\"");
  /* Also in a space that has no thread, by whoever looks. */
  syncmgr_t *bare = open_space(unique_url(), SYNCMGR_OPEN_NO_THREADS);
  syncmgr_store_t *store = open_store(open_workstream(bare, "me"));
  options.timeout_ns = 0;
  CHECK_OK(syncmgr_conflict_detect(store, &options, &id));
  check_conflict(store, id, "\"status\":\"unresolvable\"");
  check_and_close(bare);
  close_scene(&scene);
}

static void claim_and_die(peer_t *self) {
  scene_t scene = open_scene(self->url, "mortal");
  WAIT_UNTIL(atomic_load(&self->values[0]) != 0);
  uint64_t id = (uint64_t)atomic_load(&self->values[0]);
  CHECK_OK(syncmgr_conflict_claim(scene.store, id));
  CHECK_STATUS(syncmgr_conflict_claim(scene.store, id), SYNCMGR_E_ALREADY);
  peer_pause(self);
}

TEST(one_workstream_has_a_claim_and_when_it_dies_the_next_one_does) {
  const char *url = unique_url();
  peer_t *peer = peer_start(claim_and_die, url, 0, 0);
  scene_t scene = open_scene(url, "me");
  uint64_t id = declare(scene.store, 0, SYNCMGR_STRATEGY_LAST_WINS, two);
  atomic_store(&peer->values[0], (int64_t)id);
  peer_wait_pause(peer, 1);
  check_conflict(scene.store, id, "\"status\":\"resolving\"");
  check_conflict(scene.store, id, "\"claimed_by\":\"mortal\"");
  CHECK(!strstr(conflict_text(scene.store, id), "claim_"));
  CHECK_STATUS(syncmgr_conflict_claim(scene.store, id), SYNCMGR_E_BUSY);
  CHECK_STATUS(syncmgr_conflict_settle(scene.store, id, "1"), SYNCMGR_E_NOT_OWNER);
  CHECK_STATUS(syncmgr_conflict_release(scene.store, id), SYNCMGR_E_NOT_OWNER);
  peer_kill(peer);
  WAIT_UNTIL(syncmgr_conflict_claim(scene.store, id) == SYNCMGR_OK);
  check_conflict(scene.store, id, "\"claimed_by\":\"me\"");
  CHECK_OK(syncmgr_conflict_release(scene.store, id));
  check_conflict(scene.store, id, "\"status\":\"detected\"");
  /* Or when it closes. */
  syncmgr_workstream_t *other = open_workstream(scene.space, "other");
  CHECK_OK(syncmgr_conflict_claim(open_store(other), id));
  CHECK_STATUS(syncmgr_conflict_claim(scene.store, id), SYNCMGR_E_BUSY);
  CHECK_OK(syncmgr_workstream_close(other));
  other = open_workstream(scene.space, "other");
  CHECK_OK(syncmgr_conflict_claim(scene.store, id));
  CHECK_STATUS(syncmgr_conflict_settle(open_store(other), id, "1"), SYNCMGR_E_NOT_OWNER);
  CHECK_OK(syncmgr_conflict_settle(scene.store, id, "{\"b\":[1],\"a\":2}"));
  check_conflict(scene.store, id,
  "\"result\":{\"strategy\":\"custom\",\"value\":{\"a\":2,\"b\":[1]},"
                                  "\"discarded\":[{");
  CHECK_STATUS(syncmgr_conflict_settle(scene.store, id, "1"), SYNCMGR_E_ALREADY);
  CHECK_STATUS(syncmgr_conflict_release(scene.store, id), SYNCMGR_E_ALREADY);
  /* No answer: its own strategy. */
  id = declare(scene.store, 0, SYNCMGR_STRATEGY_FIRST_WINS, two);
  CHECK_OK(syncmgr_conflict_claim(scene.store, id));
  CHECK_OK(syncmgr_conflict_settle(scene.store, id, NULL));
  check_conflict(scene.store, id, "\"strategy\":\"first_wins\",\"value\":{\"x\":1}");
  id = declare(scene.store, 0, SYNCMGR_STRATEGY_CUSTOM, two);
  CHECK_OK(syncmgr_conflict_claim(scene.store, id));
  CHECK_STATUS(syncmgr_conflict_settle(scene.store, id, NULL), SYNCMGR_E_FAILED);
  check_conflict(scene.store, id, "\"status\":\"unresolvable\"");
  id = declare(scene.store, 0, SYNCMGR_STRATEGY_MANUAL, two);
  CHECK_OK(syncmgr_conflict_claim(scene.store, id));
  CHECK_OK(syncmgr_conflict_settle(scene.store, id, NULL));
  check_conflict(scene.store, id, "\"status\":\"analyzing\"");
  close_scene(&scene);
}

enum { RACES = 40, RACERS = 4 };

static void race(peer_t *self) {
  char name[16];
  snprintf(name, sizeof name, "racer-%u", self->index);
  scene_t scene = open_scene(self->url, name);
  int64_t won = 0, claimed = 0;
  for (uint64_t id = 1; id <= RACES; id++) {
    WAIT_UNTIL(syncmgr_conflict_get(scene.store, id, NULL, 0, &(size_t){0}) == SYNCMGR_E_OVERFLOW);
    if (id % 2) {
      int32_t status = syncmgr_conflict_resolve(scene.store, id, SYNCMGR_STRATEGY_CUSTOM,
      name + 6, NULL);
      if (status == SYNCMGR_OK) won++;
      else CHECK_STATUS(status, SYNCMGR_E_ALREADY);
    } else {
      int32_t status = syncmgr_conflict_claim(scene.store, id);
      if (status == SYNCMGR_OK) {
        claimed++;
        CHECK_OK(syncmgr_conflict_settle(scene.store, id, name + 6));
      } else if (status != SYNCMGR_E_BUSY) {
        CHECK_STATUS(status, SYNCMGR_E_ALREADY);
      }
    }
  }
  atomic_store(&self->values[0], won + 1);
  atomic_store(&self->values[1], claimed + 1);
  CHECK_OK(syncmgr_close(scene.space));
}

TEST_WITHIN(40, of_many_who_decide_at_once_one_does_and_all_see_the_same) {
  const char *url = unique_url();
  scene_t scene = open_scene(url, "me");
  syncmgr_queue_t *queue = watch_kinds(scene.space, SYNCMGR_NOTICE_CONFLICT);
  peer_t *peers[RACERS];
  for (unsigned index = 0; index < RACERS; index++) peers[index] = peer_start(race, url, index, 0);
  for (unsigned index = 0; index < RACES; index++) declare(scene.store, 0,
  SYNCMGR_STRATEGY_MANUAL, NULL);
  int64_t won = 0, claimed = 0;
  for (unsigned index = 0; index < RACERS; index++) {
    peer_join(peers[index]);
    won += atomic_load(&peers[index]->values[0]) - 1;
    claimed += atomic_load(&peers[index]->values[1]) - 1;
  }
  CHECK_EQUAL(won, RACES / 2);
  CHECK_EQUAL(claimed, RACES / 2);
  CHECK_EQUAL(count_conflicts(scene.store, SYNCMGR_CONFLICT_RESOLVED), RACES);
  unsigned ends = 0;
  for (unsigned index = 0; index < 2 * RACES; index++) {
    syncmgr_notice_t notice = next_notice(queue);
    ends += strstr(notice.detail, "\"resolved\"") != NULL;
  }
  CHECK_EQUAL(ends, RACES);
  check_quiet(queue);
  close_scene(&scene);
}

TEST(the_workstreams_in_a_conflict_get_a_message_when_that_is_wanted) {
  scene_t scene = open_scene("local:", "me");
  syncmgr_workstream_t *a = open_workstream(scene.space, "a");
  syncmgr_conflict_options_t options = SYNCMGR_CONFLICT_OPTIONS_INIT;
  syncmgr_notice_t message;
  uint64_t id = 0;
  options.workstreams = "a/nobody";
  CHECK_OK(syncmgr_conflict_detect(scene.store, &options, &id));
  CHECK_STATUS(syncmgr_inbox_next(a, 0, &message), SYNCMGR_E_TIMEOUT);
  options.flags |= SYNCMGR_CONFLICT_NOTIFY;
  CHECK_OK(syncmgr_conflict_detect(scene.store, &options, &id));
  CHECK_OK(syncmgr_inbox_next(a, 0, &message));
  CHECK_EQUAL(message.kind, SYNCMGR_NOTICE_CONFLICT);
  CHECK(strstr(message.detail, "{\"conflict\":2,"));
  CHECK_STATUS(syncmgr_inbox_next(a, 0, &message), SYNCMGR_E_TIMEOUT);
  options.workstreams = "nobody/else";
  CHECK_OK(syncmgr_conflict_detect(scene.store, &options, &id));
  close_scene(&scene);
}

TEST(the_last_1024_that_have_ended_are_kept_and_no_open_one_is_forgotten) {
  scene_t scene = open_scene("local:", "me");
  syncmgr_conflict_options_t options = SYNCMGR_CONFLICT_OPTIONS_INIT;
  uint64_t open = declare(scene.store, 0, SYNCMGR_STRATEGY_MANUAL, NULL), id = 0;
  for (unsigned index = 0; index < 1300; index++) {
    CHECK_OK(syncmgr_conflict_detect(scene.store, &options, &id));
  }
  unsigned kept = count_conflicts(scene.store, SYNCMGR_CONFLICT_RESOLVED);
  CHECK(kept >= 1024 && kept <= 1024 + 64);
  check_conflict(scene.store, open, "\"status\":\"detected\"");
  check_conflict(scene.store, id - 1023, "\"status\":\"resolved\"");
  close_scene(&scene);
}
