/* Processes of several PID namespaces share a space, though they may have the same pid. */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bodies.h"

enum { INNER_PID = 2 };

/* Runs `body` as the first process of a new namespace; the peer itself only waits for it. */
static void run_inside(peer_t *self, peer_body_t body) {
  int status = 0;
  CHECK_EQUAL(unshare(CLONE_NEWPID), 0);
  pid_t inner = fork();
  CHECK(inner >= 0);
  if (inner == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    body(self);
    _exit(0);
  }
  atomic_store(&self->values[INNER_PID], inner);
  CHECK_EQUAL(waitpid(inner, &status, 0), inner);
}

static void hold_as_first(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "holder"), "m", 0);
  CHECK_EQUAL(getpid(), 1);
  CHECK_OK(syncmgr_mutex_lock(mutex, 0));
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

static void wait_as_first(peer_t *self) {
  syncmgr_t *space = peer_space(self);
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "waiter"), "m", 0);
  CHECK_EQUAL(getpid(), 1);
  peer_pause(self);
  report_status(self, syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER));
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

/* The inner processes see a /proc that is not of their namespace: its pids are other processes. */
static void hold_and_wait_together(peer_t *self) {
  int status = 0;
  CHECK_EQUAL(unshare(CLONE_NEWPID), 0);
  pid_t first = fork();
  if (first == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  pid_t holder = fork();
  if (holder == 0) {
    syncmgr_t *space = peer_space(self);
    CHECK_OK(syncmgr_mutex_lock(open_mutex(open_workstream(space, "holder"), "m", 0), 0));
    peer_pause(self);
    for (;;) pause();
  }
  WAIT_UNTIL(atomic_load(&self->reached) >= 1);
  pid_t waiter = fork();
  if (waiter == 0) {
    syncmgr_t *space = peer_space(self);
    syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "waiter"), "m", 0);
    CHECK_STATUS(syncmgr_mutex_lock(mutex, 100 * MILLISECOND), SYNCMGR_E_TIMEOUT);
    peer_pause(self);
    CHECK_STATUS(syncmgr_mutex_lock(mutex, 10 * SECOND), SYNCMGR_OWNER_DIED);
    CHECK_OK(syncmgr_close(space));
    _exit(0);
  }
  WAIT_UNTIL(atomic_load(&self->reached) >= 2);
  CHECK_EQUAL(kill(holder, SIGKILL), 0);
  CHECK_EQUAL(waitpid(holder, &status, 0), holder);
  atomic_store(&self->allowed, UINT32_MAX);
  CHECK_EQUAL(waitpid(waiter, &status, 0), waiter);
  CHECK_EQUAL(status, 0);
  CHECK_EQUAL(kill(first, SIGKILL), 0);
  CHECK_EQUAL(waitpid(first, &status, 0), first);
}

TEST(a_death_is_noticed_in_a_pid_namespace_without_a_proc_of_its_own) {
  if (geteuid() != 0) harness_skip("only the superuser can make a PID namespace");
  for (unsigned kind = 0; kind < 2; kind++) {
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_join(peer_start(hold_and_wait_together, unique_url(), 0, flags));
  }
}

static void hold_inside(peer_t *self) { run_inside(self, hold_as_first); }
static void wait_inside(peer_t *self) { run_inside(self, wait_as_first); }

TEST(a_death_is_noticed_across_pid_namespaces_also_by_one_of_the_same_pid) {
  if (geteuid() != 0) harness_skip("only the superuser can make a PID namespace");
  for (unsigned kind = 0; kind < 2; kind++) {
    const char *url = unique_url();
    uint32_t flags = kind ? SYNCMGR_OPEN_NO_THREADS : 0;
    peer_t *holder = start_holder(hold_inside, url, 0, flags);
    peer_t *waiter = peer_start(wait_inside, url, 0, flags);
    syncmgr_t *space = open_space(url, flags);
    syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, NULL), "m", 0);
    syncmgr_holder_t previous;
    uint32_t dead = 99;
    peer_wait_pause(waiter, 1);
    peer_go(waiter);
    sleep_ms(50);
    /* Both have pid 1, and both are alive. */
    CHECK(peer_still_waits(waiter));
    CHECK_OK(syncmgr_cleanup(space, &dead));
    CHECK_EQUAL(dead, 0);
    CHECK_STATUS(syncmgr_mutex_lock(mutex, 50 * MILLISECOND), SYNCMGR_E_TIMEOUT);
    pid_t inner = (pid_t)peer_wait_value(holder, INNER_PID);
    CHECK_EQUAL(kill(inner, SIGKILL), 0);
    CHECK_STATUS(peer_wait_status(waiter), SYNCMGR_OWNER_DIED);
    CHECK_OK(syncmgr_mutex_previous_owner(mutex, &previous));
    CHECK_EQUAL(previous.pid, 1);
    CHECK(strcmp(previous.name, "holder") == 0);
    peer_join(holder);
    finish(waiter);
    CHECK_OK(syncmgr_mutex_lock(mutex, SECOND));
    check_and_close(space);
  }
}
