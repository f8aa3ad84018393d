/* Close races with every call: calls in other threads end, with E_CLOSED, and nothing crashes. */
#include <string.h>

#include "calls.h"
#include "peer.h"

enum { HAMMERS = 3, ROUNDS = 300 };

/* The handles that the hammers use at present; the closer replaces them under their hands. */
typedef struct target {
  _Atomic(void *) of[HANDLE_TYPES];
  _Atomic bool stop;
  _Atomic uint64_t calls_made;
  _Atomic uint64_t seed; /* each hammer takes the next one */
} target_t;

/* What a call may answer while its handle is being closed: anything but a sign of confusion. */
static void check_sane(const call_t *call, int32_t status) {
  if (status != SYNCMGR_E_HANDLE && status != SYNCMGR_E_FORKED && status != SYNCMGR_E_CORRUPT &&
      status != SYNCMGR_E_SYSTEM && status != SYNCMGR_E_NO_MEMORY &&
      strcmp(syncmgr_status_name(status), "E_?") != 0) {
    return;
  }
  harness_fail(__FILE__, __LINE__, "%s during a close gave %s: %s", call->name,
               syncmgr_status_name(status), syncmgr_last_error());
}

static void *hammer(void *argument) {
  target_t *target = argument;
  uint64_t state = atomic_fetch_add(&target->seed, 1);
  while (!atomic_load(&target->stop)) {
    const call_t *call = &calls[random_below(&state, call_count)];
    /* The check is for a quiet space; here it would see others' steps half done. */
    if (call->closes || !strcmp(call->name, "syncmgr_check")) continue;
    call_context_t context = {.mutex = atomic_load(&target->of[MUTEX])};
    const int64_t timeouts[] = {0, MILLISECOND, SYNCMGR_FOREVER};
    context.timeout_ns = timeouts[random_below(&state, 3)];
    if (random_below(&state, 2)) context.queue = atomic_load(&target->of[QUEUE]);
    void *handle = atomic_load(&target->of[call->type]);
    if (handle == NULL || context.mutex == NULL) continue;
    int32_t status = run_call(call, handle, &context);
    atomic_fetch_add(&target->calls_made, 1);
    check_sane(call, status);
    void *opened = NULL;
    memcpy(&opened, context.output, sizeof opened);
    bool starts = strstr(call->name, "_start") != NULL;
    if (status == SYNCMGR_PENDING && starts && random_below(&state, 2)) {
      status = syncmgr_ticket_cancel(opened);
      CHECK(status == SYNCMGR_OK || status == SYNCMGR_FINISHED || status == SYNCMGR_E_CLOSED);
    }
    /* Descriptors are few; most other things that were opened stay for the manager to close. */
    if (status == SYNCMGR_OK && !strcmp(call->name, "syncmgr_queue_open")) {
      status = syncmgr_queue_close(opened);
      CHECK(status == SYNCMGR_OK || status == SYNCMGR_E_CLOSED);
    }
  }
  return NULL;
}

/* Closes some of the set singly, or all by way of its workstream, and then all by its manager. */
static void close_somehow(handle_set_t *set, uint64_t *state) {
  call_context_t context = {.timeout_ns = 0};
  uint32_t way = random_below(state, 3);
  for (unsigned index = 0; way == 0 && index < call_count; index++) {
    const call_t *call = &calls[index];
    if (!call->closes || call->type == MANAGER || random_below(state, 3) == 0) continue;
    int32_t status = call->run(set->of[call->type], &context);
    /* The hammers may have waited for the ticket, and the workstream may have closed the rest. */
    CHECK(status == SYNCMGR_OK || status == SYNCMGR_E_CLOSED || status == SYNCMGR_FINISHED);
  }
  if (way == 1) CHECK_OK(syncmgr_workstream_close(set->of[WORKSTREAM]));
  CHECK_OK(syncmgr_close(set->of[MANAGER]));
  CHECK_STATUS(syncmgr_close(set->of[MANAGER]), SYNCMGR_E_CLOSED);
}

static void race_closing(const char *url, uint32_t flags) {
  target_t *target = shared_memory(sizeof *target);
  pthread_t threads[HAMMERS];
  uint64_t state = harness_seed();
  atomic_store(&target->seed, harness_seed());
  for (unsigned index = 0; index < HAMMERS; index++) threads[index] = start_thread(hammer, target);
  for (unsigned round = 0; round < ROUNDS; round++) {
    handle_set_t set = open_handle_set(url, flags);
    for (unsigned type = 0; type < HANDLE_TYPES; type++) {
      atomic_store(&target->of[type], set.of[type]);
    }
    uint64_t before = atomic_load(&target->calls_made);
    unsigned wanted = random_below(&state, 60);
    /* All hammers may be blocked by now, which is a case as good as any. */
    for (unsigned nap = 0; nap < 5 && atomic_load(&target->calls_made) < before + wanted; nap++) {
      sleep_ms(1);
    }
    close_somehow(&set, &state);
  }
  atomic_store(&target->stop, true);
  for (unsigned index = 0; index < HAMMERS; index++) join_thread(threads[index]);
  CHECK(atomic_load(&target->calls_made) > ROUNDS);
  CHECK_OK(try_open(url, 0));
}

TEST_WITHIN(90, close_races_with_every_call_of_a_shared_space) { race_closing(unique_url(), 0); }
TEST_WITHIN(90, close_races_with_every_call_of_a_local_space) { race_closing("local:", 0); }
TEST_WITHIN(90, close_races_with_every_call_without_threads) {
  race_closing(unique_url(), SYNCMGR_OPEN_NO_THREADS);
}

/* A wait that never ends by itself, in a thread of its own. */
typedef struct blocked {
  const call_t *call;
  void *handle;
  _Atomic bool entered;
  int32_t status;
} blocked_t;

static void *block(void *argument) {
  blocked_t *blocked = argument;
  call_context_t context = {.timeout_ns = SYNCMGR_FOREVER};
  atomic_store(&blocked->entered, true);
  blocked->status = run_call(blocked->call, blocked->handle, &context);
  return NULL;
}

static const call_t *call_named(const char *name) {
  for (unsigned index = 0; index < call_count; index++) {
    if (strcmp(calls[index].name, name) == 0) return &calls[index];
  }
  harness_fail(__FILE__, __LINE__, "no call %s", name);
}

/* way 0 closes the handle, 1 its workstream, 2 its manager. */
static void expect_waits_end(unsigned way, uint32_t flags) {
  static const char *const names[] = {"syncmgr_mutex_lock",  "syncmgr_semaphore_acquire",
                                      "syncmgr_latch_wait",  "syncmgr_barrier_wait",
                                      "syncmgr_event_wait",  "syncmgr_ticket_wait",
                                      "syncmgr_rwlock_lock", "syncmgr_election_campaign"};
  enum { WAITS = sizeof names / sizeof names[0] };
  const char *url = unique_url();
  syncmgr_t *other = open_space(url, flags);
  handle_set_t set = open_handle_set(url, flags);
  syncmgr_workstream_t *holder = open_workstream(other, "holder");
  CHECK_OK(syncmgr_mutex_lock(open_mutex(holder, "mutex", 0), 0));
  CHECK_OK(syncmgr_semaphore_acquire(open_semaphore(holder, "semaphore", 2, 0), 2, 0));
  CHECK_OK(syncmgr_rwlock_lock(open_rwlock(holder, "rwlock", 0), SYNCMGR_SHARED, 0));
  CHECK_STATUS(syncmgr_election_campaign(open_election(holder, "election"), 0, NULL),
               SYNCMGR_LEADER);
  blocked_t blocked[WAITS];
  pthread_t threads[WAITS];
  memset(blocked, 0, sizeof blocked);
  for (unsigned index = 0; index < WAITS; index++) {
    blocked[index].call = call_named(names[index]);
    blocked[index].handle = set.of[blocked[index].call->type];
    threads[index] = start_thread(block, &blocked[index]);
    WAIT_UNTIL(atomic_load(&blocked[index].entered));
  }
  sleep_ms(20);
  if (way == 0) {
    call_context_t context = {.timeout_ns = 0};
    for (unsigned index = 0; index < call_count; index++) {
      handle_type_t type = calls[index].type;
      if (!calls[index].closes || type < MUTEX || type > EVENT) continue;
      CHECK_OK(calls[index].run(set.of[type], &context));
    }
  }
  if (way == 1) CHECK_OK(syncmgr_workstream_close(set.of[WORKSTREAM]));
  if (way == 2) CHECK_OK(syncmgr_close(set.of[MANAGER]));
  for (unsigned index = 0; index < WAITS; index++) {
    join_thread(threads[index]);
    CHECK_STATUS(blocked[index].status, SYNCMGR_E_CLOSED);
  }
  if (way != 2) CHECK_OK(syncmgr_close(set.of[MANAGER]));
  check_and_close(other);
}

TEST(waits_that_never_end_end_when_their_handle_closes) {
  expect_waits_end(0, 0);
  expect_waits_end(0, SYNCMGR_OPEN_NO_THREADS);
}
TEST(waits_that_never_end_end_when_their_workstream_closes) {
  expect_waits_end(1, 0);
  expect_waits_end(1, SYNCMGR_OPEN_NO_THREADS);
}
TEST(waits_that_never_end_end_when_their_manager_closes) {
  expect_waits_end(2, 0);
  expect_waits_end(2, SYNCMGR_OPEN_NO_THREADS);
}
