/* Handlers of conflicts: in order, once per conflict, and free to call anything. */
#include "conflicts.h"

#include <stdatomic.h>
#include <stdio.h>

typedef struct handler {
  syncmgr_store_t *store;
  const char *value;  /* what it settles by; NULL: it has no answer */
  int32_t status;     /* what it returns */
  unsigned calls;
  unsigned destroyed;
  unsigned order;
  syncmgr_subscription_t *subscription;
  char seen[2048];
} handler_t;

static unsigned counter;

static int32_t handle(uint64_t id, const char *conflict, void *user) {
  handler_t *handler = user;
  handler->calls++;
  handler->order = ++counter;
  snprintf(handler->seen, sizeof handler->seen, "%s", conflict);
  CHECK_EQUAL(handler->destroyed, 0);
  if (handler->value) CHECK_OK(syncmgr_conflict_settle(handler->store, id, handler->value));
  return handler->status;
}

static void count_destroyed(void *user) { ((handler_t *)user)->destroyed++; }

static void add(handler_t *handler, uint32_t types) {
  CHECK_OK(syncmgr_conflict_on(handler->store, types, handle, handler, count_destroyed,
                               &handler->subscription));
}

static uint64_t detect(syncmgr_store_t *store, uint32_t type, uint32_t strategy, int32_t expected) {
  syncmgr_conflict_options_t options = SYNCMGR_CONFLICT_OPTIONS_INIT;
  uint64_t id = 0;
  options.type = type;
  options.strategy = strategy;
  options.workstreams = "a/b";
  CHECK_STATUS(syncmgr_conflict_detect(store, &options, &id), expected);
  CHECK(id != 0);
  return id;
}

TEST(handlers_are_asked_in_order_until_one_has_an_answer) {
  scene_t scene = open_scene(unique_url(), "me");
  handler_t first = {.store = scene.store, .status = SYNCMGR_E_FAILED};
  handler_t second = {.store = scene.store, .status = SYNCMGR_OK};
  handler_t third = {.store = scene.store, .value = "{\"from\":3}"};
  handler_t other = {.store = scene.store, .value = "\"other\""};
  handler_t last = {.store = scene.store, .value = "4"};
  uint32_t states = 1u << SYNCMGR_CONFLICT_TYPE_STATE, timings = 1u << SYNCMGR_CONFLICT_TYPE_TIMING;
  add(&other, timings);
  add(&first, states | timings);
  add(&second, states);
  add(&third, states);
  add(&last, states);
  uint64_t id = detect(scene.store, SYNCMGR_CONFLICT_TYPE_STATE, SYNCMGR_STRATEGY_LAST_WINS,
                       SYNCMGR_OK);
  CHECK(first.calls == 1 && second.calls == 1 && third.calls == 1);
  CHECK(last.calls == 0 && other.calls == 0);
  CHECK(first.order < second.order && second.order < third.order);
  CHECK(strstr(third.seen, "\"status\":\"resolving\"") && strstr(third.seen, "[\"a\",\"b\"]"));
  check_conflict(scene.store, id, "\"result\":{\"strategy\":\"custom\",\"value\":{\"from\":3},"
                                  "\"discarded\":[{\"path\":\"\",\"value\":\"a\"");
  /* Of another type, others. */
  id = detect(scene.store, SYNCMGR_CONFLICT_TYPE_TIMING, SYNCMGR_STRATEGY_CUSTOM, SYNCMGR_OK);
  check_conflict(scene.store, id, "\"value\":\"other\"");
  CHECK(first.calls == 1);
  /* None for this type: its strategy. */
  id = detect(scene.store, SYNCMGR_CONFLICT_TYPE_DATA, SYNCMGR_STRATEGY_FIRST_WINS, SYNCMGR_OK);
  check_conflict(scene.store, id, "\"strategy\":\"first_wins\",\"value\":\"a\"");
  detect(scene.store, SYNCMGR_CONFLICT_TYPE_DATA, SYNCMGR_STRATEGY_CUSTOM, SYNCMGR_E_FAILED);
  /* What is left to somebody is not theirs. */
  id = detect(scene.store, SYNCMGR_CONFLICT_TYPE_STATE, SYNCMGR_STRATEGY_MANUAL, SYNCMGR_OK);
  check_conflict(scene.store, id, "\"status\":\"analyzing\"");
  CHECK_EQUAL(first.calls, 1);
  /* Unless they are asked. */
  CHECK_OK(syncmgr_conflict_resolve(scene.store, id, SYNCMGR_STRATEGY_CUSTOM, NULL, NULL));
  check_conflict(scene.store, id, "\"value\":{\"from\":3}");
  CHECK_STATUS(syncmgr_conflict_resolve(scene.store, id, SYNCMGR_STRATEGY_CUSTOM, NULL, NULL),
               SYNCMGR_E_ALREADY);
  /* No answer of any: the strategy decides. */
  CHECK_OK(syncmgr_off(third.subscription));
  CHECK_OK(syncmgr_off(last.subscription));
  CHECK(third.destroyed == 1 && last.destroyed == 1 && first.destroyed == 0);
  id = detect(scene.store, SYNCMGR_CONFLICT_TYPE_STATE, SYNCMGR_STRATEGY_LAST_WINS, SYNCMGR_OK);
  check_conflict(scene.store, id, "\"strategy\":\"last_wins\",\"value\":\"b\"");
  CHECK_EQUAL(first.calls, 3);
  close_scene(&scene);
  CHECK(first.destroyed == 1 && second.destroyed == 1 && other.destroyed == 1);
  CHECK(third.destroyed == 1 && last.destroyed == 1);
}

static int32_t end_myself(uint64_t id, const char *conflict, void *user) {
  handler_t *handler = user;
  handler->calls++;
  CHECK(id != 0 && conflict[0] == '{');
  CHECK_OK(syncmgr_off(handler->subscription));
  CHECK_EQUAL(handler->destroyed, 0);
  return SYNCMGR_NOBODY;
}

static int32_t close_all(uint64_t id, const char *conflict, void *user) {
  handler_t *handler = user;
  CHECK(id != 0 && conflict[0] == '{');
  handler->calls++;
  CHECK_OK(syncmgr_store_close(handler->store));
  return SYNCMGR_OK;
}

TEST(a_handler_may_end_itself_and_close_what_it_was_asked_through) {
  scene_t scene = open_scene(unique_url(), "me");
  handler_t ending = {.store = scene.store};
  CHECK_OK(syncmgr_conflict_on(scene.store, 1, end_myself, &ending, count_destroyed,
                               &ending.subscription));
  detect(scene.store, 0, SYNCMGR_STRATEGY_LAST_WINS, SYNCMGR_OK);
  CHECK(ending.calls == 1 && ending.destroyed == 1);
  detect(scene.store, 0, SYNCMGR_STRATEGY_LAST_WINS, SYNCMGR_OK);
  CHECK(ending.calls == 1 && ending.destroyed == 1);
  CHECK_STATUS(syncmgr_off(ending.subscription), SYNCMGR_E_CLOSED);
  syncmgr_workstream_t *other = open_workstream(scene.space, "other");
  handler_t closing = {.store = open_store(other)};
  CHECK_OK(syncmgr_conflict_on(scene.store, 1, close_all, &closing, count_destroyed,
                               &closing.subscription));
  uint64_t id = detect(closing.store, 0, SYNCMGR_STRATEGY_LAST_WINS, SYNCMGR_E_CLOSED);
  CHECK_EQUAL(closing.calls, 1);
  /* The claim was the workstream's, and ends with it. */
  check_conflict(scene.store, id, "\"status\":\"resolving\"");
  CHECK_OK(syncmgr_workstream_close(other));
  CHECK_OK(syncmgr_conflict_claim(scene.store, id));
  CHECK_OK(syncmgr_conflict_settle(scene.store, id, "1"));
  close_scene(&scene);
  CHECK_EQUAL(closing.destroyed, 1);
}

typedef struct slow {
  syncmgr_store_t *store;
  _Atomic unsigned entered, left, destroyed;
} slow_t;

static int32_t wait_a_little(uint64_t id, const char *conflict, void *user) {
  slow_t *slow = user;
  (void)conflict;
  atomic_fetch_add(&slow->entered, 1);
  sleep_ms(30);
  CHECK_EQUAL(atomic_load(&slow->destroyed), 0);
  CHECK_OK(syncmgr_conflict_settle(slow->store, id, "1"));
  atomic_fetch_add(&slow->left, 1);
  return SYNCMGR_OK;
}

static void count_slow(void *user) { atomic_fetch_add(&((slow_t *)user)->destroyed, 1); }

static void *resolve_slowly(void *argument) {
  slow_t *slow = argument;
  detect(slow->store, 0, SYNCMGR_STRATEGY_CUSTOM, SYNCMGR_OK);
  return NULL;
}

TEST(ending_a_subscription_waits_for_a_call_that_runs) {
  scene_t scene = open_scene(unique_url(), "me");
  slow_t slow = {.store = scene.store};
  syncmgr_subscription_t *subscription = NULL;
  CHECK_OK(syncmgr_conflict_on(scene.store, 1, wait_a_little, &slow, count_slow, &subscription));
  pthread_t thread = start_thread(resolve_slowly, &slow);
  WAIT_UNTIL(atomic_load(&slow.entered) == 1);
  CHECK_OK(syncmgr_off(subscription));
  CHECK_EQUAL(atomic_load(&slow.left), 1);
  CHECK_EQUAL(atomic_load(&slow.destroyed), 1);
  join_thread(thread);
  close_scene(&scene);
}

TEST(what_a_handler_is_registered_with_is_checked) {
  scene_t scene = open_scene("local:", "me");
  handler_t handler = {.store = scene.store};
  syncmgr_subscription_t *subscription = (void *)7;
  CHECK_STATUS(syncmgr_conflict_on(scene.store, 0, handle, &handler, count_destroyed,
  &subscription),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_conflict_on(scene.store, 64, handle, &handler, count_destroyed,
                                   &subscription), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_conflict_on(scene.store, 1, NULL, &handler, count_destroyed, &subscription),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_conflict_on(scene.store, 1, handle, &handler, count_destroyed, NULL),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_conflict_on(NULL, 1, handle, &handler, count_destroyed, &subscription),
               SYNCMGR_E_HANDLE);
  CHECK(handler.destroyed == 5 && subscription == (void *)7);
  CHECK_OK(syncmgr_conflict_on(scene.store, 63, handle, NULL, NULL, &subscription));
  CHECK_OK(syncmgr_off(subscription));
  close_scene(&scene);
}
