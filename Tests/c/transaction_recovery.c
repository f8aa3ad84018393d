/* What dead processes have executed: undone by the handlers of that name, once, by one process. */
#include <signal.h>
#include <string.h>

#include "peer.h"
#include "transactions.h"

/* Where executions and undos are noted, by all processes. */
typedef struct note {
  _Atomic uint32_t executed[4];
  _Atomic uint32_t undone[4];
  _Atomic uint32_t order; /* of undos: a digit each */
  _Atomic int32_t undo_fails;
  _Atomic int32_t undo_dies;
  _Atomic uint32_t destroyed;
} note_t;

static note_t *note;

static uint32_t number_of(const syncmgr_operation_t *operation) {
  return (uint32_t)(operation->id[0] - '0');
}

static int32_t execute_named(const syncmgr_operation_t *operation, void *user) {
  uint32_t number = number_of(operation);
  char result[8] = "result0";
  (void)user;
  atomic_fetch_add(&note->executed[number], 1);
  result[6] = (char)('0' + number);
  CHECK_OK(syncmgr_transaction_set_result(operation->transaction, operation->index, result, 7));
  if (number == 3) raise(SIGKILL);
  return SYNCMGR_OK;
}

static int32_t undo_named(const syncmgr_operation_t *operation, void *user) {
  uint32_t number = number_of(operation);
  char result[16];
  size_t length = 0;
  (void)user;
  CHECK(strcmp(operation->target, "thing") == 0);
  CHECK(strcmp(operation->parameters, "{\"by\":1}") == 0);
  CHECK(operation->length == 3 && memcmp(operation->data, "\377\0d", 3) == 0);
  CHECK_OK(syncmgr_transaction_result(operation->transaction, operation->index, NULL, result,
                                      sizeof result, &length));
  /* Of one that was under way nobody knows the result. */
  CHECK(number == 3 || (length == 7 && result[6] == (char)('0' + number)));
  atomic_fetch_add(&note->undone[number], 1);
  atomic_store(&note->order, atomic_load(&note->order) * 10 + number + 1);
  if (atomic_load(&note->undo_dies)) raise(SIGKILL);
  return atomic_load(&note->undo_fails) ? SYNCMGR_E_BROKEN : SYNCMGR_OK;
}

static void destroy_note(void *user) { atomic_fetch_add(&((note_t *)user)->destroyed, 1); }

static syncmgr_subscription_t *handle(actor_t *actor, const char *name) {
  syncmgr_handler_t handler = SYNCMGR_HANDLER_INIT;
  syncmgr_subscription_t *subscription = NULL;
  handler.name = name;
  handler.execute = execute_named;
  handler.undo = undo_named;
  handler.user = note;
  handler.destroy = destroy_note;
  CHECK_OK(syncmgr_transaction_handler(actor->store, &handler, &subscription));
  return subscription;
}

static void add_named(syncmgr_transaction_t *transaction, const char *name, uint32_t number) {
  syncmgr_operation_t operation = operation_on(SYNCMGR_OPERATION_CUSTOM, "thing", NULL);
  char id[2] = {(char)('0' + number), '\0'};
  operation.name = name;
  operation.id = id;
  operation.parameters = "{\"by\":1}";
  operation.data = "\377\0d";
  operation.length = 3;
  add_operation(transaction, operation);
}

/* The index says how many operations it executes before it dies; 4: it dies in the last. */
static void execute_and_die(peer_t *self) {
  actor_t actor = actor_open(peer_space(self), "peer");
  handle(&actor, "pay");
  syncmgr_transaction_t *transaction = begin(&actor, 0, 0);
  CHECK_OK(write_text(transaction, "k", "unseen"));
  for (uint32_t number = 0; number < self->index; number++) {
    add_named(transaction, "pay", number);
  }
  atomic_store(&self->values[0], (int64_t)info_of(transaction).id);
  CHECK_OK(syncmgr_transaction_execute(transaction));
  peer_pause(self);
}

static void wait_dead(peer_t *peer, uint32_t count) {
  if (count < 4) {
    peer_wait_pause(peer, 1);
    peer_kill(peer);
  } else {
    WAIT_UNTIL(atomic_load(&note->executed[3]) > 0);
    peer_kill(peer);
  }
}

TEST(what_a_dead_process_has_executed_is_undone_by_handlers_of_that_name) {
  for (uint32_t count = 0; count <= 4; count++) {
    note = shared_memory(sizeof *note);
    const char *url = unique_url();
    peer_t *peer = peer_start(execute_and_die, url, count, 0);
    actor_t me = actor_open(open_space(url, 0), "me");
    uint64_t id = (uint64_t)peer_wait_value(peer, 0);
    wait_dead(peer, count);
    CHECK_TEXT(&me, "k", "");
    if (count > 0) {
      const char *report = recover(&me, SYNCMGR_PARTIAL);
      CHECK(strstr(report, "\"name\":\"pay\"") != NULL);
      CHECK(strstr(report, "no handler has the name 'pay'") != NULL);
      CHECK(strstr(show(&me, id), "\"committed\"") == NULL);
    }
    handle(&me, "pay");
    const char *report = recover(&me, SYNCMGR_OK);
    CHECK(strstr(report, "\"status\":\"rolled_back\"") != NULL);
    for (uint32_t number = 0; number < 4; number++) {
      CHECK_EQUAL(atomic_load(&note->undone[number]), number < count);
    }
    uint32_t orders[] = {0, 1, 21, 321, 4321};
    CHECK_EQUAL(atomic_load(&note->order), orders[count]);
    CHECK(strstr(show(&me, id), "\"status\":\"rolled_back\"") != NULL);
    CHECK(strcmp(recover(&me, SYNCMGR_OK), "{\"recovered\":[],\"left\":[]}") == 0);
    check_after_deaths(me.space);
    CHECK_EQUAL(atomic_load(&note->destroyed), 1);
  }
}

TEST(an_undo_that_fails_in_recovery_is_left_and_tried_again) {
  note = shared_memory(sizeof *note);
  const char *url = unique_url();
  peer_t *peer = peer_start(execute_and_die, url, 2, 0);
  actor_t me = actor_open(open_space(url, 0), "me");
  wait_dead(peer, 2);
  syncmgr_subscription_t *handler = handle(&me, "pay");
  atomic_store(&note->undo_fails, 1);
  const char *report = recover(&me, SYNCMGR_PARTIAL);
  CHECK(strstr(report, "\"operation\":1") != NULL && strstr(report, "E_BROKEN") != NULL);
  atomic_store(&note->undo_fails, 0);
  CHECK(strstr(recover(&me, SYNCMGR_OK), "rolled_back") != NULL);
  CHECK_EQUAL(atomic_load(&note->order), 221);
  CHECK_OK(syncmgr_off(handler));
  CHECK_EQUAL(atomic_load(&note->destroyed), 1);
  check_after_deaths(me.space);
}

static void recover_and_die(peer_t *self) {
  actor_t actor = actor_open(peer_space(self), NULL);
  peer_pause(self);
  handle(&actor, "pay");
  recover(&actor, SYNCMGR_OK);
}

TEST(who_dies_while_it_recovers_is_replaced) {
  note = shared_memory(sizeof *note);
  const char *url = unique_url();
  peer_t *first = peer_start(execute_and_die, url, 2, 0);
  peer_t *second = peer_start(recover_and_die, url, 0, 0);
  actor_t me = actor_open(open_space(url, 0), "me");
  wait_dead(first, 2);
  atomic_store(&note->undo_dies, 1);
  peer_go(second);
  WAIT_UNTIL(atomic_load(&note->undone[1]) > 0);
  peer_kill(second);
  atomic_store(&note->undo_dies, 0);
  handle(&me, "pay");
  CHECK(strstr(recover(&me, SYNCMGR_OK), "rolled_back") != NULL);
  CHECK_EQUAL(atomic_load(&note->undone[1]), 2);
  CHECK_EQUAL(atomic_load(&note->undone[0]), 1);
  check_after_deaths(me.space);
}

static void recover_at_once(peer_t *self) {
  actor_t actor = actor_open(peer_space(self), NULL);
  char buffer[4096];
  size_t length = 0;
  handle(&actor, "pay");
  peer_pause(self);
  int32_t status = syncmgr_transaction_recover(actor.store, buffer, sizeof buffer, &length);
  CHECK(status == SYNCMGR_OK || status == SYNCMGR_PARTIAL);
}

TEST(of_many_who_recover_at_once_one_undoes_it) {
  enum { MANY = 4 };
  note = shared_memory(sizeof *note);
  const char *url = unique_url();
  peer_t *dead = peer_start(execute_and_die, url, 3, 0), *peers[MANY];
  for (uint32_t index = 0; index < MANY; index++) {
    peers[index] = peer_start(recover_at_once, url, index, 0);
  }
  actor_t me = actor_open(open_space(url, 0), "me");
  wait_dead(dead, 3);
  for (uint32_t index = 0; index < MANY; index++) peer_go(peers[index]);
  for (uint32_t index = 0; index < MANY; index++) peer_join(peers[index]);
  CHECK_EQUAL(atomic_load(&note->order), 321);
  CHECK(strcmp(recover(&me, SYNCMGR_OK), "{\"recovered\":[],\"left\":[]}") == 0);
  check_after_deaths(me.space);
}

TEST(after_the_death_of_all_a_persistent_space_knows_what_is_to_be_undone) {
  note = shared_memory(sizeof *note);
  const char *url = unique_url();
  peer_t *peer = peer_start(execute_and_die, url, 2, SYNCMGR_PERSISTENT);
  uint64_t id = (uint64_t)peer_wait_value(peer, 0);
  wait_dead(peer, 2);
  actor_t me = actor_open(open_space(url, SYNCMGR_PERSISTENT), "me");
  handle(&me, "pay");
  CHECK(strstr(recover(&me, SYNCMGR_OK), "rolled_back") != NULL);
  CHECK_EQUAL(atomic_load(&note->order), 21);
  CHECK(strstr(show(&me, id), "\"status\":\"rolled_back\"") != NULL);
  check_after_deaths(me.space);
  CHECK_OK(syncmgr_unlink(url));
}

TEST(what_the_dead_have_left_is_adopted_to_be_undone_by_steps) {
  note = shared_memory(sizeof *note);
  const char *url = unique_url();
  peer_t *peer = peer_start(execute_and_die, url, 2, 0);
  actor_t me = actor_open(open_space(url, 0), "me");
  syncmgr_transaction_t *adopted = NULL, *none = NULL;
  CHECK_STATUS(syncmgr_transaction_adopt(me.store, &none), SYNCMGR_E_NOT_FOUND);
  wait_dead(peer, 2);
  CHECK_OK(syncmgr_transaction_adopt(me.store, &adopted));
  CHECK_STATUS(syncmgr_transaction_adopt(me.store, &none), SYNCMGR_E_NOT_FOUND);
  CHECK_EQUAL(status_of(adopted), SYNCMGR_TRANSACTION_ROLLING_BACK);
  for (uint32_t index = 2; index-- > 0;) {
    syncmgr_step_t step;
    syncmgr_operation_t operation;
    char buffer[512];
    CHECK_OK(syncmgr_transaction_step(adopted, &step));
    CHECK_EQUAL(step.kind, SYNCMGR_STEP_UNDO);
    CHECK_EQUAL(step.index, index);
    CHECK_STATUS(syncmgr_transaction_operation(adopted, index, &operation, buffer, 4, NULL),
                 SYNCMGR_E_TOO_LARGE);
    CHECK_OK(
        syncmgr_transaction_operation(adopted, index, &operation, buffer, sizeof buffer, NULL));
    CHECK(strcmp(operation.name, "pay") == 0 && strcmp(operation.target, "thing") == 0);
    CHECK(operation.id[0] == (char)('0' + index) && operation.length == 3);
    CHECK(memcmp(operation.data, "\377\0d", 3) == 0);
    CHECK_OK(syncmgr_transaction_report(adopted, index, SYNCMGR_OK, NULL, 0));
  }
  syncmgr_step_t ended;
  CHECK_OK(syncmgr_transaction_step(adopted, &ended));
  CHECK_EQUAL(ended.kind, SYNCMGR_STEP_DONE);
  CHECK_EQUAL(status_of(adopted), SYNCMGR_TRANSACTION_ROLLED_BACK);
  check_after_deaths(me.space);
}

TEST(handlers_execute_and_undo_in_the_process_that_has_the_transaction) {
  note = shared_memory(sizeof *note);
  actor_t me = actor_open(open_space(unique_url(), 0), "me");
  syncmgr_subscription_t *handler = handle(&me, "pay"), *second = NULL;
  syncmgr_handler_t again = SYNCMGR_HANDLER_INIT;
  again.name = "pay";
  again.user = note;
  again.destroy = destroy_note;
  CHECK_STATUS(syncmgr_transaction_handler(me.store, &again, &second), SYNCMGR_E_EXISTS);
  CHECK_EQUAL(atomic_load(&note->destroyed), 1);
  syncmgr_transaction_t *transaction = begin(&me, SYNCMGR_TRANSACTION_STRICT, 0);
  add_named(transaction, "pay", 0);
  add_named(transaction, "pay", 1);
  CHECK_OK(syncmgr_transaction_execute(transaction));
  CHECK(strstr(show(&me, info_of(transaction).id), "\"result\":\"result1\"") != NULL);
  CHECK_OK(syncmgr_transaction_rollback(transaction));
  CHECK_EQUAL(atomic_load(&note->order), 21);
  CHECK_OK(syncmgr_transaction_close(transaction));
  CHECK_OK(syncmgr_off(handler));
  transaction = begin(&me, 0, 0);
  add_named(transaction, "pay", 0);
  CHECK_STATUS(commit(transaction), SYNCMGR_E_NOT_FOUND);
  CHECK(strstr(syncmgr_last_error(), "no handler has the name 'pay'") != NULL);
  check_and_close(me.space);
}
