/* Forking the processes of a run, waiting for them with a deadline, and judging how they ended. */
#define _GNU_SOURCE
#include "director.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

/* The processes of one run; 0 for none, or no longer. */
struct cast {
  struct stage *stage;
  const struct scenario *scenario;
  pid_t victim;
  pid_t checker;
  pid_t peers[PEERS_MAX];
};

static struct role role_make(const struct cast *cast, int32_t index) {
  return (struct role){.stage = cast->stage, .scenario = cast->scenario, .index = index};
}

/* Whatever a fault does, closing gives everything back. The first open of a process may keep things
 * for good, so another space is opened and closed before the counting. */
static void warm_up(struct role *role) {
  char url[128];
  syncmgr_t *manager = NULL;
  snprintf(url, sizeof url, "%s-warm", role->stage->url);
  CALL(role, syncmgr_open(url, NULL, &manager), SYNCMGR_OK);
  CALL(role, syncmgr_close(manager), SYNCMGR_OK);
}

static void victim_main(struct cast *cast) {
  struct role role = role_make(cast, ROLE_VICTIM);
  uint32_t descriptors = 0;
  uint32_t threads = 0;
  uint32_t mappings = 0;
  if (cast->stage->fault != 0) {
    warm_up(&role);
    descriptors = descriptor_count();
    threads = thread_count();
    mappings = segment_mapping_count();
  }
  if (cast->scenario->prepare != NULL) {
    cast->scenario->prepare(&role);
  }
  stage_tell(cast->stage, TOLD_PREPARED);
  role_act_begin(&role);
  cast->scenario->act(&role);
  role_act_end(&role);
  if (role.manager != NULL) {
    CALL(&role, syncmgr_close(role.manager), SYNCMGR_OK);
  }
  if (cast->stage->fault != 0) {
    INSIST(&role, descriptor_count() == descriptors, "%u descriptors, and %u before the open",
           descriptor_count(), descriptors);
    INSIST(&role, thread_count() == threads, "%u threads, and %u before the open", thread_count(),
           threads);
    INSIST(&role, segment_mapping_count() == mappings, "%u mappings, and %u before the open",
           segment_mapping_count(), mappings);
  }
}

static void peer_main(struct cast *cast, int32_t index) {
  struct role role = role_make(cast, index);
  cast->scenario->peer(&role);
  stage_tell(cast->stage, TOLD_DONE(index));
  stage_await(cast->stage, TOLD_DISMISSED, now_ns() + 4 * patience_ns());
  if (role.manager != NULL) {
    CALL(&role, syncmgr_close(role.manager), SYNCMGR_OK);
  }
}

/* Forks a process of the run; it has not used the library yet, and inherits nothing of it. */
static pid_t cast_fork(struct cast *cast, int32_t index) {
  pid_t director = getpid();
  pid_t child = fork();
  if (child != 0) {
    if (child < 0) {
      perror("fork");
      exit(2);
    }
    return child;
  }
  die_with_parent(director);
  if (index >= 0) {
    /* The director writes it too; whoever comes first, the others can rely on it. */
    atomic_store(&cast->stage->peer[index], getpid());
    peer_main(cast, index);
  } else if (index == ROLE_VICTIM) {
    atomic_store(&cast->stage->victim, getpid());
    victim_main(cast);
  } else {
    struct role role = role_make(cast, index);
    if (index == ROLE_READER) {
      reader_run(&role);
    }
    checker_run(&role);
  }
  _exit(0);
}

/* Judges the end of a process. Returns whether it was a right one. */
static bool end_is_right(struct cast *cast, const char *who, int status, bool may_be_killed) {
  char text[64];
  bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  if ((WIFEXITED(status) && WEXITSTATUS(status) == 0) || (killed && may_be_killed)) {
    return true;
  }
  /* Keeps the failure that the process itself has written, if it has. */
  stage_fail(cast->stage, "the %s ended: %s", who, child_end_text(status, text, sizeof text));
  return false;
}

/* Reaps the peers that have ended. Returns false when one of them should not have. */
static bool peers_reap(struct cast *cast, bool dismissed) {
  for (uint32_t index = 0; index < cast->scenario->peers; index++) {
    int status = 0;
    if (cast->peers[index] == 0 || waitpid(cast->peers[index], &status, WNOHANG) == 0) {
      continue;
    }
    cast->peers[index] = 0;
    bool may_die = atomic_load(&cast->stage->may_die) & (1u << index);
    if (!end_is_right(cast, "peer", status, may_die)) {
      return false;
    }
    if (!dismissed && !may_die) {
      stage_fail(cast->stage, "peer %u left before it was dismissed", index);
      return false;
    }
  }
  return true;
}

/* Waits for a child in slices, so that the failure of another ends the wait early. */
static bool wait_in_slices(struct cast *cast, const char *who, pid_t *child, int *out_status) {
  int64_t deadline_ns = now_ns() + 2 * patience_ns();
  while (!child_wait(*child, now_ns() + 20 * MILLISECOND, out_status)) {
    if (!peers_reap(cast, false) || atomic_load(&cast->stage->failed) != 0) {
      return false;
    }
    if (now_ns() > deadline_ns) {
      stage_fail(cast->stage, "the %s hangs (state %c, told 0x%x)", who, process_state(*child),
                 atomic_load(&cast->stage->told));
      return false;
    }
  }
  *child = 0;
  return true;
}

static bool victim_await(struct cast *cast) {
  int status = 0;
  if (!wait_in_slices(cast, "victim", &cast->victim, &status)) {
    return false;
  }
  bool told_to_die = atomic_load(&cast->stage->fired) != 0 && cast->stage->fault == 0;
  if (!end_is_right(cast, "victim", status, told_to_die)) {
    return false;
  }
  atomic_store(&cast->stage->outcome, WIFSIGNALED(status) ? VICTIM_DIED : VICTIM_FINISHED);
  return true;
}

static bool peers_await_done(struct cast *cast) {
  int64_t deadline_ns = now_ns() + patience_ns();
  for (uint32_t index = 0; index < cast->scenario->peers; index++) {
    while (!stage_was_told(cast->stage, TOLD_DONE(index))) {
      if (!peers_reap(cast, false) || atomic_load(&cast->stage->failed) != 0) {
        return false;
      }
      if (now_ns() > deadline_ns) {
        stage_fail(cast->stage, "peer %u hangs after the victim %s (state %c, told 0x%x)", index,
                   atomic_load(&cast->stage->outcome) == VICTIM_DIED ? "died" : "finished",
                   process_state(cast->peers[index]), atomic_load(&cast->stage->told));
        return false;
      }
      sleep_ns(100000);
    }
  }
  return true;
}

static bool checker_await(struct cast *cast, int32_t index) {
  int status = 0;
  cast->checker = cast_fork(cast, index);
  return wait_in_slices(cast, "checker", &cast->checker, &status) &&
         end_is_right(cast, "checker", status, false);
}

static bool peers_dismiss(struct cast *cast) {
  stage_tell(cast->stage, TOLD_DISMISSED);
  int64_t deadline_ns = now_ns() + patience_ns();
  for (uint32_t index = 0; index < cast->scenario->peers; index++) {
    while (cast->peers[index] != 0) {
      if (!peers_reap(cast, true)) {
        return false;
      }
      if (now_ns() > deadline_ns) {
        stage_fail(cast->stage, "peer %u hangs in its close", index);
        return false;
      }
      if (cast->peers[index] != 0) {
        sleep_ns(100000);
      }
    }
  }
  return true;
}

static bool nothing_left(struct cast *cast) {
  char file[256];
  uint32_t count = space_files(cast->stage->name, file, sizeof file);
  if (count > 0) {
    stage_fail(cast->stage, "%u files are left in /dev/shm, such as %s", count, file);
  }
  return count == 0;
}

/* After a failure: shows who is still there, and leaves nobody. */
static void cast_end(struct cast *cast, bool hold) {
  /* A process that is just writing its failure gets the time to finish the sentence. */
  for (uint32_t turn = 0; turn < 1000 && atomic_load(&cast->stage->failed) != 2; turn++) {
    sleep_ns(100000);
  }
  if (hold) {
    printf("held: %s\n  victim %d, checker %d, peers %d %d %d %d; end with ^C\n",
           cast->stage->failure, (int)cast->victim, (int)cast->checker, (int)cast->peers[0],
           (int)cast->peers[1], (int)cast->peers[2], (int)cast->peers[3]);
    fflush(stdout);
    pause();
  }
  child_kill(cast->victim);
  child_kill(cast->checker);
  for (uint32_t index = 0; index < PEERS_MAX; index++) {
    child_kill(cast->peers[index]);
  }
  space_files_remove(cast->stage->name);
}

bool director_run(struct stage *stage, const struct scenario *scenario,
                  const struct orders *orders) {
  struct cast cast = {.stage = stage, .scenario = scenario};
  stage_reset(stage, orders->program);
  stage->stop_at = orders->stop_at;
  stage->fault = orders->fault;
  stage->others = orders->others;
  for (uint32_t index = 0; index < scenario->peers; index++) {
    cast.peers[index] = cast_fork(&cast, (int32_t)index);
    atomic_store(&stage->peer[index], cast.peers[index]);
  }
  cast.victim = cast_fork(&cast, ROLE_VICTIM);
  atomic_store(&stage->victim, cast.victim);
  bool right = victim_await(&cast) && peers_await_done(&cast) &&
               checker_await(&cast, ROLE_CHECKER) && peers_dismiss(&cast) &&
               (!(scenario->flags & SCENARIO_FILE) || checker_await(&cast, ROLE_READER)) &&
               nothing_left(&cast);
  if (!right) {
    cast_end(&cast, orders->hold);
  }
  if (scenario->flags & SCENARIO_FILE) {
    disk_files_remove(stage->name);
  }
  return right;
}
