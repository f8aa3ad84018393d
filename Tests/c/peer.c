#include "peer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

enum { FUTEX_WAIT_CALL = 455, ASLEEP_SAMPLES = 3 };

void *shared_memory(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}

peer_t *peer_start(peer_body_t body, const char *url, uint32_t index, uint32_t flags) {
  peer_t *peer = shared_memory(sizeof *peer);
  peer->index = index;
  peer->flags = flags;
  snprintf(peer->url, sizeof peer->url, "%s", url);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    peer->pid = getpid();
    body(peer);
    _exit(0);
  }
  peer->pid = pid;
  return peer;
}

static void nap(void) { usleep(200); }

/* A peer that ends while the test still waits for it must fail the test now, not at its deadline.
 * */
static void check_running(peer_t *peer) {
  siginfo_t information = {0};
  CHECK_EQUAL(waitid(P_PID, (id_t)peer->pid, &information, WEXITED | WNOHANG | WNOWAIT), 0);
  if (information.si_pid == 0) return;
  harness_fail(__FILE__, __LINE__, "peer %u ended early (%s %d)", peer->index,
               information.si_code == CLD_EXITED ? "exit code" : "signal", information.si_status);
}

void peer_pause(peer_t *self) {
  uint32_t step = atomic_fetch_add(&self->reached, 1) + 1;
  /* Longer and longer naps: there may be hundreds of peers that pause. */
  for (unsigned microseconds = 100; atomic_load(&self->allowed) < step;) {
    usleep(microseconds);
    if (microseconds < 5000) microseconds += microseconds / 2;
  }
}

void peer_wait_pause(peer_t *peer, uint32_t count) {
  while (atomic_load(&peer->reached) < count) {
    check_running(peer);
    nap();
  }
}

bool peer_ended(peer_t *peer) {
  check_running(peer);
  return false;
}

void peer_go(peer_t *peer) { atomic_fetch_add(&peer->allowed, 1); }

int64_t peer_wait_value(peer_t *peer, unsigned index) {
  int64_t value = 0;
  while ((value = atomic_load(&peer->values[index])) == 0) {
    siginfo_t end = {0};
    CHECK_EQUAL(waitid(P_PID, (id_t)peer->pid, &end, WEXITED | WNOHANG | WNOWAIT), 0);
    /* The value may be the peer's last act, so it is read again once the peer has ended. */
    if (end.si_pid != 0 && atomic_load(&peer->values[index]) == 0) check_running(peer);
    nap();
  }
  return value;
}

void peer_wait_asleep(peer_t *peer) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/syscall", (int)peer->pid);
  for (unsigned samples = 0; samples < ASLEEP_SAMPLES;) {
    char text[64] = "";
    FILE *file = fopen(path, "r");
    if (!file || !fgets(text, sizeof text, file)) text[0] = '\0';
    if (file) fclose(file);
    long number = text[0] >= '0' && text[0] <= '9' ? strtol(text, NULL, 10) : -1;
    bool asleep = number == SYS_futex || number == SYS_futex_waitv || number == FUTEX_WAIT_CALL;
    samples = asleep ? samples + 1 : 0;
    check_running(peer);
    sleep_ms(1);
  }
}

void peer_signal(peer_t *peer, int signal) { CHECK_EQUAL(kill(peer->pid, signal), 0); }

void peer_kill(peer_t *peer) {
  int status = 0;
  CHECK_EQUAL(kill(peer->pid, SIGKILL), 0);
  CHECK_EQUAL(waitpid(peer->pid, &status, 0), peer->pid);
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
    harness_fail(__FILE__, __LINE__, "peer %u ended before it was killed (status 0x%x)",
                 peer->index, (unsigned)status);
  }
}

void peer_join(peer_t *peer) {
  int status = 0;
  while (waitpid(peer->pid, &status, 0) == -1 && errno == EINTR) continue;
  if (WIFSIGNALED(status)) {
    harness_fail(__FILE__, __LINE__, "peer %u died of %s", peer->index,
                 strsignal(WTERMSIG(status)));
  }
  CHECK_EQUAL(WEXITSTATUS(status), 0);
}

syncmgr_t *peer_space(peer_t *self) { return open_space(self->url, self->flags); }
