/* Calling the library, waiting for the others, and dying at a step. */
#define _GNU_SOURCE
#include "role.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "fault_table.h"
#include "seam.h"
#include "support.h"

/* Whether the steps of this thread are the ones that are counted. The library's threads never set
 * it, which is how a step of theirs is told from one of the acting thread. */
static _Thread_local bool thread_acts;
static _Atomic bool acting;

void role_before(struct role *role) { role->fired_before = atomic_load(&role->stage->fired); }

static bool among(int32_t status, const int32_t *expected, size_t count) {
  for (size_t index = 0; index < count; index++) {
    if (expected[index] == status) {
      return true;
    }
  }
  return false;
}

bool role_again(struct role *role, const char *file, int line, const char *call,
                const int32_t *expected, size_t count) {
  struct stage *stage = role->stage;
  int32_t status = role->status;
  if (among(status, expected, count)) {
    return false;
  }
  bool injected = role->index == ROLE_VICTIM && stage->fault != 0 && role->fired_before == 0 &&
                  atomic_load(&stage->fired) != 0;
  const char *sentence = syncmgr_last_error();
  if (injected) {
    const char *wrong = fault_judge(stage->fault, status, sentence);
    if (wrong == NULL) {
      return true;
    }
    stage_fail(stage, "%s:%d: %s: %s: %s \"%s\"", file, line, call, wrong,
               syncmgr_status_name(status), sentence);
  } else {
    const char *again = role->index == ROLE_VICTIM && stage->fault != 0 && role->fired_before != 0
                            ? " (after a fault before)"
                            : "";
    stage_fail(stage, "%s:%d: %s%s gave %s \"%s\" (role %d)", file, line, call, again,
               syncmgr_status_name(status), sentence, (int)role->index);
  }
  _exit(1);
}

void role_insist_failed(struct role *role, const char *file, int line, const char *condition,
                        const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  stage_fail(role->stage, "%s:%d: not %s: %s (role %d)", file, line, condition, text,
             (int)role->index);
  _exit(1);
}

/* Counts one step. Returns true at the one step where something is to happen. */
static bool step_is_the_one(struct stage *stage, const char *site) {
  if (!atomic_load(&acting) || thread_acts == stage->others) {
    return false;
  }
  uint64_t step = atomic_fetch_add(&stage->steps, 1) + 1;
  if (step != stage->stop_at) {
    return false;
  }
  snprintf(stage->site, sizeof stage->site, "%s", site);
  atomic_store(&stage->fired, 1);
  return true;
}

/* Notes the name of the call that is the next step, for the director to choose errors that fit. */
static void step_record(struct stage *stage, const char *call) {
  uint64_t step = atomic_load(&stage->steps);
  if (step < CALLS_RECORDED) {
    snprintf(stage->calls[step], sizeof stage->calls[step], "%s", call);
  }
}

static void step_hook(void *user, const char *site) {
  if (step_is_the_one(user, site)) {
    kill(getpid(), SIGKILL);
    /* The signal is certain; this thread must not make the step in the meantime. */
    for (;;) {
      pause();
    }
  }
}

static int32_t fault_hook(void *user, const char *call) {
  struct stage *stage = user;
  if (atomic_load(&acting) && thread_acts != stage->others) {
    step_record(stage, call);
  }
  return step_is_the_one(stage, call) && fault_fits(stage->fault, call) ? stage->fault : 0;
}

void role_act_begin(struct role *role) {
  struct stage *stage = role->stage;
  if (stage->fault != 0) {
    syncmgr_seam_fault(fault_hook, stage);
  } else {
    syncmgr_seam_hook(step_hook, stage);
  }
  thread_acts = true;
  atomic_store(&acting, true);
  stage_tell(stage, TOLD_ACTING);
}

void role_act_end(struct role *role) {
  (void)role;
  atomic_store(&acting, false);
  thread_acts = false;
  syncmgr_seam_hook(NULL, NULL);
  syncmgr_seam_fault(NULL, NULL);
}

void role_own_step(struct role *role, const char *site) {
  if (role->index == ROLE_VICTIM && role->stage->fault == 0) {
    step_hook(role->stage, site);
  }
}

void role_tell_ready(struct role *role) { stage_tell(role->stage, TOLD_READY(role->index)); }

void role_tell_waiting(struct role *role) { stage_tell(role->stage, TOLD_WAITING(role->index)); }

void role_await(struct role *role, uint32_t what) {
  if (!stage_await(role->stage, what, now_ns() + patience_ns())) {
    INSIST(role, false, "the others never told 0x%x, only 0x%x", what,
           atomic_load(&role->stage->told));
  }
}

uint32_t role_await_outcome(struct role *role) {
  int64_t deadline_ns = now_ns() + patience_ns();
  uint32_t outcome = VICTIM_RUNS;
  while ((outcome = atomic_load(&role->stage->outcome)) == VICTIM_RUNS) {
    INSIST(role, now_ns() < deadline_ns, "the victim neither dies nor finishes");
    sleep_ns(50000);
  }
  return outcome;
}

/* Waits until the process sleeps, and is still asleep a moment later: a thread that is only
 * descheduled between two steps counts as running, and one that slept in a short lock has gone on.
 * A dead process sleeps too. */
static void await_asleep(struct role *role, pid_t process) {
  int64_t deadline_ns = now_ns() + patience_ns();
  uint32_t asleep = 0;
  while (asleep < 2) {
    char state = process_state(process);
    if (state == 'Z' || state == 'X' || state == 0) {
      return;
    }
    asleep = state == 'S' ? asleep + 1 : 0;
    INSIST(role, now_ns() < deadline_ns, "process %d does not go to sleep", (int)process);
    sleep_ns(200000);
  }
}

void role_await_victim_asleep(struct role *role) {
  role_await(role, TOLD_ACTING);
  await_asleep(role, atomic_load(&role->stage->victim));
}

void role_await_peer_asleep(struct role *role, uint32_t peer) {
  role_await(role, TOLD_WAITING(peer));
  await_asleep(role, atomic_load(&role->stage->peer[peer]));
}

void role_await_peer_dead(struct role *role, uint32_t peer) {
  role_await(role, TOLD_DONE(peer));
  /* The first thread of a process can be gone before the others are. Only the descriptor of the
   * process tells when all of it has ended, and with it everything that it had locked. */
  int descriptor = pidfd_open(atomic_load(&role->stage->peer[peer]), 0);
  if (descriptor >= 0) {
    struct pollfd end = {.fd = descriptor, .events = POLLIN};
    int ready = poll(&end, 1, (int)(patience_ns() / MILLISECOND));
    close(descriptor);
    INSIST(role, ready == 1, "peer %u does not die", peer);
  }
}

void role_die(struct role *role) {
  atomic_fetch_or(&role->stage->may_die, 1u << role->index);
  stage_tell(role->stage, TOLD_DONE(role->index));
  for (;;) {
    kill(getpid(), SIGKILL);
  }
}
