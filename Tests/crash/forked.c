/* Forks children of a process that has the library loaded and has not used it, and lets several
 * threads of each child be the first to use it at once. Whatever the language runtime inside the
 * library remembers of the parent's threads must not hang them: a child that has not finished in
 * time is a failure.
 *
 *   forked --children N     how many, one after the other
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support.h"
#include "syncmgr.h"

#define THREADS 4

static pthread_barrier_t together;
static char url[80];

/* Touches much of the library for the first time, with another thread on its heels. */
static void *use_everything(void *unused) {
  (void)unused;
  syncmgr_t *manager = NULL;
  syncmgr_queue_t *queue = NULL;
  syncmgr_workstream_t *workstream = NULL;
  syncmgr_mutex_t *mutex = NULL;
  pthread_barrier_wait(&together);
  bool right = syncmgr_open(url, NULL, &manager) == SYNCMGR_OK &&
               syncmgr_queue_open(manager, 0, -1, &queue) == SYNCMGR_OK &&
               syncmgr_workstream_open(manager, NULL, &workstream) == SYNCMGR_OK &&
               syncmgr_mutex_open(workstream, "mutex", NULL, &mutex) == SYNCMGR_OK &&
               syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER) == SYNCMGR_OK &&
               syncmgr_mutex_unlock(mutex) == SYNCMGR_OK &&
               syncmgr_close(manager) == SYNCMGR_OK;
  return right ? NULL : (void *)syncmgr_last_error();
}

static int child_main(void) {
  pthread_t threads[THREADS];
  int failures = 0;
  pthread_barrier_init(&together, NULL, THREADS);
  /* The first thread takes part: it is the one that the fork has copied. */
  for (int index = 1; index < THREADS; index++) {
    pthread_create(&threads[index], NULL, use_everything, NULL);
  }
  failures += use_everything(NULL) != NULL;
  for (int index = 1; index < THREADS; index++) {
    void *wrong = NULL;
    pthread_join(threads[index], &wrong);
    failures += wrong != NULL;
  }
  return failures;
}

int main(int count, char **arguments) {
  int children = (int)argument_number(count, arguments, "--children", 200);
  char name[64];
  char text[64];
  snprintf(name, sizeof name, "test-forked-%d", (int)getpid());
  snprintf(url, sizeof url, "shm:%s", name);
  for (int index = 0; index < children; index++) {
    int status = 0;
    pid_t director = getpid();
    pid_t child = fork();
    if (child == 0) {
      die_with_parent(director);
      _exit(child_main());
    }
    if (!child_wait(child, now_ns() + patience_ns(), &status)) {
      printf("FAILED forked: child %d of %d hangs (state %c)\n", index + 1, children,
             process_state(child));
      child_kill(child);
      space_files_remove(name);
      return 1;
    }
    if (status != 0) {
      printf("FAILED forked: child %d of %d ended: %s\n", index + 1, children,
             child_end_text(status, text, sizeof text));
      space_files_remove(name);
      return 1;
    }
  }
  char file[256];
  if (space_files(name, file, sizeof file) != 0) {
    printf("FAILED forked: %s is left in /dev/shm\n", file);
    return 1;
  }
  printf("ok     forked: %d children\n", children);
  return 0;
}
