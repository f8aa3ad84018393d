/* Fork: the child inherits no handle, opens its own, and the parent keeps what it has. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bodies.h"

static void wait_for_child(pid_t child) {
  int status = 0;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
}

/* What a child does that wants to take part: everything anew. */
static void take_part(const char *url, uint32_t flags) {
  syncmgr_t *space = open_space(url, flags);
  syncmgr_workstream_t *me = open_workstream(space, NULL);
  syncmgr_mutex_t *mutex = open_mutex(me, "child", 0);
  CHECK_OK(syncmgr_mutex_lock(mutex, 10 * SECOND));
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  CHECK_STATUS(syncmgr_event_wait(open_event(me, "event", 0), MILLISECOND), SYNCMGR_E_TIMEOUT);
  CHECK_OK(syncmgr_close(space));
}

TEST(the_child_opens_its_own_and_the_hold_of_the_parent_is_untouched) {
  for (unsigned kind = 0; kind < 4; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind % 2 ? SYNCMGR_OPEN_NO_THREADS : 0;
    uint32_t child_flags = kind / 2 ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *outsider = peer_start(wait_mutex, url, 0, flags);
    syncmgr_t *space = open_space(url, flags);
    syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "parent"), "m", 0);
    CHECK_OK(syncmgr_mutex_lock(mutex, 0));
    peer_wait_pause(outsider, 1);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      syncmgr_holder_t holder;
      syncmgr_workstream_t *workstream = NULL;
      CHECK_STATUS(syncmgr_mutex_unlock(mutex), SYNCMGR_E_FORKED);
      CHECK(syncmgr_last_error()[0] != '\0');
      CHECK_STATUS(syncmgr_close(space), SYNCMGR_E_FORKED);
      syncmgr_t *own = open_space(url, child_flags | SYNCMGR_OPEN_ONLY);
      CHECK(own != space);
      CHECK_STATUS(syncmgr_workstream_open(own, "parent", &workstream), SYNCMGR_E_EXISTS);
      syncmgr_mutex_t *other = open_mutex(open_workstream(own, "child"), "m", 0);
      CHECK_STATUS(syncmgr_mutex_lock(other, 20 * MILLISECOND), SYNCMGR_E_TIMEOUT);
      CHECK_OK(syncmgr_mutex_held_by(other, &holder));
      CHECK_EQUAL(holder.pid, getppid());
      CHECK_OK(syncmgr_close(own));
      _exit(0);
    }
    wait_for_child(child);
    peer_go(outsider);
    peer_wait_asleep(outsider);
    sleep_ms(100);
    CHECK(peer_still_waits(outsider));
    CHECK_OK(syncmgr_mutex_unlock(mutex));
    CHECK_OK(peer_wait_status(outsider));
    finish(outsider);
    check_and_close(space);
  }
}

TEST(a_child_that_opens_nothing_disturbs_nothing_when_it_ends) {
  const char *url = unique_url();
  peer_t *outsider = peer_start(wait_mutex, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, NULL), "m", 0);
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  peer_wait_pause(outsider, 1);
  peer_go(outsider);
  peer_wait_asleep(outsider);
  for (unsigned round = 0; round < 20; round++) {
    pid_t child = fork();
    if (child == 0) {
      if (round % 2) kill(getpid(), SIGKILL);
      _exit(0);
    }
    CHECK_EQUAL(waitpid(child, NULL, 0), child);
  }
  sleep_ms(100);
  CHECK(peer_still_waits(outsider));
  CHECK_OK(syncmgr_mutex_unlock(mutex));
  CHECK_OK(peer_wait_status(outsider));
  finish(outsider);
  check_and_close(space);
}

static void fork_and_hold(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  CHECK_OK(syncmgr_mutex_lock(open_mutex(open_workstream(space, "parent"), "m", 0), 0));
  pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  atomic_store(&self->values[2], child);
  peer_pause(self);
}

TEST(the_death_of_a_parent_is_noticed_while_its_child_lives_on) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *parent = start_holder(fork_and_hold, url, 0, flags);
    peer_t *waiter = start_waiter(wait_mutex, url, 0, flags);
    pid_t child = (pid_t)atomic_load(&parent->values[2]);
    peer_kill(parent);
    CHECK_STATUS(peer_wait_status(waiter), SYNCMGR_OWNER_DIED);
    CHECK_EQUAL(kill(child, 0), 0);
    finish(waiter);
    CHECK_EQUAL(segment_file_count(url), 0);
    CHECK_EQUAL(kill(child, SIGKILL), 0);
    /* The runner adopts the child and has to see it gone before it looks for leftovers. */
    WAIT_UNTIL(kill(child, 0) != 0);
  }
}

TEST(the_death_of_a_child_that_opened_its_own_is_noticed) {
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    syncmgr_t *space = open_space(url, flags);
    syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, NULL), "m", 0);
    pid_t child = fork();
    if (child == 0) {
      syncmgr_t *own = open_space(url, flags);
      CHECK_OK(syncmgr_mutex_lock(open_mutex(open_workstream(own, NULL), "m", 0), 0));
      kill(getpid(), SIGKILL);
    }
    CHECK_EQUAL(waitpid(child, NULL, 0), child);
    CHECK_STATUS(syncmgr_mutex_lock(mutex, 5 * SECOND), SYNCMGR_OWNER_DIED);
    check_and_close(space);
  }
}

TEST(a_child_of_a_child_opens_its_own_as_well) {
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, 0);
  pid_t child = fork();
  if (child == 0) {
    syncmgr_t *own = open_space(url, 0);
    pid_t grandchild = fork();
    if (grandchild == 0) {
      CHECK_STATUS(syncmgr_close(space), SYNCMGR_E_FORKED);
      CHECK_STATUS(syncmgr_close(own), SYNCMGR_E_FORKED);
      take_part(url, 0);
      _exit(0);
    }
    wait_for_child(grandchild);
    CHECK_OK(syncmgr_close(own));
    _exit(0);
  }
  wait_for_child(child);
  check_and_close(space);
}

/* Each process of the chain is forked by one that has used the library itself. */
TEST(the_end_of_a_long_chain_of_forks_works_like_its_beginning) {
  const char *url = unique_url();
  for (unsigned depth = 0; depth < 200; depth++) {
    CHECK_OK(try_open(url, SYNCMGR_OPEN_NO_THREADS));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child != 0) {
      wait_for_child(child);
      if (depth > 0) _exit(0);
      return;
    }
  }
  take_part(url, 0);
  _exit(0);
}

typedef struct hammer {
  const char *url;
  syncmgr_t *space;
  _Atomic bool stop;
} hammer_t;

/* Keeps the library's locks and tables in motion, so that forks fall into the middle of calls. */
static void *hammer(void *argument) {
  hammer_t *shared = argument;
  for (unsigned round = 0; !atomic_load(&shared->stop); round++) {
    syncmgr_workstream_t *me = open_workstream(shared->space, NULL);
    syncmgr_mutex_t *mutex = open_mutex(me, "hammered", 0);
    syncmgr_queue_t *queue = round % 8 ? NULL : open_queue(shared->space);
    syncmgr_ticket_t *ticket = NULL;
    int32_t status = syncmgr_mutex_lock_start(mutex, 5 * MILLISECOND, queue, 0, &ticket);
    if (status == SYNCMGR_OK) CHECK_OK(syncmgr_mutex_unlock(mutex));
    CHECK_STATUS(syncmgr_mutex_lock(NULL, 0), SYNCMGR_E_HANDLE);
    if (round % 16 == 0) CHECK_OK(try_open(shared->url, 0));
    if (round % 16 == 8) CHECK_OK(try_open("local:", 0));
    CHECK_OK(syncmgr_workstream_close(me));
    if (queue) CHECK_OK(syncmgr_queue_close(queue));
  }
  return NULL;
}

TEST_WITHIN(60, a_fork_while_other_threads_are_inside_calls_leaves_a_child_that_works) {
  const char *url = unique_url();
  hammer_t shared = {.url = url, .space = open_space(url, 0)};
  pthread_t threads[3];
  for (unsigned index = 0; index < 3; index++) threads[index] = start_thread(hammer, &shared);
  for (unsigned round = 0; round < 150; round++) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      CHECK_STATUS(syncmgr_close(shared.space), SYNCMGR_E_FORKED);
      take_part(url, round % 2 ? SYNCMGR_OPEN_NO_THREADS : 0);
      take_part("local:", 0);
      _exit(0);
    }
    wait_for_child(child);
  }
  atomic_store(&shared.stop, true);
  for (unsigned index = 0; index < 3; index++) join_thread(threads[index]);
  check_and_close(shared.space);
}
