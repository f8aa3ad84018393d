/* Counts, timeouts, options and pointers outside what a function allows: E_INVALID, no crash. */
#include <string.h>

#include "calls.h"

typedef struct semaphore_case {
  uint32_t permits, flags;
  int32_t status;
} semaphore_case_t;

TEST(counts_outside_their_range_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  void *out = NULL;
  const uint32_t signalling = SYNCMGR_SEMAPHORE_SIGNALLING;
  const uint32_t huge[] = {SYNCMGR_COUNT_MAX + 1, 0x7fffffff, 0x80000000, 0xfffffffe};
  for (unsigned index = 0; index < 4; index++) {
    uint32_t count = huge[index];
    syncmgr_semaphore_options_t options = {sizeof options, index % 2 ? signalling : 0};
    CHECK_STATUS(syncmgr_semaphore_open(me, "s", count, &options, (syncmgr_semaphore_t **)&out),
                 SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_latch_open(me, "l", count, (syncmgr_latch_t **)&out),
                 SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_barrier_open(me, "b", count, NULL, (syncmgr_barrier_t **)&out),
                 SYNCMGR_E_INVALID);
  }
  CHECK_STATUS(syncmgr_semaphore_open(me, "s", 0, NULL, (syncmgr_semaphore_t **)&out),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_barrier_open(me, "b", 0, NULL, (syncmgr_barrier_t **)&out),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_barrier_open(me, "b", 65536, NULL, (syncmgr_barrier_t **)&out),
               SYNCMGR_E_INVALID);
  CHECK(out == NULL);
  open_barrier(me, "b", 65535);
  open_latch(me, "l-zero", 0);
  open_latch(me, "l", SYNCMGR_COUNT_MAX);
  open_semaphore(me, "s", SYNCMGR_COUNT_MAX, 0);
  open_semaphore(me, "s-zero", 0, signalling);
  check_and_close(space);
}

TEST(any_as_a_count_takes_what_is_there_and_creates_nothing) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  void *out = NULL;
  for (unsigned round = 0; round < 2; round++) {
    CHECK_STATUS(syncmgr_semaphore_open(me, "s", SYNCMGR_ANY, NULL,
                                        (syncmgr_semaphore_t **)&out), SYNCMGR_E_NOT_FOUND);
    CHECK_STATUS(syncmgr_latch_open(me, "l", SYNCMGR_ANY, (syncmgr_latch_t **)&out),
                 SYNCMGR_E_NOT_FOUND);
    CHECK_STATUS(syncmgr_barrier_open(me, "b", SYNCMGR_ANY, NULL, (syncmgr_barrier_t **)&out),
                 SYNCMGR_E_NOT_FOUND);
  }
  open_semaphore(me, "s", 3, 0);
  open_latch(me, "l", 4);
  open_barrier(me, "b", 5);
  uint32_t count = 0;
  CHECK_OK(syncmgr_semaphore_available(open_semaphore(me, "s", SYNCMGR_ANY, 0), &count));
  CHECK_EQUAL(count, 3);
  CHECK_OK(syncmgr_latch_count(open_latch(me, "l", SYNCMGR_ANY), &count));
  CHECK_EQUAL(count, 4);
  syncmgr_barrier_info_t state;
  CHECK_OK(syncmgr_barrier_state(open_barrier(me, "b", SYNCMGR_ANY), &state));
  CHECK_EQUAL(state.parties, 5);
  check_and_close(space);
}

TEST(amounts_that_cannot_be_are_refused_and_change_nothing) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_semaphore_t *semaphore = open_semaphore(me, "s", 3, 0);
  syncmgr_semaphore_t *counter =
      open_semaphore(me, "c", SYNCMGR_COUNT_MAX - 1, SYNCMGR_SEMAPHORE_SIGNALLING);
  syncmgr_latch_t *latch = open_latch(me, "l", 3);
  syncmgr_ticket_t *ticket = NULL;
  uint32_t count = 0;
  const uint32_t amounts[] = {0, 4, SYNCMGR_COUNT_MAX, 0x80000000, 0xffffffff};
  for (unsigned index = 0; index < 5; index++) {
    uint32_t amount = amounts[index];
    CHECK_STATUS(syncmgr_semaphore_acquire(semaphore, amount, SYNCMGR_FOREVER),
                 SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_semaphore_acquire_start(semaphore, amount, SYNCMGR_FOREVER, NULL, 0,
                                                 &ticket), SYNCMGR_E_INVALID);
    CHECK_STATUS(syncmgr_semaphore_release(semaphore, amount),
                 amount == 0 ? SYNCMGR_E_INVALID : SYNCMGR_E_NOT_OWNER);
    CHECK_STATUS(syncmgr_latch_count_down(latch, amount, NULL),
                 amount == 0 ? SYNCMGR_E_INVALID : SYNCMGR_E_OVERFLOW);
    if (amount != 0) {
      CHECK_STATUS(syncmgr_semaphore_release(counter, amount), SYNCMGR_E_OVERFLOW);
    }
  }
  CHECK_STATUS(syncmgr_semaphore_acquire(counter, 0, 0), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_semaphore_available(semaphore, &count));
  CHECK_EQUAL(count, 3);
  CHECK_OK(syncmgr_semaphore_available(counter, &count));
  CHECK_EQUAL(count, SYNCMGR_COUNT_MAX - 1);
  CHECK_OK(syncmgr_latch_count(latch, &count));
  CHECK_EQUAL(count, 3);
  CHECK(ticket == NULL);
  check_and_close(space);
}

TEST(timeouts_below_minus_one_are_refused_by_everything_that_waits) {
  handle_set_t set = open_handle_set(unique_url(), SYNCMGR_OPEN_NO_THREADS);
  const int64_t bad[] = {-2, -3, -1000000000, INT32_MIN, INT64_MIN, INT64_MIN + 1};
  unsigned waits = 0;
  for (unsigned index = 0; index < call_count; index++) {
    const call_t *call = &calls[index];
    bool waiting = strstr(call->name, "wait") || strstr(call->name, "_lock") ||
                   strstr(call->name, "acquire") || strstr(call->name, "dispatch") ||
                   strstr(call->name, "upgrade") || strstr(call->name, "campaign");
    if (!waiting || strstr(call->name, "unlock") || strstr(call->name, "waiting")) continue;
    for (unsigned value = 0; value < sizeof bad / sizeof bad[0]; value++) {
      call_context_t context = {.timeout_ns = bad[value], .mutex = set.of[MUTEX]};
      int32_t status = run_call(call, set.of[call->type], &context);
      if (status != SYNCMGR_E_INVALID) {
        harness_fail(__FILE__, __LINE__, "%s(%lld ns) gave %s", call->name, (long long)bad[value],
                     syncmgr_status_name(status));
      }
    }
    waits += 1;
  }
  CHECK_EQUAL(waits, 31);
  CHECK_OK(syncmgr_close(set.of[MANAGER]));
}

TEST(the_longest_timeout_is_no_overflow) {
  handle_set_t set = open_handle_set(unique_url(), 0);
  syncmgr_ticket_t *ticket = NULL;
  CHECK_STATUS(syncmgr_latch_wait_start(set.of[LATCH], INT64_MAX, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  CHECK_STATUS(syncmgr_ticket_wait(ticket, 20 * MILLISECOND, NULL), SYNCMGR_PENDING);
  CHECK_OK(syncmgr_latch_count_down(set.of[LATCH], 1, NULL));
  CHECK_OK(syncmgr_ticket_wait(ticket, INT64_MAX, NULL));
  CHECK_OK(syncmgr_mutex_lock(set.of[MUTEX], INT64_MAX));
  CHECK_OK(syncmgr_close(set.of[MANAGER]));
}

/* Options seen as bytes: the size first, the flags second, room behind for a too large size. */
typedef union option_bytes {
  uint32_t words[64];
  syncmgr_open_options_t open;
  syncmgr_mutex_options_t mutex;
  syncmgr_semaphore_options_t semaphore;
  syncmgr_barrier_options_t barrier;
  syncmgr_event_options_t event;
  syncmgr_rwlock_options_t rwlock;
} option_bytes_t;

static void expect_options_refused(syncmgr_workstream_t *me, uint32_t size, uint32_t flags) {
  void *out = NULL;
  option_bytes_t bytes;
  memset(&bytes, 0, sizeof bytes);
  bytes.open = (syncmgr_open_options_t)SYNCMGR_OPEN_OPTIONS_INIT;
  if (size != UINT32_MAX) bytes.open.size = size;
  bytes.open.flags = flags;
  CHECK_STATUS(syncmgr_open("local:", &bytes.open, (syncmgr_t **)&out), SYNCMGR_E_INVALID);
  CHECK(syncmgr_last_error()[0] != '\0');
  memset(&bytes, 0, sizeof bytes);
  bytes.words[0] = size != UINT32_MAX ? size : sizeof bytes.mutex;
  bytes.words[1] = flags;
  CHECK_STATUS(syncmgr_mutex_open(me, "m", &bytes.mutex, (syncmgr_mutex_t **)&out),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_semaphore_open(me, "s", 1, &bytes.semaphore,
                                      (syncmgr_semaphore_t **)&out), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_event_open(me, "e", &bytes.event, (syncmgr_event_t **)&out),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_rwlock_open(me, "r", &bytes.rwlock, (syncmgr_rwlock_t **)&out),
               SYNCMGR_E_INVALID);
  if (size == UINT32_MAX) bytes.words[0] = sizeof bytes.barrier;
  CHECK_STATUS(syncmgr_barrier_open(me, "b", 1, &bytes.barrier, (syncmgr_barrier_t **)&out),
               SYNCMGR_E_INVALID);
  CHECK(out == NULL);
}

TEST(options_of_a_wrong_size_or_with_unknown_flags_are_refused) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  const uint32_t sizes[] = {0, 1, 2, 3};
  for (unsigned index = 0; index < sizeof sizes / sizeof sizes[0]; index++) {
    expect_options_refused(me, sizes[index], 0);
  }
  for (unsigned bit = 5; bit < 32; bit++) expect_options_refused(me, UINT32_MAX, 1u << bit);
  expect_options_refused(me, UINT32_MAX, 0xffffffff);
  CHECK_STATUS(try_open(unique_url(), SYNCMGR_OPEN_ONLY | SYNCMGR_CREATE_ONLY),
               SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST(a_mode_that_is_not_allowed_is_refused) {
  const uint32_t modes[] = {0, 0400, 0666, 0777, 0644, 0606, 0660, 01600, 0xffffffff};
  for (unsigned index = 0; index < sizeof modes / sizeof modes[0]; index++) {
    syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
    syncmgr_t *space = NULL;
    options.mode = modes[index];
    CHECK_STATUS(syncmgr_open(unique_url(), &options, &space), SYNCMGR_E_INVALID);
  }
}
