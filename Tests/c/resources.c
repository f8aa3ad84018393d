/* Resources recorded by hand, their part in deadlocks, and the banker's check. */
#include <string.h>

#include "deadlocks.h"

static uint32_t available(syncmgr_resource_t *resource) {
  uint32_t count = 99;
  CHECK_OK(syncmgr_resource_available(resource, &count));
  return count;
}

TEST(a_resource_counts_what_is_allocated_and_released) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *a = open_workstream(space, "a"), *b = open_workstream(space, "b");
  syncmgr_resource_t *mine = open_resource(a, "gpu", 3), *other = open_resource(b, "gpu", 3);
  CHECK_OK(syncmgr_resource_request(mine, 2));
  CHECK_OK(syncmgr_resource_allocate(mine, 2));
  CHECK_EQUAL(available(other), 1);
  CHECK_STATUS(syncmgr_resource_request(other, 2), SYNCMGR_PENDING);
  CHECK_STATUS(syncmgr_resource_allocate(other, 2), SYNCMGR_E_BUSY);
  CHECK_OK(syncmgr_resource_allocate(other, 1));
  syncmgr_holder_t holders[2];
  uint32_t count = 0;
  CHECK_OK(syncmgr_resource_holders(mine, holders, 2, &count));
  CHECK_EQUAL(count, 2);
  CHECK_EQUAL(holders[0].amount + holders[1].amount, 3);
  CHECK_STATUS(syncmgr_resource_release(other, 2), SYNCMGR_E_NOT_OWNER);
  CHECK_STATUS(syncmgr_resource_release(other, 0), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_resource_release(mine, 1));
  CHECK_EQUAL(available(mine), 1);
  CHECK_OK(syncmgr_resource_close(mine));
  CHECK_EQUAL(available(other), 2);
  CHECK_OK(syncmgr_workstream_close(b));
  check_and_close(space);
}

TEST(what_a_resource_does_not_allow_is_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_resource_t *resource = open_resource(me, "gpu", 3), *none = NULL;
  CHECK_STATUS(syncmgr_resource_open(me, "gpu", 4, &none), SYNCMGR_E_MISMATCH);
  CHECK_STATUS(syncmgr_resource_open(me, "other", 0, &none), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_resource_open(me, "other", SYNCMGR_ANY, &none), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_resource_request(resource, 0), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_resource_request(resource, 4), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_resource_allocate(resource, 4), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_resource_cancel(resource), SYNCMGR_E_NOT_FOUND);
  CHECK_STATUS(syncmgr_resource_declare(resource, 4), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_resource_declare(resource, 2));
  CHECK_OK(syncmgr_resource_allocate(resource, 1));
  CHECK_STATUS(syncmgr_resource_request(resource, 2), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_resource_request(resource, 1));
  CHECK_OK(syncmgr_resource_cancel(resource));
  CHECK_STATUS(syncmgr_resource_cancel(resource), SYNCMGR_E_NOT_FOUND);
  check_and_close(space);
}

/* One thing is ours, and one is not. */
TEST(a_circle_of_a_mutex_and_a_resource_is_found) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *a = open_workstream(space, "a"), *b = open_workstream(space, "b");
  syncmgr_resource_t *held = open_resource(a, "gpu", 1), *wanted = open_resource(b, "gpu", 1);
  syncmgr_mutex_t *lock = open_mutex(b, "m", 0);
  CHECK_OK(syncmgr_resource_allocate(held, 1));
  CHECK_OK(syncmgr_mutex_lock(lock, 0));
  wait_t wait = {.mutex = open_mutex(a, "m", 0)};
  begin_waits(&wait, 1);
  CHECK_STATUS(syncmgr_resource_request(wanted, 1), SYNCMGR_PENDING);
  /* b is the youngest; it is told at its next call, once. */
  WAIT_UNTIL(list_deadlocks(space, NULL, 0) == 1);
  int32_t status;
  while ((status = syncmgr_resource_request(wanted, 1)) == SYNCMGR_PENDING) sleep_ms(1);
  CHECK_STATUS(status, SYNCMGR_E_DEADLOCK);
  CHECK(strstr(syncmgr_last_error(), "b waits for \"gpu\" held by a") != NULL);
  CHECK_OK(syncmgr_mutex_unlock(lock));
  CHECK_EQUAL(end_waits(&wait, 1), 0);
  CHECK_STATUS(syncmgr_resource_allocate(wanted, 1), SYNCMGR_E_BUSY);
  CHECK_OK(syncmgr_resource_release(held, 1));
  CHECK_OK(syncmgr_resource_allocate(wanted, 1));
  CHECK_OK(syncmgr_resource_release(wanted, 1));
  check_and_close(space);
}

TEST(resources_of_a_dead_process_are_given_back) {
  const char *url = unique_url();
  peer_t *peer = peer_start(hold_resource, url, 2, 0);
  peer_wait_pause(peer, 1);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_resource_t *resource = open_resource(open_workstream(space, NULL), "gpu", 3);
  CHECK_EQUAL(available(resource), 1);
  peer_kill(peer);
  WAIT_UNTIL(available(resource) == 3);
  check_and_close(space);
}

/* Of four, a has one and may want three, b has two and may want four. */
static void two_customers(syncmgr_t *space, syncmgr_resource_t **a, syncmgr_resource_t **b) {
  *a = open_resource(open_workstream(space, "a"), "pool", 4);
  *b = open_resource(open_workstream(space, "b"), "pool", 4);
  CHECK_OK(syncmgr_resource_declare(*a, 3));
  CHECK_OK(syncmgr_resource_declare(*b, 4));
  CHECK_OK(syncmgr_resource_allocate(*a, 1));
}

TEST(the_banker_refuses_an_allocation_after_which_not_all_could_end) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_prevention_options_t options = SYNCMGR_PREVENTION_OPTIONS_INIT;
  options.strategy = SYNCMGR_PREVENT_AVOIDANCE;
  CHECK_OK(syncmgr_prevention_configure(space, &options));
  syncmgr_resource_t *a, *b;
  two_customers(space, &a, &b);
  CHECK_OK(syncmgr_resource_allocate(b, 1));
  CHECK_STATUS(syncmgr_resource_allocate(b, 1), SYNCMGR_E_UNSAFE);
  CHECK_EQUAL(available(a), 2);
  CHECK_OK(syncmgr_resource_allocate(a, 2));
  CHECK_OK(syncmgr_resource_release(a, 3));
  CHECK_OK(syncmgr_resource_allocate(b, 3));
  check_and_close(space);
}

TEST(the_banker_finds_an_unsafe_state_and_records_it_once) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_resource_t *a, *b;
  uint32_t count = 9;
  two_customers(space, &a, &b);
  CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_BANKER, &count));
  CHECK_EQUAL(count, 0);
  CHECK_OK(syncmgr_resource_allocate(b, 2));
  for (unsigned index = 0; index < 3; index++) {
    CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_BANKER, &count));
    CHECK_EQUAL(count, 1);
  }
  syncmgr_deadlock_t record;
  CHECK_EQUAL(list_deadlocks(space, &record, 1), 1);
  CHECK_EQUAL(record.kind, SYNCMGR_DEADLOCK_UNSAFE);
  CHECK_EQUAL(record.workstreams, 2);
  char text[256];
  CHECK_OK(syncmgr_deadlock_text(space, record.id, text, sizeof text, NULL));
  CHECK(strcmp(text, "a may ask for more of \"pool\" than can be given, "
                     "b may ask for more of \"pool\" than can be given") == 0);
  CHECK_STATUS(syncmgr_deadlock_resolve(space, record.id, 0), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_deadlock_clear(space, &count));
  CHECK_EQUAL(count, 1);
  check_and_close(space);
}

/* Mutexes do not count there. */
TEST(the_search_among_resources_finds_theirs_alone) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_deadlock_options_t options = SYNCMGR_DEADLOCK_OPTIONS_INIT;
  options.flags = 0;
  CHECK_OK(syncmgr_deadlock_configure(space, &options));
  ring_t ring;
  ring_start(&ring, space, 2);
  uint32_t count = 9;
  CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_RESOURCE_ALLOCATION, &count));
  CHECK_EQUAL(count, 0);
  syncmgr_resource_t *held[2], *wanted[2];
  for (unsigned index = 0; index < 2; index++) {
    syncmgr_workstream_t *me = open_workstream(space, NULL);
    held[index] = open_resource(me, index == 0 ? "x" : "y", 1);
    wanted[index] = open_resource(me, index == 0 ? "y" : "x", 1);
    CHECK_OK(syncmgr_resource_allocate(held[index], 1));
  }
  for (unsigned index = 0; index < 2; index++) {
    CHECK_STATUS(syncmgr_resource_request(wanted[index], 1), SYNCMGR_PENDING);
  }
  CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_RESOURCE_ALLOCATION, &count));
  CHECK_EQUAL(count, 1);
  CHECK_OK(syncmgr_deadlock_configure(space, NULL));
  CHECK_OK(syncmgr_deadlock_detect(space, SYNCMGR_DETECT_WAIT_FOR_GRAPH, &count));
  CHECK_EQUAL(ring_end(&ring), 1);
  CHECK_STATUS(syncmgr_resource_allocate(wanted[1], 1), SYNCMGR_E_DEADLOCK);
  CHECK_STATUS(syncmgr_resource_allocate(wanted[1], 1), SYNCMGR_E_BUSY);
  check_and_close(space);
}
