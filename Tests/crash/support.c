/* Time, random numbers, arguments and child processes. */
#define _GNU_SOURCE
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

void sleep_ns(int64_t duration_ns) {
  struct timespec left = {.tv_sec = duration_ns / SECOND, .tv_nsec = duration_ns % SECOND};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

/* splitmix64: every state is good, also 0 and 1, which people like as seeds. */
uint64_t random_next(struct random *random) {
  uint64_t value = random->state += UINT64_C(0x9e3779b97f4a7c15);
  value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
  return value ^ (value >> 31);
}

uint32_t random_below(struct random *random, uint32_t limit) {
  return (uint32_t)(random_next(random) % limit);
}

int64_t random_duration(struct random *random, int64_t shortest_ns, int64_t longest_ns) {
  uint32_t doublings = 0;
  while ((shortest_ns << (doublings + 1)) <= longest_ns) {
    doublings++;
  }
  int64_t low_ns = shortest_ns << random_below(random, doublings == 0 ? 1 : doublings);
  return low_ns + (int64_t)(random_next(random) % (uint64_t)low_ns);
}

uint64_t seed_choose(void) {
  const char *given = getenv("SEED");
  if (given != NULL && given[0] != '\0') {
    return strtoull(given, NULL, 0);
  }
  return ((uint64_t)now_ns() ^ ((uint64_t)getpid() << 40)) % UINT64_C(1000000000);
}

const char *argument_text(int count, char **arguments, const char *name) {
  for (int index = 1; index + 1 < count; index++) {
    if (strcmp(arguments[index], name) == 0) {
      return arguments[index + 1];
    }
  }
  return NULL;
}

uint64_t argument_number(int count, char **arguments, const char *name, uint64_t otherwise) {
  const char *text = argument_text(count, arguments, name);
  return text == NULL ? otherwise : strtoull(text, NULL, 0);
}

bool argument_present(int count, char **arguments, const char *name) {
  for (int index = 1; index < count; index++) {
    if (strcmp(arguments[index], name) == 0) {
      return true;
    }
  }
  return false;
}

void die_with_parent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* The parent may have died before the line above. */
  if (getppid() != parent) {
    _exit(1);
  }
}

bool child_wait(pid_t child, int64_t deadline_ns, int *out_status) {
  int descriptor = pidfd_open(child, 0);
  if (descriptor < 0) {
    return false;
  }
  struct pollfd end = {.fd = descriptor, .events = POLLIN};
  int ready = 0;
  do {
    int64_t left_ns = deadline_ns - now_ns();
    /* Rounded up: a wait of less than a millisecond must not turn into a busy loop. */
    int left_ms = left_ns <= 0 ? 0 : (int)((left_ns + MILLISECOND - 1) / MILLISECOND);
    ready = poll(&end, 1, left_ms);
  } while (ready < 0 && errno == EINTR);
  close(descriptor);
  if (ready <= 0) {
    return false;
  }
  return waitpid(child, out_status, 0) == child;
}

void child_kill(pid_t child) {
  if (child > 0) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
}

const char *child_end_text(int status, char *text, size_t capacity) {
  if (WIFSIGNALED(status)) {
    snprintf(text, capacity, "killed by signal %d (%s)", WTERMSIG(status),
             strsignal(WTERMSIG(status)));
  } else {
    snprintf(text, capacity, "exit code %d", WEXITSTATUS(status));
  }
  return text;
}
