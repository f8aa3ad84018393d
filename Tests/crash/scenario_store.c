/* Scenarios: the store. Whoever dies while committing, a commit is there as a whole or not at all,
 * the log tells the same, nobody sleeps through a change, and no memory is left to nobody. */
#include <stdio.h>
#include <string.h>

#include "scenario.h"
#include "support.h"

enum { SMALL = 40, LARGE = 9000, WIDE = 3000, GROUP = 4, MANY = 12, ROOM = 100000 };

static uint8_t data[LARGE], seen[ROOM];

void open_store(struct role *role) {
  syncmgr_store_options_t options = SYNCMGR_STORE_OPTIONS_INIT;
  options.capacity = 8;
  options.inline_size = WIDE;
  options.log_size = SYNCMGR_LOG_MIN;
  CALL(role, syncmgr_store_open(role->workstream, &options, &role->store), SYNCMGR_OK);
}

static syncmgr_change_t change(const char *key, uint8_t number, size_t length) {
  memset(data, number, sizeof data);
  return (syncmgr_change_t){.key = key, .data = length == 0 ? NULL : data, .length = length,
                            .expected = SYNCMGR_VERSION_ANY};
}

static void put(struct role *role, const char *key, uint8_t number, size_t length) {
  syncmgr_change_t wanted = change(key, number, length);
  CALL(role, syncmgr_store_put(role->store, &wanted, 0, NULL), SYNCMGR_OK);
}

/* The number of an entry, 0 when it is not there; insists that it is whole. */
static uint8_t number_of(struct role *role, const syncmgr_entry_t *entry) {
  if (entry->status == SYNCMGR_E_NOT_FOUND) {
    return 0;
  }
  const uint8_t *bytes = entry->data;
  INSIST(role, bytes != NULL && entry->length > 0 && entry->version > 0, "'%s' is empty",
         entry->key);
  for (size_t index = 1; index < entry->length; index++) {
    INSIST(role, bytes[index] == bytes[0], "byte %u of '%s' is another's", (unsigned)index,
           entry->key);
  }
  return bytes[0];
}

static uint8_t get(struct role *role, const char *key) {
  syncmgr_entry_t entry = {.key = key};
  CALL(role, syncmgr_store_get(role->store, &entry, 1, seen, sizeof seen, NULL), SYNCMGR_OK,
       SYNCMGR_E_NOT_FOUND);
  return number_of(role, &entry);
}

static void insist_number(struct role *role, const char *key, uint8_t before, uint8_t after) {
  uint8_t number = get(role, key);
  bool finished = atomic_load(&role->stage->outcome) == VICTIM_FINISHED;
  INSIST(role, number == after || (!finished && number == before), "'%s' is %u", key, number);
}

/* Commits of nothing but the library's own keys are not told: there are revisions without changes.
 */
static bool has_hidden(struct role *role) {
  return strncmp(role->scenario->name, "transaction-", 12) == 0;
}

/* What the log has: all revisions up to the last one, and each change is of the next version of its
 * key. What conflicts write is the library's own: it has revisions, and is not seen. */
static void insist_log(struct role *role) {
  if (strncmp(role->scenario->name, "conflict-", 9) == 0) {
    return;
  }
  syncmgr_store_info_t info = SYNCMGR_STORE_INFO_INIT;
  syncmgr_range_t range = SYNCMGR_RANGE_INIT;
  CALL(role, syncmgr_store_state(role->store, &info), SYNCMGR_OK);
  range.revision = info.oldest;
  uint64_t last = info.oldest;
  do {
    syncmgr_entry_t entries[64];
    uint32_t count = 64;
    CALL(role, syncmgr_store_changes(role->store, &range, entries, &count, seen, sizeof seen),
         SYNCMGR_OK);
    for (uint32_t index = 0; index < count; index++) {
      uint64_t next = entries[index].revision;
      INSIST(role, next == last || next == last + 1 || (next > last && has_hidden(role)),
             "revision %u follows %u", (unsigned)entries[index].revision, (unsigned)last);
      last = entries[index].revision;
      if (entries[index].status == SYNCMGR_OK) {
        number_of(role, &entries[index]);
      }
    }
  } while (range.more);
  /* A commit whose writer died counts when the next one comes, or the dead one is cleaned up. */
  if (has_hidden(role)) {
    INSIST(role, range.revision >= last, "the log ends with %u", (unsigned)range.revision);
    last = range.revision;
  }
  INSIST(role, range.revision == last && (last == info.revision || last == info.revision + 1),
         "the log ends with %u, not %u", (unsigned)last, (unsigned)info.revision);
}

static void prepare_store(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
  open_store(role);
}

static void prepare_peer(struct role *role) {
  open_both(role);
  open_store(role);
  put(role, "small", 1, SMALL);
  put(role, "large", 1, LARGE);
  put(role, "deleted", 1, LARGE);
  put(role, "deleted", 2, LARGE);
  role_tell_ready(role);
  role_await_outcome(role);
}

static void peer_put(struct role *role) {
  prepare_peer(role);
  insist_number(role, "small", 1, 2);
  insist_number(role, "large", 1, 2);
  insist_number(role, "deleted", 2, 0);
  insist_number(role, "new", 0, 2);
  insist_log(role);
  put(role, "small", 3, SMALL);
  put(role, "large", 3, LARGE);
  put(role, "deleted", 3, LARGE);
  put(role, "new", 3, SMALL);
  insist_number(role, "small", 3, 3);
  insist_number(role, "large", 3, 3);
  insist_number(role, "deleted", 3, 3);
  insist_number(role, "new", 3, 3);
  insist_log(role);
}

static void act_put(struct role *role) {
  put(role, "small", 2, SMALL);
  put(role, "large", 2, LARGE);
  put(role, "deleted", 0, 0);
  put(role, "new", 2, SMALL);
}

/* Keys that change together: small ones, large ones, one that grows, one that comes or goes. */
static const char *const group[GROUP] = {"small", "large", "deleted", "new"};

static void commit_group(struct role *role, uint8_t number) {
  syncmgr_change_t changes[GROUP] = {
      change("small", number, SMALL), change("large", number, LARGE),
      change("deleted", number, number % 2 == 0 ? 0 : LARGE),
      change("new", number, number % 2 == 0 ? LARGE : SMALL)};
  CALL(role, syncmgr_store_commit(role->store, changes, GROUP, 0, SYNCMGR_FOREVER, NULL),
       SYNCMGR_OK);
}

/* The number of the group's last commit; insists that there is no half of one. */
static uint8_t group_number(struct role *role) {
  syncmgr_entry_t entries[GROUP];
  for (uint32_t index = 0; index < GROUP; index++) {
    entries[index] = (syncmgr_entry_t){.key = group[index]};
  }
  CALL(role, syncmgr_store_get(role->store, entries, GROUP, seen, sizeof seen, NULL), SYNCMGR_OK);
  uint8_t number = number_of(role, &entries[0]);
  INSIST(role, number_of(role, &entries[1]) == number, "'large' is not %u", number);
  INSIST(role, number_of(role, &entries[2]) == (number % 2 == 0 ? 0 : number),
         "'deleted' is not as in commit %u", number);
  INSIST(role, number_of(role, &entries[3]) == number, "'new' is not %u", number);
  return number;
}

static void peer_commit(struct role *role) {
  open_both(role);
  open_store(role);
  commit_group(role, 1);
  role_tell_ready(role);
  bool finished = role_await_outcome(role) == VICTIM_FINISHED;
  uint8_t number = group_number(role);
  INSIST(role, finished ? number == 3 : number >= 1 && number <= 3, "the group is at %u", number);
  insist_log(role);
  commit_group(role, 4);
  INSIST(role, group_number(role) == 4, "the group is not at 4");
  insist_log(role);
}

static void act_commit(struct role *role) {
  commit_group(role, 2);
  INSIST(role, group_number(role) == 2, "the group is not at 2");
  commit_group(role, 3);
}

/* So many new keys that the table grows, in entries so wide that the log goes round. */
static void act_fill(struct role *role) {
  for (uint8_t index = 0; index < 3 * MANY; index++) {
    char key[8];
    snprintf(key, sizeof key, "%u", index % MANY);
    put(role, key, index + 1, WIDE - 100 * (index % 7));
  }
}

static void peer_fill(struct role *role) {
  prepare_peer(role);
  insist_log(role);
  for (uint8_t index = 0; index < MANY; index++) {
    char key[8];
    snprintf(key, sizeof key, "%u", index);
    uint8_t number = get(role, key);
    INSIST(role, number == 0 || (number - 1) % MANY == index, "'%s' is %u", key, number);
    put(role, key, 200, WIDE);
    insist_number(role, key, 200, 200);
  }
  insist_log(role);
}

/* Keys come and go, so many that those which went are dropped and their places taken again. */
static void act_pass(struct role *role) {
  for (uint8_t index = 0; index < 3 * MANY; index++) {
    char key[8];
    snprintf(key, sizeof key, "%u", index);
    put(role, key, index + 1, index % 5 == 0 ? LARGE : SMALL);
    put(role, key, 0, 0);
  }
}

static void peer_pass(struct role *role) {
  prepare_peer(role);
  insist_log(role);
  insist_number(role, "small", 1, 1);
  insist_number(role, "large", 1, 1);
  uint32_t left = 0;
  for (uint8_t index = 0; index < 3 * MANY; index++) {
    char key[8];
    snprintf(key, sizeof key, "%u", index);
    uint8_t number = get(role, key);
    INSIST(role, number == 0 || number == index + 1, "'%s' is %u", key, number);
    left += number != 0;
    put(role, key, 200, SMALL);
    insist_number(role, key, 200, 200);
  }
  INSIST(role, left <= 1, "%u keys were left", left);
  insist_log(role);
}

/* Of a store that the victim makes, uses and removes; nobody else has it. */
static void act_make_and_remove(struct role *role) {
  open_store(role);
  commit_group(role, 1);
  commit_group(role, 2);
  CALL(role, syncmgr_store_close(role->store), SYNCMGR_OK);
  CALL(role, syncmgr_object_remove(role->manager, SYNCMGR_TYPE_STORE, STORE_NAME), SYNCMGR_OK);
}

static void prepare_alone(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_both(role);
}

/* Peer 0 blocks for a key, peer 1 has a ticket for any change; peer 2 makes the one that the victim
 * did not. */
static void prepare_change(struct role *role) {
  open_both(role);
  open_store(role);
  role_await_peer_asleep(role, 0);
  role_await(role, TOLD_READY(1));
}

static void act_change(struct role *role) {
  syncmgr_change_t changes[2] = {change("key", 2, SMALL), change("other", 2, LARGE)};
  CALL(role, syncmgr_store_commit(role->store, changes, 2, 0, SYNCMGR_FOREVER, NULL), SYNCMGR_OK);
}

static void await_ticket(struct role *role) {
  syncmgr_entry_t any = {.key = NULL};
  syncmgr_ticket_t *ticket = NULL;
  CALL(role, syncmgr_store_wait_start(role->store, &any, SYNCMGR_FOREVER, NULL, 0, &ticket),
       SYNCMGR_PENDING);
  role_tell_ready(role);
  do {
    CALL(role, syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, NULL), SYNCMGR_OK,
         SYNCMGR_INTERRUPTED);
  } while (role->status == SYNCMGR_INTERRUPTED);
}

static void peer_wait_or_help(struct role *role) {
  open_both(role);
  open_store(role);
  if (role->index == 0) {
    role_tell_waiting(role);
    CALL(role, syncmgr_store_wait(role->store, "key", 0, SYNCMGR_FOREVER, NULL), SYNCMGR_OK);
    tell_released(role);
  } else if (role->index == 1) {
    await_ticket(role);
    tell_released(role);
  } else {
    role_await_outcome(role);
    if (get(role, "key") == 0) {
      act_change(role);
    }
    INSIST(role, get(role, "other") == 2, "half of the commit is there");
    await_released(role, 2);
  }
}

/* The victim waits and peer 0 changes the key, which is all it needs to go on. */
static void act_wait(struct role *role) {
  uint64_t version = 0;
  CALL(role, syncmgr_store_wait(role->store, "key", 0, SYNCMGR_FOREVER, &version), SYNCMGR_OK);
  INSIST(role, version == 1, "the version is %u", (unsigned)version);
}

static void peer_change(struct role *role) {
  open_both(role);
  open_store(role);
  role_tell_ready(role);
  role_await_victim_asleep(role);
  put(role, "key", 2, LARGE);
  insist_number(role, "key", 2, 2);
}

static void act_wait_in_vain(struct role *role) {
  syncmgr_entry_t other = {.key = "other"};
  syncmgr_ticket_t *ticket = NULL;
  CALL(role, syncmgr_store_wait(role->store, NULL, 0, 3 * MILLISECOND, NULL), SYNCMGR_E_TIMEOUT);
  CALL(role,
       syncmgr_store_wait_start(role->store, &other, SYNCMGR_FOREVER, NULL, 0, &ticket),
       SYNCMGR_PENDING);
  CALL(role, syncmgr_ticket_cancel(ticket), SYNCMGR_OK);
}

static void peer_keep_open(struct role *role) {
  open_both(role);
  open_store(role);
  role_tell_ready(role);
}

void check_store(struct role *role) {
  open_store(role);
  insist_log(role);
  put(role, "checker", 1, SMALL);
  put(role, "checker", 2, LARGE);
  INSIST(role, get(role, "checker") == 2, "the entry is not what was put");
  insist_log(role);
  CALL(role, syncmgr_check(role->manager), SYNCMGR_OK);
  CALL(role, syncmgr_store_close(role->store), SYNCMGR_OK);
}

const struct scenario scenarios_store[] = {
    {.name = "store-put", .peers = 1, .peer = peer_put, .prepare = prepare_store,
     .act = act_put},
    {.name = "store-commit", .peers = 1, .peer = peer_commit, .prepare = prepare_store,
     .act = act_commit},
    {.name = "store-fill", .peers = 1, .peer = peer_fill, .prepare = prepare_store,
     .act = act_fill},
    {.name = "store-pass", .peers = 1, .peer = peer_pass, .prepare = prepare_store,
     .act = act_pass},
    {.name = "store-remove", .flags = SCENARIO_REMOVABLE, .peers = 1, .peer = peer_idle,
     .prepare = prepare_alone, .act = act_make_and_remove},
    {.name = "store-change", .peers = 3, .peer = peer_wait_or_help, .prepare = prepare_change,
     .act = act_change},
    {.name = "store-change-no-threads", .flags = SCENARIO_NO_THREADS, .peers = 3,
     .peer = peer_wait_or_help, .prepare = prepare_change, .act = act_change},
    {.name = "store-wait", .peers = 1, .peer = peer_change, .prepare = prepare_store,
     .act = act_wait},
    {.name = "store-wait-in-vain", .peers = 1, .peer = peer_keep_open, .prepare = prepare_store,
     .act = act_wait_in_vain},
    {.name = NULL},
};
