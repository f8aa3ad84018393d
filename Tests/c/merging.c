/* Putting values that were made from older ones. */
#include "conflicts.h"

#include <stdio.h>
#include <stdlib.h>

static char result[1 << 16];

static int32_t merge(syncmgr_store_t *store, const char *key, const char *text, uint64_t *version,
                     const syncmgr_merge_options_t *options) {
  syncmgr_change_t change = text_change(key, text, *version);
  size_t length = 0;
  change.type = SYNCMGR_CELL_JSON;
  int32_t status = syncmgr_store_merge(store, &change, options, result, sizeof result, &length);
  if (status >= 0) CHECK_EQUAL(strlen(result), length);
  if (status >= 0) *version = change.version;
  return status;
}

static syncmgr_merge_options_t by(uint32_t strategy, const char *base) {
  syncmgr_merge_options_t options = SYNCMGR_MERGE_OPTIONS_INIT;
  options.strategy = strategy;
  options.base = base;
  return options;
}

static void check_result(int line, const char *part) {
  if (!strstr(result, part)) harness_fail(__FILE__, line, "%s is not in %s", part, result);
}

TEST(a_value_nobody_has_changed_is_put_as_it_is) {
  scene_t scene = open_scene(unique_url(), "me");
  uint64_t version = 0;
  CHECK_OK(merge(scene.store, "k", "{ \"b\": 1, \"a\": 2 }", &version, NULL));
  CHECK_EQUAL(version, 1);
  CHECK(strcmp(result, "{\"version\":1}") == 0);
  check_entry(scene.store, "k", "{ \"b\": 1, \"a\": 2 }");
  CHECK_OK(merge(scene.store, "k", NULL, &version, NULL));
  CHECK_EQUAL(version, 0);
  check_entry(scene.store, "k", NULL);
  version = SYNCMGR_VERSION_ANY;
  CHECK_OK(merge(scene.store, "k", "1", &version, NULL));
  CHECK_EQUAL(count_conflicts(scene.store, SYNCMGR_CONFLICT_RESOLVED), 0);
  close_scene(&scene);
}

TEST(what_somebody_changed_meanwhile_is_merged_and_the_conflict_is_recorded) {
  scene_t scene = open_scene(unique_url(), "me");
  syncmgr_store_t *theirs = open_store(open_workstream(scene.space, "they"));
  static const char base[] = "{\"a\":1,\"b\":1,\"c\":1}";
  uint64_t first = 0, version;
  CHECK_OK(merge(scene.store, "k", base, &first, NULL));
  version = first;
  CHECK_OK(merge(theirs, "k", "{\"a\":2,\"b\":1,\"c\":2}", &version, NULL));
  version = first;
  syncmgr_merge_options_t options = by(SYNCMGR_STRATEGY_MERGE, base);
  CHECK_OK(merge(scene.store, "k", "{\"a\":1,\"b\":3,\"c\":3}", &version, &options));
  CHECK_EQUAL(version, first + 2);
  check_entry(scene.store, "k", "{\"a\":2,\"b\":3,\"c\":3}");
  check_result(__LINE__, "{\"version\":3,\"conflict\":1,\"strategy\":\"merge\",\"value\":{\"a\":2,"
                         "\"b\":3,\"c\":3},\"discarded\":[{\"path\":\"/c\",\"value\":2,"
                         "\"why\":\"lost\",\"workstream\":\"they\",\"version\":2,");
  check_conflict(scene.store, 1, "\"type\":\"data_conflict\",\"severity\":\"low\","
                                 "\"status\":\"resolved\",\"strategy\":\"merge\","
                                 "\"workstreams\":[\"they\",\"me\"]");
  check_conflict(scene.store, 1, "\"key\":\"k\"");
  check_conflict(scene.store, 1, "\"result\":{\"strategy\":\"merge\",\"value\":{\"a\":2");
  /* What comes out as it was is not put again. */
  version = first;
  options = by(SYNCMGR_STRATEGY_VERSION_WINS, NULL);
  CHECK_OK(merge(scene.store, "k", "7", &version, &options));
  CHECK_EQUAL(version, 3);
  check_result(__LINE__, "\"discarded\":[{\"path\":\"\",\"value\":7,");
  CHECK_EQUAL(entry_version(scene.store, "k"), 3);
  /* Both were made new: there is nothing that they began with. */
  version = 0;
  options = by(SYNCMGR_STRATEGY_UNION, NULL);
  CHECK_OK(merge(scene.store, "k", "[5]", &version, &options));
  check_entry(scene.store, "k", "[5,{\"a\":2,\"b\":3,\"c\":3}]");
  close_scene(&scene);
}

TEST(a_deletion_meets_a_change) {
  scene_t scene = open_scene("local:", "me");
  uint64_t version = 0, old;
  CHECK_OK(merge(scene.store, "k", "{\"a\":1}", &version, NULL));
  old = version;
  /* Somebody deleted it: without knowing when, that is the earlier. */
  delete_key(scene.store, "k");
  syncmgr_merge_options_t options = by(SYNCMGR_STRATEGY_MERGE, "{\"a\":1}");
  CHECK_OK(merge(scene.store, "k", "{\"a\":2}", &version, &options));
  check_result(__LINE__, "\"discarded\":[{\"path\":\"\",\"deleted\":true,");
  check_entry(scene.store, "k", "{\"a\":2}");
  /* We delete what somebody changed. */
  version = old;
  options = by(SYNCMGR_STRATEGY_LAST_WINS, NULL);
  CHECK_OK(merge(scene.store, "k", NULL, &version, &options));
  CHECK_EQUAL(version, 0);
  check_result(__LINE__, "\"deleted\":true,\"winner\":{\"workstream\":\"me\"");
  check_entry(scene.store, "k", NULL);
  close_scene(&scene);
}

static uint64_t make_stale(syncmgr_store_t *store, const char *key) {
  uint64_t first = put_text(store, key, "0");
  syncmgr_change_t change = text_change(key, "{\"theirs\":1}", first);
  change.type = SYNCMGR_CELL_JSON;
  CHECK_OK(syncmgr_store_put(store, &change, 0, NULL));
  return first;
}

static int32_t add_them(uint64_t id, const char *conflict, void *user) {
  CHECK(strstr(conflict, "\"key\":\"custom\""));
  CHECK(strstr(conflict, "\"data\":{\"candidates\":[{\"value\":{\"theirs\":1},"));
  CHECK_OK(syncmgr_conflict_settle(user, id, "\"both\""));
  return SYNCMGR_OK;
}

TEST(what_no_strategy_decides_is_put_when_somebody_has_decided) {
  scene_t scene = open_scene(unique_url(), "me");
  /* Manual: later, by anybody. */
  uint64_t version = make_stale(scene.store, "manual");
  syncmgr_merge_options_t options = by(SYNCMGR_STRATEGY_MANUAL, NULL);
  CHECK_STATUS(merge(scene.store, "manual", "{\"ours\":1}", &version, &options), SYNCMGR_PARTIAL);
  CHECK_EQUAL(version, 2);
  CHECK(strcmp(result, "{\"version\":2,\"conflict\":1}") == 0);
  check_entry(scene.store, "manual", "{\"theirs\":1}");
  check_conflict(scene.store, 1, "\"status\":\"analyzing\"");
  CHECK_OK(syncmgr_conflict_resolve(scene.store, 1, SYNCMGR_STRATEGY_MERGE, NULL, "me"));
  check_entry(scene.store, "manual", "{\"ours\":1,\"theirs\":1}");
  /* Custom: by a handler, before the call returns. */
  syncmgr_subscription_t *subscription = NULL;
  CHECK_OK(syncmgr_conflict_on(scene.store, 1, add_them, scene.store, NULL, &subscription));
  uint64_t first = version = make_stale(scene.store, "custom");
  options = by(SYNCMGR_STRATEGY_CUSTOM, NULL);
  CHECK_OK(merge(scene.store, "custom", "{\"ours\":1}", &version, &options));
  check_entry(scene.store, "custom", "\"both\"");
  CHECK_EQUAL(version, first + 2);
  check_result(__LINE__, ",\"conflict\":2,\"strategy\":\"custom\",\"value\":\"both\",");
  check_result(__LINE__, "\"discarded\":[{\"path\":\"\",\"value\":{\"theirs\":1},");
  CHECK_OK(syncmgr_off(subscription));
  version = first;
  CHECK_STATUS(merge(scene.store, "custom", "1", &version, &options), SYNCMGR_E_FAILED);
  check_entry(scene.store, "custom", "\"both\"");
  /* Abort: nothing is put. */
  version = make_stale(scene.store, "abort");
  options = by(SYNCMGR_STRATEGY_ABORT, NULL);
  CHECK_STATUS(merge(scene.store, "abort", "1", &version, &options), SYNCMGR_E_CHANGED);
  check_entry(scene.store, "abort", "{\"theirs\":1}");
  check_conflict(scene.store, 4, "\"result\":{\"strategy\":\"abort\",\"aborted\":true,");
  /* Ignored: as it is. */
  version = make_stale(scene.store, "ignored");
  options = by(SYNCMGR_STRATEGY_MANUAL, NULL);
  CHECK_STATUS(merge(scene.store, "ignored", "1", &version, &options), SYNCMGR_PARTIAL);
  CHECK_OK(syncmgr_conflict_ignore(scene.store, 5, NULL));
  check_entry(scene.store, "ignored", "{\"theirs\":1}");
  close_scene(&scene);
}

enum { WRITERS = 3, ROUNDS = 60 };

/* Each adds members of its own, made from what it read before the others' changes. */
static void add_members(peer_t *self) {
  char name[16], base[8192] = "{}", value[8192];
  snprintf(name, sizeof name, "w%u", self->index);
  scene_t scene = open_scene(self->url, name);
  uint64_t version = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    size_t length = strlen(base);
    snprintf(value, sizeof value, "%.*s%s\"w%u-%u\":%u}", (int)length - 1, base,
             length > 2 ? "," : "", self->index, round, round);
    syncmgr_merge_options_t options = by(SYNCMGR_STRATEGY_MERGE, round || version ? base : NULL);
    CHECK_OK(merge(scene.store, "all", value, &version, &options));
    CHECK(strstr(result, "\"conflict\"") == NULL || strstr(result, "\"discarded\":[]}"));
    /* Sometimes from what is there now, sometimes from what is out of date. */
    if (round % 3 == 0) {
      syncmgr_entry_t entry;
      CHECK_OK(read_entry(scene.store, "all", base, sizeof base - 1, &entry));
      base[entry.length] = '\0';
      version = entry.version;
    } else if (strstr(result, "\"conflict\"")) {
      syncmgr_entry_t entry;
      CHECK_OK(read_entry(scene.store, "all", base, sizeof base - 1, &entry));
      base[entry.length] = '\0';
      version = entry.version;
    } else {
      snprintf(base, sizeof base, "%s", value);
    }
  }
  CHECK_OK(syncmgr_close(scene.space));
}

TEST_WITHIN(60, what_processes_merge_at_once_is_all_there) {
  const char *url = unique_url();
  scene_t scene = open_scene(url, "me");
  peer_t *peers[WRITERS];
  for (unsigned index = 0; index < WRITERS; index++) {
    peers[index] = peer_start(add_members, url, index, 0);
  }
  for (unsigned index = 0; index < WRITERS; index++) peer_join(peers[index]);
  static char all[1 << 16];
  syncmgr_entry_t entry;
  CHECK_OK(read_entry(scene.store, "all", all, sizeof all - 1, &entry));
  all[entry.length] = '\0';
  for (unsigned index = 0; index < WRITERS; index++) {
    for (unsigned round = 0; round < ROUNDS; round++) {
      char member[32];
      snprintf(member, sizeof member, "\"w%u-%u\":%u", index, round, round);
      if (!strstr(all, member)) harness_fail(__FILE__, __LINE__, "%s is not in %s", member, all);
    }
  }
  close_scene(&scene);
}

TEST(what_merging_is_given_is_checked) {
  scene_t scene = open_scene("local:", "me");
  syncmgr_merge_options_t options = by(SYNCMGR_STRATEGY_LAST_WINS, "1");
  syncmgr_change_t change = text_change("k", "1", 0);
  uint64_t version = 0;
  size_t length = 7;
  CHECK_STATUS(merge(scene.store, "k", "1", &version, &options), SYNCMGR_E_INVALID);
  options = by(SYNCMGR_STRATEGY_MERGE, "[");
  CHECK_STATUS(merge(scene.store, "k", "1", &version, &options), SYNCMGR_E_INVALID);
  options = by(SYNCMGR_STRATEGY_MERGE, NULL);
  options.id = "x";
  CHECK_STATUS(merge(scene.store, "k", "1", &version, &options), SYNCMGR_E_INVALID);
  options = by(11, NULL);
  CHECK_STATUS(merge(scene.store, "k", "1", &version, &options), SYNCMGR_E_INVALID);
  options = by(0, NULL);
  options.severity = 4;
  CHECK_STATUS(merge(scene.store, "k", "1", &version, &options), SYNCMGR_E_INVALID);
  options = by(0, NULL);
  options.flags = 2;
  CHECK_STATUS(merge(scene.store, "k", "1", &version, &options), SYNCMGR_E_INVALID);
  CHECK_STATUS(merge(scene.store, "k", "{", &version, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(merge(scene.store, "\x01k", "1", &version, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(merge(scene.store, "", "1", &version, NULL), SYNCMGR_E_INVALID);
  change.type = SYNCMGR_CELL_INT64;
  CHECK_STATUS(syncmgr_store_merge(scene.store, &change, NULL, result, 99, &length),
               SYNCMGR_E_INVALID);
  change.type = SYNCMGR_CELL_JSON;
  change.flags = SYNCMGR_CHANGE_CHECK;
  CHECK_STATUS(syncmgr_store_merge(scene.store, &change, NULL, result, 99, &length),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_merge(scene.store, NULL, NULL, result, 99, &length),
               SYNCMGR_E_INVALID);
  change.flags = 0;
  CHECK_STATUS(syncmgr_store_merge(scene.store, &change, NULL, NULL, 99, &length),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_store_merge(scene.store, &change, NULL, result, 99, NULL),
               SYNCMGR_E_INVALID);
  CHECK_EQUAL(length, 7);
  check_entry(scene.store, "k", NULL);
  /* The result has no room: it was put nevertheless. */
  CHECK_STATUS(syncmgr_store_merge(scene.store, &change, NULL, NULL, 0, &length),
               SYNCMGR_E_OVERFLOW);
  CHECK_EQUAL(length, strlen("{\"version\":1}"));
  check_entry(scene.store, "k", "1");
  /* What is there is no JSON. */
  put_text(scene.store, "text", "no JSON");
  put_text(scene.store, "text", "no JSON");
  version = 1;
  CHECK_STATUS(merge(scene.store, "text", "1", &version, NULL), SYNCMGR_E_TYPE);
  close_scene(&scene);
}
