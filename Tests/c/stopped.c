/* A stopped process is alive: it keeps what it holds, until somebody takes it away by force. */
#include <signal.h>
#include <string.h>

#include "bodies.h"

/* Holds, finds out that the hold was taken away, and takes part again. */
static void lose(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "slow"), "m", self->index);
  uint64_t token = 0;
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  CHECK_OK(syncmgr_mutex_token(mutex, &token));
  CHECK_OK(syncmgr_mutex_is_valid(mutex, token));
  CHECK_STATUS(syncmgr_mutex_is_valid(mutex, token + 1), SYNCMGR_E_LOST);
  atomic_store(&self->values[1], (int64_t)token);
  peer_pause(self);
  CHECK_STATUS(syncmgr_mutex_is_valid(mutex, token), SYNCMGR_E_LOST);
  CHECK_STATUS(syncmgr_mutex_unlock(mutex), SYNCMGR_E_LOST);
  /* The unlock ended the hold that was lost; a second one has nothing to end. */
  CHECK_STATUS(syncmgr_mutex_unlock(mutex), SYNCMGR_E_NOT_OWNER);
  CHECK_STATUS(syncmgr_mutex_is_valid(mutex, token), SYNCMGR_E_LOST);
  CHECK_STATUS(syncmgr_mutex_lock(mutex, 0), SYNCMGR_E_TIMEOUT);
  peer_pause(self);
  CHECK_OK(syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER));
  uint64_t later = 0;
  CHECK_OK(syncmgr_mutex_token(mutex, &later));
  CHECK(later > token);
  CHECK_OK(syncmgr_close(space));
}

TEST(a_stopped_process_keeps_its_mutex_and_force_release_takes_it) {
  const uint32_t kinds[] = {0, SYNCMGR_MUTEX_FAIR, SYNCMGR_MUTEX_RECURSIVE};
  for (unsigned kind = 0; kind < 6; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind / 3 ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *slow = peer_start(lose, url, kinds[kind % 3], flags);
    syncmgr_t *space = open_space(url, flags);
    syncmgr_mutex_t *mutex =
        open_mutex(open_workstream(space, "fast"), "m", kinds[kind % 3]);
    syncmgr_holder_t holder;
    uint64_t token = 0;
    peer_wait_pause(slow, 1);
    peer_signal(slow, SIGSTOP);
    CHECK_STATUS(syncmgr_mutex_lock(mutex, 200 * MILLISECOND), SYNCMGR_E_TIMEOUT);
    CHECK_OK(syncmgr_mutex_held_by(mutex, &holder));
    CHECK_EQUAL(holder.pid, slow->pid);
    CHECK_EQUAL(holder.token, atomic_load(&slow->values[1]));
    CHECK_OK(syncmgr_mutex_force_release(mutex));
    CHECK_STATUS(syncmgr_mutex_force_release(mutex), SYNCMGR_FREE);
    CHECK_STATUS(syncmgr_mutex_lock(mutex, 0), SYNCMGR_OWNER_DIED);
    CHECK_OK(syncmgr_mutex_previous_owner(mutex, &holder));
    CHECK_EQUAL(holder.pid, slow->pid);
    CHECK(strcmp(holder.name, "slow") == 0);
    CHECK_OK(syncmgr_mutex_token(mutex, &token));
    CHECK((int64_t)token > atomic_load(&slow->values[1]));
    peer_signal(slow, SIGCONT);
    peer_go(slow);
    peer_wait_pause(slow, 2);
    CHECK_OK(syncmgr_mutex_is_valid(mutex, token));
    CHECK_OK(syncmgr_mutex_unlock(mutex));
    peer_go(slow);
    peer_join(slow);
    check_and_close(space);
  }
}

TEST(force_release_hands_the_mutex_to_a_blocked_waiter) {
  const char *url = unique_url();
  peer_t *slow = start_holder(lose, url, 0, 0);
  peer_t *waiter = start_waiter(wait_mutex, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  peer_signal(slow, SIGSTOP);
  CHECK_OK(syncmgr_mutex_force_release(open_mutex(open_workstream(space, NULL), "m", 0)));
  CHECK_STATUS(peer_wait_status(waiter), SYNCMGR_OWNER_DIED);
  peer_signal(slow, SIGCONT);
  peer_go(slow);
  peer_wait_pause(slow, 2);
  finish(waiter);
  finish(slow);
  check_and_close(space);
}

TEST(a_notice_tells_whose_hold_was_lost) {
  const char *url = unique_url();
  peer_t *slow = peer_start(hold_mutex, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_queue_t *queue = open_queue(space);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, NULL), "m", 0);
  syncmgr_holder_t holder;
  peer_wait_pause(slow, 1);
  peer_signal(slow, SIGSTOP);
  CHECK_OK(syncmgr_mutex_held_by(mutex, &holder));
  CHECK_OK(syncmgr_queue_watch(queue, SYNCMGR_NOTICE_HOLD_LOST, 5));
  CHECK_OK(syncmgr_mutex_force_release(mutex));
  syncmgr_record_t record = next_record(queue);
  CHECK_EQUAL(record.kind, SYNCMGR_NOTICE_HOLD_LOST);
  CHECK_EQUAL(record.value, holder.workstream);
  CHECK_EQUAL(record.index, slow->pid);
  CHECK_EQUAL(record.user_data, 5);
  peer_kill(slow);
  check_and_close(space);
}

TEST(one_that_lost_its_hold_and_dies_does_not_take_the_mutex_from_the_next) {
  const char *url = unique_url();
  peer_t *slow = peer_start(hold_mutex, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, NULL), "m", 0);
  syncmgr_holder_t holder;
  peer_wait_pause(slow, 1);
  CHECK_OK(syncmgr_mutex_force_release(mutex));
  CHECK_STATUS(syncmgr_mutex_lock(mutex, SECOND), SYNCMGR_OWNER_DIED);
  peer_kill(slow);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  CHECK_OK(syncmgr_mutex_held_by(mutex, &holder));
  CHECK(holder.pid != slow->pid);
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  check_and_close(space);
}

TEST(a_stopped_waiter_keeps_its_place_and_what_it_is_granted) {
  const char *url = unique_url();
  peer_t *holder = start_holder(hold_mutex, url, SYNCMGR_MUTEX_FAIR, 0);
  peer_t *stopped = start_waiter(wait_mutex, url, SYNCMGR_MUTEX_FAIR, 0);
  peer_t *behind = start_waiter(wait_mutex, url, SYNCMGR_MUTEX_FAIR, 0);
  peer_signal(stopped, SIGSTOP);
  finish(holder);
  sleep_ms(100);
  CHECK(peer_still_waits(behind));
  peer_signal(stopped, SIGCONT);
  CHECK_OK(peer_wait_status(stopped));
  CHECK(peer_still_waits(behind));
  finish(stopped);
  CHECK_OK(peer_wait_status(behind));
  finish(behind);
}

TEST(a_stopped_process_keeps_its_workstream_name_and_permits) {
  const char *url = unique_url();
  peer_t *slow = peer_start(hold_semaphore, url, 3, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_semaphore_t *semaphore =
      open_semaphore(open_workstream(space, NULL), "s", SEMAPHORE_PERMITS, 0);
  syncmgr_workstream_t *workstream = NULL;
  uint32_t dead = 99;
  peer_wait_pause(slow, 1);
  peer_signal(slow, SIGSTOP);
  CHECK_STATUS(syncmgr_semaphore_acquire(semaphore, 1, 200 * MILLISECOND), SYNCMGR_E_TIMEOUT);
  CHECK_STATUS(syncmgr_workstream_open(space, peer_workstream_name(slow), &workstream),
               SYNCMGR_E_EXISTS);
  CHECK_OK(syncmgr_cleanup(space, &dead));
  CHECK_EQUAL(dead, 0);
  peer_signal(slow, SIGCONT);
  finish(slow);
  CHECK_OK(syncmgr_semaphore_acquire(semaphore, 3, SECOND));
  check_and_close(space);
}
