/* What conflicts are asked for, and what calls about them refuse. */
#include "conflicts.h"

#include <stdio.h>
#include <stdlib.h>

TEST(conflicts_are_found_by_what_they_are) {
  scene_t scene = open_scene("local:", "me");
  static char list[1 << 16];
  size_t length = 0;
  syncmgr_conflict_options_t options = SYNCMGR_CONFLICT_OPTIONS_INIT;
  options.flags = 0;
  for (unsigned index = 0; index < 12; index++) {
    options.type = index % 6;
    options.severity = index % 4;
    options.sync_point = index % 2 ? "odd" : NULL;
    options.workstreams = index % 3 ? "a/b" : "c";
    CHECK_OK(syncmgr_conflict_detect(scene.store, &options, NULL));
  }
  CHECK_OK(syncmgr_conflict_ignore(scene.store, 1, "somebody"));
  check_conflict(scene.store, 1, "\"status\":\"ignored\"");
  check_conflict(scene.store, 1, "\"resolved_by\":\"somebody\"");
  CHECK_STATUS(syncmgr_conflict_ignore(scene.store, 1, NULL), SYNCMGR_E_ALREADY);
  CHECK_OK(syncmgr_conflict_resolve(scene.store, 2, SYNCMGR_STRATEGY_MIN, NULL, NULL));
  CHECK_STATUS(syncmgr_conflict_ignore(scene.store, 2, NULL), SYNCMGR_E_ALREADY);
#define FINDS(member_, value_, expected)                                                        \
  do {                                                                                          \
    syncmgr_conflict_filter_t filter_ = SYNCMGR_CONFLICT_FILTER_INIT;                           \
    filter_.member_ = value_;                                                                   \
    CHECK_OK(syncmgr_conflict_list(scene.store, &filter_, list, sizeof list, &length));         \
    char ids_[128] = "";                                                                        \
    for (const char *at_ = list; (at_ = strstr(at_, "{\"id\":")); at_++) {                      \
      snprintf(ids_ + strlen(ids_), 8, "%d ", atoi(at_ + 6));                                   \
    }                                                                                           \
    if (strcmp(ids_, expected)) harness_fail(__FILE__, __LINE__, "found %s", ids_);              \
  } while (0)
  FINDS(types, 1u << SYNCMGR_CONFLICT_TYPE_PRIORITY, "6 12 ");
  FINDS(types, 3u, "1 2 7 8 ");
  FINDS(severities, 1u << SYNCMGR_SEVERITY_CRITICAL, "4 8 12 ");
  FINDS(statuses, SYNCMGR_CONFLICT_OPEN, "3 4 5 6 7 8 9 10 11 12 ");
  FINDS(statuses, 1u << SYNCMGR_CONFLICT_IGNORED, "1 ");
  FINDS(statuses, 0u, "");
  FINDS(sync_point, "odd", "2 4 6 8 10 12 ");
  FINDS(sync_point, "od", "");
  FINDS(workstream, "c", "1 4 7 10 ");
  FINDS(workstream, "b", "2 3 5 6 8 9 11 12 ");
  CHECK_OK(syncmgr_conflict_list(scene.store, NULL, list, sizeof list, &length));
  CHECK_EQUAL(strlen(list), length);
  CHECK_STATUS(syncmgr_conflict_list(scene.store, NULL, list, 10, &length), SYNCMGR_E_OVERFLOW);
  uint32_t count = 0;
  CHECK_OK(syncmgr_conflict_clear(scene.store, &count));
  CHECK_EQUAL(count, 2);
  CHECK_STATUS(syncmgr_conflict_get(scene.store, 1, list, sizeof list, &length),
  SYNCMGR_E_NOT_FOUND);
  FINDS(types, UINT32_MAX, "3 4 5 6 7 8 9 10 11 12 ");
  CHECK_OK(syncmgr_conflict_clear(scene.store, NULL));
  close_scene(&scene);
}

TEST(what_a_conflict_is_given_is_checked) {
  scene_t scene = open_scene("local:", "me");
  const syncmgr_conflict_options_t usual = SYNCMGR_CONFLICT_OPTIONS_INIT;
  char long_text[512], buffer[16];
  size_t length = 7;
  uint64_t id = 7;
  memset(long_text, 'x', sizeof long_text);
  long_text[sizeof long_text - 1] = '\0';
#define REFUSED(member_, value_, status_)                                             \
  do {                                                                                \
    syncmgr_conflict_options_t options_ = usual;                                      \
    options_.member_ = value_;                                                        \
    CHECK_STATUS(syncmgr_conflict_detect(scene.store, &options_, &id), status_);      \
  } while (0)
  REFUSED(size, 3, SYNCMGR_E_INVALID);
  REFUSED(flags, 4, SYNCMGR_E_INVALID);
  REFUSED(reserved, 1, SYNCMGR_E_INVALID);
  REFUSED(type, 6, SYNCMGR_E_INVALID);
  REFUSED(severity, 4, SYNCMGR_E_INVALID);
  REFUSED(strategy, 11, SYNCMGR_E_INVALID);
  REFUSED(timeout_ns, -2, SYNCMGR_E_INVALID);
  REFUSED(sync_point, "", SYNCMGR_E_NAME);
  REFUSED(sync_point, "a/b", SYNCMGR_E_NAME);
  REFUSED(workstreams, "", SYNCMGR_E_NAME);
  REFUSED(workstreams, "a/", SYNCMGR_E_NAME);
  REFUSED(workstreams, "a/a", SYNCMGR_E_INVALID);
  REFUSED(workstreams, "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", SYNCMGR_E_INVALID);
  REFUSED(reason, long_text, SYNCMGR_E_INVALID);
  REFUSED(reason, "\xff", SYNCMGR_E_INVALID);
  REFUSED(data, "{", SYNCMGR_E_INVALID);
  REFUSED(data, "{\"candidates\":[]}", SYNCMGR_E_INVALID);
  REFUSED(data, "{\"candidates\":[{\"x\":1}]}", SYNCMGR_E_INVALID);
  CHECK_EQUAL(id, 7);
  CHECK_EQUAL(count_conflicts(scene.store, SYNCMGR_CONFLICT_DETECTED), 0);
  CHECK_STATUS(syncmgr_conflict_get(scene.store, 1, buffer, 16, &length), SYNCMGR_E_NOT_FOUND);
  CHECK_EQUAL(length, 7);
  CHECK_OK(syncmgr_conflict_detect(scene.store, NULL, NULL));
  CHECK_STATUS(syncmgr_conflict_get(scene.store, 1, buffer, 16, &length), SYNCMGR_E_OVERFLOW);
  CHECK(length > 16);
  CHECK_STATUS(syncmgr_conflict_get(scene.store, 1, NULL, 16, &length), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_conflict_get(scene.store, 1, buffer, 16, NULL), SYNCMGR_E_INVALID);
  id = declare(scene.store, 0, SYNCMGR_STRATEGY_MANUAL, NULL);
  CHECK_STATUS(syncmgr_conflict_resolve(scene.store, id, 11, NULL, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_conflict_resolve(scene.store, id, SYNCMGR_STRATEGY_MAX, "1", NULL),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_conflict_resolve(scene.store, id, SYNCMGR_STRATEGY_CUSTOM, "x", NULL),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_conflict_resolve(scene.store, id, SYNCMGR_STRATEGY_MAX, NULL, long_text),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_conflict_resolve(scene.store, 99, SYNCMGR_STRATEGY_MAX, NULL, NULL),
               SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_conflict_claim(scene.store, 99), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_conflict_ignore(scene.store, 0, NULL), SYNCMGR_E_NOT_FOUND);
  CHECK_OK(syncmgr_conflict_claim(scene.store, id));
  CHECK_STATUS(syncmgr_conflict_settle(scene.store, id, "["), SYNCMGR_E_INVALID);
  check_conflict(scene.store, id, "\"status\":\"resolving\"");
  close_scene(&scene);
}

TEST(what_is_as_deep_as_may_be_is_kept_decided_and_given_back) {
  enum { DEPTH = 512 };
  scene_t scene = open_scene("local:", "me");
  char deep[2 * DEPTH + 1], data[2 * DEPTH + 64];
  memset(deep, '[', DEPTH);
  memset(deep + DEPTH, ']', DEPTH);
  deep[2 * DEPTH] = '\0';
  uint64_t id = declare(scene.store, 0, SYNCMGR_STRATEGY_MANUAL, deep);
  check_conflict(scene.store, id, deep);
  CHECK_OK(syncmgr_conflict_resolve(scene.store, id, SYNCMGR_STRATEGY_CUSTOM, deep, NULL));
  check_conflict(scene.store, id, deep);
  /* With what is around a candidate's value it is too deep. */
  snprintf(data, sizeof data, "{\"candidates\":[{\"value\":%s}]}", deep);
  syncmgr_conflict_options_t options = SYNCMGR_CONFLICT_OPTIONS_INIT;
  options.data = data;
  CHECK_STATUS(syncmgr_conflict_detect(scene.store, &options, NULL), SYNCMGR_E_INVALID);
  close_scene(&scene);
}
