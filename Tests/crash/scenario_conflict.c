/* Scenarios: conflicts. Whoever dies while declaring, claiming or deciding one, it is there as a
 * whole or not at all, somebody else can end it, and it ends once; what a merge has put and the
 * record of it are there together. */
#include <stdio.h>
#include <string.h>

#include "scenario.h"
#include "support.h"

#define DATA                                                                 \
  "{\"candidates\":[{\"workstream\":\"a\",\"time\":1,\"value\":{\"x\":1}},"  \
  "{\"workstream\":\"b\",\"time\":2,\"value\":{\"y\":2}}]}"

static char text[1 << 16];

static void open_all(struct role *role) {
  open_both(role);
  open_store(role);
}

static uint64_t declare(struct role *role, uint32_t flags, uint32_t strategy) {
  syncmgr_conflict_options_t options = SYNCMGR_CONFLICT_OPTIONS_INIT;
  uint64_t id = 0;
  options.flags = flags;
  options.strategy = strategy;
  options.workstreams = "a/b";
  options.data = DATA;
  CALL(role, syncmgr_conflict_detect(role->store, &options, &id), SYNCMGR_OK);
  return id;
}

/* Its JSON; empty when there is none. */
static const char *look(struct role *role, uint64_t id) {
  size_t length = 0;
  text[0] = '\0';
  CALL(role, syncmgr_conflict_get(role->store, id, text, sizeof text, &length), SYNCMGR_OK,
       SYNCMGR_E_NOT_FOUND);
  return text;
}

static bool has(const char *part) { return strstr(text, part) != NULL; }

static bool victim_finished(struct role *role) {
  return atomic_load(&role->stage->outcome) == VICTIM_FINISHED;
}

static void put(struct role *role, const char *key, const char *value) {
  syncmgr_change_t change = {.key = key, .data = value, .length = strlen(value),
                             .expected = SYNCMGR_VERSION_ANY, .type = SYNCMGR_CELL_JSON};
  CALL(role, syncmgr_store_put(role->store, &change, 0, NULL), SYNCMGR_OK);
}

/* An entry as text. */
static const char *get(struct role *role) {
  syncmgr_entry_t entry = {.key = "key"};
  CALL(role, syncmgr_store_get(role->store, &entry, 1, text, sizeof text - 1, NULL), SYNCMGR_OK);
  text[entry.length] = '\0';
  return text;
}

/* What the victim has committed and not applied is applied by the next one who writes. */
static void await_end(struct role *role) {
  role_tell_ready(role);
  role_await_outcome(role);
  put(role, "other", "1");
}

static void prepare(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_all(role);
}

static void act_declare(struct role *role) {
  declare(role, SYNCMGR_CONFLICT_AUTO, SYNCMGR_STRATEGY_MERGE);
  declare(role, SYNCMGR_CONFLICT_AUTO, SYNCMGR_STRATEGY_MANUAL);
  declare(role, 0, SYNCMGR_STRATEGY_LAST_WINS);
}

static void peer_declared(struct role *role) {
  static const char *const statuses[] = {"\"status\":\"resolved\"", "\"status\":\"analyzing\"",
                                         "\"status\":\"detected\""};
  open_all(role);
  await_end(role);
  uint64_t count = 0;
  while (look(role, count + 1)[0] != '\0') {
    INSIST(role, count < 3 && has(statuses[count]), "conflict %u is %s", (unsigned)count + 1, text);
    INSIST(role, has("\"result\":{\"strategy\":\"merge\",\"value\":{\"x\":1,\"y\":2},") ==
                     (count == 0), "conflict %u has a strange result", (unsigned)count + 1);
    count++;
  }
  INSIST(role, count == 3 || !victim_finished(role), "there are %u conflicts", (unsigned)count);
  for (uint64_t id = 2; id <= count; id++) {
    CALL(role, syncmgr_conflict_resolve(role->store, id, SYNCMGR_STRATEGY_MAX, NULL, NULL),
    SYNCMGR_OK);
  }
  uint64_t next = declare(role, SYNCMGR_CONFLICT_AUTO, SYNCMGR_STRATEGY_MIN);
  INSIST(role, next == count + 1, "the next conflict is %u", (unsigned)next);
}

static void act_claim(struct role *role) {
  CALL(role, syncmgr_conflict_claim(role->store, 1), SYNCMGR_OK);
  CALL(role, syncmgr_conflict_settle(role->store, 1, "\"the victim's\""), SYNCMGR_OK);
}

static int32_t settle(uint64_t id, const char *conflict, void *user) {
  struct role *role = user;
  INSIST(role, strstr(conflict, "\"status\":\"resolving\""), "it is %s", conflict);
  CALL(role, syncmgr_conflict_settle(role->store, id, "\"the victim's\""), SYNCMGR_OK);
  return SYNCMGR_OK;
}

static void act_handle(struct role *role) {
  syncmgr_subscription_t *subscription = NULL;
  CALL(role, syncmgr_conflict_on(role->store, 1, settle, role, NULL, &subscription), SYNCMGR_OK);
  CALL(role, syncmgr_conflict_resolve(role->store, 1, SYNCMGR_STRATEGY_CUSTOM, NULL, NULL),
  SYNCMGR_OK);
  CALL(role, syncmgr_off(subscription), SYNCMGR_OK);
}

static void act_resolve(struct role *role) {
  CALL(role,
       syncmgr_conflict_resolve(role->store, 1, SYNCMGR_STRATEGY_CUSTOM, "\"the victim's\"",
       "victim"),
       SYNCMGR_OK);
}

/* What the victim has not ended a peer does, when it is found dead at the latest. */
static void peer_end(struct role *role) {
  open_all(role);
  declare(role, 0, SYNCMGR_STRATEGY_CUSTOM);
  await_end(role);
  look(role, 1);
  if (has("\"status\":\"resolved\"")) {
    INSIST(role, has("\"value\":\"the victim's\""), "it is %s", text);
    CALL(role, syncmgr_conflict_claim(role->store, 1), SYNCMGR_E_ALREADY);
  } else {
    INSIST(role, !victim_finished(role), "it is %s", text);
    int64_t end = now_ns() + patience_ns();
    do {
      CALL(role, syncmgr_conflict_claim(role->store, 1), SYNCMGR_OK, SYNCMGR_E_BUSY);
    } while (role->status == SYNCMGR_E_BUSY && now_ns() < end);
    INSIST(role, role->status == SYNCMGR_OK, "the claim of the dead stays");
    CALL(role, syncmgr_conflict_settle(role->store, 1, "\"mine\""), SYNCMGR_OK);
    look(role, 1);
    INSIST(role, has("\"value\":\"mine\"") && has("\"status\":\"resolved\""), "it is %s", text);
  }
}

static void act_merge(struct role *role) {
  char result[1024];
  size_t length = 0;
  syncmgr_merge_options_t options = SYNCMGR_MERGE_OPTIONS_INIT;
  options.base = "{\"a\":1}";
  syncmgr_change_t change = {.key = "key", .data = "{\"a\":1,\"ours\":1}", .length = 16,
                             .expected = 1, .type = SYNCMGR_CELL_JSON};
  CALL(role,
       syncmgr_store_merge(role->store, &change, &options, result, sizeof result, &length),
       SYNCMGR_OK);
}

/* A merge that met a fault is made again, and finds that it was put: that is merged once more. */
static void peer_merged(struct role *role) {
  open_all(role);
  put(role, "key", "{\"a\":1}");
  put(role, "key", "{\"a\":1,\"theirs\":1}");
  await_end(role);
  bool is_merged = strcmp(get(role), "{\"a\":1,\"ours\":1,\"theirs\":1}") == 0;
  INSIST(role, is_merged || strcmp(text, "{\"a\":1,\"theirs\":1}") == 0, "the entry is %s", text);
  INSIST(role, is_merged || !victim_finished(role), "nothing was put");
  look(role, 1);
  INSIST(role, is_merged == has("\"status\":\"resolved\""), "the record is %s", text);
}

static void prepare_waited(struct role *role) {
  open_all(role);
  declare(role, 0, SYNCMGR_STRATEGY_CUSTOM);
  role_await_peer_asleep(role, 0);
  role_await(role, TOLD_READY(1));
}

/* Peer 0 blocks, peer 1 has a ticket; peer 2 ends what the victim did not. */
static void peer_wait_or_end(struct role *role) {
  syncmgr_ticket_t *ticket = NULL;
  open_all(role);
  while (look(role, 1)[0] == '\0') {
    sleep_ns(1000000);
  }
  if (role->index == 0) {
    role_tell_waiting(role);
    CALL(role, syncmgr_conflict_wait(role->store, 1, SYNCMGR_FOREVER, NULL), SYNCMGR_OK);
    tell_released(role);
  } else if (role->index == 1) {
    CALL(role, syncmgr_conflict_wait_start(role->store, 1, SYNCMGR_FOREVER, NULL, 0, &ticket),
         SYNCMGR_PENDING);
    role_tell_ready(role);
    do {
      CALL(role, syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_OK,
           SYNCMGR_INTERRUPTED);
    } while (role->status == SYNCMGR_INTERRUPTED);
    tell_released(role);
  } else {
    role_await_outcome(role);
    CALL(role, syncmgr_conflict_resolve(role->store, 1, SYNCMGR_STRATEGY_MAX, NULL, NULL),
    SYNCMGR_OK,
         SYNCMGR_E_ALREADY);
    await_released(role, 2);
  }
}

const struct scenario scenarios_conflict[] = {
    {.name = "conflict-declare", .peers = 1, .peer = peer_declared, .prepare = prepare,
     .act = act_declare},
    {.name = "conflict-claim", .peers = 1, .peer = peer_end, .prepare = prepare,
     .act = act_claim},
    {.name = "conflict-handle", .peers = 1, .peer = peer_end, .prepare = prepare,
     .act = act_handle},
    {.name = "conflict-resolve", .peers = 1, .peer = peer_end, .prepare = prepare,
     .act = act_resolve},
    {.name = "conflict-merge", .peers = 1, .peer = peer_merged, .prepare = prepare,
     .act = act_merge},
    {.name = "conflict-wait", .peers = 3, .peer = peer_wait_or_end, .prepare = prepare_waited,
     .act = act_resolve},
    {.name = NULL},
};
