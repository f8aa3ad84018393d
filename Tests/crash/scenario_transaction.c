/* Scenarios: transactions. Whoever dies in one, all of it is seen or nothing; its locks go; what it
 * had executed under a name is undone once by who recovers; what all had voted for is committed. */
#include <stdio.h>
#include <string.h>

#include "scenario.h"
#include "support.h"

enum { KEYS = 3, ROOM = 65536 };

static const char *const keys[KEYS] = {"a", "b", "c"};
static char records[ROOM];

static void open_all(struct role *role) {
  open_both(role);
  open_store(role);
}

static syncmgr_change_t change(const char *key, char number) {
  static char data[2];
  data[0] = number;
  return (syncmgr_change_t){
      .key = key, .data = data, .length = 1, .expected = SYNCMGR_VERSION_ANY};
}

static void put(struct role *role, const char *key, char number) {
  syncmgr_change_t wanted = change(key, number);
  CALL(role, syncmgr_store_put(role->store, &wanted, 0, NULL), SYNCMGR_OK);
}

static void write_in(struct role *role, syncmgr_transaction_t *transaction, const char *key,
                     char number) {
  syncmgr_change_t wanted = change(key, number);
  CALL(role, syncmgr_transaction_put(transaction, &wanted), SYNCMGR_OK);
}

/* What all keys have, which is one and the same; '0' for none. */
static char all_have(struct role *role) {
  syncmgr_entry_t entries[KEYS];
  char buffer[1024], number = '0';
  for (unsigned index = 0; index < KEYS; index++) {
    entries[index] = (syncmgr_entry_t){.key = keys[index]};
  }
  CALL(role, syncmgr_store_get(role->store, entries, KEYS, buffer, sizeof buffer, NULL),
       SYNCMGR_OK, SYNCMGR_E_NOT_FOUND);
  for (unsigned index = 0; index < KEYS; index++) {
    char one = entries[index].status == SYNCMGR_OK ? *(const char *)entries[index].data : '0';
    INSIST(role, index == 0 || one == number, "'%s' has %c and the first %c", keys[index], one,
           number);
    number = one;
  }
  return number;
}

static const char *recover(struct role *role) {
  size_t length = 0;
  CALL(role, syncmgr_transaction_recover(role->store, records, sizeof records, &length),
       SYNCMGR_OK);
  return records;
}

static void insist_all_over(struct role *role) {
  syncmgr_transaction_filter_t filter = SYNCMGR_TRANSACTION_FILTER_INIT;
  size_t length = 0;
  filter.statuses = 0xff & ~(1u << SYNCMGR_TRANSACTION_COMMITTED |
                             1u << SYNCMGR_TRANSACTION_ROLLED_BACK);
  CALL(role,
       syncmgr_transaction_list(role->store, &filter, records, sizeof records, &length),
       SYNCMGR_OK);
  INSIST(role, strcmp(records, "[]") == 0, "left: %.300s", records);
}

static syncmgr_transaction_t *begin(struct role *role, const char *workstreams) {
  syncmgr_transaction_options_t options = SYNCMGR_TRANSACTION_OPTIONS_INIT;
  syncmgr_transaction_t *transaction = NULL;
  options.workstreams = workstreams;
  CALL(role, syncmgr_transaction_begin(role->store, &options, &transaction), SYNCMGR_OK);
  return transaction;
}

static void write_all(struct role *role, syncmgr_transaction_t *transaction, char number) {
  for (unsigned index = 0; index < KEYS; index++) {
    write_in(role, transaction, keys[index], number);
  }
}

static void commit(struct role *role, syncmgr_transaction_t *transaction) {
  CALL(role, syncmgr_transaction_commit(transaction, 0, SYNCMGR_FOREVER, NULL), SYNCMGR_OK);
  CALL(role, syncmgr_transaction_close(transaction), SYNCMGR_OK);
}

/* A transaction over three keys, and one that is rolled back. */
static void prepare_victim(struct role *role) {
  role_await(role, TOLD_READY(0));
  open_all(role);
}

static void act_commit(struct role *role) {
  syncmgr_transaction_t *transaction = begin(role, NULL);
  char buffer[256];
  syncmgr_entry_t entry = {.key = "a"};
  CALL(role, syncmgr_transaction_get(transaction, &entry, 1, buffer, sizeof buffer, NULL),
       SYNCMGR_OK);
  write_all(role, transaction, '2');
  commit(role, transaction);
}

static void act_roll_back(struct role *role) {
  syncmgr_transaction_t *transaction = begin(role, NULL);
  write_all(role, transaction, '3');
  CALL(role, syncmgr_transaction_savepoint(transaction, "place"), SYNCMGR_OK);
  write_in(role, transaction, "d", '3');
  CALL(role, syncmgr_transaction_rollback_to(transaction, "place"), SYNCMGR_OK);
  CALL(role, syncmgr_transaction_rollback(transaction), SYNCMGR_OK);
  CALL(role, syncmgr_transaction_close(transaction), SYNCMGR_OK);
}

static void act_close(struct role *role) {
  syncmgr_transaction_t *transaction = begin(role, NULL);
  write_all(role, transaction, '3');
  CALL(role, syncmgr_workstream_close(role->workstream), SYNCMGR_OK);
  role->workstream = NULL;
}

static void peer_after(struct role *role, char committed) {
  open_all(role);
  for (unsigned index = 0; index < KEYS; index++) put(role, keys[index], '1');
  role_tell_ready(role);
  bool finished = role_await_outcome(role) == VICTIM_FINISHED;
  char number = all_have(role);
  INSIST(role, number == committed || (!finished && number == '1'), "all have %c", number);
  syncmgr_transaction_t *transaction = begin(role, NULL);
  write_all(role, transaction, '4');
  commit(role, transaction);
  INSIST(role, all_have(role) == '4', "all have %c", all_have(role));
  recover(role);
  insist_all_over(role);
}

static void peer_commit(struct role *role) { peer_after(role, '2'); }
static void peer_roll_back(struct role *role) { peer_after(role, '1'); }

/* Operations of a name: what is noted as executed is undone, newest first. The note of the stage
 * has a digit for each that is executed and not undone. */
static int32_t execute_named(const syncmgr_operation_t *operation, void *user) {
  struct role *role = user;
  uint64_t note = atomic_load(&role->stage->note);
  atomic_store(&role->stage->note, note * 10 + (uint64_t)(operation->id[0] - '0'));
  return SYNCMGR_OK;
}

static int32_t undo_named(const syncmgr_operation_t *operation, void *user) {
  struct role *role = user;
  uint64_t note = atomic_load(&role->stage->note), number = (uint64_t)(operation->id[0] - '0');
  /* One that was under way may have come to nothing; who died in an undo is followed. */
  if (note % 10 == number) {
    atomic_store(&role->stage->note, note / 10);
  } else {
    INSIST(role, note % 10 == number - 1, "operation %u is undone after %u", (unsigned)number,
           (unsigned)(note % 10));
  }
  return SYNCMGR_OK;
}

static void add_handler(struct role *role) {
  syncmgr_handler_t handler = SYNCMGR_HANDLER_INIT;
  syncmgr_subscription_t *subscription = NULL;
  handler.name = "named";
  handler.execute = execute_named;
  handler.undo = undo_named;
  handler.user = role;
  CALL(role, syncmgr_transaction_handler(role->store, &handler, &subscription), SYNCMGR_OK);
}

static void add_operations(struct role *role, syncmgr_transaction_t *transaction) {
  for (unsigned index = 0; index < 3; index++) {
    syncmgr_operation_t operation = SYNCMGR_OPERATION_INIT(SYNCMGR_OPERATION_CUSTOM);
    char id[2] = {(char)('1' + index), '\0'};
    operation.name = "named";
    operation.id = id;
    CALL(role, syncmgr_transaction_add(transaction, &operation, NULL), SYNCMGR_OK);
  }
}

static void prepare_named(struct role *role) {
  prepare_victim(role);
  add_handler(role);
}

static void act_named(struct role *role) {
  syncmgr_transaction_t *transaction = begin(role, NULL);
  write_all(role, transaction, '2');
  add_operations(role, transaction);
  commit(role, transaction);
}

static void act_undo(struct role *role) {
  syncmgr_transaction_t *transaction = begin(role, NULL);
  add_operations(role, transaction);
  CALL(role, syncmgr_transaction_execute(transaction), SYNCMGR_OK);
  CALL(role, syncmgr_transaction_rollback(transaction), SYNCMGR_OK);
  CALL(role, syncmgr_transaction_close(transaction), SYNCMGR_OK);
}

static void peer_named(struct role *role) {
  open_all(role);
  for (unsigned index = 0; index < KEYS; index++) put(role, keys[index], '1');
  add_handler(role);
  role_tell_ready(role);
  role_await_outcome(role);
  recover(role);
  uint64_t note = atomic_load(&role->stage->note);
  char number = all_have(role);
  INSIST(role, number == '2' ? note == 123 : note == 0, "all have %c, and executed are %u", number,
         (unsigned)note);
  insist_all_over(role);
}

/* The victim recovers what peer 1, which dies, has executed; peer 0 does so after it. */
static void act_recover(struct role *role) { recover(role); }

static void prepare_recovery(struct role *role) {
  role_await(role, TOLD_READY(0));
  role_await_peer_dead(role, 1);
  open_all(role);
  add_handler(role);
}

static void peer_recover(struct role *role) {
  if (role->index == 1) {
    role_await(role, TOLD_READY(0));
    open_all(role);
    add_handler(role);
    syncmgr_transaction_t *transaction = begin(role, NULL);
    add_operations(role, transaction);
    CALL(role, syncmgr_transaction_execute(transaction), SYNCMGR_OK);
    role_die(role);
  }
  peer_named(role);
}

/* Votes: the victim is a part, or began it; the peer is the other. */
static void pass_id(struct role *role, syncmgr_transaction_t *transaction) {
  syncmgr_transaction_info_t info;
  CALL(role, syncmgr_transaction_info(transaction, &info), SYNCMGR_OK);
  atomic_store(&role->stage->note, info.id);
}

static syncmgr_transaction_t *join(struct role *role) {
  syncmgr_transaction_t *part = NULL;
  CALL(role,
       syncmgr_transaction_join(role->store, atomic_load(&role->stage->note), &part),
       SYNCMGR_OK);
  return part;
}

static void act_part(struct role *role) {
  syncmgr_transaction_t *part = join(role);
  write_in(role, part, "b", '2');
  write_in(role, part, "c", '2');
  CALL(role, syncmgr_transaction_prepare(part), SYNCMGR_OK);
  CALL(role, syncmgr_transaction_wait(part, SYNCMGR_FOREVER), SYNCMGR_OK);
  CALL(role, syncmgr_transaction_close(part), SYNCMGR_OK);
}

static void name_of(struct role *role, char *name) {
  CALL(role, syncmgr_workstream_name(role->workstream, name, 256), SYNCMGR_OK);
}

static void peer_whole(struct role *role) {
  char names[600];
  open_all(role);
  for (unsigned index = 0; index < KEYS; index++) put(role, keys[index], '1');
  name_of(role, names);
  strcat(names, "/victim");
  syncmgr_transaction_t *whole = begin(role, names);
  pass_id(role, whole);
  write_in(role, whole, "a", '2');
  role_tell_ready(role);
  /* A victim that died before it joined never comes. */
  CALL(role, syncmgr_transaction_aim(whole, SYNCMGR_AIM_COMMIT, NULL), SYNCMGR_OK);
  syncmgr_step_t step;
  int64_t end = now_ns() + patience_ns();
  do {
    CALL(role, syncmgr_transaction_step(whole, &step), SYNCMGR_OK);
    if (step.kind != SYNCMGR_STEP_VOTES) break;
    sleep_ns(MILLISECOND / 2);
    if (atomic_load(&role->stage->outcome) == VICTIM_DIED) {
      CALL(role, syncmgr_transaction_step(whole, &step), SYNCMGR_OK);
      if (step.kind != SYNCMGR_STEP_VOTES) break;
      CALL(role, syncmgr_transaction_rollback(whole), SYNCMGR_OK);
      step.status = SYNCMGR_E_FAILED;
      break;
    }
  } while (now_ns() < end);
  bool finished = role_await_outcome(role) == VICTIM_FINISHED;
  INSIST(role, step.status == SYNCMGR_OK || !finished, "the commit failed: %d", step.status);
  char number = all_have(role);
  INSIST(role, number == (step.status == SYNCMGR_OK ? '2' : '1'), "all have %c", number);
  CALL(role, syncmgr_transaction_close(whole), SYNCMGR_OK);
  for (unsigned index = 0; index < KEYS; index++) put(role, keys[index], '4');
  recover(role);
  insist_all_over(role);
}

/* The victim begins it, and waits for the peer's vote. */
static void act_whole(struct role *role) {
  char names[600];
  name_of(role, names);
  strcat(names, "/other");
  syncmgr_transaction_t *whole = begin(role, names);
  write_in(role, whole, "a", '2');
  pass_id(role, whole);
  commit(role, whole);
}

static void peer_part(struct role *role) {
  syncmgr_transaction_t *part = NULL;
  open_space(role);
  CALL(role, syncmgr_workstream_open(role->manager, "other", &role->workstream), SYNCMGR_OK);
  open_store(role);
  for (unsigned index = 0; index < KEYS; index++) put(role, keys[index], '1');
  role_tell_ready(role);
  while (atomic_load(&role->stage->note) == 0 &&
         atomic_load(&role->stage->outcome) != VICTIM_DIED) {
    sleep_ns(MILLISECOND / 5);
  }
  int32_t status = SYNCMGR_E_FAILED;
  if (atomic_load(&role->stage->note) != 0) {
    status =
        syncmgr_transaction_join(role->store, atomic_load(&role->stage->note), &part);
    if (status == SYNCMGR_OK) {
      write_in(role, part, "b", '2');
      write_in(role, part, "c", '2');
      status = syncmgr_transaction_commit(part, 0, SYNCMGR_FOREVER, NULL);
      CALL(role, syncmgr_transaction_close(part), SYNCMGR_OK);
    }
  }
  bool finished = role_await_outcome(role) == VICTIM_FINISHED;
  INSIST(role, status == SYNCMGR_OK || !finished, "the part got %d", status);
  recover(role);
  char number = all_have(role);
  INSIST(role, number == (status == SYNCMGR_OK ? '2' : '1'), "the part got %d, all have %c", status,
         number);
  for (unsigned index = 0; index < KEYS; index++) put(role, keys[index], '4');
  insist_all_over(role);
}

/* A rule that is declared, and taken back. */
static void act_rule(struct role *role) {
  CALL(role, syncmgr_store_constraint(role->store, "a", "{\"max_length\":1}", 0), SYNCMGR_OK);
  CALL(role, syncmgr_store_constraint(role->store, "a", NULL, 0), SYNCMGR_OK);
  put(role, "a", '2');
}

static void peer_rule(struct role *role) {
  open_all(role);
  role_tell_ready(role);
  role_await_outcome(role);
  CALL(role, syncmgr_store_constraint(role->store, "a", "{\"max_length\":1}", 0), SYNCMGR_OK);
  put(role, "a", '3');
  syncmgr_change_t wanted = change("a", '3');
  wanted.data = "33";
  wanted.length = 2;
  CALL(role, syncmgr_store_put(role->store, &wanted, 0, NULL), SYNCMGR_E_INVALID);
}

const struct scenario scenarios_transaction[] = {
    {.name = "transaction-commit", .peers = 1, .peer = peer_commit, .prepare = prepare_victim,
     .act = act_commit},
    {.name = "transaction-roll-back", .peers = 1, .peer = peer_roll_back,
     .prepare = prepare_victim, .act = act_roll_back},
    {.name = "transaction-close", .peers = 1, .peer = peer_roll_back, .prepare = prepare_victim,
     .act = act_close},
    {.name = "transaction-named", .flags = SCENARIO_NO_FAULTS, .peers = 1, .peer = peer_named,
     .prepare = prepare_named, .act = act_named},
    {.name = "transaction-undo", .flags = SCENARIO_NO_FAULTS, .peers = 1, .peer = peer_named,
     .prepare = prepare_named, .act = act_undo},
    {.name = "transaction-recover", .flags = SCENARIO_NO_FAULTS, .peers = 2, .peer = peer_recover,
     .prepare = prepare_recovery, .act = act_recover},
    {.name = "transaction-part", .flags = SCENARIO_NO_FAULTS, .peers = 1, .peer = peer_whole,
     .prepare = prepare_victim, .act = act_part},
    {.name = "transaction-whole", .flags = SCENARIO_NO_FAULTS, .peers = 1, .peer = peer_part,
     .prepare = prepare_victim, .act = act_whole},
    {.name = "transaction-rule", .flags = SCENARIO_NO_FAULTS, .peers = 1, .peer = peer_rule,
     .prepare = prepare_victim, .act = act_rule},
    {.name = NULL},
};
