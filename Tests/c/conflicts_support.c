#include "conflicts.h"

#include <stdio.h>
#include <stdlib.h>

static _Thread_local char text[1 << 16];

scene_t open_scene(const char *url, const char *name) {
  scene_t scene = {.space = open_space(url, 0)};
  scene.me = open_workstream(scene.space, name);
  scene.store = open_store(scene.me);
  return scene;
}

void close_scene(scene_t *scene) { check_and_close(scene->space); }

uint64_t declare(syncmgr_store_t *store, uint32_t type, uint32_t strategy, const char *data) {
  syncmgr_conflict_options_t options = SYNCMGR_CONFLICT_OPTIONS_INIT;
  uint64_t id = 0;
  options.flags = 0;
  options.type = type;
  options.strategy = strategy;
  options.workstreams = "a/b";
  options.reason = "a reason";
  options.data = data;
  CHECK_OK(syncmgr_conflict_detect(store, &options, &id));
  CHECK(id != 0);
  return id;
}

const char *conflict_text(syncmgr_store_t *store, uint64_t id) {
  size_t length = 0;
  CHECK_OK(syncmgr_conflict_get(store, id, text, sizeof text, &length));
  CHECK_EQUAL(strlen(text), length);
  return text;
}

void check_conflict(syncmgr_store_t *store, uint64_t id, const char *expected) {
  const char *found = conflict_text(store, id);
  if (!strstr(found, expected)) {
    harness_fail(__FILE__, __LINE__, "%s is not in %s", expected, found);
  }
}

unsigned count_conflicts(syncmgr_store_t *store, uint32_t status) {
  syncmgr_conflict_filter_t filter = SYNCMGR_CONFLICT_FILTER_INIT;
  filter.statuses = 1u << status;
  size_t length = 0;
  CHECK_STATUS(syncmgr_conflict_list(store, &filter, NULL, 0, &length), SYNCMGR_E_OVERFLOW);
  char *list = malloc(length + 65536);
  CHECK_OK(syncmgr_conflict_list(store, &filter, list, length + 65536, &length));
  unsigned count = 0;
  for (const char *at = list; (at = strstr(at, "\"detected_at\":")); at++) count++;
  free(list);
  return count;
}
