/* Handles: whatever number is passed for one, a call answers with a status and never crashes. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "peer.h"

static void expect(const call_t *call, void *handle, const char *what, int32_t status,
                   int32_t expected) {
  if (status == expected) return;
  harness_fail(__FILE__, __LINE__, "%s(%s 0x%llx) gave %s and not %s: \"%s\"", call->name, what,
               (unsigned long long)(uintptr_t)handle, syncmgr_status_name(status),
               syncmgr_status_name(expected), syncmgr_last_error());
}

/* Runs the whole table with one value. */
static void expect_all(void *handle, const char *what, int32_t expected) {
  call_context_t context = {.timeout_ns = 0};
  for (unsigned index = 0; index < call_count; index++) {
    if (handle == NULL && calls[index].accepts_null) continue;
    expect(&calls[index], handle, what, run_call(&calls[index], handle, &context), expected);
    CHECK(syncmgr_last_error()[0] != '\0');
  }
}

TEST(the_table_has_every_function_of_the_header_that_takes_a_handle) {
  static char line[512];
  unsigned found = 0;
  FILE *header = fopen(HEADER_PATH, "r");
  CHECK(header != NULL);
  while (fgets(line, sizeof line, header)) {
    char name[128];
    if (sscanf(line, "SYNCMGR_API int32_t %127[a-z_](", name) != 1) continue;
    if (!strcmp(name, "syncmgr_open") || !strcmp(name, "syncmgr_unlink")) continue;
    /* Those for many locks take a list of handles. */
    if (strstr(name, "lock_many")) continue;
    /* Functions of their arguments alone. */
    if (strstr(name, "_resolve") == name + 7 || strstr(name, "_json_format")) continue;
    if (strstr(name, "_clock_")) continue;
    bool known = false;
    for (unsigned index = 0; index < call_count; index++) {
      known = known || !strcmp(calls[index].name, name);
    }
    if (!known) harness_fail(__FILE__, __LINE__, "%s is not in the table", name);
    found += 1;
  }
  fclose(header);
  CHECK_EQUAL(found, call_count);
}

TEST(closing_null_does_nothing_and_is_ok) {
  call_context_t context = {.timeout_ns = 0};
  for (unsigned index = 0; index < call_count; index++) {
    if (!calls[index].accepts_null || calls[index].type == SUBSCRIPTION) continue;
    expect(&calls[index], NULL, "NULL", run_call(&calls[index], NULL, &context), SYNCMGR_OK);
  }
}

TEST(null_and_numbers_that_never_were_handles_are_refused) {
  static const uint64_t numbers[] = {
      1, 2, 3, 7, 8, 15, 16, 64, 255, 256, 4096, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
      1ull << 32, 1ull << 48, (1ull << 53) - 1, 1ull << 53, 1ull << 62, 1ull << 63, UINT64_MAX - 1,
      UINT64_MAX};
  int local = 0;
  /* Once before the library has given out any handle, and once with some open. */
  for (unsigned round = 0; round < 2; round++) {
    handle_set_t set = {{NULL}};
    if (round == 1) set = open_handle_set(unique_url(), 0);
    expect_all(NULL, "NULL", SYNCMGR_E_HANDLE);
    for (unsigned index = 0; index < sizeof numbers / sizeof numbers[0]; index++) {
      bool is_open = false;
      for (unsigned type = 0; type < HANDLE_TYPES; type++) {
        is_open = is_open || (uintptr_t)set.of[type] == numbers[index];
      }
      if (is_open) continue;
      expect_all((void *)(uintptr_t)numbers[index], "a number", SYNCMGR_E_HANDLE);
    }
    expect_all(&local, "an address of the stack", SYNCMGR_E_HANDLE);
    expect_all((void *)"text", "an address of a text", SYNCMGR_E_HANDLE);
    expect_all((void *)(uintptr_t)sleep_ms, "an address of code", SYNCMGR_E_HANDLE);
    if (round == 1) CHECK_OK(syncmgr_close(set.of[MANAGER]));
  }
}

TEST(a_handle_of_another_type_is_refused) {
  handle_set_t set = open_handle_set(unique_url(), 0);
  call_context_t context = {.timeout_ns = 0};
  for (unsigned type = 0; type < HANDLE_TYPES; type++) {
    for (unsigned index = 0; index < call_count; index++) {
      bool is_lock = type == SEMAPHORE || type == RWLOCK || type == ELECTION;
      if (calls[index].type == type || (calls[index].takes_any_lock && is_lock)) continue;
      expect(&calls[index], set.of[type], "another type",
             run_call(&calls[index], set.of[type], &context), SYNCMGR_E_HANDLE);
    }
  }
  close_handle_set(&set);
  CHECK_OK(syncmgr_close(set.of[MANAGER]));
}

TEST(random_numbers_and_near_misses_are_refused) {
  uint64_t state = harness_seed();
  handle_set_t set = open_handle_set(unique_url(), 0);
  call_context_t context = {.timeout_ns = 0};
  for (unsigned round = 0; round < 20000; round++) {
    const call_t *call = &calls[random_below(&state, call_count)];
    uint64_t number = random_next(&state) >> random_below(&state, 64);
    if (round % 2) {
      number = (uintptr_t)set.of[call->type] ^ (1ull << random_below(&state, 64));
    }
    bool is_open = number == 0;
    for (unsigned type = 0; type < HANDLE_TYPES; type++) {
      is_open = is_open || (uintptr_t)set.of[type] == number;
    }
    if (is_open) continue;
    /* A near miss can look like a handle that was closed long ago. */
    int32_t status = run_call(call, (void *)(uintptr_t)number, &context);
    if (status != SYNCMGR_E_CLOSED) {
      expect(call, (void *)(uintptr_t)number, "number", status, SYNCMGR_E_HANDLE);
    }
  }
  close_handle_set(&set);
  CHECK_OK(syncmgr_close(set.of[MANAGER]));
}

static void expect_set(handle_set_t *set, handle_type_t first, const char *what,
                       int32_t expected) {
  call_context_t context = {.timeout_ns = 0};
  for (unsigned index = 0; index < call_count; index++) {
    void *handle = set->of[calls[index].type];
    if (calls[index].type < first) continue;
    expect(&calls[index], handle, what, run_call(&calls[index], handle, &context), expected);
  }
}

TEST(a_closed_handle_gives_closed) {
  handle_set_t set = open_handle_set(unique_url(), 0);
  close_handle_set(&set);
  expect_set(&set, WORKSTREAM, "closed", SYNCMGR_E_CLOSED);
  CHECK_OK(syncmgr_close(set.of[MANAGER]));
  expect_set(&set, MANAGER, "closed", SYNCMGR_E_CLOSED);
}

TEST(closing_a_manager_closes_everything_opened_through_it) {
  handle_set_t set = open_handle_set(unique_url(), 0);
  CHECK_OK(syncmgr_close(set.of[MANAGER]));
  expect_set(&set, MANAGER, "closed with its manager", SYNCMGR_E_CLOSED);
}

TEST(closing_a_workstream_closes_its_objects_and_tickets) {
  handle_set_t set = open_handle_set(unique_url(), 0);
  call_context_t context = {.timeout_ns = 0};
  CHECK_OK(syncmgr_workstream_close(set.of[WORKSTREAM]));
  for (unsigned index = 0; index < call_count; index++) {
    handle_type_t type = calls[index].type;
    if (type == MANAGER || type == QUEUE || type == SUBSCRIPTION || type == TICKET) continue;
    expect(&calls[index], set.of[type], "closed with its workstream",
           run_call(&calls[index], set.of[type], &context), SYNCMGR_E_CLOSED);
  }
  /* The wait ended with E_CLOSED, which may be collected or be gone; both say the same. */
  CHECK_STATUS(syncmgr_ticket_wait(set.of[TICKET], 0, NULL), SYNCMGR_E_CLOSED);
  CHECK_OK(syncmgr_close(set.of[MANAGER]));
}

TEST(a_closed_handle_stays_closed_when_its_place_is_used_again) {
  handle_set_t old = open_handle_set(unique_url(), 0);
  close_handle_set(&old);
  for (unsigned round = 0; round < 300; round++) {
    handle_set_t set = open_handle_set_in(old.of[MANAGER]);
    for (unsigned type = WORKSTREAM; type < HANDLE_TYPES; type++) {
      CHECK(set.of[type] != old.of[type]);
    }
    expect_set(&old, WORKSTREAM, "closed long ago", SYNCMGR_E_CLOSED);
    close_handle_set(&set);
  }
  CHECK_OK(syncmgr_close(old.of[MANAGER]));
}

TEST(handles_are_numbers_below_two_to_the_53) {
  handle_set_t set = open_handle_set(unique_url(), 0);
  for (unsigned type = 0; type < HANDLE_TYPES; type++) {
    CHECK(set.of[type] != NULL);
    CHECK((uintptr_t)set.of[type] < 1ull << 53);
  }
  CHECK_OK(syncmgr_close(set.of[MANAGER]));
}

TEST(a_handle_inherited_by_fork_gives_forked_and_the_parent_keeps_it) {
  handle_set_t set = open_handle_set(unique_url(), 0);
  CHECK_OK(syncmgr_mutex_lock(set.of[MUTEX], 0));
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    expect_set(&set, MANAGER, "inherited", SYNCMGR_E_FORKED);
    CHECK_OK(syncmgr_close(NULL));
    _exit(0);
  }
  int status = 0;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
  CHECK_OK(syncmgr_mutex_unlock(set.of[MUTEX]));
  close_handle_set(&set);
  check_and_close(set.of[MANAGER]);
}

/* The library's threads have only begun to run, and may be inside of anything, when it forks. */
static void fork_early(peer_t *self) {
  int status = 0;
  handle_set_t set = open_handle_set(self->url, 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    expect_set(&set, MANAGER, "inherited", SYNCMGR_E_FORKED);
    CHECK_OK(try_open("local:", 0));
    _exit(0);
  }
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
  CHECK_OK(syncmgr_close(set.of[MANAGER]));
}

TEST_WITHIN(60, a_fork_while_the_threads_of_the_library_start_leaves_a_child_that_answers) {
  /* Each round in a fresh process: what a first use sets up is set up once per process. */
  for (unsigned round = 0; round < 200; round++) {
    peer_join(peer_start(fork_early, round % 2 ? unique_url() : "local:", round, 0));
  }
}

TEST(a_queue_that_is_no_open_queue_of_the_space_is_refused_by_every_start) {
  handle_set_t set = open_handle_set(unique_url(), 0);
  handle_set_t other = open_handle_set("local:", 0);
  syncmgr_queue_t *closed = open_queue(set.of[MANAGER]);
  CHECK_OK(syncmgr_queue_close(closed));
  for (unsigned index = 0; index < call_count; index++) {
    const call_t *call = &calls[index];
    /* The channel of the set has no cells. */
    if (!strstr(call->name, "_start") || strstr(call->name, "changed_start")) continue;
    call_context_t context = {
        .timeout_ns = SYNCMGR_FOREVER, .queue = (void *)1, .mutex = set.of[MUTEX]};
    expect(call, context.queue, "queue", run_call(call, set.of[call->type], &context),
           SYNCMGR_E_HANDLE);
    context.queue = set.of[MUTEX];
    expect(call, context.queue, "queue", run_call(call, set.of[call->type], &context),
           SYNCMGR_E_HANDLE);
    context.queue = closed;
    expect(call, context.queue, "queue", run_call(call, set.of[call->type], &context),
           SYNCMGR_E_CLOSED);
    context.queue = other.of[QUEUE];
    CHECK(run_call(call, set.of[call->type], &context) < 0);
  }
  CHECK_OK(syncmgr_mutex_lock(set.of[MUTEX], 0));
  CHECK_OK(syncmgr_close(other.of[MANAGER]));
  CHECK_OK(syncmgr_close(set.of[MANAGER]));
}

TEST(a_hold_that_uses_the_place_of_another_kind_has_nothing_of_it) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_rwlock_t *rwlock = open_rwlock(me, "r", 0);
  syncmgr_holder_t holder;
  uint32_t count = 0;
  CHECK_OK(syncmgr_rwlock_lock(rwlock, SYNCMGR_EXCLUSIVE, 0));
  CHECK_OK(syncmgr_lease_set(rwlock, SECOND, 0));
  CHECK_OK(syncmgr_rwlock_close(rwlock));
  syncmgr_semaphore_t *semaphore = open_semaphore(me, "s", 2, 0);
  CHECK_OK(syncmgr_semaphore_acquire(semaphore, 1, 0));
  CHECK_OK(syncmgr_semaphore_holders(semaphore, &holder, 1, &count));
  CHECK_EQUAL(count, 1);
  CHECK_EQUAL(holder.token, 0);
  CHECK_EQUAL(holder.amount, 1);
  CHECK_STATUS(syncmgr_lease_renew(semaphore), SYNCMGR_E_NOT_OWNER);
  check_and_close(space);
}
