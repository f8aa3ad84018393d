/* The ways to die, what becomes of a dead one's workstreams, and who is told. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bodies.h"

static void lock_plainly(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  CHECK_OK(syncmgr_mutex_lock(open_mutex(open_workstream(space, "worker"), "m", 0), 0));
  peer_pause(self);
}

static void end_by_exit(peer_t *self) {
  lock_plainly(self);
  exit(0);
}

static void end_by_abort(peer_t *self) {
  lock_plainly(self);
  abort();
}

static void end_by_fault(peer_t *self) {
  lock_plainly(self);
  *(volatile int *)8 = 1;
}

static void *end_in_thread(void *argument) {
  (void)argument;
  _exit(0);
}

static void end_by_thread(peer_t *self) {
  lock_plainly(self);
  join_thread(start_thread(end_in_thread, NULL));
}

static void end_by_exec(peer_t *self) {
  lock_plainly(self);
  execl("/bin/sleep", "sleep", "1000", (char *)NULL);
}

static void expect_death_noticed(peer_body_t body, bool lives_on, uint32_t flags) {
  const char *url = unique_url();
  peer_t *dying = start_holder(body, url, 0, flags);
  peer_t *waiter = start_waiter(wait_mutex, url, 0, flags);
  peer_go(dying);
  CHECK_STATUS(peer_wait_status(waiter), SYNCMGR_OWNER_DIED);
  /* A process that became another program lives on, and holds nothing any more. */
  if (lives_on) peer_kill(dying);
  if (!lives_on) CHECK_EQUAL(waitpid(dying->pid, NULL, 0), dying->pid);
  syncmgr_t *space = open_space(url, flags);
  open_workstream(space, "worker");
  finish(waiter);
  check_and_close(space);
}

TEST(exit_without_closing_is_a_death) {
  expect_death_noticed(end_by_exit, false, 0);
  expect_death_noticed(end_by_exit, false, SYNCMGR_OPEN_NO_THREADS);
}
TEST(abort_is_a_death) { expect_death_noticed(end_by_abort, false, 0); }
TEST(a_fault_is_a_death) { expect_death_noticed(end_by_fault, false, 0); }
TEST(exit_by_a_thread_is_a_death) { expect_death_noticed(end_by_thread, false, 0); }
TEST(exec_is_a_death) {
  expect_death_noticed(end_by_exec, true, 0);
  expect_death_noticed(end_by_exec, true, SYNCMGR_OPEN_NO_THREADS);
}

static void hold_with_much_memory(peer_t *self) {
  const size_t size = 300u << 20;
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  memset(memory, 1, size);
  lock_plainly(self);
}

/* Kills a large holder; says whether the waiter had the mutex before the kernel was done with it.
 * */
static bool waiter_was_first(uint32_t flags) {
  const char *url = unique_url();
  siginfo_t end = {0};
  peer_t *holder = start_holder(hold_with_much_memory, url, 0, flags);
  peer_t *waiter = start_waiter(wait_mutex, url, 0, flags);
  CHECK_EQUAL(kill(holder->pid, SIGKILL), 0);
  CHECK_EQUAL(waitid(P_PID, (id_t)holder->pid, &end, WEXITED), 0);
  int64_t gone = now_ns();
  CHECK_STATUS(peer_wait_status(waiter), SYNCMGR_OWNER_DIED);
  CHECK(peer_wait_time(waiter) - gone < SECOND);
  bool first = peer_wait_time(waiter) < gone;
  finish(waiter);
  return first;
}

TEST_WITHIN(60, the_death_of_a_large_process_is_noticed_before_its_memory_is_freed) {
  /* One success in a few proves it; on a busy machine a waiter may wake up late now and then. */
  for (unsigned round = 0; round < 8; round++) {
    if (waiter_was_first(0)) return;
  }
  harness_fail(__FILE__, __LINE__, "each of 8 waiters had to wait for the end of the process");
}

TEST(the_death_of_a_large_process_without_threads_is_noticed_too) {
  waiter_was_first(SYNCMGR_OPEN_NO_THREADS);
}

/* The header says 20 ms. The best of a few is taken, and some room given, for busy machines. */
TEST(the_death_of_one_without_threads_is_noticed_soon_by_whoever_waits) {
  for (unsigned kind = 0; kind < 2; kind++) {
    int64_t best = 10 * SECOND;
    for (unsigned round = 0; round < 6; round++) {
      const char *url = unique_url();
      peer_t *holder = start_holder(hold_mutex, url, 0, SYNCMGR_OPEN_NO_THREADS);
      peer_t *waiter = start_waiter(wait_mutex, url, 0, kind ? SYNCMGR_OPEN_NO_THREADS : 0);
      peer_kill(holder);
      int64_t gone = now_ns();
      CHECK_STATUS(peer_wait_status(waiter), SYNCMGR_OWNER_DIED);
      if (peer_wait_time(waiter) - gone < best) best = peer_wait_time(waiter) - gone;
      finish(waiter);
    }
    CHECK(best < 60 * MILLISECOND);
  }
}

static void open_worker(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  open_workstream(space, "worker");
  peer_pause(self);
}

TEST(the_workstream_names_of_the_dead_are_free_at_once) {
  for (unsigned kind = 0; kind < 4; kind++) {
    const char *url = unique_url();
    syncmgr_workstream_t *workstream = NULL;
    peer_t *peer = peer_start(open_worker, url, 0, kind % 2 ? SYNCMGR_OPEN_NO_THREADS : 0);
    syncmgr_t *space = open_space(url, kind / 2 ? SYNCMGR_OPEN_NO_THREADS : 0);
    peer_wait_pause(peer, 1);
    CHECK_STATUS(syncmgr_workstream_open(space, "worker", &workstream), SYNCMGR_E_EXISTS);
    peer_kill(peer);
    CHECK_OK(syncmgr_workstream_open(space, "worker", &workstream));
    check_and_close(space);
  }
}

TEST(cleanup_counts_the_dead_once) {
  const char *url = unique_url();
  peer_t *peers[3];
  uint32_t count = 99;
  for (unsigned index = 0; index < 3; index++) {
    peers[index] = peer_start(open_worker, url, 0, SYNCMGR_OPEN_NO_THREADS);
    peer_wait_pause(peers[index], 1);
    if (index < 2) peer_kill(peers[index]);
    /* The name "worker" is taken over from the dead before, which recovers it. */
  }
  syncmgr_t *space = open_space(url, SYNCMGR_OPEN_NO_THREADS);
  peer_kill(peers[2]);
  CHECK_OK(syncmgr_cleanup(space, &count));
  CHECK(count >= 1 && count <= 3);
  CHECK_OK(syncmgr_cleanup(space, &count));
  CHECK_EQUAL(count, 0);
  check_and_close(space);
}

TEST(a_notice_tells_of_the_death_of_a_workstream) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    peer_t *peer = peer_start(open_worker, url, 0, kind ? SYNCMGR_OPEN_NO_THREADS : 0);
    syncmgr_t *space = open_space(url, 0);
    syncmgr_queue_t *queue = open_queue(space);
    peer_wait_pause(peer, 1);
    CHECK_OK(syncmgr_queue_watch(queue, SYNCMGR_NOTICE_DIED, 77));
    peer_kill(peer);
    /* Nobody waits for the dead one here, and nothing has to be asked for. */
    syncmgr_record_t record = next_record(queue);
    CHECK_EQUAL(record.kind, SYNCMGR_NOTICE_DIED);
    CHECK_EQUAL(record.user_data, 77);
    CHECK_EQUAL(record.ticket, 0);
    CHECK_EQUAL(record.index, peer->pid);
    CHECK(record.value != 0);
    check_and_close(space);
  }
}

typedef struct death_notice {
  _Atomic int count;
  _Atomic int pid;
  char name[256];
} death_notice_t;

static void note_death(const syncmgr_notice_t *notice, void *user) {
  death_notice_t *note = user;
  CHECK_EQUAL(notice->kind, SYNCMGR_NOTICE_DIED);
  strncpy(note->name, notice->name, sizeof note->name - 1);
  atomic_store(&note->pid, notice->pid);
  atomic_fetch_add(&note->count, 1);
}

TEST(a_callback_tells_of_the_death_of_a_workstream_once) {
  const char *url = unique_url();
  static death_notice_t note;
  syncmgr_subscription_t *subscription = NULL;
  peer_t *peer = peer_start(open_worker, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  peer_wait_pause(peer, 1);
  CHECK_OK(syncmgr_on(space, SYNCMGR_NOTICE_DIED, note_death, &note, NULL, &subscription));
  peer_kill(peer);
  WAIT_UNTIL(atomic_load(&note.count) > 0);
  CHECK_EQUAL(atomic_load(&note.pid), peer->pid);
  CHECK(strcmp(note.name, "worker") == 0);
  CHECK_OK(syncmgr_cleanup(space, NULL));
  sleep_ms(20);
  CHECK_EQUAL(atomic_load(&note.count), 1);
  CHECK_OK(syncmgr_off(subscription));
  check_and_close(space);
}

TEST(a_process_that_dies_while_all_others_only_sleep_leaves_nothing_when_they_go) {
  const char *url = unique_url();
  peer_t *dying = peer_start(hold_mutex, url, 0, 0);
  peer_t *idle = peer_start(open_worker, url, 0, 0);
  peer_wait_pause(dying, 1);
  peer_wait_pause(idle, 1);
  peer_kill(dying);
  peer_kill(idle);
  CHECK_OK(try_open(url, 0));
  CHECK_EQUAL(segment_file_count(url), 0);
}
