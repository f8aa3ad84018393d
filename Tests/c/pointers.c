/* Pointers that are NULL where they may not be, and those that may. */
#include <string.h>

#include "calls.h"

TEST(a_null_output_that_is_needed_is_refused) {
  handle_set_t set = open_handle_set(unique_url(), 0);
  syncmgr_t *space = set.of[MANAGER];
  syncmgr_workstream_t *me = set.of[WORKSTREAM];
  syncmgr_record_t record;
  syncmgr_holder_t holder;
  CHECK_STATUS(syncmgr_open("local:", NULL, NULL), SYNCMGR_E_INVALID);
  CHECK(syncmgr_last_error()[0] != '\0');
  CHECK_STATUS(syncmgr_workstream_open(space, "other", NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_queue_open(space, 0, -1, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_workstream_name(me, NULL, 256), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_workstream_id(me, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_queue_fd(set.of[QUEUE], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_queue_drain(set.of[QUEUE], NULL, 1, &record.index), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_queue_drain(set.of[QUEUE], &record, 0, &record.index),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_queue_drain(set.of[QUEUE], &record, 1, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_mutex_open(me, "m", NULL, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_semaphore_open(me, "s", 1, NULL, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_latch_open(me, "l", 1, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_barrier_open(me, "b", 1, NULL, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_event_open(me, "e", NULL, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_mutex_lock_start(set.of[MUTEX], 0, NULL, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_semaphore_acquire_start(set.of[SEMAPHORE], 1, 0, NULL, 0, NULL),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_latch_wait_start(set.of[LATCH], 0, NULL, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_barrier_wait_start(set.of[BARRIER], 0, NULL, 0, NULL, NULL),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_event_wait_start(set.of[EVENT], 0, NULL, 0, NULL), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_mutex_lock(set.of[MUTEX], 0));
  CHECK_STATUS(syncmgr_mutex_token(set.of[MUTEX], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_mutex_held_by(set.of[MUTEX], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_mutex_previous_owner(set.of[MUTEX], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_mutex_fastpath(set.of[MUTEX], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_semaphore_available(set.of[SEMAPHORE], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_semaphore_held(set.of[SEMAPHORE], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_semaphore_holders(set.of[SEMAPHORE], NULL, 1, &record.index),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_semaphore_holders(set.of[SEMAPHORE], &holder, 1, NULL),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_latch_count(set.of[LATCH], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_barrier_state(set.of[BARRIER], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_event_is_set(set.of[EVENT], NULL), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_mutex_unlock(set.of[MUTEX]));
  CHECK_STATUS(syncmgr_rwlock_open(me, "r", NULL, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_condition_open(me, "c", NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_election_open(me, "v", NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_rwlock_lock_start(set.of[RWLOCK], SYNCMGR_SHARED, 0, NULL, 0, NULL),
               SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_rwlock_lock(set.of[RWLOCK], SYNCMGR_SHARED, 0));
  CHECK_STATUS(syncmgr_rwlock_upgrade_start(set.of[RWLOCK], 0, NULL, 0, NULL),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_rwlock_token(set.of[RWLOCK], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_rwlock_holders(set.of[RWLOCK], NULL, 1, &record.index),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_rwlock_holders(set.of[RWLOCK], &holder, 1, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_rwlock_previous_owner(set.of[RWLOCK], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_condition_waiting(set.of[CONDITION], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_election_campaign_start(set.of[ELECTION], 0, NULL, 0, NULL, &record),
               SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_election_leader(set.of[ELECTION], NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_election_campaign(set.of[ELECTION], 0, NULL), SYNCMGR_LEADER);
  CHECK_STATUS(syncmgr_election_finish(set.of[ELECTION], NULL, 1), SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_election_finish(set.of[ELECTION], "x", 1));
  CHECK_STATUS(syncmgr_election_result(set.of[ELECTION], &holder, 1, NULL), SYNCMGR_E_INVALID);
  CHECK_STATUS(syncmgr_election_result(set.of[ELECTION], NULL, 1, &(size_t){0}),
               SYNCMGR_E_INVALID);
  CHECK_OK(syncmgr_mutex_lock(set.of[MUTEX], 0));
  CHECK_OK(syncmgr_lease_set(set.of[MUTEX], SECOND, 0));
  CHECK_STATUS(syncmgr_lease_remaining(set.of[MUTEX], NULL), SYNCMGR_E_INVALID);
  check_and_close(space);
}

TEST(outputs_that_may_be_null_are_left_out) {
  handle_set_t set = open_handle_set(unique_url(), 0);
  syncmgr_semaphore_t *semaphore = set.of[SEMAPHORE];
  syncmgr_barrier_t *barrier = open_barrier(set.of[WORKSTREAM], "one", 1);
  syncmgr_ticket_t *ticket = NULL;
  uint32_t count = 0;
  CHECK_OK(syncmgr_cleanup(set.of[MANAGER], NULL));
  CHECK_OK(syncmgr_semaphore_acquire(semaphore, 1, 0));
  CHECK_OK(syncmgr_semaphore_holders(semaphore, NULL, 0, &count));
  CHECK_EQUAL(count, 1);
  CHECK_STATUS(syncmgr_barrier_wait(barrier, 0, NULL, NULL), SYNCMGR_LEADER);
  CHECK_STATUS(syncmgr_barrier_arrive(barrier, NULL), SYNCMGR_LEADER);
  CHECK_STATUS(syncmgr_barrier_wait_start(barrier, 0, NULL, 0, &ticket, NULL), SYNCMGR_LEADER);
  CHECK_OK(syncmgr_latch_count_down(set.of[LATCH], 1, NULL));
  CHECK_OK(syncmgr_ticket_wait(set.of[TICKET], SYNCMGR_FOREVER, NULL));
  CHECK(ticket == NULL);
  check_and_close(set.of[MANAGER]);
}

TEST(a_ticket_whose_wait_failed_writes_no_record) {
  handle_set_t set = open_handle_set(unique_url(), 0);
  syncmgr_ticket_t *ticket = NULL;
  syncmgr_record_t record;
  memset(&record, 0xa5, sizeof record);
  CHECK_STATUS(syncmgr_event_wait_start(set.of[EVENT], MILLISECOND, NULL, 0, &ticket),
               SYNCMGR_PENDING);
  CHECK_STATUS(syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, &record), SYNCMGR_E_TIMEOUT);
  for (unsigned index = 0; index < sizeof record; index++) {
    CHECK_EQUAL(((unsigned char *)&record)[index], 0xa5);
  }
  check_and_close(set.of[MANAGER]);
}

TEST(a_name_is_written_only_into_a_buffer_that_holds_it) {
  syncmgr_t *space = open_space(unique_url(), 0);
  syncmgr_workstream_t *me = open_workstream(space, "four");
  char buffer[8] = "########";
  for (size_t capacity = 0; capacity < 5; capacity++) {
    CHECK_STATUS(syncmgr_workstream_name(me, buffer, capacity), SYNCMGR_E_INVALID);
    CHECK(memcmp(buffer, "########", 8) == 0);
  }
  CHECK_OK(syncmgr_workstream_name(me, buffer, 5));
  CHECK(memcmp(buffer, "four\0###", 8) == 0);
  CHECK_OK(syncmgr_workstream_name(me, buffer, SIZE_MAX));
  check_and_close(space);
}

TEST(the_last_error_belongs_to_the_thread_and_success_leaves_it) {
  CHECK(strcmp(syncmgr_last_error(), "") == 0);
  CHECK_STATUS(try_open("bad:", 0), SYNCMGR_E_NAME);
  char first[512];
  strncpy(first, syncmgr_last_error(), sizeof first - 1);
  first[sizeof first - 1] = '\0';
  CHECK(first[0] != '\0');
  CHECK_OK(try_open("local:", 0));
  CHECK(strcmp(syncmgr_last_error(), first) == 0);
  CHECK_STATUS(syncmgr_mutex_lock(NULL, 0), SYNCMGR_E_HANDLE);
  CHECK(strcmp(syncmgr_last_error(), first) != 0);
}

TEST(unknown_statuses_have_a_name_and_a_text_too) {
  CHECK(strcmp(syncmgr_status_name(INT32_MIN), "E_?") == 0);
  CHECK(strcmp(syncmgr_status_name(INT32_MAX), "E_?") == 0);
  CHECK(strcmp(syncmgr_status_name(-39), "E_?") == 0);
  CHECK(strcmp(syncmgr_status_name(9), "E_?") == 0);
  CHECK(syncmgr_status_text(INT32_MIN) != NULL && syncmgr_status_text(9) != NULL);
  for (int32_t status = -38; status <= 8; status++) {
    CHECK(strcmp(syncmgr_status_name(status), "E_?") != 0);
    CHECK(syncmgr_status_text(status)[0] != '\0');
  }
}
